package request_test

import (
	"errors"
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// C25: wrong digits of others at the same address keep nobody who has signed in from following their need; their own five do,
// and so do five of one code, whoever shows it.
func TestC25_TheTriesOfWhoeverHasSignedInAreTheirOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		tries := func(n int, shows func() error) {
			t.Helper()
			for i := range n {
				if err := shows(); !errors.Is(err, request.ErrReceipt) {
					t.Fatalf("try %d: %v, want %v", i+1, err, request.ErrReceipt)
				}
			}
			if err := shows(); !errors.Is(err, request.ErrTries) {
				t.Fatalf("try %d: %v, want %v", n+1, err, request.ErrTries)
			}
		}
		wrong := request.Proof{Code: "22222-22222", Secret: "0000"}
		mine, theirs := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
		tries(5, func() error { return failed(x.service.Shown(t.Context(), wrong)) })
		if _, err := x.service.FollowShown(t.Context(), x.LinXiaoman, request.Proof{Code: string(mine.Receipt), Secret: "0001"}); err != nil {
			t.Errorf("whose it is follows it from there: %v", err)
		}
		wrong.Code = "33333-33333"
		tries(5, func() error { return failed(x.service.FollowShown(t.Context(), x.WangQiufen, wrong)) })
		right := request.Proof{Code: string(theirs.Receipt), Secret: "0001"}
		if _, err := x.service.FollowShown(t.Context(), x.WangQiufen, right); !errors.Is(err, request.ErrTries) {
			t.Errorf("who has guessed five times follows: %v, want %v", err, request.ErrTries)
		}
		if _, err := x.service.FollowShown(t.Context(), x.LinXiaoman, right); err != nil {
			t.Errorf("somebody else, by another code: %v", err)
		}
	})
}

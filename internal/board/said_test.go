package board_test

import (
	"bytes"
	"errors"
	"testing"

	"wanjia/internal/audit"
	"wanjia/internal/board"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// X40, X41: a number in what a stranger wrote is masked, and whoever acts on it may look at it, with a reason, once it is noted.
func TestX40_WhoActsOnAComplaintMayLookAtTheNumberInIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{4}, 32)); err != nil {
			t.Fatal(err)
		}
		const wrote = "照片里是我家，请打我儿子电话19900001234"
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "按来信所留号码核实"}
		story, _ := x.story(nil, nil) // the secretary's
		if err := x.publishes(story.ID); err != nil {
			t.Fatal(err)
		}
		noted := func(action string, id int64) (n int) {
			t.Helper()
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM audit WHERE action = ? AND object_id = ? AND reason = ?`, action, id, why.Reason); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, c := range []struct {
			page board.PageRef
			own  bool // of the secretary
		}{
			{board.PageRef{Kind: board.BoardPage, ID: int64(x.id)}, false},
			{board.PageRef{Kind: board.PublicationPage, ID: int64(story.ID)}, true},
		} {
			if err := x.s.Say(t.Context(), org.Actor{}, c.page, wrote); err != nil {
				t.Fatal(err)
			}
			_, down, err := x.s.TakeDown(t.Context(), org.Actor{}, c.page, wrote)
			if err != nil {
				t.Fatal(err)
			}
			heard, _, err := x.s.Feedbacks(t.Context(), x.FengShuangjiang, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for action, look := range map[string]struct {
				id  int64
				see func(by org.Actor, why privacy.Why) (string, error)
			}{
				"takedown.unmasked": {int64(down.ID), func(by org.Actor, why privacy.Why) (string, error) {
					return x.s.UnmaskTakedown(t.Context(), by, down.ID, why)
				}},
				"feedback.unmasked": {heard[0].ID, func(by org.Actor, why privacy.Why) (string, error) {
					return x.s.UnmaskFeedback(t.Context(), by, heard[0].ID, why)
				}},
			} {
				if got, err := look.see(x.editor(), why); err != nil || got != wrote || noted(action, look.id) != 1 {
					t.Errorf("%s of a %s: %q (%v), noted %d times; want the whole, noted once", action, c.page.Kind, got, err, noted(action, look.id))
				}
				if got, err := look.see(x.editor(), privacy.Why{Purpose: privacy.CallBack}); !errors.Is(err, privacy.ErrReason) || got != "" {
					t.Errorf("%s without a reason: %q (%v)", action, got, err)
				}
				if got, err := look.see(x.HeQingqing, why); !errors.Is(err, problem.ErrNotFound) || got != "" {
					t.Errorf("%s elsewhere: %q (%v)", action, got, err)
				}
				got, err := look.see(x.FengShuangjiang, why)
				if c.own && (!errors.Is(err, board.ErrOfOwnWork) || got != "") || !c.own && got != wrote {
					t.Errorf("%s, by the secretary, whose work it is (%v): %q (%v)", action, c.own, got, err)
				}
			}
			if c.own {
				x.in(func(tx *db.Tx) error { // nothing can be noted any more
					_, err := tx.Change(t.Context(), `DELETE FROM audit_lane`)
					return err
				})
				if got, err := x.s.UnmaskTakedown(t.Context(), x.editor(), down.ID, why); !errors.Is(err, audit.ErrUnavailable) || got != "" {
					t.Errorf("without its note: %q (%v), want nothing", got, err)
				}
			}
		}
	})
}

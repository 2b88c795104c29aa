package member

import (
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

func TestE6_AMemberIsExemptByTheirOwnWishAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, w := roster(t, d, 100), orgtest.Tree(t, d)
		is := func(want bool) {
			t.Helper()
			got, err := Exempt(t.Context(), d, w.XingwuMember.PersonID, w.YaoMangzhong.PersonID)
			if err != nil || got[w.XingwuMember.PersonID] != want || got[w.YaoMangzhong.PersonID] {
				t.Errorf("exempt are %v (%v), want the member: %v, and nobody else", got, err, want)
			}
		}
		is(false)
		for _, wish := range []bool{true, true, false, false} {
			if err := s.SetExempt(t.Context(), w.XingwuMember, wish); err != nil {
				t.Fatal(err)
			}
			is(wish)
		}
		if got, err := Exempt(t.Context(), d, []org.PersonID{}...); err != nil || len(got) != 0 {
			t.Errorf("of nobody %v are exempt (%v)", got, err)
		}
	})
}

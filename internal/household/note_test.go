package household_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"wanjia/configs"
	"wanjia/internal/audit"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// X40, X41: a number in a note is masked, and whoever cares for the home may look at it, with a reason that the home reads,
// once it is noted; who has broken the glass sees the flag's.
func TestX40_WhoCaresForAHomeMayLookAtTheNumberInANote(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const promised = "打19900004321约人修门"
		const wrote = "女儿住在城里，电话19900001234"
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "给她女儿回个电话"}
		home := x.doors[1]
		x.agree(t, x.YaoMangzhong, home, household.CareVisit)
		n := veteran(home, "2026-12-31")
		n.Note = wrote
		f, err := x.service.SetFlag(t.Context(), x.YaoMangzhong, n)
		if err != nil {
			t.Fatal(err)
		}
		a := leak(x)
		a.Household, a.Note = home, wrote
		a.Needs, a.Result = nil, household.AllWell // a promise about no need
		a.Promises = []household.Word{{NewPromise: request.NewPromise{DueOn: calendar.DayOf(d.Now()).Add(1), Text: promised}}}
		v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a)
		if err != nil {
			t.Fatal(err)
		}
		visit := func(by org.Actor, why privacy.Why) (string, error) {
			shown, err := x.service.UnmaskVisit(t.Context(), by, v.ID, why)
			if want := []string{promised}; err == nil && !slices.Equal(shown.Promises, want) {
				t.Errorf("the promises are %q, want %q", shown.Promises, want)
			}
			return shown.Note, err
		}
		flag := func(by org.Actor, why privacy.Why) (string, error) {
			return x.service.UnmaskFlag(t.Context(), by, f.ID, why)
		}
		homeSees := func() int { // who looked, and why
			t.Helper()
			return count(t, d, `
				SELECT COUNT(*)
				FROM audit
				WHERE object = 'household' AND object_id = ? AND action IN ('household.unmasked', 'household.visit_read')
				  AND purpose = 'call_back' AND reason = ? AND result = 'ok'`, home, why.Reason)
		}
		for what, see := range map[string]func(org.Actor, privacy.Why) (string, error){"a visit": visit, "a flag": flag} {
			before := homeSees()
			if got, err := see(x.YaoMangzhong, why); err != nil || got != wrote || homeSees() != before+1 {
				t.Errorf("the note of %s: %q (%v), noted %d times; want all of it, noted once", what, got, err, homeSees()-before)
			}
			for who, by := range map[string]org.Actor{"the neighbour's holder": x.YiPian, "the secretary": x.FengShuangjiang} {
				if got, err := see(by, why); !errors.Is(err, problem.ErrNotFound) || got != "" {
					t.Errorf("the note of %s, by %s: %q (%v), want nothing", what, who, got, err)
				}
			}
			if got, err := see(x.YaoMangzhong, privacy.Why{Purpose: privacy.CallBack}); !errors.Is(err, privacy.ErrReason) || got != "" {
				t.Errorf("the note of %s without a reason: %q (%v)", what, got, err)
			}
		}
		cal, err := calendar.Parse(configs.Holidays)
		if err != nil {
			t.Fatal(err)
		}
		glasses := privacy.NewGlasses(d, x.keys, page.NewKeys(make([]byte, 32)), cal, privacy.GlassHooks{
			Area: func(ctx context.Context, q db.Queryer, by org.Actor, _ string, id int64) (org.Unit, error) {
				return household.LiesIn(ctx, q, by, household.ID(id))
			},
			Opened: func(context.Context, *db.Tx, org.Actor, privacy.Glass) error { return nil },
		})
		if _, err := glasses.Break(t.Context(), x.FengShuangjiang, privacy.Breaking{
			Object: privacy.HouseholdFlags, ObjectID: int64(home), Reason: "独居老人敲门两小时无人应答",
		}); err != nil {
			t.Fatal(err)
		}
		if got, err := flag(x.FengShuangjiang, why); err != nil || got != wrote {
			t.Errorf("who has broken the glass sees %q (%v), want the note", got, err)
		}
		if got, err := visit(x.FengShuangjiang, why); !errors.Is(err, problem.ErrNotFound) || got != "" {
			t.Errorf("who has broken the glass of the flags sees the visit's %q (%v)", got, err)
		}
		x.at(day("2027-01-01"))
		if got, err := flag(x.YaoMangzhong, why); !errors.Is(err, problem.ErrNotFound) || got != "" {
			t.Errorf("of a flag that is over: %q (%v)", got, err)
		}
		x.at(synced)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `DELETE FROM audit_lane`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for what, see := range map[string]func(org.Actor, privacy.Why) (string, error){"a visit": visit, "a flag": flag} {
			if got, err := see(x.YaoMangzhong, why); !errors.Is(err, audit.ErrUnavailable) || got != "" {
				t.Errorf("the note of %s without a note in the audit: %q (%v), want nothing", what, got, err)
			}
		}
	})
}

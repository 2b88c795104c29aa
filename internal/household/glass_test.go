package household_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"wanjia/configs"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/say"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// X43, X44: whoever asks for something at a door sees on the receipt that the glass was broken there meanwhile, as what
// and when, and not why: a code and four digits open a receipt. Who asks for the same next door sees nothing of it, nor
// does who asked before or afterwards.
func TestX44_WhoeverAsksAtADoorSeesOnTheReceiptThatTheGlassWasBrokenThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
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
		ask := func(door household.ID, ref string) request.Seen {
			t.Helper()
			v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
				Household: door, Result: household.Needs, ClientRef: ref,
				Needs: []request.Need{{What: "路灯不亮", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return v.Requests[0]
		}
		shown := func(r request.Seen) (views []request.View) {
			t.Helper()
			as, err := x.requests.Shown(t.Context(), request.Proof{Code: string(r.Receipt), Secret: "0001"})
			if err != nil {
				t.Fatal(err)
			}
			p, err := x.requests.Page(t.Context(), request.Reader{As: as, Lang: say.Chinese})
			if err != nil {
				t.Fatal(err)
			}
			return slices.DeleteFunc(p.Views, func(v request.View) bool { return v.Action != "break_glass.opened" })
		}
		pass := func(d time.Duration) { x.at(x.now.Load().Add(d)) }

		before := ask(x.doors[0], "1f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e")
		if _, err := x.requests.Close(t.Context(), x.YaoMangzhong, before.ID, request.Closing{Kind: request.Resolved, Text: "已修好", Told: request.ToTell}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		hers, next := ask(x.doors[0], "2f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e"), ask(x.doors[1], "3f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e")
		if _, err := x.requests.Merge(t.Context(), x.YaoMangzhong, hers.ID, []request.ID{next.ID}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		broken := d.Now()
		if _, err := glasses.Break(t.Context(), x.FengShuangjiang, privacy.Breaking{
			Object: privacy.HouseholdFlags, ObjectID: int64(x.doors[0]), Reason: "独居老人敲门两小时无人应答",
		}); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		later := ask(x.doors[0], "4f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e")

		views := shown(hers)
		if len(views) != 1 || views[0].Role != org.RoleBranchSecretary || !views[0].At.Equal(broken) || views[0].Reason != "" {
			t.Errorf("who asked at the door sees %+v, want the secretary at %v and no reason", views, broken)
		}
		for what, r := range map[string]request.Seen{"asks next door": next, "was helped before": before, "asks afterwards": later} {
			if views := shown(r); len(views) > 0 {
				t.Errorf("who %s sees %+v, want nothing", what, views)
			}
		}

		x.moves(t, d, x.doors[0])
		pass(time.Minute)
		theirs := ask(x.doors[0], "5f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e")
		pass(time.Minute)
		if _, err := glasses.Break(t.Context(), x.FengShuangjiang, privacy.Breaking{
			Object: privacy.HouseholdFlags, ObjectID: int64(x.doors[0]), Reason: "新住户敲门两小时无人应答",
		}); err != nil {
			t.Fatal(err)
		}
		opened := func(want int) {
			t.Helper()
			if home, err := x.service.Read(t.Context(), x.YaoMangzhong, x.doors[0]); err != nil || len(home.Openings) != want {
				t.Errorf("the home was opened %+v (%v), want %d times", home.Openings, err, want)
			}
		}
		opened(1)
		x.moves(t, d, x.doors[0])
		opened(0)
		for what, c := range map[string]struct {
			of   request.Seen
			want int
		}{"has moved out": {hers, 1}, "asked last and has moved out": {later, 0}, "moved in": {theirs, 1}} {
			if views := shown(c.of); len(views) != c.want {
				t.Errorf("who %s sees %+v, want %d", what, views, c.want)
			}
		}
	})
}

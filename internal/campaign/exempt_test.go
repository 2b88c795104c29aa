package campaign_test

import (
	"testing"

	"wanjia/internal/campaign"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
)

// E6: whoever has asked to be expected no duty is at once in no denominator: not of a task, nor of a list, nor of a
// campaign, nor lacks a report; when they take it back they are again. What is asked of a role is asked of the role.
func TestE6_WhoeverIsExemptIsInNoDenominator(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		by := w.LuoQingming
		id, err := s.Plan(t.Context(), by, "三有一创", "", []campaign.Stage{{Name: "动员", FromDay: "2026-05-01", ToDay: "2026-06-15"}})
		wants(t, "planning", err, nil)
		wants(t, "starting", s.Start(t.Context(), by, id), nil)
		c, err := campaign.GetCampaign(t.Context(), d, by, id)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(to campaign.Target) campaign.Given {
			t.Helper()
			n := visit(0)
			n.Campaign, n.Stage, n.Target = id, c.Stages[0].ID, to
			return create(t, s, by, n)
		}
		one := ask(campaign.Target{Assignment: w.FengShuangjiang.Assignment})
		ask(campaign.Target{Below: w.Subdistrict.ID, Kinds: []org.UnitKind{org.Village}}) // two, of roles
		p, err := page.NewKeys(make([]byte, 32)).Parse("", 50, "")
		if err != nil {
			t.Fatal(err)
		}
		counts := func(what string, want int) {
			t.Helper()
			v, err := campaign.ProgressOf(t.Context(), d, one.Task)
			if err != nil || v.Total != want || len(v.Lacking) != want {
				t.Errorf("%s: the task is of %d, %d lack it (%v); want %d of each", what, v.Total, len(v.Lacking), err, want)
			}
			asked, err := campaign.ListAsked(t.Context(), d, by, d.Now(), p)
			if err != nil || len(asked) != 2 || asked[1].Copies != want || asked[0].Copies != 2 {
				t.Errorf("%s: the list is %+v (%v), want %d copies of the first task and 2 of the other", what, asked, err, want)
			}
			c, err := campaign.GetCampaign(t.Context(), d, by, id)
			if err != nil || c.Coverage.Copies != 2+want || len(c.Coverage.Lacking) != 2+want {
				t.Errorf("%s: the campaign covers %+v (%v), want %d", what, c.Coverage, err, 2+want)
			}
		}
		members := member.NewService(d, nil, nil, nil, nil)
		counts("before", 1)
		wants(t, "the wish", members.SetExempt(t.Context(), w.FengShuangjiang, true), nil)
		counts("exempt", 0)
		wants(t, "taking it back", members.SetExempt(t.Context(), w.FengShuangjiang, false), nil)
		counts("again", 1)
	})
}

// X29 and E6: the month's budget counts what somebody is expected to do, before a task is sent and afterwards.
func TestE6_TheBurdenOfWhoeverIsExemptIsNobodys(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		to := campaign.Target{Assignment: w.FengShuangjiang.Assignment}
		burden := func(what string, receivers, asked int) {
			t.Helper()
			b, err := s.Forecast(t.Context(), w.LuoQingming, to, 60)
			if err != nil || b.Receivers != receivers || b.Total() != 60*receivers || b.Asked != asked {
				t.Errorf("%s: %+v (%v), want %d receivers and %d minutes asked already", what, b, err, receivers, asked)
			}
		}
		members := member.NewService(d, nil, nil, nil, nil)
		burden("before", 1, 0)
		create(t, s, w.LuoQingming, visit(to.Assignment))
		burden("asked", 1, 60)
		wants(t, "the wish", members.SetExempt(t.Context(), w.FengShuangjiang, true), nil)
		burden("exempt", 0, 0)
		if g := create(t, s, w.LuoQingming, visit(to.Assignment)); g.Burden.Receivers != 0 || len(g.Copies) != 1 {
			t.Errorf("asking them all the same: %+v, want a copy and no receiver", g)
		}
		wants(t, "taking it back", members.SetExempt(t.Context(), w.FengShuangjiang, false), nil)
		burden("again", 1, 120)
	})
}

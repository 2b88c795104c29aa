package campaign_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"wanjia/internal/campaign"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

func TestX29_TheBurdenMeterAddsUpAsItsExampleSays(t *testing.T) { // domain.md §10.4
	t.Parallel()
	b := campaign.Burden{Minutes: 12, Receivers: 66, Organisations: 66, Asked: 22 * 60}
	if b.Total() != 792 || b.Budget() != 2970 || b.Percent() != 71.1 {
		t.Errorf("%d minutes of %d are %.1f %%, want 792 of 2970 and 71.1", b.Total(), b.Budget(), b.Percent())
	}
	if plain := (campaign.Burden{Minutes: 60, Receivers: 1}); plain.Percent() != 0 || plain.Budget() != 0 {
		t.Errorf("without a budget: %+v", plain)
	}
}

func TestX29_TheSenderSeesTheMonthsBudgetAndNeedsAReasonBeyondIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		for i := range 61 { // to 66 organisations
			orgtest.Unit(t, d, org.Branch, "第"+strconv.Itoa(i)+"支部", w.Committee)
		}
		all := campaign.Target{Below: w.Committee.ID, Kinds: []org.UnitKind{org.Branch, org.GeneralBranch}}
		villages := campaign.Target{Below: w.Subdistrict.ID, Kinds: []org.UnitKind{org.Village}}
		forecast := func(by org.Actor, to campaign.Target, minutes int) campaign.Burden {
			t.Helper()
			b, err := s.Forecast(t.Context(), by, to, minutes)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		ask := func(by org.Actor, to campaign.Target, minutes int, reason string) (campaign.Given, error) {
			return s.Create(t.Context(), by, campaign.NewTask{
				Title: "月度情况", Minutes: minutes, Evidence: campaign.NoEvidence, Target: to, OverReason: reason,
			})
		}
		// 68 receivers: the communities' own branches get a copy, too. Their month is that of 66 organisations.
		if b := forecast(w.LuoQingming, all, 12); b.Receivers != 68 || b.Organisations != 66 || b.Asked != 0 || b.Budget() != 2970 {
			t.Errorf("forecast %+v", b)
		}
		if _, err := ask(w.LuoQingming, villages, 600, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(w.SectionHead, campaign.Target{Unit: w.Section.ID, Role: org.RoleSectionHead}, 120, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := ask(w.FengShuangjiang, campaign.Target{Assignment: w.YaoMangzhong.Assignment}, 5000, ""); err != nil {
			t.Errorf("a secretary's own work has a budget: %v", err)
		}
		asked := 2*600 + 120
		b := forecast(w.LuoQingming, all, 12)
		if b.Asked != asked || b.Total() != 816 || b.Percent() != 71.9 {
			t.Errorf("forecast %+v, %d minutes, %.1f %%; want %d asked, 816 and 71.9", b, b.Total(), b.Percent(), asked)
		}
		if b := forecast(w.FengShuangjiang, campaign.Target{Assignment: w.YaoMangzhong.Assignment}, 60); b.Organisations != 0 || b.Total() != 60 {
			t.Errorf("forecast of a secretary %+v, want no budget", b)
		}
		_, err := ask(w.LuoQingming, all, 25, "") // 1700 of 1650 that are left
		p := new(problem.Problem)
		if !errors.As(err, &p) || !errors.Is(err, campaign.ErrOverBudget) || p.Members["percent"] != 101.7 || p.Members["budget"] != 2970 {
			t.Errorf("beyond the budget: %v, %+v; want %v at 101.7", err, p, campaign.ErrOverBudget)
		}
		g, err := ask(w.LuoQingming, all, 25, "防汛检查，月底前必须完成")
		if err != nil || g.Burden.Percent() != 101.7 {
			t.Fatalf("with a reason: %+v, %v", g.Burden, err)
		}
		if seen, _, err := campaign.FindTask(t.Context(), d, w.ZhengXiaoxue, g.Task); err != nil || seen.OverReason != "防汛检查，月底前必须完成" {
			t.Errorf("a receiver reads %q (%v), want the reason", seen.OverReason, err)
		}
		_, err = s.Cancel(t.Context(), w.LuoQingming, g.Task, "改期")
		wants(t, "calling off", err, nil)
		if b := forecast(w.OfficeTwo, all, 12); b.Asked != asked {
			t.Errorf("what was called off is still asked: %d, want %d", b.Asked, asked)
		}
		june := time.Date(2026, 5, 31, 16, 0, 0, 0, time.UTC) // 00:00 in Shanghai
		d.SetNow(func() time.Time { return june.Add(-time.Millisecond) })
		if b := forecast(w.LuoQingming, all, 12); b.Asked != asked {
			t.Errorf("on the last of May %d are asked, want %d", b.Asked, asked)
		}
		d.SetNow(func() time.Time { return june })
		if b := forecast(w.LuoQingming, all, 12); b.Asked != 0 {
			t.Errorf("on the first of June %d are asked, want none", b.Asked)
		}
		if g, err := ask(w.LuoQingming, villages, 1, "不必要的理由"); err != nil {
			t.Error(err)
		} else if seen, _, err := campaign.FindTask(t.Context(), d, w.LuoQingming, g.Task); err != nil || seen.OverReason != "" {
			t.Errorf("within the budget the reason is %q (%v), want it dropped", seen.OverReason, err)
		}
		for name, c := range map[string]struct {
			by   org.Actor
			to   campaign.Target
			want error
		}{
			"a holder":              {w.YaoMangzhong, campaign.Target{Assignment: w.YaoMangzhong.Assignment}, problem.ErrForbidden},
			"another village":       {w.ZhengXiaoxue, campaign.Target{Assignment: w.YaoMangzhong.Assignment}, problem.ErrNotFound},
			"the other subdistrict": {w.ElsewhereOffice, all, problem.ErrNotFound},
			"nobody named":          {w.LuoQingming, campaign.Target{}, campaign.ErrTarget},
		} {
			_, err := s.Forecast(t.Context(), c.by, c.to, 10)
			wants(t, name, err, c.want)
		}
	})
}

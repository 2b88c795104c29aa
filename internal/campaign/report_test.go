package campaign_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/campaign"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

func TestX27_AReturnedReportIsWrittenAgainAndShowsWhatItSaysOtherwise(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		id := create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment)).Copies[0]
		_, err := s.Accept(t.Context(), w.YaoMangzhong, id)
		wants(t, "accepting", err, nil)
		report := func(r campaign.Report) {
			t.Helper()
			r.Copy = id
			_, err := s.Report(t.Context(), w.YaoMangzhong, r)
			wants(t, "reporting", err, nil)
		}
		changes := func(want ...campaign.Change) {
			t.Helper()
			for _, by := range []org.Actor{w.YaoMangzhong, w.FengShuangjiang} {
				got, err := campaign.ChangesOf(t.Context(), d, by, id)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("the %s sees (-want +got):\n%s (%v)", by.Role, diff, err)
				}
			}
		}
		report(campaign.Report{Text: "2户", Ticks: []int{1, 0}})
		changes()
		_, err = s.Return(t.Context(), w.FengShuangjiang, id, "请补充2-32")
		wants(t, "returning", err, nil)
		report(campaign.Report{Text: "3户，1件诉求", Ticks: []int{0, 1, 2}, Evidence: "诉求已登记"})
		changes(
			campaign.Change{Field: "text", Before: "2户", After: "3户，1件诉求"},
			campaign.Change{Field: "ticks", Before: "2-30、2-31", After: "2-30、2-31、2-32"},
			campaign.Change{Field: "evidence", Before: "", After: "诉求已登记"},
		)
		_, err = s.Return(t.Context(), w.FengShuangjiang, id, "请再核对")
		wants(t, "returning again", err, nil)
		report(campaign.Report{Text: "3户，1件诉求", Ticks: []int{2, 1, 0}, Evidence: "诉求已登记"})
		changes() // nothing, against the one before
		if n := told(t, d, w.YaoMangzhong.PersonID, "task.returned"); n != 2 {
			t.Errorf("two returns are told %d times", n)
		}
		if _, err := campaign.ChangesOf(t.Context(), d, w.ZhengXiaoxue, id); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("another village sees them: %v", err)
		}
	})
}

func TestX27_TwoHundredCopiesAreReportedOnInOneCallOrNoneIs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		var all []campaign.Report
		for range 200 {
			id := create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment)).Copies[0]
			_, err := s.Accept(t.Context(), w.YaoMangzhong, id)
			wants(t, "accepting", err, nil)
			all = append(all, campaign.Report{Copy: id, Text: "已走访", Ticks: []int{0}})
		}
		foreign := create(t, s, w.FengShuangjiang, visit(w.YiPian.Assignment)).Copies[0]
		elsewhere := create(t, s, w.ZhengXiaoxue, visit(w.ZhangHolder.Assignment)).Copies[0]
		open := create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment)).Copies[0]
		with := func(r campaign.Report) []campaign.Report { return append(append([]campaign.Report{}, all[:150]...), r) }
		for _, c := range []struct {
			name string
			all  []campaign.Report
			want error
			at   string
		}{
			{"one of a neighbour", with(campaign.Report{Copy: foreign, Text: "已走访"}), problem.ErrNotFound, "/reports/150"},
			{"one of another village", with(campaign.Report{Copy: elsewhere, Text: "已走访"}), problem.ErrNotFound, "/reports/150"},
			{"one that was not accepted", with(campaign.Report{Copy: open, Text: "已走访"}), campaign.ErrIllegalTransition, "/reports/150"},
			{"one with an item that is none", with(campaign.Report{Copy: all[199].Copy, Text: "已走访", Ticks: []int{3}}), campaign.ErrTicks, "/reports/150"},
			{"one with an id-card number", with(campaign.Report{Copy: all[199].Copy, Text: "110101190001011234"}), problem.ErrPersonalDataInText, "/reports/150"},
			{"one twice", with(all[7]), campaign.ErrCopyTwice, "/reports/150"},
		} {
			_, err := s.ReportAll(t.Context(), w.YaoMangzhong, c.all)
			wants(t, c.name, err, c.want)
			p := new(problem.Problem)
			if !errors.As(err, &p) || len(p.Fields) == 0 || p.Fields[len(p.Fields)-1].Pointer != c.at {
				t.Errorf("%s: %+v, want it to name %s", c.name, p.Fields, c.at)
			}
		}
		reported := func() (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM task_copy WHERE state = 'reported'`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := reported(); n != 0 {
			t.Errorf("%d copies are reported after refusals, want none", n)
		}
		for range 2 {
			ctx := once.With(t.Context(), once.Call{Operation: "reportTasks", Key: "0f8b6a1e-5d1c-4a54", Fingerprint: make([]byte, 32)})
			ids, err := s.ReportAll(ctx, w.YaoMangzhong, all)
			if err != nil || len(ids) != 200 || ids[199] != all[199].Copy {
				t.Errorf("%d reported (%v), want 200 in their order", len(ids), err)
			}
		}
		if n := reported(); n != 200 {
			t.Errorf("%d copies are reported, want 200", n)
		}
		if n := told(t, d, w.FengShuangjiang.PersonID, "task.reported"); n != 200 {
			t.Errorf("who asked is told %d times, want 200", n)
		}
	})
}

package request_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// counters lets x send people to counter 1 of 瑞和社区, 2 of 柳岸社区, and gives each a clerk.
func (x *fixture) counters(t *testing.T, d *db.DB) (clerk, elsewhere org.Actor) {
	t.Helper()
	x.service.AtCounters(func(_ context.Context, _ db.Queryer, id int64) (request.Counter, error) {
		switch id {
		case 1:
			return request.Counter{ID: 1, Unit: x.Ruihe.Unit, Label: "2号窗口"}, nil
		case 2:
			return request.Counter{ID: 2, Unit: x.Elsewhere.Unit, Label: "柳岸窗口"}, nil
		}
		return request.Counter{}, problem.ErrNotFound
	})
	in := func(p org.Unit) org.Actor {
		return orgtest.Grant(t, d, orgtest.Person(t, d), org.RoleCounterClerk, "", p)
	}
	return in(x.Ruihe.Unit), in(x.Elsewhere.Unit)
}

func TestC18_AStepAtACounterResolvesTheRequestAtTheLevelOfItsHolder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		clerk, elsewhere := x.counters(t, d)
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要证明", Category: "cert_travel"})
		if _, err := x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请办理"}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.AddCounterStep(ctx, x.ZhouChunhe, r.ID, 1, true); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("who does not hold it sends the asker to a counter: %v", err)
		}
		for _, place := range []int64{2, 3} {
			if _, err := x.service.AddCounterStep(ctx, x.HeQingqing, r.ID, place, true); !errors.Is(err, request.ErrCounter) {
				t.Errorf("counter %d: %v", place, err)
			}
		}
		if _, err := x.service.AddCounterStep(ctx, x.HeQingqing, r.ID, 1, true); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "counter.waiting"); !slices.Equal(got, []org.PersonID{clerk.PersonID}) {
			t.Errorf("told %v, want the clerk %d", got, clerk.PersonID)
		}
		rows, _, err := x.service.CounterSteps(ctx, clerk, "", 0)
		if err != nil || len(rows) != 1 || rows[0].Label != "2号窗口" {
			t.Errorf("the clerk sees %v, error %v", rows, err)
		}
		if rows, _, err := x.service.CounterSteps(ctx, elsewhere, "", 0); err != nil || len(rows) != 0 {
			t.Errorf("the clerk of another place sees %v, error %v", rows, err)
		}

		for who, by := range map[string]org.Actor{"the clerk of another place": elsewhere, "who passed it on": x.ZhouChunhe} {
			if _, err := x.service.FinishCounterStep(ctx, by, r.Receipt, request.CounterDone); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s finishes the step: %v", who, err)
			}
		}
		if _, err := x.service.FinishCounterStep(ctx, clerk, "2222222222", request.CounterDone); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a code of nobody: %v", err)
		}
		f, err := x.service.FinishCounterStep(ctx, clerk, r.Receipt, request.CounterDone)
		if err != nil || !f.Closed {
			t.Fatalf("finished as %+v, error %v", f, err)
		}
		got, err := x.service.Read(ctx, x.HeQingqing, r.ID)
		if err != nil || got.State != request.Resolved || got.ResolvedLevel != "grid_assistant" {
			t.Errorf("the request is %s at %s, error %v", got.State, got.ResolvedLevel, err)
		}
		var moves []string
		for _, s := range got.History {
			moves = append(moves, s.Move)
		}
		want := []string{"created", "escalated", "counter_added", "counter_done", "accepted", "resolved"}
		if !slices.Equal(moves, want) {
			t.Errorf("the history is %v, want %v", moves, want)
		}
		if _, err := x.service.FinishCounterStep(ctx, clerk, r.Receipt, request.CounterDone); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("finished twice: %v", err)
		}
		if got := inboxes(t, d, "counter.done"); !slices.Equal(got, []org.PersonID{x.HeQingqing.PersonID}) {
			t.Errorf("told %v that it is done, want the holder %d", got, x.HeQingqing.PersonID)
		}
	})
}

func TestAStepThatDoesNotCloseOrIsNotNeededLeavesTheRequestOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		clerk, _ := x.counters(t, d)
		r := x.create(t, x.ZhouChunhe, request.Need{What: "补办手续"})
		for _, closes := range []bool{false, true} {
			if _, err := x.service.AddCounterStep(ctx, x.ZhouChunhe, r.ID, 1, closes); err != nil {
				t.Fatal(err)
			}
		}
		if f, err := x.service.FinishCounterStep(ctx, clerk, r.Receipt, request.CounterDone); err != nil || f.Closed {
			t.Errorf("the first step ends as %+v, error %v", f, err)
		}
		if f, err := x.service.FinishCounterStep(ctx, x.ZhouChunhe, r.Receipt, request.CounterNotNeeded); err != nil || f.Closed {
			t.Errorf("the holder ends the second step as %+v, error %v", f, err)
		}
		if got, err := x.service.Read(ctx, x.ZhouChunhe, r.ID); err != nil || got.State != request.New {
			t.Errorf("the request is %s, error %v", got.State, err)
		}
		if rows, _, err := x.service.CounterSteps(ctx, clerk, "", 0); err != nil || len(rows) != 0 {
			t.Errorf("%v still wait, error %v", rows, err)
		}
	})
}

// X45: a step that nobody came for goes a year after its need has ended, and what that went on as.
func TestX45_AStepThatStillWaitsGoesWithItsNeed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.counters(t, d)
		waits := func() request.ID {
			t.Helper()
			r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要证明", Category: "cert_travel"})
			moved(t)(x.service.AddCounterStep(t.Context(), x.ZhouChunhe, r.ID, 1, false))
			return r.ID
		}
		closes := func(id request.ID) {
			t.Helper()
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, id, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		}
		r, open, merged := waits(), waits(), waits()
		if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, open, []request.ID{merged}); err != nil {
			t.Fatal(err)
		}
		closes(r)
		for _, c := range []struct {
			night calendar.Day
			want  []request.ID
		}{
			{"2027-03-02", []request.ID{r, open, merged}},
			{"2027-03-03", []request.ID{open, merged}},
			{"2028-03-02", []request.ID{open, merged}},
			{"2028-03-03", nil},
		} {
			clean(t, d, c.night.Time(), request.Retained)
			var got []request.ID
			if err := d.Select(t.Context(), &got, `SELECT request_id FROM counter_step ORDER BY id`); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("after the night of %s somebody is waited for about %v, want %v", c.night, got, c.want)
			}
			if c.night == "2027-03-03" {
				closes(open)
			}
		}
	})
}

package request_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// burst is a pipe that a neighbour tells the holder of.
func (x *fixture) burst(t *testing.T, by org.Actor, who string) request.Seen {
	t.Helper()
	return x.create(t, by, request.Need{What: "水管爆裂", Who: who, Category: "pipe_burst"})
}

func (x *fixture) read(t *testing.T, by org.Actor, id request.ID) request.Detail {
	t.Helper()
	d, err := x.service.Read(t.Context(), by, id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestX24_MergingKeepsEveryAskerAndIsUndone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		target := x.burst(t, x.ZhouChunhe, "林女士")
		others := []request.ID{x.burst(t, x.ZhouChunhe, "张先生").ID, x.burst(t, x.WangQiufen, "李女士").ID}
		for range 2 { // merged, unmerged and merged again it is the same
			m, err := x.service.Merge(ctx, x.XuBailu, target.ID, append(others, others[0]))
			if err != nil || m.Askers != 3 || !slices.Equal(m.Merged, others) {
				t.Fatalf("merged %v with %d askers, error %v; want %v with 3", m.Merged, m.Askers, err, others)
			}
			for _, id := range others {
				got := x.read(t, x.XuBailu, id)
				if got.State != request.Merged || got.Into != target.ID || len(got.Askers) != 0 || got.AcceptDueAt != nil {
					t.Errorf("request %d is %s into %d with %d askers, due %v", id, got.State, got.Into, len(got.Askers), got.AcceptDueAt)
				}
			}
			if got := x.read(t, x.ZhouChunhe, target.ID); got.State != request.New || len(got.Askers) != 3 || !got.SolveDueAt.Equal(*target.SolveDueAt) {
				t.Errorf("the target is %s with %d askers, due %v; want new with 3, due %v", got.State, len(got.Askers), got.SolveDueAt, target.SolveDueAt)
			}
			for _, id := range others {
				if m, err := x.service.Unmerge(ctx, x.XuBailu, id); err != nil || m.State != request.New {
					t.Fatalf("unmerged as %s, error %v", m.State, err)
				}
				if got := x.read(t, x.XuBailu, id); len(got.Askers) != 1 || got.ClosedAt != nil {
					t.Errorf("request %d has %d askers, closed at %v", id, len(got.Askers), got.ClosedAt)
				}
			}
		}
		if got := x.read(t, x.ZhouChunhe, target.ID); len(got.Askers) != 1 || got.Askers[0].Who.Reveal() != "林女士" {
			t.Errorf("the target is left with %v", got.Askers)
		}
		if got := inboxes(t, d, "request.merged"); !slices.Contains(got, x.ZhouChunhe.PersonID) || !slices.Contains(got, x.WangQiufen.PersonID) {
			t.Errorf("told %v, want the holders of both", got)
		}
		if _, err := x.service.Unmerge(ctx, x.XuBailu, others[0]); !errors.Is(err, request.ErrIllegalTransition) {
			t.Errorf("unmerged twice: %v", err)
		}
	})
}

func TestWhoMergesWhat(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		a, b := x.burst(t, x.ZhouChunhe, "林女士").ID, x.burst(t, x.ZhouChunhe, "张先生").ID
		next, village := x.burst(t, x.WangQiufen, "李女士").ID, x.burst(t, x.YaoMangzhong, "赵先生").ID
		over := x.burst(t, x.ZhouChunhe, "孙女士").ID
		if _, err := x.service.Close(ctx, x.ZhouChunhe, over, request.Closing{Kind: request.Resolved, Text: "已修好"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what       string
			by         org.Actor
			into, from request.ID
			want       error
		}{
			{"a lead that is not the place's", x.SunLixia, a, next, problem.ErrForbidden},
			{"the holder of one of them", x.ZhouChunhe, a, next, problem.ErrNotFound},
			{"another place's lead", x.ZhenxiSecretary, a, b, problem.ErrNotFound},
			{"into itself", x.XuBailu, a, a, request.ErrMergePlace},
			{"of another place", x.XuBailu, a, village, problem.ErrNotFound},
			{"into what is over", x.XuBailu, over, a, request.ErrIllegalTransition},
			{"what is over", x.XuBailu, a, over, request.ErrIllegalTransition},
			{"the holder of both", x.ZhouChunhe, a, b, nil},
			{"what is merged", x.ZhouChunhe, a, b, request.ErrIllegalTransition},
		} {
			if _, err := x.service.Merge(ctx, c.by, c.into, []request.ID{c.from}); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.what, err, c.want)
			}
		}
		if got := x.read(t, x.XuBailu, a); got.State != request.New || len(got.Askers) != 2 {
			t.Errorf("after all that the target is %s with %d askers", got.State, len(got.Askers))
		}
		if _, err := x.service.Unmerge(ctx, x.SunLixia, b); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("a lead that is not the place's undoes it: %v", err)
		}
		dbtest.WithClock(t, d, func() time.Time { return monday.Add(24 * time.Hour) })
		if _, err := x.service.Unmerge(ctx, x.ZhouChunhe, b); !errors.Is(err, request.ErrUnmergeLate) {
			t.Errorf("undone after exactly 24 hours: %v", err)
		}
		dbtest.WithClock(t, d, func() time.Time { return monday.Add(24*time.Hour - time.Millisecond) })
		if _, err := x.service.Unmerge(ctx, x.ZhouChunhe, b); err != nil {
			t.Errorf("undone a moment before 24 hours: %v", err)
		}
	})
}

// X24: who was told that a need was merged hears that it goes on by itself: who holds it, who holds those it was merged into,
// each time that one leaves them, and whoever has to keep a promise about it again.
func TestX24_WhoeverWasToldOfAMergingHearsOfItsUndoing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		a := x.create(t, x.ZhouChunhe, request.Need{What: "水管爆裂", Category: "pipe_burst", Person: x.LinXiaoman.PersonID}).ID
		b, c := x.burst(t, x.WangQiufen, "李女士").ID, x.burst(t, x.ZhouChunhe, "张先生").ID
		if _, err := x.service.MakePromise(ctx, x.ZhouChunhe, a, request.NewPromise{DueOn: "2026-03-05", Text: "上门查看"}); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, a, request.Climb{Level: 2, Note: "需协调"}))
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, c, request.Climb{Level: 3, Note: "需协调"}))
		for _, ids := range [][2]request.ID{{b, a}, {c, b}} {
			if _, err := x.service.Merge(ctx, x.XuBailu, ids[0], []request.ID{ids[1]}); err != nil {
				t.Fatal(err)
			}
		}
		moved(t)(x.service.Close(ctx, x.ChenGuyu, c, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		told := map[org.PersonID]int{}
		for i, want := range []map[org.PersonID]int{
			{x.SunLixia.PersonID: 1, x.WangQiufen.PersonID: 1, x.ChenGuyu.PersonID: 1, x.ZhouChunhe.PersonID: 1, x.LinXiaoman.PersonID: 1},
			{x.SunLixia.PersonID: 1, x.WangQiufen.PersonID: 2, x.ChenGuyu.PersonID: 2, x.ZhouChunhe.PersonID: 1, x.LinXiaoman.PersonID: 1},
		} {
			moved(t)(x.service.Unmerge(ctx, x.XuBailu, []request.ID{a, b}[i]))
			clear(told)
			for _, p := range inboxes(t, d, "request.unmerged") {
				told[p]++
			}
			if !maps.Equal(told, want) {
				t.Errorf("after %d undoings told %v, want %v", i+1, told, want)
			}
		}
		if all, err := request.PromisesOf(ctx, d, x.keys, a); err != nil || len(all) != 1 || all[0].State != request.PromiseOpen {
			t.Errorf("what was promised is %+v (%v), want it to be kept", all, err)
		}
	})
}

// K13: twenty minutes left before are twenty minutes left after, and what waited for its asker waits for as long.
func TestK13_UnmergingResumesWhatWasLeftOfTheClocks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		shift := func(minutes int) {
			dbtest.WithClock(t, d, func() time.Time { return monday.Add(time.Duration(minutes) * time.Minute) })
		}
		target := x.burst(t, x.ZhouChunhe, "林女士").ID
		left := x.burst(t, x.ZhouChunhe, "张先生") // solve 480, update 60, accept 15
		waits := x.burst(t, x.ZhouChunhe, "李女士").ID
		if _, err := x.service.Accept(ctx, x.ZhouChunhe, waits, calendar.Day("")); err != nil {
			t.Fatal(err)
		}
		until := monday.Add(100 * time.Minute)
		if _, err := x.service.Wait(ctx, x.ZhouChunhe, waits, "请补充位置", &until, request.ToTell); err != nil {
			t.Fatal(err)
		}
		shift(40)
		if _, err := x.service.Merge(ctx, x.XuBailu, target, []request.ID{left.ID, waits}); err != nil {
			t.Fatal(err)
		}
		shift(500)
		m, err := x.service.Unmerge(ctx, x.XuBailu, left.ID)
		if err != nil {
			t.Fatal(err)
		}
		at := func(minutes int) time.Time { return monday.Add(time.Duration(minutes) * time.Minute) }
		if !m.SolveDueAt.Equal(at(940)) || !m.UpdateDueAt.Equal(at(520)) || !m.AcceptDueAt.Equal(at(15)) {
			t.Errorf("due %v, %v, %v; want 440 and 20 minutes left, and the acceptance that was late before", m.SolveDueAt, m.UpdateDueAt, m.AcceptDueAt)
		}
		if m, err = x.service.Unmerge(ctx, x.XuBailu, waits); err != nil {
			t.Fatal(err)
		}
		if m.State != request.WaitingResident || !m.WaitUntil.Equal(at(560)) {
			t.Errorf("it is %s until %v, want to wait for the sixty minutes that were left", m.State, m.WaitUntil)
		}
		shift(510)
		if m, err = x.service.Resume(ctx, x.ZhouChunhe, waits); err != nil || !m.SolveDueAt.Equal(at(990)) {
			t.Errorf("resumed it is due at %v, error %v; want all 480 minutes left", m.SolveDueAt, err)
		}
	})
}

func TestMergingsOfMergingsAreUndoneInAnyOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		ctx := t.Context()
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			ids := []request.ID{x.burst(t, x.ZhouChunhe, "一").ID, x.burst(t, x.ZhouChunhe, "二").ID, x.burst(t, x.ZhouChunhe, "三").ID}
			for i := range 2 {
				if _, err := x.service.Merge(ctx, x.ZhouChunhe, ids[i+1], ids[i:i+1]); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(x.read(t, x.ZhouChunhe, ids[2]).Askers); n != 3 {
				t.Errorf("all three came to %d", n)
			}
			for _, i := range order {
				if _, err := x.service.Unmerge(ctx, x.ZhouChunhe, ids[i]); err != nil {
					t.Fatal(err)
				}
			}
			for i, id := range ids {
				if got := x.read(t, x.ZhouChunhe, id); len(got.Askers) != 1 || got.Askers[0].Who.Reveal() != []string{"一", "二", "三"}[i] {
					t.Errorf("undone in the order %v, request %d has %v", order, i, got.Askers)
				}
			}
		}
	})
}

func TestAStepAtACounterFindsItsAskerAfterAMerging(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		clerk, _ := x.counters(t, d)
		target, r := x.burst(t, x.ZhouChunhe, "林女士").ID, x.burst(t, x.ZhouChunhe, "张先生")
		if _, err := x.service.AddCounterStep(ctx, x.ZhouChunhe, r.ID, 1, true); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Merge(ctx, x.ZhouChunhe, target, []request.ID{r.ID}); err != nil {
			t.Fatal(err)
		}
		if f, err := x.service.FinishCounterStep(ctx, clerk, r.Receipt, request.CounterDone); err != nil || !f.Closed {
			t.Errorf("finished as %+v, error %v; want done, and with it the request that it is now", f, err)
		}
		if got := x.read(t, x.ZhouChunhe, target); got.State != request.Resolved {
			t.Errorf("the target is %s", got.State)
		}
	})
}

// The same two are merged into each other at one time: one of the two mergings happens.
func TestTwoMergingsAtOneTimeKeepOneOpen(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		ctx := t.Context()
		a, b := x.burst(t, x.ZhouChunhe, "林女士").ID, x.burst(t, x.ZhouChunhe, "张先生").ID
		done := make(chan error, 2)
		go func() { _, err := x.service.Merge(ctx, x.XuBailu, a, []request.ID{b}); done <- err }()
		go func() { _, err := x.service.Merge(ctx, x.XuBailu, b, []request.ID{a}); done <- err }()
		refused := 0
		for range 2 {
			if err := <-done; errors.Is(err, request.ErrIllegalTransition) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		open := 0
		for _, id := range []request.ID{a, b} {
			if got := x.read(t, x.XuBailu, id); got.State.Open() {
				open++
				if len(got.Askers) != 2 {
					t.Errorf("the open one has %d askers, want 2", len(got.Askers))
				}
			}
		}
		if refused != 1 || open != 1 {
			t.Errorf("%d refused, %d open; want 1 and 1", refused, open)
		}
	})
}

// X45: the text and the notes of a need that goes on as another one are kept as long as that is dealt with.
func TestX45_WhatWasMergedKeepsItsTextAsLongAsItGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		target, merged := x.burst(t, x.ZhouChunhe, "林女士").ID, x.burst(t, x.ZhouChunhe, "张先生").ID
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, merged, "明早到101", request.InPerson))
		if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, target, []request.ID{merged}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			night calendar.Day
			kept  bool
		}{{"2028-03-03", true}, {"2030-03-02", true}, {"2030-03-03", false}} {
			clean(t, d, c.night.Time(), request.Retained)
			var texts, notes int
			if err := d.Get(t.Context(), &texts, `SELECT COUNT(*) FROM request WHERE id = ? AND text_sealed IS NOT NULL`, merged); err != nil {
				t.Fatal(err)
			}
			if err := d.Get(t.Context(), &notes, `SELECT COUNT(*) FROM request_history WHERE request_id = ? AND note_sealed IS NOT NULL`, merged); err != nil {
				t.Fatal(err)
			}
			if (texts == 1) != c.kept || (notes == 1) != c.kept {
				t.Errorf("after the night of %s there are %d texts and %d notes; kept should be %v", c.night, texts, notes, c.kept)
			}
			if c.night == "2028-03-03" {
				moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, target, request.Closing{Kind: request.Resolved, Text: "已修好"}))
			}
		}
	})
}

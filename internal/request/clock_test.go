package request_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// ticks lets the clocks say all they have to by now.
func (x *fixture) ticks(t *testing.T) {
	t.Helper()
	for some := true; some; {
		var err error
		if some, err = x.service.RunClocks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// heard is what was told of a kind, to whom and for when it was due, in the order of telling.
func heard(t *testing.T, d *db.DB, kind string) (all []string) {
	t.Helper()
	var rows []struct {
		Person org.PersonID `db:"person_id"`
		Args   string       `db:"args"`
	}
	if err := d.Select(t.Context(), &rows, `SELECT person_id, args FROM inbox WHERE kind = ? ORDER BY person_id, seq`, kind); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		all = append(all, fmt.Sprint(r.Person, " ", r.Args))
	}
	return all
}

// told fails the test unless exactly these persons were told of a kind, in whatever order.
func told(t *testing.T, d *db.DB, kind string, want ...org.Actor) {
	t.Helper()
	ids := []org.PersonID{}
	for _, a := range want {
		ids = append(ids, a.PersonID)
	}
	slices.Sort(ids)
	if got := inboxes(t, d, kind); !slices.Equal(got, ids) && len(got)+len(ids) > 0 {
		t.Errorf("at %v %s is told to %v, want %v; all: %v", d.Now(), kind, got, ids, heard(t, d, kind))
	}
}

func (x *fixture) misses(t *testing.T, by org.Actor, id request.ID) (all []string) {
	t.Helper()
	got, err := x.service.Read(t.Context(), by, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got.Misses {
		all = append(all, m.Target+" "+m.DueAt.Sub(monday).String())
	}
	return all
}

// The counter-checks of S1: nobody acts after 10:04.
func TestK7_NotAcceptedTellsTheHolderThenTheLeadThenWhoeverStandsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel", Person: x.LinXiaoman.PersonID})
		at(d, 4)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		d.SetNow(func() time.Time { return minute(34).Add(-time.Millisecond) })
		x.ticks(t)
		told(t, d, "request.accept_overdue")
		at(d, 34)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.HeQingqing)
		told(t, d, "request.target_near")
		at(d, 50)
		x.ticks(t)
		told(t, d, "request.target_near", x.HeQingqing, x.XuBailu)
		told(t, d, "request.target_missed")
		at(d, 60)
		x.ticks(t)
		told(t, d, "request.target_missed", x.HeQingqing, x.XuBailu)
		told(t, d, "request.late", x.LinXiaoman)
		at(d, 64)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.HeQingqing, x.XuBailu)
		at(d, 90)
		x.ticks(t)
		if got, want := x.misses(t, x.ZhouChunhe, r.ID), []string{"accepting 34m0s", "solving 1h0m0s", "news 1h4m0s"}; !slices.Equal(got, want) {
			t.Errorf("missed %v, want %v", got, want)
		}
		told(t, d, "request.late", x.LinXiaoman)
		at(d, 94)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.HeQingqing, x.XuBailu, x.XuBailu) // nobody stands in: the lead again
		at(d, 3000)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.HeQingqing, x.XuBailu, x.XuBailu)
	})
}

func TestK7_WhoStandsInForAnAbsentHolderHearsTheFirstTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		absences := org.NewAbsences(d, func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil },
			func(context.Context, *db.Tx, org.Actor, org.AbsenceEvent, org.Absence, []org.Incumbent) error {
				return nil
			})
		if _, err := absences.Announce(t.Context(), x.ZhouChunhe, org.NewAbsence{
			StandInAs: x.WangQiufen.Assignment, From: "2026-03-02", To: "2026-03-05",
		}); err != nil {
			t.Fatal(err)
		}
		x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		at(d, 30)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.ZhouChunhe, x.WangQiufen)
		at(d, 60)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.ZhouChunhe, x.WangQiufen, x.SunLixia)
		at(d, 90)
		x.ticks(t)
		told(t, d, "request.accept_overdue", x.ZhouChunhe, x.WangQiufen, x.WangQiufen, x.SunLixia)
	})
}

func TestK8_HolderAndLeadAreWarnedOnceBeforeTheSolveTarget(t *testing.T) {
	t.Parallel()
	for category, warned := range map[request.Code]int{"cert_travel": 50, "dwelling_safety": 1200, "general": 1875} {
		t.Run(string(category), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d *db.DB, x *fixture) {
				r := x.create(t, x.ZhouChunhe, request.Need{What: "屋顶漏水", Category: category})
				moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
				at(d, warned-1)
				x.ticks(t)
				told(t, d, "request.target_near")
				at(d, warned)
				x.ticks(t)
				told(t, d, "request.target_near", x.ZhouChunhe, x.SunLixia)
				moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", nil, request.ToTell))
				at(d, warned+600)
				x.ticks(t)
				moved(t)(x.service.Resume(t.Context(), x.ZhouChunhe, r.ID))
				at(d, warned+605)
				x.ticks(t)
				told(t, d, "request.target_near", x.ZhouChunhe, x.SunLixia)
			})
		})
	}
}

func TestK9_AMissIsNotedOnceATargetAndHoldingAndNothingClimbsByItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel", CallBack: request.CallPhone, Phone: "19900000001"})
		at(d, 70)
		x.ticks(t)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "正在办理", request.ToTell))
		at(d, 140) // the news that were promised then is late again, in the same holding
		x.ticks(t)
		want := []string{"accepting 30m0s", "news 1h0m0s", "solving 1h0m0s"}
		if got := x.misses(t, x.ZhouChunhe, r.ID); len(got) != 3 || !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("missed %v, want %v", got, want)
		}
		got, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil || got.State != request.New || got.Level != 1 {
			t.Errorf("it is %s at level %d (%v), want new at level 1", got.State, got.Level, err)
		}
		var calls int
		if err := d.Get(t.Context(), &calls, `SELECT COUNT(*) FROM call_task WHERE request_id = ?`, r.ID); err != nil || calls != 1 {
			t.Errorf("%d calls to the asker (%v), want one", calls, err)
		}
		at(d, 150)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(2)))
		at(d, 150+61)
		x.ticks(t)
		if got := x.misses(t, x.ZhouChunhe, r.ID); len(got) != 5 {
			t.Errorf("missed %v, want accepting and news of the second holding too", got)
		}
	})
}

func TestK12_WhatLiesStillForAWeekIsOnTheLeadsListWithOneNotice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		at(d, 5)
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		const week = 7 * 24 * 60
		at(d, 5+week-1)
		x.ticks(t)
		told(t, d, "request.stale")
		at(d, 5+week)
		x.ticks(t)
		x.ticks(t)
		told(t, d, "request.stale", x.SunLixia)
		list := func() []request.Seen {
			rows, _, err := x.service.List(t.Context(), x.SunLixia, request.Filter{Stale: true}, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		if got := list(); len(got) != 1 || got[0].ID != r.ID {
			t.Errorf("the lead's list holds %d, want it", len(got))
		}
		if rows, _, err := x.service.List(t.Context(), x.ChenGuyu, request.Filter{Stale: true}, "", 0); err != nil || len(rows) != 0 {
			t.Errorf("the lead above has %d on the list (%v), want none", len(rows), err)
		}
		moved(t)(x.service.AddStep(t.Context(), x.ZhouChunhe, r.ID, "已联系物业", nil))
		if got := list(); len(got) != 0 {
			t.Errorf("after a step the list holds %d, want none", len(got))
		}
		at(d, 5+2*week)
		x.ticks(t)
		told(t, d, "request.stale", x.SunLixia, x.SunLixia)
	})
}

func TestK12_WhatWaitedForItsAskerLiesStillFromWhenItGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const week = 7 * 24 * 60
		goOn := func() {
			if _, err := x.service.GoOn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", nil, request.ToTell))
		at(d, week)
		x.ticks(t) // this loop may be faster than the other
		goOn()
		x.ticks(t)
		at(d, 2*week-1)
		x.ticks(t)
		told(t, d, "request.stale")
		at(d, 2*week)
		x.ticks(t)
		told(t, d, "request.stale", x.SunLixia)
	})
}

func TestK14_EightNodesSayEachNoticeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for range 5 {
			x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		}
		at(d, 500) // after hours of downtime, each once with the time it was due
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				for some := true; some && errs[i] == nil; {
					some, errs[i] = x.service.RunClocks(t.Context())
				}
			})
		}
		all.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		}
		for kind, want := range map[string]int{"request.accept_overdue": 15, "request.target_near": 10, "request.target_missed": 15} {
			if got := heard(t, d, kind); len(got) != want {
				t.Errorf("%d of %s, want %d: %v", len(got), kind, want, got)
			}
		}
		var misses int
		if err := d.Get(t.Context(), &misses, `SELECT COUNT(*) FROM request_miss WHERE due_at < ?`, minute(61)); err != nil || misses != 15 {
			t.Errorf("%d targets missed (%v), want three of each of five", misses, err)
		}
	})
}

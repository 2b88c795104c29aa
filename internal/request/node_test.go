package request_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
)

// A node is one more process beside the fixture's, with connections of its own.
type node struct {
	*request.Service
	db *db.DB
}

func (x *fixture) node(t *testing.T, d *db.DB) node {
	t.Helper()
	var name string
	if err := d.Get(t.Context(), &name, `SELECT DATABASE()`); err != nil {
		t.Fatal(err)
	}
	own, err := db.Open(t.Context(), db.Options{MySQL: dbtest.Address(name), Pool: 4})
	if err != nil {
		t.Fatal(err)
	}
	own.SetNow(d.Now)
	keys, err := sealed.Open(t.Context(), own, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), own, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	return node{request.NewService(own, keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, nil), own}
}

// said is how often clocks of requests have said something, by the audit.
func said(t *testing.T, d *db.DB) (counts map[string]int) {
	t.Helper()
	var rows []struct {
		Action string `db:"action"`
		N      int    `db:"n"`
	}
	if err := d.Select(t.Context(), &rows, `
		SELECT action, COUNT(*) AS n
		FROM audit
		WHERE action LIKE 'request.clock!_%' ESCAPE '!'
		GROUP BY action`); err != nil {
		t.Fatal(err)
	}
	counts = map[string]int{}
	for _, r := range rows {
		counts[r.Action] = r.N
	}
	return counts
}

// K14 with three nodes on MariaDB, two of which are killed while they work.
func TestK14_OfThreeNodesTwoAreKilledAndEachNoticeIsSaidOnce(t *testing.T) {
	t.Parallel()
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		on(t, dbtest.MySQL(t), func(t *testing.T, d *db.DB, x *fixture) {
			const needs = 20
			for range needs {
				x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
			}
			at(d, 500)
			nodes := []node{x.node(t, d), x.node(t, d), x.node(t, d)}
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			var all sync.WaitGroup
			began := make(chan struct{}, 3)
			for i, n := range nodes {
				mine := ctx
				if i == 0 {
					mine = t.Context()
				}
				all.Go(func() {
					due, err := n.Due(mine)
					if err != nil {
						t.Errorf("node %d: %v", i, err)
					}
					if err := n.Fire(mine, due[:2]); err != nil && mine.Err() == nil {
						t.Errorf("node %d: %v", i, err)
					}
					began <- struct{}{}
					for some, err := true, error(nil); some; {
						if some, err = n.RunClocks(mine); err != nil {
							if mine.Err() == nil {
								t.Errorf("node %d: %v", i, err)
							}
							return
						}
					}
				})
			}
			<-began
			<-began
			kill() // in the middle of whatever they do
			all.Wait()
			x.ticks(t)
			for _, n := range nodes {
				if err := n.db.Close(); err != nil {
					t.Error(err)
				}
			}
			want := map[string]int{"request.clock_accepting": 3 * needs, "request.clock_solving": 2 * needs, "request.clock_news": needs}
			if got := said(t, d); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("said %v, want %v", got, want)
			}
			if got := len(heard(t, d, "request.target_missed")); got != 3*needs {
				t.Errorf("%d times told that a target was missed, want %d", got, 3*needs)
			}
		})
	})
}

// Two nodes that saw the same clocks to be due say each once; without taking it by a condition they say it twice, so the
// test can fail.
func TestK14_WhatAnotherNodeHasTakenIsNotSaidAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for name, c := range map[string]struct {
			fire func(context.Context, request.Due) error
			want int
		}{"with a condition": {x.service.Fire, 1}, "without": {x.service.FireCarelessly, 2}} {
			at(d, 0)
			before := said(t, d)["request.clock_accepting"]
			x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
			at(d, 30)
			due, err := x.service.Due(t.Context())
			if err != nil || len(due) != 1 {
				t.Fatalf("%d clocks are due (%v), want one", len(due), err)
			}
			for range 2 { // nodes that both have looked
				if err := c.fire(t.Context(), due); err != nil {
					t.Fatal(err)
				}
			}
			if got := said(t, d)["request.clock_accepting"] - before; got != c.want {
				t.Errorf("%s it is said %d times, want %d", name, got, c.want)
			}
			at(d, 3000)
			x.ticks(t)
		}
	})
}

func TestK10_AHandingOverEndsTheClocksAndCallsOnTheMorningOfItsDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "停水", Category: "water_supply", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"})
		m := moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{
			Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司", Contact: "前台"}, CallBackOn: "2026-03-05", Told: request.InPerson,
		}))
		if m.FirstMinutes == nil || *m.FirstMinutes != 0 {
			t.Errorf("the first answer took %v minutes, want none", m.FirstMinutes)
		}
		morning := calendar.Day("2026-03-05").Time().Add(8*60*60*1e9 + 30*60*1e9)
		calls := func() (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM call_task WHERE request_id = ?`, r.ID); err != nil {
				t.Fatal(err)
			}
			return n
		}
		at(d, int(morning.Sub(monday).Minutes())-1)
		x.ticks(t)
		if n := calls(); n != 0 || len(heard(t, d, "request.target_missed")) != 0 {
			t.Errorf("%d calls before that morning, %v missed; want nothing", n, heard(t, d, "request.target_missed"))
		}
		at(d, int(morning.Sub(monday).Minutes()))
		x.ticks(t)
		x.ticks(t)
		if n := calls(); n != 1 {
			t.Errorf("%d calls on that morning, want one", n)
		}
		told(t, d, "call.assigned", x.ZhouChunhe)
	})
}

func TestK11_ReopeningStartsFreshTargetsAndTheFirstAnswerStays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		done := request.Closing{Kind: request.Resolved, Text: "已开具"}
		at(d, 47)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, done))
		at(d, 100)
		m := moved(t)(x.service.Reopen(t.Context(), x.XuBailu, r.ID, "仍有问题"))
		is(t, "solving", m.SolveDueAt, minute(160))
		is(t, "accepting", m.AcceptDueAt, minute(130))
		at(d, 200)
		x.ticks(t)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, done))
		got, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Reopened != 1 || got.FirstMinutes == nil || *got.FirstMinutes != 47 {
			t.Errorf("reopened %d times, first answered after %v minutes; want once, 47", got.Reopened, got.FirstMinutes)
		}
		is(t, "the first answer", got.FirstClosedAt, minute(47))
		is(t, "its target", got.FirstDueAt, minute(60))
		if len(got.Misses) != 3 {
			t.Errorf("missed %v, want the three fresh targets", got.Misses)
		}
	})
}

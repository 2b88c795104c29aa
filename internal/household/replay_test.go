package household_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/household"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// traces are all rows that a visit can leave behind.
func traces(t *testing.T, d *db.DB) map[string]int {
	t.Helper()
	rows := map[string]int{}
	for _, table := range []string{"visit", "household_mute", "request", "request_history", "request_asker", "inbox", "outbox", "audit"} {
		rows[table] = count(t, d, `SELECT COUNT(*) FROM `+table)
	}
	return rows
}

func TestX20_WhatFailsOfAHouseTakesAllOfItBack(t *testing.T) {
	t.Parallel()
	gone := errors.New("the roster of presence cannot be written")
	for name, c := range map[string]struct {
		spoil func(x *fixture, a *household.Account)
		want  error
	}{
		"a second need in a category that is none": {func(_ *fixture, a *household.Account) {
			a.Needs = append(a.Needs, request.Need{What: "路灯不亮", Category: "no_such"})
		}, request.ErrCategory},
		"a need to call back about without a number": {func(_ *fixture, a *household.Account) {
			a.Needs = append(a.Needs, request.Need{What: "路灯不亮", CallBack: request.CallPhone})
		}, request.ErrCallBackMissing},
		"a presence that cannot be noted": {func(x *fixture, _ *household.Account) { x.refuse = gone }, gone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d *db.DB, x *fixture) {
				before := traces(t, d)
				a := leak(x)
				c.spoil(x, &a)
				if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); !errors.Is(err, c.want) {
					t.Errorf("recorded: %v, want %v", err, c.want)
				}
				if diff := cmp.Diff(before, traces(t, d)); diff != "" {
					t.Errorf("a refused visit leaves rows (-before +after):\n%s", diff)
				}
				x.refuse = nil
				if v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, leak(x)); err != nil || len(v.Requests) != 1 {
					t.Errorf("the same clientRef, mended: %+v, %v; want it recorded", v, err)
				}
			})
		})
	}
}

func TestF10_ADeclinedVisitMutesTheDoorUntilItsDayComes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		told := synced.Add(-24 * time.Hour) // from the day it was said, not from the day it reached us
		for i, days := range []int{0, 7} {
			if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
				Household: x.doors[i], Result: household.Declined, MuteDays: days, HappenedAt: &told,
				ClientRef: "33333333-4f6e-4a0e-8f57-90a4f9b0c1d" + strconv.Itoa(i),
			}); err != nil {
				t.Fatal(err)
			}
		}
		from := calendar.DayOf(told)
		usual, wished := from.Add(90), from.Add(7)
		for _, c := range []struct {
			on   calendar.Day
			want [3]calendar.Day // until when each door is muted; "": it is not
		}{
			{from.Add(1), [3]calendar.Day{usual, wished}},
			{from.Add(6), [3]calendar.Day{usual, wished}},
			{from.Add(7), [3]calendar.Day{usual}},
			{from.Add(89), [3]calendar.Day{usual}},
			{from.Add(90), [3]calendar.Day{}},
		} {
			x.at(c.on.Time().Add(12 * time.Hour))
			rows, _, err := x.service.Households(t.Context(), x.YaoMangzhong, nil, "", 10)
			if err != nil || len(rows) != 3 {
				t.Fatalf("on %s the area lists %+v, %v", c.on, rows, err)
			}
			for i, r := range rows {
				h, err := x.service.Read(t.Context(), x.YaoMangzhong, r.ID)
				if err != nil || until(h.MutedUntil) != c.want[i] || until(r.MutedUntil) != c.want[i] {
					t.Errorf("on %s door %s is muted until %q, in the list until %q (%v); want %q",
						c.on, r.Door, until(h.MutedUntil), until(r.MutedUntil), err, c.want[i])
				}
			}
		}
	})
}

func until(d *calendar.Day) calendar.Day {
	if d == nil {
		return ""
	}
	return *d
}

func TestFiftyAtOnceMakeOneVisitAndAllAreToldOfIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		var all sync.WaitGroup
		begin, visits := make(chan struct{}), make([]household.Recorded, 50)
		for i := range visits {
			all.Go(func() {
				<-begin
				var err error
				if visits[i], err = x.service.RecordVisit(t.Context(), x.YaoMangzhong, leak(x)); err != nil {
					t.Errorf("one of fifty is refused: %v", err)
				}
			})
		}
		close(begin)
		all.Wait()
		for _, v := range visits {
			if v.ID != visits[0].ID || len(v.Requests) != 1 || v.Requests[0].Receipt != visits[0].Requests[0].Receipt {
				t.Errorf("told of visit %d with %+v, want all to hear of visit %d", v.ID, v.Requests, visits[0].ID)
			}
		}
		if v, r := count(t, d, `SELECT COUNT(*) FROM visit`), count(t, d, `SELECT COUNT(*) FROM request`); v != 1 || r != 1 {
			t.Errorf("%d visits and %d requests, want one each", v, r)
		}
	})
}

func TestX52_ABatchToldAgainIsTheSameBatchAndKeepsBothTimes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		told := synced.Add(-71 * time.Hour)
		batch := func() (accounts []household.Account) {
			for i, door := range x.doors {
				accounts = append(accounts, household.Account{
					Household: door, Result: household.NotHome, HappenedAt: &told,
					ClientRef: "44444444-4f6e-4a0e-8f57-90a4f9b0c1d" + strconv.Itoa(i),
				})
			}
			return accounts
		}
		// The phone got one through before the connection went, and sends the whole queue when it is back.
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, batch()[1]); err != nil {
			t.Fatal(err)
		}
		var first []household.VisitID
		for range 3 {
			x.at(x.now.Load().Add(time.Hour))
			ids, err := x.service.RecordVisits(t.Context(), x.YaoMangzhong, batch())
			if err != nil || len(ids) != 3 || first != nil && !cmp.Equal(first, ids) {
				t.Errorf("the batch is %v, %v; want %v", ids, err, first)
			}
			first = ids
		}
		if n := count(t, d, `SELECT COUNT(*) FROM visit`); n != 3 {
			t.Errorf("%d visits, want 3", n)
		}
		before := traces(t, d)
		other := batch()
		other[0].ClientRef, other[2].Result = "55555555-4f6e-4a0e-8f57-90a4f9b0c1d2", household.AllWell
		if _, err := x.service.RecordVisits(t.Context(), x.YaoMangzhong, other); !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("another content under a clientRef of the batch: %v, want %v", err, problem.ErrKeyReused)
		}
		if diff := cmp.Diff(before, traces(t, d)); diff != "" {
			t.Errorf("the refused batch leaves rows (-before +after):\n%s", diff)
		}
		calls, _, err := x.service.Visits(t.Context(), x.YaoMangzhong, "", 10)
		if err != nil || len(calls) != 3 {
			t.Fatalf("listed %+v, %v", calls, err)
		}
		for _, c := range calls {
			recorded := synced.Add(time.Hour)
			if c.Premises == x.doors[1] {
				recorded = synced
			}
			if !c.HappenedAt.Equal(told) || !c.RecordedAt.Equal(recorded) || c.ClockUntrusted {
				t.Errorf("door %s: happened %v, recorded %v, untrusted %v; want %v and %v", c.Door, c.HappenedAt, c.RecordedAt, c.ClockUntrusted, told, recorded)
			}
		}
	})
}

func TestK1_AClockOutsideItsWindowIsNotBelievedAndProvesNoPresence(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for i, off := range []time.Duration{-73 * time.Hour, 3 * time.Minute} {
			told := synced.Add(off)
			v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
				Household: x.doors[i], Result: household.AllWell, HappenedAt: &told,
				ClientRef: "66666666-4f6e-4a0e-8f57-90a4f9b0c1d" + strconv.Itoa(i),
			})
			if err != nil || !v.ClockUntrusted || !v.HappenedAt.Equal(synced) {
				t.Errorf("told for %v: %+v, %v; want the server's time, marked", told, v.Visit, err)
			}
		}
		if len(x.onSite) != 0 {
			t.Errorf("on site by %v, want nobody", x.onSite)
		}
	})
}

package household_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/request"
)

// moves lets those who live behind a door move out, and an hour later others in.
func (x *fixture) moves(t *testing.T, d *db.DB, id household.ID) {
	t.Helper()
	x.at(d.Now().Add(time.Hour))
	for _, out := range []bool{true, false} {
		var version int64
		if err := d.Get(t.Context(), &version, `SELECT version FROM premises WHERE id = ?`, id); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.MarkDoor(t.Context(), x.YaoMangzhong, id, household.Mark{Version: version, Empty: out, Confirmed: true}); err != nil {
			t.Fatal(err)
		}
		x.at(d.Now().Add(time.Hour))
	}
}

// reason is why a door stands on the list of visits; "" if it does not.
func (x *fixture) reason(t *testing.T, id household.ID) household.DueReason {
	t.Helper()
	due, _, err := x.service.Due(t.Context(), x.YaoMangzhong, "", 50)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(due, func(r household.Due) bool { return r.ID == id })
	if i < 0 {
		return ""
	}
	return due[i].Reason
}

// needs are requests that are told at doors.
func (x *fixture) needs(d *db.DB) *request.Service {
	return request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{},
		func(ctx context.Context, q db.Queryer, by org.Actor, premises int64) (request.Door, error) {
			return household.Door(ctx, q, by, premises, calendar.DayOf(d.Now()))
		})
}

// F16, F11: what those asked for who have moved out, and were promised, goes on for them and is no reason to call at those who
// have moved in.
func TestF16_WhatWasOpenBeforeAMoveIsNoReasonToVisitWhoMovedIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx, by, door := t.Context(), x.YaoMangzhong, x.doors[1]
		needs, today := x.needs(d), calendar.DayOf(d.Now())
		ask := func() request.ID {
			t.Helper()
			r, err := needs.Create(ctx, by, request.Telling{Need: request.Need{What: "路灯不亮"}, Premises: int64(door), Channel: request.ToldMember})
			if err != nil {
				t.Fatal(err)
			}
			return r.ID
		}
		shows := func(when string, reason household.DueReason, open int) {
			t.Helper()
			if got := x.reason(t, door); got != reason {
				t.Errorf("%s: on the list for %q, want %q", when, got, reason)
			}
			if home, err := x.service.Read(ctx, by, door); err != nil || len(home.OpenRequests) != open {
				t.Errorf("%s: the home shows %d open needs (%v), want %d", when, len(home.OpenRequests), err, open)
			}
		}
		asked := ask()
		shows("asked", household.AskedFor, 1)
		x.roof(t, door, ref, today)
		event := x.rain(t)
		shows("promised", household.PromiseDue, 2)
		paid := d.Now()
		x.moves(t, d, door)
		shows("after the move", household.NewHousehold, 0)
		late := household.Account{
			Household: door, Result: household.Needs, ClientRef: "22222222-4f6e-4a0e-8f57-90a4f9b0c1d2", HappenedAt: &paid,
			Promises: []household.Word{{NewPromise: request.NewPromise{DueOn: today, Text: "来看看"}}}, Needs: []request.Need{{What: "门铃不响"}},
		}
		if _, err := x.service.RecordVisit(ctx, by, late); err != nil {
			t.Fatal(err)
		}
		shows("after a visit before the move was sent", household.NewHousehold, 0)
		p, err := needs.MakePromise(ctx, by, asked, request.NewPromise{DueOn: today, Text: "今天来修"})
		if err != nil || p.PremisesID != nil {
			t.Errorf("promised at door %v (%v), want at none", p.PremisesID, err)
		}
		shows("after a promise to those who have left", household.NewHousehold, 0)
		if round, err := x.service.Round(ctx, by, event.ID); err != nil || len(round) != 0 {
			t.Errorf("the round is %+v (%v), want without the home", round, err)
		}
		if _, err := x.service.CloseRisk(ctx, x.LuoQingming, event.ID); err != nil {
			t.Fatal(err)
		}
		if round, err := x.service.Round(ctx, by, x.rain(t).ID); err != nil || len(round) != 0 {
			t.Errorf("a round after the move is %+v (%v), want without the home", round, err)
		}
		held, _, err := needs.List(ctx, by, request.Filter{Held: true}, "", 10)
		if err != nil || len(held) != 3 {
			t.Errorf("%d needs are held (%v), want the three of those who have left", len(held), err)
		}
		own, _, err := needs.Promises(ctx, by, request.OwnPromises, "", 10)
		if err != nil || len(own) != 3 {
			t.Errorf("%d promises are to be kept (%v), want the three to those who have left", len(own), err)
		}
		theirs := ask()
		shows("asked by who moved in", household.AskedFor, 1)
		if p, err := needs.MakePromise(ctx, by, theirs, request.NewPromise{DueOn: today, Text: "今天来修"}); err != nil || p.PremisesID == nil {
			t.Errorf("promised at door %v (%v), want at theirs", p.PremisesID, err)
		}
		shows("promised to who moved in", household.PromiseDue, 1)
	})
}

// X44: of a glass that is broken at a door nobody is told who asked for something there and has moved out.
func TestX44_WhoHasMovedOutIsNotToldOfTheGlassOfWhoMovedIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		told := func(want ...request.Following) {
			t.Helper()
			got, err := request.FollowedAt(t.Context(), d, int64(x.doors[1]))
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%+v follow what is open at the door (%v), want %+v", got, err, want)
			}
		}
		ask := func(ref string) request.Following {
			t.Helper()
			r, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{
				Household: x.doors[1], Result: household.Needs, ClientRef: ref, Needs: []request.Need{{What: "路灯不亮", Person: x.LinXiaoman.PersonID}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return request.Following{Person: x.LinXiaoman.PersonID, Request: r.Requests[0].ID}
		}
		told(ask(ref))
		x.moves(t, d, x.doors[1])
		told()
		told(ask("22222222-4f6e-4a0e-8f57-90a4f9b0c1d2"))
	})
}

// What was written down at a home that is marked empty already, since somebody lives there of whom nobody said so, ends with
// them too: it is asked for, and nothing of it holds for the next.
func TestAHomeThatIsEmptyAlreadyForgetsWhoLivedThereMeanwhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		door, version := x.doors[1], int64(0)
		mark := func(m household.Mark) (household.Marked, error) {
			version++
			m.Version = version
			x.at(d.Now().Add(time.Hour))
			return x.service.MarkDoor(t.Context(), x.YaoMangzhong, door, m)
		}
		if got, err := mark(household.Mark{Empty: true}); err != nil || len(got.Ended) != 0 {
			t.Fatalf("marked empty: %+v (%v)", got, err)
		}
		x.called(t, door, "吴女士", "19900000031")
		x.agree(t, x.YaoMangzhong, door, household.RiskVisit)
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, household.Account{Household: door, Result: household.AllWell, ClientRef: ref}); err != nil {
			t.Fatal(err)
		}
		if _, err := mark(household.Mark{Empty: true}); !errors.Is(err, household.ErrHomeKept) {
			t.Errorf("marked empty again: %v, want %v", err, household.ErrHomeKept)
		}
		version--
		if got, err := mark(household.Mark{Empty: true, Confirmed: true}); err != nil || fmt.Sprint(got.Ended) != "[{consents 1} {contacts 1}]" {
			t.Errorf("confirmed, %v has ended (%v), want the consent and the contact", got.Ended, err)
		}
		if _, err := mark(household.Mark{}); err != nil {
			t.Fatal(err)
		}
		home, err := x.service.Read(t.Context(), x.YaoMangzhong, door)
		if err != nil || home.Contact != (household.Contact{}) || len(home.Consents) != 0 || home.Last != nil {
			t.Errorf("who moves in finds %+v, %+v and the visit %+v (%v), want nothing", home.Contact, home.Consents, home.Last, err)
		}
	})
}

// X1: a door that comes back is the door it was, and nobody says who lives behind it: what was noted there stays on record, and
// is of others.
func TestADoorThatComesBackIsOneThatOthersLiveBehind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx, door, later := t.Context(), x.doors[1], func() { x.at(d.Now().Add(time.Hour)) }
		seen := household.Account{Household: door, Result: household.Declined, ClientRef: ref}
		if _, err := x.service.RecordVisit(ctx, x.YaoMangzhong, seen); err != nil {
			t.Fatal(err)
		}
		later()
		if err := x.service.EndDoor(ctx, x.FengShuangjiang, door, 1); err != nil {
			t.Fatal(err)
		}
		later()
		if _, err := x.service.Furnish(ctx, x.FengShuangjiang, x.stairOf(t, d, "2-31"), []household.Premises{{Door: "2-31", Kind: household.Home}}); err != nil {
			t.Fatal(err)
		}
		home, err := x.service.Read(ctx, x.YaoMangzhong, door)
		if err != nil || home.Last != nil || home.MutedUntil != nil {
			t.Errorf("it was visited %+v and is muted until %v (%v), want neither", home.Last, home.MutedUntil, err)
		}
		if got := x.reason(t, door); got != household.NewHousehold {
			t.Errorf("it is on the list for %q, want as a new one", got)
		}
		if calls, _, err := x.service.Visits(ctx, x.YaoMangzhong, "", 10); err != nil || len(calls) != 1 {
			t.Errorf("%d visits are listed (%v), want the one on record", len(calls), err)
		}
	})
}

package household_test

import (
	"testing"
	"time"

	"wanjia/internal/household"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

const (
	lateRef  = "11111111-4f6e-4a0e-8f57-90a4f9b0c1d2"
	laterRef = "22222222-4f6e-4a0e-8f57-90a4f9b0c1d2"
)

// paid records a visit at a door that was paid at a moment.
func (x *fixture) paid(t *testing.T, ref string, at time.Time, a household.Account) household.VisitID {
	t.Helper()
	a.ClientRef, a.HappenedAt = ref, &at
	v, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a)
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// F12: of a round the later visit counts, whichever is sent first.
func TestF12_AnEarlierVisitThatIsSentLateDoesNotTakeThePlaceOfALaterOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		door := x.doors[1]
		x.agree(t, x.YaoMangzhong, door, household.RiskVisit)
		e := x.rain(t)
		x.at(synced.Add(5 * time.Hour))
		shows := func(when string, want household.Result) {
			t.Helper()
			offers, err := x.service.Round(t.Context(), x.YaoMangzhong, e.ID)
			if err != nil || len(offers) != 1 || offers[0].Result == nil || *offers[0].Result != want {
				t.Errorf("%s: the round is %+v (%v), want one home with %s", when, offers, err, want)
			}
		}
		x.paid(t, ref, synced.Add(3*time.Hour), household.Account{Household: door, Result: household.AllWell})
		x.paid(t, lateRef, synced.Add(time.Hour), household.Account{Household: door, Result: household.NotHome})
		shows("after one that came before", household.AllWell)
		x.paid(t, laterRef, synced.Add(3*time.Hour), household.Account{Household: door, Result: household.NotHome})
		shows("after another of the same moment", household.NotHome)
	})
}

// F16: a home was visited last when somebody was there last, whenever that was sent.
func TestF16_TheLastVisitIsTheOneThatWasPaidLast(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		door, last := x.doors[1], synced.Add(30*time.Hour)
		x.at(synced.Add(48 * time.Hour))
		x.paid(t, ref, last, household.Account{Household: door, Result: household.AllWell})
		x.paid(t, lateRef, synced, household.Account{Household: door, Result: household.NotHome})
		home, err := x.service.Read(t.Context(), x.YaoMangzhong, door)
		if err != nil || home.Last == nil || home.Last.Result != household.AllWell || !home.Last.HappenedAt.Equal(last) {
			t.Errorf("the last visit is %+v (%v), want the one of %v", home.Last, err, last)
		}
		x.at(synced.Add(91 * 24 * time.Hour)) // 90 days after the first, not after the last
		if got := x.reason(t, door); got != "" {
			t.Errorf("on the list for %q, want not on it", got)
		}
		x.at(last.Add(90 * 24 * time.Hour))
		if got := x.reason(t, door); got != household.LongNotVisited {
			t.Errorf("on the list for %q 90 days later, want for %q", got, household.LongNotVisited)
		}
	})
}

// F10: for how long a household wants no visit is what it has said last about it.
func TestF10_WhatAHouseholdSaidLastAboutVisitsHolds(t *testing.T) {
	t.Parallel()
	declined := func(door household.ID, days int) household.Account {
		return household.Account{Household: door, Result: household.Declined, MuteDays: days}
	}
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		door, today := x.doors[1], calendar.DayOf(synced)
		until := func(when string, want calendar.Day) {
			t.Helper()
			home, err := x.service.Read(t.Context(), x.YaoMangzhong, door)
			if err != nil {
				t.Fatal(err)
			}
			var got calendar.Day
			if home.MutedUntil != nil {
				got = *home.MutedUntil
			}
			if got != want {
				t.Errorf("%s: muted until %q, want %q", when, got, want)
			}
		}
		says := func(until calendar.Day) {
			t.Helper()
			if err := x.service.Mute(t.Context(), x.YaoMangzhong, door, until); err != nil {
				t.Fatal(err)
			}
		}
		x.paid(t, ref, synced, declined(door, 0))
		until("declined", today.Add(90))
		x.at(synced.Add(26 * time.Hour))
		x.paid(t, lateRef, synced.Add(24*time.Hour), declined(door, 7))
		until("declined for a week the next day", today.Add(8))
		x.paid(t, laterRef, synced.Add(12*time.Hour), declined(door, 60))
		until("an earlier word is sent late", today.Add(8))
		says(today.Add(1))
		until("lifted", "")
		x.paid(t, "33333333-4f6e-4a0e-8f57-90a4f9b0c1d2", synced.Add(25*time.Hour), declined(door, 0))
		until("an earlier no is sent after the mute was lifted", "")
		x.at(synced.Add(28 * time.Hour))
		x.paid(t, "44444444-4f6e-4a0e-8f57-90a4f9b0c1d2", synced.Add(27*time.Hour), declined(door, 3))
		until("declined since", today.Add(4))

		door = x.doors[0]
		says(today.Add(1))
		x.paid(t, "55555555-4f6e-4a0e-8f57-90a4f9b0c1d2", synced.Add(27*time.Hour), declined(door, 0))
		until("welcome, though nothing was to be lifted, before an earlier no is sent", "")
	})
}

// F12: a note of a rain round that is sent after a no, or after they have moved out, is gone as one that was sent before.
func TestF12_ANoteOfARoundThatIsSentAfterTheNoIsNotKept(t *testing.T) {
	t.Parallel()
	no := func(t *testing.T, _ *db.DB, x *fixture) {
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, x.doors[1], household.RiskVisit, "phone"); err != nil {
			t.Fatal(err)
		}
	}
	agree := func(t *testing.T, _ *db.DB, x *fixture) { x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit) }
	roof := func(t *testing.T, d *db.DB, x *fixture) { x.roof(t, x.doors[1], laterRef, calendar.DayOf(d.Now())) }
	move := func(t *testing.T, d *db.DB, x *fixture) { x.moves(t, d, x.doors[1]) }
	rain := func(t *testing.T, _ *db.DB, x *fixture) { x.rain(t) }
	nothing := func(*testing.T, *db.DB, *fixture) {}
	for name, c := range map[string]struct {
		before, weather, since func(*testing.T, *db.DB, *fixture)
		kept                   int
	}{
		"a no":                                  {agree, rain, no, 0},
		"moved out, who had agreed":             {agree, rain, move, 0},
		"moved out, who were promised a roof":   {roof, rain, move, 0},
		"a no in fair weather":                  {agree, nothing, no, 1},
		"a no of who had never agreed":          {nothing, rain, no, 1},
		"moved out, who were never on the list": {nothing, rain, move, 1},
		"on the list still":                     {agree, rain, nothing, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, d *db.DB, x *fixture) {
				c.before(t, d, x)
				c.weather(t, d, x)
				x.at(synced.Add(2 * time.Hour))
				c.since(t, d, x)
				x.at(synced.Add(8 * time.Hour))
				x.paid(t, lateRef, synced.Add(time.Hour), household.Account{Household: x.doors[1], Result: household.AllWell, Note: "独自在家"})
				if n := count(t, d, `SELECT COUNT(*) FROM visit WHERE note_sealed IS NOT NULL`); n != c.kept {
					t.Errorf("%d notes are kept, want %d", n, c.kept)
				}
			})
		})
	}
}

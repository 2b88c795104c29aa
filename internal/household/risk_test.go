package household_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// rain opens heavy rain over 杏坞村 for two days.
func (x *fixture) rain(t *testing.T) household.RiskEvent {
	t.Helper()
	e, err := x.service.OpenRisk(t.Context(), x.LuoQingming, household.NewRisk{Kind: "heavy_rain", Hours: 48, Unit: x.Xingwu.Unit.ID})
	if err != nil {
		t.Fatalf("open a risk event: %v", err)
	}
	return e
}

// roof promises something about the house of a door, due on a day.
func (x *fixture) roof(t *testing.T, id household.ID, ref string, due calendar.Day) {
	t.Helper()
	a := household.Account{
		Household: id, Result: household.Needs, ClientRef: ref, Needs: []request.Need{{What: "屋顶漏水", Category: request.DwellingSafety}},
		Promises: []household.Word{{NewPromise: request.NewPromise{DueOn: due, Text: "来修屋顶"}}},
	}
	if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
		t.Fatal(err)
	}
}

func TestF12_ARainRoundListsAgreedHomesAndRoofPromisesOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for _, number := range []string{"2-33", "2-34", "2-35"} {
			x.doors = append(x.doors, door(t, d, x.Xingwu.Unit, x.Xingwu.Areas[1].Area, number))
		}
		x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit)
		x.agree(t, x.YaoMangzhong, x.doors[2], household.CareVisit) // to something else
		x.roof(t, x.doors[3], "33333333-4f6e-4a0e-8f57-90a4f9b0c1d2", "2026-08-30")
		x.agree(t, x.YaoMangzhong, x.doors[4], household.RiskVisit)
		x.agree(t, x.YaoMangzhong, x.doors[5], household.RiskVisit)
		x.agree(t, x.YiPian, x.foreign, household.RiskVisit)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { // nobody lives there any more
			_, err := tx.Change(t.Context(), `UPDATE premises SET occupied = ? WHERE id = ?`, false, x.doors[4])
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, x.doors[5], household.RiskVisit, "phone"); err != nil {
			t.Fatal(err)
		}
		e := x.rain(t)
		round := func(by org.Actor) (doors []string) {
			t.Helper()
			offers, err := x.service.Round(t.Context(), by, e.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range offers {
				doors = append(doors, o.Door+" "+string(o.Reason))
			}
			return doors
		}
		if got, want := round(x.YaoMangzhong), []string{"2-33 promise_due", "2-31 agreed_risk_visit"}; !slices.Equal(got, want) {
			t.Errorf("the list is %q, want %q", got, want)
		}
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit) // while it rains
		x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit) // once more
		if got, want := round(x.YaoMangzhong), []string{"2-33 promise_due", "2-30 agreed_risk_visit", "2-31 agreed_risk_visit"}; !slices.Equal(got, want) {
			t.Errorf("with a late yes the list is %q, want %q", got, want)
		}
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, x.doors[0], household.RiskVisit, "phone"); err != nil {
			t.Fatal(err)
		}
		if got, want := round(x.YiPian), []string{"1-1 agreed_risk_visit"}; !slices.Equal(got, want) {
			t.Errorf("the neighbour's list is %q, want %q", got, want)
		}
		var told []struct {
			Person org.PersonID `db:"person_id"`
			Prio   int          `db:"prio"`
			Args   string       `db:"args"`
		}
		if err := d.Select(t.Context(), &told, `SELECT person_id, prio, args FROM inbox WHERE kind = 'risk.opened' ORDER BY person_id`); err != nil || len(told) != 2 || told[0].Prio != 0 {
			t.Errorf("told %+v (%v), want both holders at once", told, err)
		}
		due, _, err := x.service.Due(t.Context(), x.YaoMangzhong, "", 1)
		if err != nil || len(due) != 1 || due[0].Reason != household.AgreedRiskVisit || due[0].Door != "2-31" {
			// the promise is due on the 30th: until then only the weather calls for that door
			t.Errorf("due is %+v (%v), want 2-31 for the weather first", due, err)
		}
		for name, by := range map[string]org.Actor{
			"the office": x.LuoQingming, "the secretary": x.FengShuangjiang, "another village's holder": x.ZhangHolder, "a resident": x.LinXiaoman,
		} {
			if _, err := x.service.Round(t.Context(), by, e.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s lists the round: %v, want not found", name, err)
			}
		}
		c, err := x.service.ReadRisk(t.Context(), x.LuoQingming, e.ID)
		if err != nil || c.Offered != "<5" || c.Done != "0" {
			t.Errorf("the office reads %s offered, %s done (%v); want <5 and 0", c.Offered, c.Done, err)
		}
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, x.doors[1], household.RiskVisit, "phone"); err != nil {
			t.Fatal(err)
		}
		if got, want := round(x.YaoMangzhong), []string{"2-33 promise_due"}; !slices.Equal(got, want) {
			t.Errorf("after a withdrawal the list is %q, want %q", got, want)
		}
	})
}

// A yes and a no in turn while it rains count each home once, and a home that says no or wants no visit is left in peace.
func TestF12_ARoundFollowsWhatHomesSay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit)
		e := x.rain(t)
		no := func(id household.ID) {
			t.Helper()
			if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, id, household.RiskVisit, "phone"); err != nil {
				t.Fatal(err)
			}
		}
		holds := func(what string, rows, offered int) {
			t.Helper()
			offers, err := x.service.Round(t.Context(), x.YaoMangzhong, e.ID)
			if n := count(t, d, `SELECT offered FROM risk_event`); err != nil || len(offers) != rows || n != offered {
				t.Errorf("%s: %d homes on the list, %d counted (%v); want %d and %d", what, len(offers), n, err, rows, offered)
			}
		}
		for range 4 {
			no(x.doors[0])
			x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		}
		holds("after four times no and yes", 2, 2)
		if err := x.service.Mute(t.Context(), x.YaoMangzhong, x.doors[0], "2026-09-17"); err != nil {
			t.Fatal(err)
		}
		holds("one wants no visit", 1, 2)
		no(x.doors[0])
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		holds("who wants no visit agrees once more", 1, 1)
		x.at(synced.Add(time.Hour))
		a := household.Account{Household: x.doors[1], Result: household.AllWell, Note: "独自在家", ClientRef: ref}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
			t.Fatal(err)
		}
		no(x.doors[1])
		holds("who was visited says no", 0, 0)
		if n := count(t, d, `SELECT COUNT(*) FROM visit WHERE note_sealed IS NOT NULL`); n != 0 {
			t.Errorf("%d notes are left of the round, want none", n)
		}
	})
}

// F12, F16: nobody has called where the visit could not be made. The door stays due, and is counted as not done.
func TestF12_AVisitThatCouldNotBeMadeLeavesTheDoorOnItsLists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		home := x.doors[1]
		x.agree(t, x.YaoMangzhong, home, household.RiskVisit)
		e := x.rain(t)
		x.at(synced.Add(time.Hour))
		visit := func(ref string, a household.Account) {
			t.Helper()
			a.Household, a.ClientRef = home, ref
			if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
				t.Fatal(err)
			}
		}
		reason := func() (r household.DueReason) {
			t.Helper()
			all, _, err := x.service.Due(t.Context(), x.YaoMangzhong, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range all {
				if a.ID == home {
					r = a.Reason
				}
			}
			return r
		}
		done := func() bool {
			t.Helper()
			offers, err := x.service.Round(t.Context(), x.YaoMangzhong, e.ID)
			if err != nil || len(offers) != 1 {
				t.Fatalf("the round is %+v (%v), want one home", offers, err)
			}
			return offers[0].VisitID != nil
		}
		visit("55555555-4f6e-4a0e-8f57-90a4f9b0c1d1", household.Account{Result: household.Unable, Reason: "no_time"})
		if got := reason(); got != household.AgreedRiskVisit || done() {
			t.Errorf("after a visit that could not be made the door is due for %q, done: %v; want it due, and not done", got, done())
		}
		seen, err := x.service.Read(t.Context(), x.YaoMangzhong, home)
		if err != nil || seen.Last != nil {
			t.Errorf("it says to have been visited: %+v (%v)", seen.Last, err)
		}
		visit("55555555-4f6e-4a0e-8f57-90a4f9b0c1d2", household.Account{Result: household.AllWell})
		visit("55555555-4f6e-4a0e-8f57-90a4f9b0c1d3", household.Account{Result: household.Unable, Reason: "away"})
		if got := reason(); got != "" || !done() {
			t.Errorf("once somebody has called it is due for %q, done: %v; want neither", got, done())
		}
	})
}

func TestF12_ARiskEventClosesItselfAndLeavesNothingTemporary(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit)
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		e := x.rain(t)
		end := e.EndsAt
		x.at(synced.Add(time.Hour))
		first, again := leak(x), leak(x)
		first.HappenedAt, again.HappenedAt = nil, nil
		again.ClientRef, again.Note, again.Needs, again.Result = "44444444-4f6e-4a0e-8f57-90a4f9b0c1d2", "已修", nil, household.AllWell
		for _, a := range []household.Account{first, again} {
			if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
				t.Fatal(err)
			}
		}
		if offers, err := x.service.Round(t.Context(), x.YaoMangzhong, e.ID); err != nil || len(offers) != 2 || offers[1].Result == nil || *offers[1].Result != household.AllWell {
			t.Errorf("the round is %+v (%v), want the newest result", offers, err)
		}
		step := func(at time.Time, state household.RiskState, notes, offers int) {
			t.Helper()
			x.at(at)
			var nodes sync.WaitGroup
			for range 3 {
				nodes.Go(func() {
					if _, err := x.service.CloseDue(t.Context()); err != nil {
						t.Errorf("close: %v", err)
					}
				})
			}
			nodes.Wait()
			c, err := x.service.ReadRisk(t.Context(), x.LuoQingming, e.ID)
			if err != nil || c.State != state {
				t.Errorf("%v: %s (%v), want %s", at, c.State, err, state)
			}
			if got := count(t, d, `SELECT COUNT(*) FROM visit WHERE note_sealed IS NOT NULL`); got != notes {
				t.Errorf("%v: %d notes, want %d", at, got, notes)
			}
			if got := count(t, d, `SELECT COUNT(*) FROM risk_offer`); got != offers {
				t.Errorf("%v: %d homes on the list, want %d", at, got, offers)
			}
		}
		step(end.Add(-time.Millisecond), household.RiskOpen, 2, 2)
		late := end.Add(3 * time.Hour) // after a downtime, as of its end
		step(late, household.RiskClosed, 2, 2)
		step(end.Add(14*24*time.Hour-time.Millisecond), household.RiskClosed, 2, 2)
		step(end.Add(14*24*time.Hour), household.RiskPurged, 0, 0)
		if got := count(t, d, `SELECT COUNT(*) FROM request`); got != 1 {
			t.Errorf("%d requests are left, want the one", got)
		}
		if got := count(t, d, `SELECT COUNT(*) FROM audit WHERE action IN ('risk.closed', 'risk.purged')`); got != 2 {
			t.Errorf("%d ends are noted, want one of each", got)
		}
		if _, err := x.service.CloseRisk(t.Context(), x.LuoQingming, e.ID); !errors.Is(err, household.ErrRiskOver) {
			t.Errorf("close it again: %v, want %v", err, household.ErrRiskOver)
		}
	})
}

func TestX21_ARoundHoldsCountsOnlyAndIsToldOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		var entrance, foreign household.EntranceID
		for id, e := range map[household.ID]*household.EntranceID{x.doors[0]: &entrance, x.foreign: &foreign} {
			if err := d.Get(t.Context(), e, `SELECT entrance_id FROM premises WHERE id = ?`, id); err != nil {
				t.Fatal(err)
			}
		}
		w := household.Walk{Entrance: entrance, Kind: "notice", Doors: 12, Answered: 7, ClientRef: ref}
		first, err := x.service.RecordRound(t.Context(), x.YaoMangzhong, w)
		if err != nil || first.Label != "2-30" {
			t.Fatalf("recorded %+v, %v", first, err)
		}
		if again, err := x.service.RecordRound(t.Context(), x.YaoMangzhong, w); err != nil || again.ID != first.ID {
			t.Errorf("told again: %+v, %v; want the same", again, err)
		}
		w.Answered = 8
		if _, err := x.service.RecordRound(t.Context(), x.YaoMangzhong, w); !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("another one under its clientRef: %v, want %v", err, problem.ErrKeyReused)
		}
		w.ClientRef, w.Entrance = "55555555-4f6e-4a0e-8f57-90a4f9b0c1d2", foreign
		if _, err := x.service.RecordRound(t.Context(), x.YaoMangzhong, w); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("in another area: %v, want not found", err)
		}
		w.Entrance, w.Answered = entrance, 13
		if _, err := x.service.RecordRound(t.Context(), x.YaoMangzhong, w); !errors.Is(err, household.ErrRoundCounts) {
			t.Errorf("more answers than doors: %v, want %v", err, household.ErrRoundCounts)
		}
		if all, _, err := x.service.Rounds(t.Context(), x.YaoMangzhong, "", 0); err != nil || len(all) != 1 {
			t.Errorf("listed %+v, %v; want the one", all, err)
		}
	})
}

func TestF12_OfOfficesThatOpenTheSameRainAtOnceOneDoes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() {
				_, errs[i] = x.service.OpenRisk(t.Context(), x.LuoQingming, household.NewRisk{Kind: "heavy_rain", Hours: 48, Unit: x.Xingwu.Unit.ID})
			})
		}
		all.Wait()
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM risk_event WHERE state = ?`, household.RiskOpen); err != nil || n != 1 {
			t.Errorf("%d rains are open (%v), want 1: %v", n, err, errs)
		}
		for _, err := range errs {
			if err != nil && !errors.Is(err, household.ErrRiskThere) {
				t.Errorf("another says %v, want %v", err, household.ErrRiskThere)
			}
		}
	})
}

func TestF12_WhoeverTakesTheirConsentBackLeavesNoNoteOfTheRain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit)
		x.rain(t)
		for _, ref := range []string{"11111111-4f6e-4a0e-8f57-90a4f9b0c1d2", "22222222-4f6e-4a0e-8f57-90a4f9b0c1d2"} {
			a := household.Account{Household: x.doors[1], Result: household.AllWell, Note: "老人在屋里", ClientRef: ref}
			if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, x.doors[1], household.RiskVisit, "phone"); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM visit WHERE note_sealed IS NOT NULL`); err != nil || n != 0 {
			t.Errorf("%d notes of the rain are left (%v)", n, err)
		}
	})
}

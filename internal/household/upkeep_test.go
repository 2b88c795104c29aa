package household_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// house is a building of 瑞和社区 with an entrance of two doors in its first area.
func (x *fixture) house(t *testing.T, number string) (b household.Building, e household.Entrance, doors []household.Doorway) {
	t.Helper()
	b, err := x.service.Build(t.Context(), x.XuBailu, x.Ruihe.Unit.ID, number)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	id, err := x.service.AddStair(t.Context(), x.XuBailu, household.NewEntrance{
		Place: x.Ruihe.Unit.ID, Building: number, Number: "1", Area: x.Ruihe.Areas[0].Area.ID,
		Doors: []household.Premises{{Door: "101", Kind: household.Home}, {Door: "102", Kind: household.Home}},
	})
	if err != nil {
		t.Fatalf("add an entrance: %v", err)
	}
	return b, x.stair(t, b.ID, id), x.behind(t, id)
}

func (x *fixture) stair(t *testing.T, b household.BuildingID, id household.EntranceID) household.Entrance {
	t.Helper()
	all, _, err := x.service.Entrances(t.Context(), x.XuBailu, x.Ruihe.Unit.ID, b, "", 100)
	if err != nil || len(all) != 1 || all[0].ID != id {
		t.Fatalf("entrances of the building: %+v (%v), want the one", all, err)
	}
	return all[0]
}

func (x *fixture) behind(t *testing.T, id household.EntranceID) []household.Doorway {
	t.Helper()
	doors, _, err := x.service.Doors(t.Context(), x.XuBailu, id, "", 100)
	if err != nil {
		t.Fatalf("doors: %v", err)
	}
	return doors
}

// whole fails the test unless every entrance and home that the secretary of 瑞和社区 sees lies in exactly one area.
func (x *fixture) whole(t *testing.T, d *db.DB, entrances, homes int) {
	t.Helper()
	checks, err := household.CheckAreas(t.Context(), d, x.XuBailu, calendar.DayOf(d.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{entrances, homes} {
		if c := checks[i]; c.Total != want || c.Met != want {
			t.Errorf("%s: %d of %d, want all of %d", c.Name, c.Met, c.Total, want)
		}
	}
}

// hangs are what err says that keeps something from ending.
func hangs(t *testing.T, err error) string {
	t.Helper()
	var p *problem.Problem
	if !errors.As(err, &p) || !errors.Is(err, household.ErrHangs) {
		t.Fatalf("ends: %v, want %v", err, household.ErrHangs)
	}
	return fmt.Sprint(p.Members["uses"])
}

// X1, T7: a building is renamed with its entrances, new doors lie in the area of theirs, and what has ended lies nowhere.
func TestX1_ABuildingIsKeptInOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		b, e, _ := x.house(t, "40")
		x.whole(t, d, 1, 2)
		if n, err := x.service.Furnish(t.Context(), x.XuBailu, e.ID, []household.Premises{{Door: "201", Kind: household.Home}}); err != nil || n != 1 {
			t.Fatalf("add a door: %d, %v", n, err)
		}
		x.whole(t, d, 1, 3)
		if doors, err := household.DoorsOfArea(t.Context(), d, x.Ruihe.Areas[0].Area.ID, calendar.DayOf(d.Now())); err != nil || len(doors) != 3 {
			t.Errorf("the area has %d doors (%v), want the new one as well", len(doors), err)
		}
		if _, err := x.service.Furnish(t.Context(), x.XuBailu, e.ID, []household.Premises{{Door: "201", Kind: household.Home}}); !errors.Is(err, household.ErrDoorThere) {
			t.Errorf("the same door twice: %v, want %v", err, household.ErrDoorThere)
		}
		if _, err := x.service.RenameBuilding(t.Context(), x.XuBailu, b.ID, b.Version+1, "41"); !errors.Is(err, problem.ErrConflict) {
			t.Errorf("rename another version: %v, want %v", err, problem.ErrConflict)
		}
		b, err := x.service.RenameBuilding(t.Context(), x.XuBailu, b.ID, b.Version, "41")
		if err != nil || b.Number != "41" {
			t.Fatalf("rename: %+v, %v", b, err)
		}
		e, err = x.service.RenameEntrance(t.Context(), x.XuBailu, e.ID, x.stair(t, b.ID, e.ID).Version, "3")
		if err != nil || e.Label != "41栋3单元" || e.AreaID == nil || *e.AreaID != x.Ruihe.Areas[0].Area.ID {
			t.Errorf("the entrance is %+v (%v), want 41栋3单元 in its area", e, err)
		}
		if _, err := x.service.Build(t.Context(), x.XuBailu, x.Ruihe.Unit.ID, "41"); !errors.Is(err, household.ErrBuildingThere) {
			t.Errorf("a second building 41: %v, want %v", err, household.ErrBuildingThere)
		}
		if _, err := x.service.Build(t.Context(), x.XuBailu, x.Ruihe.Unit.ID, " 42"); !errors.Is(err, household.ErrNumber) {
			t.Errorf("a number behind a blank: %v, want %v", err, household.ErrNumber)
		}
		if err := x.service.EndBuilding(t.Context(), x.XuBailu, b.ID, b.Version); err != nil {
			t.Fatalf("end: %v", err)
		}
		x.whole(t, d, 0, 0)
		if free, _, err := x.service.Unassigned(t.Context(), x.XuBailu, "", "", 100); err != nil || len(free) != 0 {
			t.Errorf("%d entrances lie in no area (%v), want none: it has ended", len(free), err)
		}
		if _, err := x.service.LookUp(t.Context(), x.XuBailu, x.Ruihe.Unit.ID, "41", "3"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who looks after it: %v, want not found", err)
		}
		if rows := count(t, d, `SELECT COUNT(*) FROM premises WHERE ended_on IS NOT NULL`); rows != 3 {
			t.Errorf("%d doors have ended, want 3 that stay on record", rows)
		}
		x.at(synced.Add(24 * time.Hour)) // the building is there again, as the building it was, with the door that is named
		_, again, doors := x.house(t, "41")
		if again.ID == e.ID || len(doors) != 2 {
			t.Errorf("entrance %d again with %d doors, want another than 3单元 with 2", again.ID, len(doors))
		}
		x.whole(t, d, 1, 2)
		if rows := count(t, d, `SELECT COUNT(*) FROM building`); rows != 1 {
			t.Errorf("%d buildings on record, want the one", rows)
		}
	})
}

// X1: a name is given to what is there though something that has ended was called so, and to nothing else.
func TestX1_TheNameOfWhatHasEndedCanBeGiven(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		gone, _, _ := x.house(t, "40")
		if err := x.service.EndBuilding(t.Context(), x.XuBailu, gone.ID, gone.Version); err != nil {
			t.Fatal(err)
		}
		x.at(synced.Add(24 * time.Hour))
		b, e, doors := x.house(t, "41")
		if _, err := x.service.RenameBuilding(t.Context(), x.XuBailu, b.ID, b.Version, "40"); err != nil {
			t.Fatalf("call it as the one that has ended: %v", err)
		}
		if e = x.stair(t, b.ID, e.ID); e.Label != "40栋1单元" {
			t.Errorf("its entrance is called %s, want 40栋1单元", e.Label)
		}
		if _, err := x.service.Build(t.Context(), x.XuBailu, x.Ruihe.Unit.ID, "40"); !errors.Is(err, household.ErrBuildingThere) {
			t.Errorf("a second building 40: %v, want %v", err, household.ErrBuildingThere)
		}

		if err := x.service.EndDoor(t.Context(), x.XuBailu, doors[0].ID, doors[0].Version); err != nil {
			t.Fatal(err)
		}
		if again, err := x.service.RenameDoor(t.Context(), x.XuBailu, doors[1].ID, doors[1].Version, "101", household.Home); err != nil || again.Door != "101" {
			t.Errorf("the door is %+v, %v; want 101", again, err)
		}
		if _, err := x.service.Furnish(t.Context(), x.XuBailu, e.ID, []household.Premises{{Door: "101", Kind: household.Home}}); !errors.Is(err, household.ErrDoorThere) {
			t.Errorf("a second door 101: %v, want %v", err, household.ErrDoorThere)
		}

		if err := x.service.EndEntrance(t.Context(), x.XuBailu, e.ID, e.Version); err != nil {
			t.Fatal(err)
		}
		x.at(synced.Add(48 * time.Hour))
		id, err := x.service.AddStair(t.Context(), x.XuBailu, household.NewEntrance{
			Place: x.Ruihe.Unit.ID, Building: "40", Number: "2", Area: x.Ruihe.Areas[0].Area.ID,
		})
		if err != nil {
			t.Fatal(err)
		}
		if e, err = x.service.RenameEntrance(t.Context(), x.XuBailu, id, 1, "1"); err != nil || e.Label != "40栋1单元" {
			t.Errorf("the entrance is %+v, %v; want 40栋1单元", e, err)
		}
		if rows := count(t, d, `SELECT COUNT(*) FROM building`) + count(t, d, `SELECT COUNT(*) FROM entrance WHERE building_id IS NOT NULL`); rows != 5 {
			t.Errorf("%d buildings and entrances on record, want all 5", rows)
		}
	})
}

// T6: nothing ends while something is open there, and what is said of it gives no flag away (F9).
func TestT6_ADoorWithSomethingOpenDoesNotEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		door := func(i int) household.Doorway {
			t.Helper()
			e, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", []string{"2-30", "2-31", "2-32"}[i])
			if err != nil {
				t.Fatal(err)
			}
			doors, _, err := x.service.Doors(t.Context(), x.FengShuangjiang, e.ID, "", 100)
			if err != nil || len(doors) != 1 {
				t.Fatalf("%d doors (%v), want one", len(doors), err)
			}
			return doors[0]
		}
		end := func(i int) error {
			return x.service.EndDoor(t.Context(), x.FengShuangjiang, x.doors[i], door(i).Version)
		}
		x.roof(t, x.doors[0], ref, "2026-08-20")
		if got, want := hangs(t, end(0)), "[{requests 1} {promises 1}]"; got != want {
			t.Errorf("a need and a promise hang on it as %s, want %s", got, want)
		}
		e, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", "2-30")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := hangs(t, x.service.EndEntrance(t.Context(), x.FengShuangjiang, e.ID, 1)), "[{requests 1} {promises 1}]"; got != want {
			t.Errorf("on its entrance hangs %s, want %s", got, want)
		}
		x.flag(t, x.doors[1], "2026-12-31")
		if _, err := x.service.SetContact(t.Context(), x.YaoMangzhong, x.doors[2], household.Contact{FormOfAddress: sealed.NameOf("林女士")}); err != nil {
			t.Fatal(err)
		}
		if flagged, known := hangs(t, end(1)), hangs(t, end(2)); flagged != known || flagged != "[{homes 1}]" {
			t.Errorf("a flag hangs on a door as %s, a contact as %s: want the same", flagged, known)
		}
		if got := count(t, d, `SELECT COUNT(*) FROM premises WHERE ended_on IS NOT NULL`); got != 0 {
			t.Errorf("%d doors have ended, want none", got)
		}
		if err := x.service.EndDoor(t.Context(), x.XuBailu, x.doors[2], 1); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the secretary of another place ends it: %v, want not found", err)
		}
		if _, err := x.service.SetContact(t.Context(), x.YaoMangzhong, x.doors[2], household.Contact{Version: 1}); err != nil { // erased
			t.Fatal(err)
		}
		if err := end(2); err != nil {
			t.Errorf("a door about which nothing is kept ends: %v", err)
		}
	})
}

// What was agreed with who has moved out holds for nobody who moves in: neither a consent nor a flag, a number or a wish.
func TestNothingOfWhoMovedOutHoldsForWhoMovesIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.flag(t, x.doors[0], "2026-12-31")
		x.flag(t, x.doors[1], "2026-12-31")
		for _, door := range x.doors[:2] {
			x.agree(t, x.YaoMangzhong, door, household.RiskVisit)
			c := household.Contact{FormOfAddress: sealed.NameOf("林女士"), Phone: sealed.PhoneOf("19900000001")}
			if _, err := x.service.SetContact(t.Context(), x.YaoMangzhong, door, c); err != nil {
				t.Fatal(err)
			}
		}
		event := x.rain(t)
		called := household.Account{Household: x.doors[0], Result: household.AllWell, ClientRef: ref}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, called); err != nil {
			t.Fatal(err)
		}
		if err := x.service.Mute(t.Context(), x.YaoMangzhong, x.doors[0], calendar.DayOf(d.Now()).Add(90)); err != nil {
			t.Fatal(err)
		}
		kept := func(door household.ID) (all []int) {
			day := calendar.DayOf(d.Now())
			return []int{
				count(t, d, `SELECT COUNT(*) FROM household_consent WHERE premises_id = ? AND withdrawn_at IS NULL AND (valid_to IS NULL OR valid_to > ?)`, door, day),
				count(t, d, `SELECT COUNT(*) FROM care_flag WHERE premises_id = ?`, door),
				count(t, d, `SELECT COUNT(*) FROM household_contact WHERE premises_id = ?`, door),
				count(t, d, `SELECT COUNT(*) FROM household_mute WHERE premises_id = ?`, door),
			}
		}
		for i, out := range []bool{true, false} { // the family moves out, and another one in
			m := household.Mark{Version: int64(i + 1), Empty: out, Confirmed: true}
			if _, err := x.service.MarkDoor(t.Context(), x.YaoMangzhong, x.doors[0], m); err != nil {
				t.Fatal(err)
			}
		}
		if got := kept(x.doors[0]); !slices.Equal(got, []int{0, 0, 0, 0}) {
			t.Errorf("consents, flags, contacts and mutes that hold are %v, want none", got)
		}
		if got := kept(x.doors[1]); !slices.Equal(got, []int{2, 1, 1, 0}) {
			t.Errorf("of the neighbour they are %v, want them kept", got)
		}
		round, err := x.service.Round(t.Context(), x.YaoMangzhong, event.ID)
		if err != nil || len(round) != 1 || round[0].Premises != x.doors[1] {
			t.Errorf("the round is %+v (%v), want the neighbour alone", round, err)
		}
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit) // so does the new family
		round, err = x.service.Round(t.Context(), x.YaoMangzhong, event.ID)
		if err != nil || len(round) != 2 || round[0].VisitID != nil || round[1].VisitID != nil {
			t.Errorf("the round is %+v (%v), want two homes that nobody has called at", round, err)
		}
	})
}

// empty is a door of a version where nobody lives, said of all that is kept there.
func empty(version int64) household.Mark {
	return household.Mark{Version: version, Empty: true, Confirmed: true}
}

// A tap on the wrong door erases nothing: what nothing brings back is shown first, and has to be confirmed.
func TestAHomeOfWhichSomethingIsKeptIsMarkedEmptyOnceConfirmed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		home, other := x.doors[0], x.doors[1]
		for _, door := range x.doors[:2] {
			x.flag(t, door, "2026-12-31")
			x.agree(t, x.YaoMangzhong, door, household.RiskVisit)
		}
		x.rain(t)
		c := household.Contact{FormOfAddress: sealed.NameOf("林女士"), Phone: sealed.PhoneOf("19900000001")}
		if _, err := x.service.SetContact(t.Context(), x.YaoMangzhong, home, c); err != nil {
			t.Fatal(err)
		}
		if err := x.service.Mute(t.Context(), x.YaoMangzhong, home, calendar.DayOf(d.Now()).Add(90)); err != nil {
			t.Fatal(err)
		}
		mark := func(by org.Actor, id household.ID, confirmed bool) (household.Marked, error) {
			return x.service.MarkDoor(t.Context(), by, id, household.Mark{Version: 1, Empty: true, Confirmed: confirmed})
		}
		x.roof(t, home, ref, "2026-08-30")
		standIn := x.YaoMangzhong
		standIn.PersonID, standIn.StandInFor = x.YiPian.PersonID, x.YaoMangzhong.PersonID
		for _, c := range []struct {
			by    org.Actor
			want  string
			noted int // that a flag was heard of
		}{
			{x.YaoMangzhong, "[{consents 2} {flags 1} {contacts 1} {mutes 1} {offers 1} {requests 1} {promises 1}]", 1},
			{x.FengShuangjiang, "[{homes 1}]", 0},
			{standIn, "[{homes 1}]", 0},
		} {
			_, err := mark(c.by, home, false)
			var p *problem.Problem
			if !errors.As(err, &p) || !errors.Is(err, household.ErrHomeKept) || fmt.Sprint(p.Members["uses"]) != c.want {
				t.Errorf("%s without a word more: %v, want %v with %s", c.by.Role, err, household.ErrHomeKept, c.want)
			}
			n := count(t, d, `
				SELECT COUNT(*)
				FROM audit
				WHERE action = 'flag.marked' AND object = 'household' AND object_id = ? AND person_id = ?`, home, c.by.PersonID)
			if n != c.noted {
				t.Errorf("that %s heard of a flag is noted %d times, want %d", c.by.Role, n, c.noted)
			}
		}
		if got, err := x.service.Read(t.Context(), x.YaoMangzhong, home); err != nil || !got.Occupied || got.Contact.Phone != c.Phone {
			t.Errorf("after that the home is %+v (%v), want it as it was", got, err)
		}
		got, err := mark(x.YaoMangzhong, home, true)
		if want := "[{consents 2} {flags 1} {contacts 1} {mutes 1} {offers 1} {requests 1} {promises 1}]"; err != nil || got.Occupied || fmt.Sprint(got.Ended) != want {
			t.Errorf("confirmed it is %+v (%v), want it empty, and %s ended", got, err, want)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM risk_offer WHERE premises_id = ?`, home); n != 0 {
			t.Errorf("it stands on %d lists, want none", n)
		}
		if n := count(t, d, `SELECT offered FROM risk_event`); n != 1 {
			t.Errorf("the list has %d homes, want the other", n)
		}
		if got, err := mark(x.FengShuangjiang, other, true); err != nil || fmt.Sprint(got.Ended) != "[{homes 1}]" {
			t.Errorf("of another the secretary hears %v (%v), want one home", got.Ended, err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM request r JOIN promise p ON p.request_id = r.id WHERE r.is_open = ? AND p.state = ?`, true, request.PromiseOpen); n != 1 {
			t.Errorf("%d needs go on with their promise, want the one", n)
		}
		if got, err := mark(x.YaoMangzhong, x.doors[2], false); err != nil || got.Occupied || len(got.Ended) != 0 {
			t.Errorf("a home of which nothing is kept is %+v (%v), want it empty at once", got, err)
		}
	})
}

// A home that has agreed until a day stands on no list of a risk round from that day on.
func TestARoundListsNobodyWhoseConsentHasEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		n := household.NewConsent{
			Household: x.doors[1], Purpose: household.RiskVisit, Wording: "2026-01", Channel: "in_person", Until: calendar.DayOf(d.Now()).Add(1),
		}
		if _, err := x.service.GiveConsent(t.Context(), x.YaoMangzhong, n); err != nil {
			t.Fatal(err)
		}
		event := x.rain(t)
		for after, want := range []int{2, 1} {
			now := d.Now()
			x.at(now.Add(time.Duration(after) * 24 * time.Hour))
			if round, err := x.service.Round(t.Context(), x.YaoMangzhong, event.ID); err != nil || len(round) != want {
				t.Errorf("after %d days the round is %+v (%v), want %d homes", after, round, err, want)
			}
		}
	})
}

// X1, idea 9: a door that has ended, or that nobody lives behind, leaves the lists the same day; what was noted there stays.
func TestADoorThatEndsLeavesTheListsTheSameDay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.agree(t, x.YaoMangzhong, x.doors[0], household.RiskVisit)
		x.agree(t, x.YaoMangzhong, x.doors[1], household.RiskVisit)
		event := x.rain(t)
		seen := household.Account{Household: x.doors[2], Result: household.AllWell, ClientRef: ref}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, seen); err != nil {
			t.Fatal(err)
		}
		lists := func() [3]int {
			t.Helper()
			all, _, err := x.service.Households(t.Context(), x.YaoMangzhong, nil, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			due, _, err := x.service.Due(t.Context(), x.YaoMangzhong, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			round, err := x.service.Round(t.Context(), x.YaoMangzhong, event.ID)
			if err != nil {
				t.Fatal(err)
			}
			return [3]int{len(all), len(due), len(round)}
		}
		if got, want := lists(), [3]int{3, 2, 2}; got != want {
			t.Fatalf("doors, due and round are %v, want %v", got, want)
		}
		if _, err := x.service.MarkDoor(t.Context(), x.YiPian, x.doors[0], empty(1)); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the neighbour marks it empty: %v, want not found", err)
		}
		if marked, err := x.service.MarkDoor(t.Context(), x.YaoMangzhong, x.doors[0], empty(1)); err != nil || marked.Occupied {
			t.Fatalf("marked empty: %+v, %v", marked, err)
		}
		if got, want := lists(), [3]int{3, 1, 1}; got != want {
			t.Errorf("with an empty home they are %v, want %v", got, want)
		}
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, x.doors[1], household.RiskVisit, "phone"); err != nil {
			t.Fatal(err)
		}
		for i, version := range map[int]int64{1: 1, 2: 1} {
			if err := x.service.EndDoor(t.Context(), x.FengShuangjiang, x.doors[i], version); err != nil {
				t.Fatalf("end door %d: %v", i, err)
			}
		}
		if got, want := lists(), [3]int{1, 0, 0}; got != want {
			t.Errorf("with two doors less they are %v, want %v", got, want)
		}
		if _, err := x.service.Read(t.Context(), x.YaoMangzhong, x.doors[2]); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("read a door that has ended: %v, want not found", err)
		}
		if calls, _, err := x.service.Visits(t.Context(), x.YaoMangzhong, "", 100); err != nil || len(calls) != 1 {
			t.Errorf("%d visits are listed (%v), want the one that was paid there", len(calls), err)
		}
		told := household.Account{Household: x.doors[2], Result: household.NotHome, ClientRef: "44444444-4f6e-4a0e-8f57-90a4f9b0c1d2"}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, told); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a visit there: %v, want not found", err)
		}
		areas, _, err := x.service.Areas(t.Context(), x.YaoMangzhong, "", 100)
		if err != nil || len(areas) != 1 || areas[0].Households != "1" {
			t.Errorf("the area is %+v (%v), want one home left", areas, err)
		}
	})
}

// X1: one entrance goes to another area with the yes of who gets it; one that ends before is not applied any more.
func TestX1_OneEntranceMovesWithAYes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		stair := func(label string) household.EntranceID {
			t.Helper()
			e, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", label)
			if err != nil {
				t.Fatal(err)
			}
			return e.ID
		}
		propose := func(label string) household.SplitView {
			t.Helper()
			v, err := x.service.DraftSplit(t.Context(), x.FengShuangjiang, x.Xingwu.Unit.ID,
				[]household.Move{{Entrance: stair(label), To: x.Xingwu.Areas[0].Area.ID}}, "就近走访")
			if err == nil {
				v, err = x.service.ProposeSplit(t.Context(), x.FengShuangjiang, v.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		area := func(label string) org.UnitID {
			t.Helper()
			id, err := household.AreaOf(t.Context(), d, stair(label), calendar.DayOf(d.Now()))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		v := propose("2-30")
		if area("2-30") != x.Xingwu.Areas[1].Area.ID {
			t.Error("the entrance has moved before anybody said yes")
		}
		if got, want := hangs(t, x.service.EndEntrance(t.Context(), x.FengShuangjiang, stair("2-30"), 1)), "[{splits 1}]"; got != want {
			t.Errorf("what is proposed hangs on it as %s, want %s", got, want)
		}
		if v, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, ""); err != nil || v.State != household.SplitApplied {
			t.Fatalf("the move is %s (%v), want applied", v.State, err)
		}
		if area("2-30") != x.Xingwu.Areas[0].Area.ID || area("2-31") != x.Xingwu.Areas[1].Area.ID {
			t.Error("not exactly the one entrance has moved")
		}
		if err := x.service.EndEntrance(t.Context(), x.FengShuangjiang, stair("2-30"), 1); err != nil {
			t.Errorf("once it has moved it ends: %v", err)
		}
		checks, err := household.CheckAreas(t.Context(), d, x.FengShuangjiang, calendar.DayOf(d.Now()))
		if err != nil || checks[1].Total != 3 || checks[1].Met != 3 {
			t.Errorf("%+v (%v), want three homes in one area each", checks, err)
		}
		before, err := household.CheckAreas(t.Context(), d, x.FengShuangjiang, calendar.DayOf(d.Now()).Add(-1))
		if err != nil || before[1].Total != 4 {
			t.Errorf("the day before there were %+v (%v), want four homes", before, err)
		}
	})
}

// Two at once: one ends the door, the other finds another version; and a need that was recorded first keeps it.
func TestADoorIsEndedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		done := make(chan error)
		for range 8 {
			go func() { done <- x.service.EndDoor(t.Context(), x.FengShuangjiang, x.doors[0], 1) }()
		}
		ended := 0
		for range 8 {
			switch err := <-done; {
			case err == nil:
				ended++
			case !errors.Is(err, problem.ErrConflict) && !errors.Is(err, problem.ErrNotFound):
				t.Errorf("ended at once: %v", err)
			}
		}
		if ended != 1 {
			t.Errorf("the door was ended %d times, want once", ended)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM audit WHERE action = 'door.ended'`); n != 1 {
			t.Errorf("%d rows say so, want one", n)
		}
	})
}

// F5: a split is suggested above so many households, and not with so many.
func TestF5_ASplitIsSuggestedAboveTheHint(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for hint, want := range map[int]bool{2: true, 3: false, 40: false} {
			areas, _, err := x.service.Hinting(hint).Areas(t.Context(), x.YaoMangzhong, "", 10)
			if err != nil || len(areas) != 1 || areas[0].Households != "3" || areas[0].SplitSuggested != want {
				t.Errorf("above %d: %+v (%v), want %v of three homes", hint, areas, err, want)
			}
		}
	})
}

// X45: a door that has ended is forgotten 90 days later, unless something still speaks of it: so does a plaque that once
// hung there, as long as that is kept.
func TestX45_ADoorThatHasEndedIsForgottenAfterNinetyDays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		visit := household.Account{Household: x.doors[1], Result: household.AllWell, ClientRef: ref}
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, visit); err != nil {
			t.Fatal(err)
		}
		for _, id := range x.doors[:2] {
			if err := x.service.EndDoor(t.Context(), x.FengShuangjiang, id, 1); err != nil {
				t.Fatal(err)
			}
		}
		forget := privacy.NewRetention(d, page.NewKeys(make([]byte, 32)), "", household.Retained...)
		for _, c := range []struct{ days, left int }{{89, 4}, {91, 3}} {
			x.at(synced.AddDate(0, 0, c.days))
			if _, err := forget.Erase(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(t, d, `SELECT COUNT(*) FROM premises`); n != c.left {
				t.Errorf("after %d days there are %d doors, want %d: the one that was visited stays", c.days, n, c.left)
			}
		}
		plaque := func(query string, args ...any) {
			t.Helper()
			if err := d.InTx(t.Context(), func(tx *db.Tx) error { _, err := tx.Change(t.Context(), query, args...); return err }); err != nil {
				t.Fatal(err)
			}
		}
		plaque(`
			INSERT INTO plaque (person_id, unit_id, premises_id, oath, state, reason, proposed_by, proposed_at)
			VALUES (?, ?, ?, 1, 'returned', '', ?, ?)`,
			x.YaoMangzhong.PersonID, x.Xingwu.Party.ID, x.doors[2], x.FengShuangjiang.PersonID, synced)
		if err := x.service.EndDoor(t.Context(), x.FengShuangjiang, x.doors[2], 1); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			days, left int
			forget     string
		}{{200, 3, ""}, {201, 2, `DELETE FROM plaque`}} {
			x.at(synced.AddDate(0, 0, c.days))
			if c.forget != "" {
				plaque(c.forget)
			}
			if _, err := forget.Erase(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := count(t, d, `SELECT COUNT(*) FROM premises`); n != c.left {
				t.Errorf("after %d days there are %d doors, want %d: the one where a plaque hung stays as long as that", c.days, n, c.left)
			}
		}
	})
}

// X20: a visit that is sent once they have moved out whom it was paid to binds nobody who lives there now.
func TestX20_AVisitSentAfterAMoveIsOfThoseWhoMovedOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		door, paid := x.doors[1], d.Now().Add(time.Hour)
		x.at(d.Now().Add(24 * time.Hour))
		for i, out := range []bool{true, false} {
			if _, err := x.service.MarkDoor(t.Context(), x.YaoMangzhong, door, household.Mark{Version: int64(i + 1), Empty: out, Confirmed: true}); err != nil {
				t.Fatal(err)
			}
		}
		x.called(t, door, "吴女士", "19900000031")
		no := household.Account{Household: door, Result: household.Declined, ClientRef: "11111111-4f6e-4a0e-8f57-90a4f9b0c1d3", HappenedAt: &paid}
		need := leak(x)
		need.HappenedAt = &paid
		for _, a := range []household.Account{no, need} {
			if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a); err != nil {
				t.Fatal(err)
			}
		}
		home, err := x.service.Read(t.Context(), x.YaoMangzhong, door)
		if err != nil || home.MutedUntil != nil || home.Last != nil {
			t.Errorf("the home is muted until %v and was visited %+v (%v), want neither", home.MutedUntil, home.Last, err)
		}
		if got := count(t, d, `SELECT COUNT(*) FROM request_asker WHERE address_sealed IS NOT NULL`); got != 0 {
			t.Errorf("%d needs have the name of who lives there now", got)
		}
	})
}

// X46, F16: what was known of who has moved out is not of who lives there now: it stands in no pack of theirs, their no is
// nobody else's, and the door is new to whoever visits it.
func TestWhoMovesInHasNothingOfWhoMovedOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const hers = "19900000031"
		door := x.doors[1]
		later := func() { x.at(d.Now().Add(24 * time.Hour)) }
		x.called(t, door, "林女士", "19900000032")
		before := household.Account{Household: door, Result: household.Declined, ClientRef: "11111111-4f6e-4a0e-8f57-90a4f9b0c1d2"}
		old, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, before)
		if err != nil {
			t.Fatal(err)
		}
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "约定老住户回电"}
		if _, err := x.service.Unmask(t.Context(), x.YaoMangzhong, door, []string{household.PhoneNumber}, why); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.WithdrawConsent(t.Context(), x.YaoMangzhong, door, household.CareVisit, "phone"); err != nil {
			t.Fatal(err)
		}
		later()
		for i, out := range []bool{true, false} {
			m := household.Mark{Version: int64(i + 1), Empty: out, Confirmed: true}
			if _, err := x.service.MarkDoor(t.Context(), x.YaoMangzhong, door, m); err != nil {
				t.Fatal(err)
			}
			if out {
				x.at(d.Now().Add(100 * 24 * time.Hour)) // it stands empty
			}
		}
		later()
		due, _, err := x.service.Due(t.Context(), x.YaoMangzhong, "", 50)
		i := slices.IndexFunc(due, func(r household.Due) bool { return r.ID == door })
		if err != nil || i < 0 || due[i].Reason != household.NewHousehold || due[i].LastVisited != nil {
			t.Errorf("due are %+v (%v), want the home as a new one", due, err)
		}
		why.Reason = "核对老住户的走访"
		if _, err := x.service.UnmaskVisit(t.Context(), x.YaoMangzhong, old.ID, why); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.ReadVisit(t.Context(), x.YaoMangzhong, old.ID); err != nil {
			t.Fatal(err)
		}
		home, err := x.service.Read(t.Context(), x.YaoMangzhong, door)
		if err != nil || home.Last != nil || len(home.Consents) != 0 {
			t.Errorf("the home shows the visit %+v and the answers %+v (%v), want neither", home.Last, home.Consents, err)
		}
		x.flag(t, door, "2026-12-31")
		x.called(t, door, "吴女士", hers)
		told := leak(x)
		told.HappenedAt, told.Needs[0].CallBack = nil, request.CallPhone
		if _, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, told); err != nil {
			t.Fatal(err)
		}
		var asker int64
		if err := d.Get(t.Context(), &asker, `SELECT MAX(id) FROM request_asker`); err != nil {
			t.Fatal(err)
		}
		pack, err := x.service.OwnData(t.Context(), privacy.Subject{Asker: asker})
		text := fmt.Sprint(pack)
		if err != nil || !strings.Contains(text, "{走访 2026-11-27 16:40 有需要}") || !strings.Contains(text, "{关怀走访 同意 2026-11-27}") {
			t.Errorf("the pack is %s (%v), want what is theirs", text, err)
		}
		for _, theirs := range []string{"谢绝走访", "不同意", "老住户", "2026-08-17"} {
			if strings.Contains(text, theirs) {
				t.Errorf("the pack holds %s of who lived there before: %s", theirs, text)
			}
		}
	})
}

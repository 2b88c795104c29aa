package household_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// leave ends the role of who holds an area.
func (x *fixture) leave(t *testing.T, d *db.DB, by, holder org.Actor) {
	t.Helper()
	units := org.NewService(d, func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil })
	if err := units.EndAssignment(t.Context(), by, holder.Assignment, "", "搬离"); err != nil {
		t.Fatal(err)
	}
}

// halved drafts and proposes that the doors 2-31 and 2-32 go to the neighbouring area.
func (x *fixture) halved(t *testing.T, d *db.DB) household.SplitView {
	t.Helper()
	var moves []household.Move
	for _, label := range []string{"2-31", "2-32"} {
		moves = append(moves, household.Move{Entrance: x.stairOf(t, d, label), To: x.Xingwu.Areas[0].Area.ID})
	}
	return x.proposed(t, moves...)
}

// proposed is a split of such moves that is proposed.
func (x *fixture) proposed(t *testing.T, moves ...household.Move) household.SplitView {
	t.Helper()
	v, err := x.service.DraftSplit(t.Context(), x.FengShuangjiang, x.Xingwu.Unit.ID, moves, "均衡户数")
	if err == nil {
		v, err = x.service.ProposeSplit(t.Context(), x.FengShuangjiang, v.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// X1: a split is applied as a whole with the yes of who gets the doors, and every door lies in exactly one area.
func TestX1_ASplitIsAppliedWithTheLastYes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		today := calendar.DayOf(d.Now())
		v := x.halved(t, d)
		for _, a := range v.Areas {
			want := map[org.UnitID][2]int{x.Xingwu.Areas[0].Area.ID: {1, 3}, x.Xingwu.Areas[1].Area.ID: {3, 1}}[a.ID]
			if [2]int{a.Before, a.After} != want {
				t.Errorf("%s has %d and would have %d, want %v", a.Name, a.Before, a.After, want)
			}
		}
		for _, c := range []struct {
			what string
			by   org.Actor
			want error
		}{
			{"who gives doors away", x.YaoMangzhong, problem.ErrNotFound},
			{"the secretary", x.FengShuangjiang, problem.ErrForbidden},
			{"another village", x.ZhengXiaoxue, problem.ErrNotFound},
			{"who gets them", x.YiPian, nil},
		} {
			if _, err := x.service.AnswerSplit(t.Context(), c.by, v.ID, true, ""); !errors.Is(err, c.want) {
				t.Errorf("%s accepts: %v, want %v", c.what, err, c.want)
			}
		}
		for i, want := range map[int]int{0: 3, 1: 1} {
			doors, err := household.DoorsOfArea(t.Context(), d, x.Xingwu.Areas[i].Area.ID, today)
			if err != nil || len(doors) != want {
				t.Errorf("area %d has %d doors (%v), want %d", i+1, len(doors), err, want)
			}
			before, err := household.DoorsOfArea(t.Context(), d, x.Xingwu.Areas[i].Area.ID, today.Add(-1))
			if err != nil || len(before) != 4-want {
				t.Errorf("the day before area %d had %d doors (%v), want %d", i+1, len(before), err, 4-want)
			}
		}
		checks, err := household.CheckAreas(t.Context(), d, x.FengShuangjiang, today)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			if c.Total != 4 || c.Met != 4 {
				t.Errorf("%s: %d of %d, want 4 of 4", c.Name, c.Met, c.Total)
			}
		}
		if _, err := x.service.AnswerSplit(t.Context(), x.FengShuangjiang, v.ID, false, "晚了"); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("answered again by the secretary: %v, want %v", err, problem.ErrForbidden)
		}
		if v, err = x.service.FindSplit(t.Context(), x.FengShuangjiang, v.ID); err != nil || v.State != household.SplitApplied {
			t.Errorf("the split is %s (%v), want applied", v.State, err)
		}
	})
}

// F5: households are homes. A street of shops suggests no split, and the preview tells homes and doors apart.
func TestF5_ShopsAreDoorsAndNoHouseholds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		street, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", "2-31")
		if err != nil {
			t.Fatal(err)
		}
		shops := []household.Premises{{Door: "东1", Kind: household.Shop}, {Door: "东2", Kind: household.Workshop}}
		if _, err := x.service.Furnish(t.Context(), x.FengShuangjiang, street.ID, shops); err != nil {
			t.Fatal(err)
		}
		areas, _, err := x.service.Hinting(3).Areas(t.Context(), x.YaoMangzhong, "", 10)
		if err != nil || len(areas) != 1 || areas[0].Households != "3" || areas[0].Doors != "5" || areas[0].SplitSuggested {
			t.Errorf("the area is %+v (%v), want 3 homes behind 5 doors, and no split of 3", areas, err)
		}
		v := x.halved(t, d)
		for range 2 { // as proposed, and as applied
			for _, a := range v.Areas {
				want := map[org.UnitID][4]int{x.Xingwu.Areas[0].Area.ID: {1, 3, 1, 5}, x.Xingwu.Areas[1].Area.ID: {3, 1, 5, 1}}[a.ID]
				if got := [4]int{a.Before, a.After, a.DoorsBefore, a.DoorsAfter}; got != want {
					t.Errorf("%s: homes before and after, doors before and after are %v once %s, want %v", a.Name, got, v.State, want)
				}
			}
			for _, m := range v.Moves {
				if want := map[string][2]int{"2-31": {1, 3}, "2-32": {1, 1}}[m.Label]; want != [2]int{m.Homes, m.Doors} {
					t.Errorf("%s brings %d homes and %d doors, want %v", m.Label, m.Homes, m.Doors, want)
				}
			}
			if v.State == household.SplitApplied {
				break
			}
			if v, err = x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, ""); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What was done and promised at a door goes with it: who looks after it from now on knows, who did does not any more.
func TestX1_ASplitTakesVisitsAndPromisesAlong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		call := func(a household.Account, due calendar.Day, text string) (household.VisitID, request.PromiseID) {
			t.Helper()
			a.Promises = []household.Word{{NewPromise: request.NewPromise{DueOn: due, Text: text}}}
			r, err := x.service.RecordVisit(t.Context(), x.YaoMangzhong, a)
			if err != nil {
				t.Fatal(err)
			}
			return r.ID, r.Promises[0]
		}
		visited, ofNeed := call(leak(x), "2026-08-20", "来修屋顶")
		_, free := call(household.Account{
			Household: x.doors[1], Result: household.AllWell, ClientRef: "55555555-4f6e-4a0e-8f57-90a4f9b0c1d2",
		}, "2026-08-21", "再来看望")
		v := x.halved(t, d)
		if _, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, ""); err != nil {
			t.Fatal(err)
		}
		if c, err := x.service.ReadVisit(t.Context(), x.YiPian, visited); err != nil || c.Note != "老人独居" || c.PersonID != x.YaoMangzhong.PersonID {
			t.Errorf("the new holder reads %+v (%v), want the visit under the name of who paid it", c, err)
		}
		if _, err := x.service.ReadVisit(t.Context(), x.YaoMangzhong, visited); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the holder before: %v, want not found", err)
		}
		if _, err := x.requests.KeepPromise(t.Context(), x.YaoMangzhong, free); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the holder before keeps the promise: %v, want not found", err)
		}
		if _, err := x.requests.KeepPromise(t.Context(), x.YiPian, free); err != nil {
			t.Errorf("the new holder keeps the promise: %v", err)
		}
		if _, err := x.requests.KeepPromise(t.Context(), x.YaoMangzhong, ofNeed); err != nil { // who still holds the need
			t.Errorf("who holds the need keeps the promise about it: %v", err)
		}
	})
}

func TestX1_ANoEndsASplitAndMovesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		v := x.halved(t, d)
		if _, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, false, ""); !errors.Is(err, household.ErrSplitReason) {
			t.Errorf("a no without a reason: %v, want %v", err, household.ErrSplitReason)
		}
		if v, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, false, "一片区也忙"); err != nil || v.State != household.SplitDeclined {
			t.Errorf("the split is %s (%v), want declined", v.State, err)
		}
		if _, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, ""); !errors.Is(err, household.ErrTransition) {
			t.Errorf("a yes after the no: %v, want %v", err, household.ErrTransition)
		}
		if doors, err := household.DoorsOfArea(t.Context(), d, x.Xingwu.Areas[1].Area.ID, calendar.DayOf(d.Now())); err != nil || len(doors) != 3 {
			t.Errorf("the area has %d doors (%v), want all 3", len(doors), err)
		}
	})
}

// T8: for an area without a holder the next lead up the ladder answers.
func TestT8_TheInterimHolderAnswersASplit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		v := x.halved(t, d)
		x.leave(t, d, x.FengShuangjiang, x.YiPian)
		if v, err := x.service.AnswerSplit(t.Context(), x.FengShuangjiang, v.ID, true, ""); err != nil || v.State != household.SplitApplied {
			t.Errorf("the split is %s (%v), want applied", v.State, err)
		}
	})
}

// told are how many items of a kind about a split wait for who is told in the role of by.
func told(t *testing.T, d *db.DB, kind string, id household.SplitID, by org.Actor) int {
	t.Helper()
	return count(t, d, `
		SELECT COUNT(*)
		FROM inbox
		WHERE kind = ? AND ref_type = 'area_split' AND ref_id = ? AND person_id = ? AND assignment_id = ?`, kind, id, by.PersonID, by.Assignment)
}

// stairOf is the entrance of 杏坞村 that is called so.
func (x *fixture) stairOf(t *testing.T, d *db.DB, label string) household.EntranceID {
	t.Helper()
	e, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", label)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// A split whose doors were dealt elsewhere meanwhile is settled with the last yes and moves nothing, not even those that still
// lie where they did. Whoever drafted it hears of it, and what has ended is not tied to it any more.
func TestX1_ASplitOfDoorsThatHaveMovedIsSettled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		area := func(label string) org.UnitID {
			id, err := household.AreaOf(t.Context(), d, x.stairOf(t, d, label), calendar.DayOf(d.Now()))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		first, second := household.Move{Entrance: x.stairOf(t, d, "2-30"), To: x.Xingwu.Areas[0].Area.ID}, household.Move{Entrance: x.stairOf(t, d, "2-31"), To: x.Xingwu.Areas[0].Area.ID}
		both, one := x.proposed(t, first, second), x.proposed(t, second)
		late, err := x.service.DraftSplit(t.Context(), x.FengShuangjiang, x.Xingwu.Unit.ID, []household.Move{second}, "就近走访")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.AnswerSplit(t.Context(), x.YiPian, one.ID, true, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.ProposeSplit(t.Context(), x.FengShuangjiang, late.ID); !errors.Is(err, household.ErrSplitChanged) {
			t.Errorf("what can be applied no more is proposed: %v, want %v", err, household.ErrSplitChanged)
		}
		v, err := x.service.AnswerSplit(t.Context(), x.YiPian, both.ID, true, "")
		if err != nil || v.State != household.SplitChanged || v.SettledAt == nil {
			t.Errorf("the second split is %s (%v), want changed", v.State, err)
		}
		if area("2-30") != x.Xingwu.Areas[1].Area.ID || area("2-31") != x.Xingwu.Areas[0].Area.ID {
			t.Error("half of the second split was applied")
		}
		if n := told(t, d, "split.declined", both.ID, x.FengShuangjiang); n != 1 {
			t.Errorf("who drafted it is told %d times, want once", n)
		}
		if _, err := x.service.AnswerSplit(t.Context(), x.YiPian, both.ID, true, ""); !errors.Is(err, household.ErrTransition) {
			t.Errorf("a yes after that: %v, want %v", err, household.ErrTransition)
		}
		if err := x.service.EndEntrance(t.Context(), x.FengShuangjiang, first.Entrance, 1); err != nil {
			t.Errorf("an entrance that a settled split spoke of ends: %v", err)
		}
	})
}

// An area that has said yes hears what became of the split, whatever the others have said; the last to answer is answered.
func TestX1_WhoSaidYesIsToldWhatBecameOfASplit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for _, at := range []string{"1-70", "1-71", "1-72"} {
			door(t, d, x.Xingwu.Unit, x.Xingwu.Areas[0].Area, at)
		}
		for _, at := range []string{"2-70", "2-71", "2-72"} {
			door(t, d, x.Xingwu.Unit, x.Xingwu.Areas[1].Area, at)
		}
		first, second := x.Xingwu.Areas[0].Area.ID, x.Xingwu.Areas[1].Area.ID
		swap := func(n string) household.SplitView {
			return x.proposed(t, household.Move{Entrance: x.stairOf(t, d, "2-7"+n), To: first}, household.Move{Entrance: x.stairOf(t, d, "1-7"+n), To: second})
		}
		answer := func(by org.Actor, id household.SplitID, yes bool, reason string, want household.SplitState) {
			t.Helper()
			if v, err := x.service.AnswerSplit(t.Context(), by, id, yes, reason); err != nil || v.State != want {
				t.Errorf("the split is %s (%v), want %s", v.State, err, want)
			}
		}
		hears := func(id household.SplitID, kind string, yes, last int) {
			t.Helper()
			if n := told(t, d, kind, id, x.YiPian); n != yes {
				t.Errorf("who had said yes is told %s %d times, want %d", kind, n, yes)
			}
			if n := told(t, d, kind, id, x.YaoMangzhong); n != last {
				t.Errorf("who answered last is told %s %d times, want %d", kind, n, last)
			}
			if n := told(t, d, kind, id, x.FengShuangjiang); n != 1 {
				t.Errorf("who drafted it is told %s %d times, want once", kind, n)
			}
		}
		no, all := swap("0"), swap("1")
		changed, other := swap("2"), x.proposed(t, household.Move{Entrance: x.stairOf(t, d, "2-72"), To: first})
		for _, v := range []household.SplitView{no, all, changed} {
			answer(x.YiPian, v.ID, true, "", household.SplitProposed)
		}
		answer(x.YaoMangzhong, no.ID, false, "走不开", household.SplitDeclined)
		hears(no.ID, "split.declined", 1, 0)
		answer(x.YaoMangzhong, all.ID, true, "", household.SplitApplied)
		hears(all.ID, "split.applied", 1, 0)
		answer(x.YiPian, other.ID, true, "", household.SplitApplied)
		answer(x.YaoMangzhong, changed.ID, true, "", household.SplitChanged)
		hears(changed.ID, "split.declined", 1, 0)
	})
}

// What is proposed is taken back until it is settled: who was asked hears of it, and says nothing to it any more.
func TestX1_ASplitIsWithdrawn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		v := x.halved(t, d)
		for _, c := range []struct {
			what string
			by   org.Actor
			want error
		}{
			{"who is asked", x.YiPian, problem.ErrForbidden},
			{"another village", x.ZhengXiaoxue, problem.ErrNotFound},
			{"the secretary", x.FengShuangjiang, nil},
			{"the secretary, again", x.FengShuangjiang, household.ErrTransition},
		} {
			if _, err := x.service.WithdrawSplit(t.Context(), c.by, v.ID); !errors.Is(err, c.want) {
				t.Errorf("%s withdraws it: %v, want %v", c.what, err, c.want)
			}
		}
		if seen, err := x.service.FindSplit(t.Context(), x.YiPian, v.ID); err != nil || seen.State != household.SplitWithdrawn || seen.SettledAt == nil {
			t.Errorf("who was asked sees it %s (%v), want withdrawn", seen.State, err)
		}
		if n := told(t, d, "split.declined", v.ID, x.YiPian); n != 1 {
			t.Errorf("who was asked is told %d times, want once", n)
		}
		if _, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, ""); !errors.Is(err, household.ErrTransition) {
			t.Errorf("a yes after that: %v, want %v", err, household.ErrTransition)
		}
		if err := x.service.EndEntrance(t.Context(), x.FengShuangjiang, x.stairOf(t, d, "2-31"), 1); err != nil {
			t.Errorf("an entrance that it spoke of ends: %v", err)
		}
		draft, err := x.service.DraftSplit(t.Context(), x.FengShuangjiang, x.Xingwu.Unit.ID, []household.Move{{Entrance: x.stairOf(t, d, "2-30"), To: x.Xingwu.Areas[0].Area.ID}}, "就近走访")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.WithdrawSplit(t.Context(), x.FengShuangjiang, draft.ID); !errors.Is(err, household.ErrTransition) {
			t.Errorf("a draft is withdrawn: %v, want %v", err, household.ErrTransition)
		}
	})
}

// Two at once: the doors have moved and it is applied, or they have not and it is withdrawn.
func TestX1_ASplitIsAppliedOrWithdrawnNeverBoth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		today := calendar.DayOf(d.Now())
		for i := range 8 {
			at := fmt.Sprintf("2-5%d", i)
			door(t, d, x.Xingwu.Unit, x.Xingwu.Areas[1].Area, at)
			e := x.stairOf(t, d, at)
			v := x.proposed(t, household.Move{Entrance: e, To: x.Xingwu.Areas[0].Area.ID})
			var wg sync.WaitGroup
			var yes, back error
			start := make(chan struct{})
			wg.Go(func() { <-start; _, yes = x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, "") })
			wg.Go(func() { <-start; _, back = x.service.WithdrawSplit(t.Context(), x.FengShuangjiang, v.ID) })
			close(start)
			wg.Wait()
			after, err := x.service.FindSplit(t.Context(), x.FengShuangjiang, v.ID)
			if err != nil {
				t.Fatal(err)
			}
			lies, err := household.AreaOf(t.Context(), d, e, today)
			if err != nil {
				t.Fatal(err)
			}
			switch moved := lies == x.Xingwu.Areas[0].Area.ID; {
			case yes == nil && errors.Is(back, household.ErrTransition) && after.State == household.SplitApplied && moved:
			case back == nil && errors.Is(yes, household.ErrTransition) && after.State == household.SplitWithdrawn && !moved:
			default:
				t.Errorf("accepted %v, withdrawn %v: it is %s, and the doors have moved: %v", yes, back, after.State, moved)
			}
		}
	})
}

// T6: an area that has ended meanwhile takes no doors, whoever said yes for it.
func TestT6_ASplitIntoAnAreaThatHasEndedMovesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		v := x.halved(t, d)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE unit SET valid_to = ? WHERE id = ?`, calendar.DayOf(tx.Now), x.Xingwu.Areas[0].Area.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if v, err := x.service.AnswerSplit(t.Context(), x.YiPian, v.ID, true, ""); err != nil || v.State != household.SplitChanged {
			t.Errorf("the split is %s (%v), want changed", v.State, err)
		}
		if doors, err := household.DoorsOfArea(t.Context(), d, x.Xingwu.Areas[1].Area.ID, calendar.DayOf(d.Now())); err != nil || len(doors) != 3 {
			t.Errorf("the area has %d doors (%v), want all 3", len(doors), err)
		}
	})
}

// C3, F7, T7: what lies in no area is named, and so is what lies in two.
func TestT7_GapsAndDoublesAreNamed(t *testing.T) { // F7
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		today := calendar.DayOf(d.Now())
		id, err := x.service.AddStair(t.Context(), x.FengShuangjiang, household.NewEntrance{
			Place: x.Xingwu.Unit.ID, Number: "9-1", Doors: []household.Premises{{Door: "9-1", Kind: household.Home}, {Door: "9-1甲", Kind: household.Shop}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.AddStair(t.Context(), x.FengShuangjiang, household.NewEntrance{Place: x.Xingwu.Unit.ID, Number: "9-1"}); !errors.Is(err, household.ErrEntranceThere) {
			t.Errorf("the same entrance again: %v, want %v", err, household.ErrEntranceThere)
		}
		double, err := household.FindEntrance(t.Context(), d, x.Xingwu.Unit.ID, "", "2-30")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { // which no operation does
			_, err := tx.Change(t.Context(), `
				INSERT INTO area_entrance (area_id, entrance_id, valid_from, recorded_at)
				VALUES (?, ?, ?, ?)`, x.Xingwu.Areas[0].Area.ID, double.ID, today.Add(-1), tx.Now)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		checks, err := household.CheckAreas(t.Context(), d, x.FengShuangjiang, today)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks { // of the shop behind the door no household is missing
			if c.Total != 5 || c.Met != 3 || len(c.Gaps) != 1 || c.Gaps[0].ID != id || len(c.Doubles) != 1 || c.Doubles[0].ID != double.ID {
				t.Errorf("%s: %d of %d, gaps %v, doubles %v; want 3 of 5, 9-1 and 2-30", c.Name, c.Met, c.Total, c.Gaps, c.Doubles)
			}
		}
	})
}

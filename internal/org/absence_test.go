package org_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

// told collects what is said of absences: how often, and to which leads.
type told struct {
	events []org.AbsenceEvent
	leads  []org.Incumbent
}

func newAbsences(d *db.DB) (*org.Absences, *told) {
	s := &told{}
	h := &heard{events: map[org.AssignmentID]org.RoleEvent{}}
	return org.NewAbsences(d, h.changed, func(_ context.Context, _ *db.Tx, _ org.Actor, e org.AbsenceEvent, _ org.Absence, leads []org.Incumbent) error {
		s.events, s.leads = append(s.events, e), leads
		return nil
	}), s
}

func TestX2_AnAbsenceNamesOneStandInOfTheSameBranch(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-02")
		s, _ := newAbsences(d)
		away := func(by org.Actor, standIn org.Actor, from, to calendar.Day) error {
			_, err := s.Announce(t.Context(), by, org.NewAbsence{StandInAs: standIn.Assignment, From: from, To: to})
			return err
		}
		for _, c := range []struct {
			what        string
			by, standIn org.Actor
			from, to    calendar.Day
			want        error
		}{
			{"to nobody of the branch", w.ZhouChunhe, w.ZhenxiHolder, "2026-03-05", "2026-03-08", org.ErrStandIn},
			{"to oneself", w.YaoMangzhong, w.YaoOfficer, "2026-03-05", "2026-03-08", org.ErrStandIn},
			{"to nobody at all", w.ZhouChunhe, org.Actor{Assignment: 1 << 40}, "2026-03-05", "2026-03-08", org.ErrStandIn},
			{"yesterday", w.ZhouChunhe, w.WangQiufen, "2026-03-01", "2026-03-08", org.ErrPeriod},
			{"for no day", w.ZhouChunhe, w.WangQiufen, "2026-03-05", "2026-03-05", org.ErrPeriod},
			{"to the neighbour", w.ZhouChunhe, w.WangQiufen, "2026-03-05", "2026-03-08", nil},
			{"twice on one day", w.ZhouChunhe, w.SunLixia, "2026-03-07", "2026-03-09", org.ErrDatesOverlap},
			{"the stand-in is away", w.WangQiufen, w.SunLixia, "2026-03-07", "2026-03-09", org.ErrOneHop},
			{"to who is away", w.SunLixia, w.ZhouChunhe, "2026-03-07", "2026-03-09", org.ErrOneHop},
			{"afterwards", w.WangQiufen, w.SunLixia, "2026-03-08", "2026-03-09", nil},
			{"to the lead above the branch", w.ChenGuyu, w.XuBailu, "2026-03-05", "2026-03-08", nil},
			{"to the own branch's secretary", w.SunLixia, w.ChenGuyu, "2026-04-05", "2026-04-08", nil},
			{"a grid assistant", w.HeQingqing, w.XuBailu, "2026-05-05", "2026-05-08", nil},
		} {
			if err := away(c.by, c.standIn, c.from, c.to); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.what, err, c.want)
			}
		}
	})
}

func TestAA6_AStandInActsInTheRoleOfWhoIsAwayAndNotLonger(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-02")
		s, heard := newAbsences(d)
		a, err := s.Announce(t.Context(), w.ZhouChunhe, org.NewAbsence{StandInAs: w.WangQiufen.Assignment, From: "2026-03-03", To: "2026-03-05"})
		if err != nil {
			t.Fatal(err)
		}
		if len(heard.leads) != 1 || heard.leads[0].Person != w.SunLixia.PersonID {
			t.Errorf("told %v, want the group leader above", heard.leads)
		}
		acts := func(who org.Actor) (org.Actor, error) {
			return org.ActorOf(t.Context(), d, who.PersonID, w.ZhouChunhe.Assignment, d.Now())
		}
		if _, err := acts(w.WangQiufen); !errors.Is(err, org.ErrActingAsInvalid) {
			t.Errorf("the day before: %v, want %v", err, org.ErrActingAsInvalid)
		}
		noon(t, d, "2026-03-03")
		by, err := acts(w.WangQiufen)
		if err != nil {
			t.Fatal(err)
		}
		if by.PersonID != w.WangQiufen.PersonID || by.StandInFor != w.ZhouChunhe.PersonID || by.Grid.ID != w.ZhouChunhe.Grid.ID || by.SeesFlags() {
			t.Errorf("acts as %+v, want 王秋分 for 周春禾, without flags", by)
		}
		if _, err := acts(w.SunLixia); !errors.Is(err, org.ErrActingAsInvalid) {
			t.Errorf("somebody else: %v, want %v", err, org.ErrActingAsInvalid)
		}
		there, err := org.Present(t.Context(), d, []org.Incumbent{{Person: w.ZhouChunhe.PersonID, Assignment: w.ZhouChunhe.Assignment}}, "2026-03-03")
		if err != nil || there[0].Person != w.WangQiufen.PersonID || there[0].Assignment != w.ZhouChunhe.Assignment {
			t.Errorf("there is %+v (%v), want 王秋分 in the role of 周春禾", there, err)
		}
		if in, err := org.StandIn(t.Context(), d, w.ZhouChunhe.Assignment, "2026-03-05"); err != nil || in != (org.Incumbent{}) {
			t.Errorf("after the last day %+v stands in (%v), want nobody", in, err)
		}
		service, _ := newService(d)
		if _, err := service.Grant(t.Context(), by, org.NewAssignment{Person: w.XingwuMember.PersonID, Role: org.RoleMember, Unit: w.Ruihe.Branch}); err == nil {
			t.Error("a stand-in gives roles")
		}
		if _, err := s.Announce(t.Context(), by, org.NewAbsence{StandInAs: w.SunLixia.Assignment, From: "2026-03-03", To: "2026-03-04"}); !errors.Is(err, org.ErrOneHop) {
			t.Errorf("a stand-in's stand-in: %v, want %v", err, org.ErrOneHop)
		}
		if _, err := s.End(t.Context(), w.ZhenxiSecretary, a.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("another place ends it: %v, want %v", err, problem.ErrNotFound)
		}

		noon(t, d, "2026-03-05")
		if _, err := acts(w.WangQiufen); !errors.Is(err, org.ErrActingAsInvalid) {
			t.Errorf("on the first day back: %v, want %v", err, org.ErrActingAsInvalid)
		}
		var all sync.WaitGroup
		for range 3 { // as many nodes
			all.Go(func() {
				if _, err := s.EndDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(heard.events); n != 2 || heard.events[1] != org.AbsenceEnded {
			t.Errorf("told %v, want the announcement and one end", heard.events)
		}
		if list, err := org.ListAbsences(t.Context(), d, w.XuBailu, everything(t)); err != nil || len(list) != 0 {
			t.Errorf("%v is still listed (%v)", list, err)
		}
	})
}

func TestAA6_AnAbsenceMayLetItsStandInSeeFlags(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-02")
		s, _ := newAbsences(d)
		a, err := s.Announce(t.Context(), w.ZhouChunhe, org.NewAbsence{StandInAs: w.WangQiufen.Assignment, SeesFlags: true, From: "2026-03-02", To: "2026-03-05"})
		if err != nil {
			t.Fatal(err)
		}
		by, err := org.ActorOf(t.Context(), d, w.WangQiufen.PersonID, a.Assignment, d.Now())
		if err != nil || !by.SeesFlags() || !w.ZhouChunhe.SeesFlags() {
			t.Errorf("acts as %+v (%v), want with flags", by, err)
		}
		if list, err := org.ListAbsences(t.Context(), d, w.SunLixia, everything(t)); err != nil || len(list) != 1 {
			t.Errorf("the lead lists %v (%v), want the absence", list, err)
		}
		if _, err := s.End(t.Context(), w.WangQiufen, a.ID); err != nil {
			t.Errorf("the stand-in gives it back: %v", err)
		}
		if _, err := org.ActorOf(t.Context(), d, w.WangQiufen.PersonID, a.Assignment, d.Now()); !errors.Is(err, org.ErrActingAsInvalid) {
			t.Errorf("acts on: %v, want %v", err, org.ErrActingAsInvalid)
		}
		if _, err := s.End(t.Context(), w.ZhouChunhe, a.ID); !errors.Is(err, org.ErrIllegalTransition) {
			t.Errorf("end again: %v, want %v", err, org.ErrIllegalTransition)
		}
	})
}

func TestX3_NobodyStandsInForARoleThatHasEnded(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-02")
		s, told := newAbsences(d)
		roles, _ := newService(d)
		roles.Ending(s)
		left := func() (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM absence WHERE ended_at IS NULL`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		away := func(by, standIn org.Actor) {
			_, err := s.Announce(t.Context(), by, org.NewAbsence{StandInAs: standIn.Assignment, From: "2026-03-02", To: "2026-04-05"})
			if err != nil {
				t.Fatal(err)
			}
		}
		away(w.ZhouChunhe, w.WangQiufen)
		away(w.YaoMangzhong, w.XingwuMember)
		if err := roles.EndAssignment(t.Context(), w.ChenGuyu, w.ZhouChunhe.Assignment, "", "离任"); err != nil {
			t.Fatal(err)
		}
		if n := left(); n != 1 || told.events[len(told.events)-1] != org.AbsenceEnded {
			t.Errorf("%d absences are left (%v), want the other place's alone, and somebody told", n, told.events)
		}
		// A last day that the clock brings, of the role by which somebody stands in.
		if err := roles.EndAssignment(t.Context(), w.FengShuangjiang, w.XingwuMember.Assignment, "2026-03-04", "转出"); err != nil {
			t.Fatal(err)
		}
		if n := left(); n != 1 {
			t.Errorf("%d absences are left before the last day, want 1", n)
		}
		noon(t, d, "2026-03-04")
		for some, err := true, error(nil); some; {
			if some, err = roles.EndDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := left(); n != 0 {
			t.Errorf("%d absences are left, want none", n)
		}
	})
}

func TestX2_WhoseAccountIsDisabledStandsInForNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-02")
		s, told := newAbsences(d)
		a, err := s.Announce(t.Context(), w.ZhouChunhe, org.NewAbsence{StandInAs: w.WangQiufen.Assignment, From: "2026-03-02", To: "2026-03-05"})
		if err != nil {
			t.Fatal(err)
		}
		for _, who := range []org.PersonID{w.ZhouChunhe.PersonID, w.WangQiufen.PersonID} {
			if err := d.InTx(t.Context(), func(tx *db.Tx) error { return s.Disabled(t.Context(), tx, w.SunLixia, who) }); err != nil {
				t.Fatal(err)
			}
			in, err := org.StandIn(t.Context(), d, a.Assignment, "2026-03-02")
			if stays := who == w.ZhouChunhe.PersonID; err != nil || (in.Person != 0) != stays {
				t.Errorf("after %d was disabled %+v stands in (%v), stays: %v", who, in, err, stays)
			}
		}
		if n := len(told.events); n != 2 || told.events[1] != org.AbsenceEnded {
			t.Errorf("told %v, want the announcement and one end", told.events)
		}
	})
}

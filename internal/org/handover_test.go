package org_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

// handed collects what is said of handovers.
type handed struct {
	events  []org.HandoverEvent
	last    org.Handover
	interim []org.Incumbent
}

func (h *handed) tell(_ context.Context, _ *db.Tx, _ org.Actor, e org.HandoverEvent, x org.Handover, interim []org.Incumbent) error {
	h.events, h.last, h.interim = append(h.events, e), x, interim
	return nil
}

// things are packs of an area: two of one kind, none of another.
var things = []org.Pack{
	{What: "requests", List: func(context.Context, db.Queryer, org.UnitID) ([]int64, error) { return []int64{7, 8}, nil }},
	{What: "boards", List: func(context.Context, db.Queryer, org.UnitID) ([]int64, error) { return nil, nil }},
}

// X3, T8: the area is the next lead's from the end of its holder until the successor signs, without a moment between.
func TestX3_AnAreaIsHandedOverWithASignature(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-10")
		s, _ := newService(d)
		h := &handed{}
		s.HandingOver(h.tell, things...)
		area := w.Ruihe.Areas[0]
		holder := func() org.PersonID {
			t.Helper()
			in, err := org.LeadOf(t.Context(), d, area.Area, "2026-03-10")
			if err == nil && len(in) == 0 {
				_, in, err = org.InterimHolder(t.Context(), d, area.Area, "2026-03-10")
			}
			if err != nil || len(in) != 1 {
				t.Fatalf("the area is held by %v (%v), want one", in, err)
			}
			return in[0].Person
		}
		if err := s.EndAssignment(t.Context(), w.ChenGuyu, w.ZhouChunhe.Assignment, "", "搬离"); err != nil {
			t.Fatal(err)
		}
		want := []org.Packed{{What: "requests", IDs: []int64{7, 8}}, {What: "boards", IDs: []int64{}}}
		if diff := cmp.Diff(want, h.last.Packed); diff != "" || len(h.events) != 1 || h.events[0] != org.HandoverReady {
			t.Errorf("packed %v (-want +got):\n%s", h.events, diff)
		}
		if len(h.interim) != 1 || h.interim[0].Person != w.SunLixia.PersonID || holder() != w.SunLixia.PersonID {
			t.Errorf("meanwhile %v hold it, want the group leader", h.interim)
		}
		successor := orgtest.Person(t, d)
		g, err := s.Grant(t.Context(), w.ChenGuyu, org.NewAssignment{Person: successor, Role: org.RoleAreaHolder, Unit: area.Household})
		if err != nil {
			t.Fatal(err)
		}
		if h.last.Successor == nil || *h.last.Successor != successor || holder() != w.SunLixia.PersonID {
			t.Errorf("the successor is %v and the area held by %d, want %d and the group leader", h.last.Successor, holder(), successor)
		}
		next := func() org.Actor {
			t.Helper()
			a, err := org.ActorOf(t.Context(), d, successor, g.Assignment, d.Now())
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		if by := next(); by.Sees(area.Area) {
			t.Error("the successor sees the area before signing")
		}
		for _, c := range []struct {
			what string
			by   org.Actor
			want error
		}{
			{"the interim holder", w.SunLixia, problem.ErrForbidden},
			{"the neighbour", w.WangQiufen, problem.ErrNotFound},
			{"another place", w.ZhenxiSecretary, problem.ErrNotFound},
			{"the successor", next(), nil},
			{"the successor, again", next(), org.ErrIllegalTransition},
		} {
			if _, err := s.Sign(t.Context(), c.by, h.last.ID); !errors.Is(err, c.want) {
				t.Errorf("%s signs: %v, want %v", c.what, err, c.want)
			}
		}
		if by := next(); !by.Sees(area.Area) || holder() != successor {
			t.Error("the successor has signed and does not hold the area")
		}
		if n := len(h.events); n != 3 || h.events[2] != org.HandoverDone {
			t.Errorf("told %v, want ready twice and the signature", h.events)
		}
		if in, err := org.StandsIn(t.Context(), d, w.SunLixia, area.Area); in || err != nil {
			t.Errorf("the group leader still stands in (%v)", err)
		}
	})
}

// A9, C5: a unit that lost its lead is a gap at once; one whose successor does not sign, after seven days.
func TestC5_AnUnsignedHandoverIsAGapAfterSevenDays(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-10")
		s, _ := newService(d)
		h := &handed{}
		s.HandingOver(h.tell, things...)
		area := w.Ruihe.Areas[0]
		gaps := func() (all []org.Vacancy) {
			t.Helper()
			c, err := org.CheckLeads(t.Context(), d, w.XuBailu, 0, "2026-03-17")
			if err != nil {
				t.Fatal(err)
			}
			return c.Gaps
		}
		if n := len(gaps()); n != 0 {
			t.Fatalf("%d gaps before, want none", n)
		}
		if err := s.EndAssignment(t.Context(), w.ChenGuyu, w.ZhouChunhe.Assignment, "", "搬离"); err != nil {
			t.Fatal(err)
		}
		if g := gaps(); len(g) != 1 || g[0].Unit.ID != area.Area.ID || g[0].Unsigned || g[0].Interim.ID != w.Ruihe.Block.ID {
			t.Errorf("gaps %+v, want the area without a holder", g)
		}
		if _, err := s.Grant(t.Context(), w.ChenGuyu, org.NewAssignment{Person: orgtest.Person(t, d), Role: org.RoleAreaHolder, Unit: area.Household}); err != nil {
			t.Fatal(err)
		}
		at := d.Now()
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{7*24*time.Hour - time.Millisecond, 0}, {7 * 24 * time.Hour, 1}} {
			d.SetNow(func() time.Time { return at.Add(c.after) })
			if g := gaps(); len(g) != c.want || c.want == 1 && !g[0].Unsigned {
				t.Errorf("after %v %+v, want %d unsigned", c.after, g, c.want)
			}
		}
	})
}

// T8: whoever is named long after the things were packed has a week to sign for them as well, from whatever day on
// the role is said to hold.
func TestT8_AWeekToSignBeginsWithWhoIsToSign(t *testing.T) {
	t.Parallel()
	for _, from := range []calendar.Day{"", "2026-03-02"} {
		dbtest.Each(t, func(t *testing.T, d *db.DB) { aWeekToSign(t, d, from) })
	}
}

func aWeekToSign(t *testing.T, d *db.DB, from calendar.Day) {
	t.Helper()
	w := orgtest.Tree(t, d)
	noon(t, d, "2026-03-01")
	s, _ := newService(d)
	h := &handed{}
	s.HandingOver(h.tell, things...)
	area := w.Ruihe.Areas[0]
	if err := s.EndAssignment(t.Context(), w.ChenGuyu, w.ZhouChunhe.Assignment, "", "搬离"); err != nil {
		t.Fatal(err)
	}
	noon(t, d, "2026-03-20")
	if _, err := s.Grant(t.Context(), w.ChenGuyu, org.NewAssignment{Person: orgtest.Person(t, d), Role: org.RoleAreaHolder, Unit: area.Household, Span: org.Span{From: from}}); err != nil {
		t.Fatal(err)
	}
	for day, want := range map[calendar.Day]int{"2026-03-20": 0, "2026-03-26": 0, "2026-03-27": 1} {
		noon(t, d, day)
		c, err := org.CheckLeads(t.Context(), d, w.XuBailu, 0, day)
		if err != nil || len(c.Gaps) != want || want == 1 && !c.Gaps[0].Unsigned {
			t.Errorf("from %q, on %s %+v (%v), want %d unsigned", from, day, c.Gaps, err, want)
		}
	}
}

// A role that ends on a later day is announced, and its successor, who was named before, still has to sign.
func TestX3_AHandoverThatWasAnnouncedIsPackedOnItsDay(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		noon(t, d, "2026-03-10")
		s, _ := newService(d)
		h := &handed{}
		s.HandingOver(h.tell, things...)
		area := w.Ruihe.Areas[0]
		if err := s.EndAssignment(t.Context(), w.ChenGuyu, w.ZhouChunhe.Assignment, "2026-03-12", "换届"); err != nil {
			t.Fatal(err)
		}
		successor := orgtest.Person(t, d)
		g, err := s.Grant(t.Context(), w.ChenGuyu, org.NewAssignment{
			Person: successor, Role: org.RoleAreaHolder, Unit: area.Household, Span: org.Span{From: "2026-03-12"},
		})
		if err != nil {
			t.Fatal(err)
		}
		noon(t, d, "2026-03-12")
		in, err := org.LeadOf(t.Context(), d, area.Area, "2026-03-12") // before the clock has come by
		if err != nil || len(in) != 0 {
			t.Errorf("%v leads the area unsigned (%v)", in, err)
		}
		if some, err := s.EndDue(t.Context()); !some || err != nil {
			t.Fatalf("nothing was due (%v)", err)
		}
		if h.last.State != org.HandoverPacked || h.last.Successor == nil || *h.last.Successor != successor {
			t.Errorf("the handover is %+v, want it packed for %d", h.last, successor)
		}
		if err := s.EndAssignment(t.Context(), w.ChenGuyu, g.Assignment, "", "另有安排"); err != nil {
			t.Fatal(err)
		}
		another := orgtest.Person(t, d)
		if _, err := s.Grant(t.Context(), w.ChenGuyu, org.NewAssignment{Person: another, Role: org.RoleAreaHolder, Unit: area.Household}); err != nil {
			t.Fatal(err)
		}
		if h.last.Successor == nil || *h.last.Successor != another || len(h.last.Packed) != 2 {
			t.Errorf("the pack waits for %v, want %d, unchanged", h.last.Successor, another)
		}
	})
}

package org_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// line is a path as the list it stands for.
type line []int64

func (l line) path() (p string) {
	p = "/"
	for _, id := range l {
		p += strconv.FormatInt(id, 10) + "/"
	}
	return p
}

func TestT1_APathCoversWhatTheListsOfIdsSay(t *testing.T) { // T1, A1.4
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	random := func(like line) line {
		var l line
		if like != nil && r.IntN(2) == 0 { // near misses: below, above and beside the other one
			l = slices.Clone(like[:r.IntN(len(like)+1)])
		}
		for len(l) == 0 || r.IntN(3) > 0 && len(l) < 6 {
			l = append(l, r.Int64N(30)+1)
		}
		return l
	}
	covered := 0
	for range 100_000 {
		a := random(nil)
		b := random(a)
		want := len(b) >= len(a) && slices.Equal(a, b[:len(a)])
		by := org.Actor{PersonID: 1, Grid: org.Unit{ID: 1, Tree: org.GridTree, Path: a.path()}}
		if got := by.Sees(org.Unit{Tree: org.GridTree, Path: b.path()}); got != want {
			t.Fatalf("%s covers %s: %v, want %v", a.path(), b.path(), got, want)
		}
		if want {
			covered++
		}
	}
	if covered < 10_000 {
		t.Errorf("only %d pairs cover each other: the pairs are not worth much", covered)
	}
	if (org.Actor{}).Sees(org.Unit{Tree: org.GridTree, Path: "/1/"}) {
		t.Error("the zero Actor sees a unit")
	}
}

func TestSpansOverlapWhereADayLiesInBoth(t *testing.T) { // T2
	t.Parallel()
	days := rapid.Custom(func(t *rapid.T) org.Span {
		s := org.Span{From: calendar.Day("2026-01-01").Add(rapid.IntRange(0, 20).Draw(t, "from"))}
		if rapid.Bool().Draw(t, "ends") {
			s.To = s.From.Add(rapid.IntRange(0, 8).Draw(t, "days"))
		}
		return s
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := days.Draw(t, "a"), days.Draw(t, "b")
		want := false
		for i := range 60 {
			d := calendar.Day("2026-01-01").Add(i)
			want = want || a.Holds(d) && b.Holds(d)
		}
		if got := a.Overlaps(b); got != want {
			t.Fatalf("%v overlaps %v: %v, want %v", a, b, got, want)
		}
	})
}

func TestMovesOnManyDaysKeepPathsAndEdges(t *testing.T) { // T2, T3, T4
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s, _ := newService(d)
		second := orgtest.Unit(t, d, org.Grid, "第二网格", w.Ruihe.Unit)
		block := orgtest.Unit(t, d, org.Block, "第二楼栋片", second)
		parents := map[org.UnitID][]org.UnitID{
			w.Ruihe.Block.ID:         {w.Ruihe.Grid.ID, second.ID, w.Ruihe.Unit.ID},
			block.ID:                 {w.Ruihe.Grid.ID, second.ID, w.Ruihe.Unit.ID},
			w.Ruihe.Areas[0].Area.ID: {w.Ruihe.Block.ID, block.ID, w.Ruihe.Grid.ID, second.ID},
			w.Ruihe.Areas[1].Area.ID: {w.Ruihe.Block.ID, block.ID, w.Ruihe.Unit.ID},
		}
		units := slices.Sorted(func(yield func(org.UnitID) bool) {
			for u := range parents {
				if !yield(u) {
					return
				}
			}
		})
		r := rand.New(rand.NewPCG(3, 4))
		day := calendar.Day("2026-03-01")
		was := map[calendar.Day]map[org.UnitID]org.UnitID{} // what stood below what at the end of each day
		now := map[org.UnitID]org.UnitID{
			w.Ruihe.Block.ID: w.Ruihe.Grid.ID, block.ID: second.ID,
			w.Ruihe.Areas[0].Area.ID: w.Ruihe.Block.ID, w.Ruihe.Areas[1].Area.ID: w.Ruihe.Block.ID,
		}
		for range 40 {
			noon(t, d, day)
			u := units[r.IntN(len(units))]
			to := parents[u][r.IntN(len(parents[u]))]
			if _, err := s.Move(t.Context(), w.XuBailu, u, to); err != nil {
				t.Fatalf("move %d below %d on %s: %v", u, to, day, err)
			}
			now[u] = to
			was[day] = map[org.UnitID]org.UnitID{}
			maps.Copy(was[day], now)
			if r.IntN(2) == 0 {
				day = day.Add(1)
			}
		}
		paths(t, d)
		for day, below := range was {
			for u, want := range below {
				p, err := org.GetProfile(t.Context(), d, w.XuBailu, u, day)
				if err != nil || p.ParentID == nil || *p.ParentID != want {
					t.Errorf("as of %s unit %d stood below %v (%v), want %d", day, u, p.ParentID, err, want)
				}
			}
		}
	})
}

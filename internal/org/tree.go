package org

import (
	"slices"
	"strconv"
	"strings"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// What the trees refuse.
var (
	ErrParent       = problem.New(problem.Invalid, "org.parent_invalid")
	ErrLevelOrder   = problem.New(problem.Invalid, "org.level_order")
	ErrLink         = problem.New(problem.Invalid, "org.link_invalid")
	ErrDatesOverlap = problem.New(problem.Conflict, "org.dates_overlap")
	ErrUnitInUse    = problem.New(problem.Conflict, "org.unit_in_use")
	ErrDetail       = problem.New(problem.Invalid, "org.detail_invalid")
	ErrNoLink       = problem.New(problem.Conflict, "org.not_linked")

	ErrIllegalTransition   = problem.New(problem.Conflict, "org.illegal_transition")
	ErrConflictingProposal = problem.New(problem.Conflict, "org.proposal_differs")
)

// A shape is what a kind of unit is in its tree (domain.md §3.1).
type shape struct {
	tree    Tree
	level   int
	parents []UnitKind
	answers []UnitKind // kinds of grid units that a party unit of this kind may answer for
}

var places = []UnitKind{Village, Community, Enterprise, IndustrialPark, BusinessDistrict, Office}

var shapes = map[UnitKind]shape{
	District:         {tree: GridTree},
	Subdistrict:      {tree: GridTree, level: 5, parents: []UnitKind{District}},
	Village:          {tree: GridTree, level: 4, parents: []UnitKind{Subdistrict}},
	Community:        {tree: GridTree, level: 4, parents: []UnitKind{Subdistrict}},
	Enterprise:       {tree: GridTree, level: 4, parents: []UnitKind{Subdistrict}},
	IndustrialPark:   {tree: GridTree, level: 4, parents: []UnitKind{Subdistrict}},
	BusinessDistrict: {tree: GridTree, level: 4, parents: []UnitKind{Subdistrict}},
	Office:           {tree: GridTree, level: 4, parents: []UnitKind{Subdistrict}},
	Section:          {tree: GridTree, parents: []UnitKind{Subdistrict}},
	Grid:             {tree: GridTree, level: 3, parents: places},
	Block:            {tree: GridTree, level: 2, parents: append([]UnitKind{Grid}, places...)},
	Area:             {tree: GridTree, level: 1, parents: append([]UnitKind{Block, Grid}, places...)},

	DistrictCommittee:    {tree: PartyTree, answers: []UnitKind{District}},
	SubdistrictCommittee: {tree: PartyTree, level: 5, parents: []UnitKind{DistrictCommittee}, answers: []UnitKind{Subdistrict}},
	GeneralBranch:        {tree: PartyTree, parents: []UnitKind{SubdistrictCommittee}, answers: places},
	Branch:               {tree: PartyTree, parents: []UnitKind{SubdistrictCommittee, GeneralBranch}, answers: append([]UnitKind{Grid}, places...)},
	PartyGroup:           {tree: PartyTree, parents: []UnitKind{Branch}, answers: []UnitKind{Block}},
	CenterHousehold:      {tree: PartyTree, parents: []UnitKind{PartyGroup, Branch}, answers: []UnitKind{Area}},
}

// TreeOf is the tree that units of kind k stand in; "" if there is no such kind.
func TreeOf(k UnitKind) Tree { return shapes[k].tree }

// Places are the kinds of level-4 places (A7).
func Places() []UnitKind { return slices.Clone(places) }

// IsPlace says whether units of kind k are level-4 places (A7).
func IsPlace(k UnitKind) bool { return slices.Contains(places, k) }

// Under says why a unit of kind k cannot stand below parent, or nil. A level that would stand on its head is
// told apart from a parent of a wrong kind (C1, T4, T5).
func (k UnitKind) Under(parent Unit) error {
	s := shapes[k]
	switch {
	case parent.ID == 0 && len(s.parents) == 0:
		return nil
	case s.level > 0 && parent.Level > 0 && parent.Tree == s.tree && parent.Level <= s.level:
		return ErrLevelOrder
	case !slices.Contains(s.parents, parent.Kind):
		return ErrParent
	}
	return nil
}

// canAnswerFor says why party unit u cannot be the one that answers for grid unit g, or nil.
func (u Unit) canAnswerFor(g Unit) error {
	if u.Tree != PartyTree || g.Tree != GridTree || !slices.Contains(shapes[u.Kind].answers, g.Kind) {
		return ErrLink
	}
	return nil
}

// Covers says whether other is u or lies below it (T1).
func (u Unit) Covers(other Unit) bool {
	from, to := below(u)
	return u.Tree == other.Tree && other.Path >= from && other.Path < to
}

// Above is the ids of the units above u, from the root down.
func (u Unit) Above() []UnitID {
	ids := u.line()
	return ids[:max(0, len(ids)-1)]
}

// with is the path of a unit right below u.
func (u Unit) with(id UnitID) string { return u.Path + strconv.FormatInt(int64(id), 10) + "/" }

// subdistrict is the unit two steps below the top that u is or lies in, of which nothing but the path is known; a
// district is its own, and nothing has none.
func (u Unit) subdistrict() Unit {
	ids := u.line()
	if len(ids) == 0 {
		return Unit{}
	}
	s := Unit{Path: "/", Tree: u.Tree}
	for _, id := range ids[:min(2, len(ids))] {
		s.ID, s.Path = id, s.with(id)
	}
	return s
}

// line is the ids of u's path: the root first, u itself last.
func (u Unit) line() []UnitID {
	parts := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	ids := make([]UnitID, 0, len(parts))
	for _, p := range parts {
		id, err := strconv.ParseInt(p, 10, 64)
		if err != nil {
			return nil // a path under construction, which nobody has seen yet
		}
		ids = append(ids, UnitID(id))
	}
	return ids
}

// A Span is the days from From (included) to To (excluded; "" is open), as edges, links, labels and roles have it (T2).
type Span struct {
	From calendar.Day
	To   calendar.Day
}

// Holds says whether d lies in s.
func (s Span) Holds(d calendar.Day) bool { return s.From <= d && (s.To == "" || d < s.To) }

// Overlaps says whether there is a day in both s and t.
func (s Span) Overlaps(t Span) bool {
	return (s.To == "" || t.From < s.To) && (t.To == "" || s.From < t.To) && !s.empty() && !t.empty()
}

func (s Span) empty() bool { return s.To != "" && s.To <= s.From }

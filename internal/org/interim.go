package org

import (
	"context"
	"slices"
	"strings"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// For is a acting for area u while nobody leads that (T8): as its holder would, under a's own assignment and name.
func (a Actor) For(u Unit) Actor {
	a.Role, a.Grid, a.Party = RoleAreaHolder, u, Unit{}
	return a
}

// Vacant are the grid units for which by stands in today, since nobody leads them, nor any between them and by's own
// (T8). The ladder begins with them: areas before blocks.
func Vacant(ctx context.Context, q db.Queryer, by Actor) ([]Unit, error) {
	if by.Grid.Level <= 1 || !slices.Contains(leads[by.Unit.Kind], by.Role) || by.Unit.Tree != PartyTree {
		return nil, nil
	}
	return VacantBelow(ctx, q, by.Grid, calendar.DayOf(db.NowOf(q)))
}

// VacantBelow are the grid units that whoever leads u stands in for on day: those below u that nobody leads, and nobody
// leads any between. Units that have ended are among them, so that nothing that still hangs on one is nobody's.
func VacantBelow(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) ([]Unit, error) {
	all, err := unledBelow(ctx, q, u, day)
	if err != nil {
		return nil, err
	}
	vacant := make(map[string]bool, len(all))
	for _, v := range all {
		vacant[v.Path] = true
	}
	return slices.DeleteFunc(all, func(v Unit) bool {
		for at := v.parent(); len(at) > len(u.Path); at = (Unit{Path: at}).parent() {
			if !vacant[at] {
				return true // somebody between leads, and stands in
			}
		}
		return false
	}), nil
}

// parent is the path of the unit above u.
func (u Unit) parent() string {
	return u.Path[:strings.LastIndexByte(strings.TrimSuffix(u.Path, "/"), '/')+1]
}

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
	from, to := below(u)
	var all []Unit
	err := q.Select(ctx, &all, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit u
		WHERE u.path > ? AND u.path < ? AND u.level >= ? AND u.level < ?
		  AND (SELECT COUNT(*)
		       FROM unit_link l
		       JOIN role_assignment a ON a.unit_id = l.party_id
		       WHERE l.grid_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		         AND a.role IN ('area_holder', 'group_leader', 'grid_secretary', 'general_secretary', 'branch_secretary')
		         AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?) AND a.unsigned_yet = ?) = 0
		ORDER BY u.level, u.id`, from, to, 1, u.Level, day, day, day, day, false)
	if err != nil {
		return nil, db.Wrap(err, nil, "find what nobody leads below unit %d", u.ID)
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

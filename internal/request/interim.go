package request

import (
	"context"
	"slices"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// standsIn says whether by acts for the unit that holds r, since nobody leads that today, or nobody who may know of a
// concern, and by leads the next one up the
// ladder (T8).
func (r Seen) standsIn(ctx context.Context, q db.Queryer, by org.Actor) (bool, error) {
	below := by.Grid.ID != 0 && r.HolderUnitID != by.Grid.ID && strings.HasPrefix(r.HolderPath, by.Grid.Path)
	if by.Role == org.RoleCommitteeSecretary { // who follows the office, and has the same unit
		below = by.Grid.ID != 0 && strings.HasPrefix(r.HolderPath, by.Grid.Path)
	}
	if r.HolderRole != "" || r.Level == 0 || !below || !leading[by.Role] && by.Role != org.RoleCommitteeSecretary {
		return false, nil
	}
	u, err := org.UnitByID(ctx, q, r.HolderUnitID)
	if err != nil {
		return false, err
	}
	ladder, err := org.Ladder(ctx, q, u)
	if err != nil {
		return false, err
	}
	_, in, err := leadFrom(ctx, q, r.Request, ladder, r.Level)
	return slices.ContainsFunc(in, func(i org.Incumbent) bool { return i.Assignment == by.Assignment }), err
}

// findInterim is a request that by sees for acting meanwhile for whoever holds it, though by does not follow what is
// opened below; else it is not found.
func findInterim(ctx context.Context, q db.Queryer, by org.Actor, id ID) (Seen, error) {
	if by.Role != org.RolePartyOffice && by.Role != org.RoleCommitteeSecretary {
		return Seen{}, problem.ErrNotFound
	}
	rows, err := byIDs(ctx, q, []ID{id})
	if err != nil {
		return Seen{}, err
	}
	if len(rows) == 0 {
		return Seen{}, problem.ErrNotFound
	}
	r := rows[0]
	if r.Interim, err = r.standsIn(ctx, q, by); err == nil && (!r.Interim || !r.State.Open()) {
		err = problem.ErrNotFound
	}
	if err != nil {
		return Seen{}, err
	}
	return r, nil
}

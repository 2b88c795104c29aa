package request

import (
	"context"
	"slices"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// standsIn says whether by acts for the unit that holds r, since nobody leads that today, or nobody who may know of a
// concern, and by leads the next one up the
// ladder (T8).
func (r Seen) standsIn(ctx context.Context, q db.Queryer, by org.Actor) (bool, error) {
	below := by.Grid.ID != 0 && r.HolderUnitID != by.Grid.ID && strings.HasPrefix(r.HolderPath, by.Grid.Path)
	if r.HolderRole != "" || r.Level == 0 || !leading[by.Role] || !below {
		return false, nil
	}
	u, err := org.UnitByID(ctx, q, r.HolderUnitID)
	if err != nil {
		return false, err
	}
	in, err := leads(ctx, q, u)
	if err != nil {
		return false, err
	}
	if in, err = unconcerned(ctx, q, r.Request, in); err != nil || len(in) > 0 {
		return false, err
	}
	ladder, err := org.Ladder(ctx, q, u)
	if err != nil {
		return false, err
	}
	for _, above := range ladder {
		if above.ID == u.ID {
			continue
		}
		if in, err = leads(ctx, q, above); err != nil {
			break
		}
		if in, err = unconcerned(ctx, q, r.Request, in); err != nil || len(in) > 0 {
			break
		}
	}
	return slices.ContainsFunc(in, func(i org.Incumbent) bool { return i.Assignment == by.Assignment }), err
}

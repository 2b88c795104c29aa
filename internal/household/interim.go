package household

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// lookingAfter is by in each area that by looks after today: their own, and for a lead those that nobody holds, nor
// leads anybody between (T8).
func lookingAfter(ctx context.Context, q db.Queryer, by org.Actor) (all []org.Actor, err error) {
	if holdsArea(by) {
		return []org.Actor{by}, nil
	}
	units, err := org.Vacant(ctx, q, by)
	for _, u := range units {
		if u.Kind == org.Area {
			all = append(all, by.For(u))
		}
	}
	return all, err
}

// meanwhile is by as the holder of an area, or why by does not stand in for them: to whoever does not its homes are not
// there.
func meanwhile(ctx context.Context, q db.Queryer, by org.Actor, area org.UnitID) (org.Actor, error) {
	if holdsArea(by) {
		return by, nil
	}
	u, err := org.UnitByID(ctx, q, area)
	if err != nil {
		return org.Actor{}, err
	}
	in, err := org.StandsIn(ctx, q, by, u)
	if err == nil && !in {
		err = problem.ErrNotFound
	}
	return by.For(u), err
}

// findOwn returns the household if it lies in an area that by looks after today.
func findOwn(ctx context.Context, tx *db.Tx, by org.Actor, id ID) (Household, error) {
	h, err := findHousehold(ctx, tx, by, id, calendar.DayOf(tx.Now))
	if err == nil {
		_, err = meanwhile(ctx, tx, by, h.AreaID)
	}
	if err != nil {
		return Household{}, err
	}
	return h, nil
}

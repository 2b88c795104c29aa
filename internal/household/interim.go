package household

import (
	"cmp"
	"context"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
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

// mayLookAfter says why by can never look after homes, or nil: leads do while nobody else does.
func mayLookAfter(by org.Actor) error {
	if !holdsArea(by) && !slices.Contains(org.LeadRoles, by.Role) {
		return problem.ErrForbidden
	}
	return nil
}

// inEach is page p of what list finds in the areas that by looks after, the newest of all first, and the cursor behind
// it. For a holder it is one list as it comes.
func inEach[T any](ctx context.Context, q db.Queryer, by org.Actor, p page.Page, list func(by org.Actor) ([]T, error), at func(T) (time.Time, int64)) (all []T, next string, err error) {
	areas, err := lookingAfter(ctx, q, by)
	if err != nil {
		return nil, "", err
	}
	for _, by := range areas {
		some, err := list(by)
		if err != nil {
			return nil, "", err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b T) int {
		moment, id := at(a)
		other, otherID := at(b)
		return cmp.Or(other.Compare(moment), cmp.Compare(otherID, id))
	})
	all, next = page.Cut(all, p, at)
	return all, next, nil
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

// holdOwn is findOwn for who writes something down about the household that would keep it from ending.
func holdOwn(ctx context.Context, tx *db.Tx, by org.Actor, id ID) (Household, error) {
	h, err := findOwn(ctx, tx, by, id)
	if err != nil {
		return Household{}, err
	}
	return h, lockHousehold(ctx, tx, id)
}

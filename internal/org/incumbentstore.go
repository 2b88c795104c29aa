package org

import (
	"context"
	"slices"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// An Incumbent is a person in a role of a unit.
type Incumbent struct {
	Person     PersonID     `db:"person_id"`
	Assignment AssignmentID `db:"id"`
	Role       Role         `db:"role"`
	Post       Post         `db:"post"`
}

// PersonsIn are those who have role in unit on day.
func PersonsIn(ctx context.Context, q db.Queryer, unit UnitID, role Role, day calendar.Day) (in []Incumbent, err error) {
	err = q.Select(ctx, &in, `
		SELECT id, person_id, role, post
		FROM role_assignment
		WHERE unit_id = ? AND role = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY id`, unit, role, day, day)
	return in, db.Wrap(err, nil, "find who is %s of unit %d", role, unit)
}

// PersonsWith are all who have role on day, wherever it stands; for the few roles of a whole deployment.
func PersonsWith(ctx context.Context, q db.Queryer, role Role, day calendar.Day) (persons []PersonID, err error) {
	err = q.Select(ctx, &persons, `
		SELECT DISTINCT person_id
		FROM role_assignment
		WHERE role = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY person_id`, role, day, day)
	return persons, db.Wrap(err, nil, "find everybody who is %s", role)
}

// LeadOf are the persons who lead u on day: a grid unit is led by its party unit's lead (glossary: Lead), who has signed
// for what the one before handed over. None means a gap.
func LeadOf(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (in []Incumbent, err error) {
	if u.Tree == GridTree && u.Kind != Section {
		if u, err = LinkedParty(ctx, q, u.ID, day); err != nil || u.ID == 0 {
			return nil, err
		}
	}
	roles := leads[u.Kind]
	if len(roles) == 0 {
		return nil, nil
	}
	query, args, err := db.In(`
		SELECT id, person_id, role, post
		FROM role_assignment
		WHERE unit_id = ? AND role IN (?) AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?) AND unsigned_yet = ?
		ORDER BY id`, u.ID, roles, day, day, false)
	if err != nil {
		return nil, err
	}
	return in, db.Wrap(q.Select(ctx, &in, query, args...), nil, "find who leads unit %d", u.ID)
}

// InterimHolder are those who stand in for the vacant lead of grid unit u on day: the next lead up its ladder (T8),
// and the unit they lead.
func InterimHolder(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (Unit, []Incumbent, error) {
	ladder, err := Ladder(ctx, q, u)
	if err != nil {
		return Unit{}, nil, err
	}
	for _, above := range ladder {
		if above.ID == u.ID {
			continue
		}
		in, err := LeadOf(ctx, q, above, day)
		if err != nil || len(in) > 0 {
			return above, in, err
		}
	}
	return Unit{}, nil, nil
}

// StandsIn says whether by stands in for the vacant lead of grid unit u today (T8).
func StandsIn(ctx context.Context, q db.Queryer, by Actor, u Unit) (bool, error) {
	if by.Assignment == 0 || !by.Sees(u) {
		return false, nil
	}
	day := calendar.DayOf(db.NowOf(q))
	in, err := LeadOf(ctx, q, u, day)
	if err != nil || len(in) > 0 {
		return false, err
	}
	_, in, err = InterimHolder(ctx, q, u, day)
	return slices.ContainsFunc(in, func(i Incumbent) bool { return i.Assignment == by.Assignment }), err
}

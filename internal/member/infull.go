package member

import (
	"context"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A Whole is somebody by their name and number.
type Whole struct {
	Name      sealed.Name
	Phone     sealed.Phone
	Secretary bool // today: their name is public with their post (E4)
}

// InFull opens names and numbers for the program itself. Whoever calls it shows them of secretaries, and of others as far
// as they have agreed to it (E4), and nothing of anybody else.
func InFull(ctx context.Context, q db.Queryer, ids ...org.PersonID) (map[org.PersonID]Whole, error) {
	full := make(map[org.PersonID]Whole, len(ids))
	keys := sealed.Of(q)
	if len(ids) == 0 || keys == nil {
		return full, nil
	}
	rows, err := personsSealed(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	roles, err := rolesOf(ctx, q, ids, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		name, err := keys.Open(sealed.Personal, "person", "name_sealed", int64(r.ID), r.Name)
		if err != nil {
			return nil, err
		}
		phone, err := keys.Open(sealed.Personal, "person", "phone_sealed", int64(r.ID), r.Phone)
		if err != nil {
			return nil, err
		}
		full[r.ID] = Whole{
			Name: sealed.NameOf(name), Phone: sealed.PhoneOf(phone),
			Secretary: slices.ContainsFunc(roles[r.ID], func(role org.Role) bool { return named[role] }),
		}
	}
	return full, nil
}

type personSealed struct {
	ID    org.PersonID `db:"id"`
	Name  []byte       `db:"name_sealed"`
	Phone []byte       `db:"phone_sealed"`
}

func personsSealed(ctx context.Context, q db.Queryer, ids []org.PersonID) (rows []personSealed, err error) {
	query, args, err := db.In(`
		SELECT id, name_sealed, phone_sealed
		FROM person
		WHERE id IN (?)`, ids)
	if err == nil {
		err = q.Select(ctx, &rows, query, args...)
	}
	return rows, db.Wrap(err, nil, "find %d persons", len(ids))
}

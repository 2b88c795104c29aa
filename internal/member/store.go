package member

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

func insertPerson(ctx context.Context, tx *db.Tx) (org.PersonID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO person (auth_ver, created_at)
		VALUES (1, ?)`, tx.Now)
	return org.PersonID(id), db.Wrap(err, nil, "add a person")
}

func sealPerson(ctx context.Context, tx *db.Tx, id org.PersonID, name, phone []byte, index *int64) error {
	_, err := tx.Change(ctx, `
		UPDATE person
		SET name_sealed = ?, phone_sealed = ?, phone_index = ?
		WHERE id = ?`, name, phone, index, id)
	return db.Wrap(err, nil, "seal person %d", id)
}

type personName struct {
	ID   org.PersonID `db:"id"`
	Name []byte       `db:"name_sealed"`
}

func personsNamed(ctx context.Context, q db.Queryer, ids []org.PersonID) (rows []personName, err error) {
	query, args, err := db.In(`
		SELECT id, name_sealed
		FROM person
		WHERE id IN (?)`, ids)
	if err == nil {
		err = q.Select(ctx, &rows, query, args...)
	}
	return rows, db.Wrap(err, nil, "find the names of %d persons", len(ids))
}

func rolesOf(ctx context.Context, q db.Queryer, ids []org.PersonID, day calendar.Day) (map[org.PersonID][]org.Role, error) {
	var rows []struct {
		ID   org.PersonID `db:"person_id"`
		Role org.Role     `db:"role"`
	}
	query, args, err := db.In(`
		SELECT person_id, role
		FROM role_assignment
		WHERE person_id IN (?) AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)`, ids, day, day)
	if err == nil {
		err = q.Select(ctx, &rows, query, args...)
	}
	roles := make(map[org.PersonID][]org.Role, len(ids))
	for _, r := range rows {
		roles[r.ID] = append(roles[r.ID], r.Role)
	}
	return roles, db.Wrap(err, nil, "find the roles of %d persons", len(ids))
}

package upload

import (
	"cmp"
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/blob"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

const columns = `id, person_id, file, number, width, height, size, version, created_at`

func insert(ctx context.Context, tx *db.Tx, u Upload) (ID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO upload (person_id, file, number, width, height, size, drop_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		u.PersonID, u.File, u.Number, u.Width, u.Height, u.Size, tx.Now.Add(unused), tx.Now)
	return ID(id), db.Wrap(err, nil, "note an upload of person %d", u.PersonID)
}

// insertHung notes a file that hangs on o until a moment.
func insertHung(ctx context.Context, tx *db.Tx, o Owner, u Upload, until time.Time) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO upload (person_id, file, number, width, height, size, owner_type, owner_id, drop_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.PersonID, u.File, u.Number, u.Width, u.Height, u.Size, o.Type, o.ID, until, tx.Now)
	return db.Wrap(err, nil, "note a file of %s %d", o.Type, o.ID)
}

// findOwn is an upload of a person that hangs on nothing yet.
func findOwn(ctx context.Context, q db.Queryer, person org.PersonID, id ID) (u Upload, err error) {
	err = q.Get(ctx, &u, `SELECT `+columns+` FROM upload WHERE id = ? AND person_id = ? AND owner_id IS NULL`, id, person)
	return u, db.Wrap(err, problem.ErrNotFound, "find upload %d", id)
}

func find(ctx context.Context, q db.Queryer, id ID) (u Upload, err error) {
	err = q.Get(ctx, &u, `SELECT `+columns+` FROM upload WHERE id = ?`, id)
	return u, db.Wrap(err, problem.ErrNotFound, "find upload %d", id)
}

// FindOf is one of the pictures of o.
func FindOf(ctx context.Context, q db.Queryer, o Owner, id ID) (u Upload, err error) {
	err = q.Get(ctx, &u, `SELECT `+columns+` FROM upload WHERE id = ? AND owner_type = ? AND owner_id = ?`, id, o.Type, o.ID)
	return u, db.Wrap(err, problem.ErrNotFound, "find upload %d of %s %d", id, o.Type, o.ID)
}

// Of are the pictures of o, in the order they were sent; MaxOf at most.
func Of(ctx context.Context, q db.Queryer, o Owner) (all []Upload, err error) {
	err = q.Select(ctx, &all, `SELECT `+columns+` FROM upload WHERE owner_type = ? AND owner_id = ? ORDER BY id`, o.Type, o.ID)
	return all, db.Wrap(err, nil, "find the uploads of %s %d", o.Type, o.ID)
}

// Attach hangs pictures that by sent on o, where they stay until drop.
func Attach(ctx context.Context, tx *db.Tx, by org.Actor, o Owner, ids []ID) error {
	for _, id := range ids {
		found, err := tx.Change(ctx, `
			UPDATE upload SET owner_type = ?, owner_id = ?, drop_at = NULL
			WHERE id = ? AND person_id = ? AND owner_id IS NULL`, o.Type, o.ID, id, by.PersonID)
		if err != nil {
			return db.Wrap(err, nil, "hang upload %d on %s %d", id, o.Type, o.ID)
		}
		if found == 0 {
			if u, err := find(ctx, tx, id); err != nil || u.PersonID != by.PersonID {
				return cmp.Or(err, error(problem.ErrNotFound))
			}
			return ErrUsed
		}
	}
	all, err := Of(ctx, tx, o)
	if err == nil && len(all) > MaxOf {
		err = ErrTooMany
	}
	return err
}

// DropAt makes the pictures of o go by themselves from at on; nil: they stay.
func DropAt(ctx context.Context, tx *db.Tx, o Owner, at *time.Time) error {
	_, err := tx.Change(ctx, `UPDATE upload SET drop_at = ? WHERE owner_type = ? AND owner_id = ?`, at, o.Type, o.ID)
	return db.Wrap(err, nil, "say when the uploads of %s %d go", o.Type, o.ID)
}

// replace puts another file in the place of the one of u, unless somebody was faster.
func replace(ctx context.Context, tx *db.Tx, u Upload, was int64) error {
	found, err := tx.Change(ctx, `
		UPDATE upload SET file = ?, number = ?, width = ?, height = ?, size = ?, version = version + 1
		WHERE id = ? AND version = ?`, u.File, u.Number, u.Width, u.Height, u.Size, u.ID, was)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, was, `SELECT version FROM upload WHERE id = ?`, u.ID)
	}
	return db.Wrap(err, nil, "replace the file of upload %d", u.ID)
}

func remove(ctx context.Context, tx *db.Tx, id ID) error {
	_, err := tx.Change(ctx, `DELETE FROM upload WHERE id = ?`, id)
	return db.Wrap(err, nil, "remove upload %d", id)
}

// over are uploads whose time is over.
func over(ctx context.Context, tx *db.Tx) (all []Upload, err error) {
	err = tx.Select(ctx, &all, `SELECT `+columns+` FROM upload WHERE drop_at <= ? ORDER BY drop_at, id LIMIT 100`, tx.Now)
	return all, db.Wrap(err, nil, "find uploads whose time is over")
}

// known are those of the files that a row speaks of.
func known(ctx context.Context, q db.Queryer, files []blob.Name) (map[blob.Name]bool, error) {
	query, args, err := db.In(`SELECT file FROM upload WHERE file IN (?)`, files)
	if err != nil {
		return nil, err
	}
	var rows []blob.Name
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the rows of files")
	}
	in := make(map[blob.Name]bool, len(rows))
	for _, name := range rows {
		in[name] = true
	}
	return in, nil
}

// OfAll are the pictures of many owners of one type, by owner: the first of each.
func OfAll(ctx context.Context, q db.Queryer, kind string, ids []int64) (map[int64]Upload, error) {
	all := make(map[int64]Upload, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	query, args, err := db.In(`
		SELECT `+columns+`, owner_id
		FROM upload
		WHERE owner_type = ? AND owner_id IN (?)
		ORDER BY id DESC`, kind, ids)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Owner int64 `db:"owner_id"`
		Upload
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the uploads of %d of %s", len(ids), kind)
	}
	for _, r := range rows {
		all[r.Owner] = r.Upload
	}
	return all, nil
}

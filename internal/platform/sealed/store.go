package sealed

import (
	"context"

	"wanjia/internal/platform/db"
)

type keysetRow struct {
	ID      int64  `db:"id"`
	Name    string `db:"name"`
	Wrapped []byte `db:"wrapped"`
	Version int64  `db:"version"`
}

func allKeysets(ctx context.Context, q db.Queryer) ([]keysetRow, error) {
	var rows []keysetRow
	err := q.Select(ctx, &rows, `
		SELECT id, name, wrapped, version
		FROM keyset
		ORDER BY id`)
	return rows, db.Wrap(err, nil, "read key sets")
}

func insertKeyset(ctx context.Context, tx *db.Tx, name string, wrapped []byte) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO keyset (name, wrapped, version, changed_at)
		VALUES (?, ?, 1, ?)`, name, wrapped, tx.Now)
	return db.Wrap(err, nil, "insert key set %s", name)
}

func replaceKeyset(ctx context.Context, tx *db.Tx, row keysetRow) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE keyset
		SET wrapped = ?, changed_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, row.Wrapped, tx.Now, row.ID, row.Version)
	return found, db.Wrap(err, nil, "replace key set %s", row.Name)
}

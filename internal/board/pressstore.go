package board

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const packColumns = `
	SELECT id, built_by, title, manifest, sha256, built_at, expires_at
	FROM press_pack`

// findPack is a pack that by built; another is not found.
func findPack(ctx context.Context, q db.Queryer, by org.Actor, id PackID) (p Pack, err error) {
	err = q.Get(ctx, &p, packColumns+` WHERE id = ? AND built_by = ?`, id, by.PersonID)
	return p, db.Wrap(err, problem.ErrNotFound, "find press pack %d", id)
}

func listPacks(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Pack, err error) {
	err = q.Select(ctx, &all, packColumns+`
		WHERE built_by = ? AND id < ?
		ORDER BY id DESC
		LIMIT ?`, by.PersonID, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list press packs")
}

func insertPack(ctx context.Context, tx *db.Tx, by org.Actor, p Pack) (PackID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO press_pack (built_by, built_as, title, manifest, sha256, built_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, by.PersonID, by.Assignment, p.Title, p.Manifest, p.Hash, p.BuiltAt, p.ExpiresAt)
	return PackID(id), db.Wrap(err, nil, "keep a press pack")
}

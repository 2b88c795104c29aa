package auth

import (
	"context"
	"time"

	"wanjia/internal/platform/db"
)

type keyRow struct {
	ID        int64     `db:"id"`
	Kid       string    `db:"kid"`
	Seed      []byte    `db:"seed_sealed"`
	SignsFrom time.Time `db:"signs_from"`
}

func signingKeyRows(ctx context.Context, q db.Queryer) (rows []keyRow, err error) {
	err = q.Select(ctx, &rows, `SELECT id, kid, seed_sealed, signs_from FROM signing_key WHERE seed_sealed IS NOT NULL ORDER BY signs_from, id`)
	return rows, db.Wrap(err, nil, "read the signing keys")
}

func insertSigningKey(ctx context.Context, tx *db.Tx, kid string, from time.Time) (int64, error) {
	id, err := tx.Insert(ctx, `INSERT INTO signing_key (kid, created_at, signs_from) VALUES (?, ?, ?)`, kid, tx.Now, from)
	return id, db.Wrap(err, nil, "make a signing key")
}

func sealSigningKey(ctx context.Context, tx *db.Tx, id int64, cipher []byte) error {
	_, err := tx.Change(ctx, `UPDATE signing_key SET seed_sealed = ? WHERE id = ?`, cipher, id)
	return db.Wrap(err, nil, "seal signing key %d", id)
}

type tokenRow struct {
	ID        int64     `db:"id"`
	Sealed    []byte    `db:"token_sealed"`
	ExpiresAt time.Time `db:"expires_at"`
	Version   int64     `db:"version"`
}

func findWeChatToken(ctx context.Context, q db.Queryer, app string) (r tokenRow, found bool, err error) {
	err = q.Get(ctx, &r, `SELECT id, token_sealed, expires_at, version FROM wechat_token WHERE app_id = ?`, app)
	found, err = none(err, "find the wechat token")
	return r, found, err
}

// ensureWeChatToken is the row of app, which it makes when there is none.
func ensureWeChatToken(ctx context.Context, tx *db.Tx, app string) (tokenRow, error) {
	r, found, err := findWeChatToken(ctx, tx, app)
	if err != nil || found {
		return r, err
	}
	r = tokenRow{ExpiresAt: tx.Now, Version: 1}
	r.ID, err = tx.Insert(ctx, `INSERT INTO wechat_token (app_id, expires_at, version) VALUES (?, ?, 1)`, app, tx.Now)
	if db.IsDuplicate(err) { // another node was faster
		r, _, err = findWeChatToken(ctx, tx, app)
	}
	return r, db.Wrap(err, nil, "make the row of the wechat token")
}

// takeWeChatFetch takes the turn to fetch the token until a moment, unless another node has it or has just been there.
func takeWeChatFetch(ctx context.Context, tx *db.Tx, r tokenRow, until time.Time) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_token
		SET fetch_until = ?
		WHERE id = ? AND version = ? AND (fetch_until IS NULL OR fetch_until <= ?)`, until, r.ID, r.Version, tx.Now)
	return found > 0, db.Wrap(err, nil, "take the turn to fetch the wechat token")
}

// leaveWeChatFetch gives back the turn that lasts until a moment, unless a token has been saved or the turn is another's.
func leaveWeChatFetch(ctx context.Context, tx *db.Tx, r tokenRow, until time.Time) error {
	_, err := tx.Change(ctx, `UPDATE wechat_token SET fetch_until = NULL WHERE id = ? AND version = ? AND fetch_until = ?`, r.ID, r.Version, until)
	return db.Wrap(err, nil, "give back the turn to fetch the wechat token")
}

func saveWeChatToken(ctx context.Context, tx *db.Tx, r tokenRow) error {
	_, err := tx.Change(ctx, `UPDATE wechat_token SET token_sealed = ?, expires_at = ?, fetch_until = NULL, version = version + 1 WHERE id = ? AND version = ?`,
		r.Sealed, r.ExpiresAt, r.ID, r.Version)
	return db.Wrap(err, nil, "save the wechat token")
}

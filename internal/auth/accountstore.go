package auth

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

type accountRow struct {
	ID        int64         `db:"id"`
	Person    *org.PersonID `db:"person_id"`
	State     State         `db:"state"`
	UnionHash []byte        `db:"unionid_hash"`
	BoundAt   *time.Time    `db:"bound_at"`
	HeldUntil *time.Time    `db:"held_until"`
}

const accountColumns = `SELECT id, person_id, state, unionid_hash, bound_at, held_until FROM wechat_account`

func findAccount(ctx context.Context, q db.Queryer, app string, hashes [][]byte) (a accountRow, found bool, err error) {
	query, args, err := db.In(accountColumns+` WHERE app_id = ? AND openid_hash IN (?)`, app, hashes)
	if err != nil {
		return a, false, err
	}
	found, err = none(q.Get(ctx, &a, query, args...), "find a wechat account")
	return a, found, err
}

func accountOf(ctx context.Context, q db.Queryer, person org.PersonID, state State) (a accountRow, found bool, err error) {
	err = q.Get(ctx, &a, accountColumns+` WHERE person_id = ? AND state = ? ORDER BY id LIMIT 1`, person, state)
	found, err = none(err, "find the wechat account of person %d", person)
	return a, found, err
}

func accountByID(ctx context.Context, q db.Queryer, id int64) (a accountRow, err error) {
	err = q.Get(ctx, &a, accountColumns+` WHERE id = ?`, id)
	return a, db.Wrap(err, problem.ErrNotFound, "find wechat account %d", id)
}

func accountByUnion(ctx context.Context, q db.Queryer, hashes [][]byte, but int64) (a accountRow, found bool, err error) {
	query, args, err := db.In(accountColumns+`
		WHERE unionid_hash IN (?) AND id <> ? AND person_id IS NOT NULL AND state <> ?
		ORDER BY id LIMIT 1`, hashes, but, Closed)
	if err != nil {
		return a, false, err
	}
	found, err = none(q.Get(ctx, &a, query, args...), "find an account by unionid")
	return a, found, err
}

func insertAccount(ctx context.Context, tx *db.Tx, app string, hash []byte) (int64, error) {
	return tx.Insert(ctx, `INSERT INTO wechat_account (app_id, openid_hash, state, created_at) VALUES (?, ?, ?, ?)`, app, hash, Unverified, tx.Now)
}

// settleAccount writes what becomes of an account at a sign-in.
func settleAccount(ctx context.Context, tx *db.Tx, a accountRow) error {
	_, err := tx.Change(ctx, `UPDATE wechat_account SET person_id = ?, state = ?, unionid_hash = ? WHERE id = ?`, a.Person, a.State, a.UnionHash, a.ID)
	return db.Wrap(err, nil, "settle wechat account %d", a.ID)
}

func sealOpenID(ctx context.Context, tx *db.Tx, id int64, cipher []byte) error {
	_, err := tx.Change(ctx, `UPDATE wechat_account SET openid_sealed = ? WHERE id = ?`, cipher, id)
	return db.Wrap(err, nil, "seal the openid of account %d", id)
}

// boundOpenID is the newest account of person at app that is theirs for sure, with its sealed openid.
func boundOpenID(ctx context.Context, q db.Queryer, app string, person org.PersonID) (id int64, cipher []byte, found bool, err error) {
	var a struct {
		ID     int64  `db:"id"`
		Cipher []byte `db:"openid_sealed"`
	}
	found, err = none(q.Get(ctx, &a, `
		SELECT id, openid_sealed
		FROM wechat_account
		WHERE person_id = ? AND app_id = ? AND state = ? AND openid_sealed IS NOT NULL
		ORDER BY id DESC
		LIMIT 1`, person, app, Bound), "find the openid of person %d", person)
	return a.ID, a.Cipher, found, err
}

// insertConflict notes that two accounts conflict: once, whichever of them is seen second.
func insertConflict(ctx context.Context, tx *db.Tx, account, other int64) error {
	account, other = min(account, other), max(account, other)
	_, err := tx.Insert(ctx, `INSERT INTO account_conflict (account_id, other_id, at) VALUES (?, ?, ?)`, account, other, tx.Now)
	if db.IsDuplicate(err) {
		return nil
	}
	return db.Wrap(err, nil, "note that accounts %d and %d conflict", account, other)
}

type conflictRow struct {
	ID      int64     `db:"id"`
	Account int64     `db:"account_id"`
	Other   int64     `db:"other_id"`
	At      time.Time `db:"at"`
}

const conflictColumns = `SELECT id, account_id, other_id, at FROM account_conflict`

func openConflicts(ctx context.Context, q db.Queryer) (all []conflictRow, err error) {
	err = q.Select(ctx, &all, conflictColumns+` WHERE settled_at IS NULL ORDER BY at, id LIMIT 100`)
	return all, db.Wrap(err, nil, "list the account conflicts")
}

func findConflict(ctx context.Context, q db.Queryer, id int64) (r conflictRow, err error) {
	err = q.Get(ctx, &r, conflictColumns+` WHERE id = ?`, id)
	return r, db.Wrap(err, problem.ErrNotFound, "find account conflict %d", id)
}

func settleConflict(ctx context.Context, tx *db.Tx, id int64, decision string, by org.PersonID, reason string) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE account_conflict SET settled_at = ?, decision = ?, decided_by = ?, reason = ?
		WHERE id = ? AND settled_at IS NULL`, tx.Now, decision, by, reason, id)
	return found, db.Wrap(err, nil, "settle account conflict %d", id)
}

// moveAccount makes a that of person, if it is still as it was read.
func moveAccount(ctx context.Context, tx *db.Tx, a accountRow, person org.PersonID, held time.Time) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE wechat_account SET person_id = ?, state = ?, bound_at = ?, held_until = ?
		WHERE id = ? AND person_id = ? AND state = ?`, person, Bound, tx.Now, held, a.ID, a.Person, a.State)
	return found, db.Wrap(err, nil, "move wechat account %d", a.ID)
}

// closeOthers closes the accounts that person used until now with this app's account id.
func closeOthers(ctx context.Context, tx *db.Tx, person org.PersonID, account int64) (found int64, err error) {
	var app string
	if err := tx.Get(ctx, &app, `SELECT app_id FROM wechat_account WHERE id = ?`, account); err != nil {
		return 0, db.Wrap(err, nil, "find the app of account %d", account)
	}
	found, err = tx.Change(ctx, `UPDATE wechat_account SET state = ? WHERE person_id = ? AND app_id = ? AND state = ? AND id <> ?`,
		Closed, person, app, Bound, account)
	return found, db.Wrap(err, nil, "close the other accounts of person %d", person)
}

func bindAccount(ctx context.Context, tx *db.Tx, account int64, person org.PersonID, held *time.Time) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE wechat_account SET state = ?, person_id = ?, bound_at = ?, held_until = ?
		WHERE id = ? AND state = ?`, Bound, person, tx.Now, held, account, Unverified)
	return found, db.Wrap(err, nil, "bind account %d", account)
}

package auth

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

type invitationRow struct {
	ID        int64        `db:"id"`
	Person    org.PersonID `db:"person_id"`
	Salt      []byte       `db:"salt"`
	CreatedBy org.PersonID `db:"created_by"`
	ExpiresAt time.Time    `db:"expires_at"`
	UsedAt    *time.Time   `db:"used_at"`
}

func insertInvitation(ctx context.Context, tx *db.Tx, person org.PersonID, unit org.UnitID, salt, hash []byte, by org.PersonID, until time.Time) (int64, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO invitation (person_id, unit_id, salt, hash, created_by, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, person, unit, salt, hash, by, tx.Now, until)
	return id, db.Wrap(err, nil, "invite person %d", person)
}

func invitationByID(ctx context.Context, q db.Queryer, id int64) (i invitationRow, err error) {
	err = q.Get(ctx, &i, `SELECT id, person_id, salt, created_by, expires_at, used_at FROM invitation WHERE id = ?`, id)
	return i, db.Wrap(err, problem.ErrNotFound, "find invitation %d", id)
}

func findInvitation(ctx context.Context, q db.Queryer, hashes [][]byte) (i invitationRow, err error) {
	query, args, err := db.In(`SELECT id, person_id, salt, created_by, expires_at, used_at FROM invitation WHERE hash IN (?)`, hashes)
	if err != nil {
		return i, err
	}
	return i, db.Wrap(q.Get(ctx, &i, query, args...), ErrInvitation, "find an invitation")
}

func useInvitation(ctx context.Context, tx *db.Tx, id, account int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE invitation SET used_at = ?, account_id = ? WHERE id = ? AND used_at IS NULL AND expires_at > ?`,
		tx.Now, account, id, tx.Now)
	return found, db.Wrap(err, nil, "use invitation %d", id)
}

// A Binding is an account that says it is a person of the roster, with the phone to show for it.
type Binding struct {
	ID      int64        `db:"id"`
	Account int64        `db:"account_id"`
	Person  org.PersonID `db:"person_id"`
	State   string       `db:"state"`
	AskedAt time.Time    `db:"created_at"`
	Name    string       `db:"-"` // masked
}

const bindingColumns = `SELECT b.id, b.account_id, b.person_id, b.state, b.created_at FROM binding_request b`

func openBindingExists(ctx context.Context, q db.Queryer, account int64, person org.PersonID) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM binding_request WHERE account_id = ? AND person_id = ? AND state = 'open'`, account, person)
	return n > 0, db.Wrap(err, nil, "look for a binding request of account %d", account)
}

func insertBinding(ctx context.Context, tx *db.Tx, account int64, person org.PersonID) (int64, error) {
	id, err := tx.Insert(ctx, `INSERT INTO binding_request (account_id, person_id, state, created_at) VALUES (?, ?, 'open', ?)`, account, person, tx.Now)
	return id, db.Wrap(err, nil, "ask to bind account %d", account)
}

// inReach is the condition that person has a role inside the scope of whoever asks.
const inReach = ` EXISTS (SELECT 1 FROM role_assignment a JOIN unit u ON u.id = a.unit_id
	WHERE a.person_id = b.person_id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
	  AND ((u.tree = 'grid' AND u.path >= ? AND u.path < ?) OR (u.tree = 'party' AND u.path >= ? AND u.path < ?)))`

func openBindings(ctx context.Context, q db.Queryer, by org.Actor, day string) (all []Binding, err error) {
	from, to := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	err = q.Select(ctx, &all, bindingColumns+` WHERE b.state = 'open' AND`+inReach+` ORDER BY b.created_at, b.id LIMIT 100`,
		day, day, from, to, partyFrom, partyTo)
	return all, db.Wrap(err, nil, "list binding requests")
}

func findBinding(ctx context.Context, q db.Queryer, by org.Actor, id int64, day string) (b Binding, err error) {
	from, to := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	err = q.Get(ctx, &b, bindingColumns+` WHERE b.id = ? AND`+inReach, id, day, day, from, to, partyFrom, partyTo)
	return b, db.Wrap(err, problem.ErrNotFound, "find binding request %d", id)
}

func decideBinding(ctx context.Context, tx *db.Tx, id int64, state string, by org.PersonID, reason string) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE binding_request SET state = ?, decided_by = ?, decided_at = ?, reason = ?
		WHERE id = ? AND state = 'open'`, state, by, tx.Now, reason, id)
	return found, db.Wrap(err, nil, "decide binding request %d", id)
}

func lapseBindings(ctx context.Context, tx *db.Tx, account int64) error {
	_, err := tx.Change(ctx, `UPDATE binding_request SET state = 'lapsed', decided_at = ? WHERE account_id = ? AND state = 'open'`, tx.Now, account)
	return db.Wrap(err, nil, "lapse the binding requests of account %d", account)
}

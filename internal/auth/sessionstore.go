package auth

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// A Session is one device of a person, signed in.
type Session struct {
	ID         SessionID    `db:"id"`
	Person     org.PersonID `db:"person_id"`
	Client     Client       `db:"client"`
	DeviceHash []byte       `db:"device_hash"`
	Level      int          `db:"level"`
	Era        int64        `db:"era"`
	IdleFor    int64        `db:"idle_for"`
	IdleUntil  time.Time    `db:"idle_until"`
	EndsAt     time.Time    `db:"ends_at"`
	SteppedAt  *time.Time   `db:"stepped_at"`
	HeldUntil  *time.Time   `db:"held_until"`
	CreatedAt  time.Time    `db:"created_at"`
	EndedAt    *time.Time   `db:"ended_at"`
}

// lives says whether s can still be used at now.
func (s Session) lives(now time.Time, era int64) bool {
	return s.EndedAt == nil && s.Era == era && now.Before(s.IdleUntil) && now.Before(s.EndsAt)
}

const sessionColumns = `
	SELECT s.id, s.person_id, s.client, s.device_hash, s.level, s.era, s.idle_for, s.idle_until, s.ends_at, s.stepped_at,
	       s.held_until, s.created_at, s.ended_at
	FROM session s`

func insertSession(ctx context.Context, tx *db.Tx, s *Session) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO session (person_id, client, device_hash, level, era, idle_for, idle_until, ends_at, stepped_at, held_until, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.Person, s.Client, s.DeviceHash, s.Level, s.Era, s.IdleFor, s.IdleUntil, s.EndsAt, s.SteppedAt, s.HeldUntil, s.CreatedAt)
	s.ID = SessionID(id)
	return db.Wrap(err, nil, "start a session of person %d", s.Person)
}

func findSession(ctx context.Context, q db.Queryer, id SessionID) (s Session, err error) {
	err = q.Get(ctx, &s, sessionColumns+` WHERE s.id = ?`, id)
	return s, db.Wrap(err, ErrSessionEnded, "find session %d", id)
}

func liveSessions(ctx context.Context, q db.Queryer, person org.PersonID, now time.Time) (all []Session, err error) {
	err = q.Select(ctx, &all, sessionColumns+`
		WHERE s.person_id = ? AND s.ended_at IS NULL AND s.ends_at > ? AND s.idle_until > ?
		ORDER BY s.id DESC
		LIMIT 100`, person, now, now)
	return all, db.Wrap(err, nil, "list the sessions of person %d", person)
}

func unendedSessions(ctx context.Context, q db.Queryer, person org.PersonID) (ids []SessionID, err error) {
	err = q.Select(ctx, &ids, `SELECT id FROM session WHERE person_id = ? AND ended_at IS NULL ORDER BY id`, person)
	return ids, db.Wrap(err, nil, "find the sessions of person %d", person)
}

// devicesOf says how many sessions person ever had, and how many of them on this device.
func devicesOf(ctx context.Context, q db.Queryer, person org.PersonID, device []byte) (all, same int, err error) {
	if err = q.Get(ctx, &all, `SELECT COUNT(*) FROM session WHERE person_id = ?`, person); err == nil {
		err = q.Get(ctx, &same, `SELECT COUNT(*) FROM session WHERE person_id = ? AND device_hash = ?`, person, device)
	}
	return all, same, db.Wrap(err, nil, "count the devices of person %d", person)
}

func endOne(ctx context.Context, tx *db.Tx, id SessionID, reason string) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE session SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL`, tx.Now, reason, id)
	return found, db.Wrap(err, nil, "end session %d", id)
}

func moveIdle(ctx context.Context, tx *db.Tx, id SessionID, until time.Time) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE session SET idle_until = ? WHERE id = ? AND ended_at IS NULL`, until, id)
	return found, db.Wrap(err, nil, "prolong session %d", id)
}

func markStepped(ctx context.Context, tx *db.Tx, id SessionID) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE session SET stepped_at = ?, level = 2 WHERE id = ? AND ended_at IS NULL`, tx.Now, id)
	return found, db.Wrap(err, nil, "step session %d up", id)
}

type refreshRow struct {
	ID      int64      `db:"id"`
	Session SessionID  `db:"session_id"`
	UsedAt  *time.Time `db:"used_at"`
}

func insertRefresh(ctx context.Context, tx *db.Tx, session SessionID, hash []byte, parent *int64) error {
	_, err := tx.Insert(ctx, `INSERT INTO refresh_token (session_id, hash, parent_id, created_at) VALUES (?, ?, ?, ?)`,
		session, hash, parent, tx.Now)
	return db.Wrap(err, nil, "store a refresh token of session %d", session)
}

func findRefresh(ctx context.Context, q db.Queryer, hash []byte) (r refreshRow, found bool, err error) {
	err = q.Get(ctx, &r, `SELECT id, session_id, used_at FROM refresh_token WHERE hash = ?`, hash)
	found, err = none(err, "find a refresh token")
	return r, found, err
}

// childOf is the token given for parent, with its hash.
func childOf(ctx context.Context, q db.Queryer, parent int64) (hash []byte, usedAt *time.Time, found bool, err error) {
	var r struct {
		Hash   []byte     `db:"hash"`
		UsedAt *time.Time `db:"used_at"`
	}
	err = q.Get(ctx, &r, `SELECT hash, used_at FROM refresh_token WHERE parent_id = ?`, parent)
	found, err = none(err, "find the token given for token %d", parent)
	return r.Hash, r.UsedAt, found, err
}

// useRefresh is the one statement that decides who changes a token: of many at once it finds one row once.
func useRefresh(ctx context.Context, tx *db.Tx, id int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE refresh_token SET used_at = ? WHERE id = ? AND used_at IS NULL`, tx.Now, id)
	return found, db.Wrap(err, nil, "use refresh token %d", id)
}

// Revocations.

type revocationRow struct {
	ID   int64     `db:"id"`
	Kind EndKind   `db:"kind"`
	Ref  int64     `db:"ref_id"`
	Ver  int64     `db:"ver"`
	At   time.Time `db:"at"`
}

func insertRevocation(ctx context.Context, tx *db.Tx, kind EndKind, ref, ver int64) (revocationRow, error) {
	id, err := tx.Insert(ctx, `INSERT INTO revocation (kind, ref_id, ver, at) VALUES (?, ?, ?, ?)`, kind, ref, ver, tx.Now)
	return revocationRow{id, kind, ref, ver, tx.Now}, db.Wrap(err, nil, "revoke %s %d", kind, ref)
}

func revocationsSince(ctx context.Context, q db.Queryer, from time.Time) (rows []revocationRow, err error) {
	err = q.Select(ctx, &rows, `SELECT id, kind, ref_id, ver, at FROM revocation WHERE at > ? ORDER BY at, id`, from)
	return rows, db.Wrap(err, nil, "read the revocations")
}

// WeChat accounts.

func insertCodeUse(ctx context.Context, tx *db.Tx, hash []byte) error {
	_, err := tx.Change(ctx, `INSERT INTO login_code_use (hash, at) VALUES (?, ?)`, hash, tx.Now)
	return err
}

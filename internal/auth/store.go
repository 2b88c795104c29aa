package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// none turns "there is no row" into false.
func none(err error, format string, args ...any) (found bool, _ error) {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf(format+": %w", append(args, err)...)
	}
	return true, nil
}

// Persons.

// addPerson makes somebody of whom nothing is known but that they signed in.
func addPerson(ctx context.Context, tx *db.Tx) (org.PersonID, error) {
	id, err := tx.Insert(ctx, `INSERT INTO person (auth_ver, created_at, version) VALUES (1, ?, 1)`, tx.Now)
	if err != nil {
		return 0, fmt.Errorf("make a person: %w", err)
	}
	return org.PersonID(id), notify.NewPerson(ctx, tx, org.PersonID(id))
}

// A person as far as signing in is concerned.
type personRow struct {
	ID         org.PersonID `db:"id"`
	Ver        int64        `db:"auth_ver"`
	DisabledAt *time.Time   `db:"disabled_at"`
	Name       []byte       `db:"name_sealed"`
	Phone      []byte       `db:"phone_sealed"`
}

func findPerson(ctx context.Context, q db.Queryer, id org.PersonID) (p personRow, err error) {
	err = q.Get(ctx, &p, `SELECT id, auth_ver, disabled_at, name_sealed, phone_sealed FROM person WHERE id = ?`, id)
	return p, db.Wrap(err, problem.ErrNotFound, "find person %d", id)
}

// raiseVer makes every token given to person until now stale, and returns the version that is not.
func raiseVer(ctx context.Context, tx *db.Tx, person org.PersonID) (ver int64, err error) {
	found, err := tx.Change(ctx, `UPDATE person SET auth_ver = auth_ver + 1 WHERE id = ?`, person)
	if err != nil || found == 0 {
		return 0, db.Wrap(errors.Join(err, problem.ErrNotFound), nil, "raise the version of person %d", person)
	}
	err = tx.Get(ctx, &ver, `SELECT auth_ver FROM person WHERE id = ?`, person)
	return ver, db.Wrap(err, nil, "read the version of person %d", person)
}

func disable(ctx context.Context, tx *db.Tx, person org.PersonID) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE person SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL`, tx.Now, person)
	return found, db.Wrap(err, nil, "disable person %d", person)
}

// personsByPhone are those of the roster, with a role that holds, whose phone may be the one of these indexes.
func personsByPhone(ctx context.Context, q db.Queryer, indexes []int64, day string) (ps []personRow, err error) {
	query, args, err := db.In(`
		SELECT p.id, p.auth_ver, p.disabled_at, p.name_sealed, p.phone_sealed
		FROM person p
		WHERE p.phone_index IN (?) AND p.disabled_at IS NULL AND p.phone_sealed IS NOT NULL
		  AND EXISTS (SELECT 1 FROM role_assignment a
		              WHERE a.person_id = p.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?))
		ORDER BY p.id`, indexes, day, day)
	if err != nil {
		return nil, err
	}
	return ps, db.Wrap(q.Select(ctx, &ps, query, args...), nil, "find persons by phone")
}

// reach says how many roles of person hold inside by's scope, and how many outside beside membership.
func reach(ctx context.Context, q db.Queryer, by org.Actor, person org.PersonID, day string) (inside, outside int, err error) {
	from, to := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	var roles []struct {
		Role   org.Role `db:"role"`
		Inside bool     `db:"inside"`
	}
	err = q.Select(ctx, &roles, `
		SELECT a.role, (u.tree = 'grid' AND u.path >= ? AND u.path < ?) OR (u.tree = 'party' AND u.path >= ? AND u.path < ?) AS inside
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		WHERE a.person_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`,
		from, to, partyFrom, partyTo, person, day, day)
	for _, r := range roles {
		switch {
		case r.Inside:
			inside++
		case r.Role != org.RoleMember:
			outside++
		}
	}
	return inside, outside, db.Wrap(err, nil, "find the roles of person %d", person)
}

// Sessions and their tokens.

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

// Invitations and binding requests.

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

// Credentials.

type credentialRow struct {
	Person      org.PersonID `db:"person_id"`
	Account     string       `db:"account"`
	Password    *string      `db:"password"`
	Totp        []byte       `db:"totp_sealed"`
	ConfirmedAt *time.Time   `db:"confirmed_at"`
	DisabledAt  *time.Time   `db:"disabled_at"`
}

const credentialColumns = `
	SELECT c.person_id, c.account, c.password, c.totp_sealed, c.confirmed_at, p.disabled_at
	FROM credential c
	JOIN person p ON p.id = c.person_id`

func credentialByAccount(ctx context.Context, q db.Queryer, account string) (c credentialRow, found bool, err error) {
	err = q.Get(ctx, &c, credentialColumns+` WHERE c.account = ?`, account)
	found, err = none(err, "find an account")
	return c, found, err
}

func credentialOf(ctx context.Context, q db.Queryer, person org.PersonID) (c credentialRow, found bool, err error) {
	err = q.Get(ctx, &c, credentialColumns+` WHERE c.person_id = ?`, person)
	found, err = none(err, "find the credential of person %d", person)
	return c, found, err
}

// saveCredential stores account, password and second factor; nobody can sign in with them until confirmed.
func saveCredential(ctx context.Context, tx *db.Tx, c credentialRow) error {
	return db.Save(func() (int64, error) {
		return tx.Change(ctx, `
			UPDATE credential SET account = ?, password = ?, totp_sealed = ?, last_step = 0, confirmed_at = ?, changed_at = ?
			WHERE person_id = ?`, c.Account, c.Password, c.Totp, c.ConfirmedAt, tx.Now, c.Person)
	}, func() error {
		_, err := tx.Change(ctx, `
			INSERT INTO credential (person_id, account, password, totp_sealed, last_step, created_at, confirmed_at, changed_at)
			VALUES (?, ?, ?, ?, 0, ?, ?, ?)`, c.Person, c.Account, c.Password, c.Totp, tx.Now, c.ConfirmedAt, tx.Now)
		return err
	})
}

func confirmCredential(ctx context.Context, tx *db.Tx, person org.PersonID) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE credential SET confirmed_at = ? WHERE person_id = ? AND confirmed_at IS NULL`, tx.Now, person)
	return found, db.Wrap(err, nil, "confirm the credential of person %d", person)
}

// takeStep uses a step of the second factor up: it works once, whoever else shows it at the same moment.
func takeStep(ctx context.Context, tx *db.Tx, person org.PersonID, step int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE credential SET last_step = ? WHERE person_id = ? AND last_step < ?`, step, person, step)
	return found, db.Wrap(err, nil, "use a step of person %d", person)
}

type recoveryRow struct {
	ID   int64  `db:"id"`
	Hash string `db:"hash"`
}

func recoveryCodes(ctx context.Context, q db.Queryer, person org.PersonID) (all []recoveryRow, err error) {
	err = q.Select(ctx, &all, `SELECT id, hash FROM recovery_code WHERE person_id = ? AND used_at IS NULL ORDER BY id`, person)
	return all, db.Wrap(err, nil, "find the recovery codes of person %d", person)
}

func replaceRecovery(ctx context.Context, tx *db.Tx, person org.PersonID, hashes []string) error {
	if _, err := tx.Change(ctx, `DELETE FROM recovery_code WHERE person_id = ?`, person); err != nil {
		return fmt.Errorf("drop the recovery codes of person %d: %w", person, err)
	}
	for _, hash := range hashes {
		if _, err := tx.Insert(ctx, `INSERT INTO recovery_code (person_id, hash, created_at) VALUES (?, ?, ?)`, person, hash, tx.Now); err != nil {
			return fmt.Errorf("store a recovery code of person %d: %w", person, err)
		}
	}
	return nil
}

func useRecovery(ctx context.Context, tx *db.Tx, id int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE recovery_code SET used_at = ? WHERE id = ? AND used_at IS NULL`, tx.Now, id)
	return found, db.Wrap(err, nil, "use recovery code %d", id)
}

func changePassword(ctx context.Context, tx *db.Tx, person org.PersonID, from, to string) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE credential SET password = ?, changed_at = ? WHERE person_id = ? AND password = ?`, to, tx.Now, person, from)
	return found, db.Wrap(err, nil, "change the password of person %d", person)
}

// PINs.

type pinRow struct {
	Hash  string `db:"hash"`
	Tries int    `db:"tries"`
}

func savePin(ctx context.Context, tx *db.Tx, person org.PersonID, device []byte, hash string) error {
	return db.Save(func() (int64, error) {
		return tx.Change(ctx, `UPDATE pin SET hash = ?, tries = 0, created_at = ?, used_at = ? WHERE person_id = ? AND device_hash = ?`,
			hash, tx.Now, tx.Now, person, device)
	}, func() error {
		_, err := tx.Change(ctx, `
			INSERT INTO pin (person_id, device_hash, hash, tries, created_at, used_at)
			VALUES (?, ?, ?, 0, ?, ?)`, person, device, hash, tx.Now, tx.Now)
		return err
	})
}

// tryPin counts a try of the PIN of a device, and finds nothing when there have been too many.
func tryPin(ctx context.Context, tx *db.Tx, person org.PersonID, device []byte) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE pin SET tries = tries + 1 WHERE person_id = ? AND device_hash = ? AND tries < ?`, person, device, pinTries)
	return found, db.Wrap(err, nil, "count a try of the PIN of person %d", person)
}

func findPin(ctx context.Context, q db.Queryer, person org.PersonID, device []byte) (p pinRow, err error) {
	err = q.Get(ctx, &p, `SELECT hash, tries FROM pin WHERE person_id = ? AND device_hash = ?`, person, device)
	return p, db.Wrap(err, ErrPinNeeded, "find the PIN of person %d", person)
}

func pinShown(ctx context.Context, tx *db.Tx, person org.PersonID, device []byte) error {
	found, err := tx.Change(ctx, `UPDATE pin SET tries = 0, used_at = ? WHERE person_id = ? AND device_hash = ?`, tx.Now, person, device)
	if err == nil && found == 0 {
		err = ErrPinNeeded // taken away in between
	}
	return err
}

func dropPins(ctx context.Context, tx *db.Tx, person org.PersonID) error {
	_, err := tx.Change(ctx, `DELETE FROM pin WHERE person_id = ?`, person)
	return db.Wrap(err, nil, "take the PINs of person %d away", person)
}

type challengeRow struct {
	Person     org.PersonID `db:"person_id"`
	Kind       string       `db:"kind"`
	Client     Client       `db:"client"`
	DeviceHash []byte       `db:"device_hash"`
	ExpiresAt  time.Time    `db:"expires_at"`
	UsedAt     *time.Time   `db:"used_at"`
}

func insertChallenge(ctx context.Context, tx *db.Tx, hash []byte, c challengeRow) error {
	_, err := tx.Change(ctx, `
		INSERT INTO sign_in_challenge (hash, person_id, kind, client, device_hash, expires_at)
		VALUES (?, ?, ?, ?, ?, ?)`, hash, c.Person, c.Kind, c.Client, c.DeviceHash, c.ExpiresAt)
	return db.Wrap(err, nil, "store a challenge of person %d", c.Person)
}

func findChallenge(ctx context.Context, q db.Queryer, hash []byte) (c challengeRow, err error) {
	err = q.Get(ctx, &c, `SELECT person_id, kind, client, device_hash, expires_at, used_at FROM sign_in_challenge WHERE hash = ?`, hash)
	return c, db.Wrap(err, ErrChallenge, "find a challenge")
}

func useChallenge(ctx context.Context, tx *db.Tx, hash []byte) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE sign_in_challenge SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?`, tx.Now, hash, tx.Now)
	return found, db.Wrap(err, nil, "use a challenge")
}

type enrolmentRow struct {
	ID        int64         `db:"id"`
	Person    org.PersonID  `db:"person_id"`
	Account   string        `db:"account"`
	Salt      []byte        `db:"salt"`
	CreatedBy org.PersonID  `db:"created_by"`
	ExpiresAt time.Time     `db:"expires_at"`
	UsedAt    *time.Time    `db:"used_at"`
	Needs     bool          `db:"needs_second"`
	SecondBy  *org.PersonID `db:"second_by"`
}

// ready says whether the code of e may be given out and used.
func (e enrolmentRow) ready() bool { return !e.Needs || e.SecondBy != nil }

const enrolmentColumns = `
	SELECT id, person_id, account, salt, created_by, expires_at, used_at, needs_second, second_by
	FROM enrolment`

func insertEnrolment(ctx context.Context, tx *db.Tx, e enrolmentRow, hash []byte) (int64, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO enrolment (person_id, account, salt, hash, created_by, needs_second, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, e.Person, e.Account, e.Salt, hash, e.CreatedBy, e.Needs, tx.Now, e.ExpiresAt)
	return id, db.Wrap(err, nil, "let person %d enrol", e.Person)
}

func enrolmentByID(ctx context.Context, q db.Queryer, id int64) (e enrolmentRow, err error) {
	err = q.Get(ctx, &e, enrolmentColumns+` WHERE id = ?`, id)
	return e, db.Wrap(err, problem.ErrNotFound, "find enrolment %d", id)
}

func findEnrolment(ctx context.Context, q db.Queryer, hashes [][]byte) (e enrolmentRow, found bool, err error) {
	query, args, err := db.In(enrolmentColumns+` WHERE hash IN (?)`, hashes)
	if err != nil {
		return e, false, err
	}
	found, err = none(q.Get(ctx, &e, query, args...), "find an enrolment")
	return e, found, err
}

// waitingEnrolment is the newest of person that still wants a second administrator.
func waitingEnrolment(ctx context.Context, q db.Queryer, person org.PersonID, now time.Time) (e enrolmentRow, found bool, err error) {
	err = q.Get(ctx, &e, enrolmentColumns+`
		WHERE person_id = ? AND needs_second = ? AND second_by IS NULL AND used_at IS NULL AND expires_at > ?
		ORDER BY id DESC
		LIMIT 1`, person, true, now)
	found, err = none(err, "find an enrolment of person %d", person)
	return e, found, err
}

func secondEnrolment(ctx context.Context, tx *db.Tx, id int64, by org.PersonID) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE enrolment SET second_by = ? WHERE id = ? AND second_by IS NULL`, by, id)
	return found, db.Wrap(err, nil, "second enrolment %d", id)
}

func useEnrolment(ctx context.Context, tx *db.Tx, id int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE enrolment SET used_at = ? WHERE id = ? AND used_at IS NULL AND expires_at > ?`, tx.Now, id, tx.Now)
	return found, db.Wrap(err, nil, "use enrolment %d", id)
}

// Tries.

// countTry counts one more try of subject, in windows that begin with a try.
func countTry(ctx context.Context, tx *db.Tx, subject []byte, window time.Duration) (tries int, since time.Time, err error) {
	from := tx.Now.Add(-window)
	if _, err = tx.Change(ctx, `UPDATE auth_try SET tries = 0, since = ? WHERE subject = ? AND since <= ?`, tx.Now, subject, from); err == nil {
		err = db.Save(func() (int64, error) {
			return tx.Change(ctx, `UPDATE auth_try SET tries = tries + 1 WHERE subject = ?`, subject)
		}, func() error {
			_, err := tx.Change(ctx, `INSERT INTO auth_try (subject, tries, since) VALUES (?, 1, ?)`, subject, tx.Now)
			return err
		})
	}
	var row struct {
		Tries int       `db:"tries"`
		Since time.Time `db:"since"`
	}
	if err == nil {
		err = tx.Get(ctx, &row, `SELECT tries, since FROM auth_try WHERE subject = ?`, subject)
	}
	return row.Tries, row.Since, db.Wrap(err, nil, "count a try")
}

func forgetTries(ctx context.Context, tx *db.Tx, subject []byte) error {
	_, err := tx.Change(ctx, `DELETE FROM auth_try WHERE subject = ?`, subject)
	return db.Wrap(err, nil, "forget tries")
}

// Demo.

func personByHandle(ctx context.Context, q db.Queryer, handle string) (p org.PersonID, err error) {
	err = q.Get(ctx, &p, `SELECT person_id FROM demo_handle WHERE handle = ?`, handle)
	return p, db.Wrap(err, ErrSignIn, "find a demo account")
}

func insertHandle(ctx context.Context, tx *db.Tx, handle string, person org.PersonID) error {
	_, err := tx.Change(ctx, `INSERT INTO demo_handle (handle, person_id) VALUES (?, ?)`, handle, person)
	return db.Wrap(err, nil, "give person %d the handle %s", person, handle)
}

// Keys and tokens of the deployment.

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

func saveWeChatToken(ctx context.Context, tx *db.Tx, r tokenRow) error {
	_, err := tx.Change(ctx, `UPDATE wechat_token SET token_sealed = ?, expires_at = ?, fetch_until = NULL, version = version + 1 WHERE id = ? AND version = ?`,
		r.Sealed, r.ExpiresAt, r.ID, r.Version)
	return db.Wrap(err, nil, "save the wechat token")
}

// Retention.

// forget deletes up to 500 rows of each table whose time has passed, and says how many there were.
func forget(ctx context.Context, tx *db.Tx) (deleted int64, err error) {
	for _, old := range []struct {
		find, remove string
		before       time.Time
	}{
		{`SELECT id FROM revocation WHERE at <= ? LIMIT 500`, `DELETE FROM revocation WHERE id IN (?)`, tx.Now.Add(-deniedFor)},
		{
			`SELECT r.id FROM refresh_token r JOIN session s ON s.id = r.session_id WHERE s.ended_at <= ? ORDER BY r.id DESC LIMIT 500`,
			`DELETE FROM refresh_token WHERE id IN (?)`, tx.Now.Add(-30 * day),
		},
	} {
		var ids []int64
		if err := tx.Select(ctx, &ids, old.find, old.before); err != nil {
			return deleted, fmt.Errorf("find what to forget: %w", err)
		}
		if len(ids) == 0 {
			continue
		}
		query, args, err := db.In(old.remove, ids)
		if err != nil {
			return deleted, err
		}
		n, err := tx.Change(ctx, query, args...)
		if err != nil {
			return deleted, fmt.Errorf("forget: %w", err)
		}
		deleted += n
	}
	for _, old := range []struct {
		remove string
		before time.Time
	}{
		{`DELETE FROM login_code_use WHERE at <= ?`, tx.Now.Add(-10 * time.Minute)},
		{`DELETE FROM sign_in_challenge WHERE expires_at <= ?`, tx.Now.Add(-day)},
		{`DELETE FROM auth_try WHERE since <= ?`, tx.Now.Add(-day)},
		{`DELETE FROM pin WHERE used_at <= ?`, tx.Now.Add(-90 * day)},
	} {
		if _, err := tx.Change(ctx, old.remove, old.before); err != nil {
			return deleted, fmt.Errorf("forget: %w", err)
		}
	}
	return deleted, nil
}

// dropSessions deletes sessions that ended before and have no tokens any more.
func dropSessions(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	var ids []SessionID
	err := tx.Select(ctx, &ids, `
		SELECT s.id FROM session s
		WHERE s.ended_at <= ? AND NOT EXISTS (SELECT 1 FROM refresh_token r WHERE r.session_id = s.id)
		LIMIT 500`, before)
	if err != nil || len(ids) == 0 {
		return 0, db.Wrap(err, nil, "find sessions to forget")
	}
	query, args, err := db.In(`DELETE FROM session WHERE id IN (?)`, ids)
	if err != nil {
		return 0, err
	}
	n, err := tx.Change(ctx, query, args...)
	return n, db.Wrap(err, nil, "forget sessions")
}

// endOutlived ends sessions that nobody ended and whose time has passed: they count as ended from then on.
func endOutlived(ctx context.Context, tx *db.Tx) (int64, error) {
	var ids []SessionID
	err := tx.Select(ctx, &ids, `SELECT id FROM session WHERE ended_at IS NULL AND (ends_at <= ? OR idle_until <= ?) LIMIT 500`, tx.Now, tx.Now)
	if err != nil || len(ids) == 0 {
		return 0, db.Wrap(err, nil, "find sessions that are over")
	}
	query, args, err := db.In(`UPDATE session SET ended_at = ?, end_reason = 'over' WHERE id IN (?) AND ended_at IS NULL`, tx.Now, ids)
	if err != nil {
		return 0, err
	}
	n, err := tx.Change(ctx, query, args...)
	return n, db.Wrap(err, nil, "end sessions that are over")
}

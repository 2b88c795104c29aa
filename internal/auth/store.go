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

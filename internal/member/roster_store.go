package member

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

func insertMember(ctx context.Context, tx *db.Tx, person org.PersonID, home org.UnitID, s Status, from calendar.Day) (ID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO member (person_id, unit_id, status, valid_from, added_at)
		VALUES (?, ?, ?, ?, ?)`, person, home, s, from, tx.Now)
	return ID(id), db.Wrap(err, nil, "enter person %d into the roster", person)
}

func updateSince(ctx context.Context, tx *db.Tx, id ID, since []byte) error {
	_, err := tx.Change(ctx, `UPDATE member SET since_sealed = ? WHERE id = ?`, since, id)
	return db.Wrap(err, nil, "seal the day of entry %d", id)
}

func updateMember(ctx context.Context, tx *db.Tx, m Member) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE member
		SET status = ?, version = version + 1
		WHERE id = ? AND version = ?`, m.Status, m.ID, m.Version)
	return found, db.Wrap(err, nil, "correct entry %d", m.ID)
}

func updateName(ctx context.Context, tx *db.Tx, person org.PersonID, name []byte) error {
	_, err := tx.Change(ctx, `UPDATE person SET name_sealed = ?, version = version + 1 WHERE id = ?`, name, person)
	return db.Wrap(err, nil, "correct the name of person %d", person)
}

// findMember is the entry, if its organisation lies below by's.
func findMember(ctx context.Context, q db.Queryer, by org.Actor, id ID) (m Member, err error) {
	from, to := by.PartyScope()
	err = q.Get(ctx, &m, `
		SELECT m.id, m.person_id, m.unit_id, u.name AS unit_name, m.status, m.valid_from, m.added_at, m.version,
			m.since_sealed, p.name_sealed, p.phone_sealed
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		JOIN person p ON p.id = m.person_id
		WHERE m.id = ? AND m.valid_to IS NULL AND u.path >= ? AND u.path < ?`, id, from, to)
	return m, db.Wrap(err, problem.ErrNotFound, "find entry %d of the roster", id)
}

func memberKey(m Member) (time.Time, int64) { return m.AddedAt, int64(m.ID) }

// listMembers lists a range of organisations, which has been held against the asker's scope.
func listMembers(ctx context.Context, q db.Queryer, from, to string, s Status, p page.Page) (ms []Member, err error) {
	err = q.Select(ctx, &ms, `
		SELECT m.id, m.person_id, m.unit_id, u.name AS unit_name, m.status, m.valid_from, m.added_at, m.version,
			m.since_sealed, p.name_sealed, p.phone_sealed
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		JOIN person p ON p.id = m.person_id
		WHERE u.path >= ? AND u.path < ?
			AND m.valid_to IS NULL
			AND (? = '' OR m.status = ?)
			AND m.added_at <= ? AND (m.added_at < ? OR m.id < ?)
		ORDER BY m.added_at DESC, m.id DESC
		LIMIT ?`, from, to, s, s, p.At, p.At, p.ID, p.Limit())
	return ms, db.Wrap(err, nil, "list the roster")
}

// membersByPhone are the entries below by's organisation whose phone may be the one of these indexes; without
// indexes, all.
func membersByPhone(ctx context.Context, q db.Queryer, by org.Actor, indexes []int64) (ms []Member, err error) {
	from, to := by.PartyScope()
	query := `
		SELECT m.id, m.person_id, m.unit_id, u.name AS unit_name, m.status, m.valid_from, m.added_at, m.version,
			m.since_sealed, p.name_sealed, p.phone_sealed
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		JOIN person p ON p.id = m.person_id
		WHERE u.path >= ? AND u.path < ? AND m.valid_to IS NULL AND p.phone_sealed IS NOT NULL`
	args := []any{from, to}
	if len(indexes) > 0 {
		query += ` AND p.phone_index IN (?)`
		if query, args, err = db.In(query, from, to, indexes); err != nil {
			return nil, err
		}
	}
	err = q.Select(ctx, &ms, query+` ORDER BY m.id LIMIT 20000`, args...)
	return ms, db.Wrap(err, nil, "search the roster by phone")
}

func countMembers(ctx context.Context, q db.Queryer, by org.Actor) (map[Status]int, error) {
	var rows []struct {
		Status Status `db:"status"`
		Count  int    `db:"n"`
	}
	from, to := by.PartyScope()
	err := q.Select(ctx, &rows, `
		SELECT m.status, COUNT(*) AS n
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		WHERE u.path >= ? AND u.path < ? AND m.valid_to IS NULL
		GROUP BY m.status`, from, to)
	counts := make(map[Status]int, len(rows))
	for _, r := range rows {
		counts[r.Status] = r.Count
	}
	return counts, db.Wrap(err, nil, "count members")
}

// An Access is one opening of sealed fields of a person.
type Access struct {
	ID      int64     `db:"id"`
	At      time.Time `db:"at"`
	Role    *string   `db:"role"`
	Unit    *string   `db:"unit_name"`
	Purpose string    `db:"purpose"`
	Reason  string    `db:"reason"`
	Fields  string    `db:"fields"`
}

func accessKey(a Access) (time.Time, int64) { return a.At, a.ID }

func accessesTo(ctx context.Context, q db.Queryer, person org.PersonID, p page.Page) (all []Access, err error) {
	err = q.Select(ctx, &all, `
		SELECT a.id, a.at, r.role, u.name AS unit_name, a.purpose, a.reason, a.fields
		FROM audit a
		JOIN member m ON m.id = a.object_id
		LEFT JOIN role_assignment r ON r.id = a.assignment_id
		LEFT JOIN unit u ON u.id = r.unit_id
		WHERE m.person_id = ? AND a.object = 'member' AND a.action = 'member.unmasked'
			AND a.at <= ? AND (a.at < ? OR a.id < ?)
		ORDER BY a.at DESC, a.id DESC
		LIMIT ?`, person, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list who opened the data of person %d", person)
}

// At is how many members a unit has in its roster: it cannot end before they are elsewhere (T6).
func At(ctx context.Context, q db.Queryer, unit org.UnitID) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM member
		WHERE unit_id = ? AND (valid_to IS NULL OR valid_to > ?)`, unit, calendar.DayOf(db.NowOf(q)))
	return n, db.Wrap(err, nil, "count the members of unit %d", unit)
}

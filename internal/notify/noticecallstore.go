package notify

import (
	"context"
	"database/sql"
	"errors"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// insertNoticeCall asks for a call, and says whether nobody has before.
func insertNoticeCall(ctx context.Context, tx *db.Tx, id NoticeID, person org.PersonID) (bool, error) {
	_, err := tx.Insert(ctx, `
		INSERT INTO notice_call (notice_id, person_id, state, opened_at)
		VALUES (?, ?, 'open', ?)`, id, person, tx.Now)
	if db.IsDuplicate(err) {
		return false, nil
	}
	return err == nil, db.Wrap(err, nil, "have person %d called", person)
}

// A seat is a role in a unit, and who had it.
type seat struct {
	Person org.PersonID `db:"person_id"`
	Unit   org.UnitID   `db:"unit_id"`
	Role   org.Role     `db:"role"`
}

// announcer is who made an announcement, in which role of which unit; false if a clock did.
func announcer(ctx context.Context, q db.Queryer, id NoticeID) (by seat, found bool, err error) {
	err = q.Get(ctx, &by, `
		SELECT COALESCE(n.person_id, 0) AS person_id, a.unit_id, a.role
		FROM notice n
		JOIN role_assignment a ON a.id = n.assignment_id
		WHERE n.id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return by, false, nil
	}
	return by, err == nil, db.Wrap(err, nil, "find who made announcement %d", id)
}

// noticesWithCalls are the announcements made in a role of a unit of which somebody is still to be called.
func noticesWithCalls(ctx context.Context, q db.Queryer, unit org.UnitID, role org.Role) (ids []NoticeID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT n.id
		FROM role_assignment a
		JOIN notice n ON n.assignment_id = a.id
		WHERE a.unit_id = ? AND a.role = ?
			AND EXISTS (SELECT 1 FROM notice_call c WHERE c.notice_id = n.id AND c.state IN ('open', 'not_reached'))
		ORDER BY n.id`, unit, role)
	return ids, db.Wrap(err, nil, "find announcements with calls of a role")
}

const callColumns = `
	SELECT c.id, c.person_id, c.state, c.tries, c.opened_at, c.version,
		COALESCE(u.name, '') AS unit_name, COALESCE(a.role, '') AS role,
		COALESCE((SELECT MAX(m.id) FROM member m WHERE m.person_id = c.person_id AND (m.valid_to IS NULL OR m.valid_to > ?)), 0) AS member_id
	FROM notice_call c
	LEFT JOIN inbox i ON i.notice_id = c.notice_id AND i.person_id = c.person_id
	LEFT JOIN role_assignment a ON a.id = i.assignment_id
	LEFT JOIN unit u ON u.id = a.unit_id`

func listNoticeCalls(ctx context.Context, q db.Queryer, id NoticeID, p page.Page) (all []NoticeCall, err error) {
	err = q.Select(ctx, &all, callColumns+`
		WHERE c.notice_id = ? AND c.opened_at >= ? AND (c.opened_at > ? OR c.id > ?)
		ORDER BY c.opened_at, c.id
		LIMIT ?`, calendar.DayOf(db.NowOf(q)), id, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list the calls of announcement %d", id)
}

func findNoticeCall(ctx context.Context, tx *db.Tx, id NoticeID, call int64) (c NoticeCall, err error) {
	err = tx.Get(ctx, &c, callColumns+`
		WHERE c.notice_id = ? AND c.id = ?`, calendar.DayOf(tx.Now), id, call)
	return c, db.Wrap(err, problem.ErrNotFound, "find call %d", call)
}

// saveNoticeCall notes how a call went, unless it has gone otherwise meanwhile.
func saveNoticeCall(ctx context.Context, tx *db.Tx, by org.Actor, c *NoticeCall, as string) error {
	tries := 0
	if as == callNotReached {
		tries = 1
	}
	ended := &tx.Now
	if as == callNotReached {
		ended = nil
	}
	n, err := tx.Change(ctx, `
		UPDATE notice_call
		SET state = ?, tries = tries + ?, ended_at = ?, ended_by = ?, version = version + 1
		WHERE id = ? AND version = ?`, as, tries, ended, by.PersonID, c.ID, c.Version)
	if err == nil && n == 0 {
		return db.Stale(ctx, tx, c.Version, `SELECT version FROM notice_call WHERE id = ?`, c.ID)
	}
	c.State, c.Tries, c.Version = as, c.Tries+tries, c.Version+1
	return db.Wrap(err, nil, "note how call %d went", c.ID)
}

// dropCalls ends the calls of an announcement that nobody need be told any more.
func dropCalls(ctx context.Context, tx *db.Tx, id NoticeID) error {
	_, err := tx.Change(ctx, `
		UPDATE notice_call
		SET state = 'dropped', ended_at = ?, version = version + 1
		WHERE notice_id = ? AND state IN ('open', 'not_reached')`, tx.Now, id)
	return db.Wrap(err, nil, "drop the calls of announcement %d", id)
}

package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// ahead is how many assignments are looked at for one load of recipients.
const ahead = 4_000

// assignmentsAhead is the person up to whom the next assignments behind one lie, and whether there are more behind.
func assignmentsAhead(ctx context.Context, q db.Queryer, after org.PersonID) (to org.PersonID, more bool, err error) {
	var next struct {
		To org.PersonID `db:"upto"`
		N  int          `db:"n"`
	}
	err = q.Get(ctx, &next, `
		SELECT COALESCE(MAX(person_id), 0) AS upto, COUNT(*) AS n
		FROM (SELECT person_id FROM role_assignment WHERE person_id > ? ORDER BY person_id LIMIT ?) t`, after, ahead)
	if next.N < ahead {
		next.To = math.MaxInt64
	}
	return next.To, next.N == ahead, db.Wrap(err, nil, "look ahead for recipients")
}

// fewIn says whether f has no more assignments, of any time, than are looked at for one load.
func (f found) fewIn(ctx context.Context, q db.Queryer) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM (
			SELECT a.id
			FROM unit u
			JOIN role_assignment a ON a.unit_id = u.id
			WHERE u.path >= ? AND u.path < ? OR u.path >= ? AND u.path < ?
			LIMIT ?) t`, f.ranges[0][0], f.ranges[0][1], f.ranges[1][0], f.ranges[1][1], ahead+1)
	return n <= ahead, db.Wrap(err, nil, "look how large a scope is")
}

// inScope is the condition of an assignment that a scope has; its arguments are those of found.args.
const inScope = `
	(u.path >= ? AND u.path < ? OR u.path >= ? AND u.path < ?)` + held

// inScopeOfMany is the same where the unit may be missing, and never is.
const inScopeOfMany = `
	(COALESCE(u.path, '') >= ? AND COALESCE(u.path, '') < ? OR COALESCE(u.path, '') >= ? AND COALESCE(u.path, '') < ?)` + held

// held is what of it is not about the unit.
const held = ` AND (? = 0 OR a.role IN (?))
	AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?) AND a.person_id <> ? AND p.disabled_at IS NULL`

func (f found) args(without org.PersonID) []any {
	roles := f.roles
	if len(roles) == 0 {
		roles = []org.Role{""}
	}
	return []any{
		f.ranges[0][0], f.ranges[0][1], f.ranges[1][0], f.ranges[1][1], len(f.roles), roles, f.day, f.day, without,
	}
}

// between are persons of f behind one and up to another, in order.
func (f found) between(ctx context.Context, q db.Queryer, without, after, to org.PersonID, most int) (some []recipient, err error) {
	// Of few, no index by persons, which is that of all others too. Of many no other: whoever begins with the unit sorts
	// its persons as a whole. The last two do not begin anything, since they may be missing, for all the engine knows.
	from := `
		FROM role_assignment a
		JOIN person p ON p.id = a.person_id
		JOIN unit u ON u.id = a.unit_id
		WHERE ` + inScope + ` AND a.person_id + 0 > ? AND a.person_id + 0 <= ?`
	if !f.few {
		from = `
		FROM role_assignment a
		LEFT JOIN person p ON p.id = a.person_id
		LEFT JOIN unit u ON u.id = a.unit_id
		WHERE ` + inScopeOfMany + ` AND a.person_id > ? AND a.person_id <= ?`
	}
	query, args, err := db.In(`
		SELECT a.person_id, MIN(a.id) AS id`+from+`
		GROUP BY a.person_id
		ORDER BY a.person_id
		LIMIT ?`, append(f.args(without), after, to, most)...)
	if err != nil {
		return nil, err
	}
	return some, db.Wrap(q.Select(ctx, &some, query, args...), nil, "find recipients behind person %d", after)
}

// count is how many persons f has.
func (f found) count(ctx context.Context, q db.Queryer, without org.PersonID) (n int, err error) {
	query, args, err := db.In(`
		SELECT COUNT(DISTINCT a.person_id)
		FROM role_assignment a
		JOIN person p ON p.id = a.person_id
		JOIN unit u ON u.id = a.unit_id
		WHERE `+inScope, f.args(without)...)
	if err != nil {
		return 0, err
	}
	return n, db.Wrap(q.Get(ctx, &n, query, args...), nil, "count recipients")
}

// insertNotice stores n and its fan-out.
func insertNotice(ctx context.Context, tx *db.Tx, n *Notice) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO notice (kind, prio, must_reach, ref_type, ref_id, args, body, unit_id, person_id, assignment_id, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Kind, n.Prio, n.MustReach, n.RefType, n.RefID, orNull(n.Args), n.Body, n.Unit, orNull(n.By), orNull(n.As), n.CreatedAt, n.ExpiresAt)
	if err != nil {
		return db.Wrap(err, nil, "store an announcement")
	}
	n.ID = NoticeID(id)
	if n.RefType == "notice" && n.RefID == 0 {
		n.RefID = id
		if _, err := tx.Change(ctx, `UPDATE notice SET ref_id = ? WHERE id = ?`, id, id); err != nil {
			return db.Wrap(err, nil, "store announcement %d", id)
		}
	}
	done := &n.CreatedAt
	if n.State == NoticeRunning {
		done = nil
	}
	_, err = tx.Insert(ctx, `
		INSERT INTO fanout (notice_id, shard, prio, audience, state, total, written, pushed, created_at, done_at, ends_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.ID, kv.ShardOf(id), n.Prio, n.Scope, n.State, n.Total, n.Written, n.Pushed, n.CreatedAt, done, n.ExpiresAt)
	return db.Wrap(err, nil, "store the fan-out of announcement %d", id)
}

func noteForecast(ctx context.Context, tx *db.Tx, id NoticeID, forecast string) error {
	_, err := tx.Change(ctx, `UPDATE fanout SET forecast = ? WHERE notice_id = ?`, forecast, id)
	return db.Wrap(err, nil, "keep the forecast of announcement %d", id)
}

const noticeTables = `, u.name AS unit_name
	FROM notice n
	JOIN fanout f ON f.notice_id = n.id
	JOIN unit u ON u.id = n.unit_id`

// ownNotice is the condition of an announcement that an actor answers for: it was made in their role and unit, by them or by
// somebody else who had it then or has it too.
func ownNotice(by org.Actor) (condition string, args []any) {
	if !guard.On(guard.Own) {
		return `1 = 1`, nil
	}
	return `n.assignment_id IN (SELECT o.id FROM role_assignment o WHERE o.unit_id = ? AND o.role = ?)`, []any{by.Unit.ID, by.Role}
}

// findOwn is an announcement that by answers for.
func findOwn(ctx context.Context, q db.Queryer, by org.Actor, id NoticeID) (n Notice, err error) {
	own, args := ownNotice(by)
	err = q.Get(ctx, &n, noticeColumns+noticeTables+`
		WHERE n.id = ? AND `+own, append([]any{id}, args...)...)
	return n, db.Wrap(err, problem.ErrNotFound, "find announcement %d", id)
}

// findNotice is an announcement, for whoever is known to act for it.
func findNotice(ctx context.Context, q db.Queryer, id NoticeID) (n Notice, err error) {
	err = q.Get(ctx, &n, noticeColumns+noticeTables+`
		WHERE n.id = ?`, id)
	return n, db.Wrap(err, problem.ErrNotFound, "find announcement %d", id)
}

// listOwn are the announcements that by answers for.
func listOwn(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Notice, err error) {
	own, args := ownNotice(by)
	err = q.Select(ctx, &all, noticeColumns+noticeTables+`
		WHERE `+own+` AND n.created_at <= ? AND (n.created_at < ? OR n.id < ?)
		ORDER BY n.created_at DESC, n.id DESC
		LIMIT ?`, append(args, p.At, p.At, p.ID, p.Limit())...)
	return all, db.Wrap(err, nil, "list announcements")
}

// findToRead is an announcement that by has made or was told.
func findToRead(ctx context.Context, q db.Queryer, by org.Actor, id NoticeID) (n Notice, err error) {
	condition, args := `1 = 1`, []any{id}
	if guard.On(guard.Own) {
		condition = `(n.person_id = ? OR EXISTS (SELECT 1 FROM inbox i WHERE i.notice_id = n.id AND i.person_id = ?))`
		args = append(args, by.PersonID, by.PersonID)
	}
	err = q.Get(ctx, &n, noticeColumns+noticeTables+`
		WHERE n.id = ? AND `+condition, args...)
	return n, db.Wrap(err, problem.ErrNotFound, "find announcement %d", id)
}

// assignmentTold is the role in which person was told of an announcement; 0: in none.
func assignmentTold(ctx context.Context, q db.Queryer, person org.PersonID, id NoticeID) (as org.AssignmentID, err error) {
	err = q.Get(ctx, &as, `SELECT COALESCE(MIN(assignment_id), 0) FROM inbox WHERE notice_id = ? AND person_id = ?`, id, person)
	return as, db.Wrap(err, nil, "find who was told of announcement %d", id)
}

// resultOf counts what has come of r.
func resultOf(ctx context.Context, q db.Queryer, r *Result) error {
	var forecast string
	if err := q.Get(ctx, &forecast, `SELECT COALESCE(forecast, '') FROM fanout WHERE notice_id = ?`, r.ID); err != nil {
		return db.Wrap(err, nil, "read the forecast of announcement %d", r.ID)
	}
	if forecast != "" {
		r.Forecast = &Reach{}
		if err := json.Unmarshal([]byte(forecast), r.Forecast); err != nil {
			return fmt.Errorf("read the forecast of announcement %d: %w", r.ID, err)
		}
	}
	var rows []struct {
		What  string `db:"what"`
		Count int    `db:"n"`
	}
	err := q.Select(ctx, &rows, `
		SELECT COALESCE(outcome, 'waiting') AS what, COUNT(*) AS n
		FROM wechat_send
		WHERE notice_id = ?
		GROUP BY COALESCE(outcome, 'waiting')
		UNION ALL
		SELECT CASE state WHEN 'reached' THEN 'called' WHEN 'dropped' THEN 'dropped' ELSE 'to_call' END AS what, COUNT(*) AS n
		FROM notice_call
		WHERE notice_id = ?
		GROUP BY CASE state WHEN 'reached' THEN 'called' WHEN 'dropped' THEN 'dropped' ELSE 'to_call' END`, r.ID, r.ID)
	if err != nil {
		return db.Wrap(err, nil, "count what has come of announcement %d", r.ID)
	}
	r.Outcomes = map[Outcome]int{}
	for _, x := range rows {
		switch x.What {
		case "waiting":
			r.Waiting = x.Count
		case "to_call":
			r.ToCall = x.Count
		case "called":
			r.Called = x.Count
		case "dropped":
			r.Dropped = x.Count
		default:
			r.Outcomes[Outcome(x.What)] = x.Count
		}
	}
	return nil
}

// withdraw ends an announcement; its messages that wait are ended after it, and are not sent meanwhile.
func withdraw(ctx context.Context, tx *db.Tx, id NoticeID) error {
	n, err := tx.Change(ctx, `
		UPDATE fanout
		SET state = 'withdrawn', done_at = NULL, ends_at = NULL
		WHERE notice_id = ? AND state IN ('running', 'written', 'done')`, id)
	if err == nil && n == 0 {
		return ErrNoticeEnd
	}
	if err != nil {
		return db.Wrap(err, nil, "withdraw announcement %d", id)
	}
	return dropCalls(ctx, tx, id)
}

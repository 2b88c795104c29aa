package request

import (
	"context"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// clockOrder is the order in which clocks are looked at.
var clockOrder = []clockName{accepting, news, solving, stale, callBack}

// arm starts the clocks of a request that has just been stored.
func (s *Service) arm(ctx context.Context, tx *db.Tx, r Request) error {
	var fresh []timer
	for _, clock := range clockOrder {
		if t, runs := s.next(timer{Request: r.ID, Clock: clock}, r); runs {
			fresh = append(fresh, t)
		}
	}
	return insertTimers(ctx, tx, fresh)
}

// rearm lets the clocks of r run as r now is. Its row is held by the transaction, so nothing fires meanwhile.
func (s *Service) rearm(ctx context.Context, tx *db.Tx, r Request) error {
	there, err := timersOf(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	var fresh []timer
	for _, clock := range clockOrder {
		old, known := there[clock]
		old.Request, old.Clock = r.ID, clock
		t, runs := s.next(old, r)
		switch {
		case runs && !known:
			fresh = append(fresh, t)
		case runs && (t.Term != old.Term || t.Step != old.Step || !t.DueAt.Equal(old.DueAt) || (t.FiredAt == nil) != (old.FiredAt == nil)):
			err = setTimer(ctx, tx, t)
		case !runs && known:
			err = deleteTimer(ctx, tx, t.ID)
		}
		if err != nil {
			return err
		}
	}
	return insertTimers(ctx, tx, fresh)
}

func insertTimers(ctx context.Context, tx *db.Tx, timers []timer) error {
	if len(timers) == 0 {
		return nil
	}
	const row = `(?, ?, ?, ?, ?)`
	args := make([]any, 0, 5*len(timers))
	for _, t := range timers {
		args = append(args, t.Request, t.Clock, t.Term, t.Step, t.DueAt)
	}
	_, err := tx.Change(ctx, `
		INSERT INTO request_timer (request_id, clock, term, step, due_at)
		VALUES `+row+strings.Repeat(", "+row, len(timers)-1), args...)
	return db.Wrap(err, nil, "start %d clocks of request %d", len(timers), timers[0].Request)
}

// timersOf are the clocks of a request by name.
func timersOf(ctx context.Context, q db.Queryer, id ID) (map[clockName]timer, error) {
	var rows []timer
	if err := q.Select(ctx, &rows, `
		SELECT id, request_id, clock, term, step, due_at, fired_at, said_in
		FROM request_timer
		WHERE request_id = ?`, id); err != nil {
		return nil, db.Wrap(err, nil, "read the clocks of request %d", id)
	}
	found := make(map[clockName]timer, len(rows))
	for _, t := range rows {
		found[t.Clock] = t
	}
	return found, nil
}

func setTimer(ctx context.Context, tx *db.Tx, t timer) error {
	_, err := tx.Change(ctx, `
		UPDATE request_timer
		SET term = ?, step = ?, due_at = ?, fired_at = ?
		WHERE id = ?`, t.Term, t.Step, t.DueAt, t.FiredAt, t.ID)
	return db.Wrap(err, nil, "set clock %d", t.ID)
}

func deleteTimer(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Change(ctx, `DELETE FROM request_timer WHERE id = ?`, id)
	return db.Wrap(err, nil, "stop clock %d", id)
}

// dueTimers are clocks behind one that have something to say by now, those that wait longest in front.
func dueTimers(ctx context.Context, q db.Queryer, now time.Time, behind timer) (due []timer, err error) {
	from := begin(behind.DueAt)
	err = q.Select(ctx, &due, `
		SELECT id, request_id, clock, term, step, due_at, fired_at, said_in
		FROM request_timer
		WHERE fired_at IS NULL AND due_at <= ?
		  AND due_at >= ? AND (due_at > ? OR id > ?)
		ORDER BY due_at, id
		LIMIT 100`, now, from, from, behind.ID)
	return due, db.Wrap(err, nil, "find clocks that are due")
}

// begin is at or, if that is none, a moment before all others.
func begin(at time.Time) time.Time {
	if at.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return at
}

// claim takes the notice of t for this node, and leaves t as then; false if another node has taken it, or it is not
// due any more.
func claim(ctx context.Context, tx *db.Tx, t, then timer) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE request_timer
		SET step = ?, due_at = ?, fired_at = ?, said_in = ?
		WHERE id = ? AND term = ? AND step = ? AND due_at = ? AND fired_at IS NULL`,
		then.Step, then.DueAt, then.FiredAt, then.SaidIn, t.ID, t.Term, t.Step, t.DueAt)
	return found == 1, db.Wrap(err, nil, "take clock %d", t.ID)
}

// hold makes whoever moves a request wait until the transaction is over, and returns it.
func hold(ctx context.Context, tx *db.Tx, id ID) (Seen, error) {
	var held ID
	if err := tx.Get(ctx, &held, `SELECT id FROM request WHERE id = ?`+db.ForUpdate, id); err != nil {
		return Seen{}, db.Wrap(err, problem.ErrNotFound, "hold request %d", id)
	}
	rows, err := byIDs(ctx, tx, []ID{id})
	if err != nil {
		return Seen{}, err
	}
	return rows[0], nil
}

// insertMiss writes down that a target of r was missed, and says whether the asker hears of it: of the first of those
// they were promised since r was opened or opened again, and of the answer itself unless they have just heard of it.
func insertMiss(ctx context.Context, tx *db.Tx, r Request, t timer) (first bool, err error) {
	var n int
	if err := tx.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM request_miss
		WHERE request_id = ? AND reopened = ? AND target <> ? AND (due_at = ? OR ? = 1)`,
		r.ID, r.Reopened, accepting, t.DueAt, one(t.Clock != solving)); err != nil {
		return false, db.Wrap(err, nil, "look for missed targets of request %d", r.ID)
	}
	_, err = tx.Insert(ctx, `
		INSERT INTO request_miss (request_id, target, term, reopened, holder_unit_id, holder_role, level, due_at, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, t.Clock, t.Term, r.Reopened, r.HolderUnitID, r.HolderRole, r.Level, t.DueAt, tx.Now)
	return n == 0 && t.Clock != accepting, db.Wrap(err, nil, "note that request %d is late", r.ID)
}

// A Miss is a target that was not kept.
type Miss struct {
	Target string    `db:"target"` // accepting, news, solving
	DueAt  time.Time `db:"due_at"`
}

// missesOf are the targets of a request that were not kept, in their order.
func missesOf(ctx context.Context, q db.Queryer, id ID) (all []Miss, err error) {
	err = q.Select(ctx, &all, `
		SELECT target, due_at
		FROM request_miss
		WHERE request_id = ?
		ORDER BY due_at, id`, id)
	return all, db.Wrap(err, nil, "find the missed targets of request %d", id)
}

// setStale puts r on the list of whoever leads its holder.
func setStale(ctx context.Context, tx *db.Tx, r Request, unit org.UnitID, role org.Role) error {
	_, err := tx.Change(ctx, `
		UPDATE request
		SET stale_unit_id = ?, stale_role = ?
		WHERE id = ?`, unit, role, r.ID)
	return db.Wrap(err, nil, "put request %d on the list of its lead", r.ID)
}

// onStaleList is the condition that request r lies on by's list of what lies still, or on one that nobody else reads: that
// of a seat nobody has, or of one that a concern is kept from.
func onStaleList(ctx context.Context, q db.Queryer, by org.Actor) (condition string, args []any, err error) {
	role := by.Role
	if leading[role] {
		role = ""
	}
	condition, args = `r.stale_unit_id = ? AND r.stale_role = ?`, []any{by.Grid.ID, role}
	also, err := vacant(ctx, q, by)
	if err != nil {
		return "", nil, err
	}
	if len(also) > 0 {
		if condition, args, err = db.In(`r.stale_unit_id IN (?) AND (r.stale_unit_id = ? AND r.stale_role = ? OR r.stale_unit_id IN (?) AND r.stale_role = '')`,
			append(also, by.Grid.ID), by.Grid.ID, role, also); err != nil {
			return "", nil, err
		}
	}
	return orKeptFrom(ctx, q, by, staleSeat, condition, args)
}

// listStale are the requests on by's list of those for which nobody has done anything for a week, the stillest first.
func listStale(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (rows []Seen, err error) {
	listed, args, err := onStaleList(ctx, q, by)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &rows, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE `+listed+`
		  AND r.stepped_at >= ? AND (r.stepped_at > ? OR r.id > ?)
		  AND `+unsparing+`
		ORDER BY r.stepped_at, r.id
		LIMIT ?`, append(append(append(args, p.At, p.At, p.ID), sparing(by, calendar.DayOf(db.NowOf(q)))...), p.Limit())...)
	return rows, db.Wrap(err, nil, "list requests that lie still")
}

// A wait is a request that waits for its asker until a moment.
type wait struct {
	Request ID        `db:"id"`
	Until   time.Time `db:"wait_until"`
}

func (w wait) turn() turn { return turn{row: int64(w.Request), due: w.Until.UnixMilli()} }

// waitedFor are requests behind one whose asker was waited for long enough, the longest first.
func waitedFor(ctx context.Context, q db.Queryer, now time.Time, behind wait) (due []wait, err error) {
	from := begin(behind.Until)
	err = q.Select(ctx, &due, `
		SELECT id, wait_until
		FROM request
		WHERE state = ? AND wait_until <= ?
		  AND wait_until >= ? AND (wait_until > ? OR id > ?)
		ORDER BY wait_until, id
		LIMIT 100`, WaitingResident, now, from, from, behind.Request)
	return due, db.Wrap(err, nil, "find requests whose asker was waited for")
}

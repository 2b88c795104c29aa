package audit

import (
	"context"
	"strings"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// ErrRange says that a search covers too long a time, or none.
var ErrRange = problem.New(problem.Invalid, "audit.range_invalid")

const (
	usualRange = 31 * 24 * time.Hour
	maxRange   = 366 * 24 * time.Hour
)

// A Filter says which entries to look for; what is zero is not asked.
type Filter struct {
	PersonID int64  // who did it
	Object   string // to what kind of thing
	ObjectID int64
	Action   string
	From, To time.Time // From included, To not; zero: the last 31 days
}

// ranged is f with both ends of its time.
func (f Filter) ranged(now time.Time) (Filter, error) {
	if f.To.IsZero() {
		f.To = now.Add(time.Second)
	}
	if f.From.IsZero() {
		f.From = f.To.Add(-usualRange)
	}
	if !f.From.Before(f.To) || f.To.Sub(f.From) > maxRange {
		return f, ErrRange
	}
	return f, nil
}

// A Kept is an entry as it stands in the chain.
type Kept struct {
	Entry
	ID        int64
	At        time.Time
	RequestID string
	IPClass   string
}

func (r *row) kept() Kept {
	k := Kept{
		Entry: Entry{
			PersonID: r.PersonID, AssignmentID: r.AssignmentID, Action: r.Action, Object: r.Object, ObjectID: r.ObjectID,
			Purpose: r.Purpose, Reason: r.Reason, Result: r.Result,
		},
		ID: r.ID, At: r.At, RequestID: r.RequestID, IPClass: r.IPClass,
	}
	if r.Fields != "" {
		k.Fields = strings.Split(r.Fields, ",")
	}
	return k
}

// Find is the page of entries that f asks for, the newest first. Whoever shows them has asked who may see them.
func Find(ctx context.Context, q db.Queryer, f Filter, p page.Page) (found []Kept, next string, err error) {
	if f, err = f.ranged(db.NowOf(q)); err != nil {
		return nil, "", err
	}
	rows, err := findRows(ctx, q, f, p)
	if err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(r row) (time.Time, int64) { return r.At, r.ID })
	found = make([]Kept, len(rows))
	for i := range rows {
		found[i] = rows[i].kept()
	}
	return found, next, nil
}

// findRows leaves the choice of an index to the planner: by person, by thing, else by time.
func findRows(ctx context.Context, q db.Queryer, f Filter, p page.Page) (rows []row, err error) {
	query := `
		SELECT id, lane, n, at, person_id, assignment_id, action, object, object_id, purpose, reason,
			fields, result, request_id, ip_class, prev_hash, hash
		FROM audit
		WHERE at >= ? AND at < ? AND at <= ? AND (at < ? OR id < ?)`
	args := []any{f.From, f.To, p.At, p.At, p.ID}
	if f.PersonID != 0 {
		query += ` AND person_id = ?`
		args = append(args, f.PersonID)
	}
	if f.Object != "" {
		query += ` AND object = ?`
		args = append(args, f.Object)
	}
	if f.ObjectID != 0 {
		query += ` AND object_id = ?`
		args = append(args, f.ObjectID)
	}
	if f.Action != "" {
		query += ` AND action = ?`
		args = append(args, f.Action)
	}
	err = q.Select(ctx, &rows, query+` ORDER BY at DESC, id DESC LIMIT ?`, append(args, p.Limit())...)
	return rows, db.Wrap(err, nil, "search the audit")
}

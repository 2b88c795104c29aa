package request

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// What merging refuses.
var (
	ErrMergePlace   = problem.New(problem.Invalid, "request.merge_place")
	ErrMergeConcern = problem.New(problem.Conflict, "request.merge_concern")
	ErrUnmergeLate  = problem.New(problem.Conflict, "request.unmerge_late")
	ErrUnmergeOver  = problem.New(problem.Conflict, "request.unmerge_settled")
)

// unmergeWindow is how long a merging can be undone: at exactly its end it is too late (K23).
const unmergeWindow = 24 * time.Hour

// mayMerge says why by does not make who asks for r ask for another request, or nil: the lead of the place of both does, or
// whoever acts for that lead, or whoever holds both.
func (r Request) mayMerge(by org.Actor, into Request) error {
	lead := r.placeLed(by) && into.placeLed(by)
	if guard.On(guard.Rule) && !lead && (r.mayAct(by) != nil || into.mayAct(by) != nil) {
		return problem.ErrForbidden
	}
	return nil
}

// canMerge says why r cannot be merged into another request, or nil. What concerns somebody stays by itself, so that
// nobody comes to see it who must not (V6).
func (r Request) canMerge(into Request) error {
	switch {
	case r.ID == into.ID || r.PlaceID != into.PlaceID:
		return ErrMergePlace.Field("/requestIds", ErrMergePlace.Code)
	case r.concerns() || into.concerns():
		return ErrMergeConcern
	}
	return r.anyOpen()
}

// concerns says whether r is about somebody who holds or leads something.
func (r Request) concerns() bool { return r.Category == HolderConcern || r.About != nil }

// A merging is what a request was before it was merged into another.
type merging struct {
	ID           int64      `db:"id"`
	Request      ID         `db:"request_id"`
	Target       ID         `db:"target_id"`
	MergedAt     time.Time  `db:"merged_at"`
	State        State      `db:"state"`
	AcceptDueAt  *time.Time `db:"accept_due_at"`
	UpdateDueAt  *time.Time `db:"update_due_at"`
	SolveDueAt   *time.Time `db:"solve_due_at"`
	WaitUntil    *time.Time `db:"wait_until"`
	WaitingSince *time.Time `db:"waiting_since"`
}

// restore makes r what it was before, with what was left of its clocks (K13). Hours counts the time of its category.
func (m merging) restore(r *Request, hours *calendar.Calendar, now time.Time) {
	r.State, r.ClosedAt = m.State, nil
	stood := m.MergedAt
	if m.WaitingSince != nil { // they had stood still before
		stood = *m.WaitingSince
	}
	left := func(due *time.Time) *time.Time {
		if due == nil || !due.After(stood) {
			return due
		}
		at := hours.After(now, hours.WorkingBetween(stood, *due))
		return &at
	}
	r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt = left(m.AcceptDueAt), left(m.UpdateDueAt), left(m.SolveDueAt)
	if m.WaitUntil != nil {
		until := now.Add(m.WaitUntil.Sub(m.MergedAt))
		r.WaitUntil, r.WaitingSince = &until, &now
	}
}

// MergedInto is what a merging has made of the request that goes on.
type MergedInto struct {
	Moved
	Merged []ID
	Askers int // who ask for it now
}

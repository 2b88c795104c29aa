package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// What announcements refuse.
var (
	ErrNobody     = problem.New(problem.Invalid, "notice.nobody")
	ErrTooMany    = problem.New(problem.Invalid, "notice.too_many")
	ErrExpired    = problem.New(problem.Invalid, "notice.expiry_past")
	ErrNoticeEnd  = problem.New(problem.Conflict, "notice.illegal_transition")
	ErrTitlePhone = problem.New(problem.Invalid, "notice.title_phone")
)

const (
	direct       = 50      // as many are told in the transaction of the act itself
	mostToTell   = 500_000 // above, a public notice says it better (push.md §11)
	longestTitle = 20      // as much as WeChat shows
)

// NoticeID identifies an announcement.
type NoticeID int64

// A Scope is a unit of either tree with everybody below it and below the unit that it is linked to: those of some roles, or
// of any.
type Scope struct {
	Unit  org.UnitID `json:"unit"`
	Roles []org.Role `json:"roles,omitempty"`
}

// An Announcement is an item for everybody in a scope.
type Announcement struct {
	Item // without a Ref it is about itself; Item.By hears nothing of it

	To    Scope
	Body  string    // what is read on opening it
	Until time.Time // whoever has not been told by then is not told any more; zero: no end

	most int // as many may be told; 0: mostToTell
}

// A Notice is an announcement as it stands, and how far it has come.
type Notice struct {
	ID        NoticeID         `db:"id"`
	Kind      string           `db:"kind"`
	Prio      int              `db:"prio"`
	MustReach bool             `db:"must_reach"`
	RefType   string           `db:"ref_type"`
	RefID     int64            `db:"ref_id"`
	Args      string           `db:"args"`
	Body      string           `db:"body"`
	Unit      org.UnitID       `db:"unit_id"`
	UnitName  string           `db:"unit_name"`
	By        org.PersonID     `db:"person_id"` // 0: a clock
	As        org.AssignmentID `db:"assignment_id"`
	CreatedAt time.Time        `db:"created_at"`
	ExpiresAt *time.Time       `db:"expires_at"`

	State   NoticeState `db:"state"`
	Scope   string      `db:"audience"`
	Total   int         `db:"total"`   // who was meant when it was announced
	Written int         `db:"written"` // inboxes that have it
	Pushed  int         `db:"pushed"`  // of these brought to devices
}

// A NoticeState is how far an announcement has come.
type NoticeState string

// The states of an announcement.
const (
	NoticeRunning   NoticeState = "running"
	NoticeWritten   NoticeState = "written" // in all inboxes, and not yet at all devices
	NoticeDone      NoticeState = "done"
	NoticeWithdrawn NoticeState = "withdrawn"
	NoticeExpired   NoticeState = "expired"
)

// Announce tells everybody in a scope, in this transaction: who is meant is asked now. Up to 50 persons have it in their
// inbox when the transaction commits. Above, the transaction writes one notice and one fan-out, and whichever node holds
// its shard writes the inboxes afterwards, hundreds in a transaction (Fanouts.Turn, a loop of the program): each person
// once, whatever dies meanwhile. Who comes into the scope behind the place that the fan-out has reached does not get it.
//
//	var n notify.Notice
//	err := d.InTx(ctx, func(tx *db.Tx) (err error) {
//		n, err = notify.Announce(ctx, tx, notify.Announcement{
//			Item: notify.Item{Kind: "announcement", By: by, Args: map[string]any{"kindLabel": "停水检修", "at": tx.Now}},
//			To:   notify.Scope{Unit: unit, Roles: []org.Role{org.RoleMember}},
//		})
//		return err
//	})
//
// Total is 0 when there is nobody to tell, and then nothing is written.
func Announce(ctx context.Context, tx *db.Tx, a Announcement) (Notice, error) {
	prio, args, err := a.judge()
	if err != nil {
		return Notice{}, err
	}
	scope, err := json.Marshal(a.To)
	if err != nil {
		return Notice{}, fmt.Errorf("announce %s: %w", a.Kind, err)
	}
	in, err := a.To.lie(ctx, tx)
	if err != nil {
		return Notice{}, err
	}
	total, err := in.count(ctx, tx, a.By.PersonID)
	if err != nil || total == 0 {
		return Notice{}, err
	}
	n := Notice{
		Kind: a.Kind, Prio: prio, MustReach: a.MustReach, RefType: a.Ref.Type, RefID: a.Ref.ID, Args: args, Body: a.Body,
		Unit: a.To.Unit, By: a.By.PersonID, As: a.By.Assignment, Scope: string(scope), State: NoticeRunning,
		Total: total, CreatedAt: tx.Now,
	}
	if !a.Until.IsZero() {
		n.ExpiresAt = &a.Until
	}
	var few []recipient
	if total > direct {
		if err := a.fits(total); err != nil {
			return Notice{}, err
		}
	} else {
		in.few = true // whom one statement has counted, one finds
		if few, _, _, err = in.next(ctx, tx, a.By.PersonID, 0, direct); err != nil || len(few) == 0 {
			return Notice{}, err
		}
		n.Total = len(few)
		n.State, n.Written, n.Pushed = NoticeDone, n.Total, n.Total
	}
	if err := insertNotice(ctx, tx, &n); err != nil {
		return n, err
	}
	if n.State == NoticeRunning {
		if wake, ok := tx.Attached(announced{}).(func()); ok {
			tx.After(wake)
		}
		return n, nil
	}
	a.Ref, a.notice = Ref{n.RefType, n.RefID}, n.ID
	var to Audience
	for _, r := range few {
		to = to.And(InRole(r.Person, r.Assignment))
	}
	return n, Tell(ctx, tx, to, a.Item)
}

// judge is the priority and the fields of a, which is about itself if about nothing else.
func (a *Announcement) judge() (prio int, args string, err error) {
	if a.Ref.Type == "" {
		a.Ref.Type = "notice"
	}
	return a.check()
}

// fits says whether so many may be told.
func (a *Announcement) fits(total int) error {
	if total > cmp.Or(a.most, mostToTell) {
		return ErrTooMany.With("total", total)
	}
	return nil
}

// found is a scope as it lies on a day: ranges of paths in both trees.
type found struct {
	roles  []org.Role
	ranges [2][2]string
	day    calendar.Day
	few    bool // it has so few assignments that they are sorted at once
}

// find says where s lies today, and how large it is.
func (s Scope) find(ctx context.Context, q db.Queryer) (f found, err error) {
	if f, err = s.lie(ctx, q); err != nil {
		return f, err
	}
	f.few, err = f.fewIn(ctx, q)
	return f, err
}

// lie says where s lies today.
func (s Scope) lie(ctx context.Context, q db.Queryer) (f found, err error) {
	f = found{roles: s.Roles, day: calendar.DayOf(db.NowOf(q))}
	u, err := org.UnitByID(ctx, q, s.Unit)
	if err != nil {
		return f, err
	}
	linked, other := org.LinkedGrid, &f.ranges[1]
	if u.Tree == org.GridTree {
		linked = org.LinkedParty
	}
	f.ranges[0][0], f.ranges[0][1] = u.Below()
	l, err := linked(ctx, q, u.ID, f.day)
	if err != nil {
		return f, err
	}
	other[0], other[1] = l.Below()
	return f, nil
}

// next are the next persons of f behind one, at most as many as asked, each in the oldest of their roles there; up to whom
// everybody is among them, and whether there may be more behind. Without is left out.
//
// A small scope is found by its units. Of a large one assignments are looked at some thousands at a time, by their persons, so
// that it is not sorted as a whole for each load.
func (f found) next(ctx context.Context, q db.Queryer, without, after org.PersonID, most int) (some []recipient, to org.PersonID, more bool, err error) {
	for {
		bound, further := org.PersonID(math.MaxInt64), false
		if !f.few {
			if bound, further, err = assignmentsAhead(ctx, q, after); err != nil {
				return nil, 0, false, err
			}
		}
		found, err := f.between(ctx, q, without, after, bound, most-len(some))
		if err != nil {
			return nil, 0, false, err
		}
		some = append(some, found...)
		switch {
		case len(some) == most:
			return some, some[most-1].Person, true, nil
		case !further:
			return some, bound, false, nil
		}
		after = bound
	}
}

// over says why n cannot be withdrawn any more.
func (n Notice) over() error {
	if slices.Contains([]NoticeState{NoticeWithdrawn, NoticeExpired}, n.State) {
		return ErrNoticeEnd.With("state", n.State)
	}
	return nil
}

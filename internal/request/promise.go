package request

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// A PromiseID names a promise.
type PromiseID int64

// A PromiseState says what became of a promise.
type PromiseState string

// The states of a promise.
const (
	PromiseOpen    PromiseState = "open"
	PromiseKept    PromiseState = "kept"
	PromiseDropped PromiseState = "dropped"
)

// What promises refuse.
var (
	ErrPromiseDay  = problem.New(problem.Invalid, "promise.day_invalid")
	ErrPromiseOver = problem.New(problem.Conflict, "promise.illegal_transition")
)

// DwellingSafety (房屋安全) is the category of needs about a house that may do harm.
const DwellingSafety Code = "dwelling_safety"

const (
	farthestPromise = 366 // days
	helpNeeded      = 2   // so often moved, and whoever leads the promiser hears of it (X25)
	reminderAt      = 8*time.Hour + 30*time.Minute
)

// A Promise (约定) says what will be done for somebody by a day. Asker and holder see the same one; nobody counts
// them. It is the word of a role in a unit, and of whoever comes into that role after.
type Promise struct {
	ID         PromiseID        `db:"id"`
	RequestID  *ID              `db:"request_id"`  // nil: nothing was asked, somebody at a door was told
	PremisesID *int64           `db:"premises_id"` // nil: no door is known
	VisitID    *int64           `db:"visit_id"`
	UnitID     org.UnitID       `db:"unit_id"`
	Role       org.Role         `db:"role"`
	PersonID   org.PersonID     `db:"person_id"`
	Assignment org.AssignmentID `db:"assignment_id"`
	DueOn      calendar.Day     `db:"due_on"`
	State      PromiseState     `db:"state"`
	Moved      int              `db:"moved"`
	TextSealed []byte           `db:"text_sealed"`
	WhySealed  []byte           `db:"reason_sealed"`
	RemindAt   *time.Time       `db:"remind_at"`
	MadeAt     time.Time        `db:"made_at"`
	EndedAt    *time.Time       `db:"ended_at"`
	Version    int64            `db:"version"`
	Text       string
	Why        string // it was moved or dropped
}

// onDay says why d is no day to promise something for today, or nil.
func onDay(d, today calendar.Day) error {
	if d < today || d > today.Add(farthestPromise) {
		return ErrPromiseDay.Field("/dueOn", ErrPromiseDay.Code)
	}
	return nil
}

// open says why nothing more becomes of p, or nil.
func (p Promise) open() error {
	if p.State != PromiseOpen {
		return ErrPromiseOver.With("state", string(p.State))
	}
	return nil
}

// dueBy makes p due on d and sets when its promiser is reminded: at 08:30 of the day or, when that is closed, of the
// open day before (K19); never in the past, but at once where that moment, or the whole day, went by between its being said and
// its coming here (X20).
func (p *Promise) dueBy(d calendar.Day, cal *calendar.Calendar, said, now time.Time) {
	p.DueOn, p.RemindAt = d, nil
	switch at := cal.OpenOrBefore(d).Time().Add(reminderAt).UTC(); {
	case at.After(now):
		p.RemindAt = &at
	case at.After(said) || d < calendar.DayOf(now):
		p.RemindAt = &now
	}
}

// A NewPromise is what somebody is told will be done, and by when.
type NewPromise struct {
	DueOn    calendar.Day `json:"dueOn"`
	Text     string       `json:"text"`
	Request  ID           `json:"-"` // 0: nothing was asked
	Premises int64        `json:"-"` // 0: no door is known
	Visit    int64        `json:"-"` // 0: it was made at no visit
	MadeAt   time.Time    `json:"-"` // from which its day counts; zero: now
}

// Promise writes a promise down in the transaction of whoever calls. The asker of its request finds it in the history.
func (s *Service) Promise(ctx context.Context, tx *db.Tx, by org.Actor, n NewPromise) (PromiseID, error) {
	if err := privacy.CheckText("/text", n.Text); err != nil {
		return 0, err
	}
	made := n.MadeAt
	if made.IsZero() {
		made = tx.Now
	}
	if err := onDay(n.DueOn, calendar.DayOf(made)); err != nil {
		return 0, err
	}
	p := Promise{
		PremisesID: orNull(n.Premises), VisitID: orNull(n.Visit), UnitID: by.Grid.ID, Role: by.Role,
		PersonID: by.PersonID, Assignment: by.Assignment, State: PromiseOpen, MadeAt: made, Text: n.Text,
	}
	if n.Request != 0 {
		p.RequestID = &n.Request
	}
	p.dueBy(n.DueOn, s.cal, made, tx.Now)
	if err := insertPromise(ctx, tx, s.keys, &p); err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("promise.made", "promise", int64(p.ID)))
	return p.ID, writePromise(ctx, tx, by, p, "promised", n.Text)
}

// writePromise adds what happened to p to the history of its request, if it has one.
func writePromise(ctx context.Context, tx *db.Tx, by org.Actor, p Promise, move, note string) error {
	if p.RequestID == nil {
		return nil
	}
	rows, err := byIDs(ctx, tx, []ID{*p.RequestID})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return problem.ErrNotFound
	}
	r := rows[0].Request
	return addStep(ctx, tx, sealed.Of(tx), by, r, line{move: move, from: &r.State, note: note, promise: p.ID})
}

// MakePromise promises the asker of a request something by a day: its holder does, and the asker has heard of the
// request (K6).
func (s *Service) MakePromise(ctx context.Context, by org.Actor, id ID, n NewPromise) (p Promise, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var made PromiseID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &made, func() error {
			if _, err := s.rules.learn(ctx, tx); err != nil {
				return err
			}
			r, err := s.findSeen(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := r.mayAct(by); err != nil {
				return err
			}
			if err := r.anyOpen(); err != nil {
				return err
			}
			s.category(r.Request).news(&r.Request, tx.Now)
			r.stepped(tx.Now)
			if err := s.saveMove(ctx, tx, &r.Request); err != nil {
				return err
			}
			n.Request = id
			if n.Premises, err = doorOf(ctx, tx, r.Request); err != nil {
				return err
			}
			giver, err := r.giver(ctx, tx, by)
			if err != nil {
				return err
			}
			made, err = s.Promise(ctx, tx, giver, n)
			return err
		}); err != nil {
			return err
		}
		p, err = findPromise(ctx, tx, made)
		if err != nil {
			return err
		}
		return p.unseal(s.keys)
	})
	return p, err
}

// promised carries out what by does to one of their promises, once.
func (s *Service) promised(ctx context.Context, by org.Actor, id PromiseID, move, why string, do func(tx *db.Tx, p *Promise) error) (p Promise, err error) {
	if err := privacy.CheckText("/reason", why); err != nil {
		return Promise{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if p, err = findPromiseFor(ctx, tx, by, id); err != nil {
				return err
			}
			if err := p.mayAct(ctx, tx, by); err != nil {
				return err
			}
			if err := p.unseal(s.keys); err != nil {
				return err
			}
			if err := p.open(); err != nil && (move != "kept" || p.Why != overText) { // it ended with its need, and was kept
				return err
			}
			if err := s.wordGiven(ctx, tx, p); err != nil {
				return err
			}
			if err := do(tx, &p); err != nil {
				return err
			}
			if err := savePromise(ctx, tx, s.keys, &p, why); err != nil {
				return err
			}
			audit.Note(tx, by.Did("promise."+move, "promise", int64(id)))
			if err := writePromise(ctx, tx, by, p, "promise_"+move, why); err != nil {
				return err
			}
			if move == "moved" {
				return s.tellMoved(ctx, tx, by, p)
			}
			return nil
		}); err != nil {
			return err
		}
		if p, err = findPromiseFor(ctx, tx, by, id); err != nil {
			return err
		}
		return p.unseal(s.keys)
	})
	return p, err
}

// wordGiven is a step of the open request that p is about, and news to its asker, who finds in it what became of p (K6, K12).
func (s *Service) wordGiven(ctx context.Context, tx *db.Tx, p Promise) error {
	if p.RequestID == nil {
		return nil
	}
	r, err := hold(ctx, tx, *p.RequestID)
	if err != nil || !r.State.Open() {
		return err
	}
	if _, err := s.rules.learn(ctx, tx); err != nil {
		return err
	}
	s.category(r.Request).news(&r.Request, tx.Now)
	r.stepped(tx.Now)
	return s.saveMove(ctx, tx, &r.Request)
}

// mayAct says why p is not by's word, or nil: it is not found then. Whose role is vacant is stood in for, and so is who must
// not know of the concern that it is about.
func (p Promise) mayAct(ctx context.Context, q db.Queryer, by org.Actor) error {
	if by.Grid.ID == p.UnitID && by.Role == p.Role {
		return nil
	}
	if !leading[p.Role] { // its unit's lead, while nobody has that role
		in, err := inSeat(ctx, q, seat{Unit: p.UnitID, Role: p.Role})
		switch {
		case err != nil:
			return err
		case len(in) > 0:
			return problem.ErrNotFound
		case by.Grid.ID == p.UnitID && leading[by.Role]:
			return nil
		}
	}
	if in, err := standsFor(ctx, q, by, p.UnitID); err != nil || in {
		return err
	}
	r, err := p.about(ctx, q)
	if err != nil {
		return err
	}
	if r.About != nil {
		in, err := p.keepers(ctx, q, r.Request)
		if err != nil {
			return err
		}
		if keeps, err := r.oneOf(ctx, q, by, in); err != nil || keeps {
			return err
		}
	}
	return problem.ErrNotFound
}

// keepers are who keep p, which is about concern r: those of the seat that it was given from who may know of r or, while there
// are none, whoever leads above (V6).
func (p Promise) keepers(ctx context.Context, q db.Queryer, r Request) ([]org.Incumbent, error) {
	ladder, err := ladderOf(ctx, q, r)
	if err != nil {
		return nil, err
	}
	u, err := org.UnitByID(ctx, q, p.UnitID)
	if err != nil {
		return nil, err
	}
	role := p.Role
	if leading[role] {
		role = ""
	}
	return holding(ctx, q, r.heldIn(u, role, u.Level), ladder)
}

// about is the request that p is about; the zero one if it is about none.
func (p Promise) about(ctx context.Context, q db.Queryer) (Seen, error) {
	if p.RequestID == nil {
		return Seen{}, nil
	}
	rows, err := byIDs(ctx, q, []ID{*p.RequestID})
	if err != nil || len(rows) == 0 {
		return Seen{}, err
	}
	return rows[0], nil
}

// KeepPromise says that a promise was kept.
func (s *Service) KeepPromise(ctx context.Context, by org.Actor, id PromiseID) (Promise, error) {
	return s.promised(ctx, by, id, "kept", "", func(tx *db.Tx, p *Promise) error {
		p.end(PromiseKept, tx.Now)
		p.Why, p.WhySealed = "", nil
		return nil
	})
}

// DropPromise gives a promise up, with the reason that the asker sees.
func (s *Service) DropPromise(ctx context.Context, by org.Actor, id PromiseID, why string) (Promise, error) {
	return s.promised(ctx, by, id, "dropped", why, func(tx *db.Tx, p *Promise) error {
		p.end(PromiseDropped, tx.Now)
		return nil
	})
}

func (p *Promise) end(as PromiseState, now time.Time) {
	p.State, p.EndedAt, p.RemindAt = as, &now, nil
}

// MovePromise moves a promise to another day, with the reason that the asker sees. Moved twice, whoever leads the
// promiser sees that help is needed (X25).
func (s *Service) MovePromise(ctx context.Context, by org.Actor, id PromiseID, to calendar.Day, why string) (Promise, error) {
	return s.promised(ctx, by, id, "moved", why, func(tx *db.Tx, p *Promise) error {
		if err := onDay(to, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		if to == p.DueOn {
			return ErrPromiseDay.Field("/dueOn", ErrPromiseDay.Code)
		}
		p.Moved++
		p.dueBy(to, s.cal, tx.Now, tx.Now)
		return nil
	})
}

// A PromiseFilter says which promises a list holds.
type PromiseFilter string

// The lists of promises.
const (
	OwnPromises PromiseFilter = "own"         // of by's role in its unit
	NeedingHelp PromiseFilter = "help_needed" // below by, moved twice or more; not what was promised
)

// Promises is a page of the open promises of f, those due first in front, and the cursor behind it.
func (s *Service) Promises(ctx context.Context, by org.Actor, f PromiseFilter, cursor string, size int) (all []Promise, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listPromises", f, by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	list := listPromises
	if f == NeedingHelp {
		list = listNeedingHelp
	}
	if all, err = list(ctx, s.db, by, p.Rising()); err != nil {
		return nil, "", err
	}
	all, next = page.Cut(all, p, func(r Promise) (time.Time, int64) { return r.DueOn.Time(), int64(r.ID) })
	for i := range all {
		if f == NeedingHelp {
			all[i].PremisesID, all[i].TextSealed, all[i].WhySealed = nil, nil, nil
		}
		if err := all[i].unseal(s.keys); err != nil {
			return nil, "", err
		}
	}
	return all, next, nil
}

// PromisesOf are the promises about a request, the first one first: for its asker and for whoever sees it.
func PromisesOf(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) ([]Promise, error) {
	all, err := promisesOf(ctx, q, id)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := all[i].unseal(keys); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p Promise) turn() turn { return turn{row: int64(p.ID), due: p.RemindAt.UnixMilli()} }

// RemindPromises reminds those whose promises are due, and says whether there were any. Any number of nodes may do so
// at one time: each promise is taken by one of them (K14).
func (s *Service) RemindPromises(ctx context.Context) (some bool, err error) {
	now := s.db.Now()
	return inTurn(ctx, &s.late.reminders, now, func(behind Promise) ([]Promise, error) {
		return toRemind(ctx, s.db, now, behind)
	}, func(p Promise) error {
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			taken, err := takeReminder(ctx, tx, p)
			if err != nil || !taken {
				return err
			}
			return s.tellDue(ctx, tx, p)
		})
		return db.Wrap(err, nil, "remind of promise %d", p.ID)
	})
}

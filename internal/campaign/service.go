package campaign

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// A Service asks for tasks, and takes them and campaigns through their states.
type Service struct{ db *db.DB }

// NewService makes a Service.
func NewService(d *db.DB) *Service { return &Service{db: d} }

// A Given is what came of asking: the task, its copies in the order of their units, and what it costs (X29).
type Given struct {
	Task   TaskID
	Copies []CopyID
	Burden Burden
}

// Create asks for a task: one copy for each receiver, who are told at once.
func (s *Service) Create(ctx context.Context, by org.Actor, n NewTask) (g Given, err error) {
	if err := n.valid(); err != nil {
		return Given{}, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &g, func(tx *db.Tx) error {
		g = Given{}
		if guard.On(guard.Rule) && !slices.Contains(assigners, by.Role) {
			return problem.ErrForbidden
		}
		if n.DueAt != nil && !n.DueAt.After(tx.Now) {
			return ErrDuePast.Field("/dueAt", ErrDuePast.Code)
		}
		if n.Campaign != 0 {
			if err := inCampaign(ctx, tx, by, n.Campaign, n.Stage); err != nil {
				return err
			}
		}
		seats, err := findSeats(ctx, tx, by, n.Target)
		if err != nil {
			return err
		}
		if g.Burden, err = weigh(ctx, tx, by, n.Minutes, seats); err != nil {
			return err
		}
		if err := g.Burden.canAsk(n.OverReason); err != nil {
			return err
		}
		asked := n
		if !g.Burden.over() {
			asked.OverReason = ""
		}
		if g.Task, err = insertTask(ctx, tx, by, asked); err != nil {
			return err
		}
		if n.Repeat.Rhythm != "" {
			if err := insertSeries(ctx, tx, g.Task, n); err != nil {
				return err
			}
		}
		if g.Copies, err = hand(ctx, tx, by, g.Task, seats, n.DueAt); err != nil {
			return err
		}
		audit.Note(tx, by.Did("task.created", "task", int64(g.Task)))
		return nil
	})
	return g, err
}

// hand gives every seat its copy of a task, and tells who sits there.
func hand(ctx context.Context, tx *db.Tx, by org.Actor, id TaskID, seats []seat, due *time.Time) (copies []CopyID, err error) {
	for _, seat := range seats {
		c, err := insertCopy(ctx, tx, id, seat, due)
		if err != nil {
			return nil, err
		}
		copies = append(copies, c)
		if err := notify.Tell(ctx, tx, seat.audience(), notify.Item{
			Kind: "task.assigned", Ref: notify.Ref{Type: "task", ID: int64(id)}, By: by,
			Args: map[string]any{"kindLabel": "任务", "dueAt": due}, Dedupe: eventKey("assigned", c, 1),
		}); err != nil {
			return nil, err
		}
	}
	return copies, nil
}

// valid says what of n no schema can refuse.
func (n NewTask) valid() error {
	texts := []struct{ pointer, text string }{{"/title", n.Title}, {"/body", n.Body}, {"/overBudgetReason", n.OverReason}}
	for i, item := range n.Checklist {
		texts = append(texts, struct{ pointer, text string }{"/checklist/" + strconv.Itoa(i), item})
	}
	for _, t := range texts {
		if err := privacy.CheckText(t.pointer, t.text); err != nil {
			return err
		}
	}
	if n.Stage != 0 && n.Campaign == 0 {
		return ErrStage
	}
	if err := n.Repeat.check(n.DueAt); err != nil {
		return err
	}
	return n.Target.valid()
}

// eventKey makes the same event reach a person once (N6); a copy that is returned twice is two events.
func eventKey(event string, c CopyID, version int64) string {
	return "task." + event + ":" + strconv.FormatInt(int64(c), 10) + ":" + strconv.FormatInt(version, 10)
}

// audience is who gets the copy of a seat.
func (s seat) audience() notify.Audience {
	if s.person != 0 {
		return notify.InRole(s.person, s.assignment)
	}
	return notify.RoleIn(s.unit, s.role)
}

// findSeats are where the copies go: all in by's scope, or none is found.
func findSeats(ctx context.Context, q db.Queryer, by org.Actor, t Target) ([]seat, error) {
	day := calendar.DayOf(db.NowOf(q))
	switch {
	case t.Assignment != 0:
		a, err := org.AssignmentByID(ctx, q, t.Assignment)
		if err != nil {
			return nil, err
		}
		if _, err := reachable(ctx, q, by, a.UnitID); err != nil {
			return nil, err
		}
		if !a.Span().Holds(day) {
			return nil, problem.ErrNotFound
		}
		return []seat{{unit: a.UnitID, name: a.UnitName, role: a.Role, person: a.PersonID, assignment: a.ID}}, nil
	case t.Unit != 0:
		u, err := reachable(ctx, q, by, t.Unit)
		if err != nil {
			return nil, err
		}
		if !t.Role.MayStandOn(u) {
			return nil, ErrTarget.Field("/target/role", "not_on_this_unit")
		}
		return []seat{{unit: u.ID, name: u.Name, role: t.Role}}, nil
	}
	u, err := reachable(ctx, q, by, t.Below)
	if err != nil {
		return nil, err
	}
	seats, err := seatsBelow(ctx, q, u, t.Kinds, day)
	if err == nil && len(seats) == 0 {
		return nil, ErrNobody
	}
	return seats, err
}

// reachable returns a unit that by may ask something of; another is not found (B34).
func reachable(ctx context.Context, q db.Queryer, by org.Actor, id org.UnitID) (org.Unit, error) {
	u, err := org.FindStanding(ctx, q, by, id)
	if err == nil && slices.Contains(ownOnly, by.Role) && u.ID != by.Unit.ID {
		return org.Unit{}, problem.ErrNotFound
	}
	return u, err
}

// Accept takes a task on.
func (s *Service) Accept(ctx context.Context, by org.Actor, id CopyID) (Copy, error) {
	return s.answer(ctx, by, id, "accepted", func(Task) (move, error) { return move{to: Accepted}, nil })
}

// Decline refuses a task, with the reason.
func (s *Service) Decline(ctx context.Context, by org.Actor, id CopyID, reason string) (Copy, error) {
	return s.answer(ctx, by, id, "declined", func(Task) (move, error) {
		return move{to: Declined, reason: reason}, privacy.CheckText("/reason", reason)
	})
}

// A Report says what was done with a copy: a text, which items of the checklist, and evidence where the task takes
// any and the receiver likes to give it. Nothing but the text is ever needed (PG2).
type Report struct {
	Copy     CopyID
	Text     string
	Evidence string
	Ticks    []int
}

// Report reports on a copy.
func (s *Service) Report(ctx context.Context, by org.Actor, r Report) (Copy, error) {
	if err := r.check(); err != nil {
		return Copy{}, err
	}
	return s.answer(ctx, by, r.Copy, "reported", r.move)
}

// check says what of r's words no schema can refuse.
func (r Report) check() error {
	if err := privacy.CheckText("/evidence", r.Evidence); err != nil {
		return err
	}
	return privacy.CheckText("/text", r.Text)
}

// move is what r makes of a copy of t, or why it cannot.
func (r Report) move(t Task) (move, error) {
	if r.Evidence != "" && t.Evidence == NoEvidence {
		return move{}, ErrEvidence
	}
	return move{to: Reported, report: r.Text, evidence: r.Evidence, ticks: r.Ticks}, checkTicks(r.Ticks, len(t.Checklist))
}

// ReportAll reports on many copies, all of them or none: a copy that cannot be reported on is named, and nothing is
// written, so that a repeat with the same key is never half of something.
func (s *Service) ReportAll(ctx context.Context, by org.Actor, all []Report) (ids []CopyID, err error) {
	seen := map[CopyID]bool{}
	for i, r := range all {
		if seen[r.Copy] {
			return nil, ErrCopyTwice.Field(pointer(i), ErrCopyTwice.Code)
		}
		seen[r.Copy] = true
		if err := r.check(); err != nil {
			return nil, at(i, err)
		}
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		ids = nil
		return once.Do(ctx, tx, int64(by.PersonID), &ids, func() error {
			for i, r := range all {
				if _, err := receive(ctx, tx, by, r.Copy, "reported", r.move); err != nil {
					return at(i, err)
				}
				ids = append(ids, r.Copy)
			}
			return nil
		})
	})
	return ids, err
}

func pointer(i int) string { return "/reports/" + strconv.Itoa(i) }

// at names the report that a problem is about.
func at(i int, err error) error {
	if p := new(problem.Problem); errors.As(err, &p) {
		return p.Field(pointer(i), p.Code)
	}
	return err
}

// answer takes a copy on as its receiver.
func (s *Service) answer(ctx context.Context, by org.Actor, id CopyID, event string, what func(Task) (move, error)) (c Copy, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &c, func(tx *db.Tx) error {
		c, err = receive(ctx, tx, by, id, event, what)
		return err
	})
	return c, err
}

// receive takes a copy on as its receiver, and tells who asked.
func receive(ctx context.Context, tx *db.Tx, by org.Actor, id CopyID, event string, what func(Task) (move, error)) (Copy, error) {
	c, t, err := findCopy(ctx, tx, by, id)
	if err != nil {
		return Copy{}, err
	}
	m, err := what(t)
	if err != nil {
		return Copy{}, err
	}
	if err := c.canAnswer(by, m.to); err != nil {
		return Copy{}, err
	}
	if err := saveMove(ctx, tx, by, &c, m); err != nil {
		return Copy{}, err
	}
	audit.Note(tx, by.Did("task."+event, "task_copy", int64(c.ID)))
	return c, notify.Tell(ctx, tx, notify.RoleIn(t.UnitID, t.Role), c.news(event, by))
}

// news is what is told of c.
func (c Copy) news(event string, by org.Actor) notify.Item {
	return notify.Item{
		Kind: "task." + event, Ref: notify.Ref{Type: "task", ID: int64(c.TaskID)}, By: by,
		Args: map[string]any{"kindLabel": "任务", "dueAt": c.DueAt}, Dedupe: eventKey(event, c.ID, c.Version),
	}
}

// Return gives a report back, with what is missing.
func (s *Service) Return(ctx context.Context, by org.Actor, id CopyID, reason string) (Copy, error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return Copy{}, err
	}
	return s.judge(ctx, by, id, "returned", move{to: Returned, reason: reason})
}

// AcceptResult takes a report as what was asked for.
func (s *Service) AcceptResult(ctx context.Context, by org.Actor, id CopyID) (Copy, error) {
	return s.judge(ctx, by, id, "done", move{to: Done})
}

// judge takes a copy on as who asked for it, and tells its receiver.
func (s *Service) judge(ctx context.Context, by org.Actor, id CopyID, event string, m move) (c Copy, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &c, func(tx *db.Tx) error {
		var t Task
		if c, t, err = findCopy(ctx, tx, by, id); err != nil {
			return err
		}
		if err := t.canJudge(by, c, m.to); err != nil {
			return err
		}
		if err := saveMove(ctx, tx, by, &c, m); err != nil {
			return err
		}
		audit.Note(tx, by.Did("task."+event, "task_copy", int64(c.ID)))
		return tellReceiver(ctx, tx, c, c.news(event, by))
	})
	return c, err
}

// tellReceiver tells whoever has the copy in hand today: a person only while they have the role.
func tellReceiver(ctx context.Context, tx *db.Tx, c Copy, item notify.Item) error {
	if c.PersonID == nil {
		return notify.Tell(ctx, tx, notify.RoleIn(c.UnitID, c.Role), item)
	}
	in, err := org.PersonsIn(ctx, tx, c.UnitID, c.Role, calendar.DayOf(tx.Now))
	if err != nil {
		return err
	}
	for _, i := range in {
		if i.Person == *c.PersonID {
			return notify.Tell(ctx, tx, notify.InRole(i.Person, i.Assignment), item)
		}
	}
	return nil
}

// Cancel calls a task off: every copy that nobody has reported on yet, and its coming again. It says how many copies
// those were.
func (s *Service) Cancel(ctx context.Context, by org.Actor, id TaskID, reason string) (n int, err error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return 0, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &n, func(tx *db.Tx) error {
		n = 0
		t, _, err := FindTask(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if guard.On(guard.Rule) && !t.askedBy(by) {
			return problem.ErrForbidden
		}
		copies, err := openCopies(ctx, tx, id)
		if err != nil {
			return err
		}
		comesAgain, err := stop(ctx, tx, id)
		if err != nil {
			return err
		}
		if len(copies) == 0 && !comesAgain {
			return ErrIllegalTransition.With("state", "nothing_open")
		}
		for _, c := range copies {
			if err := saveMove(ctx, tx, by, &c, move{to: Cancelled, reason: reason}); err != nil {
				return err
			}
			if err := tellReceiver(ctx, tx, c, c.news("cancelled", by)); err != nil {
				return err
			}
			n++
		}
		audit.Note(tx, by.Did("task.cancelled", "task", int64(id)))
		return nil
	})
	return n, err
}

package campaign

import (
	"context"
	"slices"
	"strconv"

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
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &g, func() error {
			g = Given{}
			if guard.On(guard.Rule) && !slices.Contains(assigners, by.Role) {
				return problem.ErrForbidden
			}
			if n.Campaign != 0 {
				if err := inCampaign(ctx, tx, by, n.Campaign, n.Stage); err != nil {
					return err
				}
			}
			seats, err := s.seats(ctx, tx, by, n.Target)
			if err != nil {
				return err
			}
			if g.Task, err = insertTask(ctx, tx, by, n); err != nil {
				return err
			}
			for _, seat := range seats {
				c, err := insertCopy(ctx, tx, g.Task, seat, n.DueAt)
				if err != nil {
					return err
				}
				g.Copies = append(g.Copies, c)
				if err := notify.Tell(ctx, tx, seat.audience(), notify.Item{
					Kind: "task.assigned", Ref: notify.Ref{Type: "task", ID: int64(g.Task)}, By: by,
					Args: map[string]any{"kindLabel": "任务", "dueAt": n.DueAt}, Dedupe: eventKey("assigned", c, 1),
				}); err != nil {
					return err
				}
			}
			g.Burden = Burden{Minutes: n.Minutes, Receivers: len(seats)}
			audit.Note(tx, by.Did("task.created", "task", int64(g.Task)))
			return nil
		})
	})
	return g, err
}

// valid says what of n no schema can refuse.
func (n NewTask) valid() error {
	texts := []struct{ pointer, text string }{{"/title", n.Title}, {"/body", n.Body}}
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

// seats are where the copies go: all in by's scope, or none is found.
func (s *Service) seats(ctx context.Context, tx *db.Tx, by org.Actor, t Target) ([]seat, error) {
	day := calendar.DayOf(tx.Now)
	switch {
	case t.Assignment != 0:
		a, err := org.AssignmentByID(ctx, tx, t.Assignment)
		if err != nil {
			return nil, err
		}
		if _, err := reachable(ctx, tx, by, a.UnitID); err != nil {
			return nil, err
		}
		if !a.Span().Holds(day) {
			return nil, problem.ErrNotFound
		}
		return []seat{{unit: a.UnitID, name: a.UnitName, role: a.Role, person: a.PersonID, assignment: a.ID}}, nil
	case t.Unit != 0:
		u, err := reachable(ctx, tx, by, t.Unit)
		if err != nil {
			return nil, err
		}
		if !t.Role.MayStandOn(u) {
			return nil, ErrTarget.Field("/target/role", "not_on_this_unit")
		}
		return []seat{{unit: u.ID, name: u.Name, role: t.Role}}, nil
	}
	u, err := reachable(ctx, tx, by, t.Below)
	if err != nil {
		return nil, err
	}
	seats, err := seatsBelow(ctx, tx, u, t.Kinds, day)
	if err == nil && len(seats) == 0 {
		return nil, ErrNobody
	}
	return seats, err
}

// reachable returns a unit that by may ask something of; another is not found (B34).
func reachable(ctx context.Context, tx *db.Tx, by org.Actor, id org.UnitID) (org.Unit, error) {
	u, err := org.FindUnit(ctx, tx, by, id)
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

// Report says what was done: a text, which items of the checklist, and evidence where the task takes any and the
// receiver likes to give it. Nothing but the text is ever needed (PG2).
func (s *Service) Report(ctx context.Context, by org.Actor, id CopyID, text, evidence string, ticks []int) (Copy, error) {
	if err := privacy.CheckText("/evidence", evidence); err != nil {
		return Copy{}, err
	}
	return s.answer(ctx, by, id, "reported", func(t Task) (move, error) {
		if evidence != "" && t.Evidence == NoEvidence {
			return move{}, ErrEvidence
		}
		if err := checkTicks(ticks, len(t.Checklist)); err != nil {
			return move{}, err
		}
		return move{to: Reported, report: text, evidence: evidence, ticks: ticks}, privacy.CheckText("/text", text)
	})
}

// answer takes a copy on as its receiver, and tells who asked.
func (s *Service) answer(ctx context.Context, by org.Actor, id CopyID, event string, what func(Task) (move, error)) (c Copy, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &c, func() error {
			var t Task
			if c, t, err = findCopy(ctx, tx, by, id); err != nil {
				return err
			}
			m, err := what(t)
			if err != nil {
				return err
			}
			if err := c.canAnswer(by, m.to); err != nil {
				return err
			}
			if err := saveMove(ctx, tx, by, &c, m); err != nil {
				return err
			}
			audit.Note(tx, by.Did("task."+event, "task_copy", int64(c.ID)))
			return notify.Tell(ctx, tx, notify.RoleIn(t.UnitID, t.Role), c.news(event, by))
		})
	})
	return c, err
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
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &c, func() error {
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

// Cancel calls a task off: every copy that nobody has reported on yet. It says how many those were.
func (s *Service) Cancel(ctx context.Context, by org.Actor, id TaskID, reason string) (n int, err error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return 0, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &n, func() error {
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
			if len(copies) == 0 {
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
	})
	return n, err
}

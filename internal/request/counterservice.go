package request

import (
	"context"
	"errors"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// AtCounters is s where steps can be taken at the counters that f finds.
func (s *Service) AtCounters(f CounterFinder) *Service {
	s.counter = f
	return s
}

// AddCounterStep sends the asker of a request to a counter of its subdistrict, whose clerks are told. Done, the step
// may resolve the request.
func (s *Service) AddCounterStep(ctx context.Context, by org.Actor, id ID, place int64, closes bool) (Moved, error) {
	var at Counter
	return s.move(ctx, by, id, func(tx *db.Tx, r *Seen) (line, error) {
		if err := r.mayAct(by); err != nil {
			return line{}, err
		}
		if err := r.anyOpen(); err != nil {
			return line{}, err
		}
		if r.concerns() {
			return line{}, ErrConcernAlone
		}
		var err error
		at, err = s.counter(ctx, tx, place)
		if err != nil && !errors.Is(err, problem.ErrNotFound) {
			return line{}, err
		}
		if err != nil || !sameSubdistrict(at.Unit.Path, r.UnitPath) {
			return line{}, ErrCounter.Field("/placeId", ErrCounter.Code)
		}
		return line{move: "counter_added", note: at.Label}, insertCounterStep(ctx, tx, by, id, at, closes)
	}, func(tx *db.Tx, r Seen) error {
		if err := tellAskers(ctx, tx, by, r.Request, status("counter_added")); err != nil {
			return err
		}
		return notify.Tell(ctx, tx, notify.RoleIn(at.Unit.ID, org.RoleCounterClerk), notify.Item{
			Kind: "counter.waiting", Ref: r.ref(), By: by,
			Args: map[string]any{"count": 1, "placeLabel": at.Label, "dueAt": r.SolveDueAt}, Dedupe: r.once("counter"),
		})
	})
}

// FinishCounterStep notes that the step is done, or is not needed, that an asker with this code has waited for longest:
// the clerk of the place where the counter lies does, or whoever holds the request. It may resolve the request in the
// same transaction, at the level of its holder.
func (s *Service) FinishCounterStep(ctx context.Context, by org.Actor, code Receipt, as CounterState) (f FinishedStep, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &f, func() error {
			step, r, err := s.findWaiting(ctx, tx, by, code)
			if err != nil {
				return err
			}
			if _, err := s.rules.learn(ctx, tx); err != nil {
				return err
			}
			if r, err = hold(ctx, tx, r.ID); err != nil {
				return err
			}
			if err := finishCounterStep(ctx, tx, by, step.ID, as); err != nil {
				return err
			}
			f = FinishedStep{ID: step.ID, Label: step.Label, State: as}
			f.Closed = as == CounterDone && step.Closes && r.State.Open()
			audit.Note(tx, by.Did("counter."+string(as), "request", int64(r.ID)))
			if err := addStep(ctx, tx, s.keys, by, r.Request, line{move: "counter_" + string(as), from: &r.State, note: step.Label}); err != nil {
				return err
			}
			if f.Closed {
				if err := s.closeAtCounter(ctx, tx, by, &r); err != nil {
					return err
				}
			}
			if !f.Closed && r.State.Open() { // somebody has done something (K12)
				r.stepped(tx.Now)
				if err := s.saveMove(ctx, tx, &r.Request); err != nil {
					return err
				}
			}
			if as == CounterNotNeeded {
				return nil
			}
			return s.tellFinished(ctx, tx, by, r, step)
		})
	})
	return f, err
}

// findWaiting is the step that waits for whoever shows code, if by may finish it, and the request that it is taken for;
// else there is none. It may have been added before what they ask for was merged into another request.
func (s *Service) findWaiting(ctx context.Context, tx *db.Tx, by org.Actor, code Receipt) (CounterStep, Seen, error) {
	a, err := s.askerOf(ctx, tx, code)
	if err != nil {
		return CounterStep{}, Seen{}, err
	}
	rows, err := byIDs(ctx, tx, []ID{a.Request})
	if err != nil {
		return CounterStep{}, Seen{}, err
	}
	if rows[0].Interim, err = rows[0].standsIn(ctx, tx, by); err != nil {
		return CounterStep{}, Seen{}, err
	}
	shares, err := sharesOf(ctx, tx, s.keys, a)
	if err != nil {
		return CounterStep{}, Seen{}, err
	}
	for _, h := range shares {
		waiting, err := waitingSteps(ctx, tx, h.Request)
		if err != nil {
			return CounterStep{}, Seen{}, err
		}
		for _, w := range waiting {
			clerk := by.Role == org.RoleCounterClerk && by.Grid.ID == w.UnitID
			if h.during(w.AddedAt) && (clerk || rows[0].mayAct(by) == nil) {
				return w, rows[0], nil
			}
		}
	}
	return CounterStep{}, Seen{}, problem.ErrNotFound
}

// askerOf is the asker whom a code was given to.
func (s *Service) askerOf(ctx context.Context, q db.Queryer, code Receipt) (asker, error) {
	for _, hash := range s.keys.Derivations("mac:"+receipts, []byte(code)) {
		if a, found, err := findAskerOf(ctx, q, hash); err != nil || found {
			return a, err
		}
	}
	return asker{}, problem.ErrNotFound
}

// closeAtCounter resolves r, whose step at a counter is done.
func (s *Service) closeAtCounter(ctx context.Context, tx *db.Tx, by org.Actor, r *Seen) error {
	if err := s.acceptFirst(ctx, tx, by, &r.Request); err != nil {
		return err
	}
	from := r.State
	s.close(&r.Request, Resolved, tx.Now)
	if err := s.saveMove(ctx, tx, &r.Request); err != nil {
		return err
	}
	if err := addStep(ctx, tx, s.keys, by, r.Request, line{move: string(Resolved), from: &from}); err != nil {
		return err
	}
	audit.Note(tx, by.Did("request.resolved", "request", int64(r.ID)))
	if err := endWith(ctx, tx, by, r.Request); err != nil {
		return err
	}
	return tellAskers(ctx, tx, by, r.Request, closed(Resolved, ToTell))
}

// tellFinished tells the holder of r that its step at a counter is done.
func (s *Service) tellFinished(ctx context.Context, tx *db.Tx, by org.Actor, r Seen, step CounterStep) error {
	to, err := holdersOf(ctx, tx, r.Request)
	if err != nil {
		return err
	}
	code, err := s.keys.Open(sealed.Personal, "request", "receipt_sealed", int64(r.ID), r.ReceiptSealed)
	if err != nil {
		return err
	}
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "counter.done", Ref: r.ref(), By: by,
		Args:   map[string]any{"receiptCode": code, "placeLabel": step.Label, "at": tx.Now},
		Dedupe: "counter.done:" + strconv.FormatInt(int64(step.ID), 10),
	})
}

// CounterSteps is a page of the steps that wait at the counters of by's place, the newest first: which counter and since
// when, and nothing of who will come.
func (s *Service) CounterSteps(ctx context.Context, by org.Actor, cursor string, size int) (rows []CounterStep, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listCounterSteps", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	if rows, err = listWaitingSteps(ctx, s.db, by, p); err != nil {
		return nil, "", err
	}
	rows, next = page.Cut(rows, p, func(c CounterStep) (time.Time, int64) { return c.AddedAt, int64(c.ID) })
	return rows, next, nil
}

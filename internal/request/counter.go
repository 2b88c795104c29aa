package request

import (
	"context"
	"errors"
	"strconv"
	"strings"
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

// A CounterStepID names a step at a counter.
type CounterStepID int64

// A CounterState says how far a step at a counter has come (domain.md §5.2).
type CounterState string

// The states.
const (
	CounterWaiting   CounterState = "waiting"
	CounterDone      CounterState = "done"
	CounterNotNeeded CounterState = "not_needed"
)

// ErrCounter says that nobody can be sent there.
var ErrCounter = problem.New(problem.Invalid, "counter.place_invalid")

// A Counter (窗口) is where somebody is served.
type Counter struct {
	ID    int64
	Unit  org.Unit // the level-4 place it lies in
	Label string
}

// A CounterFinder finds a counter that is used today. Places are kept in a package above this one.
type CounterFinder func(ctx context.Context, q db.Queryer, id int64) (Counter, error)

// AtCounters is s where steps can be taken at the counters that f finds.
func (s *Service) AtCounters(f CounterFinder) *Service {
	s.counter = f
	return s
}

// A CounterStep (窗口办理) is something an asker does at a counter: which one, and whether it is done, is all that is
// kept (C18).
type CounterStep struct {
	ID      CounterStepID `db:"id"`
	Request ID            `db:"request_id"`
	PlaceID int64         `db:"place_id"`
	Label   string        `db:"place_label"`
	UnitID  org.UnitID    `db:"unit_id"`
	State   CounterState  `db:"state"`
	Closes  bool          `db:"closes"` // done, it resolves the request
	AddedAt time.Time     `db:"added_at"`
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

// sameSubdistrict says whether two grid units, by their paths, lie in one subdistrict: /district/subdistrict/….
func sameSubdistrict(a, b string) bool {
	one, two := strings.SplitN(a, "/", 4), strings.SplitN(b, "/", 4)
	return len(one) == 4 && len(two) == 4 && one[2] == two[2]
}

// FinishedStep is a step at a counter as somebody has finished it: what a clerk may know.
type FinishedStep struct {
	ID     CounterStepID
	Label  string
	State  CounterState
	Closed bool // the request is resolved by it
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
	opened, err := org.UnitByID(ctx, tx, r.UnitID)
	if err != nil {
		return err
	}
	ladder, err := org.Ladder(ctx, tx, opened)
	if err != nil {
		return err
	}
	to, err := holders(ctx, tx, r.Request, ladder)
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

const selectCounterStep = `
	SELECT c.id, c.request_id, c.place_id, c.place_label, c.unit_id, c.state, c.closes, c.added_at
	FROM counter_step c`

func insertCounterStep(ctx context.Context, tx *db.Tx, by org.Actor, r ID, at Counter, closes bool) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO counter_step (request_id, place_id, place_label, unit_id, state, closes, added_by, added_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, r, at.ID, at.Label, at.Unit.ID, CounterWaiting, closes, by.PersonID, tx.Now)
	return db.Wrap(err, nil, "insert a step of request %d at counter %d", r, at.ID)
}

// finishCounterStep stores how a waiting step ended, unless somebody was faster.
func finishCounterStep(ctx context.Context, tx *db.Tx, by org.Actor, id CounterStepID, as CounterState) error {
	found, err := tx.Change(ctx, `
		UPDATE counter_step
		SET state = ?, finished_by = ?, finished_at = ?
		WHERE id = ? AND state = ?`, as, by.PersonID, tx.Now, id, CounterWaiting)
	if err == nil && found == 0 {
		return problem.ErrNotFound
	}
	return db.Wrap(err, nil, "finish counter step %d", id)
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

// waitingSteps are the steps of a request that wait at counters, the first one first.
func waitingSteps(ctx context.Context, q db.Queryer, id ID) (rows []CounterStep, err error) {
	err = q.Select(ctx, &rows, selectCounterStep+`
		WHERE c.request_id = ? AND c.state = ?
		ORDER BY c.id`, id, CounterWaiting)
	return rows, db.Wrap(err, nil, "find what request %d waits for at counters", id)
}

// listWaitingSteps are the steps that wait at the counters of by's place, the newest first: those of needs that go on, by
// themselves or as others.
func listWaitingSteps(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (rows []CounterStep, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &rows, selectCounterStep+`
		JOIN unit u ON u.id = c.unit_id
		JOIN request r ON r.id = c.request_id
		WHERE u.path >= ? AND u.path < ? AND c.state = ?
		  AND (r.is_open = ? OR r.state = ? AND (
			SELECT COUNT(*)
			FROM request_asker k
			JOIN request o ON o.id = k.request_id
			WHERE k.origin_id = r.id AND o.is_open = ?) > 0)
		  AND c.added_at <= ? AND (c.added_at < ? OR c.id < ?)
		ORDER BY c.added_at DESC, c.id DESC
		LIMIT ?`, from, to, CounterWaiting, true, Merged, true, p.At, p.At, p.ID, p.Limit())
	return rows, db.Wrap(err, nil, "list what waits at counters")
}

// counterOf is the counter that the asker of a request is to go to; "" if to none.
func counterOf(ctx context.Context, q db.Queryer, id ID) (label string, err error) {
	waiting, err := waitingSteps(ctx, q, id)
	if err != nil || len(waiting) == 0 {
		return "", err
	}
	return waiting[len(waiting)-1].Label, nil
}

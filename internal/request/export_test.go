package request

import (
	"context"
	"errors"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Due are clocks that a node has seen to be due, and may find taken when it comes to say what they have to say.
type Due []timer

// Due is what a node sees when it looks.
func (s *Service) Due(ctx context.Context) (Due, error) {
	return dueTimers(ctx, s.db, s.db.Now(), timer{})
}

// Fire says what is due, as a node does that looked some time ago.
func (s *Service) Fire(ctx context.Context, due Due) error {
	for _, t := range due {
		if err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.fire(ctx, tx, t) }); err != nil {
			return err
		}
	}
	return nil
}

// FireCarelessly is the control: it believes what it saw when it looked, and takes nothing by a condition.
func (s *Service) FireCarelessly(ctx context.Context, due Due) error {
	for _, t := range due {
		if err := s.db.InTx(ctx, func(tx *db.Tx) error {
			audit.Note(tx, org.System.Did("request.clock_"+string(t.Clock), "request", int64(t.Request)))
			now := tx.Now
			t.FiredAt = &now
			return setTimer(ctx, tx, t)
		}); err != nil {
			return err
		}
	}
	return nil
}

// At is by when a category should be answered at a level.
func (c Category) At(level int) Targets { return c.at(level) }

// FollowLate lets two nodes move a request that both read before either stored it; the careless ones store it whatever
// has become of it.
func (s *Service) FollowLate(ctx context.Context, id ID, careless bool) error {
	var read []Seen
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return err
	}
	for range 2 {
		rows, err := byIDs(ctx, s.db, []ID{id})
		if err != nil {
			return err
		}
		read = append(read, rows...)
	}
	for _, r := range read {
		if err := s.db.InTx(ctx, func(tx *db.Tx) error {
			lines := s.follow(&r, book, tx.Now)
			if err := saveRules(ctx, tx, &r.Request, true); err != nil && !careless {
				return err
			}
			for _, l := range lines {
				if err := addStep(ctx, tx, s.keys, org.System, r.Request, l); err != nil {
					return err
				}
			}
			return nil
		}); err != nil && !errors.Is(err, ErrIllegalTransition) {
			return err
		}
	}
	return nil
}

// EndHanging is what a night does that has found something to hang open on a need.
func EndHanging(ctx context.Context, d *db.DB, id ID) error {
	return d.InTx(ctx, func(tx *db.Tx) error { return endHanging(ctx, tx, []int64{int64(id)}, time.Time{}) })
}

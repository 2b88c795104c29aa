package request

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Due are clocks that a node has seen to be due, and may find taken when it comes to say what they have to say.
type Due []timer

// Due is what a node sees when it looks.
func (s *Service) Due(ctx context.Context) (Due, error) { return dueTimers(ctx, s.db, s.db.Now()) }

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

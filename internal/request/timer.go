package request

import (
	"context"
	"errors"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// GoOn lets requests go on whose asker was waited for long enough, and says whether there were any. Any number of
// nodes may do so at one time: each request moves on the version that was read, so one of them does it (K14).
func (s *Service) GoOn(ctx context.Context) (some bool, err error) {
	now := s.db.Now()
	return inTurn(ctx, &s.late.waits, now, func(behind wait) ([]wait, error) {
		return waitedFor(ctx, s.db, now, behind)
	}, func(w wait) error {
		err := s.db.InTx(ctx, func(tx *db.Tx) error { return s.goOnDue(ctx, tx, w.Request) })
		if errors.Is(err, ErrIllegalTransition) { // another node was faster
			return nil
		}
		return db.Wrap(err, nil, "let request %d go on", w.Request)
	})
}

// goOnDue lets a request go on as of the moment until when was waited: a node that was down comes late, the clocks
// of the request do not.
func (s *Service) goOnDue(ctx context.Context, tx *db.Tx, id ID) error {
	if _, err := s.rules.learn(ctx, tx); err != nil {
		return err
	}
	rows, err := byIDs(ctx, tx, []ID{id})
	if err != nil {
		return err
	}
	r := rows[0].Request
	if r.State != WaitingResident || r.WaitUntil == nil || r.WaitUntil.After(tx.Now) {
		return r.State.refuses()
	}
	from, due := r.State, *r.WaitUntil
	s.resume(&r, due)
	r.stepped(due) // from then on somebody is to do something (K12)
	if err := s.saveMove(ctx, tx, &r); err != nil {
		return err
	}
	audit.Note(tx, org.System.Did("request.resumed", "request", int64(id)))
	if err := addStep(ctx, tx, s.keys, org.System, r, line{move: "resumed", from: &from, at: due}); err != nil {
		return err
	}
	return tellAskers(ctx, tx, org.System, r, status("resumed"))
}

package request

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// overText is why a promise ends that nobody has kept or given up, as its asker reads it.
const overText = "诉求已了结，约定随之结束"

// hangOn lets what hangs on r end, or go on, with r, which has made a move from a state.
func (s *Service) hangOn(ctx context.Context, tx *db.Tx, by org.Actor, from State, r Request) error {
	switch {
	case from.Open() && !r.State.Open():
		return s.endWith(ctx, tx, by, r)
	case !from.Open() && r.State.Open():
		return s.goOnWith(ctx, tx, by, r)
	}
	return nil
}

// endWith ends what hangs on r, and on what was merged into it, now that r has ended: nobody is kept to a promise about it
// any more, and no helper is waited for (X25, F15).
func (s *Service) endWith(ctx context.Context, tx *db.Tx, by org.Actor, r Request) error {
	ids, err := goingOnAs(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.endPromises(ctx, tx, by, id); err != nil {
			return err
		}
		if err := s.endMuster(ctx, tx, by, id); err != nil {
			return err
		}
	}
	return nil
}

// goOnWith lets those promises go on that have ended with r, or with what is merged into it, now that r goes on itself, as
// long as their day has not passed. Whoever is told that r goes on finds them again, and is reminded of them as before.
func (s *Service) goOnWith(ctx context.Context, tx *db.Tx, by org.Actor, r Request) error {
	ids, err := goingOnAs(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		all, err := holdPromises(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, p := range all {
			if err := p.unseal(s.keys); err != nil {
				return err
			}
			if p.State != PromiseDropped || p.Why != overText || p.DueOn < calendar.DayOf(tx.Now) {
				continue
			}
			p.State, p.EndedAt, p.WhySealed = PromiseOpen, nil, nil
			p.dueBy(p.DueOn, s.cal, tx.Now)
			if err := savePromise(ctx, tx, s.keys, &p, ""); err != nil {
				return err
			}
			audit.Note(tx, by.Did("promise.resumed", "promise", int64(p.ID)))
			if err := s.writePromise(ctx, tx, by, p, "promise_resumed", ""); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) endPromises(ctx context.Context, tx *db.Tx, by org.Actor, id ID) error {
	all, err := holdPromises(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.State != PromiseOpen {
			continue
		}
		p.end(PromiseDropped, tx.Now)
		if err := savePromise(ctx, tx, s.keys, &p, overText); err != nil {
			return err
		}
		audit.Note(tx, by.Did("promise.over", "promise", int64(p.ID)))
		if err := s.writePromise(ctx, tx, by, p, "promise_over", ""); err != nil {
			return err
		}
	}
	return nil
}

// endMuster thanks those who have come, and calls off who was to come.
func (s *Service) endMuster(ctx context.Context, tx *db.Tx, by org.Actor, id ID) error {
	if err := holdMusters(ctx, tx, id); err != nil {
		return err
	}
	all, err := mustersOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.EndedAt != nil {
			continue
		}
		c, err := s.called(ctx, tx, m)
		if err != nil {
			return err
		}
		kind := "muster.cancelled"
		if c.State == MusterStarted {
			kind = "muster.done"
		}
		if c.EndedAt = &tx.Now; c.State == MusterStarted {
			c.State = MusterDone
		} else {
			c.State = MusterCancelled
		}
		if err := nobodyElse(ctx, tx, m.ID); err != nil {
			return err
		}
		audit.Note(tx, by.Did(kind, "muster", int64(m.ID)))
		if err := saveMuster(ctx, tx, &c.Muster); err != nil {
			return err
		}
		if err := s.tellHelpers(ctx, tx, by, c.Muster, kind, c.Coming); err != nil {
			return err
		}
	}
	return nil
}

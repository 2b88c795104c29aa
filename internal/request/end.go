package request

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// overText is why a promise ends that nobody has kept or given up, as its asker reads it.
const overText = "诉求已了结，约定随之结束"

// heldTogether is how many needs a night holds at one time to end what hangs on them: whoever moves one waits for the others.
const heldTogether = 5

// hangOn lets what hangs on r end, or go on, with r, which has made a move from a state.
func (s *Service) hangOn(ctx context.Context, tx *db.Tx, by org.Actor, from State, r Request) error {
	switch {
	case from.Open() && !r.State.Open():
		return endWith(ctx, tx, by, r)
	case !from.Open() && r.State.Open():
		_, err := s.goOnWith(ctx, tx, by, r)
		return err
	}
	return nil
}

// endWith ends what hangs on r, and on what was merged into it, now that r has ended: nobody is kept to a promise about it
// any more, and no helper is waited for (X25, F15).
func endWith(ctx context.Context, tx *db.Tx, by org.Actor, r Request) error {
	ids, err := goingOnAs(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := endPromises(ctx, tx, by, id, *r.ClosedAt); err != nil {
			return err
		}
		if err := endMuster(ctx, tx, by, id, *r.ClosedAt); err != nil {
			return err
		}
	}
	return nil
}

// endHanging ends what hangs open on needs, or on what they went on as, as it would have ended with them. What somebody has
// opened again meanwhile is left alone.
func endHanging(ctx context.Context, tx *db.Tx, needs []int64, _ time.Time) error {
	for _, id := range needs {
		r, err := holdGoingOn(ctx, tx, ID(id))
		if err != nil {
			return err
		}
		if r.State.Open() || r.State == Merged {
			continue
		}
		if err := endWith(ctx, tx, org.System, r.Request); err != nil {
			return err
		}
	}
	return nil
}

// goOnWith lets those promises go on that have ended with r, or with what is merged into it, now that r goes on itself, as
// long as their day has not passed, and returns them. Whoever is told that r goes on finds them again, and is reminded of
// them as before.
func (s *Service) goOnWith(ctx context.Context, tx *db.Tx, by org.Actor, r Request) (resumed []Promise, err error) {
	ids, err := goingOnAs(ctx, tx, r.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		all, err := holdPromises(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if err := p.unseal(s.keys); err != nil {
				return nil, err
			}
			if p.State != PromiseDropped || p.Why != overText || p.DueOn < calendar.DayOf(tx.Now) {
				continue
			}
			p.State, p.EndedAt, p.WhySealed = PromiseOpen, nil, nil
			p.dueBy(p.DueOn, s.cal, tx.Now, tx.Now)
			if err := savePromise(ctx, tx, s.keys, &p, ""); err != nil {
				return nil, err
			}
			audit.Note(tx, by.Did("promise.resumed", "promise", int64(p.ID)))
			if err := writePromise(ctx, tx, by, p, "promise_resumed", ""); err != nil {
				return nil, err
			}
			resumed = append(resumed, p)
		}
	}
	return resumed, nil
}

// endPromises ends at a moment, with the need they are about, promises that nobody has kept or given up.
func endPromises(ctx context.Context, tx *db.Tx, by org.Actor, id ID, at time.Time) error {
	all, err := holdPromises(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.State != PromiseOpen {
			continue
		}
		p.end(PromiseDropped, at)
		if err := savePromise(ctx, tx, sealed.Of(tx), &p, overText); err != nil {
			return err
		}
		audit.Note(tx, by.Did("promise.over", "promise", int64(p.ID)))
		if err := writePromise(ctx, tx, by, p, "promise_over", ""); err != nil {
			return err
		}
	}
	return nil
}

// endMuster thanks those who have come, and calls off who was to come, at the moment at which the need ended. Of what was over
// long before nobody hears any more.
func endMuster(ctx context.Context, tx *db.Tx, by org.Actor, id ID, at time.Time) error {
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
		c, err := called(ctx, tx, sealed.Of(tx), m)
		if err != nil {
			return err
		}
		kind := "muster.cancelled"
		if c.State == MusterStarted {
			kind = "muster.done"
		}
		if c.EndedAt = &at; c.State == MusterStarted {
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
		if m.longOver(at, tx.Now) {
			continue
		}
		if err := tellHelpers(ctx, tx, by, c.Muster, kind, c.Coming); err != nil {
			return err
		}
	}
	return nil
}

package request

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// category is that of r, by the rules that its clocks follow. Whoever changes a clock has learned the rules before.
func (s *Service) category(r Request) Category {
	return s.rules.book.Load().asOf(r.RulesAt).category(r)
}

// ruled makes r, opened at a unit with that path, follow the rules of now.
func (s *Service) ruled(r *Request, path string, now time.Time) {
	e := s.rules.book.Load().asOf(now)
	r.RulesAt, r.EmergencyID = e.at, e.emergency(r.Category, path)
}

// moveBy lets the clocks of r follow other rules from a moment on, and says whether one has moved: what was due by then
// stays, of the others what was used stays used (K15, K16). What has no time left is due at that moment, not before.
func (r *Request) moveBy(was, is Category, at time.Time) (moved bool) {
	from := at
	if r.WaitingSince != nil { // they stand still since then
		from = *r.WaitingSince
	}
	used, wanted := was.at(r.Level), is.at(r.Level)
	for _, clock := range []struct {
		due    **time.Time
		from   time.Time
		change time.Duration
		none   bool
	}{
		{&r.AcceptDueAt, at, time.Duration(wanted.Accept-used.Accept) * time.Minute, wanted.Accept == 0},
		{&r.UpdateDueAt, from, time.Duration(wanted.Update-used.Update) * time.Minute, wanted.Update == 0},
		{&r.SolveDueAt, from, time.Duration(wanted.Solve-used.Solve) * time.Minute, wanted.Solve == 0},
	} {
		old := *clock.due
		if old == nil || !old.After(clock.from) {
			continue
		}
		*clock.due = nil
		if !clock.none {
			left := max(was.cal.WorkingBetween(clock.from, *old)+clock.change, time.Millisecond)
			due := is.cal.After(clock.from, left)
			*clock.due = &due
		}
		moved = moved || *clock.due == nil || !old.Equal(**clock.due)
	}
	return moved
}

// follow lets r follow the rules by now, with a line in its history for each change that moved a clock.
func (s *Service) follow(r *Seen, book *rulebook, now time.Time) (lines []line) {
	for _, e := range book.between(r.RulesAt, now) {
		was := s.category(r.Request)
		since := e.at
		if r.RecordedAt.After(since) { // nothing was used before
			since = r.RecordedAt
		}
		used := was.minutesUsed(r.Request, since)
		r.RulesAt, r.EmergencyID = e.at, e.emergency(r.Category, r.UnitPath)
		is := s.category(r.Request)
		at := since
		if r.SteppedAt != nil && r.SteppedAt.After(at) { // whatever was done since then counted by the old ones, until it was done
			at = *r.SteppedAt
		}
		if r.moveBy(was, is, at) {
			lines = append(lines, line{move: moves[e.cause.Kind], from: &r.State, at: e.at})
		}
		is.keep(&r.Request, used, since)
	}
	return lines
}

// minutesUsed is how much of its time to be solved r has used by a moment; nil where it has no target.
func (c Category) minutesUsed(r Request, at time.Time) *time.Duration {
	if r.SolveDueAt == nil {
		return nil
	}
	if r.WaitingSince != nil {
		at = *r.WaitingSince
	}
	used := c.target(r) - c.cal.WorkingBetween(at, *r.SolveDueAt) + c.cal.WorkingBetween(*r.SolveDueAt, at)
	return &used
}

// keep makes what r has used at a moment the same by c.
func (c Category) keep(r *Request, used *time.Duration, at time.Time) {
	if used == nil || r.SolveDueAt == nil {
		return
	}
	if now := c.minutesUsed(*r, at); *now != *used {
		ms := (c.target(*r) + *used - *now).Milliseconds()
		r.SolveMS = &ms
	}
}

// FollowRules lets requests follow rules that have taken effect, and says whether there were any. Any number of nodes do
// so at one time: each request moves on the version that was read, once for each change.
func (s *Service) FollowRules(ctx context.Context) (some bool, err error) {
	book, err := s.rules.learn(ctx, s.db)
	if err != nil {
		return false, err
	}
	ids, err := behind(ctx, s.db, book.asOf(s.db.Now()).at)
	if err != nil {
		return false, err
	}
	return len(ids) > 0, db.Each(ctx, ids, func(id ID) error {
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			r, err := hold(ctx, tx, id)
			if err != nil {
				return err
			}
			return s.followed(ctx, tx, &r)
		})
		return db.Wrap(err, nil, "new rules for request %d", id)
	}, ErrIllegalTransition)
}

// followed stores r, which follows the rules of now then.
func (s *Service) followed(ctx context.Context, tx *db.Tx, r *Seen) error {
	book, err := s.rules.learn(ctx, tx)
	if err != nil {
		return err
	}
	before := r.RulesAt
	if !r.State.Open() || !book.asOf(tx.Now).at.After(before) {
		return nil
	}
	lines := s.follow(r, book, tx.Now)
	if err := saveRules(ctx, tx, &r.Request, len(lines) > 0); err != nil || len(lines) == 0 {
		return err
	}
	if err := s.rearm(ctx, tx, r.Request); err != nil {
		return err
	}
	for _, l := range lines {
		audit.Note(tx, org.System.Did("request."+l.move, "request", int64(r.ID)))
		if err := addStep(ctx, tx, s.keys, org.System, r.Request, l); err != nil {
			return err
		}
	}
	return nil
}

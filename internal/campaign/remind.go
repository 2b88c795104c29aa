package campaign

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// remindTime is when people are reminded, on open days (K19).
const remindTime = 8*time.Hour + 30*time.Minute

// A reminder is a copy whose end comes before the next reminders do.
type reminder struct {
	ID    CopyID    `db:"id"`
	DueAt time.Time `db:"due_at"`
}

// Remind reminds whoever has to do something by the next open day's half past eight, once for each end, and says whether there
// was anything to remind of. Any number of nodes may: of those that see a copy, one reminds.
func (s *Service) Remind(ctx context.Context, cal *calendar.Calendar) (bool, error) {
	now := s.db.Now()
	today := calendar.DayOf(now)
	from := today.Time().Add(remindTime)
	if now.Before(from) || !cal.Open(today) {
		return false, nil
	}
	next := today.Add(1)
	for !cal.Open(next) {
		next = next.Add(1)
	}
	all, err := toRemind(ctx, s.db, from, next.Time().Add(remindTime), now)
	if err != nil {
		return false, err
	}
	return len(all) > 0, db.Each(ctx, all, func(r reminder) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return remind(ctx, tx, r) })
	})
}

// remind tells who has r's copy in hand that it is due, unless they have been told, or are done.
func remind(ctx context.Context, tx *db.Tx, r reminder) error {
	taken, err := noteReminded(ctx, tx, r)
	if err != nil || !taken {
		return err
	}
	var c Copy
	if err := tx.Get(ctx, &c, copyColumns+` WHERE c.id = ?`, r.ID); err != nil {
		return db.Wrap(err, nil, "find copy %d to remind of", r.ID)
	}
	item := c.news("due", org.System)
	item.Args["count"] = 1
	item.Dedupe = eventKey("due", c.ID, r.DueAt.UnixMilli())
	return tellReceiver(ctx, tx, c, item)
}

// toRemind are copies handed out before from that are due after it and by until, and not over at now; of those that are done
// nobody is reminded.
func toRemind(ctx context.Context, q db.Queryer, from, until, now time.Time) (all []reminder, err error) {
	err = q.Select(ctx, &all, `
		SELECT id, due_at
		FROM task_copy
		WHERE live = 1 AND due_at > ? AND due_at <= ? AND due_at > ? AND created_at < ?
		  AND state IN (?, ?, ?) AND (reminded_of IS NULL OR reminded_of <> due_at)
		ORDER BY due_at, id
		LIMIT 100`, from, until, now, from, Open, Accepted, Returned)
	return all, db.Wrap(err, nil, "find tasks to remind of")
}

// noteReminded notes that somebody is reminded of a copy's end, unless that has moved, or it was done, or noted before.
func noteReminded(ctx context.Context, tx *db.Tx, r reminder) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE task_copy
		SET reminded_of = due_at
		WHERE id = ? AND due_at = ? AND state IN (?, ?, ?) AND (reminded_of IS NULL OR reminded_of <> due_at)`,
		r.ID, r.DueAt, Open, Accepted, Returned)
	return found > 0, db.Wrap(err, nil, "note the reminder of copy %d", r.ID)
}

package campaign

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// A Rhythm says how often a task comes again.
type Rhythm string

// The rhythms, all of them on the working calendar.
const (
	Daily   Rhythm = "daily"   // each open day
	Weekly  Rhythm = "weekly"  // the weekday it was due first, the open day before where that is closed
	Monthly Rhythm = "monthly" // the same of the day of the month
)

// A Repeat says that a task comes again until a day.
type Repeat struct {
	Rhythm Rhythm
	Until  calendar.Day // the last day it may be due
}

// longestRepeat is how many days ahead a task may be asked for: a year, so that somebody thinks of it again.
const longestRepeat = 366

// check says why a task that is due first at a moment cannot come again like r, or nil.
func (r Repeat) check(due *time.Time) error {
	if r.Rhythm == "" {
		return nil
	}
	if due == nil {
		return ErrRepeat.Field("/dueAt", ErrRepeat.Code)
	}
	if first := calendar.DayOf(*due); r.Until < first || r.Until > first.Add(longestRepeat) {
		return ErrRepeat.Field("/repeats/until", ErrRepeat.Code)
	}
	return nil
}

// A series is a task that comes again, as it is stored.
type series struct {
	TaskID TaskID       `db:"task_id"`
	Rhythm Rhythm       `db:"rhythm"`
	From   calendar.Day `db:"from_day"`
	Until  calendar.Day `db:"until_day"`
	Next   calendar.Day `db:"next_day"`
	Target string       `db:"target"`
}

// due is the first day from a day on that s is due; false when s is over by then.
func (s series) due(cal *calendar.Calendar, from calendar.Day) (day calendar.Day, more bool) {
	switch s.Rhythm {
	case Daily:
		for day = from; !cal.Open(day) && day <= s.Until; {
			day = day.Add(1)
		}
	case Weekly:
		for weeks := 1; day < from; weeks++ {
			day = cal.OpenOrBefore(s.From.Add(7 * weeks))
		}
	case Monthly:
		for months := 1; day < from; months++ {
			day = cal.OpenOrBefore(monthsLater(s.From, months))
		}
	}
	return day, day <= s.Until
}

// monthsLater is the same day n months later, the month's last one where it is shorter.
func monthsLater(d calendar.Day, n int) calendar.Day {
	t := d.Time().In(calendar.Shanghai)
	year, month, day := t.Date()
	last := time.Date(year, month+time.Month(n)+1, 0, 0, 0, 0, 0, calendar.Shanghai).Day()
	return calendar.DayOf(time.Date(year, month+time.Month(n), min(day, last), 0, 0, 0, 0, calendar.Shanghai))
}

// on is the moment of day at the hour of an earlier moment.
func on(day calendar.Day, hour time.Time) time.Time {
	return day.Time().Add(hour.Sub(calendar.DayOf(hour).Time()))
}

// Repeat opens the next copies of tasks that are due again, and says whether there were any; a job calls it. They
// open on the first open day after the last ones were due. Whoever was asked is looked up again, so that a new unit
// gets its copy; one that is gone gets none. What would be due already when a stopped program comes back is left out.
func (s *Service) Repeat(ctx context.Context, cal *calendar.Calendar) (some bool, err error) {
	today := calendar.DayOf(s.db.Now())
	if !cal.Open(today) {
		return false, nil
	}
	due, err := dueSeries(ctx, s.db, today)
	if err != nil {
		return false, err
	}
	return len(due) > 0, db.Each(ctx, due, func(r series) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return r.repeat(ctx, tx, cal) })
	})
}

// repeat opens the next copies of s, unless another node was faster.
func (s series) repeat(ctx context.Context, tx *db.Tx, cal *calendar.Calendar) error {
	t, err := taskByID(ctx, tx, s.TaskID)
	if err != nil {
		return err
	}
	from := calendar.DayOf(tx.Now)
	if !on(from, *t.DueAt).After(tx.Now) {
		from = from.Add(1)
	}
	day, more := s.due(cal, from)
	if more {
		more, err = running(ctx, tx, t)
	}
	if err != nil {
		return err
	}
	var next *calendar.Day
	if more {
		after := day.Add(1)
		next = &after
	}
	if found, err := advance(ctx, tx, s, next); err != nil || found == 0 || !more {
		return err
	}
	due := on(day, *t.DueAt)
	if err := saveDue(ctx, tx, t.ID, due); err != nil {
		return err
	}
	seats, err := s.seats(ctx, tx, t)
	if err != nil {
		return err
	}
	audit.Note(tx, org.System.Did("task.repeated", "task", int64(t.ID)))
	_, err = hand(ctx, tx, org.System, t.ID, seats, &due)
	return err
}

// seats are those who are asked again: nobody, when nobody is there any more.
func (s series) seats(ctx context.Context, tx *db.Tx, t Task) ([]seat, error) {
	var to Target
	if err := json.Unmarshal([]byte(s.Target), &to); err != nil {
		return nil, fmt.Errorf("read whom task %d is for: %w", t.ID, err)
	}
	by, err := t.asker(ctx, tx)
	if err != nil {
		return nil, err
	}
	seats, err := findSeats(ctx, tx, by, to)
	if p := new(problem.Problem); errors.As(err, &p) {
		return nil, nil
	}
	return seats, err
}

// asker is the role in the unit that asks, whoever has it today.
func (t Task) asker(ctx context.Context, q db.Queryer) (by org.Actor, err error) {
	day := calendar.DayOf(db.NowOf(q))
	by.Role = t.Role
	if by.Unit, err = org.UnitByID(ctx, q, t.UnitID); err != nil {
		return by, err
	}
	by.Grid, by.Party = by.Unit, by.Unit
	if by.Unit.Tree == org.PartyTree {
		by.Grid, err = org.LinkedGrid(ctx, q, by.Unit.ID, day)
	} else {
		by.Party, err = org.LinkedParty(ctx, q, by.Unit.ID, day)
	}
	return by, err
}

// running says whether the campaign of t still runs; a task without one always does.
func running(ctx context.Context, q db.Queryer, t Task) (bool, error) {
	if t.CampaignID == nil {
		return true, nil
	}
	var state State
	err := q.Get(ctx, &state, `SELECT state FROM campaign WHERE id = ?`, *t.CampaignID)
	return state == Running, db.Wrap(err, nil, "read the state of campaign %d", *t.CampaignID)
}

func insertSeries(ctx context.Context, tx *db.Tx, id TaskID, n NewTask) error {
	target, err := json.Marshal(n.Target)
	if err != nil {
		return fmt.Errorf("write whom a task is for: %w", err)
	}
	first := calendar.DayOf(*n.DueAt)
	_, err = tx.Insert(ctx, `
		INSERT INTO task_repeat (task_id, rhythm, from_day, until_day, next_day, target)
		VALUES (?, ?, ?, ?, ?, ?)`, id, n.Repeat.Rhythm, first, n.Repeat.Until, first.Add(1), string(target))
	return db.Wrap(err, nil, "let task %d come again", id)
}

// dueSeries are up to 100 tasks that are due again.
func dueSeries(ctx context.Context, q db.Queryer, today calendar.Day) (due []series, err error) {
	err = q.Select(ctx, &due, `
		SELECT task_id, rhythm, from_day, until_day, next_day, target
		FROM task_repeat
		WHERE next_day <= ?
		ORDER BY next_day, id
		LIMIT 100`, today)
	return due, db.Wrap(err, nil, "find tasks that come again")
}

// repeatOf is how a task comes again; the zero Repeat if it does not, or not any more.
func repeatOf(ctx context.Context, q db.Queryer, id TaskID) (r Repeat, err error) {
	var s series
	err = q.Get(ctx, &s, `
		SELECT task_id, rhythm, from_day, until_day, next_day, target
		FROM task_repeat
		WHERE task_id = ? AND next_day IS NOT NULL`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return Repeat{}, nil
	}
	return Repeat{Rhythm: s.Rhythm, Until: s.Until}, db.Wrap(err, nil, "find how task %d comes again", id)
}

// advance says from when on s may open again; nil: never. 0 when somebody else has opened it.
func advance(ctx context.Context, tx *db.Tx, s series, next *calendar.Day) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE task_repeat
		SET next_day = ?
		WHERE task_id = ? AND next_day = ?`, next, s.TaskID, s.Next)
	return found, db.Wrap(err, nil, "go on with task %d", s.TaskID)
}

// stop ends the coming again of a task, and says whether it would have.
func stop(ctx context.Context, tx *db.Tx, id TaskID) (would bool, err error) {
	found, err := tx.Change(ctx, `UPDATE task_repeat SET next_day = NULL WHERE task_id = ? AND next_day IS NOT NULL`, id)
	return found > 0, db.Wrap(err, nil, "let task %d come no more", id)
}

func saveDue(ctx context.Context, tx *db.Tx, id TaskID, due time.Time) error {
	_, err := tx.Change(ctx, `UPDATE task SET due_at = ? WHERE id = ?`, due, id)
	return db.Wrap(err, nil, "set when task %d is due", id)
}

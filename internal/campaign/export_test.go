package campaign

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// ChangesOf is what by sees of the two newest reports of a copy.
func ChangesOf(ctx context.Context, q db.Queryer, by org.Actor, id CopyID) ([]Change, error) {
	c, t, err := findCopy(ctx, q, by, id)
	if err != nil {
		return nil, err
	}
	history, err := steps(ctx, q, c.ID)
	if err != nil {
		return nil, err
	}
	all, err := changesOf(history, t.Checklist)
	if len(all) == 0 {
		return nil, err
	}
	return all, err
}

// Due is the first day from a day on that a task which was due first on first comes again.
func Due(cal *calendar.Calendar, r Repeat, first, from calendar.Day) (calendar.Day, bool) {
	return series{Rhythm: r.Rhythm, From: first, Until: r.Until}.due(cal, from)
}

// ProgressOf is how far a task has come.
var ProgressOf = progress

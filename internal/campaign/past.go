package campaign

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A Past is a campaign that is over, with one task that everybody has reported on.
type Past struct {
	Title, Body string
	Stages      []Stage
	Task        NewTask // for the units below one
	Begun       time.Time
	Report      func(n int) (text string, at time.Time) // of the n-th copy
	Closed      time.Time
}

// Recount writes down a campaign of by's that is over, for the seed: each act at its own time and under the rules of
// who may. It tells nobody, since nothing is left to do.
func Recount(ctx context.Context, tx *db.Tx, by org.Actor, p Past) (ID, error) {
	tx.Now = p.Begun
	id, err := insertCampaign(ctx, tx, by, p.Title, p.Body, p.Stages)
	if err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("campaign.planned", "campaign", int64(id)))
	if err := take(ctx, tx, by, id, Running, "started", begin); err != nil {
		return 0, err
	}
	p.Task.Campaign = id
	t := Task{UnitID: by.Unit.ID, Role: by.Role}
	if t.ID, err = insertTask(ctx, tx, by, p.Task); err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("task.created", "task", int64(t.ID)))
	below, err := reachable(ctx, tx, by, p.Task.Target.Below)
	if err != nil {
		return 0, err
	}
	seats, err := seatsBelow(ctx, tx, below, p.Task.Target.Kinds, calendar.DayOf(tx.Now))
	if err != nil {
		return 0, err
	}
	copies := make([]Copy, len(seats))
	for i, s := range seats {
		copies[i] = Copy{UnitID: s.unit, Role: s.role, State: Open, Version: 1}
		if copies[i].ID, err = insertCopy(ctx, tx, t.ID, s, p.Task.DueAt); err != nil {
			return 0, err
		}
	}
	for i := range copies {
		text, at := p.Report(i)
		if err := copies[i].recount(ctx, tx, by, t, text, at); err != nil {
			return 0, err
		}
	}
	tx.Now = p.Closed
	return id, take(ctx, tx, by, id, Closed, "closed", freeze)
}

// recount is what became of c: its receiver took it on two days before reporting at a moment, and the day after the
// result was what was asked for.
func (c *Copy) recount(ctx context.Context, tx *db.Tx, asker org.Actor, t Task, text string, reported time.Time) error {
	in, err := org.PersonsIn(ctx, tx, c.UnitID, c.Role, calendar.DayOf(tx.Now))
	if err != nil || len(in) == 0 {
		return err // a gap: nobody has reported
	}
	lead, err := org.ActorOf(ctx, tx, in[0].Person, in[0].Assignment, tx.Now)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		by    org.Actor
		at    time.Time
		event string
		move  move
	}{
		{lead, reported.AddDate(0, 0, -2), "accepted", move{to: Accepted}},
		{lead, reported, "reported", move{to: Reported, report: text}},
		{asker, reported.AddDate(0, 0, 1), "done", move{to: Done}},
	} {
		may := c.canAnswer(step.by, step.move.to)
		if step.move.to == Done {
			may = t.canJudge(step.by, *c, step.move.to)
		}
		if may != nil {
			return may
		}
		tx.Now = step.at
		if err := saveMove(ctx, tx, step.by, c, step.move); err != nil {
			return err
		}
		audit.Note(tx, step.by.Did("task."+step.event, "task_copy", int64(c.ID)))
	}
	return nil
}

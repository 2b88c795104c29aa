package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const taskColumns = `
	SELECT t.id, t.campaign_id, t.stage_id, t.title, t.body, t.checklist, t.minutes, t.evidence, t.due_at, t.unit_id,
	       u.name AS unit_name, u.tree AS unit_tree, u.path AS unit_path, t.role, t.created_by, t.assignment_id, t.created_at,
	       t.over_reason
	FROM task t
	JOIN unit u ON u.id = t.unit_id`

// taskByID returns a task, whoever asks: who may see it depends on its copies, too.
func taskByID(ctx context.Context, q db.Queryer, id TaskID) (t Task, err error) {
	if err = q.Get(ctx, &t, taskColumns+` WHERE t.id = ?`, id); err != nil {
		return Task{}, db.Wrap(err, problem.ErrNotFound, "find task %d", id)
	}
	return t, t.read()
}

func (t *Task) read() error {
	if err := json.Unmarshal([]byte(t.Items), &t.Checklist); err != nil {
		return fmt.Errorf("read the checklist of task %d: %w", t.ID, err)
	}
	return nil
}

const copyColumns = `
	SELECT c.id, c.task_id, c.unit_id, u.name AS unit_name, c.role, c.person_id, c.state, c.due_at, c.report, c.evidence, c.ticks,
	       c.reason, c.reported_at, c.created_at, c.version
	FROM task_copy c
	JOIN unit u ON u.id = c.unit_id`

func (c *Copy) read() error {
	if c.TickText == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(c.TickText), &c.Ticks); err != nil {
		return fmt.Errorf("read the ticks of copy %d: %w", c.ID, err)
	}
	return nil
}

// findCopy returns a copy and its task if by is its receiver, or oversees who asks; else it is not found.
func findCopy(ctx context.Context, q db.Queryer, by org.Actor, id CopyID) (c Copy, t Task, err error) {
	if err = q.Get(ctx, &c, copyColumns+` WHERE c.id = ?`, id); err != nil {
		return Copy{}, Task{}, db.Wrap(err, problem.ErrNotFound, "find copy %d of a task", id)
	}
	if t, err = taskByID(ctx, q, c.TaskID); err != nil {
		return Copy{}, Task{}, err
	}
	if !c.isFor(by) && !t.overseenBy(by) {
		return Copy{}, Task{}, problem.ErrNotFound
	}
	return c, t, c.read()
}

// FindTask returns a task, and the copies of it that are in by's hands. Who neither has one nor oversees who asks does
// not find it.
func FindTask(ctx context.Context, q db.Queryer, by org.Actor, id TaskID) (t Task, own []Copy, err error) {
	if t, err = taskByID(ctx, q, id); err != nil {
		return Task{}, nil, err
	}
	err = q.Select(ctx, &own, copyColumns+`
		WHERE c.task_id = ? AND c.unit_id = ? AND c.role = ? AND (c.person_id IS NULL OR c.person_id = ?)
		ORDER BY c.id`, id, by.Unit.ID, by.Role, by.PersonID)
	switch {
	case err != nil:
		return Task{}, nil, db.Wrap(err, nil, "find own copies of task %d", id)
	case len(own) == 0 && !t.overseenBy(by):
		return Task{}, nil, problem.ErrNotFound
	}
	for i := range own {
		if err := own[i].read(); err != nil {
			return Task{}, nil, err
		}
	}
	return t, own, nil
}

// A Mine is a copy on the list of its receiver.
type Mine struct {
	ID         CopyID     `db:"id"`
	TaskID     TaskID     `db:"task_id"`
	CampaignID *ID        `db:"campaign_id"`
	Title      string     `db:"title"`
	State      State      `db:"state"`
	DueAt      *time.Time `db:"due_at"`
	Minutes    int        `db:"minutes"`
	FromUnit   string     `db:"from_unit"`
	CreatedAt  time.Time  `db:"created_at"`
}

// window is how far back lists of closed things go (storage.md §7).
const window = 31 * 24 * time.Hour

// ListMine is the copies in by's hands, newest first: those with something to do, or the closed ones of the last 31 days.
// One statement along one index, since it is what every phone asks for first.
func ListMine(ctx context.Context, q db.Queryer, by org.Actor, live bool, now time.Time, p page.Page) (all []Mine, err error) {
	since := now.Add(-window)
	if live {
		since = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // what is open stays, however old
	}
	err = q.Select(ctx, &all, `
		SELECT c.id, c.task_id, t.campaign_id, t.title, c.state, c.due_at, t.minutes, u.name AS from_unit, c.created_at
		FROM task_copy c
		JOIN task t ON t.id = c.task_id
		JOIN unit u ON u.id = t.unit_id
		WHERE c.unit_id = ? AND c.role = ? AND c.live = ?
		  AND (c.person_id IS NULL OR c.person_id = ?)
		  AND c.created_at >= ? AND c.created_at <= ? AND (c.created_at < ? OR c.id < ?)
		ORDER BY c.created_at DESC, c.id DESC
		LIMIT ?`,
		by.Unit.ID, by.Role, live, by.PersonID, since, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list tasks of unit %d", by.Unit.ID)
}

// An Asked is a task on the list of who asks.
type Asked struct {
	ID         TaskID     `db:"id"`
	CampaignID *ID        `db:"campaign_id"`
	Title      string     `db:"title"`
	DueAt      *time.Time `db:"due_at"`
	Minutes    int        `db:"minutes"`
	FromUnit   string     `db:"from_unit"`
	CreatedAt  time.Time  `db:"created_at"`
	Copies     int        `db:"copies"`
	Finished   int        `db:"finished"` // copies with nothing left to do
}

// expected is the condition that copy c is for nobody who has asked to be expected no duty: they are in no denominator (E6).
const expected = `NOT EXISTS (SELECT 1 FROM duty_exemption e WHERE e.person_id = c.person_id)`

const askedColumns = `
	SELECT t.id, t.campaign_id, t.title, t.due_at, t.minutes, u.name AS from_unit, t.created_at,
	       (SELECT COUNT(*) FROM task_copy c WHERE c.task_id = t.id AND ` + expected + `) AS copies,
	       (SELECT COUNT(*) FROM task_copy c WHERE c.task_id = t.id AND c.live = 0 AND ` + expected + `) AS finished
	FROM task t
	JOIN unit u ON u.id = t.unit_id`

// ListAsked is the tasks of the last 31 days that by's unit has asked for, newest first.
func ListAsked(ctx context.Context, q db.Queryer, by org.Actor, now time.Time, p page.Page) (all []Asked, err error) {
	err = q.Select(ctx, &all, askedColumns+`
		WHERE t.unit_id = ? AND t.created_at >= ? AND t.created_at <= ? AND (t.created_at < ? OR t.id < ?)
		ORDER BY t.created_at DESC, t.id DESC
		LIMIT ?`, by.Unit.ID, now.Add(-window), p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list what unit %d has asked", by.Unit.ID)
}

// ListBelow is the tasks of the last 31 days that by's unit or one below it has asked for, newest first.
func ListBelow(ctx context.Context, q db.Queryer, by org.Actor, now time.Time, p page.Page) (all []Asked, err error) {
	if !slices.Contains(overseers, by.Role) {
		return nil, nil
	}
	partyFrom, partyTo := by.PartyScope()
	gridFrom, gridTo := by.Scope()
	scope := `((u.path >= ? AND u.path < ?) OR (u.path >= ? AND u.path < ?))`
	if by.Wide() { // walk the time instead of the units: a scalar subquery is no join
		scope = `(SELECT COUNT(*) FROM unit s
		          WHERE s.id = t.unit_id AND ((s.path >= ? AND s.path < ?) OR (s.path >= ? AND s.path < ?))) > 0`
	}
	err = q.Select(ctx, &all, askedColumns+`
		WHERE `+scope+` AND t.created_at >= ? AND t.created_at <= ? AND (t.created_at < ? OR t.id < ?)
		ORDER BY t.created_at DESC, t.id DESC
		LIMIT ?`, partyFrom, partyTo, gridFrom, gridTo, now.Add(-window), p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list what was asked below unit %d", by.Unit.ID)
}

// listCopies is the copies of a task, newest first, of one state where one is given.
func listCopies(ctx context.Context, q db.Queryer, id TaskID, state State, p page.Page) (all []Copy, err error) {
	query, args := copyColumns+` WHERE c.task_id = ? AND c.id < ?`, []any{id, p.ID}
	if state != "" {
		query, args = query+` AND c.state = ?`, append(args, state)
	}
	if err := q.Select(ctx, &all, query+` ORDER BY c.id DESC LIMIT ?`, append(args, p.Limit())...); err != nil {
		return nil, db.Wrap(err, nil, "list the copies of task %d", id)
	}
	for i := range all {
		if err := all[i].read(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// progress counts the copies of a task by state, and names the units that lack a report (X28).
func progress(ctx context.Context, q db.Queryer, id TaskID) (p Progress, err error) {
	var rows []struct {
		State State `db:"state"`
		N     int   `db:"n"`
	}
	if err := q.Select(ctx, &rows, `
		SELECT c.state, COUNT(*) AS n
		FROM task_copy c
		WHERE c.task_id = ? AND `+expected+`
		GROUP BY c.state`, id); err != nil {
		return Progress{}, db.Wrap(err, nil, "count the copies of task %d", id)
	}
	p.States = map[State]int{}
	for _, r := range rows {
		p.States[r.State] = r.N
		p.Total += r.N
	}
	err = q.Select(ctx, &p.Lacking, lackColumns+`
		WHERE c.task_id = ? AND c.state IN ('open', 'accepted', 'returned', 'declined') AND `+expected+`
		ORDER BY c.id`, id)
	return p, db.Wrap(err, nil, "find who lacks a report on task %d", id)
}

const lackColumns = `
	SELECT c.unit_id, u.name AS unit_name, c.task_id, t.title, c.state
	FROM task_copy c
	JOIN task t ON t.id = c.task_id
	JOIN unit u ON u.id = c.unit_id`

// A Step is what somebody did with a copy.
type Step struct {
	State      State            `db:"state"`
	Note       string           `db:"note"`
	TickText   string           `db:"ticks"`
	Evidence   string           `db:"evidence"`
	PersonID   org.PersonID     `db:"person_id"`
	Assignment org.AssignmentID `db:"assignment_id"`
	At         time.Time        `db:"at"`
}

// steps is the history of a copy, oldest first: each report stands beside the one before it, so that both can be compared.
func steps(ctx context.Context, q db.Queryer, id CopyID) (all []Step, err error) {
	err = q.Select(ctx, &all, `
		SELECT state, note, ticks, evidence, person_id, assignment_id, at FROM task_step WHERE copy_id = ? ORDER BY id`, id)
	return all, db.Wrap(err, nil, "read the history of copy %d", id)
}

func insertTask(ctx context.Context, tx *db.Tx, by org.Actor, n NewTask) (TaskID, error) {
	items, err := json.Marshal(append([]string{}, n.Checklist...))
	if err != nil {
		return 0, fmt.Errorf("write a checklist: %w", err)
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO task (campaign_id, stage_id, title, body, checklist, minutes, evidence, due_at, unit_id, role, created_by,
		                  assignment_id, created_at, over_reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		orNull(n.Campaign), orNull(n.Stage), n.Title, n.Body, string(items), n.Minutes, n.Evidence, n.DueAt, by.Unit.ID, by.Role,
		by.PersonID, by.Assignment, tx.Now, n.OverReason)
	return TaskID(id), db.Wrap(err, nil, "ask for a task")
}

func insertCopy(ctx context.Context, tx *db.Tx, t TaskID, s seat, due *time.Time) (CopyID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO task_copy (task_id, unit_id, role, person_id, state, live, due_at, report, evidence, ticks, reason, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', '', ?)`, t, s.unit, s.role, orNull(s.person), Open, true, due, tx.Now)
	return CopyID(id), db.Wrap(err, nil, "give unit %d its copy of task %d", s.unit, t)
}

// A move is what happens to a copy.
type move struct {
	to       State
	report   string
	evidence string
	ticks    []int
	reason   string
}

// saveMove takes c on, unless somebody else has done so meanwhile, and notes the step.
func saveMove(ctx context.Context, tx *db.Tx, by org.Actor, c *Copy, m move) error {
	ticks, note, evidence := c.TickText, m.reason, ""
	reported := c.ReportedAt
	if m.to == Reported {
		b, err := json.Marshal(append([]int{}, m.ticks...))
		if err != nil {
			return fmt.Errorf("write ticks: %w", err)
		}
		ticks, note, evidence, reported = string(b), m.report, m.evidence, &tx.Now
		c.Report, c.Evidence, c.Ticks = m.report, m.evidence, m.ticks
	}
	found, err := tx.Change(ctx, `
		UPDATE task_copy
		SET state = ?, live = ?, report = ?, evidence = ?, ticks = ?, reason = ?, reported_at = ?, version = version + 1
		WHERE id = ? AND state = ? AND version = ?`,
		m.to, m.to.live(), c.Report, c.Evidence, ticks, m.reason, reported, c.ID, c.State, c.Version)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "take copy %d to %s", c.ID, m.to)
	case found == 0:
		return changed(ctx, tx, c.ID)
	}
	_, err = tx.Insert(ctx, `
		INSERT INTO task_step (copy_id, state, note, ticks, evidence, person_id, assignment_id, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, m.to, note, ticks, evidence, by.PersonID, by.Assignment, tx.Now)
	c.State, c.TickText, c.Reason, c.ReportedAt, c.Version = m.to, ticks, m.reason, reported, c.Version+1
	return db.Wrap(err, nil, "note what became of copy %d", c.ID)
}

// changed is the refusal of whoever came second, with the state that the first has left.
func changed(ctx context.Context, tx *db.Tx, id CopyID) error {
	var now State
	if err := tx.Get(ctx, &now, `SELECT state FROM task_copy WHERE id = ?`, id); err != nil {
		return db.Wrap(err, problem.ErrNotFound, "read the state of copy %d", id)
	}
	return ErrIllegalTransition.With("state", string(now))
}

// openCopies are the copies of a task that can still be called off.
func openCopies(ctx context.Context, tx *db.Tx, id TaskID) (all []Copy, err error) {
	err = tx.Select(ctx, &all, copyColumns+` WHERE c.task_id = ? AND c.state IN ('open', 'accepted') ORDER BY c.id`, id)
	return all, db.Wrap(err, nil, "find the open copies of task %d", id)
}

// seatsBelow are the leads of every unit of the given kinds below u. A grid unit is reached through the party unit
// that answers for it.
func seatsBelow(ctx context.Context, q db.Queryer, u org.Unit, kinds []org.UnitKind, day calendar.Day) (seats []seat, err error) {
	query, args, err := db.In(`
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level,
		       p.id AS party_id, p.kind AS party_kind, p.name AS party_name, p.level AS party_level
		FROM unit u
		LEFT JOIN unit_link l ON l.grid_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		LEFT JOIN unit p ON p.id = l.party_id
		WHERE u.path > ? AND u.path < ? AND u.kind IN (?) AND (u.valid_to IS NULL OR u.valid_to > ?)
		ORDER BY u.id
		LIMIT ?`, day, day, u.Path, u.Path[:len(u.Path)-1]+"0", kinds, day, maxCopies+1)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		org.Unit
		PartyID    *org.UnitID   `db:"party_id"`
		PartyKind  *org.UnitKind `db:"party_kind"`
		PartyName  *string       `db:"party_name"`
		PartyLevel *int          `db:"party_level"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the units below %d", u.ID)
	}
	if len(rows) > maxCopies {
		return nil, ErrTooMany
	}
	for _, r := range rows {
		to := r.Unit
		if to.Tree == org.GridTree && to.Kind != org.Section {
			if r.PartyID == nil {
				continue // a gap: nobody answers for it, and nobody could report
			}
			to = org.Unit{ID: *r.PartyID, Kind: *r.PartyKind, Name: *r.PartyName, Level: *r.PartyLevel, Tree: org.PartyTree}
		}
		role := org.LeadRole(to)
		if to.Kind == org.GeneralBranch { // a community's or an office's: their leads have different roles
			in, err := org.LeadOf(ctx, q, to, day)
			if err != nil {
				return nil, err
			}
			if len(in) > 0 {
				role = in[0].Role
			}
		}
		if role != "" {
			seats = append(seats, seat{unit: to.ID, name: to.Name, role: role})
		}
	}
	return seats, nil
}

// orNull is NULL for the id that nothing has.
func orNull[T ~int64](id T) any {
	if id == 0 {
		return nil
	}
	return id
}

package campaign

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// A Campaign groups tasks. Its stages may overlap and none waits for another (G12).
type Campaign struct {
	ID        ID         `db:"id"`
	Title     string     `db:"title"`
	Body      string     `db:"body"`
	State     State      `db:"state"`
	UnitID    org.UnitID `db:"unit_id"`
	UnitName  string     `db:"unit_name"`
	UnitTree  org.Tree   `db:"unit_tree"`
	UnitPath  string     `db:"unit_path"`
	Role      org.Role   `db:"role"`
	CreatedAt time.Time  `db:"created_at"`
	StartedAt *time.Time `db:"started_at"`
	ClosedAt  *time.Time `db:"closed_at"`
	Frozen    *string    `db:"coverage"`
	Version   int64      `db:"version"`
	Stages    []Stage    `db:"-"`
	Coverage  Coverage   `db:"-"`
}

// A Stage is a part of a campaign, with its days.
type Stage struct {
	ID      StageID      `db:"id"`
	Name    string       `db:"name"`
	FromDay calendar.Day `db:"from_day"`
	ToDay   calendar.Day `db:"to_day"`
}

// A Coverage says how many copies a campaign's tasks have, how many were reported, and which units lack what.
type Coverage struct {
	Copies   int    `json:"copies"`
	Reported int    `json:"reported"`
	Lacking  []Lack `json:"lacking"`
}

// campaigners are the roles that run campaigns.
var campaigners = []org.Role{org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RolePartyOffice}

func (c Campaign) overseenBy(by org.Actor) bool {
	return slices.Contains(overseers, by.Role) && by.Sees(org.Unit{Tree: c.UnitTree, Path: c.UnitPath})
}

// canRun says why by cannot take c to next, or nil.
func (c Campaign) canRun(by org.Actor, next State) error {
	if guard.On(guard.Rule) && (c.UnitID != by.Unit.ID || c.Role != by.Role) {
		return problem.ErrForbidden
	}
	return c.State.canBecome(next)
}

// Plan writes a campaign down, as a draft.
func (s *Service) Plan(ctx context.Context, by org.Actor, title, body string, stages []Stage) (id ID, err error) {
	for _, t := range []struct{ pointer, text string }{{"/title", title}, {"/body", body}} {
		if err := privacy.CheckText(t.pointer, t.text); err != nil {
			return 0, err
		}
	}
	for _, st := range stages {
		if st.ToDay < st.FromDay {
			return 0, ErrStage
		}
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &id, func(tx *db.Tx) error {
		if guard.On(guard.Rule) && !slices.Contains(campaigners, by.Role) {
			return problem.ErrForbidden
		}
		if id, err = insertCampaign(ctx, tx, by, title, body, stages); err != nil {
			return err
		}
		audit.Note(tx, by.Did("campaign.planned", "campaign", int64(id)))
		return nil
	})
	return id, err
}

func insertCampaign(ctx context.Context, tx *db.Tx, by org.Actor, title, body string, stages []Stage) (ID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO campaign (title, body, state, unit_id, role, created_by, assignment_id, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, title, body, Draft, by.Unit.ID, by.Role, by.PersonID, by.Assignment, tx.Now)
	if err != nil {
		return 0, db.Wrap(err, nil, "plan a campaign")
	}
	for _, st := range stages {
		_, err := tx.Insert(ctx, `INSERT INTO campaign_stage (campaign_id, name, from_day, to_day) VALUES (?, ?, ?, ?)`,
			id, st.Name, st.FromDay, st.ToDay)
		if err != nil {
			return 0, db.Wrap(err, nil, "plan a stage of campaign %d", id)
		}
	}
	return ID(id), nil
}

// Start opens a campaign for tasks.
func (s *Service) Start(ctx context.Context, by org.Actor, id ID) error {
	return s.run(ctx, by, id, Running, "started", begin)
}

func begin(ctx context.Context, tx *db.Tx, c Campaign) (found int64, err error) {
	return tx.Change(ctx, `UPDATE campaign SET state = ?, started_at = ?, version = version + 1 WHERE id = ? AND state = ?`,
		Running, tx.Now, c.ID, c.State)
}

// Close ends a campaign, and freezes what its coverage is at this moment.
func (s *Service) Close(ctx context.Context, by org.Actor, id ID) error {
	return s.run(ctx, by, id, Closed, "closed", freeze)
}

func freeze(ctx context.Context, tx *db.Tx, c Campaign) (found int64, err error) {
	live, err := coverage(ctx, tx, c.ID)
	if err != nil {
		return 0, err
	}
	frozen, err := json.Marshal(live)
	if err != nil {
		return 0, fmt.Errorf("write the coverage of campaign %d: %w", c.ID, err)
	}
	return tx.Change(ctx, `
		UPDATE campaign SET state = ?, closed_at = ?, coverage = ?, version = version + 1 WHERE id = ? AND state = ?`,
		Closed, tx.Now, string(frozen), c.ID, c.State)
}

func (s *Service) run(ctx context.Context, by org.Actor, id ID, to State, event string,
	save func(ctx context.Context, tx *db.Tx, c Campaign) (found int64, err error),
) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		return take(ctx, tx, by, id, to, event, save)
	})
}

// take carries a campaign to its next state.
func take(ctx context.Context, tx *db.Tx, by org.Actor, id ID, to State, event string,
	save func(ctx context.Context, tx *db.Tx, c Campaign) (found int64, err error),
) error {
	c, err := findCampaign(ctx, tx, by, id)
	if err != nil {
		return err
	}
	if err := c.canRun(by, to); err != nil {
		return err
	}
	found, err := save(ctx, tx, c)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "take campaign %d to %s", id, to)
	case found == 0: // somebody was faster
		return ErrIllegalTransition.With("state", string(to))
	}
	audit.Note(tx, by.Did("campaign."+event, "campaign", int64(id)))
	return nil
}

const campaignColumns = `
	SELECT c.id, c.title, c.body, c.state, c.unit_id, u.name AS unit_name, u.tree AS unit_tree, u.path AS unit_path, c.role,
	       c.created_at, c.started_at, c.closed_at, c.coverage, c.version
	FROM campaign c
	JOIN unit u ON u.id = c.unit_id`

// findCampaign returns a campaign of by's unit or of one below it; another is not found.
func findCampaign(ctx context.Context, q db.Queryer, by org.Actor, id ID) (c Campaign, err error) {
	err = q.Get(ctx, &c, campaignColumns+` WHERE c.id = ?`, id)
	if err == nil && !c.overseenBy(by) {
		return Campaign{}, problem.ErrNotFound
	}
	return c, db.Wrap(err, problem.ErrNotFound, "find campaign %d", id)
}

// inCampaign says why by can ask for no task in a campaign and stage, or nil. Stages are not asked for their days: a later
// one may begin before an earlier one ends.
func inCampaign(ctx context.Context, tx *db.Tx, by org.Actor, id ID, stage StageID) error {
	c, err := findCampaign(ctx, tx, by, id)
	switch {
	case err != nil:
		return err
	case guard.On(guard.Rule) && c.UnitID != by.Unit.ID:
		return problem.ErrForbidden
	case c.State != Running:
		return ErrIllegalTransition.With("state", string(c.State))
	case stage == 0:
		return nil
	}
	var found StageID
	err = tx.Get(ctx, &found, `SELECT id FROM campaign_stage WHERE id = ? AND campaign_id = ?`, stage, id)
	return db.Wrap(err, ErrStage, "find stage %d", stage)
}

// GetCampaign returns a campaign with its stages and its coverage: live, or as it was when it was closed.
func GetCampaign(ctx context.Context, q db.Queryer, by org.Actor, id ID) (c Campaign, err error) {
	if c, err = findCampaign(ctx, q, by, id); err != nil {
		return Campaign{}, err
	}
	err = q.Select(ctx, &c.Stages, `SELECT id, name, from_day, to_day FROM campaign_stage WHERE campaign_id = ? ORDER BY id`, id)
	if err != nil {
		return Campaign{}, db.Wrap(err, nil, "read the stages of campaign %d", id)
	}
	if c.Frozen == nil {
		c.Coverage, err = coverage(ctx, q, id)
		return c, err
	}
	if err := json.Unmarshal([]byte(*c.Frozen), &c.Coverage); err != nil {
		return Campaign{}, fmt.Errorf("read the coverage of campaign %d: %w", id, err)
	}
	return c, nil
}

func coverage(ctx context.Context, q db.Queryer, id ID) (v Coverage, err error) {
	var n struct {
		Copies   int `db:"copies"`
		Reported int `db:"reported"`
	}
	err = q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*) FROM task_copy c JOIN task t ON t.id = c.task_id
		        WHERE t.campaign_id = ? AND c.state <> 'cancelled' AND `+expected+`) AS copies,
		       (SELECT COUNT(*) FROM task_copy c JOIN task t ON t.id = c.task_id
		        WHERE t.campaign_id = ? AND c.state IN ('reported', 'done') AND `+expected+`) AS reported`,
		id, id)
	if err != nil {
		return Coverage{}, db.Wrap(err, nil, "count the copies of campaign %d", id)
	}
	v = Coverage{Copies: n.Copies, Reported: n.Reported, Lacking: []Lack{}}
	err = q.Select(ctx, &v.Lacking, lackColumns+`
		WHERE t.campaign_id = ? AND c.state IN ('open', 'accepted', 'returned', 'declined') AND `+expected+`
		ORDER BY u.path, c.id`, id)
	return v, db.Wrap(err, nil, "find what units lack in campaign %d", id)
}

// ListCampaigns is the campaigns of by's unit and those below it, newest first.
func ListCampaigns(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Campaign, err error) {
	from, to := by.PartyScope()
	if !slices.Contains(overseers, by.Role) {
		from, to = "", ""
	}
	scope := `u.path >= ? AND u.path < ?`
	if by.Wide() {
		scope = `(SELECT COUNT(*) FROM unit s WHERE s.id = c.unit_id AND s.path >= ? AND s.path < ?) > 0`
	}
	err = q.Select(ctx, &all, campaignColumns+`
		WHERE `+scope+` AND c.created_at <= ? AND (c.created_at < ? OR c.id < ?)
		ORDER BY c.created_at DESC, c.id DESC
		LIMIT ?`, from, to, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list campaigns")
}

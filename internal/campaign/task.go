// Package campaign keeps what one is asked to do, and by whom: tasks to a person, to a role in a unit or to every unit
// below, and the campaigns that group them and show which units lack what.
package campaign

import (
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// Identifiers, a type each.
type (
	// ID names a campaign.
	ID int64
	// StageID names a stage of one.
	StageID int64
	// TaskID names what is asked.
	TaskID int64
	// CopyID names what one receiver is asked.
	CopyID int64
)

// What tasks and campaigns refuse.
var (
	ErrIllegalTransition = problem.New(problem.Conflict, "campaign.illegal_transition")
	ErrTarget            = problem.New(problem.Invalid, "campaign.target_invalid")
	ErrNobody            = problem.New(problem.Invalid, "campaign.nobody_below")
	ErrTooMany           = problem.New(problem.Invalid, "campaign.too_many_copies")
	ErrTicks             = problem.New(problem.Invalid, "campaign.ticks_invalid")
	ErrEvidence          = problem.New(problem.Invalid, "campaign.evidence_not_asked")
	ErrStage             = problem.New(problem.Invalid, "campaign.stage_invalid")
	ErrOverBudget        = problem.New(problem.Invalid, "campaign.over_budget")
	ErrRepeat            = problem.New(problem.Invalid, "campaign.repeat_invalid")
	ErrCopyTwice         = problem.New(problem.Invalid, "campaign.copy_twice")
	ErrDuePast           = problem.New(problem.Invalid, "campaign.due_past")
)

// maxCopies is how many one task may have; a subdistrict has 66 primary organisations (A8), a community 51 areas.
const maxCopies = 500

// A State is how far a copy of a task, or a campaign, has come (domain.md §5.2).
type State string

// The states of a copy, then of a campaign.
const (
	Open      State = "open"
	Accepted  State = "accepted"
	Declined  State = "declined"
	Reported  State = "reported"
	Returned  State = "returned"
	Done      State = "done"
	Cancelled State = "cancelled"

	Draft   State = "draft"
	Running State = "running"
	Closed  State = "closed"
)

// live says whether something is still to be done about a copy in s.
func (s State) live() bool { return s != Declined && s != Done && s != Cancelled }

// reaches are the states that each may be followed by.
var reaches = map[State][]State{
	Open:     {Accepted, Declined, Cancelled},
	Accepted: {Reported, Cancelled},
	Reported: {Returned, Done},
	Returned: {Reported},
	Draft:    {Running},
	Running:  {Closed},
}

// canBecome says why s does not become next, or nil.
func (s State) canBecome(next State) error {
	if guard.On(guard.Rule) && !slices.Contains(reaches[s], next) {
		return ErrIllegalTransition.With("state", string(s))
	}
	return nil
}

// Evidence says whether a report may come with some. There is no value that demands it, and none for place or
// picture (PG2): what the product refuses cannot be switched on.
type Evidence string

// The two there are.
const (
	NoEvidence       Evidence = "none"
	OptionalEvidence Evidence = "optional"
)

// A Task is what is asked, of one receiver or of many.
type Task struct {
	ID         TaskID           `db:"id"`
	CampaignID *ID              `db:"campaign_id"`
	StageID    *StageID         `db:"stage_id"`
	Title      string           `db:"title"`
	Body       string           `db:"body"`
	Checklist  []string         `db:"-"`
	Items      string           `db:"checklist"` // Checklist as it is stored
	Minutes    int              `db:"minutes"`
	Evidence   Evidence         `db:"evidence"`
	DueAt      *time.Time       `db:"due_at"`
	UnitID     org.UnitID       `db:"unit_id"` // who asks: a role of a unit, whoever has it
	UnitName   string           `db:"unit_name"`
	UnitTree   org.Tree         `db:"unit_tree"`
	UnitPath   string           `db:"unit_path"`
	Role       org.Role         `db:"role"`
	CreatedBy  org.PersonID     `db:"created_by"`
	Assignment org.AssignmentID `db:"assignment_id"`
	CreatedAt  time.Time        `db:"created_at"`
	OverReason string           `db:"over_reason"` // why it was asked for beyond the month's budget
}

// A Copy is a task in the hands of one receiver: a role in a unit, which survives a change of person, or one person in it.
type Copy struct {
	ID         CopyID        `db:"id"`
	TaskID     TaskID        `db:"task_id"`
	UnitID     org.UnitID    `db:"unit_id"`
	UnitName   string        `db:"unit_name"`
	Role       org.Role      `db:"role"`
	PersonID   *org.PersonID `db:"person_id"`
	State      State         `db:"state"`
	DueAt      *time.Time    `db:"due_at"`
	Report     string        `db:"report"`
	Evidence   string        `db:"evidence"` // in the receiver's words, where the task takes any
	Ticks      []int         `db:"-"`
	TickText   string        `db:"ticks"`
	Reason     string        `db:"reason"`
	ReportedAt *time.Time    `db:"reported_at"`
	CreatedAt  time.Time     `db:"created_at"`
	Version    int64         `db:"version"`
}

// assigners ask others to do something, overseers see what was asked below them (§3.5, column TK).
var (
	assigners = []org.Role{
		org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary, org.RoleBranchOfficer, org.RoleSectionHead,
		org.RolePartyOffice,
	}
	overseers = append([]org.Role{org.RoleCommitteeSecretary, org.RoleAreaCadre}, assigners...)
	ownOnly   = []org.Role{org.RoleBranchOfficer, org.RoleSectionHead} // ask nobody below their own unit
)

// isFor says whether c is in by's hands.
func (c Copy) isFor(by org.Actor) bool {
	return c.UnitID == by.Unit.ID && c.Role == by.Role && (c.PersonID == nil || *c.PersonID == by.PersonID)
}

// askedBy says whether by is who asks: the same role in the same unit.
func (t Task) askedBy(by org.Actor) bool {
	return by.Unit.ID != 0 && t.UnitID == by.Unit.ID && t.Role == by.Role && slices.Contains(assigners, by.Role)
}

// overseenBy says whether by's unit is that of who asks, or above it.
func (t Task) overseenBy(by org.Actor) bool {
	return slices.Contains(overseers, by.Role) && by.Sees(org.Unit{Tree: t.UnitTree, Path: t.UnitPath})
}

// canAnswer says why by cannot take c further as its receiver, or nil.
func (c Copy) canAnswer(by org.Actor, next State) error {
	if guard.On(guard.Rule) && !c.isFor(by) {
		return problem.ErrForbidden
	}
	return c.State.canBecome(next)
}

// canJudge says why by cannot take c further as who asked for it, or nil.
func (t Task) canJudge(by org.Actor, c Copy, next State) error {
	if guard.On(guard.Rule) && !t.askedBy(by) {
		return problem.ErrForbidden
	}
	return c.State.canBecome(next)
}

// A NewTask is a task to be asked.
type NewTask struct {
	Title     string
	Body      string
	Checklist []string
	Minutes   int
	Evidence  Evidence
	DueAt     *time.Time
	Campaign  ID
	Stage     StageID
	Target    Target
	Repeat    Repeat
	// OverReason is read by every receiver when the task goes beyond the month's budget, and dropped when it does not.
	OverReason string
}

// A Target is whom a task is for: one person in a role of theirs, a role in a unit, or the lead of every unit below one.
type Target struct {
	Assignment org.AssignmentID // a person
	Unit       org.UnitID       // a role in it
	Role       org.Role
	Below      org.UnitID // each unit below it, of these kinds
	Kinds      []org.UnitKind
}

// valid says whether t is one of the three and nothing besides.
func (t Target) valid() error {
	role, below := t.Unit != 0 || t.Role != "", t.Below != 0 || len(t.Kinds) > 0
	switch {
	case t.Assignment != 0 && !role && !below:
		return nil
	case t.Unit != 0 && t.Role != "" && t.Assignment == 0 && !below:
		return nil
	case t.Below != 0 && len(t.Kinds) > 0 && t.Assignment == 0 && !role:
		return nil
	}
	return ErrTarget
}

// A seat is where a copy goes.
type seat struct {
	unit       org.UnitID
	name       string
	role       org.Role
	person     org.PersonID // 0: whoever has the role
	assignment org.AssignmentID
}

// Progress is how far the copies of a task have come (X28).
type Progress struct {
	States  map[State]int
	Total   int
	Lacking []Lack // units without a report
}

// A Lack is a unit that has not reported.
type Lack struct {
	UnitID   org.UnitID `db:"unit_id" json:"unitId"`
	UnitName string     `db:"unit_name" json:"unitName"`
	TaskID   TaskID     `db:"task_id" json:"taskId"`
	Title    string     `db:"title" json:"title"`
	State    State      `db:"state" json:"state"`
}

// checkTicks says whether ticks name items of a checklist of n, each once.
func checkTicks(ticks []int, n int) error {
	seen := map[int]bool{}
	for _, i := range ticks {
		if i < 0 || i >= n || seen[i] {
			return ErrTicks.Field("/ticks", "no_such_item")
		}
		seen[i] = true
	}
	return nil
}

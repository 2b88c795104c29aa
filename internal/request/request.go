// Package request keeps what residents ask for (诉求): each need is opened at the lowest level able to act, is
// held by exactly one unit or role at a time, and is followed by its asker with a receipt.
//
// Seeing follows the unit where a need was opened; acting follows its holder.
package request

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// ID names a request. Askers know it by its receipt code.
type ID int64

// A State says how far a request has come (domain.md §5.1).
type State string

// The states: open ones, then closed ones.
const (
	New             State = "new"
	Accepted        State = "accepted"
	InProgress      State = "in_progress"
	WaitingResident State = "waiting_resident"
	Reopened        State = "reopened"

	Resolved   State = "resolved"
	Explained  State = "explained"
	HandedOver State = "handed_over"
	Withdrawn  State = "withdrawn"
	Merged     State = "merged"
)

// Open says whether somebody still has to act.
func (s State) Open() bool {
	switch s {
	case New, Accepted, InProgress, WaitingResident, Reopened:
		return true
	case Resolved, Explained, HandedOver, Withdrawn, Merged:
		return false
	}
	return false
}

// A Channel is the way a need was told.
type Channel string

// The channels.
const (
	ToldMember Channel = "told_member"
	Phone      Channel = "phone"
	Paper      Channel = "paper"
	OnVisit    Channel = "visit"
	FromBoard  Channel = "board" // by the code on a service board
	ToldSelf   Channel = "self"  // the asker wrote it down, signed in or at an entrance
)

// A CallBack is how an asker wants to hear the answer.
type CallBack string

// The ways of calling back.
const (
	CallNone  CallBack = "none"
	CallPhone CallBack = "phone"
)

// What a request refuses.
var (
	ErrCallBackMissing  = problem.New(problem.Invalid, "request.call_back_missing")
	ErrCallBackNeedless = problem.New(problem.Invalid, "request.call_back_needless")
	ErrNoHolder         = problem.New(problem.Conflict, "request.no_holder")
)

// A Request is a need recorded for somebody.
type Request struct {
	ID             ID           `db:"id"`
	UnitID         org.UnitID   `db:"unit_id"` // where it was opened: seeing follows it
	PlaceID        org.UnitID   `db:"place_id"`
	PremisesID     *int64       `db:"premises_id"`
	EntranceID     *int64       `db:"entrance_id"` // where it came from, as far as that is known
	BuildingID     *int64       `db:"building_id"`
	SourceVisitID  *int64       `db:"source_visit_id"`
	Category       Code         `db:"category"`
	Type           Type         `db:"type"`
	Channel        Channel      `db:"channel"`
	State          State        `db:"state"`
	HolderUnitID   org.UnitID   `db:"holder_unit_id"` // who must act now: acting follows it
	HolderRole     org.Role     `db:"holder_role"`    // a role in that unit; empty: whoever leads it
	Level          int          `db:"level"`
	HappenedAt     time.Time    `db:"happened_at"`
	RecordedAt     time.Time    `db:"recorded_at"`
	ClockUntrusted bool         `db:"clock_untrusted"`
	AcceptDueAt    *time.Time   `db:"accept_due_at"`
	UpdateDueAt    *time.Time   `db:"update_due_at"`
	SolveDueAt     *time.Time   `db:"solve_due_at"`
	ExpectedOn     *string      `db:"expected_on"`   // the day its holder expects to be done
	WaitUntil      *time.Time   `db:"wait_until"`    // until when the asker is waited for
	WaitingSince   *time.Time   `db:"waiting_since"` // its clocks stand still from then on (K4)
	ClosedAt       *time.Time   `db:"closed_at"`
	ResolvedLevel  string       `db:"resolved_level"` // where it was resolved (C7)
	CallBackOn     *string      `db:"call_back_on"`   // the day the asker is called after a handing over
	Holding        int          `db:"holding"`        // counts its holders, and each taking back
	Reopened       int          `db:"reopened"`       // how often it was opened again
	SteppedAt      *time.Time   `db:"stepped_at"`     // when somebody last did something (K12)
	FirstDueAt     *time.Time   `db:"first_solve_due_at"`
	FirstClosedAt  *time.Time   `db:"first_closed_at"` // when it was first answered: that stays in the statistics (K11)
	FirstMinutes   *int         `db:"first_minutes"`   // of its clock, until then
	About          *int64       `db:"about_id"`        // the person whom a concern is about (V6)
	RulesAt        time.Time    `db:"rules_at"`        // the newest rules that its clocks follow (K15)
	EmergencyID    *EmergencyID `db:"emergency_id"`    // by which they run round the clock (K16)
	SolveMS        *int64       `db:"solve_ms"`        // how long it may take to be solved
	Version        int64        `db:"version"`

	Interim  bool `db:"-" json:"-"` // whoever looks at it acts for its holder, who is gone (T8)
	ForPlace bool `db:"-" json:"-"` // and for the lead of its place, who is gone
}

// start puts r at the lowest unit of its ladder that stands at level or above (C7), and at its place.
func (r *Request) start(ladder []org.Unit, level int) error {
	for _, u := range ladder {
		if r.HolderUnitID == 0 && u.Level >= level {
			r.HolderUnitID, r.Level = u.ID, u.Level
		}
		if u.Level == placeLevel {
			r.PlaceID = u.ID
		}
	}
	if r.HolderUnitID == 0 || r.PlaceID == 0 {
		return ErrNoHolder
	}
	return nil
}

// placeLevel is the level of villages, communities, enterprises, parks, business districts and offices.
const placeLevel = 4

// A Need is what somebody asks for, before it becomes a Request.
type Need struct {
	About    org.AssignmentID // the role of whom a concern is about; 0: it is none
	What     string
	Category Code   // empty: general
	Danger   Danger // what was answered to the first question; empty: nothing
	Who      string
	Person   org.PersonID // who follows it signed in; 0: by its receipt alone
	Code     Receipt      // of the paper slip it was written on; empty: it gets one
	CallBack CallBack     // empty: none
	Phone    string

	slip []byte // hash of the digits on the slip
}

// check says why n cannot be recorded, or nil.
func (n Need) check() error {
	if n.CallBack == CallPhone && n.Phone == "" {
		return ErrCallBackMissing.Field("/callBack/phone", "request.call_back_missing")
	}
	if n.CallBack == CallNone && n.Phone != "" { // it would be kept for nothing, or be lost without a word
		return ErrCallBackNeedless.Field("/callBack/phone", ErrCallBackNeedless.Code)
	}
	return nil
}

// leading are the roles that act for a unit that holds something, and not for themselves.
var leading = map[org.Role]bool{
	org.RoleAreaHolder: true, org.RoleGroupLeader: true, org.RoleGridSecretary: true,
	org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true, org.RoleSectionHead: true, org.RolePartyOffice: true,
}

// followsOrigin are the roles that see what was opened in their unit and below (V1). Others see a request
// only while they hold it.
var followsOrigin = map[org.Role]bool{
	org.RoleAreaHolder: true, org.RoleGroupLeader: true, org.RoleGridSecretary: true,
	org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true,
}

// sight is which requests by sees: those opened in a range of unit paths, and those held by a unit in a role.
type sight struct {
	from, to string      // of the path of the unit where it was opened
	unit     org.UnitID  // of the holder; 0: by holds nothing
	roles    [2]org.Role // of the holder: by's own, and for leads the empty one
}

// sightOf says what by may see of requests (V1).
func sightOf(by org.Actor) (s sight) {
	if followsOrigin[by.Role] || !guard.On(guard.Rule) {
		s.from, s.to = by.Scope()
	}
	s.unit, s.roles = by.Grid.ID, [2]org.Role{by.Role, by.Role}
	if leading[by.Role] {
		s.roles[1] = ""
	}
	return s
}

// The window in which what a phone says of its time is believed (K1).
const (
	oldest  = 72 * time.Hour
	soonest = 2 * time.Minute
)

// Happened is when an act took place that a phone says was at said and that reached us now: the phone's time
// while it can be believed, else ours, marked untrusted (K1). A nil said is now.
func Happened(said *time.Time, now time.Time) (at time.Time, untrusted bool) {
	if said == nil {
		return now, false
	}
	at = said.UTC().Truncate(time.Millisecond)
	if at.Before(now.Add(-oldest)) || at.After(now.Add(soonest)) {
		return now, true
	}
	return at, false
}

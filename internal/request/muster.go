package request

import (
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

// A MusterID names a muster.
type MusterID int64

// A MusterState says how far a muster has come.
type MusterState string

// The states of a muster.
const (
	MusterAsking    MusterState = "asking"
	MusterStarted   MusterState = "started"
	MusterDone      MusterState = "done"
	MusterCancelled MusterState = "cancelled"
)

// An Answer is what somebody who was asked to help says. Nothing follows from any of them.
type Answer string

// The answers. Whoever has said nothing when it starts was silent.
const (
	Asked        Answer = "asked"
	HelpAccepted Answer = "accepted"
	HelpDeclined Answer = "declined"
	HelpSilent   Answer = "silent"
)

// What musters refuse.
var (
	ErrDangerUnsaid  = problem.New(problem.Invalid, "request.danger_not_acknowledged")
	ErrNoHelpers     = problem.New(problem.Invalid, "request.no_helpers")
	ErrMusterOpen    = problem.New(problem.Conflict, "request.muster_open")
	ErrMusterNobody  = problem.New(problem.Conflict, "request.muster_nobody")
	ErrMusterOutside = problem.New(problem.Conflict, "muster.illegal_transition")
)

// A Muster (召集) asks people who have said what they can do to help with one need.
type Muster struct {
	ID         MusterID         `db:"id"`
	RequestID  ID               `db:"request_id"`
	UnitID     org.UnitID       `db:"unit_id"`
	UnitName   string           `db:"unit_name"`
	State      MusterState      `db:"state"`
	SkillList  string           `db:"skills"`
	NoteSealed []byte           `db:"note_sealed"`
	MeetAt     *time.Time       `db:"meet_at"`
	CalledBy   org.PersonID     `db:"called_by"`
	Assignment org.AssignmentID `db:"assignment_id"`
	CalledAt   time.Time        `db:"called_at"`
	BegunAt    *time.Time       `db:"begun_at"`
	EndedAt    *time.Time       `db:"ended_at"`
	Version    int64            `db:"version"`
	Note       string
}

// Skills are those of which each helper has one.
func (m Muster) Skills() []string { return strings.Split(m.SkillList, ",") }

// wonderFor is how long whoever was to come may wonder what has become of it.
const wonderFor = 7 * 24 * time.Hour

// longOver says whether nobody wonders about m any more, whose need ended at a moment.
func (m Muster) longOver(ended, now time.Time) bool {
	last := ended
	if m.MeetAt != nil && m.MeetAt.After(last) {
		last = *m.MeetAt
	}
	return !last.After(now.Add(-wonderFor))
}

// among says why m is in none of the states, or nil.
func (m Muster) among(states ...MusterState) error {
	if slices.Contains(states, m.State) {
		return nil
	}
	return ErrMusterOutside.With("state", string(m.State))
}

// A Calling is whom to ask, and for what.
type Calling struct {
	Skills       []string
	People       int // how many are asked at most
	Note         string
	MeetAt       *time.Time
	Acknowledged bool // that it may be dangerous
}

// Called is a muster with those who come. Who declined, or said nothing, is a number.
type Called struct {
	Muster
	Coming           []org.PersonID
	Declined, Silent int
	Waiting          int // have said nothing yet
}

// An Invitation is a muster as somebody who is asked sees it.
type Invitation struct {
	Muster
	InviteID int64     `db:"invite_id"`
	Answer   Answer    `db:"answer"`
	AskedAt  time.Time `db:"asked_at"`
}

// Package checkin notes who was on site that day, and by which evidence (到岗): a code that a place shows, the
// word of the host, or the work itself. It never knows where anybody is.
package checkin

import (
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// Identifiers, a type each so that two cannot change places.
type (
	// ID names a presence.
	ID int64
	// PlaceID names a place where one can check in.
	PlaceID int64
)

// A State of a presence. A claim that nobody answered for 7 days lapses and leaves no trace.
type State string

// The states.
const (
	Claimed   State = "claimed"
	Confirmed State = "confirmed"
	Refused   State = "refused"
	Withdrawn State = "withdrawn"
)

// A Kind of evidence (CI1).
type Kind string

// The kinds.
const (
	Act         Kind = "act"
	PlaceCode   Kind = "place_code"
	Counterpart Kind = "counterpart"
	Geofence    Kind = "geofence"
)

// What this package refuses.
var (
	ErrCodeInvalid       = problem.New(problem.Invalid, "checkin.code_invalid")
	ErrCodeExpired       = problem.New(problem.Invalid, "checkin.code_expired")
	ErrCodeEarly         = problem.New(problem.Invalid, "checkin.code_early")
	ErrCodeUsed          = problem.New(problem.Conflict, "checkin.code_used")
	ErrClockDiffers      = problem.New(problem.Invalid, "checkin.clock_differs")
	ErrTooLate           = problem.New(problem.Invalid, "checkin.too_late")
	ErrReasonMissing     = problem.New(problem.Invalid, "checkin.reason_missing")
	ErrOwnClaim          = problem.New(problem.Forbidden, "checkin.own_claim")
	ErrPlaceUnit         = problem.New(problem.Invalid, "checkin.place_unit")
	ErrPlaceEnd          = problem.New(problem.Invalid, "checkin.place_end")
	ErrFenceMissing      = problem.New(problem.Invalid, "checkin.fence_missing")
	ErrPositionLate      = problem.New(problem.Invalid, "checkin.position_late")
	ErrPositionNoProof   = problem.New(problem.Invalid, "checkin.position_no_proof")
	ErrIllegalTransition = problem.New(problem.Conflict, "checkin.illegal_transition")
)

// A Presence says that a person was on site that day. It holds no position.
type Presence struct {
	ID         ID           `db:"id"`
	PersonID   org.PersonID `db:"person_id"`
	UnitID     org.UnitID   `db:"unit_id"`
	UnitName   string       `db:"unit_name"`
	Day        calendar.Day `db:"day"`
	State      State        `db:"state"`
	HappenedAt time.Time    `db:"happened_at"`
	RecordedAt time.Time    `db:"recorded_at"`
	DueAt      *time.Time   `db:"due_at"`
	Version    int64        `db:"version"`
	Replayed   bool         `db:"-"` // this very evidence was known already
}

// Evidence is one proof of a presence, with a clientRef of its own for ever.
type Evidence struct {
	PresenceID     ID           `db:"presence_id"`
	Kind           Kind         `db:"kind"`
	PlaceID        *PlaceID     `db:"place_id"`
	Offline        bool         `db:"offline"`
	Late           bool         `db:"late_entry"`
	Reason         string       `db:"reason"`
	ClientRef      string       `db:"client_ref"`
	HappenedAt     time.Time    `db:"happened_at"`
	RecordedAt     time.Time    `db:"recorded_at"`
	Day            calendar.Day `db:"-"` // "": that of HappenedAt
	ClockUntrusted bool         `db:"clock_untrusted"`
	Distance       Distance     `db:"distance"` // of a geofence
	Apart          bool         `db:"apart"`    // for a person to look at, and nothing else
}

// An Attempt is what a phone says when somebody checks in.
type Attempt struct {
	Kind       Kind
	PlaceID    PlaceID    // of a short code or a position
	UnitID     org.UnitID // of a claim
	Code       string
	Short      string
	Offline    bool // it was made without a network
	HappenedAt time.Time
	Reason     string
	ClientRef  string
	Position   *Position // of a geofence
}

const (
	lapses  = 7 * 24 * time.Hour
	trusted = 72 * time.Hour
	ahead   = 2 * time.Minute
)

// happened is when a took place: the phone's time while it can be believed, else ours (K1).
func (a Attempt) happened(now time.Time) (at time.Time, untrusted bool) {
	if now.Sub(a.HappenedAt) > trusted || a.HappenedAt.Sub(now) > ahead {
		return now, true
	}
	return a.HappenedAt, false
}

// claim is the evidence of a claim of a: a day that has passed needs a reason, and is over after some days (X12).
func (a Attempt) claim(now time.Time, lateDays int) (Evidence, error) {
	today, day := calendar.DayOf(now), calendar.DayOf(a.HappenedAt)
	e := Evidence{Kind: Counterpart, ClientRef: a.ClientRef, Offline: a.Offline}
	e.HappenedAt, e.ClockUntrusted = a.happened(now)
	if day >= today || a.Offline && !e.ClockUntrusted {
		return e, nil
	}
	switch {
	case day < today.Add(-lateDays):
		return e, ErrTooLate
	case a.Reason == "":
		return e, ErrReasonMissing.Field("/reason", ErrReasonMissing.Code)
	}
	e.HappenedAt, e.ClockUntrusted, e.Late, e.Reason = a.HappenedAt, false, true, a.Reason
	return e, nil
}

// scanned is the evidence of a code. The day is the step's, so that one code is one day, whatever a phone says. The
// phone's time is kept while it agrees with the code and with K1; else ours: now, or when a late code was shown.
func (a Attempt) scanned(s scan, place PlaceID, now time.Time) Evidence {
	e := Evidence{
		Kind: PlaceCode, PlaceID: &place, ClientRef: a.ClientRef, Offline: s.offline,
		HappenedAt: a.HappenedAt, Day: calendar.DayOf(s.step.begins()),
	}
	_, untrusted := a.happened(now)
	if !untrusted && a.HappenedAt.Sub(s.step.begins()).Abs() <= apart {
		return e
	}
	e.ClockUntrusted, e.HappenedAt = true, now
	if s.offline {
		e.HappenedAt = s.step.begins()
	}
	return e
}

// located is the evidence of a position that proves something. It is of now, or of nothing: a phone that kept positions
// to send them later would keep a track.
func (a Attempt) located(d Distance, place PlaceID, now time.Time) (Evidence, error) {
	switch {
	case a.Offline:
		return Evidence{}, ErrPositionLate
	case !d.proves():
		return Evidence{}, ErrPositionNoProof.With("distance", d)
	}
	e := Evidence{Kind: Geofence, PlaceID: &place, ClientRef: a.ClientRef, HappenedAt: a.HappenedAt, Distance: d}
	if _, untrusted := a.happened(now); untrusted || now.Sub(a.HappenedAt) > apart {
		e.HappenedAt, e.ClockUntrusted = now, true
	}
	return e, nil
}

// joined is the state of p once e stands beside what was known; false if e cannot join.
func (p Presence) joined(e Evidence) (State, bool) {
	if e.Kind != Counterpart {
		return Confirmed, true
	}
	switch p.State {
	case Confirmed:
		return Confirmed, true
	case Refused: // somebody has answered; only other evidence speaks against it
		return Refused, false
	default:
		return Claimed, true
	}
}

// counterpart says whether by answers for what happens in their unit (CI6).
func counterpart(by org.Actor) bool {
	switch by.Role {
	case org.RoleBranchSecretary, org.RoleGeneralSecretary:
		return true
	case org.RoleBranchOfficer:
		return slices.Contains(answering, by.Post)
	default:
		return false
	}
}

var answering = []org.Post{org.PostDeputy, org.PostOrganisation}

// canDecide says why by cannot confirm or refuse p, or nil.
func (p Presence) canDecide(by org.Actor, now time.Time) error {
	switch {
	case p.PersonID == by.PersonID:
		return ErrOwnClaim
	case !counterpart(by) && guard.On(guard.Rule):
		return problem.ErrForbidden
	case p.State != Claimed:
		return ErrIllegalTransition.With("state", p.State)
	case p.DueAt != nil && !now.Before(*p.DueAt):
		return ErrIllegalTransition.With("state", "lapsed")
	}
	return nil
}

// canWithdraw says why by cannot take p back, or nil.
func (p Presence) canWithdraw() error {
	if p.State != Confirmed {
		return ErrIllegalTransition.With("state", p.State)
	}
	return nil
}

package privacy

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// What break-glass (应急查看) refuses.
var (
	ErrGlassReason = problem.New(problem.Invalid, "break_glass.reason_short")
	ErrGlassHours  = problem.New(problem.Invalid, "break_glass.hours_invalid")
	ErrGlassOpen   = problem.New(problem.Conflict, "break_glass.open_already")
	ErrGlassState  = problem.New(problem.Conflict, "break_glass.illegal_transition")
)

// HouseholdFlags are the care flags of one household: the one kind of record that is opened by break-glass.
const HouseholdFlags = "household_flags"

// glassRoles are the roles that may break the glass (domain.md §3.5, b).
var glassRoles = map[org.Role]bool{
	org.RoleGroupLeader: true, org.RoleGridSecretary: true, org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true,
}

const (
	glassHours     = 2  // how long a record stays open, unless somebody says 1 to 4
	maxGlassHours  = 4  // and at most
	minGlassReason = 10 // characters that explain an emergency
	glassDraw      = 10 // how many of a week are reviewed
	glassReviewAt  = 8*time.Hour + 30*time.Minute
)

// A GlassID names an opening.
type GlassID int64

// The states of an opening, and of its review.
const (
	GlassIsOpen   = "open"
	GlassEnded    = "ended"
	GlassReviewed = "reviewed"

	reviewWaits  = "waiting" // for its working day
	reviewAsked  = "asked"
	reviewSpared = "spared" // by the draw of a week with many
	reviewDone   = "done"
)

// A Glass is one record that somebody opened in an emergency, for hours.
type Glass struct {
	ID           GlassID           `db:"id"`
	PersonID     org.PersonID      `db:"person_id"`
	Assignment   org.AssignmentID  `db:"assignment_id"`
	Role         org.Role          `db:"role"`
	UnitID       org.UnitID        `db:"unit_id"`
	UnitName     string            `db:"unit_name"`
	Object       string            `db:"object"`
	ObjectID     int64             `db:"object_id"`
	AreaID       org.UnitID        `db:"area_id"`
	AreaName     string            `db:"area_name"`
	ReasonSealed []byte            `db:"reason_sealed"`
	State        string            `db:"state"`
	OpenedAt     time.Time         `db:"opened_at"`
	EndsAt       time.Time         `db:"ends_at"`
	SeenAt       time.Time         `db:"seen_at"`
	Week         calendar.Day      `db:"week"`
	ReviewOn     calendar.Day      `db:"review_on"`
	ReviewState  string            `db:"review_state"`
	Reviewer     *org.AssignmentID `db:"reviewer_id"`
	Verdict      *string           `db:"verdict"`
	ReviewedAt   *time.Time        `db:"reviewed_at"`
	Reason       string            `db:"-"`
}

// A Breaking is what somebody says who breaks the glass.
type Breaking struct {
	Object   string
	ObjectID int64
	Reason   string
	Hours    int // 0: two
}

// glass makes the opening that b asks for, or says why not. cal knows the next working day.
func (b Breaking) glass(by org.Actor, area org.Unit, cal *calendar.Calendar, now time.Time) (Glass, error) {
	if b.Hours == 0 {
		b.Hours = glassHours
	}
	switch {
	case !glassRoles[by.Role] && guard.On(guard.Rule):
		return Glass{}, problem.ErrForbidden
	case utf8.RuneCountInString(strings.TrimSpace(b.Reason)) < minGlassReason:
		return Glass{}, ErrGlassReason.Field("/reason", ErrGlassReason.Code)
	case b.Hours < 1 || b.Hours > maxGlassHours:
		return Glass{}, ErrGlassHours.Field("/hours", ErrGlassHours.Code)
	}
	if err := CheckText("/reason", b.Reason); err != nil {
		return Glass{}, err
	}
	today := calendar.DayOf(now)
	return Glass{
		PersonID: by.PersonID, Assignment: by.Assignment, Role: by.Role, UnitID: by.Party.ID, Object: b.Object, ObjectID: b.ObjectID,
		AreaID: area.ID, AreaName: area.Name, State: GlassIsOpen, OpenedAt: now, EndsAt: now.Add(time.Duration(b.Hours) * time.Hour),
		SeenAt: now, Week: monday(today), ReviewOn: nextOpen(cal, today), ReviewState: reviewWaits, Reason: b.Reason,
	}, nil
}

// nextOpen is the first working day after day.
func nextOpen(cal *calendar.Calendar, day calendar.Day) calendar.Day {
	for day = day.Add(1); !cal.Open(day); {
		day = day.Add(1)
	}
	return day
}

// monday is the first day of the week of day.
func monday(day calendar.Day) calendar.Day {
	return day.Add(-(int(day.Time().Weekday()) + 6) % 7)
}

// over says whether g's time is up at now: at the very moment it ends (K23), and when time runs back, which would
// lengthen it.
func (g Glass) over(now time.Time) bool {
	return g.State != GlassIsOpen || !now.Before(g.EndsAt) || now.Before(g.SeenAt)
}

// mayReview says why by cannot judge g, or nil: the officer who was asked, and nobody else.
func (g Glass) mayReview(by org.Actor) error {
	switch {
	case g.Reviewer == nil || *g.Reviewer != by.Assignment || by.PersonID == g.PersonID:
		return problem.ErrNotFound
	case g.ReviewState != reviewAsked:
		return ErrGlassState.With("state", g.State)
	}
	return nil
}

// draw says whether the nth opening of a week goes to a reviewer, and whether one that was asked before is let go
// instead: of a week with more than ten, ten are drawn, each as likely as the others.
func draw(nth int) (review, instead bool, err error) {
	if nth <= glassDraw {
		return true, false, nil
	}
	lot, err := rand.Int(rand.Reader, big.NewInt(int64(nth)))
	if err != nil {
		return false, false, fmt.Errorf("draw a review: %w", err)
	}
	drawn := lot.Int64() < glassDraw
	return drawn, drawn, nil
}

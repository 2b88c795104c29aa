package request

import (
	"slices"
	"strconv"
	"time"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// An EmergencyID names an emergency.
type EmergencyID int64

// What emergencies refuse.
var (
	ErrSunset          = problem.New(problem.Invalid, "emergency.sunset_invalid")
	ErrEmergency       = problem.New(problem.Invalid, "emergency.invalid")
	ErrEmergencyIsOver = problem.New(problem.Conflict, "emergency.illegal_transition")
)

// longestEmergency is how many days it holds at most, unless somebody says again why it goes on.
const longestEmergency = 90

// An EmergencyState says how far an emergency has come (domain.md §5.2).
type EmergencyState string

// The states.
const (
	EmergencyDraft  EmergencyState = "draft"
	EmergencyActive EmergencyState = "active"
	EmergencyEnded  EmergencyState = "ended"
	EmergencyPurged EmergencyState = "purged" // nothing personal of it is left
)

// An Emergency (应急模式) is a time in which other rules hold in a subdistrict: two of the office begin it, and it ends on
// a day (C24, K16).
type Emergency struct {
	ID        EmergencyID       `db:"id"`
	UnitID    org.UnitID        `db:"unit_id"`
	Title     string            `db:"title"`
	Reason    string            `db:"reason"`
	State     EmergencyState    `db:"state"`
	SunsetOn  calendar.Day      `db:"sunset_on"`
	Body      string            `db:"body"`
	DraftedBy org.PersonID      `db:"drafted_by"`
	DraftedAs org.AssignmentID  `db:"drafted_as"`
	DraftedAt time.Time         `db:"drafted_at"`
	SecondBy  *org.PersonID     `db:"second_by"`
	SecondAs  *org.AssignmentID `db:"second_as"`
	StartedAt *time.Time        `db:"started_at"`
	EndedAt   *time.Time        `db:"ended_at"`
	EndedBy   *org.PersonID     `db:"ended_by"`
	EndReason string            `db:"end_reason"`
	PurgedAt  *time.Time        `db:"purged_at"`
	Version   int64             `db:"version"`

	Plan `db:"-"`
}

// A Plan is what is different while an emergency holds.
type Plan struct {
	Always []Code              `json:"always,omitempty"` // categories that run round the clock
	Open   []TemporaryCategory `json:"open,omitempty"`
	Hours  []OpenHours         `json:"hours,omitempty"`
	Cards  []CardText          `json:"cards,omitempty"`

	Made []CardID `json:"made,omitempty"` // the cards, once they are offered
}

// OpenHours are when a place can be reached meanwhile, in words.
type OpenHours struct {
	Unit org.UnitID `json:"unit"`
	Text string     `json:"text"`
}

// check says why e cannot begin under the rules of a moment, or nil. A category that is temporary is none, and will be
// none, that somebody has planned.
func (e Emergency) check(book *rulebook, at time.Time) error {
	today, now, planned := calendar.DayOf(at), book.asOf(at), book.editions[len(book.editions)-1]
	if err := sunset(e.SunsetOn, today); err != nil {
		return err
	}
	wrong := func(pointer string) error { return ErrEmergency.Field(pointer, ErrEmergency.Code) }
	for _, code := range e.Always {
		if c, known := now.categories[code]; !known || c.Closed {
			return wrong("/always")
		}
	}
	seen := map[Code]bool{}
	for _, t := range e.Open {
		then, err := now.opening(t.Then)
		if _, known := planned.categories[t.Code]; known || seen[t.Code] || err != nil || then.Type != t.Category.Type || now.region(t.Then) != 0 {
			return wrong("/categories")
		}
		if err := (CategoryChange{Category: t.Category}).check(Category{}); err != nil {
			return err
		}
		seen[t.Code] = true
	}
	for _, c := range e.Cards {
		if _, known := now.categories[c.Category]; !known && !seen[c.Category] {
			return wrong("/cards")
		}
		c.Kind = PolicyCard
		if err := c.complete(); err != nil {
			return err
		}
	}
	if len(e.Always)+len(e.Open)+len(e.Hours)+len(e.Cards) == 0 {
		return wrong("/always")
	}
	return e.written()
}

// written says why a text of e cannot be kept, or nil.
func (e Emergency) written() error {
	texts := []string{e.Title, e.Reason}
	for _, h := range e.Hours {
		texts = append(texts, h.Text)
	}
	for _, c := range e.Cards {
		texts = append(texts, c.Title, c.ForWhom, c.Region, c.Materials, c.Counter, c.HowTo, c.Source)
	}
	for _, t := range texts {
		if err := privacy.CheckText("/reason", t); err != nil {
			return err
		}
	}
	return nil
}

// sunset says why an emergency cannot end on a day, or nil: it does, and within 90 days.
func sunset(on, today calendar.Day) error {
	if on <= today || on > today.Add(longestEmergency) {
		return ErrSunset.Field("/sunsetOn", ErrSunset.Code)
	}
	return nil
}

// among says why e is in none of the states, or nil.
func (e Emergency) among(states ...EmergencyState) error {
	if slices.Contains(states, e.State) {
		return nil
	}
	return ErrEmergencyIsOver.With("state", string(e.State))
}

// mayConfirm says why by is not the second person for e, or nil.
func (e Emergency) mayConfirm(by org.Actor) error {
	if by.PersonID == e.DraftedBy {
		return org.ErrSecondPerson
	}
	return e.among(EmergencyDraft)
}

// mode is what e makes of the rules, while it is on and when it is not any more.
func (e Emergency) mode(on bool) mode {
	return mode{Emergency: e.ID, Unit: e.UnitID, On: on, Always: e.Always, Open: e.Open}
}

// event is what those concerned are told of e.
func (e Emergency) event(kind string, by org.Actor, unit string, at time.Time) notify.Item {
	return notify.Item{
		Kind: kind, Ref: notify.Ref{Type: "emergency", ID: int64(e.ID)}, By: by,
		Args:   map[string]any{"unitLabel": unit, "dueAt": e.SunsetOn.Time(), "at": at},
		Dedupe: kind + ":" + strconv.FormatInt(int64(e.ID), 10),
	}
}

package request

import (
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// A CardID names an edition of a card.
type CardID int64

// A CardKind says what a card tells of.
type CardKind string

// The kinds: an official service with region and dates (政策服务卡), and a solved need made reusable (经验卡).
const (
	PolicyCard   CardKind = "policy"
	SolutionCard CardKind = "solution"
)

// A CardState says how far a card has come (domain.md §5.2).
type CardState string

// The states. Whether a card is offered depends on its dates, too.
const (
	CardDraft     CardState = "draft"
	CardApproved  CardState = "approved" // and its first day is still to come
	CardActive    CardState = "active"
	CardReviewDue CardState = "review_due"
	CardRetired   CardState = "retired"
)

// What cards refuse.
var (
	ErrCardIncomplete = problem.New(problem.Invalid, "card.incomplete")
	ErrCardDates      = problem.New(problem.Invalid, "card.dates_invalid")
	ErrCardReach      = problem.New(problem.Invalid, "card.reach_invalid")
	ErrCardSource     = problem.New(problem.Invalid, "card.request_invalid")
	ErrCardTransition = problem.New(problem.Conflict, "card.illegal_transition")
	ErrCardNotOffered = problem.New(problem.Conflict, "card.not_offered")
	ErrCardAttached   = problem.New(problem.Conflict, "card.attached")
)

// A Card is one edition of what an office offers, or of how a need was solved (C16, C23).
type Card struct {
	ID       CardID    `db:"id"`
	SeriesID *CardID   `db:"series_id"` // the first edition; nil: this one is
	Edition  int       `db:"edition"`
	State    CardState `db:"state"`
	CardText
	UnitID      org.UnitID       `db:"unit_id"`       // offered there and below
	RequestID   *ID              `db:"request_id"`    // the need that was solved so
	FirstUnitID *org.UnitID      `db:"first_unit_id"` // where that need was opened
	ProposedBy  org.PersonID     `db:"proposed_by"`
	ProposedAs  org.AssignmentID `db:"proposed_as"`
	ProposedAt  time.Time        `db:"proposed_at"`
	Version     int64            `db:"version"`
	UnitName    string           `db:"unit_name"`
	UnitPath    string           `db:"unit_path"`
	UnitKind    org.UnitKind     `db:"unit_kind"`
}

// CardText is what stands on a card.
type CardText struct {
	Kind      CardKind     `db:"kind"`
	Category  Code         `db:"category"`
	Title     string       `db:"title"`
	ForWhom   string       `db:"for_whom"`
	Region    string       `db:"region"` // where it holds, in words: 全省
	Materials string       `db:"materials"`
	Counter   string       `db:"counter_label"`
	HowTo     string       `db:"how_to"`
	Source    string       `db:"source"`
	ValidFrom calendar.Day `db:"valid_from"`
	ValidTo   calendar.Day `db:"valid_to"` // its last day (C21)
	ReviewOn  calendar.Day `db:"review_on"`
}

// check says why t cannot be proposed on a day, or nil.
func (t CardText) check(today calendar.Day) error {
	for pointer, text := range map[string]string{
		"/title": t.Title, "/forWhom": t.ForWhom, "/region": t.Region, "/materials": t.Materials, "/counter": t.Counter,
		"/howTo": t.HowTo, "/source": t.Source,
	} {
		if err := privacy.CheckText(pointer, text); err != nil {
			return err
		}
	}
	if err := t.complete(); err != nil {
		return err
	}
	switch {
	case t.ValidTo < t.ValidFrom || t.ValidTo < today:
		return ErrCardDates.Field("/validTo", ErrCardDates.Code)
	case t.ReviewOn <= today || t.ReviewOn < t.ValidFrom || t.ReviewOn > t.ValidTo:
		return ErrCardDates.Field("/reviewOn", ErrCardDates.Code)
	}
	return nil
}

// complete says what t lacks: an official service names for whom, what to bring, where to go and where it is written
// (C16); a solution says how.
func (t CardText) complete() error {
	wanted := []struct{ pointer, text string }{{"/howTo", t.HowTo}}
	if t.Kind == PolicyCard {
		wanted = []struct{ pointer, text string }{{"/forWhom", t.ForWhom}, {"/materials", t.Materials}, {"/counter", t.Counter}, {"/source", t.Source}}
	}
	missing := ErrCardIncomplete
	for _, w := range wanted {
		if w.text == "" {
			missing = missing.Field(w.pointer, ErrCardIncomplete.Code)
		}
	}
	if len(missing.Fields) > 0 {
		return missing
	}
	return nil
}

// series is the id of the first edition of c.
func (c Card) series() CardID {
	if c.SeriesID != nil {
		return *c.SeriesID
	}
	return c.ID
}

// among says why c is in none of the states, or nil.
func (c Card) among(states ...CardState) error {
	if slices.Contains(states, c.State) {
		return nil
	}
	return ErrCardTransition.With("state", string(c.State))
}

// offered says whether c is offered on a day: approved, and between its dates (C16, C21).
func (c Card) offered(day calendar.Day) bool {
	return c.among(offeredStates...) == nil && c.ValidFrom <= day && day <= c.ValidTo
}

// offeredStates are those in which a card is offered between its dates. One that is approved becomes active by the
// clock on its first day, and is not offered later for the clock being late.
var offeredStates = []CardState{CardApproved, CardActive, CardReviewDue}

// begin is the state of an approved card on a day.
func (c Card) begin(day calendar.Day) CardState {
	if c.ValidFrom <= day {
		return CardActive
	}
	return CardApproved
}

// decides says whether by approves and retires cards at all; of which ones, mayDecide.
func decides(by org.Actor) bool {
	switch by.Role {
	case org.RoleGeneralSecretary, org.RoleSectionHead:
		return true
	case org.RolePartyOffice:
		return by.Grid.Kind == org.Subdistrict
	default:
		return false
	}
}

// mayDecide says why by does not approve or retire c, or nil: the general secretary does for the own community, a
// section head and the office for their subdistrict, whose path is top.
func (c Card) mayDecide(by org.Actor, top string) error {
	own := by.Role != org.RoleGeneralSecretary || by.Grid.ID == c.UnitID
	if guard.On(guard.Rule) && (!decides(by) || !own || !strings.HasPrefix(c.UnitPath, top)) {
		return problem.ErrForbidden
	}
	return nil
}

// due is what becomes of c on a day by itself, and the name of that move; "" if nothing does.
func (c Card) due(day calendar.Day) (to CardState, move string) {
	switch {
	case c.among(offeredStates...) != nil:
		return "", ""
	case c.ValidTo < day:
		return CardRetired, "retired"
	case c.State == CardApproved && c.ValidFrom <= day:
		return CardActive, "activated"
	case c.State == CardActive && c.ReviewOn <= day:
		return CardReviewDue, "review_due"
	}
	return "", ""
}

// offeredAt says whether what is offered in a unit is offered in another one, by their paths.
func offeredAt(card, need string) bool { return strings.HasPrefix(need, card) }

// offersCard says whether others may learn from how r was resolved: above level 1. Of what concerns somebody there is no card.
func (r Request) offersCard() bool {
	return r.State == Resolved && r.ResolvedLevel != levelNames[1] && !r.concerns()
}

package request

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// What changes of rules refuse.
var (
	ErrRulePast    = problem.New(problem.Invalid, "rule.past")
	ErrRuleInvalid = problem.New(problem.Invalid, "rule.invalid")
)

// A ruleKind says what a change is of.
type ruleKind string

// The kinds.
const (
	ofCategory  ruleKind = "category"
	ofCalendar  ruleKind = "calendar"
	ofEmergency ruleKind = "emergency"
)

// moves is what the history of a request calls its clocks' being moved by a change of each kind (K15).
var moves = map[ruleKind]string{ofCategory: "targets_changed", ofCalendar: "calendar_changed", ofEmergency: "emergency_changed"}

// A ruleChange is what somebody has said of a category, of the calendar or of an emergency, from a moment on. It is
// never changed: another one comes after it.
type ruleChange struct {
	ID         int64             `db:"id"`
	Kind       ruleKind          `db:"kind"`
	Subject    string            `db:"subject"`
	Body       string            `db:"body"`
	At         time.Time         `db:"takes_effect_at"`
	Reason     string            `db:"reason"`
	By         *org.PersonID     `db:"set_by"`
	Assignment *org.AssignmentID `db:"assignment_id"`
	RecordedAt time.Time         `db:"recorded_at"`
}

// A mode is an emergency that is on: in its subdistrict some categories run round the clock (K16), and some are open for
// as long as it lasts (C24).
type mode struct {
	Emergency EmergencyID         `json:"emergency"`
	Unit      org.UnitID          `json:"unit"`
	On        bool                `json:"on"`
	Always    []Code              `json:"always,omitempty"`
	Open      []TemporaryCategory `json:"open,omitempty"`
}

// A TemporaryCategory is open in one emergency; after it what is left there is dealt with as Then.
type TemporaryCategory struct {
	Code     Code     `json:"code"`
	Then     Code     `json:"then"`
	Category Category `json:"category"`
}

// in says whether a unit with that path lies in the subdistrict of m.
func (m mode) in(path string) bool {
	return strings.Contains(path, "/"+strconv.FormatInt(int64(m.Unit), 10)+"/")
}

// An edition is all rules as they are from a moment on, until the next one. It does not change.
type edition struct {
	at         time.Time
	cause      ruleChange // zero: these are the rules that ship
	categories map[Code]Category
	order      []Code // in which categories are shown
	cal        *calendar.Calendar
	modes      []mode
}

// with is e after a change.
func (e edition) with(ch ruleChange) (edition, error) {
	next := edition{at: ch.At, cause: ch, categories: maps.Clone(e.categories), order: slices.Clone(e.order), cal: e.cal, modes: slices.Clone(e.modes)}
	var err error
	switch ch.Kind {
	case ofCategory:
		c := Category{Code: Code(ch.Subject)}
		if err = json.Unmarshal([]byte(ch.Body), &c); err == nil {
			next.set(c)
		}
	case ofCalendar:
		var said calendar.Change
		if err = json.Unmarshal([]byte(ch.Body), &said); err == nil {
			next.cal, err = e.cal.With(said)
		}
	case ofEmergency:
		var m mode
		if err = json.Unmarshal([]byte(ch.Body), &m); err == nil {
			next.turn(m)
		}
	}
	if err != nil {
		return edition{}, fmt.Errorf("read rule %d: %w", ch.ID, err)
	}
	return next, nil
}

// set makes c one of the categories of e.
func (e *edition) set(c Category) {
	if _, known := e.categories[c.Code]; !known {
		e.order = append(e.order, c.Code)
	}
	e.categories[c.Code] = c
}

// turn switches an emergency on or off.
func (e *edition) turn(m mode) {
	e.modes = slices.DeleteFunc(e.modes, func(x mode) bool { return x.Emergency == m.Emergency })
	if m.On {
		e.modes = append(e.modes, m)
	}
	for _, t := range m.Open { // the needs in them stay readable after it
		t.Category.Code = t.Code
		t.Category.Closed = !m.On
		e.set(t.Category)
	}
}

// emergency is the one by which needs of a category at a unit with that path run round the clock; nil if none does.
func (e edition) emergency(code Code, path string) *EmergencyID {
	for _, m := range e.modes {
		if m.in(path) && slices.Contains(m.Always, code) {
			return &m.Emergency
		}
	}
	return nil
}

// opens says whether a category is open as long as m is on.
func (m mode) opens(code Code) bool {
	return slices.ContainsFunc(m.Open, func(t TemporaryCategory) bool { return t.Code == code })
}

// region is where alone a category is open, for as long as an emergency lasts; 0: everywhere.
func (e edition) region(code Code) org.UnitID {
	for _, m := range e.modes {
		if m.opens(code) {
			return m.Unit
		}
	}
	return 0
}

// category is one of e as it holds for r.
func (e edition) category(r Request) Category {
	c := e.categories[r.Category]
	c.cal = e.cal
	if c.Always || r.EmergencyID != nil {
		c.cal = calendar.Always
	}
	return c
}

// opening is the category that a need can be opened in, or why it cannot be.
func (e edition) opening(code Code) (Category, error) {
	if code == "" {
		code = general
	}
	c, ok := e.categories[code]
	if !ok || c.Closed || code == HolderConcern {
		return Category{}, ErrCategory.Field("/category", ErrCategory.Code)
	}
	return c, nil
}

// A rulebook is all editions, in the order of their moments.
type rulebook struct {
	last     int64 // the newest change it knows
	changes  []ruleChange
	editions []edition // the first one ships
}

// bookOf is the rules that ship with their changes, in the order of their moments.
func bookOf(first edition, changes []ruleChange) (*rulebook, error) {
	b := &rulebook{changes: changes, editions: []edition{first}}
	for _, ch := range changes {
		next, err := b.editions[len(b.editions)-1].with(ch)
		if err != nil {
			return nil, err
		}
		b.editions, b.last = append(b.editions, next), max(b.last, ch.ID)
	}
	return b, nil
}

// asOf is the rules that held at a moment.
func (b *rulebook) asOf(at time.Time) edition { return b.editions[b.index(at)] }

// goesOn is the category in which a need of code goes on that was told at a unit with that path: where it was told for an
// emergency that is over by now, the standing one (C24).
func (b *rulebook) goesOn(code Code, path string, told, now time.Time) Code {
	if c := b.asOf(now).categories[code]; !c.Closed {
		return code
	}
	for _, m := range b.asOf(told).modes {
		i := slices.IndexFunc(m.Open, func(t TemporaryCategory) bool { return t.Code == code })
		if i >= 0 && m.in(path) {
			return m.Open[i].Then
		}
	}
	return code
}

func (b *rulebook) index(at time.Time) int {
	n, exact := slices.BinarySearchFunc(b.editions, at, func(e edition, at time.Time) int { return e.at.Compare(at) })
	if exact {
		return n
	}
	return max(0, n-1)
}

// between are the editions that took effect after one moment and by another.
func (b *rulebook) between(after, until time.Time) []edition {
	return b.editions[b.index(after)+1 : max(b.index(after), b.index(until))+1]
}

// shippedEdition is what holds where nobody has said anything.
func shippedEdition(cal *calendar.Calendar) edition {
	e := edition{at: time.Unix(0, 0).UTC(), categories: map[Code]Category{}, cal: cal}
	for _, c := range shipped {
		e.set(c.asShipped())
	}
	return e
}

// said is what the change that made e says of days.
func (e edition) said() []calendar.DayKind {
	if e.cause.Kind != ofCalendar {
		return nil
	}
	var ch calendar.Change
	if err := json.Unmarshal([]byte(e.cause.Body), &ch); err != nil {
		return nil // it was read before
	}
	return ch.Days
}

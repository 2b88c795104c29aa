package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Calendar knows when time counts: all of it, or only the working hours of working days. The zero
// Calendar counts all of it (K3). It may become another one while it is in use: each answer is of one of them.
type Calendar struct {
	now atomic.Pointer[book]
}

// A book is what a calendar holds: once made it does not change.
type book struct {
	hours []Hours // in the order of their first days; none: every minute counts
	days  map[Day]Kind
}

// Always is the calendar that runs round the clock.
var Always = &Calendar{}

// A Kind says what is special about a day.
type Kind string

// The kinds. An ordinary day is closed at weekends only.
const (
	Ordinary Kind = "ordinary"
	Closed   Kind = "closed"
	MakeUp   Kind = "make_up"
)

// A DayKind is what somebody has said of a day.
type DayKind struct {
	Day  Day    `json:"day"`
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"` // why: 国庆节
}

// Hours are the working hours of a day from a first one on.
type Hours struct {
	From  Day    `json:"from"`
	Spans []Span `json:"spans"`
}

// A Span is part of a day, as times after its midnight, such as 08:30 and 12:00.
type Span struct {
	From string `json:"from" yaml:"from"`
	To   string `json:"to" yaml:"to"`

	from, to time.Duration
}

// ErrHours says that working hours cannot be read, or end before they begin.
var ErrHours = errors.New("no working hours")

// read makes spans of what is written, in their order.
func read(spans []Span) ([]Span, error) {
	var all []Span
	for _, s := range spans {
		from, err1 := time.Parse("15:04", s.From)
		to, err2 := time.Parse("15:04", s.To)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("%w: read %s–%s: %w", ErrHours, s.From, s.To, err)
		}
		s.from, s.to = sinceMidnight(from), sinceMidnight(to)
		if s.from >= s.to || (len(all) > 0 && all[len(all)-1].to > s.from) {
			return nil, fmt.Errorf("%w: %s–%s end before they begin, or before those above", ErrHours, s.From, s.To)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: a working calendar needs them", ErrHours)
	}
	return all, nil
}

// A Change is what somebody says of days and of hours from a day on.
type Change struct {
	Days  []DayKind `json:"days,omitempty"`
	Hours []Hours   `json:"hours,omitempty"`
}

// With is a calendar that differs from c by changes. What counts all of the time goes on doing so.
func (c *Calendar) With(changes ...Change) (*Calendar, error) {
	old := c.book()
	if len(old.hours) == 0 {
		return c, nil
	}
	fresh := &book{hours: slices.Clone(old.hours), days: maps.Clone(old.days)}
	for _, ch := range changes {
		for _, h := range ch.Hours {
			spans, err := read(h.Spans)
			if err != nil {
				return nil, err
			}
			fresh.hours = slices.DeleteFunc(fresh.hours, func(x Hours) bool { return x.From == h.From })
			fresh.hours = append(fresh.hours, Hours{h.From, spans})
			slices.SortFunc(fresh.hours, func(a, b Hours) int { return strings.Compare(string(a.From), string(b.From)) })
		}
		for _, d := range ch.Days {
			fresh.days[d.Day] = d.Kind
		}
	}
	return of(fresh), nil
}

func of(b *book) *Calendar {
	c := &Calendar{}
	c.now.Store(b)
	return c
}

// Become makes c say what other says now.
func (c *Calendar) Become(other *Calendar) { c.now.Store(other.now.Load()) }

// book is what c says now.
func (c *Calendar) book() *book {
	if b := c.now.Load(); b != nil {
		return b
	}
	return &book{}
}

// Parse reads a working calendar, as in configs/holidays.yaml.
func Parse(file []byte) (*Calendar, error) {
	ch, err := ParseChange(file)
	if err != nil {
		return nil, err
	}
	return of(&book{hours: ch.Hours, days: map[Day]Kind{}}).With(Change{Days: ch.Days})
}

// ParseChange reads a working calendar as what it says of days and hours.
func ParseChange(file []byte) (Change, error) {
	var f struct {
		Hours []Span
		Years map[int]struct {
			Closed []struct{ From, To, Name string }
			MakeUp []string `yaml:"makeUp"`
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return Change{}, fmt.Errorf("read working calendar: %w", err)
	}
	spans, err := read(f.Hours)
	if err != nil {
		return Change{}, err
	}
	ch, closed := Change{Hours: []Hours{{"", spans}}}, map[Day]bool{}
	for _, year := range slices.Sorted(maps.Keys(f.Years)) {
		y := f.Years[year]
		for _, h := range y.Closed {
			from, err1 := ParseDay(h.From)
			to, err2 := ParseDay(h.To)
			if err := errors.Join(err1, err2); err != nil {
				return Change{}, fmt.Errorf("read holidays of %d: %w", year, err)
			}
			if to < from {
				return Change{}, fmt.Errorf("%s of %d ends before it begins", h.Name, year)
			}
			for day := from; day <= to; day = day.Add(1) {
				closed[day] = true
				ch.Days = append(ch.Days, DayKind{day, Closed, h.Name})
			}
		}
		for _, s := range y.MakeUp {
			day, err := ParseDay(s)
			if err != nil {
				return Change{}, fmt.Errorf("read make-up days of %d: %w", year, err)
			}
			if closed[day] {
				return Change{}, fmt.Errorf("%s is a holiday and a make-up day", day)
			}
			ch.Days = append(ch.Days, DayKind{Day: day, Kind: MakeUp})
		}
	}
	return ch, nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// Open says whether day is a working day: a weekday that is no holiday, or a make-up day.
func (c *Calendar) Open(day Day) bool { return c.book().open(day) }

func (b *book) open(day Day) bool {
	switch {
	case len(b.hours) == 0 || b.days[day] == MakeUp:
		return true
	case b.days[day] == Closed:
		return false
	}
	switch day.Time().In(Shanghai).Weekday() {
	case time.Saturday, time.Sunday:
		return false
	default:
		return true
	}
}

// spans are the working hours of day, if it is open.
func (b *book) spans(day Day) []Span {
	for _, h := range slices.Backward(b.hours) {
		if h.From <= day {
			return h.Spans
		}
	}
	return b.hours[0].Spans
}

// Said is what is special of day; Ordinary if nothing is.
func (c *Calendar) Said(day Day) Kind {
	if k := c.book().days[day]; k != "" {
		return k
	}
	return Ordinary
}

// Spans are the working hours of day, whether it is open or not; none where every minute counts.
func (c *Calendar) Spans(day Day) []Span {
	b := c.book()
	if len(b.hours) == 0 {
		return nil
	}
	return b.spans(day)
}

// AddWorking is the moment when so many working minutes have passed since t (K2). The end of a span is
// still that day, not the next morning.
func (c *Calendar) AddWorking(t time.Time, minutes int) time.Time {
	return c.After(t, time.Duration(minutes)*time.Minute)
}

// After is AddWorking for any duration, such as what was left when a clock stood still.
func (c *Calendar) After(t time.Time, d time.Duration) time.Time {
	b := c.book()
	if len(b.hours) == 0 || d <= 0 {
		return t.Add(max(d, 0))
	}
	for day := DayOf(t); ; day = day.Add(1) {
		if !b.open(day) {
			continue
		}
		midnight := day.Time()
		for _, s := range b.spans(day) {
			from, to := midnight.Add(s.from), midnight.Add(s.to)
			if t.After(from) {
				from = t
			}
			here := to.Sub(from)
			if here <= 0 {
				continue
			}
			if d <= here {
				return from.Add(d).In(t.Location())
			}
			d -= here
		}
	}
}

// Before is the moment from which so much time counts until t: After(Before(t, d), d) is t again, where t counts. The
// beginning of a span is the end of the one before, as for After.
func (c *Calendar) Before(t time.Time, d time.Duration) time.Time {
	b := c.book()
	if len(b.hours) == 0 || d <= 0 {
		return t.Add(-max(d, 0))
	}
	for day := DayOf(t); ; day = day.Add(-1) {
		if !b.open(day) {
			continue
		}
		midnight := day.Time()
		for _, s := range slices.Backward(b.spans(day)) {
			from, to := midnight.Add(s.from), midnight.Add(s.to)
			if t.Before(to) {
				to = t
			}
			here := to.Sub(from)
			if here <= 0 {
				continue
			}
			if d < here {
				return to.Add(-d).In(t.Location())
			}
			if d -= here; d == 0 {
				return b.endBefore(from).In(t.Location())
			}
		}
	}
}

// endBefore is the end of the last span that is over at t, where one begins.
func (b *book) endBefore(t time.Time) time.Time {
	for day := DayOf(t); ; day = day.Add(-1) {
		if !b.open(day) {
			continue
		}
		for _, s := range slices.Backward(b.spans(day)) {
			if to := day.Time().Add(s.to); !to.After(t) {
				return to
			}
		}
	}
}

// WorkingBetween is how much time counts from one moment to another; none when that is before it.
func (c *Calendar) WorkingBetween(from, to time.Time) time.Duration {
	b := c.book()
	if !to.After(from) {
		return 0
	}
	if len(b.hours) == 0 {
		return to.Sub(from)
	}
	var sum time.Duration
	for day, last := DayOf(from), DayOf(to); day <= last; day = day.Add(1) {
		if !b.open(day) {
			continue
		}
		midnight := day.Time()
		for _, s := range b.spans(day) {
			begin, end := midnight.Add(s.from), midnight.Add(s.to)
			if from.After(begin) {
				begin = from
			}
			if to.Before(end) {
				end = to
			}
			sum += max(end.Sub(begin), 0)
		}
	}
	return sum
}

// OpenDays is how many working days lie after the first day, up to and including the last one.
func (c *Calendar) OpenDays(after, through Day) int {
	b := c.book()
	n := 0
	for day := after.Add(1); day <= through; day = day.Add(1) {
		if b.open(day) {
			n++
		}
	}
	return n
}

// OpenOrBefore is day, or the last working day before it (K19).
func (c *Calendar) OpenOrBefore(day Day) Day {
	b := c.book()
	for !b.open(day) {
		day = day.Add(-1)
	}
	return day
}

// Hours are the moments between which time counts on day, in pairs; for showing.
func (c *Calendar) Hours(day Day) []time.Time {
	b := c.book()
	if !b.open(day) {
		return nil
	}
	spans := []Span{{to: 24 * time.Hour}}
	if len(b.hours) > 0 {
		spans = b.spans(day)
	}
	var pairs []time.Time
	for _, s := range spans {
		pairs = append(pairs, day.Time().Add(s.from), day.Time().Add(s.to))
	}
	return pairs
}

package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Calendar knows when time counts: all of it, or only the working hours of working days. The zero
// Calendar counts all of it (K3).
type Calendar struct {
	hours  []span // of a working day, in order; none: every minute counts
	closed map[Day]bool
	makeUp map[Day]bool
}

// Always is the calendar that runs round the clock.
var Always = &Calendar{}

// A span is part of a day, as times after its midnight.
type span struct{ from, to time.Duration }

// Parse reads a working calendar, as in configs/holidays.yaml.
func Parse(file []byte) (*Calendar, error) {
	var f struct {
		Hours []struct{ From, To string }
		Years map[int]struct {
			Closed []struct{ From, To, Name string }
			MakeUp []string `yaml:"makeUp"`
		}
	}
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("read working calendar: %w", err)
	}
	c := &Calendar{closed: map[Day]bool{}, makeUp: map[Day]bool{}}
	for _, h := range f.Hours {
		from, err1 := time.Parse("15:04", h.From)
		to, err2 := time.Parse("15:04", h.To)
		s := span{sinceMidnight(from), sinceMidnight(to)}
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read working hours %s–%s: %w", h.From, h.To, err)
		}
		if s.from >= s.to || (len(c.hours) > 0 && c.hours[len(c.hours)-1].to > s.from) {
			return nil, fmt.Errorf("working hours %s–%s end before they begin, or before those above", h.From, h.To)
		}
		c.hours = append(c.hours, s)
	}
	if len(c.hours) == 0 {
		return nil, errors.New("a working calendar needs working hours")
	}
	for year, y := range f.Years {
		for _, h := range y.Closed {
			from, err1 := ParseDay(h.From)
			to, err2 := ParseDay(h.To)
			if err := errors.Join(err1, err2); err != nil {
				return nil, fmt.Errorf("read holidays of %d: %w", year, err)
			}
			if to < from {
				return nil, fmt.Errorf("%s of %d ends before it begins", h.Name, year)
			}
			for day := from; day <= to; day = day.Add(1) {
				c.closed[day] = true
			}
		}
		for _, s := range y.MakeUp {
			day, err := ParseDay(s)
			if err != nil {
				return nil, fmt.Errorf("read make-up days of %d: %w", year, err)
			}
			if c.closed[day] {
				return nil, fmt.Errorf("%s is a holiday and a make-up day", day)
			}
			c.makeUp[day] = true
		}
	}
	return c, nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// Open says whether day is a working day: a weekday that is no holiday, or a make-up day.
func (c *Calendar) Open(day Day) bool {
	if len(c.hours) == 0 || c.makeUp[day] {
		return true
	}
	if c.closed[day] {
		return false
	}
	switch day.Time().In(Shanghai).Weekday() {
	case time.Saturday, time.Sunday:
		return false
	default:
		return true
	}
}

// AddWorking is the moment when so many working minutes have passed since t (K2). The end of a span is
// still that day, not the next morning.
func (c *Calendar) AddWorking(t time.Time, minutes int) time.Time {
	return c.After(t, time.Duration(minutes)*time.Minute)
}

// After is AddWorking for any duration, such as what was left when a clock stood still.
func (c *Calendar) After(t time.Time, d time.Duration) time.Time {
	if len(c.hours) == 0 || d <= 0 {
		return t.Add(max(d, 0))
	}
	for day := DayOf(t); ; day = day.Add(1) {
		if !c.Open(day) {
			continue
		}
		midnight := day.Time()
		for _, s := range c.hours {
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
	if len(c.hours) == 0 || d <= 0 {
		return t.Add(-max(d, 0))
	}
	for day := DayOf(t); ; day = day.Add(-1) {
		if !c.Open(day) {
			continue
		}
		midnight := day.Time()
		for _, s := range slices.Backward(c.hours) {
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
				return c.endBefore(from).In(t.Location())
			}
		}
	}
}

// endBefore is the end of the last span that is over at t, where one begins.
func (c *Calendar) endBefore(t time.Time) time.Time {
	for day := DayOf(t); ; day = day.Add(-1) {
		if !c.Open(day) {
			continue
		}
		for _, s := range slices.Backward(c.hours) {
			if to := day.Time().Add(s.to); !to.After(t) {
				return to
			}
		}
	}
}

// WorkingBetween is how much time counts from a to b; none when b is before a.
func (c *Calendar) WorkingBetween(a, b time.Time) time.Duration {
	if !b.After(a) {
		return 0
	}
	if len(c.hours) == 0 {
		return b.Sub(a)
	}
	var sum time.Duration
	for day, last := DayOf(a), DayOf(b); day <= last; day = day.Add(1) {
		if !c.Open(day) {
			continue
		}
		midnight := day.Time()
		for _, s := range c.hours {
			from, to := midnight.Add(s.from), midnight.Add(s.to)
			if a.After(from) {
				from = a
			}
			if b.Before(to) {
				to = b
			}
			sum += max(to.Sub(from), 0)
		}
	}
	return sum
}

// OpenDays is how many working days lie after the first day, up to and including the last one.
func (c *Calendar) OpenDays(after, through Day) int {
	n := 0
	for day := after.Add(1); day <= through; day = day.Add(1) {
		if c.Open(day) {
			n++
		}
	}
	return n
}

// OpenOrBefore is day, or the last working day before it (K19).
func (c *Calendar) OpenOrBefore(day Day) Day {
	for !c.Open(day) {
		day = day.Add(-1)
	}
	return day
}

// Hours are the moments between which time counts on day, in pairs; for showing.
func (c *Calendar) Hours(day Day) []time.Time {
	if !c.Open(day) {
		return nil
	}
	spans := c.hours
	if len(spans) == 0 {
		spans = []span{{0, 24 * time.Hour}}
	}
	return slices.Collect(func(yield func(time.Time) bool) {
		for _, s := range spans {
			if !yield(day.Time().Add(s.from)) || !yield(day.Time().Add(s.to)) {
				return
			}
		}
	})
}

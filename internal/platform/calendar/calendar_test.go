package calendar_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wanjia/configs"
	"wanjia/internal/platform/calendar"
)

func working(t interface{ Fatalf(string, ...any) }) *calendar.Calendar {
	c, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatalf("the calendar that ships: %v", err)
	}
	return c
}

func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, calendar.Shanghai)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func TestWorkingMinutesRunInsideTheCalendarOnly(t *testing.T) { // K2
	t.Parallel()
	c := working(t)
	for _, x := range []struct {
		from    string
		minutes int
		want    string
		why     string
	}{
		{"2026-09-18 16:30", 480, "2026-09-20 17:00", "K2: Saturday is closed, Sunday is a make-up day"},
		{"2026-03-02 11:30", 240, "2026-03-02 17:00", "K1: 30 minutes to noon, 210 from 13:30"},
		{"2026-03-02 11:30", 30, "2026-03-02 12:00", "the end of a span is still that span"},
		{"2026-03-02 12:15", 1, "2026-03-02 13:31", "noon does not count"},
		{"2026-03-02 17:30", 1, "2026-03-03 08:31", "the evening does not count"},
		{"2026-09-30 17:29", 2, "2026-10-08 08:31", "a week of holidays"},
		{"2026-02-28 08:00", 450, "2026-02-28 17:30", "a make-up Saturday"},
		{"2026-03-01 10:00", 0, "2026-03-01 10:00", "nothing to wait for"},
	} {
		if got := c.AddWorking(at(x.from), x.minutes); !got.Equal(at(x.want)) {
			t.Errorf("%s + %d: %v, want %s (%s)", x.from, x.minutes, got.In(calendar.Shanghai), x.want, x.why)
		}
	}
	if got, want := calendar.Always.AddWorking(at("2026-03-07 15:10"), 1440), at("2026-03-08 15:10"); !got.Equal(want) {
		t.Errorf("K3: round the clock: %v, want %v", got, want)
	}
}

func TestAddingAndMeasuringAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := working(t)
		from := at("2025-12-20 00:00").Add(time.Duration(rapid.Int64Range(0, 400*24*3600*1000).Draw(t, "from")) * time.Millisecond)
		d := time.Duration(rapid.Int64Range(1, 40*450*60*1000).Draw(t, "d")) * time.Millisecond
		e := time.Duration(rapid.Int64Range(1, 10*450*60*1000).Draw(t, "e")) * time.Millisecond

		due := c.After(from, d)
		if got := c.WorkingBetween(from, due); got != d {
			t.Fatalf("from %v to %v: %v counts, want %v", from, due, got, d)
		}
		if !c.Open(calendar.DayOf(due)) {
			t.Fatalf("due %v, on a closed day", due)
		}
		if back := c.Before(due, d); c.WorkingBetween(back, due) != d || !c.After(back, d).Equal(due) {
			t.Fatalf("%v before %v is %v, from where %v counts", d, due, back, c.WorkingBetween(back, due))
		}
		if near := c.Before(c.After(from, d+e), e); !near.Equal(due) {
			t.Fatalf("%v before the end is %v, want %v", e, near, due)
		}
		if got, want := c.After(due, e), c.After(from, d+e); !got.Equal(want) {
			t.Fatalf("in two steps %v, in one %v", got, want)
		}
		if got := c.WorkingBetween(from, due) + c.WorkingBetween(due, due.Add(e)); got != c.WorkingBetween(from, due.Add(e)) {
			t.Fatalf("the parts sum to %v", got)
		}
	})
}

// A minute counts if it lies inside the hours of an open day: the oracle walks minute by minute.
func TestMeasuringAgreesWithWalkingMinuteByMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := working(t)
		from := at("2026-01-01 00:00").Add(time.Duration(rapid.IntRange(0, 364*1440).Draw(t, "from")) * time.Minute)
		n := rapid.IntRange(0, 5*1440).Draw(t, "minutes")
		want := 0
		for i := range n {
			m := from.Add(time.Duration(i) * time.Minute)
			clock := m.In(calendar.Shanghai).Format("15:04")
			if c.Open(calendar.DayOf(m)) && (clock >= "08:30" && clock < "12:00" || clock >= "13:30" && clock < "17:30") {
				want++
			}
		}
		if got := c.WorkingBetween(from, from.Add(time.Duration(n)*time.Minute)); got != time.Duration(want)*time.Minute {
			t.Fatalf("%d minutes from %v: %v counts, want %d minutes", n, from, got, want)
		}
	})
}

func TestOpenDaysAreCountedWithoutTheFirst(t *testing.T) {
	t.Parallel()
	c := working(t)
	if got := c.OpenDays("2026-05-13", "2026-05-20"); got != 5 {
		t.Errorf("K20: %d open days after Wednesday 05-13 through 05-20, want 5", got)
	}
	if got := c.OpenDays("2026-05-13", "2026-05-13"); got != 0 {
		t.Errorf("%d open days after today through today, want 0", got)
	}
	if got := c.OpenOrBefore("2026-03-07"); got != "2026-03-06" {
		t.Errorf("K19: reminder of a Saturday on %s, want Friday 2026-03-06", got)
	}
}

func TestQuartersTouchAndDoNotOverlap(t *testing.T) {
	t.Parallel()
	q := calendar.Day("2026-06-30").Quarter()
	if q.String() != "2026-Q2" || q.First() != "2026-04-01" || q.Last() != "2026-06-30" {
		t.Errorf("got %s from %s to %s", q, q.First(), q.Last())
	}
	for range 8 {
		if q.Last().Add(1) != q.Next().First() {
			t.Errorf("%s ends on %s, and the next begins on %s", q, q.Last(), q.Next().First())
		}
		q = q.Next()
	}
}

func TestACalendarWithAMistakeIsRefused(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"no hours":        "years: {}",
		"unknown key":     "hours: [{from: \"08:30\", to: \"12:00\"}]\nholiday: []",
		"backwards hours": "hours: [{from: \"12:00\", to: \"08:30\"}]",
		"overlap":         "hours: [{from: \"08:30\", to: \"12:00\"}, {from: \"11:00\", to: \"17:00\"}]",
		"both":            "hours: [{from: \"08:30\", to: \"12:00\"}]\nyears: {2026: {closed: [{from: 2026-01-01, to: 2026-01-03, name: 元旦}], makeUp: [2026-01-02]}}",
		"no day":          "hours: [{from: \"08:30\", to: \"12:00\"}]\nyears: {2026: {makeUp: [2026-02-30]}}",
		"no time":         "hours: [{from: \"8 Uhr\", to: \"12:00\"}]",
	} {
		if _, err := calendar.Parse([]byte(file)); err == nil || strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

package calendar

import (
	"testing"
	"time"
)

func TestADayBeginsAtMidnightInShanghai(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at   time.Time
		want Day
	}{
		{time.Date(2026, 5, 10, 15, 59, 59, 999e6, time.UTC), "2026-05-10"},
		{time.Date(2026, 5, 10, 16, 0, 0, 0, time.UTC), "2026-05-11"},
	} {
		if got := DayOf(c.at); got != c.want {
			t.Errorf("%v falls on %s, want %s", c.at, got, c.want)
		}
	}
	if got, want := Day("2026-05-11").Time(), time.Date(2026, 5, 10, 16, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("2026-05-11 begins at %v, want %v", got, want)
	}
}

func TestDaysAreAddedOverMonths(t *testing.T) {
	t.Parallel()
	if got := Day("2026-02-27").Add(2); got != "2026-03-01" {
		t.Errorf("two days after 2026-02-27 is %s, want 2026-03-01", got)
	}
	if _, err := ParseDay("2026-02-30"); err == nil {
		t.Error("2026-02-30 is taken for a day")
	}
}

func TestADayEndsAtMidnightInShanghai(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		m, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		one, other string
		want       bool
	}{
		{"2026-03-03T15:59:59Z", "2026-03-03T00:00:00+08:00", true},
		{"2026-03-03T15:59:59Z", "2026-03-03T16:00:00Z", false},
		{"2026-03-03T12:00:00+08:00", "2025-03-03T12:00:00+08:00", false},
		{"2026-12-31T12:00:00+08:00", "2024-12-30T12:00:00+08:00", false}, // the 366th day of one year is the 365th of another
	} {
		if got := SameDay(at(c.one), at(c.other)); got != c.want || got != (DayOf(at(c.one)) == DayOf(at(c.other))) {
			t.Errorf("%s and %s are on one day: %v, want %v", c.one, c.other, got, c.want)
		}
	}
}

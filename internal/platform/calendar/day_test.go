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

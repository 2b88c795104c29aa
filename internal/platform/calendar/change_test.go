package calendar_test

import (
	"errors"
	"testing"

	"wanjia/internal/platform/calendar"
)

func TestACalendarWithAChangeLeavesTheOneBeforeAsItWas(t *testing.T) {
	t.Parallel()
	c := working(t)
	changed, err := c.With(
		calendar.Change{Days: []calendar.DayKind{{Day: "2026-03-03", Kind: calendar.Closed, Name: "停电"}, {Day: "2026-03-07", Kind: calendar.MakeUp}}},
		calendar.Change{Days: []calendar.DayKind{{Day: "2026-02-28", Kind: calendar.Ordinary}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[calendar.Day][2]bool{
		"2026-03-03": {true, false}, "2026-03-07": {false, true}, "2026-02-28": {true, false}, "2026-03-04": {true, true},
	} {
		if got := [2]bool{c.Open(day), changed.Open(day)}; got != want {
			t.Errorf("%s is open before and after: %v, want %v", day, got, want)
		}
	}
	c.Become(changed)
	if c.Open("2026-03-03") {
		t.Error("what became another calendar still says what it said before")
	}
	if got, err := calendar.Always.With(calendar.Change{Days: []calendar.DayKind{{Day: "2026-03-03", Kind: calendar.Closed}}}); err != nil || !got.Open("2026-03-03") {
		t.Errorf("round the clock no day is closed (%v)", err)
	}
}

func TestHoursHoldFromTheirFirstDayOn(t *testing.T) {
	t.Parallel()
	c, err := working(t).With(calendar.Change{Hours: []calendar.Hours{{From: "2026-03-04", Spans: []calendar.Span{{From: "09:00", To: "10:00"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.AddWorking(at("2026-03-03 16:30"), 90), at("2026-03-04 09:30"); !got.Equal(want) {
		t.Errorf("an hour of Tuesday and half of Wednesday: %v, want %v", got, want)
	}
	if got := c.WorkingBetween(at("2026-03-03 00:00"), at("2026-03-05 00:00")).Minutes(); got != 450+60 {
		t.Errorf("%v minutes of both days, want 510", got)
	}
	if _, err := c.With(calendar.Change{Hours: []calendar.Hours{{From: "2026-03-04", Spans: []calendar.Span{{From: "10:00", To: "09:00"}}}}}); !errors.Is(err, calendar.ErrHours) {
		t.Errorf("hours that end before they begin: %v", err)
	}
}

// Package calendar turns moments into days of Asia/Shanghai, and knows which of them are working days.
package calendar

import (
	"fmt"
	"time"
)

// Shanghai is the time zone of everything that people call a day. It has had no summer time since 1991, so a fixed
// offset says it all, and no machine needs a time zone database.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// A Day is a day on the calendar of Shanghai, such as 2026-05-11. Days compare as text.
type Day string

// DayOf is the day that t falls on.
func DayOf(t time.Time) Day { return Day(t.In(Shanghai).Format(time.DateOnly)) }

// SameDay says whether two moments fall on the same day. It is asked for each item that goes to a device, so it writes no day out.
func SameDay(t, u time.Time) bool {
	t, u = t.In(Shanghai), u.In(Shanghai)
	return t.YearDay() == u.YearDay() && t.Year() == u.Year()
}

// ParseDay reads a day as it is written.
func ParseDay(s string) (Day, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, Shanghai)
	if err != nil {
		return "", fmt.Errorf("read day: %w", err)
	}
	return DayOf(t), nil
}

// Time is the moment d begins, in UTC; the zero time if d is no day.
func (d Day) Time() time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), Shanghai)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// Add is the day n days after d.
func (d Day) Add(n int) Day { return DayOf(d.Time().AddDate(0, 0, n)) }

package notify

import (
	"fmt"
	"time"

	"wanjia/internal/platform/calendar"
)

// Clock is a time of the day in Asia/Shanghai, in minutes.
type clockTime int

// hours are when a person is left alone, and when their summary of the day is made.
type hours struct {
	quietFrom, quietTo, digestAt clockTime
}

// usual are the hours of who has set no others (K17, K18).
var usual = hours{quietFrom: 21*60 + 30, quietTo: 7*60 + 30, digestAt: 18 * 60}

// parseClock reads 07:30.
func parseClock(s string) (clockTime, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return 0, fmt.Errorf("%q is no time of a day", s)
	}
	return clockTime(t.Hour()*60 + t.Minute()), nil
}

// String is c as people write it.
func (c clockTime) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

// on is c of day.
func (c clockTime) on(day calendar.Day) time.Time {
	return day.Time().Add(time.Duration(c) * time.Minute)
}

// quietEnd says whether at lies in the quiet hours, and when they are over. Equal ends mean that there are none.
func (h hours) quietEnd(at time.Time) (end time.Time, quiet bool) {
	day := calendar.DayOf(at)
	for _, d := range []calendar.Day{day.Add(-1), day} {
		from, to := h.quietFrom.on(d), h.quietTo.on(d)
		if h.quietTo < h.quietFrom {
			to = h.quietTo.on(d.Add(1))
		}
		if !at.Before(from) && at.Before(to) {
			return to, true
		}
	}
	return time.Time{}, false
}

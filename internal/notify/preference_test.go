package notify

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wanjia/api"
	"wanjia/internal/platform/calendar"
)

// moment is a moment of Shanghai, such as 2026-04-08 21:30:00.000.
func moment(t *testing.T, s string) time.Time {
	t.Helper()
	m, err := time.ParseInLocation("2006-01-02 15:04:05.000", s, time.FixedZone("", 8*3600))
	if err != nil {
		t.Fatal(err)
	}
	return m.UTC()
}

func TestK17_QuietHoursToTheMillisecond(t *testing.T) {
	t.Parallel()
	day := hours{quietFrom: 9 * 60, quietTo: 12 * 60}
	never := hours{quietFrom: 8 * 60, quietTo: 8 * 60}
	midnight := hours{quietFrom: 0, quietTo: 6 * 60}
	untilMidnight := hours{quietFrom: 20 * 60, quietTo: 0}
	for _, c := range []struct {
		h       hours
		at, end string // "": not quiet
	}{
		{usual, "2026-04-08 21:29:59.999", ""},
		{usual, "2026-04-08 21:30:00.000", "2026-04-09 07:30:00.000"},
		{usual, "2026-04-08 23:59:59.999", "2026-04-09 07:30:00.000"},
		{usual, "2026-04-09 00:00:00.000", "2026-04-09 07:30:00.000"},
		{usual, "2026-04-09 07:29:59.999", "2026-04-09 07:30:00.000"},
		{usual, "2026-04-09 07:30:00.000", ""},
		{usual, "2026-12-31 23:59:59.999", "2027-01-01 07:30:00.000"},
		{usual, "2028-02-28 23:00:00.000", "2028-02-29 07:30:00.000"},
		{day, "2026-04-08 08:59:59.999", ""},
		{day, "2026-04-08 09:00:00.000", "2026-04-08 12:00:00.000"},
		{day, "2026-04-08 12:00:00.000", ""},
		{never, "2026-04-08 08:00:00.000", ""},
		{never, "2026-04-08 03:00:00.000", ""},
		{midnight, "2026-04-08 23:59:59.999", ""},
		{midnight, "2026-04-09 00:00:00.000", "2026-04-09 06:00:00.000"},
		{midnight, "2026-04-09 06:00:00.000", ""},
		{untilMidnight, "2026-04-08 23:59:59.999", "2026-04-09 00:00:00.000"},
		{untilMidnight, "2026-04-09 00:00:00.000", ""},
	} {
		end, quiet := c.h.quietEnd(moment(t, c.at))
		if quiet != (c.end != "") || quiet && !end.Equal(moment(t, c.end)) {
			t.Errorf("%v to %v, at %s: quiet %v until %v, want %q", c.h.quietFrom, c.h.quietTo, c.at, quiet, end, c.end)
		}
	}
}

func TestK17_PatienceMayEndInTheNight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prio     int
		told, at string
	}{
		{Prompt, "2026-04-08 21:29:29.999", "2026-04-08 21:29:59.999"},
		{Prompt, "2026-04-08 21:29:30.000", "2026-04-09 07:30:00.000"},
		{Prompt, "2026-04-09 07:29:29.999", "2026-04-09 07:30:00.000"},
		{Prompt, "2026-04-09 07:29:30.000", "2026-04-09 07:30:00.000"},
		{Prompt, "2026-04-09 07:29:30.001", "2026-04-09 07:30:00.001"},
		{Safety, "2026-04-08 23:59:59.999", "2026-04-08 23:59:59.999"},
	} {
		if got := notBefore(c.prio, moment(t, c.told), usual); !got.Equal(moment(t, c.at)) {
			t.Errorf("of priority %d, told at %s: not before %v, want %s", c.prio, c.told, got, c.at)
		}
	}
}

// Shanghai has no summer time: every night of a year is as long, and every day begins at midnight there.
func TestNightsAreAsLongAllTheYear(t *testing.T) {
	t.Parallel()
	for d := calendar.Day("2026-01-01"); d < "2027-01-01"; d = d.Add(1) {
		from := usual.quietFrom.on(d)
		if end, quiet := usual.quietEnd(from); !quiet || end.Sub(from) != 10*time.Hour {
			t.Errorf("the night of %s lasts %v", d, end.Sub(from))
		}
		if got := calendar.DayOf(d.Time().Add(24*time.Hour - time.Millisecond)); got != d {
			t.Errorf("the last millisecond of %s is of %s", d, got)
		}
		if got := d.Add(1).Time().Sub(d.Time()); got != 24*time.Hour {
			t.Errorf("%s lasts %v", d, got)
		}
	}
}

// Whoever sets preferences reads which kinds they cannot mute: no more and no fewer than are refused.
func TestTheContractNamesTheKindsThatCannotBeMuted(t *testing.T) {
	t.Parallel()
	const from, to = "answers to one's own needs", "cannot be muted"
	said := strings.Join(strings.Fields(string(api.Document)), " ")
	_, said, begins := strings.Cut(said, from)
	said, _, ends := strings.Cut(said, to)
	if !begins || !ends {
		t.Fatal("the contract does not say what cannot be muted")
	}
	for name, k := range kinds {
		refused := errors.Is(Preference{Kind: name, WeChat: true, Muted: true}.check(), ErrKindFixed) && k.prio != Safety
		if named := strings.Contains(said, "`"+name+"`"); named != refused {
			t.Errorf("that %s cannot be muted is said: %v, want %v", name, named, refused)
		}
	}
}

// Package report answers how a place is doing from what was recorded, and asks nobody for a number. Small numbers are
// hidden, and nothing is told of single people.
package report

import (
	"slices"
	"strconv"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// ErrPeriod says that a quarter cannot be read or is still to come.
var ErrPeriod = problem.New(problem.Invalid, "report.period_invalid")

// A Quarter is the one period that figures are given for: two answers that overlap would tell their difference (X34).
type Quarter struct{ From, To time.Time } // From <= t < To

// shanghai is where quarters begin.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// ParseQuarter reads 2026-Q1, which must have begun.
func ParseQuarter(text string, now time.Time) (Quarter, error) {
	wrong := ErrPeriod.Field("quarter", ErrPeriod.Code)
	if len(text) != len("2026-Q1") || text[4:6] != "-Q" || text[6] < '1' || text[6] > '4' {
		return Quarter{}, wrong
	}
	year, err := strconv.Atoi(text[:4])
	if err != nil {
		return Quarter{}, wrong
	}
	from := time.Date(year, time.Month(3*int(text[6]-'1')+1), 1, 0, 0, 0, 0, shanghai)
	if from.After(now) {
		return Quarter{}, wrong
	}
	return Quarter{from.UTC(), from.AddDate(0, 3, 0).UTC()}, nil
}

// Indicators are the three of a place and a quarter (A12, C10). A nil figure is not shown.
type Indicators struct {
	Place         org.Unit
	AtLowest      Cell // resolved at level 1
	Above         Cell // resolved above it, or beside the levels
	Resolved      *int
	LowestRate    *float64 // in per cent
	AnswerMinutes *int     // the median until the first answer, of the category's calendar
	Again         Cell     // opened again after their first end
	ReopenedShare *float64 // in per cent
}

// A Cell is a count of a table.
type Cell int

// smallest is the least count that is shown where single cases must not be guessed (X34).
const smallest = 5

// hidden says whether c is shown as "<5".
func (c Cell) hidden() bool { return c > 0 && c < smallest }

// String is c as it is shown.
func (c Cell) String() string {
	if c.hidden() {
		return "<" + strconv.Itoa(smallest)
	}
	return strconv.Itoa(int(c))
}

// of counts what became of requests: the first end of each counts, whatever came later (K11).
func of(results []request.Result) (in Indicators) {
	var minutes []int
	for _, r := range results {
		if r.FirstAnswer != nil {
			minutes = append(minutes, *r.FirstAnswer)
		}
		if r.Reopened {
			in.Again++
		}
		switch {
		case !r.Resolved:
			continue
		case r.Level == 1:
			in.AtLowest++
		default:
			in.Above++
		}
	}
	in.LowestRate, in.Resolved = share(in.AtLowest, in.Above)
	in.ReopenedShare, _ = share(in.Again, Cell(len(results))-in.Again)
	if len(minutes) >= smallest {
		slices.Sort(minutes)
		middle := minutes[len(minutes)/2]
		if len(minutes)%2 == 0 {
			middle = (minutes[len(minutes)/2-1] + middle) / 2
		}
		in.AnswerMinutes = &middle
	}
	return in
}

// share is a of a and b in per cent to one place, and their sum: neither where it would give away a hidden cell. The
// sum alone is shown when both are hidden.
func share(a, b Cell) (percent *float64, sum *int) {
	n := int(a + b)
	if a.hidden() != b.hidden() {
		return nil, nil
	}
	if sum = &n; a.hidden() || n == 0 {
		return nil, sum
	}
	p := float64(int(1000*a)/n) / 10
	return &p, sum
}

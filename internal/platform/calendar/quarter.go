package calendar

import (
	"fmt"
	"time"
)

// A Quarter is three months of a year, such as 2026-Q2.
type Quarter struct {
	Year int
	N    int // 1 to 4
}

// Quarter is the quarter that d lies in.
func (d Day) Quarter() Quarter {
	t := d.Time().In(Shanghai)
	return Quarter{t.Year(), (int(t.Month())-1)/3 + 1}
}

// First is the first day of q.
func (q Quarter) First() Day {
	return DayOf(time.Date(q.Year, time.Month(q.N*3-2), 1, 0, 0, 0, 0, Shanghai))
}

// Last is the last day of q.
func (q Quarter) Last() Day { return q.Next().First().Add(-1) }

// Next is the quarter after q.
func (q Quarter) Next() Quarter {
	if q.N == 4 {
		return Quarter{q.Year + 1, 1}
	}
	return Quarter{q.Year, q.N + 1}
}

func (q Quarter) String() string { return fmt.Sprintf("%d-Q%d", q.Year, q.N) }

package request

import (
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// A Code names a category of needs.
type Code string

// A Type says what sort of need it is (C22).
type Type string

// The types.
const (
	Help        Type = "help"
	Certificate Type = "certificate"
	Report      Type = "report"
	Advice      Type = "advice"
)

// A Category decides where a need starts and by when it should be answered (domain.md §6).
type Category struct {
	Code       Code
	Type       Type
	Always     bool // its minutes run round the clock (K3), else in working hours (K2)
	StartLevel int
	Accept     int // minutes; 0: no target
	Update     int
	Solve      int
	NoUpdateAt int  // the level at which there is no update target; 0: none
	Urgent     bool // a danger: told at once, in quiet hours too (F14)
}

// ErrCategory says that no need can be opened in the category in this way.
var ErrCategory = problem.New(problem.Invalid, "request.category_invalid")

// HolderConcern is the category of what is said about a holder; where it opens follows from who is meant (V6),
// so it is never opened at a door.
const HolderConcern Code = "holder_concern"

// general is the category of needs that fit no other.
const general Code = "general"

var categories = map[Code]Category{
	general:           {Type: Help, StartLevel: 1, Accept: 240, Update: 900, Solve: 2250},
	"cert_travel":     {Type: Certificate, StartLevel: 1, Accept: 30, Update: 60, Solve: 60},
	"dwelling_safety": {Type: Help, Always: true, StartLevel: 1, Accept: 15, Update: 120, Solve: 1440, Urgent: true},
	"pipe_burst":      {Type: Report, Always: true, StartLevel: 1, Accept: 15, Update: 60, Solve: 480, Urgent: true},
	"water_supply":    {Type: Report, StartLevel: 1, Accept: 60, Update: 450, Solve: 1350, NoUpdateAt: 5},
	"advice":          {Type: Advice, StartLevel: 1, Accept: 450, Solve: 4500},
	HolderConcern:     {Type: Report, StartLevel: 1, Accept: 450, Update: 900, Solve: 4500},
}

// category is the one of code, or why a need cannot be opened in it.
func category(code Code) (Category, error) {
	if code == "" {
		code = general
	}
	c, ok := categories[code]
	if !ok || code == HolderConcern {
		return Category{}, ErrCategory.Field("/category", "request.category_invalid")
	}
	c.Code = code
	return c, nil
}

// hours counts time for c: round the clock (K3), or in the working hours of cal (K2).
func (c Category) hours(cal *calendar.Calendar) *calendar.Calendar {
	if c.Always {
		return &calendar.Calendar{}
	}
	return cal
}

// after is when so many of c's minutes are over; nil where c has no target.
func (c Category) after(cal *calendar.Calendar, from time.Time, minutes int) *time.Time {
	if minutes == 0 {
		return nil
	}
	at := c.hours(cal).AddWorking(from, minutes)
	return &at
}

// due sets when r should be accepted, heard of and solved: solving and news count from when it was told,
// accepting from when it reached us (K1).
func (c Category) due(r *Request, cal *calendar.Calendar) {
	r.AcceptDueAt = c.after(cal, r.RecordedAt, c.Accept)
	r.SolveDueAt = c.after(cal, r.HappenedAt, c.Solve)
	c.news(r, cal, r.HappenedAt)
}

// news sets by when the asker should hear of r again, counted from when they last did (K6).
func (c Category) news(r *Request, cal *calendar.Calendar, from time.Time) {
	if r.WaitingSince != nil { // the clock stands still, and has all of its minutes left
		from = *r.WaitingSince
	}
	r.UpdateDueAt = nil
	if c.NoUpdateAt == 0 || c.NoUpdateAt != r.Level { // beside the levels a request stands at 0
		r.UpdateDueAt = c.after(cal, from, c.Update)
	}
}

// goOn lets the clocks of r go on after they stood still: what was left is left (K4).
func (c Category) goOn(r *Request, cal *calendar.Calendar, now time.Time) {
	if r.WaitingSince == nil {
		return
	}
	for _, due := range []**time.Time{&r.UpdateDueAt, &r.SolveDueAt} {
		if *due == nil || !(*due).After(*r.WaitingSince) {
			continue
		}
		at := c.hours(cal).After(now, c.hours(cal).WorkingBetween(*r.WaitingSince, **due))
		*due = &at
	}
	r.WaitingSince, r.WaitUntil = nil, nil
}

// minutes is how many of c's minutes r has had by now, without those in which its clock stood still; nil where c has no
// target.
func (c Category) minutes(r Request, cal *calendar.Calendar, now time.Time) *int {
	if r.SolveDueAt == nil {
		return nil
	}
	used := time.Duration(c.Solve)*time.Minute - c.hours(cal).WorkingBetween(now, *r.SolveDueAt) + c.hours(cal).WorkingBetween(*r.SolveDueAt, now)
	n := int(used / time.Minute)
	return &n
}

// warning is how many minutes before its solve target a holder is warned (K8).
func (c Category) warning() time.Duration { return time.Duration(max(10, c.Solve/6)) * time.Minute }

// inTime says whether the first answer to r kept its solve target.
func (r Request) inTime() bool {
	return r.FirstDueAt != nil && r.FirstClosedAt != nil && !r.FirstClosedAt.After(*r.FirstDueAt)
}

package request

import (
	"time"

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

// A working calendar counts minutes in working hours only, make-up days included.
type working func(from time.Time, minutes int) time.Time

// due sets when r should be accepted, heard of and solved: solving and news count from when it was told,
// accepting from when it reached us (K1).
func (c Category) due(r *Request, add working) {
	after := func(from time.Time, minutes int) *time.Time {
		if minutes == 0 {
			return nil
		}
		at := from.Add(time.Duration(minutes) * time.Minute)
		if !c.Always {
			at = add(from, minutes)
		}
		return &at
	}
	r.AcceptDueAt = after(r.RecordedAt, c.Accept)
	r.SolveDueAt = after(r.HappenedAt, c.Solve)
	r.UpdateDueAt = nil
	if c.NoUpdateAt != r.Level {
		r.UpdateDueAt = after(r.HappenedAt, c.Update)
	}
}

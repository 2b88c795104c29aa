package request

import (
	"slices"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
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

// A Category decides where a need starts and by when it should be answered (domain.md §6). It is dated data (X54).
type Category struct {
	Code       Code   `json:"-"`
	Type       Type   `json:"type"`
	Label      Tongue `json:"label"`
	Danger     Tongue `json:"danger,omitzero"` // what to do before all else; empty: nothing
	Always     bool   `json:"always"`          // its minutes run round the clock (K3), else in working hours (K2)
	StartLevel int    `json:"startLevel"`
	Targets
	Levels []LevelTargets `json:"levels,omitempty"` // where targets differ
	Urgent bool           `json:"urgent"`           // a danger: told at once, in quiet hours too (F14)
	Climbs bool           `json:"climbs"`           // a missed solve target lets it climb one level (O14)
	Closed bool           `json:"closed"`           // no need is opened in it any more

	cal *calendar.Calendar // its minutes run in
}

// A Tongue is a text in both languages.
type Tongue struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Targets are by when something should have happened, in minutes; 0: there is no target.
type Targets struct {
	Accept int `json:"accept"`
	Update int `json:"update"`
	Solve  int `json:"solve"`
}

// LevelTargets are those of a level of the ladder. Solving goes on from level to level (K5): there it has its target or
// none.
type LevelTargets struct {
	Level int `json:"level"`
	Targets
}

// ErrCategory says that no need can be opened in the category in this way.
var ErrCategory = problem.New(problem.Invalid, "request.category_invalid")

// HolderConcern is the category of what is said about a holder; where it opens follows from who is meant (V6),
// so it is never opened at a door.
const HolderConcern Code = "holder_concern"

// general is the category of needs that fit no other.
const general Code = "general"

// shipped are the categories of domain.md §6, as a deployment begins.
var shipped = []Category{
	{Code: general, Type: Help, StartLevel: 1, Targets: Targets{240, 900, 2250}},
	{Code: "cert_travel", Type: Certificate, StartLevel: 1, Targets: Targets{30, 60, 60}},
	{Code: "dwelling_safety", Type: Help, Always: true, StartLevel: 1, Targets: Targets{15, 120, 1440}, Urgent: true},
	{Code: "pipe_burst", Type: Report, Always: true, StartLevel: 1, Targets: Targets{15, 60, 480}, Urgent: true},
	{Code: "water_supply", Type: Report, StartLevel: 1, Targets: Targets{60, 450, 1350}, Levels: []LevelTargets{{5, Targets{60, 0, 1350}}}},
	{Code: "advice", Type: Advice, StartLevel: 1, Targets: Targets{450, 0, 4500}},
	{Code: HolderConcern, Type: Report, StartLevel: 1, Targets: Targets{450, 900, 4500}},
}

// asShipped is c with the texts that ship with it.
func (c Category) asShipped() Category {
	both := func(code string) Tongue { return Tongue{say.Text(say.Chinese, code), say.Text(say.English, code)} }
	c.Label = both("request.category_" + string(c.Code))
	if c.Urgent {
		c.Danger = both("request.danger_" + string(c.Code))
	}
	return c
}

// at is by when c should be answered at a level; beside the levels as where nothing else is said.
func (c Category) at(level int) Targets {
	if i := slices.IndexFunc(c.Levels, func(l LevelTargets) bool { return l.Level == level }); i >= 0 {
		return c.Levels[i].Targets
	}
	return c.Targets
}

// after is when so many of c's minutes are over; nil where c has no target.
func (c Category) after(from time.Time, minutes int) *time.Time {
	if minutes == 0 {
		return nil
	}
	at := c.cal.AddWorking(from, minutes)
	return &at
}

// due sets when r should be accepted, heard of and solved: solving and news count from when it was told,
// accepting from when it reached us (K1).
func (c Category) due(r *Request) {
	r.AcceptDueAt = c.after(r.RecordedAt, c.at(r.Level).Accept)
	c.solve(r, r.HappenedAt)
	c.news(r, r.HappenedAt)
}

// solve starts the clock of solving r.
func (c Category) solve(r *Request, from time.Time) {
	minutes := c.at(r.Level).Solve
	r.SolveDueAt, r.SolveMS = c.after(from, minutes), nil
	if r.SolveDueAt != nil {
		ms := (time.Duration(minutes) * time.Minute).Milliseconds()
		r.SolveMS = &ms
	}
}

// news sets by when the asker should hear of r again, counted from when they last did (K6).
func (c Category) news(r *Request, from time.Time) {
	if r.WaitingSince != nil { // the clock stands still, and has all of its minutes left
		from = *r.WaitingSince
	}
	r.UpdateDueAt = c.after(from, c.at(r.Level).Update)
}

// goOn lets the clocks of r go on after they stood still: what was left is left (K4).
func (c Category) goOn(r *Request, now time.Time) {
	if r.WaitingSince == nil {
		return
	}
	for _, due := range []**time.Time{&r.UpdateDueAt, &r.SolveDueAt} {
		if *due == nil || !(*due).After(*r.WaitingSince) {
			continue
		}
		at := c.cal.After(now, c.cal.WorkingBetween(*r.WaitingSince, **due))
		*due = &at
	}
	r.WaitingSince, r.WaitUntil = nil, nil
}

// target is how much time r has to be solved in.
func (c Category) target(r Request) time.Duration {
	if r.SolveMS == nil { // it was opened before that was kept
		return time.Duration(c.Solve) * time.Minute
	}
	return time.Duration(*r.SolveMS) * time.Millisecond
}

// minutes is how many of c's minutes r has had by now, without those in which its clock stood still; nil where c has no
// target.
func (c Category) minutes(r Request, now time.Time) *int {
	if r.SolveDueAt == nil {
		return nil
	}
	used := c.target(r) - c.cal.WorkingBetween(now, *r.SolveDueAt) + c.cal.WorkingBetween(*r.SolveDueAt, now)
	n := int(used / time.Minute)
	return &n
}

// warning is how long before its solve target a holder is warned (K8).
func (c Category) warning() time.Duration { return time.Duration(max(10, c.Solve/6)) * time.Minute }

// inTime says whether the first answer to r kept its solve target.
func (r Request) inTime() bool {
	return r.FirstDueAt != nil && r.FirstClosedAt != nil && !r.FirstClosedAt.After(*r.FirstDueAt)
}

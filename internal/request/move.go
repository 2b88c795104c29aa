package request

import (
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// What the ladder refuses.
var (
	ErrNotHolder         = problem.New(problem.Forbidden, "request.not_holder")
	ErrIllegalTransition = problem.New(problem.Conflict, "request.illegal_transition")
	ErrTarget            = problem.New(problem.Invalid, "request.target_invalid")
	ErrWait              = problem.New(problem.Invalid, "request.wait_invalid")
	ErrClosureKind       = problem.New(problem.Invalid, "request.closure_kind_required")
	ErrClosureText       = problem.New(problem.Invalid, "request.closure_text_required")
	ErrHandover          = problem.New(problem.Invalid, "request.handover_incomplete")
	ErrDay               = problem.New(problem.Invalid, "request.day_invalid")
	ErrAskerUnnamed      = problem.New(problem.Invalid, "request.asker_unnamed")
	ErrReopenLate        = problem.New(problem.Conflict, "request.reopen_late")
)

const (
	longestWait = 14 * 24 * time.Hour
	usualWait   = 7 * 24 * time.Hour
	reopensFor  = 30 * 24 * time.Hour // O13, unless the deployment says otherwise
	furthestDay = 365                 // days ahead that somebody expects to be done: later is a slip

	// askerKept is for how many days what an asker left is surely kept, which is twelve months: it is there until the call
	// and the days in which they may say that it is not done are over.
	askerKept = 360
)

// furthestCall is how many days ahead somebody says to call back, where requests can be opened again within window.
func furthestCall(window time.Duration) int { return askerKept - int(window/(24*time.Hour)) }

// soon says why a day that somebody has named at pointer, if they have, is not to be believed, or nil.
func soon(pointer string, day, today calendar.Day) error {
	return within(pointer, day, today, furthestDay)
}

func within(pointer string, day, today calendar.Day, days int) error {
	if day != "" && (day < today || day > today.Add(days)) {
		return ErrDay.Field(pointer, ErrDay.Code)
	}
	return nil
}

// refuses is that a move is not one of s, which it names.
func (s State) refuses() error { return ErrIllegalTransition.With("state", string(s)) }

// among says why r is in none of the states, or nil.
func (r Request) among(states ...State) error {
	if guard.On(guard.Rule) && !slices.Contains(states, r.State) {
		return r.State.refuses()
	}
	return nil
}

// anyOpen says why nobody has to act on r any more, or nil.
func (r Request) anyOpen() error {
	return r.among(New, Accepted, InProgress, WaitingResident, Reopened)
}

// heldBy says whether by is the holder of r: acting follows it (V2).
func (r Request) heldBy(by org.Actor) bool {
	s := sightOf(by)
	return r.HolderUnitID == s.unit && (r.HolderRole == s.roles[0] || r.HolderRole == s.roles[1])
}

// placeLed says whether by leads the place of r, or acts for its lead meanwhile.
func (r Request) placeLed(by org.Actor) bool {
	return leading[by.Role] && by.Grid.ID == r.PlaceID || r.ForPlace
}

// mayAct says why by does not act on r, or nil.
func (r Request) mayAct(by org.Actor) error {
	if guard.On(guard.Rule) && !r.heldBy(by) && !r.Interim {
		return ErrNotHolder
	}
	return nil
}

// mayPull says why by does not take r over from below, or nil: a lead above its holder does.
func (r Seen) mayPull(by org.Actor) error {
	above := strings.HasPrefix(r.HolderPath, by.Grid.Path) && strings.HasPrefix(r.UnitPath, by.Grid.Path)
	if guard.On(guard.Rule) && (!leading[by.Role] || by.Grid.ID == 0 || !above || r.heldBy(by)) {
		return problem.ErrForbidden
	}
	return nil
}

// mayReopen says why by does not open r again, or nil: the lead of its place does, or whoever acts for that lead, within window
// (O13). A concern, which that lead may not know of, whoever held it last does. What its askers themselves have taken back nobody opens for them;
// what the holder wrote down as taken back, for them, is opened.
func (r Request) mayReopen(by org.Actor, now time.Time, window time.Duration, forThem bool) error {
	if guard.On(guard.Rule) && !r.placeLed(by) && (r.About == nil || !r.heldBy(by)) {
		return problem.ErrForbidden
	}
	if err := r.over(forThem); err != nil {
		return err
	}
	return r.late(now, window)
}

// over says why r has not ended in a way that it can be opened again after, or nil; forThem is that its holder took it back
// for its askers.
func (r Request) over(forThem bool) error {
	if forThem && r.State == Withdrawn {
		return nil
	}
	return r.among(Resolved, Explained, HandedOver)
}

// late says why it is too late to open r again, or nil: the days of O13 count from its end or, when somebody else took it
// over, from the day on which its askers are called about that.
func (r Request) late(now time.Time, window time.Duration) error {
	if r.ClosedAt == nil {
		return nil
	}
	end := *r.ClosedAt
	if r.State == HandedOver && r.CallBackOn != nil {
		if called := calendar.Day(*r.CallBackOn).Time().Add(reminderAt); called.After(end) {
			end = called
		}
	}
	if !now.Before(end.Add(window)) {
		return ErrReopenLate
	}
	return nil
}

// levelNames are the levels of the ladder, as the figures name where something was resolved (C7).
var levelNames = map[int]string{1: "center_household", 2: "building_group", 3: "grid_branch", 4: "general_branch", 5: "subdistrict"}

// level is where r stands, by name.
func (r Request) level() string {
	switch {
	case r.Level > 0:
		return levelNames[r.Level]
	case r.HolderRole == org.RoleGridAssistant:
		return string(org.RoleGridAssistant)
	}
	return string(org.Section)
}

// goTo gives r to another holder, for whom it is new: accepting and news start again, solving goes on (K5).
func (s *Service) goTo(r *Request, to seat, now time.Time) {
	c := s.category(*r)
	c.goOn(r, now)
	r.State, r.HolderUnitID, r.HolderRole, r.Level, r.ExpectedOn = New, to.Unit, to.Role, to.Level, nil
	r.Holding++
	r.AcceptDueAt = c.after(now, c.at(r.Level).Accept)
	c.news(r, now)
	if c.at(r.Level).Solve == 0 { // what is not defined there is dropped
		r.SolveDueAt = nil
	}
}

// accept stops the clock of accepting; the asker has heard of r (K6).
func (s *Service) accept(r *Request, now time.Time) {
	r.State, r.AcceptDueAt = Accepted, nil
	s.category(*r).news(r, now)
}

// resume lets r go on after its asker was waited for.
func (s *Service) resume(r *Request, now time.Time) {
	c := s.category(*r)
	c.goOn(r, now)
	r.State = InProgress
	c.news(r, now)
}

// close ends the clocks of r. The first answer stays in the statistics, whatever is opened again later (K11).
func (s *Service) close(r *Request, as State, now time.Time) {
	c := s.category(*r)
	c.goOn(r, now)
	if r.FirstClosedAt == nil && as != Withdrawn && as != Merged {
		r.FirstDueAt, r.FirstClosedAt, r.FirstMinutes = r.SolveDueAt, &now, c.minutes(*r, now)
	}
	r.State, r.ClosedAt = as, &now
	r.AcceptDueAt, r.UpdateDueAt = nil, nil
	if as == Resolved {
		r.ResolvedLevel = r.level()
	}
}

// reopen starts r again with its last holder and fresh clocks, by the rules of today (K11).
func (s *Service) reopen(r *Seen, now time.Time) {
	r.State, r.ClosedAt, r.ResolvedLevel, r.CallBackOn, r.ExpectedOn = Reopened, nil, "", nil, nil
	r.Holding++
	r.Reopened++
	s.ruled(&r.Request, r.UnitPath, now)
	c := s.category(r.Request)
	r.AcceptDueAt = c.after(now, c.at(r.Level).Accept)
	c.solve(&r.Request, now)
	c.news(&r.Request, now)
}

// stepped notes that somebody did something for r (K12).
func (r *Request) stepped(now time.Time) { r.SteppedAt = &now }

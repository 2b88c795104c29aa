package request

import (
	"time"

	"wanjia/internal/platform/calendar"
)

// A clockName names one of the clocks of a request (domain.md §6).
type clockName string

// The clocks. The first three are targets, and are missed.
const (
	accepting clockName = "accepting"
	news      clockName = "news"
	solving   clockName = "solving"
	stale     clockName = "stale"
	callBack  clockName = "call_back"
)

// notices is how often a clock says something in one term: accepting to the holder, to the lead, and to whoever stands
// in (K7); solving before and at its target (K8, K9).
var notices = map[clockName]int{accepting: 3, news: 1, solving: 2, stale: 1, callBack: 1}

// staleAfter is how long an open request may lie without a step (K12).
const staleAfter = 168 * time.Hour

// never is when a clock that stands still says its next notice.
var never = time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)

// A timer is a clock of a request that runs, or has said all it has to in its term: a holding, or for solving the time
// until it is answered. One row a clock and request; whoever changes it holds the request.
type timer struct {
	ID      int64      `db:"id"`
	Request ID         `db:"request_id"`
	Clock   clockName  `db:"clock"`
	Term    int        `db:"term"`
	Step    int        `db:"step"` // which notice comes next, from 1
	DueAt   time.Time  `db:"due_at"`
	FiredAt *time.Time `db:"fired_at"`
	SaidIn  int        `db:"said_in"` // the holding in which it last said anything; 0: in none
}

// toldLead says whether t has told whoever leads the present holder of r by now (K7-K9, K12). The clock of solving runs through
// holdings: what it said in an earlier one another lead has heard.
func (t timer) toldLead(r Request, now time.Time) bool {
	if t.Term != r.term(t.Clock) || t.SaidIn != r.Holding {
		return false
	}
	said := t.Step - 1
	if t.FiredAt != nil && !t.DueAt.After(now) {
		said = t.Step
	}
	return t.Clock == accepting && said > 1 || (t.Clock == solving || t.Clock == stale) && said > 0
}

// term is the one that r's clock is in.
func (r Request) term(clock clockName) int {
	if clock == solving {
		return r.Reopened
	}
	return r.Holding
}

// due is when the clock of r says its step-th notice; nil while it does not run.
func (s *Service) due(r Request, clock clockName, step int) *time.Time {
	c := s.category(r)
	open, running := r.State.Open(), r.State.Open() && r.WaitingSince == nil
	switch {
	case clock == accepting && open && r.AcceptDueAt != nil && step == 1:
		return r.AcceptDueAt
	case clock == accepting && open && r.AcceptDueAt != nil:
		minutes := c.at(r.Level).Accept
		if minutes == 0 {
			return nil
		}
		at := r.notBefore(c.cal.AddWorking(*r.AcceptDueAt, (step-1)*minutes))
		return &at
	case clock == news && running:
		return r.UpdateDueAt
	case clock == solving && running && r.SolveDueAt != nil && step == 1:
		at := r.notBefore(c.cal.Before(*r.SolveDueAt, c.warning()))
		if at.After(*r.SolveDueAt) {
			return r.SolveDueAt
		}
		return &at
	case clock == solving && running:
		return r.SolveDueAt
	case clock == stale && running && r.SteppedAt != nil: // whoever waits for the asker lets nothing lie
		at := r.SteppedAt.Add(staleAfter)
		return &at
	case clock == callBack && r.State == HandedOver && r.CallBackOn != nil:
		at := calendar.Day(*r.CallBackOn).Time().Add(reminderAt)
		return &at
	}
	return nil
}

// notBefore is at, or the moment of the rules that r follows: by new ones nothing was due before they held.
func (r Request) notBefore(at time.Time) time.Time {
	if at.Before(r.RulesAt) {
		return r.RulesAt
	}
	return at
}

// next is what t becomes now that r is as it is, and whether it runs: what was said in a term is not said again. A
// step starts the clock of lying still anew, also within a holding.
func (s *Service) next(t timer, r Request) (timer, bool) {
	if term := r.term(t.Clock); t.ID == 0 || t.Term != term {
		t.Term, t.Step, t.FiredAt = term, 1, nil
	}
	due := s.due(r, t.Clock, t.Step)
	if due == nil { // what was said already is still known when the clock goes on
		if t.FiredAt == nil {
			t.DueAt = never
		}
		return t, (r.State.Open() || r.State == Merged) && (t.FiredAt != nil || t.Step > 1)
	}
	if t.Clock == stale && !due.Equal(t.DueAt) {
		t.FiredAt = nil
	}
	if t.FiredAt == nil {
		t.DueAt = *due
	}
	return t, true
}

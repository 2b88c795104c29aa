package household

import (
	"encoding/json"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// A Result says how a visit ended (F10).
type Result string

// The results.
const (
	AllWell  Result = "all_well"
	Needs    Result = "needs"
	NotHome  Result = "not_home"
	Declined Result = "declined"
	Unable   Result = "unable"
)

// results are all of them, in the order they are shown.
var results = []Result{AllWell, Needs, NotHome, Declined, Unable}

// A Reason says why a visit could not be made.
type Reason string

// What a visit refuses.
var (
	ErrNeedsMissing     = problem.New(problem.Invalid, "household.needs_missing")
	ErrNeedsUnexpected  = problem.New(problem.Invalid, "household.needs_unexpected")
	ErrReasonMissing    = problem.New(problem.Invalid, "household.reason_missing")
	ErrReasonUnexpected = problem.New(problem.Invalid, "household.reason_unexpected")
	ErrMuteUnexpected   = problem.New(problem.Invalid, "household.mute_unexpected")
	ErrPromiseAbout     = problem.New(problem.Invalid, "household.promise_about")
	ErrDoorTwice        = problem.New(problem.Invalid, "household.door_twice")
)

// A Visit says that a member called at a household, and how it ended.
type Visit struct {
	ID             VisitID          `db:"id"`
	AreaID         org.UnitID       `db:"unit_id"`
	Premises       ID               `db:"premises_id"`
	PersonID       org.PersonID     `db:"person_id"`
	Assignment     org.AssignmentID `db:"assignment_id"`
	Result         Result           `db:"result"`
	Reason         *Reason          `db:"reason"`
	HappenedAt     time.Time        `db:"happened_at"`
	RecordedAt     time.Time        `db:"recorded_at"`
	ClockUntrusted bool             `db:"clock_untrusted"`
	ClientRef      string           `db:"client_ref"`
}

// onSite says whether v shows that its visitor was at the door that day: whoever could not make the visit may not have
// gone, and a clock that is not believed tells no day.
func (v Visit) onSite() bool { return v.Result != Unable && !v.ClockUntrusted }

// An Account is what a member tells of a visit: all of one house in one submit (X20).
type Account struct {
	Household  ID             `json:"household"`
	Result     Result         `json:"result"`
	Needs      []request.Need `json:"needs"`
	Reason     Reason         `json:"reason"`
	Note       string         `json:"note"`
	MuteDays   int            `json:"muteDays"` // 0: not said
	Promises   []Word         `json:"promises,omitempty"`
	FlagsSeen  []FlagID       `json:"flagsSeen,omitempty"` // that the visit found right
	ClientRef  string         `json:"-"`                   // of the act, for ever
	HappenedAt *time.Time     `json:"happenedAt"`
}

// A Word is what the member promised at the door: about one of the needs, or about nothing that was asked.
type Word struct {
	request.NewPromise
	About int `json:"about,omitempty"` // the number of the need, from 1; 0: the only one, if there is one
}

const (
	mostNeeds     = 5
	usualMuteDays = 90
)

// check says why a cannot be recorded, or nil.
func (a Account) check() error {
	switch {
	case a.Result == Needs && (len(a.Needs) == 0 || len(a.Needs) > mostNeeds):
		return ErrNeedsMissing.Field("/needs", "household.needs_missing")
	case a.Result != Needs && len(a.Needs) > 0:
		return ErrNeedsUnexpected.Field("/needs", "household.needs_unexpected")
	case a.Result == Unable && a.Reason == "":
		return ErrReasonMissing.Field("/reason", "household.reason_missing")
	case a.Result != Unable && a.Reason != "":
		return ErrReasonUnexpected.Field("/reason", "household.reason_unexpected")
	case a.Result != Declined && a.MuteDays != 0:
		return ErrMuteUnexpected.Field("/muteDays", "household.mute_unexpected")
	case a.Result != Needs && a.Result != AllWell && len(a.Promises) > 0:
		return ErrPromiseAbout.Field("/promises", ErrPromiseAbout.Code)
	}
	for _, w := range a.Promises {
		if w.About > len(a.Needs) {
			return ErrPromiseAbout.Field("/promises", ErrPromiseAbout.Code)
		}
	}
	return nil
}

// visit is what a becomes when by records it at now.
func (a Account) visit(by org.Actor, h Household, now time.Time) Visit {
	v := Visit{
		AreaID: h.AreaID, Premises: h.ID, PersonID: by.PersonID, Assignment: by.Assignment,
		Result: a.Result, RecordedAt: now, ClientRef: a.ClientRef,
	}
	if a.Reason != "" {
		v.Reason = &a.Reason
	}
	v.HappenedAt, v.ClockUntrusted = request.Happened(a.HappenedAt, now)
	return v
}

// muteDays is for how long the household wants no visit; 0 if it did not decline one.
func (a Account) muteDays() int {
	switch {
	case a.Result != Declined:
		return 0
	case a.MuteDays > 0:
		return a.MuteDays
	}
	return usualMuteDays
}

// content is what makes two tellings of one act the same.
func (a Account) content() ([]byte, error) { return json.Marshal(a) }

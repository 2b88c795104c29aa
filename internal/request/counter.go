package request

import (
	"context"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// A CounterStepID names a step at a counter.
type CounterStepID int64

// A CounterState says how far a step at a counter has come (domain.md §5.2).
type CounterState string

// The states.
const (
	CounterWaiting   CounterState = "waiting"
	CounterDone      CounterState = "done"
	CounterNotNeeded CounterState = "not_needed"
)

// ErrCounter says that nobody can be sent there.
var ErrCounter = problem.New(problem.Invalid, "counter.place_invalid")

// A Counter (窗口) is where somebody is served.
type Counter struct {
	ID    int64
	Unit  org.Unit // the level-4 place it lies in
	Label string
}

// A CounterFinder finds a counter that is used today. Places are kept in a package above this one.
type CounterFinder func(ctx context.Context, q db.Queryer, id int64) (Counter, error)

// A CounterStep (窗口办理) is something an asker does at a counter: which one, and whether it is done, is all that is
// kept (C18).
type CounterStep struct {
	ID      CounterStepID `db:"id"`
	Request ID            `db:"request_id"`
	PlaceID int64         `db:"place_id"`
	Label   string        `db:"place_label"`
	UnitID  org.UnitID    `db:"unit_id"`
	State   CounterState  `db:"state"`
	Closes  bool          `db:"closes"` // done, it resolves the request
	AddedAt time.Time     `db:"added_at"`
}

// sameSubdistrict says whether two grid units, by their paths, lie in one subdistrict: /district/subdistrict/….
func sameSubdistrict(a, b string) bool {
	one, two := strings.SplitN(a, "/", 4), strings.SplitN(b, "/", 4)
	return len(one) == 4 && len(two) == 4 && one[2] == two[2]
}

// FinishedStep is a step at a counter as somebody has finished it: what a clerk may know.
type FinishedStep struct {
	ID     CounterStepID
	Label  string
	State  CounterState
	Closed bool // the request is resolved by it
}

package household

import (
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// What the upkeep of buildings, entrances and doors refuses.
var (
	ErrBuildingThere = problem.New(problem.Conflict, "household.building_there")
	ErrDoorThere     = problem.New(problem.Conflict, "household.door_there")
	ErrHangs         = problem.New(problem.Conflict, "household.ends_in_use")
	ErrHomeKept      = problem.New(problem.Conflict, "household.empties_in_use")
	ErrNumber        = problem.New(problem.Invalid, "household.number_invalid")
)

// A Doorway is premises as whoever keeps a place in order sees them: the door, and nothing of who lives behind it.
type Doorway struct {
	ID         ID            `db:"id"`
	EntranceID EntranceID    `db:"entrance_id"`
	Door       string        `db:"door"`
	Kind       Kind          `db:"kind"`
	Occupied   bool          `db:"occupied"`
	EndedOn    *calendar.Day `db:"ended_on"`
	Version    int64         `db:"version"`
}

// A Mark says whether anybody lives behind a door.
type Mark struct {
	Version   int64
	Empty     bool
	Confirmed bool // that all that is kept of those who lived there goes with it, for good
}

// A Marked is a door that was marked, and what ended with whoever lived there.
type Marked struct {
	Doorway
	Ended []Use
}

// A Use is a kind of thing that hangs on what would end, and how many of it do.
type Use struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// canEnd says why what uses counts keeps something from ending, or nil.
func canEnd(uses []Use) error {
	if len(uses) == 0 {
		return nil
	}
	return ErrHangs.With("uses", uses)
}

// properNumber says why a building, entrance or door cannot be called number, or nil: what is seen of it is said of it.
func properNumber(number string) error {
	if number == "" || strings.TrimSpace(number) != number {
		return ErrNumber.Field("/number", ErrNumber.Code)
	}
	return nil
}

// keepsOrder says whether by keeps the buildings and doors of their places in order (X1).
func keepsOrder(by org.Actor) bool {
	return by.Role == org.RoleGeneralSecretary || by.Role == org.RoleBranchSecretary
}

// Package household keeps the homes that members look after, the areas they belong to (责任区), and the visits
// (走访) paid to them with what came out of those.
//
// A door lies in an area through its entrance, from a day on: an entrance is the smallest thing dealt to an area,
// a staircase's door in a community, in a village the door of the house itself.
package household

import (
	"fmt"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// Identifiers, a type each so that two cannot change places.
type (
	// BuildingID names a building.
	BuildingID int64
	// EntranceID names an entrance, or the door of a house of its own.
	EntranceID int64
	// ID names premises; a household is premises of the kind home.
	ID int64
	// VisitID names a visit.
	VisitID int64
)

// A Kind says what is behind a door (A7).
type Kind string

// The kinds.
const (
	Home     Kind = "home"
	Shop     Kind = "shop"
	Workshop Kind = "workshop"
)

// What homes and areas refuse.
var (
	ErrEntranceAssigned = problem.New(problem.Conflict, "org.entrance_assigned")
	ErrEntrancePlace    = problem.New(problem.Invalid, "household.entrance_place")
	ErrNoArea           = problem.New(problem.Invalid, "household.no_area")
	ErrInUse            = problem.New(problem.Conflict, "household.in_use")
	ErrDay              = problem.New(problem.Invalid, "household.day_invalid")
	ErrNoContact        = problem.New(problem.NotFound, "household.no_contact")
)

// A Building (楼栋) stands in a place and has entrances.
type Building struct {
	ID        BuildingID `db:"id"`
	PlaceID   org.UnitID `db:"place_id"`
	Number    string     `db:"number"`
	Entrances int        `db:"entrances"` // that are there
	Version   int64      `db:"version"`
}

// An Entrance (单元门) is the smallest thing dealt to an area.
type Entrance struct {
	ID         EntranceID  `db:"id"`
	PlaceID    org.UnitID  `db:"place_id"`
	BuildingID *BuildingID `db:"building_id"` // nil: the door of a house in a village, or of a shop
	Number     string      `db:"number"`
	Label      string      `db:"label"`
	AreaID     *org.UnitID `db:"area_id"` // today; nil: it lies in none
	Doors      int         `db:"doors"`   // that are there
	Version    int64       `db:"version"`
}

// EntranceLabel is how people say an entrance; without a building its number alone.
func EntranceLabel(building, entrance string) string {
	if building == "" {
		return entrance
	}
	return fmt.Sprintf("%s栋%s单元", building, entrance)
}

// Premises are what lies behind one door.
type Premises struct {
	EntranceID EntranceID
	Door       string
	Kind       Kind
	Empty      bool // nobody lives there
}

// A Household is premises as they lie in an area today.
type Household struct {
	ID       ID         `db:"id"`
	AreaID   org.UnitID `db:"area_id"`
	AreaName string     `db:"area_name"`
	Entrance string     `db:"entrance"`
	Door     string     `db:"door"`
	Kind     Kind       `db:"kind"`
	Occupied bool       `db:"occupied"`
}

// canBeDealt says why e cannot lie in area from a day on, or nil. taken are the spans in which it lies in one.
func (e Entrance) canBeDealt(place org.UnitID, from calendar.Day, taken []org.Span) error {
	if e.PlaceID != place {
		return ErrEntrancePlace
	}
	for _, s := range taken {
		if s.Overlaps(org.Span{From: from}) {
			return ErrEntranceAssigned.With("entrance", e.Label)
		}
	}
	return nil
}

// readsDoors are the roles that may see the doors of their unit and below (domain.md §3.5, HH): holders with what
// is known, leads as a list and nothing more.
var readsDoors = map[org.Role]bool{
	org.RoleAreaHolder: true, org.RoleGroupLeader: true, org.RoleGeneralSecretary: true, org.RoleBranchSecretary: true,
}

// holdsArea says whether by looks after homes: they act in the role that does, in an area.
func holdsArea(by org.Actor) bool {
	return by.Role == org.RoleAreaHolder && by.Grid.Kind == org.Area
}

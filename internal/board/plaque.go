package board

import (
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// PlaqueID names a plaque.
type PlaqueID int64

// ErrPlaqueText says that a plaque would say something else than a name and the standard oath (E2).
var ErrPlaqueText = problem.New(problem.Invalid, "board.plaque_text")

// The states of a plaque (domain.md §5.2).
const (
	PlaqueProposed  State = "proposed"
	PlaqueConsented State = "consented"
	PlaqueIssued    State = "issued"
	PlaqueHung      State = "hung"
	PlaqueSuspended State = "suspended"
	PlaqueReturned  State = "returned"
)

// follows are the states that each may come after.
var follows = map[State][]State{
	PlaqueConsented: {PlaqueProposed},
	PlaqueIssued:    {PlaqueConsented},
	PlaqueHung:      {PlaqueIssued, PlaqueSuspended},
	PlaqueSuspended: {PlaqueHung},
	PlaqueReturned:  {PlaqueIssued, PlaqueHung, PlaqueSuspended},
}

// oaths are the versions of the words beside the name. A new version is added, and none is changed: it hangs somewhere.
var oaths = map[int]string{1: "我是共产党员，有困难请找我。"}

// oath is the version that a new plaque gets.
const oath = 1

// A Plaque (共产党员户标牌) hangs at the door of a member who agrees to it.
type Plaque struct {
	ID          PlaqueID     `db:"id"`
	PersonID    org.PersonID `db:"person_id"`
	PlaceID     org.UnitID   `db:"place_id"`
	Building    string       `db:"building"` // number; "": a house by itself
	AreaName    string       `db:"area_name"`
	Entrance    string       `db:"entrance"`
	Door        string       `db:"door"`
	Oath        int          `db:"oath"`
	State       State        `db:"state"`
	DoorShown   bool         `db:"door_shown"`
	Reason      string       `db:"reason"`
	ProposedAt  time.Time    `db:"proposed_at"`
	ConsentedAt *time.Time   `db:"consented_at"`
	IssuedAt    *time.Time   `db:"issued_at"`
	HungAt      *time.Time   `db:"hung_at"`
	SuspendedAt *time.Time   `db:"suspended_at"`
	ReturnedAt  *time.Time   `db:"returned_at"`
	OrderedAt   *time.Time   `db:"ordered_at"`
	Version     int64        `db:"version"`

	Name     string `db:"-"` // as whoever asks may see it
	Portrait bool   `db:"-"` // is shown beside it
}

// text is what a plaque says of somebody, and nothing more (E2).
func text(name string, oath int) string { return name + "\n" + oaths[oath] }

// sameText says why what somebody wants on a plaque cannot stand there, or nil: it is name and oath already.
func sameText(said, name string) error {
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	if said != "" && squeeze(said) != squeeze(text(name, oath)) {
		return ErrPlaqueText.Field("/text", ErrPlaqueText.Code)
	}
	return nil
}

// canBecome says why p cannot go on to next, or nil.
func (p Plaque) canBecome(next State) error {
	if guard.On(guard.Rule) && !slices.Contains(follows[next], p.State) {
		return ErrIllegalTransition.With("state", string(p.State))
	}
	if next == PlaqueHung && p.OrderedAt != nil { // its member wants it back
		return ErrIllegalTransition.With("state", string(p.State))
	}
	return nil
}

// building is how the public list says where p hangs: the building or, of a house by itself, the area that it lies in.
func (p Plaque) building() string {
	if p.Building != "" {
		return p.Building + "栋"
	}
	return p.AreaName
}

// door is the door as people say it.
func (p Plaque) door() string {
	if p.Building == "" {
		return p.Door
	}
	return p.Entrance + p.Door
}

package household

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// SplitID names a split.
type SplitID int64

// A SplitState says how far a split has come.
type SplitState string

// The states of a split.
const (
	SplitDraft     SplitState = "draft"
	SplitProposed  SplitState = "proposed"
	SplitDeclined  SplitState = "declined"
	SplitChanged   SplitState = "changed" // all have said yes, and it could be applied no more
	SplitWithdrawn SplitState = "withdrawn"
	SplitApplied   SplitState = "applied"
)

// told is the kind of item by which people hear that s is settled. Whatever else became of it than was proposed, they read
// in the split.
func (s Split) told() string {
	if s.State == SplitApplied {
		return "split.applied"
	}
	return "split.declined"
}

// What splits refuse.
var (
	ErrSplit        = problem.New(problem.Invalid, "household.split_invalid")
	ErrSplitChanged = problem.New(problem.Conflict, "household.split_changed")
	ErrSplitReason  = problem.New(problem.Invalid, "household.split_reason")
	ErrTransition   = problem.New(problem.Conflict, "household.illegal_transition")
)

// A Split (责任区拆分) says which entrances of a place are to lie in another of its areas. It is drafted with a preview,
// proposed to the holders of the areas that get doors, and applied in one transaction when all of them have accepted (X1).
// One that can be applied no more by then, or is taken back before, moves nothing.
type Split struct {
	ID         SplitID          `db:"id"`
	PlaceID    org.UnitID       `db:"place_id"`
	State      SplitState       `db:"state"`
	Reason     string           `db:"reason"`
	DraftedBy  org.PersonID     `db:"drafted_by"`
	DraftedAs  org.AssignmentID `db:"drafted_as"`
	DraftedAt  time.Time        `db:"drafted_at"`
	ProposedAt *time.Time       `db:"proposed_at"`
	SettledAt  *time.Time       `db:"settled_at"`
	Version    int64            `db:"version"`
}

// A Move puts an entrance into another area.
type Move struct {
	Entrance EntranceID
	To       org.UnitID
}

// A SplitArea is an area that a split concerns: what it has, and what it would have.
type SplitArea struct {
	ID          org.UnitID `db:"id"`
	Name        string     `db:"name"`
	Before      int        `db:"homes"`
	After       int        `db:"-"`
	DoorsBefore int        `db:"doors"` // with shops and workshops
	DoorsAfter  int        `db:"-"`
	Answer      string     `db:"-"` // of an area that gets doors: asked, accepted or declined
	Why         string     `db:"-"`
}

// see says of a what moves change about it, which have been carried out already or not yet.
func (a *SplitArea) see(moves []Stair, moved bool) {
	homes, doors := 0, 0
	for _, m := range moves {
		switch a.ID {
		case m.Moving:
			homes, doors = homes+m.Homes, doors+m.Doors
		case m.From:
			homes, doors = homes-m.Homes, doors-m.Doors
		}
	}
	a.After, a.DoorsAfter = a.Before, a.DoorsBefore
	if moved { // what is is what was to be
		a.Before, a.DoorsBefore = a.Before-homes, a.DoorsBefore-doors
	} else {
		a.After, a.DoorsAfter = a.After+homes, a.DoorsAfter+doors
	}
}

// A SplitView is a split with its preview.
type SplitView struct {
	Split
	Moves []Stair
	Areas []SplitArea
}

// drafting are the roles that draft and propose splits.
var drafting = []org.Role{org.RoleGeneralSecretary, org.RoleBranchSecretary}

// canMove says why the stairs of a place cannot go where moves say, or nil. areas are those of the place.
func canMove(moves []Move, stairs []Stair, areas []org.Unit) error {
	seen := map[EntranceID]bool{}
	for _, m := range moves {
		i := slices.IndexFunc(stairs, func(s Stair) bool { return s.ID == m.Entrance })
		there := slices.ContainsFunc(areas, func(u org.Unit) bool { return u.ID == m.To })
		if i < 0 || !there {
			return problem.ErrNotFound
		}
		if seen[m.Entrance] || stairs[i].Areas != 1 || stairs[i].From == m.To {
			return ErrSplit.Field("/moves", ErrSplit.Code)
		}
		seen[m.Entrance] = true
	}
	return nil
}

// among says why s is not in a state, or nil.
func (s Split) among(state SplitState) error {
	if guard.On(guard.Rule) && s.State != state {
		return ErrTransition.With("state", string(s.State))
	}
	return nil
}

// answersFor says whether by answers for an area that gets doors: its holder, or while it has none whoever stands in.
func answersFor(ctx context.Context, q db.Queryer, by org.Actor, area org.UnitID) (bool, error) {
	if holdsArea(by) && by.Grid.ID == area {
		return true, nil
	}
	u, err := org.UnitByID(ctx, q, area)
	if err != nil {
		return false, err
	}
	return org.StandsIn(ctx, q, by, u)
}

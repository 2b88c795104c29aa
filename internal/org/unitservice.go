package org

import (
	"context"
	"slices"

	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// shapers are the roles that change the structure below their unit (§3.5, column UN).
var shapers = []Role{RoleGridSecretary, RoleGeneralSecretary, RoleBranchSecretary, RolePartyOffice, RoleSystemAdmin}

// findToShape returns a unit that by may change; another is not found (B34), and one that has ended is as it was.
func findToShape(ctx context.Context, tx *db.Tx, by Actor, id UnitID) (Unit, error) {
	// Held, so that whoever puts something below a unit and whoever moves that unit take turns.
	var u Unit
	err := tx.Get(ctx, &u, `SELECT id, tree, kind, name, path, level FROM unit WHERE id = ?`+db.ForUpdate, id)
	if err != nil {
		return Unit{}, db.Wrap(err, problem.ErrNotFound, "hold unit %d", id)
	}
	if err := mayShape(by, u); err != nil {
		return Unit{}, err
	}
	return u, standing(ctx, tx, id)
}

// mayShape says why by cannot change u, or nil.
func mayShape(by Actor, u Unit) error {
	switch {
	case !by.Sees(u):
		return problem.ErrNotFound
	case by.system || !guard.On(guard.Rule):
		return nil
	case !slices.Contains(shapers, by.Role):
		return problem.ErrForbidden
	case by.Role == RoleGridSecretary && u.ID != by.Grid.ID && u.ID != by.Party.ID: // their own unit, not what lies below
		return problem.ErrForbidden
	}
	return nil
}

// Add puts a unit below the parent n names.
func (s *Service) Add(ctx context.Context, by Actor, n NewUnit) (u Unit, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &u, func(tx *db.Tx) error {
		if n.Parent, err = findToShape(ctx, tx, by, n.Parent.ID); err != nil {
			return err
		}
		if n.From == "" {
			n.From = calendar.DayOf(tx.Now)
		}
		if err := n.detail(ctx, tx, by); err != nil {
			return err
		}
		if u, err = AddUnit(ctx, tx, n); err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.unit_added", "unit", int64(u.ID)))
		return nil
	})
	return u, err
}

// detail says why n has a detail that its kind does not have, or nil (§3.1).
func (n NewUnit) detail(ctx context.Context, q db.Queryer, by Actor) error {
	switch {
	case n.Kind != Subdistrict && (n.AreaKm2 != 0 || n.FilingNo != ""):
		return ErrDetail.Field("/areaKm2", "only_subdistrict")
	case n.Kind != Enterprise && (n.Ownership != "" || n.Park != 0):
		return ErrDetail.Field("/ownership", "only_enterprise")
	case n.Kind == Enterprise && n.Ownership == "":
		return ErrDetail.Field("/ownership", "missing")
	case IsPlace(n.Kind) != (n.Sector != ""):
		return ErrDetail.Field("/sector", "each_place_has_one") // A6
	}
	if n.Sector != "" {
		sectors, err := Sectors(ctx, q, n.Parent.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(sectors, func(s Sector) bool { return s.Code == n.Sector }) {
			return ErrDetail.Field("/sector", "no_such_sector")
		}
	}
	if n.Park == 0 {
		return nil
	}
	park, err := FindUnit(ctx, q, by, n.Park)
	if err == nil && park.Kind != IndustrialPark {
		return ErrDetail.Field("/parkId", "no_park")
	}
	return err
}

// Move puts a unit below another parent from today on, and everything below it goes along (T4).
func (s *Service) Move(ctx context.Context, by Actor, id, to UnitID) (u Unit, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &u, func(tx *db.Tx) error {
		// In ascending order, so that two moves between the same units wait instead of deadlocking.
		held := map[UnitID]Unit{}
		for _, id := range []UnitID{min(id, to), max(id, to)} {
			if held[id], err = findToShape(ctx, tx, by, id); err != nil {
				return err
			}
		}
		if err := s.mayLeave(ctx, tx, held[id], held[to]); err != nil {
			return err
		}
		u, err = move(ctx, tx, held[id], held[to])
		if err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.unit_moved", "unit", int64(u.ID)))
		return s.tellBelow(ctx, tx, by, u)
	})
	return u, err
}

// mayLeave says why u cannot lie below parent, or nil: what is looked after in one place stays there, so an area
// leaves its place only when nothing hangs on it or on what lies below it any more.
func (s *Service) mayLeave(ctx context.Context, tx *db.Tx, u, parent Unit) error {
	place, err := PlaceOf(ctx, tx, u)
	if err != nil || place.ID == 0 || place.ID == u.ID {
		return err
	}
	to, err := PlaceOf(ctx, tx, parent)
	if err != nil || to.ID == place.ID {
		return err
	}
	var ids []UnitID
	from, until := below(u)
	if err := tx.Select(ctx, &ids, `SELECT id FROM unit WHERE path >= ? AND path < ?`, from, until); err != nil {
		return db.Wrap(err, nil, "find what lies below unit %d", u.ID)
	}
	uses := make([]Use, 0, len(s.inUse))
	for _, use := range s.inUse {
		all := Use{What: use.What}
		for _, id := range ids {
			n, err := use.Count(ctx, tx, id)
			if err != nil {
				return db.Wrap(err, nil, "count the %s of unit %d", use.What, id)
			}
			all.Count += n
		}
		if all.Count > 0 {
			uses = append(uses, all)
		}
	}
	if len(uses) > 0 {
		return ErrUnitInUse.With("uses", uses)
	}
	return nil
}

func move(ctx context.Context, tx *db.Tx, u, parent Unit) (Unit, error) {
	if u.Covers(parent) {
		return Unit{}, ErrParent
	}
	if len(shapes[u.Kind].parents) == 0 {
		return Unit{}, ErrParent
	}
	if err := u.Kind.Under(parent); err != nil {
		return Unit{}, err
	}
	if err := moveEdge(ctx, tx, u.ID, parent.ID, calendar.DayOf(tx.Now)); err != nil {
		return Unit{}, err
	}
	return rewritePaths(ctx, tx, u, parent)
}

// End ends a unit from today on, if nothing hangs on it any more (T6).
func (s *Service) End(ctx context.Context, by Actor, id UnitID) (u Unit, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &u, func(tx *db.Tx) error {
		if u, err = findToShape(ctx, tx, by, id); err != nil {
			return err
		}
		uses, err := s.uses(ctx, tx, u)
		if err != nil {
			return err
		}
		if len(uses) > 0 {
			return ErrUnitInUse.With("uses", uses)
		}
		if err := endUnit(ctx, tx, u, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.unit_ended", "unit", int64(u.ID)))
		return nil
	})
	return u, err
}

// A Use is a kind of thing that hangs on a unit, and how many of it do.
type Use struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

func (s *Service) uses(ctx context.Context, tx *db.Tx, u Unit) (uses []Use, err error) {
	day := calendar.DayOf(tx.Now)
	own := []InUse{
		{"units", func(ctx context.Context, q db.Queryer, u UnitID) (n int, err error) {
			return n, q.Get(ctx, &n, `
				SELECT COUNT(*) FROM unit WHERE parent_id = ? AND (valid_to IS NULL OR valid_to > ?)`, u, day)
		}},
		{"assignments", func(ctx context.Context, q db.Queryer, u UnitID) (n int, err error) {
			return n, q.Get(ctx, &n, `
				SELECT COUNT(*) FROM role_assignment WHERE unit_id = ? AND (valid_to IS NULL OR valid_to > ?)`, u, day)
		}},
	}
	for _, use := range append(own, s.inUse...) {
		n, err := use.Count(ctx, tx, u.ID)
		if err != nil {
			return nil, db.Wrap(err, nil, "count the %s of unit %d", use.What, u.ID)
		}
		if n > 0 {
			uses = append(uses, Use{use.What, n})
		}
	}
	return uses, nil
}

// Link says that a party unit answers for a grid unit from today on (T2, T9).
func (s *Service) Link(ctx context.Context, by Actor, party, grid UnitID) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		p, err := findToShape(ctx, tx, by, party)
		if err != nil {
			return err
		}
		g, err := findToShape(ctx, tx, by, grid)
		if err != nil {
			return err
		}
		if err := Link(ctx, tx, p, g, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.units_linked", "unit", int64(p.ID)))
		return s.tellAt(ctx, tx, by, p, g)
	})
}

// Unlink ends what a party unit answers for, from today on.
func (s *Service) Unlink(ctx context.Context, by Actor, party UnitID) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		p, err := findToShape(ctx, tx, by, party)
		if err != nil {
			return err
		}
		g, err := LinkedGrid(ctx, tx, p.ID, calendar.DayOf(tx.Now))
		if err != nil {
			return err
		}
		if g.ID == 0 {
			return ErrNoLink
		}
		if err := closeLinks(ctx, tx, p.ID, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.units_unlinked", "unit", int64(p.ID)))
		return s.tellAt(ctx, tx, by, p, g)
	})
}

// SetLabels says what a level-4 place calls its levels, from today on (C1, A5).
func (s *Service) SetLabels(ctx context.Context, by Actor, id UnitID, version int64, labels map[int]string) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		u, err := findToShape(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if !IsPlace(u.Kind) {
			return ErrDetail.Field("/labels", "only_places")
		}
		if err := nextVersion(ctx, tx, u.ID, version); err != nil {
			return err
		}
		for _, level := range []int{4, 3, 2, 1} {
			if err := SetLabel(ctx, tx, u.ID, level, labels[level], calendar.DayOf(tx.Now)); err != nil {
				return err
			}
		}
		audit.Note(tx, by.Did("org.labels_set", "unit", int64(u.ID)))
		return nil
	})
}

package org

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// FindUnit returns the unit if by may act or look below their own unit there; outside is not found.
func FindUnit(ctx context.Context, q db.Queryer, by Actor, id UnitID) (Unit, error) {
	u, err := UnitByID(ctx, q, id)
	if err == nil && !by.Sees(u) {
		err = problem.ErrNotFound
	}
	if err != nil {
		return Unit{}, err
	}
	return u, nil
}

// FindStanding is FindUnit for what is to begin there: a unit that has ended takes nothing more (T6).
func FindStanding(ctx context.Context, q db.Queryer, by Actor, id UnitID) (Unit, error) {
	u, err := FindUnit(ctx, q, by, id)
	if err != nil {
		return Unit{}, err
	}
	return u, standing(ctx, q, id)
}

// standing says that a unit has not ended by today, or that it has.
func standing(ctx context.Context, q db.Queryer, id UnitID) error {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM unit WHERE id = ? AND valid_to <= ?`, id, calendar.DayOf(db.NowOf(q)))
	if err == nil && n > 0 {
		return ErrIllegalTransition.With("state", "ended")
	}
	return db.Wrap(err, nil, "look whether unit %d has ended", id)
}

// UnitByID returns the unit, whoever asks.
func UnitByID(ctx context.Context, q db.Queryer, id UnitID) (u Unit, err error) {
	err = q.Get(ctx, &u, `SELECT id, tree, kind, name, path, level FROM unit WHERE id = ?`, id)
	return u, db.Wrap(err, problem.ErrNotFound, "find unit %d", id)
}

// UnitsByID returns those of the units that exist, by id, whoever asks.
func UnitsByID(ctx context.Context, q db.Queryer, ids ...UnitID) (map[UnitID]Unit, error) {
	found := make(map[UnitID]Unit, len(ids))
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(`SELECT id, tree, kind, name, path, level FROM unit WHERE id IN (?)`, some)
		if err != nil {
			return nil, err
		}
		var units []Unit
		if err := q.Select(ctx, &units, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find %d units", len(some))
		}
		for _, u := range units {
			found[u.ID] = u
		}
	}
	return found, nil
}

// Parent is the unit above u today; the zero Unit above a root.
func Parent(ctx context.Context, q db.Queryer, u Unit) (Unit, error) {
	above := u.Above()
	if len(above) == 0 {
		return Unit{}, nil
	}
	return UnitByID(ctx, q, above[len(above)-1])
}

// Line is u and all units above it, u first.
func Line(ctx context.Context, q db.Queryer, u Unit) ([]Unit, error) {
	ids := u.line()
	found, err := UnitsByID(ctx, q, ids...)
	if err != nil {
		return nil, err
	}
	line := make([]Unit, 0, len(ids))
	for _, id := range slices.Backward(ids) {
		line = append(line, found[id])
	}
	return line, nil
}

// Ladder is the way up from grid unit u: itself and those above it that have a level, then the subdistrict.
// Levels that a place does not have are skipped (T5).
func Ladder(ctx context.Context, q db.Queryer, u Unit) ([]Unit, error) {
	line, err := Line(ctx, q, u)
	return slices.DeleteFunc(line, func(u Unit) bool { return u.Tree != GridTree || u.Level == 0 }), err
}

// PlaceOf is the level-4 place that grid unit u is or lies in; the zero Unit if there is none.
func PlaceOf(ctx context.Context, q db.Queryer, u Unit) (Unit, error) {
	if IsPlace(u.Kind) {
		return u, nil
	}
	line, err := Line(ctx, q, u)
	if i := slices.IndexFunc(line, func(u Unit) bool { return IsPlace(u.Kind) }); i >= 0 {
		return line[i], err
	}
	return Unit{}, err
}

// LinkedGrid is the grid unit that a party unit answers for on day; the zero Unit if there is none (T9).
func LinkedGrid(ctx context.Context, q db.Queryer, party UnitID, day calendar.Day) (u Unit, err error) {
	err = q.Get(ctx, &u, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit_link l
		JOIN unit u ON u.id = l.grid_id
		WHERE l.party_id = ? AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)`, party, day, day)
	return u, orNone(err, "find the grid unit of party unit %d", party)
}

// LinkedParty is the party unit that answers for a grid unit on day; the zero Unit if there is none.
func LinkedParty(ctx context.Context, q db.Queryer, grid UnitID, day calendar.Day) (u Unit, err error) {
	err = q.Get(ctx, &u, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit_link l
		JOIN unit u ON u.id = l.party_id
		WHERE l.grid_id = ? AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)`, grid, day, day)
	return u, orNone(err, "find the party unit of grid unit %d", grid)
}

// A NewUnit is what there is to know of a unit to be.
type NewUnit struct {
	Kind      UnitKind
	Name      string
	Parent    Unit // the zero Unit: a root
	Sector    string
	Ownership string
	Park      UnitID
	AreaKm2   int
	FilingNo  string
	From      calendar.Day
}

// AddUnit puts a unit below its parent, three statements. It keeps the rules of the trees; that the parent is not moved
// meanwhile, and that somebody has the right to this, is for whoever calls.
func AddUnit(ctx context.Context, tx *db.Tx, n NewUnit) (Unit, error) {
	if err := n.Kind.Under(n.Parent); err != nil {
		return Unit{}, err
	}
	s := shapes[n.Kind]
	u := Unit{Tree: s.tree, Kind: n.Kind, Name: n.Name, Level: s.level}
	// The path holds the id, which comes with the row: until then something else that nobody has.
	id, err := tx.Insert(ctx, `
		INSERT INTO unit (tree, kind, name, path, parent_id, level, sector, ownership, park_id, area_km2, filing_no, valid_from)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.Tree, u.Kind, u.Name, rand.Text(), orNull(n.Parent.ID), u.Level, n.Sector, n.Ownership, orNull(n.Park), n.AreaKm2,
		n.FilingNo, n.From)
	if err != nil {
		return Unit{}, db.Wrap(err, nil, "add unit %q", n.Name)
	}
	u.ID, u.Path = UnitID(id), Unit{Path: cmp.Or(n.Parent.Path, "/")}.with(UnitID(id))
	if n.Parent.ID != 0 {
		if err := addEdge(ctx, tx, u.ID, n.Parent.ID, n.From); err != nil {
			return Unit{}, err
		}
	}
	_, err = tx.Change(ctx, `UPDATE unit SET path = ? WHERE id = ?`, u.Path, u.ID)
	return u, db.Wrap(err, nil, "set the path of unit %d", u.ID)
}

func addEdge(ctx context.Context, tx *db.Tx, unit, parent UnitID, from calendar.Day) error {
	_, err := tx.Insert(ctx, `INSERT INTO unit_edge (unit_id, parent_id, valid_from) VALUES (?, ?, ?)`, unit, parent, from)
	return db.Wrap(err, nil, "put unit %d below %d", unit, parent)
}

// Link says that party unit p answers for grid unit g from a day on. Each has at most one such link on any day (T2).
func Link(ctx context.Context, tx *db.Tx, p, g Unit, from calendar.Day) error {
	if err := p.canAnswerFor(g); err != nil {
		return err
	}
	var taken int
	err := tx.Get(ctx, &taken, `
		SELECT (SELECT COUNT(*) FROM unit_link WHERE party_id = ? AND (valid_to IS NULL OR valid_to > ?))
		     + (SELECT COUNT(*) FROM unit_link WHERE grid_id = ? AND (valid_to IS NULL OR valid_to > ?)) AS taken`,
		p.ID, from, g.ID, from)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "look for links of %d and %d", p.ID, g.ID)
	case taken > 0:
		return ErrDatesOverlap
	}
	_, err = tx.Insert(ctx, `INSERT INTO unit_link (party_id, grid_id, valid_from) VALUES (?, ?, ?)`, p.ID, g.ID, from)
	if db.IsDuplicate(err) {
		return ErrDatesOverlap
	}
	if err != nil {
		return db.Wrap(err, nil, "link %d to %d", p.ID, g.ID)
	}
	_, err = tx.Change(ctx, `UPDATE unit SET level = ? WHERE id = ?`, g.Level, p.ID)
	return db.Wrap(err, nil, "give unit %d the level of %d", p.ID, g.ID)
}

package org

import (
	"context"
	"slices"

	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// A Sector (领域) is one of the five that a subdistrict's places belong to; which those are is data (A6).
type Sector struct {
	Code string `db:"code"` // what a place carries
	Name string `db:"name"`
}

// sectorCount is how many there are (O1).
const sectorCount = 5

// What sectors refuse.
var (
	ErrSectorCount = problem.New(problem.Invalid, "org.sector_count")
	ErrSectorInUse = problem.New(problem.Conflict, "org.sector_in_use")
)

// usualSectors are those of a subdistrict that has not said otherwise.
var usualSectors = []Sector{
	{"village", "村居"}, {"community", "社区"}, {"office", "机关事业"}, {"enterprise", "企业"}, {"park", "园区商圈"},
}

// checkSectors says why all cannot be the sectors of a subdistrict, or nil.
func checkSectors(all []Sector) error {
	codes, names := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		codes[s.Code], names[s.Name] = true, true
	}
	if len(all) != sectorCount || len(codes) != sectorCount || len(names) != sectorCount {
		return ErrSectorCount.Field("/sectors", ErrSectorCount.Code)
	}
	return nil
}

// Sectors are the active ones of a subdistrict, in its order.
func Sectors(ctx context.Context, q db.Queryer, subdistrict UnitID) (all []Sector, err error) {
	err = q.Select(ctx, &all, `
		SELECT code, name
		FROM sector
		WHERE unit_id = ? AND active = ?
		ORDER BY sort_no`, subdistrict, true)
	if len(all) == 0 {
		all = usualSectors
	}
	return all, db.Wrap(err, nil, "read the sectors of unit %d", subdistrict)
}

// A SectorList is the sectors of a subdistrict with the places in them, on a day.
type SectorList struct {
	Version int64 // of the subdistrict
	Sectors []Sector
	Places  map[string]int // by code
	Lacking []Unit         // places that carry none of them
}

// ownSubdistrict is the subdistrict that by stands in.
func ownSubdistrict(ctx context.Context, q db.Queryer, by Actor) (Unit, error) {
	own := by.Grid.subdistrict()
	if own.ID == 0 {
		return Unit{}, problem.ErrNotFound
	}
	u, err := UnitByID(ctx, q, own.ID)
	if err == nil && u.Kind != Subdistrict {
		err = problem.ErrNotFound
	}
	return u, err
}

// ListSectors is the sectors of by's subdistrict.
func ListSectors(ctx context.Context, q db.Queryer, by Actor, day calendar.Day) (l SectorList, err error) {
	u, err := ownSubdistrict(ctx, q, by)
	if err != nil {
		return l, err
	}
	if err := q.Get(ctx, &l.Version, `SELECT version FROM unit WHERE id = ?`, u.ID); err != nil {
		return l, db.Wrap(err, problem.ErrNotFound, "read the version of unit %d", u.ID)
	}
	if l.Sectors, err = Sectors(ctx, q, u.ID); err != nil {
		return l, err
	}
	l.Places = map[string]int{}
	carried, err := carriers(ctx, q, u, day)
	for _, c := range carried {
		if slices.ContainsFunc(l.Sectors, func(s Sector) bool { return s.Code == c.Sector }) {
			l.Places[c.Sector]++
		} else {
			l.Lacking = append(l.Lacking, c.Unit)
		}
	}
	return l, err
}

// A carrier is a place with the sector it carries.
type carrier struct {
	Unit
	Sector string `db:"sector"`
}

func carriers(ctx context.Context, q db.Queryer, subdistrict Unit, day calendar.Day) (all []carrier, err error) {
	from, to := below(subdistrict)
	query, args, err := db.In(`
		SELECT id, tree, kind, name, path, level, sector
		FROM unit
		WHERE path >= ? AND path < ? AND kind IN (?) AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY id`, from, to, places, day, day)
	if err != nil {
		return nil, err
	}
	return all, db.Wrap(q.Select(ctx, &all, query, args...), nil, "find the sectors of the places of unit %d", subdistrict.ID)
}

// SaveSectors says which five sectors by's subdistrict has. One that places carry keeps its code; its name may change.
func (s *Service) SaveSectors(ctx context.Context, by Actor, version int64, all []Sector) error {
	if err := checkSectors(all); err != nil {
		return err
	}
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		u, err := ownSubdistrict(ctx, tx, by)
		if err != nil {
			return err
		}
		if u, err = findToShape(ctx, tx, by, u.ID); err != nil {
			return err
		}
		if err := nextVersion(ctx, tx, u.ID, version); err != nil {
			return err
		}
		kept := map[string]bool{"": true}
		for _, sector := range all {
			kept[sector.Code] = true
		}
		carried, err := carriers(ctx, tx, u, calendar.DayOf(tx.Now))
		if err != nil {
			return err
		}
		for _, c := range carried {
			if !kept[c.Sector] {
				return ErrSectorInUse.With("sector", c.Sector)
			}
		}
		audit.Note(tx, by.Did("org.sectors_set", "unit", int64(u.ID)))
		return replaceSectors(ctx, tx, u.ID, all)
	})
}

func replaceSectors(ctx context.Context, tx *db.Tx, subdistrict UnitID, all []Sector) error {
	_, err := tx.Change(ctx, `UPDATE sector SET active = ? WHERE unit_id = ?`, false, subdistrict)
	if err != nil {
		return db.Wrap(err, nil, "put the sectors of unit %d aside", subdistrict)
	}
	for i, s := range all {
		found, err := tx.Change(ctx, `
			UPDATE sector
			SET name = ?, sort_no = ?, active = ?
			WHERE unit_id = ? AND code = ?`, s.Name, i+1, true, subdistrict, s.Code)
		if err == nil && found == 0 {
			_, err = tx.Insert(ctx, `
				INSERT INTO sector (unit_id, code, name, sort_no, active)
				VALUES (?, ?, ?, ?, ?)`, subdistrict, s.Code, s.Name, i+1, true)
		}
		if err != nil {
			return db.Wrap(err, nil, "save sector %s of unit %d", s.Code, subdistrict)
		}
	}
	return nil
}

package household

import (
	"context"
	"math"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// doorColumns of a Household, from area_entrance a, area u, entrance e and premises p.
const doorColumns = `p.id, a.area_id, u.name AS area_name, e.label AS entrance, p.door, p.kind, p.occupied`

// findHousehold returns the door if it lies in an area that by sees today.
func findHousehold(ctx context.Context, q db.Queryer, by org.Actor, id ID, day calendar.Day) (h Household, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &h, `
		SELECT `+doorColumns+`
		FROM premises p
		JOIN entrance e ON e.id = p.entrance_id
		JOIN area_entrance a ON a.entrance_id = e.id
		JOIN unit u ON u.id = a.area_id
		WHERE p.id = ? AND p.ended_on IS NULL
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND u.path >= ? AND u.path < ?`, id, day, day, from, to)
	return h, db.Wrap(err, problem.ErrNotFound, "find household %d", id)
}

// DoorsOfArea are the doors that lie in an area on a day, as seed and import need them.
func DoorsOfArea(ctx context.Context, q db.Queryer, area org.UnitID, day calendar.Day) (all []Household, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+doorColumns+`
		FROM area_entrance a
		JOIN unit u ON u.id = a.area_id
		JOIN entrance e ON e.id = a.entrance_id
		JOIN premises p ON p.entrance_id = e.id
		WHERE a.area_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND (p.ended_on IS NULL OR p.ended_on > ?)
		ORDER BY p.id`, area, day, day, day)
	return all, db.Wrap(err, nil, "find the doors of area %d", area)
}

// A Row is a household as its area's list shows it.
type Row struct {
	Household
	HasContact  bool       `db:"-"`
	LastVisited *time.Time `db:"-"`
	MutedUntil  *calendar.Day
}

// listHouseholds are the doors of the areas that by sees today, or of some of them.
func listHouseholds(ctx context.Context, q db.Queryer, by org.Actor, areas []org.UnitID, day calendar.Day, p page.Page) (found []Row, err error) {
	from, to := by.Scope()
	some, args := "", []any{from, to, day, day, after(p)}
	if len(areas) > 0 {
		in, these, err := db.In(`
		  AND u.id IN (?)`, areas)
		if err != nil {
			return nil, err
		}
		some, args = in, append(args, these...)
	}
	err = q.Select(ctx, &found, `
		SELECT `+doorColumns+`
		FROM unit u
		JOIN area_entrance a ON a.area_id = u.id
		JOIN entrance e ON e.id = a.entrance_id
		JOIN premises p ON p.entrance_id = e.id
		WHERE u.path >= ? AND u.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND p.ended_on IS NULL AND p.id > ?`+some+`
		ORDER BY p.id
		LIMIT ?`, append(args, p.Limit())...)
	return found, db.Wrap(err, nil, "list households")
}

// knowThose adds to those of rows what their area's holder knows of them.
func knowThose(ctx context.Context, q db.Queryer, rows []Row, day calendar.Day, those func(Row) bool) error {
	var known []Row
	for _, r := range rows {
		if those(r) {
			known = append(known, r)
		}
	}
	err := know(ctx, q, known, day)
	for i, r := range rows {
		if those(r) {
			rows[i], known = known[0], known[1:]
		}
	}
	return err
}

// know adds to rows what their area's holder knows of them.
func know(ctx context.Context, q db.Queryer, rows []Row, day calendar.Day) error {
	if len(rows) == 0 {
		return nil
	}
	ids, at := make([]ID, len(rows)), make(map[ID]*Row, len(rows))
	for i := range rows {
		ids[i], at[rows[i].ID] = rows[i].ID, &rows[i]
	}
	query, args, err := db.In(`SELECT premises_id FROM household_contact WHERE premises_id IN (?)`, ids)
	if err != nil {
		return err
	}
	var known []ID
	if err := q.Select(ctx, &known, query, args...); err != nil {
		return db.Wrap(err, nil, "find which households have a contact")
	}
	for _, id := range known {
		at[id].HasContact = true
	}
	visited, err := lastVisited(ctx, q, ids)
	if err != nil {
		return err
	}
	for id, last := range visited {
		at[id].LastVisited = &last
	}
	muted, err := mutes(ctx, q, ids, day)
	for id, until := range muted {
		at[id].MutedUntil = &until
	}
	return err
}

// after is the id behind which p begins in a list ordered by id alone.
func after(p page.Page) int64 {
	if p.First {
		return math.MinInt64
	}
	return p.ID
}

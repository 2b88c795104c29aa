package household

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
)

func insertDeal(ctx context.Context, tx *db.Tx, by org.Actor, area org.UnitID, e EntranceID, from calendar.Day) error {
	var person *org.PersonID
	if by.PersonID != 0 {
		person = &by.PersonID
	}
	_, err := tx.Change(ctx, `
		INSERT INTO area_entrance (area_id, entrance_id, valid_from, dealt_by, recorded_at)
		VALUES (?, ?, ?, ?, ?)`, area, e, from, person, tx.Now)
	if db.IsDuplicate(err) {
		return ErrEntranceAssigned
	}
	return db.Wrap(err, nil, "deal entrance %d to area %d", e, area)
}

// A Deal puts an entrance into an area.
type Deal struct {
	Area     org.UnitID
	Entrance EntranceID
}

// DealNew puts entrances that have just been made into areas, by the hundreds and unchecked: what is new lies
// nowhere yet.
func DealNew(ctx context.Context, tx *db.Tx, from calendar.Day, deals []Deal) error {
	for some := range slices.Chunk(deals, rowsAtOnce) {
		args := make([]any, 0, 4*len(some))
		for _, d := range some {
			args = append(args, d.Area, d.Entrance, from, tx.Now)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO area_entrance (area_id, entrance_id, valid_from, recorded_at)
			VALUES `+rows("(?, ?, ?, ?)", len(some)), args...)
		if err != nil {
			return db.Wrap(err, nil, "deal %d entrances", len(some))
		}
	}
	return nil
}

// RemoveDeals takes entrances out of areas as if they had never lain in them.
func RemoveDeals(ctx context.Context, tx *db.Tx, ids ...int64) error {
	return remove(ctx, tx, `DELETE FROM area_entrance WHERE id IN (?)`, ids)
}

// spansOf are the days on which an entrance lies in some area.
func spansOf(ctx context.Context, q db.Queryer, id EntranceID) ([]org.Span, error) {
	var found []struct {
		From calendar.Day  `db:"valid_from"`
		To   *calendar.Day `db:"valid_to"`
	}
	if err := q.Select(ctx, &found, `
		SELECT valid_from, valid_to
		FROM area_entrance
		WHERE entrance_id = ?`, id); err != nil {
		return nil, db.Wrap(err, nil, "find the areas of entrance %d", id)
	}
	spans := make([]org.Span, len(found))
	for i, f := range found {
		spans[i] = org.Span{From: f.From}
		if f.To != nil {
			spans[i].To = *f.To
		}
	}
	return spans, nil
}

// AreaOf is the area in which an entrance lies on a day; 0 if there is none.
func AreaOf(ctx context.Context, q db.Queryer, e EntranceID, day calendar.Day) (area org.UnitID, err error) {
	err = q.Get(ctx, &area, `
		SELECT area_id
		FROM area_entrance
		WHERE entrance_id = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY valid_from DESC
		LIMIT 1`, e, day, day)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return area, db.Wrap(err, nil, "find the area of entrance %d", e)
}

// listUnassigned are the entrances below by that lie in no area on day (T7).
func listUnassigned(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day, p page.Page) (found []Entrance, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &found, `
		SELECT e.id, e.place_id, e.building_id, e.number, e.label
		FROM entrance e
		JOIN unit u ON u.id = e.place_id
		WHERE u.path >= ? AND u.path < ?
		  AND e.id > ?
		  AND (e.ended_on IS NULL OR e.ended_on > ?)
		  AND NOT EXISTS (
		    SELECT 1
		    FROM area_entrance a
		    WHERE a.entrance_id = e.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?))
		ORDER BY e.id
		LIMIT ?`, from, to, after(p), day, day, day, p.Limit())
	return found, db.Wrap(err, nil, "list unassigned entrances")
}

// A Load is what an area has to look after.
type Load struct {
	ID           org.UnitID `db:"id"`
	Name         string     `db:"name"`
	Households   int        `db:"households"` // premises of the kind home
	Doors        int        `db:"doors"`      // all premises
	OpenRequests int        `db:"open_requests"`
	Promises     int        `db:"promises"` // that are due within a week
}

// promisedSoon is within how many days a promise counts as load.
const promisedSoon = 7

// listAreas are the areas by sees, with their load on day.
func listAreas(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day, p page.Page) (found []Load, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &found, `
		SELECT u.id, u.name,
		       (SELECT COUNT(*)
		        FROM area_entrance a
		        JOIN premises p ON p.entrance_id = a.entrance_id AND p.kind = 'home' AND p.ended_on IS NULL
		        WHERE a.area_id = u.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)) AS households,
		       (SELECT COUNT(*)
		        FROM area_entrance a
		        JOIN premises p ON p.entrance_id = a.entrance_id AND p.ended_on IS NULL
		        WHERE a.area_id = u.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)) AS doors,
		       (SELECT COUNT(*)
		        FROM request r
		        WHERE r.unit_id = u.id AND r.is_open = ?) AS open_requests,
		       (SELECT COUNT(*)
		        FROM promise p
		        WHERE p.unit_id = u.id AND p.state = ? AND p.due_on <= ?) AS promises
		FROM unit u
		WHERE u.path >= ? AND u.path < ?
		  AND u.kind = ? AND u.valid_from <= ? AND (u.valid_to IS NULL OR u.valid_to > ?)
		  AND u.id > ?
		ORDER BY u.id
		LIMIT ?`, day, day, day, day, true, "open", day.Add(promisedSoon), from, to, org.Area, day, day, after(p), p.Limit())
	return found, db.Wrap(err, nil, "list areas")
}

// EntrancesAt is how many entrances lie in a unit today, as its area or as their place: it cannot end before they lie
// elsewhere (T6).
func EntrancesAt(ctx context.Context, q db.Queryer, unit org.UnitID) (n int, err error) {
	day := calendar.DayOf(db.NowOf(q))
	err = q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*) FROM area_entrance WHERE area_id = ? AND (valid_to IS NULL OR valid_to > ?))
		     + (SELECT COUNT(*) FROM entrance WHERE place_id = ? AND ended_on IS NULL) AS n`, unit, day, unit)
	return n, db.Wrap(err, nil, "count the entrances of unit %d", unit)
}

package household

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// AddBuilding stores a building of a place. One of that number that has ended is there again, as the building it was;
// db.IsDuplicate if one stands there.
func AddBuilding(ctx context.Context, tx *db.Tx, place org.UnitID, number string) (BuildingID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO building (place_id, number, created_at)
		VALUES (?, ?, ?)`, place, number, tx.Now)
	if db.IsDuplicate(err) {
		found, again := tx.Change(ctx, `
			UPDATE building
			SET ended_on = NULL, version = version + 1
			WHERE place_id = ? AND number = ? AND ended_on IS NOT NULL`, place, number)
		switch {
		case again != nil:
			return 0, db.Wrap(again, nil, "bring building %s of place %d back", number, place)
		case found == 1:
			return FindBuilding(ctx, tx, place, number)
		}
	}
	return BuildingID(id), db.Wrap(err, nil, "add building %s of place %d", number, place)
}

// FindBuilding is the building of a place by its number; 0 if there is none.
func FindBuilding(ctx context.Context, q db.Queryer, place org.UnitID, number string) (id BuildingID, err error) {
	err = q.Get(ctx, &id, `
		SELECT id
		FROM building
		WHERE place_id = ? AND number = ? AND ended_on IS NULL`, place, number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, db.Wrap(err, nil, "find building %s of place %d", number, place)
}

// AddEntrance stores an entrance of a building, or of the place itself when building is the zero Building. One of that
// name that has ended is there again, as the entrance it was; db.IsDuplicate if there is one.
func AddEntrance(ctx context.Context, tx *db.Tx, place org.UnitID, building Building, number string) (EntranceID, error) {
	var in *BuildingID
	if building.ID != 0 {
		in = &building.ID
	}
	label := EntranceLabel(building.Number, number)
	id, err := tx.Insert(ctx, `
		INSERT INTO entrance (place_id, building_id, number, label, created_at)
		VALUES (?, ?, ?, ?, ?)`, place, in, number, label, tx.Now)
	if db.IsDuplicate(err) {
		found, again := tx.Change(ctx, `
			UPDATE entrance
			SET ended_on = NULL, building_id = ?, number = ?, version = version + 1
			WHERE place_id = ? AND label = ? AND ended_on IS NOT NULL`, in, number, place, label)
		switch {
		case again != nil:
			return 0, db.Wrap(again, nil, "bring entrance %s of place %d back", number, place)
		case found == 1:
			e, err := FindEntrance(ctx, tx, place, building.Number, number)
			return e.ID, err
		}
	}
	return EntranceID(id), db.Wrap(err, nil, "add entrance %s of place %d", number, place)
}

// AddEntrances is AddEntrance for all entrances of a new place, by the hundreds. It gives them their ids.
func AddEntrances(ctx context.Context, tx *db.Tx, place org.UnitID, all []Entrance) error {
	for some := range slices.Chunk(all, rowsAtOnce) {
		args := make([]any, 0, 5*len(some))
		for _, e := range some {
			args = append(args, place, e.BuildingID, e.Number, e.Label, tx.Now)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO entrance (place_id, building_id, number, label, created_at)
			VALUES `+rows("(?, ?, ?, ?, ?)", len(some)), args...)
		if err != nil {
			return db.Wrap(err, nil, "add %d entrances of place %d", len(some), place)
		}
	}
	var made []Entrance
	if err := tx.Select(ctx, &made, `SELECT id, label FROM entrance WHERE place_id = ?`, place); err != nil {
		return db.Wrap(err, nil, "find the entrances of place %d", place)
	}
	ids := make(map[string]EntranceID, len(made))
	for _, e := range made {
		ids[e.Label] = e.ID
	}
	for i, e := range all {
		all[i].ID, all[i].PlaceID = ids[e.Label], place
	}
	return nil
}

// FindEntrance is the entrance of a place by the number of its building, if it has one, and its own.
func FindEntrance(ctx context.Context, q db.Queryer, place org.UnitID, building, entrance string) (e Entrance, err error) {
	err = q.Get(ctx, &e, `
		SELECT id, place_id, building_id, number, label
		FROM entrance
		WHERE place_id = ? AND label = ? AND ended_on IS NULL`, place, EntranceLabel(building, entrance))
	return e, db.Wrap(err, problem.ErrNotFound, "find entrance %s of building %s in place %d", entrance, building, place)
}

// rowsAtOnce is how many rows go into one INSERT where no ids are needed.
const rowsAtOnce = 200

// AddPremises stores premises by the hundreds. Doors of that name that have ended are there again, as the doors they
// were; db.IsDuplicate if there is one.
func AddPremises(ctx context.Context, tx *db.Tx, all []Premises) error {
	all, err := bringBack(ctx, tx, all)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all, rowsAtOnce) {
		args := make([]any, 0, 5*len(some))
		for _, p := range some {
			args = append(args, p.EntranceID, p.Door, p.Kind, !p.Empty, tx.Now)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO premises (entrance_id, door, kind, occupied, created_at)
			VALUES `+rows("(?, ?, ?, ?, ?)", len(some)), args...)
		if err != nil {
			return db.Wrap(err, nil, "add %d premises", len(some))
		}
	}
	return nil
}

// bringBack makes those of all that have ended be there again, and returns the others.
func bringBack(ctx context.Context, tx *db.Tx, all []Premises) (others []Premises, err error) {
	type door struct {
		Entrance EntranceID `db:"entrance_id"`
		Door     string     `db:"door"`
	}
	ended := map[door]bool{}
	for some := range slices.Chunk(all, rowsAtOnce) {
		ids := make([]EntranceID, len(some))
		for i, p := range some {
			ids[i] = p.EntranceID
		}
		query, args, err := db.In(`SELECT entrance_id, door FROM premises WHERE entrance_id IN (?) AND ended_on IS NOT NULL`, ids)
		if err != nil {
			return nil, err
		}
		var found []door
		if err := tx.Select(ctx, &found, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find which of %d doors have ended", len(some))
		}
		for _, d := range found {
			ended[d] = true
		}
	}
	for _, p := range all {
		if !ended[door{p.EntranceID, p.Door}] {
			others = append(others, p)
			continue
		}
		if _, err := tx.Change(ctx, `
			UPDATE premises
			SET ended_on = NULL, kind = ?, occupied = ?, version = version + 1
			WHERE entrance_id = ? AND door = ?`, p.Kind, !p.Empty, p.EntranceID, p.Door); err != nil {
			return nil, db.Wrap(err, nil, "bring door %s of entrance %d back", p.Door, p.EntranceID)
		}
	}
	return others, nil
}

// rows is the text of n rows of values.
func rows(one string, n int) string { return strings.Repeat(one+", ", n-1) + one }

// FindDoor is the premises behind a door of an entrance; 0 if there are none.
func FindDoor(ctx context.Context, q db.Queryer, entrance EntranceID, door string) (id ID, err error) {
	err = q.Get(ctx, &id, `
		SELECT id
		FROM premises
		WHERE entrance_id = ? AND door = ? AND ended_on IS NULL`, entrance, door)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, db.Wrap(err, nil, "find door %s of entrance %d", door, entrance)
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

// doorColumns of a Household, from area_entrance a, area u, entrance e and premises p.
const doorColumns = `p.id, a.area_id, u.name AS area_name, e.label AS entrance, p.door, p.kind, p.occupied`

// lockEntrance keeps others from dealing the entrance meanwhile, or from ending it, and returns it while it is there.
func lockEntrance(ctx context.Context, tx *db.Tx, id EntranceID) (e Entrance, err error) {
	err = tx.Get(ctx, &e, `
		SELECT id, place_id, building_id, number, label
		FROM entrance
		WHERE id = ? AND ended_on IS NULL`+db.ForUpdate, id)
	return e, db.Wrap(err, problem.ErrNotFound, "lock entrance %d", id)
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

// A Deal puts an entrance into an area.
type Deal struct {
	Area     org.UnitID
	Entrance EntranceID
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

// after is the id behind which p begins in a list ordered by id alone.
func after(p page.Page) int64 {
	if p.First {
		return math.MinInt64
	}
	return p.ID
}

// RemovePremises takes premises away that were made by mistake. A contact or a visit makes it fail
// (db.IsReferenced); that no request hangs on one is for whoever calls.
func RemovePremises(ctx context.Context, tx *db.Tx, ids ...ID) error {
	return remove(ctx, tx, `DELETE FROM premises WHERE id IN (?)`, ids)
}

// RemoveDeals takes entrances out of areas as if they had never lain in them.
func RemoveDeals(ctx context.Context, tx *db.Tx, ids ...int64) error {
	return remove(ctx, tx, `DELETE FROM area_entrance WHERE id IN (?)`, ids)
}

func remove[T ~int64](ctx context.Context, tx *db.Tx, deletion string, ids []T) error {
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(deletion, some)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "remove %d rows", len(some))
		}
	}
	return nil
}

// RemoveEntrances takes entrances away that were made by mistake; ErrInUse if homes hang on one of them.
func RemoveEntrances(ctx context.Context, tx *db.Tx, ids ...EntranceID) error {
	for some := range slices.Chunk(ids, 500) {
		if err := removeUnused(ctx, tx, some, `SELECT COUNT(*) FROM premises WHERE entrance_id IN (?)`,
			`DELETE FROM area_entrance WHERE entrance_id IN (?)`, `DELETE FROM entrance WHERE id IN (?)`); err != nil {
			return err
		}
	}
	return nil
}

// RemoveBuildings takes buildings away; ErrInUse if one still has an entrance.
func RemoveBuildings(ctx context.Context, tx *db.Tx, ids ...BuildingID) error {
	for some := range slices.Chunk(ids, 500) {
		if err := removeUnused(ctx, tx, some, `SELECT COUNT(*) FROM entrance WHERE building_id IN (?)`,
			`DELETE FROM building WHERE id IN (?)`); err != nil {
			return err
		}
	}
	return nil
}

// removeUnused runs the deletions over ids if used counts nothing that hangs on them.
func removeUnused[T ~int64](ctx context.Context, tx *db.Tx, ids []T, used string, deletions ...string) error {
	query, args, err := db.In(used, ids)
	if err != nil {
		return err
	}
	var n int
	if err := tx.Get(ctx, &n, query, args...); err != nil {
		return db.Wrap(err, nil, "count what is in use")
	}
	if n > 0 {
		return ErrInUse
	}
	for _, d := range deletions {
		query, args, err := db.In(d, ids)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "remove what is not in use")
		}
	}
	return nil
}

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

// A Row is a household as its area's list shows it.
type Row struct {
	Household
	HasContact  bool       `db:"-"`
	LastVisited *time.Time `db:"-"`
	MutedUntil  *calendar.Day
}

// listHouseholds are the doors of the areas that by sees today, or of one of them.
func listHouseholds(ctx context.Context, q db.Queryer, by org.Actor, area *org.UnitID, day calendar.Day, p page.Page) (found []Row, err error) {
	from, to := by.Scope()
	one, args := "", []any{from, to, day, day, after(p)}
	if area != nil {
		one, args = `
		  AND u.id = ?`, append(args, *area)
	}
	err = q.Select(ctx, &found, `
		SELECT `+doorColumns+`
		FROM unit u
		JOIN area_entrance a ON a.area_id = u.id
		JOIN entrance e ON e.id = a.entrance_id
		JOIN premises p ON p.entrance_id = e.id
		WHERE u.path >= ? AND u.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND p.ended_on IS NULL AND p.id > ?`+one+`
		ORDER BY p.id
		LIMIT ?`, append(args, p.Limit())...)
	return found, db.Wrap(err, nil, "list households")
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

// lastVisited is when each of the households was visited last: of all visits of a door the newest one is read, in the
// index that holds its moment.
func lastVisited(ctx context.Context, q db.Queryer, ids []ID) (map[ID]time.Time, error) {
	query, args, err := db.In(`
		SELECT p.id, (
			SELECT v.happened_at
			FROM visit v
			WHERE v.premises_id = p.id
			ORDER BY v.recorded_at DESC, v.id DESC
			LIMIT 1) AS happened_at
		FROM premises p
		WHERE p.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	var doors []struct {
		ID         ID         `db:"id"`
		HappenedAt *time.Time `db:"happened_at"`
	}
	if err := q.Select(ctx, &doors, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the last visits")
	}
	found := make(map[ID]time.Time, len(doors))
	for _, d := range doors {
		if d.HappenedAt != nil {
			found[d.ID] = *d.HappenedAt
		}
	}
	return found, nil
}

// newestVisit is the last visit of the household; nil if there was none.
func newestVisit(ctx context.Context, q db.Queryer, id ID) (*Visit, error) {
	var all []Visit
	err := q.Select(ctx, &all, `
		SELECT premises_id, result, happened_at
		FROM visit
		WHERE premises_id = ?
		ORDER BY recorded_at DESC, id DESC
		LIMIT 1`, id)
	if err != nil || len(all) == 0 {
		return nil, db.Wrap(err, nil, "find the last visit of household %d", id)
	}
	return &all[0], nil
}

// mutes are the days from which a visit is welcome again, of those households that want none on day.
func mutes(ctx context.Context, q db.Queryer, ids []ID, day calendar.Day) (map[ID]calendar.Day, error) {
	query, args, err := db.In(`
		SELECT premises_id, MAX(valid_to) AS valid_to
		FROM household_mute
		WHERE premises_id IN (?) AND valid_from <= ? AND valid_to > ?
		GROUP BY premises_id`, ids, day, day)
	if err != nil {
		return nil, err
	}
	var muted []struct {
		ID    ID           `db:"premises_id"`
		Until calendar.Day `db:"valid_to"`
	}
	if err := q.Select(ctx, &muted, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who wants no visit")
	}
	found := make(map[ID]calendar.Day, len(muted))
	for _, m := range muted {
		found[m.ID] = m.Until
	}
	return found, nil
}

// A Load is what an area has to look after.
type Load struct {
	ID           org.UnitID `db:"id"`
	Name         string     `db:"name"`
	Households   int        `db:"households"`
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
		        JOIN premises p ON p.entrance_id = a.entrance_id AND p.ended_on IS NULL
		        WHERE a.area_id = u.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)) AS households,
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
		LIMIT ?`, day, day, true, "open", day.Add(promisedSoon), from, to, org.Area, day, day, after(p), p.Limit())
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

package household

import (
	"context"
	"slices"
	"strconv"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// buildingColumns of a Building, from building b.
const buildingColumns = `
	b.id, b.place_id, b.number, b.version,
	(SELECT COUNT(*) FROM entrance e WHERE e.building_id = b.id AND e.ended_on IS NULL) AS entrances`

// listBuildings are the buildings that stand in the places by sees, or in one of them (0: all).
func listBuildings(ctx context.Context, q db.Queryer, by org.Actor, place org.UnitID, p page.Page) (all []Building, err error) {
	from, to := by.Scope()
	one, args := "", []any{from, to, after(p)}
	if place != 0 {
		one, args = ` AND b.place_id = ?`, append(args, place)
	}
	err = q.Select(ctx, &all, `
		SELECT `+buildingColumns+`
		FROM building b
		JOIN unit u ON u.id = b.place_id
		WHERE u.path >= ? AND u.path < ? AND b.ended_on IS NULL AND b.id > ?`+one+`
		ORDER BY b.id
		LIMIT ?`, append(args, p.Limit())...)
	return all, db.Wrap(err, nil, "list buildings")
}

// findBuilding returns a building that stands in a place by sees.
func findBuilding(ctx context.Context, q db.Queryer, by org.Actor, id BuildingID) (b Building, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &b, `
		SELECT `+buildingColumns+`
		FROM building b
		JOIN unit u ON u.id = b.place_id
		WHERE b.id = ? AND b.ended_on IS NULL AND u.path >= ? AND u.path < ?`, id, from, to)
	return b, db.Wrap(err, problem.ErrNotFound, "find building %d", id)
}

// A naming is how something is called, which is of one thing at a time in what it lies in: there and gone ones together.
type naming struct {
	ended string // finds what has ended, by what it lies in and what it is called, but one
	save  string
	most  int // characters
}

var (
	buildingNames = naming{
		`SELECT id FROM building WHERE place_id = ? AND number = ? AND ended_on IS NOT NULL AND id <> ?`,
		`UPDATE building SET number = ?, version = version + 1 WHERE id = ?`, 20,
	}
	entranceNames = naming{
		`SELECT id FROM entrance WHERE place_id = ? AND label = ? AND ended_on IS NOT NULL AND id <> ?`,
		`UPDATE entrance SET label = ?, version = version + 1 WHERE id = ?`, 60,
	}
	doorNames = naming{
		`SELECT id FROM premises WHERE entrance_id = ? AND door = ? AND ended_on IS NOT NULL AND id <> ?`,
		`UPDATE premises SET door = ?, version = version + 1 WHERE id = ?`, 20,
	}
)

// free makes a name free for one thing in another: what has ended and was called so stays on record, called so and by its
// id, and is not there again when something of that name is added.
func (n naming) free(ctx context.Context, tx *db.Tx, in int64, name string, one int64) error {
	var ended []int64
	if err := tx.Select(ctx, &ended, n.ended, in, name, one); err != nil {
		return db.Wrap(err, nil, "find what was called %s in %d", name, in)
	}
	for _, id := range ended {
		behind, runes := "~"+strconv.FormatInt(id, 10), []rune(name)
		other := string(runes[:min(len(runes), n.most-len(behind))]) + behind
		if _, err := tx.Change(ctx, n.save, other, id); err != nil {
			return db.Wrap(err, nil, "call %d another name than %s", id, name)
		}
	}
	return nil
}

// renameBuilding gives b another number, and all entrances it ever had their names by it.
func renameBuilding(ctx context.Context, tx *db.Tx, b Building, version int64, number string) error {
	if err := buildingNames.free(ctx, tx, int64(b.PlaceID), number, int64(b.ID)); err != nil {
		return err
	}
	found, err := tx.Change(ctx, `
		UPDATE building
		SET number = ?, version = version + 1
		WHERE id = ? AND version = ? AND ended_on IS NULL`, number, b.ID, version)
	switch {
	case err != nil:
		return thereAlready(db.Wrap(err, nil, "rename building %d", b.ID), ErrBuildingThere)
	case found == 0:
		return db.Stale(ctx, tx, version, `SELECT version FROM building WHERE id = ?`, b.ID)
	}
	var stairs []Entrance
	if err := tx.Select(ctx, &stairs, `
		SELECT id, number
		FROM entrance
		WHERE building_id = ?
		ORDER BY id`, b.ID); err != nil {
		return db.Wrap(err, nil, "find the entrances of building %d", b.ID)
	}
	for _, e := range stairs {
		label := EntranceLabel(number, e.Number)
		if err := entranceNames.free(ctx, tx, int64(b.PlaceID), label, int64(e.ID)); err != nil {
			return err
		}
		if _, err := tx.Change(ctx, `
			UPDATE entrance
			SET label = ?, version = version + 1
			WHERE id = ?`, label, e.ID); err != nil {
			return thereAlready(db.Wrap(err, nil, "name entrance %d", e.ID), ErrEntranceThere)
		}
	}
	return nil
}

func endBuilding(ctx context.Context, tx *db.Tx, b Building, version int64) error {
	found, err := tx.Change(ctx, `
		UPDATE building
		SET ended_on = ?, version = version + 1
		WHERE id = ? AND version = ? AND ended_on IS NULL`, calendar.DayOf(tx.Now), b.ID, version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, version, `SELECT version FROM building WHERE id = ?`, b.ID)
	}
	return db.Wrap(err, nil, "end building %d", b.ID)
}

// entrancesOf ends those entrances of a building that are still there, and returns them.
func entrancesOf(ctx context.Context, tx *db.Tx, id BuildingID) (ids []EntranceID, err error) {
	if err := tx.Select(ctx, &ids, `
		SELECT id
		FROM entrance
		WHERE building_id = ? AND ended_on IS NULL
		ORDER BY id`, id); err != nil {
		return nil, db.Wrap(err, nil, "find the entrances of building %d", id)
	}
	_, err = tx.Change(ctx, `
		UPDATE entrance
		SET ended_on = ?, version = version + 1
		WHERE building_id = ? AND ended_on IS NULL`, calendar.DayOf(tx.Now), id)
	return ids, db.Wrap(err, nil, "end the entrances of building %d", id)
}

// stairEntrance are the columns of an Entrance with what is around it, from entrance e; the day stands twice in their
// arguments.
const stairEntrance = `
	e.id, e.place_id, e.building_id, e.number, e.label, e.version,
	(SELECT COUNT(*) FROM premises p WHERE p.entrance_id = e.id AND p.ended_on IS NULL) AS doors,
	(SELECT MAX(a.area_id)
	 FROM area_entrance a
	 WHERE a.entrance_id = e.id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)) AS area_id`

// listEntrances are the entrances of the places by sees, of one place or of one building (0: all).
func listEntrances(ctx context.Context, q db.Queryer, by org.Actor, place org.UnitID, building BuildingID, day calendar.Day, p page.Page) (all []Entrance, err error) {
	from, to := by.Scope()
	some, args := "", []any{day, day, from, to, after(p)}
	if place != 0 {
		some, args = some+` AND e.place_id = ?`, append(args, place)
	}
	if building != 0 {
		some, args = some+` AND e.building_id = ?`, append(args, building)
	}
	err = q.Select(ctx, &all, `
		SELECT `+stairEntrance+`
		FROM entrance e
		JOIN unit u ON u.id = e.place_id
		WHERE u.path >= ? AND u.path < ? AND e.ended_on IS NULL AND e.id > ?`+some+`
		ORDER BY e.id
		LIMIT ?`, append(args, p.Limit())...)
	return all, db.Wrap(err, nil, "list entrances")
}

// findStair returns an entrance of a place by sees.
func findStair(ctx context.Context, q db.Queryer, by org.Actor, id EntranceID) (e Entrance, err error) {
	from, to := by.Scope()
	day := calendar.DayOf(db.NowOf(q))
	err = q.Get(ctx, &e, `
		SELECT `+stairEntrance+`
		FROM entrance e
		JOIN unit u ON u.id = e.place_id
		WHERE e.id = ? AND e.ended_on IS NULL AND u.path >= ? AND u.path < ?`, day, day, id, from, to)
	return e, db.Wrap(err, problem.ErrNotFound, "find entrance %d", id)
}

func renameEntrance(ctx context.Context, tx *db.Tx, e Entrance, version int64, number string) error {
	var building string
	if e.BuildingID != nil {
		if err := tx.Get(ctx, &building, `SELECT number FROM building WHERE id = ?`, *e.BuildingID); err != nil {
			return db.Wrap(err, nil, "find the building of entrance %d", e.ID)
		}
	}
	label := EntranceLabel(building, number)
	if err := entranceNames.free(ctx, tx, int64(e.PlaceID), label, int64(e.ID)); err != nil {
		return err
	}
	found, err := tx.Change(ctx, `
		UPDATE entrance
		SET number = ?, label = ?, version = version + 1
		WHERE id = ? AND version = ? AND ended_on IS NULL`, number, label, e.ID, version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, version, `SELECT version FROM entrance WHERE id = ?`, e.ID)
	}
	return thereAlready(db.Wrap(err, nil, "rename entrance %d", e.ID), ErrEntranceThere)
}

func endEntrance(ctx context.Context, tx *db.Tx, id EntranceID, version int64) error {
	found, err := tx.Change(ctx, `
		UPDATE entrance
		SET ended_on = ?, version = version + 1
		WHERE id = ? AND version = ? AND ended_on IS NULL`, calendar.DayOf(tx.Now), id, version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, version, `SELECT version FROM entrance WHERE id = ?`, id)
	}
	return db.Wrap(err, nil, "end entrance %d", id)
}

// doorColumnsOf a Door, from premises p.
const doorColumnsOf = `p.id, p.entrance_id, p.door, p.kind, p.occupied, p.ended_on, p.version`

func listDoors(ctx context.Context, q db.Queryer, entrance EntranceID, p page.Page) (all []Doorway, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+doorColumnsOf+`
		FROM premises p
		WHERE p.entrance_id = ? AND p.ended_on IS NULL AND p.id > ?
		ORDER BY p.id
		LIMIT ?`, entrance, after(p), p.Limit())
	return all, db.Wrap(err, nil, "list the doors of entrance %d", entrance)
}

// findDoorBelow returns a door of a place by sees.
func findDoorBelow(ctx context.Context, q db.Queryer, by org.Actor, id ID) (d Doorway, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &d, `
		SELECT `+doorColumnsOf+`
		FROM premises p
		JOIN entrance e ON e.id = p.entrance_id
		JOIN unit u ON u.id = e.place_id
		WHERE p.id = ? AND p.ended_on IS NULL AND u.path >= ? AND u.path < ?`, id, from, to)
	return d, db.Wrap(err, problem.ErrNotFound, "find door %d", id)
}

func doorByID(ctx context.Context, q db.Queryer, id ID) (d Doorway, err error) {
	err = q.Get(ctx, &d, `SELECT `+doorColumnsOf+` FROM premises p WHERE p.id = ?`, id)
	return d, db.Wrap(err, problem.ErrNotFound, "find door %d", id)
}

// saveDoor stores d in place of the door of a version.
func saveDoor(ctx context.Context, tx *db.Tx, d Doorway, version int64) error {
	found, err := tx.Change(ctx, `
		UPDATE premises
		SET door = ?, kind = ?, occupied = ?, ended_on = ?, version = version + 1
		WHERE id = ? AND version = ? AND ended_on IS NULL`, d.Door, d.Kind, d.Occupied, d.EndedOn, d.ID, version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, version, `SELECT version FROM premises WHERE id = ?`, d.ID)
	}
	return db.Wrap(err, nil, "save door %d", d.ID)
}

// forgetHome leaves nothing of those who have moved out: what they agreed to ends, their flags, contact and mutes are gone, and
// the home stands on no list on which their yes, or what they were promised, has put it. What stays on record, such as visits and
// needs, is from then on not of who lives there.
func forgetHome(ctx context.Context, tx *db.Tx, id ID) error {
	for _, p := range purposes {
		if err := supersede(ctx, tx, id, p, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
	}
	if err := purgeFlagsOf(ctx, tx, id); err != nil {
		return err
	}
	if err := dropOffers(ctx, tx, id, AgreedRiskVisit, PromiseDue); err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM household_contact WHERE premises_id = ?`,
		`DELETE FROM household_mute WHERE premises_id = ?`,
	} {
		if _, err := tx.Change(ctx, query, id); err != nil {
			return db.Wrap(err, nil, "forget who lived behind door %d", id)
		}
	}
	_, err := tx.Change(ctx, `UPDATE premises SET left_at = ? WHERE id = ?`, tx.Now, id)
	return db.Wrap(err, nil, "note that who lived behind door %d has left", id)
}

// endDoorsOf ends the doors behind entrances that are still there, and returns them.
func endDoorsOf(ctx context.Context, tx *db.Tx, entrances []EntranceID) (ids []ID, err error) {
	query, args, err := db.In(`
		SELECT id
		FROM premises
		WHERE entrance_id IN (?) AND ended_on IS NULL
		ORDER BY id`, entrances)
	if err != nil {
		return nil, err
	}
	if err := tx.Select(ctx, &ids, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the doors of %d entrances", len(entrances))
	}
	query, args, err = db.In(`
		UPDATE premises
		SET ended_on = ?, version = version + 1
		WHERE entrance_id IN (?) AND ended_on IS NULL`, calendar.DayOf(tx.Now), entrances)
	if err != nil {
		return nil, err
	}
	_, err = tx.Change(ctx, query, args...)
	return ids, db.Wrap(err, nil, "end the doors of %d entrances", len(entrances))
}

// endDeals takes entrances out of the areas they lie in from today on. Where one was to come to only later, or today, it
// never was.
func endDeals(ctx context.Context, tx *db.Tx, ids []EntranceID) error {
	today := calendar.DayOf(tx.Now)
	for _, c := range []struct {
		change string
		args   []any
	}{
		{`DELETE FROM area_entrance WHERE entrance_id IN (?) AND valid_from >= ?`, []any{ids, today}},
		{`UPDATE area_entrance SET valid_to = ? WHERE entrance_id IN (?) AND (valid_to IS NULL OR valid_to > ?)`, []any{today, ids, today}},
	} {
		query, args, err := db.In(c.change, c.args...)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "take %d entrances out of their areas", len(ids))
		}
	}
	return nil
}

// A tie is a kind of thing that keeps a door or an entrance from ending, and how it is counted.
type tie struct {
	what string
	sql  string // counts what hangs on some: the ids first, then args
	args []any
}

// hangsOn counts what is open about entrances and doors that would end. What the holder of an area keeps about a home is
// counted as one thing: how many homes it keeps something of, and never what, so that nobody learns of a flag.
func hangsOn(ctx context.Context, tx *db.Tx, entrances []EntranceID, doors []ID) (uses []Use, err error) {
	today := calendar.DayOf(tx.Now)
	counts := map[string]int{}
	for some := range slices.Chunk(entrances, 500) {
		for _, t := range []tie{
			{"requests", `SELECT COUNT(*) FROM request WHERE entrance_id IN (?) AND premises_id IS NULL AND is_open = ?`, []any{true}},
			{"splits", `
				SELECT COUNT(DISTINCT s.id)
				FROM area_split_move m
				JOIN area_split s ON s.id = m.split_id
				WHERE m.entrance_id IN (?) AND s.state = ?`, []any{SplitProposed}},
		} {
			if err := t.count(ctx, tx, some, counts); err != nil {
				return nil, err
			}
		}
	}
	for some := range slices.Chunk(doors, 500) {
		for _, t := range []tie{
			{"requests", `SELECT COUNT(*) FROM request WHERE premises_id IN (?) AND is_open = ?`, []any{true}},
			{"promises", `SELECT COUNT(*) FROM promise WHERE premises_id IN (?) AND state = ?`, []any{request.PromiseOpen}},
			{"plaques", `SELECT COUNT(*) FROM plaque WHERE premises_id IN (?) AND state <> ?`, []any{"returned"}},
		} {
			if err := t.count(ctx, tx, some, counts); err != nil {
				return nil, err
			}
		}
		n, err := homesKept(ctx, tx, today, some)
		if err != nil {
			return nil, err
		}
		counts["homes"] += n
	}
	for _, what := range []string{"requests", "promises", "homes", "plaques", "splits"} {
		if counts[what] > 0 {
			uses = append(uses, Use{what, counts[what]})
		}
	}
	return uses, nil
}

func (t tie) count(ctx context.Context, tx *db.Tx, ids any, counts map[string]int) error {
	query, args, err := db.In(t.sql, append([]any{ids}, t.args...)...)
	if err != nil {
		return err
	}
	var n int
	if err := tx.Get(ctx, &n, query, args...); err != nil {
		return db.Wrap(err, nil, "count the %s that hang on what would end", t.what)
	}
	counts[t.what] += n
	return nil
}

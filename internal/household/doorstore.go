package household

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
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

// rows is the text of n rows of values.
func rows(one string, n int) string { return strings.Repeat(one+", ", n-1) + one }

// AddPremises stores premises by the hundreds. Doors of that name that have ended are there again, as the doors they
// were, and others live behind them; db.IsDuplicate if there is one.
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

// bringBack makes those of all that have ended be there again, and returns the others. Nobody says who lives there now, so what
// was before is of nobody who does.
func bringBack(ctx context.Context, tx *db.Tx, all []Premises) (others []Premises, err error) {
	type door struct {
		Entrance EntranceID `db:"entrance_id"`
		Door     string     `db:"door"`
	}
	ended := map[door]ID{}
	for some := range slices.Chunk(all, rowsAtOnce) {
		ids := make([]EntranceID, len(some))
		for i, p := range some {
			ids[i] = p.EntranceID
		}
		query, args, err := db.In(`SELECT id, entrance_id, door FROM premises WHERE entrance_id IN (?) AND ended_on IS NOT NULL`, ids)
		if err != nil {
			return nil, err
		}
		var found []struct {
			door
			ID ID `db:"id"`
		}
		if err := tx.Select(ctx, &found, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find which of %d doors have ended", len(some))
		}
		for _, d := range found {
			ended[d.door] = d.ID
		}
	}
	for _, p := range all {
		id := ended[door{p.EntranceID, p.Door}]
		if id == 0 {
			others = append(others, p)
			continue
		}
		if _, err := tx.Change(ctx, `
			UPDATE premises
			SET ended_on = NULL, kind = ?, occupied = ?, version = version + 1
			WHERE id = ?`, p.Kind, !p.Empty, id); err != nil {
			return nil, db.Wrap(err, nil, "bring door %s of entrance %d back", p.Door, p.EntranceID)
		}
		if err := forgetHome(ctx, tx, id); err != nil {
			return nil, err
		}
	}
	return others, nil
}

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

// lockEntrance keeps others from dealing the entrance meanwhile, or from ending it, and returns it while it is there.
func lockEntrance(ctx context.Context, tx *db.Tx, id EntranceID) (e Entrance, err error) {
	err = tx.Get(ctx, &e, `
		SELECT id, place_id, building_id, number, label
		FROM entrance
		WHERE id = ? AND ended_on IS NULL`+db.ForUpdate, id)
	return e, db.Wrap(err, problem.ErrNotFound, "lock entrance %d", id)
}

// RemovePremises takes premises away that were made by mistake. A contact or a visit makes it fail
// (db.IsReferenced); that no request hangs on one is for whoever calls.
func RemovePremises(ctx context.Context, tx *db.Tx, ids ...ID) error {
	return remove(ctx, tx, `DELETE FROM premises WHERE id IN (?)`, ids)
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

package household

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// Site is the area that looks after an entrance today, for whoever stands there: anybody can read the number.
func Site(ctx context.Context, q db.Queryer, place org.UnitID, building, entrance string, day calendar.Day) (request.Door, error) {
	e, err := FindEntrance(ctx, q, place, building, entrance)
	if err != nil {
		return request.Door{}, err
	}
	id, err := AreaOf(ctx, q, e.ID, day)
	if err != nil {
		return request.Door{}, err
	}
	if id == 0 {
		return request.Door{}, ErrNoContact
	}
	area, err := org.UnitByID(ctx, q, id)
	if err != nil {
		return request.Door{}, err
	}
	homes, err := homesAt(ctx, q, e)
	return request.Door{Entrance: int64(e.ID), Building: e.building(), Area: area, Alone: homes < 2}, err
}

// homesAt is how many homes, two at most, lie in the building of e, or behind e where there is none: one where none is
// known.
func homesAt(ctx context.Context, q db.Queryer, e Entrance) (n int, err error) {
	if b := e.building(); b != 0 {
		err = q.Get(ctx, &n, `
			SELECT COUNT(*)
			FROM (
				SELECT p.id
				FROM entrance x
				JOIN premises p ON p.entrance_id = x.id
				WHERE x.building_id = ? AND p.ended_on IS NULL
				LIMIT 2) t`, b)
	} else {
		err = q.Get(ctx, &n, `
			SELECT COUNT(*)
			FROM (
				SELECT p.id
				FROM premises p
				WHERE p.entrance_id = ? AND p.ended_on IS NULL
				LIMIT 2) t`, e.ID)
	}
	return n, db.Wrap(err, nil, "count the homes at entrance %d", e.ID)
}

// HoldDoor keeps a door, or where none is known (0) an entrance, from ending until the transaction is over: whatever is
// written down about it meanwhile is there when somebody asks what hangs on it. One that has ended is not found.
func HoldDoor(ctx context.Context, tx *db.Tx, premises, entrance int64) (err error) {
	switch {
	case premises != 0:
		err = lockHousehold(ctx, tx, ID(premises))
	case entrance != 0:
		_, err = lockEntrance(ctx, tx, EntranceID(entrance))
	}
	return err
}

// building is that of e; 0 if it is the door of a house.
func (e Entrance) building() int64 {
	if e.BuildingID == nil {
		return 0
	}
	return int64(*e.BuildingID)
}

// entranceOf is the entrance that premises lie behind.
func entranceOf(ctx context.Context, q db.Queryer, id ID) (e Entrance, err error) {
	err = q.Get(ctx, &e, `
		SELECT e.id, e.place_id, e.building_id, e.number, e.label
		FROM premises p
		JOIN entrance e ON e.id = p.entrance_id
		WHERE p.id = ?`, id)
	return e, db.Wrap(err, problem.ErrNotFound, "find the entrance of door %d", id)
}

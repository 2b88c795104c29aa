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
	return request.Door{Entrance: int64(e.ID), Building: e.building(), Area: area}, err
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

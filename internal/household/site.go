package household

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
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
	return request.Door{Entrance: int64(e.ID), Area: area}, err
}

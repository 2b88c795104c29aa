package household

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// LiesIn is the area of a household that lies below by today, whatever by may know of it: for breaking the glass.
func LiesIn(ctx context.Context, q db.Queryer, by org.Actor, id ID) (org.Unit, error) {
	h, err := findHousehold(ctx, q, by, id, calendar.DayOf(db.NowOf(q)))
	if err != nil {
		return org.Unit{}, err
	}
	return org.UnitByID(ctx, q, h.AreaID)
}

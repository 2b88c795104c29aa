package household

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/say"
)

// Title is the area of a home that by sees today (push.md §10): which door it is stands in the home alone.
func Title(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	h, err := findHousehold(ctx, q, by, ID(id), calendar.DayOf(db.NowOf(q)))
	return "住户 · " + h.AreaName, err
}

// RiskTitle is what happened and where, for whom it concerns.
func RiskTitle(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	e, err := findRisk(ctx, q, by, RiskEventID(id))
	if err != nil {
		return "", err
	}
	return say.Text(say.Chinese, "risk.kind_"+e.Kind) + " · " + e.UnitName, nil
}

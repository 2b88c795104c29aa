package checkin

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// Title is where and on which day somebody was on site, for them and for who decides (push.md §10).
func Title(ctx context.Context, q db.Queryer, by org.Actor, id int64) (string, error) {
	p, err := findPresence(ctx, q, by, ID(id))
	return p.UnitName + " · " + string(p.Day), err
}

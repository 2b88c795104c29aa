package request

import (
	"context"
	"strconv"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// OpenOfArea are the open requests that were opened in an area or that it holds.
func OpenOfArea(ctx context.Context, q db.Queryer, area org.UnitID) (ids []int64, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM request
		WHERE unit_id = ? AND is_open = ?
		UNION
		SELECT id
		FROM request
		WHERE holder_unit_id = ? AND holder_role = ? AND is_open = ?
		ORDER BY id`, area, true, area, "", true)
	return ids, db.Wrap(err, nil, "find the open requests of area %d", area)
}

// TellContactChanged tells everybody with an open request in an area that somebody else looks after it now; once says
// by which change.
func TellContactChanged(ctx context.Context, tx *db.Tx, by org.Actor, area org.Unit, once int64) error {
	ids, err := OpenOfArea(ctx, tx, area.ID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		rows, err := byIDs(ctx, tx, []ID{ID(id)})
		if err != nil {
			return err
		}
		r := rows[0].Request
		if err := addStep(ctx, tx, sealed.Of(tx), by, r, line{move: "contact_changed", from: &r.State}); err != nil {
			return err
		}
		w := word{kind: "contact.changed", label: "contact." + strconv.FormatInt(once, 10), unit: area.Name}
		if err := tellAskers(ctx, tx, by, r, w); err != nil {
			return err
		}
	}
	return nil
}

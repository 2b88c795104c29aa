package request

import (
	"context"

	"wanjia/internal/platform/db"
)

// OpenOfDoor are the open requests of those who live at a door: what was told before others moved in is not theirs.
func OpenOfDoor(ctx context.Context, q db.Queryer, premises int64) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT r.id
		FROM premises p
		JOIN request r ON r.premises_id = p.id
		WHERE p.id = ? AND r.is_open = ? AND (p.left_at IS NULL OR r.happened_at >= p.left_at)
		ORDER BY r.id`, premises, true)
	return ids, db.Wrap(err, nil, "find the open requests of door %d", premises)
}

// AskedAt are those of the premises where somebody who lives there has asked for something that is still open, other than on a
// visit. What those asked for who have moved out goes on for them, and is no reason to call at others.
func AskedAt(ctx context.Context, q db.Queryer, premises ...int64) (map[int64]bool, error) {
	asked := map[int64]bool{}
	if len(premises) == 0 {
		return asked, nil
	}
	query, args, err := db.In(`
		SELECT p.id
		FROM premises p
		WHERE p.id IN (?) AND (
			SELECT r.id
			FROM request r
			WHERE r.premises_id = p.id AND r.is_open = ? AND r.channel <> ?
			  AND (p.left_at IS NULL OR r.happened_at >= p.left_at)
			LIMIT 1) IS NOT NULL`, premises, true, OnVisit) // one row a door, however much was asked for there
	if err != nil {
		return nil, err
	}
	var found []int64
	err = q.Select(ctx, &found, query, args...)
	for _, id := range found {
		asked[id] = true
	}
	return asked, db.Wrap(err, nil, "find at which of %d doors something was asked for", len(premises))
}

// doorOf is the door that r came from, while those live there who told of it; 0 if it is not known or they have moved out.
func doorOf(ctx context.Context, q db.Queryer, r Request) (premises int64, err error) {
	if r.PremisesID == nil {
		return 0, nil
	}
	var gone int
	err = q.Get(ctx, &gone, `SELECT COUNT(*) FROM premises WHERE id = ? AND left_at > ?`, *r.PremisesID, r.HappenedAt)
	if err != nil || gone > 0 {
		return 0, db.Wrap(err, nil, "find who lives at door %d", *r.PremisesID)
	}
	return *r.PremisesID, nil
}

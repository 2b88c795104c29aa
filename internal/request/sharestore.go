package request

import (
	"context"

	"wanjia/internal/platform/db"
)

// targetsOf are what a request was merged into, each time.
func targetsOf(ctx context.Context, q db.Queryer, id ID) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT target_id
		FROM request_merge
		WHERE request_id = ?
		ORDER BY merged_at, id`, id)
	return ids, db.Wrap(err, nil, "find what request %d was merged into", id)
}

// cardsShared are the cards that were put on a request in a share of it.
func cardsShared(ctx context.Context, q db.Queryer, h share) (rows []Card, err error) {
	to := h.To
	if to.IsZero() {
		to = db.NowOf(q)
	}
	err = q.Select(ctx, &rows, selectCard+`
		JOIN request_card a ON a.card_id = c.id
		WHERE a.request_id = ? AND a.attached_at >= ? AND a.attached_at <= ?
		ORDER BY a.id`, h.Request, h.Since, to)
	return rows, db.Wrap(err, nil, "find the cards of request %d", h.Request)
}

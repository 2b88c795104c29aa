package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// An ending is the first end of a request, as its history has it.
type ending struct {
	Category   Code       `db:"category"`
	HappenedAt time.Time  `db:"happened_at"`
	Move       string     `db:"move"`
	Level      int        `db:"level"`
	AnsweredAt *time.Time `db:"answered_at"`
	Again      int        `db:"again"`
}

// findResults are the first ends that lie in a time, of the requests of a place. What was merged or taken back is none. What
// came first its moment says, for ids of several servers follow no order (docs/adr/0011).
func findResults(ctx context.Context, q db.Queryer, place org.UnitID, from, to time.Time) (rows []ending, err error) {
	err = q.Select(ctx, &rows, `
		SELECT r.category, r.happened_at, e.move, e.level,
		       (SELECT a.recorded_at
		        FROM request_history a
		        WHERE a.request_id = r.id AND a.move = 'accepted'
		        ORDER BY a.recorded_at, a.id
		        LIMIT 1) AS answered_at,
		       (SELECT COUNT(*) FROM request_history b WHERE b.request_id = r.id AND b.move = 'reopened') AS again
		FROM request_history e
		JOIN request r ON r.id = e.request_id
		WHERE e.move IN ('resolved', 'explained', 'handed_over')
		  AND e.recorded_at >= ? AND e.recorded_at < ?
		  AND r.place_id = ?
		  AND NOT EXISTS (
		      SELECT 1
		      FROM request_history c
		      WHERE c.request_id = e.request_id AND c.move IN ('resolved', 'explained', 'handed_over')
		        AND (c.recorded_at < e.recorded_at OR c.recorded_at = e.recorded_at AND c.id < e.id))
		ORDER BY e.recorded_at, e.id`, from, to, place)
	return rows, db.Wrap(err, nil, "find what became of the requests of place %d", place)
}

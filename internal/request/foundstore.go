package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// FoundOnVisits is how many needs visits brought to light below by in [since, until), and how many of those are
// resolved (F17).
func FoundOnVisits(ctx context.Context, q db.Queryer, by org.Actor, since, until time.Time) (found, resolved int, err error) {
	from, to := by.Scope()
	query := `
		SELECT r.state, COUNT(*) AS n
		FROM unit u
		JOIN request r ON r.unit_id = u.id
		WHERE u.path >= ? AND u.path < ?
		  AND r.recorded_at >= ? AND r.recorded_at < ? AND r.source_visit_id IS NOT NULL
		  AND r.is_open IN (?, ?)
		GROUP BY r.state`
	if by.Wide() {
		query = `
		SELECT r.state, COUNT(*) AS n
		FROM request r
		WHERE (SELECT COUNT(*) FROM unit u WHERE u.id = r.unit_id AND u.path >= ? AND u.path < ?) > 0
		  AND r.recorded_at >= ? AND r.recorded_at < ? AND r.source_visit_id IS NOT NULL
		  AND r.is_open IN (?, ?)
		GROUP BY r.state`
	}
	var cells []struct {
		State State `db:"state"`
		N     int   `db:"n"`
	}
	if err := q.Select(ctx, &cells, query, from, to, since, until, true, false); err != nil {
		return 0, 0, db.Wrap(err, nil, "count what visits brought to light")
	}
	for _, c := range cells {
		found += c.N
		if c.State == Resolved {
			resolved += c.N
		}
	}
	return found, resolved, nil
}

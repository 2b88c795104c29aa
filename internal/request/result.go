package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// A Result is what became of a request, without what it was: its first end counts, whatever came later (K11).
type Result struct {
	Resolved    bool // else explained or handed over
	Level       int  // of its holder then; 0: beside the levels
	FirstAnswer *int // minutes of its calendar until somebody took it on; nil: it is not known
	Reopened    bool
}

// Results are those of the requests of a place whose first end lies in a time.
func (s *Service) Results(ctx context.Context, q db.Queryer, place org.UnitID, from, to time.Time) ([]Result, error) {
	rows, err := findResults(ctx, q, place, from, to)
	if err != nil {
		return nil, err
	}
	book, err := s.rules.learn(ctx, q)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(rows))
	for i, r := range rows {
		results[i] = Result{Resolved: r.Move == string(Resolved), Level: r.Level, Reopened: r.Again > 0}
		if r.AnsweredAt == nil {
			continue
		}
		e := book.asOf(*r.AnsweredAt)
		minutes := int(e.category(Request{Category: r.Category}).cal.WorkingBetween(r.HappenedAt, *r.AnsweredAt) / time.Minute)
		results[i].FirstAnswer = &minutes
	}
	return results, nil
}

// An ending is the first end of a request, as its history has it.
type ending struct {
	Category   Code       `db:"category"`
	HappenedAt time.Time  `db:"happened_at"`
	Move       string     `db:"move"`
	Level      int        `db:"level"`
	AnsweredAt *time.Time `db:"answered_at"`
	Again      int        `db:"again"`
}

// findResults are the first ends that lie in a time, of the requests of a place. What was merged or taken back is none.
func findResults(ctx context.Context, q db.Queryer, place org.UnitID, from, to time.Time) (rows []ending, err error) {
	err = q.Select(ctx, &rows, `
		SELECT r.category, r.happened_at, e.move, e.level,
		       (SELECT a.recorded_at
		        FROM request_history a
		        WHERE a.request_id = r.id AND a.move = 'accepted'
		        ORDER BY a.id
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
		      WHERE c.request_id = e.request_id AND c.id < e.id AND c.move IN ('resolved', 'explained', 'handed_over'))
		ORDER BY e.id`, from, to, place)
	return rows, db.Wrap(err, nil, "find what became of the requests of place %d", place)
}

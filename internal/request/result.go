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

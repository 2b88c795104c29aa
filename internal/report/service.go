package report

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// Service is what can be asked of reports.
type Service struct {
	db    *db.DB
	needs *request.Service
}

// NewService makes a Service.
func NewService(d *db.DB, needs *request.Service) *Service { return &Service{d, needs} }

// Requests is how a place that by sees dealt with what ended in a quarter.
func (s *Service) Requests(ctx context.Context, by org.Actor, place org.UnitID, quarter string) (Indicators, error) {
	q, err := ParseQuarter(quarter, s.db.Now())
	if err != nil {
		return Indicators{}, err
	}
	at, err := org.FindUnit(ctx, s.db, by, place)
	if err != nil {
		return Indicators{}, err
	}
	if !org.IsPlace(at.Kind) {
		return Indicators{}, problem.ErrNotFound
	}
	results, err := s.needs.Results(ctx, s.db, at.ID, q.From, q.To)
	if err != nil {
		return Indicators{}, err
	}
	in := of(results)
	in.Place = at
	return in, nil
}

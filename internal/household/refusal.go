package household

import (
	"context"
	"errors"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// The acts of reading what is kept of a home, as the audit calls them.
const (
	householdRead = "household.read"
	visitRead     = "visit.read"
	flagRead      = "flag.read"
	visitUnmasked = "visit.unmasked"
	flagUnmasked  = "flag.unmasked" // refused; what is shown is the household's

	householdVisitRead = "household.visit_read"      // of the home at which the visit was
	pastVisitRead      = "household.past_visit_read" // and has others in it by now, who do not read that
)

// noted is err, once it is noted that by asked to read what is not there for them (S18): whoever tries door after door is
// seen to. It is noted of what does not exist at all as well, so that neither the answer nor its time tells the two apart.
func (s *Service) noted(ctx context.Context, by org.Actor, action, object string, id int64, err error) error {
	if !errors.Is(err, problem.ErrNotFound) {
		return err
	}
	e := by.Did(action, object, id)
	e.Result = problem.ErrNotFound.Code
	if kept := s.db.InTx(ctx, func(tx *db.Tx) error { audit.Note(tx, e); return nil }); kept != nil {
		return kept
	}
	return err
}

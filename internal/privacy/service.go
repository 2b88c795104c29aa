package privacy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// GuardAttempt tells the audit administrators that by tried to make a setting the product refuses
// (guard.attempt). Who they are, and how they are told, is known above.
type GuardAttempt func(ctx context.Context, tx *db.Tx, by org.Actor, key string) error

// A Service keeps legal bases and settings that need one.
type Service struct {
	db      *db.DB
	pages   *page.Keys
	attempt GuardAttempt
}

// NewService makes a Service that tells of attempts through attempt.
func NewService(d *db.DB, pages *page.Keys, attempt GuardAttempt) *Service {
	return &Service{db: d, pages: pages, attempt: attempt}
}

// Geofence is the one setting of people's privacy that can be made, per place and with a legal basis.
const Geofence = "checkin.geofence"

// A Setting is what somebody wants a policy key to be at a unit.
type Setting struct {
	Key     string
	UnitID  org.UnitID
	Enabled bool
	BasisID BasisID // what it rests on
	Reason  string
}

// Set makes a setting, or refuses it for good: then the attempt is written down and told, and nothing else is.
func (s *Service) Set(ctx context.Context, by org.Actor, want Setting) error {
	if rule, no := RefusedKey(want.Key); no {
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			e := by.Did("guard.attempt", "policy", 0).For("", want.Key)
			e.Result = ErrRefused.Code
			audit.Note(tx, e)
			return s.attempt(ctx, tx, by, want.Key)
		})
		if err != nil {
			return fmt.Errorf("note the attempt to set %s: %w", want.Key, err)
		}
		return ErrRefused.With("key", want.Key).With("ruleText", rule)
	}
	if want.Key != Geofence {
		return problem.ErrNotFound
	}
	if err := CheckText("/reason", want.Reason); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			unit, err := org.FindUnit(ctx, tx, by, want.UnitID)
			if err != nil {
				return err
			}
			if !org.IsPlace(unit.Kind) { // per place only: CI7
				return ErrPlaceOnly.Field("/unitId", ErrPlaceOnly.Code)
			}
			if want.Enabled {
				b, err := findBasis(ctx, tx, want.BasisID)
				if err != nil && !errors.Is(err, problem.ErrNotFound) {
					return err
				}
				if b.Purpose != "geofence" || !b.Holds(calendar.DayOf(tx.Now)) {
					return ErrBasisMissing
				}
			}
			audit.Note(tx, by.Did("policy.set", "unit", int64(unit.ID)).For("", want.Reason).Showing(want.Key))
			return saveSetting(ctx, tx, by, want)
		})
	})
}

// RecordBasis enters a legal basis. It holds once a second person has approved it.
func (s *Service) RecordBasis(ctx context.Context, by org.Actor, b Basis) (id BasisID, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			b.State, b.EnteredBy, b.EnteredAt = Entered, by.PersonID, tx.Now
			if err := b.valid(calendar.DayOf(tx.Now)); err != nil {
				return err
			}
			if id, err = insertBasis(ctx, tx, b); err != nil {
				return err
			}
			audit.Note(tx, by.Did("policy.basis_entered", "legal_basis", int64(id)))
			return nil
		})
	})
	return id, err
}

// ApproveBasis is the second person's yes.
func (s *Service) ApproveBasis(ctx context.Context, by org.Actor, id BasisID) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			b, err := findBasis(ctx, tx, id)
			if err != nil {
				return err
			}
			if err := b.canApprove(by, calendar.DayOf(tx.Now)); err != nil {
				return err
			}
			found, err := approveBasis(ctx, tx, id, by.PersonID)
			if err == nil && found == 0 { // somebody was faster
				err = ErrIllegalTransition.With("state", Approved)
			}
			audit.Note(tx, by.Did("policy.basis_approved", "legal_basis", int64(id)))
			return err
		})
	})
}

// Bases lists the legal bases, the newest first.
func (s *Service) Bases(ctx context.Context, by org.Actor, cursor string, size int) (bases []Basis, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listLegalBases", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	rows, err := listBases(ctx, s.db, p)
	if err != nil {
		return nil, "", err
	}
	bases, next = page.Cut(rows, p, func(b Basis) (time.Time, int64) { return b.EnteredAt, int64(b.ID) })
	return bases, next, nil
}

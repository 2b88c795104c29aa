package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// secondFactor says whether code is right for person, and returns what uses it up in the transaction of the
// act: a step and a recovery code work once.
func (s *Service) secondFactor(ctx context.Context, person org.PersonID, code string) (prove func(context.Context, *db.Tx) error, err error) {
	c, found, err := credentialOf(ctx, s.db, person)
	if err != nil {
		return nil, err
	}
	if !found || c.ConfirmedAt == nil {
		return nil, ErrNoSecondFactor
	}
	if len(code) != 6 {
		return s.recoveryFactor(ctx, person, strings.ToUpper(code))
	}
	return s.totpFactor(c, code)
}

func (s *Service) totpFactor(c credentialRow, code string) (func(context.Context, *db.Tx) error, error) {
	secret, err := s.keys.Open(sealed.Secrets, "credential", "totp_sealed", int64(c.Person), c.Totp)
	if err != nil {
		return nil, err
	}
	step, err := stepOf(secret, code, s.db.Now())
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, ErrSecondFactor
	}
	return func(ctx context.Context, tx *db.Tx) error {
		found, err := takeStep(ctx, tx, c.Person, step)
		if err == nil && found == 0 {
			err = ErrSecondFactor // shown before
		}
		return err
	}, nil
}

func (s *Service) recoveryFactor(ctx context.Context, person org.PersonID, code string) (func(context.Context, *db.Tx) error, error) {
	all, err := recoveryCodes(ctx, s.db, person)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		right, err := s.hasher.matches(ctx, code, r.Hash)
		if err != nil {
			return nil, err
		}
		if right {
			return func(ctx context.Context, tx *db.Tx) error {
				found, err := useRecovery(ctx, tx, r.ID)
				if err == nil && found == 0 {
					err = ErrSecondFactor
				}
				return err
			}, nil
		}
	}
	return nil, ErrSecondFactor
}

// steppedFor is how long a second factor counts as fresh.
const steppedFor = 5 * time.Minute

// StepUp checks the second factor again in the session of ctx, and says until when that counts.
func (s *Service) StepUp(ctx context.Context, code string) (until time.Time, err error) {
	by, session := org.ActorFrom(ctx), SessionFrom(ctx)
	if err := s.tryPerson(ctx, by.PersonID); err != nil {
		return time.Time{}, err
	}
	prove, err := s.secondFactor(ctx, by.PersonID, code)
	if err == nil {
		until, err = s.markStepped(ctx, by, session, prove)
	}
	if errors.Is(err, ErrSecondFactor) {
		err = ErrStepUp // the session itself is as good as before
	}
	return until, err
}

// markStepped notes that a second factor was shown in session now, in the transaction that uses it up.
func (s *Service) markStepped(ctx context.Context, by org.Actor, session SessionID, prove func(context.Context, *db.Tx) error) (until time.Time, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := prove(ctx, tx); err != nil {
			return err
		}
		if found, err := markStepped(ctx, tx, session); err != nil || found == 0 {
			return orElse(err, ErrSessionEnded)
		}
		audit.Note(tx, by.Did("auth.stepped_up", "session", int64(session)))
		until = tx.Now.Add(steppedFor)
		return forgetTries(ctx, tx, s.personSubject(by.PersonID))
	})
	return until, err
}

// CheckStepUp is nil if the second factor was shown in the session of ctx within five minutes, else why
// sensitive acts are closed. The row is asked, since such acts are rare and a cache could be late.
func (s *Service) CheckStepUp(ctx context.Context) error {
	ses, err := findSession(ctx, s.db, SessionFrom(ctx))
	if err != nil {
		return err
	}
	now := s.db.Now()
	switch {
	case ses.HeldUntil != nil && now.Before(*ses.HeldUntil):
		return ErrHeld
	case ses.SteppedAt == nil || !now.Before(ses.SteppedAt.Add(steppedFor)):
		return ErrStepUp
	}
	return nil
}

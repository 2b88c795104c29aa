package auth

import (
	"context"
	"errors"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// SignOut ends the session of ctx.
func (s *Service) SignOut(ctx context.Context, by org.Actor) error {
	id := SessionFrom(ctx)
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		ended, err := s.end(ctx, tx, id, bySignOut)
		if err == nil && ended {
			audit.Note(tx, by.Did("auth.signed_out", "session", int64(id)))
		}
		return err
	})
}

// Sessions are the live sessions of by, the newest first.
func (s *Service) Sessions(ctx context.Context, by org.Actor) ([]Session, error) {
	return liveSessions(ctx, s.db, by.PersonID, s.db.Now())
}

// EndSession ends one of by's own sessions.
func (s *Service) EndSession(ctx context.Context, by org.Actor, id SessionID) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		ses, err := findSession(ctx, tx, id)
		switch {
		case err != nil && !errors.Is(err, ErrSessionEnded):
			return err // the database's, which may be tried again
		case err != nil, ses.Person != by.PersonID && guard.On(guard.Own):
			return problem.ErrNotFound
		}
		if _, err := s.end(ctx, tx, id, byPerson); err != nil {
			return err
		}
		audit.Note(tx, by.Did("auth.session_ended", "session", int64(id)))
		return nil
	})
}

// Disable takes person's sign-in away: every session ends and none begins. A security administrator may do it
// to anybody else, a secretary to those whose roles all lie in their own unit or below.
func (s *Service) Disable(ctx context.Context, by org.Actor, person org.PersonID, reason string) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		if person == by.PersonID {
			return ErrSelf
		}
		if by.Role != org.RoleSecurityAdmin {
			if err := mayVouch(ctx, tx, by, person, tx.Now); err != nil {
				return err
			}
		}
		if _, err := findPerson(ctx, tx, person); err != nil {
			return err
		}
		if found, err := disable(ctx, tx, person); err != nil || found == 0 {
			return orElse(err, ErrIllegalTransition.With("state", "disabled"))
		}
		e := by.Did("account.disabled", "person", int64(person))
		e.Reason = reason
		audit.Note(tx, e)
		if s.disabled != nil {
			if err := s.disabled(ctx, tx, by, person); err != nil {
				return err
			}
		}
		return s.signOutEverywhere(ctx, tx, person, byDisabled)
	})
}

// EndSessionsOf signs person out everywhere, as for a lost phone; they can sign in again. Who may disable may do
// this, and the person is told.
func (s *Service) EndSessionsOf(ctx context.Context, by org.Actor, person org.PersonID, reason string) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		if by.Role != org.RoleSecurityAdmin {
			if err := mayVouch(ctx, tx, by, person, tx.Now); err != nil {
				return err
			}
		}
		if _, err := findPerson(ctx, tx, person); err != nil {
			return err
		}
		if err := s.signOutEverywhere(ctx, tx, person, byOthers); err != nil {
			return err
		}
		e := by.Did("auth.sessions_ended", "person", int64(person))
		e.Reason = reason
		audit.Note(tx, e)
		return s.tell(ctx, tx, person, "security.session_ended", int64(person))
	})
}

// ChangePassword sets another password for by, who knows the present one. All other sessions end; that of ctx
// stays, and wants a refresh.
func (s *Service) ChangePassword(ctx context.Context, by org.Actor, present, next string) error {
	c, found, err := credentialOf(ctx, s.db, by.PersonID)
	if err != nil || !found || c.Password == nil {
		return orElse(err, ErrNoSecondFactor)
	}
	if err := checkPassword(next, c.Account); err != nil {
		return err
	}
	if err := s.tryFactorChange(ctx, by.PersonID); err != nil {
		return err
	}
	right, err := s.hasher.matches(ctx, present, *c.Password)
	if err != nil {
		return err
	}
	if !right {
		return ErrPasswordNow
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		if found, err := changePassword(ctx, tx, by.PersonID, *c.Password, hash); err != nil || found == 0 {
			return orElse(err, problem.ErrConflict) // changed in between
		}
		return s.factorChanged(ctx, tx, by.PersonID, SessionFrom(ctx))
	})
}

// Me is who is signed in, as they see themselves.
type Me struct {
	Person      org.PersonID
	Name        sealed.Name
	State       State
	Session     Session
	ActingAs    org.AssignmentID
	Assignments []org.Assignment
	Kinds       map[org.UnitID]org.UnitKind
}

// SteppedUpUntil is until when sensitive acts are open; zero if they are not.
func (m Me) SteppedUpUntil(now time.Time) time.Time {
	s := m.Session
	if s.SteppedAt == nil || s.HeldUntil != nil && now.Before(*s.HeldUntil) || !now.Before(s.SteppedAt.Add(steppedFor)) {
		return time.Time{}
	}
	return s.SteppedAt.Add(steppedFor)
}

// Me says who by is and in which roles they can act.
func (s *Service) Me(ctx context.Context, by org.Actor) (m Me, err error) {
	m = Me{Person: by.PersonID, State: Bound, ActingAs: by.Assignment}
	p, err := findPerson(ctx, s.db, by.PersonID)
	if err != nil {
		return m, err
	}
	if m.Name, err = s.nameOf(p); err != nil {
		return m, err
	}
	if _, unverified, err := accountOf(ctx, s.db, by.PersonID, Unverified); err != nil {
		return m, err
	} else if unverified {
		m.State = Unverified
	}
	if m.Session, err = findSession(ctx, s.db, SessionFrom(ctx)); err != nil {
		return m, err
	}
	day := calendar.DayOf(s.db.Now())
	if m.Assignments, err = org.AssignmentsOf(ctx, s.db, by.PersonID, day); err != nil || len(m.Assignments) == 0 {
		return m, err
	}
	away, err := org.ForWhom(ctx, s.db, by.PersonID, day)
	if err != nil {
		return m, err
	}
	for _, x := range away {
		m.Assignments = append(m.Assignments, org.Assignment{
			ID: x.Assignment, PersonID: x.Person, Role: x.Role, UnitID: x.UnitID, UnitName: x.UnitName,
			ValidFrom: x.ValidFrom, ValidTo: &x.ValidTo,
		})
	}
	ids := make([]org.UnitID, len(m.Assignments))
	for i, a := range m.Assignments {
		ids[i] = a.UnitID
	}
	units, err := org.UnitsByID(ctx, s.db, ids...)
	m.Kinds = map[org.UnitID]org.UnitKind{}
	for id, u := range units {
		m.Kinds[id] = u.Kind
	}
	return m, err
}

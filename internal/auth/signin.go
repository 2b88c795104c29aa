package auth

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// SignedIn is what somebody who came in gets.
type SignedIn struct {
	Access  string
	Refresh string
	Session Session
	State   State // of the account
}

// start begins a session of person in tx, and says what the tokens are made of.
func (s *Service) start(ctx context.Context, tx *db.Tx, p personRow, client Client, device string, level int, held *time.Time) (begun, error) {
	if p.DisabledAt != nil {
		return begun{}, ErrSignIn
	}
	roles, err := org.AssignmentsOf(ctx, tx, p.ID, calendar.DayOf(tx.Now))
	if err != nil {
		return begun{}, err
	}
	idle, absolute := client.life(staff(roles))
	ses := Session{
		Person: p.ID, Client: client, DeviceHash: deviceHash(device), Level: level, Era: s.era,
		IdleFor: int64(idle / time.Second), IdleUntil: tx.Now.Add(idle), EndsAt: tx.Now.Add(absolute), CreatedAt: tx.Now,
	}
	if held != nil && held.After(tx.Now) {
		ses.HeldUntil = held
	}
	if level == 2 {
		ses.SteppedAt = &tx.Now
	}
	all, same, err := devicesOf(ctx, tx, p.ID, ses.DeviceHash)
	if err != nil {
		return begun{}, err
	}
	if err := insertSession(ctx, tx, &ses); err != nil {
		return begun{}, err
	}
	token, hash := newToken()
	if err := insertRefresh(ctx, tx, ses.ID, hash, nil); err != nil {
		return begun{}, err
	}
	audit.Note(tx, org.Actor{PersonID: p.ID}.Did("auth.signed_in", "session", int64(ses.ID)))
	if all > 0 && same == 0 {
		err = s.tell(ctx, tx, p.ID, "security.new_device", int64(ses.ID))
	}
	return begun{session: ses, refresh: token, ver: p.Ver}, err
}

// begun is a session whose access token is still to be made.
type begun struct {
	session Session
	refresh string
	ver     int64
}

// signedIn makes the access token of b.
func (s *Service) signedIn(b begun, state State) (SignedIn, error) {
	access, err := s.tokens.issue(claims{Session: b.session.ID, Person: b.session.Person, Ver: b.ver}, s.db.Now())
	return SignedIn{Access: access, Refresh: b.refresh, Session: b.session, State: state}, err
}

// SignInDemo signs in as one of the demo accounts; outside demo mode there is no such thing (X11). Its session is
// like one of two factors: sensitive acts are open for five minutes, and then closed as for everybody. The people
// of the demo have no authenticator at hand, and whoever tries it shall meet the question without being locked
// out by it; signing in again opens the acts again.
func (s *Service) SignInDemo(ctx context.Context, handle string, client Client, device string) (SignedIn, error) {
	if !s.demo {
		return SignedIn{}, problem.ErrNotFound
	}
	var b begun
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		person, err := personByHandle(ctx, tx, handle)
		if err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, person)
		if err != nil {
			return err
		}
		b, err = s.start(ctx, tx, p, client, device, 2, nil)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(b, Bound)
}

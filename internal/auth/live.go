package auth

import (
	"context"
	"time"

	"wanjia/internal/org"
)

// Live says whose session id is and when it ends at the latest; ErrSessionEnded when it is over. Push asks before
// it opens a socket for the session.
//
// When all devices of a node that has died come to another, SQL is not asked about each: what is remembered of a session
// counts as it does for a request, while all revocations are known. One that comes later closes the socket.
func (s *Service) Live(ctx context.Context, id SessionID) (person org.PersonID, until time.Time, err error) {
	now := s.db.Now()
	if news, sure := s.denied.since(now); sure {
		if s.denied.ended(id) {
			return 0, time.Time{}, ErrSessionEnded
		}
		known, there, err := s.remembered(ctx, id, now, news, sure)
		if err == nil && there && !now.Before(known.EndsAt) {
			err = ErrSessionEnded
		}
		if err != nil || there {
			return known.Person, known.EndsAt, err
		}
	}
	ses, err := findSession(ctx, s.db, id)
	if err != nil {
		return 0, time.Time{}, err
	}
	p, err := findPerson(ctx, s.db, ses.Person)
	if err != nil {
		return 0, time.Time{}, err
	}
	if p.DisabledAt != nil || !ses.lives(now, s.era) {
		return 0, time.Time{}, ErrSessionEnded
	}
	return ses.Person, ses.EndsAt, nil
}

package auth

import (
	"context"
	"time"

	"wanjia/internal/org"
)

// Live says whose session id is and when it ends at the latest; ErrSessionEnded when it is over. Push asks before
// it opens a socket for the session.
func (s *Service) Live(ctx context.Context, id SessionID) (person org.PersonID, until time.Time, err error) {
	ses, err := findSession(ctx, s.db, id)
	if err != nil {
		return 0, time.Time{}, err
	}
	p, err := findPerson(ctx, s.db, ses.Person)
	if err != nil {
		return 0, time.Time{}, err
	}
	if p.DisabledAt != nil || !ses.lives(s.db.Now(), s.era) {
		return 0, time.Time{}, ErrSessionEnded
	}
	return ses.Person, ses.EndsAt, nil
}

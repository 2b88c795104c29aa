package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

type sessionKeyType struct{}

// SessionFrom is the session that the request of ctx is made in; 0 if nobody is signed in.
func SessionFrom(ctx context.Context) SessionID {
	id, _ := ctx.Value(sessionKeyType{}).(SessionID)
	return id
}

func withSession(ctx context.Context, id SessionID) context.Context {
	return context.WithValue(ctx, sessionKeyType{}, id)
}

// knownWithin is how long a request waits for the database to say whose it is: when the database is silent, all
// connections are waited for, and who has no time of their own would wait for ever (R4).
const knownWithin = 3 * time.Second

// Identify says who shows this access token, acting in which of their roles (0: the primary one). The context
// it returns carries the session. The checks stand in the order of security.md §2; the first failure wins.
func (s *Service) Identify(ctx context.Context, bearer string, actingAs org.AssignmentID) (context.Context, org.Actor, error) {
	now := s.db.Now()
	c, err := s.tokens.verify(bearer, now)
	if err != nil {
		return ctx, org.Actor{}, ErrToken
	}
	asking, done := context.WithTimeout(ctx, knownWithin)
	defer done()
	if guard.On(guard.Revoked) {
		if err := s.live(asking, c, now); err != nil {
			return ctx, org.Actor{}, err
		}
	}
	by, err := s.actor(asking, c.Person, actingAs, now)
	if err != nil {
		return ctx, org.Actor{}, err
	}
	return withSession(ctx, c.Session), by, nil
}

// live says why the session of c, or c itself, is no longer good, or nil.
func (s *Service) live(ctx context.Context, c claims, now time.Time) error {
	fresh, err := s.denied.refuses(c, now)
	if err != nil {
		return err
	}
	if !fresh {
		return s.askSQL(ctx, c, now)
	}
	news, sure := s.denied.since(now)
	known, there, err := s.remembered(ctx, c.Session, now, news, sure)
	switch {
	case err != nil:
		return err
	case there:
		return known.good(c, now)
	}
	ses, err := findSession(ctx, s.db, c.Session)
	if err != nil {
		return orUnavailable(err)
	}
	if !ses.lives(now, s.era) {
		return ErrSessionEnded
	}
	known = liveSession{Person: ses.Person, EndsAt: ses.EndsAt}
	if text, err := json.Marshal(known); err == nil {
		// Only if there is nothing: a reader who was slow must not put an ended session back.
		_, _ = s.kv.SetNew(ctx, sessionKey(c.Session), string(text), 10*time.Minute)
	}
	keep(s, s.cache, c.Session, known, now, news)
	return known.good(c, now)
}

// remembered is session id as this process found it a moment ago, if sure all that ended since is known, or as Redis has it.
func (s *Service) remembered(ctx context.Context, id SessionID, now time.Time, news uint64, sure bool) (known liveSession, there bool, err error) {
	if known, there = s.cache.get(id, now); there && sure {
		return known, true, nil
	}
	if text, there, err := s.kv.Get(ctx, sessionKey(id)); err == nil && there {
		if text == endedMark {
			return liveSession{}, false, ErrSessionEnded
		}
		if json.Unmarshal([]byte(text), &known) == nil {
			keep(s, s.cache, id, known, now, news)
			return known, true, nil
		}
	}
	return liveSession{}, false, nil // SQL knows
}

// keep remembers v, unless there has been news since it was looked for: then it may be what was before.
func keep[K comparable, V any](s *Service, in *recent[K, V], key K, v V, now time.Time, news uint64) {
	s.denied.unlessNews(news, func() { in.put(key, v, now) })
}

// askSQL is for a node that has not read the revocations lately: each request looks at the rows themselves.
func (s *Service) askSQL(ctx context.Context, c claims, now time.Time) error {
	ses, err := findSession(ctx, s.db, c.Session)
	if err != nil {
		return orUnavailable(err)
	}
	p, err := findPerson(ctx, s.db, c.Person)
	if err != nil {
		return orUnavailable(err)
	}
	switch {
	case ses.Person != c.Person, !ses.lives(now, s.era), p.DisabledAt != nil:
		return ErrSessionEnded
	case c.Ver < p.Ver:
		return ErrTokenStale
	}
	return nil
}

// orUnavailable makes an error that is nobody's business 503: who cannot be checked is not let in.
func orUnavailable(err error) error {
	if isProblem(err) {
		return err
	}
	return fmt.Errorf("%w: %w", problem.ErrUnavailable, err)
}

// actor is person in the role they ask to act in, which must be their own and hold today.
func (s *Service) actor(ctx context.Context, person org.PersonID, actingAs org.AssignmentID, now time.Time) (org.Actor, error) {
	seat, owner := seat{person, actingAs, calendar.DayOf(now)}, person
	news, sure := s.denied.since(now)
	known, there := s.seats.get(seat, now)
	switch {
	case actingAs != 0 && !guard.On(guard.ActingAs):
		a, err := org.AssignmentByID(ctx, s.db, actingAs)
		if err != nil {
			return org.Actor{}, orUnavailable(err)
		}
		owner, now = a.PersonID, a.ValidFrom.Time()
	case there && sure:
		return known, nil
	}
	by, err := org.ActorOf(ctx, s.db, owner, actingAs, now)
	if err != nil {
		return org.Actor{}, orUnavailable(err)
	}
	by.PersonID = person
	if owner == person {
		keep(s, s.seats, seat, by, now, news)
	}
	return by, nil
}

// A seat is a person in the role they ask to act in, on the day whose roles hold.
type seat struct {
	person   org.PersonID
	actingAs org.AssignmentID // 0: the primary one
	day      calendar.Day
}

// endedMark stands in Redis for a session that has ended.
const endedMark = "ended"

// liveSession is what a token is checked against, as Redis and the process keep it.
type liveSession struct {
	Person org.PersonID `json:"p"`
	EndsAt time.Time    `json:"e"`
}

func (l liveSession) good(c claims, now time.Time) error {
	if l.Person != c.Person || !now.Before(l.EndsAt) {
		return ErrSessionEnded
	}
	return nil
}

func formatID(id int64) string { return strconv.FormatInt(id, 10) }

func today(now time.Time) string { return string(calendar.DayOf(now)) }

func isProblem(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p)
}

package auth

import (
	"context"
	"sync"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// An EndKind says what has ended.
type EndKind string

// The kinds.
const (
	SessionEnded  EndKind = "session" // one session: its tokens are refused, its sockets close for good
	PersonChanged EndKind = "person"  // tokens from before are stale; a refresh gives good ones
	RightsChanged EndKind = "rights"  // roles were added or moved; tokens stay
)

// Ended says that somebody's rights are less, or other, than before.
type Ended struct {
	Kind    EndKind
	Session SessionID    // of SessionEnded
	Person  org.PersonID // of the others
}

const (
	// deniedFor is how long a revocation is kept: longer than any token it must refuse.
	deniedFor = 30 * time.Minute
	// deniedGood is how old our knowledge of the revocations may be before each request asks SQL.
	deniedGood = 10 * time.Second
	// deniedSure is how old it may be before sessions and roles are looked for at each request.
	deniedSure = 5 * time.Second
)

// denied is all of the table revocation, in memory.
type denied struct {
	tell func([]Ended)

	mu       sync.RWMutex
	sessions map[SessionID]time.Time
	persons  map[org.PersonID]staleBefore
	known    map[int64]time.Time     // revocations told already
	lately   map[SessionID]time.Time // whose end was told a moment ago, and when, by the clock of this node
	readAt   time.Time
	news     uint64 // how many there were: whoever read a row before the last of them may have read it too early
}

type staleBefore struct {
	ver int64
	at  time.Time
}

func newDenied(tell func([]Ended)) *denied {
	return &denied{
		tell: tell, sessions: map[SessionID]time.Time{}, persons: map[org.PersonID]staleBefore{}, known: map[int64]time.Time{},
		lately: map[SessionID]time.Time{},
	}
}

// learn takes rows in at now and tells of what is new, of all of it at once.
func (d *denied) learn(rows []revocationRow, now time.Time) {
	var news []Ended
	d.mu.Lock()
	for _, r := range rows {
		e := Ended{Kind: r.Kind}
		switch r.Kind {
		case SessionEnded:
			e.Session = SessionID(r.Ref)
			d.sessions[e.Session] = r.At
		case PersonChanged:
			e.Person = org.PersonID(r.Ref)
			if r.Ver > d.persons[e.Person].ver {
				d.persons[e.Person] = staleBefore{r.Ver, r.At}
			}
		case RightsChanged:
			e.Person = org.PersonID(r.Ref)
		}
		if _, old := d.known[r.ID]; !old {
			d.known[r.ID] = r.At
			d.news++
			news = append(news, e)
			if r.Kind == SessionEnded {
				d.lately[e.Session] = now
			}
		}
	}
	d.mu.Unlock()
	if len(news) > 0 {
		d.tell(news)
	}
}

// saidAgain is how long the end of a session is told of at each look: a socket that was being opened when it was told of
// first is there at the next.
const saidAgain = 10 * time.Second

// remind tells once more of the sessions whose end was learned of lately.
func (d *denied) remind(now time.Time) {
	var again []Ended
	d.mu.Lock()
	for id, told := range d.lately {
		if now.Sub(told) >= saidAgain {
			delete(d.lately, id)
			continue
		}
		again = append(again, Ended{Kind: SessionEnded, Session: id})
	}
	d.mu.Unlock()
	if len(again) > 0 {
		d.tell(again)
	}
}

// refreshed notes that everything up to at is known, and forgets what no token can need any more.
func (d *denied) refreshed(at time.Time) {
	old := at.Add(-deniedFor - time.Minute)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readAt = at
	for id, when := range d.sessions {
		if when.Before(old) {
			delete(d.sessions, id)
		}
	}
	for id, p := range d.persons {
		if p.at.Before(old) {
			delete(d.persons, id)
		}
	}
	for id, when := range d.known {
		if when.Before(old) {
			delete(d.known, id)
		}
	}
}

// since says how much news there has been, and whether all of it up to a moment ago is known.
func (d *denied) since(now time.Time) (news uint64, sure bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	age := now.Sub(d.readAt)
	return d.news, !d.readAt.IsZero() && age >= 0 && age <= deniedSure
}

// unlessNews calls f if there has been none since news; what comes meanwhile waits, and finds what f did.
func (d *denied) unlessNews(news uint64, f func()) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.news == news {
		f()
	}
}

// refuses says why c is no longer good, or nil; fresh says whether that can be relied on.
func (d *denied) refuses(c claims, now time.Time) (fresh bool, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	fresh = !d.readAt.IsZero() && now.Sub(d.readAt) <= deniedGood
	if _, ended := d.sessions[c.Session]; ended {
		return fresh, ErrSessionEnded
	}
	if c.Ver < d.persons[c.Person].ver {
		return fresh, ErrTokenStale
	}
	return fresh, nil
}

// ended says whether session is known to have ended.
func (d *denied) ended(session SessionID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, ended := d.sessions[session]
	return ended
}

// LoadRevocations reads who is refused. Call it before the first request and every 2 s.
func (s *Service) LoadRevocations(ctx context.Context) error {
	now := s.db.Now()
	rows, err := revocationsSince(ctx, s.db, now.Add(-deniedFor))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Kind == SessionEnded {
			s.cache.dropOne(SessionID(r.Ref))
		}
	}
	s.denied.remind(now)
	s.denied.learn(rows, now)
	s.denied.refreshed(now)
	return nil
}

// revoke writes a revocation, and makes this node know it as soon as it is committed.
func (s *Service) revoke(ctx context.Context, tx *db.Tx, kind EndKind, ref, ver int64) error {
	row, err := insertRevocation(ctx, tx, kind, ref, ver)
	if err != nil {
		return err
	}
	tx.After(func() {
		if kind == SessionEnded {
			s.cache.dropOne(SessionID(ref))
			// Redis may hold the session as live; other nodes have the row within 2 s in any case.
			after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = s.kv.Set(after, sessionKey(SessionID(ref)), endedMark, 15*time.Minute)
		}
		s.denied.learn([]revocationRow{row}, s.db.Now())
	})
	return nil
}

// end ends one session in tx and says whether it still lived.
func (s *Service) end(ctx context.Context, tx *db.Tx, id SessionID, reason string) (ended bool, err error) {
	found, err := endOne(ctx, tx, id, reason)
	if err != nil || found == 0 {
		return false, err
	}
	return true, s.revoke(ctx, tx, SessionEnded, int64(id), 0)
}

// endAll ends every session of person.
func (s *Service) endAll(ctx context.Context, tx *db.Tx, person org.PersonID, reason string) error {
	return s.endOthers(ctx, tx, person, 0, reason)
}

// endOthers ends every session of person but one.
func (s *Service) endOthers(ctx context.Context, tx *db.Tx, person org.PersonID, but SessionID, reason string) error {
	ids, err := unendedSessions(ctx, tx, person)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == but {
			continue
		}
		if _, err := s.end(ctx, tx, id, reason); err != nil {
			return err
		}
	}
	return nil
}

// RightsShrank makes every token given to person until now stale, in the transaction that takes a right away.
// Sessions stay: a refresh gives a token for what is left.
func (s *Service) RightsShrank(ctx context.Context, tx *db.Tx, person org.PersonID) error {
	ver, err := raiseVer(ctx, tx, person)
	if err != nil {
		return err
	}
	return s.revoke(ctx, tx, PersonChanged, int64(person), ver)
}

// RightsGrew makes open sockets of person look up their roles again; tokens stay good.
func (s *Service) RightsGrew(ctx context.Context, tx *db.Tx, person org.PersonID) error {
	return s.revoke(ctx, tx, RightsChanged, int64(person), 0)
}

// RoleChanged is what signing in makes of a change of somebody's roles; org is given it at wiring. Whoever stands in for
// them acts in the role that has changed, so theirs are looked up again too.
func (s *Service) RoleChanged(ctx context.Context, tx *db.Tx, _ org.Actor, event org.RoleEvent, a org.Assignment) error {
	standIns, err := org.StandInsOf(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	for _, p := range standIns {
		if err := s.RightsGrew(ctx, tx, p); err != nil {
			return err
		}
	}
	if event == org.RoleEnded {
		return s.RightsShrank(ctx, tx, a.PersonID)
	}
	return s.RightsGrew(ctx, tx, a.PersonID)
}

// Forget deletes what is kept for a time only, and says whether there was any. Call it every minute.
func (s *Service) Forget(ctx context.Context) (some bool, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		over, err := endOutlived(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := forget(ctx, tx)
		if err != nil {
			return err
		}
		sessions, err := dropSessions(ctx, tx, tx.Now.Add(-30*day))
		some = over+rows+sessions > 0
		return err
	})
	return some, err
}

func sessionKey(id SessionID) kv.Key { return kv.Session(formatID(int64(id))) }

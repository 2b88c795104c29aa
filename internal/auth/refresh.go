package auth

import (
	"bytes"
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/sealed"
)

// grace is how long a used token still gives the same successor: the answer may have been lost.
const grace = 10 * time.Second

// Refresh changes a refresh token for the next one. Shown again within the grace, before its successor was
// used, it gives the same successor; shown again later, it was stolen by one of the two who have it, and the
// session ends for both.
func (s *Service) Refresh(ctx context.Context, token, device string) (SignedIn, error) {
	parent, hash, ok := readToken(token)
	if !ok {
		return SignedIn{}, ErrRefresh
	}
	row, found, err := findRefresh(ctx, s.db, hash)
	if err != nil || !found {
		return SignedIn{}, orElse(err, ErrRefresh)
	}
	if err := s.limited(ctx, limit.Refresh, formatID(int64(row.Session))); err != nil {
		return SignedIn{}, err
	}
	var b begun
	var refused error // committed together with what it did to the session
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		b, refused = begun{}, nil
		if b.session, err = findSession(ctx, tx, row.Session); err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, b.session.Person)
		if err != nil {
			return err
		}
		b.ver = p.Ver
		if !b.session.lives(tx.Now, s.era) || p.DisabledAt != nil {
			refused = ErrSessionEnded
			return nil
		}
		if !bytes.Equal(b.session.DeviceHash, deviceHash(device)) {
			refused = ErrSessionEnded
			return s.endReused(ctx, tx, b.session)
		}
		used, err := useRefresh(ctx, tx, row.ID)
		if err != nil {
			return err
		}
		if used == 1 {
			b.refresh, err = s.bear(ctx, tx, row, &b.session, parent)
			return err
		}
		if b.refresh, err = s.bornAlready(ctx, tx, hash, parent); err != nil || b.refresh != "" {
			return err
		}
		refused = ErrSessionEnded
		return s.endReused(ctx, tx, b.session)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return SignedIn{}, err
	}
	state := Bound
	if _, unverified, err := accountOf(ctx, s.db, b.session.Person, Unverified); err != nil {
		return SignedIn{}, err
	} else if unverified {
		state = Unverified
	}
	return s.signedIn(b, state)
}

// bear makes the one child of row. It is computed from its parent with a key that is not in the database, so
// it can be given again without being stored.
func (s *Service) bear(ctx context.Context, tx *db.Tx, row refreshRow, ses *Session, parent []byte) (string, error) {
	token, hash := writeToken(s.keys.Derive(sealed.Refresh, parent))
	if err := insertRefresh(ctx, tx, ses.ID, hash, &row.ID); err != nil {
		return "", err
	}
	ses.IdleUntil = tx.Now.Add(time.Duration(ses.IdleFor) * time.Second)
	if ses.IdleUntil.After(ses.EndsAt) {
		ses.IdleUntil = ses.EndsAt
	}
	found, err := moveIdle(ctx, tx, ses.ID, ses.IdleUntil)
	if err == nil && found == 0 {
		err = ErrSessionEnded // ended between our look and now; nothing is kept
	}
	return token, err
}

// bornAlready is the child that was made for parent a moment ago and that nobody has used, or "".
func (s *Service) bornAlready(ctx context.Context, tx *db.Tx, hash, parent []byte) (string, error) {
	row, found, err := findRefresh(ctx, tx, hash) // once more: now it says when it was used
	if err != nil || !found || row.UsedAt == nil || tx.Now.Sub(*row.UsedAt) > grace {
		return "", err
	}
	child, childUsed, found, err := childOf(ctx, tx, row.ID)
	if err != nil || !found || childUsed != nil {
		return "", err
	}
	for _, key := range s.keys.Derivations(sealed.Refresh, parent) {
		if token, sum := writeToken(key); bytes.Equal(sum, child) {
			return token, nil
		}
	}
	return "", nil
}

// endReused ends a session whose token was shown twice, and tells the person.
func (s *Service) endReused(ctx context.Context, tx *db.Tx, ses Session) error {
	ended, err := s.end(ctx, tx, ses.ID, byReuse)
	if err != nil || !ended {
		return err
	}
	e := org.Actor{PersonID: ses.Person}.Did("auth.refresh_reused", "session", int64(ses.ID))
	e.Result = byReuse
	audit.Note(tx, e)
	return s.tell(ctx, tx, ses.Person, "security.refresh_reuse", int64(ses.ID))
}

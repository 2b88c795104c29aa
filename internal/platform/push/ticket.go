package push

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// TicketFor is how long a ticket may be used.
const TicketFor = 30 * time.Second

// ErrTicket says that a ticket is unknown, used, or too old.
var ErrTicket = errors.New("the ticket is not valid")

// Tickets open sockets: 256 bits, for one use, kept by their hash. They live in Redis, and in SQL while Redis is
// away; a ticket is in one of the two, so it cannot be used once in each.
type Tickets struct {
	db   *db.DB
	kv   *kv.KV
	live func(ctx context.Context, session int64) (Session, error)
}

// NewTickets keeps tickets in k or d. Live says whose session it is and until when, or ErrTicket when it has ended.
func NewTickets(d *db.DB, k *kv.KV, live func(ctx context.Context, session int64) (Session, error)) *Tickets {
	return &Tickets{db: d, kv: k, live: live}
}

func newTicket() (ticket string, hash []byte) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: crypto/rand
	ticket = base64.RawURLEncoding.EncodeToString(b)
	return ticket, hashOf(ticket)
}

func hashOf(ticket string) []byte {
	sum := sha256.Sum256([]byte(ticket))
	return sum[:]
}

// Issue makes a ticket for session.
func (t *Tickets) Issue(ctx context.Context, session int64) (string, error) {
	ticket, hash := newTicket()
	err := t.kv.Set(ctx, kv.Ticket(hex.EncodeToString(hash)), strconv.FormatInt(session, 10), TicketFor)
	if err == nil {
		return ticket, nil
	}
	if !errors.Is(err, kv.ErrAway) {
		return "", fmt.Errorf("keep a ticket: %w", err)
	}
	ticket, hash = newTicket() // Redis may hold the other one after all; nobody will ever show it
	err = t.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Change(ctx, `
			INSERT INTO push_ticket (hash, session_id, expires_at, used_at)
			VALUES (?, ?, ?, NULL)`, hash, session, tx.Now.Add(TicketFor))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep a ticket: %w", err)
	}
	return ticket, nil
}

// Redeem is the session that ticket was made for. Of many who redeem it at once, one succeeds.
func (t *Tickets) Redeem(ctx context.Context, ticket string) (Session, error) {
	if len(ticket) != 43 {
		return Session{}, ErrTicket
	}
	hash := hashOf(ticket)
	text, found, err := t.kv.Take(ctx, kv.Ticket(hex.EncodeToString(hash)))
	if err != nil && !errors.Is(err, kv.ErrAway) {
		return Session{}, fmt.Errorf("redeem a ticket: %w", err)
	}
	var session int64
	if found {
		session, err = strconv.ParseInt(text, 10, 64)
	} else {
		session, err = t.redeemInSQL(ctx, hash)
	}
	if err != nil {
		return Session{}, fmt.Errorf("redeem a ticket: %w", err)
	}
	return t.live(ctx, session)
}

// Known redeems a ticket that is in Redis; others are none to it, and all are while Redis is away.
func (t *Tickets) Known(ctx context.Context, ticket string) (Session, error) {
	if len(ticket) != 43 {
		return Session{}, ErrTicket
	}
	text, found, err := t.kv.Take(ctx, kv.Ticket(hex.EncodeToString(hashOf(ticket))))
	if err == nil && !found || errors.Is(err, kv.ErrAway) {
		err = ErrTicket
	}
	var session int64
	if err == nil {
		session, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil {
		return Session{}, fmt.Errorf("redeem a ticket of Redis: %w", err)
	}
	return t.live(ctx, session)
}

func (t *Tickets) redeemInSQL(ctx context.Context, hash []byte) (session int64, err error) {
	err = t.db.Get(ctx, &session, `
		SELECT session_id
		FROM push_ticket
		WHERE hash = ? AND used_at IS NULL AND expires_at > ?`, hash, t.db.Now())
	if err != nil {
		return 0, db.Wrap(err, ErrTicket, "look for it in SQL")
	}
	err = t.db.InTx(ctx, func(tx *db.Tx) error {
		found, err := tx.Change(ctx, `
			UPDATE push_ticket
			SET used_at = ?
			WHERE hash = ? AND used_at IS NULL AND expires_at > ?`, tx.Now, hash, tx.Now)
		if err == nil && found == 0 {
			err = ErrTicket
		}
		return err
	})
	return session, err
}

// Clean deletes tickets that are over, and says whether there were any.
func (t *Tickets) Clean(ctx context.Context) (bool, error) {
	var some [][]byte
	if err := t.db.Select(ctx, &some, `
		SELECT hash
		FROM push_ticket
		WHERE expires_at <= ?
		LIMIT 500`, t.db.Now().Add(-time.Minute)); err != nil || len(some) == 0 {
		return false, db.Wrap(err, nil, "find old tickets")
	}
	q, args, err := db.In(`DELETE FROM push_ticket WHERE hash IN (?)`, some)
	if err != nil {
		return false, err
	}
	err = t.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Change(ctx, q, args...)
		return err
	})
	return err == nil, db.Wrap(err, nil, "delete old tickets")
}

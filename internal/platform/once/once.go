// Package once gives the same request, sent twice, one effect and one answer.
//
// The row that says so is written in the transaction of the effect: both are there, or neither. What is kept is the
// result in our own words, from which the edge makes the same answer again, so a result holds nothing personal.
package once

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// A Call is what makes a request the same: the operation, the key its sender chose, and a hash of its body.
type Call struct {
	Operation   string
	Key         string
	Fingerprint []byte // SHA-256
}

// Kept is how long a sender may repeat itself.
const Kept = 7 * 24 * time.Hour

// waiting is when a sender should ask again whose first request is still running.
const waiting = time.Second

// state is what is known of the call of one request; an InTx that runs again begins it anew.
type state struct {
	call     Call
	mu       sync.Mutex
	replayed bool
	used     *db.Tx // the transaction that carries the call
}

type contextKey struct{}

// With returns a context that carries call to Do. The server sets it; whoever calls a service without it, such as
// the seed, has each call done.
func With(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, contextKey{}, &state{call: call})
}

// Replayed says whether Do has answered from what was kept.
func Replayed(ctx context.Context) bool {
	s, ok := ctx.Value(contextKey{}).(*state)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replayed
}

// Again notes that the answer is that of an earlier call, which an act has recognised by its own clientRef: the key of
// the request may be new, the act is not.
func Again(ctx context.Context) {
	if s, ok := ctx.Value(contextKey{}).(*state); ok {
		s.mu.Lock()
		s.replayed = true
		s.mu.Unlock()
	}
}

var errTwice = errors.New("once.Do was called twice in one transaction: only the outermost act has a key")

// Do runs f unless this person (0: nobody has signed in) has had this very call done: then result is what it was.
// The same key with another body is problem.ErrKeyReused; a first call that is still running, problem.ErrKeyInFlight.
// result is a pointer to what f makes, or nil when there is nothing to tell.
func Do(ctx context.Context, tx *db.Tx, person int64, result any, f func() error) error {
	s, ok := ctx.Value(contextKey{}).(*state)
	if !ok {
		return f()
	}
	if err := s.begin(tx); err != nil {
		return err
	}
	switch err := insert(ctx, tx, person, s.call); {
	case db.IsDuplicate(err):
		return s.replay(ctx, tx, person, result)
	case db.IsLockWait(err): // the first is at it, in another transaction
		return problem.ErrKeyInFlight.RetryAfter(waiting)
	case err != nil:
		return fmt.Errorf("note the key of %s: %w", s.call.Operation, err)
	}
	if err := f(); err != nil {
		return err
	}
	text, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("keep the result of %s: %w", s.call.Operation, err)
	}
	return keep(ctx, tx, person, s.call, text)
}

// Done says whether this person has had the call of ctx done, so that Do would answer from what was kept.
func Done(ctx context.Context, q db.Queryer, person int64) (bool, error) {
	s, ok := ctx.Value(contextKey{}).(*state)
	if !ok {
		return false, nil
	}
	first, err := find(ctx, q, person, s.call)
	return err == nil && first.Result != "" && bytes.Equal(first.Fingerprint, s.call.Fingerprint), err
}

// InTx is Do in a transaction of its own, for acts that are nothing else.
func InTx(ctx context.Context, d *db.DB, person int64, result any, f func(tx *db.Tx) error) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		return Do(ctx, tx, person, result, func() error { return f(tx) })
	})
}

// begin notes that tx carries the call.
func (s *state) begin(tx *db.Tx) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == tx {
		return errTwice
	}
	s.used, s.replayed = tx, false
	return nil
}

// replay fills result from what was kept.
func (s *state) replay(ctx context.Context, tx *db.Tx, person int64, result any) error {
	first, err := find(ctx, tx, person, s.call)
	switch {
	case err != nil:
		return err
	case first.Result == "": // not committed yet, or gone this moment: either way the sender's next try will know
		return problem.ErrKeyInFlight.RetryAfter(waiting)
	case !bytes.Equal(first.Fingerprint, s.call.Fingerprint):
		return problem.ErrKeyReused
	}
	if result != nil {
		if err := json.Unmarshal([]byte(first.Result), result); err != nil {
			return fmt.Errorf("read the kept result of %s: %w", s.call.Operation, err)
		}
	}
	s.mu.Lock()
	s.replayed = true
	s.mu.Unlock()
	return nil
}

// Forget deletes one piece of what has been kept long enough, and says whether there was any.
func Forget(ctx context.Context, d *db.DB) (some bool, err error) {
	err = d.Batch().InTx(ctx, func(tx *db.Tx) error {
		some, err = forget(ctx, tx, tx.Now.Add(-Kept))
		return err
	})
	return some, err
}

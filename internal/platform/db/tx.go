package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"
)

// A Rank is a place in the order of locks at the end of a transaction (storage.md §4).
type Rank int

// The ranks, in the order they run before COMMIT.
const (
	RankCredit Rank = iota // credits for WeChat messages
	RankInbox              // inbox heads, in ascending order of persons
	RankOutbox             // what must be pushed
	RankAudit              // what was done, last of all
)

// ForUpdate holds the rows of a SELECT for this transaction. SQLite has one writer and needs no such words.
const ForUpdate = ` FOR UPDATE`

// attempts is how often a transaction runs at most: once, and three times again.
const attempts = 4

// A Tx is a transaction under way.
type Tx struct {
	// Now is the moment of the whole transaction: UTC, cut to milliseconds.
	Now time.Time

	d     *DB
	x     *sqlx.Tx
	last  []ranked
	after []func()
	ended []func()
	kept  map[any]any
}

type ranked struct {
	rank Rank
	f    func(ctx context.Context) error
}

// ErrAgain wrapped in what f returns says that f met rows that others were just making: the whole transaction runs
// again, and finds them.
var ErrAgain = errors.New("others have just changed the same rows")

var errBusy = errors.New("no connection for a transaction in time: is there an InTx inside an InTx, or one that never ends?")

// InTx runs f in one transaction and commits what it did, or nothing when it fails. After a deadlock and its like
// f runs again from the start, so it touches the database and variables that it sets anew, nothing else. Never call
// it inside f: the inner one would wait for the outer one.
//
// An error at COMMIT whose outcome is unknown is returned and never tried again: the caller's key tells (security.md I1).
func (d *DB) InTx(ctx context.Context, f func(tx *Tx) error) error {
	for attempt := 1; ; attempt++ {
		err, again := d.inTxOnce(ctx, f)
		if !again || attempt == attempts {
			return err
		}
		pause := time.NewTimer(10*time.Millisecond + rand.N(40*time.Millisecond)) //nolint:gosec // because a pause is no secret
		select {
		case <-ctx.Done():
			pause.Stop()
			return err
		case <-pause.C:
		}
	}
}

// inTxOnce runs f once, and says whether another attempt may help.
func (d *DB) inTxOnce(ctx context.Context, f func(tx *Tx) error) (err error, again bool) { //nolint:revive // because the error is the answer, again is advice
	defer d.writes.catchUp(ctx) // when the connection has been given back
	conn, err := d.connect(ctx)
	if err != nil {
		return err, false
	}
	defer conn.Close() //nolint:errcheck // because this gives it back to the pool and has nothing to say
	x, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err), d.engine.transient(err)
	}
	d.sent(ctx, Begin, "", nil, nil, 0)
	tx := &Tx{Now: d.Now(), d: d, x: x}
	done := false
	defer func() {
		if !done { // f has panicked
			_ = x.Rollback()
		}
		for _, f := range tx.ended {
			f()
		}
	}()
	if err = f(tx); err == nil {
		err = tx.runLast(ctx)
	}
	done = true
	if err != nil {
		if rollback := x.Rollback(); rollback != nil {
			discard(conn)
		}
		return err, d.engine.transient(err) || errors.Is(err, ErrAgain)
	}
	err = x.Commit()
	d.sent(ctx, Commit, "", nil, nil, 0)
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // its time was over before COMMIT, and it has been rolled back
		err = ctx.Err()
	}
	if err != nil {
		discard(conn)
		return fmt.Errorf("commit: %w", err), d.engine.rolledBack(err)
	}
	for _, after := range tx.after {
		after()
	}
	return nil, false
}

// connect waits for a connection that may write, but not for ever.
func (d *DB) connect(ctx context.Context) (*sqlx.Conn, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, d.wait, errBusy)
	defer cancel()
	conn, err := d.write.Connx(bounded)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = errBusy
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return conn, nil
}

// discard throws a connection away whose transaction did not end as it should, so that nobody inherits it.
func discard(conn *sqlx.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// runLast runs what was registered with Last, by rank; it may register more of its own or a later rank.
func (tx *Tx) runLast(ctx context.Context) error {
	for len(tx.last) > 0 {
		next := 0
		for i, r := range tx.last {
			if r.rank < tx.last[next].rank {
				next = i
			}
		}
		f := tx.last[next].f
		tx.last = append(tx.last[:next], tx.last[next+1:]...)
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Get reads one row into dest; sql.ErrNoRows when there is none.
func (tx *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	args = moments(args)
	err := tx.d.writes.get(ctx, tx.x, dest, tx.d.engine.text(query), args)
	tx.d.sent(ctx, Get, query, args, dest, 0)
	return err
}

// Select reads all rows into dest, a pointer to a slice.
func (tx *Tx) Select(ctx context.Context, dest any, query string, args ...any) error {
	args = moments(args)
	err := tx.d.writes.read(ctx, tx.x, dest, tx.d.engine.text(query), args)
	tx.d.sent(ctx, Select, query, args, dest, 0)
	return err
}

// Insert writes one row and returns the id it was given.
func (tx *Tx) Insert(ctx context.Context, query string, args ...any) (id int64, err error) {
	args = moments(args)
	r, err := tx.d.writes.exec(ctx, tx.x, query, args)
	if err == nil {
		id, err = r.LastInsertId()
	}
	tx.d.sent(ctx, Insert, query, args, nil, id)
	return id, err
}

// Change writes, and returns how many rows its WHERE matched, changed or not. An INSERT of a row that has no id
// of its own, and a DELETE, are changes too.
func (tx *Tx) Change(ctx context.Context, query string, args ...any) (found int64, err error) {
	args = moments(args)
	r, err := tx.d.writes.exec(ctx, tx.x, query, args)
	if err == nil {
		found, err = r.RowsAffected()
	}
	tx.d.sent(ctx, Change, query, args, nil, 0)
	return found, err
}

// Last runs f in this transaction, after the function given to InTx and before COMMIT, by rank and then in the
// order registered. So the rows that everybody shares are locked late, and by all in the same order.
func (tx *Tx) Last(rank Rank, f func(ctx context.Context) error) {
	tx.last = append(tx.last, ranked{rank, f})
}

// After runs f once the transaction has committed, never otherwise. It is for waking others: what must happen
// belongs in the transaction.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// Ended runs f once the transaction is over, however it ends: for giving back what this process holds for it.
func (tx *Tx) Ended(f func()) { tx.ended = append(tx.ended, f) }

// Keep returns the value of this transaction for key, made at its first call. When the transaction runs again,
// it begins anew.
func (tx *Tx) Keep(key any, first func() any) any {
	if v, ok := tx.kept[key]; ok {
		return v
	}
	if tx.kept == nil {
		tx.kept = map[any]any{}
	}
	v := first()
	tx.kept[key] = v
	return v
}

// Attached is the value that Attach was given for key, nil without one.
func (tx *Tx) Attached(key any) any {
	v, _ := tx.d.values.Load(key)
	return v
}

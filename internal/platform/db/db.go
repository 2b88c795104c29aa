// Package db is the one place that knows which database engine runs: it opens SQLite, MySQL, MariaDB or TiDB,
// runs transactions that may be run again, and carries the schema forward. Everybody else writes one SQL text
// for all of them.
package db

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// A Queryer reads: the database, or a transaction that is under way.
type Queryer interface {
	Get(ctx context.Context, dest any, query string, args ...any) error
	Select(ctx context.Context, dest any, query string, args ...any) error
}

// A DB is an open database. It has no way to write but InTx.
type DB struct {
	engine  engine
	read    *sqlx.DB
	write   *sqlx.DB  // the same pool as read, but on SQLite, which has one writer
	reads   *prepared // statements of read and of write, kept ready
	writes  *prepared
	batch   *DB // the same database for work that may take its time; itself on SQLite
	clock   *clock
	lock    *os.File      // SQLite: the data folder's lock
	address *mysql.Config // MySQL family: where, and how we speak to it
	wait    time.Duration
	count   *atomic.Int64
	watch   *atomic.Pointer[watcher]
	values  *sync.Map // what Attach was given
}

// A clock can be moved by tests.
type clock struct {
	now atomic.Pointer[func() time.Time]
}

// Get reads one row into dest; sql.ErrNoRows when there is none.
func (d *DB) Get(ctx context.Context, dest any, query string, args ...any) error {
	args = moments(args)
	err := d.reads.get(ctx, nil, dest, d.engine.text(query), args)
	d.reads.catchUp(ctx)
	d.sent(ctx, Get, query, args, dest, 0)
	return err
}

// Select reads all rows into dest, a pointer to a slice.
func (d *DB) Select(ctx context.Context, dest any, query string, args ...any) error {
	args = moments(args)
	err := d.reads.read(ctx, nil, dest, d.engine.text(query), args)
	d.reads.catchUp(ctx)
	d.sent(ctx, Select, query, args, dest, 0)
	return err
}

// Now is the moment for reads: UTC, cut to milliseconds. Transactions have their own, Tx.Now.
func (d *DB) Now() time.Time { return moment((*d.clock.now.Load())()) }

// SetNow makes now the clock of d and of all its transactions; tests move time by it.
func (d *DB) SetNow(now func() time.Time) { d.clock.now.Store(&now) }

// Attach gives d a value that its transactions can ask for: whom a feature wakes after COMMIT. One value a key,
// attached while the program is put together.
func (d *DB) Attach(key, value any) { d.values.Store(key, value) }

// Batch is the same database through a pool of its own with longer time limits, for exports, retention and
// migrations: they shall not take the connections that requests wait for.
func (d *DB) Batch() *DB { return d.batch }

// Engine is the engine's name and version, for people.
func (d *DB) Engine() string { return d.engine.String() }

// Embedded says whether the database lives in this process.
func (d *DB) Embedded() bool { return d.engine.embedded() }

// Statements is how many statements were sent since Open; the bench divides it by operations.
func (d *DB) Statements() int64 { return d.count.Load() }

// Stats are the figures of the pool that writes.
func (d *DB) Stats() sql.DBStats { return d.write.Stats() }

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Close ends all connections and gives the data folder back.
func (d *DB) Close() error {
	d.reads.close()
	d.writes.close()
	errs := []error{d.read.Close()}
	if d.write != d.read {
		errs = append(errs, d.write.Close())
	}
	if d.batch != d && d.batch != nil {
		errs = append(errs, d.batch.read.Close())
	}
	if d.lock != nil {
		errs = append(errs, leaveFolder(d.lock))
	}
	return errors.Join(errs...)
}

// moment is t as the database keeps it: engines differ in what they do with smaller parts (storage.md §3).
func moment(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// moments cuts every moment among args, so that no engine sees what another would round.
func moments(args []any) []any {
	cut := args
	for i, a := range args {
		var t time.Time
		switch v := a.(type) {
		case time.Time:
			t = v
		case *time.Time:
			if v == nil {
				continue
			}
			t = *v
		default:
			continue
		}
		if &cut[0] == &args[0] { // the caller's slice stays as it is
			cut = append([]any(nil), args...)
		}
		cut[i] = moment(t)
	}
	return cut
}

// text is query as the engine takes it.
func (e engine) text(query string) string {
	if e.embedded() {
		return strings.Replace(query, ForUpdate, "", 1)
	}
	return query
}

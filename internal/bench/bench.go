// Package bench measures the product beside what its database could do at best, in one run and on one machine: a
// rate alone says more of the machine than of the program.
//
// The server is a process of its own, reached over loopback, and everything is on: tokens, contract, limits, audit,
// log lines. The load spreads over so many persons that no limit is reached; none is switched off. It stops after a
// time and a number of calls, and ends what it started.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/config"
)

// Options say what to measure, and on what.
type Options struct {
	Folder string        // where SQLite and the servers' files go: on a real disk
	MySQL  string        // address of a server of the MySQL family, on which databases may be made; empty: SQLite
	Redis  string        // host:port of a Redis of our own beside MySQL
	Slice  time.Duration // how long each measurement takes
	Rounds int           // of which the median counts
	People int           // who take part; the limits of each one bound how fast it may become
	Levels []int         // how many clients at once
	Only   string        // the one operation to measure; empty: all of them

	Binary string    // of this program, to serve as a process of its own; empty: it serves in this one
	Say    io.Writer // what is going on, for who waits; nil: nobody
}

// Usual are the options of `wanjia bench api` for slices of that many seconds.
func Usual(seconds int) Options {
	return Options{
		Slice: time.Duration(seconds) * time.Second, Rounds: 3, People: 4000 * seconds, Levels: []int{1, 8, 64},
	}
}

// ErrInMemory says that figures would mean nothing: nothing is written down there.
var ErrInMemory = errors.New("the folder is in memory and not on a disk: a commit would cost nothing there")

// Run measures everything and returns a figure for each operation and number of clients.
func Run(ctx context.Context, o Options) (figures []Figure, err error) {
	if o.Say == nil {
		o.Say = io.Discard
	}
	if o.Binary != "" && inMemory(o.Folder) {
		return nil, ErrInMemory
	}
	folder, err := os.MkdirTemp(o.Folder, "wanjia-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	// One for the product, and one, filled alike, for what the database can do.
	served, err := newPlace(ctx, o, filepath.Join(folder, "served"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, served.drop(context.WithoutCancel(ctx))) }()
	raw, err := newPlace(ctx, o, filepath.Join(folder, "raw"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, raw.drop(context.WithoutCancel(ctx))) }()

	fmt.Fprintf(o.Say, "bench: making %d persons, twice\n", o.People)
	crowd, err := load(ctx, served, o.People)
	if err != nil {
		return nil, fmt.Errorf("fill the database: %w", err)
	}
	others, err := load(ctx, raw, o.People)
	if err != nil {
		return nil, fmt.Errorf("fill the database: %w", err)
	}
	scripts, err := record(ctx, served, crowd)
	if err != nil {
		return nil, fmt.Errorf("record the statements of each operation: %w", err)
	}
	c, err := newCeiling(ctx, raw.config, others, scripts)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := start(ctx, o.Binary, served)
	if err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	return measureAll(ctx, o, s, crowd, c)
}

// A place is where a server keeps its things for a while.
type place struct {
	config config.Config
	prefix string // of its keys, where the server is in this process and shares a Redis
	drop   func(context.Context) error
}

// app is the program on p, in this process.
func (p place) app(ctx context.Context) (*app.App, error) {
	return app.New(ctx, p.config, app.Options{Log: quiet(), RedisPrefix: p.prefix})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

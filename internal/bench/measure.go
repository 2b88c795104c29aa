package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A slice is what one measurement has seen.
type slice struct {
	done, failed int
	first        error // of those that failed
	seconds      float64
	took         []time.Duration
	statements   float64 // an operation
}

func (s slice) rate() float64 { return float64(s.done) / s.seconds }

// percentile is the time within which that share was done, in milliseconds.
func (s slice) percentile(share float64) float64 {
	if len(s.took) == 0 {
		return 0
	}
	at := min(int(share*float64(len(s.took))), len(s.took)-1)
	return float64(s.took[at].Microseconds()) / 1000
}

// during lets clients do something one after another for a while, all at once.
func during(ctx context.Context, clients int, d time.Duration, do func(ctx context.Context, client int) error) (slice, error) {
	var all slice
	var mu sync.Mutex
	var running sync.WaitGroup
	begun := time.Now()
	end := begun.Add(d)
	for n := range clients {
		running.Go(func() {
			var own slice
			for now := time.Now(); now.Before(end) && ctx.Err() == nil; {
				err := do(ctx, n)
				over := time.Now()
				if errors.Is(err, errUsedUp) {
					break
				}
				if err != nil {
					own.failed++
					own.first = err
				} else {
					own.done++
					own.took = append(own.took, over.Sub(now))
				}
				now = over
			}
			mu.Lock()
			defer mu.Unlock()
			all.done += own.done
			all.failed += own.failed
			if all.first == nil {
				all.first = own.first
			}
			all.took = append(all.took, own.took...)
		})
	}
	running.Wait()
	all.seconds = time.Since(begun).Seconds()
	slices.Sort(all.took)
	if all.done == 0 && ctx.Err() == nil {
		return all, fmt.Errorf("nothing was done: %w", errors.Join(all.first, errIfNone(all.failed)))
	}
	return all, ctx.Err()
}

func errIfNone(failed int) error {
	if failed == 0 {
		return errUsedUp
	}
	return nil
}

// An operation is measured beside its ceilings.
type operation struct {
	name    string
	product func(k *client) error
	own     func(ctx context.Context) error // its statements
	bare    func(ctx context.Context) error // the least that could be called the same; nil: there is no such thing
	steps   script
}

// rounds are the slices of one operation at one level.
type rounds struct{ product, own, bare []slice }

// warm is how long everything runs before it counts, as a share of a slice.
const warm = 2

func measureAll(ctx context.Context, o Options, s *node, crowd []person, x *ceiling) (figures []Figure, err error) {
	act := newActs(crowd)
	about := newMachine(ctx, o, x.db)
	for _, op := range []operation{
		{"check-in", act.recordCheckIn, x.checkIn, x.twoInserts, x.scripts.checkIn},
		{"list", act.listTasks, x.list, x.bareList, x.scripts.list},
		{"refresh", act.refreshSession, x.refresh, nil, x.scripts.refresh},
	} {
		if o.Only != "" && o.Only != op.name {
			continue
		}
		act.from(0)
		for _, clients := range o.Levels {
			fmt.Fprintf(o.Say, "bench: %s, %d at once\n", op.name, clients)
			begun := time.Now()
			r, err := op.measure(ctx, o, s, clients)
			if err != nil {
				return nil, fmt.Errorf("%s at %d clients: %w", op.name, clients, err)
			}
			figures = append(figures, about.figure(op, clients, r, time.Since(begun)))
		}
	}
	return figures, nil
}

// measure warms up, and then takes turns: ceiling, product, ceiling, so that noise meets all of them.
func (op operation) measure(ctx context.Context, o Options, s *node, clients int) (r rounds, err error) {
	lines := make([]*client, clients)
	for i := range lines {
		if lines[i], err = dial(ctx, s.public); err != nil {
			return r, err
		}
		defer lines[i].conn.Close() //nolint:errcheck // because it is only left
	}
	product := func(_ context.Context, n int) error { return op.product(lines[n]) }
	direct := func(f func(context.Context) error) func(context.Context, int) error {
		return func(ctx context.Context, _ int) error { return f(ctx) }
	}
	for round := -1; round < o.Rounds; round++ {
		length := o.Slice
		if round < 0 {
			length /= warm
		}
		own, err := during(ctx, clients, length, direct(op.own))
		if err != nil {
			return r, fmt.Errorf("its statements: %w", err)
		}
		before, err := s.statements(ctx)
		if err != nil {
			return r, err
		}
		served, err := during(ctx, clients, length, product)
		if err != nil {
			return r, err
		}
		after, err := s.statements(ctx)
		if err != nil {
			return r, err
		}
		served.statements = (after - before) / float64(served.done+served.failed)
		bare := slice{}
		if op.bare != nil {
			if bare, err = during(ctx, clients, length, direct(op.bare)); err != nil {
				return r, fmt.Errorf("the bare form: %w", err)
			}
		}
		if round >= 0 {
			r.own, r.product, r.bare = append(r.own, own), append(r.product, served), append(r.bare, bare)
		}
	}
	return r, nil
}

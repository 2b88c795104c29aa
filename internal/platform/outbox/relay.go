package outbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

const (
	sweepEvery = time.Second
	doneWithin = 50 * time.Millisecond
	doneAtOnce = 1_000
	keepDone   = 2 * time.Minute // how far back a replay can reach
	piece      = 500
)

// A Relay sees to it that every row is pushed: it marks what was, and sweeps up what was not.
type Relay struct {
	db      *db.DB
	kv      *kv.KV
	held    func() []int
	deliver func(ctx context.Context, rows []Row) (done []int64)
	log     *slog.Logger

	done chan int64

	swept, replayed atomic.Int64

	mu      sync.Mutex
	content [kv.Shards]string // the id of what Redis held when we last looked
	returns [kv.Shards]int64
}

// NewRelay makes a Relay. Held are the shards that are this node's to sweep; two nodes that sweep the same do no
// harm. Deliver pushes rows and says which of them need nothing more.
func NewRelay(d *db.DB, k *kv.KV, held func() []int, deliver func(ctx context.Context, rows []Row) (done []int64), log *slog.Logger) *Relay {
	return &Relay{db: d, kv: k, held: held, deliver: deliver, log: log, done: make(chan int64, 8*doneAtOnce)}
}

// Run sweeps and marks until ctx ends; what is known to be done by then is still marked.
func (r *Relay) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.mark(ctx) })
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		if err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "sweep the outbox", "error", err)
		}
		if n%10 == 0 {
			if err := r.clean(ctx); err != nil && ctx.Err() == nil {
				r.log.WarnContext(ctx, "clean the outbox", "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			wg.Wait()
			return nil
		}
	}
}

// Swept is how many rows the sweeper pushed since the start, because nobody had marked them; Replayed how many
// shards were pushed again because Redis had forgotten them.
func (r *Relay) Swept() int64 { return r.swept.Load() }

// Replayed is explained at Swept.
func (r *Relay) Replayed() int64 { return r.replayed.Load() }

// Oldest is how long the oldest row of our shards has been waiting; 0 when none is.
func (r *Relay) Oldest(ctx context.Context) (time.Duration, error) {
	shards := r.held()
	if len(shards) == 0 {
		return 0, nil
	}
	at, err := oldestOpen(ctx, r.db, shards)
	if err != nil || at.IsZero() {
		return 0, err
	}
	return max(0, r.db.Now().Sub(at)), nil
}

// Done notes that a row needs nothing more. A note that is lost costs one push that changes nothing.
func (r *Relay) Done(id int64) {
	select {
	case r.done <- id:
	default: // the sweeper will find that it is done
	}
}

// mark writes what is done, many at a time.
func (r *Relay) mark(ctx context.Context) {
	var ids []int64
	timer := time.NewTimer(doneWithin)
	defer timer.Stop()
	waiting := false
	for {
		select {
		case id := <-r.done:
			ids = append(ids, id)
			if !waiting {
				timer.Reset(doneWithin)
				waiting = true
			}
			if len(ids) < doneAtOnce {
				continue
			}
		case <-timer.C:
		case <-ctx.Done():
			for len(r.done) > 0 {
				ids = append(ids, <-r.done)
			}
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := r.markDone(last, ids); err != nil {
				r.log.WarnContext(ctx, "mark outbox rows at the end", "error", err)
			}
			return
		}
		waiting = false
		if err := r.markDone(ctx, ids); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "mark outbox rows", "error", err)
		}
		ids = ids[:0]
	}
}

func (r *Relay) markDone(ctx context.Context, ids []int64) error {
	for some := range slices.Chunk(ids, piece) {
		q, args, err := db.In(`
			UPDATE outbox
			SET state = 1, done_at = ?
			WHERE id IN (?) AND state = 0`, r.db.Now(), some)
		if err != nil {
			return err
		}
		if err := r.change(ctx, q, args...); err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) change(ctx context.Context, query string, args ...any) error {
	return r.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := tx.Change(ctx, query, args...)
		return err
	})
}

// Sweep pushes every row of our shards that nobody has marked, after bringing back those that Redis has forgotten.
func (r *Relay) Sweep(ctx context.Context) error {
	shards := r.held()
	if len(shards) == 0 {
		return nil
	}
	if err := r.replay(ctx, shards); err != nil {
		return err
	}
	for {
		rows, err := openRows(ctx, r.db, shards)
		if err != nil || len(rows) == 0 {
			return err
		}
		done := r.deliver(ctx, rows)
		r.swept.Add(int64(len(done)))
		if err := r.markDone(ctx, done); err != nil {
			return err
		}
		if len(done) == 0 || len(rows) < piece {
			return nil
		}
	}
}

// replay opens the rows of the last two minutes again when what Redis holds is not what it held: it may look
// healthy and have lost its last second.
func (r *Relay) replay(ctx context.Context, shards []int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.kv.Batch()
	replies := make([]*kv.Reply, len(shards))
	for i, s := range shards {
		replies[i] = b.Get(kv.Content(s))
	}
	if err := b.Send(ctx); err != nil && !errors.Is(err, kv.ErrAway) {
		return err
	}
	var lost []int
	for i, s := range shards {
		v, err := replies[i].Value()
		if err != nil {
			continue // away: looked at again when it answers
		}
		content, _ := v.(string)
		returns := r.kv.Returns(s)
		again := r.content[s] != "" && (content != r.content[s] || returns != r.returns[s])
		if content == "" {
			if content, err = r.newContent(ctx, s); err != nil {
				continue
			}
			again = true
		}
		if again {
			lost = append(lost, s)
		}
		r.content[s], r.returns[s] = content, returns
	}
	if len(lost) == 0 {
		return nil
	}
	r.replayed.Add(int64(len(lost)))
	q, args, err := db.In(`
		UPDATE outbox
		SET state = 0
		WHERE shard IN (?) AND state = 1 AND done_at > ?`, lost, r.db.Now().Add(-keepDone))
	if err == nil {
		err = r.change(ctx, q, args...)
	}
	if err != nil {
		for _, s := range lost {
			r.content[s] = "again" // differs from every id
		}
	}
	return err
}

// clean deletes rows that are done for longer than a replay reaches.
func (r *Relay) clean(ctx context.Context) error {
	shards := r.held()
	for len(shards) > 0 {
		ids, err := doneRows(ctx, r.db, shards, r.db.Now().Add(-keepDone))
		if err != nil || len(ids) == 0 {
			return err
		}
		q, args, err := db.In(`DELETE FROM outbox WHERE id IN (?)`, ids)
		if err != nil {
			return err
		}
		if err := r.change(ctx, q, args...); err != nil || len(ids) < piece {
			return err
		}
	}
	return nil
}

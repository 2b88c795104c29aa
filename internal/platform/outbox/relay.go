package outbox

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

const (
	sweepEvery = time.Second
	ripeAfter  = 250 * time.Millisecond // a younger row is being pushed and marked by whoever made it
	doneWithin = 50 * time.Millisecond
	doneAtOnce = 1_000
	keepDone   = 2 * time.Minute // how far back a replay can reach, unless Keep says otherwise
	piece      = 500
	cleanPage  = 200                   // done rows of a shard that are looked at together
	wakePause  = 50 * time.Millisecond // between a wake-up and its sweep: others come along
	stillFor   = time.Minute           // no progress: the same row is the oldest for so long
)

// A Relay sees to it that every row is pushed: it marks what was, and sweeps up what was not.
type Relay struct {
	db      *db.DB
	kv      *kv.KV
	held    func() []int
	deliver func(ctx context.Context, rows []Row) (pushed, there []int64)
	log     *slog.Logger

	done  chan int64
	wake  chan int
	back  chan struct{} // Redis is there again
	keep  time.Duration
	every time.Duration // between two rounds

	last int64 // the highest id when the round that is under way began

	swept, replayed atomic.Int64
	stalled         atomic.Bool
	oldest          map[int]oldest // by shard, as the last look found them

	mu      sync.Mutex
	content [kv.Shards]string // the id of what Redis held when we last looked
	returns [kv.Shards]int64
}

// NewRelay makes a Relay. Held are the shards that are this node's to sweep; two nodes that sweep the same do no
// harm. Deliver pushes rows and says which of them need nothing more: those of which Redis was given something, and those of
// which there was nothing to give.
func NewRelay(d *db.DB, k *kv.KV, held func() []int, deliver func(ctx context.Context, rows []Row) (pushed, there []int64), log *slog.Logger) *Relay {
	r := &Relay{
		db: d, kv: k, held: held, deliver: deliver, log: log, keep: keepDone, every: sweepEvery,
		done: make(chan int64, 8*doneAtOnce), wake: make(chan int, kv.Shards), back: make(chan struct{}, 1),
	}
	k.OnReturn(func() {
		select {
		case r.back <- struct{}{}:
		default:
		}
	})
	return r
}

// Keep says how long rows stay when they are done. Call it before Run.
func (r *Relay) Keep(d time.Duration) { r.keep = d }

// Wake lets a shard be swept soon, if it is ours: somebody left a row there.
func (r *Relay) Wake(shard int) {
	select {
	case r.wake <- shard:
	default: // there are so many that the next sweep of all is as soon
	}
}

// Run sweeps and marks until ctx ends; what is known to be done by then is still marked. What comes new is left to
// whoever made it for a moment: only rows that were there when a round began are swept, a little later.
func (r *Relay) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.mark(ctx) })
	defer wg.Wait()
	warn := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, what, "error", err)
		}
	}
	warn("sweep the outbox", r.Sweep(ctx))
	tick, ripe := time.NewTicker(r.every), time.NewTimer(ripeAfter)
	defer tick.Stop()
	defer ripe.Stop()
	for n := 0; ; {
		select {
		case <-tick.C:
			warn("begin to sweep the outbox", r.begin(ctx))
			ripe.Reset(ripeAfter)
		case <-ripe.C:
			warn("sweep the outbox", r.sweepRipe(ctx))
			if n%10 == 0 {
				warn("clean the outbox", errors.Join(r.clean(ctx), r.look(ctx)))
			}
			n++
		case <-r.back:
			warn("sweep the outbox since Redis is back", r.sweepBack(ctx))
		case shard := <-r.wake:
			warn("sweep a shard of the outbox", r.sweepWoken(ctx, shard))
		case <-ctx.Done():
			return nil
		}
	}
}

// begin begins a round.
func (r *Relay) begin(ctx context.Context) error {
	last, err := lastRow(ctx, r.db)
	if err == nil {
		r.last = last
	}
	return err
}

// sweepRipe pushes the rows that were there when the round began and that nobody has marked since.
func (r *Relay) sweepRipe(ctx context.Context) error { return r.sweepUpTo(ctx, r.last) }

// sweepBack pushes what stayed behind while Redis was away, without waiting for the next round. Parts of a cluster come back
// one by one, so it waits for others a moment.
func (r *Relay) sweepBack(ctx context.Context) error {
	if err := rest(ctx); err != nil {
		return err
	}
	select {
	case <-r.back:
	default:
	}
	return r.Sweep(ctx)
}

// rest lets others come along after a wake-up.
func rest(ctx context.Context) error {
	pause := time.NewTimer(wakePause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sweepWoken sweeps shard and whatever else was woken meanwhile, as far as it is ours.
func (r *Relay) sweepWoken(ctx context.Context, shard int) error {
	if err := rest(ctx); err != nil {
		return err
	}
	shards := []int{shard}
	for len(r.wake) > 0 {
		shards = append(shards, <-r.wake)
	}
	slices.Sort(shards)
	held := r.held()
	shards = slices.DeleteFunc(slices.Compact(shards), func(s int) bool { return !slices.Contains(held, s) })
	if len(shards) == 0 {
		return nil
	}
	return r.sweep(ctx, shards, all)
}

// Swept is how many rows the sweeper pushed since the start, because nobody had marked them; Replayed how many
// shards were pushed again because Redis had forgotten them.
func (r *Relay) Swept() int64 { return r.swept.Load() }

// Replayed is explained at Swept.
func (r *Relay) Replayed() int64 { return r.replayed.Load() }

// Oldest is how long the oldest row of our shards has been waiting; 0 when none is.
func (r *Relay) Oldest(ctx context.Context) (time.Duration, error) {
	rows, err := oldestRows(ctx, r.db, r.held())
	if err != nil {
		return 0, err
	}
	now, longest := r.db.Now(), time.Duration(0)
	for _, w := range rows {
		longest = max(longest, now.Sub(w.Since))
	}
	return longest, nil
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

// markDone notes that Redis has been given what it lacked of rows; so it does of one that another sweeper has found there since,
// and left as old as it was.
func (r *Relay) markDone(ctx context.Context, ids []int64) error {
	for some := range slices.Chunk(ids, piece) {
		q, args, err := db.In(`
			UPDATE outbox
			SET state = 1, done_at = ?
			WHERE id IN (?)`, r.db.Now(), some)
		if err == nil {
			err = r.change(ctx, q, args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// markThere notes that Redis lacked nothing of rows. Those that a replay has opened again are as old as they were.
func (r *Relay) markThere(ctx context.Context, ids []int64) error {
	for some := range slices.Chunk(ids, piece) {
		q, args, err := db.In(`
			UPDATE outbox
			SET done_at = ?
			WHERE id IN (?) AND state = 0 AND done_at IS NULL`, r.db.Now(), some)
		if err == nil {
			err = r.change(ctx, q, args...)
		}
		if err != nil {
			return err
		}
		q, args, err = db.In(`
			UPDATE outbox
			SET state = 1
			WHERE id IN (?) AND state = 0`, some)
		if err == nil {
			err = r.change(ctx, q, args...)
		}
		if err != nil {
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
func (r *Relay) Sweep(ctx context.Context) error { return r.sweepUpTo(ctx, all) }

// all is the last id of a sweep that leaves out nothing.
const all = math.MaxInt64

func (r *Relay) sweepUpTo(ctx context.Context, last int64) error {
	shards := r.held()
	if len(shards) == 0 {
		return nil
	}
	if err := r.replay(ctx, shards); err != nil {
		return err
	}
	return r.sweep(ctx, shards, last)
}

// sweep pushes what is open in shards, up to an id. As a rule that is little, and one look finds all of it; after a
// long time without Redis it goes shard by shard, and in each from row to row, so that none that cannot be pushed stands
// before the others.
func (r *Relay) sweep(ctx context.Context, shards []int, last int64) error {
	rows, err := openRows(ctx, r.db, shards, last)
	if err != nil {
		return err
	}
	if len(rows) < piece {
		return r.push(ctx, rows)
	}
	for _, shard := range shards {
		for after := int64(0); !r.kv.Away(shard); {
			rows, err := openRowsOf(ctx, r.db, shard, after, last)
			if err == nil {
				err = r.push(ctx, rows)
			}
			if err != nil {
				return err
			}
			if len(rows) < piece {
				break
			}
			after = rows[len(rows)-1].ID
		}
	}
	return nil
}

func (r *Relay) push(ctx context.Context, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	pushed, there := r.deliver(ctx, rows)
	r.swept.Add(int64(len(pushed) + len(there)))
	return errors.Join(r.markDone(ctx, pushed), r.markThere(ctx, there))
}

// An oldest is the oldest open row of a shard, and since when it has been that, by our own timer.
type oldest struct {
	id    int64
	since time.Time
}

// Stalled says whether the outbox makes no progress: the oldest row of a shard of ours has been the same for a minute.
func (r *Relay) Stalled() bool { return r.stalled.Load() }

// look notes what stands still, and says so once.
func (r *Relay) look(ctx context.Context) error {
	found, err := oldestRows(ctx, r.db, r.held())
	if err != nil {
		return err
	}
	now, stalled := time.Now(), false
	next := make(map[int]oldest, len(found))
	for _, w := range found {
		o := r.oldest[w.Shard]
		if o.id != w.ID {
			o = oldest{w.ID, now}
		}
		next[w.Shard] = o
		stalled = stalled || now.Sub(o.since) >= stillFor
	}
	r.oldest = next
	if was := r.stalled.Swap(stalled); stalled && !was {
		r.log.ErrorContext(ctx, "no progress in the outbox", "shards", len(next))
	}
	return nil
}

// replay opens the rows of the last two minutes again when what Redis holds is not what it held: it may look
// healthy and have lost its last second, or what a replica that stands in for it had not got yet.
//
// A Redis that comes and goes has them opened at each return, and no more than them: a row counts from when Redis was last
// given something of it (markThere), or all since the first return would come again at each, for as long as they are less than
// two minutes apart. That is enough, since Redis loses what it was given last: what it has kept of a row at one return it can
// lose by the next only if it loses two minutes; what it had lost is given to it anew, and counts from then; and where the
// push of another row filled the same gap, that other one does. To open only what is done since the last return would not be: a
// replica can be behind by more than that, and the replay before it went to the server that it stands in for.
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
		WHERE shard IN (?) AND state = 1 AND done_at > ?`, lost, r.db.Now().Add(-r.keep))
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

// clean deletes rows that are done for longer than a replay reaches. It goes through a shard from the oldest row on and
// ends at the first that is too young; the few behind that are older wait for it.
func (r *Relay) clean(ctx context.Context) error {
	before := r.db.Now().Add(-r.keep)
	var ids []int64
	for _, shard := range r.held() {
		for after, more := int64(0), true; more; {
			rows, err := doneRows(ctx, r.db, shard, after)
			if err != nil {
				return err
			}
			more = len(rows) == cleanPage
			for _, row := range rows {
				if row.DoneAt.After(before) {
					more = false
					break
				}
				after = row.ID
				ids = append(ids, row.ID)
			}
			if len(ids) >= piece {
				if err := r.remove(ctx, ids); err != nil {
					return err
				}
				ids = ids[:0]
			}
		}
	}
	return r.remove(ctx, ids)
}

func (r *Relay) remove(ctx context.Context, ids []int64) error {
	for some := range slices.Chunk(ids, piece) {
		q, args, err := db.In(`DELETE FROM outbox WHERE id IN (?)`, some)
		if err == nil {
			err = r.change(ctx, q, args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

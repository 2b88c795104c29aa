package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/outbox"
	"wanjia/internal/platform/push"
)

// A Courier brings what was committed to the devices: first to those at this node, then to Redis, which wakes the
// other nodes. What it does not get done, the sweeper of whichever node holds the shard does.
type Courier struct {
	db    *db.DB
	kv    *kv.KV
	hub   *push.Hub
	hot   *push.Hot
	relay *outbox.Relay
	log   *slog.Logger
	queue chan news
	gaps  atomic.Int64
	left  atomic.Uint64 // a bit for each shard with rows that did not fit into the queue
}

const (
	courierQueue = 1024 // transactions waiting for Redis; more are left to the sweeper
	courierLoad  = 100  // transactions taken to Redis at once
	refillItems  = 200  // a hot inbox that lacks more is made cold
)

// NewCourier makes the courier of a node and lets transactions of d find it. Held are the shards that this node
// sweeps.
func NewCourier(d *db.DB, k *kv.KV, hub *push.Hub, hot *push.Hot, held func() []int, log *slog.Logger) *Courier {
	c := &Courier{db: d, kv: k, hub: hub, hot: hot, log: log, queue: make(chan news, courierQueue)}
	c.relay = outbox.NewRelay(d, k, held, c.sweep, log)
	hub.OnOutbox(c.relay.Wake)
	d.Attach(afterCommit{}, c.committed)
	return c
}

// Run brings items until ctx ends.
func (c *Courier) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { c.carry(ctx) })
	}
	err := c.relay.Run(ctx)
	wg.Wait()
	return err
}

// Relay is what sees to it that every row of the outbox is pushed; metrics ask it.
func (c *Courier) Relay() *outbox.Relay { return c.relay }

// Gaps is how often, since the start, items came to Redis before others of smaller numbers.
func (c *Courier) Gaps() int64 { return c.gaps.Load() }

// Sweep does at once what is done every second: push rows that nobody has marked.
func (c *Courier) Sweep(ctx context.Context) error { return c.relay.Sweep(ctx) }

// committed is called after COMMIT, in the goroutine of the transaction: it waits for nothing.
func (c *Courier) committed(fresh news) {
	for _, d := range fresh.items {
		c.hub.Deliver(d)
	}
	select {
	case c.queue <- fresh:
	default:
		for _, row := range fresh.rows {
			c.left.Or(1 << row.Shard)
		}
	}
}

// wakeSweepers tells whoever sweeps them of shards with rows that this node leaves to them.
func (c *Courier) wakeSweepers(ctx context.Context, shards uint64) {
	for shard := range kv.Shards {
		if shards&(1<<shard) != 0 {
			_ = c.kv.Publish(ctx, kv.OutboxWake(shard), "") // lost, they look by themselves within a second
		}
	}
}

// carry takes what waits to Redis, many transactions at a time.
func (c *Courier) carry(ctx context.Context) {
	for {
		var load []news
		select {
		case <-ctx.Done():
			return
		case fresh := <-c.queue:
			load = append(load, fresh)
		}
		for more := true; more && len(load) < courierLoad; {
			select {
			case fresh := <-c.queue:
				load = append(load, fresh)
			default:
				more = false
			}
		}
		var rows []outbox.Row
		items := map[int64][]push.Entry{}
		for _, fresh := range load {
			rows = append(rows, fresh.rows...)
			for _, d := range fresh.items {
				items[d.Person] = append(items[d.Person], d.Entries...)
			}
		}
		done := c.toRedis(ctx, rows, items)
		for _, id := range done {
			c.relay.Done(id)
		}
		left := c.left.Swap(0)
		for _, row := range rows {
			if len(done) < len(rows) && !slices.Contains(done, row.ID) {
				left |= 1 << row.Shard
			}
		}
		c.wakeSweepers(ctx, left)
	}
}

// sweep pushes rows whose items it reads from the inbox, and says of which Redis was given something, and of which it needs
// nothing.
func (c *Courier) sweep(ctx context.Context, rows []outbox.Row) (pushed, there []int64) {
	ranges := map[int64]outbox.Range{}
	for _, row := range rows {
		for _, r := range row.Ranges {
			if whole, ok := ranges[r.Person]; ok {
				r.From, r.To = min(r.From, whole.From), max(r.To, whole.To)
			}
			ranges[r.Person] = r
		}
	}
	persons := slices.Sorted(maps.Keys(ranges))
	items := make(map[int64][]push.Entry, len(ranges))
	failed := map[int64]bool{}
	var cold, tops []int64
	for i, place := range c.hot.Places(ctx, persons) {
		person, r := persons[i], ranges[persons[i]]
		switch {
		case place.Err != nil:
			failed[person] = true
			continue
		case place.Cold: // nobody reads there, or Redis has lost it: whoever is connected asks SQL
			cold, tops = append(cold, person), append(tops, r.To)
			continue
		case place.Top >= r.To: // it was pushed, and only not marked
			continue
		}
		from := max(r.From, r.To-refillItems+1) // a gap makes the inbox cold, and its reader asks SQL
		told, err := listItems(ctx, c.db, org.PersonID(person), from-1, r.To, refillItems)
		if err == nil {
			items[person], err = entriesOf(told)
		}
		if err != nil {
			c.log.WarnContext(ctx, "read items to push", "error", err)
			failed[person] = true
		}
	}
	for i, err := range c.hot.Wake(ctx, cold, tops) {
		if err != nil {
			failed[cold[i]] = true
		}
	}
	rows = slices.DeleteFunc(rows, func(row outbox.Row) bool {
		return slices.ContainsFunc(row.Ranges, func(r outbox.Range) bool { return failed[r.Person] })
	})
	needs := map[int64]bool{}
	for _, row := range rows {
		needs[row.ID] = slices.ContainsFunc(row.Ranges, func(r outbox.Range) bool { return len(items[r.Person]) > 0 })
	}
	for _, id := range c.toRedis(ctx, rows, items) {
		if needs[id] {
			pushed = append(pushed, id)
		} else {
			there = append(there, id)
		}
	}
	return pushed, there
}

// pauses before a push that met a gap comes again: another node's transaction committed first and is on its way.
var pauses = []time.Duration{5 * time.Millisecond, 20 * time.Millisecond}

// toRedis pushes items and says which rows need nothing more: those all of whose persons are done.
func (c *Courier) toRedis(ctx context.Context, rows []outbox.Row, items map[int64][]push.Entry) (done []int64) {
	left := make([]push.Delivery, 0, len(items))
	for person, entries := range items {
		slices.SortFunc(entries, func(a, b push.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
		for _, run := range runs(entries) {
			left = append(left, push.Delivery{Person: person, Entries: run})
		}
	}
	failed := map[int64]bool{}
	for attempt := 0; len(left) > 0; attempt++ {
		answers := c.hot.Push(ctx, left)
		var again []push.Delivery
		for i, a := range answers {
			if a.Err == nil && a.State == push.Gap {
				c.gaps.Add(1)
			}
			switch {
			case a.Err != nil:
				failed[left[i].Person] = true
				if !errors.Is(a.Err, kv.ErrAway) && ctx.Err() == nil {
					c.log.WarnContext(ctx, "push to a hot inbox", "error", a.Err)
				}
			case a.Done():
			case attempt < len(pauses):
				again = append(again, left[i])
			case c.refill(ctx, left[i], a.Top):
			default: // a reader is filling it, or SQL did not answer
				failed[left[i].Person] = true
			}
		}
		if left = again; len(left) > 0 && !pause(ctx, pauses[attempt]) {
			break
		}
	}
	for _, d := range left {
		failed[d.Person] = true
	}
	for _, row := range rows {
		if !slices.ContainsFunc(row.Ranges, func(r outbox.Range) bool { return failed[r.Person] }) {
			done = append(done, row.ID)
		}
	}
	return done
}

// refill brings what is missing between top and d from SQL, or makes the hot inbox cold when that is too much.
func (c *Courier) refill(ctx context.Context, d push.Delivery, top int64) bool {
	last := d.Entries[len(d.Entries)-1].Seq
	if last-top > refillItems {
		if err := c.hot.Forget(ctx, d.Person); err != nil {
			return false
		}
		a := c.hot.Push(ctx, []push.Delivery{d}) // wakes its readers
		return a[0].Done()
	}
	told, err := listItems(ctx, c.db, org.PersonID(d.Person), top, last, refillItems)
	if err != nil || len(told) == 0 || told[0].Seq != top+1 {
		return false
	}
	entries, err := entriesOf(told)
	if err != nil {
		return false
	}
	a := c.hot.Push(ctx, []push.Delivery{{Person: d.Person, Entries: entries}})
	return a[0].Done()
}

// runs cuts entries, which are in order, where a number is missing, and leaves out what is there twice.
func runs(entries []push.Entry) (list [][]push.Entry) {
	entries = slices.CompactFunc(entries, func(a, b push.Entry) bool { return a.Seq == b.Seq })
	for from := 0; from < len(entries); {
		to := from + 1
		for to < len(entries) && entries[to].Seq == entries[to-1].Seq+1 {
			to++
		}
		list = append(list, entries[from:to])
		from = to
	}
	return list
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// entriesOf are told as devices get them.
func entriesOf(told []Told) ([]push.Entry, error) {
	entries := make([]push.Entry, len(told))
	for i, t := range told {
		tail, err := t.tail()
		if err != nil {
			return nil, err
		}
		entries[i] = push.Entry{Seq: t.Seq, Tail: tail}
	}
	return entries, nil
}

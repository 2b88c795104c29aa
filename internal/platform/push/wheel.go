package push

import (
	"context"
	"maps"
	"math/bits"
	"sync"
	"time"

	"wanjia/internal/platform/kv"
)

// Times of the wheel: each shard is visited every two seconds, and its inboxes are compared with SQL every 25 s,
// or at each visit while something may be lost (push.md §8).
const (
	turnTime   = 2 * time.Second
	checkEvery = 25 * time.Second
	checkPiece = 500

	keepHotEvery = 24 * time.Hour
	urgentPause  = 250 * time.Millisecond // between two writings of acks that somebody waits for
)

// turn visits one shard after the other. It is the one timer of all connections.
func (h *Hub) turn(ctx context.Context) {
	tick := time.NewTicker(turnTime / kv.Shards)
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % kv.Shards {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if i == 0 {
				h.askWhetherSQLIsThere(ctx)
			}
			h.visit(ctx, i)
			h.press(ctx)
		}
	}
}

// pressed is how many shards are visited beside one of the wheel: all of them within a quarter of a second.
const pressed = 8

// press visits some of the shards that are pressing.
func (h *Hub) press(ctx context.Context) {
	for range pressed {
		left := h.pressing.Load()
		if left == 0 {
			return
		}
		shard := bits.TrailingZeros64(left)
		h.pressing.And(^(uint64(1) << shard))
		h.visit(ctx, shard)
	}
}

// askWhetherSQLIsThere keeps a quiet node from believing that it still knows who may see what.
func (h *Hub) askWhetherSQLIsThere(ctx context.Context) {
	if h.open.Load() == 0 {
		h.answered.Store(h.now())
		h.deaf.Store(false)
		return
	}
	if h.deaf.Load() || h.now()-h.answered.Load() > turnTime.Milliseconds() {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		_, _ = h.heads(ctx, []int64{0}) // what counts is whether there was an answer
	}
	if h.now()-h.answered.Load() > closeWithoutDB.Milliseconds() {
		h.everyConn(func(c *conn) { c.shut(Drained, spread()) })
	}
}

// visit looks after the persons of shard i: who is silent, whose window ends, who has left, and, when it is time,
// whether somebody lacks an item.
func (h *Hub) visit(ctx context.Context, i int) {
	now := h.now()
	var connected []int64
	for _, p := range h.shards[i].all() {
		p.mu.Lock()
		users, leftAt, kept := p.users, p.leftAt, p.kept
		for _, c := range p.conns {
			c.look(now)
		}
		p.mu.Unlock()
		switch {
		case users > 0:
			connected = append(connected, p.id)
			if now-kept > keepHotEvery.Milliseconds() {
				h.keepHot(ctx, p)
			}
		case now-leftAt > keepAfterLast.Milliseconds():
			h.forget(i, p)
		}
	}
	returns := h.o.KV.Returns(i)
	short := h.o.KV.Away(i) || returns != h.returns[i] || now < h.trouble[i].Load()
	h.returns[i] = returns
	switch due := short || now-h.checked[i] >= (checkEvery-turnTime).Milliseconds(); {
	case due && h.deaf.Load():
		h.checked[i] = 0 // due as soon as SQL answers: 64 questions that nobody answers would stop the wheel
	case due:
		h.checked[i] = now
		h.check(ctx, i, connected)
	}
}

// look sees whether c is silent or at the end of its window. Its person is locked.
func (c *conn) look(now int64) {
	switch {
	case c.shutAt != 0:
		if now-c.shutAt > closeWithin.Milliseconds() {
			c.wire.drop() // the device did not say goodbye
		}
	case now-c.heard.Load() > silentAfter.Milliseconds() && !c.noAcks:
		c.shut(Silent, 0)
	case now >= c.until:
		c.shut(WindowOver, 0)
	case !c.warned && c.until-now <= warnBefore.Milliseconds():
		c.warned = true
		c.say(numberFrame("exp", "in", (c.until-now)/1000))
	}
}

// forget lets go of a person who has been away for a while.
func (h *Hub) forget(i int, p *person) {
	s := &h.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users == 0 {
		delete(s.persons, p.id)
		h.sub.Remove(kv.InboxWake(p.id))
	}
}

// check compares what the devices of persons of a shard have with SQL. It heals every loss between the two, with Redis
// healthy, wrong or absent.
func (h *Hub) check(ctx context.Context, shard int, ids []int64) {
	for len(ids) > 0 {
		some := ids[:min(checkPiece, len(ids))]
		ids = ids[len(some):]
		limited, cancel := context.WithTimeout(ctx, 3*time.Second)
		heads, err := h.heads(limited, some)
		cancel()
		if err != nil {
			h.hurry(shard)
			h.deaf.Store(true)
			return
		}
		for _, head := range heads {
			p := h.find(head.Person)
			if p == nil {
				continue
			}
			p.mu.Lock()
			if head.Seq > p.top {
				h.stats.behind.Add(1)
			}
			for _, c := range p.conns {
				c.stuck = false
			}
			p.tellRead(head.Read)
			h.rise(p, head.Seq)
			p.mu.Unlock()
		}
	}
}

// acks are what devices have applied, until it is written.
type acks struct {
	mu     sync.Mutex
	some   map[int64]Ack // by session
	urgent chan struct{} // there is one that a message of WeChat waits for
}

func (a *acks) add(ack Ack, urgent bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.some == nil {
		a.some = map[int64]Ack{}
	}
	if a.some[ack.Session].Seq < ack.Seq {
		a.some[ack.Session] = ack
	}
	if urgent {
		select {
		case a.urgent <- struct{}{}:
		default:
		}
	}
}

func (a *acks) take() []Ack {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Ack, 0, len(a.some))
	for ack := range maps.Values(a.some) {
		list = append(list, ack)
	}
	a.some = nil
	return list
}

// writeAcks writes acks every five seconds, those that a message of WeChat waits for at once, and what is left at the
// end.
func (h *Hub) writeAcks(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.flushAcks(ctx)
		case <-h.acks.urgent:
			pause := time.NewTimer(urgentPause)
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
			}
			h.flushAcks(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			h.flushAcks(last)
			cancel()
			return
		}
	}
}

func (h *Hub) flushAcks(ctx context.Context) {
	list := h.acks.take()
	if len(list) == 0 {
		return
	}
	if err := h.o.Inbox.Acked(ctx, list); err != nil {
		for _, a := range list {
			h.acks.add(a, false) // they wait in memory
		}
	}
}

// sayOnline notes once a minute who is connected here. Only totals are ever served.
func (h *Hub) sayOnline(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.noteOnline(ctx)
		}
	}
}

func (h *Hub) noteOnline(ctx context.Context) {
	now := h.now() / 1000
	for i := range h.shards {
		var ids []int64
		for _, p := range h.shards[i].all() {
			p.mu.Lock()
			if len(p.conns) > 0 {
				ids = append(ids, p.id)
			}
			p.mu.Unlock()
		}
		if len(ids) > 0 {
			_ = h.o.KV.Mark(ctx, kv.Online(i), now, ids...) // totals only, and the next minute has them
			_ = h.o.KV.Trim(ctx, kv.Online(i), now-onlineFor)
			_, _ = h.o.KV.Expire(ctx, kv.Online(i), onlineFor*time.Second)
		}
	}
}

// onlineFor is how many seconds somebody counts as connected after they were last seen so.
const onlineFor = 180

// Online is how many persons have been connected in the last minutes, over all nodes; false when Redis cannot say.
func (h *Hub) Online(ctx context.Context) (total int64, known bool) {
	since := h.now()/1000 - onlineFor
	b := h.o.KV.Batch()
	replies := make([]*kv.Reply, kv.Shards)
	for i := range replies {
		replies[i] = b.Count(kv.Online(i), since)
	}
	_ = b.Send(ctx) // each reply has its own error
	for _, r := range replies {
		v, err := r.Value()
		n, ok := v.(int64)
		if err != nil || !ok {
			return 0, false
		}
		total += n
	}
	return total, true
}

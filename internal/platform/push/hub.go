package push

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/problem"
)

// Limits of push.md §9 and security.md S4.
const (
	socketsAPerson = 5
	window         = 30 * time.Minute // how long a socket lives without a new ticket
	warnBefore     = time.Minute
	silentAfter    = time.Minute
	framesASecond  = 20
	queueFrames    = 64
	queueBytes     = 64 << 10
	resumeAtOnce   = 300
	pageItems      = 200
	batchItems     = 64
	rightsFor      = time.Minute
	keepAfterLast  = time.Minute // a device that comes back finds its person still subscribed
	closeWithin    = 2 * time.Second
	askWithin      = 3 * time.Second  // how long a writer waits for SQL
	quietWithoutDB = 10 * time.Second // rights can no longer be known
	closeWithoutDB = 30 * time.Second
)

// A Head is the state of one inbox.
type Head struct {
	Person, Seq, Read, Floor int64
}

// An Ack says that the device of a session has applied everything up to Seq.
type Ack struct {
	Person, Session, Seq int64
}

// An Inbox is the truth behind the sockets: package notify, in SQL.
type Inbox interface {
	// Heads are the states of the inboxes of persons; who has none is left out.
	Heads(ctx context.Context, persons []int64) ([]Head, error)
	// Items are person's items after a number, in order, at most limit.
	Items(ctx context.Context, person, after int64, limit int) ([]Entry, error)
	// Rights are the role assignments of persons that hold now.
	Rights(ctx context.Context, persons []int64) (map[int64][]int64, error)
	// MarkRead moves the read mark and says where it stands.
	MarkRead(ctx context.Context, person, seq int64) (read int64, err error)
	// Acked notes what devices have applied.
	Acked(ctx context.Context, acks []Ack) error
}

// A Session is whose socket it is, and for how long.
type Session struct {
	PersonID, SessionID int64
	Until               time.Time // when the session ends
}

// A Guess counts n tickets that are none of a subject, and says how long there is no room for them; 0: there was.
type Guess func(ctx context.Context, subject string, n int) (wait time.Duration)

// Options put a Hub together.
type Options struct {
	Era      int64
	Inbox    Inbox
	KV       *kv.KV
	Hot      *Hot
	Redeem   func(ctx context.Context, ticket string) (Session, error)
	Known    func(ctx context.Context, ticket string) (Session, error) // the same of those that Redis has; nil: of none
	Guess    Guess                                                     // nil: nobody is refused
	Identify func(r *http.Request) (Session, error)                    // whose request it is, by its Authorization header
	Origins  []string                                                  // scheme://host[:port] of the pages that may open sockets
	Written  func(after time.Duration)                                 // nil: nobody; told how long after their transaction items were written
	Now      func() time.Time                                          // nil: the machine's clock
	Log      *slog.Logger                                              // nil: none
}

// A Hub is the sockets, event streams and waiting requests of one node.
type Hub struct {
	o      Options
	shards [kv.Shards]shard
	sub    *kv.Subscription
	work   chan job
	over   chan struct{}   // closed when Run has ended
	outbox func(shard int) // nil: nobody sweeps here
	acks   acks

	headsAsked  round[Head]
	rightsAsked round[[]int64]

	stats stats

	guesses guesses

	patience time.Duration // with one write to a device

	open     atomic.Int64
	draining atomic.Bool
	answered atomic.Int64            // when SQL last answered, Unix ms
	deaf     atomic.Bool             // SQL did not answer the last time: only one question at a time goes there
	trouble  [kv.Shards]atomic.Int64 // until when positions are checked in short rounds, Unix ms
	pressing atomic.Uint64           // a bit for each shard whose positions are checked without waiting for the wheel
	checked  [kv.Shards]int64
	returns  [kv.Shards]int64
}

type shard struct {
	mu      sync.Mutex
	persons map[int64]*person
}

// A Stats is what the metrics show: how many connections are open and fall behind now, and, since the start, how often one did,
// how often the position check found what nobody had told, how many reads went to SQL, how many items were written to
// devices, how many lists were started anew, and how many connections were closed by us for which reason.
type Stats struct {
	Connections, LaggingNow, Lagging, Behind, Fills, Items, Resets int64

	Closed map[Code]int64
}

type stats struct {
	laggingNow, lagging, behind, fills, items, resets atomic.Int64

	mu     sync.Mutex
	closed map[Code]int64
}

func (s *stats) close(code Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed == nil {
		s.closed = map[Code]int64{}
	}
	s.closed[code]++
}

// NewHub makes a Hub; Run keeps it going.
func NewHub(o Options) *Hub {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{o: o, work: make(chan job, 256), over: make(chan struct{}), patience: writeLimit, acks: acks{urgent: make(chan struct{}, 1)}}
	for i := range h.shards {
		h.shards[i].persons = map[int64]*person{}
	}
	h.answered.Store(o.Now().UnixMilli())
	h.sub = o.KV.Subscribe(h.heard, h.resumed)
	return h
}

// OnOutbox lets f hear that a row of a shard waits to be swept, over the connection that wakes devices. Call it before Run.
func (h *Hub) OnOutbox(f func(shard int)) { h.outbox = f }

// Stats are the hub's figures.
func (h *Hub) Stats() Stats {
	s := &h.stats
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{
		Connections: h.open.Load(), LaggingNow: s.laggingNow.Load(), Lagging: s.lagging.Load(), Behind: s.behind.Load(), Fills: s.fills.Load(),
		Items: s.items.Load(), Resets: s.resets.Load(), Closed: maps.Clone(s.closed),
	}
}

// Run turns the wheel, carries out what devices ask, and writes their acks, until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { h.carryOut(ctx) })
	}
	wg.Go(func() { h.turn(ctx) })
	wg.Go(func() { h.writeAcks(ctx) })
	wg.Go(func() { h.sayOnline(ctx) })
	channels := make([]kv.Key, kv.Shards)
	for i := range channels {
		channels[i] = kv.OutboxWake(i)
	}
	_ = h.sub.Add(ctx, channels...) // heard as soon as Redis is there; positions and the outbox are looked at anyway
	wg.Wait()
	close(h.over)
	return h.sub.Close()
}

// A person is somebody with a socket here, or who had one a minute ago.
type person struct {
	id int64

	mu      sync.Mutex
	top     int64 // the newest item known of
	read    int64 // the read mark last told
	conns   []*conn
	waiters []*waiter
	users   int   // conns, waiters, and those about to become one
	leftAt  int64 // when users became 0, Unix ms
	kept    int64 // when the hot inbox was last kept hot, Unix ms
	rights  rights
}

type waiter struct {
	after int64
	wake  chan struct{}
	once  sync.Once
}

// enter is the record of id, made and subscribed if it is new. Each enter needs a leave.
func (h *Hub) enter(ctx context.Context, id int64) *person {
	s := &h.shards[kv.ShardOf(id)]
	s.mu.Lock()
	p := s.persons[id]
	if p == nil {
		p = &person{id: id, rights: rights{forgot: h.now()}} // what was seen before, a change may have followed that nobody told
		s.persons[id] = p
	}
	p.mu.Lock()
	p.users++
	p.mu.Unlock()
	s.mu.Unlock()
	// Confirmed before the inbox is read: what commits in between arrives by one way or the other. When Redis is
	// away, short rounds of the position check stand in.
	if err := h.sub.Add(ctx, kv.InboxWake(id)); err != nil {
		h.hurry(kv.ShardOf(id))
	}
	return p
}

func (h *Hub) leave(p *person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users == 0 {
		p.leftAt = h.now()
	}
}

func (h *Hub) find(id int64) *person {
	s := &h.shards[kv.ShardOf(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.persons[id]
}

func (h *Hub) now() int64 { return h.o.Now().UnixMilli() }

// hurry makes the position checks of a shard come in short rounds for a while: something may have been lost.
func (h *Hub) hurry(shard int) { h.trouble[shard].Store(h.now() + 5_000) }

// resumed is called when wake-ups of a shard were lost and are heard again: whoever is connected may lack something, and
// that is looked for at once, and again in short rounds for a while, for names come back one after the other.
func (h *Hub) resumed(shard int) {
	h.hurry(shard)
	h.pressing.Or(1 << shard)
}

// Deliver hands new items to the devices of their person that are connected here. It never waits.
func (h *Hub) Deliver(d Delivery) {
	if p := h.find(d.Person); p != nil && len(d.Entries) > 0 {
		h.deliverTo(p, d)
	}
}

func (h *Hub) deliverTo(p *person, d Delivery) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.Held > 0 && len(p.conns) > 0 {
		now, seen := h.now(), int64(0)
		for _, e := range d.Entries {
			if as := e.assignment(); as != seen {
				p.rights.vouch(as, d.Held, now)
				seen = as
			}
		}
	}
	for _, c := range p.conns {
		c.offer(d.Entries)
	}
	h.rise(p, d.Entries[len(d.Entries)-1].Seq)
}

// knows says whether everybody here who lacks the item of that number has been seen to.
func (p *person) knows(seq int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.top >= seq
}

// rise notes that there are items up to top, and sees to everybody who lacks them. p is locked.
func (h *Hub) rise(p *person, top int64) {
	p.top = max(p.top, top)
	for _, c := range p.conns {
		c.kick()
	}
	p.waiters = slices.DeleteFunc(p.waiters, func(w *waiter) bool {
		if p.top > w.after {
			w.once.Do(func() { close(w.wake) })
			return true
		}
		return false
	})
}

// heard takes a wake-up from Redis: [seq, tail, …], [top], ["r", read], or ["x", mark, …] for sockets that are too
// many; over the channel of a shard what is new to many, or nothing, when its sweeper is to look. It is a hint and nothing
// more.
func (h *Hub) heard(channel kv.Key, message string) {
	if channel == kv.OutboxWake(channel.Shard()) {
		switch {
		case message != "":
			h.heardOfMany(message)
		case h.outbox != nil:
			h.outbox(channel.Shard())
		}
		return
	}
	var parts []json.RawMessage
	if err := json.Unmarshal([]byte(message), &parts); err != nil || len(parts) == 0 {
		return
	}
	id := channel.Person()
	if string(parts[0]) == `"r"` && len(parts) == 2 {
		if n, ok := number(parts[1]); ok {
			h.readHere(id, n)
		}
		return
	}
	if string(parts[0]) == `"x"` {
		marks := make([]string, len(parts)-1)
		for i, part := range parts[1:] {
			if json.Unmarshal(part, &marks[i]) != nil {
				return
			}
		}
		h.strike(id, marks)
		return
	}
	if len(parts) == 1 {
		if n, ok := number(parts[0]); ok {
			h.Raise(id, n)
		}
		return
	}
	d := Delivery{Person: id}
	for i := 0; i+1 < len(parts); i += 2 {
		n, ok := number(parts[i])
		var tail string
		if !ok || json.Unmarshal(parts[i+1], &tail) != nil {
			return
		}
		d.Entries = append(d.Entries, Entry{Seq: n, Tail: tail})
	}
	h.Deliver(d)
}

// number reads what Lua wrote: large numbers come as 1e+15.
func number(raw json.RawMessage) (int64, bool) {
	var f float64
	if err := json.Unmarshal(raw, &f); err != nil || f < 0 || f > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// Raise says that person has items up to top, without them.
func (h *Hub) Raise(id, top int64) {
	if p := h.find(id); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		h.rise(p, top)
	}
}

// TellRead tells all devices of person, on every node, where the read mark stands.
func (h *Hub) TellRead(ctx context.Context, id, read int64) {
	h.readHere(id, read)
	b, err := json.Marshal([]any{"r", read})
	if err == nil {
		_ = h.o.KV.Publish(ctx, kv.InboxWake(id), string(b)) // lost, the position check tells it
	}
}

func (h *Hub) readHere(id, read int64) {
	if p := h.find(id); p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tellRead(read)
	}
}

// tellRead sends the read mark to devices that have not been told. p is locked.
func (p *person) tellRead(read int64) {
	if read <= p.read {
		return
	}
	p.read = read
	for _, c := range p.conns {
		c.say(numberFrame("read", "s", read))
	}
}

// Wait returns when person may have an item after a number, or when the time is over. A node that stops sends who has none
// elsewhere: answered at once, they would be here again at once.
func (h *Hub) Wait(ctx context.Context, id, after int64, limit time.Duration) error {
	p := h.enter(ctx, id)
	defer h.leave(p)
	w := &waiter{after: after, wake: make(chan struct{})}
	p.mu.Lock()
	known := p.top > after
	stops := !known && h.draining.Load() // from here on Drain finds the waiter
	if !known && !stops {
		if p.waiters = append(p.waiters, w); len(p.waiters) > socketsAPerson {
			p.waiters[0].once.Do(func() { close(p.waiters[0].wake) })
			p.waiters = slices.Delete(p.waiters, 0, 1)
		}
	}
	p.mu.Unlock()
	switch {
	case known:
		return nil
	case stops:
		return elsewhere()
	}
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.waiters = slices.DeleteFunc(p.waiters, func(other *waiter) bool { return other == w })
	}()
	if top, known := h.o.Hot.Top(ctx, id); known && top > after {
		return nil
	} else if !known {
		head, err := h.headOf(ctx, id)
		if err != nil || head.Seq > after {
			return err
		}
		h.warm(ctx, id)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-w.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.top <= after && h.draining.Load() {
		return elsewhere()
	}
	return nil
}

// elsewhere sends one of many who wait to another node, and not all in the same second.
func elsewhere() error {
	return problem.ErrUnavailable.RetryAfter(time.Duration(spread()) * time.Millisecond)
}

// ClosePerson closes all sockets of one person.
func (h *Hub) ClosePerson(id int64, code Code) {
	p := h.find(id)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rights.forget(h.now())
	for _, c := range slices.Clone(p.conns) {
		c.shut(code, 0)
	}
}

// all is the persons of s now.
func (s *shard) all() []*person {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*person, 0, len(s.persons))
	for _, p := range s.persons {
		list = append(list, p)
	}
	return list
}

// Drain tells every device to come back elsewhere, spread over ten seconds, and closes its socket. No new ones are
// taken afterwards. It returns when all are gone, or cuts those that ctx does not wait for.
func (h *Hub) Drain(ctx context.Context) {
	h.draining.Store(true)
	h.everyConn(func(c *conn) { c.shut(Drained, spread()) })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for h.open.Load() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.everyConn(func(c *conn) { c.wire.drop() })
			return
		}
	}
}

// spread is how long one of many devices shall stay away (ms), so that they do not come back all at once.
func spread() int64 { return rand.Int64N(10_000) } //nolint:gosec // because it only spreads load

// everyConn calls f with every connection, its person locked, and wakes everybody who waits.
func (h *Hub) everyConn(f func(c *conn)) {
	for i := range h.shards {
		for _, p := range h.shards[i].all() {
			p.mu.Lock()
			for _, c := range slices.Clone(p.conns) {
				f(c)
			}
			for _, w := range p.waiters {
				w.once.Do(func() { close(w.wake) })
			}
			p.mu.Unlock()
		}
	}
}

// originAllowed says whether a page may open sockets. Programs send no Origin; they need a ticket all the same.
func (h *Hub) originAllowed(origin string, sent bool) bool {
	return !sent || slices.ContainsFunc(h.o.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
}

package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/lease"
	"wanjia/internal/platform/outbox"
	"wanjia/internal/platform/push"
)

const (
	chunkSize   = 900                    // of a list of a thousand MariaDB makes a table, before it looks at one row
	chunkRows   = 4 * chunkSize          // of all announcements that go together: whoever waits for an inbox waits for all of them
	chunkPause  = 2 * time.Millisecond   // in which others get at the database: whoever waits for an inbox has it as soon as a chunk ends
	chunksATurn = 8                      // and no longer than turnFor, before it is asked what else there is: danger does not wait
	turnFor     = 300 * time.Millisecond // when the database is slow
	fanoutLoad  = 20                     // fan-outs looked at together
	stillFor    = time.Minute            // after which one that does not move is an alarm
)

// FanoutOptions are what Fanouts need.
type FanoutOptions struct {
	DB      *db.DB
	Courier *Courier
	Leases  *lease.Leases
	Rate    int // messages of WeChat a second
	Log     *slog.Logger
}

// Fanouts write announcements into inboxes, and bring them to devices. Any number of nodes may do so: what keeps each
// person's item one is the condition of the statement with which a chunk begins, in the transaction of the chunk.
type Fanouts struct {
	FanoutOptions
	filled  atomic.Bool // the ends of announcements that have none noted
	mu      sync.Mutex
	still   map[NoticeID]standing // those that did not move when all were looked at
	stalled bool
	woken   chan struct{}
	run     int           // chunks a turn
	most    time.Duration // that a turn takes when they are slow
	blind   bool          // begins chunks without the condition: tests show that they would see it
}

// A standing is where a fan-out stands, and since when.
type standing struct {
	state        NoticeState
	next, pushed org.PersonID
	since        time.Time
}

// NewFanouts makes the Fanouts of a node and lets transactions of its database find it.
func NewFanouts(o FanoutOptions) *Fanouts {
	f := &Fanouts{FanoutOptions: o, woken: make(chan struct{}, 1), run: chunksATurn, most: turnFor}
	o.DB.Attach(announced{}, f.wake)
	return f
}

// announced is the key of what a database is given to hear of announcements that this node has committed.
type announced struct{}

func (f *Fanouts) wake() {
	select {
	case f.woken <- struct{}{}:
	default: // it is about to look
	}
}

// Woken says that this node has committed an announcement, so that a turn is worth its while. Of those of other nodes nobody
// says it.
func (f *Fanouts) Woken() <-chan struct{} { return f.woken }

// A fan is a fan-out as it stands.
type fan struct {
	Notice
	Fan      int64        `db:"fan_id"`
	Next     org.PersonID `db:"next_person_id"` // everybody up to here has been dealt with
	PushedTo org.PersonID `db:"pushed_person_id"`
}

// Turn brings one fan-out of this node's shards on by a step, with those that go with it, safety first, and says whether any
// moved on. One that cannot move on holds up no other.
func (f *Fanouts) Turn(ctx context.Context) (bool, error) {
	shards := f.Leases.Held()
	if len(shards) == 0 {
		return false, nil
	}
	if err := f.fillEnds(ctx); err != nil {
		return false, err
	}
	if err := expireDue(ctx, f.DB, shards); err != nil {
		return false, err
	}
	var stuck []fan
	for behind := (fan{Notice: Notice{Prio: -1}}); ; behind = stuck[len(stuck)-1] {
		open, err := openFans(ctx, f.DB, shards, behind)
		if err != nil {
			return false, err
		}
		if len(open) == 0 {
			f.stand(ctx, stuck)
			return false, nil
		}
		if f.first(ctx, open) {
			return true, nil
		}
		stuck = append(stuck, open...)
	}
}

// Stalled says whether a fan-out of this node's shards makes no progress: it has stood in the same place for a minute.
func (f *Fanouts) Stalled() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stalled
}

// stand notes which fan-outs did not move, and says once that one stands still.
func (f *Fanouts) stand(ctx context.Context, stuck []fan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, was := f.DB.Now(), f.stalled
	still := make(map[NoticeID]standing, len(stuck))
	f.stalled = false
	for _, x := range stuck {
		s := standing{x.State, x.Next, x.PushedTo, now}
		if before, ok := f.still[x.ID]; ok {
			if s.since = before.since; s != before {
				s.since = now
			}
		}
		still[x.ID] = s
		f.stalled = f.stalled || now.Sub(s.since) >= stillFor
	}
	if f.still = still; f.stalled && !was {
		f.Log.ErrorContext(ctx, "no progress in announcements", "announcements", len(stuck))
	}
}

// first brings the first of some fan-outs on that can move, with those that go with it, and says whether any did. What fails
// for all of these is tried for each, so that one that cannot be written holds up none that it stands with. Those of which
// devices are behind come before others that are as urgent: once they have caught up, they go together again.
func (f *Fanouts) first(ctx context.Context, some []fan) bool {
	tries := convoys(some)
	slices.SortStableFunc(tries, func(a, b convoy) int { return cmp.Or(cmp.Compare(a[0].Prio, b[0].Prio), b.behind()-a.behind()) })
	for ; len(tries) > 0; tries = tries[1:] {
		c, moved := tries[0], false
		err := db.Safely(func() (err error) {
			moved, err = f.step(ctx, c)
			return err
		})
		if err != nil && ctx.Err() == nil {
			f.Log.ErrorContext(ctx, "bring an announcement on", "notice", c[0].ID, "together", len(c), "error", err)
		}
		if moved {
			return true
		}
		if err != nil && len(c) > 1 {
			tries = slices.Insert(tries, 1, c.apart()...)
		}
	}
	return false
}

// Remaining is how many persons this node's fan-outs have still to reach, in their inbox or at their devices.
func (f *Fanouts) Remaining(ctx context.Context) (int64, error) {
	shards := f.Leases.Held()
	if len(shards) == 0 {
		return 0, nil
	}
	return remaining(ctx, f.DB, shards)
}

// step is some chunks, one load of messages that are not sent any more, or one load of pushes.
func (f *Fanouts) step(ctx context.Context, c convoy) (bool, error) {
	x := c[0]
	if x.State == NoticeRunning {
		return f.write(ctx, c)
	}
	if x.over() != nil {
		if some, err := f.silence(ctx, x); some || err != nil {
			return some, err
		}
	}
	if x.PushedTo < x.Next {
		return f.pushMore(ctx, x)
	}
	return true, f.DB.InTx(ctx, func(tx *db.Tx) error {
		if x.over() != nil { // a call that was opened at the moment of the end
			if err := dropCalls(ctx, tx, x.ID); err != nil {
				return err
			}
		}
		return closeFans(ctx, tx, convoy{x})
	})
}

// silence ends a load of the messages of x that wait, and says whether there were any.
func (f *Fanouts) silence(ctx context.Context, x fan) (some bool, err error) {
	err = f.DB.InTx(ctx, func(tx *db.Tx) (err error) {
		some, err = silence(ctx, tx, x)
		return err
	})
	return some, err
}

// write is a few chunks: while one is written, what the one before has written is brought to devices. How far those are is
// noted in the end: when this node dies before, another one brings them some chunks again, which does no harm.
func (f *Fanouts) write(ctx context.Context, c convoy) (moved bool, err error) {
	x := c[0]
	if x.PushedTo < x.Next {
		switch caught, err := f.pushMore(ctx, x); {
		case err != nil:
			f.Log.WarnContext(ctx, "push an announcement", "notice", x.ID, "error", err)
		case caught:
			return true, nil
		}
		return f.writeBehind(ctx, x)
	}
	in, err := x.audienceOf(ctx, f.DB)
	if err != nil {
		return false, err
	}
	n := f.run
	if x.Next == 0 && !in.few {
		n = 1 // the first shall not wait until many have been read; of few all are found to find the first
	}
	loads, err := f.ahead(ctx, c, in, n)
	if err != nil {
		return false, err
	}
	chunks, carried := make(chan written, 1), make(chan brought, 1)
	go func() { carried <- f.carry(ctx, chunks) }()
	y := c
	for over := f.DB.Now().Add(f.most); err == nil && len(loads) > 0 && f.DB.Now().Before(over); {
		z, ds, failed := f.chunk(ctx, y, loads[0])
		if err = failed; err != nil || z[0].Next == y[0].Next {
			break
		}
		y, moved, loads = z, true, loads[1:]
		select {
		case chunks <- written{ds, z[0].Next}:
		case <-ctx.Done():
		}
		if more := f.run - n; more > 0 && y[0].State == NoticeRunning {
			n = f.run
			loads, err = f.ahead(ctx, y, in, more)
		}
		pause(ctx, chunkPause)
	}
	close(chunks)
	switch {
	case errors.Is(err, errLeft): // the next turn asks anew
		err = nil
	case errors.Is(err, errApart): // and finds who stands together now
		moved, err = true, nil
	}
	if b := <-carried; b.to > x.PushedTo {
		if _, failed := f.note(ctx, y, b); failed != nil { // they are brought again from the inboxes
			f.Log.WarnContext(ctx, "note how far an announcement is", "notice", x.ID, "error", failed)
		}
	}
	return moved, err
}

// A written is what a chunk wrote, and up to whom.
type written struct {
	ds []push.Delivery
	to org.PersonID
}

// A brought is how far devices are: up to whom, how many persons, and whom a part of Redis that is away keeps from theirs.
type brought struct {
	to   org.PersonID
	n    int
	left []push.Delivery
}

// carry brings to devices what chunks write, until one meets no Redis at all: what is behind it is brought from the inboxes.
func (f *Fanouts) carry(ctx context.Context, chunks <-chan written) (b brought) {
	away := false
	for w := range chunks {
		if away {
			continue
		}
		var left []push.Delivery
		if err := db.Safely(func() error { left = f.Courier.fan(ctx, w.ds); return nil }); err != nil {
			f.Log.ErrorContext(ctx, "bring announcements to devices", "error", err)
			away = true
			continue
		}
		if away = len(w.ds) > 0 && len(left) == len(w.ds); !away {
			b = brought{w.to, b.n + len(w.ds), append(b.left, left...)}
		}
	}
	return b
}

// writeBehind is a chunk of x, of which devices cannot even be brought what was written before: no inbox waits for them.
func (f *Fanouts) writeBehind(ctx context.Context, x fan) (bool, error) {
	in, err := x.audienceOf(ctx, f.DB)
	if err != nil {
		return false, err
	}
	some, err := f.ahead(ctx, convoy{x}, in, 1)
	if err != nil {
		return false, err
	}
	y, _, err := f.chunk(ctx, convoy{x}, some[0])
	switch {
	case errors.Is(err, errLeft):
		return false, nil
	case err != nil || y[0].Next == x.Next:
		return false, err
	}
	pause(ctx, chunkPause)
	return true, nil
}

// A load is the persons of one chunk.
type load struct {
	to   []recipient
	upTo org.PersonID // everybody up to there is dealt with by it
	more bool         // and there are others behind
	seen time.Time    // when their roles held
}

// audienceOf is to whom x goes, today.
func (x fan) audienceOf(ctx context.Context, q db.Queryer) (found, error) {
	var to Scope
	if err := json.Unmarshal([]byte(x.Scope), &to); err != nil {
		return found{}, fmt.Errorf("read the audience of announcement %d: %w", x.ID, err)
	}
	return to.find(ctx, q)
}

// ahead is what the next n chunks of c are of, at least one: reading many persons in their order at once costs little more
// than reading few.
func (f *Fanouts) ahead(ctx context.Context, c convoy, in found, n int) (loads []load, err error) {
	seen, size := f.DB.Now(), c.chunkSize()
	all, upTo, more, err := in.next(ctx, f.DB, c[0].By, c[0].Next, n*size)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(all, size) {
		loads = append(loads, load{some, some[len(some)-1].Person, true, seen})
	}
	if len(loads) == 0 {
		return []load{{nil, upTo, more, seen}}, nil
	}
	last := &loads[len(loads)-1]
	last.upTo, last.more = upTo, more
	return loads, nil
}

var (
	// errLeft says that somebody has left between being read and being written to.
	errLeft = errors.New("a recipient has left meanwhile")

	// errApart says that of fan-outs that were to go together one does not stand with the others any more.
	errApart = errors.New("an announcement goes on by itself")
)

// chunk writes all of c into the inboxes of the persons of l, and returns them as they stand then and what is to be pushed.
// When another node has done so meanwhile, or it was withdrawn, it returns a convoy of one as it was, and errApart for a larger
// one; with an error nobody has been told.
func (f *Fanouts) chunk(ctx context.Context, c convoy, l load) (y convoy, ds []push.Delivery, err error) {
	err = f.DB.InTx(ctx, func(tx *db.Tx) error {
		y, ds = c, nil
		state := NoticeRunning
		if !l.more {
			state = NoticeWritten
		}
		ours, err := beginChunk(ctx, tx, c, l.upTo, len(l.to), state, f.blind)
		switch {
		case err != nil:
			return err
		case ours < len(c) && len(c) > 1:
			return errApart
		case ours == 0:
			return nil
		}
		y = slices.Clone(c)
		for i := range y {
			y[i].Next, y[i].Written, y[i].State = l.upTo, y[i].Written+len(l.to), state
		}
		if len(l.to) == 0 {
			return nil
		}
		ds, err = f.tellSome(ctx, tx, c, l.to)
		return err
	})
	if err != nil {
		return c, nil, err
	}
	for i := range ds {
		ds[i].Held = l.seen.UnixMilli()
	}
	return y, ds, nil
}

// tellSome writes all of c into the inboxes of some persons, for each in the order in which they were announced.
func (f *Fanouts) tellSome(ctx context.Context, tx *db.Tx, c convoy, some []recipient) ([]push.Delivery, error) {
	entries := make([]entry, 0, len(c)*len(some))
	for i, r := range some {
		for _, x := range c {
			e := entry{
				Told: Told{
					Person: r.Person, Kind: x.Kind, Prio: x.Prio, Assignment: r.Assignment, RefType: x.RefType, RefID: x.RefID,
					Args: x.Args, At: tx.Now, Notice: x.ID,
				},
				mustReach: x.MustReach,
			}
			if f.Rate > 0 {
				e.wait = time.Duration(x.Written+i) * time.Second / time.Duration(f.Rate)
			}
			entries = append(entries, e)
		}
	}
	heads, err := takeNumbers(ctx, tx, entries)
	if err != nil {
		return nil, err
	}
	for i := range slices.Backward(entries) { // the last of a person has the newest number
		e := &entries[i]
		e.Seq = heads[e.Person]
		heads[e.Person]--
	}
	if err := insertFanned(ctx, tx, c, some); err != nil {
		return nil, err
	}
	if err := insertSends(ctx, tx, entries); err != nil {
		return nil, err
	}
	return deliveries(entries)
}

// deliveries are entries, by person and number, as devices get them: the text of each announcement is written once.
func deliveries(entries []entry) (ds []push.Delivery, err error) {
	all, from := make([]push.Entry, 0, len(entries)), 0
	type text struct {
		of NoticeID
		at int64
	}
	tails := map[text]string{}
	for _, e := range entries {
		key := text{e.Notice, e.At.UnixMilli()}
		own, there := tails[key]
		if !there {
			shared := e.Told
			shared.Assignment = 0
			if own, err = shared.tail(); err != nil {
				return nil, err
			}
			tails[key] = own
		}
		if e.Assignment != 0 {
			own = `"as":` + strconv.FormatInt(int64(e.Assignment), 10) + "," + own
		}
		if n := len(ds); n == 0 || ds[n-1].Person != int64(e.Person) {
			ds, from = append(ds, push.Delivery{Person: int64(e.Person)}), len(all)
		}
		all = append(all, push.Entry{Seq: e.Seq, Tail: own})
		ds[len(ds)-1].Entries = all[from:len(all):len(all)]
	}
	return ds, nil
}

// pushMore brings the next load of x to devices, from the inboxes, and says whether it did; while Redis is away nothing is
// read for it.
func (f *Fanouts) pushMore(ctx context.Context, x fan) (bool, error) {
	if x.PushedTo >= x.Next || !f.Courier.there(ctx) {
		return false, nil
	}
	entries, err := fanned(ctx, f.DB, x, chunkSize)
	if err != nil {
		return false, err
	}
	to := x.Next
	if len(entries) == chunkSize {
		to = entries[chunkSize-1].Person
	}
	ds, err := deliveries(entries)
	if err != nil {
		return false, err
	}
	return f.push(ctx, x, ds, to)
}

// push brings ds to devices and notes how far x has come; not while Redis is away, which may still hold what was before.
func (f *Fanouts) push(ctx context.Context, x fan, ds []push.Delivery, to org.PersonID) (bool, error) {
	left := f.Courier.fan(ctx, ds)
	if len(ds) > 0 && len(left) == len(ds) {
		return false, ctx.Err()
	}
	return f.note(ctx, convoy{x}, brought{to, len(ds), left})
}

// note notes how far devices are with all of c, unless another node has, and that nothing is left to do of those that all
// of them have. What they were kept from the outbox holds, and everybody else goes on.
func (f *Fanouts) note(ctx context.Context, c convoy, b brought) (moved bool, err error) {
	err = f.DB.InTx(ctx, func(tx *db.Tx) error {
		var err error
		if moved, err = notePushed(ctx, tx, c, b.to, b.n); err != nil || !moved {
			return err
		}
		if c[0].State == NoticeWritten && b.to == c[0].Next {
			if err := closeFans(ctx, tx, c); err != nil {
				return err
			}
		}
		return leave(ctx, tx, b.left)
	})
	return err == nil && moved, err
}

// leave puts deliveries into the outbox, whose sweeper brings them as soon as it can.
func leave(ctx context.Context, tx *db.Tx, ds []push.Delivery) error {
	for some := range slices.Chunk(ds, outbox.PieceSize) {
		ranges := make([]outbox.Range, len(some))
		for i, d := range some {
			ranges[i] = outbox.Range{Person: d.Person, From: d.Entries[0].Seq, To: d.Entries[len(d.Entries)-1].Seq}
		}
		if _, err := outbox.Add(ctx, tx, ranges); err != nil {
			return err
		}
	}
	return nil
}

// there says whether any Redis answers, or may again: while all stay away, one question in a while finds out.
func (c *Courier) there(ctx context.Context) bool {
	for shard := range kv.Shards {
		if !c.kv.Away(shard) {
			return true
		}
	}
	return c.kv.Ping(ctx) == nil
}

// fan brings items to the devices of this node, into those inboxes in Redis that somebody reads, and wakes all nodes; it
// returns what did not get there. Repeating it is harmless.
func (c *Courier) fan(ctx context.Context, ds []push.Delivery) (left []push.Delivery) {
	for _, d := range ds {
		c.hub.Deliver(d) //nolint:contextcheck // because a socket outlives whoever pushes to it
	}
	again, left := c.hot.PushAll(ctx, ds)
	items, rows := make(map[int64][]push.Entry, len(again)), make([]outbox.Row, len(again))
	for i, d := range again {
		items[d.Person] = d.Entries
		rows[i] = outbox.Row{ID: int64(i), Ranges: []outbox.Range{{Person: d.Person}}}
	}
	done := make(map[int64]bool, len(again))
	for _, i := range c.toRedis(ctx, rows, items) {
		done[i] = true
	}
	for i, d := range again {
		if !done[int64(i)] {
			left = append(left, d)
		}
	}
	return left
}

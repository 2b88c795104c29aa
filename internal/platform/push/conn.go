package push

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"wanjia/internal/platform/kv"
)

// A wire is what a connection is made of: a WebSocket or an event stream.
type wire interface {
	write(frame []byte, kind int, last int64) error // kind: of RFC 6455; last: the item the frame ends with, 0 for none
	shut(code Code) error                           // says why, politely
	drop()                                          // cuts
}

// A word is a frame that is no item.
type word struct {
	frame []byte
	kind  int // of RFC 6455; 0: none is sent, there is a goodbye only
}

// A conn is one device that listens. There may be very many, so it is small, and has no goroutine of its own but
// the one that reads: another one writes while there is something to write.
//
// Its fields are guarded by its person's lock.
type conn struct {
	h       *Hub
	p       *person
	wire    wire
	session int64
	mark    string // its name among all sockets of the person, on all nodes
	until   int64  // Unix ms: when the window ends
	heard   atomic.Int64

	sent   int64   // the last item written, or being written
	acked  int64   // the last item the device has applied
	await  int64   // the next page waits for this ack
	act    int64   // the last item written that WeChat tells of if no device acks it soon
	queue  []Entry // what follows sent, without a gap
	bytes  int     // of queue
	words  []word
	second int64 // of the frames counted
	frames int16

	shutAt  int64 // Unix ms: when the goodbye was said; 0: not
	code    Code
	writing bool // there is a writer
	pulling bool // the writer is reading the inbox: what comes in is found there
	stuck   bool // SQL did not answer; the next position check tries again
	lagging bool // it reads slower than items come
	noAcks  bool // an event stream cannot ack
	warned  bool // exp was said
	gone    bool
}

// offer queues entries that follow what is queued. Others need no queue: the inbox has them.
func (c *conn) offer(entries []Entry) {
	if c.pulling || c.stuck || c.await > c.acked || c.shutAt != 0 {
		return
	}
	for _, e := range entries {
		next := c.sent + int64(len(c.queue)) + 1
		if e.Seq != next {
			continue
		}
		if len(c.queue) >= queueFrames || c.bytes+len(e.Tail) > queueBytes {
			c.queue, c.bytes = nil, 0 // lagging: batches are pulled as the socket drains
			c.lag(true)
			return
		}
		c.queue = append(c.queue, e)
		c.bytes += len(e.Tail)
	}
}

// lag notes whether c reads slower than items come.
func (c *conn) lag(on bool) {
	if c.lagging == on {
		return
	}
	c.lagging = on
	if on {
		c.h.stats.lagging.Add(1)
		c.h.stats.laggingNow.Add(1)
	} else {
		c.h.stats.laggingNow.Add(-1)
	}
}

// say queues a frame that is no item.
func (c *conn) say(frame []byte) { c.tell(word{frame, websocket.TextMessage}) }

func (c *conn) tell(w word) {
	if c.shutAt == 0 && !c.gone {
		c.words = append(c.words, w)
		c.kick()
	}
}

// kick starts a writer if there is something to write and none is at it.
func (c *conn) kick() {
	if !c.writing && !c.gone && c.hasWork() {
		c.writing = true
		go c.write()
	}
}

func (c *conn) hasWork() bool {
	return len(c.words) > 0 || c.shutAt == 0 && (len(c.queue) > 0 || c.canPull())
}

func (c *conn) canPull() bool { return c.sent < c.p.top && c.await <= c.acked && !c.stuck }

// shut says goodbye with a code; after is how long the device shall wait before it comes back.
func (c *conn) shut(code Code, afterMS int64) {
	if c.shutAt != 0 || c.gone {
		return
	}
	c.queue, c.bytes = nil, 0
	c.h.stats.close(code)
	if code != badUTF8 && code != BadFrame {
		c.words = append(c.words, word{byeFrame(code, afterMS), websocket.TextMessage})
	} else {
		c.words = append(c.words, word{}) // so that there is a writer
	}
	c.shutAt, c.code = max(1, c.h.now()), code
	c.kick()
}

// write writes until nothing is left, and ends. It holds no memory while a device is up to date.
func (c *conn) write() {
	p := c.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var err error
		switch {
		case c.gone:
			c.writing = false
			return
		case len(c.words) > 0:
			words, shut := c.words, c.shutAt != 0
			c.words = nil
			p.mu.Unlock()
			for _, w := range words {
				if w.kind != 0 && err == nil {
					err = c.wire.write(w.frame, w.kind, 0)
				}
			}
			if shut && err == nil {
				_ = c.wire.shut(c.code) // the wheel ends what takes too long
			}
			p.mu.Lock()
		case c.shutAt != 0:
			c.writing = false
			return
		case len(c.queue) > 0:
			entries, before := c.queue, c.sent
			c.queue, c.bytes = nil, 0
			c.sent += int64(len(entries))
			err = c.deliver(entries, before, true)
		case c.canPull():
			err = c.pull()
		default:
			c.lag(c.sent < p.top && c.lagging)
			c.writing = false
			return
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// fail ends c, whose writer got err. A device that has not read for long is told so, if it reads now.
func (c *conn) fail(err error) {
	if errors.Is(err, errSlow) && c.shutAt == 0 {
		c.h.stats.close(Slow)
		c.shutAt, c.code = max(1, c.h.now()), Slow
		c.queue, c.bytes, c.words = nil, 0, nil
		c.p.mu.Unlock()
		err = c.wire.shut(Slow)
		c.p.mu.Lock()
	}
	c.writing = false
	if err != nil {
		c.gone = true // the reader takes it out of its person
		c.wire.drop()
	}
}

// pull reads what the device lacks and writes it: up to 300 items at once, more in pages that wait for an ack.
func (c *conn) pull() error {
	p, after, behind := c.p, c.sent, c.p.top-c.sent
	limit := resumeAtOnce
	if behind > resumeAtOnce && !c.noAcks {
		limit = pageItems
	}
	c.pulling = true
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	entries, err := c.h.fetch(ctx, p, after, limit)
	var head Head
	if err == nil && (len(entries) == 0 || entries[0].Seq != after+1) {
		var heads []Head
		if heads, err = c.h.heads(ctx, []int64{p.id}); len(heads) == 1 {
			head = heads[0]
		}
	}
	p.mu.Lock()
	c.pulling = false
	switch {
	case err != nil:
		c.stuck = true
		c.h.hurry(kv.ShardOf(p.id))
		return nil
	case len(entries) == 0 || entries[0].Seq != after+1:
		if head.Floor > after { // deleted while the device was away
			c.sent = head.Floor
			c.h.stats.resets.Add(1)
			c.words = append(c.words, word{numberFrame("reset", "from", head.Floor), websocket.TextMessage})
			return nil
		}
		c.stuck = true // the hint was wrong, or what it spoke of cannot be seen yet
		return nil
	}
	for i, e := range entries {
		if e.Seq != after+1+int64(i) {
			entries = entries[:i]
			break
		}
	}
	c.sent = after + int64(len(entries))
	if behind > resumeAtOnce && !c.noAcks {
		c.await = c.sent
	}
	return c.deliver(entries, after, false)
}

// deliver writes entries, as far as their person may see them. Without an answer about that nothing is written,
// and the connection stands at before again. Live says that they have just come, and were not waited for.
func (c *conn) deliver(entries []Entry, before int64, live bool) error {
	p := c.p
	p.mu.Unlock()
	act := int64(0)
	for _, e := range entries {
		if live && e.isAct() {
			act = e.Seq
		}
	}
	entries, err := c.h.permitted(p, entries)
	if err == nil && c.h.now()-c.h.answered.Load() > quietWithoutDB.Milliseconds() {
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		_, err = c.h.heads(ctx, []int64{p.id}) // rights may have ended: ask whether SQL is there at all
		cancel()
	}
	if err != nil {
		p.mu.Lock()
		c.queue, c.bytes = nil, 0
		c.sent, c.await, c.stuck = before, min(c.await, before), true
		c.h.hurry(kv.ShardOf(p.id))
		return nil // the next position check tries again
	}
	room := outRoom.Get().(*[]byte)
	defer outRoom.Put(room)
	for len(entries) > 0 && err == nil {
		some, size := 0, 0
		for some < len(entries) && some < batchItems && (some == 0 || size+len(entries[some].Tail) < queueBytes) {
			size += len(entries[some].Tail)
			some++
		}
		frame := itemFrame((*room)[:0], entries[:some])
		if cap(frame) <= queueBytes {
			*room = frame
		}
		err = c.wire.write(frame, websocket.TextMessage, entries[some-1].Seq)
		c.h.stats.items.Add(int64(some))
		if at := entries[some-1].at(); live && at > 0 && c.h.o.Written != nil {
			c.h.o.Written(time.Duration(c.h.now()-at) * time.Millisecond)
		}
		entries = entries[some:]
	}
	p.mu.Lock()
	c.act = max(c.act, act)
	return err
}

// join makes a connection of a device that has applied everything up to after; nil: it has nothing.
func (h *Hub) join(ctx context.Context, s Session, after *Cursor, w wire, noAcks bool) (*conn, error) {
	p := h.enter(ctx, s.PersonID)
	head, err := h.headOf(ctx, s.PersonID)
	if err != nil {
		h.leave(p)
		return nil, err
	}
	now := h.now()
	c := &conn{h: h, p: p, wire: w, session: s.SessionID, mark: newMark(now), noAcks: noAcks, until: h.windowOf(s, now)}
	c.heard.Store(now)
	c.words = []word{{hiFrame(h.o.Era, head, (c.until-now)/1000), websocket.TextMessage}}
	from, anew := startOf(after, head, h.o.Era)
	if c.sent = from; anew {
		c.words = append(c.words, word{numberFrame("reset", "from", from), websocket.TextMessage})
		h.stats.resets.Add(1)
	}
	c.acked = c.sent
	h.keepHot(ctx, p)
	tooMany := h.announce(ctx, c, c.until)
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.draining.Load() {
		c.shut(Drained, 0)
	}
	p.conns = append(p.conns, c)
	h.open.Add(1)
	p.read = max(p.read, head.Read)
	open := 0
	for _, v := range slices.Backward(p.conns) {
		if v.shutAt != 0 {
			continue
		}
		if open++; open > socketsAPerson {
			v.shut(TooManyOpen, 0)
		}
	}
	p.strike(tooMany)
	h.rise(p, head.Seq)
	c.kick()
	return c, nil
}

// startOf is the item behind which a device with cursor after goes on, and whether it must drop its list first.
func startOf(after *Cursor, head Head, era int64) (from int64, anew bool) {
	switch {
	case after == nil: // the device has lost its list: the newest are enough to begin with
		return max(head.Floor, head.Seq-warmEntries), true
	case after.Era != era || after.Seq < head.Floor || after.Seq > head.Seq:
		return head.Floor, true
	}
	return after.Seq, false
}

// keepHot renews the hot inbox of p, who reads it, or makes it.
func (h *Hub) keepHot(ctx context.Context, p *person) {
	p.mu.Lock()
	p.kept = h.now()
	p.mu.Unlock()
	if hot, err := h.o.Hot.Keep(ctx, p.id); err == nil && !hot { // colder sooner, when it fails
		h.warm(ctx, p.id)
	}
}

// windowOf is when a socket of s that is opened or renewed now must be renewed.
func (h *Hub) windowOf(s Session, now int64) int64 {
	until := now + window.Milliseconds()
	if !s.Until.IsZero() {
		until = min(until, s.Until.UnixMilli())
	}
	return until
}

// part takes c out of its person, when its wire has ended.
func (c *conn) part() {
	c.wire.drop()
	p := c.p
	p.mu.Lock()
	c.gone = true
	c.lag(false)
	for i, other := range p.conns {
		if other == c {
			p.conns = append(p.conns[:i:i], p.conns[i+1:]...)
			c.h.open.Add(-1)
			break
		}
	}
	p.mu.Unlock()
	c.h.withdraw(c)
	c.h.leave(p)
}

// take carries out one frame of the device, or says with which code it is refused.
func (c *conn) take(f clientFrame) {
	now := c.h.now()
	c.heard.Store(now)
	switch f.kind {
	case pingFrame:
		c.p.mu.Lock()
		c.say([]byte(`{"t":"p"}`))
		c.p.mu.Unlock()
	case ackFrame:
		c.p.mu.Lock()
		moved := f.seq > c.acked && f.seq <= c.sent
		urgent := moved && c.act > c.acked && c.act <= f.seq
		if moved {
			c.acked = f.seq
			c.kick()
		}
		session := c.session // another ticket may change it at any moment
		c.p.mu.Unlock()
		if moved {
			c.h.acks.add(Ack{Person: c.p.id, Session: session, Seq: f.seq}, urgent)
		}
	case readFrame, authFrame:
		select {
		case c.h.work <- job{c, f}:
		case <-c.h.over: // nobody does it any more, and the device comes back elsewhere
		}
	}
}

// tooFast counts a frame and says whether there were too many in this second.
func (c *conn) tooFast() bool {
	s := c.h.now() / 1000
	if s != c.second {
		c.second, c.frames = s, 0
	}
	c.frames++
	return c.frames > framesASecond
}

// refuse closes c for what its device sent.
func (c *conn) refuse(code Code) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	after := int64(0)
	if code == TooFast {
		after = 30_000
	}
	c.shut(code, after)
}

// A job is a frame whose answer needs SQL.
type job struct {
	c *conn
	f clientFrame
}

// carryOut does jobs until ctx ends.
func (h *Hub) carryOut(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-h.work:
			h.do(ctx, j)
		}
	}
}

func (h *Hub) do(ctx context.Context, j job) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	c := j.c
	if j.f.kind == readFrame {
		if read, err := h.o.Inbox.MarkRead(ctx, c.p.id, j.f.seq); err == nil {
			h.TellRead(ctx, c.p.id, read)
		}
		return // the device sends it again, or the person reads it once more
	}
	s, err := h.o.Redeem(ctx, j.f.ticket)
	c.p.mu.Lock()
	if err != nil || s.PersonID != c.p.id {
		if err == nil || errors.Is(err, ErrTicket) {
			c.shut(TicketRefused, 0)
		} // else nobody knows whose it is: the socket stays until its window ends
		c.p.mu.Unlock()
		return
	}
	until := h.windowOf(s, h.now())
	c.session, c.until, c.warned = s.SessionID, until, false
	c.p.mu.Unlock()
	h.strike(c.p.id, h.announce(ctx, c, until))
}

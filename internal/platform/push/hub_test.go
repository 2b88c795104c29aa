package push

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

// A memory is an inbox of one person without SQL.
type memory struct {
	mu     sync.Mutex
	items  []Entry
	read   int64
	live   []int64
	acks   []Ack
	away   bool
	ended  map[int64]bool // who has no role any more
	rights int            // how often Rights was asked
	about  int            // of how many persons, together
	asked  []int          // of how many persons each call of Heads was
	hold   chan struct{}  // not nil: Heads waits until it is closed

	holdRights chan struct{} // the same of Rights
}

var errAway = fmt.Errorf("the test has taken SQL away")

func (m *memory) Heads(_ context.Context, persons []int64) ([]Head, error) {
	m.mu.Lock()
	m.asked = append(m.asked, len(persons))
	hold := m.hold
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errAway
	}
	var heads []Head
	for _, p := range persons {
		if p > 0 {
			heads = append(heads, Head{Person: p, Seq: int64(len(m.items)), Read: m.read})
		}
	}
	return heads, nil
}

func (m *memory) Items(_ context.Context, _, after int64, limit int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errAway
	}
	some := m.items[min(after, int64(len(m.items))):]
	return slices.Clone(some[:min(limit, len(some))]), nil
}

func (m *memory) Rights(_ context.Context, persons []int64) (map[int64][]int64, error) {
	m.mu.Lock()
	m.rights++
	m.about += len(persons)
	hold := m.holdRights
	m.mu.Unlock()
	if hold != nil {
		<-hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errAway
	}
	live := map[int64][]int64{}
	for _, p := range persons {
		if !m.ended[p] {
			live[p] = slices.Clone(m.live)
		}
	}
	return live, nil
}

func (m *memory) MarkRead(_ context.Context, _, seq int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read = max(m.read, seq)
	return m.read, nil
}

func (m *memory) Acked(_ context.Context, acks []Ack) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acks = append(m.acks, acks...)
	return nil
}

func (m *memory) add(n int, as int64) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := len(m.items)
	for range n {
		tail := `"k":"task.due"}`
		if as != 0 {
			tail = fmt.Sprintf(`"as":%d,%s`, as, tail)
		}
		m.items = append(m.items, Entry{Seq: int64(len(m.items) + 1), Tail: tail})
	}
	return slices.Clone(m.items[from:])
}

// A paper is a wire that keeps what is written on it.
type paper struct {
	mu     sync.Mutex
	frames []string
	codes  []Code
	cut    bool
	moved  chan struct{}
	hold   chan struct{} // not nil: writing waits until it is closed
}

func (p *paper) write(frame []byte, _ int, _ int64) error {
	p.mu.Lock()
	hold := p.hold
	p.mu.Unlock()
	if hold != nil {
		<-hold
	}
	p.mu.Lock()
	p.frames = append(p.frames, string(frame))
	p.mu.Unlock()
	p.tell()
	return nil
}

func (p *paper) shut(code Code) error {
	p.mu.Lock()
	p.codes = append(p.codes, code)
	p.mu.Unlock()
	p.tell()
	return nil
}

func (p *paper) drop() {
	p.mu.Lock()
	p.cut = true
	p.mu.Unlock()
	p.tell()
}

func (p *paper) tell() {
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

// until waits until ok holds of what is written.
func (p *paper) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		p.mu.Lock()
		yes := ok()
		p.mu.Unlock()
		if yes {
			return
		}
		select {
		case <-p.moved:
		case <-limit:
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Fatalf("%s did not come; frames %v, codes %v, cut %v", what, p.frames, p.codes, p.cut)
		}
	}
}

func (p *paper) has(frame string) func() bool {
	return func() bool {
		return slices.ContainsFunc(p.frames, func(f string) bool { return strings.HasPrefix(f, frame) })
	}
}

// items counts the items written, and says whether they are 1, 2, 3 ….
func (p *paper) items() (n int, inOrder bool) {
	inOrder = true
	for _, f := range p.frames {
		for _, part := range strings.Split(f, `"s":`)[1:] {
			n++
			inOrder = inOrder && strings.HasPrefix(part, fmt.Sprintf("%d,", n))
		}
	}
	return n, inOrder
}

// A desk is a hub whose clock and wheel a test moves.
type desk struct {
	*Hub
	inbox *memory
	mu    sync.Mutex
	time  time.Time
}

const somebody = 7

func newDesk(t *testing.T, k *kv.KV) *desk {
	t.Helper()
	d := &desk{inbox: &memory{}, time: time.Date(2026, 5, 11, 8, 0, 0, 0, time.UTC)}
	d.Hub = NewHub(Options{Era: 1, Inbox: d.inbox, KV: k, Hot: NewHot(k), Now: func() time.Time {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.time
	}, Redeem: func(_ context.Context, ticket string) (Session, error) {
		switch ticket {
		case "nobody knows":
			return Session{}, errAway
		case "good":
		default:
			return Session{}, ErrTicket
		}
		return Session{PersonID: somebody, SessionID: 71}, nil
	}})
	t.Cleanup(func() { _ = d.sub.Close() })
	return d
}

// pass lets time go on, and the wheel come by.
func (d *desk) pass(t *testing.T, by time.Duration) {
	t.Helper()
	d.mu.Lock()
	d.time = d.time.Add(by)
	d.mu.Unlock()
	d.askWhetherSQLIsThere(t.Context())
	d.visit(t.Context(), kv.ShardOf(somebody))
}

func (d *desk) join(t *testing.T, after *Cursor) (*conn, *paper) {
	t.Helper()
	p := &paper{moved: make(chan struct{}, 1)}
	c, err := d.Hub.join(t.Context(), Session{PersonID: somebody, SessionID: 70}, after, p, false)
	if err != nil {
		t.Fatal(err)
	}
	p.until(t, "hi", p.has(`{"t":"hi","era":1,`))
	return c, p
}

// S4: 60 s silence (4012).
func TestASilentSocketIsClosed(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		c, p := d.join(t, &Cursor{1, 0})
		d.pass(t, 59*time.Second)
		c.take(clientFrame{kind: pingFrame})
		p.until(t, "the answer to a ping", p.has(`{"t":"p"}`))
		d.pass(t, 59*time.Second)
		d.pass(t, 2*time.Second)
		p.until(t, "4012", func() bool { return slices.Equal(p.codes, []Code{Silent}) })
		d.pass(t, 3*time.Second)
		p.until(t, "the end of a socket that says no goodbye", func() bool { return p.cut })
	})
}

func TestASocketIsRenewedInPlaceOrCloses(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		c, p := d.join(t, &Cursor{1, 0})
		for range 58 { // 29 minutes; who says nothing is closed as silent
			d.pass(t, 30*time.Second-time.Millisecond)
			c.take(clientFrame{kind: pingFrame})
		}
		d.pass(t, 10*time.Second+58*time.Millisecond)
		p.until(t, "exp", p.has(`{"t":"exp","in":50}`))
		c.take(clientFrame{kind: pingFrame}) // else it is silent
		d.do(t.Context(), <-asked(c, clientFrame{kind: authFrame, ticket: "good"}))
		d.pass(t, 55*time.Second)
		c.take(clientFrame{kind: pingFrame})
		if n := len(p.codes); n != 0 {
			t.Fatalf("a renewed socket is closed: %v", p.codes)
		}
		for range 30 { // it stays as long as it speaks
			c.take(clientFrame{kind: pingFrame})
			d.pass(t, time.Minute)
		}
		p.until(t, "4003", func() bool { return slices.Equal(p.codes, []Code{WindowOver}) })
	})
}

// SQL that is away while a device renews itself closes no socket (push.md §15): its window does, if it does not come back.
func TestASocketStaysWhenNobodyKnowsItsTicket(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	c, p := d.join(t, &Cursor{1, 0})
	d.do(t.Context(), job{c, clientFrame{kind: authFrame, ticket: "nobody knows"}})
	c.take(clientFrame{kind: pingFrame})
	p.until(t, "the answer to a ping", p.has(`{"t":"p"}`))
	d.do(t.Context(), job{c, clientFrame{kind: authFrame, ticket: "bad"}})
	p.until(t, "4001 for a ticket that is none", func() bool { return slices.Equal(p.codes, []Code{TicketRefused}) })
}

// A device acks while its new ticket is looked at. The race detector sees it when one reads what the other writes.
func TestAnAckMayComeWhileASocketIsRenewed(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	d.inbox.add(100, 0)
	c, p := d.join(t, &Cursor{1, 0})
	p.until(t, "the items", func() bool { n, _ := p.items(); return n == 100 })
	await(t, "the writer's end", func() bool { c.p.mu.Lock(); defer c.p.mu.Unlock(); return !c.writing })
	for seq := range int64(100) {
		var ack sync.WaitGroup
		ack.Go(func() { c.take(clientFrame{kind: ackFrame, seq: seq + 1}) })
		d.do(t.Context(), job{c, clientFrame{kind: authFrame, ticket: "good"}})
		ack.Wait()
	}
	latest := map[int64]int64{} // by session
	for _, a := range d.acks.take() {
		latest[a.Session] = a.Seq
	}
	if max(latest[70], latest[71]) != 100 {
		t.Errorf("acks by session %v, want the last to be noted", latest)
	}
}

// asked hands f to c and gives back the job it became.
func asked(c *conn, f clientFrame) <-chan job {
	c.take(f)
	return c.h.work
}

func TestASlowSocketLacksNothingInTheEnd(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		c, p := d.join(t, &Cursor{1, 0})
		hold := make(chan struct{})
		p.mu.Lock()
		p.hold = hold
		p.mu.Unlock()
		for range 250 {
			d.Deliver(Delivery{Person: somebody, Entries: d.inbox.add(1, 0)})
			c.p.mu.Lock()
			if len(c.queue) > queueFrames || c.bytes > queueBytes {
				t.Errorf("%d items and %d bytes are queued", len(c.queue), c.bytes)
			}
			c.p.mu.Unlock()
		}
		close(hold)
		p.until(t, "250 items", func() bool { n, _ := p.items(); return n >= 250 })
		p.mu.Lock()
		defer p.mu.Unlock()
		if n, inOrder := p.items(); n != 250 || !inOrder {
			t.Errorf("%d items, in order: %v", n, inOrder)
		}
		if d.Stats().Lagging == 0 {
			t.Error("the socket never lagged: the test does not test")
		}
	})
}

func TestALongAbsenceIsReadInPages(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		d.inbox.add(450, 0)
		c, p := d.join(t, &Cursor{1, 0})
		count := func(want int) func() bool {
			return func() bool { n, inOrder := p.items(); return n == want && inOrder }
		}
		p.until(t, "the first page", count(200))
		c.take(clientFrame{kind: ackFrame, seq: 900}) // more than was sent: no ack
		c.take(clientFrame{kind: ackFrame, seq: 199})
		c.take(clientFrame{kind: ackFrame, seq: 200})
		p.until(t, "the rest", count(450))
		c.take(clientFrame{kind: ackFrame, seq: 450})
		d.flushAcks(t.Context())
		if got := d.inbox.acks[len(d.inbox.acks)-1]; got != (Ack{somebody, 70, 450}) {
			t.Errorf("noted %+v, want 450", got)
		}
	})
}

// A wake-up is a hint: without any, the position check brings what is missing.
func TestThePositionCheckFindsWhatNobodyTold(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		_, p := d.join(t, &Cursor{1, 0})
		d.inbox.add(3, 0)
		d.pass(t, 25*time.Second)
		p.until(t, "three items", func() bool { n, ok := p.items(); return n == 3 && ok })
	})
}

// What was committed while nobody heard wake-ups is looked for when they are heard again, before the wheel comes by.
func TestWhatWasMissedIsLookedForWhenWakeUpsAreHeardAgain(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		d := newDesk(t, k)
		_, p := d.join(t, &Cursor{1, 0})
		g.Shut()
		d.inbox.add(3, 0)
		d.press(t.Context())
		if n, _ := p.items(); n != 0 {
			t.Errorf("%d items are there already: the test does not test", n)
		}
		g.Open()
		await(t, "wake-ups to be heard", func() bool { return d.pressing.Load() == 1<<kv.ShardOf(somebody) })
		d.press(t.Context())
		p.until(t, "three items", func() bool { n, ok := p.items(); return n == 3 && ok })
		if left := d.pressing.Load(); left != 0 {
			t.Errorf("shards %b press still", left)
		}
	})
}

// All shards at once are looked at piece by piece, so that the wheel goes on.
func TestShardsThatPressAreVisitedPieceByPiece(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	for shard := range kv.Shards {
		d.resumed(shard)
	}
	for left := kv.Shards; left > 0; left -= pressed {
		if got := bits.OnesCount64(d.pressing.Load()); got != left {
			t.Errorf("%d shards press, want %d", got, left)
		}
		d.press(t.Context())
	}
}

// S5, and push.md §15: who does not know the rights any more delivers nothing.
func TestWithoutSQLNothingIsDelivered(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		c, p := d.join(t, &Cursor{1, 0})
		d.inbox.mu.Lock()
		d.inbox.away = true
		d.inbox.mu.Unlock()
		d.pass(t, 11*time.Second)
		d.Deliver(Delivery{Person: somebody, Entries: d.inbox.add(1, 0)})
		c.p.mu.Lock()
		for c.writing {
			c.p.mu.Unlock()
			p.tell()
			c.p.mu.Lock()
		}
		stuck := c.stuck
		c.p.mu.Unlock()
		if n, _ := p.items(); n != 0 || !stuck {
			t.Errorf("%d items delivered without knowing the rights", n)
		}
		d.inbox.mu.Lock()
		d.inbox.away = false
		d.inbox.mu.Unlock()
		d.pass(t, time.Second)
		p.until(t, "the item", func() bool { n, ok := p.items(); return n == 1 && ok })
		d.inbox.mu.Lock()
		d.inbox.away = true
		d.inbox.mu.Unlock()
		c.take(clientFrame{kind: pingFrame})
		d.pass(t, 31*time.Second)
		p.until(t, "4011", func() bool { return slices.Equal(p.codes, []Code{Drained}) })
	})
}

// S5: an item of an ended role is a number without content; a new role needs nobody to tell.
func TestAnItemOfARoleThatIsNotHeldIsGone(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		d.inbox.live = []int64{12}
		_, p := d.join(t, &Cursor{1, 0})
		d.Deliver(Delivery{Person: somebody, Entries: d.inbox.add(1, 12)})
		p.until(t, "the item", p.has(`{"t":"n","s":1,"as":12,"k":"task.due"}`))
		d.inbox.mu.Lock()
		d.inbox.live = []int64{13}
		d.inbox.mu.Unlock()
		d.Deliver(Delivery{Person: somebody, Entries: d.inbox.add(1, 13)})
		p.until(t, "the item of the new role", p.has(`{"t":"n","s":2,"as":13,`))
		d.RightsChanged(somebody)
		d.Deliver(Delivery{Person: somebody, Entries: d.inbox.add(1, 12)})
		p.until(t, "the number alone", p.has(`{"t":"n","s":3,"k":"gone"}`))
	})
}

// S5: whoever fans an announcement out has seen the role hold, and nobody asks again; unless it has ended since, or they saw
// it too long ago.
func TestARoleThatWasSeenToHoldIsNotAskedFor(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		c, p := d.join(t, &Cursor{1, 0})
		rights := func() int {
			d.inbox.mu.Lock()
			defer d.inbox.mu.Unlock()
			return d.inbox.rights
		}
		joined := d.now()
		d.pass(t, time.Second)
		say := func(as, held int64) { d.Deliver(Delivery{Person: somebody, Entries: d.inbox.add(1, as), Held: held}) }
		say(12, d.now())
		p.until(t, "the item", p.has(`{"t":"n","s":1,"as":12,"k":"task.due"}`))
		say(14, d.now())
		p.until(t, "that of another role", p.has(`{"t":"n","s":2,"as":14,"k":"task.due"}`))
		if n := rights(); n > 0 {
			t.Errorf("SQL was asked %d times for roles that somebody has just seen", n)
		}
		seen := d.now()
		d.pass(t, time.Second)
		d.RightsChanged(somebody)
		say(12, seen)
		p.until(t, "the number alone", p.has(`{"t":"n","s":3,"k":"gone"}`))
		if n := rights(); n != 1 {
			t.Errorf("SQL was asked %d times, want once after a change", n)
		}
		for range 2 {
			c.take(clientFrame{kind: pingFrame})
			d.pass(t, rightsFor-time.Second)
		}
		say(14, d.now()-rightsFor.Milliseconds())
		p.until(t, "no content", p.has(`{"t":"n","s":4,"k":"gone"}`))
		say(15, joined) // from before this node knew the person: a change may have been told to nobody
		p.until(t, "no content", p.has(`{"t":"n","s":5,"k":"gone"}`))
	})
}

// A person who asks again and again takes the places of their own requests, and nobody else's.
func TestASixthRequestThatWaitsLetsTheOldestAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	ended := make(chan int, 16)
	waiting := func() (n int) {
		if p := d.find(somebody); p != nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			n = len(p.waiters)
		}
		return n
	}
	var all sync.WaitGroup
	for i := range socketsAPerson + 1 {
		all.Go(func() {
			if err := d.Wait(t.Context(), somebody, 0, time.Minute); err != nil {
				t.Error(err)
			}
			ended <- i
		})
		await(t, "the request", func() bool { return waiting() == min(i+1, socketsAPerson) })
	}
	if first := <-ended; first != 0 || waiting() != socketsAPerson {
		t.Errorf("number %d answers and %d wait, want the oldest to answer", first, waiting())
	}
	d.Raise(somebody, 1)
	all.Wait()
}

// R9: a herd asks SQL a few questions, and not one each.
func TestDevicesThatComeBackTogetherShareQuestions(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	hold := make(chan struct{})
	d.inbox.hold = hold
	var all sync.WaitGroup
	warm := func(person int64) { all.Go(func() { d.warm(t.Context(), person) }) }
	ask := func(person int64) {
		all.Go(func() {
			if head, err := d.headOf(t.Context(), person); err != nil || head.Person != person {
				t.Errorf("the head of person %d is %+v: %v", person, head, err)
			}
		})
	}
	ask(1)
	await(t, "the first question", func() bool {
		d.inbox.mu.Lock()
		defer d.inbox.mu.Unlock()
		return len(d.inbox.asked) == 1
	})
	for person := int64(2); person <= 100; person++ {
		ask(person)
		warm(100 + person)
	}
	warm(201)
	await(t, "everybody else's", func() bool {
		r := &d.headsAsked
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.next) == 1 && len(r.next[0].ids) == 199 // and those whose inbox becomes hot
	})
	close(hold)
	all.Wait()
	d.inbox.mu.Lock()
	defer d.inbox.mu.Unlock()
	if n := len(d.inbox.asked); n != 2 {
		t.Errorf("%d questions for 200 who came together, want 2", n)
	}
	for person := int64(102); person <= 201; person++ {
		if _, hot := d.o.Hot.Top(t.Context(), person); !hot {
			t.Errorf("the inbox of person %d is cold", person)
		}
	}
}

// push.md §9: an ack is written at once when a message of WeChat waits for it.
func TestAnAckThatWeChatWaitsForIsUrgent(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	c, p := d.join(t, &Cursor{1, 0})
	for i, prio := range []int{2, 1, 3} {
		seq := int64(i + 1)
		d.Deliver(Delivery{Person: somebody, Entries: []Entry{{seq, fmt.Sprintf(`"k":"task.due","p":%d,"ts":1}`, prio)}}})
		p.until(t, "the item", p.has(fmt.Sprintf(`{"t":"n","s":%d,`, seq)))
		await(t, "the writer's end", func() bool { c.p.mu.Lock(); defer c.p.mu.Unlock(); return !c.writing })
		c.take(clientFrame{kind: ackFrame, seq: seq})
		urgent := len(d.acks.urgent) == 1
		if urgent {
			<-d.acks.urgent
		}
		if urgent != (prio == 1) {
			t.Errorf("an ack of priority %d is urgent: %v", prio, urgent)
		}
	}
}

func TestWhoIsConnectedIsCountedOnceOverAllNodes(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
		one, two := newDesk(t, k), newDesk(t, k)
		one.join(t, &Cursor{1, 0})
		two.join(t, &Cursor{1, 0})
		for _, d := range []*desk{one, two} {
			d.noteOnline(t.Context())
		}
		if n, known := one.Online(t.Context()); n != 1 || !known {
			t.Errorf("%d are connected (%v), want the one person with two devices", n, known)
		}
		one.pass(t, 181*time.Second)
		if n, known := one.Online(t.Context()); n != 0 || !known {
			t.Errorf("%d are connected after three minutes without a sign (%v)", n, known)
		}
		gate.Shut()
		if n, known := one.Online(t.Context()); n != 0 || known {
			t.Errorf("without Redis %d are connected, known: %v", n, known)
		}
	})
}

// A hot inbox is kept for a person who stays connected, and made again after Redis has lost it.
func TestAHotInboxLastsAsLongAsItsReader(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		d.inbox.add(3, 0)
		c, _ := d.join(t, &Cursor{1, 3})
		if top, known := d.o.Hot.Top(t.Context(), somebody); top != 3 || !known {
			t.Fatalf("the hot inbox has %d (%v)", top, known)
		}
		forget := func() {
			if err := d.o.Hot.Forget(t.Context(), somebody); err != nil {
				t.Fatal(err)
			}
		}
		hot := func() bool { _, known := d.o.Hot.Top(t.Context(), somebody); return known }
		forget()
		c.take(clientFrame{kind: pingFrame})
		if d.pass(t, 23*time.Hour); hot() {
			t.Error("it is looked after more often than once a day")
		}
		if d.pass(t, 2*time.Hour); !hot() {
			t.Error("after a day nobody has looked after it")
		}
		forget()
		d.Raise(somebody, d.inbox.add(1, 0)[0].Seq)
		_, p := d.join(t, &Cursor{1, 0})
		p.until(t, "the items", func() bool { n, _ := p.items(); return n == 4 })
		await(t, "the hot inbox", hot)
	})
}

// R4: a database that does not answer is asked by one question at a time, so the wheel goes on turning.
func TestASilentDatabaseDoesNotStopTheWheel(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	_, p := d.join(t, &Cursor{1, 0})
	d.inbox.mu.Lock()
	d.inbox.away = true
	d.inbox.mu.Unlock()
	d.pass(t, 26*time.Second) // the position check finds out
	d.inbox.mu.Lock()
	before := len(d.inbox.asked)
	d.inbox.mu.Unlock()
	for range 5 {
		d.visit(t.Context(), kv.ShardOf(somebody))
	}
	d.inbox.mu.Lock()
	if n := len(d.inbox.asked); n != before {
		t.Errorf("asked %d times more", n-before)
	}
	d.inbox.away = false
	d.inbox.mu.Unlock()
	d.inbox.add(1, 0)
	d.pass(t, 2*time.Second)
	p.until(t, "the item", func() bool { n, _ := p.items(); return n == 1 })
}

// Whatever devices still ask when a node ends, their readers end too.
func TestNobodyWaitsForAHubThatHasEnded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	c, _ := d.join(t, &Cursor{1, 0})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for range cap(d.work) + 1 {
			c.take(clientFrame{kind: readFrame, seq: 1})
		}
	}()
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Error("somebody asks a hub that has ended, and waits for ever")
	}
}

// S5: when an announcement comes from another node, many devices wait for the same question about their rights, and who has
// none any more sees no title.
func TestManyWhoHearOfAnAnnouncementShareAQuestionAboutTheirRights(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	d.inbox.live, d.inbox.ended = []int64{12}, map[int64]bool{3: true}
	const many = askAbout + 100
	papers := make([]*paper, many)
	for i := range papers {
		p := &paper{moved: make(chan struct{}, 1)}
		if _, err := d.Hub.join(t.Context(), Session{PersonID: int64(i + 1), SessionID: int64(i + 1)}, &Cursor{1, 0}, p, false); err != nil {
			t.Fatal(err)
		}
		papers[i] = p
	}
	d.pass(t, time.Second)
	hold := make(chan struct{})
	d.inbox.holdRights = hold
	d.inbox.add(1, 12)
	message := `"k":"announcement"}`
	for i := range papers {
		message += fmt.Sprintf("\n%d 1 \"as\":12,", i+1)
	}
	d.heardOfMany(message)
	await(t, "all to wait for the first question", func() bool {
		d.inbox.mu.Lock()
		n := d.inbox.about
		d.inbox.mu.Unlock()
		r := &d.rightsAsked
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, q := range r.next {
			n += len(q.ids)
		}
		return n == many
	})
	close(hold)
	for i, p := range papers {
		want := `{"t":"n","s":1,"as":12,"k":"announcement"}`
		if d.inbox.ended[int64(i+1)] {
			want = `{"t":"n","s":1,"k":"gone"}`
		}
		p.until(t, want, p.has(want))
	}
	d.inbox.mu.Lock()
	defer d.inbox.mu.Unlock()
	if d.inbox.rights > 3 {
		t.Errorf("%d questions about %d persons, want one, and at most two for all who came meanwhile", d.inbox.rights, many)
	}
}

// What is new to many may be several items: devices have them in order and in one frame, those they know left out.
func TestDevicesHaveSeveralItemsForManyInOneFrame(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	var papers []*paper
	for i := range int64(2) {
		p := &paper{moved: make(chan struct{}, 1)}
		if _, err := d.Hub.join(t.Context(), Session{PersonID: 1 + i, SessionID: 1 + i}, &Cursor{1, 0}, p, false); err != nil {
			t.Fatal(err)
		}
		papers = append(papers, p)
	}
	d.pass(t, time.Second)
	d.inbox.add(1, 0)
	first := `{"t":"n","s":1,"k":"task.due"}`
	d.Deliver(Delivery{Person: 2, Entries: []Entry{{1, `"k":"task.due"}`}}})
	papers[1].until(t, first, papers[1].has(first))
	d.heardOfMany(`"k":"task.due"}` + "\n" + `"k":"announcement","p":2}` + "\n" + `"k":"announcement","p":0}` + "\n1 1 \n2 1 \nx 1 \n9 1 ")
	for i, want := range []string{
		`{"t":"b","n":[{"s":1,"k":"task.due"},{"s":2,"k":"announcement","p":2},{"s":3,"k":"announcement","p":0}]}`,
		`{"t":"b","n":[{"s":2,"k":"announcement","p":2},{"s":3,"k":"announcement","p":0}]}`,
	} {
		papers[i].until(t, want, papers[i].has(want))
	}
}

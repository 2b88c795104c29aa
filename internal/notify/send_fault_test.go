package notify

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/wechat/fake"
)

// only is the one message there is.
func (o *office) only() send {
	o.t.Helper()
	var m []send
	if err := o.db.Select(o.t.Context(), &m, sendColumns); err != nil || len(m) != 1 {
		o.t.Fatalf("the messages are %v (%v), want one", m, err)
	}
	return m[0]
}

// claims claims the one message as n does, and goes no further.
func (n *sender) claims() *letter {
	n.o.t.Helper()
	m := n.o.only()
	term, held := n.Leases.Holds(m.Shard)
	if !held {
		n.o.t.Fatalf("the node does not hold shard %d", m.Shard)
	}
	templates, err := allTemplates(n.o.t.Context(), n.db)
	if err != nil {
		n.o.t.Fatal(err)
	}
	l, _, err := n.claim(n.o.t.Context(), m, templates[m.Template], term)
	if err != nil {
		n.o.t.Fatal(err)
	}
	return l
}

// R10, V16: a node dies with a message under way. Another does not know whether it was sent, waits, sends it once more and
// never a third time.
func TestAMessageUnderWayWhenItsNodeDiesIsSentOnceMore(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		for _, c := range []struct {
			name     string
			sent     bool
			accepted int
		}{
			{"between claim and sending", false, 1},
			{"between sending and writing it down", true, 2},
		} {
			t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // because each has the whole office
				o.t = t
				o.forget()
				before := len(o.fake.Sent())
				p := o.followers(1, 3)[0]
				a := o.node("a " + c.name)
				a.step(12)
				o.closed(1, p)
				o.move(patience)
				l := a.claims()
				if l == nil {
					t.Fatal("the message is not claimed")
				}
				if c.sent {
					if x := a.deliver(t.Context(), *l, line{}); x.msgID == "" {
						t.Fatalf("WeChat does not take the message: %+v", x)
					}
				} // and a dies

				b := o.node("b " + c.name)
				b.work()
				if got := o.outcomes(); got["sending"] != 1 {
					t.Fatalf("while the lease of a lives, the messages are %v", got)
				}
				b.step(12)
				b.work()
				if got := o.rows()[0]; got.State != "waiting" || got.Unknowns != 1 || !got.Before.Equal(o.now().Add(30*time.Second)) {
					t.Fatalf("after a is known to be dead: %+v, want another attempt in 30 s", got)
				}
				o.move(30 * time.Second)
				b.work()
				o.move(time.Hour)
				b.work()
				got := o.rows()[0]
				if n := len(o.fake.Sent()) - before; got.Outcome != "sent" || got.Attempt != 2 || n != c.accepted || o.credit(p) != 2 {
					t.Errorf("in the end %+v, %d accepted, credit %d; want it sent in the second attempt, %d accepted, credit 2", got, n, o.credit(p), c.accepted)
				}
			})
		}
	})
}

// The answer that a node has got counts also when another one has meanwhile given it up.
func TestALateAnswerOfTheFirstAttemptCounts(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		a := o.node("a")
		o.closed(1, p)
		o.move(patience)
		l := a.claims()
		x := a.deliver(t.Context(), *l, line{})
		b := o.node("b")
		b.step(12)
		b.work()
		if got := o.outcomes(); got["waiting"] != 1 {
			t.Fatalf("b has %v, want it to wait for an answer", got)
		}
		if err := a.record(t.Context(), *l, x); err != nil {
			t.Fatal(err)
		}
		o.move(time.Hour)
		b.work()
		if got := o.outcomes(); got["sent"] != 1 || o.once() != 1 || o.credit(p) != 1 {
			t.Errorf("in the end %v, want one message and no second attempt", got)
		}
	})
}

// What WeChat said is not forgotten while the process lives, although the database did not take it.
func TestAnAnswerThatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		n := o.node("a")
		o.closed(1, p)
		o.move(patience)
		l := n.claims()
		x := n.deliver(t.Context(), *l, line{})
		away, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.record(away, *l, x); err == nil {
			t.Fatal("the answer is written without a database")
		}
		n.work()
		if got := o.rows()[0]; got.Outcome != "sent" || got.Attempt != 1 || o.once() != 1 {
			t.Errorf("the message is %+v, want it sent in its only attempt", got)
		}
	})
}

// stale lets a hold all shards and then stand still, as a process does that the machine has stopped, while b takes them.
func (o *office) stale() (a, b *sender) {
	a = o.node("a")
	b = o.node("b")
	b.step(12)
	return a, b
}

func TestWhoHasLostAShardSendsNothingForIt(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		a, b := o.stale()
		o.closed(1, p)
		o.move(patience)
		if m := o.only(); !holds(a, m.Shard) || !holds(b, m.Shard) {
			t.Fatal("both are to believe that they hold the shard")
		}
		if l := a.claims(); l != nil {
			t.Error("the one that has lost its lease claims the message")
		}
		a.work()
		if n := len(o.fake.Sent()); n != 0 {
			t.Errorf("it sends %d messages", n)
		}
		// A message that b carries at this moment is none of its business either.
		l := b.claims()
		a.work()
		if got := o.outcomes(); got["sending"] != 1 {
			t.Errorf("it makes %v of what the other one carries", got)
		}
		if err := b.record(t.Context(), *l, b.deliver(t.Context(), *l, line{})); err != nil {
			t.Fatal(err)
		}
		if got := o.outcomes(); got["sent"] != 1 || o.once() != 1 {
			t.Errorf("in the end the messages are %v", got)
		}
	})
}

func holds(n *sender, shard int) bool {
	_, held := n.Leases.Holds(shard)
	return held
}

// The control of the test above: a claim without the fence makes two messages of one.
func TestWithoutTheFenceAMessageIsSentTwice(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		a, b := o.stale()
		o.closed(1, p)
		o.move(patience)
		m := o.only()
		err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE wechat_send SET state = 'sending', attempt = 1 WHERE id = ?`, m.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.work() // gives the attempt up, of which it knows nothing
		o.move(30 * time.Second)
		b.work()
		l := letter{send: m, template: DemoTemplates[0]}
		l.message.OpenID, l.message.Template = openID(p), DemoTemplates[0].ID
		l.message.Fields, err = l.template.values(m.Args, m.At)
		if x := a.deliver(t.Context(), l, line{}); err != nil || x.msgID == "" {
			t.Fatalf("the stale node does not send: %+v, %v", x, err)
		}
		if n := len(o.fake.Sent()); n != 2 {
			t.Errorf("%d messages, want 2 without the fence: else the test above shows nothing", n)
		}
	})
}

func TestOfManyWhoClaimAMessageOneDoes(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 9)[0]
		n := o.node("a")
		o.closed(1, p)
		o.move(patience)
		m := o.only()
		term, _ := n.Leases.Holds(m.Shard)
		var got atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				l, _, err := n.claim(t.Context(), m, DemoTemplates[0], term)
				if err != nil {
					t.Error(err)
				}
				if l != nil {
					got.Add(1)
				}
			})
		}
		wg.Wait()
		if got.Load() != 1 || o.credit(p) != 8 {
			t.Errorf("%d have claimed it and the credit is %d, want one, and 8", got.Load(), o.credit(p))
		}
	})
}

// Two nodes share the shards and send at the same time; then one dies.
func TestTwoNodesSendEachMessageOnce(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		const count = 60
		ids := o.followers(count, 1)
		a, b := o.node("a"), o.node("b")
		for range 80 { // one shard a round
			a.step(1)
			b.step(1)
		}
		if len(a.Leases.Held()) != 32 || len(b.Leases.Held()) != 32 {
			t.Fatalf("they hold %d and %d shards", len(a.Leases.Held()), len(b.Leases.Held()))
		}
		send := func(nodes ...*sender) {
			var wg sync.WaitGroup
			for _, n := range nodes {
				wg.Go(func() {
					for range 5 {
						if _, err := n.Turn(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
		}
		o.closed(1, ids...)
		o.move(patience)
		send(a, b)
		if got := o.outcomes(); got["sent"] != count || o.once() != count {
			t.Errorf("the messages are %v and WeChat has %d, want %d of each", got, o.once(), count)
		}
		for _, p := range ids {
			if o.credit(p) != 0 {
				t.Errorf("the credit of person %d is %d, want none left", p, o.credit(p))
			}
		}
		o.closed(2, ids...) // without credit: everybody is called once
		o.move(patience)
		b.step(12)
		send(b)
		if got := o.outcomes(); got["no_credit"] != count || o.calls() != count {
			t.Errorf("the messages are %v with %d calls, want %d", got, o.calls(), count)
		}
	})
}

// S20.3: 40 queued, 25 sent, Redis wiped: 40 different sends in the end, none double.
func TestS20_MessagesAreSentOnceAlthoughRedisIsWiped(t *testing.T) {
	t.Parallel()
	k, server := kvtest.Own(t)
	o := newOffice(t, dbtest.SQLite(t), k)
	ids := o.followers(40, 2)
	n := o.node("a")
	o.fake.SetQuota(fake.Send, fake.Quota{Minute: 25})
	o.closed(1, ids...)
	o.move(patience)
	n.work()
	if got := o.outcomes(); got["sent"] != 25 || got["waiting"] != 15 {
		t.Fatalf("the messages are %v, want 25 sent and 15 put off to the next minute", got)
	}
	server.Wipe()
	n.work()
	o.move(time.Minute)
	o.fake.SetQuota(fake.Send, fake.Quota{})
	n.work()
	if got := o.outcomes(); got["sent"] != 40 || o.once() != 40 {
		t.Errorf("the messages are %v to %d persons, want 40", got, o.once())
	}
	server.Kill() // and without Redis at all each node has its share of the bucket
	o.closed(2, ids[0])
	o.move(patience)
	n.work()
	if got := o.outcomes(); got["sent"] != 41 {
		t.Errorf("without Redis the messages are %v, want 41 sent", got)
	}

	// The control: a queue that is lost with Redis and filled again sends what was sent.
	err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(t.Context(), `UPDATE wechat_send SET state = 'waiting' WHERE person_id = ? AND event = 'n:1'`, ids[1])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := len(o.fake.Sent())
	n.work()
	if len(o.fake.Sent()) != before+1 {
		t.Error("nothing is sent again: the test above shows nothing")
	}
}

// R25: WeChat is away for a while. Nothing is sent twice of which the answer is known, and what waits goes out.
func TestR25_WeChatIsAwayForAWhile(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(20, 2)
		n := o.node("a")
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.Status, Code: 503})
		o.closed(1, ids...)
		o.move(patience)
		for range 4 {
			n.work()
			o.move(5 * time.Second)
		}
		o.fake.Heal()
		o.move(time.Minute)
		n.work()
		if got := o.outcomes(); got["sent"] != 20 || o.once() != 20 {
			t.Errorf("the messages are %v, want all sent once", got)
		}
		if got := o.fake.Calls(fake.Token); got != 1 {
			t.Errorf("%d tokens were fetched, want 1", got)
		}
	})
}

// R25: after ten minutes without WeChat nothing is dead, and all of it goes out within five.
func TestR25_TenMinutesWithoutWeChatEndNoMessage(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(40, 1)
		n := o.node("a")
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.Status, Code: 502})
		o.closed(1, ids...)
		o.move(patience)
		for range 120 {
			n.work()
			o.move(5 * time.Second)
		}
		if got := o.outcomes(); got["waiting"] != 40 || o.calls() != 0 {
			t.Errorf("after ten minutes the messages are %v with %d calls, want all to wait", got, o.calls())
		}
		o.fake.Heal()
		for range 60 {
			n.work()
			o.move(5 * time.Second)
		}
		if got := o.outcomes(); got["sent"] != 40 || o.once() != 40 {
			t.Errorf("five minutes after it is back the messages are %v, want all sent once", got)
		}
	})
}

// S19.1, S19.2: of 32 who must hear of something 23 have allowed a message; of these WeChat finds that two do not want it.
func TestS19_WhoHasNoCreditIsCalledAndTheRestHears(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		with, without := o.followers(23, 2), o.followers(9, 0)
		all := append(append([]org.PersonID{}, with...), without...)
		n := o.node("a")
		o.closed(1, all...)
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["sent"] != 23 || got["no_credit"] != 9 || o.calls() != 9 || o.once() != 23 {
			t.Errorf("first: %v with %d calls, want 23 sent and 9 calls", got, o.calls())
		}
		before := o.fake.Calls(fake.Send)
		for _, p := range with[:2] { // on their phones they have switched it off
			o.fake.Grant(openID(p), DemoTemplates[0].ID, -1)
		}
		o.closed(2, all...)
		o.move(patience)
		n.work()
		o.move(time.Hour)
		n.work()
		if got := o.outcomes(); got["sent"] != 23+21 || got["no_credit"] != 9+11 || o.calls() != 9+11 {
			t.Errorf("second: %v with %d calls, want 21 more sent and 11 more calls", got, o.calls())
		}
		if got := o.fake.Calls(fake.Send) - before; got != 23 {
			t.Errorf("WeChat was asked %d times, want 23 and no second try", got)
		}
		for _, p := range with {
			if got := o.credit(p); got != 0 {
				t.Errorf("the credit of person %d is %d, want 0", p, got)
			}
		}
		for _, r := range o.rows() {
			if r.Attempt > 1 {
				t.Errorf("%+v was tried more than once", r)
			}
		}
	})
}

package notify

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/wechat/fake"
)

// R11: a message that fails on our side stops none of the others, whichever way it fails; after six tries it ends with an
// alarm. Its own call is made all the same, unless that is what fails.
func TestR11_AMessageThatFailsStopsNoOther(t *testing.T) {
	broken := errors.New("nobody can make sense of it")
	seal := func(o *office, p org.PersonID) { // with a key that this node does not have
		o.alter(`UPDATE wechat_account SET openid_sealed = X'00' WHERE person_id = ?`, p)
	}
	refuses := func(o *office, p org.PersonID) {
		o.fake.Inject(fake.Fault{Call: fake.Send, OpenID: openID(p), Kind: fake.ErrCode, Code: 43101})
	}
	caller := func(fail func() error) func(n *sender, p org.PersonID) {
		return func(n *sender, p org.PersonID) {
			called := n.Called
			n.Called = func(ctx context.Context, tx *db.Tx, u Unreached) error {
				if u.Person == p {
					return fail()
				}
				return called(ctx, tx, u)
			}
		}
	}
	offices(t, func(t *testing.T, o *office) {
		for _, c := range []struct {
			name    string
			spoil   func(o *office, p org.PersonID)
			node    func(n *sender, p org.PersonID)
			outcome Outcome
			calls   int
		}{
			{"an address that cannot be opened", seal, nil, Dead, 1},
			{"fields that cannot be read", func(o *office, p org.PersonID) {
				o.alter(`UPDATE wechat_send SET args = '{"receiptCode":' WHERE person_id = ?`, p)
			}, nil, Dead, 1},
			{"a call that cannot be noted before it is sent", func(o *office, p org.PersonID) {
				o.alter(`UPDATE wechat_account SET state = 'invalid' WHERE person_id = ?`, p)
			}, caller(func() error { return broken }), Dead, 0},
			{"a call that cannot be noted after the answer", refuses, caller(func() error { return broken }), NoCredit, 0},
			{"a panic before it is sent", seal, caller(func() error { panic("at the call") }), Dead, 0},
			{"a panic after the answer", refuses, caller(func() error { panic("at the call") }), NoCredit, 0},
			{"nobody knows whether it was sent", func(o *office, p org.PersonID) { // of a node that has died, twice
				o.alter(`UPDATE wechat_send SET state = 'sending', attempt = 2, unknowns = 1 WHERE person_id = ?`, p)
			}, caller(func() error { return broken }), Unknown, 0},
		} {
			t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // because each has the whole office
				o.t = t
				o.set("2026-04-08 10:00:00")
				o.forget()
				ids := o.followers(5, 2)
				bad := ids[0]
				n := o.node("node of " + c.name)
				n.step(12) // the one before is gone
				if c.node != nil {
					c.node(n, bad)
				}
				calls := o.calls()
				for i, p := range ids { // the bad one is the first of all
					o.closed(int64(i), p)
					o.move(time.Millisecond)
				}
				c.spoil(o, bad)
				o.move(patience)
				n.work()
				if got := o.outcomes(); got["sent"] != 4 {
					t.Errorf("in the first turn the messages are %v, want the other four sent", got)
				}
				n.turns(3)
				r := o.rows()[0]
				if got, want := fmt.Sprint(r.State, r.Outcome, o.calls()-calls, n.Alarms(), n.Ended(c.outcome)), fmt.Sprint("ended", c.outcome, c.calls, 1, 1); got != want {
					t.Errorf("state, outcome, calls, alarms, counted: %s, want %s", got, want)
				}
				var tries int
				if err := o.db.Get(t.Context(), &tries, `SELECT tries FROM wechat_send WHERE person_id = ?`, bad); err != nil || tries != mostTries-1 {
					t.Errorf("it was counted %d times before its end (%v), want %d", tries, err, mostTries-1)
				}
				if _, left := n.known.Load(n.idOf(bad)); left {
					t.Error("what WeChat said is kept for ever")
				}
				o.credit(bad)
			})
		}
	})
}

// What cannot even be counted is returned, and no try of it is: while the database is away no message comes to its end.
func TestWhatCannotBeCountedIsNoTry(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 1)[0]
		n := o.node("a")
		o.closed(1, p)
		o.move(patience)
		away, cancel := context.WithCancel(t.Context())
		m := o.only()
		cancel()
		for range 2 * mostTries {
			if err := n.failed(away, m, 1, context.Canceled); !errors.Is(err, context.Canceled) {
				t.Fatalf("without a database: %v, want %v", err, context.Canceled)
			}
		}
		n.work()
		if got := o.rows()[0]; got.Outcome != "sent" || n.Alarms() != 0 {
			t.Errorf("the message is %+v with %d alarms, want it sent", got, n.Alarms())
		}
	})
}

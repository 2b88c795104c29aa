package notify

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/wechat/fake"
)

// turns lets n work for minutes, a second at a time, as its loop does.
func (n *sender) turns(minutes int) {
	n.o.t.Helper()
	for range 60 * minutes {
		n.work()
		n.o.move(time.Second)
	}
}

// alter changes rows behind the product's back.
func (o *office) alter(statement string, args ...any) {
	o.t.Helper()
	err := o.db.InTx(o.t.Context(), func(tx *db.Tx) error {
		found, err := tx.Change(o.t.Context(), statement, args...)
		if err == nil && found == 0 {
			err = errors.New("nothing is changed")
		}
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// idOf is the one message to p.
func (n *sender) idOf(p org.PersonID) (id int64) {
	n.o.t.Helper()
	if err := n.db.Get(n.o.t.Context(), &id, `SELECT id FROM wechat_send WHERE person_id = ?`, p); err != nil {
		n.o.t.Fatal(err)
	}
	return id
}

// A message of which one attempt has no answer may have reached its person, whatever WeChat says to the next: it stays paid, and
// ends unknown and not dead.
func TestAnAttemptWithoutAnAnswerIsNotForgotten(t *testing.T) {
	code := func(c int) fake.Fault { return fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: c} }
	offices(t, func(t *testing.T, o *office) {
		for _, c := range []struct {
			name     string
			then     fake.Fault
			outcome  Outcome
			code     int
			credit   int // of three
			calls    int
			accepted int
		}{
			{"a gateway in between for ever", fake.Fault{Call: fake.Send, Kind: fake.Status, Code: 502}, Unknown, 0, 2, 1, 1},
			{"busy for ever", code(-1), Unknown, -1, 2, 1, 1},
			{"nobody's address", code(40003), Unknown, 40003, 2, 1, 1},
			{"ill-formed", code(47003), Unknown, 47003, 2, 1, 1},
			{"too many a minute", fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 45011, Times: 1}, Sent, 0, 2, 0, 2},
			{"the app may not", fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 48001, Times: 1}, Sent, 0, 2, 0, 2},
		} {
			t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // because each has the whole office
				o.t = t
				o.set("2026-04-08 10:00:00")
				o.forget()
				p := o.followers(1, 3)[0]
				n := o.node("node of " + c.name)
				n.step(12) // the one before is gone
				before, calls := len(o.fake.Sent()), o.calls()
				o.closed(1, p)
				o.move(patience)
				o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.AnswerLost, Times: 1})
				o.fake.Inject(c.then)
				n.work()
				if got := o.rows()[0]; got.State != "waiting" || got.Unknowns != 1 || o.credit(p) != 2 {
					t.Fatalf("without an answer: %+v, credit %d; want it paid, and to wait", got, o.credit(p))
				}
				o.move(askAgain)
				n.turns(2)
				o.move(time.Hour)
				n.work()
				r := o.rows()[0]
				got := fmt.Sprint(r.State, r.Outcome, r.Code, r.Unknowns, o.credit(p), o.calls()-calls, len(o.fake.Sent())-before)
				want := fmt.Sprint("ended", c.outcome, c.code, 1, c.credit, c.calls, c.accepted)
				if got != want {
					t.Errorf("state, outcome, code, unknowns, credit, calls, accepted: %s, want %s", got, want)
				}
			})
		}
	})
}

// A message that WeChat says it does not show may be repeated, and is still one that had no answer: of its next attempt without
// one nothing more is sent.
func TestARepeatedMessageKeepsTheAttemptThatHadNoAnswer(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		n.Pages = page.NewKeys([]byte("secret"))
		o.closed(1, p)
		o.move(patience)
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.AnswerLost})
		n.work()
		o.alter(`UPDATE wechat_send SET state = 'ended', outcome = 'dead', ended_at = ? WHERE person_id = ?`, o.now(), p)
		if err := n.Repeat(t.Context(), org.Actor{PersonID: p}, n.idOf(p)); err != nil {
			t.Fatal(err)
		}
		n.work()
		o.move(time.Hour)
		n.work()
		if got := o.rows()[0]; got.Outcome != "unknown" || got.Attempt != 2 || len(o.fake.Sent()) != 2 || o.credit(p) != 2 {
			t.Errorf("in the end %+v, %d accepted, credit %d; want two attempts and one credit", got, len(o.fake.Sent()), o.credit(p))
		}
	})
}

package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/lease"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/push"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// An office is a deployment that sends messages to a pretended WeChat, with a clock that a test moves.
type office struct {
	t      *testing.T
	db     *db.DB
	kv     *kv.KV
	fake   *fake.Server
	keys   *sealed.Keys
	client *wechat.Client
	at     atomic.Int64

	mu     sync.Mutex
	called []org.PersonID
}

// offices runs f in an office of its own on every engine.
func offices(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { f(t, newOffice(t, d, kvtest.New(t))) })
}

func newOffice(t *testing.T, d *db.DB, k *kv.KV) *office {
	t.Helper()
	o := &office{t: t, db: d, kv: k}
	o.set("2026-04-08 10:00:00")
	dbtest.WithClock(t, d, o.now)
	var err error
	if o.keys, err = sealed.Open(t.Context(), d, bytes.Repeat([]byte{9}, sealed.MasterSize)); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	o.fake = fake.New(fake.Options{Now: o.now})
	if err := o.fake.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.fake.Close() })
	for _, x := range DemoTemplates {
		o.fake.AddTemplate(x.ID, fake.Template{Long: x.Long, Fields: x.Types()})
	}
	if err := RegisterMissing(t.Context(), d, DemoTemplates); err != nil {
		t.Fatal(err)
	}
	o.client, err = wechat.New(wechat.Options{
		BaseURL: o.fake.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: o.now, // with WeChat's own patience: a busy machine is no silence
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.client.Close)
	return o
}

func (o *office) now() time.Time       { return time.UnixMilli(o.at.Load()).UTC() }
func (o *office) move(d time.Duration) { o.at.Add(d.Milliseconds()) }

// set moves the clock to a moment in Shanghai.
func (o *office) set(at string) {
	o.t.Helper()
	m, err := time.ParseInLocation("2006-01-02 15:04:05", at, time.FixedZone("", 8*3600))
	if err != nil {
		o.t.Fatal(err)
	}
	o.at.Store(m.UnixMilli())
}

// A sender is a node of the office.
type sender struct {
	*Sends
	o     *office
	timer atomic.Int64 // of its leases
}

// node is a new one. It holds what nobody else does.
func (o *office) node(name string) *sender {
	o.t.Helper()
	n := &sender{o: o}
	l := lease.New(o.db, name, false)
	l.SetTimer(func() time.Duration { return time.Duration(n.timer.Load()) })
	n.Sends = NewSends(SendOptions{
		DB: o.db, Keys: o.keys, Client: o.client, Leases: l, Limits: limit.New(o.kv, o.now, l.Live), Rate: 200,
		Log: slog.New(slog.DiscardHandler), Called: func(_ context.Context, tx *db.Tx, u Unreached) error {
			tx.After(func() {
				o.mu.Lock()
				defer o.mu.Unlock()
				o.called = append(o.called, u.Person)
			})
			return nil
		},
		Granted: func(openID, template string) { o.fake.Grant(openID, template, 1) },
	})
	n.step(1)
	return n
}

// step lets seconds pass for n alone: for the others it stands still.
func (n *sender) step(seconds int) {
	n.o.t.Helper()
	for range seconds {
		n.timer.Add(int64(time.Second))
		if _, err := n.Leases.Step(n.o.t.Context()); err != nil {
			n.o.t.Fatal(err)
		}
	}
}

// work lets n do all that is due.
func (n *sender) work() {
	n.o.t.Helper()
	for range 100 {
		danger, err := n.TurnDanger(n.o.t.Context())
		if err != nil {
			n.o.t.Fatal(err)
		}
		some, err := n.Turn(n.o.t.Context())
		if err != nil {
			n.o.t.Fatal(err)
		}
		if !some && !danger {
			return
		}
	}
	n.o.t.Fatal("the messages never come to an end")
}

// calls is how often somebody is called instead.
func (o *office) calls() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.called)
}

// followers are persons with WeChat, and a credit of n messages about their needs each.
func (o *office) followers(count, credit int) []org.PersonID {
	o.t.Helper()
	ids := people(o.t, o.db, count)
	err := o.db.InTx(o.t.Context(), func(tx *db.Tx) error {
		for _, p := range ids {
			id, err := tx.Insert(o.t.Context(), `
				INSERT INTO wechat_account (app_id, openid_hash, person_id, state, created_at)
				VALUES (?, ?, ?, 'bound', ?)`, fake.AppID, o.keys.Derive(sealed.OpenID, []byte(fake.AppID+"\x00"+openID(p))), p, tx.Now)
			if err != nil {
				return err
			}
			cipher, err := o.keys.Seal(sealed.Personal, "wechat_account", "openid_sealed", id, openID(p))
			if err != nil {
				return err
			}
			if _, err := tx.Change(o.t.Context(), `UPDATE wechat_account SET openid_sealed = ? WHERE id = ?`, cipher, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	giver := NewSends(SendOptions{
		DB: o.db, Keys: o.keys, Client: o.client,
		Granted: func(openID, template string) { o.fake.Grant(openID, template, 1) },
	})
	for _, p := range ids {
		for range credit {
			if err := giver.Grant(o.t.Context(), org.Actor{PersonID: p}, uuid.NewString(), []string{onRequest}, nil); err != nil {
				o.t.Fatal(err)
			}
		}
	}
	return ids
}

func openID(p org.PersonID) string { return fake.OpenID(fake.AppID, fmt.Sprint(p)) }

// closed tells persons that their need is done, which they must hear of.
func (o *office) closed(id int64, persons ...org.PersonID) {
	o.t.Helper()
	o.tell(Item{Kind: "request.closed", Ref: Ref{"request", id}, Args: map[string]any{"receiptCode": "H7K2M9Q4TX", "statusLabel": "已办结", "at": o.now()}}, persons...)
}

func (o *office) tell(item Item, persons ...org.PersonID) {
	o.t.Helper()
	if err := tell(o.t.Context(), o.db, Persons(persons...), item); err != nil {
		o.t.Fatal(err)
	}
}

// A row is what is kept of a message.
type row struct {
	Person   org.PersonID `db:"person_id"`
	Event    string       `db:"event"`
	State    string       `db:"state"`
	Outcome  string       `db:"outcome"`
	Code     int          `db:"errcode"`
	Attempt  int          `db:"attempt"`
	Unknowns int          `db:"unknowns"`
	Before   time.Time    `db:"not_before"`
}

func (o *office) rows() (all []row) {
	o.t.Helper()
	err := o.db.Select(o.t.Context(), &all, `
		SELECT person_id, event, state, COALESCE(outcome, '') AS outcome, COALESCE(errcode, 0) AS errcode, attempt, unknowns, not_before
		FROM wechat_send
		ORDER BY id`)
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

// outcomes counts the messages by what came of them, or their state.
func (o *office) outcomes() map[string]int {
	n := map[string]int{}
	for _, r := range o.rows() {
		if r.Outcome == "" {
			r.Outcome = r.State
		}
		n[r.Outcome]++
	}
	return n
}

// credit is the balance of person, and fails the test unless it is the sum of its lines.
func (o *office) credit(p org.PersonID) int {
	o.t.Helper()
	var c struct{ Balance, Sum int }
	err := o.db.Get(o.t.Context(), &c, `
		SELECT c.balance AS balance,
			(SELECT COALESCE(SUM(e.delta), 0) FROM wechat_credit_entry e WHERE e.person_id = c.person_id AND e.template = c.template) AS sum
		FROM wechat_credit c
		WHERE c.person_id = ? AND c.template = ?`, p, onRequest)
	if err != nil {
		o.t.Fatal(err)
	}
	if c.Balance != c.Sum {
		o.t.Errorf("the balance of person %d is %d, and the sum of its lines %d", p, c.Balance, c.Sum)
	}
	return c.Balance
}

// once fails the test if WeChat has accepted anything more than once, or holds anything that it should not.
func (o *office) once() (sent int) {
	o.t.Helper()
	seen := map[string]int{}
	for _, m := range o.fake.Sent() {
		if seen[m.OpenID]++; seen[m.OpenID] > 1 {
			o.t.Errorf("%s has %d messages of one event", m.OpenID, seen[m.OpenID])
		}
		for name, value := range m.Fields {
			if longDigits.MatchString(value) || strings.Contains(value, "H7K2M9") {
				o.t.Errorf("field %s says %q", name, value)
			}
		}
	}
	return len(seen)
}

func TestAMessageGoesOutOnceAfterSomePatience(t *testing.T) { // N2
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		n := o.node("a")
		o.closed(1, p)
		n.work()
		if got := o.outcomes(); got["waiting"] != 1 || len(o.fake.Sent()) != 0 {
			t.Fatalf("at once the messages are %v, want them to wait for a device", got)
		}
		o.move(patience)
		n.work()
		n.work()
		if got := o.outcomes(); got["sent"] != 1 || o.once() != 1 || o.credit(p) != 1 || o.calls() != 0 || n.Ended(Sent) != 1 {
			t.Errorf("after 30 s: %v, credit %d, %d calls", got, o.credit(p), o.calls())
		}
		want := map[string]string{"character_string1": "H7K2M", "thing2": "已办结", "thing3": "请打开查看", "time4": "2026年04月08日 10:00"}
		if diff := cmp.Diff(want, o.fake.Sent()[0].Fields); diff != "" {
			t.Errorf("what WeChat shows (-want +got):\n%s", diff)
		}
		if got := o.fake.Sent()[0].Page; got != "pages/inbox/index?seq=1" {
			t.Errorf("it opens %s, want its item", got)
		}
	})
}

// S5, push.md §2: what a role was told WeChat says no more once it has ended, and who is shut out is told nothing on a phone that
// may be lost: who must be reached is called.
func TestS5_WeChatTellsNothingToWhoseRoleOrAccountHasEnded(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(3, 2)
		w := orgtest.Tree(t, o.db)
		done := Item{Kind: "request.closed", Ref: Ref{"request", 1}, Args: map[string]any{"receiptCode": "H7K2M9Q4TX", "statusLabel": "已办结", "at": o.now()}}
		var roles []org.Actor
		for _, p := range ids[:2] {
			role := orgtest.Grant(t, o.db, p, org.RoleGridAssistant, "", w.HeQingqing.Unit)
			if err := tell(t.Context(), o.db, InRole(p, role.Assignment), done); err != nil {
				t.Fatal(err)
			}
			roles = append(roles, role)
		}
		o.closed(2, ids[2])
		endRole(t, o.db, roles[0].Assignment)
		if err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE person SET disabled_at = ? WHERE id = ?`, tx.Now, ids[2])
			return err
		}); err != nil {
			t.Fatal(err)
		}
		n := o.node("a")
		o.move(patience)
		n.work()
		sent := o.fake.Sent()
		if len(sent) != 1 || sent[0].OpenID != openID(ids[1]) || o.calls() != 1 {
			t.Errorf("WeChat was told %+v with %d calls, want what the role that holds was told, and one call", sent, o.calls())
		}
		for _, r := range o.rows() {
			want := map[org.PersonID]Outcome{ids[0]: Suppressed, ids[1]: Sent, ids[2]: NoCredit}[r.Person]
			if r.Outcome != string(want) {
				t.Errorf("the message to person %d is %s, want %s", r.Person, r.Outcome, want)
			}
		}
	})
}

// S19.5: the same event three times is one row and one message, also when it was sent between.
func TestTheSameEventThreeTimesIsOneMessage(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		for range 3 {
			o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 1}, Dedupe: "request.closed:1:4"}, p)
			o.move(patience)
			n.work()
		}
		items, err := listItems(t.Context(), o.db, p, 0, 0, 10)
		if rows := o.rows(); err != nil || len(items) != 1 || len(rows) != 1 || len(o.fake.Sent()) != 1 || o.credit(p) != 2 {
			t.Errorf("%d items (%v), %d messages, %d accepted, credit %d; want one of each", len(items), err, len(rows), len(o.fake.Sent()), o.credit(p))
		}
	})
}

// What a device acknowledges a millisecond before WeChat repeats it is not repeated; nobody's ack of an earlier item counts.
func TestADeviceHasThirtySecondsToAcknowledge(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(2, 1)
		n := o.node("a")
		o.tell(taskDue(1), ids...)
		o.closed(1, ids...)
		o.move(patience - time.Millisecond)
		n.work()
		if got := o.outcomes(); got["waiting"] != 2 {
			t.Fatalf("before 30 s have passed: %v, want both to wait", got)
		}
		if err := (Inboxes{o.db}).Acked(t.Context(), []push.Ack{{Person: int64(ids[0]), Session: 1, Seq: 2}, {Person: int64(ids[1]), Session: 2, Seq: 1}}); err != nil {
			t.Fatal(err)
		}
		o.move(time.Millisecond)
		n.work()
		if got := o.outcomes(); got["suppressed"] != 1 || got["sent"] != 1 || o.fake.Sent()[0].OpenID != openID(ids[1]) || o.credit(ids[0]) != 1 {
			t.Errorf("after 30 s: %v, want it sent to whose device has the item before alone", got)
		}
	})
}

func TestADeviceThatHasTheItemKeepsWeChatFromRepeatingIt(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(3, 1)
		n := o.node("a")
		for i, p := range ids {
			o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 1}, Urgent: i == 2}, p)
		}
		err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			for i, p := range []org.PersonID{ids[0], ids[2]} { // the third is told of a danger
				if _, err := tx.Insert(t.Context(), `INSERT INTO device (person_id, session_id, ack_seq, last_seen_at) VALUES (?, ?, 1, ?)`, p, i+1, tx.Now); err != nil {
					return err
				}
			}
			return markRead(t.Context(), tx, ids[1], 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["suppressed"] != 2 || got["sent"] != 1 || o.calls() != 0 || o.credit(ids[0]) != 1 || o.credit(ids[2]) != 0 {
			t.Errorf("the messages are %v with %d calls, want two suppressed and the danger sent all the same", got, o.calls())
		}
	})
}

// K17: P1 at 22:10 waits until 07:30, P0 does not; whoever has other hours has them, also when the message is claimed.
func TestK17_WeChatIsQuietAtNight(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(4, 1)
		hoursOf := map[org.PersonID][2]string{ids[2]: {"23:00", "06:00"}, ids[3]: {"09:00", "12:00"}}
		err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			for p, h := range hoursOf {
				if _, err := tx.Change(t.Context(), `INSERT INTO notice_setting (person_id, quiet_from, quiet_to, digest_at) VALUES (?, ?, ?, '18:00')`, p, h[0], h[1]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		n := o.node("a")
		sent := func(at string, want ...org.PersonID) {
			t.Helper()
			o.set(at)
			n.work()
			got := map[string]bool{}
			for _, m := range o.fake.Sent() {
				got[m.OpenID] = true
			}
			for _, p := range ids {
				if got[openID(p)] != slices.Contains(want, p) {
					t.Errorf("at %s person %d has heard: %v, want %v", at, p, got[openID(p)], slices.Contains(want, p))
				}
			}
		}
		o.set("2026-04-08 22:10:00")
		o.closed(1, ids[0], ids[2])
		o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 2}, Urgent: true}, ids[1])
		sent("2026-04-08 22:10:00", ids[1])
		sent("2026-04-08 22:10:30", ids[1], ids[2])
		sent("2026-04-09 07:29:59", ids[1], ids[2])
		sent("2026-04-09 07:30:00", ids[0], ids[1], ids[2])
		o.set("2026-04-09 08:59:50")
		o.closed(3, ids[3])
		sent("2026-04-09 11:59:59", ids[0], ids[1], ids[2])
		sent("2026-04-09 12:00:00", ids...)
		if got := o.outcomes(); got["sent"] != 4 {
			t.Errorf("the messages are %v, want all sent", got)
		}
	})
}

func TestEveryAnswerOfWeChatHasItsConsequence(t *testing.T) {
	code := func(c int) fake.Fault { return fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: c} }
	status := fake.Fault{Call: fake.Send, Kind: fake.Status, Code: 502}
	lost := fake.Fault{Call: fake.Send, Kind: fake.AnswerLost}
	offices(t, func(t *testing.T, o *office) {
		for _, c := range []struct {
			name    string
			fault   fake.Fault
			times   int // how often it goes wrong; 0: always
			pass    []time.Duration
			outcome Outcome
			code    int
			attempt int
			credit  int // of three
			calls   int
			sent    int
		}{
			{"all is well", fake.Fault{Call: "none"}, 0, nil, Sent, 0, 1, 2, 0, 1},
			{"busy, and then not", code(-1), 2, []time.Duration{3 * time.Second, 6 * time.Second}, Sent, 0, 3, 2, 0, 1},
			{"busy for ever", code(-1), 0, []time.Duration{3, 6, 12, 24, 48}, Dead, -1, 6, 3, 1, 0},
			{"a gateway in between for ever", status, 0, []time.Duration{3, 6, 12, 24, 48}, Dead, 0, 6, 3, 1, 0},
			{"no answer once", lost, 1, []time.Duration{30 * time.Second}, Sent, 0, 2, 2, 0, 2},
			{"no answer ever", lost, 0, []time.Duration{30 * time.Second, time.Hour}, Unknown, 0, 2, 2, 1, 2},
			{"no sense in the answer", fake.Fault{Call: fake.Send, Kind: fake.HTML}, 0, []time.Duration{30 * time.Second, time.Hour}, Unknown, 0, 2, 2, 1, 0},
			{"refused", code(43101), 0, []time.Duration{time.Hour}, NoCredit, 43101, 1, 0, 1, 0},
			{"nobody's address", code(40003), 0, []time.Duration{time.Hour}, Dead, 40003, 1, 3, 1, 0},
			{"ill-formed", code(47003), 0, []time.Duration{time.Hour}, Dead, 47003, 1, 3, 1, 0},
			{"an unknown template", code(40037), 0, []time.Duration{time.Hour}, Dead, 40037, 1, 3, 1, 0},
			{"an unknown page", code(41030), 0, []time.Duration{time.Hour}, Dead, 41030, 1, 3, 1, 0},
			{"a code of no rule", code(99999), 0, []time.Duration{time.Hour}, Dead, 99999, 1, 3, 1, 0},
			{"a stale token", code(42001), 1, nil, Sent, 0, 1, 2, 0, 1},
			{"no token that WeChat takes, until the pause is over", code(40001), 0, []time.Duration{3, 6, 12, 24, 48}, Sent, 0, 4, 2, 0, 1},
			{"too many a minute", code(45011), 1, []time.Duration{time.Minute}, Sent, 0, 2, 2, 0, 1},
			{"too many a day", code(45009), 1, []time.Duration{24 * time.Hour}, Sent, 0, 2, 2, 0, 1},
			{"the app may not", code(48001), 1, []time.Duration{channelOff}, Sent, 0, 2, 2, 0, 1},
			{"no token to be had", fake.Fault{Call: fake.Token, Kind: fake.Status, Code: 500}, 1, []time.Duration{3 * time.Second}, Sent, 0, 2, 2, 0, 1},
			{"a token that never comes", fake.Fault{Call: fake.Token, Kind: fake.Silence}, 1, []time.Duration{3 * time.Second}, Sent, 0, 2, 2, 0, 1},
		} {
			t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // because each has the clock and the WeChat of the office
				o.t = t
				o.set("2026-04-08 10:00:00")
				o.forget()
				o.fake.ExpireToken()
				client, err := wechat.New(wechat.Options{BaseURL: o.fake.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: o.now, Limit: 2 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				o.client = client
				p := o.followers(1, 3)[0]
				n := o.node("node of " + c.name)
				n.step(12) // the one before is gone
				before, calls := len(o.fake.Sent()), o.calls()
				o.closed(1, p)
				o.move(patience)
				c.fault.Times = c.times
				o.fake.Inject(c.fault)
				n.work()
				for _, d := range c.pass {
					if d < time.Second {
						d *= time.Second
					}
					o.move(d)
					n.work()
				}
				o.fake.Heal()
				o.move(35 * time.Hour) // nothing comes of it later
				n.work()
				r := o.rows()[0]
				got := fmt.Sprint(r.State, r.Outcome, r.Code, r.Attempt, o.credit(p), o.calls()-calls, len(o.fake.Sent())-before)
				want := fmt.Sprint("ended", c.outcome, c.code, c.attempt, c.credit, c.calls, c.sent)
				if got != want {
					t.Errorf("state, outcome, code, attempts, credit, calls, accepted: %s, want %s", got, want)
				}
			})
		}
	})
}

// forget takes away what the office has sent, and what it knows of WeChat.
func (o *office) forget() {
	o.t.Helper()
	o.fake.Heal()
	err := o.db.InTx(o.t.Context(), func(tx *db.Tx) error {
		for _, table := range []string{`DELETE FROM wechat_send`, `DELETE FROM wechat_channel`, `UPDATE wechat_template SET bad_in_row = 0, paused_until = NULL`} {
			if _, err := tx.Change(o.t.Context(), table); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// A WeChat that takes none of the tokens it gives out ends no message: it is asked more and more seldom, by one message at a
// time, and after a minute somebody is to look and all wait.
func TestATokenThatIsNeverTakenPausesAndEndsNoMessage(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(60, 1)
		n := o.node("a")
		o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 40001})
		o.closed(1, ids...)
		o.move(patience)
		for range 12 {
			n.work()
			o.move(4 * time.Second)
		}
		if got := o.outcomes(); got["waiting"] != len(ids) || n.Alarms() != 0 || o.calls() != 0 {
			t.Errorf("within a minute: %v, %d alarms, %d calls; want all to wait", got, n.Alarms(), o.calls())
		}
		for range 28 {
			n.work()
			o.move(4 * time.Second)
		}
		l, err := findLine(t.Context(), o.db, fake.AppID)
		if err != nil || !l.paused(o.now()) || l.Code != 40001 || n.Alarms() != 1 {
			t.Errorf("after it: %+v (%v) with %d alarms, want a pause and an alarm", l, err, n.Alarms())
		}
		asked := 0
		for _, r := range o.rows() {
			asked += r.Attempt
		}
		if fetched := o.fake.Calls(fake.Token); asked > len(ids)+10 || fetched > 5 {
			t.Errorf("%d attempts were made with %d messages, and %d tokens fetched", asked, len(ids), fetched)
		}
		for _, p := range ids {
			if o.credit(p) != 1 {
				t.Errorf("person %d has a credit of %d, want it back", p, o.credit(p))
			}
		}
		o.fake.Heal()
		o.move(channelOff)
		for range 30 {
			n.work()
			o.move(10 * time.Second)
		}
		if got := o.outcomes(); got["sent"] != len(ids) || o.once() != len(ids) || o.calls() != 0 {
			t.Errorf("when the pause is over: %v and %d calls, want all sent", got, o.calls())
		}
	})
}

// Whoever has mended what stopped the channel, and ends its pause, lets the message go out that met it, too.
func TestAMessageThatMetThePauseGoesOutWhenSomebodyEndsIt(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		n := o.node("a")
		for i, code := range []int{48001, 45009} {
			p := o.followers(1, 1)[0]
			o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: code, Times: 1})
			o.closed(int64(i), p)
			o.move(patience)
			n.work()
			n.work()
			if got := o.rows()[i]; got.State != "waiting" || got.Attempt != 1 {
				t.Errorf("%d: in the pause the message is %+v, want it to wait since its first attempt", code, got)
			}
			if err := n.Resume(t.Context(), org.Actor{PersonID: p}); err != nil {
				t.Fatal(err)
			}
			n.work()
			if got := o.outcomes(); got["sent"] != i+1 {
				t.Errorf("%d: after it they are %v, want it sent", code, got)
			}
		}
	})
}

// A backlog that waits out a pause is looked at once a minute, and what is too old ends all the same.
func TestWhatIsTooOldEndsWhileTheAppMayNotSend(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		n := o.node("a")
		if err := o.db.InTx(t.Context(), func(tx *db.Tx) error {
			return pauseLine(t.Context(), tx, fake.AppID, tx.Now.Add(3*tooOld), 48001)
		}); err != nil {
			t.Fatal(err)
		}
		o.closed(1, p)
		o.move(30 * time.Second)
		o.closed(2, p)
		o.move(tooOld - 30*time.Second)
		for _, c := range []struct {
			later time.Duration
			dead  int
		}{{0, 1}, {30 * time.Second, 1}, {30 * time.Second, 2}} {
			o.move(c.later)
			n.work()
			if got := o.outcomes(); got["dead"] != c.dead || o.calls() != c.dead {
				t.Errorf("at %v: %v and %d calls, want %d", o.now(), got, o.calls(), c.dead)
			}
		}
	})
}

// 45011: WeChat takes no more this minute, and half as many a second for ten minutes, from all nodes.
func TestAQuotaOfTheMinuteHalvesTheBucketForTenMinutes(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		n, other := o.node("a"), o.node("b")
		rate := func(when string, want int) {
			t.Helper()
			for _, x := range []*sender{n, other} {
				l, err := findLine(t.Context(), o.db, fake.AppID)
				if err != nil || x.bucket(l).Size != want || x.bucket(l).Window != time.Second {
					t.Errorf("%s: %d a second (%v), want %d", when, x.bucket(l).Size, err, want)
				}
			}
		}
		rate("at first", 200)
		o.fake.SetQuota(fake.Send, fake.Quota{Minute: 1})
		o.closed(1, p)
		o.closed(2, p)
		o.move(patience)
		n.work()
		if got := o.outcomes(); got["sent"] != 1 || got["waiting"] != 1 || o.credit(p) != 1 || n.Alarms() != 0 {
			t.Fatalf("over the quota: %v, credit %d, %d alarms", got, o.credit(p), n.Alarms())
		}
		slow := o.now()
		rate("at once", 100)
		o.move(time.Minute)
		n.work()
		if got := o.outcomes(); got["sent"] != 2 {
			t.Errorf("the next minute: %v, want the other sent", got)
		}
		o.at.Store(slow.Add(slowFor - time.Millisecond).UnixMilli())
		rate("nearly ten minutes later", 100)
		o.move(time.Millisecond)
		rate("ten minutes later", 200)
		n.Rate = 1
		o.move(-time.Minute)
		if got := n.bucket(line{SlowUntil: new(o.now().Add(time.Minute))}).Size; got != 1 {
			t.Errorf("half of one message a second is %d", got)
		}
	})
}

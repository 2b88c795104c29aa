package faults

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/notify"
	"wanjia/internal/platform/wechat/fake"
)

// newWeChat is a pretended WeChat that outlives the nodes: what it has accepted is the evidence.
func newWeChat(t *testing.T) *fake.Server {
	t.Helper()
	f := fake.New(fake.Options{})
	if err := f.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for _, template := range notify.DemoTemplates {
		f.AddTemplate(template.ID, fake.Template{Long: template.Long, Fields: template.Types()})
	}
	return f
}

// senders is how many villages take part here: each message takes its time.
const senders = 12

// allowed is how many messages everybody allows: more than there may be.
const allowed = 6

// A message is one that somebody is to get, as it ended.
type message struct {
	ID       int64  `db:"id"`
	Person   int64  `db:"person_id"`
	State    string `db:"state"`
	Outcome  string `db:"outcome"`
	Attempt  int    `db:"attempt"`
	Unknowns int    `db:"unknowns"`
	accepted int    // by WeChat
}

// messages are all of them, with what WeChat has accepted.
func (w *world) messages(f *fake.Server) (all []message) {
	w.t.Helper()
	err := w.db.Select(w.t.Context(), &all, `SELECT id, person_id, state, COALESCE(outcome, '') AS outcome, attempt, unknowns FROM wechat_send ORDER BY id`)
	if err != nil {
		w.t.Fatal(err)
	}
	handles := map[int64]string{}
	for handle, p := range w.person {
		handles[p] = handle
	}
	accepted := map[string]int{}
	for _, s := range f.Sent() {
		accepted[s.OpenID]++
	}
	for i := range all {
		all[i].accepted = accepted[fake.OpenID(fake.AppID, handles[all[i].Person])]
	}
	return all
}

// wrong says what is wrong with a message of an event that is the only one of its person: nobody gets it twice unless
// nobody knew, and never three times.
func (m message) wrong() string {
	switch {
	case m.accepted > 2, m.accepted > 1+m.Unknowns:
		return tooOften
	case m.State != "ended":
		return "has not ended"
	case m.Outcome == "sent" && m.accepted == 0, m.Outcome != "sent" && m.Outcome != "unknown":
		return "was not delivered"
	}
	return ""
}

// tooOften is what the control must meet.
const tooOften = "was delivered too often"

// weChatKills kills nodes while they send. Forgets is the control: nobody remembers that the outcome was not known.
func weChatKills(t *testing.T, kills int, forgets bool) (wrong []string) {
	t.Helper()
	begun := time.Now()
	f := newWeChat(t)
	w := onServers(t, "", f)
	if err := notify.RegisterMissing(t.Context(), w.db, notify.DemoTemplates); err != nil {
		t.Fatal(err)
	}
	var all []string
	for v := range senders {
		all = append(all, secretary(v))
		for n := range members {
			all = append(all, villager(v, n))
		}
	}
	w.signIn(all...)
	for v := range senders {
		for n := range members {
			for range allowed {
				f.Grant(fake.OpenID(fake.AppID, villager(v, n)), "demo-work", 1)
				a := w.call(t.Context(), w.node(n), villager(v, n), http.MethodPost, "/v1/wechat/grants", uuid.NewString(), map[string]any{
					"clientRef": uuid.NewString(), "templates": []string{"work"},
				})
				if a.status != http.StatusNoContent {
					t.Fatalf("a grant: %d %v", a.status, a.body)
				}
			}
		}
	}
	// One answer gets lost, and to that person there is a gateway in between for ever.
	cut := fake.OpenID(fake.AppID, villager(senders-1, members-1))
	f.Inject(fake.Fault{Call: fake.Send, OpenID: cut, Kind: fake.AnswerLost, Times: 1})
	f.Inject(fake.Fault{Call: fake.Send, OpenID: cut, Kind: fake.Status, Code: http.StatusBadGateway})
	// Some answers get lost, and some never come: of those the nodes know nothing when they are killed.
	f.Inject(fake.Fault{Call: fake.Send, Kind: fake.AnswerLost, Times: 4})
	f.Inject(fake.Fault{Call: fake.Send, Kind: fake.Silence, Times: 8})
	l := &load{w: w, statuses: map[int]int{}}
	for v := range senders { // one for everybody, so that none stands for an earlier one
		l.give(&order{title: "走访", village: v}, v)
	}
	for kill := range kills {
		w.wait(time.Minute, "messages are under way", func() bool {
			w.letTimePass()
			return w.count(`SELECT COUNT(*) FROM wechat_send WHERE state = 'sending'`) > 0
		})
		w.killNode(kill % 2)
		w.startNode(kill % 2)
	}
	if forgets { // nobody ever hears that one person gets what is sent
		f.Inject(fake.Fault{Call: fake.Send, OpenID: fake.OpenID(fake.AppID, villager(0, 0)), Kind: fake.AnswerLost})
	}
	open := `SELECT COUNT(*) FROM wechat_send WHERE state <> 'ended'`
	for end := time.Now().Add(90 * time.Second); w.count(open) > 0 && time.Now().Before(end); {
		w.letTimePass()
		if forgets {
			w.change(`UPDATE wechat_send SET unknowns = 0 WHERE state = 'waiting'`)
			if slices.ContainsFunc(w.messages(f), func(m message) bool { return m.accepted > 2 }) {
				break // it would go on for ever
			}
		}
		<-time.After(50 * time.Millisecond)
	}
	accepted, twice, unknown := 0, 0, 0
	for _, m := range w.messages(f) {
		accepted += m.accepted
		if m.accepted > 1 {
			twice++
		}
		if m.Outcome == "unknown" {
			unknown++
		}
		if why := m.wrong(); why != "" {
			wrong = append(wrong, fmt.Sprintf("%+v %s", m, why))
		}
	}
	if n := w.count(`SELECT COUNT(*) FROM wechat_send`); n != senders*members {
		wrong = append(wrong, fmt.Sprintf("%d messages of %d events", n, senders*members))
	}
	if n := w.count(`SELECT COUNT(*) FROM wechat_credit c WHERE balance <> (SELECT SUM(delta) FROM wechat_credit_entry e WHERE e.person_id = c.person_id AND e.template = c.template)`); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d credits are not the sums of their entries", n))
	}
	for _, m := range w.messages(f) { // what has reached somebody, or may have, is paid for
		if n := w.count(`SELECT COALESCE(SUM(delta), 0) FROM wechat_credit_entry WHERE send_id = ?`, m.ID); n != -1 {
			wrong = append(wrong, fmt.Sprintf("%+v is paid for with %d", m, -n))
		}
	}
	(&sendFigure{
		Case: "kill -9 of a node that sends", Kills: kills, Events: senders * members, Accepted: accepted, Twice: twice, Unknown: unknown, Wrong: len(wrong),
	}).print(t, begun)
	return wrong
}

// letTimePass makes due what waits for its time: half a minute for a device, or for an answer that may yet come.
func (w *world) letTimePass() {
	w.t.Helper()
	w.change(`UPDATE wechat_send SET not_before = created_at WHERE state = 'waiting' AND not_before > created_at`)
}

// R1, R10, V16: nodes are killed with messages under way. What nobody knows of is sent once more and never a third time;
// what is known to be sent is not sent again.
func TestANodeKilledWhileItSendsMakesNoMessageOfTwo(t *testing.T) {
	t.Parallel()
	for _, w := range weChatKills(t, long(1), false) {
		t.Error(w)
	}
}

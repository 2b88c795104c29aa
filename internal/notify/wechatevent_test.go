package notify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// happens lets WeChat say something, twice: it repeats what it has no answer to.
func (n *sender) happens(e wechat.Event) {
	n.o.t.Helper()
	for range 2 {
		if err := n.Happened(n.o.t.Context(), e); err != nil {
			n.o.t.Fatal(err)
		}
	}
}

// shown is that a person can see a message about their needs, or why not.
func (o *office) shown(p org.PersonID, msgID string, code int) wechat.Event {
	return wechat.Event{Kind: wechat.Delivered, OpenID: openID(p), Template: "demo-request", At: o.now(), MsgID: msgID, Code: code}
}

// lost makes WeChat take messages without an answer, so many times.
func (o *office) lost(times int) {
	o.fake.Inject(fake.Fault{Call: fake.Send, Kind: fake.AnswerLost, Times: times})
}

func TestALaterWordOfWeChatTurnsUnknownIntoSent(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		o.closed(1, p)
		o.move(patience)
		o.lost(2)
		n.work()
		o.move(askAgain)
		n.work()
		if got := o.outcomes(); got["unknown"] != 1 || o.calls() != 1 {
			t.Fatalf("after two attempts without an answer: %v, %d calls", got, o.calls())
		}
		n.happens(wechat.Event{Kind: wechat.Delivered, OpenID: openID(p), Template: "demo-work", At: o.now(), MsgID: "7"})
		n.happens(wechat.Event{Kind: wechat.Delivered, OpenID: "o-stranger", Template: "demo-request", At: o.now(), MsgID: "7"})
		if got := o.outcomes(); got["unknown"] != 1 {
			t.Errorf("after words about others: %v", got)
		}
		n.happens(o.shown(p, "7", 0))
		if got := o.outcomes(); got["sent"] != 1 || o.calls() != 1 || o.credit(p) != 2 || n.Ended(Sent) != 1 {
			t.Errorf("WeChat says that it is shown: %v, %d calls, credit %d, counted %d times", got, o.calls(), o.credit(p), n.Ended(Sent))
		}
		n.happens(o.shown(p, "8", 0)) // the other attempt arrived, too
		if got := o.outcomes(); got["sent"] != 1 || n.Ended(Sent) != 1 {
			t.Errorf("after a word about the other attempt: %v, counted %d times", got, n.Ended(Sent))
		}
	})
}

func TestAMessageThatIsShownIsNotSentAgain(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		o.closed(1, p)
		o.move(patience)
		o.lost(1)
		n.work()
		n.happens(o.shown(p, "7", 0))
		o.move(time.Hour)
		n.work()
		if got := o.outcomes(); got["sent"] != 1 || len(o.fake.Sent()) != 1 || o.calls() != 0 {
			t.Errorf("%v, %d accepted, %d calls; want the one that is shown and no second", got, len(o.fake.Sent()), o.calls())
		}
	})
}

// To take the wrong one for sent would lose it.
func TestOfTwoWithoutAnAnswerNobodyKnowsWhichIsShown(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 5)[0]
		n := o.node("a")
		o.closed(1, p)
		o.closed(2, p)
		o.move(patience)
		o.lost(2)
		n.work()
		n.happens(o.shown(p, "7", 0))
		if got := o.outcomes(); got["waiting"] != 2 {
			t.Errorf("right after the word: %v, want both to wait", got)
		}
		o.move(askAgain)
		n.work()
		if got := o.outcomes(); got["sent"] != 2 || len(o.fake.Sent()) != 4 {
			t.Errorf("in the end: %v of %d accepted", got, len(o.fake.Sent()))
		}
	})
}

func TestWhoCannotSeeAMessageIsCalled(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(2, 3)
		n := o.node("a")
		o.closed(1, ids...)
		o.move(patience)
		n.work()
		sent := map[string]string{}
		for _, m := range o.fake.Sent() {
			events, err := mailboxOf(t, o).Events(nil, o.pusher().DeliveredEvent(m, 0))
			if err != nil {
				t.Fatal(err)
			}
			sent[m.OpenID] = events[0].MsgID
		}
		n.happens(o.shown(ids[0], sent[openID(ids[0])], 0))
		if got := o.outcomes(); got["sent"] != 2 || o.calls() != 0 {
			t.Fatalf("when the first is shown: %v, %d calls", got, o.calls())
		}
		n.happens(o.shown(ids[0], sent[openID(ids[0])], 20013))
		n.happens(o.shown(ids[1], sent[openID(ids[1])], 43101))
		if got := o.outcomes(); got["dead"] != 1 || got["no_credit"] != 1 || o.calls() != 2 {
			t.Errorf("when neither can be seen: %v, %d calls; want each called once", got, o.calls())
		}
		if o.credit(ids[0]) != 2 || o.credit(ids[1]) != 0 || n.asks(ids[1], requestRaised) != nil {
			t.Errorf("credits %d and %d, asked for %v; want that of who refuses burnt", o.credit(ids[0]), o.credit(ids[1]), n.asks(ids[1], requestRaised))
		}
		n.happens(o.shown(ids[0], sent[openID(ids[0])], 0))
		if got := o.outcomes(); got["dead"] != 1 {
			t.Errorf("a word for and against: %v, want the last that was certain", got)
		}
	})
}

// Of an announcement they are called by whoever made it.
func TestWhoCannotSeeAnAnnouncementIsCalled(t *testing.T) {
	bureaus(t, func(t *testing.T, b *bureau) {
		p := b.followers(1, 0)
		b.enrol(p)
		b.allow(onNotice, p...)
		made, err := b.notices.Create(t.Context(), b.by, NewNotice{To: Scope{Unit: b.unit.ID}, Title: "防汛值守会", MustReach: true})
		if err != nil {
			t.Fatal(err)
		}
		b.move(patience)
		b.send.work()
		sent := b.fake.Sent()
		if len(sent) != 1 || b.outcomes()["sent"] != 1 {
			t.Fatalf("%d messages are sent, %v; want one", len(sent), b.outcomes())
		}
		events, err := mailboxOf(t, b.office).Events(nil, b.pusher().DeliveredEvent(sent[0], 20013))
		if err != nil {
			t.Fatal(err)
		}
		b.send.happens(events[0])
		calls, _, err := b.notices.callsOf(t, b.by, made.ID)
		if err != nil || len(calls) != 1 || calls[0].Person != p[0] || b.calls() != 0 {
			t.Errorf("the calls are %+v (%v), and %d as of a need; want one of who cannot see it", calls, err, b.calls())
		}
	})
}

func TestARefusalInWeChatCorrectsTheCredit(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		said := func(kind wechat.EventKind, accepted bool) wechat.Event {
			return wechat.Event{Kind: kind, OpenID: openID(p), Template: "demo-request", At: o.now().Truncate(time.Second), Accepted: accepted}
		}
		state := func(when string, credit int, asked bool) {
			t.Helper()
			if got := n.asks(p, requestRaised); o.credit(p) != credit || (len(got) > 0) != asked {
				t.Errorf("%s: credit %d, asked for %v; want %d and %v", when, o.credit(p), got, credit, asked)
			}
		}
		old := said(wechat.Changed, false)
		old.At = old.At.Add(-time.Minute)
		n.happens(old)
		state("a refusal older than the leave", 3, true)
		o.move(time.Minute)
		n.happens(said(wechat.Chosen, false))
		state("refused when asked", 3, false) // what was allowed before holds
		o.move(time.Minute)
		n.happens(said(wechat.Chosen, true))
		state("allowed when asked", 3, true) // the phone's own word counts it
		o.move(time.Minute)
		off := said(wechat.Changed, false)
		n.happens(off)
		state("refused in the settings", 0, false)
		o.move(time.Minute)
		if err := n.Grant(t.Context(), org.Actor{PersonID: p}, uuid.NewString(), []string{onRequest}, nil); err != nil {
			t.Fatal(err)
		}
		n.happens(off)
		state("a late word after new leave", 1, true)
		late := said(wechat.Changed, false)
		late.At = o.now().Add(time.Hour) // of a clock that is fast
		n.happens(late)
		state("refused by a fast clock", 0, false)
		o.move(leftAlone)
		state("30 days later", 0, true)
	})
}

func (o *office) pusher() fake.Push {
	return fake.Push{AppID: fake.AppID, Token: "0123456789abcdef", Now: o.now}
}

func mailboxOf(t *testing.T, o *office) *wechat.Mailbox {
	t.Helper()
	m, err := wechat.NewMailbox(fake.AppID, o.pusher().Token, "", o.now)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWhatIsPushedIsAnsweredAsWeChatWants(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 3)[0]
		n := o.node("a")
		n.Mailbox = mailboxOf(t, o)
		ask := func(method, query, body string) (string, error) {
			w := httptest.NewRecorder()
			err := n.ServeEvents(w, httptest.NewRequest(method, EventsPath+"?"+query, strings.NewReader(body)))
			return w.Body.String(), err
		}
		q, body := o.pusher().Wrap(o.pusher().ChangedEvent(openID(p), "demo-request", "reject"))
		o.move(time.Second)
		if got, err := ask(http.MethodPost, q.Encode(), string(body)); err != nil || got != "success" {
			t.Errorf("an event is answered %q (%v)", got, err)
		}
		q.Set("echostr", "4711")
		if got, err := ask(http.MethodGet, q.Encode(), ""); err != nil || got != "4711" {
			t.Errorf("the console's question is answered %q (%v), want what it sent", got, err)
		}
		q.Set("echostr", "<script>")
		if got, err := ask(http.MethodGet, q.Encode(), ""); err != problem.ErrMalformed || got != "" { //nolint:errorlint // because the very problem is meant
			t.Errorf("a question that is a page is answered %q (%v)", got, err)
		}
		for what, c := range map[string]struct {
			query, body string
			want        *problem.Problem
		}{
			"nobody's":     {"echostr=4711", string(body), problem.ErrForbidden},
			"senseless":    {q.Encode(), "<xml></xml>", problem.ErrMalformed},
			"without end":  {q.Encode(), strings.Repeat(" ", longestPush+1), problem.ErrMalformed},
			"a later time": {strings.Replace(q.Encode(), "timestamp=1", "timestamp=2", 1), string(body), problem.ErrForbidden},
		} {
			if got, err := ask(http.MethodPost, c.query, c.body); err != c.want || got != "" { //nolint:errorlint // because the very problem is meant
				t.Errorf("%s: %q (%v), want %v", what, got, err, c.want)
			}
		}
	})
}

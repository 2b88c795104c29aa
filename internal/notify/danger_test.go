package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

// A slowWeChat takes messages and answers those to all but one person when it is let.
type slowWeChat struct {
	url  string
	held atomic.Int64
	let  chan struct{}
}

func (o *office) slowBut(openID string) *slowWeChat {
	o.t.Helper()
	to, err := url.Parse(o.fake.URL())
	if err != nil {
		o.t.Fatal(err)
	}
	s := &slowWeChat{let: make(chan struct{})}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			o.t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.URL.Path, "/subscribe/send") && !strings.Contains(string(body), `"`+openID+`"`) {
			s.held.Add(1)
			<-s.let
			s.held.Add(-1)
		}
		proxy.ServeHTTP(w, r)
	}))
	o.t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// A warning of danger goes out while a load of others is with a WeChat that takes its time.
func TestAWarningOfDangerDoesNotWaitForALoadOfOthers(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		ids := o.followers(3*atOnce, 1)
		many, one := ids[1:], ids[0]
		slow := o.slowBut(openID(one))
		client, err := wechat.New(wechat.Options{BaseURL: slow.url, AppID: fake.AppID, Secret: fake.Secret, Now: o.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		o.client = client
		n := o.node("a")
		o.closed(1, many...)
		o.move(patience)
		over := make(chan error, 1)
		go func() {
			_, err := n.Turn(t.Context())
			over <- err
		}()
		for slow.held.Load() < atOnce {
			select {
			case err := <-over:
				t.Fatalf("the load is over (%v) before it is with WeChat", err)
			default:
			}
		}
		o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 2}, Urgent: true}, one)
		if _, err := n.TurnDanger(t.Context()); err != nil {
			t.Error(err)
		}
		if sent := o.fake.Sent(); len(sent) != 1 || sent[0].OpenID != openID(one) || o.outcomes()["sent"] != 1 || o.outcomes()["sending"] != atOnce {
			t.Errorf("WeChat has %d messages while the others are %v, want the warning alone", len(sent), o.outcomes())
		}
		close(slow.let)
		if err := <-over; err != nil {
			t.Error(err)
		}
		n.work()
		if got := o.outcomes(); got["sent"] != 3*atOnce || o.once() != 3*atOnce {
			t.Errorf("in the end the messages are %v, want all sent once", got)
		}
	})
}

// While a warning of danger is with a WeChat that takes its time, the turn of the others does not take it for one whose answer is
// lost. One that a dead node has left is taken up by its own turn.
func TestAWarningOfDangerUnderWayIsLeftToWhoeverCarriesIt(t *testing.T) {
	offices(t, func(t *testing.T, o *office) {
		p := o.followers(1, 2)[0]
		slow := o.slowBut("nobody")
		client, err := wechat.New(wechat.Options{BaseURL: slow.url, AppID: fake.AppID, Secret: fake.Secret, Now: o.now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		o.client = client
		n := o.node("a")
		o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 1}, Urgent: true}, p)
		over := make(chan error, 1)
		go func() {
			_, err := n.TurnDanger(t.Context())
			over <- err
		}()
		for slow.held.Load() < 1 {
			select {
			case err := <-over:
				t.Fatalf("the warning is over (%v) before it is with WeChat", err)
			default:
			}
		}
		if _, err := n.Turn(t.Context()); err != nil {
			t.Error(err)
		}
		if got := o.rows()[0]; got.State != "sending" || got.Unknowns != 0 {
			t.Errorf("while it is with WeChat the warning is %+v, want it under way", got)
		}
		close(slow.let)
		if err := <-over; err != nil {
			t.Error(err)
		}
		if got := o.rows()[0]; got.Outcome != "sent" || got.Unknowns != 0 || got.Attempt != 1 {
			t.Errorf("with its answer the warning is %+v, want it sent", got)
		}
		o.alter(`UPDATE wechat_send SET state = 'sending', outcome = NULL WHERE person_id = ?`, p)
		if _, err := n.TurnDanger(t.Context()); err != nil {
			t.Error(err)
		}
		if got := o.rows()[0]; got.State != "waiting" || got.Unknowns != 1 {
			t.Errorf("what a dead node has left is %+v, want it to be asked for once more", got)
		}
	})
}

// A warning of danger finds room in the bucket that a large announcement keeps empty, on every node and without Redis, and what
// it takes the others wait for: no more goes out than WeChat is to get.
func TestAWarningOfDangerFindsRoomInAnEmptyBucket(t *testing.T) {
	t.Parallel()
	for _, redis := range []bool{true, false} {
		kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
			o := newOffice(t, dbtest.SQLite(t), k)
			if !redis {
				gate.Shut()
			}
			ids := o.followers(3, 2)
			n := o.node("a")
			n.Rate = 2
			bucket := n.bucket(line{})
			take := func(want int) {
				t.Helper()
				got := 0
				for got <= want && n.Limits.Allow(t.Context(), bucket, n.app).OK {
					got++
				}
				if got != want {
					t.Errorf("there is room for %d others, want %d", got, want)
				}
			}
			// Redis forgets a bucket by its own clock, which no test moves: what is gone of it is written there, for longer.
			begin, key := o.now(), kv.Limit(bucket.Name, n.app)
			gone := func(d time.Duration) string { return fmt.Sprintf("%d.000", begin.Add(d).UnixMilli()) }
			hold := func(d time.Duration) {
				t.Helper()
				if err := k.Set(t.Context(), key, gone(d), time.Hour); redis && err != nil {
					t.Fatal(err)
				}
			}
			if hold(time.Second); !redis {
				take(2)
			}
			take(0)
			for range 2 {
				o.tell(Item{Kind: "request.closed", Ref: Ref{"request", 2}, Urgent: true}, ids[0])
			}
			if _, err := n.TurnDanger(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := o.outcomes(); len(o.fake.Sent()) != 2 || got["sent"] != 2 {
				t.Errorf("WeChat has %d messages (%v), want both warnings", len(o.fake.Sent()), got)
			}
			if full, kept, err := k.Get(t.Context(), key); redis && (err != nil || kept && full != gone(2*time.Second)) {
				t.Errorf("after the warnings the bucket is full at %s (%v), want %s", full, err, gone(2*time.Second))
			}
			hold(2 * time.Second)
			over, cancel := context.WithCancel(t.Context())
			cancel() // nobody waits
			if n.mayGo(over, line{}, Safety) {
				t.Error("warnings find room without end")
			}
			o.move(time.Second) // which the warnings have had
			take(0)
			o.move(500 * time.Millisecond)
			if redis {
				if !n.Limits.Allow(t.Context(), bucket, n.app).OK {
					t.Error("there is no room for others when the warnings are made up for")
				}
				return
			}
			take(1)
			o.move(time.Second)
			take(2)
		})
	}
}

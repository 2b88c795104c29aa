package notify

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

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

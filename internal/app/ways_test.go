package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/config"
	"wanjia/internal/member"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/pushclient"
)

// A station is a server with one person, which may be started again on the same data.
type station struct {
	t      *testing.T
	folder string
	app    *App
	person org.PersonID
	access string
	url    atomic.Pointer[string]
	stop   func()
}

func newStation(t *testing.T) *station {
	t.Helper()
	s := &station{t: t, folder: t.TempDir()}
	s.open()
	s.serve()
	t.Cleanup(func() { s.stop() })
	err := s.app.Stores.DB.InTx(t.Context(), func(tx *db.Tx) (err error) {
		if s.person, err = member.Add(t.Context(), tx, s.app.Stores.Keys, member.New{Name: "罗清明"}); err == nil {
			err = s.app.Auth.AddHandle(t.Context(), tx, "station", s.person)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.access = s.post("/v1/auth/demo", map[string]any{"handle": "station", "client": "mini", "device": uuid.NewString()}, "accessToken")
	return s
}

func (s *station) open() {
	s.t.Helper()
	c := config.Default()
	c.Demo, c.Data, c.WeChat.Fake = true, s.folder, false
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	var err error
	if s.app, err = New(s.t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *station) serve() {
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	at, ended, a := make(chan string, 1), make(chan error, 1), s.app
	go func() { ended <- a.Serve(ctx, func(public, _ string) { at <- public }) }()
	public := "http://" + <-at
	s.url.Store(&public)
	s.stop = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Errorf("the server ended with %v", err)
		}
		if err := a.Close(); err != nil {
			s.t.Error(err)
		}
	})
}

// post asks the server for something and gives back one member of its answer.
func (s *station) post(path string, body map[string]any, name string) string {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body) // of strings
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(s.t.Context()), http.MethodPost, *s.url.Load()+path, bytes.NewReader(text))
	if err != nil {
		s.t.Error(err)
		return ""
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	if s.access != "" {
		r.Header.Set("Authorization", "Bearer "+s.access)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "" // while it is away
	}
	defer res.Body.Close()
	var got map[string]any
	_ = json.NewDecoder(res.Body).Decode(&got) // nothing is as good as no answer
	value, _ := got[name].(string)
	return value
}

func (s *station) tell(n int) {
	s.t.Helper()
	for range n {
		err := s.app.Stores.DB.InTx(s.t.Context(), func(tx *db.Tx) error {
			return notify.Tell(s.t.Context(), tx, notify.Persons(s.person), notify.Item{
				Kind: "card.retired", Ref: notify.Ref{Type: "card", ID: 1}, Args: map[string]any{"kindLabel": "办事卡"},
			})
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// A listener is a device of the station's person, and what it has applied.
type listener struct {
	*pushclient.Client
	mu     sync.Mutex
	seqs   []int64
	resets int
	cursor string
}

func (s *station) listen(o pushclient.Options) *listener {
	s.t.Helper()
	l := &listener{}
	note := func(f func()) { l.mu.Lock(); defer l.mu.Unlock(); f() }
	if o.Node == nil {
		o.Node = func() string { return *s.url.Load() }
	}
	o.Cursor, o.FirstPause, o.LastPause = "1.0", 10*time.Millisecond, 200*time.Millisecond
	o.Ticket = func(context.Context) (string, error) {
		if ticket := s.post("/v1/push/ticket", nil, "ticket"); ticket != "" {
			return ticket, nil
		}
		return "", errors.New("no ticket")
	}
	o.Access = func(context.Context) (string, error) { return s.access, nil }
	o.Apply = func(i pushclient.Item) { note(func() { l.seqs = append(l.seqs, i.Seq) }) }
	o.Reset = func(int64) { note(func() { l.resets++ }) }
	o.Keep = func(cursor string) { note(func() { l.cursor = cursor }) }
	var err error
	if l.Client, err = pushclient.New(o); err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan struct{})
	go func() { defer close(ended); _ = l.Run(ctx) }() // it ends with the test
	s.t.Cleanup(func() { stop(); <-ended })
	return l
}

// has waits until l has applied the items 1 to n, and sees that it has each once and in order.
func (l *listener) has(t *testing.T, n int) {
	t.Helper()
	want := fmt.Sprintf("1.%d", n)
	eventually(t, fmt.Sprintf("%d items", n), func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.cursor == want || len(l.seqs) > n })
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, seq := range l.seqs {
		if seq != int64(i+1) || len(l.seqs) != n {
			t.Fatalf("it applied %v, want 1 to %d", l.seqs, n)
		}
	}
	if l.resets > 0 || l.cursor != want {
		t.Errorf("it keeps %s, want %s, and began anew %d times", l.cursor, want, l.resets)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(40*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s did not come within 40 s", what)
		}
	}
}

func TestItemsComeByEachWayOverARestart(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	ways := []pushclient.Way{pushclient.Socket, pushclient.Stream, pushclient.Poll}
	var devices []*listener
	all := func(n int) {
		t.Helper()
		for _, l := range devices {
			l.has(t, n)
		}
	}
	for _, way := range ways {
		devices = append(devices, s.listen(pushclient.Options{Ways: []pushclient.Way{way}}))
	}
	s.tell(3)
	all(3)
	for i, l := range devices {
		want := int64(i + 1)
		l.MarkRead(want)
		eventually(t, fmt.Sprintf("the read mark by way %d", ways[i]), func() bool {
			var read int64
			err := s.app.Stores.DB.Get(t.Context(), &read, `SELECT read_seq FROM inbox_head WHERE person_id = ?`, s.person)
			return err == nil && read == want
		})
	}
	s.stop()
	s.open()
	s.tell(2) // while nobody can be heard
	s.serve()
	all(5)
	s.tell(1)
	all(6)
	for i, l := range devices {
		if c := l.Counts(); c.Connections < 2 || c.Disorder+c.Holes > 0 {
			t.Errorf("by way %d came %+v, want two connections and nothing out of order", ways[i], c)
		}
	}
}

// A network that lets through what its level allows, and notes which way that was.
type network struct {
	*httptest.Server
	closed atomic.Pointer[[]string] // paths
	passed atomic.Pointer[string]
}

func newNetwork(t *testing.T, to func() string) *network {
	t.Helper()
	n := &network{}
	n.close()
	proxy := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), Rewrite: func(r *httputil.ProxyRequest) {
		target, err := url.Parse(to())
		if err != nil {
			t.Error(err)
			return
		}
		r.SetURL(target)
	}}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(*n.closed.Load(), r.URL.Path) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		n.passed.Store(&r.URL.Path)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(n.Close)
	return n
}

// close closes paths, and opens all others.
func (n *network) close(paths ...string) { n.closed.Store(&paths) }

func TestADeviceGoesOnByWhatItsNetworkLetsThrough(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	n := newNetwork(t, func() string { return *s.url.Load() })
	told := 0
	for _, c := range []struct {
		closed []string
		by     string
	}{
		{nil, "/v1/push"},
		{[]string{"/v1/push"}, "/v1/push/events"},
		{[]string{"/v1/push", "/v1/push/events"}, "/v1/inbox"},
	} {
		n.close(c.closed...)
		l := s.listen(pushclient.Options{
			Ways: []pushclient.Way{pushclient.Socket, pushclient.Stream, pushclient.Poll}, TryAgain: time.Second,
			Node: func() string { return n.URL },
		})
		s.tell(2)
		told += 2
		l.has(t, told)
		if by := *n.passed.Load(); by != c.by {
			t.Errorf("with %s closed it came by %s, want %s", strings.Join(c.closed, " and "), by, c.by)
		}
		n.close() // and when the network opens, it comes back to the best
		eventually(t, "a socket", func() bool { return *n.passed.Load() == "/v1/push" })
		s.tell(1)
		told++
		l.has(t, told)
	}
}

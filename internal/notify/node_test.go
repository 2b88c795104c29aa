package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/push"
	"wanjia/internal/pushclient"
)

// A node is what one process of wanjia has for pushing, with a port of its own.
type node struct {
	hub     *push.Hub
	courier *Courier
	service *Service
	tickets *push.Tickets
	server  *httptest.Server
	kill    func() // at once: sockets cut, nothing finished
}

const testEra = 1

// startNode starts a node on d and k. Only the node that is started last on one *db.DB hears of commits at once;
// the others are woken by Redis, as nodes of other processes are.
func startNode(t *testing.T, d *db.DB, k *kv.KV, inbox push.Inbox) *node {
	t.Helper()
	all := make([]int, kv.Shards)
	for i := range all {
		all[i] = i
	}
	return startNodeHolding(t, d, k, inbox, all)
}

// startNodeHolding is startNode of a node that sweeps and replays the outbox of these shards only.
func startNodeHolding(t *testing.T, d *db.DB, k *kv.KV, inbox push.Inbox, held []int) *node {
	t.Helper()
	return startNodeThatHolds(t, d, k, inbox, func() []int { return held })
}

// startNodeThatHolds is startNodeHolding of a node whose shards change.
func startNodeThatHolds(t *testing.T, d *db.DB, k *kv.KV, inbox push.Inbox, held func() []int) *node {
	t.Helper()
	n := &node{}
	n.tickets = push.NewTickets(d, k, func(_ context.Context, session int64) (push.Session, error) {
		return push.Session{PersonID: session / 100, SessionID: session}, nil // session 1203 is person 12's
	})
	hot := push.NewHot(k)
	n.hub = push.NewHub(push.Options{
		Era: testEra, Inbox: inbox, KV: k, Hot: hot, Redeem: n.tickets.Redeem, Origins: []string{"https://h5.haitang.example"},
	})
	n.service = NewService(d, n.hub, testEra)
	n.courier = NewCourier(d, k, n.hub, hot, held, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.hub.Run(ctx) })
	wg.Go(func() { _ = n.courier.Run(ctx) })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/push", plain(n.hub.ServeSocket))
	mux.HandleFunc("GET /v1/push/events", plain(n.hub.ServeEvents))
	n.server = httptest.NewServer(mux)
	var once sync.Once
	n.kill = func() {
		once.Do(func() {
			n.server.Listener.Close()
			over, end := context.WithCancel(context.Background())
			end()
			n.hub.Drain(over) // cuts everything
			cancel()
			wg.Wait()
			n.server.Close()
		})
	}
	t.Cleanup(n.kill)
	return n
}

// plain serves f as a handler. What it refuses has a status only: the rest belongs to package server.
func plain(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	statuses := map[problem.Kind]int{
		problem.Malformed: http.StatusBadRequest, problem.Unauthenticated: http.StatusUnauthorized,
		problem.Forbidden: http.StatusForbidden, problem.Unavailable: http.StatusServiceUnavailable,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var p *problem.Problem
		if err := f(w, r); errors.As(err, &p) {
			w.WriteHeader(statuses[p.Kind])
		}
	}
}

// A device is one client of one person, and what it has applied.
type device struct {
	mu     sync.Mutex
	items  []pushclient.Item
	resets []int64
	read   int64
	ups    int
	downs  []int
	moved  chan struct{}
	end    func()
}

func (v *device) note(f func()) {
	v.mu.Lock()
	f()
	v.mu.Unlock()
	select {
	case v.moved <- struct{}{}:
	default:
	}
}

// listen starts a device of person at the nodes that at names, session by session.
func listen(t *testing.T, person org.PersonID, nth int64, cursor string, at func() *node) *device {
	t.Helper()
	v := &device{moved: make(chan struct{}, 1)}
	c, err := pushclient.New(pushclient.Options{
		Node: func() string { return at().server.URL },
		Ticket: func(ctx context.Context) (string, error) {
			return at().tickets.Issue(ctx, int64(person)*100+nth)
		},
		Cursor:     cursor,
		Apply:      func(i pushclient.Item) { v.note(func() { v.items = append(v.items, i) }) },
		Reset:      func(from int64) { v.note(func() { v.resets = append(v.resets, from) }) },
		Read:       func(seq int64) { v.note(func() { v.read = seq }) },
		Up:         func(int64) { v.note(func() { v.ups++ }) },
		Down:       func(code int, _ error) { v.note(func() { v.downs = append(v.downs, code) }) },
		FirstPause: 10 * time.Millisecond, LastPause: 300 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	v.end = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(v.end)
	return v
}

// until waits until ok holds of the device.
func (v *device) until(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		v.mu.Lock()
		yes := ok()
		v.mu.Unlock()
		if yes {
			return
		}
		select {
		case <-v.moved:
		case <-timer.C:
			v.mu.Lock()
			defer v.mu.Unlock()
			t.Fatalf("not within %v: %s; %d items, ups %d, downs %v, resets %v", limit, what, len(v.items), v.ups, v.downs, v.resets)
		}
	}
}

// got waits for n items and checks that they are from+1, from+2, … in order, each once.
func (v *device) got(t *testing.T, limit time.Duration, from int64, n int) {
	t.Helper()
	v.until(t, limit, fmt.Sprintf("%d items", n), func() bool { return len(v.items) >= n })
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.items) != n {
		t.Errorf("%d items applied, want %d", len(v.items), n)
	}
	for i, item := range v.items {
		if item.Seq != from+1+int64(i) {
			t.Fatalf("item %d has number %d, want %d", i, item.Seq, from+1+int64(i))
		}
	}
}

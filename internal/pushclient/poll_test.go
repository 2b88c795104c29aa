package pushclient

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A room is where requests of one person wait, as a node has it: for as long as they ask, unless it stops, and a sixth lets
// the oldest answer. There is never anything new. After most of them it ends the play, and so does not hang when they come
// again and again at the same moment.
type room struct {
	stops  bool // it answers at once
	status int  // 0: 200
	most   int
	end    context.CancelFunc

	mu      sync.Mutex
	asked   []time.Time
	waiting []chan struct{}
}

// RoundTrip is the way there and back.
func (r *room) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	if r.asked = append(r.asked, time.Now()); len(r.asked) == r.most {
		r.end()
	}
	if len(r.waiting) == 5 {
		close(r.waiting[0])
		r.waiting = r.waiting[1:]
	}
	wake := make(chan struct{})
	if !r.stops {
		r.waiting = append(r.waiting, wake)
	}
	r.mu.Unlock()
	if !r.stops {
		wait, err := time.ParseDuration(req.URL.Query().Get("wait") + "s")
		if err != nil {
			return nil, err
		}
		select {
		case <-wake:
		case <-time.After(wait):
			r.mu.Lock()
			r.waiting = slices.DeleteFunc(r.waiting, func(other chan struct{}) bool { return other == wake })
			r.mu.Unlock()
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	answer := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(`{"items":[],"cursor":"1.8","top":8,"read":0}`)),
	}
	if r.status != 0 {
		answer.StatusCode = r.status
		answer.Header.Set("Retry-After", "7")
	}
	return answer, nil
}

// hosts are rooms by the names of their nodes.
type hosts map[string]*room

// RoundTrip is the way to one of them.
func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) { return h[r.URL.Host].RoundTrip(r) }

// polls is a device that has everything, and asks h; ask is which node to ask the n-th time.
func polls(t *testing.T, h hosts, ask func(n int) string) *Client {
	t.Helper()
	n := -1
	c, err := New(Options{
		Ways: []Way{Poll}, Cursor: "1.8", Node: func() string { n++; return "http://" + ask(n) },
		Access: func(context.Context) (string, error) { return "access", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	c.http.Transport = h
	return c
}

func TestANodeThatAnswersAtOnceIsLeftForAnother(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		status      int
		least, most time.Duration // away
	}{
		{"with nothing", 0, 0, 500 * time.Millisecond},
		{"that it stops", http.StatusServiceUnavailable, 7 * time.Second, 7 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, end := context.WithTimeout(t.Context(), 10*time.Minute)
				defer end()
				h := hosts{"stops": {stops: true, status: c.status, most: 1000, end: end}, "waits": {most: 1000, end: end}}
				if err := polls(t, h, func(n int) string { return []string{"stops", "waits"}[min(n, 1)] }).Run(ctx); err != nil {
					t.Error(err)
				}
				if n := len(h["stops"].asked); n != 1 {
					t.Errorf("the node that stops is asked %d times, want once", n)
				}
				asked := h["waits"].asked
				if len(asked) != 24 { // ten minutes are 24 requests, and one that begins a little late
					t.Fatalf("the other is asked %d times in ten minutes, want every 25 s", len(asked))
				}
				if away := asked[0].Sub(began); away < c.least || away > c.most {
					t.Errorf("it is asked after %v, want between %v and %v", away, c.least, c.most)
				}
			})
		})
	}
}

// Five of six wait, and the sixth takes the place of one of them, who comes back after a pause and not at once.
func TestSixDevicesThatWaitDoNotPushEachOtherOutInARing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const minutes, limit = 20, 120 // security.md: reads of a person in a minute
		ctx, end := context.WithTimeout(t.Context(), minutes*time.Minute)
		defer end()
		h := hosts{"node": {most: 10_000, end: end}}
		var all sync.WaitGroup
		for range 6 {
			c := polls(t, h, func(int) string { return "node" })
			all.Go(func() {
				if err := c.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		n := len(h["node"].asked)
		t.Logf("six devices ask %d times in %d minutes", n, minutes)
		if n > minutes*limit/2 {
			t.Errorf("six devices ask %d times in %d minutes, want less than half of what a person may read", n, minutes)
		}
	})
}

// A node that has nothing else to offer, and no other beside it: it is asked a few times while it stops.
func TestANodeThatStopsIsAskedEverMoreRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), 15*time.Second)
		defer end()
		h := hosts{"node": {stops: true, most: 1000, end: end}}
		if err := polls(t, h, func(int) string { return "node" }).Run(ctx); err != nil {
			t.Error(err)
		}
		if n := len(h["node"].asked); n > 20 {
			t.Errorf("it is asked %d times in 15 s, want a few", n)
		}
	})
}

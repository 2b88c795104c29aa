package pushclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestAWayThatFailsThreeTimesGivesWayAndTheBestIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := choice{ways: []Way{Socket, Stream, Poll}, every: time.Hour}
	comes := func(want Way, stood bool) {
		t.Helper()
		if got, _ := c.now(); got != want {
			t.Errorf("it comes by way %d, want %d", got, want)
		}
		c.ended(stood)
	}
	later := func() { c.again = time.Now() }
	for range 2 { // two failures, and one connection that stood
		comes(Socket, false)
		comes(Socket, false)
		comes(Socket, true)
	}
	for _, way := range []Way{Socket, Socket, Socket, Stream, Stream, Stream, Poll} {
		comes(way, way == Poll)
	}
	later()
	comes(Socket, false) // once
	comes(Poll, true)    // and back to what worked
	later()
	comes(Socket, true)
	comes(Socket, false)
	comes(Socket, false)
	comes(Socket, false)
	comes(Stream, true)
	for range 3 { // a network that is down altogether
		comes(Stream, false)
	}
	for range 3 {
		comes(Poll, false)
	}
	comes(Socket, true)
	only := choice{ways: []Way{Socket}}
	for range 7 {
		if got, _ := only.now(); got != Socket {
			t.Errorf("with the socket alone it comes by way %d", got)
		}
		only.ended(false)
	}
}

// asks runs a device of some ways against handler, whose n-th request it is, until handler says that it is over.
func asks(t *testing.T, o Options, handler func(n int, w http.ResponseWriter, r *http.Request) (more bool)) error {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var mu sync.Mutex
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		nth := n - 1
		mu.Unlock()
		if !handler(nth, w, r) {
			stop()
		}
	}))
	defer s.Close()
	o.URL, o.FirstPause, o.LastPause = s.URL, time.Millisecond, 10*time.Millisecond
	o.Ticket = func(context.Context) (string, error) { return "ticket", nil }
	o.Access = func(context.Context) (string, error) { return "access", nil }
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("the play did not come to its end")
	}
	return err
}

// events writes some of an event stream, and holds it until the device leaves.
func events(w http.ResponseWriter, r *http.Request, text string, hold bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprint(w, ": wanjia\n\n"+text)
	_ = http.NewResponseController(w).Flush()
	if hold {
		<-r.Context().Done()
	}
}

func TestAStreamResumesAndIsLeftWhenItIsSilent(t *testing.T) {
	t.Parallel()
	var applied []int64
	err := asks(t, Options{
		Ways: []Way{Stream}, Cursor: "1.2", PongWithin: 200 * time.Millisecond, Silence: 50 * time.Millisecond,
		Apply: func(i Item) { applied = append(applied, i.Seq) },
	}, func(n int, w http.ResponseWriter, r *http.Request) bool {
		at := r.Header.Get("Last-Event-ID")
		switch n {
		case 0: // a proxy that keeps what it gets
			events(w, r, "", true)
		case 1: // items, and then nothing more
			if at != "1.2" {
				t.Errorf("it asks behind %q, want 1.2", at)
			}
			events(w, r, "data: "+hi+"\n\nid: 1.3\ndata: "+item(3)+"\n\n", true)
		case 2: // one that it has, and a hole
			if at != "1.3" {
				t.Errorf("it comes back behind %q, want 1.3", at)
			}
			events(w, r, "data: "+hi+"\n\nid: 1.3\ndata: "+item(3)+"\n\nid: 1.5\ndata: "+item(5)+"\n\n", true)
		case 3: // the network breaks
			if at != "1.3" {
				t.Errorf("after a hole it comes back behind %q, want 1.3", at)
			}
			events(w, r, "data: "+hi+"\n\nid: 1.5\ndata: {\"t\":\"b\",\"n\":[{\"s\":4},{\"s\":5}]}\n\n", false)
		default:
			if at != "1.5" {
				t.Errorf("in the end it comes back behind %q, want 1.5", at)
			}
			return false
		}
		return true
	})
	if err != nil || !slices.Equal(applied, []int64{3, 4, 5}) {
		t.Errorf("it applied %v (%v), want 3, 4 and 5, each once", applied, err)
	}
}

func TestAStreamEndsWithACodeAsASocketDoes(t *testing.T) {
	t.Parallel()
	bye := func(code, after int) string {
		return fmt.Sprintf("data: {\"t\":\"bye\",\"code\":%d,\"after\":%d}\n\nevent: close\ndata: %d\n\n", code, after, code)
	}
	var left time.Time
	err := asks(t, Options{Ways: []Way{Stream}}, func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			left = time.Now()
			events(w, r, "data: "+hi+"\n\n"+bye(4011, 80), true)
			return true
		}
		if away := time.Since(left); away < 80*time.Millisecond {
			t.Errorf("it is back after %v, and was asked to stay for 80 ms", away)
		}
		events(w, r, "data: "+hi+"\n\n"+bye(signedOut, 0), true)
		return true
	})
	if !errors.Is(err, ErrStay) {
		t.Errorf("signed out it ends with %v, want %v", err, ErrStay)
	}
}

func TestARequestThatWaitsGoesOnBehindItsAnswers(t *testing.T) {
	t.Parallel()
	answers := []string{
		`{"items":[{"seq":8,"kind":"task.due","priority":1,"assignmentId":12,"ref":{"type":"task","id":31},"args":{"count":1},"at":"2026-11-24T01:02:03.004Z"}],"cursor":"1.8","top":8,"read":0}`,
		`{"items":[],"cursor":"1.8","top":8,"read":0}`,
		"", // the server is too busy
		`{"items":[{"seq":8},{"seq":9}],"cursor":"1.9","top":9,"read":8}`,
		`{"items":[{"seq":4}],"cursor":"2.4","top":4,"read":0,"reset":true}`,
	}
	wants := []string{"", "1.8", "1.8", "1.8", "1.9", "2.4"}
	var applied []Item
	var resets []int64
	err := asks(t, Options{
		Ways: []Way{Poll}, Apply: func(i Item) { applied = append(applied, i) }, Reset: func(from int64) { resets = append(resets, from) },
	}, func(n int, w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		if r.URL.Path != "/v1/inbox" || r.Header.Get("Authorization") != "Bearer access" || q.Get("wait") != "25" || q.Get("after") != wants[n] {
			t.Errorf("request %d is %s with %v, want it behind %q", n, r.URL.Path, q, wants[n])
		}
		if n == len(answers) {
			return false
		}
		if answers[n] == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		_, _ = fmt.Fprint(w, answers[n])
		return true
	})
	var seqs []int64
	for _, i := range applied {
		seqs = append(seqs, i.Seq)
	}
	if err != nil || !slices.Equal(seqs, []int64{8, 9, 4}) || !slices.Equal(resets, []int64{7, 3}) {
		t.Errorf("it applied %v and began anew behind %v (%v), want 8, 9, and 4 of the other history", seqs, resets, err)
	}
	if i := applied[0]; i.Kind != "task.due" || i.Priority != 1 || i.Assignment != 12 || i.Ref != (Ref{"task", 31}) || string(i.Args) != `{"count":1}` || i.At != 1795482123004 {
		t.Errorf("the first is %+v", i)
	}
}

// A server that takes connections and says nothing is none that has stood, however long that takes: pauses go on growing.
// One that speaks and holds for a while makes them begin anew.
func TestASilentServerDoesNotMakePausesBeginAnew(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]int{"": 5, "data: " + hi + "\n\n": 1} {
		visits := 0
		ctx, cancel := context.WithCancel(t.Context())
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if visits++; visits == 6 {
				cancel()
				return
			}
			events(w, r, said, true)
		}))
		c, err := New(Options{
			URL: s.URL, Ways: []Way{Stream}, PongWithin: 50 * time.Millisecond, Silence: 50 * time.Millisecond, FirstPause: time.Millisecond,
			LastPause: 2 * time.Millisecond, Ticket: func(context.Context) (string, error) { return "t", nil }, Apply: func(Item) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.stood = 20 * time.Millisecond
		if err := c.Run(ctx); err != nil || c.pauses != want {
			t.Errorf("after five connections that say %q and hold 50 ms there were %d pauses in a row (%v), want %d", said, c.pauses, err, want)
		}
		cancel()
		s.Close()
	}
}

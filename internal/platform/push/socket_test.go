package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/problem"
)

// A line is a desk behind a real listener.
type line struct {
	*desk
	url string
}

func newLine(t *testing.T, k *kv.KV) *line {
	t.Helper()
	l := &line{desk: newDesk(t, k)}
	l.o.Origins = []string{"https://h5.example"}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/push", plain(l.ServeSocket))
	mux.HandleFunc("/v1/push/events", plain(l.ServeEvents))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	l.url = s.URL
	return l
}

// plain serves f as a handler. What it refuses has a status only: the rest belongs to package server.
func plain(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	statuses := map[problem.Kind]int{
		problem.Malformed: http.StatusBadRequest, problem.Unauthenticated: http.StatusUnauthorized,
		problem.Forbidden: http.StatusForbidden, problem.Unavailable: http.StatusServiceUnavailable,
		problem.TooMany: http.StatusTooManyRequests,
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var p *problem.Problem
		if err := f(w, r); errors.As(err, &p) {
			w.WriteHeader(statuses[p.Kind])
		}
	}
}

// dial opens a socket; headers are name, value, name, value. The status is that of a refusal.
func (l *line) dial(query string, headers ...string) (ws *websocket.Conn, status int) {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Add(headers[i], headers[i+1])
	}
	d := websocket.Dialer{Subprotocols: []string{Protocol}, HandshakeTimeout: 10 * time.Second, EnableCompression: true}
	ws, res, err := d.Dial("ws"+strings.TrimPrefix(l.url, "http")+"/v1/push?"+query, h)
	if res != nil {
		status = res.StatusCode
		_ = res.Body.Close() // the dialer has read what there is of it
	}
	if err != nil {
		return nil, status
	}
	return ws, status
}

// open is dial with a good ticket.
func (l *line) open(t *testing.T, query string) *websocket.Conn {
	t.Helper()
	ws, status := l.dial("ticket=good" + query)
	if ws == nil {
		t.Fatalf("no socket: %d", status)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if f := frame(t, ws); !strings.HasPrefix(f, `{"t":"hi"`) {
		t.Fatalf("the first frame is %s", f)
	}
	return ws
}

func frame(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, b, err := ws.ReadMessage()
	if err != nil {
		t.Fatalf("read a frame: %v", err)
	}
	return string(b)
}

// code reads until the socket ends and says with which code.
func code(ws *websocket.Conn) int {
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, _, err := ws.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			return closed.Code
		case err != nil:
			return -1
		}
	}
}

func TestS1_ATicketOpensOneSocketOnce(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
		d := dbtest.SQLite(t)
		var now atomic.Int64
		now.Store(time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC).UnixMilli())
		dbtest.WithClock(t, d, func() time.Time { return time.UnixMilli(now.Load()).UTC() })
		var over atomic.Bool
		tickets := NewTickets(d, k, func(_ context.Context, session int64) (Session, error) {
			if over.Load() || session != 71 {
				return Session{}, ErrTicket
			}
			return Session{PersonID: somebody, SessionID: session}, nil
		})
		l := newLine(t, k)
		l.o.Redeem = tickets.Redeem
		issue := func() string {
			t.Helper()
			ticket, err := tickets.Issue(t.Context(), 71)
			if err != nil {
				t.Fatal(err)
			}
			return ticket
		}
		for _, where := range []string{"Redis", "SQL"} {
			if where == "SQL" {
				gate.Shut()
			}
			ticket := issue()
			if len(ticket) != 43 || ticket == issue() {
				t.Errorf("ticket %q; want 256 bits of its own", ticket)
			}
			var opened atomic.Int32
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					ws, _ := l.dial("ticket=" + ticket)
					if ws == nil {
						t.Error("the handshake was refused, which browsers cannot tell apart")
						return
					}
					defer func() { _ = ws.Close() }()
					_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
					if _, b, err := ws.ReadMessage(); err == nil && strings.HasPrefix(string(b), `{"t":"hi"`) {
						opened.Add(1)
					} else if got := code(ws); got != int(TicketRefused) {
						t.Errorf("a used ticket: %d, want %d", got, TicketRefused)
					}
				})
			}
			all.Wait()
			if n := opened.Load(); n != 1 {
				t.Errorf("%s: twenty at once opened %d sockets, want 1", where, n)
			}
			var kept []string
			if err := d.Select(t.Context(), &kept, `SELECT hash FROM push_ticket`); err != nil {
				t.Fatal(err)
			}
			if slices.Contains(kept, ticket) {
				t.Error("the ticket itself is stored")
			}
			if where == "SQL" && len(kept) == 0 {
				t.Error("without Redis no ticket is in SQL")
			}
			known := issue()
			for i, want := range []bool{where != "SQL", false} { // what Redis has, once
				if _, err := tickets.Known(t.Context(), known); (err == nil) != want || err != nil && !errors.Is(err, ErrTicket) {
					t.Errorf("%s: a ticket is known to Redis for the %d. time: %v, want %v", where, i+1, err, want)
				}
			}
			late := issue()
			over.Store(true)
			if _, err := tickets.Redeem(t.Context(), late); !errors.Is(err, ErrTicket) {
				t.Errorf("%s: the ticket of a session that has ended: %v", where, err)
			}
			over.Store(false)
		}
		late := issue() // in SQL, whose time we have
		now.Add(TicketFor.Milliseconds())
		if _, err := tickets.Redeem(t.Context(), late); !errors.Is(err, ErrTicket) {
			t.Errorf("after 30 s: %v, want %v", err, ErrTicket)
		}
	})
}

func TestS2_PagesOfOthersOpenNoSocket(t *testing.T) {
	t.Parallel()
	l := newLine(t, kvtest.New(t))
	for _, origin := range []string{
		"https://evil.example", "null", "https://h5.example.evil.example", "https://xh5.example", "https://h5.example:8443",
		"http://h5.example", "https://h5.example/", "https://user@h5.example", "",
	} {
		if ws, status := l.dial("ticket=good", "Origin", origin); ws != nil || status != http.StatusForbidden {
			t.Errorf("Origin %q: %d, want 403", origin, status)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/v1/push/events?ticket=good", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Origin"] = []string{origin}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusForbidden {
			t.Errorf("events, Origin %q: %d, want 403", origin, res.StatusCode)
		}
	}
	if ws, status := l.dial("ticket=good", "Origin", "https://h5.example"); ws == nil {
		t.Errorf("our own page: %d", status)
	} else {
		_ = ws.Close()
	}
	for _, query := range []string{"", "ticket=", "ticket=bad"} { // a program sends no Origin, and needs a ticket all the same
		ws, status := l.dial(query)
		if ws == nil {
			t.Errorf("%q: %d", query, status)
			continue
		}
		if got := code(ws); got != int(TicketRefused) {
			t.Errorf("%q without Origin: %d, want %d", query, got, TicketRefused)
		}
	}
}

func TestS3_CookiesOpenNothing(t *testing.T) {
	t.Parallel()
	l := newLine(t, kvtest.New(t))
	cookie := "wanjia_refresh=" + strings.Repeat("a", 43) + "; ticket=good; session=good"
	ws, status := l.dial("", "Cookie", cookie)
	if ws == nil {
		t.Fatalf("%d", status)
	}
	if got := code(ws); got != int(TicketRefused) {
		t.Errorf("a socket by cookie: %d, want %d", got, TicketRefused)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/v1/push/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", cookie)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("events by cookie: %d, want 401", res.StatusCode)
	}
}

func TestS4_FramesAreBoundedInSizeAndNumber(t *testing.T) {
	t.Parallel()
	l := newLine(t, kvtest.New(t))
	say := func(ws *websocket.Conn, text string) {
		t.Helper()
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	ws := l.open(t, "&after=1.0")
	for range framesASecond { // the clock stands still: all in one second
		say(ws, `{"t":"p"}`)
		if f := frame(t, ws); f != `{"t":"p"}` {
			t.Fatalf("a ping is answered by %s", f)
		}
	}
	say(ws, `{"t":"p"}`)
	if f := frame(t, ws); f != `{"t":"bye","code":4013,"after":30000}` {
		t.Errorf("the 21st frame: %s", f)
	}
	if got := code(ws); got != int(TooFast) {
		t.Errorf("the 21st frame: %d, want %d", got, TooFast)
	}
	ws = l.open(t, "&after=1.0")
	for range framesASecond + 1 {
		if err := ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if got := code(ws); got != int(TooFast) {
		t.Errorf("21 control frames: %d, want %d", got, TooFast)
	}
	for size, want := range map[int]int{frameLimit: int(BadFrame), frameLimit + 1: websocket.CloseMessageTooBig, frameLimit * 1000: websocket.CloseMessageTooBig} {
		ws := l.open(t, "&after=1.0")
		_ = ws.WriteMessage(websocket.TextMessage, slices.Repeat([]byte("a"), size)) // it may be cut off in the middle
		if got := code(ws); got != want && (got != -1 || size < frameLimit*1000) {
			t.Errorf("a frame of %d bytes: %d, want %d", size, got, want)
		}
	}
}

func TestS4_FiveSocketsAPersonOverAllNodes(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
		one, two := newDesk(t, k), newDesk(t, k)
		nodes := []*desk{one, two}
		var conns []*conn
		var papers []*paper
		for i := range 5 {
			c, p := nodes[i%2].join(t, &Cursor{1, 0})
			conns, papers = append(conns, c), append(papers, p)
			for _, d := range nodes {
				d.pass(t, time.Second)
			}
		}
		for i, p := range papers {
			if len(p.codes) > 0 {
				t.Errorf("socket %d of five is closed: %v", i, p.codes)
			}
		}
		conns[4].part() // somebody leaves: there is room again
		join := func(d *desk) *paper {
			_, p := d.join(t, &Cursor{1, 0})
			for _, d := range nodes {
				d.pass(t, time.Second)
			}
			return p
		}
		papers[4] = join(two)
		sixth := join(two) // the oldest is at the other node
		papers[0].until(t, "4009 at the other node", func() bool { return slices.Equal(papers[0].codes, []Code{TooManyOpen}) })
		seventh := join(one) // and now at another again
		papers[1].until(t, "4009 at the second node", func() bool { return slices.Equal(papers[1].codes, []Code{TooManyOpen}) })
		for i, p := range append(slices.Clone(papers[2:]), sixth, seventh) {
			if p.mu.Lock(); len(p.codes) > 0 {
				t.Errorf("one of the five newest (%d) is closed: %v", i, p.codes)
			}
			p.mu.Unlock()
		}

		gate.Shut() // each node holds its own five
		for range 6 {
			join(one)
		}
		p := one.find(somebody)
		p.mu.Lock()
		open := 0
		for _, c := range p.conns {
			if c.shutAt == 0 {
				open++
			}
		}
		p.mu.Unlock()
		if open != socketsAPerson {
			t.Errorf("without Redis %d sockets are open at one node, want %d", open, socketsAPerson)
		}
	})
}

func TestS5_SocketsEndWithTheRightsBehindThem(t *testing.T) {
	t.Parallel()
	l := newLine(t, kvtest.New(t))
	for want, end := range map[Code]func(){
		SignedOut:   func() { l.CloseSessions([]int64{71}, SignedOut) },
		RightsEnded: func() { l.ClosePerson(somebody, RightsEnded) },
	} {
		ws := l.open(t, "&after=1.0")
		end()
		if f := frame(t, ws); f != fmt.Sprintf(`{"t":"bye","code":%d,"after":0}`, want) {
			t.Errorf("the goodbye is %s", f)
		}
		if got := code(ws); got != int(want) {
			t.Errorf("closed with %d, want %d", got, want)
		}
	}
}

func TestS7_OddFramesAreRefused(t *testing.T) {
	t.Parallel()
	l := newLine(t, kvtest.New(t))
	for what, c := range map[string]struct {
		kind int
		text string
		code int
	}{
		"binary":        {websocket.BinaryMessage, `{"t":"p"}`, int(BadFrame)},
		"invalid UTF-8": {websocket.TextMessage, "{\"t\":\"\xc3\x28\"}", int(badUTF8)},
		"no JSON":       {websocket.TextMessage, `{"t":`, int(BadFrame)},
		"unknown":       {websocket.TextMessage, `{"t":"nosuch"}`, int(BadFrame)},
	} {
		ws := l.open(t, "&after=1.0")
		if err := ws.WriteMessage(c.kind, []byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if got := code(ws); got != c.code {
			t.Errorf("%s: %d, want %d", what, got, c.code)
		}
	}
	// A frame in pieces is one frame; a control frame may stand between them.
	ws := l.open(t, "&after=1.0")
	w, err := ws.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{`{"t`, `":`, strings.Repeat(" ", 3<<10), `"p"}`} { // more than one write buffer
		if _, err := w.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if f := frame(t, ws); f != `{"t":"p"}` {
		t.Errorf("a ping in pieces is answered by %s", f)
	}
	// The dialer offers compression and gets none, so there is nothing to unpack.
	_, res, err := (&websocket.Dialer{Subprotocols: []string{Protocol}, EnableCompression: true}).Dial("ws"+strings.TrimPrefix(l.url, "http")+"/v1/push?ticket=good", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // the dialer has read what there is of it
	if got := res.Header.Get("Sec-Websocket-Extensions"); got != "" {
		t.Errorf("extensions %q, want none", got)
	}
}

func TestS8_AnyCursorAtAnyNodeBringsEachItemOnce(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		rapid.Check(t, func(rt *rapid.T) {
			one, two := newDesk(t, k), newDesk(t, k)
			two.inbox, two.o.Inbox = one.inbox, one.inbox
			if err := one.o.Hot.Forget(t.Context(), somebody); err != nil {
				rt.Fatal(err)
			}
			nodes := []*desk{one, two}
			applied := int64(0)
			for range rapid.IntRange(1, 3).Draw(rt, "sessions") {
				d := nodes[rapid.IntRange(0, 1).Draw(rt, "node")]
				one.inbox.add(rapid.IntRange(0, 320).Draw(rt, "while away"), 0)
				after := applied
				c, p := d.join(t, &Cursor{1, after})
				live := rapid.IntRange(0, 20).Draw(rt, "while there")
				for range live {
					entries := one.inbox.add(1, 0)
					switch rapid.IntRange(0, 3).Draw(rt, "told by") {
					case 0:
						d.Deliver(Delivery{Person: somebody, Entries: entries})
					case 1: // by Redis, perhaps twice
						one.o.Hot.Push(t.Context(), []Delivery{{Person: somebody, Entries: entries}})
						one.o.Hot.Push(t.Context(), []Delivery{{Person: somebody, Entries: entries}})
					case 2:
						d.Raise(somebody, entries[0].Seq)
					} // or by nobody
				}
				top := int64(len(one.inbox.items))
				for got, end := int64(0), time.Now().Add(20*time.Second); got < top; {
					d.pass(t, 0)
					d.check(t.Context(), kv.ShardOf(somebody), []int64{somebody})
					got = after
					p.mu.Lock()
					for _, f := range p.frames {
						for _, part := range strings.Split(f, `"s":`)[1:] {
							var seq int64
							if _, err := fmt.Sscanf(part, "%d", &seq); err != nil {
								rt.Fatal(err)
							}
							if got++; seq != got {
								rt.Fatalf("after %d came %d", got-1, seq)
							}
						}
					}
					p.mu.Unlock()
					c.take(clientFrame{kind: ackFrame, seq: got})
					if time.Now().After(end) {
						rt.Fatalf("item %d did not come, only %d", top, got)
					}
				}
				c.part()
				// The device may not have written down all it was shown.
				applied = top - int64(rapid.IntRange(0, int(min(top, 5))).Draw(rt, "forgotten"))
			}
		})
	})
}

func TestS8_ACursorOfAnotherEraOrBelowTheFloorStartsAnew(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		d := newDesk(t, k)
		d.inbox.add(10, 0)
		for _, after := range []*Cursor{{2, 5}, {0, 5}, {1, 11}, nil} {
			_, p := d.join(t, after)
			p.until(t, "reset", p.has(`{"t":"reset","from":0}`))
			p.until(t, "all items", func() bool { n, inOrder := p.items(); return n == 10 && inOrder })
		}
	})
}

func TestStatsSayWhatBecameOfConnectionsAndItems(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	var took []time.Duration
	var mu sync.Mutex
	d.o.Written = func(after time.Duration) { mu.Lock(); took = append(took, after); mu.Unlock() }
	_, p := d.join(t, &Cursor{9, 0}) // another era: from the start
	entries := d.inbox.add(1, 0)
	d.inbox.mu.Lock()
	d.inbox.items[0].Tail = fmt.Sprintf(`"k":"task.due","ts":%d}`, d.now()-250)
	entries[0] = d.inbox.items[0]
	d.inbox.mu.Unlock()
	d.Deliver(Delivery{Person: somebody, Entries: entries})
	p.until(t, "the item", p.has(`{"t":"n","s":1,`))
	d.ClosePerson(somebody, RightsEnded)
	p.until(t, "the goodbye", func() bool { return len(p.codes) > 0 })
	s := d.Stats()
	if s.Connections != 1 || s.Items != 1 || s.Resets != 1 || s.Closed[RightsEnded] != 1 || len(s.Closed) != 1 {
		t.Errorf("stats %+v, want one connection, item, reset and close", s)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(took) != 1 || took[0] != 250*time.Millisecond {
		t.Errorf("written %v after its transaction, want once, after 250 ms", took)
	}
}

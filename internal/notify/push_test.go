package notify

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/push"
)

// each runs f on the embedded pair, and on the servers.
func each(t *testing.T, f func(t *testing.T, d *db.DB, k *kv.KV, g *kvtest.Gate)) {
	t.Helper()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		if k.Embedded() {
			f(t, dbtest.SQLite(t), k, g)
		} else {
			f(t, dbtest.MySQL(t), k, g)
		}
	})
}

func tellMany(t *testing.T, d *db.DB, n int, to ...org.PersonID) {
	t.Helper()
	for i := range n {
		if err := tell(t.Context(), d, Persons(to...), taskDue(int64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADeviceIsToldAtOnceOnEveryNode(t *testing.T) { // N1
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		other := startNode(t, d, k, NewInboxes(d))
		own := startNode(t, d, k, NewInboxes(d))
		here := listen(t, p, 1, "1.0", func() *node { return own })
		there := listen(t, p, 2, "1.0", func() *node { return other })
		for _, v := range []*device{here, there} {
			v.until(t, 5*time.Second, "connected", func() bool { return v.ups == 1 })
		}
		tellMany(t, d, 20, p)
		here.got(t, 5*time.Second, 0, 20)
		there.got(t, 5*time.Second, 0, 20)
		if i := here.items[0]; i.Kind != "task.due" || i.Ref.Type != "task" || i.Ref.ID != 1 || i.Priority != Ordinary {
			t.Errorf("the first item is %+v", i)
		}
	})
}

// S8: resume from any cursor, any node: no hole, no repeat shown; old era → reset.
func TestADeviceResumesFromAnyCursorOnAnyNode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		const all = 700 // over 300: pages of 200, each after an ack
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			for i := range all {
				if err := Tell(t.Context(), tx, Persons(p), taskDue(int64(i+1))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		nodes := []*node{startNode(t, d, k, NewInboxes(d)), startNode(t, d, k, NewInboxes(d))}
		for i, c := range []struct {
			cursor string
			from   int64
			reset  bool
		}{{"1.0", 0, false}, {"1.1", 1, false}, {"1.699", 699, false}, {"1.450", 450, false}, {"0.5", 0, true}, {"1.999", 0, true}, {"", all - 50, true}} {
			at := nodes[i%2]
			v := listen(t, p, int64(i), c.cursor, func() *node { return at })
			v.got(t, 20*time.Second, c.from, all-int(c.from))
			if got := len(v.resets) > 0; got != c.reset {
				t.Errorf("cursor %q: resets %v, want any: %v", c.cursor, v.resets, c.reset)
			}
			v.end()
		}
	})
}

func TestAReadMarkReachesTheOtherDevices(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		a, b := startNode(t, d, k, NewInboxes(d)), startNode(t, d, k, NewInboxes(d))
		here := listen(t, p, 1, "1.0", func() *node { return a })
		there := listen(t, p, 2, "1.0", func() *node { return b })
		tellMany(t, d, 3, p)
		here.got(t, 5*time.Second, 0, 3)
		there.got(t, 5*time.Second, 0, 3)
		l, err := a.service.Read(t.Context(), p, 2)
		if err != nil || l.Read != 2 || l.Unread != 1 {
			t.Fatalf("read mark %+v (%v), want 2 and one unread", l, err)
		}
		there.until(t, 5*time.Second, "the read mark", func() bool { return there.read == 2 })
		if l, err = a.service.Read(t.Context(), p, 1); err != nil || l.Read != 2 {
			t.Errorf("read mark %+v (%v), want it to stay at 2", l, err)
		}
		if l, err = a.service.Read(t.Context(), p, 9); err != nil || l.Read != 2 {
			t.Errorf("read mark %+v (%v), want it never past the newest", l, err)
		}
	})
}

func TestALongPollAnswersWhenSomethingComes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		other := startNode(t, d, k, NewInboxes(d))
		startNode(t, d, k, NewInboxes(d)) // this one hears of the commit
		tellMany(t, d, 2, p)
		l, err := other.service.List(t.Context(), p, "1.0", 50, 25*time.Second)
		if err != nil || len(l.Items) != 2 || l.Unread != 2 || l.Cursor.String() != "1.2" {
			t.Fatalf("listed %+v (%v), want two items at once", l, err)
		}
		answer := make(chan Listing, 1)
		go func() {
			l, err := other.service.List(context.WithoutCancel(t.Context()), p, "1.2", 50, 20*time.Second)
			if err != nil {
				t.Errorf("wait: %v", err)
			}
			answer <- l
		}()
		tellMany(t, d, 1, p)
		select {
		case l := <-answer:
			if len(l.Items) != 1 || l.Items[0].Seq != 3 {
				t.Errorf("waited for %+v, want item 3", l)
			}
		case <-time.After(10 * time.Second):
			t.Error("the waiting request was not answered")
		}
	})
}

// S1: 20 × parallel → one socket; with Redis and without.
func TestATicketOpensOneSocket(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, g *kvtest.Gate) {
		p := people(t, d, 1)[0]
		n := startNode(t, d, k, NewInboxes(d))
		for _, away := range []bool{false, true} {
			if away {
				g.Shut()
			}
			ticket, err := n.tickets.Issue(t.Context(), int64(p)*100)
			if err != nil || len(ticket) != 43 {
				t.Fatalf("ticket %q (%v), want 256 bits", ticket, err)
			}
			var opened, refused int
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					ws, _, err := open(n, ticket, "", "") //nolint:bodyclose // because a WebSocket has none
					if err != nil {
						t.Errorf("dial: %v", err)
						return
					}
					defer ws.Close()
					hi := strings.Contains(next(ws), `"t":"hi"`)
					code := 0
					if !hi {
						code = closedWith(ws)
					}
					mu.Lock()
					defer mu.Unlock()
					if hi {
						opened++
					} else if code == int(push.TicketRefused) {
						refused++
					}
				})
			}
			wg.Wait()
			if opened != 1 || refused != 19 {
				t.Errorf("Redis away %v: %d sockets opened, %d refused with 4001; want 1 and 19", away, opened, refused)
			}
		}
	})
}

// open dials n by hand; origin "" sends none.
func open(n *node, ticket, after, origin string) (*websocket.Conn, *http.Response, error) {
	header := http.Header{"Cookie": {"session=stolen"}} // S3: never looked at
	if origin != "" {
		header.Set("Origin", origin)
	}
	d := websocket.Dialer{Subprotocols: []string{push.Protocol}, HandshakeTimeout: 10 * time.Second}
	return d.Dial(strings.Replace(n.server.URL, "http", "ws", 1)+"/v1/push?ticket="+ticket+"&after="+after, header)
}

// next is the next frame, "" when the socket has ended.
func next(ws *websocket.Conn) string {
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, b, err := ws.ReadMessage()
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(b)
}

// closedWith reads on to the end and says with which code it came.
func closedWith(ws *websocket.Conn) int {
	_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		_, _, err := ws.ReadMessage()
		if err == nil {
			continue
		}
		if closed, ok := err.(*websocket.CloseError); ok { //nolint:errorlint // because gorilla returns it bare
			return closed.Code
		}
		return -1
	}
}

// opened is a socket that has said hi.
func opened(t *testing.T, n *node, session int64) *websocket.Conn {
	t.Helper()
	ticket, err := n.tickets.Issue(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	ws, _, err := open(n, ticket, "1.0", "") //nolint:bodyclose // because a WebSocket has none
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if f := next(ws); !strings.Contains(f, `"t":"hi"`) {
		t.Fatalf("the first frame is %s, want hi", f)
	}
	return ws
}

// S2, S3: origins; a cookie is no ticket.
func TestAPageOfAnotherOriginIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		n := startNode(t, d, k, NewInboxes(d))
		for _, origin := range []string{
			"https://evil.example", "null", "https://h5.haitang.example.evil.example", "https://h5.haitang.example:8443",
			"http://h5.haitang.example", "https://xh5.haitang.example",
		} {
			ticket, err := n.tickets.Issue(t.Context(), int64(p)*100)
			if err != nil {
				t.Fatal(err)
			}
			_, answer, err := open(n, ticket, "", origin) //nolint:bodyclose // because the dialer has read it
			if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
				t.Errorf("origin %s is answered %v, want 403", origin, answer)
			}
			ws, _, err := open(n, ticket, "", "https://h5.haitang.example") //nolint:bodyclose // because a WebSocket has none
			if err != nil || !strings.Contains(next(ws), `"t":"hi"`) {
				t.Errorf("our own page is refused after that: %v", err)
			}
			_ = ws.Close()
		}
		ws, _, err := open(n, "", "", "") //nolint:bodyclose // because a WebSocket has none
		if err != nil {
			t.Fatal(err)
		}
		if code := closedWith(ws); code != int(push.TicketRefused) {
			t.Errorf("no ticket, but a cookie: closed with %d, want 4001", code)
		}
	})
}

// S4, S7: what a socket may not send.
func TestASocketThatBreaksTheRulesIsClosed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 12)
		n := startNode(t, d, k, NewInboxes(d))
		for i, c := range []struct {
			what string
			send func(ws *websocket.Conn)
			code int
		}{
			{"binary", func(ws *websocket.Conn) { _ = ws.WriteMessage(websocket.BinaryMessage, []byte(`{"t":"p"}`)) }, 4015},
			{"bad JSON", func(ws *websocket.Conn) { _ = ws.WriteMessage(websocket.TextMessage, []byte(`{"t":`)) }, 4015},
			{"an unknown frame", func(ws *websocket.Conn) { _ = ws.WriteMessage(websocket.TextMessage, []byte(`{"t":"hi"}`)) }, 4015},
			{"bad UTF-8", func(ws *websocket.Conn) { _ = ws.WriteMessage(websocket.TextMessage, []byte("{\"t\":\"\xff\"}")) }, 1007},
			{"a frame over 4 KiB", func(ws *websocket.Conn) {
				_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"t":"p"`+strings.Repeat(" ", 4200)+`}`))
			}, 1009},
			{"fragments over 4 KiB", func(ws *websocket.Conn) {
				w, err := ws.NextWriter(websocket.TextMessage)
				for range 5 {
					if err == nil {
						_, err = w.Write([]byte(strings.Repeat(" ", 4096)))
					}
				}
			}, 1009},
			{"21 frames in a second", func(ws *websocket.Conn) {
				for range 60 {
					_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"t":"p"}`))
				}
			}, 4013},
		} {
			ws := opened(t, n, int64(p[i])*100)
			c.send(ws)
			if code := closedWith(ws); code != c.code {
				t.Errorf("%s: closed with %d, want %d", c.what, code, c.code)
			}
		}
		var first *websocket.Conn
		for i := range 6 {
			ws := opened(t, n, int64(p[10])*100+int64(i))
			if i == 0 {
				first = ws
			}
		}
		if code := closedWith(first); code != int(push.TooManyOpen) {
			t.Errorf("the oldest of six is closed with %d, want 4009", code)
		}
		ws := opened(t, n, int64(p[11])*100)
		_ = ws.WriteMessage(websocket.TextMessage, []byte(` {"t" : "p"} `))
		if got := next(ws); got != `{"t":"p"}` {
			t.Errorf("a ping is answered %s", got)
		}
		n.hub.CloseSessions([]int64{int64(p[11]) * 100}, push.SignedOut)
		if code := closedWith(ws); code != int(push.SignedOut) {
			t.Errorf("signed out: closed with %d, want 4014", code)
		}
	})
}

func TestADrainedNodeSendsItsDevicesElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, k *kv.KV, _ *kvtest.Gate) {
		p := people(t, d, 1)[0]
		n := startNode(t, d, k, NewInboxes(d))
		ws := opened(t, n, int64(p)*100)
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
			defer cancel()
			n.hub.Drain(ctx)
		}()
		if f := next(ws); !strings.HasPrefix(f, `{"t":"bye","code":4011,"after":`) {
			t.Errorf("the last frame is %s, want bye 4011", f)
		}
		if code := closedWith(ws); code != int(push.Drained) {
			t.Errorf("closed with %d, want 4011", code)
		}
		<-gone
		if _, answer, err := open(n, "", "", ""); err == nil || answer.StatusCode != http.StatusServiceUnavailable { //nolint:bodyclose // because the dialer has read it
			t.Error("a draining node takes new sockets")
		}
	})
}

package pushclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A visit is one connection of the device to a server that a test plays.
type visit struct {
	*websocket.Conn
	t     *testing.T
	query string // without the ticket
	at    time.Time
}

func (v *visit) says(frames ...string) {
	for _, f := range frames {
		_ = v.WriteMessage(websocket.TextMessage, []byte(f)) // the device may have left
	}
}

// hears is the device's next frame, "" when it has left.
func (v *visit) hears() string {
	_ = v.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, b, err := v.ReadMessage()
	if err != nil {
		return ""
	}
	return string(b)
}

func (v *visit) closes(code int) {
	_ = v.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
	v.hears()
}

// plays runs a device against server, which is called for each connection and ends the test by false.
func plays(t *testing.T, o Options, server func(n int, v *visit) bool) (ended error) {
	t.Helper()
	_, ended = played(t, o, server)
	return ended
}

// played is plays, and gives back the device too.
func played(t *testing.T, o Options, server func(n int, v *visit) bool) (c *Client, ended error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	up := websocket.Upgrader{Subprotocols: []string{"wanjia.v1"}}
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if websocket.Subprotocols(r)[0] != "wanjia.v1" || r.URL.Path != "/v1/push" {
			t.Errorf("it asks for %s with %v", r.URL.Path, websocket.Subprotocols(r))
		}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		defer func() { _ = ws.Close() }()
		q := r.URL.Query()
		if want := fmt.Sprint("ticket", n); !strings.HasPrefix(q.Get("ticket"), "ticket") || q.Get("ticket") < want {
			t.Errorf("connection %d shows %s: an old one", n, q.Get("ticket"))
		}
		q.Del("ticket")
		if n++; !server(n-1, &visit{ws, t, q.Encode(), time.Now()}) {
			cancel()
		}
	}))
	defer s.Close()
	tickets := 0
	o.URL = s.URL
	if o.Ticket == nil {
		o.Ticket = func(context.Context) (string, error) { tickets++; return fmt.Sprint("ticket", tickets-1), nil }
	}
	if o.Apply == nil {
		o.Apply = func(Item) {}
	}
	if o.FirstPause == 0 {
		o.FirstPause = time.Millisecond
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Run(ctx)
	if err == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("the play did not come to its end")
	}
	return c, err
}

const hi = `{"t":"hi","era":1,"top":9,"read":0,"floor":0,"hb":25,"exp":1800}`

func item(n int) string { return fmt.Sprintf(`{"t":"n","s":%d,"k":"task.due"}`, n) }

func TestADeviceAppliesEachItemOnceAndAsksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	var applied []int64
	var kept []string
	var mu sync.Mutex
	err := plays(t, Options{
		Cursor: "1.2",
		Apply:  func(i Item) { mu.Lock(); applied = append(applied, i.Seq); mu.Unlock() },
		Keep:   func(cursor string) { mu.Lock(); kept = append(kept, cursor); mu.Unlock() },
	}, func(n int, v *visit) bool {
		switch n {
		case 0:
			v.says(hi, item(1), item(3), item(3), item(5))
			if f := v.hears(); f != `{"t":"ack","s":3}` && f != "" {
				t.Errorf("it says %s", f)
			}
			return true
		default:
			if v.query != "after=1.3" {
				t.Errorf("it comes back with %s, want the cursor before the hole", v.query)
			}
			v.says(hi, `{"t":"b","n":[{"s":4,"k":"task.due"},{"s":5,"k":"gone"}]}`, `{"t":"later","what":1}`)
			if f := v.hears(); f != `{"t":"ack","s":5}` {
				t.Errorf("it acks with %s", f)
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(applied, []int64{3, 4, 5}) || !slices.Equal(kept, []string{"1.3", "1.5"}) {
				t.Errorf("applied %v and kept %v before the ack, want each once, in order", applied, kept)
			}
			return false
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// What a device keeps from its application it counts, so that a server that sends it is seen.
func TestADeviceCountsWhatItDrops(t *testing.T) {
	t.Parallel()
	c, err := played(t, Options{Cursor: "1.2"}, func(n int, v *visit) bool {
		switch n {
		case 0: // one that it had, one twice, one after a later one, and a hole
			v.says(hi, item(2), item(3), item(3), item(4), item(3), item(6))
			for v.hears() != "" {
			}
			return true
		case 1: // again over another connection, and in order
			v.says(hi, item(3), item(4), item(5), `{"t":"reset","from":3}`, item(4), item(5))
			v.closes(4003)
			for v.hears() != "" {
			}
			return true
		default:
			v.says(hi)
			return false
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Counts()
	if got.Connections != 2 && got.Connections != 3 { // the end may come before the last hi is read
		t.Errorf("%d connections, want two, and one that is just ending", got.Connections)
	}
	got.Connections = 0
	if want := (Counts{Again: 3, Disorder: 2, Holes: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestADeviceBeginsAnewWhenItIsTold(t *testing.T) {
	t.Parallel()
	var from []int64
	var seqs []int64
	_ = plays(t, Options{Cursor: "7.40", Reset: func(n int64) { from = append(from, n) }, Apply: func(i Item) { seqs = append(seqs, i.Seq) }},
		func(n int, v *visit) bool {
			if n == 0 {
				v.says(hi, `{"t":"reset","from":9}`, item(10))
				v.hears()
				return true
			}
			if v.query != "after=1.10" || !slices.Equal(from, []int64{9}) || !slices.Equal(seqs, []int64{10}) {
				t.Errorf("after a reset behind %v it applied %v and comes back with %s", from, seqs, v.query)
			}
			return false
		})
}

func TestADeviceRenewsItselfInPlace(t *testing.T) {
	t.Parallel()
	_ = plays(t, Options{}, func(_ int, v *visit) bool {
		v.says(hi, `{"t":"exp","in":60}`)
		if f := v.hears(); f != `{"t":"auth","ticket":"ticket1"}` {
			t.Errorf("told that its window ends it says %s", f)
		}
		return false
	})
}

func TestADeviceWhosePingIsNotAnsweredComesBack(t *testing.T) {
	t.Parallel()
	var why error
	_ = plays(t, Options{PingEvery: 10 * time.Millisecond, PongWithin: 50 * time.Millisecond, Down: func(_ int, err error) { why = err }},
		func(n int, v *visit) bool {
			v.says(hi)
			if n == 1 {
				return false
			}
			for range 3 { // words that are no answer keep nobody from asking
				if f := v.hears(); f != `{"t":"p"}` {
					t.Errorf("it says %s, want a ping", f)
				}
				v.says(`{"t":"read","s":1}`, `{"t":"p"}`)
			}
			v.hears()
			v.says(`{"t":"read","s":2}`)
			if f := v.hears(); f != "" {
				t.Errorf("without an answer it says %s", f)
			}
			return true
		})
	if why == nil || !strings.Contains(why.Error(), "ping") {
		t.Errorf("it left because of %v", why)
	}
}

// Each code of the page: who stays away does, and the others come back when they were asked to.
func TestADeviceDoesWithEachCodeWhatThePageSays(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/push-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d{4}) \|.*\| (comes back|stays away) \|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != 12 {
		t.Fatalf("the page has %d codes, want 12", len(rows))
	}
	for _, row := range rows {
		code, _ := strconv.Atoi(row[1]) // four digits
		t.Run(row[1], func(t *testing.T) {
			t.Parallel()
			if code == tooFast {
				if Stays(code) {
					t.Error("it stays away")
				}
				return // it waits for 30 s
			}
			var left time.Time
			err := plays(t, Options{FirstPause: time.Nanosecond, LastPause: time.Nanosecond}, func(n int, v *visit) bool {
				if n == 0 {
					v.says(hi, fmt.Sprintf(`{"t":"bye","code":%d,"after":60}`, code))
					left = time.Now()
					v.closes(code)
					return true
				}
				if away := v.at.Sub(left); away < 60*time.Millisecond {
					t.Errorf("it is back after %v, and was asked to stay for 60 ms", away)
				}
				return false
			})
			if stays := errors.Is(err, ErrStay); stays != (row[2] == "stays away") {
				t.Errorf("closed with %d it ended with %v; the page says it %s", code, err, row[2])
			}
		})
	}
}

func TestCursorsOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	for _, cursor := range []string{"5", "a.b", "1.", ".1"} {
		if _, err := New(Options{Cursor: cursor}); err == nil {
			t.Errorf("%q is taken", cursor)
		}
	}
}

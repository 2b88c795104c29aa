package push

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wanjia/internal/platform/kv/kvtest"
)

// sleepy is a connection with little room on our side, so that who does not read soon stops the server.
func sleepy(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	return c, err
}

// await waits until ok holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestEveryCloseCodeReachesItsDevice(t *testing.T) {
	t.Parallel()
	say := func(t *testing.T, ws *websocket.Conn, kind int, text string) {
		t.Helper()
		if err := ws.WriteMessage(kind, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range Codes {
		cause := map[Code]func(t *testing.T, l *line, ws *websocket.Conn){
			1007: func(t *testing.T, _ *line, ws *websocket.Conn) {
				say(t, ws, websocket.TextMessage, "{\"t\":\"\xc3\x28\"}")
			},
			1009: func(t *testing.T, _ *line, ws *websocket.Conn) {
				say(t, ws, websocket.TextMessage, strings.Repeat(" ", frameLimit+1))
			},
			4001: func(t *testing.T, l *line, ws *websocket.Conn) {
				say(t, ws, websocket.TextMessage, `{"t":"auth","ticket":"bad"}`)
				l.do(t.Context(), <-l.work)
			},
			4003: func(t *testing.T, l *line, _ *websocket.Conn) { l.pass(t, 41*time.Second) },
			4005: func(_ *testing.T, l *line, _ *websocket.Conn) { l.ClosePerson(somebody, RightsEnded) },
			4008: func(t *testing.T, l *line, _ *websocket.Conn) {
				tail := `"k":"task.due","d":{"x":"` + strings.Repeat("x", 4000) + `"}}`
				for i := int64(1); l.Stats().Closed[Slow] == 0; i++ {
					e := Entry{Seq: i, Tail: tail}
					l.inbox.mu.Lock()
					l.inbox.items = append(l.inbox.items, e)
					l.inbox.mu.Unlock()
					l.Deliver(Delivery{Person: somebody, Entries: []Entry{e}})
					await(t, "the writer's turn", func() bool {
						p := l.find(somebody)
						p.mu.Lock()
						defer p.mu.Unlock()
						return !p.conns[0].writing || len(p.conns[0].queue) < 2 || p.conns[0].shutAt != 0
					})
				}
			},
			4009: func(t *testing.T, l *line, _ *websocket.Conn) {
				for range socketsAPerson {
					l.pass(t, time.Second) // so that it is clear who is the oldest
					l.open(t, "&after=1.0")
				}
			},
			4011: func(t *testing.T, l *line, _ *websocket.Conn) {
				ended := make(chan struct{})
				go func() { defer close(ended); l.Drain(context.WithoutCancel(t.Context())) }()
				t.Cleanup(func() { <-ended })
			},
			4012: func(t *testing.T, l *line, _ *websocket.Conn) { l.pass(t, 61*time.Second) },
			4013: func(t *testing.T, _ *line, ws *websocket.Conn) {
				for range framesASecond + 1 {
					say(t, ws, websocket.TextMessage, `{"t":"p"}`)
				}
			},
			4014: func(_ *testing.T, l *line, _ *websocket.Conn) { l.CloseSessions([]int64{71}, SignedOut) },
			4015: func(t *testing.T, _ *line, ws *websocket.Conn) { say(t, ws, websocket.BinaryMessage, `{"t":"p"}`) },
		}[c]
		if cause == nil {
			t.Errorf("nothing here is closed with %d", c)
			continue
		}
		t.Run(strconv.Itoa(int(c)), func(t *testing.T) {
			t.Parallel()
			l := newLine(t, kvtest.New(t))
			l.patience = 50 * time.Millisecond
			l.o.Redeem = func(_ context.Context, ticket string) (Session, error) {
				s := Session{PersonID: somebody, SessionID: 71}
				if c == WindowOver {
					s.Until = l.o.Now().Add(40 * time.Second)
				}
				if ticket == "bad" {
					return s, ErrTicket
				}
				return s, nil
			}
			d := websocket.Dialer{Subprotocols: []string{Protocol}, NetDialContext: sleepy}
			ws, res, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(l.url, "http")+"/v1/push?ticket=good&after=1.0", nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close() // the dialer has read what there is of it
			t.Cleanup(func() { _ = ws.Close() })
			if f := frame(t, ws); !strings.HasPrefix(f, `{"t":"hi"`) {
				t.Fatalf("the first frame is %s", f)
			}
			cause(t, l, ws)
			_ = ws.SetReadDeadline(time.Now().Add(10 * time.Second))
			last, got, seq := "", 0, int64(0)
			for got == 0 {
				_, b, err := ws.ReadMessage()
				if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
					got = closed.Code
				} else if err != nil {
					t.Fatalf("it ended with %v, after %.80s", err, last)
				} else {
					last = string(b)
				}
				for _, part := range strings.Split(last, `"s":`)[1:] {
					if seq++; err == nil && !strings.HasPrefix(part, fmt.Sprint(seq, ",")) {
						t.Fatalf("item %d is %.80s", seq, part)
					}
				}
			}
			if got != int(c) {
				t.Errorf("closed with %d", got)
			}
			bye := fmt.Sprintf(`{"t":"bye","code":%d,"after":`, c)
			if silent := c == badUTF8 || c == tooLong || c == BadFrame; !silent && !strings.HasPrefix(last, bye) {
				t.Errorf("the last frame is %.80s, want %s…", last, bye)
			}
			await(t, "the count", func() bool { return l.Stats().Closed[c] > 0 })
			stay := int64(0)
			if c == TooManyOpen {
				stay = socketsAPerson
			}
			await(t, "the end", func() bool { return l.Stats().Connections == stay })
		})
	}
}

// What docs/push-protocol.md says of codes and frames is what the code has.
func TestTheProtocolPageIsWhatTheServerSpeaks(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/push-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	var codes []Code
	for _, m := range regexp.MustCompile(`(?m)^\| (\d{4}) \|`).FindAllStringSubmatch(page, -1) {
		n, _ := strconv.Atoi(m[1]) // four digits
		codes = append(codes, Code(n))
	}
	slices.Sort(codes)
	if !slices.Equal(codes, Codes) {
		t.Errorf("the page tells of %v, the server closes with %v", codes, Codes)
	}
	item := Entry{124, `"as":12,"k":"task.assigned","p":1,"ts":1795743000000,"ref":{"type":"task","id":88},"d":{"unitLabel":"瑞和社区"}}`}
	gone := Entry{125, goneTail}
	said := map[string][]string{"server": {
		string(hiFrame(3, Head{Seq: 130, Read: 118, Floor: 9}, 1800)),
		string(itemFrame(nil, []Entry{item})),
		string(itemFrame(nil, []Entry{gone})),
		string(itemFrame(nil, []Entry{{126, `"k":"task.due",…}`}, {127, `"k":"request.opened",…}`}})),
		string(numberFrame("read", "s", 128)), string(numberFrame("reset", "from", 9)), `{"t":"p"}`,
		string(numberFrame("exp", "in", 60)), string(byeFrame(Drained, 7350)),
	}}
	rows := regexp.MustCompile("(?m)^\\| (server|device) \\| `([^`]*)` \\|").FindAllStringSubmatch(page, -1)
	for _, m := range rows {
		who, text := m[1], m[2]
		if who == "device" {
			if _, err := parseFrame([]byte(text)); err != nil {
				t.Errorf("the server takes %s for %v", text, err)
			}
			said[who] = append(said[who], text)
			continue
		}
		if i := slices.Index(said[who], text); i >= 0 {
			said[who] = slices.Delete(said[who], i, i+1)
		} else {
			t.Errorf("no server says %s", text)
		}
	}
	if left := said["server"]; len(left) > 0 || len(said["device"]) != 4 {
		t.Errorf("the page does not show %v; of devices it has %v, want the four", left, said["device"])
	}
	for _, limit := range []string{
		fmt.Sprint(socketsAPerson, " sockets"), fmt.Sprint(framesASecond, " frames"), fmt.Sprint(resumeAtOnce, " items"),
		fmt.Sprint(pageItems, " items"), fmt.Sprint(batchItems, " items"), fmt.Sprintf("%d KiB", frameLimit>>10), Protocol,
	} {
		if !strings.Contains(page, limit) {
			t.Errorf("the page does not say %q", limit)
		}
	}
}

// Heads of frames are ours: three forms, by size.
func TestFramesOfAnySizeArrive(t *testing.T) {
	t.Parallel()
	l := newLine(t, kvtest.New(t))
	ws := l.open(t, "&after=1.0")
	for i, size := range []int{40, 125, 126, 65_535, 65_536, 200_000} {
		want := fmt.Sprintf(`{"t":"n","s":%d,"k":"task.due","d":{"x":"`, i+1)
		want += strings.Repeat("x", max(0, size-len(want)-3)) + `"}}`
		l.inbox.mu.Lock()
		l.inbox.items = append(l.inbox.items, Entry{Seq: int64(i + 1), Tail: want[len(fmt.Sprintf(`{"t":"n","s":%d,`, i+1)):]})
		l.inbox.mu.Unlock()
		l.Raise(somebody, int64(i+1))
		if got := frame(t, ws); got != want {
			t.Errorf("a frame of %d bytes arrives as one of %d", len(want), len(got))
		}
	}
}

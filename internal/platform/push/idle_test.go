package push

import (
	"context"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"wanjia/internal/platform/kv/kvtest"
)

// push.md §14: what there is of each connection is small.
func TestAConnectionIsSmall(t *testing.T) {
	t.Parallel()
	if n := unsafe.Sizeof(conn{}); n > 256 {
		t.Errorf("a connection has %d bytes, want 256 at most", n)
	}
}

// BenchmarkIdleSocket measures what an idle socket costs after a forced garbage collection: the server's half of it, since
// the other end here is a bare TCP connection that holds nothing. b.N is how many sockets there are: -benchtime 8000x.
func BenchmarkIdleSocket(b *testing.B) {
	k := kvtest.New(b)
	m := &memory{}
	var persons atomic.Int64
	h := NewHub(Options{Era: 1, Inbox: m, KV: k, Hot: NewHot(k), Redeem: func(context.Context, string) (Session, error) {
		n := persons.Add(1)
		return Session{PersonID: n, SessionID: n}, nil
	}})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	s := httptest.NewServer(plain(h.ServeSocket))
	all := make([]net.Conn, 0, b.N)
	b.Cleanup(func() {
		for _, c := range all {
			_ = c.Close()
		}
		for h.open.Load() > 0 {
			runtime.Gosched()
		}
		s.Close()
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	ask := "GET /v1/push?ticket=good&after=1.0 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + Protocol + "\r\n" +
		"User-Agent: " + strings.Repeat("x", 200) + "\r\n\r\n"
	connect := func() {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
		if _, err := c.Write([]byte(ask)); err != nil {
			b.Fatal(err)
		}
	}
	connect() // what is made once
	settle(b, h, 1)
	heap, stack, rss := memoryNow(b)
	for range b.N {
		connect()
	}
	settle(b, h, int64(b.N)+1)
	heap2, stack2, rss2 := memoryNow(b)
	n := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(heap2-heap)/n, "heap-B/socket")
	b.ReportMetric(float64(stack2-stack)/n, "stack-B/socket")
	b.ReportMetric(float64(rss2-rss)/n, "RSS-B/socket")
}

// settle waits until n sockets are open and nobody writes.
func settle(b *testing.B, h *Hub, n int64) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(time.Minute); ; {
		busy := false
		for i := range h.shards {
			for _, p := range h.shards[i].all() {
				p.mu.Lock()
				for _, c := range p.conns {
					busy = busy || c.writing
				}
				p.mu.Unlock()
			}
		}
		if h.open.Load() == n && !busy {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			b.Fatalf("%d sockets are open, want %d", h.open.Load(), n)
		}
	}
}

func memoryNow(b *testing.B) (heap, stack, rss int64) {
	b.Helper()
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	text, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64) // a number, or there is none to show
			rss = pages * int64(os.Getpagesize())
		}
	}
	return int64(m.HeapAlloc), int64(m.StackInuse), rss
}

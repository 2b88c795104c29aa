// Package kvtest gives tests a Redis of their own: the embedded one, and the real server when there is one.
package kvtest

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"wanjia/internal/platform/kv"
)

// Each runs the test on the embedded Redis and, where WANJIA_TEST_REDIS names one, on a real server, under
// a prefix of its own. In CI a missing server fails the test.
func Each(t *testing.T, f func(t *testing.T, k *kv.KV)) {
	t.Helper()
	EachGated(t, func(t *testing.T, k *kv.KV, _ *Gate) { f(t, k) })
}

// EachGated is Each, with a gate that takes Redis away and gives it back.
func EachGated(t *testing.T, f func(t *testing.T, k *kv.KV, g *Gate)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		g := &Gate{}
		f(t, open(t, kv.Options{Era: 1, Gate: g.stand}), g)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		g := &Gate{}
		addr, prefix := Shared(t)
		f(t, open(t, kv.Options{Era: 1, Addrs: []string{addr}, Prefix: prefix, Gate: g.stand}), g)
	})
}

// Shared is the real server, and a prefix on it that is the test's own: what it leaves there is swept up. Without a
// server the test is skipped, and in CI it fails.
func Shared(t *testing.T) (addr, prefix string) {
	t.Helper()
	addr = os.Getenv("WANJIA_TEST_REDIS")
	if addr == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("WANJIA_TEST_REDIS names no server, and CI runs without skipping: start it with make test")
		}
		t.Skip("WANJIA_TEST_REDIS names no server: this half runs with make test")
	}
	prefix = "test" + rand.Text() + ":"
	t.Cleanup(func() { sweep(t, addr, prefix) })
	return addr, prefix
}

// New is an embedded Redis for a test that cares for one engine only.
func New(t testing.TB) *kv.KV {
	t.Helper()
	return open(t, kv.Options{Era: 1})
}

func open(t testing.TB, o kv.Options) *kv.KV {
	t.Helper()
	k, err := kv.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open redis: %v", err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Errorf("close redis: %v", err)
		}
	})
	return k
}

// sweep deletes what a test left on a shared server.
func sweep(t *testing.T, addr, prefix string) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = c.Close() }()
	ctx := context.WithoutCancel(t.Context())
	keys := c.Scan(ctx, 0, strings.ReplaceAll(prefix, "*", "")+"*", 500).Iterator()
	for keys.Next(ctx) {
		if err := c.Del(ctx, keys.Val()).Err(); err != nil {
			t.Errorf("delete %s: %v", keys.Val(), err)
		}
	}
	if err := keys.Err(); err != nil {
		t.Errorf("look for keys of the test: %v", err)
	}
}

// A Gate stands between a KV and its Redis.
type Gate struct {
	mu    sync.Mutex
	shut  bool
	stall bool
	conns map[net.Conn]bool
}

// Shut ends every connection and lets no new one through: Redis is away.
func (g *Gate) Shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}

// Open lets connections through again. What Redis held is still there.
func (g *Gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = false
}

// Stall lets connections stand and swallows what is said over them: Redis is there and does not answer.
func (g *Gate) Stall(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stall = on
}

// stalling is a connection that a gate can make deaf.
type stalling struct {
	net.Conn
	gate *Gate
}

func (s stalling) Write(b []byte) (int, error) {
	s.gate.mu.Lock()
	deaf := s.gate.stall
	s.gate.mu.Unlock()
	if deaf {
		return len(b), nil
	}
	return s.Conn.Write(b)
}

func (g *Gate) stand(dial kv.Dialer) kv.Dialer {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		g.mu.Lock()
		shut := g.shut
		g.mu.Unlock()
		if shut {
			return nil, errors.New("the test has shut the gate")
		}
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.shut {
			_ = c.Close()
			return nil, errors.New("the test has shut the gate")
		}
		if g.conns == nil {
			g.conns = map[net.Conn]bool{}
		}
		g.conns[c] = true
		return stalling{c, g}, nil
	}
}

package kvtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wanjia/internal/platform/kv"
)

// A Server is a Redis process of the test's own, which it may wipe and kill.
type Server struct {
	t       *testing.T
	program string
	port    string
	folder  string
	command *exec.Cmd
}

// Own starts a Redis for this test alone and opens it; where there is no server for tests, it skips like Each.
func Own(t *testing.T) (*kv.KV, *Server) {
	t.Helper()
	s := Process(t)
	return open(t, kv.Options{Era: 1, Addrs: []string{s.Address()}}), s
}

// OpenGated opens it, with a gate that takes it away from this node alone, and gives it back.
func (s *Server) OpenGated() (*kv.KV, *Gate) {
	s.t.Helper()
	g := &Gate{}
	return open(s.t, kv.Options{Era: 1, Addrs: []string{s.Address()}, Gate: g.stand}), g
}

// Process is Own without opening it: for tests whose servers are processes too.
func Process(t *testing.T) *Server {
	t.Helper()
	if os.Getenv("WANJIA_TEST_REDIS") == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("WANJIA_TEST_REDIS names no server, and CI runs without skipping: start it with make test")
		}
		t.Skip("WANJIA_TEST_REDIS names no server: this test runs with make test")
	}
	s := &Server{t: t, folder: t.TempDir()}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			s.program = path
			break
		}
	}
	if s.program == "" {
		t.Fatal("there is neither redis-server nor valkey-server, which make test installs")
	}
	s.port = freePort(t)
	s.Start()
	t.Cleanup(func() {
		if s.command != nil {
			s.Kill()
		}
	})
	return s
}

// Address is host:port.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", s.port) }

// Start starts the process, empty, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.folder, saved)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatalf("empty redis: %v", err)
	}
	s.StartSaved()
}

// saved is where Save puts what Redis holds.
const saved = "dump.rdb"

// Save writes down what Redis holds at this moment, as it does by itself once in a while.
func (s *Server) Save() {
	s.t.Helper()
	c := s.client()
	defer func() { _ = c.Close() }()
	if err := c.Save(context.Background()).Err(); err != nil {
		s.t.Fatalf("save redis: %v", err)
	}
}

// StartSaved starts the process with what it held when it was last saved, and waits until it answers.
func (s *Server) StartSaved() {
	s.t.Helper()
	s.command = exec.Command(s.program, "--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.folder, "--dbfilename", saved) //nolint:gosec,noctx // because the test stops it
	if err := s.command.Start(); err != nil {
		s.t.Fatalf("start redis: %v", err)
	}
	c := s.client()
	defer func() { _ = c.Close() }()
	for end := time.Now().Add(time.Minute); c.Ping(context.Background()).Err() != nil; {
		if time.Now().After(end) {
			s.t.Fatal("redis does not answer within a minute")
		}
		<-time.After(10 * time.Millisecond)
	}
}

// Kill ends the process with SIGKILL; what it held is gone.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.command.Process.Kill(); err != nil {
		s.t.Fatalf("kill redis: %v", err)
	}
	_ = s.command.Wait() // it was killed, and says so
	s.command = nil
}

// Wipe deletes everything (FLUSHALL).
func (s *Server) Wipe() {
	s.t.Helper()
	c := s.client()
	defer func() { _ = c.Close() }()
	if err := c.FlushAll(context.Background()).Err(); err != nil {
		s.t.Fatalf("wipe redis: %v", err)
	}
}

// Dump is every key with what it holds, as text: for tests of what must not be there.
func (s *Server) Dump() (all []string) {
	s.t.Helper()
	c, ctx := s.client(), context.Background()
	defer func() { _ = c.Close() }()
	keys := c.Scan(ctx, 0, "*", 500).Iterator()
	for keys.Next(ctx) {
		raw, err := c.Do(ctx, "DUMP", keys.Val()).Text() // small values stand there as they are
		if err != nil && !errors.Is(err, redis.Nil) {
			s.t.Fatalf("dump %s: %v", keys.Val(), err)
		}
		all = append(all, fmt.Sprintf("%s=%s", keys.Val(), raw))
	}
	if err := keys.Err(); err != nil {
		s.t.Fatalf("list the keys: %v", err)
	}
	return all
}

func (s *Server) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Address(), MaxRetries: -1, DialTimeout: time.Second})
}

package kvtest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wanjia/internal/platform/kv"
)

// A Cluster is a Redis Cluster of three masters of one test, each a process on loopback that may be killed. They keep
// nothing but who they are: one that is started again comes back to its slots, empty.
type Cluster struct {
	t       *testing.T
	program string
	masters [3]master
}

type master struct {
	port, bus, folder string
	command           *exec.Cmd
}

const slots = 16384

// NewCluster starts a cluster and waits until it serves. Without a server program the test is skipped, and in CI it
// fails.
func NewCluster(t *testing.T) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil && c.program == "" {
			c.program = path
		}
	}
	if c.program == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is neither redis-server nor valkey-server, and CI runs without skipping")
		}
		t.Skip("there is neither redis-server nor valkey-server: this test runs with make test")
	}
	t.Cleanup(func() {
		for i := range c.masters {
			c.Kill(i)
		}
	})
	for i := range c.masters {
		m := &c.masters[i]
		m.port, m.bus, m.folder = freePort(t), freePort(t), t.TempDir()
		c.launch(i)
		from, to := c.shards(i)
		for _, words := range [][]any{
			{"CLUSTER", "ADDSLOTSRANGE", from * (slots / kv.Shards), to*(slots/kv.Shards) - 1},
			{"CLUSTER", "SET-CONFIG-EPOCH", i + 1},
		} {
			if err := c.do(i, words...); err != nil {
				t.Fatalf("%v: %v", words, err)
			}
		}
	}
	for _, m := range c.masters[1:] {
		if err := c.do(0, "CLUSTER", "MEET", "127.0.0.1", m.port, m.bus); err != nil {
			t.Fatalf("meet: %v", err)
		}
	}
	c.Whole()
	return c
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // because it only finds a free port
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// shards are those that master i serves, from and before to.
func (c *Cluster) shards(i int) (from, to int) {
	return i * kv.Shards / len(c.masters), (i + 1) * kv.Shards / len(c.masters)
}

// MasterOf is which master serves shard.
func (c *Cluster) MasterOf(shard int) int {
	for i := range c.masters {
		if from, to := c.shards(i); shard >= from && shard < to {
			return i
		}
	}
	return -1
}

// Options are how to reach the cluster: by any of its nodes.
func (c *Cluster) Options() kv.Options {
	o := kv.Options{Era: 1, Cluster: true}
	for i := range c.masters {
		o.Addrs = append(o.Addrs, c.address(i))
	}
	return o
}

// Open connects to the cluster, as one node of ours does.
func (c *Cluster) Open() *kv.KV {
	c.t.Helper()
	return open(c.t, c.Options())
}

func (c *Cluster) address(i int) string { return net.JoinHostPort("127.0.0.1", c.masters[i].port) }

func (c *Cluster) launch(i int) {
	c.t.Helper()
	m := &c.masters[i]
	m.command = exec.Command(c.program, //nolint:gosec,noctx // because the test stops it
		"--port", m.port, "--cluster-port", m.bus, "--bind", "127.0.0.1", "--dir", m.folder, "--save", "", "--appendonly", "no",
		"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000",
		"--cluster-require-full-coverage", "no")
	if err := m.command.Start(); err != nil {
		c.t.Fatalf("start master %d: %v", i, err)
	}
	c.wait("its answer", func() bool { return c.do(i, "PING") == nil })
}

// Start starts master i again, empty, and waits until the cluster is whole.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	c.launch(i)
	c.Whole()
}

// Kill ends master i with SIGKILL.
func (c *Cluster) Kill(i int) {
	m := &c.masters[i]
	if m.command == nil {
		return
	}
	_ = m.command.Process.Kill() // it may have ended
	_ = m.command.Wait()         // it was killed, and says so
	m.command = nil
}

// Whole waits until every master says that all slots are served.
func (c *Cluster) Whole() {
	c.t.Helper()
	c.wait("the whole cluster", func() bool {
		for i := range c.masters {
			said, err := c.ask(i, "CLUSTER", "INFO")
			if err != nil || !strings.Contains(said, "cluster_state:ok") ||
				!strings.Contains(said, "cluster_slots_ok:16384") || !strings.Contains(said, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	})
}

// Move gives the slot of key's shard to another master, as a resharding does. The slot must be empty.
func (c *Cluster) Move(shard, to int) {
	c.t.Helper()
	name, err := c.ask(to, "CLUSTER", "MYID")
	if err != nil {
		c.t.Fatalf("ask master %d who it is: %v", to, err)
	}
	from := c.MasterOf(shard)
	for slot := shard * (slots / kv.Shards); slot < (shard+1)*(slots/kv.Shards); slot++ {
		for _, i := range []int{to, from} {
			if err := c.do(i, "CLUSTER", "SETSLOT", slot, "NODE", name); err != nil {
				c.t.Fatalf("move slot %d: %v", slot, err)
			}
		}
	}
}

func (c *Cluster) do(i int, words ...any) error {
	_, err := c.ask(i, words...)
	return err
}

func (c *Cluster) ask(i int, words ...any) (string, error) {
	r := redis.NewClient(&redis.Options{Addr: c.address(i), MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second})
	defer func() { _ = r.Close() }()
	return r.Do(context.Background(), words...).Text()
}

func (c *Cluster) wait(what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			c.t.Fatalf("%s did not come within 30 s", what)
		}
	}
}

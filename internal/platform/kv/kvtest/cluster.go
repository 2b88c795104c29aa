package kvtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wanjia/internal/platform/freeport"
	"wanjia/internal/platform/kv"
)

// A Cluster is a Redis Cluster of three masters of one test, each a process on loopback that may be killed, and of the
// replicas the test asks for. They keep nothing but who they are: one that is started again comes back empty, to its
// slots or to whoever has taken them.
type Cluster struct {
	t       *testing.T
	program string
	servers []*server    // the masters first
	replica [masters]int // of a master; 0: none
}

type server struct {
	port, bus, folder string
	command           *exec.Cmd
}

const (
	masters = 3
	slots   = 16384
)

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
		for i := range c.servers {
			c.Kill(i)
		}
	})
	for range masters {
		i := c.add()
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
	for i := 1; i < masters; i++ {
		c.meet(i)
	}
	c.Whole()
	return c
}

// add starts another server.
func (c *Cluster) add() int {
	c.t.Helper()
	c.servers = append(c.servers, &server{port: freePort(c.t), bus: freePort(c.t), folder: c.t.TempDir()})
	i := len(c.servers) - 1
	c.launch(i)
	return i
}

func (c *Cluster) meet(i int) {
	c.t.Helper()
	if err := c.do(0, "CLUSTER", "MEET", "127.0.0.1", c.servers[i].port, c.servers[i].bus); err != nil {
		c.t.Fatalf("meet: %v", err)
	}
}

// Replicate gives master i a replica, which stands in for it when it dies, and waits until it holds what its master
// holds.
func (c *Cluster) Replicate(i int) {
	c.t.Helper()
	r := c.add()
	c.meet(r)
	c.Whole()
	name, err := c.ask(i, "CLUSTER", "MYID")
	if err != nil {
		c.t.Fatalf("ask master %d who it is: %v", i, err)
	}
	c.wait("the replica", func() bool { return c.do(r, "CLUSTER", "REPLICATE", name) == nil })
	c.replica[i] = r
	c.wait("what the master holds", func() bool { return c.says(r, "INFO replication", "master_link_status:up") })
}

// Copied returns when the replica of master i holds all the master holds.
func (c *Cluster) Copied(i int) {
	c.t.Helper()
	c.wait("what the master took last", func() bool {
		said, err := c.ask(i, "INFO", "replication")
		found := offsets.FindStringSubmatch(said)
		return err == nil && found != nil && found[1] == found[2]
	})
}

// offsets are how far the replica of a master has read, as it says, and how far the master has written.
var offsets = regexp.MustCompile(`(?s)slave0:[^\r\n]*offset=(\d+),.*master_repl_offset:(\d+)`)

// Deafen lets the replica of master i hear nothing any more, once it holds all the master holds: what the master takes
// from now on is lost with it.
func (c *Cluster) Deafen(i int) {
	c.t.Helper()
	c.Copied(i)
	if err := c.servers[c.replica[i]].command.Process.Signal(syscall.SIGSTOP); err != nil {
		c.t.Fatalf("stop the replica: %v", err)
	}
	if err := c.do(i, "CLIENT", "KILL", "TYPE", "replica"); err != nil {
		c.t.Fatalf("cut the replica off: %v", err)
	}
}

// FailOver ends master i with SIGKILL, if it lives, and returns when its replica stands in for it, with how long that took.
func (c *Cluster) FailOver(i int) time.Duration {
	c.t.Helper()
	killed := time.Now()
	c.Kill(i)
	r := c.replica[i]
	_ = c.servers[r].command.Process.Signal(syscall.SIGCONT) // it may be awake
	c.wait("the replica's turn", func() bool { return c.says(r, "INFO replication", "role:master") })
	return time.Since(killed)
}

// says whether a server's answer has a line.
func (c *Cluster) says(i int, question, line string) bool {
	words := []any{}
	for w := range strings.FieldsSeq(question) {
		words = append(words, w)
	}
	said, err := c.ask(i, words...)
	return err == nil && strings.Contains(said, line)
}

func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// shards are those that master i serves, from and before to.
func (c *Cluster) shards(i int) (from, to int) {
	return i * kv.Shards / masters, (i + 1) * kv.Shards / masters
}

// MasterOf is which master serves shard.
func (c *Cluster) MasterOf(shard int) int {
	for i := range masters {
		if from, to := c.shards(i); shard >= from && shard < to {
			return i
		}
	}
	return -1
}

// Options are how to reach the cluster: by any of its first masters.
func (c *Cluster) Options() kv.Options {
	o := kv.Options{Era: 1, Cluster: true}
	for i := range masters {
		o.Addrs = append(o.Addrs, c.address(i))
	}
	return o
}

// Open connects to the cluster, as one node of ours does.
func (c *Cluster) Open() *kv.KV {
	c.t.Helper()
	k, _ := c.OpenGated()
	return k
}

// OpenGated is Open, with a gate that takes the cluster away from this node alone, and gives it back.
func (c *Cluster) OpenGated() (*kv.KV, *Gate) {
	c.t.Helper()
	o, g := c.Options(), &Gate{}
	o.Gate = g.stand
	return open(c.t, o), g
}

func (c *Cluster) address(i int) string { return net.JoinHostPort("127.0.0.1", c.servers[i].port) }

func (c *Cluster) launch(i int) {
	c.t.Helper()
	m := c.servers[i]
	m.command = exec.Command(c.program, //nolint:gosec,noctx // because the test stops it
		"--port", m.port, "--cluster-port", m.bus, "--bind", "127.0.0.1", "--dir", m.folder, "--save", "", "--appendonly", "no",
		"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000",
		"--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0")
	if err := m.command.Start(); err != nil {
		c.t.Fatalf("start server %d: %v", i, err)
	}
	c.wait("its answer", func() bool { return c.do(i, "PING") == nil })
}

// Start starts master i again, empty, and waits until the cluster is whole; when its replica has taken its place, it is
// the replica now.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	c.launch(i)
	c.Whole()
}

// Kill ends master i with SIGKILL.
func (c *Cluster) Kill(i int) {
	m := c.servers[i]
	if m.command == nil {
		return
	}
	_ = m.command.Process.Kill() // it may have ended
	_ = m.command.Wait()         // it was killed, and says so
	m.command = nil
}

// Whole waits until every server says that all slots are served.
func (c *Cluster) Whole() {
	c.t.Helper()
	c.wait("the whole cluster", func() bool {
		for i := range c.servers {
			said, err := c.ask(i, "CLUSTER", "INFO")
			if err != nil || !strings.Contains(said, "cluster_state:ok") || !strings.Contains(said, "cluster_slots_ok:16384") ||
				!strings.Contains(said, "cluster_known_nodes:"+strconv.Itoa(len(c.servers))+"\r") {
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
	said, err := r.Do(context.Background(), words...).Result()
	return fmt.Sprint(said), err
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

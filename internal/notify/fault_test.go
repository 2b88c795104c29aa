package notify

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/freeport"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/push"
)

// A redisServer is a Redis of one test, which may be killed. It keeps nothing: whoever starts it again meets it empty.
type redisServer struct {
	port string
	cmd  *exec.Cmd
}

func newRedisServer(t *testing.T) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed, and CI runs without skipping")
		}
		t.Skip("redis-server is not installed")
	}
	port, err := freeport.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &redisServer{port: port}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *redisServer) addr() string { return "127.0.0.1:" + s.port }

// start starts the server and waits until it answers.
func (s *redisServer) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command("redis-server", "--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.ask(t, "PING") != "+PONG" {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the private redis-server does not answer")
		}
	}
}

// ask sends one command and returns the answer's line, "" without one.
func (s *redisServer) ask(t *testing.T, command string) string {
	t.Helper()
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", s.addr())
	if err != nil {
		return ""
	}
	defer c.Close()
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return ""
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSpace(line)
}

// kill ends the server as kill -9 does.
func (s *redisServer) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *redisServer) empty(t *testing.T) {
	t.Helper()
	if got := s.ask(t, "FLUSHALL"); got != "+OK" {
		t.Fatalf("FLUSHALL is answered %q", got)
	}
}

// withoutSQL is the control: an inbox that never fills what a device lacks.
type withoutSQL struct{ push.Inbox }

func (withoutSQL) Items(context.Context, int64, int64, int) ([]push.Entry, error) { return nil, nil }

// faults tells people things while Redis is killed, comes back empty, is emptied, and a node dies, and returns the
// devices and how many items each person has in SQL.
func faults(t *testing.T, d *db.DB, wrap func(push.Inbox) push.Inbox) (devices map[org.PersonID][]*device, told map[org.PersonID]int) {
	t.Helper()
	server := newRedisServer(t)
	k, err := kv.Open(t.Context(), kv.Options{Era: testEra, Addrs: []string{server.addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	var mu sync.Mutex
	nodes := []*node{startNode(t, d, k, wrap(NewInboxes(d))), startNode(t, d, k, wrap(NewInboxes(d)))}
	persons := people(t, d, 4)
	devices, told = map[org.PersonID][]*device{}, map[org.PersonID]int{}
	for _, p := range persons {
		for nth := range 2 {
			v := listen(t, p, int64(nth), "1.0", func() *node { // first one on each node, later on any that lives
				mu.Lock()
				defer mu.Unlock()
				if nth < len(nodes) {
					return nodes[nth]
				}
				return nodes[rand.IntN(len(nodes))]
			})
			v.until(t, 10*time.Second, "connected", func() bool { return v.ups > 0 })
			devices[p] = append(devices[p], v)
		}
	}
	errBack := errors.New("changed my mind")
	write := func() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 30 {
					to := persons[rand.IntN(len(persons)-1):]
					back := rand.IntN(5) == 0
					err := d.InTx(context.WithoutCancel(t.Context()), func(tx *db.Tx) error {
						err := Tell(t.Context(), tx, Persons(to...), taskDue(1))
						if err == nil && back {
							tx.Last(db.RankAudit, func(context.Context) error { return errBack })
						}
						return err
					})
					if back && errors.Is(err, errBack) {
						continue
					}
					if err != nil {
						t.Errorf("tell: %v", err)
						return
					}
					mu.Lock()
					for _, p := range to {
						told[p]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
	write()
	server.kill()
	write()
	server.start(t)
	write()
	server.empty(t)
	write()
	// The node that hears of commits dies with what it has not yet done; another takes its place.
	dying := nodes[1]
	var wg sync.WaitGroup
	wg.Go(write)
	dying.kill()
	wg.Wait()
	write()
	next := startNode(t, d, k, wrap(NewInboxes(d)))
	mu.Lock()
	nodes = []*node{nodes[0], next}
	mu.Unlock()
	write()
	return devices, told
}

// R3, R1 small: the contract of push.md §2 with Redis killed, empty and emptied, and a node killed in the middle.
func TestNothingIsLostDoubledOrReorderedWhenRedisAndANodeDie(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		devices, told := faults(t, d, func(i push.Inbox) push.Inbox { return i })
		for p, some := range devices {
			if numbers, _ := seqs(t, d, p); len(numbers) != told[p] {
				t.Fatalf("person %d has %d items in SQL, want %d", p, len(numbers), told[p])
			}
			for _, v := range some {
				v.got(t, 40*time.Second, 0, told[p])
				if len(v.resets) > 0 {
					t.Errorf("a device of person %d was reset %v", p, v.resets)
				}
			}
		}
	})
}

// The control: without filling from SQL the same faults lose items, so the test above can fail.
func TestWithoutFillingFromSQLTheSameFaultsLoseItems(t *testing.T) {
	t.Parallel()
	devices, told := faults(t, dbtest.SQLite(t), func(i push.Inbox) push.Inbox { return withoutSQL{i} })
	lost := 0
	deadline := time.After(6 * time.Second) // three rounds of the position check
	<-deadline
	for p, some := range devices {
		for _, v := range some {
			v.mu.Lock()
			lost += told[p] - len(v.items)
			v.mu.Unlock()
		}
	}
	if lost == 0 {
		t.Error("nothing was lost without SQL: the faults of this test do not bite")
	}
}

// R10: an outbox row that is pushed again and again, by two nodes, has one effect.
func TestPushingARowAgainHasNoEffect(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		server := newRedisServer(t)
		k, err := kv.Open(t.Context(), kv.Options{Era: testEra, Addrs: []string{server.addr()}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = k.Close() })
		p := people(t, d, 1)[0]
		a, b := startNode(t, d, k, NewInboxes(d)), startNode(t, d, k, NewInboxes(d))
		v := listen(t, p, 1, "1.0", func() *node { return a })
		tellMany(t, d, 40, p)
		v.got(t, 10*time.Second, 0, 40)
		for range 3 {
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Change(t.Context(), `UPDATE outbox SET state = 0`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, n := range []*node{a, b} {
				wg.Go(func() {
					if err := n.courier.Sweep(t.Context()); err != nil {
						t.Errorf("sweep: %v", err)
					}
				})
			}
			wg.Wait()
		}
		var open int
		if err := d.Get(t.Context(), &open, `SELECT COUNT(*) FROM outbox WHERE state = 0`); err != nil || open != 0 {
			t.Errorf("%d rows are not done (%v), want 0", open, err)
		}
		tellMany(t, d, 1, p)
		v.got(t, 10*time.Second, 0, 41)
	})
}

// A row that is pushed again is as old as it was unless Redis lacked something of it: a replay brings what it was given in the
// last two minutes, and not what is brought again and again.
func TestARowOfWhichRedisHasAllIsAsOldAsItWas(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		k, persons := kvtest.New(t), people(t, d, 2)
		hot := push.NewHot(k)
		hub := push.NewHub(push.Options{Era: testEra, Inbox: NewInboxes(d), KV: k, Hot: hot})
		c := NewCourier(d, k, hub, hot, func() []int {
			return []int{kv.ShardOf(int64(persons[0])), kv.ShardOf(int64(persons[1]))}
		}, slog.New(slog.DiscardHandler))
		empty := func() { // for the one whose device is there
			t.Helper()
			err := errors.Join(k.Delete(t.Context(), kv.HotInbox(int64(persons[0]))), k.Set(t.Context(), kv.InboxTop(int64(persons[0])), "0", time.Hour))
			if err != nil {
				t.Fatal(err)
			}
		}
		sweep := func(want ...time.Duration) {
			t.Helper()
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Change(t.Context(), `UPDATE outbox SET state = 0`)
				return err
			})
			if err == nil {
				err = c.Sweep(t.Context())
			}
			var done []time.Time
			if err == nil {
				err = d.Select(t.Context(), &done, `SELECT done_at FROM outbox WHERE state = 1 ORDER BY id`)
			}
			if err != nil || len(done) != 2 {
				t.Fatalf("%d rows are done (%v), want 2", len(done), err)
			}
			for i, at := range done {
				if got := now.Sub(at); got != want[i] {
					t.Errorf("the row of person %d is %v old, want %v", i, got, want[i])
				}
			}
		}
		empty()
		for _, p := range persons {
			tellMany(t, d, 1, p)
		}
		sweep(0, 0)
		now = now.Add(time.Second)
		sweep(time.Second, time.Second)
		now = now.Add(time.Second)
		empty() // a Redis that has lost its last second
		sweep(0, 2*time.Second)
		if got, known := hot.Top(t.Context(), int64(persons[0])); !known || got != 1 {
			t.Errorf("Redis has %d of 1 item", got)
		}
	})
}

package notify

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/push"
)

// A county is two nodes on a Redis Cluster, and persons of each master with a device at each node.
type county struct {
	cluster *kvtest.Cluster
	db      *db.DB
	nodes   []*node
	kvs     []*kv.KV
	gates   []*kvtest.Gate
	persons [][]org.PersonID // by master
	devices map[org.PersonID][]*device
	told    map[org.PersonID]int
}

func newCounty(t *testing.T, d *db.DB, wrap func(push.Inbox) push.Inbox) *county {
	t.Helper()
	return newCountyOf(t, d, func(d *db.DB, k *kv.KV) *node { return startNode(t, d, k, wrap(NewInboxes(d))) })
}

// newCountyOf is newCounty of nodes that a test starts in its own way.
func newCountyOf(t *testing.T, d *db.DB, start func(d *db.DB, k *kv.KV) *node) *county {
	t.Helper()
	c := &county{
		cluster: kvtest.NewCluster(t), db: d, persons: make([][]org.PersonID, 3),
		devices: map[org.PersonID][]*device{}, told: map[org.PersonID]int{},
	}
	for range 2 {
		k, g := c.cluster.OpenGated()
		c.kvs, c.gates = append(c.kvs, k), append(c.gates, g)
		c.nodes = append(c.nodes, start(d, k))
	}
	for _, p := range people(t, d, kv.Shards) {
		at := c.cluster.MasterOf(kv.ShardOf(int64(p)))
		if len(c.persons[at]) == 3 {
			continue
		}
		c.persons[at] = append(c.persons[at], p)
		for nth, n := range c.nodes {
			v := listen(t, p, int64(nth), "1.0", func() *node { return n })
			v.until(t, 20*time.Second, "connected", func() bool { return v.ups > 0 })
			c.devices[p] = append(c.devices[p], v)
		}
	}
	return c
}

// write tells persons of the masters things, from four sides at once.
func (c *county) write(t *testing.T, masters ...int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				var to []org.PersonID
				for _, m := range masters {
					to = append(to, c.persons[m][rand.IntN(len(c.persons[m])):]...)
				}
				if err := tell(context.WithoutCancel(t.Context()), c.db, Persons(to...), taskDue(1)); err != nil {
					t.Errorf("tell: %v", err)
					return
				}
				mu.Lock()
				for _, p := range to {
					c.told[p]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// arrived waits until every device of the masters' persons has all of it, each item once and in order.
func (c *county) arrived(t *testing.T, masters ...int) {
	t.Helper()
	for _, m := range masters {
		for _, p := range c.persons[m] {
			for _, v := range c.devices[p] {
				v.got(t, 40*time.Second, 0, c.told[p])
			}
		}
	}
}

// woken tells the masters' persons things until all of a round has come by wake-ups, and nothing of it by the position
// check, which may be faster once.
func (c *county) woken(t *testing.T, masters ...int) {
	t.Helper()
	for end := time.After(30 * time.Second); ; {
		before := c.behind()
		c.write(t, masters...)
		c.arrived(t, masters...)
		if c.behind() == before {
			return
		}
		select {
		case <-end:
			t.Fatalf("no wake-ups of masters %v", masters)
		default:
		}
	}
}

func (c *county) behind() (n int64) {
	for _, x := range c.nodes {
		n += x.hub.Stats().Behind
	}
	return n
}

// R3 on a cluster: the others carry on while a master is dead, its persons are served from SQL, and all is as before
// when it is back, empty.
func TestOnAClusterADeadMasterLosesDoublesAndReordersNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const dead = 1
		c := newCounty(t, d, func(i push.Inbox) push.Inbox { return i })
		c.woken(t, 0, 1, 2)
		c.cluster.Kill(dead)
		c.write(t, 0, 1, 2)
		c.arrived(t, 0, 1, 2) // those of the dead master by SQL
		for _, k := range c.kvs {
			for m, some := range c.persons {
				if away := k.Away(kv.ShardOf(int64(some[0]))); away != (m == dead) {
					t.Errorf("master %d is away: %v, and %d was killed", m, away, dead)
				}
			}
		}
		c.woken(t, 0, 2)
		c.cluster.Start(dead)
		c.write(t, 0, 1, 2)
		c.arrived(t, 0, 1, 2)
		c.woken(t, dead)
		for p, n := range c.told {
			if numbers, _ := seqs(t, d, p); len(numbers) != n {
				t.Errorf("person %d has %d items in SQL, want %d", p, len(numbers), n)
			}
			for _, v := range c.devices[p] {
				v.mu.Lock()
				if len(v.resets) > 0 || v.ups != 1 {
					t.Errorf("a device of person %d was reset %v and connected %d times", p, v.resets, v.ups)
				}
				v.mu.Unlock()
			}
		}
	})
}

// An announcement is brought to everybody of the other masters while one is dead, and to its persons when it is back.
func TestOnAClusterADeadMasterHoldsUpNoAnnouncement(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const dead = 1
		c := newCounty(t, d, func(i push.Inbox) push.Inbox { return i })
		crowd := newCrowd(t, d, c.kvs[0], 60)
		for _, some := range c.persons {
			crowd.enrol(some)
			for _, p := range some {
				c.told[p]++
			}
		}
		c.cluster.Kill(dead)
		n := crowd.announce(Announcement{Item: crowd.item()})
		crowd.node("spreader").work(t)
		if x := crowd.fan(n.ID); x.State != NoticeDone || x.Pushed != 69 {
			t.Errorf("while a master is dead it is %s, %d pushed; want it done with", x.State, x.Pushed)
		}
		var rows []string
		if err := d.Select(t.Context(), &rows, `SELECT items FROM outbox WHERE state = 0`); err != nil {
			t.Fatal(err)
		}
		left := strings.Join(rows, "")
		for m, some := range c.persons {
			for _, p := range some {
				if held := strings.Contains(left, fmt.Sprintf("[%d,", p)); held != (m == dead) {
					t.Errorf("the outbox holds it for person %d of master %d: %v", p, m, held)
				}
			}
		}
		c.arrived(t, 0, 1, 2)
		c.cluster.Start(dead)
		c.woken(t, 0, 1, 2)
	})
}

// The control: without SQL behind the sockets the same dead master loses items.
func TestOnAClusterWithoutFillingFromSQLADeadMasterLosesItems(t *testing.T) {
	t.Parallel()
	const dead = 1
	c := newCounty(t, dbtest.SQLite(t), func(i push.Inbox) push.Inbox { return withoutSQL{i} })
	c.cluster.Kill(dead)
	c.write(t, dead)
	c.cluster.Start(dead)
	c.write(t, 0, 2)
	c.arrived(t, 0, 2) // the others are whole
	lost := 0
	for _, p := range c.persons[dead] {
		for _, v := range c.devices[p] {
			v.mu.Lock()
			lost += c.told[p] - len(v.items)
			v.mu.Unlock()
		}
	}
	if lost == 0 {
		t.Error("nothing was lost without SQL: the fault of this test does not bite")
	}
}

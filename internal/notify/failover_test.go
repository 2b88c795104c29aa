package notify

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/push"
)

// reached waits until every node reaches whoever serves a master's persons, and returns how long that took.
func (c *county) reached(t *testing.T, master int) time.Duration {
	t.Helper()
	began, tick := time.Now(), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for _, k := range c.kvs {
		for _, p := range c.persons[master] {
			for {
				if _, _, err := k.Get(t.Context(), kv.InboxTop(int64(p))); err == nil {
					break
				}
				select {
				case <-tick.C:
				case <-end:
					t.Fatalf("nobody serves person %d", p)
				}
			}
		}
	}
	return time.Since(began)
}

// R3, push.md §15: a master dies while people are told things, and a replica stands in for it.
func TestOnAClusterAReplicaThatStandsInLosesDoublesAndReordersNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const dead = 1
		c := newCounty(t, d, func(i push.Inbox) push.Inbox { return i })
		c.cluster.Replicate(dead)
		c.woken(t, 0, dead, 2)
		over, stopped := make(chan struct{}), make(chan struct{})
		go func() { // people are told things all the time, whatever becomes of Redis
			defer close(stopped)
			tick := time.NewTicker(500 * time.Millisecond)
			defer tick.Stop()
			for {
				c.write(t, 0, dead, 2)
				select {
				case <-over:
					return
				case <-tick.C:
				}
			}
		}()
		took := c.cluster.FailOver(dead)
		found := c.reached(t, dead)
		close(over)
		<-stopped
		began := time.Now()
		c.arrived(t, 0, dead, 2)
		arrived := time.Since(began)
		c.woken(t, dead)
		items, replayed := 0, int64(0)
		for p, n := range c.told {
			items += n
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
		for _, n := range c.nodes {
			replayed += n.courier.Relay().Replayed()
		}
		if replayed == 0 {
			t.Error("nothing was pushed again: the outbox of the last minutes was not looked at")
		}
		t.Logf("%d items for %d persons, each on two devices: the replica stood in after %v, was found %v later, and the last item came %v after it was told",
			items, len(c.told), took.Round(time.Millisecond), found.Round(time.Millisecond), arrived.Round(time.Millisecond))
	})
}

// unchecked is an inbox whose position check sees nothing from the moment it is switched off.
type unchecked struct {
	push.Inbox
	off *atomic.Bool
}

func (u unchecked) Heads(ctx context.Context, persons []int64) ([]push.Head, error) {
	if u.off.Load() {
		return nil, nil
	}
	return u.Inbox.Heads(ctx, persons)
}

// A lastSecond is what became of items that a master took and did not pass on to its replica.
type lastSecond struct {
	told, shown int           // on devices that no wake-up reached
	late, asked int           // waiting requests that were answered when their time was over, of all
	slowest     time.Duration // of them
	whole       int           // persons whose hot inboxes have all of it, of all
	persons     int
}

// loses kills a master that has taken items which its replica has not, and which no wake-up brought to the devices of
// one node, and says what became of them. The outbox says that they are done, and Redis looks healthy.
func loses(t *testing.T, d *db.DB, replay, check bool, patience time.Duration) (l lastSecond) {
	t.Helper()
	const dead = 1
	var held []int
	for i := range kv.Shards {
		if replay {
			held = append(held, i)
		}
	}
	off := &atomic.Bool{}
	c := newCountyOf(t, d, func(d *db.DB, k *kv.KV) *node {
		return startNodeHolding(t, d, k, unchecked{NewInboxes(d), off}, held)
	})
	c.cluster.Replicate(dead)
	c.woken(t, dead)
	before := map[*device]int{}
	for _, p := range c.persons[dead] {
		before[c.devices[p][0]] = c.told[p]
	}
	off.Store(!check)
	c.cluster.Deafen(dead)
	c.gates[0].Shut() // its devices hear nothing from Redis; the other node commits
	c.write(t, dead)
	marked, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		var open int
		if err := d.Get(t.Context(), &open, `SELECT COUNT(*) FROM outbox WHERE state = 0`); err != nil {
			t.Fatal(err)
		}
		if open == 0 {
			break
		}
		select {
		case <-marked:
			t.Fatalf("%d rows of the outbox are open while its master lives", open)
		default:
		}
	}
	c.cluster.FailOver(dead)
	c.gates[0].Open()
	c.reached(t, dead)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, p := range c.persons[dead] {
		at := push.Cursor{Era: testEra, Seq: int64(before[c.devices[p][0]])}.String()
		wg.Go(func() {
			began := time.Now()
			list, err := c.nodes[0].service.List(t.Context(), p, at, 200, patience)
			took := time.Since(began)
			if err != nil || len(list.Items) == 0 {
				t.Errorf("a waiting request of person %d: %d items, %v", p, len(list.Items), err)
			}
			mu.Lock()
			defer mu.Unlock()
			l.asked++
			l.slowest = max(l.slowest, took)
			if took >= patience {
				l.late++
			}
		})
	}
	wg.Wait()
	for _, p := range c.persons[dead] {
		v, want := c.devices[p][0], c.told[p]
		if check {
			v.got(t, patience, 0, want)
		}
		v.mu.Lock()
		l.told, l.shown = l.told+want-before[v], l.shown+len(v.items)-before[v]
		v.mu.Unlock()
		l.persons++
		if c.hot(t, p, want, replay) {
			l.whole++
		}
	}
	t.Logf("replay %v, position check %v: %d of %d items shown, %d of %d waiting requests late, the slowest took %v; %d of %d hot inboxes are whole",
		replay, check, l.shown, l.told, l.late, l.asked, l.slowest.Round(time.Millisecond), l.whole, l.persons)
	return l
}

// hot says whether the hot inbox of a person has n items, when it is due to have them, and whether it has them now, when
// it is not.
func (c *county) hot(t *testing.T, p org.PersonID, n int, due bool) bool {
	t.Helper()
	tick, end := time.NewTicker(50*time.Millisecond), time.After(15*time.Second)
	defer tick.Stop()
	for {
		top, _, err := c.kvs[0].Get(t.Context(), kv.InboxTop(int64(p)))
		if whole := err == nil && top == strconv.Itoa(n); whole || !due {
			return whole
		}
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
}

// push.md §15, "Redis loses its last second": the position check brings it to devices, and the replay of the outbox to
// Redis.
func TestOnAClusterTheLastSecondOfADeadMasterIsBroughtBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := loses(t, d, true, true, 15*time.Second)
		if l.told == 0 || l.shown != l.told || l.late > 0 || l.whole != l.persons {
			t.Errorf("%+v, want all shown, no request late, and all hot inboxes whole", l)
		}
	})
}

// A control: without the replay devices get it, but Redis lacks it, until it holds up a request that trusts it.
func TestOnAClusterTheLastSecondIsNotInRedisWithoutTheReplay(t *testing.T) {
	t.Parallel()
	l := loses(t, dbtest.SQLite(t), false, true, 15*time.Second)
	if l.told == 0 || l.shown != l.told || l.whole > 0 {
		t.Errorf("%+v, want all shown and no hot inbox whole", l)
	}
}

// The other: without the position check, too, devices never get it, and every request waits in vain.
func TestOnAClusterTheLastSecondIsLostWithoutReplayAndPositionCheck(t *testing.T) {
	t.Parallel()
	l := loses(t, dbtest.SQLite(t), false, false, 4*time.Second)
	if l.told == 0 || l.shown != 0 || l.late != l.asked || l.whole > 0 {
		t.Errorf("%+v: want nothing shown, every request late and no hot inbox whole, or the fault of these tests does not bite", l)
	}
}

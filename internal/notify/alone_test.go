package notify

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/lease"
)

// cutAlone takes Redis away from a node that holds every shard, and from it alone, lets ten seconds pass for the leases of
// both nodes, and tells people something at the one that is cut off. It returns how many rows of the outbox are open when
// the other has swept, by when all of it must have come to its devices.
func cutAlone(t *testing.T, d *db.DB, yields bool) (open int) {
	t.Helper()
	const items = 7
	redis := kvtest.Process(t)
	toA, gate := redis.OpenGated()
	toB, _ := redis.OpenGated()
	var at, cut atomic.Int64 // the couriers of both nodes ask while this test moves them
	now := func() time.Duration { return time.Duration(at.Load()) }
	cut.Store(-1)
	a, b := lease.New(d, "a", false), lease.New(d, "b", false)
	for _, l := range []*lease.Leases{a, b} {
		l.SetTimer(now)
	}
	if yields {
		a.YieldWhile(func() time.Duration {
			if cut.Load() < 0 || !toA.Away(0) {
				return 0
			}
			return now() - time.Duration(cut.Load())
		})
	}
	step := func() {
		t.Helper()
		at.Add(int64(time.Second))
		for _, l := range []*lease.Leases{a, b} {
			if _, err := l.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	step()
	if got := len(a.Held()); got != lease.Shards {
		t.Fatalf("the first node holds %d shards, want all", got)
	}
	other := startNodeThatHolds(t, d, toB, NewInboxes(d), b.Held)
	startNodeThatHolds(t, d, toA, NewInboxes(d), a.Held) // the last one: it commits
	persons := slices.DeleteFunc(people(t, d, 14), func(p org.PersonID) bool {
		return kv.ShardOf(int64(p)) < 11 // as one of two it gives those back anyway, one by one
	})
	var devices []*device
	for _, p := range persons {
		v := listen(t, p, 1, "1.0", func() *node { return other })
		v.until(t, 20*time.Second, "connected", func() bool { return v.ups > 0 })
		devices = append(devices, v)
	}
	gate.Shut()
	for end, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond); !toA.Away(0); {
		select {
		case <-tick.C:
			_ = toA.Ping(t.Context())
		case <-end:
			t.Fatal("a node without Redis does not notice")
		}
	}
	cut.Store(at.Load())
	for range 10 {
		_ = toA.Ping(t.Context())
		step()
	}
	tellMany(t, d, items, persons...)
	if err := other.courier.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Get(t.Context(), &open, `SELECT COUNT(*) FROM outbox WHERE state = 0`); err != nil {
		t.Fatal(err)
	}
	if open == 0 {
		for _, v := range devices {
			v.got(t, 20*time.Second, 0, items)
		}
	}
	return open
}

// push.md §15, "node cut off from Redis": nobody at another node waits for the position check because of it.
func TestWhatANodeCommitsThatAloneLostRedisIsPushedByTheOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if open := cutAlone(t, d, true); open > 0 {
			t.Errorf("%d rows are open when the other node has swept, want none", open)
		}
	})
}

// The control: a node that keeps its shards keeps the others from what it wrote.
func TestWhatANodeCommitsThatKeepsItsShardsWithoutRedisIsPushedByNobody(t *testing.T) {
	t.Parallel()
	if open := cutAlone(t, dbtest.SQLite(t), false); open == 0 {
		t.Error("everything was pushed: the fault of this test does not bite")
	}
}

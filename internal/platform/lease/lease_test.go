package lease_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/lease"
)

// A timer that all nodes of a test share. Nodes measure with it and never compare it.
type timer struct {
	mu sync.Mutex
	d  time.Duration
}

func (t *timer) now() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.d
}

func (t *timer) move(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.d += d
}

func node(d *db.DB, name string, tm *timer) *lease.Leases {
	l := lease.New(d, name, false)
	l.SetTimer(tm.now)
	return l
}

// run lets a second pass n times, and every node step in it.
func run(t *testing.T, tm *timer, n int, nodes ...*lease.Leases) {
	t.Helper()
	for range n {
		tm.move(time.Second)
		for _, l := range nodes {
			if _, err := l.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		holders := map[int]string{}
		for _, l := range nodes {
			for _, shard := range l.Held() {
				if other, twice := holders[shard]; twice {
					t.Fatalf("shard %d is held by %s and %s", shard, other, l.Node())
				}
				holders[shard] = l.Node()
			}
		}
	}
}

func TestTwoNodesShareTheShards(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		a, b := node(d, "a", tm), node(d, "b", tm)
		run(t, tm, 3, a)
		if got := len(a.Held()); got != 64 {
			t.Fatalf("a node alone holds %d shards, want 64", got)
		}
		run(t, tm, 80, a, b) // one shard a round
		if len(a.Held()) != 32 || len(b.Held()) != 32 || a.Live() != 2 {
			t.Errorf("they hold %d and %d of %d live nodes, want 32 each", len(a.Held()), len(b.Held()), a.Live())
		}
	})
}

func TestTheShardsOfADeadNodeAreTakenAfterTenSeconds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		a, b := node(d, "a", tm), node(d, "b", tm)
		run(t, tm, 80, a, b)
		before, _ := b.Holds(b.Held()[0])
		shard := b.Held()[0]

		run(t, tm, 6, a) // b hangs
		if got := b.Held(); len(got) != 0 {
			t.Errorf("a node that could not renew for 6 s still works on %v", got)
		}
		run(t, tm, 10, a)
		if got := len(a.Held()); got != 64 {
			t.Errorf("the living node holds %d shards, want 64", got)
		}
		after, _ := a.Holds(shard)
		if after <= before {
			t.Errorf("term %d after %d: the fence is open", after, before)
		}
		for _, c := range []struct {
			owner string
			term  int64
			want  int
		}{{"a", after, 1}, {"b", before, 0}, {"b", after, 0}} {
			var got int
			err := d.Get(t.Context(), &got, `SELECT COUNT(*) FROM node_beat WHERE node = 'a' AND `+lease.Fence, shard, c.owner, c.term)
			if err != nil || got != c.want {
				t.Errorf("fence for %s of term %d: %d, %v, want %d", c.owner, c.term, got, err, c.want)
			}
		}

		run(t, tm, 80, a, b) // b wakes, finds that it has lost everything, and gets its share again
		if len(a.Held()) != 32 || len(b.Held()) != 32 {
			t.Errorf("they hold %d and %d, want 32 each", len(a.Held()), len(b.Held()))
		}
	})
}

func TestACleanStopCostsTheOthersNoWaiting(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		a, b := node(d, "a", tm), node(d, "b", tm)
		run(t, tm, 80, a, b)
		if err := b.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		run(t, tm, 3, a)
		if got := len(a.Held()); got != 64 {
			t.Errorf("3 s after the other left, %d shards are held, want 64", got)
		}
	})
}

func TestANodeThatHasLeftTakesNothingAgain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		a := node(d, "a", tm)
		run(t, tm, 3, a)
		var wg sync.WaitGroup // the loop of a server goes on stepping while it drains
		wg.Go(func() {
			for range 20 {
				if _, err := a.Step(t.Context()); err != nil {
					t.Errorf("a step while leaving: %v", err)
				}
			}
		})
		if err := a.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if _, err := a.Step(t.Context()); err != nil || len(a.Held()) != 0 {
			t.Errorf("a step afterwards: %v, and %d shards held; want none", err, len(a.Held()))
		}
		b := node(d, "b", tm)
		run(t, tm, 3, b)
		if got := len(b.Held()); got != 64 {
			t.Errorf("3 s after the other left, %d shards are held, want 64", got)
		}
	})
}

func TestManyNodesAtOnceTakeEachShardOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		tm.move(time.Second)
		var nodes []*lease.Leases
		for _, name := range []string{"a", "b", "c", "d"} {
			nodes = append(nodes, node(d, name, tm))
		}
		var wg sync.WaitGroup
		for _, l := range nodes {
			wg.Go(func() {
				if _, err := l.Step(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var all []int
		for _, l := range nodes {
			all = append(all, l.Held()...)
		}
		slices.Sort(all)
		if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
			t.Errorf("%d leases of %d shards", len(all), n)
		}
		run(t, tm, 120, nodes...) // one shard a round
		for _, l := range nodes {
			if got := len(l.Held()); got != 16 {
				t.Errorf("%s holds %d, want 16", l.Node(), got)
			}
		}
	})
}

func TestTheOnlyNodeTakesAllAtOnceAndKeepsThem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		old := lease.New(d, "before the crash", true)
		if _, err := old.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		tm := &timer{}
		l := lease.New(d, "now", true)
		l.SetTimer(tm.now)
		if changed, err := l.Step(t.Context()); !changed || err != nil {
			t.Fatal(changed, err)
		}
		tm.move(time.Hour)
		if got := len(l.Held()); got != 64 {
			t.Errorf("an hour later it holds %d, want 64 without a sign of life", got)
		}
		if term, _ := l.Holds(7); term != 2 {
			t.Errorf("term %d, want 2: the work of the crashed process is fenced off", term)
		}
		if changed, err := l.Step(t.Context()); changed || err != nil {
			t.Errorf("a second step: %v, %v, want nothing to do", changed, err)
		}
	})
}

// A wire is what a node of a test needs besides the database, and since when it has not been there.
type wire struct {
	tm *timer
	at time.Duration // 0: it is there
}

func (w *wire) cut() { w.at = w.tm.now() }

func (w *wire) mend() { w.at = 0 }

func (w *wire) cutFor() time.Duration {
	if w.at == 0 {
		return 0
	}
	return w.tm.now() - w.at
}

// wired is a node that yields while its wire is cut.
func wired(d *db.DB, name string, tm *timer) (*lease.Leases, *wire) {
	l, w := node(d, name, tm), &wire{tm: tm}
	l.YieldWhile(w.cutFor)
	return l, w
}

// push.md §15: others do what a node cannot do that alone is cut off from Redis, and it does its part again when it is not.
func TestANodeThatAloneIsCutOffLeavesItsShardsToTheOthers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		a, wire := wired(d, "a", tm)
		b, _ := wired(d, "b", tm)
		c := node(d, "c", tm) // of an older release: it never says so, and hears that others do
		run(t, tm, 80, a, b, c)
		wire.cut()
		run(t, tm, 4, a, b, c)
		if got := len(a.Held()); got < 20 {
			t.Errorf("after 4 s it holds %d shards: a Redis that starts again takes no longer", got)
		}
		run(t, tm, 6, a, b, c)
		if len(a.Held()) != 0 || len(b.Held())+len(c.Held()) != 64 {
			t.Errorf("10 s after it was cut off it holds %d shards, the others %d and %d; want none, and all", len(a.Held()), len(b.Held()), len(c.Held()))
		}
		if a.Live() != 3 || b.Live() != 3 {
			t.Errorf("%d and %d nodes live, want 3: it has its part of what is limited", a.Live(), b.Live())
		}
		run(t, tm, 60, a, b, c)
		if got := len(a.Held()); got != 0 {
			t.Errorf("a minute later it holds %d shards, want none", got)
		}
		wire.mend()
		run(t, tm, 80, a, b, c)
		for _, l := range []*lease.Leases{a, b, c} {
			if got := len(l.Held()); got < 20 || got > 22 {
				t.Errorf("%s holds %d shards when all is well, want a third", l.Node(), got)
			}
		}
		if err := a.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		var rows int
		if err := d.Get(t.Context(), &rows, `SELECT COUNT(*) FROM node_beat`); err != nil || rows != 2 {
			t.Errorf("%d nodes when one has left (%v), want 2", rows, err)
		}
	})
}

// When nobody reaches Redis, or nobody else is there, everybody goes on: messages of WeChat, announcements and those who
// are connected need it done.
func TestWhenAllAreCutOffTheShardsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		tm := &timer{}
		a, toA := wired(d, "a", tm)
		run(t, tm, 3, a)
		toA.cut()
		run(t, tm, 30, a)
		if got := len(a.Held()); got != 64 {
			t.Errorf("alone, and cut off, it holds %d shards, want 64", got)
		}
		toA.mend()
		b, toB := wired(d, "b", tm)
		run(t, tm, 80, a, b)
		terms := map[int]int64{}
		for _, l := range []*lease.Leases{a, b} {
			for _, shard := range l.Held() {
				terms[shard], _ = l.Holds(shard)
			}
		}
		toA.cut()
		run(t, tm, 1, a, b) // the other notices a little later
		toB.cut()
		for range 60 {
			run(t, tm, 1, a, b)
			if n := len(a.Held()) + len(b.Held()); n != 64 {
				t.Fatalf("%d shards are held while nobody reaches Redis, want 64", n)
			}
		}
		for _, l := range []*lease.Leases{a, b} {
			for _, shard := range l.Held() {
				if term, _ := l.Holds(shard); term != terms[shard] {
					t.Fatalf("shard %d went from term %d to %d, want that nobody gave it away", shard, terms[shard], term)
				}
			}
		}
		toB.mend()
		run(t, tm, 10, a, b)
		if len(a.Held()) != 0 || len(b.Held()) != 64 {
			t.Errorf("10 s after one is back they hold %d and %d, want 0 and 64", len(a.Held()), len(b.Held()))
		}
		run(t, tm, 12, a) // the one that is back dies
		if got := len(a.Held()); got != 64 {
			t.Errorf("12 s after its death the other holds %d, want 64", got)
		}
	})
}

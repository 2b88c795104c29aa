package outbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

// A belt is a relay whose deliveries a test decides on.
type belt struct {
	*Relay
	d  *db.DB
	mu sync.Mutex
	by map[int64]int // how often a person came by
	no map[int64]bool
	at map[int64]bool // who has all by the second time that they come by
}

func newBelt(t *testing.T, d *db.DB, k *kv.KV, held ...int) *belt {
	t.Helper()
	b := &belt{d: d, by: map[int64]int{}, no: map[int64]bool{}, at: map[int64]bool{}}
	b.Relay = NewRelay(d, k, func() []int { return held }, func(_ context.Context, rows []Row) (pushed, there []int64) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, row := range rows {
			person := row.Ranges[0].Person
			b.by[person]++
			switch {
			case b.no[person]:
			case b.at[person] && b.by[person] > 1:
				there = append(there, row.ID)
			default:
				pushed = append(pushed, row.ID)
			}
		}
		return pushed, there
	}, slog.New(slog.DiscardHandler))
	return b
}

func (b *belt) put(t *testing.T, persons ...int64) {
	t.Helper()
	for some := range slices.Chunk(persons, 500) {
		err := b.d.InTx(t.Context(), func(tx *db.Tx) error {
			for _, p := range some {
				if _, err := Add(t.Context(), tx, []Range{{p, 1, 1}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (b *belt) open(t *testing.T) (n int) {
	t.Helper()
	if err := b.d.Get(t.Context(), &n, `SELECT COUNT(*) FROM outbox WHERE state = 0`); err != nil {
		t.Fatal(err)
	}
	return n
}

// R11: six hundred rows that cannot be pushed, older than all others, stand before nobody, in their shard or another.
func TestRowsThatCannotBePushedStandBeforeNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBelt(t, d, kvtest.New(t), 3, 4)
		b.no[3] = true
		b.put(t, slices.Repeat([]int64{3}, 600)...)
		b.put(t, 3+kv.Shards, 4)
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if b.by[3+kv.Shards] != 1 || b.by[4] == 0 || b.open(t) != 600 {
			t.Errorf("the person of the same shard came by %d times, that of another %d times; %d rows are open, want 600",
				b.by[3+kv.Shards], b.by[4], b.open(t))
		}
	})
}

// push.md §16: no progress is an alarm; rows that come and go are none.
func TestARowThatStandsForAMinuteIsNoProgress(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBelt(t, d, kvtest.New(t), 3)
		look := func(want bool, what string) {
			t.Helper()
			if err := b.look(t.Context()); err != nil {
				t.Fatal(err)
			}
			if b.Stalled() != want {
				t.Errorf("%s: no progress is %v", what, b.Stalled())
			}
		}
		age := func() { // what was seen was seen a minute ago
			for shard, o := range b.oldest {
				b.oldest[shard] = oldest{o.id, o.since.Add(-stillFor)}
			}
		}
		b.no[3] = true
		b.put(t, 3, 3+kv.Shards, 4) // shard 4 is another node's
		look(false, "at first")
		age()
		look(true, "after a minute")
		b.no[3] = false
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		look(false, "when it has gone")
		b.put(t, 3)
		look(false, "a new row")
		age()
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.put(t, 3)
		look(false, "another row a minute later")
	})
}

// A wake-up sweeps the shard it names, if it is ours, without waiting for the second to be over.
func TestAWakeUpSweepsItsShard(t *testing.T) {
	t.Parallel()
	b := newBelt(t, dbtest.SQLite(t), kvtest.New(t), 3, 5)
	b.put(t, 3, 4, 5)
	b.Wake(3)
	b.Wake(4)
	if err := b.sweepWoken(t.Context(), <-b.wake); err != nil {
		t.Fatal(err)
	}
	if b.by[3] != 1 || b.by[4] != 0 || b.by[5] != 0 {
		t.Errorf("came by %v, want the one shard that was woken and is ours", b.by)
	}
}

// Rows that Redis did not take are pushed when it is back, and not when the next round comes.
func TestWhatStayedBehindIsPushedWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		b := newBelt(t, dbtest.SQLite(t), k, 4)
		b.every = time.Hour
		b.no[4] = true
		b.put(t, 4)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		tried := func(times int) {
			t.Helper()
			tick, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
			defer tick.Stop()
			for {
				b.mu.Lock()
				n := b.by[4]
				b.mu.Unlock()
				if n == times {
					return
				}
				select {
				case <-tick.C:
				case <-end:
					t.Fatalf("the row was tried %d times, want %d", n, times)
				}
			}
		}
		tried(1) // at the start
		g.Shut()
		if err := k.Ping(t.Context()); !errors.Is(err, kv.ErrAway) {
			t.Fatalf("Redis is there: %v", err)
		}
		b.mu.Lock()
		b.no[4] = false
		b.mu.Unlock()
		g.Open()
		tried(2)
	})
}

// What came after a round had begun is being pushed by whoever made it: the next round sees whether it was.
func TestARoundLeavesNewRowsToWhoeverMadeThem(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBelt(t, d, kvtest.New(t), 3)
		round := func(meanwhile ...int64) {
			t.Helper()
			if err := b.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.put(t, meanwhile...)
			if err := b.sweepRipe(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.put(t, 3)
		round(3+kv.Shards, 3+kv.Shards)
		if b.by[3] != 1 || b.by[3+kv.Shards] != 0 {
			t.Errorf("came by %v, want the row that was there before alone", b.by)
		}
		round(3)
		if b.by[3+kv.Shards] != 2 || b.open(t) != 1 {
			t.Errorf("came by %v and %d are open, want those of the round before, and the new one open", b.by, b.open(t))
		}
	})
}

// The replay window is as long as the setting says.
func TestRowsAreKeptForTheReplayWindow(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
	dbtest.WithClock(t, d, func() time.Time { return now })
	b := newBelt(t, d, kvtest.New(t), 3)
	b.Keep(5 * time.Minute)
	b.put(t, 3)
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		if err := b.clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM outbox`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	now = now.Add(5*time.Minute - time.Second)
	if n := left(); n != 1 {
		t.Errorf("%d rows shortly before the end of the window, want 1", n)
	}
	now = now.Add(time.Second)
	if n := left(); n != 0 {
		t.Errorf("%d rows after it, want none", n)
	}
}

// A Redis that comes and goes has its last two minutes brought again at each return: what it has kept is as old as it was, and
// what it was given anew is not.
func TestEachReturnOfRedisBringsTwoMinutesAndNoMore(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		d := dbtest.SQLite(t)
		now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		b := newBelt(t, d, k, 3)
		const kept, lost = 3, 3 + kv.Shards // two persons of a shard: Redis keeps what one was sent, and loses that of the other
		b.at[kept] = true
		sweep := func() {
			t.Helper()
			if err := b.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		flap := func() {
			t.Helper()
			was := k.Returns(3)
			g.Shut()
			if err := k.Ping(t.Context()); !errors.Is(err, kv.ErrAway) {
				t.Fatalf("Redis is there: %v", err)
			}
			g.Open()
			tick, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
			defer tick.Stop()
			for k.Returns(3) == was {
				select {
				case <-tick.C:
				case <-end:
					t.Fatal("Redis does not come back")
				}
			}
			sweep()
		}
		sweep()
		b.put(t, kept, lost)
		sweep()
		for i, want := range []map[int64]int{{kept: 2, lost: 2}, {kept: 3, lost: 3}, {kept: 3, lost: 4}, {kept: 3, lost: 5}} {
			now = now.Add(59 * time.Second)
			if flap(); b.by[kept] != want[kept] || b.by[lost] != want[lost] {
				t.Errorf("after %d returns they came by %v, want %v", i+1, b.by, want)
			}
		}
		if err := b.clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := d.Get(t.Context(), &left, `SELECT COUNT(*) FROM outbox`); err != nil || left != 1 {
			t.Errorf("%d rows are kept (%v), want the one that Redis was given anew", left, err)
		}
	})
}

// Rows that are done are many at any time: nothing looks at all of them, nor at all that wait.
func TestNoLookAtTheOutboxReadsAllOfIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBelt(t, d, kvtest.New(t), 3, 4)
		b.put(t, slices.Repeat([]int64{3, 4, 5, 6}, 600)...) // the last two are another node's
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.no[3] = true
		b.put(t, slices.Repeat([]int64{3}, 20)...)
		var sent []db.Sent
		d.Watch(func(_ context.Context, s db.Sent) { sent = append(sent, s) })
		if err := errors.Join(b.Sweep(t.Context()), b.look(t.Context()), b.clean(t.Context())); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Oldest(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.Watch(nil)
		looks := 0
		for _, s := range sent {
			if !strings.HasPrefix(strings.TrimSpace(s.Query), "SELECT") {
				continue
			}
			looks++
			plan := dbtest.Plan(t, d, s)
			all := slices.ContainsFunc([]string{"SCAN", "TEMP B-TREE", `"ALL"`, `"index"`, "filesort"}, func(word string) bool { return strings.Contains(plan, word) })
			_, which, _ := strings.Cut(s.Query, "WHERE")
			if all || !strings.Contains(plan, "outbox_open") || strings.Contains(which, "done_at") {
				t.Errorf("%s\nis found so:\n%s", s.Query, plan)
			}
		}
		if looks < 7 {
			t.Errorf("%d looks were seen, want that of the sweep and three at each shard", looks)
		}
	})
}

// However many there are, done rows go when their time is over, and none before; a row that was opened again keeps those
// behind it waiting, and nothing else.
func TestDoneRowsGoWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
	dbtest.WithClock(t, d, func() time.Time { return now })
	b := newBelt(t, d, kvtest.New(t), 3, 4)
	sweep := func() {
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	left := func(shard int) (n int) {
		t.Helper()
		if err := b.clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM outbox WHERE shard = ?`, shard); err != nil {
			t.Fatal(err)
		}
		return n
	}
	b.no[3+kv.Shards] = true
	b.put(t, slices.Repeat([]int64{3}, 2*cleanPage+piece)...)
	b.put(t, 3+kv.Shards, 3, 3)
	b.put(t, slices.Repeat([]int64{4}, cleanPage)...)
	sweep()
	now = now.Add(time.Minute)
	b.no[3+kv.Shards] = false
	sweep() // the one that stood, a minute later
	b.put(t, 4)
	sweep()
	now = now.Add(keepDone - time.Minute)
	if here, there := left(3), left(4); here != 3 || there != 1 {
		t.Errorf("%d and %d rows are left, want the row that was done later with two behind it, and one", here, there)
	}
	now = now.Add(time.Minute)
	if here, there := left(3), left(4); here != 0 || there != 0 {
		t.Errorf("%d and %d rows are left a minute later, want none", here, there)
	}
}

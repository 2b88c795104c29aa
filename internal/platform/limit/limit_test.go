package limit_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/limit"
)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func nodes(n int) func() int { return func() int { return n } }

// through is how many of tries calls of subject go through.
func through(t *testing.T, x *limit.Limits, l limit.Limiter, subject string, tries int) int {
	t.Helper()
	n := 0
	for range tries {
		if x.Allow(t.Context(), l, subject).OK {
			n++
		}
	}
	return n
}

func TestEachLimiterHoldsItsSizeAndComesBack(t *testing.T) { // L2: size
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		comeBack(t, func(now func() time.Time) *limit.Limits { return limit.New(k, now, nodes(1)) })
	})
}

func TestAProcessAloneHoldsTheSameSizes(t *testing.T) {
	t.Parallel()
	comeBack(t, func(now func() time.Time) *limit.Limits { return limit.Alone(kvtest.New(t), now) })
}

func comeBack(t *testing.T, limits func(now func() time.Time) *limit.Limits) {
	t.Helper()
	for _, l := range limit.All {
		if l.Name == limit.UploadBytes.Name {
			continue
		}
		c := newClock()
		x := limits(c.now)
		if got := through(t, x, l, "a", l.Size+5); got != l.Size {
			t.Errorf("%s: %d through, want %d", l.Name, got, l.Size)
		}
		if got := through(t, x, l, "b", 1); got != 1 {
			t.Errorf("%s: another subject waits too", l.Name)
		}
		v := x.Allow(t.Context(), l, "a")
		if v.OK || v.Retry <= 0 || v.Retry > l.Window/time.Duration(l.Size)+time.Millisecond {
			t.Errorf("%s: refused with %+v", l.Name, v)
		}
		c.move(v.Retry + time.Millisecond)
		if got := through(t, x, l, "a", 2); got != 1 {
			t.Errorf("%s: %d through after the time it said, want 1", l.Name, got)
		}
		c.move(l.Window)
		if got := through(t, x, l, "a", l.Size+1); got != l.Size {
			t.Errorf("%s: %d through a window later, want %d", l.Name, got, l.Size)
		}
	}
}

func TestWithoutRedisNothingIsSkipped(t *testing.T) { // L2: fail mode, Redis away
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		g.Shut()
		for _, l := range limit.All {
			if l.Name == limit.UploadBytes.Name {
				continue
			}
			c := newClock()
			x := limit.New(k, c.now, nodes(2))
			want := l.Size
			if l.Away == limit.Closed {
				want = max(1, l.Size/2)
			}
			if got := through(t, x, l, "a", l.Size+5); got != want {
				t.Errorf("%s: %d through on one of two nodes, want %d", l.Name, got, want)
			}
		}
	})
}

func TestRedisGoingAwayGivesNobodyASecondBucket(t *testing.T) { // L2: Redis away in the middle
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		c := newClock()
		x := limit.New(k, c.now, nodes(1))
		if got := through(t, x, limit.Refresh, "a", 4) + through(t, x, limit.Code, "b", 9); got != 4+limit.Code.Size {
			t.Fatalf("%d through with Redis, want %d", got, 4+limit.Code.Size)
		}
		g.Shut()
		if got, want := through(t, x, limit.Refresh, "a", 9), limit.Refresh.Size-4; got != want {
			t.Errorf("%d more through without, want %d", got, want)
		}
		if got := through(t, x, limit.Code, "b", 9); got != 0 {
			t.Errorf("%d through an empty bucket, want none", got)
		}
		c.move(limit.Code.Window)
		if got := through(t, x, limit.Code, "b", 9); got != limit.Code.Size {
			t.Errorf("%d through a window later, want %d", got, limit.Code.Size)
		}
	})
}

func TestWithASlowRedisNothingIsSkippedAndNobodyWaitsLong(t *testing.T) { // L2: Redis slow
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		c := newClock()
		x := limit.New(k, c.now, nodes(2))
		x.Allow(t.Context(), limit.Read, "warm") // a connection that stands
		g.Stall(true)
		begin := time.Now()
		for _, l := range []limit.Limiter{limit.CheckIn, limit.UnmaskHour, limit.Refresh} {
			want := l.Size
			if l.Away == limit.Closed {
				want = l.Size / 2
			}
			if got := through(t, x, l, "a", l.Size+5); got != want {
				t.Errorf("%s: %d through on one of two nodes, want %d", l.Name, got, want)
			}
		}
		// Half a second each would be 25 s and more; once Redis is known to be slow it is not asked.
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("61 calls took %v", took)
		} else {
			t.Logf("61 calls took %v", took)
		}
	})
}

func TestTwoNodesShareABucket(t *testing.T) { // L2: two nodes
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		c := newClock()
		one, two := limit.New(k, c.now, nodes(2)), limit.New(k, c.now, nodes(2))
		var mu sync.Mutex
		var wg sync.WaitGroup
		sum := 0
		for _, x := range []*limit.Limits{one, two} {
			for range 8 {
				wg.Go(func() {
					n := through(t, x, limit.CheckIn, "7", 5)
					mu.Lock()
					sum += n
					mu.Unlock()
				})
			}
		}
		wg.Wait()
		if sum != limit.CheckIn.Size {
			t.Errorf("%d of 80 through on two nodes, want %d", sum, limit.CheckIn.Size)
		}
	})
}

func TestManyAreTakenAtOnceOrNone(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		c := newClock()
		x := limit.New(k, c.now, nodes(1))
		for _, whom := range []string{"a", "b"} { // with Redis, then without
			if v := x.Take(t.Context(), limit.UploadBytes, whom, 60<<20); !v.OK {
				t.Errorf("60 of 100 MB refused: %+v", v)
			}
			if v := x.Take(t.Context(), limit.UploadBytes, whom, 60<<20); v.OK {
				t.Error("120 of 100 MB went through")
			}
			if v := x.Take(t.Context(), limit.UploadBytes, whom, 40<<20); !v.OK {
				t.Errorf("the rest was refused: %+v", v)
			}
			g.Shut()
		}
	})
}

func TestWhatIsGivenBackCanBeTakenAgain(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		c := newClock()
		x := limit.New(k, c.now, nodes(1))
		for _, whom := range []string{"a", "b"} { // with Redis, then without
			x.GiveBack(t.Context(), limit.RequestHour, whom) // nothing was taken: no more than the whole is there
			for i := range limit.RequestHour.Size {
				if v := x.Allow(t.Context(), limit.RequestHour, whom); !v.OK {
					t.Fatalf("call %d is refused: %+v", i+1, v)
				}
			}
			x.GiveBack(t.Context(), limit.RequestHour, whom)
			if v := x.Allow(t.Context(), limit.RequestHour, whom); !v.OK {
				t.Errorf("what was given back is refused: %+v", v)
			}
			if v := x.Allow(t.Context(), limit.RequestHour, whom); v.OK {
				t.Error("one was given back and two are taken")
			}
			g.Shut()
		}
	})
}

func TestAClockThatWentBackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		c := newClock()
		x := limit.New(k, c.now, nodes(1))
		through(t, x, limit.ShortCode, "a", 9)
		c.move(-48 * time.Hour)
		if got := through(t, x, limit.ShortCode, "a", 9); got != limit.ShortCode.Size {
			t.Errorf("%d through after the clock went back, want %d", got, limit.ShortCode.Size)
		}
	})
}

func TestTheHeadersSayTheCallersOwnValues(t *testing.T) { // L1
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		c := newClock()
		x := limit.New(k, c.now, nodes(1))
		for range 2 {
			v := x.Allow(t.Context(), limit.CheckIn, "a")
			got := fmt.Sprint(v.Policy(), " ", v.Header(), " ", v.RetryAfter())
			if want := `"check-in";q=10;w=60 "check-in";r=9;t=6 0`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			through(t, x, limit.CheckIn, "a", 10)
			v = x.Allow(t.Context(), limit.CheckIn, "a")
			got = fmt.Sprint(v.Header(), " ", v.RetryAfter())
			if want := `"check-in";r=0;t=60 6`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			g.Shut()
		}
	})
}

func TestStrangersDoNotFillTheProcess(t *testing.T) {
	t.Parallel()
	c := newClock()
	x := limit.Alone(kvtest.New(t), c.now)
	through(t, x, limit.CheckIn, "7", limit.CheckIn.Size)
	for i := range 30_000 { // some forgetting is due, of what is full again
		through(t, x, limit.Read, strconv.Itoa(i), 1)
		if i%1000 == 0 {
			c.move(time.Second)
		}
	}
	if got := through(t, x, limit.CheckIn, "7", limit.CheckIn.Size); got >= limit.CheckIn.Size {
		t.Errorf("%d through after others came: a bucket that is in use was dropped", got)
	}
	if n := x.Kept(); n > 25_000 {
		t.Errorf("%d buckets are kept, want those that are full again dropped", n)
	}
}

// Whoever goes ahead finds twice the room, also in a share that is rounded up to one, and what they take the others wait for.
func TestWhoGoesAheadNeverFindsLessRoomThanOthers(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{false, true} {
		kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
			if away {
				gate.Shut()
			}
			for size := 1; size <= 5; size++ {
				for n := 1; n <= 7; n++ {
					l := limit.Limiter{Name: fmt.Sprint("ahead-", size, "-", n), Size: size, Window: time.Minute, Away: limit.Closed}
					c := newClock()
					x := limit.New(k, c.now, nodes(n))
					share := size
					if away {
						share = max(1, size/n)
					}
					ahead := func(subject string) (found int) {
						for range 20 {
							if x.AllowAhead(t.Context(), l, subject).OK {
								found++
							}
						}
						return found
					}
					others, first, second := through(t, x, l, "a", 20), ahead("a"), ahead("b")
					if others != share || first != share || second != 2*share {
						t.Errorf("of %d for %d nodes (away: %v) others find %d, who goes ahead %d more and of a full one %d; want %d, %d, %d",
							size, n, away, others, first, second, share, share, 2*share)
					}
					for range 2 {
						if got := through(t, x, l, "b", 20); got != 0 {
							t.Errorf("of %d for %d nodes (away: %v) others find %d that were taken ahead", size, n, away, got)
						}
						c.move(l.Window / 2)
					}
					if got := ahead("b"); got != share {
						t.Errorf("of %d for %d nodes (away: %v) who goes ahead finds %d a window later, want %d", size, n, away, got, share)
					}
				}
			}
		})
	}
}

package kv_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

// until waits until ok holds.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s did not come", what)
		}
	}
}

// A dead master is a third of the shards, and nothing more; what it served is found again, empty, when it is back.
func TestOnAClusterADeadMasterIsAThirdOfTheShards(t *testing.T) {
	t.Parallel()
	c := kvtest.NewCluster(t)
	k := c.Open()
	ctx := t.Context()
	var mu sync.Mutex
	heard, resumed := map[kv.Key]string{}, map[int]bool{}
	s := k.Subscribe(func(channel kv.Key, message string) { mu.Lock(); heard[channel] = message; mu.Unlock() },
		func(shard int) { mu.Lock(); resumed[shard] = true; mu.Unlock() })
	t.Cleanup(func() { _ = s.Close() })
	for p := range int64(kv.Shards) {
		if err := k.Set(ctx, kv.InboxTop(p), "1", time.Hour); err != nil {
			t.Fatalf("shard %d: %v", p, err)
		}
		if err := s.Add(ctx, kv.InboxWake(p)); err != nil {
			t.Fatalf("listen to shard %d: %v", p, err)
		}
	}
	if n := s.Lines(); n != kv.Shards {
		t.Errorf("%d connections, want one a tag", n)
	}
	hear := func(p int64, message string) bool {
		_ = k.Publish(ctx, kv.InboxWake(p), message) // again and again, until it is heard
		mu.Lock()
		defer mu.Unlock()
		return heard[kv.InboxWake(p)] == message
	}
	for p := range int64(kv.Shards) {
		until(t, fmt.Sprintf("the wake-up of shard %d", p), func() bool { return hear(p, "first") })
	}
	const dead = 1
	c.Kill(dead)
	for p := range int64(kv.Shards) {
		_, found, err := k.Get(ctx, kv.InboxTop(p))
		if lost := c.MasterOf(int(p)) == dead; lost != errors.Is(err, kv.ErrAway) || lost != k.Away(int(p)) || found == lost {
			t.Errorf("shard %d of a dead master %v: found %v, %v, away %v", p, lost, found, err, k.Away(int(p)))
		}
		if c.MasterOf(int(p)) != dead {
			until(t, fmt.Sprintf("the wake-up of shard %d beside a dead master", p), func() bool { return hear(p, "second") })
		}
	}
	c.Start(dead)
	for p := range int64(kv.Shards) {
		until(t, fmt.Sprintf("shard %d again", p), func() bool {
			_, found, err := k.Get(ctx, kv.InboxTop(p))
			if err == nil && found == (c.MasterOf(int(p)) == dead) {
				t.Fatalf("shard %d of a dead master %v: found %v after its return", p, c.MasterOf(int(p)) == dead, found)
			}
			return err == nil
		})
		until(t, fmt.Sprintf("the wake-up of shard %d in the end", p), func() bool { return hear(p, "third") })
	}
	mu.Lock()
	defer mu.Unlock()
	for shard := range kv.Shards {
		if lost := c.MasterOf(shard) == dead; lost != resumed[shard] || lost != (k.Returns(shard) > 0) {
			t.Errorf("shard %d of a dead master %v: resumed %v, returns %d", shard, lost, resumed[shard], k.Returns(shard))
		}
	}
}

// A replica that stands in for a dead master is found by itself, though nobody was given its address: what it holds is
// read there, it is heard there, and the master that comes back as its replica changes nothing.
func TestOnAClusterAReplicaThatStandsInIsFound(t *testing.T) {
	t.Parallel()
	const dead = 1
	c := kvtest.NewCluster(t)
	c.Replicate(dead)
	k := c.Open()
	ctx := t.Context()
	var mu sync.Mutex
	heard, resumed := map[kv.Key]string{}, map[int]bool{}
	s := k.Subscribe(func(channel kv.Key, message string) { mu.Lock(); heard[channel] = message; mu.Unlock() },
		func(shard int) { mu.Lock(); resumed[shard] = true; mu.Unlock() })
	t.Cleanup(func() { _ = s.Close() })
	its := []int64{}
	for p := range int64(kv.Shards) {
		if c.MasterOf(int(p)) != dead {
			continue
		}
		its = append(its, p)
		if err := errors.Join(k.Set(ctx, kv.InboxTop(p), "1", time.Hour), s.Add(ctx, kv.InboxWake(p))); err != nil {
			t.Fatalf("shard %d: %v", p, err)
		}
	}
	answers := func(when string) {
		t.Helper()
		for _, p := range its {
			until(t, fmt.Sprintf("shard %d %s", p, when), func() bool {
				_, found, err := k.Get(ctx, kv.InboxTop(p))
				if err == nil && !found {
					t.Fatalf("shard %d %s is empty", p, when)
				}
				return err == nil
			})
		}
	}
	hears := func(when string) {
		t.Helper()
		for _, p := range its {
			until(t, fmt.Sprintf("the wake-up of shard %d %s", p, when), func() bool {
				_ = k.Publish(ctx, kv.InboxWake(p), when) // again and again, until it is heard
				mu.Lock()
				defer mu.Unlock()
				return heard[kv.InboxWake(p)] == when
			})
		}
	}
	hears("before")
	c.Copied(dead)
	c.Kill(dead)
	for _, p := range its {
		if _, _, err := k.Get(ctx, kv.InboxTop(p)); !errors.Is(err, kv.ErrAway) {
			t.Errorf("shard %d of a dead master: %v", p, err)
		}
	}
	took := c.FailOver(dead)
	since := time.Now()
	answers("of the replica")
	found := time.Since(since)
	hears("of the replica")
	t.Logf("the replica stood in after %v, was found %v later, and all of its shards were heard %v later",
		took.Round(time.Millisecond), found.Round(time.Millisecond), time.Since(since).Round(time.Millisecond))
	mu.Lock()
	for _, p := range its {
		if !resumed[int(p)] || k.Returns(int(p)) == 0 {
			t.Errorf("shard %d: resumed %v, returns %d; whoever remembers would not know of the loss", p, resumed[int(p)], k.Returns(int(p)))
		}
	}
	mu.Unlock()
	c.Start(dead)
	answers("after the return")
	hears("after the return")
}

// A shard that moves to another master is heard there: the old one only says that it is over.
func TestOnAClusterAShardThatMovesIsHeardAtItsNewMaster(t *testing.T) {
	t.Parallel()
	c := kvtest.NewCluster(t)
	k := c.Open()
	var mu sync.Mutex
	var heard string
	resumed := false
	s := k.Subscribe(func(_ kv.Key, message string) { mu.Lock(); heard = message; mu.Unlock() },
		func(int) { mu.Lock(); resumed = true; mu.Unlock() })
	t.Cleanup(func() { _ = s.Close() })
	channel := kv.InboxWake(5)
	if err := s.Add(t.Context(), channel); err != nil {
		t.Fatal(err)
	}
	hear := func(message string) func() bool {
		return func() bool {
			_ = k.Publish(t.Context(), channel, message)
			mu.Lock()
			defer mu.Unlock()
			return heard == message
		}
	}
	until(t, "the first", hear("first"))
	c.Move(channel.Shard(), 2)
	until(t, "what is said after the move", hear("second"))
	mu.Lock()
	defer mu.Unlock()
	if !resumed {
		t.Error("nobody was told that something may have been lost")
	}
}

// What nobody listens to any more is forgotten, even when the master dies that was to be told.
func TestOnAClusterADeadMasterLeavesNoNames(t *testing.T) {
	t.Parallel()
	c := kvtest.NewCluster(t)
	k := c.Open()
	var mu sync.Mutex
	heard := ""
	s := k.Subscribe(func(_ kv.Key, message string) { mu.Lock(); heard = message; mu.Unlock() }, func(int) {})
	t.Cleanup(func() { _ = s.Close() })
	stays, leaves := kv.InboxWake(5), kv.InboxWake(5+kv.Shards)
	if err := s.Add(t.Context(), stays, leaves); err != nil {
		t.Fatal(err)
	}
	c.Kill(c.MasterOf(stays.Shard()))
	s.Remove(leaves)
	c.Start(c.MasterOf(stays.Shard()))
	until(t, "a wake-up after the return", func() bool {
		_ = k.Publish(t.Context(), stays, "again")
		mu.Lock()
		defer mu.Unlock()
		return heard == "again"
	})
	until(t, "the end of the name that left", func() bool { return s.Parting() == 0 })
	if err := s.Add(t.Context(), leaves); err != nil {
		t.Fatal(err)
	}
	s.Remove(leaves)
	until(t, "the end of a name over a whole connection", func() bool { return s.Parting() == 0 })
}

func TestTheDoctorLooksAtEachMaster(t *testing.T) {
	t.Parallel()
	c := kvtest.NewCluster(t)
	lines, err := c.Open().Unwise(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if n := strings.Count(strings.Join(lines, "\n"), c.Options().Addrs[i]); n != 2 { // stream-node-max-bytes, appendonly
			t.Errorf("%d lines name %s, want 2:\n%s", n, c.Options().Addrs[i], strings.Join(lines, "\n"))
		}
	}
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

func TestAValueIsThereUntilItIsTaken(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		key := kv.Ticket("abc")
		if _, found, err := k.Get(t.Context(), key); found || err != nil {
			t.Fatalf("before: found %v, %v", found, err)
		}
		if err := k.Set(t.Context(), key, "seven", time.Minute); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		took := 0
		for range 20 {
			wg.Go(func() {
				v, found, err := k.Take(t.Context(), key)
				if err != nil {
					t.Error(err)
				}
				if found && v == "seven" {
					mu.Lock()
					took++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if took != 1 {
			t.Errorf("%d of 20 took the value, want 1", took)
		}
		if done, err := k.SetNew(t.Context(), key, "a", time.Minute); !done || err != nil {
			t.Errorf("set new: %v, %v", done, err)
		}
		if done, err := k.SetNew(t.Context(), key, "b", time.Minute); done || err != nil {
			t.Errorf("set new twice: %v, %v", done, err)
		}
		if found, err := k.Expire(t.Context(), key, time.Hour); !found || err != nil {
			t.Errorf("expire: %v, %v", found, err)
		}
		if err := k.Delete(t.Context(), key, kv.InboxTop(7)); err != nil {
			t.Errorf("delete keys of two slots: %v", err)
		}
		if _, found, _ := k.Get(t.Context(), key); found {
			t.Error("a deleted value is still there")
		}
	})
}

var double = kv.NewScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
redis.call('XADD', KEYS[2], ARGV[1] .. '-0', 'd', ARGV[2])
redis.call(ARGV[3], KEYS[3], 'woken')
return {redis.call('GET', KEYS[1]), tonumber(ARGV[1]) * 2}`)

func TestAScriptUsesAllKeysOfAPerson(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		keys := []kv.Key{kv.InboxTop(70), kv.HotInbox(70), kv.InboxWake(70)}
		if v, err := k.Run(t.Context(), double, keys, 3, "x", k.PublishCommand()); v != nil || err != nil {
			t.Fatalf("without a top: %v, %v", v, err)
		}
		if err := k.Set(t.Context(), keys[0], "9", time.Minute); err != nil {
			t.Fatal(err)
		}
		b := k.Batch()
		var replies []*kv.Reply
		for i := 1; i <= 2000; i++ { // more than any buffer holds
			replies = append(replies, b.Run(double, keys, i, strings.Repeat("字", 50), k.PublishCommand()))
		}
		wrong := b.Run(double, keys, 1, "again", k.PublishCommand())
		if err := b.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if wrong.Err() == nil || errors.Is(wrong.Err(), kv.ErrAway) {
			t.Errorf("an id below the top: %v, want Redis's refusal", wrong.Err())
		}
		v, err := replies[1999].Value()
		if want := fmt.Sprint([]any{"9", int64(4000)}); err != nil || fmt.Sprint(v) != want {
			t.Errorf("got %v, %v, want %v", v, err, want)
		}
		entries, err := k.Range(t.Context(), keys[1], 1999, 10)
		if err != nil || len(entries) != 2 || entries[1].ID != "2000-0" || entries[1].Data != strings.Repeat("字", 50) {
			t.Errorf("got %v, %v", entries, err)
		}
	})
}

func TestOnlineIsCounted(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		key := kv.Online(3)
		if err := errors.Join(k.Mark(t.Context(), key, 100, 3, 67), k.Mark(t.Context(), key, 200, 67), k.Trim(t.Context(), key, 200)); err != nil {
			t.Fatal(err)
		}
		b := k.Batch()
		r := b.Count(key, 0)
		if err := b.Send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := r.Value(); n != int64(1) || err != nil {
			t.Errorf("%d members, %v, want 1", n, err)
		}
	})
}

func TestASubscriptionHearsWhatIsPublished(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		heard, resumed := make(chan string, 100), make(chan int, 100)
		s := k.Subscribe(
			func(c kv.Key, m string) { heard <- fmt.Sprint(c.Person(), m) },
			func(shard int) { resumed <- shard },
		)
		defer func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		var many []kv.Key
		for p := int64(1); p <= 1000; p++ {
			many = append(many, kv.InboxWake(p))
		}
		if err := s.Add(t.Context(), many...); err != nil {
			t.Fatal(err)
		}
		publish := func(person int64, m string) {
			t.Helper()
			if err := k.Publish(t.Context(), kv.InboxWake(person), m); err != nil {
				t.Fatal(err)
			}
		}
		publish(1000, "a")
		if got := <-heard; got != "1000a" {
			t.Errorf("heard %s", got)
		}
		s.Remove(kv.InboxWake(1000))
		if err := s.Add(t.Context(), kv.OutboxWake(5)); err != nil { // confirmed after the removal
			t.Fatal(err)
		}
		publish(1000, "b")
		publish(999, "c")
		if got := <-heard; got != "999c" {
			t.Errorf("heard %s after the channel was removed", got)
		}

		g.Shut()
		if err := s.Add(t.Context(), kv.InboxWake(2000)); !errors.Is(err, kv.ErrAway) {
			t.Errorf("added while Redis is away: %v", err)
		}
		g.Open()
		<-resumed
		waitFor(t, k)
		if err := s.Add(t.Context(), kv.InboxWake(2000)); err != nil {
			t.Errorf("add again: %v", err)
		}
		publish(2000, "d")
		if got := <-heard; got != "2000d" {
			t.Errorf("heard %s", got)
		}
	})
}

func TestARedisThatIsAwayCostsOneFailureAndIsFoundAgain(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		if err := k.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		before := k.Returns(0)
		g.Shut()
		if err := k.Ping(t.Context()); !errors.Is(err, kv.ErrAway) {
			t.Fatalf("got %v, want ErrAway", err)
		}
		if !k.Away(0) {
			t.Error("the breaker is closed after a failure")
		}
		if _, _, err := k.Get(t.Context(), kv.Ticket("x")); !errors.Is(err, kv.ErrAway) {
			t.Errorf("got %v, want ErrAway at once", err)
		}
		g.Open()
		waitFor(t, k)
		if k.Away(0) || k.Returns(0) != before+1 {
			t.Errorf("away %v after %d returns, want back after %d", k.Away(0), k.Returns(0), before+1)
		}
	})
}

func TestACallerWhoGivesUpDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := k.Ping(ctx); !errors.Is(err, kv.ErrAway) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := k.Ping(t.Context()); err != nil {
			t.Errorf("the next caller: %v", err)
		}
	})
}

// waitFor waits until the breaker lets a call through and Redis answers.
func waitFor(t *testing.T, k *kv.KV) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for k.Ping(t.Context()) != nil {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("Redis did not come back")
		}
	}
}

// Nobody need ask for anything: what is away is looked for, and whoever wants to hears that it is back.
func TestWhatIsAwayIsLookedForUntilItIsBack(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		back := make(chan struct{}, 10)
		k.OnReturn(func() { back <- struct{}{} })
		for n := range int64(3) {
			before := k.Returns(0)
			g.Shut()
			if err := k.Ping(t.Context()); !errors.Is(err, kv.ErrAway) {
				t.Fatalf("got %v, want ErrAway", err)
			}
			g.Open()
			select {
			case <-back:
			case <-time.After(20 * time.Second):
				t.Fatal("nobody says that Redis is back")
			}
			if k.Away(0) || k.Returns(0) != before+1 {
				t.Errorf("round %d: away %v after %d returns, want back after %d", n, k.Away(0), k.Returns(0), before+1)
			}
		}
		if len(back) > 0 {
			t.Errorf("a return was told %d times more", len(back))
		}
	})
}

// Others ask how long, and who needs nothing of Redis learns that it is back.
func TestHowLongRedisIsAwayIsKnownUntilItAnswers(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, g *kvtest.Gate) {
		if away := k.AwayFor(); away != 0 {
			t.Errorf("away for %v at first", away)
		}
		g.Shut()
		_ = k.Ping(t.Context())
		tick, end := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
		defer tick.Stop()
		until := func(what string, ok func(away time.Duration) bool) {
			t.Helper()
			for {
				if ok(k.AwayFor()) {
					return
				}
				select {
				case <-tick.C:
				case <-end:
					t.Fatalf("away for %v, want it %s", k.AwayFor(), what)
				}
			}
		}
		until("away since it was first, however often somebody looks", func(away time.Duration) bool { return away > time.Second })
		g.Open()
		until("back", func(away time.Duration) bool { return away == 0 && !k.Away(0) })
	})
}

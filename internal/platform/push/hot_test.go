package push

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
)

func entries(from, to int64) (some []Entry) {
	for s := from; s <= to; s++ {
		some = append(some, Entry{Seq: s, Tail: fmt.Sprintf(`"k":"task.due","ref":{"type":"task","id":%d}}`, s)})
	}
	return some
}

func TestAPushIsTakenInOrderAndOnce(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		h := NewHot(k)
		say := func(from, to int64) Answer {
			return h.Push(t.Context(), []Delivery{{Person: somebody, Entries: entries(from, to)}})[0]
		}
		if a := say(1, 1); a != (Answer{State: Cold}) {
			t.Errorf("a push to a cold inbox: %+v", a)
		}
		err := h.Warm(t.Context(), somebody, func(context.Context, int) (int64, []Entry, error) {
			if a := say(2, 2); a != (Answer{State: Gap}) { // told to come again
				t.Errorf("a push while a reader is filling: %+v", a)
			}
			return 1, entries(1, 1), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			from, to int64
			want     Answer
		}{
			{4, 4, Answer{State: Gap, Top: 1}},
			{2, 3, Answer{State: Taken, Top: 3}},
			{2, 3, Answer{State: Known, Top: 3}},
			{3, 5, Answer{State: Taken, Top: 5}},
		} {
			if a := say(c.from, c.to); a != c.want {
				t.Errorf("push %d to %d: %+v, want %+v", c.from, c.to, a, c.want)
			}
		}
		if diff := cmp.Diff(entries(3, 5), h.Read(t.Context(), somebody, 2, 100)); diff != "" {
			t.Errorf("read after 2 (-want +got):\n%s", diff)
		}
		if top, known := h.Top(t.Context(), somebody); top != 5 || !known {
			t.Errorf("top %d, known %v", top, known)
		}
		if err := h.Forget(t.Context(), somebody); err != nil {
			t.Fatal(err)
		}
		if a := say(6, 6); a.State != Cold {
			t.Errorf("a forgotten inbox answers %+v, want cold", a)
		}
	})
}

// However many read and push at once, the hot inbox has no hole.
func TestNoItemFallsBetweenReadersAndPushes(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		h, sql := NewHot(k), &memory{}
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 100 {
				d := Delivery{Person: somebody, Entries: sql.add(1, 0)} // SQL first, then Redis
				for a := (Answer{State: Gap}); a.State == Gap && a.Err == nil; {
					a = h.Push(t.Context(), []Delivery{d})[0]
				}
			}
		})
		for range 3 {
			wg.Go(func() {
				for range 30 {
					err := h.Warm(t.Context(), somebody, func(ctx context.Context, n int) (int64, []Entry, error) {
						heads, err := sql.Heads(ctx, []int64{somebody})
						if err != nil {
							return 0, nil, err
						}
						top := heads[0].Seq
						some, err := sql.Items(ctx, somebody, max(0, top-int64(n)), n)
						for len(some) > 0 && some[len(some)-1].Seq > top {
							some = some[:len(some)-1]
						}
						return top, some, err
					})
					if err != nil {
						t.Errorf("warm: %v", err)
					}
				}
			})
		}
		wg.Wait()
		top, known := h.Top(t.Context(), somebody)
		if !known || top != 100 {
			t.Fatalf("top %d, known %v, want 100", top, known)
		}
		all, err := kvRange(t, k)
		if err != nil || len(all) == 0 || all[len(all)-1] != "100-0" {
			t.Fatalf("the stream ends %v (%v), want 100-0", all, err)
		}
		for i := 1; i < len(all); i++ {
			var a, b int64
			_, _ = fmt.Sscanf(all[i-1], "%d-", &a)
			_, _ = fmt.Sscanf(all[i], "%d-", &b)
			if b != a+1 {
				t.Fatalf("after %d comes %d", a, b)
			}
		}
	})
}

func kvRange(t *testing.T, k *kv.KV) (ids []string, err error) {
	t.Helper()
	found, err := k.Range(t.Context(), kv.HotInbox(somebody), 0, 1000)
	for _, e := range found {
		ids = append(ids, e.ID)
	}
	return ids, err
}

func TestPlacesSayHowFarHotInboxesAre(t *testing.T) {
	t.Parallel()
	kvtest.EachGated(t, func(t *testing.T, k *kv.KV, gate *kvtest.Gate) {
		h := NewHot(k)
		err := h.Warm(t.Context(), 7, func(context.Context, int) (int64, []Entry, error) {
			if p := h.Places(t.Context(), []int64{7}); p[0].Err == nil {
				t.Errorf("while a reader is filling it: %+v, want an error", p[0])
			}
			return 3, entries(1, 3), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got := h.Places(t.Context(), []int64{8, 7})
		if want := []Place{{Cold: true}, {Top: 3}}; !cmp.Equal(got, want) {
			t.Errorf("places %+v, want %+v", got, want)
		}
		for _, err := range h.Wake(t.Context(), []int64{7, 8}, []int64{4, 5}) {
			if err != nil {
				t.Errorf("wake: %v", err)
			}
		}
		gate.Shut()
		if p := h.Places(t.Context(), []int64{7}); p[0].Err == nil {
			t.Errorf("without Redis: %+v", p[0])
		}
		if errs := h.Wake(t.Context(), []int64{7}, []int64{4}); errs[0] == nil {
			t.Error("without Redis somebody was woken")
		}
	})
}

// The embedded Redis holds its lock while it looks at all keys, so there are only so many: whoever has not read for
// longest gives way.
func TestTheEmbeddedRedisKeepsTheNewestReaders(t *testing.T) {
	t.Parallel()
	h := NewHot(kvtest.New(t))
	warm := func(person int64) {
		t.Helper()
		err := h.Warm(t.Context(), person, func(context.Context, int) (int64, []Entry, error) { return 1, entries(1, 1), nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	for p := int64(1); p <= embeddedHot; p++ {
		warm(p)
	}
	if hot, err := h.Keep(t.Context(), 1); err != nil || !hot { // the first reads again
		t.Fatalf("it has a hot inbox: %v (%v)", hot, err)
	}
	warm(embeddedHot + 1)
	for person, want := range map[int64]bool{1: true, 2: false, 3: true, embeddedHot + 1: true} {
		if _, known := h.Top(t.Context(), person); known != want {
			t.Errorf("person %d has a hot inbox: %v, want %v", person, known, want)
		}
	}
}

// A hot inbox is kept for a week from when its person last read. The mark of a reader that is filling it is not kept: should that
// one die, another is to fill it soon.
func TestAHotInboxIsKeptAndAReadersMarkIsNot(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		h := NewHot(k)
		ends := kv.NewScript(`return {redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2])}`)
		keep := func(what string, hot bool, keys int, least, most time.Duration) {
			t.Helper()
			if got, err := h.Keep(t.Context(), somebody); err != nil || got != hot {
				t.Errorf("%s: hot is %v (%v), want %v", what, got, err, hot)
			}
			answer, err := k.Run(t.Context(), ends, hotKeys(somebody)[:2])
			if err != nil {
				t.Fatal(err)
			}
			for _, ms := range answer.([]any) {
				ends := time.Duration(ms.(int64)) * time.Millisecond
				switch {
				case ms.(int64) == -2: // there is none
					continue
				case ends < least || ends > most:
					t.Errorf("%s: it ends in %v, want %v to %v", what, ends, least, most)
				}
				keys--
			}
			if keys != 0 {
				t.Errorf("%s: %d keys are missing", what, keys)
			}
		}
		keep("a cold one", false, 0, 0, 0)
		err := h.Warm(t.Context(), somebody, func(context.Context, int) (int64, []Entry, error) {
			keep("one that is being filled", false, 1, 0, warmFor)
			return 2, entries(1, 2), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range hotKeys(somebody)[:2] {
			if _, err := k.Expire(t.Context(), key, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		keep("a hot one", true, 2, hotFor-time.Hour, hotFor)
	})
}

func TestTheOldestOfTooManyReadersGivesWay(t *testing.T) {
	t.Parallel()
	var r readers
	var gone []int64
	for _, person := range []int64{1, 2, 3, 2, 1, 4, 2, 5, 3, 6} {
		if oldest, tooMany := r.note(person, 3); tooMany {
			gone = append(gone, oldest)
		}
	}
	if want := []int64{3, 1, 4, 2}; !slices.Equal(gone, want) || len(r.by) != 3 || r.order.Len() != 3 {
		t.Errorf("%v give way and %d are left, want %v and three", gone, len(r.by), want)
	}
}

// Nobody waits for others to be looked through, however many have read.
func BenchmarkAReaderMoreThanThereIsRoomFor(b *testing.B) {
	var r readers
	for person := range int64(embeddedHot) {
		r.note(person, embeddedHot)
	}
	for person := int64(embeddedHot); b.Loop(); person++ {
		r.note(person, embeddedHot)
	}
}

// Each of many is answered as they would be alone, and one message a shard wakes everybody's devices.
func TestAnItemForManyIsTakenByEachAsAlone(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		h := NewHot(k)
		const tail = `"k":"announcement","p":2,"ts":7}`
		item := func(person, seq int64, role string) Delivery {
			return Delivery{Person: person, Entries: []Entry{{seq, role + tail}}}
		}
		warm := func(person, top int64) {
			t.Helper()
			err := h.Warm(t.Context(), person, func(context.Context, int) (int64, []Entry, error) { return top, entries(1, top), nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		const next, known, behind, cold, filling, refused, empty = 5, 5 + kv.Shards, 5 + 2*kv.Shards, 5 + 3*kv.Shards, 5 + 4*kv.Shards, 5 + 5*kv.Shards, 6
		warm(next, 1)
		warm(known, 3)
		warm(behind, 1)
		warm(empty, 0)
		if _, err := k.SetNew(t.Context(), kv.InboxTop(filling), "w:somebody", warmFor); err != nil {
			t.Fatal(err)
		}
		for key, value := range map[kv.Key]string{kv.InboxTop(refused): "1", kv.HotInbox(refused): "no stream"} {
			if err := k.Set(t.Context(), key, value, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		heard := map[string]int{}
		sub := k.Subscribe(func(_ kv.Key, message string) { mu.Lock(); defer mu.Unlock(); heard[message]++ }, func(int) {})
		t.Cleanup(func() { _ = sub.Close() })
		if err := sub.Add(t.Context(), kv.OutboxWake(5), kv.OutboxWake(6)); err != nil {
			t.Fatal(err)
		}
		ds := []Delivery{
			item(next, 2, `"as":12,`), item(known, 3, ""), item(behind, 3, ""), item(cold, 9, ""), item(filling, 4, ""), item(empty, 1, `"as":1,`),
			item(refused, 2, ""),
			{Person: next, Entries: []Entry{{3, `"as":12,` + tail}, {4, `"as":13,` + tail}}}, // items of two roles come alone
		}
		again, away := h.PushAll(t.Context(), ds)
		if diff := cmp.Diff([]Delivery{ds[7], ds[2], ds[4], ds[6]}, again); diff != "" || len(away) > 0 {
			t.Errorf("come again for (-want +got):\n%s and %d are away", diff, len(away))
		}
		if got := h.Read(t.Context(), next, 1, 10); len(got) != 1 || got[0] != ds[0].Entries[0] {
			t.Errorf("the next one is %v, want what was pushed", got)
		}
		for person, want := range map[int64]int64{next: 2, known: 3, behind: 1, empty: 1} {
			if top, _ := h.Top(t.Context(), person); top != want {
				t.Errorf("person %d is at %d, want %d", person, top, want)
			}
		}
		want := map[string]int{tail + "\n5 2 \"as\":12,\n197 9 ": 1, tail + "\n6 1 \"as\":1,": 1}
		await(t, "two messages", func() bool { mu.Lock(); defer mu.Unlock(); return len(heard) == 2 })
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Errorf("nodes hear (-want +got):\n%s", diff)
		}
		left, err := k.Run(t.Context(), kv.NewScript(`return redis.call('PTTL', KEYS[1])`), []kv.Key{kv.HotInbox(empty)})
		if ms, _ := left.(int64); err != nil || ms < (hotFor-time.Hour).Milliseconds() {
			t.Errorf("an inbox that was empty is kept for %v ms (%v), want as long as its top", left, err)
		}
	})
}

// However many there are, each is in one step.
func TestVeryManyAreServedInSteps(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		h := NewHot(k)
		var ds []Delivery
		for i := range int64(3 * manyAtOnce) {
			ds = append(ds, Delivery{Person: 1 + kv.Shards*i, Entries: []Entry{{1, `"k":"announcement"}`}}})
		}
		var mu sync.Mutex
		told := map[string]int{}
		sub := k.Subscribe(func(_ kv.Key, message string) {
			mu.Lock()
			defer mu.Unlock()
			for _, line := range strings.Split(message, "\n")[1:] {
				told[line]++
			}
		}, func(int) {})
		t.Cleanup(func() { _ = sub.Close() })
		if err := sub.Add(t.Context(), kv.OutboxWake(1)); err != nil {
			t.Fatal(err)
		}
		if again, away := h.PushAll(t.Context(), ds); len(again)+len(away) > 0 {
			t.Errorf("%d again, %d away", len(again), len(away))
		}
		await(t, "all are heard of", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) == len(ds) })
	})
}

// Several new items for many go in one step, too: each takes those that it lacks, and one message has them all.
func TestSeveralItemsForManyAreTakenByEachAsAlone(t *testing.T) {
	t.Parallel()
	kvtest.Each(t, func(t *testing.T, k *kv.KV) {
		h := NewHot(k)
		tail := func(n int64) string { return fmt.Sprintf(`"k":"announcement","p":2,"ts":%d}`, n) }
		three := func(person, first int64, role string) Delivery {
			d := Delivery{Person: person}
			for i := range int64(3) {
				d.Entries = append(d.Entries, Entry{first + i, role + tail(i)})
			}
			return d
		}
		const next, half, known, behind, cold = 5, 5 + kv.Shards, 5 + 2*kv.Shards, 5 + 3*kv.Shards, 5 + 4*kv.Shards
		for person, top := range map[int64]int64{next: 1, half: 3, known: 4, behind: 0} {
			err := h.Warm(t.Context(), person, func(context.Context, int) (int64, []Entry, error) { return top, entries(1, top), nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var heard []string
		sub := k.Subscribe(func(_ kv.Key, message string) { mu.Lock(); defer mu.Unlock(); heard = append(heard, message) }, func(int) {})
		t.Cleanup(func() { _ = sub.Close() })
		if err := sub.Add(t.Context(), kv.OutboxWake(5)); err != nil {
			t.Fatal(err)
		}
		ds := []Delivery{three(next, 2, `"as":12,`), three(half, 2, ""), three(known, 2, ""), three(behind, 2, ""), three(cold, 9, `"as":3,`)}
		again, away := h.PushAll(t.Context(), ds)
		if diff := cmp.Diff([]Delivery{ds[3]}, again); diff != "" || len(away) > 0 {
			t.Errorf("come again for (-want +got):\n%s and %d are away", diff, len(away))
		}
		if diff := cmp.Diff(ds[0].Entries, h.Read(t.Context(), next, 1, 10)); diff != "" {
			t.Errorf("the next one has (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(append(entries(2, 3), ds[1].Entries[2]), h.Read(t.Context(), half, 1, 10)); diff != "" {
			t.Errorf("who had two of them has (-want +got):\n%s", diff)
		}
		for person, want := range map[int64]int64{next: 4, half: 4, known: 4, behind: 0} {
			if top, _ := h.Top(t.Context(), person); top != want {
				t.Errorf("person %d is at %d, want %d", person, top, want)
			}
		}
		want := []string{tail(0) + "\n" + tail(1) + "\n" + tail(2) + "\n5 2 \"as\":12,\n69 2 \n261 9 \"as\":3,"}
		await(t, "a message", func() bool { mu.Lock(); defer mu.Unlock(); return len(heard) > 0 })
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(want, heard); diff != "" {
			t.Errorf("nodes hear (-want +got):\n%s", diff)
		}
	})
}

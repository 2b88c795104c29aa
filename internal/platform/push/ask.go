package push

import (
	"context"
	"errors"
	"slices"
	"sync"

	"wanjia/internal/platform/kv"
)

// heads asks SQL for inboxes, and notes that it answered.
func (h *Hub) heads(ctx context.Context, ids []int64) ([]Head, error) {
	at := h.now()
	heads, err := h.o.Inbox.Heads(ctx, ids)
	if err == nil {
		h.answered.Store(at)
		h.deaf.Store(false)
	}
	return heads, err
}

// A round collects who wants to know something about a person, such as the state of an inbox, while the question of those
// before is under way: when a thousand devices come back at once, or hear of one announcement, they share a few questions.
type round[T any] struct {
	mu   sync.Mutex
	busy bool
	next []*question[T]
}

type question[T any] struct {
	ids     []int64
	done    chan struct{}
	answers map[int64]T
	err     error
}

// askAbout is of how many persons one question is.
const askAbout = 500

// of is what ask says about one person, as it is after the call began: of many in one question, and of who is left out
// nothing.
func (r *round[T]) of(ctx context.Context, id int64, ask func(ctx context.Context, ids []int64) (map[int64]T, error)) (none T, err error) {
	r.mu.Lock()
	if n := len(r.next); n == 0 || len(r.next[n-1].ids) == askAbout {
		r.next = append(r.next, &question[T]{done: make(chan struct{})})
	}
	q := r.next[len(r.next)-1]
	q.ids = append(q.ids, id)
	if !r.busy {
		r.busy = true
		go r.ask(ask) // one question is asked for many, and outlives whoever came first
	}
	r.mu.Unlock()
	select {
	case <-q.done:
		return q.answers[id], q.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// ask asks one question after the other until there is none.
func (r *round[T]) ask(ask func(ctx context.Context, ids []int64) (map[int64]T, error)) {
	for {
		r.mu.Lock()
		if r.busy = len(r.next) > 0; !r.busy {
			r.mu.Unlock()
			return
		}
		q := r.next[0]
		r.next = r.next[1:]
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		q.answers, q.err = ask(ctx, slices.Compact(slices.Sorted(slices.Values(q.ids))))
		cancel()
		close(q.done)
	}
}

// headOf is the state of one inbox, as it is after the call began.
func (h *Hub) headOf(ctx context.Context, id int64) (Head, error) {
	head, err := h.headsAsked.of(ctx, id, func(ctx context.Context, ids []int64) (map[int64]Head, error) {
		heads, err := h.heads(ctx, ids)
		found := make(map[int64]Head, len(heads))
		for _, head := range heads {
			found[head.Person] = head
		}
		return found, err
	})
	head.Person = id // who has no inbox has an empty one
	return head, err
}

// fetch is the items after a number, from Redis when it has them, else from SQL.
func (h *Hub) fetch(ctx context.Context, p *person, after int64, limit int) ([]Entry, error) {
	if entries := h.o.Hot.Read(ctx, p.id, after, limit); len(entries) > 0 {
		return entries, nil
	}
	h.stats.fills.Add(1)
	at := h.now()
	entries, err := h.o.Inbox.Items(ctx, p.id, after, limit)
	if err != nil {
		return nil, err
	}
	h.answered.Store(at)
	if _, known := h.o.Hot.Top(ctx, p.id); !known { // Redis has lost it: whoever reads next finds it there
		h.warm(ctx, p.id)
	}
	return entries, nil
}

// warm makes person's inbox hot, since somebody reads it.
func (h *Hub) warm(ctx context.Context, id int64) {
	err := h.o.Hot.Warm(ctx, id, func(ctx context.Context, n int) (int64, []Entry, error) {
		head, err := h.headOf(ctx, id)
		top := head.Seq
		if err != nil || top <= head.Floor { // there is nothing
			return top, nil, err
		}
		entries, err := h.o.Inbox.Items(ctx, id, max(head.Floor, top-int64(n)), n)
		for len(entries) > 0 && entries[len(entries)-1].Seq > top {
			entries = entries[:len(entries)-1] // came in between: its push will bring it
		}
		return top, entries, err
	})
	if err != nil && !errors.Is(err, kv.ErrAway) && ctx.Err() == nil {
		h.o.Log.WarnContext(ctx, "make an inbox hot", "person", id, "error", err)
	}
}

package push

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

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

// A round collects who wants to know the state of an inbox while the question of those before is under way: when a
// thousand devices come back at once, they share a few questions.
type round struct {
	mu   sync.Mutex
	busy bool
	next *question
}

type question struct {
	ids   []int64
	done  chan struct{}
	heads map[int64]Head
	err   error
}

// headOf is the state of one inbox, as it is after the call began.
func (h *Hub) headOf(ctx context.Context, id int64) (Head, error) {
	r := &h.round
	r.mu.Lock()
	if r.next == nil {
		r.next = &question{done: make(chan struct{})}
	}
	q := r.next
	q.ids = append(q.ids, id)
	if !r.busy {
		r.busy = true
		go h.ask() //nolint:gosec // because one question is asked for many, and outlives whoever came first
	}
	r.mu.Unlock()
	select {
	case <-q.done:
	case <-ctx.Done():
		return Head{}, ctx.Err()
	}
	if head, ok := q.heads[id]; ok || q.err != nil {
		return head, q.err
	}
	return Head{Person: id}, nil
}

// ask asks one question after the other until there is none.
func (h *Hub) ask() {
	r := &h.round
	for {
		r.mu.Lock()
		q := r.next
		r.next = nil
		if r.busy = q != nil; q == nil {
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		heads, err := h.heads(ctx, slices.Compact(slices.Sorted(slices.Values(q.ids))))
		cancel()
		q.heads, q.err = make(map[int64]Head, len(heads)), err
		for _, head := range heads {
			q.heads[head.Person] = head
		}
		close(q.done)
	}
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
		heads, err := h.heads(ctx, []int64{id})
		if err != nil || len(heads) == 0 {
			return 0, nil, err
		}
		top := heads[0].Seq
		entries, err := h.o.Inbox.Items(ctx, id, max(heads[0].Floor, top-int64(n)), n)
		for len(entries) > 0 && entries[len(entries)-1].Seq > top {
			entries = entries[:len(entries)-1] // came in between: its push will bring it
		}
		return top, entries, err
	})
	if err != nil && !errors.Is(err, kv.ErrAway) && ctx.Err() == nil {
		h.o.Log.WarnContext(ctx, "make an inbox hot", "person", id, "error", err)
	}
}

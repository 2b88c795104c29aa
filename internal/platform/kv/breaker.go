package kv

import (
	"sync"
	"sync/atomic"
	"time"
)

// rest is how long a breaker stands open before it lets one call try.
const rest = 500 * time.Millisecond

// A breaker stands before one Redis, so that a dead one costs a time-out now and then and not one a request.
type breaker struct {
	mu      sync.Mutex
	open    bool
	trying  bool
	until   time.Time
	since   time.Time // when it opened
	returns atomic.Int64
}

// allow says whether a call may go through. While open it lets one at a time try, after a rest.
func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true
	}
	if b.trying || time.Now().Before(b.until) {
		return false
	}
	b.trying = true
	return true
}

func (b *breaker) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
	if b.open {
		b.open = false
		b.returns.Add(1)
	}
}

func (b *breaker) failed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if !b.open {
		b.since = now
	}
	b.open, b.trying, b.until = true, false, now.Add(rest)
}

func (b *breaker) unknown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trying = false
}

func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// openFor is how long b has stood open; 0 when it does not.
func (b *breaker) openFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return 0
	}
	return time.Since(b.since)
}

package kv

import (
	"sync"
	"sync/atomic"
	"time"
)

// rest is how long a breaker stands open before it lets one call try. As a rule nobody's does: who looks for a Redis that is
// away (see seek) comes by more often.
const rest = 500 * time.Millisecond

// A breaker stands before one Redis, so that a dead one costs a time-out now and then and not one a request.
type breaker struct {
	mu      sync.Mutex
	open    bool
	trying  bool
	until   time.Time
	since   time.Time // when it opened
	returns atomic.Int64
	back    func() // called when it closes; must not block
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

// mayLook says whether who looks for what is away may try: nobody else is at it.
func (b *breaker) mayLook() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying {
		return false
	}
	b.trying = b.open
	return true
}

func (b *breaker) answered() {
	b.mu.Lock()
	back := b.open
	b.open, b.trying = false, false
	b.mu.Unlock()
	if back {
		b.returns.Add(1)
		b.back()
	}
}

// failed notes that there was no answer, and says whether there had been before.
func (b *breaker) failed() (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if opened = !b.open; opened {
		b.since = now
	}
	b.open, b.trying, b.until = true, false, now.Add(rest)
	return opened
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

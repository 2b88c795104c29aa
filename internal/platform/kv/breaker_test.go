package kv

import "testing"

// Who looks for a Redis that is away tries before anybody's call does, one at a time, and says once that it is back.
func TestWhoLooksTriesBeforeAnybodyElse(t *testing.T) {
	t.Parallel()
	told := 0
	b := &breaker{back: func() { told++ }}
	if !b.failed() || b.failed() {
		t.Error("a breaker opens more than once")
	}
	for range 2 {
		if b.allow() {
			t.Fatal("a call tries a moment after one that failed")
		}
		if !b.mayLook() {
			t.Fatal("who looks waits for a call's rest")
		}
		if b.mayLook() {
			t.Fatal("two look at once")
		}
		b.failed()
	}
	if !b.mayLook() {
		t.Fatal("who looks stops looking")
	}
	b.answered()
	b.answered()
	if told != 1 || b.returns.Load() != 1 || !b.allow() || b.isOpen() {
		t.Errorf("told %d times that it is back, after %d returns, open %v; want once", told, b.returns.Load(), b.isOpen())
	}
}

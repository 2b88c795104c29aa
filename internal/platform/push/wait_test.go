package push

import (
	"errors"
	"testing"
	"time"

	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/problem"
)

// Answered with nothing, devices would be back at once, and again, for as long as the node stops.
func TestANodeThatStopsSendsRequestsThatWaitElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	elsewhere := func(when string, err error) {
		t.Helper()
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok || p.Code != problem.ErrUnavailable.Code || p.After < 0 || p.After > 10*time.Second {
			t.Errorf("%s: %v, want it unavailable for ten seconds at most", when, err)
		}
	}
	waited := make(chan error, 1)
	go func() { waited <- d.Wait(t.Context(), somebody, 4, time.Minute) }()
	await(t, "the request", func() bool {
		p := d.find(somebody)
		if p == nil {
			return false
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.waiters) == 1
	})
	d.Drain(t.Context())
	elsewhere("a request that waited", <-waited)
	elsewhere("one that comes then", d.Wait(t.Context(), somebody, 4, time.Minute))
	elsewhere("one of a stranger", d.Wait(t.Context(), somebody+1, 0, time.Minute))
	d.Raise(somebody, 5)
	if err := d.Wait(t.Context(), somebody, 4, time.Minute); err != nil {
		t.Errorf("who has something to get: %v, want it answered", err)
	}
}

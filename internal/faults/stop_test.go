package faults

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

// drained is how a device is told that its node stops.
const drained = 4011

// nodeStops stops nodes while people write and listen on all of them, and judges. Abrupt is the control.
func nodeStops(t *testing.T, w *world, devices []*device, stops int, x variant) *verdict {
	t.Helper()
	v, l := w.trial("a node stops", stops, x)
	for stop := range stops {
		nth := stop % 2
		var all sync.WaitGroup
		before := l.acknowledged()
		for i := range 24 { // under way there when it stops
			all.Go(func() { l.give(&order{title: "走访" + words(), village: i % villages}, 2*i+nth+2) })
		}
		w.wait(time.Minute, "what is under way is answered", func() bool { return l.acknowledged() > before })
		n := w.leaveNode(nth)
		if x.abrupt {
			n.kill()
		} else {
			v.stop(w, n)
		}
		all.Wait()
		l.flows(rate / 4)
		w.startNode(nth)
		told := 0
		for _, d := range of(devices, nth) {
			if d.ended(drained) {
				told++
			}
		}
		if !x.abrupt && told < villages*3/4 { // a few may have been on their way
			t.Errorf("%d of %d devices of the node that stopped were told so by %d", told, villages, drained)
		}
		v.live(w, devices, time.Now(), x)
	}
	w.settle(v, l, devices, x)
	v.figure(t)
	return v
}

// stop stops n and sees that it does so as it should: first it is not ready any more, then what is under way ends, and
// others need not wait for what it held.
func (v *verdict) stop(w *world, n *node) {
	w.t.Helper()
	type end struct {
		took time.Duration
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		took, err := n.stop(time.Minute)
		ended <- end{took, err}
	}()
	leaving := false
	for {
		if status, _ := w.ask(n, "/readyz"); status == http.StatusServiceUnavailable {
			leaving = true
		}
		select {
		case e := <-ended:
			if e.err != nil {
				w.t.Errorf("a node that was asked to stop ends with %v: %s", e.err, n.complaints())
			}
			if !leaving {
				w.t.Error("a node that stopped was ready to its end")
			}
			if n := w.count(`SELECT COUNT(*) FROM node_beat`); n != len(w.living()) {
				w.t.Errorf("%d nodes are said to live, want %d", n, len(w.living()))
			}
			if n := w.count(`SELECT COUNT(DISTINCT owner) FROM shard_lease WHERE owner <> ''`); n > len(w.living()) {
				w.t.Errorf("%d nodes hold shards, want %d", n, len(w.living()))
			}
			v.BackMs = max(v.BackMs, e.took.Milliseconds())
			return
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// acknowledged is how many orders have been.
func (l *load) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.statuses[http.StatusCreated]
}

// stopsWell is R13: a node that stops under load leaves nothing unanswered, tells its devices when to come back, and is gone
// at once.
func stopsWell(t *testing.T, w *world, devices []*device) {
	t.Helper()
	v := nodeStops(t, w, devices, long(1), variant{})
	v.wantClean(t)
	if v.Failed > 0 {
		t.Errorf("%d calls were not answered", v.Failed)
	}
	if most := 15 * time.Second; v.BackMs > most.Milliseconds() {
		t.Errorf("it took %d ms to stop, want at most %v", v.BackMs, most)
	}
}

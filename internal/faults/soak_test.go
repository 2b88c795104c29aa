package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A weight is what a node at rest takes of its machine.
type weight struct {
	Goroutines  int `json:"goroutines"`
	Descriptors int `json:"descriptors"`
	HeapKB      int `json:"heapKB"` // in use, after a sweep
}

// A soak is what work of a while has left behind in the nodes.
type soak struct {
	Name    string     `json:"name"`
	Seconds float64    `json:"seconds"`
	Rounds  int        `json:"rounds"`
	Orders  int        `json:"orders"`
	Before  [2]weight  `json:"before"` // after the first round, which fills pools and caches
	After   [2]weight  `json:"after"`
	Grown   int        `json:"grown"` // figures that have grown by more than noise
	each    []*verdict // round
}

// grown says by which of its figures x is more than was, apart from what comes and goes: a pool that was not full, memory
// that is used again.
func (x weight) grown(was weight) (n int) {
	if x.Goroutines > was.Goroutines+was.Goroutines/20+32 {
		n++
	}
	if x.Descriptors > was.Descriptors+was.Descriptors/20+32 {
		n++
	}
	if x.HeapKB > was.HeapKB+was.HeapKB/4+4<<10 {
		n++
	}
	return n
}

// weigh weighs a node.
func (w *world) weigh(n *node) (x weight) {
	w.t.Helper()
	_, text := w.ask(n, "/debug/pprof/goroutine?debug=1")
	if _, err := fmt.Sscanf(string(text), "goroutine profile: total %d", &x.Goroutines); err != nil {
		w.t.Fatal(err)
	}
	_, text = w.ask(n, "/debug/pprof/heap?gc=1&debug=1")
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); ok {
			if _, err := fmt.Sscan(rest, &x.HeapKB); err != nil {
				w.t.Fatal(err)
			}
			x.HeapKB >>= 10
		}
	}
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", n.command.Process.Pid))
	if err != nil || x.HeapKB == 0 {
		w.t.Fatalf("a node cannot be weighed: %v", err)
	}
	x.Descriptors = len(all)
	return x
}

// atRest weighs the nodes when nobody is connected any more: as soon as they are no more than before, and else after a
// while.
func (w *world) atRest(before *[2]weight) (all [2]weight) {
	w.t.Helper()
	w.wait(time.Minute, "nobody is connected", func() bool {
		open := 0
		for _, n := range w.living() {
			open += int(w.metric(n, "wanjia_push_connections"))
		}
		return open == 0
	})
	for end := time.Now().Add(5 * time.Second); ; {
		w.http.CloseIdleConnections()
		more := 0
		for i, n := range w.living() {
			all[i] = w.weigh(n)
			if before != nil {
				more += all[i].grown(before[i])
			}
		}
		if before != nil && more == 0 || time.Now().After(end) {
			return all
		}
		<-time.After(200 * time.Millisecond)
	}
}

// soaks lets people come, work, and go again, round by round, while Redis is killed in each, and weighs the nodes.
func soaks(t *testing.T, broken string, rounds int) *soak {
	t.Helper()
	w := onServers(t, broken, nil)
	begun, s := time.Now(), &soak{Name: t.Name(), Rounds: rounds}
	devices := w.crowd(false)
	for round := range rounds + 1 {
		if round > 0 {
			devices = w.listen(false)
		}
		v := redisEmptied(t, w, devices, 1, variant{})
		s.each, s.Orders = append(s.each, v), s.Orders+v.Orders
		for _, d := range devices {
			d.stop()
		}
		if round == 0 {
			s.Before = w.atRest(nil)
		}
	}
	s.After = w.atRest(&s.Before)
	for i := range s.After {
		s.Grown += s.After[i].grown(s.Before[i])
	}
	s.Seconds = time.Since(begun).Seconds()
	t.Logf("%d rounds, %d orders: the nodes took %+v before and %+v after, %d figures have grown", s.Rounds, s.Orders, s.Before, s.After, s.Grown)
	asJSON(t, s)
	return s
}

// R23: what people did is over when it is over. In the night only, as it takes its time.
func TestNothingGrowsWhileRedisIsKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	if !nightly {
		return
	}
	s := soaks(t, "", long(1))
	for _, v := range s.each {
		v.wantClean(t)
	}
	if s.Grown > 0 {
		t.Errorf("%d figures of nodes at rest have grown from %+v to %+v", s.Grown, s.Before, s.After)
	}
}

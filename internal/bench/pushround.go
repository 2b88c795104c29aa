package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// idle measures what a socket costs that nobody writes to.
func (p *pushRun) idle(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	s := &stage{p: p, sent: &ledger{first: p.next}, w: p.watch()}
	if err := s.serve(ctx, p.setup()); err != nil {
		return v, err
	}
	defer s.end()
	node := s.nodes[0]
	if err := pause(ctx, settleFor); err != nil {
		return v, err
	}
	before, empty, err := node.memory(ctx)
	if err != nil {
		return v, err
	}
	alone, err := p.spends(ctx, node, p.o.Slice/2)
	if err != nil {
		return v, err
	}
	slab := kernelSlab()
	begun := time.Now()
	if s.fleet, err = p.connect(ctx, n, func(int) string { return node.public }, nil); err != nil {
		return v, err
	}
	f.Got["connectsPerSecond"] = round(float64(n) / time.Since(begun).Seconds())
	if err := pause(ctx, settleFor); err != nil {
		return v, err
	}
	after, m, err := node.memory(ctx)
	if err != nil {
		return v, err
	}
	f.Got["kernelBytesPerSocket"] = round(float64(kernelSlab()-slab) / float64(n)) // of both ends
	profiled := s.profile(ctx, f.Round)
	with, err := p.spends(ctx, node, idleSlices*p.o.Slice)
	if err = errors.Join(err, profiled()); err != nil {
		return v, err
	}
	f.RSS, f.RSSPerConn = after, round(float64(after-before)/float64(n))
	f.Got["bytesPerSocket"] = f.RSSPerConn
	each := func(with, without uint64) float64 { return round(float64(int64(with-without)) / float64(n)) }
	f.Got["liveBytesPerSocket"], f.Got["heapBytesPerSocket"] = each(m.Live, empty.Live), each(m.Heap, empty.Heap)
	f.Got["stackBytesPerSocket"] = each(m.Stacks, empty.Stacks)
	f.Got["cpuMicrosPerSocket"] = round(max(0, with-alone) * 1e6 / float64(n))
	f.Got["cpuAlone"] = round(alone)
	if left := int64(n) - s.fleet.up.Load(); left > 0 {
		f.Why = "sockets ended by themselves: " + s.fleet.whyDown()
	}
	s.fill(f)
	return v, nil
}

// How long a server is left alone before it is measured, and how many slices its idle sockets are watched: each device
// pings once in five usual ones.
const (
	settleFor  = 2500 * time.Millisecond
	idleSlices = 5
)

// spends is how many cores a server uses meanwhile.
func (p *pushRun) spends(ctx context.Context, n *pushNode, during time.Duration) (float64, error) {
	before, begun := spentBy(n.Process.Pid), time.Now()
	err := pause(ctx, during)
	return (spentBy(n.Process.Pid) - before).Seconds() / time.Since(begun).Seconds(), err
}

func pause(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// single measures messages to one person each.
func (p *pushRun) single(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	f.Rate = p.o.Rate
	v, err = p.singles(ctx, f, n, f.Rate, p.o.Slice)
	f.Got["p50Ms"], f.Got["p99Ms"] = f.FromCommit.P50, f.FromCommit.P99
	return v, err
}

// singles sends single messages at a rate.
func (p *pushRun) singles(ctx context.Context, f *PushFigure, n int, rate float64, during time.Duration) (v verdict, err error) {
	s, err := p.begin(ctx, n)
	if err != nil {
		return v, err
	}
	defer s.end()
	if err := s.warmUp(ctx, settleWithin); err != nil {
		return v, err
	}
	if err := s.play(ctx, s.toOne(rate, during)); err != nil {
		return v, err
	}
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, err
	}
	s.fill(f)
	return v, nil
}

// settleWithin is how long the last messages may take before they count as lost: a position check comes in 25 s.
const settleWithin = 40 * time.Second

// toOne is a plan of messages to one person each, whoever it is.
func (s *stage) toOne(rate float64, during time.Duration) plan {
	node := s.nodes[0]
	return plan{rate: rate, count: int(rate * during.Seconds()), pick: func(int) (*pushNode, order) {
		return node, order{To: []int64{s.fleet.devices[s.p.random.IntN(len(s.fleet.devices))].person}}
	}}
}

// warmUp sends some messages that do not count: statements are read for the first time, and connections opened. It waits
// for them as long as for those that count.
func (s *stage) warmUp(ctx context.Context, patience time.Duration) error {
	return s.warmUpBy(ctx, s.toOne(300, time.Second), patience)
}

func (s *stage) warmUpBy(ctx context.Context, plan plan, patience time.Duration) error {
	if err := s.play(ctx, plan); err != nil {
		return err
	}
	v, err := s.settle(ctx, patience)
	if err != nil || !v.clean() {
		return err // what was wrong is seen again at the end: these messages stay in the ledger
	}
	s.forget()
	return nil
}

// forget begins the ledger anew.
func (s *stage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent, s.over = &ledger{first: s.p.next}, 0
	for _, d := range s.fleet.devices {
		d.mu.Lock()
		for _, r := range d.got {
			d.after = max(d.after, r.seq)
		}
		d.got = nil
		d.mu.Unlock()
	}
	s.fleet.got.Store(0)
}

// steps are the rates that are tried to find the highest.
var steps = []float64{1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000, 5000, 6500, 8000}

// singleMax finds the highest rate at which nothing piles up: all are committed and shown, and one in a hundred takes
// longer than 20 ms.
func (p *pushRun) singleMax(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	s, err := p.begin(ctx, n)
	if err != nil {
		return v, err
	}
	defer s.end()
	if err := s.warmUp(ctx, settleWithin); err != nil {
		return v, err
	}
	profiled := s.profile(ctx, f.Round)
	for _, rate := range steps {
		if err := s.play(ctx, s.toOne(rate, p.o.Slice)); err != nil {
			return v, err
		}
		at := time.Now()
		some, err := s.settle(ctx, settleWithin)
		if err != nil {
			return v, err
		}
		v = v.and(some)
		var g PushFigure
		g.Got = map[string]float64{}
		s.fill(&g)
		if !some.clean() || g.Why != "" || g.FromCommit.P99 > 20 || g.FromDue.P90 > 100 || time.Since(at) > time.Second {
			f.Others, f.Noisy, f.Seconds, f.CPU, f.RSS = g.Others, f.Noisy || g.Noisy, g.Seconds, g.CPU, g.RSS
			f.Got["failsAt"], f.Got["failsAtP99Ms"], f.Got["failsAtDueP99Ms"] = rate, g.FromCommit.P99, g.FromDue.P99
			break
		}
		f.Rate, f.FromCommit, f.FromDue, f.Tx, f.LateStarts = rate, g.FromCommit, g.FromDue, g.Tx, g.LateStarts
		f.Got["perSecond"], f.Got["p99Ms"] = rate, g.FromCommit.P99
		f.Noisy = f.Noisy || g.Noisy
		s.forget()
	}
	return v, profiled()
}

// profile asks the server for a profile of the next three slices of a round, where profiles are wanted.
func (s *stage) profile(ctx context.Context, round string) (wait func() error) {
	if s.p.o.Profiles == "" {
		return func() error { return nil }
	}
	file := filepath.Join(s.p.o.Profiles, round+".pprof")
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	got := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", s.nodes[0].admin, 3*s.p.o.Slice.Seconds()), nil)
		if err != nil {
			got <- err
			return
		}
		res, err := (&http.Client{Timeout: time.Minute}).Do(req)
		if err != nil {
			got <- err
			return
		}
		defer res.Body.Close() //nolint:errcheck // because it is only read
		profile, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("a profile is answered %d: %s", res.StatusCode, profile)
		}
		if err == nil {
			err = os.WriteFile(file, profile, 0o600)
		}
		got <- err
	}()
	return func() error {
		defer cancel()
		return <-got
	}
}

// and is v and w together.
func (v verdict) and(w verdict) verdict {
	if v.First == "" {
		v.First = w.First
	}
	v.Committed, v.Received, v.Lost, v.Dup = v.Committed+w.Committed, v.Received+w.Received, v.Lost+w.Lost, v.Dup+w.Dup
	v.OutOfOrder, v.Gaps, v.Foreign, v.Vanished = v.OutOfOrder+w.OutOfOrder, v.Gaps+w.Gaps, v.Foreign+w.Foreign, v.Vanished+w.Vanished
	v.Unruly += w.Unruly
	return v
}

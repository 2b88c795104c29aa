package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A stage is one or more servers, with the devices that listen to them and what was sent.
type stage struct {
	p     *pushRun
	nodes []*pushNode
	fleet *fleet
	w     *watchman

	mu   sync.Mutex // of sent
	sent *ledger
	over int // messages whose end is known
}

// told notes what became of a message.
func (s *stage) told(w word) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.sent.of(w.ID)
	if e == nil || e.over {
		return
	}
	s.over++
	e.over, e.why = true, w.Why
	if w.Why == "" {
		e.at, e.tx = time.Unix(0, w.At), time.Duration(w.Tx)
	}
}

// begin starts a server with n devices.
func (p *pushRun) begin(ctx context.Context, n int) (*stage, error) {
	s := &stage{p: p, sent: &ledger{first: p.next}, w: p.watch()}
	if err := s.serve(ctx, p.setup()); err != nil {
		return nil, err
	}
	f, err := p.connect(ctx, n, func(int) string { return s.nodes[0].public }, nil)
	if err != nil {
		s.end()
		return nil, err
	}
	s.fleet = f
	return s, nil
}

// serve starts one more server.
func (s *stage) serve(ctx context.Context, what setup) error {
	n, err := s.p.startNode(ctx, what, s.told)
	if err == nil {
		s.nodes = append(s.nodes, n)
		s.w.join(n.Process.Pid, true)
	}
	return err
}

// end ends devices and servers.
func (s *stage) end() {
	for _, n := range s.nodes {
		s.w.leave(n.Process.Pid)
		n.kill()
	}
	if s.fleet != nil {
		s.fleet.stop()
	}
}

// A plan says what is sent: rate messages a second for a while, each to whom and by which server pick says.
type plan struct {
	rate   float64
	during time.Duration
	pick   func(i int) (*pushNode, order)
}

// play sends what is planned. It returns when the last message has been sent.
func (s *stage) play(ctx context.Context, plan plan) error {
	n := int(plan.rate * plan.during.Seconds())
	s.mu.Lock()
	from := len(s.sent.all)
	for range n {
		s.sent.all = append(s.sent.all, entry{})
	}
	s.mu.Unlock()
	s.p.next += int64(n)
	begun := time.Now().Add(10 * time.Millisecond)
	wait := time.NewTimer(0)
	defer wait.Stop()
	for i := range n {
		due := begun.Add(time.Duration(float64(i) / plan.rate * float64(time.Second)))
		if left := time.Until(due); left > 0 {
			wait.Reset(left)
			select {
			case <-wait.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		node, o := plan.pick(i)
		o.Do, o.ID = doTell, s.sent.first+int64(from+i)
		s.mu.Lock()
		e := &s.sent.all[from+i]
		e.due, e.to = due, max(o.N, len(o.To))
		if time.Since(due) > lateAfter {
			s.sent.late++
		}
		s.mu.Unlock()
		if err := node.order(o); err != nil {
			s.told(word{ID: o.ID, Why: err.Error()}) // its server was killed
		}
	}
	return nil
}

// settle waits until the end of each message is known and devices have all they were sent, and compares the two.
func (s *stage) settle(ctx context.Context, patience time.Duration) (v verdict, err error) {
	s.fleet.until(ctx, patience, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		expected := 0
		for _, e := range s.sent.all {
			if !e.at.IsZero() {
				expected += e.to
			}
		}
		return s.over == len(s.sent.all) && s.fleet.got.Load() >= int64(expected)
	})
	return s.check(ctx)
}

// check compares what SQL has with what devices were shown.
func (s *stage) check(ctx context.Context) (v verdict, err error) {
	if len(s.sent.all) == 0 {
		return v, nil
	}
	truth, err := s.nodes[len(s.nodes)-1].truth(ctx, s.sent.first)
	if err != nil {
		return v, fmt.Errorf("ask what was committed: %w", err)
	}
	for _, r := range truth {
		s.p.heads[r[0]] = max(s.p.heads[r[0]], r[1])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return verify(truth, s.fleet.devices, s.sent), nil
}

// fill writes what is known of every round into f.
func (s *stage) fill(f *PushFigure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	commit, due, tx := s.sent.times(s.fleet.devices)
	f.FromCommit, f.FromDue, f.Tx, f.LateStarts = spread(commit), spread(due), spread(tx), s.sent.late
	others, server, took := s.w.seen()
	f.Others, f.CPU, f.Seconds = round(others), round(server.Seconds()), round(took.Seconds())
	f.Noisy = others > mostOthers
	if f.RSS == 0 && len(s.nodes) > 0 {
		f.RSS = residentOf(s.nodes[len(s.nodes)-1].Process.Pid)
	}
	failed, why := 0, ""
	for _, e := range s.sent.all {
		if e.why != "" {
			failed, why = failed+1, e.why
		}
	}
	if failed > 0 {
		f.Got["failed"] = float64(failed)
		f.Why = fmt.Sprintf("%d messages were not committed: %s", failed, why)
	}
}

// mostOthers is how many cores others may use in a round: with more of them figures mean little.
const mostOthers = 0.5

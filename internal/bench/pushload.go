package bench

import (
	"cmp"
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

	timed []*pushDevice // whose times count; nil: everybody's

	mu   sync.Mutex // of sent
	sent *ledger
	over int // messages whose end is known

	truth [][3]int64 // what was last seen in SQL
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
	at := s.nodes[0].public // another server may join before they ask
	f, err := p.connect(ctx, n, func(int) string { return at }, nil)
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
		n.kill()
	}
	if s.fleet != nil {
		s.fleet.stop()
	}
}

// A plan says what is sent: so many messages, rate of them a second (0: all at once), each to whom and by which server
// pick says.
type plan struct {
	rate  float64
	count int
	pick  func(i int) (*pushNode, order)
}

// play sends what is planned. It returns when the last message has been sent.
func (s *stage) play(ctx context.Context, plan plan) error {
	n := plan.count
	s.mu.Lock()
	from := len(s.sent.all)
	for range n {
		s.sent.all = append(s.sent.all, entry{})
	}
	s.mu.Unlock()
	s.p.next += int64(n)
	begun := time.Now()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for i := range n {
		due := begun
		if plan.rate > 0 {
			due = begun.Add(time.Duration(float64(i) / plan.rate * float64(time.Second)))
		}
		if left := time.Until(due); left > 0 {
			wait.Reset(left)
			select {
			case <-wait.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		node, o := plan.pick(i)
		o.Do, o.ID = cmp.Or(o.Do, doTell), s.sent.first+int64(from+i)
		s.mu.Lock()
		e := &s.sent.all[from+i]
		e.due, e.to, e.node = due, max(o.N, len(o.To)), node
		if time.Since(due) > lateAfter {
			s.sent.late++
		}
		s.mu.Unlock()
		if err := node.order(o); err != nil {
			s.lost(o.ID) // its server was killed
		}
	}
	return nil
}

// lost notes that nobody will ever say what became of a message: SQL knows.
func (s *stage) lost(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.sent.of(id); e != nil && !e.over {
		s.over++
		e.over = true
	}
}

// kill ends a server as kill -9 does. Of what it had under way nobody knows whether it was committed.
func (s *stage) kill(n *pushNode) {
	s.w.leave(n.Process.Pid)
	n.kill()
	<-n.heard
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.sent.all {
		if e := &s.sent.all[i]; e.node == n && !e.over {
			s.over++
			e.over = true
		}
	}
}

// untilOver is how long a server may take for what it was told to commit, at the very most.
const untilOver = 2 * time.Minute

// settle waits until the end of each message is known and devices have all they were sent, and compares the two. What
// a killed server has committed is known from SQL alone, so it looks again while something is missing.
// What a server has under way is waited for, however slow the machine is: committed later, it would be missing from what
// the next round begins with.
func (s *stage) settle(ctx context.Context, patience time.Duration) (v verdict, err error) {
	s.fleet.until(ctx, untilOver, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.over == len(s.sent.all)
	})
	begun := time.Now()
	for {
		s.fleet.until(ctx, max(0, patience-time.Since(begun)), func() bool {
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
		if v, err = s.check(ctx); err != nil || v.Lost == 0 || time.Since(begun) > patience {
			return v, err
		}
		if err := pause(ctx, 250*time.Millisecond); err != nil {
			return v, err
		}
	}
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
	s.truth = truth
	s.fleet.number(truth)
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
	timed := s.fleet.devices
	if s.timed != nil {
		timed = s.timed
	}
	commit, due, tx := s.sent.times(timed)
	f.FromCommit, f.FromDue, f.Tx, f.LateStarts = spread(commit), spread(due), spread(tx), s.sent.late
	others, server, took := s.w.seen()
	f.Others, f.CPU, f.Seconds = round(others), round(server.Seconds()), round(took.Seconds())
	f.Noisy = others > mostOthers
	for part, by := range s.w.beside() {
		f.Got[part+"CpuSeconds"] = round(by.Seconds())
	}
	if f.RSS == 0 && len(s.nodes) > 0 {
		f.RSS = residentOf(s.nodes[len(s.nodes)-1].Process.Pid)
	}
	if connections, again, counted := s.fleet.wire(); counted {
		f.Got["connections"], f.Got["again"] = float64(connections), float64(again)
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

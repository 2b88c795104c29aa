package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// How many broadcasts are under way at any time: as when a whole city announces at once, so that some always wait together and
// go together; and two, of which one is committed while the other is on its way to the devices.
const (
	underWay = 16
	aPair    = 2
)

// broadcast measures how many deliveries a second there can be when everybody is told the same by an announcement: each
// is in every inbox, numbered and committed, before it is delivered. The next one begins when one is over, so there are no
// due times to speak of.
func (p *pushRun) broadcast(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	x, err := p.populate(ctx, n, n)
	if err != nil {
		return v, err
	}
	others := p.crowd
	p.crowd = x.crowd
	defer func() { p.crowd = others }()
	s, err := p.begin(ctx, n)
	if err != nil {
		return v, err
	}
	defer s.end()
	if err := s.nodes[0].holdsAll(ctx); err != nil {
		return v, err
	}
	toAll := plan{count: 1, pick: func(int) (*pushNode, order) { return s.nodes[0], order{Do: doAnnounce, Unit: int64(x.unit), N: n} }}
	if err := s.warmUpBy(ctx, toAll, settleWithin); err != nil { // as a server that is up: it knows the roles of who is connected
		return v, err
	}
	pair, rate, each, err := s.announceOn(ctx, toAll, n, aPair)
	if err != nil {
		return v, err
	}
	var g PushFigure
	g.Got = map[string]float64{}
	s.fill(&g)
	f.Got["pairPerSecond"], f.Got["pairP50Ms"], f.Got["pairP99Ms"] = rate, g.FromCommit.P50, g.FromCommit.P99
	for _, micros := range each {
		f.Got["pairMicros"] = round(f.Got["pairMicros"] + micros)
	}
	s.forget()
	profiled := s.profile(ctx, f.Round)
	some, rate, each, err := s.announceOn(ctx, toAll, n, underWay)
	if err != nil {
		return v, err
	}
	for name, micros := range each {
		f.Got[name+"Micros"] = micros
	}
	s.fill(f)
	f.FromDue = Spread{}
	f.Got["deliveriesPerSecond"] = rate
	f.Got["underWay"], f.Got["broadcasts"] = underWay, float64(len(s.sent.all))
	return pair.and(some), profiled()
}

// announceOn announces to n for two slices, so many at a time, and says how many deliveries a second there were up to the last,
// and how much processor time each part took for one.
func (s *stage) announceOn(ctx context.Context, toAll plan, n, atATime int) (v verdict, rate float64, micros map[string]float64, err error) {
	spent, begun := s.w.spent(), time.Now()
	for i := 0; time.Since(begun) < 2*s.p.o.Slice && ctx.Err() == nil; i++ {
		room := func() bool { return int64(i-atATime+1)*int64(n) <= s.fleet.got.Load() }
		if !s.fleet.until(ctx, settleWithin, room) {
			break
		}
		if err := s.play(ctx, toAll); err != nil {
			return v, 0, nil, err
		}
	}
	all := int64(len(s.sent.all)) * int64(n)
	s.fleet.until(ctx, settleWithin, func() bool { return s.fleet.got.Load() >= all })
	micros = map[string]float64{}
	for name, by := range s.w.spent() { // and not for what is compared afterwards
		micros[name] = round(float64((by - spent[name]).Microseconds()) / float64(all))
	}
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, 0, nil, err
	}
	last := begun
	for _, d := range s.fleet.devices {
		if m := len(d.got); m > 0 && d.got[m-1].at.After(last) {
			last = d.got[m-1].at
		}
	}
	return v, round(float64(v.Received) / last.Sub(begun).Seconds()), micros, nil
}

// slow lets a tenth of the devices read much less than they are sent: the others shall not wait for them, and nobody
// loses anything.
func (p *pushRun) slow(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	const eachItem = 200 * time.Millisecond
	quick := make(chan struct{})
	s := &stage{p: p, sent: &ledger{first: p.next}, w: p.watch()}
	if err := s.serve(ctx, p.setup()); err != nil {
		return v, err
	}
	defer s.end()
	isSlow := func(i int) bool { return i%10 == 9 }
	at := s.nodes[0].public
	s.fleet, err = p.connect(ctx, n, func(int) string { return at }, func(i int) func() {
		if !isSlow(i) {
			return nil
		}
		return func() {
			wait := time.NewTimer(eachItem)
			defer wait.Stop()
			select {
			case <-wait.C:
			case <-quick:
			}
		}
	})
	if err != nil {
		return v, err
	}
	hurry := sync.OnceFunc(func() { close(quick) })
	defer hurry()
	for i, d := range s.fleet.devices {
		if !isSlow(i) {
			s.timed = append(s.timed, d)
		}
	}
	f.Rate = 40
	err = s.play(ctx, plan{rate: f.Rate, count: int(f.Rate * 3 * p.o.Slice.Seconds()), pick: func(int) (*pushNode, order) {
		return s.nodes[0], order{N: n}
	}})
	if err != nil {
		return v, err
	}
	behind := int64(len(s.sent.all)*n) - s.fleet.got.Load()
	hurry()
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, err
	}
	s.fill(f)
	f.Got["p99Ms"], f.Got["behind"] = f.FromCommit.P99, float64(behind)
	f.Got["lagging"], err = metricOf(ctx, s.nodes[0].admin, "wanjia_push_lagging_connections_total")
	return v, err
}

// down is how long Redis stays away.
const down = 2 * time.Second

// redisKill kills Redis with everything in it while one server commits and another has the devices: what is committed
// at the first reaches the second through Redis, or by its own look at SQL.
func (p *pushRun) redisKill(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	if p.fixed.Tier == "E" {
		f.Skipped = "the embedded tier has no Redis that could die alone"
		return v, nil
	}
	redis, err := startRedis(ctx)
	if errors.Is(err, errNoRedis) {
		f.Skipped = err.Error()
		return v, nil
	}
	if err != nil {
		return v, err
	}
	defer func() { redis.kill() }()
	s := &stage{p: p, sent: &ledger{first: p.next}, w: p.watch()}
	s.w.join(redis.Process.Pid, false)
	what := p.setup()
	what.Config.Redis.Addresses = []string{redis.address}
	defer s.end()
	for range 2 {
		if err := s.serve(ctx, what); err != nil {
			return v, err
		}
	}
	at := s.nodes[1].public
	if s.fleet, err = p.connect(ctx, n, func(int) string { return at }, nil); err != nil {
		return v, err
	}
	if err := s.warmUp(ctx, settleWithin); err != nil {
		return v, err
	}
	f.Rate = p.o.Rate / 2
	played := make(chan error, 1)
	go func() { played <- s.play(ctx, s.toOne(f.Rate, 3*p.o.Slice+down)) }()
	if err := pause(ctx, p.o.Slice); err != nil {
		return v, err
	}
	killed := time.Now()
	s.w.leave(redis.Process.Pid)
	redis.kill()
	if err := pause(ctx, down); err != nil {
		return v, err
	}
	if err := redis.again(ctx); err != nil {
		return v, err
	}
	back := time.Now()
	s.w.join(redis.Process.Pid, false)
	if err := <-played; err != nil {
		return v, err
	}
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, err
	}
	s.fill(f)
	s.sent.around(f, s.fleet.devices, killed, back)
	f.Got["worstMs"] = f.FromCommit.Max
	return v, nil
}

// around notes how messages fared around the time in which something was away: how long after its return the last
// of those had come that were committed meanwhile, and how long those took that were committed later.
func (l *ledger) around(f *PushFigure, devices []*pushDevice, killed, back time.Time) {
	var meanwhile, later []float64
	for _, d := range devices {
		d.mu.Lock()
		for _, r := range d.got {
			switch e := l.of(r.id); {
			case e == nil:
			case e.at.After(back):
				later = append(later, r.at.Sub(e.at).Seconds()*1000)
			case e.at.After(killed):
				meanwhile = append(meanwhile, r.at.Sub(back).Seconds()*1000)
			}
		}
		d.mu.Unlock()
	}
	slices.Sort(meanwhile)
	slices.Sort(later)
	if len(later) > 0 { // else nothing was measured, and the bar is missed
		f.Got["laterP99Ms"], f.Got["laterMaxMs"] = spread(later).P99, spread(later).Max
	}
	f.Got["caughtUpMs"] = max(0, spread(meanwhile).Max)
}

// nodeKill kills one of two servers, which commit by turns and have half of the devices each; on the embedded tier the
// only one, which is started again.
func (p *pushRun) nodeKill(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	s := &stage{p: p, sent: &ledger{first: p.next}, w: p.watch()}
	defer s.end()
	nodes := 2
	if p.fixed.Tier == "E" {
		nodes = 1
	}
	for range nodes {
		if err := s.serve(ctx, p.setup()); err != nil {
			return v, err
		}
	}
	var instead atomic.Pointer[pushNode] // of the first one, once whoever spreads the load has seen that it is dead
	first, turns := s.nodes[0], s.nodes[:nodes]
	at := func(i int) string {
		if node := instead.Load(); node != nil {
			return node.public
		}
		return turns[i%nodes].public
	}
	if s.fleet, err = p.connect(ctx, n, at, nil); err != nil {
		return v, err
	}
	if err := s.warmUp(ctx, settleWithin); err != nil {
		return v, err
	}
	f.Rate = p.o.Rate / 2
	one := s.toOne(f.Rate, 3*p.o.Slice)
	pick := one.pick
	one.pick = func(i int) (*pushNode, order) {
		_, o := pick(i)
		if node := instead.Load(); node != nil {
			return node, o
		}
		return turns[i%nodes], o
	}
	played := make(chan error, 1)
	go func() { played <- s.play(ctx, one) }()
	if err := pause(ctx, p.o.Slice); err != nil {
		return v, err
	}
	before, killed := s.fleet.downs.Load(), time.Now()
	s.kill(first)
	if nodes == 1 {
		if err := s.again(ctx, first); err != nil {
			return v, err
		}
	} else if err := pause(ctx, time.Second); err != nil {
		return v, err
	}
	instead.Store(s.nodes[len(s.nodes)-1])
	all := func() bool { return s.fleet.downs.Load()-before >= int64(n/nodes) && s.fleet.up.Load() == int64(n) }
	if !s.fleet.until(ctx, time.Minute, all) {
		f.Why = fmt.Sprintf("after a minute %d of %d devices are back: %s", s.fleet.up.Load(), n, s.fleet.whyDown())
	}
	f.Got["backMs"] = round(float64(s.fleet.lastUp.Load()-killed.UnixNano()) / 1e6)
	if err := <-played; err != nil {
		return v, err
	}
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, err
	}
	s.fill(f)
	f.Got["worstMs"] = f.FromCommit.Max
	return v, nil
}

// again starts a server where a dead one was.
func (s *stage) again(ctx context.Context, dead *pushNode) error {
	what := s.p.setup()
	what.Config.Listen.Public, what.Config.Listen.Admin = dead.public, dead.admin
	return s.serve(ctx, what)
}

// herd kills the server of all devices and starts it again: everybody comes back at once.
func (p *pushRun) herd(ctx context.Context, f *PushFigure, n int) (v verdict, err error) {
	s, err := p.begin(ctx, n)
	if err != nil {
		return v, err
	}
	defer s.end()
	killed := time.Now()
	s.kill(s.nodes[0])
	if !s.fleet.until(ctx, time.Minute, func() bool { return s.fleet.up.Load() == 0 }) {
		return v, fmt.Errorf("%d devices do not see that their server has died", s.fleet.up.Load())
	}
	if err := s.again(ctx, s.nodes[0]); err != nil {
		return v, err
	}
	s.nodes = s.nodes[1:]
	ready := time.Now()
	if !s.fleet.until(ctx, 2*time.Minute, func() bool { return s.fleet.up.Load() == int64(n) }) {
		f.Why = fmt.Sprintf("after two minutes %d of %d devices are back: %s", s.fleet.up.Load(), n, s.fleet.whyDown())
	}
	back := time.Unix(0, s.fleet.lastUp.Load())
	f.Got["backMs"], f.Got["sinceKilledMs"] = round(back.Sub(ready).Seconds()*1000), round(back.Sub(killed).Seconds()*1000)
	f.RSS = statusOf(s.nodes[0].Process.Pid, "VmHWM")
	f.Got["peakRSSBytes"] = float64(f.RSS)
	f.Got["tries"] = float64(s.fleet.downs.Load())
	f.Rate = 200
	if err := s.play(ctx, s.toOne(f.Rate, p.o.Slice)); err != nil { // they do not only stand there
		return v, err
	}
	if v, err = s.settle(ctx, settleWithin); err != nil {
		return v, err
	}
	s.fill(f)
	return v, nil
}

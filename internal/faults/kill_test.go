package faults

import (
	"math/rand/v2"
	"testing"
	"time"

	"wanjia/internal/platform/kv/kvtest"
)

// long is how much longer nightly runs are.
func long(usual int) int {
	if nightly {
		return usual * 6
	}
	return usual
}

// rate is how many orders are given a second: each is a call that tells everybody of a village. Nodes that the race
// detector watches are many times as slow, and get fewer; those of the night are not watched.
var rate = func() int {
	if withRace && !nightly {
		return 30
	}
	return 200
}()

// crowd signs in who gives orders and who listens, and returns the devices of the latter.
func (w *world) crowd(amnesy bool) []*device {
	w.t.Helper()
	var all []string
	for v := range villages {
		all = append(all, secretary(v), villager(v, 0))
	}
	w.signIn(all...)
	return w.listen(amnesy)
}

// trial begins to give orders.
func (w *world) trial(what string, kills int, x variant) (*verdict, *load) {
	w.t.Helper()
	v := &verdict{Case: what, Kills: kills, begun: time.Now(), base: w.heads()}
	l := w.begin(rate, x.keyless)
	l.flows(rate)
	return v, l
}

// settle lets the devices come to what is committed, and judges.
func (w *world) settle(v *verdict, l *load, devices []*device, x variant) {
	w.t.Helper()
	l.end()
	heads, patience := w.heads(), healing
	if x.broken() || w.broken != "" {
		patience = 6 * time.Second // three short rounds
	}
	for end := time.Now().Add(patience); !reached(devices, heads) && time.Now().Before(end); {
		<-time.After(20 * time.Millisecond)
	}
	const open = `SELECT COUNT(*) FROM outbox WHERE state = 0`
	v.Unpushed = w.count(open) // and no more once none is: Redis that has just come back may have all opened again
	for end := time.Now().Add(patience); v.Unpushed > 0 && time.Now().Before(end); v.Unpushed = w.count(open) {
		<-time.After(100 * time.Millisecond)
	}
	w.judge(v, l, devices)
}

// healing is how long, at the worst, a device lacks an item: a round of the position check, and as much again on a
// machine that does much else.
const healing = 50 * time.Second

// A variant is what is broken on purpose besides the nodes.
type variant struct {
	keyless bool // whoever says an order again says it as another one
	amnesy  bool // devices do not say where they were
	unkept  bool // what was pushed is not kept for another time
	unswept bool // nobody pushes what those did not who wrote it
	abrupt  bool // a node that is to stop is killed
}

// broken says whether anything is.
func (x variant) broken() bool { return x != variant{} }

// nodeKills kills nodes while orders are given, and judges.
func nodeKills(t *testing.T, w *world, devices []*device, kills int, x variant) *verdict {
	t.Helper()
	v, l := w.trial("kill -9 of a node", kills, x)
	for kill := range kills {
		l.flows(1 + rand.IntN(rate/4))
		killed := time.Now()
		w.killNode(kill % len(w.nodes))
		if len(w.nodes) > 1 {
			l.flows(1)
			v.BackMs = max(v.BackMs, time.Since(killed).Milliseconds())
			l.flows(rate / 2)
		}
		w.startNode(kill % len(w.nodes))
		if len(w.nodes) == 1 {
			l.flows(1)
			v.BackMs = max(v.BackMs, time.Since(killed).Milliseconds())
		}
		v.live(w, devices, killed, x)
	}
	l.flows(rate)
	w.settle(v, l, devices, x)
	v.figure(t)
	return v
}

// live waits until the devices have what is committed now, and notes how long after since that is.
func (v *verdict) live(w *world, devices []*device, since time.Time, x variant) {
	w.t.Helper()
	if x.broken() || w.broken != "" {
		return // they may never have it
	}
	heads := w.heads()
	w.wait(healing, "the devices have what is committed", func() bool { return reached(devices, heads) })
	v.LiveMs = max(v.LiveMs, time.Since(since).Milliseconds())
}

// While people write and listen, Redis is killed and comes back empty; it is killed again, and comes back with what it held
// a second ago (R3); nodes are stopped (R13), and killed (R1, R10). One town bears all of it, one after the other.
func TestWhoeverIsKilledOrStoppedLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	w := onServers(t, "", nil)
	devices := w.crowd(false)
	redisEmptied(t, w, devices, long(1), variant{}).wantClean(t)
	redisSetBack(t, w, devices, long(1), variant{}).wantClean(t)
	stopsWell(t, w, devices)
	nodeKills(t, w, devices, long(1), variant{}).wantClean(t)
}

// R1 on the embedded tier: with the node dies its Redis.
func TestTheOnlyNodeKilledLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	w := embedded(t)
	nodeKills(t, w, w.crowd(false), long(1), variant{}).wantClean(t)
}

func redisEmptied(t *testing.T, w *world, devices []*device, kills int, x variant) *verdict {
	t.Helper()
	v, l := w.trial("kill -9 of Redis, everything gone", kills, x)
	for range kills {
		killed := time.Now()
		w.redis.Kill()
		l.flows(1)
		v.BackMs = max(v.BackMs, time.Since(killed).Milliseconds())
		l.flows(rate)
		w.redis.Start()
		v.live(w, devices, time.Now(), x)
		l.flows(rate)
	}
	w.settle(v, l, devices, x)
	v.figure(t)
	return v
}

// redisSetBack keeps half of the devices away meanwhile: when they come back, Redis says that they have everything.
func redisSetBack(t *testing.T, w *world, devices []*device, kills int, x variant) *verdict {
	t.Helper()
	v, l := w.trial("kill -9 of Redis, the last second gone", kills, x)
	for range kills {
		heads := w.heads()
		if x.unkept { // a gap that two nodes have made stays without refill, so who lacks something already is no witness
			devices = w.witnesses(devices, heads)
		} else {
			w.wait(healing, "the devices have what is committed", func() bool { return reached(devices, heads) })
		}
		away(devices)
		w.redis.Save()
		l.flows(rate) // a second
		if x.unkept {
			l.end() // the next push of a person would bring what the last one lacks
			w.change(`DELETE FROM outbox`)
		}
		killed := time.Now()
		w.redis.Kill()
		w.redis.StartSaved()
		started := time.Now()
		back(devices)
		if !x.unkept {
			l.flows(1)
			v.BackMs = max(v.BackMs, time.Since(killed).Milliseconds())
		}
		v.live(w, devices, started, x)
	}
	w.settle(v, l, devices, x)
	v.figure(t)
	return v
}

// witnesses are those of the devices that have what is committed, once all have or some seconds have passed.
func (w *world) witnesses(devices []*device, heads map[string]int64) (some []*device) {
	w.t.Helper()
	for end := time.Now().Add(6 * time.Second); !reached(devices, heads) && time.Now().Before(end); {
		<-time.After(20 * time.Millisecond)
	}
	for _, d := range devices {
		if reached([]*device{d}, heads) {
			some = append(some, d)
		}
	}
	return some
}

// away disconnects the second device of everybody, back connects it again.
func away(devices []*device) {
	for _, d := range devices {
		if d.nth == 1 {
			d.stop()
		}
	}
}

func back(devices []*device) {
	for _, d := range devices {
		if d.nth == 1 {
			d.start()
		}
	}
}

// R2: the database is killed, with the settings of production. In the night only: it takes a server of its own.
func TestTheDatabaseKilledLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	if !nightly {
		return
	}
	databaseKills(t, long(1), true).wantClean(t)
}

func databaseKills(t *testing.T, kills int, durable bool) *verdict {
	t.Helper()
	maria := newMariaDB(t)
	c := settings(t.TempDir(), maria.town())
	redis := kvtest.Process(t)
	c.Redis.Addresses = []string{redis.Address()}
	w := newWorld(t, c, 2, "")
	w.redis = redis
	if !durable { // under nodes that have seen it durable: they refuse another one
		maria.kill()
		maria.start(false)
	}
	devices := w.crowd(false)
	v, l := w.trial("kill -9 of the database", kills, variant{})
	for range kills {
		l.flows(1 + rand.IntN(rate))
		maria.kill()
		<-time.After(time.Duration(200+rand.IntN(800)) * time.Millisecond) // people meet it as it is
		maria.start(durable)
		started := time.Now()
		l.flows(1)
		v.BackMs = max(v.BackMs, time.Since(started).Milliseconds())
		if durable {
			v.live(w, devices, started, variant{})
		}
		l.flows(rate)
	}
	w.settle(v, l, devices, variant{unkept: !durable})
	v.figure(t)
	return v
}

package faults

import (
	"sync"
	"testing"
)

// wakes is to how many villages orders are given whose wake-ups are lost: so few that all are given long before the wheel
// has looked at everybody once.
var wakes = min(villages, 48)

// wakesLost lets node 1 hear nothing of what node 0 pushes, and gives one order for each of some villages meanwhile: nobody comes
// later and brings what is missing. Told: the subscription breaks besides, so node 1 knows that it may have missed
// something; else it never learns.
func wakesLost(t *testing.T, w *world, devices []*device, told bool) *verdict {
	t.Helper()
	v, l := w.trial("wakes lost on the way to a node", 0, variant{})
	l.end()
	heads := w.heads()
	w.wait(healing, "the devices have what is committed", func() bool { return reached(devices, heads) })
	way := w.ways[1].redis
	way.deafen(true)
	var all sync.WaitGroup
	for v := range wakes {
		all.Go(func() { l.give(&order{title: "走访" + words(), village: v}, 2*v) })
	}
	all.Wait()
	heads = w.heads()
	missing := 0
	for _, d := range devices {
		if d.nth == 1 && d.at() < heads[d.owner] {
			missing++
		}
	}
	way.deafen(false)
	if told {
		way.cut()
	}
	w.settle(v, l, devices, variant{})
	v.figure(t)
	if missing < wakes/2 {
		t.Errorf("%d of %d devices lacked what their node was not told of: the fault of this test does not bite", missing, wakes)
	}
	return v
}

package faults

import "testing"

// wakesLost lets node 1 hear nothing of what node 0 pushes, and gives one order for each village meanwhile: nobody comes
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
	for v := range villages {
		l.give(&order{title: "走访" + words(), village: v}, 2*v)
	}
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
	if missing < villages/2 {
		t.Errorf("%d of %d devices lacked what their node was not told of: the fault of this test does not bite", missing, villages)
	}
	return v
}

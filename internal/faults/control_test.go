package faults

import (
	"slices"
	"strings"
	"testing"
)

// The cheapest of the controls runs each time, so that nothing is green here because the verifier looks at nothing.
func TestOrdersWithoutAKeyAreFoundDoubled(t *testing.T) {
	t.Parallel()
	v := nodeKills(t, embedded(t), 1, variant{keyless: true})
	if v.Doubled == 0 || v.clean() {
		t.Errorf("%s: %d doubled of %d orders, %d of them said again: the fault of this test does not bite", v.Case, v.Doubled, v.Orders, v.Repeated)
	}
}

// R1 and the rest can fail: each control breaks on purpose what heals, and the same verifier must find what it costs.
// The others run in the night only.
func TestWhatIsBrokenOnPurposeIsFoundAfterAKill(t *testing.T) {
	t.Parallel()
	if !nightly {
		return
	}
	for name, c := range map[string]struct {
		run  func(t *testing.T) *verdict
		lost bool // or else doubled
	}{
		"orders without a key": {func(t *testing.T) *verdict {
			return nodeKills(t, onServers(t, "", nil), 2, variant{keyless: true})
		}, false},
		"devices that do not say where they were": {func(t *testing.T) *verdict {
			return nodeKills(t, onServers(t, "", nil), 2, variant{amnesy: true})
		}, true},
		"nothing fills what Redis has forgotten": {func(t *testing.T) *verdict {
			w := onServers(t, withoutRefill, nil)
			return redisEmptied(t, w, w.crowd(false), 2, variant{})
		}, true},
		"what was pushed is kept nowhere": {func(t *testing.T) *verdict {
			w := onServers(t, withoutRefill, nil)
			return redisSetBack(t, w, w.crowd(false), 1, variant{unkept: true})
		}, true},
		"a database that answers before it has written": {func(t *testing.T) *verdict {
			return databaseKills(t, 2, false)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := c.run(t)
			if c.lost && v.Lost == 0 || !c.lost && v.Doubled == 0 {
				t.Errorf("%s: %d lost, %d doubled, %d out of order: the faults of this test do not bite", v.Case, v.Lost, v.Doubled, v.OutOfOrder)
			}
		})
	}
	t.Run("messages of which nobody knows that nobody knows", func(t *testing.T) {
		t.Parallel()
		wrong := weChatKills(t, 1, true)
		if !slices.ContainsFunc(wrong, func(w string) bool { return strings.HasSuffix(w, tooOften) }) {
			t.Error("nothing was sent too often: the faults of this test do not bite")
		}
	})
}

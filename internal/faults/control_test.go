package faults

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/db"
)

// The cheapest of the controls runs each time, so that nothing is green here because the verifier looks at nothing.
func TestOrdersWithoutAKeyAreFoundDoubled(t *testing.T) {
	t.Parallel()
	w := embedded(t)
	v := nodeKills(t, w, w.crowd(false), 1, variant{keyless: true})
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
	for name, found := range map[string]func(t *testing.T) int{
		"orders without a key": func(t *testing.T) int {
			w := onServers(t, "", nil)
			return nodeKills(t, w, w.crowd(false), 2, variant{keyless: true}).Doubled
		},
		"devices that do not say where they were": func(t *testing.T) int {
			w := onServers(t, "", nil)
			return nodeKills(t, w, w.crowd(true), 2, variant{amnesy: true}).Lost
		},
		"nothing fills what Redis has forgotten": func(t *testing.T) int {
			w := onServers(t, withoutRefill, nil)
			return redisEmptied(t, w, w.crowd(false), 2, variant{}).Lost
		},
		"what was pushed is kept nowhere": func(t *testing.T) int {
			w := onServers(t, withoutRefill, nil)
			return redisSetBack(t, w, w.crowd(false), 1, variant{unkept: true}).Lost
		},
		"a database that answers before it has written": func(t *testing.T) int {
			return databaseKills(t, 2, false).Lost
		},
		"nobody looks again how far an inbox is": func(t *testing.T) int {
			w := apart(t, withoutCheck)
			return wakesLost(t, w, w.crowd(false), true).Lost
		},
		"nobody pushes what was not pushed at once": func(t *testing.T) int {
			w := onServers(t, "", nil)
			w.sitOnShards()
			return redisEmptied(t, w, w.crowd(false), 1, variant{unswept: true}).Unpushed
		},
		"a node that is killed instead of stopped": func(t *testing.T) int {
			w := onServers(t, "", nil)
			return nodeStops(t, w, w.crowd(false), 2, variant{abrupt: true}).Failed
		},
		"a node that takes silence for an answer": func(t *testing.T) int {
			w := apart(t, withoutDoubt)
			return cutFromSQL(t, w, w.crowd(false), false).Spoken
		},
		"a node that knows Redis only": func(t *testing.T) int {
			w := apart(t, withoutRefill)
			return cutFromRedis(t, w, w.crowd(false), 10*time.Second).Missing
		},
		"a node without Redis that keeps its shards": func(t *testing.T) int {
			w := apart(t, withoutWord)
			return int(cutFromRedis(t, w, w.crowd(false), healing).OthersMs / yielded.Milliseconds())
		},
		"lost answers to orders without a key": func(t *testing.T) int {
			w := apart(t, "")
			return answersLost(t, w, w.crowd(false), variant{keyless: true}).Doubled
		},
		"something goes on for ever": func(t *testing.T) int {
			return soaks(t, withoutEnd, 2).Grown
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found(t) == 0 {
				t.Error("nothing was found: the faults of this test do not bite")
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

// sitOnShards gives every shard to somebody who does nothing, and waits until the nodes know.
func (w *world) sitOnShards() {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	w.t.Cleanup(func() { stop(); over.Wait() })
	over.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			err := w.db.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Change(ctx, `UPDATE shard_lease SET owner = 'nobody', term = term + 1, beat = beat + 1`)
				return err
			})
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if err != nil {
				w.t.Error(err)
			}
		}
	})
	w.wait(time.Minute, "no node sweeps", func() bool { return w.held() == 0 })
}

// held is how many shards living nodes believe to be theirs.
func (w *world) held() (sum int) {
	w.t.Helper()
	for _, n := range w.living() {
		sum += int(w.metric(n, "wanjia_push_lease_held"))
	}
	return sum
}

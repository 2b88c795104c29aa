package main

import "testing"

func TestTheHeapGrowsByWhatMemoryAllows(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 300}, {16 * mb, 300}, {24 * mb, 200}, {48 * mb, 100}, {400 * mb, 50}} {
		if got := percentFor(c.live); got != c.want {
			t.Errorf("with %d bytes alive the heap may grow by %d %%, want %d", c.live, got, c.want)
		}
	}
}

func TestOnlyServersStartAgain(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"wanjia"}, {"wanjia", "migrate"}, {"serve", "version"}} {
		if servesLong(args) {
			t.Errorf("%v would start again", args)
		}
	}
	if !servesLong([]string{"wanjia", "--config", "x", "serve"}) || !servesLong([]string{"wanjia", "bench", "push", "node"}) {
		t.Error("a server would keep large stacks")
	}
}

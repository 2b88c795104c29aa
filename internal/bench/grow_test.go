package bench

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/request"
)

var update = flag.Bool("update", false, "write the plans of testdata anew")

// server is the address of the test server. Where there is none the test is left out, but never in CI.
func server(t *testing.T) string {
	t.Helper()
	address := os.Getenv("WANJIA_TEST_MYSQL")
	switch {
	case address != "":
	case os.Getenv("CI") == "true":
		t.Fatal("WANJIA_TEST_MYSQL is not set: CI looks at the plans of MariaDB, see make test")
	default:
		t.Skip("needs a server of the MySQL family")
	}
	return address
}

// grown is a small growth on the test server.
func grown(t *testing.T, n int) *growth {
	t.Helper()
	o := GrowOptions{MySQL: server(t), Sizes: []int{n}, Subdistricts: 1, Say: t.Output()}
	g, err := o.open(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := g.fill(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return g
}

// The plans stand in testdata for review: how the server finds each list, without its guesses of how much there is.
func TestListsAmongTwentyThousand(t *testing.T) {
	t.Parallel()
	const n = 20_000
	g := grown(t, n)
	t.Run("no list reads a table from end to end, or sorts more than a page", func(t *testing.T) { noListScans(t, g) })
	t.Run("what is filled in reads as the product's own", func(t *testing.T) { readsAsTheProductsOwn(t, g, n) })
	t.Run("the lists that are asked for are measured, by their full pages", func(t *testing.T) { measuresWhatIsAskedFor(t, g, n) })
}

func measuresWhatIsAskedFor(t *testing.T, g *growth, n int) {
	defer func() { g.Only = "" }()
	g.Only = "visits of"
	figures, err := g.measure(t.Context(), n)
	if err != nil || len(figures) != 1 {
		t.Fatalf("%+v, %v, want one list", figures, err)
	}
	if f := figures[0]; f.Case != "visits of an area/20000" || f.Got["pages"] < growPage || f.Got["p95Ms"] <= 0 || !f.OK {
		t.Errorf("%+v", f)
	}
	g.Only = "nothing of that name"
	if figures, err := g.measure(t.Context(), n); err == nil {
		t.Errorf("%+v of no list", figures)
	}
}

func TestOnlyFullPagesAreTimed(t *testing.T) {
	t.Parallel()
	asked := 0
	l := list{sorts: growPage + 1, askers: make([]org.Actor, 4), ask: func(_ context.Context, _ org.Actor, cursor string) (int, string, error) {
		if asked++; cursor != "" {
			return growPage - 1, "", nil
		}
		return growPage, "second", nil
	}}
	took, err := l.round(t.Context())
	if err != nil || len(took) != 4 || asked != 6 {
		t.Errorf("%d of %d calls are timed, %v, want the four first pages of six", len(took), asked, err)
	}
	l.ask = func(context.Context, org.Actor, string) (int, string, error) { return growPage - 1, "", nil }
	if _, err := l.round(t.Context()); !errors.Is(err, errShort) {
		t.Errorf("short first pages give %v", err)
	}
	l.sorts = doorsPage
	if _, err := l.round(t.Context()); !errors.Is(err, errShort) {
		t.Errorf("short pages of doors give %v", err)
	}
}

func TestOfPassesTheMedianIsTaken(t *testing.T) {
	t.Parallel()
	pass := func(p95, first float64, ok, noisy bool) []Figure {
		return []Figure{
			{Case: "a/1", OK: true, Got: map[string]float64{"p95Ms": 1, "firstP95Ms": 1}},
			{Case: "b/1", OK: ok, Noisy: noisy, Seconds: 2, Load: p95, Got: map[string]float64{"p95Ms": p95, "firstP95Ms": first}},
		}
	}
	got := medians([][]Figure{pass(9, 40, true, false), pass(3, 5, true, true), pass(4, 6, false, false)})
	want := []Figure{
		{Case: "a/1", OK: true, Got: map[string]float64{"p95Ms": 1, "firstP95Ms": 1}},
		{Case: "b/1", OK: false, Noisy: true, Seconds: 6, Load: 9, Got: map[string]float64{"p95Ms": 4, "firstP95Ms": 40}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheRatioIsThatOfTheNinetyFifthPercentiles(t *testing.T) {
	t.Parallel()
	for p95, ok := range map[float64]bool{6: true, 9: true, 9.1: false} {
		f := Figure{OK: true, Bar: map[string]float64{}, Got: map[string]float64{"p50Ms": 100, "p95Ms": p95, "p99Ms": 100}}.against(6)
		if f.OK != ok || f.Got["ratio"] != round(p95/6) {
			t.Errorf("%v ms after 6 ms is %v, and holds the bar: %v", p95, f.Got["ratio"], f.OK)
		}
	}
}

func noListScans(t *testing.T, g *growth) {
	lists, err := g.lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, l := range lists {
		fmt.Fprintf(&text, "# %s\n", l.name)
		queries, err := g.sends(t.Context(), l, l.askers[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queries {
			plan, err := g.bulk.Explain(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s\n", strings.Join(strings.Fields(q.Query), " "))
			for _, p := range plan {
				fmt.Fprintf(&text, "    %-12s %-12s %-24s %s\n", p.Table, p.Type, p.Key, p.Extra)
				if p.FromEndToEnd() {
					t.Errorf("%s reads %s from end to end", l.name, p.Table)
				}
			}
		}
		cost, err := g.cost(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if cost.scans > 0 || cost.sorted > l.sorts {
			t.Errorf("%s: %d tables read from end to end and %d rows sorted, want none, and %d at most", l.name, cost.scans, cost.sorted, l.sorts)
		}
	}
	golden := filepath.Join("testdata", "plans.golden")
	if *update {
		if err := os.WriteFile(golden, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text.String(), "\n")); diff != "" {
		t.Errorf("the plans differ from those of testdata (-want +got); after a change on purpose run the test with -update:\n%s", diff)
	}
}

// A copy is read as what it was copied from: it opens, and everything that hangs on it is there.
func readsAsTheProductsOwn(t *testing.T, g *growth, n int) {
	lists, err := g.lists(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	needs := g.needs
	for _, f := range []request.Filter{{}, {Closed: true}} {
		by := lists[0].askers[0]
		rows, _, err := needs.List(t.Context(), by, f, "", growPage)
		if err != nil || len(rows) != growPage {
			t.Fatalf("%+v lists %d requests, %v, want a page of %d", f, len(rows), err, growPage)
		}
		seen := map[request.Receipt]bool{}
		for i, r := range rows {
			if i > 0 && (!f.Closed && r.RecordedAt.After(rows[i-1].RecordedAt) || f.Closed && r.ClosedAt.After(*rows[i-1].ClosedAt)) {
				t.Errorf("request %d is newer than the one before it", r.ID)
			}
			d, err := needs.Read(t.Context(), by, r.ID)
			if err != nil {
				t.Fatalf("read request %d: %v", r.ID, err)
			}
			if d.What == "" || len(d.Askers) == 0 || d.Askers[0].Who.Reveal() == "" || len(d.History) == 0 || d.History[0].Move != "created" {
				t.Errorf("request %d reads %+v", r.ID, d)
			}
			if d.State.Open() == f.Closed || d.UnitID != by.Grid.ID || len(d.Receipt) != 10 || seen[d.Receipt] {
				t.Errorf("request %d is %s of unit %d with receipt %s", r.ID, d.State, d.UnitID, d.Receipt)
			}
			seen[d.Receipt] = true
		}
	}
	for _, table := range []string{"request", "visit"} {
		var got int
		if err := g.db.Get(t.Context(), &got, `SELECT COUNT(*) FROM `+table); err != nil || got != n {
			t.Errorf("%d rows of %s, %v, want %d", got, table, err, n)
		}
	}
	var astray int
	err = g.db.Get(t.Context(), &astray, `
		SELECT COUNT(*)
		FROM request r
		LEFT JOIN visit v ON v.id = r.source_visit_id
		LEFT JOIN premises p ON p.id = r.premises_id
		WHERE p.id IS NULL OR r.source_visit_id IS NOT NULL AND (v.id IS NULL OR v.premises_id <> r.premises_id)`)
	if err != nil || astray != 0 {
		t.Errorf("%d requests belong to no door or to a visit elsewhere (%v)", astray, err)
	}
	for _, index := range []string{"request_unit", "request_receipt", "visit_unit"} {
		var n int
		if err := g.db.Get(t.Context(), &n, `
			SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = ? AND seq_in_index = 1`, index); err != nil || n != 1 {
			t.Errorf("index %s is there %d times (%v) after filling, want once", index, n, err)
		}
	}
}

func TestTooLittleDiskIsSaidBeforeAnythingIsFilled(t *testing.T) {
	t.Parallel()
	o := GrowOptions{MySQL: server(t), Sizes: []int{10_000, 2_000_000_000}, Subdistricts: 1}
	var said bytes.Buffer
	o.Say = &said
	_, err := Grow(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "too little disk") || !strings.Contains(said.String(), "GB") {
		t.Errorf("two thousand million give %v after saying %q", err, said.String())
	}
	if strings.Contains(said.String(), "making") {
		t.Errorf("it began to fill: %s", said.String())
	}
}

func TestSizesMustRise(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{nil, {100}, {20_000, 10_000}} {
		if _, err := Grow(t.Context(), GrowOptions{Sizes: sizes}); err == nil {
			t.Errorf("%v are taken", sizes)
		}
	}
}

package bench

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/db"
)

// each runs f on both engines, as far as there are servers.
func each(t *testing.T, f func(t *testing.T, o Options)) {
	t.Helper()
	o := Options{Slice: 150 * time.Millisecond, Rounds: 1, People: 80, Levels: []int{1, 8}}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		o := o
		o.Folder = t.TempDir()
		f(t, o)
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		o := o
		o.Folder, o.MySQL, o.Redis = t.TempDir(), os.Getenv("WANJIA_TEST_MYSQL"), os.Getenv("WANJIA_TEST_REDIS")
		if o.MySQL == "" || o.Redis == "" {
			if os.Getenv("CI") == "true" {
				t.Fatal("WANJIA_TEST_MYSQL and WANJIA_TEST_REDIS are not set: CI measures MariaDB too, see make test")
			}
			t.Skip("needs a server of the MySQL family and a Redis")
		}
		f(t, o)
	})
}

func TestEveryOperationIsMeasuredBesideItsCeilings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, o Options) {
		figures, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var cases []string
		for _, f := range figures {
			cases = append(cases, f.Case)
			if f.Got["perSecond"] <= 0 || f.Got["ownPerSecond"] <= 0 || f.Got["p99Ms"] <= 0 || f.Got["failed"] != 0 {
				t.Errorf("%s: %v (%s), want something done and nothing failed", f.Case, f.Got, f.Why)
			}
			if bare := f.Got["barePerSecond"]; (bare > 0) == strings.HasPrefix(f.Case, "refresh") {
				t.Errorf("%s: %v a second of the bare form", f.Case, bare)
			}
		}
		want := []string{"check-in/1", "check-in/8", "list/1", "list/8", "refresh/1", "refresh/8"}
		if !slices.Equal(cases, want) {
			t.Errorf("figures of %v, want %v", cases, want)
		}
	})
}

// sizes are how many rows each table has that the operations write.
func sizes(t *testing.T, d *db.DB) map[string]int {
	t.Helper()
	got := map[string]int{}
	for _, table := range []string{"presence", "presence_evidence", "code_redemption", "idempotency", "audit", "refresh_token", "inbox", "outbox"} {
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM `+table); err != nil {
			t.Fatal(err)
		}
		got[table] = n
	}
	return got
}

// A ceiling is only one if it does what the operation does: the same statements, in the same transactions, and as
// many rows afterwards.
func TestACeilingSendsWhatARealOperationSends(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, o Options) {
		p, err := newPlace(t.Context(), o, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := p.drop(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		crowd, err := load(t.Context(), p, o.People)
		if err != nil {
			t.Fatal(err)
		}
		s, err := record(t.Context(), p, crowd)
		if err != nil {
			t.Fatal(err)
		}
		again, err := record(t.Context(), p, crowd[:len(crowd)/2]) // of other persons
		if err != nil {
			t.Fatal(err)
		}
		x, err := newCeiling(t.Context(), p.config, crowd[:len(crowd)/4], s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = x.close() })
		for name, c := range map[string]struct {
			mine, real script
			play       func(context.Context) error
			rows       map[string]int
		}{
			"check-in": {s.checkIn, again.checkIn, x.checkIn, map[string]int{
				"presence": 1, "presence_evidence": 1, "code_redemption": 1, "idempotency": 1, "audit": 1,
			}},
			"two inserts": {s.twoInserts, again.twoInserts, x.twoInserts, map[string]int{"presence": 1, "presence_evidence": 1}},
			"list":        {s.list, again.list, x.list, nil},
			"bare list":   {s.bareList, again.bareList, x.bareList, nil},
			"refresh":     {s.refresh, again.refresh, x.refresh, map[string]int{"refresh_token": 1}},
		} {
			if got, want := texts(c.mine), texts(c.real); !slices.Equal(got, want) {
				t.Errorf("%s: the ceiling sends\n%v\nand the operation\n%v", name, got, want)
			}
			before := sizes(t, x.db)
			for range 3 {
				if err := c.play(t.Context()); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			grown := map[string]int{}
			for table, n := range sizes(t, x.db) {
				if n > before[table] {
					grown[table] = (n - before[table]) / 3
				}
			}
			if !maps.Equal(grown, c.rows) {
				t.Errorf("%s: rows of %v after one, want %v", name, grown, c.rows)
			}
		}
	})
}

func texts(s script) (all []string) {
	for _, step := range s.steps {
		all = append(all, string(step.Verb)+" "+strings.Join(strings.Fields(step.Query), " "))
	}
	return all
}

func TestWhatNobodyCanExplainIsNoScript(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
	sampleOf := func(query string, args ...any) sample {
		return sample{at: at, about: map[string]any{"person": args[0]}, steps: []db.Sent{{Verb: db.Get, Query: query, Args: args}}}
	}
	if _, err := newScript(sampleOf("SELECT 1", 7, 70), sampleOf("SELECT 1", 8, 80)); err == nil {
		t.Error("an argument that changes without a reason is taken, want it refused")
	}
	if _, err := newScript(sampleOf("SELECT 1", 7), sampleOf("SELECT 2", 8)); err == nil {
		t.Error("two texts are taken for one operation, want it refused")
	}
	s, err := newScript(sampleOf("SELECT 1", 7, at.Add(time.Minute), true), sampleOf("SELECT 1", 8, at.Add(61*time.Second), true))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.from[0]; got[0].name != "person" || got[1].after != time.Minute || got[2].value != true {
		t.Errorf("arguments come from %+v, want the person, a minute from now, and yes", got)
	}
}

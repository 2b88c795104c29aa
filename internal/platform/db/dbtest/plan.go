package dbtest

import (
	"testing"

	"wanjia/internal/platform/db"
)

// Plan is how the engine would find the answer to s: JSON of the MySQL family, a line a step of SQLite.
func Plan(t *testing.T, d *db.DB, s db.Sent) (plan string) {
	t.Helper()
	if !d.Embedded() {
		if err := d.Get(t.Context(), &plan, "EXPLAIN FORMAT=JSON "+s.Query, s.Args...); err != nil {
			t.Fatal(err)
		}
		return plan
	}
	var steps []struct {
		ID, Parent, NotUsed int
		Detail              string
	}
	if err := d.Select(t.Context(), &steps, "EXPLAIN QUERY PLAN "+s.Query, s.Args...); err != nil {
		t.Fatal(err)
	}
	for _, x := range steps {
		plan += x.Detail + "\n"
	}
	return plan
}

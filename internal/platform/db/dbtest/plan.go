package dbtest

import (
	"regexp"
	"testing"

	"wanjia/internal/platform/db"
)

// tables are what a statement reads from.
var tables = regexp.MustCompile(`(?i)(?:FROM|JOIN)\s+([a-z_]+)`)

// Plan is how the engine would find the answer to s: JSON of the MySQL family, a line a step of SQLite. A server of the
// MySQL family counts rows in the background; here it counts those of the tables of s first, so that the plan is always
// that of the rows that are there.
func Plan(t *testing.T, d *db.DB, s db.Sent) (plan string) {
	t.Helper()
	if !d.Embedded() {
		for _, found := range tables.FindAllStringSubmatch(s.Query, -1) {
			var said []struct {
				Table   string `db:"Table"`
				Op      string `db:"Op"`
				Type    string `db:"Msg_type"`
				Message string `db:"Msg_text"`
			}
			if err := d.Select(t.Context(), &said, "ANALYZE TABLE "+found[1]); err != nil {
				t.Fatal(err)
			}
		}
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

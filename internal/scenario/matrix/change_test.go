package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"wanjia/internal/platform/db"
)

// watch makes the database itself write down every row that is added, changed or taken away, by triggers that no
// other test has: what was undone was not changed, and what was changed and changed back was.
func (w *world) watch() {
	w.Helper()
	run := func(statement string) {
		w.in(statement, func(tx *db.Tx) error {
			_, err := tx.Change(w.Context(), statement)
			return err
		})
	}
	list, id := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`, "INTEGER PRIMARY KEY AUTOINCREMENT"
	if !w.db().Embedded() {
		list, id = `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME`, "BIGINT AUTO_INCREMENT PRIMARY KEY"
	}
	var tables []string
	if err := w.db().Select(w.Context(), &tables, list); err != nil {
		w.Fatal(err)
	}
	run(`CREATE TABLE matrix_change (id ` + id + `, what VARCHAR(80) NOT NULL)`)
	for _, table := range tables {
		if strings.HasPrefix(table, "goose") {
			continue
		}
		for _, act := range []string{"INSERT", "UPDATE", "DELETE"} {
			run(fmt.Sprintf(`CREATE TRIGGER matrix_%s_%s AFTER %s ON %s FOR EACH ROW BEGIN INSERT INTO matrix_change (what) VALUES ('%s'); END`,
				strings.ToLower(act), table, act, table, table))
		}
	}
}

// A difference says how many rows of which tables were written.
type difference map[string]int

func (d difference) String() string {
	var all []string
	for _, table := range slices.Sorted(maps.Keys(d)) {
		all = append(all, fmt.Sprintf("%s %d", table, d[table]))
	}
	return strings.Join(all, ", ")
}

// without is d, but for some tables.
func (d difference) without(tables ...string) difference {
	rest := maps.Clone(d)
	for _, t := range tables {
		delete(rest, t)
	}
	return rest
}

// mark is how many changes there have been.
func (w *world) mark() (n int64) {
	w.Helper()
	if err := w.db().Get(w.Context(), &n, `SELECT COALESCE(MAX(id), 0) FROM matrix_change`); err != nil {
		w.Fatal(err)
	}
	return n
}

// changes are the rows written since a mark.
func (w *world) changes(mark int64) difference {
	w.Helper()
	var rows []struct {
		What string `db:"what"`
		N    int    `db:"n"`
	}
	if err := w.db().Select(w.Context(), &rows, `SELECT what, COUNT(*) AS n FROM matrix_change WHERE id > ? GROUP BY what`, mark); err != nil {
		w.Fatal(err)
	}
	d := difference{}
	for _, r := range rows {
		d[r.What] = r.N
	}
	return d
}

package dbtest

import (
	"database/sql"
	"fmt"
	"hash/fnv"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// A Look reads a whole database from outside: for tests that compare all of it, or search it for what must not be
// there.
type Look struct {
	pool   *sql.DB
	server bool
	tables []string
}

// LookAt looks at the database at dsn, or else at wanjia.db in folder.
func LookAt(t *testing.T, folder, dsn string) *Look {
	t.Helper()
	l := &Look{server: dsn != ""}
	list := `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()`
	if l.server {
		cfg, err := mysql.ParseDSN(dsn)
		if err != nil {
			t.Fatal("the address of the test server cannot be read")
		}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.pool = sql.OpenDB(connector)
	} else {
		var err error
		path := (&url.URL{Path: filepath.Join(folder, "wanjia.db")}).EscapedPath()
		if l.pool, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)"); err != nil {
			t.Fatal(err)
		}
		list = `SELECT name FROM sqlite_master WHERE type = 'table'`
	}
	t.Cleanup(func() { _ = l.pool.Close() })
	rows, err := l.pool.QueryContext(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	names, err := texts(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !strings.HasPrefix(n, "goose") && !strings.HasPrefix(n, "sqlite") {
			l.tables = append(l.tables, n)
		}
	}
	slices.Sort(l.tables)
	return l
}

// Sums is a text for each table but these that changes when the table's content does.
func (l *Look) Sums(t *testing.T, but ...string) map[string]string {
	t.Helper()
	tables := slices.DeleteFunc(slices.Clone(l.tables), func(name string) bool { return slices.Contains(but, name) })
	sums := make(map[string]string, len(tables))
	if !l.server {
		for _, name := range tables {
			sum := fnv.New64a()
			n := l.rows(t, name, func(row string) { _, _ = sum.Write([]byte(row)) })
			sums[name] = fmt.Sprintf("%d rows, %x", n, sum.Sum64())
		}
		return sums
	}
	rows, err := l.pool.QueryContext(t.Context(), "CHECKSUM TABLE "+strings.Join(tables, ", "))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // it was only read
	for rows.Next() {
		var name, sum string
		if err := rows.Scan(&name, &sum); err != nil {
			t.Fatal(err)
		}
		_, name, _ = strings.Cut(name, ".")
		sums[name] = sum
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return sums
}

// Dump shows f every row of every table.
func (l *Look) Dump(t *testing.T, f func(table, row string)) {
	t.Helper()
	for _, name := range l.tables {
		l.rows(t, name, func(row string) { f(name, row) })
	}
}

// rows shows f every row of a table, and returns how many there are.
func (l *Look) rows(t *testing.T, table string, f func(row string)) (n int) {
	t.Helper()
	rows, err := l.pool.QueryContext(t.Context(), "SELECT * FROM "+table) //nolint:gosec // because the name comes from the catalogue
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // it was only read
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var row strings.Builder
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row.Reset()
		for i, v := range values {
			row.WriteString(columns[i] + "=" + string(v) + "\x1f")
		}
		f(row.String())
		n++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

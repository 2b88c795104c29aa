package dbtest

import (
	"context"
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
	known  map[string]sum // of the embedded database
}

// A sum is the text of a table's content, and how often the table had been written to by then.
type sum struct {
	writes int64
	text   string
}

// LookAt looks at the copy of a model at dsn, or else at wanjia.db in folder.
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
		if l.pool, err = openFile(folder, "_pragma=query_only(1)"); err != nil {
			t.Fatal(err)
		}
		list = fileTables
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
		if ours(n) {
			l.tables = append(l.tables, n)
		}
	}
	slices.Sort(l.tables)
	if !l.server {
		if l.known, err = written(t.Context(), l.pool); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

const fileTables = `SELECT name FROM sqlite_master WHERE type = 'table'`

// openFile opens wanjia.db in folder.
func openFile(folder, settings string) (*sql.DB, error) {
	path := (&url.URL{Path: filepath.Join(folder, "wanjia.db")}).EscapedPath()
	return sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&"+settings)
}

// ours says whether a table is the program's.
func ours(table string) bool {
	return !strings.HasPrefix(table, "goose") && !strings.HasPrefix(table, "sqlite") && table != "look_sum"
}

// count makes the database file in folder count the writes to each of its tables, by triggers: a table that has not
// been written to need not be read again to know that it holds what it held. What it holds now is noted beside.
func count(ctx context.Context, folder string) (err error) {
	pool, err := openFile(folder, "_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	defer func() {
		if again := pool.Close(); err == nil {
			err = again
		}
	}()
	rows, err := pool.QueryContext(ctx, fileTables)
	if err != nil {
		return err
	}
	tables, err := texts(rows)
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // because after the commit there is nothing to take back
	if _, err := tx.ExecContext(ctx, `CREATE TABLE look_sum (name TEXT PRIMARY KEY, writes INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID`); err != nil {
		return err
	}
	for _, table := range tables {
		if !ours(table) {
			continue
		}
		text, err := sumOf(ctx, tx, table)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO look_sum (name, writes, text) VALUES (?, 0, ?)`, table, text); err != nil {
			return err
		}
		for _, act := range []string{"INSERT", "UPDATE", "DELETE"} {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(
				`CREATE TRIGGER look_%s_%s AFTER %s ON %s BEGIN UPDATE look_sum SET writes = writes + 1 WHERE name = '%s'; END`,
				strings.ToLower(act), table, act, table, table)); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// written are the sums as they stand in the database, each with how often its table has been written to by now.
func written(ctx context.Context, q queryer) (map[string]sum, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, writes, text FROM look_sum`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // because Err has it
	all := map[string]sum{}
	for rows.Next() {
		var name string
		var s sum
		if err := rows.Scan(&name, &s.writes, &s.text); err != nil {
			return nil, err
		}
		all[name] = s
	}
	return all, rows.Err()
}

// Sums is a text for each table but these that changes when the table's content does.
func (l *Look) Sums(t *testing.T, but ...string) map[string]string {
	t.Helper()
	tables := slices.DeleteFunc(slices.Clone(l.tables), func(name string) bool { return slices.Contains(but, name) })
	sums := make(map[string]string, len(tables))
	if !l.server {
		if err := l.sumFile(t.Context(), tables, sums); err != nil {
			t.Fatal(err)
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

// sumFile sums the tables at one moment, and reads those that have been written to since it last did.
func (l *Look) sumFile(ctx context.Context, tables []string, sums map[string]string) error {
	tx, err := l.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // because it was only read
	now, err := written(ctx, tx)
	if err != nil {
		return err
	}
	for _, name := range tables {
		s := now[name]
		if before := l.known[name]; before.writes == s.writes {
			sums[name] = before.text
			continue
		}
		if s.text, err = sumOf(ctx, tx, name); err != nil {
			return err
		}
		sums[name], l.known[name] = s.text, s
	}
	return nil
}

// sumOf is a text that says what a table of the embedded database holds.
func sumOf(ctx context.Context, q queryer, table string) (string, error) {
	sum := fnv.New64a()
	n, err := eachRow(ctx, q, table, func(row string) { _, _ = sum.Write([]byte(row)) })
	return fmt.Sprintf("%d rows, %x", n, sum.Sum64()), err
}

// Dump shows f every row of every table.
func (l *Look) Dump(t *testing.T, f func(table, row string)) {
	t.Helper()
	for _, name := range l.tables {
		if _, err := eachRow(t.Context(), l.pool, name, func(row string) { f(name, row) }); err != nil {
			t.Fatal(err)
		}
	}
}

// A queryer asks inside a transaction or outside.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// eachRow shows f every row of a table, and returns how many there are.
func eachRow(ctx context.Context, q queryer, table string, f func(row string)) (n int, err error) {
	rows, err := q.QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // it was only read
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var row strings.Builder
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		row.Reset()
		for i, v := range values {
			row.WriteString(columns[i] + "=" + string(v) + "\x1f")
		}
		f(row.String())
		n++
	}
	return n, rows.Err()
}

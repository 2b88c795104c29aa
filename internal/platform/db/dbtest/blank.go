package dbtest

import (
	"path/filepath"
	"testing"

	"wanjia/internal/platform/db"
)

// EachBlank runs f as the subtests of Each, with an address where there is a database without any schema: for tests
// of migrations, which may open it as often as they like.
func EachBlank(t *testing.T, f func(t *testing.T, o db.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, db.Options{SQLitePath: filepath.Join(t.TempDir(), "data", "wanjia.db")})
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		f(t, BlankMySQL(t))
	})
}

// BlankMySQL is a database on the test server as its operator makes it: without a schema, with the server's own
// collation.
func BlankMySQL(t *testing.T) db.Options {
	t.Helper()
	needServer(t)
	s, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	name := s.next()
	if _, err := s.admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := timeLimit()
		defer cancel()
		if _, err := s.admin.ExecContext(ctx, "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	return db.Options{MySQL: Address(name), Pool: 4}
}

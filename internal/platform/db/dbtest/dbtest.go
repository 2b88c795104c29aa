// Package dbtest gives each test a database of its own, on every engine there is: SQLite always, and the server of
// the MySQL family that WANJIA_TEST_MYSQL names.
package dbtest

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wanjia/internal/platform/db"
)

// Each runs f as two subtests, "sqlite" and "mysql", each with a migrated and empty database.
func Each(t *testing.T, f func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, SQLite(t))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		f(t, MySQL(t))
	})
}

// WithClock gives d the clock now for the rest of the test.
func WithClock(t *testing.T, d *db.DB, now func() time.Time) {
	t.Helper()
	d.SetNow(now)
	t.Cleanup(func() { d.SetNow(time.Now) })
}

// SQLite is a migrated and empty database in the test's own folder.
func SQLite(t *testing.T) *db.DB {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "data", "wanjia.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, from, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{SQLitePath: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// template is a migrated SQLite file, made once a process.
var template = sync.OnceValues(func() (file []byte, err error) {
	folder, err := os.MkdirTemp("", "wanjia-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // because it is the system's folder for such things
	path := filepath.Join(folder, "wanjia.db")
	ctx, cancel := timeLimit()
	defer cancel()
	d, err := db.Open(ctx, db.Options{SQLitePath: path})
	if err != nil {
		return nil, err
	}
	if _, err := d.Migrate(ctx, slog.New(slog.DiscardHandler)); err != nil {
		return nil, fmt.Errorf("make the template: %w", err)
	}
	if err := d.Close(); err != nil { // the last one to close writes the log into the file
		return nil, err
	}
	return os.ReadFile(path)
})

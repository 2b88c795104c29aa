package dbtest

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"wanjia/internal/platform/db"
)

// filled is a model with one key in it.
var filled = NewModel(func(ctx context.Context, folder, dsn string) error {
	o := db.Options{MySQL: dsn}
	if dsn == "" {
		o.SQLitePath = filepath.Join(folder, "wanjia.db")
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return err
	}
	if _, err := d.Migrate(ctx, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if err := write(ctx, d, "海棠"); err != nil {
		return err
	}
	return d.Close()
})

func write(ctx context.Context, d *db.DB, handle string) error {
	return d.InTx(ctx, func(tx *db.Tx) error {
		person, err := tx.Insert(ctx, `INSERT INTO person (created_at) VALUES (?)`, tx.Now)
		if err != nil {
			return err
		}
		_, err = tx.Change(ctx, `INSERT INTO demo_handle (handle, person_id) VALUES (?, ?)`, handle, person)
		return err
	})
}

func TestACopyHoldsWhatItsModelHoldsAndALookSeesWhatChanges(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, o db.Options, l *Look) {
		d, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var found []string
		l.Dump(t, func(table, row string) {
			if strings.Contains(row, "海棠") {
				found = append(found, table)
			}
		})
		if len(found) != 1 || found[0] != "demo_handle" {
			t.Errorf("the key is found in %v, want demo_handle", found)
		}
		before, same := l.Sums(t), l.Sums(t)
		if err := write(t.Context(), d, "芒种"); err != nil {
			t.Fatal(err)
		}
		after := l.Sums(t)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Change(t.Context(), `DELETE FROM demo_handle WHERE handle = ?`, "芒种"); err != nil {
				return err
			}
			_, err := tx.Change(t.Context(), `DELETE FROM person WHERE id = (SELECT MAX(id) FROM (SELECT id FROM person) p)`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for table, sum := range l.Sums(t) {
			if before[table] != sum {
				t.Errorf("%s is as it was, and was summed as %s, now as %s", table, before[table], sum)
			}
		}
		for table := range after {
			if before[table] != same[table] {
				t.Errorf("%s differs from itself: %s and %s", table, before[table], same[table])
			}
			if changed := table == "demo_handle" || table == "person"; changed != (before[table] != after[table]) {
				t.Errorf("%s: %s, then %s; want changed = %v", table, before[table], after[table], changed)
			}
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		folder := filled.SQLite(t)
		check(t, db.Options{SQLitePath: filepath.Join(folder, "wanjia.db")}, LookAt(t, folder, ""))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		dsn := filled.MySQL(t)
		check(t, db.Options{MySQL: dsn, Pool: 4}, LookAt(t, "", dsn))
	})
}

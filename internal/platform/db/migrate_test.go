package db_test

import (
	"bytes"
	"database/sql"
	"flag"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t *testing.T, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func migrate(t *testing.T, d *db.DB) (taken int) {
	t.Helper()
	taken, err := d.Migrate(t.Context(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	return taken
}

func closed(t *testing.T, d *db.DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestAllMigrationsRunOnceOnEveryEngine(t *testing.T) {
	t.Parallel()
	dbtest.EachBlank(t, func(t *testing.T, o db.Options) {
		d := open(t, o)
		defer closed(t, d)
		if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "wanjia migrate") {
			t.Errorf("before migrating the check says %v, want to be told to migrate", err)
		}
		if taken := migrate(t, d); taken != db.Steps() {
			t.Errorf("it took %d steps, want all %d", taken, db.Steps())
		}
		if taken := migrate(t, d); taken != 0 {
			t.Errorf("once more it took %d steps, want none", taken)
		}
		if err := d.Check(t.Context()); err != nil {
			t.Errorf("after migrating the check says %v, want nothing", err)
		}
	})
}

func TestAnOlderSchemaIsRefusedAndANewerOneIsNot(t *testing.T) {
	t.Parallel()
	dbtest.EachBlank(t, func(t *testing.T, o db.Options) {
		d := open(t, o)
		defer closed(t, d)
		migrate(t, d)
		write(t, d, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		if err := d.Check(t.Context()); err != nil {
			t.Errorf("with a newer schema the check says %v, want nothing: old code runs beside new", err)
		}
		write(t, d, `DELETE FROM goose_db_version WHERE version_id = 1`)
		if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "0001_idempotency.sql is missing") {
			t.Errorf("with a step missing the check says %v, want to be told which", err)
		}
	})
}

func TestA8_1_AClockFarFromTheServersIsRefused(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t)
	for _, gap := range []time.Duration{-4 * time.Second, 4 * time.Second} {
		dbtest.WithClock(t, d, func() time.Time { return time.Now().Add(gap) })
		if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "clock") {
			t.Errorf("%v apart the check says %v, want it to speak of the clock", gap, err)
		}
	}
	dbtest.WithClock(t, d, time.Now)
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("with the right time: %v, want nothing", err)
	}
}

func TestAMigrationKilledAnywhereGoesOn(t *testing.T) {
	t.Parallel()
	dbtest.EachBlank(t, func(t *testing.T, o db.Options) {
		d := open(t, o)
		for k := range db.Steps() { // each step by a program of its own, which dies at once
			if err := d.MigrateOne(t.Context(), quiet); err != nil {
				t.Fatalf("step %d of %d: %v", k+1, db.Steps(), err)
			}
			if k%8 == 0 {
				closed(t, d)
				d = open(t, o)
			}
		}
		if taken := migrate(t, d); taken != 0 {
			t.Errorf("then it took %d steps, want none", taken)
		}
		closed(t, d)
	})
}

// On a server a statement commits by itself, so a kill can come between it and its note. On SQLite both are one
// transaction.
func TestAStepThatWasDoneAndNotNotedIsNoted(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.BlankMySQL(t))
	defer closed(t, d)
	if err := d.RunWithoutNotes(t.Context()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	taken, err := d.Migrate(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || taken != db.Steps() {
		t.Fatalf("it took %d steps (%v), want all %d", taken, err, db.Steps())
	}
	want := db.Steps() - db.TakenBack() // an index that was dropped again can be made and dropped once more
	if said := strings.Count(log.String(), "migration was done before"); said != want {
		t.Errorf("%d steps were said to be there already, want %d", said, want)
	}
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("afterwards the check says %v, want nothing", err)
	}
}

func TestTwoProgramsMigrateInTurns(t *testing.T) {
	t.Parallel()
	o := dbtest.BlankMySQL(t) // on SQLite the second one cannot open the file
	var all sync.WaitGroup
	counts := make(chan int, 2)
	for range 2 {
		all.Go(func() {
			d := open(t, o)
			defer closed(t, d)
			taken, err := d.Migrate(t.Context(), quiet)
			if err != nil {
				t.Error(err)
			}
			counts <- taken
		})
	}
	all.Wait()
	if one, two := <-counts, <-counts; one+two != db.Steps() || one*two != 0 {
		t.Errorf("they took %d and %d steps, want one of them to take all %d", one, two, db.Steps())
	}
}

// A step may take longer than the lease of the lock: whoever waits for it must not believe its program dead.
func TestTheLockIsRenewedWhileAStepTakesLong(t *testing.T) {
	t.Parallel()
	o := dbtest.BlankMySQL(t)
	d := open(t, o)
	defer closed(t, d)
	const changes = 210 // the first step that changes a table, place
	if err := d.MigrateTo(t.Context(), quiet, changes-1); err != nil {
		t.Fatal(err)
	}
	done := notes(t, d)
	admin, err := sql.Open("mysql", o.MySQL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	ask := func(query string) (answer string) {
		_ = admin.QueryRowContext(t.Context(), query).Scan(&answer) // no row yet: nothing
		return answer
	}
	holder, err := admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	if _, err := holder.ExecContext(t.Context(), `LOCK TABLES place READ`); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	counts := make(chan int, 2)
	for range 2 {
		all.Go(func() {
			d := open(t, o)
			defer closed(t, d)
			taken, err := d.Migrate(t.Context(), quiet)
			if err != nil {
				t.Error(err)
			}
			counts <- taken
		})
	}
	const (
		waiting = `SELECT id FROM information_schema.PROCESSLIST WHERE db = DATABASE() AND info LIKE 'ALTER TABLE place %' AND state LIKE 'Waiting%'`
		program = `SELECT locked_by FROM goose_lock WHERE locked = 1`
		lease   = `SELECT lease_expires_at FROM goose_lock WHERE locked = 1`
	)
	until := func(what string, there func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !there(); <-time.After(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%s: not within 20 s", what)
				return
			}
		}
	}
	until("the step waits for the table", func() bool { return ask(waiting) != "" })
	owner, before := ask(program), ask(lease)
	until("the lock is renewed", func() bool { return ask(lease) != before })
	if now := ask(program); owner == "" || now != owner {
		t.Errorf("the lock went from %q to %q", owner, now)
	}
	if _, err := holder.ExecContext(t.Context(), `UNLOCK TABLES`); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if one, two := <-counts, <-counts; one+two != db.Steps()-done || one*two != 0 {
		t.Errorf("they took %d and %d steps, want one of them to take all %d", one, two, db.Steps()-done)
	}
}

// One connection of a program that migrates is silent for as long as its steps take, and those of the program before it;
// that of one that fills tables while it makes up what to fill them with.
func TestTheServerWaitsForAProgramThatMigratesOrFills(t *testing.T) {
	t.Parallel()
	o := dbtest.BlankMySQL(t)
	d := open(t, o)
	defer closed(t, d)
	pool, done, err := d.MigrationPool(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	var seconds int
	if err := pool.QueryRowContext(t.Context(), `SELECT @@SESSION.wait_timeout`).Scan(&seconds); err != nil || seconds < 8*60*60 {
		t.Errorf("for a migration the server waits for %d s (%v), want eight hours at least", seconds, err)
	}
	bulk, err := db.OpenBulk(t.Context(), o.MySQL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := bulk.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, rows, err := bulk.Rows(t.Context(), `SELECT @@SESSION.wait_timeout`)
	if err != nil {
		t.Fatal(err)
	}
	if seconds, err := strconv.Atoi(string(rows[0][0])); err != nil || seconds < 8*60*60 {
		t.Errorf("for who fills tables the server waits for %d s (%v), want eight hours at least", seconds, err)
	}
}

var update = flag.Bool("update", false, "write schema.sql anew")

func TestTheSchemaIsWhatItsFileSays(t *testing.T) {
	t.Parallel()
	d := open(t, dbtest.BlankMySQL(t))
	defer closed(t, d)
	migrate(t, d)
	got, err := d.DumpSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("schema.sql is not what the migrations make; run make schema (-want +got):\n%s", diff)
	}
}

func TestBothEnginesHaveTheSameColumns(t *testing.T) {
	t.Parallel()
	lite, server := dbtest.SQLite(t), dbtest.MySQL(t)
	var names []string
	if err := lite.Select(t.Context(), &names, `
		SELECT CONCAT(m.name, '.', c.name, CASE WHEN c."notnull" = 1 OR c.pk > 0 THEN '' ELSE ' NULL' END)
		FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND m.name NOT LIKE 'goose%'
		ORDER BY m.name, c.name`); err != nil {
		t.Fatal(err)
	}
	var there []sql.NullString
	if err := server.Select(t.Context(), &there, `
		SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME, IF(IS_NULLABLE = 'YES', ' NULL', ''))
		FROM information_schema.COLUMNS
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'goose%'
		ORDER BY CONVERT(TABLE_NAME USING utf8mb4) COLLATE utf8mb4_bin, CONVERT(COLUMN_NAME USING utf8mb4) COLLATE utf8mb4_bin`); err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(there))
	for i, s := range there {
		got[i] = s.String
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("the engines differ (-SQLite +server):\n%s", diff)
	}
}

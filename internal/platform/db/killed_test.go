package db_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// In a process that has them, the test binary is a program that migrates a database and nothing else.
const (
	childFile   = "WANJIA_TEST_MIGRATE_FILE"
	childServer = "WANJIA_TEST_MIGRATE_SERVER"
)

func TestMain(m *testing.M) {
	if file, server := os.Getenv(childFile), os.Getenv(childServer); file != "" || server != "" {
		os.Exit(migrateAndSaySo(db.Options{SQLitePath: file, MySQL: server, Pool: 4}))
	}
	os.Exit(m.Run())
}

func migrateAndSaySo(o db.Options) int {
	ctx := context.Background()
	d, err := db.Open(ctx, o)
	if err == nil {
		fmt.Fprintln(os.Stdout, "begins")
		_, err = d.Migrate(ctx, slog.New(slog.NewTextHandler(os.Stdout, nil)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A child is such a process.
type child struct {
	t       *testing.T
	command *exec.Cmd
	errors  strings.Builder
	said    *bufio.Scanner
}

// begin starts a child and waits until it has opened the database.
func begin(t *testing.T, o db.Options) *child {
	t.Helper()
	c := &child{t: t, command: exec.CommandContext(t.Context(), os.Args[0])}
	c.command.Env = append(os.Environ(), childFile+"="+o.SQLitePath, childServer+"="+o.MySQL)
	c.command.Stderr = &c.errors
	out, err := c.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	if c.said = bufio.NewScanner(out); !c.said.Scan() {
		t.Fatalf("the child says nothing: %v %s", c.command.Wait(), c.errors.String())
	}
	return c
}

// kill is kill -9; it says whether the child was still at it.
func (c *child) kill() bool {
	c.t.Helper()
	_ = c.command.Process.Kill() // it may have ended
	return c.command.Wait() != nil
}

// finish waits until the child has done all, and says what it logged.
func (c *child) finish() string {
	c.t.Helper()
	var log strings.Builder
	for c.said.Scan() {
		log.WriteString(c.said.Text() + "\n")
	}
	if err := c.command.Wait(); err != nil {
		c.t.Fatalf("the child: %v %s", err, c.errors.String())
	}
	return log.String()
}

// pauses are moments of a migration that takes so long as a whole, in no order.
func pauses(t *testing.T, whole time.Duration, n int) []time.Duration {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, a whole migration takes %v", seed, whole)
	random := rand.New(rand.NewPCG(seed, 1))
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(random.Int64N(int64(whole)/int64(n)+1)) + time.Millisecond
	}
	return all
}

func TestAMigrationKilledWithSignalNineGoesOnOnSQLite(t *testing.T) {
	t.Parallel()
	blank := func() db.Options { return db.Options{SQLitePath: t.TempDir() + "/data/wanjia.db"} }
	want := blank()
	start := time.Now()
	begin(t, want).finish()
	o, killed, amid := blank(), 0, 0
	for _, pause := range pauses(t, time.Since(start), 8) {
		c := begin(t, o)
		<-time.After(pause)
		if !c.kill() {
			break // it was done
		}
		killed++
		d := open(t, o)
		if n := notes(t, d); n > 0 && n < db.Steps() {
			amid++
		}
		if tables := len(liteSchema(t, d)); tables > 0 && notes(t, d) == 0 {
			t.Errorf("%d tables and not one step noted: on SQLite the two are one transaction", tables)
		}
		closed(t, d)
	}
	t.Logf("killed %d times, %d of them amid the steps", killed, amid)
	if killed == 0 {
		t.Error("never killed: this test proves nothing")
	}
	begin(t, o).finish()
	a, b := open(t, want), open(t, o)
	if diff := cmp.Diff(liteSchema(t, a), liteSchema(t, b)); diff != "" {
		t.Errorf("the schema differs from that of one run (-want +got):\n%s", diff)
	}
	if err := b.Check(t.Context()); err != nil {
		t.Errorf("afterwards the check says %v, want nothing", err)
	}
	closed(t, a)
	closed(t, b)
}

// notes is how many steps are noted as done.
func notes(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM goose_db_version WHERE version_id > 0`); err != nil {
		return 0 // not even that table is there
	}
	return n
}

func liteSchema(t *testing.T, d *db.DB) (all []string) {
	t.Helper()
	if err := d.Select(t.Context(), &all, `
		SELECT CONCAT(name, ' ', COALESCE(sql, ''))
		FROM sqlite_schema
		WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
		ORDER BY name`); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAMigrationKilledWithSignalNineGoesOnOnAServer(t *testing.T) {
	t.Parallel()
	o := dbtest.BlankMySQL(t)
	admin, err := sql.Open("mysql", o.MySQL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	d := open(t, o)
	defer closed(t, d)
	exec := func(query string) {
		t.Helper()
		if _, err := admin.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	// The lock of a killed program ends by itself after 30 s; this test does not wait for that.
	unlock := func() { exec(`DELETE FROM goose_lock`) }

	// Between a statement and its note: the table of notes is held before the program begins, so that the statement
	// of its first step is done when its note waits.
	var log bytes.Buffer
	for round := range 3 {
		for range 1 + rand.IntN(db.Steps()/4) {
			if err := d.MigrateOne(t.Context(), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Fatal(err)
			}
		}
		before := notes(t, d)
		killBetween(t, admin, o)
		unlock()
		if n := notes(t, d); n != before {
			t.Errorf("round %d: %d steps are noted after the kill, want %d as before", round, n, before)
		}
	}
	// And anywhere.
	killed := 0
	for range 4 {
		c := begin(t, o)
		<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
		if c.kill() {
			killed++
		}
		unlock()
	}
	begin(t, o).finish()
	again := strings.Count(log.String(), "migration was done before")
	t.Logf("killed 3 times between a statement and its note, %d times anywhere; %d steps were met done and not noted", killed, again)
	if again != 2 { // and the third by one of the children
		t.Errorf("%d steps were met done and not noted, want 2", again)
	}
	got, err := d.DumpSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the schema differs from that of one run (-want +got):\n%s", diff)
	}
	if n := notes(t, d); n != db.Steps() {
		t.Errorf("%d steps are noted, want all %d", n, db.Steps())
	}
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("afterwards the check says %v, want nothing", err)
	}
}

// killBetween kills a program that migrates while the note of a step waits whose statement is done.
func killBetween(t *testing.T, admin *sql.DB, o db.Options) {
	t.Helper()
	ctx := t.Context()
	holder, err := admin.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }()
	if _, err := holder.ExecContext(ctx, `LOCK TABLES goose_db_version READ`); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := holder.ExecContext(ctx, `UNLOCK TABLES`); err != nil {
			t.Error(err)
		}
	}()
	c := begin(t, o)
	for end := time.Now().Add(10 * time.Second); ; <-time.After(time.Millisecond) {
		var waiting int64
		err := admin.QueryRowContext(ctx, `
			SELECT id FROM information_schema.PROCESSLIST
			WHERE db = DATABASE() AND info LIKE 'INSERT INTO goose_db_version%' AND state LIKE 'Waiting%'`).Scan(&waiting)
		switch {
		case err == nil:
			if !c.kill() {
				t.Fatal("the child ended while its note waited")
			}
			// The server does not see that its client is dead while it waits, and would note the step after all.
			if _, err := admin.ExecContext(ctx, fmt.Sprintf("KILL %d", waiting)); err != nil {
				t.Fatal(err)
			}
			return
		case time.Now().After(end):
			c.kill()
			t.Fatalf("no note waits after 10 s: %v", err)
		}
	}
}

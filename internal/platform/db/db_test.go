package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// openLite opens a new SQLite file with a table of things, for tests that look inside this package.
func openLite(t *testing.T) *DB {
	t.Helper()
	d, err := Open(t.Context(), Options{SQLitePath: filepath.Join(t.TempDir(), "data", "wanjia.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	change(t, d, `CREATE TABLE thing (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(40) NOT NULL UNIQUE, at DATETIME NULL)`)
	return d
}

func change(t *testing.T, d *DB, query string, args ...any) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *Tx) error {
		_, err := tx.Change(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestASecondProgramIsToldWhoHoldsTheData(t *testing.T) {
	t.Parallel()
	d := openLite(t)
	folder := filepath.Dir(d.lock.Name())
	_, err := Open(t.Context(), Options{SQLitePath: filepath.Join(folder, "wanjia.db")})
	if err == nil || !strings.Contains(err.Error(), "in use by db.test, process ") {
		t.Errorf("the second program is told %v, want the name and process of the first", err)
	}
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data folder is %v (%v), want it closed to others", info.Mode(), err)
	}
}

func TestTheDataCanBeOpenedAgainOnceItIsClosed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "数据 folder?", "wanjia.db")
	for range 2 {
		d, err := Open(t.Context(), Options{SQLitePath: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not where it was asked for: %v", err)
	}
}

func TestReadersOfSQLiteCannotWrite(t *testing.T) {
	t.Parallel()
	d := openLite(t)
	if _, err := d.read.ExecContext(t.Context(), `INSERT INTO thing (name) VALUES ('x')`); err == nil {
		t.Error("a reader has written, want it refused")
	}
}

func TestATransactionInsideATransactionIsNamed(t *testing.T) {
	t.Parallel()
	d := openLite(t)
	d.wait = 20 * time.Millisecond
	err := d.InTx(t.Context(), func(*Tx) error {
		return d.InTx(t.Context(), func(*Tx) error { return nil })
	})
	if !errors.Is(err, errBusy) {
		t.Errorf("InTx inside InTx gives %v, want %v", err, errBusy)
	}
}

func TestAFailedCommitLeavesTheWriterUsable(t *testing.T) {
	t.Parallel()
	ctx, d := t.Context(), openLite(t)
	change(t, d, `CREATE TABLE part (thing_id BIGINT NOT NULL REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED)`)
	runs, after := 0, false
	err := d.InTx(ctx, func(tx *Tx) error {
		runs++
		tx.After(func() { after = true })
		_, err := tx.Change(ctx, `INSERT INTO part (thing_id) VALUES (99)`) // nobody minds before COMMIT
		return err
	})
	if err == nil || !strings.HasPrefix(err.Error(), "commit: ") || runs != 1 || after {
		t.Errorf("got %v after %d runs, After ran: %v; want the error of COMMIT after one run, and nobody told", err, runs, after)
	}
	change(t, d, `INSERT INTO thing (name) VALUES ('next')`)
	var parts int
	if err := d.Get(ctx, &parts, `SELECT COUNT(*) FROM part`); err != nil || parts != 0 {
		t.Errorf("%d parts are left (%v), want none", parts, err)
	}
}

func TestABusyFileIsTriedAgain(t *testing.T) {
	t.Parallel()
	ctx, d := t.Context(), openLite(t)
	var busy error
	other, err := openPool(ctx, filepath.Join(filepath.Dir(d.lock.Name()), "wanjia.db"), 1, false)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	err = d.InTx(ctx, func(*Tx) error { // holds the write lock
		_, busy = other.BeginTxx(ctx, nil)
		return nil
	})
	if err != nil || !d.engine.transient(busy) {
		t.Errorf("a second writer meets %v (%v), want an error that is tried again", busy, err)
	}
}

func TestTransientErrorsAreRunAgainAndOthersAreNot(t *testing.T) {
	t.Parallel()
	server := func(number uint16, text string) error {
		return &mysql.MySQLError{Number: number, Message: text}
	}
	for _, c := range []struct {
		name            string
		err             error
		again, atCommit bool
	}{
		{"deadlock", server(1213, ""), true, true},
		{"lock wait", server(1205, ""), true, false},
		{"record changed", server(1020, ""), true, false},
		{"TiDB: commit failed and was rolled back", server(8022, ""), true, true},
		{"TiDB: write conflict", server(9007, ""), true, true},
		{"TiDB: pessimistic retries used up", server(1105, "pessimistic lock retry limit reached"), true, false},
		{"TiDB: unknown", server(1105, "something else"), false, false},
		{"duplicate", server(1062, ""), false, false},
		{"connection lost", mysql.ErrInvalidConn, false, false},
		{"cancelled", context.Canceled, false, false},
	} {
		e := engine{family: mysqlFamily}
		if again, atCommit := e.transient(c.err), e.rolledBack(c.err); again != c.again || atCommit != c.atCommit {
			t.Errorf("%s: run again %v, at COMMIT %v; want %v, %v", c.name, again, atCommit, c.again, c.atCommit)
		}
	}
}

func TestEnginesAreKnownByTheirVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]struct {
		family    family
		major     int
		minor     int
		isolation string
	}{
		"10.11.6-MariaDB-0+deb12u1":    {mariadbFamily, 10, 11, "tx_isolation"},
		"5.5.5-10.11.6-MariaDB":        {mariadbFamily, 10, 11, "tx_isolation"},
		"11.8.3-MariaDB-log":           {mariadbFamily, 11, 8, "transaction_isolation"},
		"8.4.2":                        {mysqlFamily, 8, 4, "transaction_isolation"},
		"8.0.11-TiDB-v8.5.1":           {tidbFamily, 8, 5, "transaction_isolation"},
		"8.0.36-0ubuntu0.22.04.1-log8": {mysqlFamily, 8, 0, "transaction_isolation"},
	} {
		e := engineOf(version)
		if e.family != want.family || e.major != want.major || e.minor != want.minor || e.isolationVariable() != want.isolation {
			t.Errorf("%s is %v %d.%d with %s, want %+v", version, e, e.major, e.minor, e.isolationVariable(), want)
		}
	}
}

func TestA8_1_TheAddressHoldsNoSettingsAndNeedsTLS(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"wanjia:secret@tcp(127.0.0.1:3306)/wanjia?parseTime=true",
		"wanjia:secret@tcp(127.0.0.1:3306)/wanjia?loc=Local&tls=true",
		"wanjia:secret@tcp(127.0.0.1:3306)/wanjia?sql_mode=%27%27",
		"wanjia:secret@tcp(127.0.0.1:3306)/wanjia?multiStatements=true",
		"wanjia:secret@tcp(db.example:3306)/wanjia",
		"wanjia:secret@tcp(db.example:3306)/wanjia?tls=skip-verify",
		"wanjia:secret@tcp(db.example:3306)/wanjia?tls=preferred",
		"wanjia:secret@tcp(db.example:3306)/wanjia?tls=false",
		"wanjia:secret@nonsense",
	} {
		_, err := ourConfig(dsn)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s gives %v, want it refused and the password unsaid", dsn, err)
		}
	}
	for _, dsn := range []string{
		"wanjia:p@ss/w?rd@tcp(127.0.0.1:3306)/wanjia",
		"wanjia:secret@unix(/run/mysqld/mysqld.sock)/wanjia",
		"wanjia:secret@tcp(db.example:3306)/wanjia?tls=true",
	} {
		cfg, err := ourConfig(dsn)
		if err != nil || !cfg.ParseTime || !cfg.ClientFoundRows || !cfg.InterpolateParams || cfg.Loc != time.UTC || cfg.Collation != "utf8mb4_bin" {
			t.Errorf("%s gives %+v, %v; want it taken, with our settings", dsn, cfg, err)
		}
	}
}

func TestA8_1_UnsafeSettingsOfAServerAreRefused(t *testing.T) {
	t.Parallel()
	good := settings{
		Flush: 1, LogBin: 1, SyncBinlog: 1, BinlogFormat: "ROW", TxnMode: "pessimistic",
		Isolation: "READ-COMMITTED", Collation: "utf8mb4_bin", Database: "utf8mb4_bin", TimeZone: "+00:00",
	}
	for _, version := range []string{"10.11.6-MariaDB", "8.0.36", "8.0.11-TiDB-v8.5.0"} {
		if errs := engineOf(version).complaints(good); len(errs) > 0 {
			t.Errorf("%s: %v, want no complaint", version, errs)
		}
	}
	for name, c := range map[string]struct {
		version string
		spoil   func(*settings)
	}{
		"innodb_flush_log_at_trx_commit": {"10.11.6-MariaDB", func(s *settings) { s.Flush = 2 }},
		"sync_binlog":                    {"8.4.0", func(s *settings) { s.SyncBinlog = 0 }},
		"binlog_format":                  {"10.11.6-MariaDB", func(s *settings) { s.BinlogFormat = "STATEMENT" }},
		"isolation":                      {"8.4.0", func(s *settings) { s.Isolation = "REPEATABLE-READ" }},
		"collation of our session":       {"8.4.0", func(s *settings) { s.Collation = "utf8mb4_0900_ai_ci" }},
		"collation of the database":      {"8.4.0", func(s *settings) { s.Database = "utf8mb4_general_ci" }},
		"time zone":                      {"8.4.0", func(s *settings) { s.TimeZone = "SYSTEM" }},
		"tidb_txn_mode":                  {"8.0.11-TiDB-v8.5.0", func(s *settings) { s.TxnMode = "optimistic" }},
		"MySQL 8.0 or later":             {"5.7.44", func(*settings) {}},
		"MariaDB 10.11 or later":         {"10.6.18-MariaDB", func(*settings) {}},
		"TiDB 8.5 or later":              {"8.0.11-TiDB-v7.5.0", func(*settings) {}},
	} {
		set := good
		c.spoil(&set)
		errs := engineOf(c.version).complaints(set)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), name) {
			t.Errorf("%s: complaints %v, want one about it", name, errs)
		}
	}
	quiet := good
	quiet.LogBin, quiet.SyncBinlog, quiet.BinlogFormat = 0, 0, "STATEMENT"
	if errs := engineOf("10.11.6-MariaDB").complaints(quiet); len(errs) > 0 {
		t.Errorf("without a binary log: %v, want nobody to ask how it is kept", errs)
	}
}

func TestA8_1_UnsafeSettingsOfSQLiteAreRefused(t *testing.T) {
	t.Parallel()
	for pragma, want := range map[string]string{
		"synchronous = 1": "synchronous = 1", "foreign_keys = 0": "foreign_keys = 0", "journal_mode = delete": "wal",
	} {
		d := openLite(t)
		if pragma == "journal_mode = delete" { // needs the file for itself
			if err := d.read.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.write.ExecContext(t.Context(), "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
		if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("with %s the check says %v, want it to name %s", pragma, err, want)
		}
	}
}

func TestWhoeverMetOthersAtTheSameRowsEachTimeIsToldThatItIsCrowded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("count up: %w", &mysql.MySQLError{Number: 1205}), true},
		{fmt.Errorf("settle asker 7: %w", &mysql.MySQLError{Number: 1213}), true},
		{fmt.Errorf("commit: %w", &mysql.MySQLError{Number: 8022}), true},
		{fmt.Errorf("commit: %w", &mysql.MySQLError{Number: 9007}), true},
		{&mysql.MySQLError{Number: 1105, Message: "pessimistic lock retry limit reached"}, true},
		{fmt.Errorf("make 3 inboxes: %w", ErrAgain), true},
		{&mysql.MySQLError{Number: 1105, Message: "something else"}, false},
		{&mysql.MySQLError{Number: 1062}, false},
		{errBusy, false},
		{sql.ErrNoRows, false},
		{nil, false},
	} {
		if got := IsCrowded(c.err); got != c.want {
			t.Errorf("%v: crowded %v, want %v", c.err, got, c.want)
		}
	}
	d, tries := openLite(t), 0
	err := d.InTx(t.Context(), func(*Tx) error {
		tries++
		return fmt.Errorf("settle asker 7: %w", ErrAgain)
	})
	if !IsCrowded(err) || tries != attempts {
		t.Errorf("after %d tries: %v; want %d, and that it is crowded", tries, err, attempts)
	}
}

func TestADatabaseThatCannotBeAskedIsAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("connect to the database: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), true},
		{fmt.Errorf("commit: %w", mysql.ErrInvalidConn), true},
		{fmt.Errorf("begin transaction: %w", driver.ErrBadConn), true},
		{&mysql.MySQLError{Number: 1053}, true},
		{errBusy, true},
		{&mysql.MySQLError{Number: 1062}, false},
		{&mysql.MySQLError{Number: 1064}, false},
		{sql.ErrNoRows, false},
		{nil, false},
	} {
		if got := IsAway(c.err); got != c.want {
			t.Errorf("%v: away %v, want %v", c.err, got, c.want)
		}
	}
}

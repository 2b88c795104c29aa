package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
)

// apart is how far the clocks of this machine and of the database may differ.
const apart = 2 * time.Second

// Check says everything about the open database that makes it unfit to keep what it is told, each with what to
// change; nil when there is nothing. The program does not serve otherwise.
func (d *DB) Check(ctx context.Context) error {
	var errs []error
	if d.Embedded() {
		errs = d.checkSQLite(ctx)
	} else {
		errs = d.checkServer(ctx)
	}
	return errors.Join(append(errs, d.checkSchema(ctx))...)
}

// checkSQLite looks at the connection that writes, and at one of those that read.
func (d *DB) checkSQLite(ctx context.Context) (errs []error) {
	for pool, name := range map[*sqlx.DB]string{d.write: "writer", d.read: "reader"} {
		var set struct {
			Journal     string `db:"journal_mode"`
			Synchronous int    `db:"synchronous"`
			ForeignKeys int    `db:"foreign_keys"`
		}
		err := pool.GetContext(ctx, &set, `
			SELECT (SELECT journal_mode FROM pragma_journal_mode) AS journal_mode,
			       (SELECT synchronous FROM pragma_synchronous) AS synchronous,
			       (SELECT foreign_keys FROM pragma_foreign_keys) AS foreign_keys`)
		if err != nil {
			errs = append(errs, fmt.Errorf("ask SQLite for its settings: %w", err))
			continue
		}
		if set.Journal != "wal" {
			errs = append(errs, fmt.Errorf("SQLite (%s) keeps its journal as %q, want wal: put the file on a local file system", name, set.Journal))
		}
		if set.Synchronous != 2 {
			errs = append(errs, fmt.Errorf("SQLite (%s) has synchronous = %d, want 2 (full): a power cut would lose what was answered", name, set.Synchronous))
		}
		if set.ForeignKeys != 1 {
			errs = append(errs, fmt.Errorf("SQLite (%s) has foreign_keys = %d, want 1", name, set.ForeignKeys))
		}
	}
	return errs
}

// settings are what a server of the MySQL family says of itself.
type settings struct {
	Flush        int    `db:"flush"`
	LogBin       int    `db:"log_bin"`
	SyncBinlog   int64  `db:"sync_binlog"`
	BinlogFormat string `db:"binlog_format"`
	TxnMode      string `db:"txn_mode"`
	Isolation    string `db:"isolation"`
	Collation    string `db:"connection_collation"`
	Database     string `db:"database_collation"`
	TimeZone     string `db:"zone"`
	Mode         string `db:"mode"`
}

// checkServer asks a server of the MySQL family.
func (d *DB) checkServer(ctx context.Context) (errs []error) {
	// @@collation_database would be what it was when this connection opened, perhaps before the migration.
	session := `@@session.` + d.engine.isolationVariable() + ` AS isolation, @@collation_connection AS connection_collation,
		(SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()) AS database_collation,
		@@session.time_zone AS zone, @@session.sql_mode AS mode`
	durable := `@@innodb_flush_log_at_trx_commit AS flush, @@log_bin AS log_bin, @@sync_binlog AS sync_binlog,
		@@binlog_format AS binlog_format, '' AS txn_mode, `
	if d.engine.family == tidbFamily {
		durable = `1 AS flush, 0 AS log_bin, 1 AS sync_binlog, '' AS binlog_format, @@tidb_txn_mode AS txn_mode, `
	}
	var set settings
	if err := d.Get(ctx, &set, `SELECT `+durable+session); err != nil {
		return []error{fmt.Errorf("ask %s for its settings: %w", d.engine, err)}
	}
	errs = d.engine.complaints(set)

	var odd []struct {
		Name      string `db:"name"`
		Engine    string `db:"engine_name"`
		Collation string `db:"collation_name"`
	}
	if err := d.Select(ctx, &odd, `
		SELECT TABLE_NAME AS name, COALESCE(ENGINE, '') AS engine_name, COALESCE(TABLE_COLLATION, '') AS collation_name
		FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE'
		  AND (ENGINE <> 'InnoDB' OR TABLE_COLLATION <> 'utf8mb4_bin')
		ORDER BY TABLE_NAME`); err != nil {
		errs = append(errs, fmt.Errorf("ask %s for its tables: %w", d.engine, err))
	}
	for _, t := range odd {
		errs = append(errs, fmt.Errorf("table %s is %s with %s, want InnoDB with utf8mb4_bin: "+
			"ALTER TABLE %s ENGINE=InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", t.Name, t.Engine, t.Collation, t.Name))
	}

	gap, err := d.ClockGap(ctx)
	switch {
	case err != nil:
		errs = append(errs, err)
	case gap.Abs() > apart:
		errs = append(errs, fmt.Errorf("the clock of the database is %v away from ours, want at most %v: have both follow the same time server", gap.Round(time.Millisecond), apart))
	}
	return errs
}

// complaints says what in set would lose or change data.
func (e engine) complaints(set settings) (errs []error) {
	complain := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	complain(e.family == mysqlFamily && e.before(8, 0), "%v is too old: want MySQL 8.0 or later", e)
	complain(e.family == mariadbFamily && e.before(10, 11), "%v is too old: want MariaDB 10.11 or later", e)
	complain(e.family == tidbFamily && e.before(8, 5), "%v is too old: want TiDB 8.5 or later", e)
	complain(e.family == tidbFamily && set.TxnMode != "pessimistic", "tidb_txn_mode is %q: set it to pessimistic", set.TxnMode)
	complain(set.Flush != 1, "innodb_flush_log_at_trx_commit is %d: set it to 1, or a power cut loses what was answered", set.Flush)
	complain(set.LogBin == 1 && set.SyncBinlog != 1, "sync_binlog is %d while log_bin is on: set it to 1", set.SyncBinlog)
	complain(set.LogBin == 1 && set.BinlogFormat == "STATEMENT", "binlog_format is STATEMENT: set it to ROW, or replicas differ under READ COMMITTED")
	complain(set.Isolation != "READ-COMMITTED", "the isolation of our session is %s, want READ-COMMITTED: something between us and the server changes it", set.Isolation)
	complain(set.Collation != "utf8mb4_bin", "the collation of our session is %s, want utf8mb4_bin: init_connect of the server may set it", set.Collation)
	complain(set.Database != "utf8mb4_bin", "the collation of the database is %s, want utf8mb4_bin: run wanjia migrate", set.Database)
	complain(set.TimeZone != "+00:00", "the time zone of our session is %s, want +00:00: init_connect of the server may set it", set.TimeZone)
	return errs
}

// ClockGap is how far the clock of the database is ahead of ours, by the middle of the question. An embedded
// database has our clock.
func (d *DB) ClockGap(ctx context.Context) (time.Duration, error) {
	if d.Embedded() {
		return 0, nil
	}
	var there time.Time
	before := d.Now()
	if err := d.Get(ctx, &there, `SELECT UTC_TIMESTAMP(3)`); err != nil {
		return 0, fmt.Errorf("ask the database for its time: %w", err)
	}
	after := d.Now()
	return there.Sub(before.Add(after.Sub(before) / 2)), nil
}

// checkSchema says whether the schema is older than the program.
func (d *DB) checkSchema(ctx context.Context) error {
	list, err := steps()
	if err != nil {
		return err
	}
	var noted []int64
	if err := d.Select(ctx, &noted, `SELECT version_id FROM goose_db_version WHERE is_applied`); err != nil {
		return fmt.Errorf("read which migrations ran, where a new database wants wanjia migrate: %w", err)
	}
	for _, s := range list {
		if !slices.Contains(noted, s.number) {
			return fmt.Errorf("the schema is older than the program, %s is missing: run wanjia migrate", s.name)
		}
	}
	return nil
}

package db

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// A step is one file of migrations: one statement, so that it happens whole or not at all.
type step struct {
	number int64
	name   string // 0042_presence.sql
	text   string
}

// steps are all migrations in the order of their numbers.
func steps() ([]step, error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	list := make([]step, 0, len(names))
	for _, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s := step{name: path.Base(name), text: strings.TrimSuffix(strings.TrimSpace(string(text)), ";")}
		number, _, _ := strings.Cut(s.name, "_")
		if s.number, err = strconv.ParseInt(number, 10, 64); err != nil {
			return nil, fmt.Errorf("the name of migration %s does not begin with a number", s.name)
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b step) int { return cmp.Compare(a.number, b.number) })
	for i := 1; i < len(list); i++ {
		if list[i].number == list[i-1].number {
			return nil, fmt.Errorf("migrations %s and %s have the same number", list[i-1].name, list[i].name)
		}
	}
	return list, nil
}

// Migrate carries the schema forward to what this program needs, and returns how many steps that took. Killed at any
// point, it goes on from there the next time; two programs at once take turns.
func (d *DB) Migrate(ctx context.Context, log *slog.Logger) (taken int, err error) {
	pool, done, err := d.migrationPool(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = errors.Join(err, done()) }()
	provider, err := d.provider(pool, log)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(results), nil
}

// migrationPool is where migrations run. On a server it is a pool of their own, which waits as long as a large table
// takes; and from the first of them on all text of the database compares alike.
func (d *DB) migrationPool(ctx context.Context) (pool *sql.DB, done func() error, err error) {
	if d.Embedded() {
		return d.write.DB, func() error { return nil }, nil
	}
	cfg := d.address.Clone()
	cfg.ReadTimeout, cfg.WriteTimeout = 0, 0
	cfg.Params["wait_timeout"] = strconv.Itoa(int(patience.Seconds()))
	patient, err := openServer(cfg, 3) // one runs a step, one renews the lock meanwhile, and one keeps still to note the step
	if err != nil {
		return nil, nil, err
	}
	if _, err := patient.ExecContext(ctx, `ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("set the collation of the database: %w", err), patient.Close())
	}
	return patient.DB, patient.Close, nil
}

// provider hands our steps to goose, which keeps order, notes and lock.
func (d *DB) provider(pool *sql.DB, log *slog.Logger) (*goose.Provider, error) {
	list, err := steps()
	if err != nil {
		return nil, err
	}
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithSlog(log)}
	if !d.Embedded() {
		dialect = goose.DialectMySQL
		table, err := lock.NewMySQLTableLocker(lock.WithTableLockTimeout(500*time.Millisecond, 240), lock.WithTableLogger(log))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithLocker(table))
	}
	migrations := make([]*goose.Migration, len(list))
	for i, s := range list {
		up := goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error { return runOnServer(ctx, db, s, log) }}
		if d.Embedded() {
			up = goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error { return runOnSQLite(ctx, tx, s) }}
		}
		migrations[i] = goose.NewGoMigration(s.number, &up, nil)
	}
	return goose.NewProvider(dialect, pool, nil, append(options, goose.WithGoMigrations(migrations...))...)
}

// Numbers by which a server of the MySQL family says that the change of a step is there already.
const (
	numTableExists  = 1050
	numColumnExists = 1060
	numKeyExists    = 1061
	numNothingThere = 1091
)

// runOnServer runs a step. A step that was killed between its statement and its note finds its work done: that is
// said and noted, and safe because a step is one statement.
func runOnServer(ctx context.Context, db *sql.DB, s step, log *slog.Logger) error {
	_, err := db.ExecContext(ctx, s.text)
	if my, ok := errors.AsType[*mysql.MySQLError](err); ok {
		switch my.Number {
		case numTableExists, numColumnExists, numKeyExists, numNothingThere:
			log.WarnContext(ctx, "migration was done before and is noted now", "step", s.name, "server", my.Message)
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

func runOnSQLite(ctx context.Context, tx *sql.Tx, s step) error {
	for _, statement := range forSQLite(s.text) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

var (
	tableLine = regexp.MustCompile(`^CREATE TABLE (\w+) \($`)
	keyLine   = regexp.MustCompile(`^\s*KEY (\w+) (\(.*\)),?\s*$`)
)

// forSQLite makes of a statement for MySQL what SQLite understands, by three replacements and nothing else: the id,
// the type of moments, and KEY lines, which become statements of their own.
func forSQLite(text string) []string {
	text = strings.ReplaceAll(text, "BIGINT AUTO_INCREMENT PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
	text = strings.ReplaceAll(text, "DATETIME(3)", "DATETIME")
	var table string
	var kept, indexes []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		code, _, _ := strings.Cut(line, "--")
		code = strings.TrimRight(code, " ")
		if m := tableLine.FindStringSubmatch(code); m != nil {
			table = m[1]
		}
		if m := keyLine.FindStringSubmatch(code); m != nil && table != "" {
			indexes = append(indexes, fmt.Sprintf("CREATE INDEX %s ON %s %s", m[1], table, m[2]))
			continue
		}
		if code == ")" && len(indexes) > 0 { // what stands last now may end in the comma that led to a key
			last := len(kept) - 1
			column, note, found := strings.Cut(kept[last], "--")
			kept[last] = strings.TrimSuffix(strings.TrimRight(column, " "), ",")
			if found {
				kept[last] += " --" + note
			}
		}
		kept = append(kept, line)
	}
	return append([]string{strings.Join(kept, "\n")}, indexes...)
}

// DumpSchema is the schema as the server describes it, tables by name, without goose's own.
func (d *DB) DumpSchema(ctx context.Context) (string, error) {
	var tables []string
	if err := d.Select(ctx, &tables, `
		SELECT TABLE_NAME
		FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME NOT LIKE 'goose%'
		ORDER BY TABLE_NAME`); err != nil {
		return "", fmt.Errorf("dump schema: list tables: %w", err)
	}
	var out strings.Builder
	out.WriteString("-- What an empty MariaDB has after all migrations. Written by make schema; read it, change the migrations.\n")
	for _, table := range tables {
		var made struct {
			Table string `db:"Table"`
			Text  string `db:"Create Table"`
		}
		if err := d.Get(ctx, &made, "SHOW CREATE TABLE "+table); err != nil {
			return "", fmt.Errorf("dump schema: describe %s: %w", table, err)
		}
		out.WriteString("\n" + nextID.ReplaceAllString(made.Text, "") + ";\n")
	}
	return out.String(), nil
}

var nextID = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"wanjia/internal/platform/db"
)

// Server names the test server of the MySQL family: an address without a database, or nothing.
const Server = "WANJIA_TEST_MYSQL"

var skipped sync.Once

// MySQL is a migrated and empty database on the test server. Without a server the test is skipped, and in CI it fails.
func MySQL(t *testing.T) *db.DB {
	t.Helper()
	needServer(t)
	name, err := lease()
	if err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Options{MySQL: Address(name), Pool: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(d.Close(), giveBack(name)); err != nil {
			t.Error(err)
		}
	})
	return d
}

// needServer skips or fails the test when there is no server.
func needServer(t *testing.T) {
	t.Helper()
	if os.Getenv(Server) == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: CI runs every test on MariaDB too, see make test", Server)
		}
		skipped.Do(func() { fmt.Fprintf(os.Stderr, "SKIP MariaDB: %s is not set; make test starts one\n", Server) })
		t.Skip("needs a server of the MySQL family")
	}
}

// Address is that of a database on the test server.
func Address(database string) string {
	server := os.Getenv(Server)
	end := strings.LastIndex(server, "/") + 1
	_, settings, found := strings.Cut(server[end:], "?")
	if found {
		database += "?" + settings
	}
	return server[:end] + database
}

// A server is what a process holds on the test server: a connection that shows it is alive, and its databases.
type server struct {
	admin   *sql.DB
	alive   *sql.Conn // holds the lock by which others know that our databases are in use
	name    string    // the databases are name_1, name_2, …
	tables  []string  // in every database
	schema  []string  // statements that make them
	mu      sync.Mutex
	made    int
	resting []string
}

// connect is done once a process: it sweeps up after processes that have ended, and learns the schema from the
// first database.
var connect = sync.OnceValues(func() (*server, error) {
	ctx, cancel := timeLimit()
	defer cancel()
	cfg, err := mysql.ParseDSN(Address(""))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", Server, err)
	}
	cfg.MultiStatements, cfg.InterpolateParams, cfg.Collation = true, true, "utf8mb4_bin"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	s := &server{admin: sql.OpenDB(connector), name: "wanjia_test_" + strings.ToLower(rand.Text()[:10])}
	s.admin.SetMaxIdleConns(2)
	if s.alive, err = s.admin.Conn(ctx); err != nil {
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	if _, err := s.alive.ExecContext(ctx, `DO GET_LOCK(?, 0)`, s.name); err != nil {
		return nil, err
	}
	if err := s.sweep(ctx); err != nil {
		return nil, fmt.Errorf("sweep the test server: %w", err)
	}
	first := s.next()
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+first+" COLLATE utf8mb4_bin"); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, db.Options{MySQL: Address(first), Pool: 1})
	if err != nil {
		return nil, err
	}
	_, err = d.Migrate(ctx, slog.New(slog.DiscardHandler))
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, fmt.Errorf("migrate the first test database: %w", err)
	}
	s.resting = []string{first}
	return s, s.learn(ctx, first)
})

// sweep drops the databases of processes that have ended without saying so.
func (s *server) sweep(ctx context.Context) error {
	rows, err := s.admin.QueryContext(ctx, `SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'wanjia!_test!_%' ESCAPE '!'`)
	if err != nil {
		return err
	}
	names, err := texts(rows)
	if err != nil {
		return err
	}
	for _, name := range names {
		var free bool
		owner := name[:strings.LastIndex(name, "_")]
		if err := s.admin.QueryRowContext(ctx, `SELECT IS_FREE_LOCK(?)`, owner).Scan(&free); err != nil {
			return err
		}
		if free {
			if _, err := s.admin.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name); err != nil {
				return err
			}
		}
	}
	return nil
}

// learn reads what makes the tables of database.
func (s *server) learn(ctx context.Context, database string) error {
	rows, err := s.admin.QueryContext(ctx, `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME`, database)
	if err != nil {
		return err
	}
	tables, err := texts(rows)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var name, text string
		if err := s.admin.QueryRowContext(ctx, "SHOW CREATE TABLE "+database+"."+table).Scan(&name, &text); err != nil {
			return err
		}
		s.schema = append(s.schema, text)
		if !strings.HasPrefix(table, "goose") {
			s.tables = append(s.tables, table)
			continue
		}
		s.schema = append(s.schema, fmt.Sprintf("INSERT INTO %s SELECT * FROM %s.%s", table, database, table))
	}
	return nil
}

// next names a database that does not exist yet.
func (s *server) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	return fmt.Sprintf("%s_%d", s.name, s.made)
}

// lease hands out an empty database, a used one when there is one.
func lease() (string, error) {
	s, err := connect()
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	if n := len(s.resting); n > 0 {
		name := s.resting[n-1]
		s.resting = s.resting[:n-1]
		s.mu.Unlock()
		return name, nil
	}
	s.mu.Unlock()
	ctx, cancel := timeLimit()
	defer cancel()
	name := s.next()
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+name+" COLLATE utf8mb4_bin"); err != nil {
		return "", err
	}
	return name, s.in(ctx, name, strings.Join(s.schema, ";\n"))
}

// giveBack empties a database for the next test. Ids go on counting, so no test can rely on them.
func giveBack(name string) error {
	s, err := connect()
	if err != nil {
		return err
	}
	ctx, cancel := timeLimit()
	defer cancel()
	var empty strings.Builder
	for _, table := range s.tables {
		fmt.Fprintf(&empty, "DELETE FROM %s;\n", table)
	}
	if err := s.in(ctx, name, empty.String()); err != nil {
		return fmt.Errorf("empty test database %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting = append(s.resting, name)
	return nil
}

// in runs statements inside a database, in any order that suits their foreign keys.
func (s *server) in(ctx context.Context, database, statements string) error {
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "USE "+database+"; SET foreign_key_checks = 0;\n"+statements)
	_, again := conn.ExecContext(ctx, "SET foreign_key_checks = 1")
	return errors.Join(err, again, conn.Close())
}

// texts reads one column.
func texts(rows *sql.Rows) (list []string, err error) {
	defer rows.Close() //nolint:errcheck // because Err has it
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// timeLimit is for work that several tests share, and that must not end with one of them.
func timeLimit() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 2*time.Minute)
}

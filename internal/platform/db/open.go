package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

func init() { sqlx.BindDriver("sqlite", sqlx.QUESTION) } // a name sqlx does not know

// Options say which database to open: one of SQLitePath and MySQL.
type Options struct {
	SQLitePath string           // the file; its folder is made and held by this process alone
	MySQL      string           // user:password@tcp(host:port)/database?tls=true; every other setting is ours
	Now        func() time.Time // nil: the machine's clock
	Pool       int              // connections for requests (MySQL family); 0: 16
}

// Open opens the database and leaves its schema as it is: see Migrate and Check.
func Open(ctx context.Context, o Options) (*DB, error) {
	d := &DB{clock: &clock{}, wait: 10 * time.Second, count: &atomic.Int64{}, watch: &atomic.Pointer[watcher]{}, values: &sync.Map{}}
	if o.Now == nil {
		o.Now = time.Now
	}
	d.SetNow(o.Now)
	var err error
	switch {
	case o.SQLitePath != "" && o.MySQL != "":
		err = errors.New("both a SQLite file and a MySQL address are set: choose one")
	case o.SQLitePath != "":
		err = d.openSQLite(ctx, o.SQLitePath)
	case o.MySQL != "":
		err = d.openMySQL(ctx, o.MySQL, cmp.Or(o.Pool, 16))
	default:
		err = errors.New("neither a SQLite file nor a MySQL address is set")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return d, nil
}

// openSQLite opens one connection that writes and a pool of those that read.
func (d *DB) openSQLite(ctx context.Context, path string) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if d.lock, err = holdFolder(folder); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, leaveFolder(d.lock))
		}
	}()
	if d.write, err = openPool(ctx, path, 1, false); err != nil {
		return err
	}
	if d.read, err = openPool(ctx, path, max(4, runtime.NumCPU()), true); err != nil {
		return errors.Join(err, d.write.Close())
	}
	d.batch = d
	d.reads, d.writes = newPrepared(d.read, false), newPrepared(d.write, false)
	d.engine = engine{family: sqliteFamily}
	if err = d.read.GetContext(ctx, &d.engine.version, `SELECT sqlite_version()`); err != nil {
		return errors.Join(err, d.write.Close(), d.read.Close())
	}
	return nil
}

// openPool opens n connections to the file at path.
func openPool(ctx context.Context, path string, n int, readOnly bool) (*sqlx.DB, error) {
	q := url.Values{
		"_pragma": { // busy_timeout first, since the others may have to wait
			"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "case_sensitive_like(1)",
		},
		"_txlock": {"immediate"}, "_time_format": {"sqlite"}, "_timezone": {"UTC"}, "_dqs": {"0"},
	}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
	}
	pool, err := sqlx.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), pool.Close())
	}
	return pool, nil
}

// holdFolder takes the lock of the data folder, or says who has it. The lock ends with the process, however it ends.
func holdFolder(folder string) (*os.File, error) {
	if err := os.Chmod(folder, 0o700); err != nil { //nolint:gosec // because a folder needs the x to be entered
		return nil, fmt.Errorf("close the data folder to others: %w", err)
	}
	name := filepath.Join(folder, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(name)
		text := cmp.Or(strings.TrimSpace(string(holder)), "another process")
		return nil, errors.Join(fmt.Errorf("the data folder %s is in use by %s: stop it first, or choose another folder", folder, text), f.Close())
	}
	program, _ := os.Executable()
	who := fmt.Sprintf("%s, process %d, since %s\n", filepath.Base(program), os.Getpid(), time.Now().Format(time.RFC3339))
	if err := errors.Join(f.Truncate(0), writeAt(f, who)); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock of the data folder: %w", err), f.Close())
	}
	return f, nil
}

// leaveFolder gives the lock back. Closing alone would not do it at once: a child that is just being started holds the
// same open file until it becomes another program.
func leaveFolder(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// openMySQL opens the pool for requests and the smaller one for batches.
func (d *DB) openMySQL(ctx context.Context, dsn string, pool int) error {
	cfg, err := ourConfig(dsn)
	if err != nil {
		return err
	}
	if d.engine, err = askEngine(ctx, cfg); err != nil {
		return err
	}
	cfg.Params[d.engine.isolationVariable()] = `'READ-COMMITTED'`

	d.address = cfg
	web := cfg.Clone()
	web.ReadTimeout, web.WriteTimeout = 3*time.Second, 3*time.Second
	batch := cfg.Clone()
	batch.ReadTimeout, batch.WriteTimeout = time.Minute, time.Minute
	batch.Params["wait_timeout"] = strconv.Itoa(int(4 * silence.Seconds())) // it may think for longer between two statements

	if d.read, err = openServer(web, pool); err != nil {
		return err
	}
	d.write = d.read
	d.reads = newPrepared(d.read, true)
	d.writes = d.reads
	slow, err := openServer(batch, max(2, pool/4))
	if err != nil {
		return errors.Join(err, d.read.Close())
	}
	b := *d
	b.read, b.write, b.wait = slow, slow, time.Minute
	b.reads = newPrepared(slow, true)
	b.writes = b.reads
	b.batch = &b
	d.batch = &b
	if err := d.Ping(ctx); err != nil {
		return errors.Join(err, d.Close())
	}
	return nil
}

// sqlMode is the same on every engine: what is wrong is refused, never mended in silence.
const sqlMode = `'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,` +
	`ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`

// ourConfig reads address, account, database and TLS from dsn, and sets the rest itself: each of these settings
// changes what a statement means (storage.md §8).
func ourConfig(dsn string) (*mysql.Config, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, errors.New("the MySQL address cannot be read; it looks like user:password@tcp(host:3306)/wanjia?tls=true")
	}
	_, query, _ := strings.Cut(dsn[strings.LastIndex(dsn, "/")+1:], "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the settings in the MySQL address cannot be read")
	}
	for name, values := range params {
		if name != "tls" {
			return nil, fmt.Errorf("the MySQL address sets %q, which the program sets itself: leave it out", name)
		}
		if v := values[0]; v == "skip-verify" || v == "preferred" {
			return nil, fmt.Errorf("the MySQL address says tls=%s, which anybody on the way can answer: use tls=true", v)
		}
	}
	if !local(cfg) && cfg.TLS == nil {
		return nil, fmt.Errorf("the MySQL server at %s is not on this machine, and the address has no tls=true", cfg.Addr)
	}
	cfg.ParseTime, cfg.Loc, cfg.InterpolateParams, cfg.ClientFoundRows = true, time.UTC, true, true
	cfg.Collation = "utf8mb4_bin"
	cfg.Timeout = 2 * time.Second
	cfg.Logger = silent{}
	cfg.Params = map[string]string{
		"time_zone":                `'+00:00'`,
		"sql_mode":                 sqlMode,
		"innodb_lock_wait_timeout": "2",
		"wait_timeout":             strconv.Itoa(int(silence.Seconds())),
	}
	if err := cfg.Apply(mysql.TimeTruncate(time.Millisecond)); err != nil {
		return nil, err
	}
	return cfg, nil
}

// local says whether nobody can stand between us and the server.
func local(cfg *mysql.Config) bool {
	if cfg.Net == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		host = cfg.Addr
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// silent drops the driver's own lines: every error comes back to the caller, who has it logged once.
type silent struct{}

func (silent) Print(...any) {}

// askEngine asks the server which it is, since the isolation's name depends on it.
func askEngine(ctx context.Context, cfg *mysql.Config) (engine, error) {
	ask := cfg.Clone()
	ask.DBName, ask.ReadTimeout, ask.WriteTimeout = "", 3*time.Second, 3*time.Second
	connector, err := mysql.NewConnector(ask)
	if err != nil {
		return engine{}, err
	}
	pool := sql.OpenDB(connector)
	defer pool.Close() //nolint:errcheck // because it has only been read from
	var version string
	if err := pool.QueryRowContext(ctx, `SELECT VERSION()`).Scan(&version); err != nil {
		return engine{}, fmt.Errorf("ask the MySQL server at %s for its version: %w", cfg.Addr, err)
	}
	return engineOf(version), nil
}

// silence is how long the server waits for the next statement before it gives a connection up. What a node that is cut
// off in the middle of a transaction holds, others have after that, and not after hours (R4).
const silence = 30 * time.Second

// patience is how long it waits for a program that migrates or fills tables: of its connections one has nothing to say
// while another changes a large table, or while somebody else's migration is not over yet. Nothing is held on them between
// statements.
const patience = 24 * time.Hour

// openServer makes a pool of n connections, none of them idle for long beside a server that moves.
func openServer(cfg *mysql.Config, n int) (*sqlx.DB, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	pool := sqlx.NewDb(sql.OpenDB(connector), "mysql")
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxLifetime(30 * time.Minute)
	pool.SetConnMaxIdleTime(silence * 2 / 3) // before the server has given it up
	return pool, nil
}

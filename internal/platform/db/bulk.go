package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A Bulk fills tables by the million, on one connection to a database of the MySQL family and past all checks: rows are
// loaded in the order of their ids, and secondary indexes are taken away meanwhile and built again by sorting. For
// measuring alone: nobody else may use the tables then.
type Bulk struct {
	pool    *sql.DB
	conn    *sql.Conn
	shelved map[string][]string // a table's index definitions that Shelve has taken away
}

// OpenBulk connects to the database at dsn.
func OpenBulk(ctx context.Context, dsn string) (*Bulk, error) {
	cfg, err := ourConfig(dsn)
	if err != nil {
		return nil, err
	}
	cfg.Params["foreign_key_checks"], cfg.Params["unique_checks"] = "0", "0"
	cfg.ReadTimeout, cfg.WriteTimeout, cfg.ParseTime = time.Hour, time.Hour, false // building an index again takes its time; moments are text
	cfg.Params["wait_timeout"] = strconv.Itoa(int(patience.Seconds()))             // it is silent while rows are made, and while others measure
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	b := &Bulk{pool: sql.OpenDB(connector), shelved: map[string][]string{}}
	if b.conn, err = b.pool.Conn(ctx); err != nil {
		return nil, errors.Join(err, b.pool.Close())
	}
	return b, nil
}

// Close ends the connection.
func (b *Bulk) Close() error { return errors.Join(b.conn.Close(), b.pool.Close()) }

// Exec sends a statement that returns nothing.
func (b *Bulk) Exec(ctx context.Context, statement string) error {
	_, err := b.conn.ExecContext(ctx, statement)
	return err
}

// Rows are the rows of a query, each value as the text or the bytes that it is; nil is NULL.
func (b *Bulk) Rows(ctx context.Context, query string, args ...any) (names []string, all [][][]byte, err error) {
	rows, err := b.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close() //nolint:errcheck // because Err has it
	if names, err = rows.Columns(); err != nil {
		return nil, nil, err
	}
	for rows.Next() {
		one, into := make([]sql.RawBytes, len(names)), make([]any, len(names))
		for i := range one {
			into[i] = &one[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, err
		}
		row := make([][]byte, len(one))
		for i, v := range one {
			if v != nil {
				row[i] = append([]byte{}, v...)
			}
		}
		all = append(all, row)
	}
	return names, all, rows.Err()
}

// Load reads rows into a table: a line each, values parted by tabs, NULL as \N, and those of hex columns in hexadecimal.
func (b *Bulk) Load(ctx context.Context, table string, columns []string, hex map[string]bool, rows io.Reader) error {
	name := rand.Text()
	mysql.RegisterReaderHandler(name, func() io.Reader { return rows })
	defer mysql.DeregisterReaderHandler(name)
	into, set := make([]string, len(columns)), []string{}
	for i, c := range columns {
		if into[i] = "`" + c + "`"; hex[c] {
			into[i] = "@" + c
			set = append(set, "`"+c+"` = UNHEX(@"+c+")")
		}
	}
	statement := "LOAD DATA LOCAL INFILE 'Reader::" + name + "' INTO TABLE `" + table + "` CHARACTER SET utf8mb4 (" + strings.Join(into, ", ") + ")"
	if len(set) > 0 {
		statement += " SET " + strings.Join(set, ", ")
	}
	if err := b.Exec(ctx, statement); err != nil {
		return fmt.Errorf("load rows of %s: %w", table, err)
	}
	return nil
}

// Shelve takes the secondary indexes of a table away until Unshelve.
func (b *Bulk) Shelve(ctx context.Context, table string) error {
	var name, text string
	if err := b.conn.QueryRowContext(ctx, "SHOW CREATE TABLE `"+table+"`").Scan(&name, &text); err != nil {
		return fmt.Errorf("read the indexes of %s: %w", table, err)
	}
	var drops []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		if strings.HasPrefix(line, "KEY ") || strings.HasPrefix(line, "UNIQUE KEY ") {
			b.shelved[table] = append(b.shelved[table], "ADD "+line)
			drops = append(drops, "DROP KEY `"+strings.Split(line, "`")[1]+"`")
		}
	}
	if len(drops) == 0 {
		return nil
	}
	if err := b.Exec(ctx, "ALTER TABLE `"+table+"` "+strings.Join(drops, ", ")); err != nil {
		return fmt.Errorf("drop the indexes of %s: %w", table, err)
	}
	return nil
}

// Unshelve builds the indexes again that Shelve has taken away.
func (b *Bulk) Unshelve(ctx context.Context, table string) error {
	if adds := b.shelved[table]; len(adds) > 0 {
		if err := b.Exec(ctx, "ALTER TABLE `"+table+"` "+strings.Join(adds, ", ")); err != nil {
			return fmt.Errorf("build the indexes of %s: %w", table, err)
		}
		delete(b.shelved, table)
	}
	return nil
}

// Analyze counts the statistics of all tables anew, which a server does by itself some time after much has changed.
func (b *Bulk) Analyze(ctx context.Context) error {
	_, tables, err := b.Rows(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()`)
	for _, t := range tables {
		if _, _, failed := b.Rows(ctx, "ANALYZE TABLE `"+string(t[0])+"`"); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// Settle writes all tables to the disk, which a server that was filled or migrated goes on with for minutes.
func (b *Bulk) Settle(ctx context.Context) error {
	_, tables, err := b.Rows(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()`)
	for _, t := range tables {
		for _, statement := range []string{"FLUSH TABLES `" + string(t[0]) + "` FOR EXPORT", "UNLOCK TABLES"} {
			err = errors.Join(err, b.Exec(ctx, statement))
		}
	}
	return err
}

// A PlanRow is a line of what EXPLAIN says, without its guesses of how many rows there are.
type PlanRow struct{ Table, Type, Key, Extra string }

// Explain says how the server would find the answer to a query of the product.
func (b *Bulk) Explain(ctx context.Context, s Sent) (plan []PlanRow, err error) {
	names, rows, err := b.Rows(ctx, "EXPLAIN "+s.Query, moments(s.Args)...)
	for _, r := range rows {
		var p PlanRow
		for i, n := range names {
			switch v := string(r[i]); n {
			case "table":
				p.Table = v
			case "type":
				p.Type = v
			case "key":
				p.Key = v
			case "Extra":
				p.Extra = v
			}
		}
		plan = append(plan, p)
	}
	return plan, err
}

// FromEndToEnd says whether the server reads a whole table, or a whole index of it.
func (p PlanRow) FromEndToEnd() bool { return p.Type == "ALL" || p.Type == "index" }

// A Cost is how many rows a query of the product has made the server read and sort, and how many pages it has looked at
// for them: in memory, and for a row found by key one of each level of the tree. Pages are right only while nobody else
// is at work on the server.
type Cost struct{ Read, Sorted, Pages int }

// Count sends a query of the product and counts.
func (b *Bulk) Count(ctx context.Context, s Sent) (c Cost, err error) {
	if err := b.Exec(ctx, "FLUSH STATUS"); err != nil {
		return c, err
	}
	before, err := b.pages(ctx)
	if err != nil {
		return c, err
	}
	if _, _, err := b.Rows(ctx, s.Query, moments(s.Args)...); err != nil {
		return c, err
	}
	after, err := b.pages(ctx)
	if err != nil {
		return c, err
	}
	counts, err := b.status(ctx, `SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler_read%' OR Variable_name = 'Sort_rows'`)
	for name, n := range counts {
		switch name {
		case "Sort_rows":
			c.Sorted = n
		case "Handler_read_rnd_deleted", "Handler_read_retry":
		default:
			c.Read += n
		}
	}
	c.Pages = after - before
	return c, err
}

// pages is how many pages the server has looked at since it was started.
func (b *Bulk) pages(ctx context.Context) (n int, err error) {
	const name = "Innodb_buffer_pool_read_requests"
	counts, err := b.status(ctx, `SHOW GLOBAL STATUS WHERE Variable_name = '`+name+`'`)
	return counts[name], err
}

// status is what a server has counted, by the names that it gives.
func (b *Bulk) status(ctx context.Context, query string) (counts map[string]int, err error) {
	_, rows, err := b.Rows(ctx, query)
	counts = make(map[string]int, len(rows))
	for _, r := range rows {
		n := 0
		if _, err := fmt.Sscan(string(r[1]), &n); err != nil {
			return nil, err
		}
		counts[string(r[0])] = n
	}
	return counts, err
}

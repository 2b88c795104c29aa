package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
)

// A Script is the statements of one operation, to be sent again.
type Script struct {
	Steps []Sent
	texts []string
}

// Script makes a Script of what Watch has shown.
func (d *DB) Script(steps []Sent) Script {
	s := Script{Steps: steps, texts: make([]string, len(steps))}
	for i, step := range steps {
		s.texts[i] = d.engine.text(step.Query)
	}
	return s
}

// Replay sends a script through sqlx alone, on SQLite through statements kept ready as always, with the arguments that args says for each step, and tells gave which id
// a row was given. There is no second attempt: of n who fail, n have failed. The bench measures the product by it.
func (d *DB) Replay(ctx context.Context, s Script, args func(step int) []any, gave func(step int, id int64)) (err error) {
	var tx *sqlx.Tx
	defer func() {
		if tx != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	for i, step := range s.Steps {
		if step.Verb == Begin {
			if tx, err = d.write.BeginTxx(ctx, nil); err != nil {
				return err
			}
			continue
		}
		if step.Verb == Commit {
			over := tx
			tx = nil
			if err := over.Commit(); err != nil {
				return err
			}
			d.writes.catchUp(ctx)
			continue
		}
		if err := s.send(ctx, d, tx, i, args(i), gave); err != nil {
			return fmt.Errorf("step %d (%s): %w", i, step.Verb, err)
		}
	}
	d.reads.catchUp(ctx)
	return nil
}

// send sends one step, in tx if there is one.
func (s Script) send(ctx context.Context, d *DB, tx *sqlx.Tx, i int, args []any, gave func(step int, id int64)) error {
	step := s.Steps[i]
	if step.Verb == Insert || step.Verb == Change {
		r, err := d.writes.exec(ctx, tx, s.texts[i], args)
		if err != nil || step.Verb == Change {
			return err
		}
		id, err := r.LastInsertId()
		gave(i, id)
		return err
	}
	from := d.reads
	if tx != nil {
		from = d.writes
	}
	into := reflect.New(step.Into).Interface()
	if step.Verb == Select {
		return from.read(ctx, tx, into, s.texts[i], args)
	}
	if err := from.get(ctx, tx, into, s.texts[i], args); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return nil // as the operation was told, too
}

// Scratch makes a database on a server of the MySQL family, and returns its address and what drops it again.
func Scratch(ctx context.Context, server string) (address string, drop func(context.Context) error, err error) {
	cfg, err := mysql.ParseDSN(server)
	if err != nil {
		return "", nil, errors.New("the MySQL address cannot be read; it looks like user:password@tcp(host:3306)/")
	}
	name := "wanjia_scratch_" + strings.ToLower(rand.Text()[:10])
	do := func(ctx context.Context, statement string) (err error) {
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return err
		}
		pool := sql.OpenDB(connector)
		defer func() { err = errors.Join(err, pool.Close()) }()
		_, err = pool.ExecContext(ctx, statement)
		return err
	}
	cfg.DBName = ""
	if err := do(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, fmt.Errorf("make a database on the server at %s: %w", cfg.Addr, err)
	}
	named := cfg.Clone()
	named.DBName = name
	return named.FormatDSN(), func(ctx context.Context) error { return do(ctx, "DROP DATABASE "+name) }, nil
}

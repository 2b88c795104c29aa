package db

import (
	"context"
	"database/sql"
	"log/slog"
	"strings"
)

// Steps is how many migrations there are.
func Steps() int {
	list, err := steps()
	if err != nil {
		panic(err)
	}
	return len(list)
}

// TakenBack is how many steps make something that a later one drops, and those that drop it.
func TakenBack() (n int) {
	list, err := steps()
	if err != nil {
		panic(err)
	}
	made := map[string]bool{}
	for _, s := range list {
		words := strings.Fields(s.text)
		switch {
		case words[0] == "CREATE" && words[1] == "INDEX":
			made[words[2]] = true
		case words[0] == "DROP" && words[1] == "INDEX" && made[words[2]]:
			n += 2
		}
	}
	return n
}

// MigrateOne takes one step, as a program does that is killed after it.
func (d *DB) MigrateOne(ctx context.Context, log *slog.Logger) error {
	pool, done, err := d.migrationPool(ctx)
	if err != nil {
		return err
	}
	defer done()
	provider, err := d.provider(pool, log)
	if err != nil {
		return err
	}
	_, err = provider.UpByOne(ctx)
	return err
}

// MigrateTo takes all steps up to a number.
func (d *DB) MigrateTo(ctx context.Context, log *slog.Logger, number int64) error {
	pool, done, err := d.migrationPool(ctx)
	if err != nil {
		return err
	}
	defer done()
	provider, err := d.provider(pool, log)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, number)
	return err
}

// MigrationPool is where migrations run.
func (d *DB) MigrationPool(ctx context.Context) (pool *sql.DB, done func() error, err error) {
	return d.migrationPool(ctx)
}

// RunWithoutNotes runs the statements of all steps on a server, and notes none of them.
func (d *DB) RunWithoutNotes(ctx context.Context) error {
	list, err := steps()
	if err != nil {
		return err
	}
	pool, done, err := d.migrationPool(ctx)
	if err != nil {
		return err
	}
	defer done()
	for _, s := range list {
		if _, err := pool.ExecContext(ctx, s.text); err != nil {
			return err
		}
	}
	return nil
}

// Prepared is how many statements d keeps ready.
func (d *DB) Prepared() int {
	n := 0
	for _, p := range []*prepared{d.reads, d.writes} {
		p.mu.RLock()
		n += len(p.all)
		p.mu.RUnlock()
	}
	return n
}

const MostPrepared = mostPrepared

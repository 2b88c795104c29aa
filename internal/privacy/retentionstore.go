package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// due are up to limit ids of a class that are over at now, behind after.
func due(ctx context.Context, q db.Queryer, c Class, now time.Time, after int64, limit int) (ids []int64, err error) {
	err = q.Select(ctx, &ids, c.Due, append(c.args(now), after, limit)...)
	return ids, db.Wrap(err, nil, "find what is over of %s", c.Name)
}

// erase erases rows of a class, whatever their age.
func erase(ctx context.Context, tx *db.Tx, c Class, ids []int64, now time.Time) error {
	if c.Also != nil {
		if err := c.Also(ctx, tx, ids, c.Kept.before(now)); err != nil {
			return err
		}
	}
	for _, statement := range c.Erase {
		query, args, err := db.In(statement, ids)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "erase %d of %s", len(ids), c.Name)
		}
	}
	return nil
}

const runColumns = `
	SELECT id, class, night, due, erased, reached_id, started_at, ended_at
	FROM retention_run`

func findRun(ctx context.Context, q db.Queryer, class, night string) (r Run, err error) {
	err = q.Get(ctx, &r, runColumns+` WHERE class = ? AND night = ?`, class, night)
	return r, db.Wrap(err, problem.ErrNotFound, "find the run of %s on %s", class, night)
}

// insertRun stores r, unless another node was faster.
func insertRun(ctx context.Context, tx *db.Tx, r Run) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO retention_run (class, night, due, started_at)
		VALUES (?, ?, ?, ?)`, r.Class, r.Night, r.Due, r.StartedAt)
	if db.IsDuplicate(err) {
		return nil
	}
	return db.Wrap(err, nil, "begin the run of %s", r.Class)
}

// holdRun keeps other nodes from the run meanwhile, and returns it.
func holdRun(ctx context.Context, tx *db.Tx, id int64) (r Run, err error) {
	err = tx.Get(ctx, &r, runColumns+` WHERE id = ?`+db.ForUpdate, id)
	return r, db.Wrap(err, problem.ErrNotFound, "hold run %d", id)
}

func saveRun(ctx context.Context, tx *db.Tx, r Run) error {
	_, err := tx.Change(ctx, `
		UPDATE retention_run
		SET erased = ?, reached_id = ?, ended_at = ?
		WHERE id = ?`, r.Erased, r.Reached, r.EndedAt, r.ID)
	return db.Wrap(err, nil, "save run %d", r.ID)
}

func runsOf(ctx context.Context, q db.Queryer, night string) (runs []Run, err error) {
	runs = []Run{}
	err = q.Select(ctx, &runs, runColumns+` WHERE night = ? ORDER BY id LIMIT 1000`, night)
	return runs, db.Wrap(err, nil, "list the runs of %s", night)
}

func listRuns(ctx context.Context, q db.Queryer, p page.Page) (runs []Run, err error) {
	err = q.Select(ctx, &runs, runColumns+`
		WHERE started_at <= ? AND (started_at < ? OR id < ?)
		ORDER BY started_at DESC, id DESC
		LIMIT ?`, p.At, p.At, p.ID, p.Limit())
	return runs, db.Wrap(err, nil, "list the runs of the retention")
}

func insertErasure(ctx context.Context, tx *db.Tx, e Erasure) error {
	ids, err := json.Marshal(slices.Clip(e.IDs))
	if err != nil {
		return fmt.Errorf("write the erasure journal: %w", err)
	}
	_, err = tx.Insert(ctx, `
		INSERT INTO erasure (class, ids, erased_at)
		VALUES (?, ?, ?)`, e.Class, string(ids), e.ErasedAt)
	return db.Wrap(err, nil, "write the erasure journal")
}

package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

// openRows are rows of shards up to an id that are not done, as many as are taken at once.
func openRows(ctx context.Context, q db.Queryer, shards []int, last int64) ([]Row, error) {
	query, args, err := db.In(`
		SELECT id, shard, items
		FROM outbox
		WHERE shard IN (?) AND state = 0 AND id <= ?
		LIMIT ?`, shards, last, piece)
	if err != nil {
		return nil, err
	}
	return readRows(ctx, q, query, args...)
}

// openRowsOf are the rows of one shard that are not done, behind one id and up to another.
func openRowsOf(ctx context.Context, q db.Queryer, shard int, after, last int64) ([]Row, error) {
	return readRows(ctx, q, `
		SELECT id, shard, items
		FROM outbox
		WHERE shard = ? AND state = 0 AND id > ? AND id <= ?
		ORDER BY id
		LIMIT ?`, shard, after, last, piece)
}

// lastRow is the highest id that a row has.
func lastRow(ctx context.Context, q db.Queryer) (id int64, err error) {
	err = q.Get(ctx, &id, `SELECT COALESCE(MAX(id), 0) FROM outbox`)
	return id, db.Wrap(err, nil, "find the last row of the outbox")
}

func readRows(ctx context.Context, q db.Queryer, query string, args ...any) ([]Row, error) {
	var found []struct {
		ID    int64  `db:"id"`
		Shard int    `db:"shard"`
		Items string `db:"items"`
	}
	if err := q.Select(ctx, &found, query, args...); err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	rows := make([]Row, len(found))
	for i, f := range found {
		rows[i] = Row{ID: f.ID, Shard: f.Shard}
		if err := json.Unmarshal([]byte(f.Items), &rows[i].Ranges); err != nil {
			return nil, fmt.Errorf("read row %d of the outbox: %w", f.ID, err)
		}
	}
	return rows, nil
}

// A waiting is the oldest row of a shard that is not done.
type waiting struct {
	ID    int64     `db:"id"`
	Shard int       `db:"shard"`
	Since time.Time `db:"created_at"`
}

// oldestRows are the oldest rows of shards that are not done. Each shard is asked for by itself: of the index one entry
// is read, however many rows wait.
func oldestRows(ctx context.Context, q db.Queryer, shards []int) (rows []waiting, err error) {
	for _, shard := range shards {
		var first []waiting
		err := q.Select(ctx, &first, `
			SELECT id, shard, created_at
			FROM outbox
			WHERE shard = ? AND state = 0
			ORDER BY id
			LIMIT 1`, shard)
		if err != nil {
			return nil, fmt.Errorf("find the oldest row of a shard of the outbox: %w", err)
		}
		rows = append(rows, first...)
	}
	return rows, nil
}

// A past is a row that is done.
type past struct {
	ID     int64     `db:"id"`
	DoneAt time.Time `db:"done_at"`
}

// doneRows are the first rows of a shard that are done, behind a row, done_at as they have it: a condition on it would
// make the engine look at all of them.
func doneRows(ctx context.Context, q db.Queryer, shard int, after int64) (rows []past, err error) {
	err = q.Select(ctx, &rows, `
		SELECT id, done_at
		FROM outbox
		WHERE shard = ? AND state = 1 AND id > ?
		ORDER BY id
		LIMIT ?`, shard, after, cleanPage)
	return rows, db.Wrap(err, nil, "find done outbox rows")
}

// newContent names what Redis holds for shard from now on, or says what another node named it.
func (r *Relay) newContent(ctx context.Context, shard int) (string, error) {
	id := rand.Text()
	mine, err := r.kv.SetNew(ctx, kv.Content(shard), id, kv.Forever)
	if err != nil || mine {
		return id, err
	}
	id, _, err = r.kv.Get(ctx, kv.Content(shard))
	return id, err
}

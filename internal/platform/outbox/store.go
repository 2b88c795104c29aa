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

// openRows are rows of shards that are not done, the oldest of each shard first, as many as are taken at once.
func openRows(ctx context.Context, q db.Queryer, shards []int) ([]Row, error) {
	query, args, err := db.In(`
		SELECT id, shard, items
		FROM outbox
		WHERE shard IN (?) AND state = 0
		LIMIT ?`, shards, piece)
	if err != nil {
		return nil, err
	}
	return readRows(ctx, q, query, args...)
}

// openRowsOf are the rows of one shard that are not done, behind a row.
func openRowsOf(ctx context.Context, q db.Queryer, shard int, after int64) ([]Row, error) {
	return readRows(ctx, q, `
		SELECT id, shard, items
		FROM outbox
		WHERE shard = ? AND state = 0 AND id > ?
		ORDER BY id
		LIMIT ?`, shard, after, piece)
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

// oldestRows are the oldest rows that are not done, by shard.
func oldestRows(ctx context.Context, q db.Queryer) (map[int]int64, error) {
	var found []struct {
		Shard int   `db:"shard"`
		ID    int64 `db:"id"`
	}
	if err := q.Select(ctx, &found, `
		SELECT shard, MIN(id) AS id
		FROM outbox
		WHERE state = 0
		GROUP BY shard`); err != nil {
		return nil, fmt.Errorf("find the oldest rows of the outbox: %w", err)
	}
	rows := make(map[int]int64, len(found))
	for _, f := range found {
		rows[f.Shard] = f.ID
	}
	return rows, nil
}

// oldestOpen is when the oldest row of shards that is not done was made; the zero time when all are.
func oldestOpen(ctx context.Context, q db.Queryer, shards []int) (time.Time, error) {
	query, args, err := db.In(`
		SELECT created_at
		FROM outbox
		WHERE shard IN (?) AND state = 0
		ORDER BY id
		LIMIT 1`, shards)
	if err != nil {
		return time.Time{}, err
	}
	var found []time.Time
	if err := q.Select(ctx, &found, query, args...); err != nil || len(found) == 0 {
		return time.Time{}, db.Wrap(err, nil, "find the oldest row of the outbox")
	}
	return found[0], nil
}

// doneRows are rows of shards that were done before.
func doneRows(ctx context.Context, q db.Queryer, shards []int, before time.Time) (ids []int64, err error) {
	query, args, err := db.In(`
		SELECT id
		FROM outbox
		WHERE shard IN (?) AND state = 1 AND done_at <= ?
		LIMIT ?`, shards, before, piece)
	if err != nil {
		return nil, err
	}
	return ids, db.Wrap(q.Select(ctx, &ids, query, args...), nil, "find done outbox rows")
}

// Oldest is when the oldest row that is not done was made; the zero time when there is none.
func Oldest(ctx context.Context, q db.Queryer) (time.Time, error) {
	var some []time.Time
	err := q.Select(ctx, &some, `
		SELECT created_at
		FROM outbox
		WHERE state = 0
		ORDER BY id
		LIMIT 1`)
	if err != nil || len(some) == 0 {
		return time.Time{}, db.Wrap(err, nil, "find the oldest outbox row")
	}
	return some[0], nil
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

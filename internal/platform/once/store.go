package once

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"wanjia/internal/platform/db"
)

// A kept row is what is known of the first call.
type kept struct {
	Fingerprint []byte `db:"fingerprint"`
	Result      string `db:"result"`
}

func insert(ctx context.Context, tx *db.Tx, person int64, c Call) error {
	_, err := tx.Change(ctx, `
		INSERT INTO idempotency (person_id, operation, idem_key, fingerprint, result, created_at)
		VALUES (?, ?, ?, ?, '', ?)`,
		person, c.Operation, c.Key, c.Fingerprint, tx.Now)
	return err
}

func keep(ctx context.Context, tx *db.Tx, person int64, c Call, result []byte) error {
	found, err := tx.Change(ctx, `
		UPDATE idempotency
		SET result = ?
		WHERE person_id = ? AND operation = ? AND idem_key = ?`,
		string(result), person, c.Operation, c.Key)
	if err == nil && found != 1 {
		err = fmt.Errorf("%d rows have the key", found)
	}
	return db.Wrap(err, nil, "keep the result of %s", c.Operation)
}

// find reads the first call; the zero kept when it is not there.
func find(ctx context.Context, q db.Queryer, person int64, c Call) (k kept, err error) {
	err = q.Get(ctx, &k, `
		SELECT fingerprint, result
		FROM idempotency
		WHERE person_id = ? AND operation = ? AND idem_key = ?`,
		person, c.Operation, c.Key)
	if errors.Is(err, sql.ErrNoRows) {
		return kept{}, nil
	}
	return k, db.Wrap(err, nil, "find the first call of %s", c.Operation)
}

// forget deletes the oldest calls made before the given moment, about 500 of them.
func forget(ctx context.Context, tx *db.Tx, before time.Time) (some bool, err error) {
	var moments []time.Time
	if err := tx.Select(ctx, &moments, `
		SELECT created_at
		FROM idempotency
		WHERE created_at < ?
		ORDER BY created_at
		LIMIT 500`, before); err != nil || len(moments) == 0 {
		return false, db.Wrap(err, nil, "find old keys")
	}
	_, err = tx.Change(ctx, `
		DELETE FROM idempotency
		WHERE created_at <= ?`, moments[len(moments)-1])
	return true, db.Wrap(err, nil, "delete old keys")
}

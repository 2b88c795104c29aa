package audit

import (
	"context"

	"wanjia/internal/platform/db"
)

func createLanes(ctx context.Context, tx *db.Tx, count int) error {
	var have []int
	if err := tx.Select(ctx, &have, `SELECT lane FROM audit_lane ORDER BY lane`); err != nil {
		return db.Wrap(err, nil, "read the lanes of the audit")
	}
	for lane := len(have); lane < count; lane++ {
		_, err := tx.Change(ctx, `INSERT INTO audit_lane (lane, n, hash) VALUES (?, 0, ?)`, lane, origin)
		if err != nil && !db.IsDuplicate(err) {
			return db.Wrap(err, nil, "make lane %d of the audit", lane)
		}
	}
	return nil
}

// moveTip makes t the tip of its lane, if n is the number of the present one.
func moveTip(ctx context.Context, tx *db.Tx, t tip, n int64) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE audit_lane
		SET n = ?, hash = ?
		WHERE lane = ? AND n = ?`, t.N, t.Hash, t.Lane, n)
	return found, db.Wrap(err, nil, "move the tip of audit lane %d", t.Lane)
}

func lockTip(ctx context.Context, tx *db.Tx, lane int) (t tip, err error) {
	err = tx.Get(ctx, &t, `
		SELECT lane, n, hash
		FROM audit_lane
		WHERE lane = ?`+db.ForUpdate, lane)
	return t, db.Wrap(err, nil, "lock the tip of audit lane %d", lane)
}

func insertRow(ctx context.Context, tx *db.Tx, r *row) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO audit (lane, n, at, person_id, assignment_id, action, object, object_id, purpose, reason,
			fields, result, request_id, ip_class, prev_hash, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Lane, r.N, r.At, r.PersonID, r.AssignmentID, r.Action, r.Object, r.ObjectID, r.Purpose, r.Reason,
		r.Fields, r.Result, r.RequestID, r.IPClass, r.PrevHash, r.Hash)
	r.ID = id
	return db.Wrap(err, nil, "append to the audit")
}

func allTips(ctx context.Context, q db.Queryer) (tips []tip, err error) {
	err = q.Select(ctx, &tips, `SELECT lane, n, hash FROM audit_lane ORDER BY lane`)
	return tips, db.Wrap(err, nil, "read the tips of the audit")
}

// rowsAfter are up to limit rows of a lane, from n on without n itself.
func rowsAfter(ctx context.Context, q db.Queryer, lane int, n int64, limit int) (rows []row, err error) {
	err = q.Select(ctx, &rows, `
		SELECT id, lane, n, at, person_id, assignment_id, action, object, object_id, purpose, reason,
			fields, result, request_id, ip_class, prev_hash, hash
		FROM audit
		WHERE lane = ? AND n > ?
		ORDER BY n
		LIMIT ?`, lane, n, limit)
	return rows, db.Wrap(err, nil, "read audit lane %d after %d", lane, n)
}

func insertHead(ctx context.Context, tx *db.Tx, h Head) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO audit_head (lane, n, at, hash, mac)
		VALUES (?, ?, ?, ?, ?)`, h.Lane, h.N, h.At, h.Hash, h.MAC)
	return db.Wrap(err, nil, "write the head of audit lane %d", h.Lane)
}

func headsOf(ctx context.Context, q db.Queryer, lane int) (heads []Head, err error) {
	err = q.Select(ctx, &heads, `
		SELECT lane, n, at, hash, mac
		FROM audit_head
		WHERE lane = ?
		ORDER BY n, id`, lane)
	return heads, db.Wrap(err, nil, "read the heads of audit lane %d", lane)
}

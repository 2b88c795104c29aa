package notify

import (
	"context"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

func listLetters(ctx context.Context, q db.Queryer, o Outcome, p page.Page) (all []Letter, err error) {
	err = q.Select(ctx, &all, `
		SELECT id, kind, template, outcome, COALESCE(errcode, 0) AS errcode, attempt, created_at, ended_at
		FROM wechat_send
		WHERE outcome = ? AND ended_at <= ? AND (ended_at < ? OR id < ?)
		ORDER BY ended_at DESC, id DESC
		LIMIT ?`, o, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list messages that ended %s", o)
}

// revive lets a dead message wait again, with all its tries. That somebody was called is not forgotten, nor that an attempt had no
// answer.
func revive(ctx context.Context, tx *db.Tx, id int64) error {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'waiting', outcome = NULL, errcode = NULL, ended_at = NULL, tries = 0, not_before = ?, created_at = ?
		WHERE id = ? AND state = 'ended' AND outcome = 'dead'`, tx.Now, tx.Now, id)
	if err != nil || found > 0 {
		return db.Wrap(err, nil, "try message %d again", id)
	}
	var n int
	if err := tx.Get(ctx, &n, `SELECT COUNT(*) FROM wechat_send WHERE id = ?`, id); err != nil {
		return db.Wrap(err, nil, "find message %d", id)
	}
	if n == 0 {
		return problem.ErrNotFound
	}
	return ErrNotDead
}

// resume ends the pause of an app, for which its messages wait.
func resume(ctx context.Context, tx *db.Tx, app string) error {
	if _, err := tx.Change(ctx, `UPDATE wechat_channel SET paused_until = NULL, errcode = NULL, slow_until = NULL WHERE app_id = ?`, app); err != nil {
		return db.Wrap(err, nil, "end the pause of the channel")
	}
	return nil
}

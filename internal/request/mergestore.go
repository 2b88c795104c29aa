package request

import (
	"context"
	"errors"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// insertMerging stores what r is before it is merged.
func insertMerging(ctx context.Context, tx *db.Tx, by org.Actor, r Request, into ID) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO request_merge (
			request_id, target_id, merged_by, merged_at, state, accept_due_at, update_due_at, solve_due_at, wait_until, waiting_since)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, into, by.PersonID, tx.Now, r.State, r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt, r.WaitUntil, r.WaitingSince)
	return db.Wrap(err, nil, "insert the merging of request %d", r.ID)
}

// findMerging is what a request was before it was merged.
func findMerging(ctx context.Context, q db.Queryer, id ID) (m merging, err error) {
	err = q.Get(ctx, &m, `
		SELECT id, request_id, target_id, merged_at, state, accept_due_at, update_due_at, solve_due_at, wait_until, waiting_since
		FROM request_merge
		WHERE request_id = ? AND undone_at IS NULL
		ORDER BY id DESC
		LIMIT 1`, id)
	return m, db.Wrap(err, problem.ErrNotFound, "find the merging of request %d", id)
}

// goesOnAs is the request that one goes on as: the one it was merged into, and that one into, or itself.
func goesOnAs(ctx context.Context, q db.Queryer, id ID) (ID, error) {
	for {
		m, err := findMerging(ctx, q, id)
		switch {
		case errors.Is(err, problem.ErrNotFound):
			return id, nil
		case err != nil:
			return 0, err
		}
		id = m.Target
	}
}

// holdGoingOn holds the request that one goes on as, which until the transaction is over does not end and is not merged.
func holdGoingOn(ctx context.Context, tx *db.Tx, id ID) (r Seen, err error) {
	for {
		on, err := goesOnAs(ctx, tx, id)
		if err != nil || on == r.ID { // it was not merged while it was waited for
			return r, err
		}
		if r, err = hold(ctx, tx, on); err != nil {
			return r, err
		}
	}
}

func undoMerging(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Change(ctx, `
		UPDATE request_merge
		SET undone_at = ?
		WHERE id = ?`, tx.Now, id)
	return db.Wrap(err, nil, "undo merging %d", id)
}

// moveAskers makes everybody who asks for a request ask for another one. Where each came from stays known.
func moveAskers(ctx context.Context, tx *db.Tx, from, to ID) error {
	_, err := tx.Change(ctx, `
		UPDATE request_asker
		SET origin_id = request_id
		WHERE request_id = ? AND origin_id IS NULL`, from)
	if err == nil {
		_, err = tx.Change(ctx, `
			UPDATE request_asker
			SET request_id = ?
			WHERE request_id = ?`, to, from)
	}
	return db.Wrap(err, nil, "move the askers of request %d", from)
}

// giveAskersBack makes those ask for a request again who came from it, or from what is merged into it.
func giveAskersBack(ctx context.Context, tx *db.Tx, id ID) error {
	origins, err := goingOnAs(ctx, tx, id)
	if err != nil {
		return err
	}
	query, args, err := db.In(`
		UPDATE request_asker
		SET request_id = ?
		WHERE origin_id IN (?)`, id, origins)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "give request %d its askers back", id)
}

// goingOnAs are a request and what is merged into it, and into that.
func goingOnAs(ctx context.Context, q db.Queryer, id ID) ([]ID, error) {
	return gather(ctx, q, []ID{id}, `
		SELECT request_id
		FROM request_merge
		WHERE target_id IN (?) AND undone_at IS NULL`)
}

// everMerged are requests and what was merged into them at any time, and into that, whether it goes on by itself again or not.
func everMerged(ctx context.Context, q db.Queryer, ids []ID) ([]ID, error) {
	return gather(ctx, q, ids, `
		SELECT request_id
		FROM request_merge
		WHERE target_id IN (?)`)
}

// gather are requests and what merged finds of them, and of that.
func gather(ctx context.Context, q db.Queryer, all []ID, merged string) ([]ID, error) {
	for next := all; len(next) > 0; {
		query, args, err := db.In(merged, next)
		if err != nil {
			return nil, err
		}
		next = nil
		if err := q.Select(ctx, &next, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find what is merged into requests %v", all)
		}
		next = slices.DeleteFunc(next, func(id ID) bool { return slices.Contains(all, id) }) // of two that are just being merged into each other one is refused
		all = append(all, next...)
	}
	return all, nil
}

// losingPhotos are needs that go on as open ones and whose pictures go by a moment.
func losingPhotos(ctx context.Context, q db.Queryer, by time.Time) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT DISTINCT r.id
		FROM upload u
		JOIN request r ON r.id = u.owner_id
		JOIN request_asker k ON k.origin_id = r.id
		JOIN request o ON o.id = k.request_id
		WHERE u.drop_at <= ? AND u.owner_type = ? AND r.state = ? AND o.is_open = ?
		ORDER BY r.id
		LIMIT 100`, by, picturesOf(0).Type, Merged, true)
	return ids, db.Wrap(err, nil, "find needs that go on and lose their pictures")
}

// countAskers is how many ask for a request.
func countAskers(ctx context.Context, q db.Queryer, id ID) (n int, err error) {
	err = q.Get(ctx, &n, `SELECT COUNT(*) FROM request_asker WHERE request_id = ?`, id)
	return n, db.Wrap(err, nil, "count the askers of request %d", id)
}

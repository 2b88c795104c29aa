package request

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const selectCounterStep = `
	SELECT c.id, c.request_id, c.place_id, c.place_label, c.unit_id, c.state, c.closes, c.added_at
	FROM counter_step c`

func insertCounterStep(ctx context.Context, tx *db.Tx, by org.Actor, r ID, at Counter, closes bool) error {
	_, err := tx.Insert(ctx, `
		INSERT INTO counter_step (request_id, place_id, place_label, unit_id, state, closes, added_by, added_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, r, at.ID, at.Label, at.Unit.ID, CounterWaiting, closes, by.PersonID, tx.Now)
	return db.Wrap(err, nil, "insert a step of request %d at counter %d", r, at.ID)
}

// finishCounterStep stores how a waiting step ended, unless somebody was faster.
func finishCounterStep(ctx context.Context, tx *db.Tx, by org.Actor, id CounterStepID, as CounterState) error {
	found, err := tx.Change(ctx, `
		UPDATE counter_step
		SET state = ?, finished_by = ?, finished_at = ?
		WHERE id = ? AND state = ?`, as, by.PersonID, tx.Now, id, CounterWaiting)
	if err == nil && found == 0 {
		return problem.ErrNotFound
	}
	return db.Wrap(err, nil, "finish counter step %d", id)
}

// waitingSteps are the steps of a request that wait at counters, the first one first.
func waitingSteps(ctx context.Context, q db.Queryer, id ID) (rows []CounterStep, err error) {
	err = q.Select(ctx, &rows, selectCounterStep+`
		WHERE c.request_id = ? AND c.state = ?
		ORDER BY c.id`, id, CounterWaiting)
	return rows, db.Wrap(err, nil, "find what request %d waits for at counters", id)
}

// listWaitingSteps are the steps that wait at the counters of by's place, the newest first: those of needs that go on, by
// themselves or as others.
func listWaitingSteps(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (rows []CounterStep, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &rows, selectCounterStep+`
		JOIN unit u ON u.id = c.unit_id
		JOIN request r ON r.id = c.request_id
		WHERE u.path >= ? AND u.path < ? AND c.state = ?
		  AND (r.is_open = ? OR r.state = ? AND (
			SELECT COUNT(*)
			FROM request_asker k
			JOIN request o ON o.id = k.request_id
			WHERE k.origin_id = r.id AND o.is_open = ?) > 0)
		  AND c.added_at <= ? AND (c.added_at < ? OR c.id < ?)
		ORDER BY c.added_at DESC, c.id DESC
		LIMIT ?`, from, to, CounterWaiting, true, Merged, true, p.At, p.At, p.ID, p.Limit())
	return rows, db.Wrap(err, nil, "list what waits at counters")
}

// counterOf is the counter that the asker of a request is to go to; "" if to none.
func counterOf(ctx context.Context, q db.Queryer, id ID) (label string, err error) {
	waiting, err := waitingSteps(ctx, q, id)
	if err != nil || len(waiting) == 0 {
		return "", err
	}
	return waiting[len(waiting)-1].Label, nil
}

package request

import (
	"context"
	"maps"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

const promiseColumns = `
	p.id, p.request_id, p.premises_id, p.visit_id, p.unit_id, p.role, p.person_id, p.assignment_id, p.due_on, p.state,
	p.moved, p.text_sealed, p.reason_sealed, p.remind_at, p.made_at, p.ended_at, p.version`

// insertPromise stores p and gives it its id.
func insertPromise(ctx context.Context, tx *db.Tx, keys *sealed.Keys, p *Promise) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO promise (
			request_id, premises_id, visit_id, unit_id, role, person_id, assignment_id, due_on, state, remind_at, made_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.RequestID, p.PremisesID, p.VisitID, p.UnitID, p.Role, p.PersonID, p.Assignment, p.DueOn, p.State, p.RemindAt, p.MadeAt)
	if err != nil {
		return db.Wrap(err, nil, "insert promise")
	}
	if p.ID = PromiseID(id); p.Text == "" {
		return nil
	}
	text, err := keys.Seal(sealed.Personal, "promise", "text_sealed", id, p.Text)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `
		UPDATE promise
		SET text_sealed = ?
		WHERE id = ?`, text, id)
	return db.Wrap(err, nil, "seal promise %d", id)
}

// savePromise stores what became of p, unless somebody was faster.
func savePromise(ctx context.Context, tx *db.Tx, keys *sealed.Keys, p *Promise, why string) (err error) {
	if why != "" {
		if p.WhySealed, err = keys.Seal(sealed.Personal, "promise", "reason_sealed", int64(p.ID), why); err != nil {
			return err
		}
	}
	found, err := tx.Change(ctx, `
		UPDATE promise
		SET due_on = ?, state = ?, moved = ?, reason_sealed = ?, remind_at = ?, ended_at = ?, version = version + 1
		WHERE id = ? AND version = ?`,
		p.DueOn, p.State, p.Moved, p.WhySealed, p.RemindAt, p.EndedAt, p.ID, p.Version)
	if err != nil {
		return db.Wrap(err, nil, "save promise %d", p.ID)
	}
	if found == 0 {
		now, err := findPromise(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		return ErrPromiseOver.With("state", string(now.State))
	}
	p.Version++
	return nil
}

func (p *Promise) unseal(keys *sealed.Keys) (err error) {
	if p.Text, err = keys.Open(sealed.Personal, "promise", "text_sealed", int64(p.ID), p.TextSealed); err != nil {
		return err
	}
	p.Why, err = keys.Open(sealed.Personal, "promise", "reason_sealed", int64(p.ID), p.WhySealed)
	return err
}

// findPromise returns a promise; whether the asker may act on it is for whoever calls.
func findPromise(ctx context.Context, q db.Queryer, id PromiseID) (p Promise, err error) {
	err = q.Get(ctx, &p, `
		SELECT `+promiseColumns+`
		FROM promise p
		WHERE p.id = ?`, id)
	return p, db.Wrap(err, problem.ErrNotFound, "find promise %d", id)
}

// findPromiseFor is a promise of somebody who may know what it is about: of what concerns them, or whoever they stand under,
// there is none (V6).
func findPromiseFor(ctx context.Context, q db.Queryer, by org.Actor, id PromiseID) (p Promise, err error) {
	err = q.Get(ctx, &p, `
		SELECT `+promiseColumns+`
		FROM promise p
		LEFT JOIN request r ON r.id = p.request_id
		WHERE p.id = ?
		  AND `+unsparing, append([]any{id}, sparing(by, calendar.DayOf(db.NowOf(q)))...)...)
	return p, db.Wrap(err, problem.ErrNotFound, "find promise %d", id)
}

func promisesOf(ctx context.Context, q db.Queryer, id ID) (all []Promise, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM promise p
		WHERE p.request_id = ?
		ORDER BY p.id`, id)
	return all, db.Wrap(err, nil, "find the promises about request %d", id)
}

// promisesAboutConcerns are the open promises about open concerns that were given in units in a range of paths. Concerns are
// few, and found by their category.
func promisesAboutConcerns(ctx context.Context, q db.Queryer, from, to string) (all []Promise, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM request r
		JOIN promise p ON p.request_id = r.id
		JOIN unit u ON u.id = p.unit_id
		WHERE r.category = ? AND r.is_open = ? AND u.path >= ? AND u.path < ? AND p.state = ?
		ORDER BY p.id`, HolderConcern, true, from, to, PromiseOpen)
	return all, db.Wrap(err, nil, "find what was promised about concerns below a unit")
}

// holdPromises are the promises about a request, which stay as they are until the transaction is over: one that is being
// moved has moved then, and ends as well.
func holdPromises(ctx context.Context, tx *db.Tx, id ID) (all []Promise, err error) {
	err = tx.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM promise p
		WHERE p.request_id = ?
		ORDER BY p.id`+db.ForUpdate, id)
	return all, db.Wrap(err, nil, "hold the promises about request %d", id)
}

// PromisesOfVisit are the promises made at a visit, in the order they were made.
func PromisesOfVisit(ctx context.Context, q db.Queryer, visit int64) (ids []PromiseID, err error) {
	var all []Promise
	err = q.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM visit v
		JOIN promise p ON p.premises_id = v.premises_id
		WHERE v.id = ? AND p.visit_id = v.id
		ORDER BY p.id`, visit)
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return ids, db.Wrap(err, nil, "find the promises of visit %d", visit)
}

// PromisedInFull is what was promised at a visit, in the order it was made, to be opened. A promise about no need stands in no
// history, where its holder would look at it.
func PromisedInFull(ctx context.Context, q db.Queryer, visit int64) (values []privacy.Value, err error) {
	var all []Promise
	err = q.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM visit v
		JOIN promise p ON p.premises_id = v.premises_id
		WHERE v.id = ? AND p.visit_id = v.id
		ORDER BY p.id`, visit)
	for _, p := range all {
		values = append(values, privacy.Value{
			Field: "promises", Class: sealed.Personal, Table: "promise", Column: "text_sealed", ID: int64(p.ID), Cipher: p.TextSealed,
		})
	}
	return values, db.Wrap(err, nil, "find what was promised at visit %d", visit)
}

// listPromises are the open promises of by's role in its unit, and of the leads for whom by acts meanwhile, those due
// first in front.
func listPromises(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Promise, err error) {
	day := calendar.DayOf(p.At)
	gave, args, err := gaveWord(ctx, q, by)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM promise p
		LEFT JOIN request r ON r.id = p.request_id
		WHERE `+gave+`
		  AND p.state = ?
		  AND p.due_on >= ? AND (p.due_on > ? OR p.id > ?)
		  AND `+unsparing+`
		ORDER BY p.due_on, p.id
		LIMIT ?`, append(append(append(args, PromiseOpen, day, day, p.ID), sparing(by, calendar.DayOf(db.NowOf(q)))...), p.Limit())...)
	return all, db.Wrap(err, nil, "list promises")
}

// listNeedingHelp are the open promises that were moved twice or more of whom by leads, those due first in front: those of
// units below, and in by's own of the roles beside the lead.
func listNeedingHelp(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Promise, err error) {
	day := calendar.DayOf(p.At)
	from, to := by.Scope()
	query, args, err := db.In(`
		SELECT `+promiseColumns+`
		FROM unit u
		JOIN promise p ON p.unit_id = u.id
		LEFT JOIN request r ON r.id = p.request_id
		WHERE u.path >= ? AND u.path < ? AND p.state = ? AND p.moved >= ?
		  AND (u.path > ? OR (p.role NOT IN (?) AND ? = 1))
		  AND p.due_on >= ? AND (p.due_on > ? OR p.id > ?)`,
		from, to, PromiseOpen, helpNeeded, from, slices.Sorted(maps.Keys(leading)), one(leading[by.Role]), day, day, p.ID)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &all, query+`
		  AND `+unsparing+`
		ORDER BY p.due_on, p.id
		LIMIT ?`, append(append(args, sparing(by, calendar.DayOf(db.NowOf(q)))...), p.Limit())...)
	return all, db.Wrap(err, nil, "list promises that need help")
}

// PromisedAt are those of the premises where those who live there were promised something which is due by a day.
func PromisedAt(ctx context.Context, q db.Queryer, by calendar.Day, premises ...int64) (map[int64]bool, error) {
	due := map[int64]bool{}
	if len(premises) == 0 {
		return due, nil
	}
	query, args, err := db.In(`
		SELECT p.id
		FROM premises p
		WHERE p.id IN (?) AND (
			SELECT k.id
			FROM promise k
			WHERE k.premises_id = p.id AND k.state = ? AND k.due_on <= ?
			  AND (p.left_at IS NULL OR k.made_at >= p.left_at)
			LIMIT 1) IS NOT NULL`, premises, PromiseOpen, by) // one row a door, however much was promised there
	if err != nil {
		return nil, err
	}
	var found []int64
	err = q.Select(ctx, &found, query, args...)
	for _, id := range found {
		due[id] = true
	}
	return due, db.Wrap(err, nil, "find at which of %d doors something is due", len(premises))
}

// OpenPromisesIn are the open promises of a unit's roles, those due first in front: what a handover packs.
func OpenPromisesIn(ctx context.Context, q db.Queryer, unit org.UnitID) (ids []PromiseID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM promise
		WHERE unit_id = ? AND state = ?
		ORDER BY due_on, id`, unit, PromiseOpen)
	return ids, db.Wrap(err, nil, "find the open promises of unit %d", unit)
}

// MovePromises lets whoever looks after doors from now on keep the open promises that were made there, but for those
// about a need that the unit before still holds.
func MovePromises(ctx context.Context, tx *db.Tx, from, to org.UnitID, premises []int64) error {
	query, args, err := db.In(`
		UPDATE promise
		SET unit_id = ?, version = version + 1
		WHERE unit_id = ? AND state = ? AND premises_id IN (?)
		  AND NOT EXISTS (
			SELECT 1
			FROM request r
			WHERE r.id = promise.request_id AND r.holder_unit_id = ? AND r.is_open = ?)`,
		to, from, PromiseOpen, premises, from, true)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "move the promises at %d doors", len(premises))
}

// toRemind are promises behind one whose reminder is due, the earliest first.
func toRemind(ctx context.Context, q db.Queryer, now time.Time, behind Promise) (all []Promise, err error) {
	from := begin(time.Time{})
	if behind.RemindAt != nil {
		from = *behind.RemindAt
	}
	err = q.Select(ctx, &all, `
		SELECT `+promiseColumns+`
		FROM promise p
		WHERE p.remind_at <= ?
		  AND p.remind_at >= ? AND (p.remind_at > ? OR p.id > ?)
		ORDER BY p.remind_at, p.id
		LIMIT 100`, now, from, from, behind.ID)
	return all, db.Wrap(err, nil, "find promises to remind of")
}

// takeReminder takes the reminder of p, unless somebody has, or p has moved.
func takeReminder(ctx context.Context, tx *db.Tx, p Promise) (taken bool, err error) {
	found, err := tx.Change(ctx, `
		UPDATE promise
		SET remind_at = NULL
		WHERE id = ? AND version = ? AND remind_at IS NOT NULL`, p.ID, p.Version)
	return found == 1, db.Wrap(err, nil, "take the reminder of promise %d", p.ID)
}

package privacy

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// glassColumns of a Glass, from break_glass g, the opener's unit u and the record's area a.
const glassColumns = `
	SELECT g.id, g.person_id, g.assignment_id, g.role, g.unit_id, u.name AS unit_name, g.object, g.object_id, g.area_id,
	       a.name AS area_name, g.reason_sealed, g.state, g.opened_at, g.ends_at, g.seen_at, g.week, g.review_on, g.review_state,
	       g.reviewer_id, g.verdict, g.reviewed_at
	FROM break_glass g
	JOIN unit u ON u.id = g.unit_id
	JOIN unit a ON a.id = g.area_id`

func insertGlass(ctx context.Context, tx *db.Tx, keys *sealed.Keys, g Glass) (GlassID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO break_glass (person_id, assignment_id, role, unit_id, object, object_id, area_id, state, opened_at, ends_at,
			seen_at, week, review_on, review_state)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		g.PersonID, g.Assignment, g.Role, g.UnitID, g.Object, g.ObjectID, g.AreaID, g.State, g.OpenedAt, g.EndsAt,
		g.SeenAt, g.Week, g.ReviewOn, g.ReviewState)
	if err != nil {
		return 0, db.Wrap(err, nil, "open %s %d", g.Object, g.ObjectID)
	}
	reason, err := keys.Seal(sealed.Personal, "break_glass", "reason_sealed", id, g.Reason)
	if err != nil {
		return 0, err
	}
	_, err = tx.Change(ctx, `
		UPDATE break_glass
		SET reason_sealed = ?
		WHERE id = ?`, reason, id)
	return GlassID(id), db.Wrap(err, nil, "seal the reason of opening %d", id)
}

func findGlass(ctx context.Context, q db.Queryer, id GlassID) (g Glass, err error) {
	err = q.Get(ctx, &g, glassColumns+` WHERE g.id = ?`, id)
	return g, db.Wrap(err, problem.ErrNotFound, "find opening %d", id)
}

// openGlass is the opening of a record by by, in the role they act in, that has not ended.
func openGlass(ctx context.Context, q db.Queryer, by org.Actor, object string, id int64) (g Glass, err error) {
	err = q.Get(ctx, &g, glassColumns+`
		WHERE g.person_id = ? AND g.object = ? AND g.object_id = ? AND g.assignment_id = ? AND g.state = ?
		ORDER BY g.id DESC
		LIMIT 1`, by.PersonID, object, id, by.Assignment, GlassIsOpen)
	return g, db.Wrap(err, problem.ErrNotFound, "find whether %s %d is open", object, id)
}

// openGlasses are those that nobody has ended yet; there are few at any time.
func openGlasses(ctx context.Context, q db.Queryer) (all []Glass, err error) {
	err = q.Select(ctx, &all, glassColumns+`
		WHERE g.state = ?
		ORDER BY g.ends_at, g.id
		LIMIT 500`, GlassIsOpen)
	return all, db.Wrap(err, nil, "find what is open")
}

// glassesOf are the openings of a record since a moment.
func glassesOf(ctx context.Context, q db.Queryer, object string, id int64, since time.Time) (all []Glass, err error) {
	err = q.Select(ctx, &all, glassColumns+`
		WHERE g.object = ? AND g.object_id = ? AND g.opened_at >= ?
		ORDER BY g.opened_at DESC, g.id DESC
		LIMIT 100`, object, id, since)
	return all, db.Wrap(err, nil, "list the openings of %s %d", object, id)
}

// seeGlass notes that time has come as far as now.
func seeGlass(ctx context.Context, tx *db.Tx, id GlassID) error {
	_, err := tx.Change(ctx, `
		UPDATE break_glass
		SET seen_at = ?
		WHERE id = ? AND seen_at < ?`, tx.Now, id, tx.Now)
	return db.Wrap(err, nil, "look through opening %d", id)
}

func endGlass(ctx context.Context, tx *db.Tx, id GlassID) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE break_glass
		SET state = ?
		WHERE id = ? AND state = ?`, GlassEnded, id, GlassIsOpen)
	return found, db.Wrap(err, nil, "end opening %d", id)
}

// glassesWaiting are openings that are over and whose day of review has come, the oldest first.
func glassesWaiting(ctx context.Context, q db.Queryer, day calendar.Day) (ids []GlassID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM break_glass
		WHERE review_state = ? AND review_on <= ? AND state = ?
		ORDER BY review_on, id
		LIMIT 100`, reviewWaits, day, GlassEnded)
	return ids, db.Wrap(err, nil, "find openings to review")
}

// nextOfficer is the discipline officer of another unit who was asked longest ago, or never: not whoever opened, nor in
// a unit above or below theirs.
func nextOfficer(ctx context.Context, q db.Queryer, g Glass, day calendar.Day) (in org.Incumbent, err error) {
	unit, err := org.UnitByID(ctx, q, g.UnitID)
	if err != nil {
		return in, err
	}
	line := append(unit.Above(), unit.ID)
	query, args, err := db.In(`
		SELECT r.id, r.person_id, r.role, r.post
		FROM role_assignment r
		JOIN unit u ON u.id = r.unit_id
		LEFT JOIN (
			SELECT reviewer_id, MAX(id) AS newest
			FROM break_glass
			WHERE reviewer_id IS NOT NULL
			GROUP BY reviewer_id) x ON x.reviewer_id = r.id
		WHERE r.role = ? AND r.post = ? AND r.valid_from <= ? AND (r.valid_to IS NULL OR r.valid_to > ?)
		  AND r.person_id <> ? AND u.id NOT IN (?) AND (u.path < ? OR u.path >= ?)
		ORDER BY COALESCE(x.newest, 0), r.id
		LIMIT 1`, org.RoleBranchOfficer, org.PostDiscipline, day, day, g.PersonID, line, unit.Path, unit.Path[:len(unit.Path)-1]+"0")
	if err != nil {
		return in, err
	}
	return in, db.Wrap(q.Get(ctx, &in, query, args...), problem.ErrNotFound, "find who reviews opening %d", g.ID)
}

// decidedOf is how many openings of a week have been given to a reviewer or spared.
func decidedOf(ctx context.Context, q db.Queryer, week calendar.Day) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM break_glass
		WHERE week = ? AND review_state <> ?`, week, reviewWaits)
	return n, db.Wrap(err, nil, "count the openings of the week of %s", week)
}

// decideReview gives an opening to a reviewer, or spares it.
func decideReview(ctx context.Context, tx *db.Tx, id GlassID, review bool, to org.AssignmentID) (found int64, err error) {
	state, reviewer, at := reviewAsked, &to, &tx.Now
	if !review {
		state, reviewer, at = reviewSpared, nil, nil
	}
	found, err = tx.Change(ctx, `
		UPDATE break_glass
		SET review_state = ?, reviewer_id = ?, asked_at = ?
		WHERE id = ? AND review_state = ?`, state, reviewer, at, id, reviewWaits)
	return found, db.Wrap(err, nil, "ask for a review of opening %d", id)
}

// spareOne lets go of one opening of a week that nobody has judged yet, drawn by lot.
func spareOne(ctx context.Context, tx *db.Tx, week calendar.Day) error {
	var ids []GlassID
	if err := tx.Select(ctx, &ids, `
		SELECT id
		FROM break_glass
		WHERE week = ? AND review_state = ?
		ORDER BY id`, week, reviewAsked); err != nil || len(ids) == 0 {
		return db.Wrap(err, nil, "find what can be spared")
	}
	lot, err := rand.Int(rand.Reader, big.NewInt(int64(len(ids))))
	if err != nil {
		return fmt.Errorf("draw what is spared: %w", err)
	}
	_, err = tx.Change(ctx, `
		UPDATE break_glass
		SET review_state = ?, reviewer_id = NULL
		WHERE id = ? AND review_state = ?`, reviewSpared, ids[lot.Int64()], reviewAsked)
	return db.Wrap(err, nil, "spare a review")
}

// glassesToReview are a page of the openings that by is asked to judge.
func glassesToReview(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Glass, err error) {
	err = q.Select(ctx, &all, glassColumns+`
		WHERE g.reviewer_id = ? AND g.review_state = ? AND g.opened_at <= ? AND (g.opened_at < ? OR g.id < ?)
		ORDER BY g.opened_at DESC, g.id DESC
		LIMIT ?`, by.Assignment, reviewAsked, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list what assignment %d reviews", by.Assignment)
}

// reviewGlass stores the word of the officer, unless it was given.
func reviewGlass(ctx context.Context, tx *db.Tx, keys *sealed.Keys, g Glass, verdict, note string) (err error) {
	var cipher []byte
	if note != "" {
		if cipher, err = keys.Seal(sealed.Personal, "break_glass", "note_sealed", int64(g.ID), note); err != nil {
			return err
		}
	}
	found, err := tx.Change(ctx, `
		UPDATE break_glass
		SET state = ?, review_state = ?, verdict = ?, note_sealed = ?, reviewed_at = ?
		WHERE id = ? AND review_state = ?`, GlassReviewed, reviewDone, verdict, cipher, tx.Now, g.ID, reviewAsked)
	if err == nil && found == 0 {
		return ErrGlassState.With("state", GlassReviewed)
	}
	return db.Wrap(err, nil, "review opening %d", g.ID)
}

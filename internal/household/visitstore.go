package household

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// A told visit is one that a clientRef belongs to already.
type told struct {
	ID          VisitID `db:"id"`
	Fingerprint []byte  `db:"fingerprint"`
}

// findTold is the visit that person has told under ref; the zero one if there is none.
func findTold(ctx context.Context, q db.Queryer, person org.PersonID, ref string) (t told, err error) {
	err = q.Get(ctx, &t, `
		SELECT id, fingerprint
		FROM visit
		WHERE person_id = ? AND client_ref = ?`, person, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return told{}, nil
	}
	return t, db.Wrap(err, nil, "find the visit of a clientRef")
}

// insertVisit stores v; db.IsDuplicate if its clientRef is taken.
func insertVisit(ctx context.Context, tx *db.Tx, v *Visit, fingerprint []byte) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO visit (
			unit_id, premises_id, person_id, assignment_id, result, reason, client_ref, fingerprint,
			happened_at, recorded_at, clock_untrusted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.AreaID, v.Premises, v.PersonID, v.Assignment, v.Result, v.Reason, v.ClientRef, fingerprint,
		v.HappenedAt, v.RecordedAt, v.ClockUntrusted)
	v.ID = VisitID(id)
	return err
}

func saveNote(ctx context.Context, tx *db.Tx, id VisitID, sealed []byte) error {
	_, err := tx.Change(ctx, `
		UPDATE visit
		SET note_sealed = ?
		WHERE id = ?`, sealed, id)
	return db.Wrap(err, nil, "seal the note of visit %d", id)
}

// mutedAt notes what was said at v about visits, unless the household has said something else since.
func mutedAt(ctx context.Context, tx *db.Tx, v Visit, days int) error {
	var newer int
	if err := tx.Get(ctx, &newer, `
		SELECT COUNT(*)
		FROM household_mute m
		LEFT JOIN visit w ON w.id = m.visit_id
		WHERE m.premises_id = ? AND (w.happened_at > ? OR w.id IS NULL AND m.recorded_at > ?)`, v.Premises, v.HappenedAt, v.HappenedAt); err != nil || newer > 0 {
		return db.Wrap(err, nil, "find what household %d has said since about visits", v.Premises)
	}
	from := calendar.DayOf(v.HappenedAt)
	return mute(ctx, tx, v.Premises, from, from.Add(days), &v.ID)
}

// A Call is a visit with its door, as the area's list shows it.
type Call struct {
	Visit
	Entrance string `db:"entrance"`
	Door     string `db:"door"`
	Note     []byte `db:"note_sealed"`
}

const callColumns = `
	v.id, v.unit_id, v.premises_id, v.person_id, v.assignment_id, v.result, v.reason, v.happened_at, v.recorded_at,
	v.clock_untrusted, v.client_ref, e.label AS entrance, p.door`

// findCall returns the visit if it was paid in an area that by sees.
func findCall(ctx context.Context, q db.Queryer, by org.Actor, id VisitID) (c Call, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &c, `
		SELECT `+callColumns+`, v.note_sealed
		FROM visit v
		JOIN unit u ON u.id = v.unit_id
		JOIN premises p ON p.id = v.premises_id
		JOIN entrance e ON e.id = p.entrance_id
		WHERE v.id = ?
		  AND u.path >= ? AND u.path < ?`, id, from, to)
	return c, db.Wrap(err, problem.ErrNotFound, "find visit %d", id)
}

// findVisit returns a visit that the caller has just recorded.
func findVisit(ctx context.Context, q db.Queryer, id VisitID) (v Visit, err error) {
	err = q.Get(ctx, &v, `
		SELECT id, unit_id, premises_id, person_id, assignment_id, result, reason, happened_at, recorded_at,
		       clock_untrusted, client_ref
		FROM visit
		WHERE id = ?`, id)
	return v, db.Wrap(err, problem.ErrNotFound, "find visit %d", id)
}

// listCalls are the visits paid in the areas that by sees, since a moment. It names the one area of a holder first,
// whose index is in the order of the list: nothing is sorted, however many there were.
func listCalls(ctx context.Context, q db.Queryer, by org.Actor, since time.Time, p page.Page) (calls []Call, err error) {
	from, to := by.Scope()
	one, args := "", []any{from, to}
	if by.Grid.Kind == org.Area && from == by.Grid.Path {
		one, args = `
		  AND v.unit_id = ?`, append(args, by.Grid.ID)
	}
	err = q.Select(ctx, &calls, `
		SELECT `+callColumns+`
		FROM unit u
		JOIN visit v ON v.unit_id = u.id
		JOIN premises p ON p.id = v.premises_id
		JOIN entrance e ON e.id = p.entrance_id
		WHERE u.path >= ? AND u.path < ?`+one+`
		  AND v.recorded_at >= ?
		  AND v.recorded_at <= ? AND (v.recorded_at < ? OR v.id < ?)
		ORDER BY v.recorded_at DESC, v.id DESC
		LIMIT ?`, append(args, since, p.At, p.At, p.ID, p.Limit())...)
	return calls, db.Wrap(err, nil, "list visits")
}

// countResults is how many visits recorded in [since, until) below by ended in each way.
func countResults(ctx context.Context, q db.Queryer, by org.Actor, since, until time.Time) (map[Result]int, error) {
	from, to := by.Scope()
	query := `
		SELECT v.result, COUNT(*) AS n
		FROM unit u
		JOIN visit v ON v.unit_id = u.id
		WHERE u.path >= ? AND u.path < ?
		  AND v.recorded_at >= ? AND v.recorded_at < ?
		GROUP BY v.result`
	if by.Wide() {
		query = `
		SELECT v.result, COUNT(*) AS n
		FROM visit v
		WHERE (SELECT COUNT(*) FROM unit u WHERE u.id = v.unit_id AND u.path >= ? AND u.path < ?) > 0
		  AND v.recorded_at >= ? AND v.recorded_at < ?
		GROUP BY v.result`
	}
	var cells []struct {
		Result Result `db:"result"`
		N      int    `db:"n"`
	}
	if err := q.Select(ctx, &cells, query, from, to, since, until); err != nil {
		return nil, db.Wrap(err, nil, "count the results of visits")
	}
	counts := make(map[Result]int, len(cells))
	for _, c := range cells {
		counts[c.Result] = c.N
	}
	return counts, nil
}

// lastVisited is when each of the households was visited last: of all visits of a door the newest one is read, by the
// index that holds them in that order. One that could not be made was none, nor is one at those who lived there before.
func lastVisited(ctx context.Context, q db.Queryer, ids []ID) (map[ID]time.Time, error) {
	query, args, err := db.In(`
		SELECT p.id, (
			SELECT v.happened_at
			FROM visit v
			WHERE v.premises_id = p.id AND v.result <> ? AND (p.left_at IS NULL OR v.happened_at >= p.left_at)
			ORDER BY v.happened_at DESC, v.id DESC
			LIMIT 1) AS happened_at
		FROM premises p
		WHERE p.id IN (?)`, Unable, ids)
	if err != nil {
		return nil, err
	}
	var doors []struct {
		ID         ID         `db:"id"`
		HappenedAt *time.Time `db:"happened_at"`
	}
	if err := q.Select(ctx, &doors, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the last visits")
	}
	found := make(map[ID]time.Time, len(doors))
	for _, d := range doors {
		if d.HappenedAt != nil {
			found[d.ID] = *d.HappenedAt
		}
	}
	return found, nil
}

// newestVisit is the last visit of the household that could be made, at those who live there now; nil if there was none.
func newestVisit(ctx context.Context, q db.Queryer, id ID) (*Visit, error) {
	var all []Visit
	err := q.Select(ctx, &all, `
		SELECT v.premises_id, v.result, v.happened_at
		FROM premises p
		JOIN visit v ON v.premises_id = p.id
		WHERE p.id = ? AND v.result <> ? AND (p.left_at IS NULL OR v.happened_at >= p.left_at)
		ORDER BY v.happened_at DESC, v.id DESC
		LIMIT 1`, id, Unable)
	if err != nil || len(all) == 0 {
		return nil, db.Wrap(err, nil, "find the last visit of household %d", id)
	}
	return &all[0], nil
}

// mutes are the days from which a visit is welcome again, of those households that want none on day.
func mutes(ctx context.Context, q db.Queryer, ids []ID, day calendar.Day) (map[ID]calendar.Day, error) {
	query, args, err := db.In(`
		SELECT premises_id, MAX(valid_to) AS valid_to
		FROM household_mute
		WHERE premises_id IN (?) AND valid_from <= ? AND valid_to > ?
		GROUP BY premises_id`, ids, day, day)
	if err != nil {
		return nil, err
	}
	var muted []struct {
		ID    ID           `db:"premises_id"`
		Until calendar.Day `db:"valid_to"`
	}
	if err := q.Select(ctx, &muted, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who wants no visit")
	}
	found := make(map[ID]calendar.Day, len(muted))
	for _, m := range muted {
		found[m.ID] = m.Until
	}
	return found, nil
}

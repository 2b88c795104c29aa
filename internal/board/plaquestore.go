package board

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// plaqueColumns wants the day of today, twice: an area of a door is that of a day.
const plaqueColumns = `
	SELECT q.id, q.person_id, e.place_id, COALESCE(b.number, '') AS building, COALESCE(a.name, pl.name) AS area_name,
	       e.label AS entrance, h.door, q.oath, q.state, q.door_shown, q.reason, q.proposed_at, q.consented_at, q.issued_at,
	       q.hung_at, q.suspended_at, q.returned_at, q.ordered_at, q.version
	FROM plaque q
	JOIN unit u ON u.id = q.unit_id
	JOIN premises h ON h.id = q.premises_id
	JOIN entrance e ON e.id = h.entrance_id
	JOIN unit pl ON pl.id = e.place_id
	LEFT JOIN building b ON b.id = e.building_id
	LEFT JOIN area_entrance x ON x.entrance_id = e.id AND x.valid_from <= ? AND (x.valid_to IS NULL OR x.valid_to > ?)
	LEFT JOIN unit a ON a.id = x.area_id`

// findPlaque is a plaque of a member of by's organisation or below; another is not found.
func findPlaque(ctx context.Context, q db.Queryer, by org.Actor, id PlaqueID, day calendar.Day) (p Plaque, err error) {
	from, to := by.PartyScope()
	err = q.Get(ctx, &p, plaqueColumns+` WHERE q.id = ? AND u.path >= ? AND u.path < ?`, day, day, id, from, to)
	return p, db.Wrap(err, problem.ErrNotFound, "find plaque %d", id)
}

// findOwnPlaque is a plaque of by's own; another is not found.
func findOwnPlaque(ctx context.Context, q db.Queryer, by org.Actor, id PlaqueID, day calendar.Day) (p Plaque, err error) {
	err = q.Get(ctx, &p, plaqueColumns+` WHERE q.id = ? AND q.person_id = ?`, day, day, id, by.PersonID)
	return p, db.Wrap(err, problem.ErrNotFound, "find own plaque %d", id)
}

func listPlaques(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day, p page.Page) (all []Plaque, err error) {
	from, to := by.PartyScope()
	err = q.Select(ctx, &all, plaqueColumns+`
		WHERE u.path >= ? AND u.path < ? AND q.id < ?
		ORDER BY q.id DESC
		LIMIT ?`, day, day, from, to, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list plaques")
}

func listOwnPlaques(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) (all []Plaque, err error) {
	err = q.Select(ctx, &all, plaqueColumns+`
		WHERE q.person_id = ?
		ORDER BY q.id DESC
		LIMIT 50`, day, day, by.PersonID)
	return all, db.Wrap(err, nil, "list own plaques")
}

// listHung are plaques that hang in a place, those that nobody asked to take down.
func listHung(ctx context.Context, q db.Queryer, place org.UnitID, day calendar.Day, p page.Page) (all []Plaque, err error) {
	err = q.Select(ctx, &all, plaqueColumns+`
		WHERE e.place_id = ? AND q.state = ? AND q.ordered_at IS NULL AND q.id < ?
		  AND NOT EXISTS (
		    SELECT 1
		    FROM takedown t
		    WHERE t.kind = 'plaque' AND t.ref_id = q.id AND t.state IN ('hidden_pending', 'upheld'))
		ORDER BY q.id DESC
		LIMIT ?`, day, day, place, PlaqueHung, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list the plaques of place %d", place)
}

// A roster entry is whose plaque it is to be.
type entry struct {
	PersonID org.PersonID `db:"person_id"`
	UnitID   org.UnitID   `db:"unit_id"`
}

func findEntry(ctx context.Context, q db.Queryer, by org.Actor, member int64) (e entry, err error) {
	from, to := by.PartyScope()
	err = q.Get(ctx, &e, `
		SELECT m.person_id, m.unit_id
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		WHERE m.id = ? AND m.valid_to IS NULL AND u.path >= ? AND u.path < ?`, member, from, to)
	return e, db.Wrap(err, problem.ErrNotFound, "find member %d", member)
}

// findDoor says that a door lies below by.
func findDoor(ctx context.Context, q db.Queryer, by org.Actor, premises int64) error {
	from, to := by.Scope()
	var id int64
	err := q.Get(ctx, &id, `
		SELECT h.id
		FROM premises h
		JOIN entrance e ON e.id = h.entrance_id
		JOIN unit u ON u.id = e.place_id
		WHERE h.id = ? AND u.path >= ? AND u.path < ?`, premises, from, to)
	return db.Wrap(err, problem.ErrNotFound, "find door %d", premises)
}

// HungAt are the members whose plaque hangs at a door: they live there.
func HungAt(ctx context.Context, q db.Queryer, premises int64) (persons []org.PersonID, err error) {
	err = q.Select(ctx, &persons, `
		SELECT DISTINCT person_id
		FROM plaque
		WHERE premises_id = ? AND state = ?
		ORDER BY person_id`, premises, PlaqueHung)
	return persons, db.Wrap(err, nil, "find whose plaque hangs at door %d", premises)
}

// AddPlaque stores a proposed plaque, for whoever has asked already who may.
func AddPlaque(ctx context.Context, tx *db.Tx, by org.Actor, person org.PersonID, unit org.UnitID, premises int64) (PlaqueID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO plaque (person_id, unit_id, premises_id, oath, state, reason, proposed_by, proposed_at)
		VALUES (?, ?, ?, ?, ?, '', ?, ?)`, person, unit, premises, oath, PlaqueProposed, by.PersonID, tx.Now)
	return PlaqueID(id), db.Wrap(err, nil, "propose a plaque")
}

// plaqueMoments are the columns that hold when a plaque came into a state.
var plaqueMoments = map[State]string{
	PlaqueConsented: "consented_at", PlaqueIssued: "issued_at", PlaqueHung: "hung_at", PlaqueSuspended: "suspended_at",
	PlaqueReturned: "returned_at",
}

// savePlaque takes p to its next state, unless somebody was faster.
func savePlaque(ctx context.Context, tx *db.Tx, p Plaque, next State, reason string) error {
	found, err := tx.Change(ctx, `
		UPDATE plaque
		SET state = ?, reason = ?, `+plaqueMoments[next]+` = ?, version = version + 1
		WHERE id = ? AND version = ?`, next, reason, tx.Now, p.ID, p.Version)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", string(next))
	}
	return db.Wrap(err, nil, "take plaque %d to %s", p.ID, next)
}

func saveDoorShown(ctx context.Context, tx *db.Tx, p Plaque, shown bool) error {
	_, err := tx.Change(ctx, `UPDATE plaque SET door_shown = ?, version = version + 1 WHERE id = ?`, shown, p.ID)
	return db.Wrap(err, nil, "show the door of plaque %d", p.ID)
}

// unconsented are plaques that are somewhere though their members do not agree to it any more.
func unconsented(ctx context.Context, q db.Queryer, day calendar.Day) (all []Plaque, err error) {
	var out []Plaque
	err = q.Select(ctx, &out, plaqueColumns+`
		WHERE q.state IN (?, ?, ?, ?) AND q.ordered_at IS NULL
		  AND NOT EXISTS (
		    SELECT 1
		    FROM disclosure_consent c
		    WHERE c.person_id = q.person_id AND c.purpose = ? AND c.newest = ? AND c.state = ?)
		ORDER BY q.id
		LIMIT 100`, day, day, PlaqueConsented, PlaqueIssued, PlaqueHung, PlaqueSuspended, privacy.ForPlaque, true, privacy.Given)
	return out, db.Wrap(err, nil, "find plaques without consent")
}

// orderBack notes that a plaque must come back; one that was never handed out is only proposed again.
func orderBack(ctx context.Context, tx *db.Tx, p Plaque) (first bool, err error) {
	state, ordered := p.State, &tx.Now
	if p.State == PlaqueConsented {
		state, ordered = PlaqueProposed, (*time.Time)(nil)
	}
	found, err := tx.Change(ctx, `
		UPDATE plaque
		SET state = ?, ordered_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, state, ordered, p.ID, p.Version)
	return found == 1, db.Wrap(err, nil, "order plaque %d back", p.ID)
}

// bearerOf is at whose door a plaque hangs.
func bearerOf(ctx context.Context, q db.Queryer, id PlaqueID) (person org.PersonID, err error) {
	err = q.Get(ctx, &person, `SELECT person_id FROM plaque WHERE id = ? AND state = ? AND ordered_at IS NULL`, id, PlaqueHung)
	return person, db.Wrap(err, problem.ErrNotFound, "find plaque %d", id)
}

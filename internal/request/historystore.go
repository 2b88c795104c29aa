package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// A Step is one line of the history of a request.
type Step struct {
	ID           int64            `db:"id"`
	Move         string           `db:"move"`
	From         *State           `db:"from_state"`
	To           State            `db:"to_state"`
	HolderUnitID org.UnitID       `db:"holder_unit_id"`
	HolderName   string           `db:"holder_name"`
	HolderRole   org.Role         `db:"holder_role"`
	Level        int              `db:"level"`
	Assignment   org.AssignmentID `db:"assignment_id"` // 0: a clock
	Person       org.PersonID     `db:"person_id"`     // who made the move
	Owner        org.PersonID     `db:"owner_id"`      // whose assignment it is: somebody else's, when Person stood in (AA6)
	HappenedAt   time.Time        `db:"happened_at"`
	RecordedAt   time.Time        `db:"recorded_at"`
	InPerson     bool             `db:"told_in_person"`
	Asker        AskerID          `db:"asker_id"`   // 0: no asker made it
	Promise      PromiseID        `db:"promise_id"` // 0: it is about none
	NoteSealed   []byte           `db:"note_sealed"`
	Note         string
}

// A line is one more line of a history, and what somebody wrote to it.
type line struct {
	move string
	from *State
	note string
	at   time.Time // when it happened; zero: now
	told Told

	asker   AskerID   // who made it, if an asker did
	promise PromiseID // that it is about, if it is about one
}

// addStep writes down that by made a move that left r as it now is. History is only ever added to (X26).
func addStep(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, r Request, l line) error {
	if l.at.IsZero() {
		l.at = tx.Now
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO request_history (
			request_id, move, from_state, to_state, holder_unit_id, holder_role, level, person_id, assignment_id,
			happened_at, recorded_at, told_in_person, asker_id, promise_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, l.move, l.from, r.State, r.HolderUnitID, r.HolderRole, r.Level, orNull(int64(by.PersonID)), orNull(int64(by.Assignment)),
		l.at, tx.Now, l.told, orNull(int64(l.asker)), orNull(int64(l.promise)))
	if err != nil {
		return db.Wrap(err, nil, "add %s to the history of request %d", l.move, r.ID)
	}
	if l.note == "" {
		return nil
	}
	note, err := keys.Seal(sealed.Personal, "request_history", "note_sealed", id, l.note)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `
		UPDATE request_history
		SET note_sealed = ?
		WHERE id = ?`, note, id)
	return db.Wrap(err, nil, "seal a note of request %d", r.ID)
}

// history is the steps of a request, the first one first.
func history(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) (steps []Step, err error) {
	if err = q.Select(ctx, &steps, `
		SELECT s.id, s.move, s.from_state, s.to_state, s.holder_unit_id, h.name AS holder_name, s.holder_role, s.level,
		       COALESCE(s.assignment_id, 0) AS assignment_id, COALESCE(s.person_id, 0) AS person_id,
		       COALESCE(a.person_id, 0) AS owner_id, s.happened_at, s.recorded_at, s.told_in_person,
		       COALESCE(s.asker_id, 0) AS asker_id, COALESCE(s.promise_id, 0) AS promise_id, s.note_sealed
		FROM request_history s
		JOIN unit h ON h.id = s.holder_unit_id
		LEFT JOIN role_assignment a ON a.id = s.assignment_id
		WHERE s.request_id = ?
		ORDER BY s.recorded_at, s.id`, id); err != nil {
		return nil, db.Wrap(err, nil, "read the history of request %d", id)
	}
	for i := range steps {
		s := &steps[i]
		if s.Note, err = keys.Open(sealed.Personal, "request_history", "note_sealed", s.ID, s.NoteSealed); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// climbed is the level of the ladder that a request stands at, or stood at before it went beside the levels.
func climbed(ctx context.Context, q db.Queryer, r Request) (level int, err error) {
	if r.Level > 0 {
		return r.Level, nil
	}
	err = q.Get(ctx, &level, `
		SELECT level
		FROM request_history
		WHERE request_id = ? AND level > 0
		ORDER BY recorded_at DESC, id DESC
		LIMIT 1`, r.ID)
	return level, db.Wrap(err, nil, "find how far request %d has climbed", r.ID)
}

// heldOnce says whether by's unit, or by's role in it, or a unit for which by acts meanwhile, holds the request or held it
// before; else it is not found.
func heldOnce(ctx context.Context, q db.Queryer, by org.Actor, id ID) error {
	held, args, err := holdsToday(ctx, q, by, "l.holder_unit_id", "l.holder_role")
	if err != nil {
		return err
	}
	var first int64
	err = q.Get(ctx, &first, `
		SELECT l.id
		FROM request_history l
		JOIN request r ON r.id = l.request_id
		WHERE l.request_id = ? AND `+held+`
		  AND `+unsparing+`
		ORDER BY l.id
		LIMIT 1`, append(append([]any{id}, args...), sparing(by, calendar.DayOf(db.NowOf(q)))...)...)
	return db.Wrap(err, problem.ErrNotFound, "find whether request %d was held", id)
}

// A seat is a unit, or a role in it, that holds requests.
type seat struct {
	Unit  org.UnitID `db:"holder_unit_id"`
	Role  org.Role   `db:"holder_role"`
	Level int        `db:"level"`
}

// earlierSeats are those who held r before its holder.
func earlierSeats(ctx context.Context, q db.Queryer, r Request) (seats []seat, err error) {
	err = q.Select(ctx, &seats, `
		SELECT DISTINCT holder_unit_id, holder_role, level
		FROM request_history
		WHERE request_id = ? AND (holder_unit_id <> ? OR holder_role <> ?)
		ORDER BY level, holder_unit_id`, r.ID, r.HolderUnitID, r.HolderRole)
	return seats, db.Wrap(err, nil, "find who held request %d before", r.ID)
}

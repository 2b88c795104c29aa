package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// joinCall adds one more thing to tell to the call that an asker still waits for, and says whether there is one.
func joinCall(ctx context.Context, tx *db.Tx, asker AskerID, since time.Time) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE call_task
		SET messages = messages + 1
		WHERE open_asker_id = ?`, asker)
	if err == nil && found > 0 { // what comes late may have happened before
		_, err = tx.Change(ctx, `
			UPDATE call_task
			SET opened_at = ?
			WHERE open_asker_id = ? AND opened_at > ?`, since, asker, since)
	}
	return found > 0, db.Wrap(err, nil, "join the call to asker %d", asker)
}

// insertCall stores a call to an asker; a duplicate if they still wait for one.
func insertCall(ctx context.Context, tx *db.Tx, r ID, asker AskerID, caller seat, since time.Time) (CallID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO call_task (request_id, asker_id, unit_id, role, state, open_asker_id, messages, due_on, opened_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r, asker, caller.Unit, caller.Role, CallOpen, asker, 1, calendar.DayOf(tx.Now), since)
	if err != nil && !db.IsDuplicate(err) {
		err = db.Wrap(err, nil, "insert a call to asker %d", asker)
	}
	return CallID(id), err
}

const callColumns = `
	c.id, c.request_id, c.asker_id, c.unit_id, c.role, c.state, c.messages, c.tries, c.tried_on, c.due_on, c.opened_at,
	c.ended_at, c.version`

// makesCall is the condition that call c is by's to make, perhaps for a unit that nobody leads, or since it is about a concern
// that is kept from its caller, and its arguments.
func makesCall(ctx context.Context, q db.Queryer, by org.Actor) (condition string, args []any, err error) {
	condition, args, err = holdsToday(ctx, q, by, "c.unit_id", "c.role")
	if err != nil {
		return "", nil, err
	}
	ids, err := keptCalls(ctx, q, by)
	if err != nil || len(ids) == 0 {
		return condition, args, err
	}
	in, also, err := db.In(`c.id IN (?)`, ids)
	return `(` + condition + ` OR ` + in + `)`, append(args, also...), err
}

// callsAboutConcerns are the open calls about concerns by units in a range of paths. Concerns are few, and found by their
// category; there may still be something to say of one that is over.
func callsAboutConcerns(ctx context.Context, q db.Queryer, from, to string) (all []Call, err error) {
	err = q.Select(ctx, &all, `
		SELECT`+callColumns+`
		FROM request r
		JOIN call_task c ON c.request_id = r.id
		JOIN unit u ON u.id = c.unit_id
		WHERE r.category = ? AND r.is_open IN (?, ?) AND c.state IN (?, ?) AND u.path >= ? AND u.path < ?
		ORDER BY c.id`, HolderConcern, true, false, CallOpen, CallNotReached, from, to)
	return all, db.Wrap(err, nil, "find calls about concerns below a unit")
}

// findCall is a call that by has to make or to decide about, perhaps for a unit that nobody leads; else it is not found.
func findCall(ctx context.Context, q db.Queryer, by org.Actor, id CallID) (c Call, err error) {
	makes, args, err := makesCall(ctx, q, by)
	if err != nil {
		return Call{}, err
	}
	err = q.Get(ctx, &c, `
		SELECT`+callColumns+`
		FROM call_task c
		JOIN request r ON r.id = c.request_id
		WHERE `+makes+`
		  AND c.id = ?
		  AND `+unsparing, append(append(args, id), sparing(by, calendar.DayOf(db.NowOf(q)))...)...)
	return c, db.Wrap(err, problem.ErrNotFound, "find call %d", id)
}

// listCalls are the calls that by has to make or to decide about, the oldest first.
func listCalls(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (rows []Call, err error) {
	makes, args, err := makesCall(ctx, q, by)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &rows, `
		SELECT`+callColumns+`
		FROM call_task c
		JOIN request r ON r.id = c.request_id
		WHERE `+makes+`
		  AND c.state IN (?, ?)
		  AND c.opened_at >= ? AND (c.opened_at > ? OR c.id > ?)
		  AND `+unsparing+`
		ORDER BY c.opened_at, c.id
		LIMIT ?`, append(append(append(args, CallOpen, CallNotReached, p.At, p.At, p.ID),
		sparing(by, calendar.DayOf(db.NowOf(q)))...), p.Limit())...)
	return rows, db.Wrap(err, nil, "list calls")
}

// saveCall stores c as its caller has left it, unless somebody was faster. Who is still to be decided about is not called
// a second time.
func saveCall(ctx context.Context, tx *db.Tx, by org.Actor, c *Call) error {
	over := c.State == CallReached || c.State == CallDropped
	var waits, who *int64
	var ended any
	if !over {
		waits = orNull(int64(c.Asker))
	} else {
		who, ended = orNull(int64(by.PersonID)), tx.Now
	}
	found, err := tx.Change(ctx, `
		UPDATE call_task
		SET unit_id = ?, role = ?, state = ?, open_asker_id = ?, tries = ?, tried_on = ?, due_on = ?, ended_at = ?,
		    ended_by = ?, version = version + 1
		WHERE id = ? AND version = ?`,
		c.Unit, c.Role, c.State, waits, c.Tries, c.TriedOn, c.DueOn, ended, who, c.ID, c.Version)
	if err == nil && found == 0 {
		return ErrCallOver
	}
	c.Version++
	return db.Wrap(err, nil, "finish call %d", c.ID)
}

// dropCall ends the call that an asker still waits for: they have heard by themselves.
func dropCall(ctx context.Context, tx *db.Tx, asker AskerID) error {
	_, err := tx.Change(ctx, `
		UPDATE call_task
		SET state = ?, open_asker_id = NULL, ended_at = ?, version = version + 1
		WHERE open_asker_id = ?`, CallDropped, tx.Now, asker)
	return db.Wrap(err, nil, "drop the call to asker %d", asker)
}

// findContact are the sealed values of an asker's contact; of the first one of a request if asker is 0.
func findContact(ctx context.Context, q db.Queryer, r ID, asker AskerID) (id AskerID, who, phone []byte, err error) {
	var row struct {
		ID    AskerID `db:"id"`
		Who   []byte  `db:"address_sealed"`
		Phone []byte  `db:"phone_sealed"`
	}
	err = q.Get(ctx, &row, `
		SELECT id, address_sealed, phone_sealed
		FROM request_asker
		WHERE request_id = ? AND (id = ? OR ? = 0)
		ORDER BY id
		LIMIT 1`, r, asker, asker)
	return row.ID, row.Who, row.Phone, db.Wrap(err, problem.ErrNotFound, "find the contact of an asker of request %d", r)
}

// wordsOf is what an asker has said and has written since, sealed; of somebody who asks for what others have told the latter
// alone.
func wordsOf(ctx context.Context, q db.Queryer, id AskerID) (values []privacy.Value, err error) {
	a, err := findAsker(ctx, q, id)
	if err != nil {
		return nil, err
	}
	told, err := ownWords(ctx, q, a.Hash)
	if err != nil {
		return nil, err
	}
	if told != 0 {
		value := privacy.Value{Field: OwnWords, Class: sealed.Personal, Table: "request", Column: "text_sealed", ID: int64(told)}
		if err := q.Get(ctx, &value.Cipher, `SELECT text_sealed FROM request WHERE id = ?`, told); err != nil {
			return nil, db.Wrap(err, problem.ErrNotFound, "find what asker %d has said", id)
		}
		values = append(values, value)
	}
	shares, err := sharesOf(ctx, q, sealed.Of(q), a)
	if err != nil {
		return nil, err
	}
	for _, l := range shared(shares) {
		if l.Asker == a.ID && l.Assignment == 0 && l.NoteSealed != nil { // not what somebody wrote down for them
			values = append(values, privacy.Value{
				Field: OwnWords, Class: sealed.Personal, Table: "request_history", Column: "note_sealed", ID: l.ID, Cipher: l.NoteSealed,
			})
		}
	}
	return values, nil
}

// lateSince are the moments, since one, at which the askers of shares heard that something comes later than promised:
// once of what was due at the same time.
func lateSince(ctx context.Context, q db.Queryer, shares []share, since time.Time) (all []time.Time, err error) {
	for _, h := range shares {
		var misses []struct {
			Due time.Time `db:"due_at"`
			At  time.Time `db:"recorded_at"`
		}
		if err := q.Select(ctx, &misses, `
			SELECT due_at, recorded_at
			FROM request_miss
			WHERE request_id = ? AND target <> ? AND recorded_at >= ?
			ORDER BY recorded_at, id`, h.Request, accepting, since); err != nil {
			return nil, db.Wrap(err, nil, "find what is late of request %d", h.Request)
		}
		due := map[int64]bool{}
		for _, m := range misses {
			if !due[m.Due.UnixMilli()] && h.during(m.At) {
				due[m.Due.UnixMilli()] = true
				all = append(all, m.At)
			}
		}
	}
	return all, nil
}

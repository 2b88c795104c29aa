package board

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// A place is where a page belongs, and which version of a board is meant.
type place struct {
	unit   org.UnitID
	number int
}

// placeOfPage finds a public page; what is no public page is not found.
func placeOfPage(ctx context.Context, q db.Queryer, p PageRef) (at place, err error) {
	var row struct {
		Unit   org.UnitID `db:"unit_id"`
		Number int        `db:"number"`
	}
	switch p.Kind {
	case BoardPage:
		err = q.Get(ctx, &row, `SELECT place_id AS unit_id, latest AS number FROM board WHERE id = ? AND latest > 0`, p.ID)
	case PlaquePage:
		err = q.Get(ctx, &row, `
			SELECT e.place_id AS unit_id, 0 AS number
			FROM plaque q
			JOIN premises h ON h.id = q.premises_id
			JOIN entrance e ON e.id = h.entrance_id
			WHERE q.id = ? AND q.state = ?`, p.ID, PlaqueHung)
	case PublicationPage:
		err = q.Get(ctx, &row, `SELECT unit_id, 0 AS number FROM publication WHERE id = ? AND state = ?`, p.ID, PublicationPublished)
	case MediaPage:
		err = q.Get(ctx, &row, `
			SELECT m.unit_id, 0 AS number
			FROM media m
			JOIN publication n ON n.id = m.publication_id
			WHERE m.id = ? AND n.state = ?`, p.ID, PublicationPublished)
	case PlaquesPage, NoticesPage:
		err = q.Get(ctx, &row, `SELECT id AS unit_id, 0 AS number FROM unit WHERE id = ? AND tree = ? AND level >= 4`, p.ID, org.GridTree)
	default:
		return at, problem.ErrNotFound
	}
	return place{row.Unit, row.Number}, db.Wrap(err, problem.ErrNotFound, "find the page %s %d", p.Kind, p.ID)
}

// hiddenOf are those of pages, of a kind that has no versions, that are hidden by a takedown, with its state: upheld stands
// before hidden_pending.
func hiddenOf(ctx context.Context, q db.Queryer, kind PageKind, ids []int64) (map[int64]State, error) {
	hidden := map[int64]State{}
	if len(ids) == 0 {
		return hidden, nil
	}
	query, args, err := db.In(`
		SELECT DISTINCT ref_id, state
		FROM takedown
		WHERE kind = ? AND ref_id IN (?) AND state IN (?, ?)
		ORDER BY state`, kind, ids, HiddenPending, Upheld)
	if err != nil {
		return nil, err
	}
	var found []struct {
		ID    int64 `db:"ref_id"`
		State State `db:"state"`
	}
	err = q.Select(ctx, &found, query, args...)
	for _, f := range found {
		hidden[f.ID] = f.State
	}
	return hidden, db.Wrap(err, nil, "ask which of %d pages %s are hidden", len(ids), kind)
}

// hiddenAs is the state of the takedown that hides a page: it waits for its decision, or it was right, until another editor
// lifts it: a board whose content changes is still the one complained of. It is "" of a page that is shown.
func hiddenAs(ctx context.Context, q db.Queryer, p PageRef) (State, error) {
	var states []State
	err := q.Select(ctx, &states, `
		SELECT DISTINCT state
		FROM takedown
		WHERE kind = ? AND ref_id = ? AND state IN (?, ?)
		ORDER BY state DESC`, p.Kind, p.ID, HiddenPending, Upheld)
	if err != nil || len(states) == 0 {
		return "", db.Wrap(err, nil, "ask whether the page %s %d is hidden", p.Kind, p.ID)
	}
	return states[0], nil // upheld stands before hidden_pending
}

// saidToBeShown says whether an editor has said since a moment that a page, of a board this version, may be shown.
func saidToBeShown(ctx context.Context, q db.Queryer, p PageRef, number int, since time.Time) (said bool, err error) {
	err = q.Get(ctx, &said, `
		SELECT COUNT(*) > 0
		FROM takedown
		WHERE kind = ? AND ref_id = ? AND ref_number >= ? AND state IN (?, ?) AND decided_at > ?`,
		p.Kind, p.ID, number, Declined, Lifted, since)
	return said, db.Wrap(err, nil, "ask whether the page %s %d may be shown", p.Kind, p.ID)
}

const takedownColumns = `
	SELECT t.id, t.kind, t.ref_id, t.ref_number, t.unit_id, t.state, t.person_id, t.received_at, t.due_at, t.decided_by,
	       t.decided_at, t.reason,
	       t.text_sealed, t.code_sealed
	FROM takedown t
	JOIN unit u ON u.id = t.unit_id`

func takedownByID(ctx context.Context, q db.Queryer, id TakedownID) (t Takedown, err error) {
	err = q.Get(ctx, &t, takedownColumns+` WHERE t.id = ?`, id)
	return t, db.Wrap(err, problem.ErrNotFound, "find takedown %d", id)
}

func findTakedown(ctx context.Context, q db.Queryer, by org.Actor, id TakedownID) (t Takedown, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &t, takedownColumns+` WHERE t.id = ? AND u.path >= ? AND u.path < ?`, id, from, to)
	return t, db.Wrap(err, problem.ErrNotFound, "find takedown %d", id)
}

func listTakedowns(ctx context.Context, q db.Queryer, by org.Actor, states []State, p page.Page) (all []Takedown, err error) {
	from, to := by.Scope()
	query, args, err := db.In(takedownColumns+`
		WHERE t.state IN (?) AND u.path >= ? AND u.path < ? AND t.id < ?
		ORDER BY t.id DESC
		LIMIT ?`, states, from, to, p.ID, p.Limit())
	if err != nil {
		return nil, err
	}
	return all, db.Wrap(q.Select(ctx, &all, query, args...), nil, "list takedowns")
}

// holdTakedowns keeps those of a page that wait as they are until the transaction is over: nobody joins what is being
// decided, and nobody decides what is being joined.
func holdTakedowns(ctx context.Context, tx *db.Tx, p PageRef) error {
	var held []TakedownID
	err := tx.Select(ctx, &held, `
		SELECT id
		FROM takedown
		WHERE kind = ? AND ref_id = ? AND state IN (?, ?)
		ORDER BY id`+db.ForUpdate, p.Kind, p.ID, Received, HiddenPending)
	return db.Wrap(err, nil, "hold what waits for the page %s %d", p.Kind, p.ID)
}

// A work is what somebody made that a page shows.
type work struct {
	Publication int64        `db:"id"`
	Kind        string       `db:"kind"`
	Author      org.PersonID `db:"author_id"`
}

// workOn is what a page shows; the zero work, if nobody of their own made it.
func workOn(ctx context.Context, q db.Queryer, p PageRef) (work, error) {
	var query string
	switch p.Kind {
	case PublicationPage:
		query = `SELECT id, kind, author_id FROM publication WHERE id = ?`
	case MediaPage:
		query = `SELECT publication_id AS id, 'media' AS kind, author_id FROM media WHERE id = ? AND publication_id IS NOT NULL`
	default:
		return work{}, nil
	}
	var found []work
	if err := q.Select(ctx, &found, query, p.ID); err != nil || len(found) == 0 {
		return work{}, db.Wrap(err, nil, "find what the page %s %d shows", p.Kind, p.ID)
	}
	return found[0], nil
}

// meantBy are those whom somebody means who complains at a moment of a page: who made it, and whom it showed then or shows
// today. The notices of a place are about nobody.
func meantBy(ctx context.Context, q db.Queryer, p PageRef, at time.Time) (all []org.PersonID, err error) {
	switch p.Kind {
	case BoardPage:
		return shownOn(ctx, q, ID(p.ID), at)
	case PlaquePage:
		err = q.Select(ctx, &all, `
			SELECT person_id
			FROM plaque
			WHERE id = ?
			UNION
			SELECT proposed_by
			FROM plaque
			WHERE id = ?`, p.ID, p.ID)
	case PlaquesPage:
		err = q.Select(ctx, &all, `
			SELECT q.person_id
			FROM entrance e
			JOIN premises h ON h.entrance_id = e.id
			JOIN plaque q ON q.premises_id = h.id
			WHERE e.place_id = ? AND q.hung_at IS NOT NULL AND (q.returned_at IS NULL OR q.returned_at >= ?)`, p.ID, at)
	case PublicationPage:
		err = q.Select(ctx, &all, `
			SELECT author_id AS person_id
			FROM publication
			WHERE id = ?
			UNION
			SELECT author_id
			FROM media
			WHERE publication_id = ?
			UNION
			SELECT person_id
			FROM depicted
			WHERE owner_type = ? AND owner_id = ? AND person_id IS NOT NULL AND (ended_at IS NULL OR ended_at >= ?)
			UNION
			SELECT d.person_id
			FROM media m
			JOIN depicted d ON d.owner_id = m.id
			WHERE m.publication_id = ? AND d.owner_type = ? AND d.person_id IS NOT NULL AND (d.ended_at IS NULL OR d.ended_at >= ?)`,
			p.ID, p.ID, inPublication, p.ID, at, p.ID, inMedia, at)
	case MediaPage: // and who made the story that it hangs in, or is named there
		err = q.Select(ctx, &all, `
			SELECT author_id AS person_id
			FROM media
			WHERE id = ?
			UNION
			SELECT n.author_id
			FROM media m
			JOIN publication n ON n.id = m.publication_id
			WHERE m.id = ?
			UNION
			SELECT person_id
			FROM depicted
			WHERE owner_type = ? AND owner_id = ? AND person_id IS NOT NULL AND (ended_at IS NULL OR ended_at >= ?)
			UNION
			SELECT d.person_id
			FROM media m
			JOIN depicted d ON d.owner_id = m.publication_id
			WHERE m.id = ? AND d.owner_type = ? AND d.person_id IS NOT NULL AND (d.ended_at IS NULL OR d.ended_at >= ?)`,
			p.ID, p.ID, inMedia, p.ID, at, p.ID, inPublication, at)
	case NoticesPage:
	}
	return all, db.Wrap(err, nil, "find whom the page %s %d is about", p.Kind, p.ID)
}

// waitingTakedowns are those of a page that wait for a decision, the first of them first.
func waitingTakedowns(ctx context.Context, q db.Queryer, p PageRef) (all []Takedown, err error) {
	err = q.Select(ctx, &all, takedownColumns+`
		WHERE t.kind = ? AND t.ref_id = ? AND t.state IN (?, ?)
		ORDER BY t.id`, p.Kind, p.ID, Received, HiddenPending)
	return all, db.Wrap(err, nil, "find what waits for the page %s %d", p.Kind, p.ID)
}

// upheldTakedowns are those for which a page is hidden.
func upheldTakedowns(ctx context.Context, q db.Queryer, p PageRef) (all []Takedown, err error) {
	err = q.Select(ctx, &all, takedownColumns+`
		WHERE t.kind = ? AND t.ref_id = ? AND t.state = ?
		ORDER BY t.id`, p.Kind, p.ID, Upheld)
	return all, db.Wrap(err, nil, "find what hides the page %s %d", p.Kind, p.ID)
}

// takedownByCode finds a takedown by the code of whoever asked.
func takedownByCode(ctx context.Context, q db.Queryer, keys *sealed.Keys, code Code) (t Takedown, err error) {
	query, args, err := db.In(takedownColumns+` WHERE t.code_hash IN (?)`, keys.Derivations(takedowns, []byte(code)))
	if err != nil {
		return t, err
	}
	err = q.Get(ctx, &t, query, args...)
	return t, db.Wrap(err, problem.ErrNotFound, "find a takedown by its code")
}

func insertTakedown(ctx context.Context, tx *db.Tx, keys *sealed.Keys, t Takedown, code Code, why string) (TakedownID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO takedown (kind, ref_id, ref_number, unit_id, state, code_hash, person_id, received_at, due_at, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')`,
		t.Kind, t.PageRef.ID, t.Number, t.UnitID, t.State, keys.Derive(takedowns, []byte(code)), t.PersonID, t.ReceivedAt, t.DueAt)
	if err != nil {
		return 0, db.Wrap(err, nil, "receive a takedown")
	}
	text, err := keys.Seal(sealed.Personal, "takedown", "text_sealed", id, why)
	if err != nil {
		return 0, err
	}
	shown, err := keys.Seal(sealed.Personal, "takedown", "code_sealed", id, string(code))
	if err != nil {
		return 0, err
	}
	_, err = tx.Change(ctx, `UPDATE takedown SET text_sealed = ?, code_sealed = ? WHERE id = ?`, text, shown, id)
	return TakedownID(id), db.Wrap(err, nil, "seal takedown %d", id)
}

// saveDecision takes t to its next state, unless somebody was faster.
func saveDecision(ctx context.Context, tx *db.Tx, by org.Actor, t Takedown, decision State, reason string) error {
	found, err := tx.Change(ctx, `
		UPDATE takedown
		SET state = ?, decided_by = ?, decided_at = ?, reason = ?
		WHERE id = ? AND state = ?`, decision, by.PersonID, tx.Now, reason, t.ID, t.State)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", string(decision))
	}
	return db.Wrap(err, nil, "decide takedown %d", t.ID)
}

func lateTakedowns(ctx context.Context, q db.Queryer, now time.Time) (all []Takedown, err error) {
	err = q.Select(ctx, &all, takedownColumns+`
		WHERE t.state IN (?, ?) AND t.due_at <= ? AND t.late_told_at IS NULL
		ORDER BY t.due_at, t.id
		LIMIT 100`, Received, HiddenPending, now)
	return all, db.Wrap(err, nil, "find takedowns that are late")
}

func noteLate(ctx context.Context, tx *db.Tx, id TakedownID) (first bool, err error) {
	found, err := tx.Change(ctx, `UPDATE takedown SET late_told_at = ? WHERE id = ? AND late_told_at IS NULL`, tx.Now, id)
	return found == 1, db.Wrap(err, nil, "note that takedown %d is late", id)
}

func insertFeedback(ctx context.Context, tx *db.Tx, keys *sealed.Keys, p PageRef, unit org.UnitID, text string) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO feedback (kind, ref_id, unit_id, received_at)
		VALUES (?, ?, ?, ?)`, p.Kind, p.ID, unit, tx.Now)
	if err != nil {
		return db.Wrap(err, nil, "receive feedback")
	}
	cipher, err := keys.Seal(sealed.Personal, "feedback", "text_sealed", id, text)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `UPDATE feedback SET text_sealed = ? WHERE id = ?`, cipher, id)
	return db.Wrap(err, nil, "seal feedback %d", id)
}

func findFeedback(ctx context.Context, q db.Queryer, by org.Actor, id int64) (f Feedback, err error) {
	from, to := by.Scope()
	err = q.Get(ctx, &f, `
		SELECT f.id, f.kind, f.ref_id, f.received_at, f.text_sealed
		FROM feedback f
		JOIN unit u ON u.id = f.unit_id
		WHERE f.id = ? AND u.path >= ? AND u.path < ?`, id, from, to)
	return f, db.Wrap(err, problem.ErrNotFound, "find feedback %d", id)
}

func listFeedback(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Feedback, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, `
		SELECT f.id, f.kind, f.ref_id, f.received_at, f.text_sealed
		FROM feedback f
		JOIN unit u ON u.id = f.unit_id
		WHERE u.path >= ? AND u.path < ? AND f.received_at <= ? AND (f.received_at < ? OR f.id < ?)
		ORDER BY f.received_at DESC, f.id DESC
		LIMIT ?`, from, to, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list feedback")
}

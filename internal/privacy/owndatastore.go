package privacy

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

const ownDataColumns = `
	SELECT o.id, o.kind, o.channel, o.person_id, o.asker_id, o.unit_id, o.state, o.text_sealed, o.answer_sealed, o.received_at,
	       o.due_on, o.answered_at, o.recorded_by
	FROM own_data o`

func insertOwnData(ctx context.Context, tx *db.Tx, keys *sealed.Keys, o OwnData) (OwnDataID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO own_data (kind, channel, person_id, asker_id, unit_id, state, received_at, due_on, recorded_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.Kind, o.Channel, o.Person, o.Asker, o.UnitID, o.State, o.ReceivedAt, o.DueOn, o.RecordedBy)
	if err != nil || o.Text == "" {
		return OwnDataID(id), db.Wrap(err, nil, "record what was asked of own data")
	}
	cipher, err := keys.Seal(sealed.Personal, "own_data", "text_sealed", id, o.Text)
	if err != nil {
		return 0, err
	}
	_, err = tx.Change(ctx, `
		UPDATE own_data
		SET text_sealed = ?
		WHERE id = ?`, cipher, id)
	return OwnDataID(id), db.Wrap(err, nil, "seal what was asked of own data")
}

// open unseals what was asked, and what was answered.
func (o *OwnData) open(keys *sealed.Keys) (err error) {
	if o.Text, err = keys.Open(sealed.Personal, "own_data", "text_sealed", int64(o.ID), o.TextSealed); err != nil {
		return err
	}
	o.Answer, err = keys.Open(sealed.Personal, "own_data", "answer_sealed", int64(o.ID), o.AnswerSealed)
	return err
}

// ownDataOf is a page of what somebody asked of their own data, the newest first.
func ownDataOf(ctx context.Context, q db.Queryer, person org.PersonID, p page.Page) (all []OwnData, err error) {
	err = q.Select(ctx, &all, ownDataColumns+`
		WHERE o.person_id = ? AND o.received_at <= ? AND (o.received_at < ? OR o.id < ?)
		ORDER BY o.received_at DESC, o.id DESC
		LIMIT ?`, person, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list what person %d asked of their own data", person)
}

// ownDataOnPaper is what an asker asked on paper, the newest first.
func ownDataOnPaper(ctx context.Context, q db.Queryer, asker int64) (all []OwnData, err error) {
	err = q.Select(ctx, &all, ownDataColumns+`
		WHERE o.asker_id = ?
		ORDER BY o.id DESC
		LIMIT 100`, asker)
	return all, db.Wrap(err, nil, "list what asker %d asked for", asker)
}

func findOwnData(ctx context.Context, q db.Queryer, id OwnDataID) (o OwnData, err error) {
	err = q.Get(ctx, &o, ownDataColumns+` WHERE o.id = ?`, id)
	return o, db.Wrap(err, problem.ErrNotFound, "find own data request %d", id)
}

// findOwnDataOf is what was asked, if by's office answers it: asked on paper below by, or in the app.
func findOwnDataOf(ctx context.Context, q db.Queryer, by org.Actor, id OwnDataID) (o OwnData, err error) {
	from, to := by.PartyScope()
	err = q.Get(ctx, &o, ownDataColumns+`
		LEFT JOIN unit u ON u.id = o.unit_id
		WHERE o.id = ? AND (o.unit_id IS NULL OR (u.path >= ? AND u.path < ?))`, id, from, to)
	return o, db.Wrap(err, problem.ErrNotFound, "find own data request %d", id)
}

func listOwnData(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []OwnData, err error) {
	from, to := by.PartyScope()
	err = q.Select(ctx, &all, ownDataColumns+`
		LEFT JOIN unit u ON u.id = o.unit_id
		WHERE (o.unit_id IS NULL OR (u.path >= ? AND u.path < ?))
		  AND o.received_at <= ? AND (o.received_at < ? OR o.id < ?)
		ORDER BY o.received_at DESC, o.id DESC
		LIMIT ?`, from, to, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list what was asked of own data")
}

// answerOwnData stores the answer, unless there is one.
func answerOwnData(ctx context.Context, tx *db.Tx, keys *sealed.Keys, o OwnData, to, text string) (err error) {
	var cipher []byte
	if text != "" {
		if cipher, err = keys.Seal(sealed.Personal, "own_data", "answer_sealed", int64(o.ID), text); err != nil {
			return err
		}
	}
	found, err := tx.Change(ctx, `
		UPDATE own_data
		SET state = ?, answer_sealed = ?, answered_at = ?
		WHERE id = ? AND state = ?`, to, cipher, tx.Now, o.ID, ownDataVerified)
	if err == nil && found == 0 {
		return ErrOwnDataState.With("state", to)
	}
	return db.Wrap(err, nil, "answer own data request %d", o.ID)
}

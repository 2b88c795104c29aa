package household

import (
	"context"
	"database/sql"
	"errors"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// supersede ends the yes of a household to a purpose, if it has said one.
func supersede(ctx context.Context, tx *db.Tx, id ID, purpose ConsentPurpose, today calendar.Day) error {
	_, err := tx.Change(ctx, `
		UPDATE household_consent
		SET valid_to = ?
		WHERE premises_id = ? AND purpose = ? AND (valid_to IS NULL OR valid_to > ?)`, today, id, purpose, today)
	return db.Wrap(err, nil, "end a consent of household %d", id)
}

func insertConsent(ctx context.Context, tx *db.Tx, by org.Actor, n NewConsent, from calendar.Day) (int64, error) {
	var until *calendar.Day
	if n.Until != "" {
		until = &n.Until
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO household_consent (
			premises_id, purpose, wording, channel, valid_from, valid_to, person_id, assignment_id, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Household, n.Purpose, n.Wording, n.Channel, from, until, by.PersonID, by.Assignment, tx.Now)
	return id, db.Wrap(err, nil, "insert a consent of household %d", n.Household)
}

// insertRefusal stores a no: a consent that never holds.
func insertRefusal(ctx context.Context, tx *db.Tx, by org.Actor, id ID, purpose ConsentPurpose, channel string) error {
	today := calendar.DayOf(tx.Now)
	_, err := tx.Insert(ctx, `
		INSERT INTO household_consent (
			premises_id, purpose, wording, channel, valid_from, valid_to, withdrawn_at, person_id, assignment_id, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, purpose, "", channel, today, today, tx.Now, by.PersonID, by.Assignment, tx.Now)
	return db.Wrap(err, nil, "insert a refusal of household %d", id)
}

const consentColumns = `c.id, c.premises_id, c.purpose, c.wording, c.valid_from, c.valid_to, c.withdrawn_at`

// newestConsent is what a household has said last to a purpose; the zero one if nothing. What others said who lived there
// before is neither its yes nor its no.
func newestConsent(ctx context.Context, q db.Queryer, id ID, purpose ConsentPurpose) (c Consent, err error) {
	err = q.Get(ctx, &c, `
		SELECT `+consentColumns+`
		FROM household_consent c
		JOIN premises p ON p.id = c.premises_id
		WHERE c.premises_id = ? AND c.purpose = ? AND (p.left_at IS NULL OR c.recorded_at >= p.left_at)
		ORDER BY c.valid_from DESC, c.id DESC
		LIMIT 1`, id, purpose)
	if errors.Is(err, sql.ErrNoRows) {
		return Consent{}, nil
	}
	return c, db.Wrap(err, nil, "find the consent of household %d", id)
}

// consents are what a household has said last to each purpose that it was asked for.
func consents(ctx context.Context, q db.Queryer, id ID) (all []Consent, err error) {
	for _, p := range purposes {
		c, err := newestConsent(ctx, q, id, p)
		if err != nil {
			return nil, err
		}
		if c.ID != 0 {
			all = append(all, c)
		}
	}
	return all, nil
}

// mute puts what a household says about visits in place of what it said before. That a visit is welcome is written down too: what
// was said earlier and is sent later does not come after it.
func mute(ctx context.Context, tx *db.Tx, id ID, from, until calendar.Day, said *VisitID) error {
	today := calendar.DayOf(tx.Now)
	if _, err := tx.Change(ctx, `
		UPDATE household_mute
		SET valid_to = ?
		WHERE premises_id = ? AND valid_to > ?`, today, id, today); err != nil {
		return db.Wrap(err, nil, "end the mutes of household %d", id)
	}
	_, err := tx.Change(ctx, `
		INSERT INTO household_mute (premises_id, valid_from, valid_to, visit_id, recorded_at)
		VALUES (?, ?, ?, ?, ?)`, id, from, max(from, until), said, tx.Now)
	return db.Wrap(err, nil, "mute household %d", id)
}

package privacy

import (
	"context"
	"database/sql"
	"errors"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

const consentColumns = `
	SELECT id, person_id, purpose, version, state, said_at, ended_at, recorded_by, witness_id
	FROM disclosure_consent`

// newestConsents are what a person said last on each purpose that they were asked about.
func newestConsents(ctx context.Context, q db.Queryer, person org.PersonID) (all []Consent, err error) {
	err = q.Select(ctx, &all, consentColumns+`
		WHERE person_id = ? AND newest = ?
		ORDER BY purpose`, person, true)
	return all, db.Wrap(err, nil, "list the consents of person %d", person)
}

// newestConsent is what a person said last on a purpose; NotAsked if they were not asked.
func newestConsent(ctx context.Context, q db.Queryer, person org.PersonID, p ConsentPurpose) (c Consent, err error) {
	err = q.Get(ctx, &c, consentColumns+`
		WHERE person_id = ? AND purpose = ? AND newest = ?`, person, p, true)
	if errors.Is(err, sql.ErrNoRows) {
		return Consent{PersonID: person, Purpose: p, State: NotAsked}, nil
	}
	return c, db.Wrap(err, nil, "find the consent of person %d to %s", person, p)
}

// Gave says whether a person consents to having shown of them what p names, in its present words.
func Gave(ctx context.Context, q db.Queryer, person org.PersonID, p ConsentPurpose) (bool, error) {
	c, err := newestConsent(ctx, q, person, p)
	return c.Holds(), err
}

// GaveOf are those of persons who consent to p, by hundreds.
func GaveOf(ctx context.Context, q db.Queryer, persons []org.PersonID, p ConsentPurpose) (map[org.PersonID]bool, error) {
	gave := make(map[org.PersonID]bool, len(persons))
	if len(persons) == 0 {
		return gave, nil
	}
	query, args, err := db.In(consentColumns+`
		WHERE person_id IN (?) AND purpose = ? AND newest = ?`, persons, p, true)
	if err != nil {
		return nil, err
	}
	var all []Consent
	if err := q.Select(ctx, &all, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who of %d persons consents to %s", len(persons), p)
	}
	for _, c := range all {
		gave[c.PersonID] = c.Holds()
	}
	return gave, nil
}

// endConsent ends c with a state, unless somebody was faster. It stays the newest if nothing follows it.
func endConsent(ctx context.Context, tx *db.Tx, c Consent, to ConsentState, newest bool) error {
	var stays *bool
	if newest {
		stays = &newest
	}
	found, err := tx.Change(ctx, `
		UPDATE disclosure_consent
		SET state = ?, ended_at = ?, newest = ?
		WHERE id = ? AND state = ? AND newest = ?`, to, tx.Now, stays, c.ID, c.State, true)
	if err == nil && found == 0 {
		return ErrConsentState.With("state", to)
	}
	return db.Wrap(err, nil, "end consent %d", c.ID)
}

// replaceConsent stores c as the newest word in the place of last, and gives it its id.
func replaceConsent(ctx context.Context, tx *db.Tx, by org.Actor, last Consent, c *Consent) error {
	if last.ID != 0 {
		to, ended := last.State, last.EndedAt // a no and a withdrawal stay what they were
		if to == Given {
			to = Superseded
		}
		if ended == nil {
			ended = &tx.Now
		}
		found, err := tx.Change(ctx, `
			UPDATE disclosure_consent
			SET state = ?, ended_at = ?, newest = NULL
			WHERE id = ? AND newest = ?`, to, ended, last.ID, true)
		if err != nil {
			return db.Wrap(err, nil, "replace consent %d", last.ID)
		}
		if found == 0 {
			return ErrConsentState.With("state", to)
		}
	}
	var assignment *org.AssignmentID
	if c.RecordedBy != c.PersonID {
		assignment = &by.Assignment
	}
	c.SaidAt = tx.Now
	id, err := tx.Insert(ctx, `
		INSERT INTO disclosure_consent (person_id, purpose, version, state, newest, said_at, recorded_by, assignment_id, witness_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.PersonID, c.Purpose, c.Version, c.State, true, c.SaidAt, c.RecordedBy, assignment, c.WitnessID)
	if db.IsDuplicate(err) { // somebody was faster
		return ErrConsentState.With("state", c.State)
	}
	c.ID = ConsentID(id)
	return db.Wrap(err, nil, "store a consent of person %d", c.PersonID)
}

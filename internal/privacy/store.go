package privacy

import (
	"context"
	"errors"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

func insertBasis(ctx context.Context, tx *db.Tx, b Basis) (BasisID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO legal_basis (purpose, instrument, clause, issuer, issued_on, valid_until, state, entered_by, entered_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		b.Purpose, b.Instrument, b.Clause, b.Issuer, b.IssuedOn, b.ValidUntil, b.State, b.EnteredBy, b.EnteredAt)
	return BasisID(id), db.Wrap(err, nil, "record a legal basis")
}

func findBasis(ctx context.Context, q db.Queryer, id BasisID) (b Basis, err error) {
	err = q.Get(ctx, &b, `
		SELECT id, purpose, instrument, clause, issuer, issued_on, valid_until, state, entered_by, entered_at,
			approved_by, approved_at
		FROM legal_basis
		WHERE id = ?`, id)
	return b, db.Wrap(err, problem.ErrNotFound, "find legal basis %d", id)
}

func approveBasis(ctx context.Context, tx *db.Tx, id BasisID, by org.PersonID) (found int64, err error) {
	found, err = tx.Change(ctx, `
		UPDATE legal_basis
		SET state = ?, approved_by = ?, approved_at = ?
		WHERE id = ? AND state = ?`, Approved, by, tx.Now, id, Entered)
	return found, db.Wrap(err, nil, "approve legal basis %d", id)
}

func listBases(ctx context.Context, q db.Queryer, p page.Page) (bases []Basis, err error) {
	err = q.Select(ctx, &bases, `
		SELECT id, purpose, instrument, clause, issuer, issued_on, valid_until, state, entered_by, entered_at,
			approved_by, approved_at
		FROM legal_basis
		WHERE entered_at <= ? AND (entered_at < ? OR id < ?)
		ORDER BY entered_at DESC, id DESC
		LIMIT ?`, p.At, p.At, p.ID, p.Limit())
	return bases, db.Wrap(err, nil, "list legal bases")
}

func saveSetting(ctx context.Context, tx *db.Tx, by org.Actor, s Setting) error {
	var basis any
	if s.BasisID != 0 {
		basis = s.BasisID
	}
	return db.Save(func() (int64, error) {
		found, err := tx.Change(ctx, `
			UPDATE policy_setting
			SET enabled = ?, basis_id = ?, reason = ?, changed_by = ?, changed_at = ?, version = version + 1
			WHERE unit_id = ? AND name = ?`, s.Enabled, basis, s.Reason, by.PersonID, tx.Now, s.UnitID, s.Key)
		return found, db.Wrap(err, nil, "change %s of unit %d", s.Key, s.UnitID)
	}, func() error {
		_, err := tx.Insert(ctx, `
			INSERT INTO policy_setting (name, unit_id, enabled, basis_id, reason, changed_by, changed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, s.Key, s.UnitID, s.Enabled, basis, s.Reason, by.PersonID, tx.Now)
		return db.Wrap(err, nil, "set %s of unit %d", s.Key, s.UnitID)
	})
}

// GeofenceOn says whether the position of a phone may prove a presence at a unit on a day: only while the legal
// basis holds that somebody has recorded and a second person approved (CI7).
func GeofenceOn(ctx context.Context, q db.Queryer, unit org.UnitID, day calendar.Day) (on bool, err error) {
	err = q.Get(ctx, &on, `
		SELECT COUNT(*) > 0
		FROM policy_setting s
		JOIN legal_basis b ON b.id = s.basis_id
		WHERE s.unit_id = ? AND s.name = ? AND s.enabled = ? AND b.state = ? AND b.valid_until > ?`,
		unit, Geofence, true, Approved, day)
	return on, db.Wrap(err, nil, "ask for the geofence of unit %d", unit)
}

// RestsOn says until which day, that one left out, something for a purpose can rest on a legal basis, or why it cannot on
// day.
func RestsOn(ctx context.Context, q db.Queryer, id BasisID, purpose string, day calendar.Day) (until calendar.Day, err error) {
	b, err := findBasis(ctx, q, id)
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return "", err
	}
	if b.Purpose != purpose || !b.Holds(day) {
		return "", ErrBasisMissing
	}
	return b.ValidUntil, nil
}

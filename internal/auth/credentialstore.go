package auth

import (
	"context"
	"fmt"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

type credentialRow struct {
	Person      org.PersonID `db:"person_id"`
	Account     string       `db:"account"`
	Password    *string      `db:"password"`
	Totp        []byte       `db:"totp_sealed"`
	ConfirmedAt *time.Time   `db:"confirmed_at"`
	DisabledAt  *time.Time   `db:"disabled_at"`
}

const credentialColumns = `
	SELECT c.person_id, c.account, c.password, c.totp_sealed, c.confirmed_at, p.disabled_at
	FROM credential c
	JOIN person p ON p.id = c.person_id`

func credentialByAccount(ctx context.Context, q db.Queryer, account string) (c credentialRow, found bool, err error) {
	err = q.Get(ctx, &c, credentialColumns+` WHERE c.account = ?`, account)
	found, err = none(err, "find an account")
	return c, found, err
}

func credentialOf(ctx context.Context, q db.Queryer, person org.PersonID) (c credentialRow, found bool, err error) {
	err = q.Get(ctx, &c, credentialColumns+` WHERE c.person_id = ?`, person)
	found, err = none(err, "find the credential of person %d", person)
	return c, found, err
}

// saveCredential stores account, password and second factor; nobody can sign in with them until confirmed.
func saveCredential(ctx context.Context, tx *db.Tx, c credentialRow) error {
	return db.Save(func() (int64, error) {
		return tx.Change(ctx, `
			UPDATE credential SET account = ?, password = ?, totp_sealed = ?, last_step = 0, confirmed_at = ?, changed_at = ?
			WHERE person_id = ?`, c.Account, c.Password, c.Totp, c.ConfirmedAt, tx.Now, c.Person)
	}, func() error {
		_, err := tx.Change(ctx, `
			INSERT INTO credential (person_id, account, password, totp_sealed, last_step, created_at, confirmed_at, changed_at)
			VALUES (?, ?, ?, ?, 0, ?, ?, ?)`, c.Person, c.Account, c.Password, c.Totp, tx.Now, c.ConfirmedAt, tx.Now)
		return err
	})
}

func confirmCredential(ctx context.Context, tx *db.Tx, person org.PersonID) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE credential SET confirmed_at = ? WHERE person_id = ? AND confirmed_at IS NULL`, tx.Now, person)
	return found, db.Wrap(err, nil, "confirm the credential of person %d", person)
}

// takeStep uses a step of the second factor up: it works once, whoever else shows it at the same moment.
func takeStep(ctx context.Context, tx *db.Tx, person org.PersonID, step int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE credential SET last_step = ? WHERE person_id = ? AND last_step < ?`, step, person, step)
	return found, db.Wrap(err, nil, "use a step of person %d", person)
}

type recoveryRow struct {
	ID   int64  `db:"id"`
	Hash string `db:"hash"`
}

func recoveryCodes(ctx context.Context, q db.Queryer, person org.PersonID) (all []recoveryRow, err error) {
	err = q.Select(ctx, &all, `SELECT id, hash FROM recovery_code WHERE person_id = ? AND used_at IS NULL ORDER BY id`, person)
	return all, db.Wrap(err, nil, "find the recovery codes of person %d", person)
}

func replaceRecovery(ctx context.Context, tx *db.Tx, person org.PersonID, hashes []string) error {
	if _, err := tx.Change(ctx, `DELETE FROM recovery_code WHERE person_id = ?`, person); err != nil {
		return fmt.Errorf("drop the recovery codes of person %d: %w", person, err)
	}
	for _, hash := range hashes {
		if _, err := tx.Insert(ctx, `INSERT INTO recovery_code (person_id, hash, created_at) VALUES (?, ?, ?)`, person, hash, tx.Now); err != nil {
			return fmt.Errorf("store a recovery code of person %d: %w", person, err)
		}
	}
	return nil
}

func useRecovery(ctx context.Context, tx *db.Tx, id int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE recovery_code SET used_at = ? WHERE id = ? AND used_at IS NULL`, tx.Now, id)
	return found, db.Wrap(err, nil, "use recovery code %d", id)
}

func changePassword(ctx context.Context, tx *db.Tx, person org.PersonID, from, to string) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE credential SET password = ?, changed_at = ? WHERE person_id = ? AND password = ?`, to, tx.Now, person, from)
	return found, db.Wrap(err, nil, "change the password of person %d", person)
}

// PINs.

type pinRow struct {
	Hash  string `db:"hash"`
	Tries int    `db:"tries"`
}

func savePin(ctx context.Context, tx *db.Tx, person org.PersonID, device []byte, hash string) error {
	return db.Save(func() (int64, error) {
		return tx.Change(ctx, `UPDATE pin SET hash = ?, tries = 0, created_at = ?, used_at = ? WHERE person_id = ? AND device_hash = ?`,
			hash, tx.Now, tx.Now, person, device)
	}, func() error {
		_, err := tx.Change(ctx, `
			INSERT INTO pin (person_id, device_hash, hash, tries, created_at, used_at)
			VALUES (?, ?, ?, 0, ?, ?)`, person, device, hash, tx.Now, tx.Now)
		return err
	})
}

// tryPin counts a try of the PIN of a device, and finds nothing when there have been too many.
func tryPin(ctx context.Context, tx *db.Tx, person org.PersonID, device []byte) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE pin SET tries = tries + 1 WHERE person_id = ? AND device_hash = ? AND tries < ?`, person, device, pinTries)
	return found, db.Wrap(err, nil, "count a try of the PIN of person %d", person)
}

func findPin(ctx context.Context, q db.Queryer, person org.PersonID, device []byte) (p pinRow, err error) {
	err = q.Get(ctx, &p, `SELECT hash, tries FROM pin WHERE person_id = ? AND device_hash = ?`, person, device)
	return p, db.Wrap(err, ErrPinNeeded, "find the PIN of person %d", person)
}

func pinShown(ctx context.Context, tx *db.Tx, person org.PersonID, device []byte) error {
	found, err := tx.Change(ctx, `UPDATE pin SET tries = 0, used_at = ? WHERE person_id = ? AND device_hash = ?`, tx.Now, person, device)
	if err == nil && found == 0 {
		err = ErrPinNeeded // taken away in between
	}
	return err
}

func dropPins(ctx context.Context, tx *db.Tx, person org.PersonID) error {
	_, err := tx.Change(ctx, `DELETE FROM pin WHERE person_id = ?`, person)
	return db.Wrap(err, nil, "take the PINs of person %d away", person)
}

type challengeRow struct {
	Person     org.PersonID `db:"person_id"`
	Kind       string       `db:"kind"`
	Client     Client       `db:"client"`
	DeviceHash []byte       `db:"device_hash"`
	ExpiresAt  time.Time    `db:"expires_at"`
	UsedAt     *time.Time   `db:"used_at"`
}

func insertChallenge(ctx context.Context, tx *db.Tx, hash []byte, c challengeRow) error {
	_, err := tx.Change(ctx, `
		INSERT INTO sign_in_challenge (hash, person_id, kind, client, device_hash, expires_at)
		VALUES (?, ?, ?, ?, ?, ?)`, hash, c.Person, c.Kind, c.Client, c.DeviceHash, c.ExpiresAt)
	return db.Wrap(err, nil, "store a challenge of person %d", c.Person)
}

func findChallenge(ctx context.Context, q db.Queryer, hash []byte) (c challengeRow, err error) {
	err = q.Get(ctx, &c, `SELECT person_id, kind, client, device_hash, expires_at, used_at FROM sign_in_challenge WHERE hash = ?`, hash)
	return c, db.Wrap(err, ErrChallenge, "find a challenge")
}

func useChallenge(ctx context.Context, tx *db.Tx, hash []byte) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE sign_in_challenge SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?`, tx.Now, hash, tx.Now)
	return found, db.Wrap(err, nil, "use a challenge")
}

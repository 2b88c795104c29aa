package household

import (
	"context"
	"database/sql"
	"errors"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// A Contact is how a household wants to be spoken to and called. It masks itself.
type Contact struct {
	FormOfAddress sealed.Name
	Phone         sealed.Phone
	Version       int64 // 0: there is none
}

// Names of the fields of a contact that can be shown in full.
const (
	FormOfAddress = "form_of_address"
	PhoneNumber   = "phone"
)

// findContact are the sealed values of a contact by the names of their fields, and its version; 0 if there is none.
func findContact(ctx context.Context, q db.Queryer, id ID) (values map[string]privacy.Value, version int64, err error) {
	var row struct {
		Address []byte `db:"address_sealed"`
		Phone   []byte `db:"phone_sealed"`
		Version int64  `db:"version"`
	}
	err = q.Get(ctx, &row, `
		SELECT address_sealed, phone_sealed, version
		FROM household_contact
		WHERE premises_id = ?`, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, 0, db.Wrap(err, nil, "find the contact of household %d", id)
	}
	value := func(field, column string, cipher []byte) privacy.Value {
		return privacy.Value{
			Field: field, Class: sealed.Personal, Table: "household_contact", Column: column, ID: int64(id), Cipher: cipher,
		}
	}
	return map[string]privacy.Value{
		FormOfAddress: value(FormOfAddress, "address_sealed", row.Address),
		PhoneNumber:   value(PhoneNumber, "phone_sealed", row.Phone),
	}, row.Version, nil
}

// readContact opens a contact for the program itself, or to show its masks.
func readContact(ctx context.Context, q db.Queryer, id ID) (Contact, error) {
	values, version, err := findContact(ctx, q, id)
	if err != nil || version == 0 {
		return Contact{}, err
	}
	plain, err := privacy.Plain(q, values[FormOfAddress], values[PhoneNumber])
	if err != nil {
		return Contact{}, err
	}
	return Contact{FormOfAddress: sealed.NameOf(plain[0]), Phone: sealed.PhoneOf(plain[1]), Version: version}, nil
}

// SaveContact stores c in place of the one of c.Version, 0 for none, and returns its new version. Somebody else's
// version is a conflict.
func SaveContact(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id ID, c Contact) (version int64, err error) {
	var address, phone []byte
	var index *int64
	if !c.FormOfAddress.Empty() {
		if address, err = keys.Seal(sealed.Personal, "household_contact", "address_sealed", int64(id), c.FormOfAddress.Reveal()); err != nil {
			return 0, err
		}
	}
	if !c.Phone.Empty() {
		if phone, err = keys.Seal(sealed.Personal, "household_contact", "phone_sealed", int64(id), c.Phone.Reveal()); err != nil {
			return 0, err
		}
		i := keys.PhoneIndex(c.Phone.Reveal())
		index = &i
	}
	if c.Version == 0 {
		_, err = tx.Change(ctx, `
			INSERT INTO household_contact (premises_id, address_sealed, phone_sealed, phone_index, recorded_at, used_at)
			VALUES (?, ?, ?, ?, ?, ?)`, id, address, phone, index, tx.Now, tx.Now)
		if !db.IsDuplicate(err) {
			return 1, db.Wrap(err, nil, "insert the contact of household %d", id)
		}
	} else {
		found, err := tx.Change(ctx, `
			UPDATE household_contact
			SET address_sealed = ?, phone_sealed = ?, phone_index = ?, recorded_at = ?, used_at = ?, version = version + 1
			WHERE premises_id = ? AND version = ?`, address, phone, index, tx.Now, tx.Now, id, c.Version)
		if err != nil || found == 1 {
			return c.Version + 1, db.Wrap(err, nil, "save the contact of household %d", id)
		}
	}
	_, present, err := findContact(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	return 0, problem.Stale(c.Version, present)
}

// used notes that a contact serves somebody: one that nobody uses for long is erased.
func used(ctx context.Context, tx *db.Tx, id ID) error {
	_, err := tx.Change(ctx, `
		UPDATE household_contact
		SET used_at = ?
		WHERE premises_id = ?`, tx.Now, id)
	return db.Wrap(err, nil, "note the use of the contact of household %d", id)
}

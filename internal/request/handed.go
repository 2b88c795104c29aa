package request

import (
	"context"
	"encoding/json"
	"fmt"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// handedColumn keeps which body took a request over.
const handedColumn = "handed_to_sealed"

// andHanded is what is written about a request, with whom it was handed to behind it, sealed.
func andHanded(ctx context.Context, q db.Queryer, id ID, written []privacy.Value) ([]privacy.Value, error) {
	to := privacy.Value{Field: Written, Class: sealed.Personal, Table: "request", Column: handedColumn, ID: int64(id)}
	err := q.Get(ctx, &to.Cipher, `SELECT handed_to_sealed FROM request WHERE id = ?`, id)
	if err != nil || to.Cipher == nil {
		return written, db.Wrap(err, problem.ErrNotFound, "find who took request %d over", id)
	}
	return append(written, to), nil
}

// saidIn is what v says in words, once it is open.
func saidIn(v privacy.Value, plain string) (string, error) {
	if v.Column != handedColumn || plain == "" {
		return plain, nil
	}
	var to HandedTo
	if err := json.Unmarshal([]byte(plain), &to); err != nil {
		return "", fmt.Errorf("read who took request %d over: %w", v.ID, err)
	}
	return to.Body + " " + to.Contact, nil
}

// saveHandedTo stores which body took a request over.
func saveHandedTo(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id ID, to HandedTo) error {
	text, err := json.Marshal(to)
	if err != nil {
		return fmt.Errorf("write down who took request %d over: %w", id, err)
	}
	cipher, err := keys.Seal(sealed.Personal, "request", "handed_to_sealed", int64(id), string(text))
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `
		UPDATE request
		SET handed_to_sealed = ?
		WHERE id = ?`, cipher, id)
	return db.Wrap(err, nil, "seal who took request %d over", id)
}

// findHandedTo is which body took a request over; zero if none did.
func findHandedTo(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) (to HandedTo, err error) {
	var cipher []byte
	if err := q.Get(ctx, &cipher, `SELECT handed_to_sealed FROM request WHERE id = ?`, id); err != nil || cipher == nil {
		return HandedTo{}, db.Wrap(err, problem.ErrNotFound, "find who took request %d over", id)
	}
	text, err := keys.Open(sealed.Personal, "request", "handed_to_sealed", int64(id), cipher)
	if err != nil {
		return HandedTo{}, err
	}
	if err := json.Unmarshal([]byte(text), &to); err != nil {
		return HandedTo{}, fmt.Errorf("read who took request %d over: %w", id, err)
	}
	return to, nil
}

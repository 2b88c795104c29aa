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

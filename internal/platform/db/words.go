package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"wanjia/internal/platform/problem"
)

// Save changes a row or makes it: UPDATE, else INSERT, else UPDATE once more, for when somebody else made the row
// in between. No two engines have the same words for it.
func Save(update func() (found int64, err error), insert func() error) error {
	found, err := update()
	if err != nil || found > 0 {
		return err
	}
	if err := insert(); !IsDuplicate(err) {
		return err
	}
	found, err = update()
	if err == nil && found == 0 {
		err = errors.New("save: the row is there and the update does not find it")
	}
	return err
}

// Stale says that an UPDATE has found another version than yours, with both: the present one is what query finds. What is gone
// is not found.
func Stale(ctx context.Context, tx *Tx, yours int64, query string, args ...any) error {
	var present int64
	if err := tx.Get(ctx, &present, query, args...); err != nil {
		return Wrap(err, problem.ErrNotFound, "read the present version")
	}
	return problem.Stale(yours, present)
}

// Wrap says what was being done when err happened; nil stays nil. A missing row becomes noRow, when there is one.
func Wrap(err, noRow error, format string, args ...any) error {
	switch {
	case err == nil:
		return nil
	case noRow != nil && errors.Is(err, sql.ErrNoRows):
		return noRow
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// In expands a slice among args to as many marks in query. An empty slice is an error: the answer to it is known
// without asking, so return early.
func In(query string, args ...any) (string, []any, error) {
	text, list, err := sqlx.In(query, args...)
	if err != nil {
		return "", nil, fmt.Errorf("expand a list: %w", err)
	}
	return text, list, nil
}

var likeEscapes = strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`)

// Like is s for LIKE ? ESCAPE '!', its wildcards taken literally; the caller adds the % it means.
func Like(s string) string { return likeEscapes.Replace(s) }

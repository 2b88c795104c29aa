package org

import (
	"database/sql"
	"errors"

	"wanjia/internal/platform/db"
)

// orNone is nil where no row is an answer, too.
func orNone(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return db.Wrap(err, nil, format, args...)
}

// orNull is NULL for the id that nothing has.
func orNull[T ~int64](id T) any {
	if id == 0 {
		return nil
	}
	return id
}

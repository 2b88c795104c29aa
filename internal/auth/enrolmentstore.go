package auth

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

type enrolmentRow struct {
	ID        int64         `db:"id"`
	Person    org.PersonID  `db:"person_id"`
	Account   string        `db:"account"`
	Salt      []byte        `db:"salt"`
	CreatedBy org.PersonID  `db:"created_by"`
	ExpiresAt time.Time     `db:"expires_at"`
	UsedAt    *time.Time    `db:"used_at"`
	Needs     bool          `db:"needs_second"`
	SecondBy  *org.PersonID `db:"second_by"`
}

// ready says whether the code of e may be given out and used.
func (e enrolmentRow) ready() bool { return !e.Needs || e.SecondBy != nil }

const enrolmentColumns = `
	SELECT id, person_id, account, salt, created_by, expires_at, used_at, needs_second, second_by
	FROM enrolment`

func insertEnrolment(ctx context.Context, tx *db.Tx, e enrolmentRow, hash []byte) (int64, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO enrolment (person_id, account, salt, hash, created_by, needs_second, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, e.Person, e.Account, e.Salt, hash, e.CreatedBy, e.Needs, tx.Now, e.ExpiresAt)
	return id, db.Wrap(err, nil, "let person %d enrol", e.Person)
}

func enrolmentByID(ctx context.Context, q db.Queryer, id int64) (e enrolmentRow, err error) {
	err = q.Get(ctx, &e, enrolmentColumns+` WHERE id = ?`, id)
	return e, db.Wrap(err, problem.ErrNotFound, "find enrolment %d", id)
}

func findEnrolment(ctx context.Context, q db.Queryer, hashes [][]byte) (e enrolmentRow, found bool, err error) {
	query, args, err := db.In(enrolmentColumns+` WHERE hash IN (?)`, hashes)
	if err != nil {
		return e, false, err
	}
	found, err = none(q.Get(ctx, &e, query, args...), "find an enrolment")
	return e, found, err
}

// waitingEnrolment is the newest of person that still wants a second administrator.
func waitingEnrolment(ctx context.Context, q db.Queryer, person org.PersonID, now time.Time) (e enrolmentRow, found bool, err error) {
	err = q.Get(ctx, &e, enrolmentColumns+`
		WHERE person_id = ? AND needs_second = ? AND second_by IS NULL AND used_at IS NULL AND expires_at > ?
		ORDER BY id DESC
		LIMIT 1`, person, true, now)
	found, err = none(err, "find an enrolment of person %d", person)
	return e, found, err
}

func secondEnrolment(ctx context.Context, tx *db.Tx, id int64, by org.PersonID) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE enrolment SET second_by = ? WHERE id = ? AND second_by IS NULL`, by, id)
	return found, db.Wrap(err, nil, "second enrolment %d", id)
}

func useEnrolment(ctx context.Context, tx *db.Tx, id int64) (found int64, err error) {
	found, err = tx.Change(ctx, `UPDATE enrolment SET used_at = ? WHERE id = ? AND used_at IS NULL AND expires_at > ?`, tx.Now, id, tx.Now)
	return found, db.Wrap(err, nil, "use enrolment %d", id)
}

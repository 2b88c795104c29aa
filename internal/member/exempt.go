package member

import (
	"context"
	"slices"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
)

// Exempt are those of the persons who have asked to be expected no duty (B33, E6): they are in no denominator.
func Exempt(ctx context.Context, q db.Queryer, persons ...org.PersonID) (map[org.PersonID]bool, error) {
	exempt := map[org.PersonID]bool{}
	for some := range slices.Chunk(persons, 500) {
		query, args, err := db.In(`SELECT person_id FROM duty_exemption WHERE person_id IN (?)`, some)
		if err != nil {
			return nil, err
		}
		var found []org.PersonID
		if err := q.Select(ctx, &found, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find who of %d persons is exempt", len(some))
		}
		for _, id := range found {
			exempt[id] = true
		}
	}
	return exempt, nil
}

// SetExempt lets by be expected no duty from now on, or again. It is by's own wish: nobody asks why.
func (s *Service) SetExempt(ctx context.Context, by org.Actor, exempt bool) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		audit.Note(tx, by.Did("member.exemption_set", "person", int64(by.PersonID)))
		if !exempt {
			_, err := tx.Change(ctx, `DELETE FROM duty_exemption WHERE person_id = ?`, by.PersonID)
			return db.Wrap(err, nil, "end the exemption of person %d", by.PersonID)
		}
		_, err := tx.Change(ctx, `INSERT INTO duty_exemption (person_id, asked_at) VALUES (?, ?)`, by.PersonID, tx.Now)
		if db.IsDuplicate(err) {
			return nil
		}
		return db.Wrap(err, nil, "exempt person %d", by.PersonID)
	})
}

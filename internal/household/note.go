package household

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// InFull is what was written at a visit, with the numbers in it.
type InFull struct {
	Note     string
	Promises []string // the first one first
}

// UnmaskVisit shows the note of a visit, and what was promised at it, with the numbers in them to whoever looks after the
// home, for a purpose and a reason that the home can read (X40).
func (s *Service) UnmaskVisit(ctx context.Context, by org.Actor, id VisitID, why privacy.Why) (shown InFull, err error) {
	asking := by
	at, err := findCall(ctx, s.db, by, id)
	if err != nil {
		return InFull{}, s.noted(ctx, asking, visitUnmasked, "visit", int64(id), err)
	}
	if err := s.look(ctx, by, at.Premises); err != nil {
		return InFull{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		c, err := findCall(ctx, tx, asking, id)
		if err != nil {
			return err
		}
		if by, err = meanwhile(ctx, tx, asking, c.AreaID); err != nil {
			return err
		}
		promised, err := request.PromisedInFull(ctx, tx, int64(id))
		if err != nil {
			return err
		}
		plain, err := privacy.Open(ctx, tx, by, why, "visit", int64(id), append([]privacy.Value{{
			Field: "note", Class: sealed.Sensitive, Table: "visit", Column: "note_sealed", ID: int64(id), Cipher: c.Note,
		}}, promised...)...)
		if err != nil {
			return err
		}
		shown = InFull{Note: plain[0], Promises: plain[1:]}
		read, err := c.readAs(ctx, tx)
		if err != nil {
			return err
		}
		audit.Note(tx, by.Did(read, "household", int64(c.Premises)).For(string(why.Purpose), why.Reason))
		return nil
	})
	if err != nil {
		return InFull{}, s.noted(ctx, asking, visitUnmasked, "visit", int64(id), err)
	}
	return shown, nil
}

// UnmaskFlag shows the note of a flag with the numbers in it to whoever is shown the flag, for a purpose and a reason that
// the home can read (X40).
func (s *Service) UnmaskFlag(ctx context.Context, by org.Actor, id FlagID, why privacy.Why) (note string, err error) {
	at, err := findFlagRow(ctx, s.db, id)
	if err == nil {
		_, err = findHousehold(ctx, s.db, by, at.Household, calendar.DayOf(s.db.Now()))
	}
	if err != nil {
		return "", s.noted(ctx, by, flagUnmasked, "flag", int64(id), err)
	}
	if err := s.look(ctx, by, at.Household); err != nil {
		return "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		r, err := findFlagRow(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.ExpiresOn < calendar.DayOf(tx.Now):
			return problem.ErrNotFound
		}
		if err := mayReadFlags(ctx, tx, by, r.Household); err != nil {
			return err
		}
		plain, err := privacy.Open(ctx, tx, by, why, "household", int64(r.Household), r.value())
		if err != nil {
			return err
		}
		f, err := r.read(plain[0])
		note = f.Note
		return err
	})
	if err != nil {
		return "", s.noted(ctx, by, flagUnmasked, "flag", int64(id), err)
	}
	return note, nil
}

package board

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// ErrOfOwnWork says that whoever made a page does not see who complains of it.
var ErrOfOwnWork = problem.New(problem.Forbidden, "board.of_own_work")

// UnmaskTakedown shows what somebody wrote who asked to take a page down, with the numbers in it, to the editors who decide,
// for a purpose and a reason (X40).
func (s *Service) UnmaskTakedown(ctx context.Context, by org.Actor, id TakedownID, why privacy.Why) (text string, err error) {
	return s.inFull(ctx, by, why, func(tx *db.Tx) (PageRef, privacy.Value, error) {
		t, err := findTakedown(ctx, tx, by, id)
		return t.PageRef, privacy.Value{Table: "takedown", ID: int64(id), Cipher: t.TextSealed}, err
	})
}

// UnmaskFeedback shows what somebody said about a page, with the numbers in it, to whoever it was said to, for a purpose and
// a reason (X40).
func (s *Service) UnmaskFeedback(ctx context.Context, by org.Actor, id int64, why privacy.Why) (text string, err error) {
	return s.inFull(ctx, by, why, func(tx *db.Tx) (PageRef, privacy.Value, error) {
		f, err := findFeedback(ctx, tx, by, id)
		return f.PageRef, privacy.Value{Table: "feedback", ID: id, Cipher: f.TextSealed}, err
	})
}

// inFull opens a text about a page. Whoever made the page sees it masked like everybody else: a number would tell them who
// complains of their work.
func (s *Service) inFull(ctx context.Context, by org.Actor, why privacy.Why,
	find func(tx *db.Tx) (about PageRef, text privacy.Value, err error),
) (text string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		about, v, err := find(tx)
		if err != nil {
			return err
		}
		author, err := authorOf(ctx, tx, about)
		if err != nil {
			return err
		}
		if author == by.PersonID && guard.On(guard.Rule) {
			return ErrOfOwnWork
		}
		v.Field, v.Class, v.Column = "text", sealed.Personal, "text_sealed"
		plain, err := privacy.Open(ctx, tx, by, why, v.Table, v.ID, v)
		if err != nil {
			return err
		}
		text = plain[0]
		return nil
	})
	if err != nil {
		return "", err
	}
	return text, nil
}

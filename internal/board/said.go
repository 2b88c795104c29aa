package board

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// ErrOfOwnWork says that whoever made a page, or is shown by it, does not see who complains of it.
var ErrOfOwnWork = problem.New(problem.Forbidden, "board.of_own_work")

// UnmaskTakedown shows what somebody wrote who asked to take a page down, with the numbers in it, to the editors who decide,
// for a purpose and a reason (X40).
func (s *Service) UnmaskTakedown(ctx context.Context, by org.Actor, id TakedownID, why privacy.Why) (text string, err error) {
	return s.inFull(ctx, by, why, func(tx *db.Tx) (said, error) {
		t, err := findTakedown(ctx, tx, by, id)
		return said{t.PageRef, t.ReceivedAt, privacy.Value{Table: "takedown", ID: int64(id), Cipher: t.TextSealed}}, err
	})
}

// UnmaskFeedback shows what somebody said about a page, with the numbers in it, to whoever it was said to, for a purpose and
// a reason (X40).
func (s *Service) UnmaskFeedback(ctx context.Context, by org.Actor, id int64, why privacy.Why) (text string, err error) {
	return s.inFull(ctx, by, why, func(tx *db.Tx) (said, error) {
		f, err := findFeedback(ctx, tx, by, id)
		return said{f.PageRef, f.ReceivedAt, privacy.Value{Table: "feedback", ID: id, Cipher: f.TextSealed}}, err
	})
}

// A said is what was said about a page at a moment, as it is kept.
type said struct {
	about PageRef
	at    time.Time
	text  privacy.Value
}

// inFull opens a text about a page. Whoever made the page, or is shown by it, sees it masked like everybody else: a number
// would tell them who complains of them.
func (s *Service) inFull(ctx context.Context, by org.Actor, why privacy.Why, find func(tx *db.Tx) (said, error)) (text string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		found, err := find(tx)
		if err != nil {
			return err
		}
		meant, err := meantBy(ctx, tx, found.about, found.at)
		if err != nil {
			return err
		}
		if slices.Contains(meant, by.PersonID) && guard.On(guard.Rule) {
			return ErrOfOwnWork
		}
		v := found.text
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

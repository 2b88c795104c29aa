package board

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// A Feedback is what somebody says about a public page, or the service behind it.
type Feedback struct {
	ID int64 `db:"id"`
	PageRef
	ReceivedAt time.Time `db:"received_at"`
	TextSealed []byte    `db:"text_sealed"`
	Text       string    `db:"-"`
}

// Say keeps somebody's feedback, without who said it.
func (s *Service) Say(ctx context.Context, by org.Actor, p PageRef, text string) error {
	if err := privacy.CheckText("/text", text); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			at, err := placeOfPage(ctx, tx, p)
			if err != nil {
				return err
			}
			audit.Note(tx, org.Actor{}.Did("feedback.received", string(p.Kind), p.ID))
			return insertFeedback(ctx, tx, s.keys, p, at.unit, text)
		})
	})
}

// Feedbacks is a page of what people said about what is by's, and the cursor behind it. Reading it is noted.
func (s *Service) Feedbacks(ctx context.Context, by org.Actor, cursor string, size int) (all []Feedback, next string, err error) {
	p, err := s.pages.Parse(cursor, size, page.Bound("listFeedback", by.PersonID, by.Assignment))
	if err != nil {
		return nil, "", err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if all, err = listFeedback(ctx, tx, by, p); err != nil {
			return err
		}
		all, next = page.Cut(all, p, func(f Feedback) (time.Time, int64) { return f.ReceivedAt, f.ID })
		audit.Note(tx, by.Did("feedback.read", "feedback", 0))
		for i, f := range all {
			if all[i].Text, err = s.keys.Open(sealed.Personal, "feedback", "text_sealed", f.ID, f.TextSealed); err != nil {
				return err
			}
		}
		return nil
	})
	return all, next, err
}

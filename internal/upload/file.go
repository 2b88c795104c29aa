package upload

import (
	"context"
	"errors"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/photo"
)

// Keep seals a file that the program has made for by. It hangs on whatever f makes in its transaction and goes at a
// moment; if f hangs it on nothing, there is no file.
func (s *Service) Keep(ctx context.Context, by org.Actor, file []byte, f func(tx *db.Tx, hang func(o Owner, until time.Time) error) error) error {
	kept, err := s.put(ctx, photo.Photo{JPEG: file})
	if err != nil {
		return err
	}
	kept.PersonID = by.PersonID
	hung := false
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		hung = false
		return f(tx, func(o Owner, until time.Time) error {
			hung = true
			return insertHung(ctx, tx, o, kept, until)
		})
	})
	if err != nil || !hung {
		err = errors.Join(err, s.files.Delete(ctx, kept.File))
	}
	return err
}

// Picture is the picture of u as it is kept: with its boxes. Whoever asks has said why it may be looked at.
func (s *Service) Picture(ctx context.Context, u Upload) ([]byte, error) { return s.get(ctx, u) }

package auth

import (
	"context"
	"strconv"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
)

const (
	tries   = 5
	quarter = 15 * time.Minute
)

// subject is what tries are counted by: nobody can read from it what was tried.
func (s *Service) subject(what, whom string) []byte {
	return s.keys.Derive(forTry, []byte(what+"\x00"+whom))
}

func (s *Service) personSubject(person org.PersonID) []byte {
	return s.subject("second factor", strconv.FormatInt(int64(person), 10))
}

// limited says whether one more call of subject is too many for l.
func (s *Service) limited(ctx context.Context, l limit.Limiter, subject string) error {
	if v := s.limit(ctx, l, subject); !v.OK {
		return problem.ErrTooMany.RetryAfter(v.Retry)
	}
	return nil
}

// try counts a try in a transaction of its own, so that it counts whatever becomes of it, and refuses the
// sixth within window. The count is in SQL: five tries are five, with Redis and without, on all nodes together.
func (s *Service) try(ctx context.Context, what, whom string, window time.Duration) error {
	return s.trySubject(ctx, s.subject(what, whom), window)
}

func (s *Service) tryPerson(ctx context.Context, person org.PersonID) error {
	return s.trySubject(ctx, s.personSubject(person), quarter)
}

func (s *Service) trySubject(ctx context.Context, subject []byte, window time.Duration) error {
	var n int
	var wait time.Duration
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		count, since, err := countTry(ctx, tx, subject, window)
		n, wait = count, since.Add(window).Sub(tx.Now)
		return err
	})
	if err == nil && n > tries {
		err = ErrTries.RetryAfter(wait)
	}
	return err
}

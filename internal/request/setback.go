package request

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"wanjia/internal/platform/db"
)

// What is due and goes wrong rests for the first pause, and for twice as long after each further try. Between two looks at the
// clocks lies the first pause, so that what failed once is said in time all the same (K14).
const (
	firstPause   = 20 * time.Second
	longestPause = 10 * time.Minute
)

// A turn is what one row has to say: whatever moves the row makes it another one.
type turn struct {
	row        int64
	term, step int
	due        int64 // in milliseconds
}

func (t timer) turn() turn { return turn{t.ID, t.Term, t.Step, t.DueAt.UnixMilli()} }

// setbacks are the turns of one kind that went wrong, as one node has found them. They are kept nowhere else: another node
// tries each by itself, and so does this one when it starts again. Nothing follows from them but when a row is tried next, so
// none is lost, and whoever says what it has to say has taken it by its row (docs/adr/0023).
type setbacks struct {
	mu sync.Mutex
	of map[turn]setback
}

type setback struct {
	tries int
	until time.Time // until when it rests
}

// rests says whether t is not tried again yet.
func (s *setbacks) rests(t turn, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Before(s.of[t].until)
}

// failed counts a try of t that went wrong, and says how many there were.
func (s *setbacks) failed(t turn, now time.Time) (tries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tries = s.of[t].tries + 1
	pause := longestPause
	if tries < 10 {
		pause = min(pause, firstPause<<(tries-1))
	}
	if s.of == nil {
		s.of = map[turn]setback{}
	}
	s.of[t] = setback{tries, now.Add(pause)}
	return tries
}

// keep forgets all turns but those that are still due: this node has had the others, or another one.
func (s *setbacks) keep(still map[turn]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.of, func(t turn, _ setback) bool { return !still[t] })
}

// count is how many turns went wrong when they were last tried.
func (s *setbacks) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.of)
}

// inTurn does what is due and does not rest, and says whether there was any. It is found page by page behind the last, so that
// what goes wrong holds up nothing that is due later.
func inTurn[T interface{ turn() turn }](ctx context.Context, s *setbacks, now time.Time, find func(behind T) ([]T, error), do func(T) error) (some bool, err error) {
	still := map[turn]bool{}
	var failed []error
	for behind := *new(T); ; {
		due, err := find(behind)
		if err != nil {
			return some, errors.Join(append(failed, err)...)
		}
		if len(due) == 0 {
			s.keep(still)
			return some, errors.Join(failed...)
		}
		behind = due[len(due)-1]
		ready := slices.DeleteFunc(due, func(one T) bool {
			still[one.turn()] = true
			return s.rests(one.turn(), now)
		})
		some = some || len(ready) > 0
		failed = append(failed, db.Each(ctx, ready, func(one T) error {
			err := db.Safely(func() error { return do(one) })
			switch {
			case err == nil:
				delete(still, one.turn())
				return nil
			case ctx.Err() != nil:
				return err
			}
			return db.Wrap(err, nil, "try %d", s.failed(one.turn(), now))
		}))
	}
}

// FailingClocks is how many clocks, ends of waiting, reminders and days of cards are due that went wrong when this node last
// tried.
func (s *Service) FailingClocks() int {
	return s.late.clocks.count() + s.late.waits.count() + s.late.reminders.count() + s.late.cards.count()
}

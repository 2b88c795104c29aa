package request

import (
	"maps"
	"sync"
	"time"
)

// A clock that cannot say its notice rests for the first pause, and for twice as long after each further try. Between two looks
// at the clocks lies the first pause, so that what failed once is said in time all the same (K14).
const (
	firstPause   = 20 * time.Second
	longestPause = 10 * time.Minute
)

// setbacks are the clocks that could not say what is due, as one node has found them. They are kept nowhere else: another node
// tries each by itself, and so does this one when it starts again. Nothing follows from them but when a clock is tried next,
// so none is lost, and whoever says its notice has taken it by its row (docs/adr/0023).
type setbacks struct {
	mu sync.Mutex
	of map[int64]setback // by the id of the clock
}

// A setback is a clock as it was when it failed, and how often it did.
type setback struct {
	clock timer
	tries int
	until time.Time // until when it rests
}

// ready are those of due that do not rest.
func (s *setbacks) ready(due []timer, now time.Time) (ready []timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range due {
		if b, failed := s.of[t.ID]; !failed || !b.clock.same(t) || !now.Before(b.until) {
			ready = append(ready, t)
		}
	}
	return ready
}

// same says whether t waits to say the same as other: whatever moves its request lets it begin anew.
func (t timer) same(other timer) bool {
	return t.ID == other.ID && t.Term == other.Term && t.Step == other.Step && t.DueAt.Equal(other.DueAt)
}

// failed counts a try of t that went wrong, and says how many there were.
func (s *setbacks) failed(t timer, now time.Time) (tries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.of[t.ID]; b.clock.same(t) {
		tries = b.tries
	}
	pause := longestPause
	if tries < 10 {
		pause = min(pause, firstPause<<tries)
	}
	if tries++; s.of == nil {
		s.of = map[int64]setback{}
	}
	s.of[t.ID] = setback{t, tries, now.Add(pause)}
	return tries
}

// keep forgets all clocks but those that are still due: this node has said what they had to say, or another one.
func (s *setbacks) keep(still map[int64]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.of, func(id int64, _ setback) bool { return !still[id] })
}

// FailingClocks is how many clocks are due that could not say their notice when this node last tried.
func (s *Service) FailingClocks() int {
	s.setbacks.mu.Lock()
	defer s.setbacks.mu.Unlock()
	return len(s.setbacks.of)
}

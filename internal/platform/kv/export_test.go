package kv

// Advice is advice, for tests.
var Advice = advice

// Lines is how many connections s has.
func (s *Subscription) Lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines)
}

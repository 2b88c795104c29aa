package kv

// Advice is advice, for tests.
var Advice = advice

// Lines is how many connections s has.
func (s *Subscription) Lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines)
}

// Parting is how many names s has asked Redis to end, as far as it knows that they have not ended.
func (s *Subscription) Parting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		l.mu.Lock()
		n += len(l.parting)
		l.mu.Unlock()
	}
	return n
}

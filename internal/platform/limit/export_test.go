package limit

// Kept is how many buckets this process holds.
func (x *Limits) Kept() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.buckets)
}

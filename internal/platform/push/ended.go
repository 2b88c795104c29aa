package push

import "slices"

// CloseSessions closes the sockets of sessions, by one walk over all: many may have been signed out at once.
func (h *Hub) CloseSessions(sessions []int64, code Code) {
	over := make(map[int64]bool, len(sessions))
	for _, s := range sessions {
		over[s] = true
	}
	for i := range h.shards {
		for _, p := range h.shards[i].all() {
			p.mu.Lock()
			for _, c := range slices.Clone(p.conns) {
				if over[c.session] {
					c.shut(code, 0)
				}
			}
			p.mu.Unlock()
		}
	}
}

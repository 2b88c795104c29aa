package push

import (
	"testing"

	"wanjia/internal/platform/kv/kvtest"
)

func TestTheSocketsOfManySessionsAreClosedTogetherAndNoOther(t *testing.T) {
	t.Parallel()
	d := newDesk(t, kvtest.New(t))
	conns := map[int64]*conn{}
	for session := int64(70); session < 74; session++ {
		p := &paper{moved: make(chan struct{}, 1)}
		c, err := d.Hub.join(t.Context(), Session{PersonID: somebody + session%2, SessionID: session}, nil, p, false)
		if err != nil {
			t.Fatal(err)
		}
		p.until(t, "hi", p.has(`{"t":"hi","era":1,`))
		conns[session] = c
	}
	d.CloseSessions([]int64{70, 73, 99}, SignedOut)
	want := map[int64]Code{70: SignedOut, 73: SignedOut}
	for session, c := range conns {
		c.p.mu.Lock()
		got := c.code
		c.p.mu.Unlock()
		if got != want[session] {
			t.Errorf("the socket of session %d is closed with %d, want %d", session, got, want[session])
		}
	}
}

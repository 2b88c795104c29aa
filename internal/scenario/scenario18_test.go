package scenario

import (
	"net/http"
	"testing"
	"time"
)

// soon waits until f says so, 5 s at most: for what a clock of the program does.
func soon(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come within 5 s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestEachOperationOfRetentionMapsRight(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		ok, c := http.StatusOK, w.cover()
		security := w.signInStaff("se.2")
		if classes := w.wants("what is over", security.get("/v1/retention"), ok).items(); len(classes) < 20 {
			t.Errorf("%d classes are counted, want all of the register", len(classes))
		}
		runs := w.wants("erase", security.post("/v1/retention/run", nil), ok).items()
		proofs := w.wants("proofs", security.get("/v1/retention/runs?pageSize=100"), ok).items()
		if len(runs) == 0 || len(proofs) != len(runs) {
			t.Errorf("%d classes ran and left %d proofs", len(runs), len(proofs))
		}
		if ids := c.missing("retention"); len(ids) > 0 {
			t.Errorf("not called: %v", ids)
		}
	})
}

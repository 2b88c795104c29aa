package scenario

import (
	"fmt"
	"net/http"
	"testing"
)

// comes moves the clock and starts the program again: whatever is due by then is done, as after downtime.
func (w *world) comes(at string) {
	w.t.Helper()
	w.set(at)
	w.restart()
	now := w.clock().UTC()
	w.until("what is due by "+at, func() bool {
		return w.rows(`SELECT COUNT(*) FROM request_timer WHERE fired_at IS NULL AND due_at <= ?`, now) == 0
	})
}

// noticed is how often somebody was told something of a request.
func (w *world) noticed(handle, kind string, id int64) int {
	w.t.Helper()
	return w.rows(`SELECT COUNT(*) FROM inbox WHERE person_id = ? AND kind = ? AND ref_type = 'request' AND ref_id = ?`, w.person(handle), kind, id)
}

// told fails the test unless somebody was told something of a request so often.
func (w *world) told(handle, kind string, id int64, want int) {
	w.t.Helper()
	if got := w.noticed(handle, kind, id); got != want {
		w.t.Errorf("at %v %s was told %s %d times, want %d", w.clock().UTC(), handle, kind, got, want)
	}
}

// The counter-checks of S1: a certificate within an hour that nobody acts on after 10:04.
func TestScenario01TheClocksOfACertificateThatNobodyActsOn(t *testing.T) { // C19, K6, K7, K8, K9
	t.Parallel()
	each(t, "2026-03-02 10:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok := http.StatusOK
		area, lin := w.signIn("rh.m03"), w.signIn("r.lin")
		opened := w.wants("record", area.post("/v1/requests", map[string]any{
			"who": "林女士", "what": "返岗需要跨市通行证明", "category": "cert_travel", "callBack": map[string]any{"by": "phone", "phone": "19900000001"},
		}), http.StatusCreated)
		id := opened.id("id")
		path := fmt.Sprintf("/v1/requests/%d", id)
		w.says("opened", opened, "2026-03-02T02:30:00Z", "acceptDueAt")
		w.says("opened", opened, "2026-03-02T03:00:00Z", "solveDueAt")
		w.wants("follow", lin.post("/v1/me/requests/follow", map[string]any{"receiptCode": opened.at("receiptCode"), "secret": "0001"}), ok)
		w.set("2026-03-02 10:04")
		up := w.wants("escalate", area.post(path+"/escalate", map[string]any{"to": "grid_assistant", "note": "请协助"}), ok)
		w.says("with the assistant", up, "2026-03-02T02:34:00Z", "acceptDueAt")
		w.says("with the assistant", up, "2026-03-02T03:00:00Z", "solveDueAt")

		w.comes("2026-03-02 10:33:59")
		w.told("rh.ga", "request.accept_overdue", id, 0)
		w.comes("2026-03-02 10:34")
		w.told("rh.ga", "request.accept_overdue", id, 1)
		w.told("rh.cg", "request.accept_overdue", id, 0)
		w.comes("2026-03-02 10:50")
		w.told("rh.ga", "request.target_near", id, 1)
		w.told("rh.cg", "request.target_near", id, 1)
		w.comes("2026-03-02 11:00")
		w.told("rh.ga", "request.target_missed", id, 1)
		w.told("rh.cg", "request.target_missed", id, 1)
		w.told("r.lin", "request.late", id, 1)
		w.comes("2026-03-02 11:04")
		w.told("rh.cg", "request.accept_overdue", id, 1)
		w.told("rh.ga", "request.accept_overdue", id, 1)
		w.comes("2026-03-02 11:30")
		w.told("rh.ga", "request.accept_overdue", id, 1)
		w.told("rh.cg", "request.accept_overdue", id, 1)
		w.told("rh.cg", "request.target_missed", id, 1)
		w.told("r.lin", "request.late", id, 1)
		late := 0
		for _, i := range w.wants("inbox", w.signIn("r.lin").get("/v1/inbox?limit=100"), ok).items() {
			if ref, _ := i["ref"].(map[string]any); i["kind"] == "request.late" && ref["id"] == float64(id) {
				late++
			}
		}
		if late != 1 {
			t.Errorf("the asker's inbox says %d times that the answer is late, want once", late)
		}
		solving := 0
		for _, m := range w.wants("read", w.signIn("rh.m03").get(path), ok).at("misses").([]any) {
			if m.(map[string]any)["target"] == "solving" {
				solving++
			}
		}
		if solving != 1 {
			t.Errorf("%d times the answer is noted as late, want once", solving)
		}
		for _, kind := range []string{"request.accept_overdue", "request.target_near", "request.target_missed"} {
			w.told("rh.m03", kind, id, 0)
		}
	})
}

package scenario

import (
	"fmt"
	"net/http"
	"testing"
)

// The part of S0 that is about the task: steps 1, 2, 5 and 6 and their counter-checks.
func TestATaskIsAskedHeardReportedAndAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	secretary, member, outsider := w.signIn("xl.s"), w.signIn("xl.m2"), w.signIn("zj.s")
	there, here := secretary.phone(), member.phone()

	me := w.wants("who am I", member.get("/v1/me"), http.StatusOK)
	primary := int64(0)
	for _, x := range me.body["assignments"].([]any) {
		if x := x.(map[string]any); x["primary"] == true {
			primary = int64(x["id"].(float64))
		}
	}
	given := w.wants("create", secretary.post("/v1/tasks", map[string]any{
		"title": "走访二片区3户", "target": map[string]any{"assignmentId": primary},
		"dueAt": "2026-05-13T09:30:00Z", "checklist": []string{"2-30", "2-31", "2-32"}, "minutes": 60,
	}), http.StatusCreated)
	w.hears(here, "task.assigned", 1)

	copyID := int64(given.body["copyIds"].([]any)[0].(float64))
	act := func(verb string) string { return fmt.Sprintf("/v1/task-copies/%d/%s", copyID, verb) }
	task := fmt.Sprintf("/v1/tasks/%d", given.id("id"))
	w.wants("an outsider looks", outsider.get(task), http.StatusNotFound)
	w.wants("accept", member.post(act("accept"), nil), http.StatusOK)
	report := map[string]any{"text": "3户，1件诉求", "ticks": []int{0, 1, 2}}
	w.wants("the assigner reports", secretary.post(act("report"), report), http.StatusForbidden)
	w.wants("report", member.post(act("report"), report), http.StatusOK)
	w.hears(there, "task.reported", 1)
	if again := w.wants("report again", member.post(act("report"), report), http.StatusConflict); again.code() != "campaign.illegal_transition" {
		t.Errorf("a second report is refused with %s, want campaign.illegal_transition", again.code())
	}
	w.wants("accept the result", secretary.post(act("accept-result"), nil), http.StatusOK)
}

// I1: a creation sent twice is one task, and the same key with another body is refused.
func TestAnswersOfARetriedCreationAreTheFirstOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	secretary := w.signIn("xl.s")
	body := map[string]any{"title": "领取公示牌", "target": map[string]any{"assignmentId": 0}, "dueAt": "2026-05-13T09:30:00Z", "minutes": 10}
	me := w.wants("who am I", w.signIn("xl.m1").get("/v1/me"), http.StatusOK)
	body["target"] = map[string]any{"assignmentId": int64(me.body["assignments"].([]any)[0].(map[string]any)["id"].(float64))}
	const key = "0f8b6a1e-5d1c-4a53-9a0f-6b7f2c1d9e11"
	first := w.wants("first", secretary.do(http.MethodPost, "/v1/tasks", body, key), http.StatusCreated)
	second := w.wants("again", secretary.do(http.MethodPost, "/v1/tasks", body, key), http.StatusCreated)
	if first.id("id") != second.id("id") || first.replayed || !second.replayed {
		t.Errorf("tasks %d and %d, replayed %v and %v; want one task, the second answer replayed", first.id("id"), second.id("id"), first.replayed, second.replayed)
	}
	body["title"] = "别的"
	if other := w.wants("another body", secretary.do(http.MethodPost, "/v1/tasks", body, key), http.StatusUnprocessableEntity); other.code() != "common.key_reused" {
		t.Errorf("another body is refused with %s, want common.key_reused", other.code())
	}
}

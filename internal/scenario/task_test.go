package scenario

import (
	"net/http"
	"testing"
)

// I1: a creation sent twice is one task, and the same key with another body is refused.
func TestAnswersOfARetriedCreationAreTheFirstOne(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		secretary := w.signIn("xl.s")
		body := map[string]any{"title": "领取公示牌", "target": map[string]any{"assignmentId": 0}, "dueAt": "2026-05-13T09:30:00Z", "minutes": 10}
		body["target"] = map[string]any{"assignmentId": w.signIn("xl.m1").role("area_holder", "一片区")}
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
	})
}

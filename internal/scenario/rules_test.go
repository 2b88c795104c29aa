package scenario

import (
	"fmt"
	"net/http"

	"wanjia/internal/platform/calendar"
)

// rules calls each operation of dated rules once.
func (v *village) rules() {
	v.t.Helper()
	ok := http.StatusOK
	admin := v.signIn("sa")
	all := v.wants("categories", admin.get("/v1/rules/categories"), ok)
	if n := len(all.items()); n != 7 {
		v.t.Errorf("%d categories have rules, want 7", n)
	}
	v.wants("a new one", admin.put("/v1/rules/categories/street_light", map[string]any{
		"version": 0, "reason": "路灯报修增多", "type": "report", "label": map[string]any{"zh": "路灯报修", "en": "A street light"},
		"always": false, "startLevel": 1, "targets": map[string]any{"accept": 60, "solve": 1350},
	}), ok)
	year := v.wants("the calendar", admin.get("/v1/rules/calendar?year=2026"), ok)
	v.wants("a holiday", admin.put("/v1/rules/calendar", map[string]any{
		"version": year.id("version"), "reason": "放假通知", "days": []map[string]any{{"day": "2098-12-31", "kind": "closed", "name": "除夕"}},
	}), ok)

	plan := map[string]any{
		"title": "防汛应急", "reason": "指挥部通知", "sunsetOn": calendar.DayOf(v.clock()).Add(30), "always": []string{"cert_travel"},
		"hours": []map[string]any{{"unitId": v.office.called("grid", "community", "瑞和社区"), "text": "每天 7:00–22:00"}},
	}
	e := v.wants("draft", v.office.post("/v1/emergencies", plan), http.StatusCreated)
	path := fmt.Sprintf("/v1/emergencies/%d/", e.id("id"))
	v.wants("begin", v.signIn("po.2").post(path+"confirm", nil), ok)
	v.wants("renew", v.office.post(path+"renew", map[string]any{"version": 2, "sunsetOn": calendar.DayOf(v.clock()).Add(60), "reason": "汛情未解除"}), ok)
	v.says("over", v.wants("end", v.office.post(path+"end", map[string]any{"version": 3, "reason": "汛情解除"}), ok), "ended", "state")
	if n := len(v.wants("list", v.office.get("/v1/emergencies"), ok).items()); n != 1 {
		v.t.Errorf("%d emergencies, want one", n)
	}
}

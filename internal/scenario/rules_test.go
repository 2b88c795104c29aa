package scenario

import "net/http"

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
}

package scenario

import (
	"fmt"
	"net/http"
	"time"
)

// cards calls each operation of cards once, in 杏坞村.
func (v *village) cards() {
	v.t.Helper()
	ok := http.StatusOK
	card := map[string]any{
		"kind": "policy", "category": "cert_travel", "title": "跨市通行证明", "forWhom": "返岗人员", "region": "全省", "materials": "身份证",
		"counter": "2号窗口", "source": "省里的通知", "reach": "subdistrict",
		"validFrom": "2026-05-11", "validTo": "2026-06-30", "reviewOn": "2026-06-01",
	}
	drafted := v.wants("propose", v.office.post("/v1/cards", card), http.StatusCreated)
	v.says("the draft", drafted, "draft", "state")
	path := fmt.Sprintf("/v1/cards/%d", drafted.id("id"))
	v.missing("a holder reads the draft", func() answer { return v.holder.get(path) })
	v.says("approved", v.wants("approve", v.office.post(path+"/approve", map[string]any{"version": 1}), ok), "active", "state")
	v.says("read", v.wants("read", v.holder.get(path), ok), "全省", "card", "region")
	v.says("offered", v.wants("list", v.holder.get("/v1/cards?category=cert_travel"), ok), "跨市通行证明", "items", 0, "title")

	r := v.wants("record", v.holder.post("/v1/requests", map[string]any{"what": "返岗证明", "category": "cert_travel"}), http.StatusCreated)
	of := fmt.Sprintf("/v1/requests/%d/cards", r.id("id"))
	v.says("suggested", v.wants("cards", v.holder.get(of), ok), "跨市通行证明", "suggested", 0, "title")
	v.wants("attach", v.holder.post(of, map[string]any{"cardId": drafted.id("id")}), ok)
	v.says("attached", v.wants("cards", v.holder.get(of), ok), "跨市通行证明", "attached", 0, "title")

	v.says("retired", v.wants("retire", v.office.post(path+"/retire", map[string]any{"version": 2, "reason": "政策已调整"}), ok), "retired", "state")
	for _, c := range v.wants("list", v.holder.get("/v1/cards?category=cert_travel"), ok).items() {
		if c["id"] == drafted.body["id"] {
			v.t.Errorf("what is retired is offered: %v", c)
		}
	}
	v.says("still attached", v.wants("cards", v.holder.get(of), ok), "retired", "attached", 0, "state")
}

// intake calls each operation of the intake and the counters once, in 杏坞村 and 瑞和社区.
func (v *village) intake() {
	v.t.Helper()
	ok := http.StatusOK
	list := v.wants("categories", v.signIn("xl.m2").get("/v1/request-categories"), ok)
	if n := len(list.items()); n != 6 {
		v.t.Errorf("%d categories are shown, want 6", n)
	}
	answers := []map[string]any{
		{"code": "gas", "zh": "燃气", "en": "Gas", "numbers": []string{"119"}},
		{"code": "fire", "zh": "着火", "en": "Fire", "numbers": []string{"119"}},
		{"code": "illness", "zh": "急病", "en": "Illness", "numbers": []string{"120"}},
		{"code": "none", "zh": "没有", "en": "None", "numbers": []string{}},
	}
	v.says("the question", v.wants("set", v.signIn("sa").put("/v1/request-categories/advice/danger", map[string]any{"version": 0, "answers": answers}), ok), 1, "version")

	v.rules()
	holder := v.signIn("xl.m2") // time has gone by
	one := v.wants("record", holder.post("/v1/requests", map[string]any{"what": "水管漏水"}), http.StatusCreated).id("id")
	two := v.wants("record", holder.post("/v1/requests", map[string]any{"what": "水管爆了"}), http.StatusCreated).id("id")
	merged := v.wants("merge", holder.post(fmt.Sprintf("/v1/requests/%d/merge", one), map[string]any{"requestIds": []int64{two}}), ok)
	v.says("merged", merged, 2, "askers")
	v.says("unmerged", v.wants("unmerge", holder.post(fmt.Sprintf("/v1/requests/%d/unmerge", two), nil), ok), "new", "state")

	report := v.wants("report", v.office.get(fmt.Sprintf("/v1/reports/requests?quarter=2026-Q1&placeId=%d", v.signIn("rh.cg").called("grid", "community", "瑞和社区"))), ok)
	v.says("the report", report, "瑞和社区", "placeName")
	v.pass(time.Minute) // nobody writes more often than once a second for long
	v.joins()
	assistant, clerk := v.signIn("rh.ga"), v.signIn("rh.cc")
	r := v.wants("record", v.signIn("rh.m03").post("/v1/requests", map[string]any{"what": "补办手续"}), http.StatusCreated)
	path := fmt.Sprintf("/v1/requests/%d", r.id("id"))
	v.wants("escalate", v.signIn("rh.m03").post(path+"/escalate", map[string]any{"to": "grid_assistant", "note": "请办理"}), ok)
	v.wants("add", assistant.post(path+"/counter-steps", map[string]any{"placeId": v.counter("2号窗口"), "closes": true}), ok)
	v.says("waiting", v.wants("list", clerk.get("/v1/counter-steps"), ok), "2号窗口", "items", 0, "placeLabel")
	done := v.wants("finish", clerk.post("/v1/counter-steps/finish", map[string]any{"receiptCode": r.body["receiptCode"]}), ok)
	v.says("done", done, true, "resolved")
	v.says("resolved", v.wants("read", assistant.get(path), ok), "grid_assistant", "resolvedLevel")
}

// counter is the id of a counter of 瑞和社区.
func (w *world) counter(name string) int64 {
	w.t.Helper()
	for _, p := range w.wants("places", w.signIn("rh.cc").get("/v1/places"), http.StatusOK).items() {
		if p["name"] == name {
			return int64(p["id"].(float64))
		}
	}
	w.t.Fatalf("there is no counter %s", name)
	return 0
}

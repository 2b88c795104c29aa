package scenario

import (
	"fmt"
	"net/http"
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
	if items := v.wants("list", v.holder.get("/v1/cards?category=cert_travel"), ok).items(); len(items) > 0 {
		v.t.Errorf("what is retired is offered: %v", items)
	}
	v.says("still attached", v.wants("cards", v.holder.get(of), ok), "retired", "attached", 0, "state")
}

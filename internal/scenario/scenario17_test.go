package scenario

import (
	"fmt"
	"net/http"
	"time"
)

// handovers calls each operation of handovers once, for a new area of 杏坞村.
func (v *village) handovers() {
	v.t.Helper()
	ok, created, done := http.StatusOK, http.StatusCreated, http.StatusNoContent
	v.pass(time.Minute) // a second factor serves once
	staff := v.signInStaff("xl.s")
	add := func(kind, name string, parent int64) int64 {
		v.t.Helper()
		return v.wants("add "+name, staff.post("/v1/units", map[string]any{"kind": kind, "name": name, "parentId": parent}), created).id("id")
	}
	area, house := add("area", "五片区", v.place), add("center_household", "五片区责任区党员", v.branch)
	v.wants("link", staff.post(fmt.Sprintf("/v1/units/%d/link", house), map[string]any{"gridUnitId": area}), done)
	give := func(person any) int64 {
		v.t.Helper()
		return v.wants("grant", staff.post("/v1/role-assignments", map[string]any{
			"personId": person, "role": "area_holder", "unitId": house,
		}), created).id("assignmentId")
	}
	first := give(v.wants("roster", staff.post("/v1/members/search", map[string]any{"phone": "8765"}), ok).at("items", 0, "personId"))
	v.wants("end", staff.post(fmt.Sprintf("/v1/role-assignments/%d/end", first), map[string]any{"reason": "搬离"}), done)
	second := give(v.me)
	listed := v.wants("handovers", v.secretary.get("/v1/handovers"), ok)
	v.says("listed", listed, "五片区", "items", 0, "areaName")
	path := fmt.Sprintf("/v1/handovers/%.0f", listed.at("items", 0, "id"))
	next := v.holder.acting(second)
	v.says("the handover", v.wants("handover", next.get(path), ok), "冯霜降", "interim", 0, "name")
	v.wants("sign", next.post(path+"/sign", nil), done)
	v.says("signed", v.wants("handover", v.secretary.get(path), ok), "signed", "state")
	check := v.wants("leads", v.secretary.get("/v1/coverage/leads"), ok)
	v.says("each unit has a lead", check, check.at("met"), "total")
}

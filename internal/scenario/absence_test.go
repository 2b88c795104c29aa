package scenario

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

// absences calls each operation of absences once, in 杏坞村.
func (v *village) absences() {
	v.t.Helper()
	ok := http.StatusOK
	holder := v.holder.acting(v.holder.role("area_holder", "二片区"))
	candidates := v.wants("who could stand in", holder.get("/v1/stand-ins?pageSize=100"), ok).items()
	other := 0.0
	for _, c := range candidates {
		if c["role"] == "area_holder" {
			other = c["id"].(float64)
		}
	}
	announced := v.wants("announce", holder.post("/v1/absences", map[string]any{
		"standInAssignmentId": other, "firstDay": "2026-05-12", "lastDay": "2026-05-13",
	}), http.StatusCreated)
	v.says("announced", announced, "2026-05-13", "lastDay")
	v.says("announced", announced, false, "seesFlags")
	v.says("listed", v.wants("list", v.secretary.get("/v1/absences"), ok), announced.at("standInName"), "items", 0, "standInName")
	path := fmt.Sprintf("/v1/absences/%d/end", announced.id("id"))
	elsewhere := v.signIn("zj.s")
	v.missing("the secretary of another village ends it", func() answer { return elsewhere.post(path, nil) })
	v.wants("end", holder.post(path, nil), http.StatusNoContent)
	v.refused("end it again", func() answer { return v.secretary.post(path, nil) }, http.StatusConflict, "org.illegal_transition")
}

// X2, AA6: a dated absence names one stand-in, who acts in the role of who is away, until its end.
func TestX2_AStandInActsForWhoIsAway(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ok := http.StatusOK
		holder, lead := w.signIn("rh.m03"), w.signIn("rh.bg01")
		standIn, above, elsewhere := w.signIn("rh.bg01"), w.signIn("rh.gb1").role("grid_secretary", ""), w.signIn("zj.s").role("branch_secretary", "张家屯")
		seat := holder.role("area_holder", "03")
		opened := w.wants("record", holder.post("/v1/requests", map[string]any{"what": "路灯不亮"}), http.StatusCreated)
		path := fmt.Sprintf("/v1/requests/%d", opened.id("id"))

		acting := standIn.acting(seat)
		w.refused("before", func() answer { return acting.get(path) }, http.StatusForbidden, "auth.acting_as_invalid")
		w.refused("of another place", func() answer {
			return holder.post("/v1/absences", map[string]any{
				"standInAssignmentId": elsewhere, "firstDay": "2026-03-03", "lastDay": "2026-03-04",
			})
		}, http.StatusUnprocessableEntity, "org.stand_in_invalid")
		hears := lead.phone()
		away := w.wants("announce", holder.post("/v1/absences", map[string]any{
			"standInAssignmentId": standIn.role("group_leader", ""), "firstDay": "2026-03-03", "lastDay": "2026-03-04",
		}), http.StatusCreated)
		w.hears(hears, "absence.announced", 1)
		w.refused("a stand-in's stand-in", func() answer {
			return lead.post("/v1/absences", map[string]any{
				"standInAssignmentId": above, "firstDay": "2026-03-04", "lastDay": "2026-03-05",
			})
		}, http.StatusUnprocessableEntity, "org.one_hop")
		w.refused("still the day before", func() answer { return acting.get(path) }, http.StatusForbidden, "auth.acting_as_invalid")

		w.set("2026-03-03 00:00")
		standIn = w.signIn("rh.bg01")
		acting = standIn.acting(seat)
		w.says("the stand-in acts", w.wants("accept", acting.post(path+"/accept", map[string]any{}), ok), "accepted", "state")
		read := w.wants("read", acting.get(path), ok)
		w.says("history shows whose role", read, float64(seat), "history", 1, "assignmentId")
		w.says("and who acted for whom", read, "孙**", "history", 1, "byName")
		w.says("and who acted for whom", read, "周**", "history", 1, "standInForName")
		if offered := standIn.role("area_holder", "03"); offered != seat {
			t.Errorf("the role %d is offered, want %d", offered, seat)
		}
		w.refused("for the stand-in of a stand-in", func() answer {
			return acting.post("/v1/absences", map[string]any{
				"standInAssignmentId": above, "firstDay": "2026-03-03", "lastDay": "2026-03-03",
			})
		}, http.StatusUnprocessableEntity, "org.one_hop")
		place := w.signIn("rh.cg").called("grid", "community", "瑞和社区")
		at := fmt.Sprintf("/v1/contacts?placeId=%d&building=3&entrance=%s", place, url.QueryEscape("1"))
		w.says("the contact", w.wants("contact", w.signIn("r.lin").get(at), ok), true, "standIn")

		w.set("2026-03-05 00:00")
		acting = w.signIn("rh.bg01").acting(seat)
		w.refused("after the last day", func() answer { return acting.get(path) }, http.StatusForbidden, "auth.acting_as_invalid")
		w.says("the contact", w.wants("contact", w.signIn("r.lin").get(at), ok), nil, "standIn")
		if away.id("id") == 0 {
			t.Error("an absence without id")
		}
	})
}

// X3, AA2, X8: with the role ends whoever stands in for it, at once and with the sign-in that they have.
func TestX3_AStandInIsRefusedAsSoonAsTheRoleEnds(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		holder, standIn := w.signIn("rh.m03"), w.signIn("rh.bg01")
		seat := holder.role("area_holder", "03")
		opened := w.wants("record", holder.post("/v1/requests", map[string]any{"what": "路灯不亮"}), http.StatusCreated)
		path := fmt.Sprintf("/v1/requests/%d", opened.id("id"))
		w.wants("announce", holder.post("/v1/absences", map[string]any{
			"standInAssignmentId": standIn.role("group_leader", ""), "firstDay": "2026-03-02", "lastDay": "2026-03-20",
		}), http.StatusCreated)
		acting := standIn.acting(seat)
		w.wants("the stand-in reads", acting.get(path), http.StatusOK)
		w.wants("end the role", w.signIn("rh.gb1").post(fmt.Sprintf("/v1/role-assignments/%d/end", seat), map[string]any{"reason": "离任"}), http.StatusNoContent)
		for what, by := range map[string]*actor{"at once": acting, "signed in anew": w.signIn("rh.bg01").acting(seat)} {
			w.refused(what, func() answer { return by.get(path) }, http.StatusForbidden, "auth.acting_as_invalid")
		}
		if n := w.rows(`SELECT COUNT(*) FROM absence WHERE assignment_id = ? AND ended_at IS NULL`, seat); n != 0 {
			t.Errorf("%d absences of the role go on", n)
		}
	})
}

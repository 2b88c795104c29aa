package scenario

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// notices announces to all instructors, sees how far it has come, and says how calls went.
func (v *village) notices() {
	v.t.Helper()
	ok := http.StatusOK
	to := map[string]any{"unitId": v.office.called("party", "subdistrict_committee", ""), "roles": []any{"instructor"}}
	v.refused("announce as holder", func() answer {
		return v.holder.post("/v1/notices", map[string]any{"audience": to, "title": "防汛值守会"})
	}, http.StatusForbidden, "auth.forbidden")
	v.missing("announce to all as a village", func() answer {
		return v.secretary.post("/v1/notices", map[string]any{"audience": to, "title": "防汛值守会"})
	})
	v.refused("a phone in the title", func() answer {
		return v.office.post("/v1/notices", map[string]any{"audience": to, "title": "请回电19900001234"})
	}, http.StatusUnprocessableEntity, "notice.title_phone")
	forecast := v.wants("forecast", v.office.post("/v1/notices/forecast", map[string]any{"audience": to, "mustReach": true}), ok)
	v.says("forecast", forecast, 32, "recipients")
	v.says("forecast", forecast, 0, "withCredit")
	v.says("forecast", forecast, 32, "callNeeded")
	few := v.wants("forecast", v.secretary.post("/v1/notices/forecast", map[string]any{
		"audience": map[string]any{"unitId": v.branch, "roles": []any{"area_holder"}},
	}), ok)
	v.says("few", few, 3, "recipients")
	v.says("what is said of few", few, nil, "withCredit")

	made := v.wants("announce", v.office.post("/v1/notices", map[string]any{
		"audience": to, "title": "防汛值守会", "text": "周五下午两点在街道三楼会议室", "mustReach": true,
	}), http.StatusCreated)
	path := fmt.Sprintf("/v1/notices/%d", made.id("id"))
	v.says("announced", made, "done", "state")
	v.says("announced", made, 32, "written")
	v.says("listed", v.wants("list", v.office.get("/v1/notices"), ok), float64(made.id("id")), "items", 0, "id")
	told := v.signIn("in.01")
	v.says("the announcement", v.wants("read", told.get(path), ok), "周五下午两点在街道三楼会议室", "text")
	v.missing("read it untold", func() answer { return v.holder.get(path) })
	v.missing("its reach for another", func() answer { return v.secretary.get(path + "/reach") })

	v.pass(time.Minute)
	if err := v.app.TurnClocks(v.t.Context()); err != nil {
		v.t.Fatal(err)
	}
	reach := v.wants("reach", v.office.get(path+"/reach"), ok)
	v.says("reach", reach, 32, "weChat", "noCredit")
	v.says("reach", reach, 32, "toCall")
	v.says("what was expected", reach, 32, "forecast", "callNeeded")
	calls := v.wants("calls", v.office.get(path+"/calls?pageSize=100"), ok).items()
	if len(calls) != 32 || calls[0]["role"] != "instructor" || calls[0]["unitLabel"] == nil {
		v.t.Fatalf("%d calls, the first %v; want all instructors", len(calls), calls)
	}
	if name, _ := calls[0]["name"].(string); !strings.HasSuffix(name, "**") {
		v.t.Errorf("who is to be called is shown as %q, want a mask", name)
	}
	call := fmt.Sprintf("%s/calls/%.0f/finish", path, calls[0]["id"])
	v.says("not reached", v.wants("call", v.office.post(call, map[string]any{"outcome": "not_reached"}), ok), 1, "tries")
	v.says("reached", v.wants("call", v.office.post(call, map[string]any{"outcome": "reached"}), ok), "reached", "state")
	v.refused("call again", func() answer { return v.office.post(call, map[string]any{"outcome": "reached"}) }, http.StatusConflict, "notice.illegal_transition")
	v.says("withdrawn", v.wants("withdraw", v.office.post(path+"/withdraw", nil), ok), "withdrawn", "state")
	v.refused("withdraw again", func() answer { return v.office.post(path+"/withdraw", nil) }, http.StatusConflict, "notice.illegal_transition")
	v.says("for who was told", v.wants("read", told.get(path), ok), true, "withdrawn")
	reach = v.wants("reach", v.office.get(path+"/reach"), ok)
	v.says("reach", reach, 0, "toCall")
	v.says("reach", reach, 1, "called")
	v.says("reach", reach, 31, "dropped")
}

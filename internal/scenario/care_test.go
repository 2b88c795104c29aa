package scenario

import (
	"fmt"
	"net/http"

	"github.com/google/uuid"
)

// pin is what area holders step up with on the device they signed in on.
const pin = "482913"

// steppedUp is a with a PIN that was just entered.
func (a *actor) steppedUp() *actor {
	a.w.t.Helper()
	a.w.wants("set a PIN", a.post("/v1/auth/pin", map[string]any{"pin": pin, "wechatCode": "demo:" + a.handle + ":" + uuid.NewString()}), http.StatusNoContent)
	a.w.wants("step up", a.post("/v1/auth/step-up", map[string]any{"pin": pin}), http.StatusOK)
	return a
}

// care calls each operation of consents, care flags, dangerous weather and rounds once, in 杏坞村.
func (v *village) care() {
	v.t.Helper()
	ok, created, done := http.StatusOK, http.StatusCreated, http.StatusNoContent
	doors := v.wants("homes", v.holder.get("/v1/households?pageSize=100"), ok).items()
	home := func(i int) string { return fmt.Sprintf("/v1/households/%.0f", doors[i]["id"]) }
	agree := func(i int, purpose string) answer {
		v.t.Helper()
		return v.wants("agree", v.holder.post(home(i)+"/consents", map[string]any{"purpose": purpose, "wording": "2026-01", "channel": "in_person"}), created)
	}
	flag := map[string]any{"kind": "veteran", "source": "household", "purpose": "节日走访", "note": "参战退役 儿子19900004323", "expiresOn": "2026-12-31"}
	v.refused("flags without a second factor", func() answer { return v.holder.get(home(10) + "/flags") }, http.StatusForbidden, "auth.step_up_required")
	holder := v.holder.steppedUp()
	v.refused("a flag without consent", func() answer { return holder.post(home(10)+"/flags", flag) }, http.StatusConflict, "consent.required")
	v.says("agreed", agree(10, "care_visit"), true, "agreed")
	set := v.wants("set a flag", holder.post(home(10)+"/flags", flag), created)
	path := fmt.Sprintf("/v1/flags/%d", set.id("id"))
	v.says("the flag", set, "consent", "restsOn")
	v.says("the flag", v.wants("flags", holder.get(home(10)+"/flags"), ok), "veteran", "items", 0, "kind")
	v.says("the flag", set, "参战退役 儿子199****4323", "note")
	v.says("in full", v.wants("in full", holder.post(path+"/unmask", map[string]any{"fields": []string{"note"}, "purpose": "urgent", "reason": "没有应门，要找他儿子"}), ok), flag["note"], "note")
	v.says("renewed", v.wants("renew", holder.post(path+"/renew", map[string]any{"expiresOn": "2027-01-31", "reason": "住户仍需帮助"}), ok), "2027-01-31", "expiresOn")
	seen := v.wants("a visit that found the flag right", holder.post("/v1/visits", map[string]any{
		"householdId": doors[10]["id"], "result": "all_well", "flagsSeen": []any{set.id("id")}, "clientRef": uuid.NewString(),
		"promises": []any{map[string]any{"dueOn": "2026-05-11", "text": "送米"}},
	}), created)
	promise, _ := seen.at("promiseIds", 0).(float64)
	due := v.wants("due", holder.get("/v1/due-households"), ok)
	v.says("the most pressing door", due, "promise_due", "items", 0, "reason")
	for _, door := range due.items() {
		if door["id"] == doors[10]["id"] && (door["reason"] != "promise_due" || door["flagged"] != true) {
			v.t.Errorf("the door of the promise and the flag is %v", door)
		}
	}
	v.says("the promise", v.wants("keep", holder.post(fmt.Sprintf("/v1/promises/%.0f/keep", promise), nil), ok), "kept", "state")
	v.wants("end", holder.post(path+"/end", nil), done)
	again := v.wants("set it again", holder.post(home(10)+"/flags", flag), created)
	v.wants("refuse", holder.post(fmt.Sprintf("/v1/flags/%d/refuse", again.id("id")), map[string]any{"channel": "in_person"}), done)
	v.refused("a flag after a no", func() answer { return holder.post(home(10)+"/flags", flag) }, http.StatusConflict, "flag.refused")
	v.says("what the household said", v.wants("home", holder.get(home(10)), ok), "2026-06-10", "consents", 0, "askAgainOn")

	v.wants("mute", holder.post(home(20)+"/mute", map[string]any{"until": "2026-06-30"}), done)
	v.says("muted", v.wants("home", holder.get(home(20)), ok), "2026-06-30", "mutedUntil")
	v.refused("mute for years", func() answer { return holder.post(home(20)+"/mute", map[string]any{"until": "2028-06-30"}) },
		http.StatusUnprocessableEntity, "household.day_invalid")
	v.wants("lift it", holder.post(home(20)+"/mute", map[string]any{"until": "2026-05-11"}), done)
	v.says("lifted", v.wants("home", holder.get(home(20)), ok), nil, "mutedUntil")

	before := v.wants("events", v.office.get("/v1/risk-events"), ok)
	for i := 11; i < 14; i++ {
		agree(i, "risk_visit")
	}
	no := v.wants("no visits", holder.post(home(13)+"/consents/withdraw", map[string]any{"purpose": "risk_visit", "channel": "phone"}), ok)
	v.says("a no", no, false, "agreed")
	rain := v.wants("rain", v.office.post("/v1/risk-events", map[string]any{"kind": "heavy_rain", "hours": 48, "unitId": v.place}), created)
	event := fmt.Sprintf("/v1/risk-events/%d", rain.id("id"))
	v.says("events", v.wants("events", v.office.get("/v1/risk-events"), ok), float64(rain.id("id")), "items", 0, "id")
	if len(before.items()) != 0 {
		v.t.Errorf("before there were %v, want none", before.items())
	}
	v.says("done", v.wants("counts", v.office.get(event), ok), "0", "done")
	list := v.wants("round", holder.get(event+"/visit-round"), ok)
	v.says("the list", list, "agreed_risk_visit", "items", 0, "reason")
	v.missing("the office lists the homes", func() answer { return v.office.get(event + "/visit-round") })
	v.says("closed", v.wants("close", v.office.post(event+"/close", nil), ok), "closed", "state")
	v.refused("close it again", func() answer { return v.office.post(event+"/close", nil) }, http.StatusConflict, "risk.illegal_transition")

	entrance := int64(0)
	if err := v.app.Stores.DB.Get(v.t.Context(), &entrance, `SELECT entrance_id FROM premises WHERE id = ?`, int64(doors[0]["id"].(float64))); err != nil {
		v.t.Fatal(err)
	}
	round := v.wants("round", holder.post("/v1/rounds", map[string]any{
		"entranceId": entrance, "kind": "notice", "doors": 12, "answered": 7, "clientRef": uuid.NewString(),
	}), created)
	v.says("the rounds", v.wants("rounds", holder.get("/v1/rounds"), ok), float64(round.id("id")), "items", 0, "id")
	counts := v.wants("counts", v.secretary.get("/v1/visit-counts?month=2026-05"), ok)
	if counts.at("needsSolved") == nil {
		v.t.Errorf("the counts are %v, want the needs that were solved", counts.body)
	}
}

package scenario

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/request"
)

// A rain is S2 as it stands: who is in it, and where.
type rain struct {
	*world
	holder *actor // of 二片区
	place  int64
	doors  map[string]string // of 二片区: the path of each home by its door
	event  string            // the path of the risk event
}

// rain is what the demo gives S2: 二片区 of 72 homes, 9 of which agreed to be called at in dangerous weather (2-31 among
// them, with a veteran flag); 6 and 8 such homes in the other two areas. Another home is promised something about its
// roof.
func (w *world) rain() *rain {
	w.t.Helper()
	ok, created := http.StatusOK, http.StatusCreated
	r := &rain{world: w, holder: w.signIn("xl.m2").steppedUp(), doors: map[string]string{}}
	homes := w.wants("homes", r.holder.get("/v1/households?pageSize=100"), ok).items()
	if len(homes) != 72 {
		w.t.Fatalf("二片区 has %d homes, want 72", len(homes))
	}
	for _, h := range homes {
		r.doors[h["door"].(string)] = fmt.Sprintf("/v1/households/%.0f", h["id"])
	}
	w.says("the flag of 2-31", w.wants("flags", r.holder.get(r.doors["2-31"]+"/flags"), ok), "veteran", "items", 0, "kind")
	w.wants("a promise about a roof", r.holder.post("/v1/visits", map[string]any{
		"householdId": r.home("2-60"), "result": "needs", "clientRef": uuid.NewString(),
		"needs":    []any{map[string]any{"what": "瓦片松动", "category": "dwelling_safety"}},
		"promises": []any{map[string]any{"dueOn": "2026-08-20", "text": "请泥瓦工来看"}},
	}), created)
	r.place = w.signIn("xl.s").called("grid", "village", "杏坞村")
	return r
}

// home is the id of the home behind a door of 二片区.
func (r *rain) home(door string) int64 {
	r.t.Helper()
	var id int64
	if _, err := fmt.Sscanf(r.doors[door], "/v1/households/%d", &id); err != nil {
		r.t.Fatalf("door %s: %v", door, err)
	}
	return id
}

// muster asks helpers for the need at path.
func (r *rain) muster(path string) {
	r.t.Helper()
	ok, created := http.StatusOK, http.StatusCreated
	r.set("2026-08-17 16:45")
	helpers := map[string]*actor{}
	for handle, skills := range map[string][]string{
		"xl.m1": {"mason"}, "xl.m3": {"ladder"}, "xl.s": {"mason", "ladder"},
	} {
		helpers[handle] = r.signIn(handle)
		r.wants("skills", helpers[handle].put("/v1/me/helper-skills", map[string]any{"skills": skills}), ok)
	}
	var others []org.PersonID // two of the village who have no account, and will be silent
	if err := r.app.Stores.DB.Select(r.t.Context(), &others, `
		SELECT m.person_id
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		WHERE u.name LIKE '%杏坞村%' AND NOT EXISTS (SELECT 1 FROM demo_handle h WHERE h.person_id = m.person_id)
		ORDER BY m.person_id
		LIMIT 2`); err != nil || len(others) != 2 {
		r.t.Fatalf("found %v (%v), want two members", others, err)
	}
	for _, p := range others {
		needs := request.NewService(r.app.Stores.DB, r.app.Stores.Keys, nil, &calendar.Calendar{}, nil)
		if _, err := needs.SetSkills(r.t.Context(), org.Actor{PersonID: p}, []string{"mason"}); err != nil {
			r.t.Fatal(err)
		}
	}
	call := map[string]any{"skills": []string{"mason", "ladder"}, "people": 5, "note": "带好安全绳，村口集合"}
	r.refused("without a word about the danger", func() answer {
		return r.holder.post(path+"/musters", call)
	}, http.StatusUnprocessableEntity, "request.danger_not_acknowledged")
	call["dangerAcknowledged"] = true
	muster := r.wants("muster", r.holder.post(path+"/musters", call), created)
	r.says("asked", muster, 5, "waiting")
	for handle, says := range map[string]string{"xl.m1": "accepted", "xl.m3": "accepted", "xl.s": "declined"} {
		answer := helpers[handle].put(fmt.Sprintf("/v1/me/musters/%d/answer", muster.id("id")), map[string]any{"answer": says})
		r.says(handle, r.wants("answer", answer, ok), says, "answer")
	}
	r.set("2026-08-17 17:15")
	r.holder.renew()
	begun := r.wants("begin", r.holder.post(fmt.Sprintf("/v1/musters/%d/begin", muster.id("id")), nil), ok)
	r.says("begun", begun, "started", "state")
	if come, _ := begun.at("coming").([]any); len(come) != 2 {
		r.t.Errorf("%v come, want the two who said so", come)
	}
	r.says("declined", begun, 1, "declined")
	r.says("silent", begun, 2, "silent")
	r.set("2026-08-17 18:20")
	r.holder.renew()
	r.says("done", r.wants("finish", r.holder.post(fmt.Sprintf("/v1/musters/%d/finish", muster.id("id")), nil), ok), "done", "state")
}

// turn is what every node does each minute.
func (r *rain) turn() {
	r.t.Helper()
	homes := household.NewService(r.app.Stores.DB, r.app.Stores.Keys, nil, nil, nil)
	for range 2 { // as many nodes
		if _, err := homes.CloseDue(r.t.Context()); err != nil {
			r.t.Fatal(err)
		}
	}
}

// rows is what a query counts.
func (w *world) rows(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.app.Stores.DB.Get(w.t.Context(), &n, query, args...); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// S2: heavy rain and a leaking roof.
func TestScenario02HeavyRainAndALeakingRoof(t *testing.T) { // F8, F11, F12, F13, F15, V5
	t.Parallel()
	each(t, "2026-08-17 14:00", func(t *testing.T, w *world) {
		defer w.watching("rh.cg")()
		ok, created := http.StatusOK, http.StatusCreated
		w.hide("漏水", "2-31", "吴先生")
		r := w.rain()
		office, phone := w.signIn("po.1"), r.holder.phone()
		r.holder.allows(1, "notice")
		w.acts()

		// 1: the office opens the round; it sees counts, and the holder the homes.
		rain := w.wants("rain", office.post("/v1/risk-events", map[string]any{"kind": "heavy_rain", "hours": 48, "unitId": r.place}), created)
		r.event = fmt.Sprintf("/v1/risk-events/%d", rain.id("id"))
		if acts := w.acts(); !slices.Contains(acts, "risk.opened") { // beside what clocks note meanwhile
			t.Errorf("the audit chain notes %q, want risk.opened among it", acts)
		}
		w.says("it ends", rain, "2026-08-19T06:00:00Z", "endsAt")
		if heard := w.hears(phone, "risk.opened", 1); heard.Priority != 0 {
			t.Errorf("the holder hears with priority %d, want 0: at once", heard.Priority)
		}
		w.shows(w.delivered("xl.m2", 1), map[string]string{"thing1": "暴雨", "thing2": "杏坞村"}) // by WeChat too, although a device has it
		list := w.wants("the round", r.holder.get(r.event+"/visit-round"), ok).items()
		if len(list) != 10 || list[0]["reason"] != "promise_due" || list[0]["door"] != "2-60" {
			t.Fatalf("the list is %v, want 10 homes, the promise about the roof first", list)
		}
		for _, row := range list[1:] {
			if row["reason"] != "agreed_risk_visit" {
				t.Errorf("%v is on the list, want those that agreed", row)
			}
		}
		counts := w.wants("counts", office.get(r.event), ok)
		w.says("offered", counts, "24", "offered")
		w.says("done", counts, "0", "done")
		w.missing("the office lists homes", func() answer { return office.get(r.event + "/visit-round") })
		w.refused("the same rain again", func() answer {
			return office.post("/v1/risk-events", map[string]any{"kind": "heavy_rain", "hours": 24, "unitId": r.place})
		}, http.StatusConflict, "risk.there_is_one")

		// 2: entered without a network at 15:10, sent three times at 16:40.
		w.set("2026-08-17 16:40")
		w.wants("step up", r.holder.renewed(), ok)
		told := map[string]any{
			"householdId": r.home("2-31"), "result": "needs", "note": "老人在屋里", "clientRef": uuid.NewString(), "happenedAt": "2026-08-17T07:10:00Z",
			"needs": []any{map[string]any{
				"what": "屋顶漏水", "category": "dwelling_safety", "who": "吴先生", "callBack": map[string]any{"by": "phone", "phone": "19900000231"},
			}},
			"promises": []any{map[string]any{"dueOn": "2026-08-17"}},
		}
		w.acts()
		visit := w.wants("visit", r.holder.post("/v1/visits", told), created)
		for range 2 {
			again := w.wants("visit, again", r.holder.post("/v1/visits", told), created)
			w.says("the same visit", again, visit.at("id"), "id")
			w.says("the same request", again, visit.at("requests", 0, "id"), "requests", 0, "id")
			w.says("the same promise", again, visit.at("promiseIds", 0), "promiseIds", 0)
			if !again.replayed {
				t.Error("the visit told again is not marked as replayed")
			}
		}
		w.says("told", visit, "2026-08-17T07:10:00Z", "happenedAt")
		w.says("reached us", visit, "2026-08-17T08:40:00Z", "recordedAt")
		w.says("to be solved", visit, "2026-08-18T07:10:00Z", "requests", 0, "solveDueAt")
		if n := w.rows(`SELECT COUNT(*) FROM visit WHERE premises_id = ? AND happened_at >= ?`, r.home("2-31"), w.clock().Add(-4*3600e9)); n != 1 {
			t.Errorf("%d visits, want one", n)
		}
		for what, n := range map[string]int{
			"needs":    w.rows(`SELECT COUNT(*) FROM request WHERE source_visit_id = ?`, visit.at("id")),
			"promises": w.rows(`SELECT COUNT(*) FROM promise WHERE request_id = ?`, visit.at("requests", 0, "id")),
			"notes":    len(slices.DeleteFunc(w.acts(), func(a string) bool { return a != "visit.recorded" })),
		} {
			if n != 1 {
				t.Errorf("the visit told three times makes %d %s, want one", n, what)
			}
		}
		need := fmt.Sprintf("/v1/requests/%.0f", visit.at("requests", 0, "id"))
		code, _ := visit.at("requests", 0, "receiptCode").(string)
		w.says("done", w.wants("counts", w.signIn("po.1").get(r.event), ok), "<5", "done")

		// 3: helpers are asked by what they can do; it starts with the two who come, and nothing follows for the others.
		r.muster(need)

		// 4: solved at the lowest level, and both know of each other.
		w.set("2026-08-17 18:30")
		r.holder.renew()
		w.says("resolved", w.wants("close", r.holder.post(need+"/close", map[string]any{"closureKind": "resolved", "text": "已铺防雨布并补瓦"}), ok), "center_household", "resolvedLevel")
		w.says("the request", w.wants("read", r.holder.get(need), ok), visit.at("id"), "sourceVisitId")
		w.says("the visit", w.wants("read", r.holder.get(fmt.Sprintf("/v1/visits/%.0f", visit.at("id"))), ok), visit.at("requests", 0, "id"), "requestIds", 0)
		page := w.wants("the receipt", (&actor{w: w}).post("/v1/receipts/open", map[string]any{"receiptCode": code, "secret": "0231"}), ok)
		w.says("what the asker was promised", page, "2026-08-17", "promises", 0, "dueOn")
		w.wants("the household answers", (&actor{w: w}).post("/v1/receipts/answer", map[string]any{"receiptCode": code, "secret": "0231", "outcome": "done"}), ok)
		w.says("kept", w.wants("keep", r.holder.post(fmt.Sprintf("/v1/promises/%.0f/keep", visit.at("promiseIds", 0)), nil), ok), "kept", "state")

		// Counter-checks.
		w.pass(60e9)
		path := fmt.Sprintf("/v1/visits/%.0f", visit.at("id"))
		for _, handle := range []string{"xl.m1", "xl.m3", "rh.m03", "rh.ga", "rh.cg"} {
			a := w.signIn(handle)
			w.missing(handle+" reads the visit", func() answer { return a.get(path) })
			w.missing(handle+" reads the request", func() answer { return a.get(need) })
		}
		secretary := w.signInStaff("xl.s")
		if seen := w.wants("the secretary reads the request", secretary.get(need), ok); strings.Contains(seen.text, "veteran") || strings.Contains(seen.text, "flag") {
			t.Errorf("the request says of a flag: %s", seen.text)
		}
		w.missing("the secretary lists flags", func() answer { return secretary.get(r.doors["2-31"] + "/flags") })
		w.missing("the secretary reads the visit", func() answer { return secretary.get(path) })

		// 5: it closes itself, and 14 days later nothing temporary is left.
		w.set("2026-08-19 14:00")
		r.turn()
		office = w.signIn("po.1")
		w.says("closed", w.wants("counts", office.get(r.event), ok), "closed", "event", "state")
		w.refused("close it again", func() answer { return office.post(r.event+"/close", nil) }, http.StatusConflict, "risk.illegal_transition")
		if n := w.rows(`SELECT COUNT(*) FROM visit WHERE note_sealed IS NOT NULL AND happened_at >= ?`, w.clock().AddDate(0, 0, -2)); n != 1 {
			t.Errorf("%d notes are left of the rain, want the one until it is purged", n)
		}
		w.set("2026-09-02 14:00")
		r.turn()
		if n := w.rows(`SELECT COUNT(*) FROM visit WHERE note_sealed IS NOT NULL AND happened_at >= ?`, w.clock().AddDate(0, 0, -16)); n != 0 {
			t.Errorf("%d temporary notes are left, want none", n)
		}
		if n := w.rows(`SELECT COUNT(*) FROM risk_offer`); n != 0 {
			t.Errorf("%d homes are still on a list, want none", n)
		}
		w.says("the request remains", w.wants("read", w.signIn("xl.m2").get(need), ok), "屋顶漏水", "what")
		phone.stop()
	})
}

// renewed is a's PIN, entered again.
func (a *actor) renewed() answer {
	a.w.t.Helper()
	a.renew()
	return a.post("/v1/auth/step-up", map[string]any{"pin": pin})
}

// sentTexts are the fields of everything that anybody was ever told, in the app or by WeChat.
func (w *world) sentTexts() (all []string) {
	w.t.Helper()
	if err := w.app.Stores.DB.Select(context.Background(), &all, `
		SELECT args FROM inbox WHERE args <> ''
		UNION ALL
		SELECT args FROM wechat_send WHERE args <> ''`); err != nil {
		w.t.Error(err)
	}
	for _, m := range w.app.Fake().Sent() {
		all = append(all, fmt.Sprint(m.Fields))
	}
	return all
}

package scenario

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/uuid"
)

// unit is the id of a unit with a name, as a sees it.
func (a *actor) unit(tree, kind, name string) int64 {
	a.w.t.Helper()
	got := a.w.wants("units", a.get("/v1/units?tree="+tree+"&kind="+kind+"&pageSize=100"), http.StatusOK)
	for _, u := range got.items() {
		if u["name"] == name {
			return int64(u["id"].(float64))
		}
	}
	a.w.t.Fatalf("%s sees no %s called %s", a.handle, kind, name)
	return 0
}

// door is the id of the home or shop behind a door, as its holder sees it.
func (a *actor) door(number string) int64 {
	a.w.t.Helper()
	for cursor := ""; ; {
		got := a.w.wants("households", a.get("/v1/households?pageSize=100"+cursor), http.StatusOK)
		for _, h := range got.items() {
			if h["door"] == number {
				return int64(h["id"].(float64))
			}
		}
		next, _ := got.body["nextCursor"].(string)
		if next == "" {
			a.w.t.Fatalf("%s has no door %s", a.handle, number)
		}
		cursor = "&cursor=" + next
	}
}

// place makes a place of a kind at a unit.
func (a *actor) place(unit int64, kind, name string) int64 {
	a.w.t.Helper()
	return a.w.wants("make a place", a.post("/v1/places", map[string]any{"unitId": unit, "kind": kind, "name": name}), http.StatusCreated).id("id")
}

// shows is what the display of a place shows now.
func (a *actor) shows(place int64) (code, short string) {
	a.w.t.Helper()
	got := a.w.wants("codes", a.get(fmt.Sprintf("/v1/places/%d/codes?seconds=0", place)), http.StatusOK)
	code, _ = got.at("items", 0, "code").(string)
	short, _ = got.at("items", 0, "shortCode").(string)
	return code, short
}

// phoneTime is the clock as a phone writes it.
func (w *world) phoneTime() string { return w.clock().UTC().Format("2006-01-02T15:04:05Z") }

// counts are the outcomes of visits that a sees in a month, and the total.
func (a *actor) counts(month string) (results map[string]string, total any) {
	a.w.t.Helper()
	got := a.w.wants("visit counts", a.get("/v1/visit-counts?month="+month), http.StatusOK)
	results = map[string]string{}
	for i := 0; got.at("results", i) != nil; i++ {
		results[got.at("results", i, "result").(string)] = got.at("results", i, "count").(string)
	}
	return results, got.body["total"]
}

func TestScenario00TheMainJobTaskCheckInVisitNeed(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		w.hide("路灯不亮", "1件诉求", "灯柱在桥边")
		secretary, member, outsider, elsewhere := w.signIn("xl.s"), w.signIn("xl.m2"), w.signIn("zj.s"), w.signIn("rh.cg")
		area := member.role("area_holder", "二片区")
		village := secretary.unit("grid", "village", "杏坞村")
		place := secretary.place(village, "meeting_room", "村委会议室")
		there, here := secretary.phone(), member.phone()
		w.acts()

		// 1: a task, heard at once.
		given := w.wants("create", secretary.post("/v1/tasks", map[string]any{
			"title": "走访二片区3户", "target": map[string]any{"assignmentId": area},
			"dueAt": "2026-05-13T09:30:00Z", "checklist": []string{"2-30", "2-31", "2-32"}, "minutes": 60,
		}), http.StatusCreated)
		if given.body["state"] != "open" || given.at("copyIds", 1) != nil {
			t.Fatalf("the task is %v, want one open copy", given.body)
		}
		w.audited("task.created")
		task := fmt.Sprintf("/v1/tasks/%d", given.id("id"))
		if heard := w.hears(here, "task.assigned", 1); heard.Assignment != area {
			t.Errorf("heard for role %d, want %d, the area's", heard.Assignment, area)
		}
		act := func(verb string) string {
			return fmt.Sprintf("/v1/task-copies/%d/%s", int64(given.at("copyIds", 0).(float64)), verb)
		}
		for who, x := range map[string]*actor{"another village": outsider, "a community": elsewhere} {
			w.missing(who+" looks at the task", func() answer { return x.get(task) })
			w.missing(who+" calls the task off", func() answer { return x.post(task+"/cancel", map[string]any{"reason": "不需要"}) })
			w.missing(who+" takes the task on", func() answer { return x.post(act("accept"), nil) })
		}

		// 2: taken on.
		if got := w.wants("accept", member.post(act("accept"), nil), http.StatusOK); got.body["state"] != "accepted" {
			t.Errorf("the copy is %v, want accepted", got.body["state"])
		}
		w.audited("task.accepted")

		// 3: on duty, by the code of a place; the same evidence twice is the same record.
		code, _ := secretary.shows(place)
		checkIn := map[string]any{"kind": "place_code", "code": code, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString()}
		w.missing("a community checks in here", func() answer { return elsewhere.post("/v1/check-ins", checkIn) })
		present := w.wants("check in", member.post("/v1/check-ins", checkIn), http.StatusCreated)
		if present.body["state"] != "confirmed" || present.id("unitId") != village || present.body["day"] != "2026-05-11" {
			t.Errorf("the presence is %v, want a confirmed one of 杏坞村 on 2026-05-11", present.body)
		}
		w.audited("checkin.recorded")
		again := w.wants("check in again", member.post("/v1/check-ins", checkIn), http.StatusCreated)
		if again.id("id") != present.id("id") || !again.replayed || again.body["replayed"] != true {
			t.Errorf("the same clientRef gives %v, replayed %v; want record %d, replayed", again.body, again.replayed, present.id("id"))
		}
		w.audited()
		confirm := fmt.Sprintf("/v1/presence/%d/confirm", present.id("id"))
		w.missing("another village confirms the presence", func() answer { return outsider.post(confirm, nil) })
		w.missing("a community confirms the presence", func() answer { return elsewhere.post(confirm, nil) })

		// 4: three doors, and a need behind one of them.
		visit := func(door, result string, more map[string]any) answer {
			body := map[string]any{"householdId": member.door(door), "result": result, "clientRef": uuid.NewString(), "happenedAt": w.phoneTime()}
			maps.Copy(body, more)
			return w.wants(door, member.post("/v1/visits", body), http.StatusCreated)
		}
		visit("2-30", "all_well", nil)
		w.audited("visit.recorded")
		with := visit("2-31", "needs", map[string]any{"needs": []any{map[string]any{"what": "路灯不亮", "category": "general"}}, "note": "灯柱在桥边"})
		w.audited("request.created", "visit.recorded")
		visit("2-32", "not_home", nil)
		w.audited("visit.recorded")

		need := with.at("requests", 0)
		if need == nil || with.at("requests", 1) != nil {
			t.Fatalf("the visit brought %v, want one request", with.body["requests"])
		}
		code, _ = with.at("requests", 0, "receiptCode").(string)
		if !regexp.MustCompile(`^[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}$`).MatchString(code) {
			t.Errorf("the receipt code is %q, want 5-5 of 2-9A-HJ-NP-Z", code)
		}
		holder, _ := with.at("requests", 0, "holder", "unitName").(string)
		if with.at("requests", 0, "level") != 1.0 || with.at("requests", 0, "holder", "level") != 1.0 || holder != "二片区" {
			t.Errorf("the request is held by %v at level %v, want 二片区 at level 1", holder, with.at("requests", 0, "level"))
		}
		if source := with.at("requests", 0, "sourceVisitId"); source != float64(with.id("id")) {
			t.Errorf("the request comes from visit %v, want %d", source, with.id("id"))
		}
		days := w.wants("own presence", member.get("/v1/presence"), http.StatusOK).items()
		if len(days) != 1 || int64(days[0]["id"].(float64)) != present.id("id") {
			t.Errorf("own presence is %v, want the one record", days)
		}
		request := fmt.Sprintf("/v1/requests/%v", with.at("requests", 0, "id"))
		seen := fmt.Sprintf("/v1/visits/%d", with.id("id"))
		for who, x := range map[string]*actor{"another village": outsider, "a community": elsewhere} {
			w.missing(who+" reads the request", func() answer { return x.get(request) })
			w.missing(who+" reads the visit", func() answer { return x.get(seen) })
		}
		w.missing("the secretary reads the visit", func() answer { return secretary.get(seen) })

		// 5: reported, once, by whoever has the task.
		report := map[string]any{"text": "3户，1件诉求", "ticks": []int{0, 1, 2}}
		w.refused("the secretary reports", func() answer { return secretary.post(act("report"), report) }, http.StatusForbidden, "auth.forbidden")
		w.missing("another village reports", func() answer { return outsider.post(act("report"), report) })
		w.acts()
		if got := w.wants("report", member.post(act("report"), report), http.StatusOK); got.body["state"] != "reported" {
			t.Errorf("the copy is %v, want reported", got.body["state"])
		}
		w.audited("task.reported")
		w.hears(there, "task.reported", 1)
		w.refused("a second report", func() answer { return member.post(act("report"), report) }, http.StatusConflict, "campaign.illegal_transition")

		// 6: progress and the need's text; of the visits, counts only.
		progress := w.wants("progress", secretary.get(task), http.StatusOK)
		if progress.at("progress", "total") != 1.0 || progress.at("progress", "reported") != 1.0 {
			t.Errorf("progress is %v, want 1 of 1", progress.body["progress"])
		}
		w.acts()
		if got := w.wants("the request", secretary.get(request), http.StatusOK); got.body["what"] != "路灯不亮" {
			t.Errorf("the secretary reads %v, want the need's words", got.body["what"])
		}
		w.audited("request.read")
		results, total := secretary.counts("2026-05")
		for result, want := range map[string]string{"all_well": "<5", "needs": "<5", "not_home": "<5", "declined": "0", "unable": "0"} {
			if results[result] != want {
				t.Errorf("%s is counted as %q, want %q", result, results[result], want)
			}
		}
		if total != "<5" {
			t.Errorf("the total is %v, want <5", total)
		}
		w.acts()
		w.missing("another village accepts the result", func() answer { return outsider.post(act("accept-result"), nil) })
		if got := w.wants("accept the result", secretary.post(act("accept-result"), nil), http.StatusOK); got.body["state"] != "done" {
			t.Errorf("the copy is %v, want done", got.body["state"])
		}
		w.audited("task.done")
		w.hears(here, "task.done", 1)
	})
}

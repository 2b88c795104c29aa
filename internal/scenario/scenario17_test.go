package scenario

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
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

// S17: an area passes from one holder to the next.
func TestScenario17HandoverOfAnArea(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-10 10:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok, created, done := http.StatusOK, http.StatusCreated, http.StatusNoContent
		holder, secretary, leader, lead := w.signIn("rh.m10"), w.signInStaff("rh.gb1"), w.signIn("rh.bg03"), w.signIn("rh.cg")
		seat := holder.role("area_holder", "10")
		area := int64(w.wants("the area", holder.get("/v1/areas"), ok).at("items", 0, "id").(float64))
		w.hide("节日走访", "veteran", "搬离本小区", "请稍候")
		var needs []int64
		for _, r := range w.wants("needs", holder.get("/v1/requests"), ok).items() {
			needs = append(needs, int64(r["id"].(float64)))
			w.hides("a need", holder.get(fmt.Sprintf("/v1/requests/%.0f", r["id"])), "what")
		}
		promised := w.wants("promises", holder.get("/v1/promises"), ok)
		for i := range promised.items() {
			w.hides("a promise", promised, "items", i, "text")
		}
		if len(needs) != 3 {
			t.Fatalf("area 10 has %d open requests, want 3", len(needs))
		}
		need := fmt.Sprintf("/v1/requests/%d", needs[0])
		holder.steppedUp().fourFlags(area)
		held := w.polled(org.UnitID(area))
		end := func(seat int64) answer {
			return secretary.post(fmt.Sprintf("/v1/role-assignments/%d/end", seat), map[string]any{"reason": "搬离本小区"})
		}
		house := int64(w.wants("the roles", secretary.get(fmt.Sprintf("/v1/role-assignments?personId=%d&role=area_holder", w.person("rh.m10"))), ok).at("items", 0, "unitId").(float64))
		give := func(person any) int64 {
			t.Helper()
			return w.wants("grant", secretary.post("/v1/role-assignments", map[string]any{
				"personId": person, "role": "area_holder", "unitId": house,
			}), created).id("assignmentId")
		}

		// 1: what is open is packed, and the old holder is out with the next call.
		hears := leader.phone()
		w.wants("end", end(seat), done)
		handover := w.wants("handovers", secretary.get("/v1/handovers"), ok)
		for i, want := range []struct {
			what  string
			count int
		}{{"requests", 3}, {"promises", 2}, {"flags", 4}, {"boards", 0}} {
			w.says("packed", handover, want.what, "items", 0, "packed", i, "what")
			w.says("packed "+want.what, handover, want.count, "items", 0, "packed", i, "count")
		}
		w.says("packed, for who is not to have it", handover, nil, "items", 0, "packed", 0, "ids")
		w.refused("the old token", func() answer { return holder.get(need) }, http.StatusUnauthorized, "auth.token_stale")
		w.wants("refresh", holder.renew(), ok)
		w.missing("area 10, to who held it", func() answer { return holder.get(need) })
		w.refused("the ended role", func() answer { return holder.acting(seat).get(need) }, http.StatusForbidden, "auth.acting_as_invalid")

		// 2: until it is signed for, the leader of the group holds it, with its flags.
		path := fmt.Sprintf("/v1/handovers/%.0f", handover.at("items", 0, "id"))
		w.hears(hears, "handover.ready", 1)
		pack := w.wants("the handover", leader.get(path), ok)
		w.says("the interim holder", pack, "group_leader", "interim", 0, "role")
		w.says("the interim holder accepts", w.wants("accept", leader.post(need+"/accept", map[string]any{}), ok), "accepted", "state")
		flags := w.flagged(area)
		leader, lead = leader.steppedUp(), lead.steppedUp()
		for _, door := range flags {
			if n := len(w.wants("flags", leader.get(door), ok).items()); n == 0 {
				t.Error("the interim holder sees no flag where there is one")
			}
		}
		w.missing("the flags, to the lead above", func() answer { return lead.get(flags[0]) })
		w.signIn("m.001")
		role := give(w.person("m.001"))
		successor := w.signIn("m.001").acting(role).steppedUp()
		w.says("the successor reads the pack", w.wants("the handover", successor.get(path), ok), float64(needs[0]), "packed", 0, "ids", 0)
		w.missing("the area, before signing", func() answer { return successor.get(need) })
		w.missing("flags, before signing", func() answer { return successor.get(flags[0]) })

		// 3: with the signature the successor holds it, and the askers hear of it.
		w.refused("a lead signs", func() answer { return leader.post(path+"/sign", nil) }, http.StatusForbidden, "auth.forbidden")
		before := w.toldOfContact(needs)
		w.wants("sign", successor.post(path+"/sign", nil), done)
		w.says("the successor reads", w.wants("read", successor.get(need), ok), float64(area), "unitId")
		w.wants("the successor reads flags", successor.get(flags[0]), ok)
		w.missing("flags, to the leader", func() answer { return leader.get(flags[0]) })
		w.refused("the leader acts", func() answer {
			return leader.post(need+"/messages", map[string]any{"text": "请稍候"})
		}, http.StatusForbidden, "request.not_holder")
		w.refused("sign again", func() answer { return successor.post(path+"/sign", nil) }, http.StatusConflict, "org.illegal_transition")
		if n := w.toldOfContact(needs) - before; n != 3 {
			t.Errorf("%d askers are told of their new contact, want 3", n)
		}
		acts := w.acts()
		for _, act := range []string{"org.role_ended", "handover.packed", "org.role_granted", "handover.signed"} {
			if !slices.Contains(acts, act) {
				t.Errorf("the audit holds no %s", act)
			}
		}
		if polls, without := held(); without > 0 || polls < 20 {
			t.Errorf("of %d looks area 10 was without holder %d times, want never of many", polls, without)
		}

		// Counter-check: a successor who does not sign for seven days is a gap.
		w.wants("end", end(role), done)
		gaps := func() []map[string]any {
			t.Helper()
			check := w.wants("leads", w.signIn("rh.cg").get("/v1/coverage/leads"), ok)
			all, _ := check.at("gaps").([]any)
			found := make([]map[string]any, len(all))
			for i, g := range all {
				found[i] = g.(map[string]any)
			}
			return found
		}
		if g := gaps(); len(g) != 1 || g[0]["unsigned"] != false {
			t.Errorf("gaps are %v, want area 10 at once", g)
		}
		give(w.person("rh.m10"))
		w.set("2026-03-17 09:59:59")
		if g := gaps(); len(g) != 0 {
			t.Errorf("gaps are %v before seven days, want none", g)
		}
		w.set("2026-03-17 10:01")
		if g := gaps(); len(g) != 1 || g[0]["unsigned"] != true {
			t.Errorf("gaps are %v after seven days, want area 10, unsigned", g)
		}
	})
}

// hides adds a text of an answer to those that no log and no frame may hold.
func (w *world) hides(what string, got answer, names ...any) {
	w.t.Helper()
	text, _ := w.wants(what, got, http.StatusOK).at(names...).(string)
	if text == "" {
		w.t.Fatalf("%s has no text at %v: %v", what, names, got.body)
	}
	w.hide(text)
}

// person is who signs in by a handle.
func (w *world) person(handle string) (id int64) {
	w.t.Helper()
	if err := w.app.Stores.DB.Get(w.t.Context(), &id, `SELECT person_id FROM demo_handle WHERE handle = ?`, handle); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// polled looks a hundred times a second who holds an area, until it is asked how often it looked and found nobody.
func (w *world) polled(area org.UnitID) func() (polls, without int) {
	ctx, stop := context.WithCancel(w.t.Context())
	looked := make(chan [2]int, 1)
	go func() {
		var polls, without int
		every := time.NewTicker(10 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				looked <- [2]int{polls, without}
				return
			case <-every.C:
			}
			day, d := calendar.DayOf(w.clock()), w.app.Stores.DB
			u, err := org.UnitByID(ctx, d, area)
			if err != nil {
				continue // the end of the test
			}
			in, err := org.LeadOf(ctx, d, u, day)
			if err == nil && len(in) == 0 {
				_, in, err = org.InterimHolder(ctx, d, u, day)
			}
			if polls++; err == nil && len(in) == 0 {
				without++
			}
		}
	}()
	return func() (int, int) {
		stop()
		n := <-looked
		return n[0], n[1]
	}
}

// fourFlags sets care flags at doors of a's area until there are four.
func (a *actor) fourFlags(area int64) {
	a.w.t.Helper()
	var there int
	if err := a.w.app.Stores.DB.Get(a.w.t.Context(), &there, `
		SELECT COUNT(*)
		FROM care_flag f
		JOIN premises p ON p.id = f.premises_id
		JOIN area_entrance e ON e.entrance_id = p.entrance_id
		WHERE e.area_id = ?`, area); err != nil {
		a.w.t.Fatal(err)
	}
	doors := a.w.wants("homes", a.get("/v1/households?pageSize=100"), http.StatusOK).items()
	for i := range 4 - there {
		home := fmt.Sprintf("/v1/households/%.0f", doors[len(doors)-1-i]["id"])
		a.w.wants("agree", a.post(home+"/consents", map[string]any{"purpose": "care_visit", "wording": "2026-01", "channel": "in_person"}), http.StatusCreated)
		a.w.wants("flag", a.post(home+"/flags", map[string]any{
			"kind": "veteran", "source": "household", "purpose": "节日走访", "expiresOn": "2026-12-31",
		}), http.StatusCreated)
	}
}

// flagged are the paths of the flags of those doors of an area that have any.
func (w *world) flagged(area int64) (paths []string) {
	w.t.Helper()
	var doors []int64
	if err := w.app.Stores.DB.Select(w.t.Context(), &doors, `
		SELECT DISTINCT f.premises_id
		FROM care_flag f
		JOIN premises p ON p.id = f.premises_id
		JOIN area_entrance a ON a.entrance_id = p.entrance_id
		WHERE a.area_id = ?`, area); err != nil {
		w.t.Fatal(err)
	}
	for _, id := range doors {
		paths = append(paths, fmt.Sprintf("/v1/households/%d/flags", id))
	}
	if len(paths) == 0 {
		w.t.Fatal("no door of the area has a flag")
	}
	return paths
}

// toldOfContact is how often askers of needs were told that their contact has changed, in their inbox, or have anything to
// hear at a call: what grows while only a contact changes is how many are told of it.
func (w *world) toldOfContact(needs []int64) (n int) {
	w.t.Helper()
	for _, id := range needs {
		var one int
		if err := w.app.Stores.DB.Get(w.t.Context(), &one, `
			SELECT (SELECT COUNT(*) FROM inbox WHERE kind = 'contact.changed' AND ref_type = 'request' AND ref_id = ?)
			     + (SELECT COALESCE(SUM(messages), 0) FROM call_task WHERE request_id = ?) AS n`, id, id); err != nil {
			w.t.Fatal(err)
		}
		n += one
	}
	return n
}

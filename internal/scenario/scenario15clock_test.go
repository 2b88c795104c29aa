package scenario

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// S15 where clocks and the holder's own conflict of interest count: the call after a handing over (K10), what lies
// still for a week (K12), and a concern about rh.gb1 (V6).
func TestScenario15TheClocksAndAConcern(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok, made := http.StatusOK, http.StatusCreated
		area, lin := w.signIn("rh.m03"), w.signIn("r.lin")
		over := w.wants("record", area.post("/v1/requests", map[string]any{
			"who": "林女士", "what": "三天没有自来水", "category": "water_supply", "callBack": map[string]any{"by": "phone", "phone": "19900000001"},
		}), made).id("id")
		still := w.wants("record another", area.post("/v1/requests", map[string]any{"what": "路灯不亮"}), made).id("id")
		w.set("2026-03-02 09:05")
		w.wants("accept", area.post(fmt.Sprintf("/v1/requests/%d/accept", still), map[string]any{}), ok)
		w.wants("hand over", area.post(fmt.Sprintf("/v1/requests/%d/close", over), map[string]any{
			"closureKind": "handed_over", "body": "云湾供水公司", "contact": "客服 19900000096", "callBackOn": "2026-03-05", "toldInPerson": true,
		}), ok)

		// The concern is told at the door of area 03 and opens at level 4.
		lead := w.signIn("rh.cg")
		about := w.rows(`SELECT id FROM role_assignment WHERE person_id = ? AND role = 'grid_secretary'`, w.person("rh.gb1"))
		site := map[string]any{"placeId": lead.called("grid", "community", "瑞和社区"), "building": "3", "entrance": "1"}
		w.wants("voice a concern", lin.post("/v1/me/requests", map[string]any{
			"what": "态度不好", "category": "holder_concern", "aboutAssignmentId": about, "site": site,
		}), made)
		w.refused("a concern about nobody", func() answer {
			return lin.post("/v1/me/requests", map[string]any{"what": "态度不好", "category": "holder_concern", "site": site})
		}, http.StatusUnprocessableEntity, "request.category_invalid")
		concern := int64(w.rows(`SELECT id FROM request WHERE category = 'holder_concern' ORDER BY id DESC LIMIT 1`))
		path := fmt.Sprintf("/v1/requests/%d", concern)
		w.says("for the place", w.wants("read", lead.get(path), ok), 4, "holder", "level")
		w.told("rh.cg", "request.assigned", concern, 1)
		for _, handle := range []string{"rh.gb1", "rh.bg01", "rh.m03"} {
			by := w.signIn(handle)
			w.missing(handle+" reads the concern", func() answer { return by.get(path) })
			w.missing(handle+" accepts the concern", func() answer { return by.post(path+"/accept", map[string]any{}) })
			listed := w.wants("list", by.get("/v1/requests?pageSize=100"), ok).items()
			if slices.ContainsFunc(listed, func(r map[string]any) bool { return r["id"] == float64(concern) }) {
				t.Errorf("%s lists the concern", handle)
			}
		}

		// 2: the call on the day that was said, at 08:30.
		calls := func() int { return w.rows(`SELECT COUNT(*) FROM call_task WHERE request_id = ?`, over) }
		w.comes("2026-03-05 08:29:59")
		if n := calls(); n != 0 {
			t.Errorf("%d calls before the day's morning, want none", n)
		}
		w.comes("2026-03-05 08:30")
		listed := w.wants("calls", w.signIn("rh.m03").get("/v1/calls"), ok).items()
		if n := calls(); n != 1 || len(listed) == 0 {
			t.Errorf("%d calls, and rh.m03 lists %d; want one", n, len(listed))
		}

		// 5: a week without a step.
		stale := func() int {
			list := w.wants("stale", w.signIn("rh.bg01").get("/v1/requests?which=stale"), ok).items()
			return len(slices.DeleteFunc(list, func(r map[string]any) bool { return r["id"] != float64(still) }))
		}
		w.comes("2026-03-09 09:04:59")
		if n := stale(); n != 0 {
			t.Errorf("%d on the list before a week is over", n)
		}
		w.comes("2026-03-09 09:05")
		w.told("rh.bg01", "request.stale", still, 1)
		if n := stale(); n != 1 {
			t.Errorf("%d on rh.bg01's list, want it once", n)
		}
		for _, handle := range []string{"rh.gb1", "rh.bg01", "rh.m03"} {
			if n := w.rows(`SELECT COUNT(*) FROM inbox WHERE person_id = ? AND ref_type = 'request' AND ref_id = ?`, w.person(handle), concern); n != 0 {
				t.Errorf("%s was told %d things of the concern", handle, n)
			}
		}
	})
}

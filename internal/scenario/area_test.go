package scenario

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// splits calls each operation of entrances and splits once, in 杏坞村: a new house goes from one area to another.
func (v *village) splits() {
	v.t.Helper()
	ok, created := http.StatusOK, http.StatusCreated
	added := v.wants("add an entrance", v.secretary.post("/v1/entrances", map[string]any{
		"placeId": v.place, "number": "8-88", "areaId": v.neighbor, "doors": []any{map[string]any{"door": "8-88"}},
	}), created)
	checks := v.wants("checks", v.secretary.get("/v1/coverage/areas"), ok)
	for i := range 2 {
		v.says("each lies in one area", checks, checks.at("items", i, "total"), "items", i, "met")
	}
	draft := v.wants("draft", v.secretary.post("/v1/area-splits", map[string]any{
		"placeId": v.place, "reason": "就近走访", "moves": []any{map[string]any{"entranceId": added.id("id"), "toAreaId": v.area}},
	}), created)
	v.says("the preview", draft, "draft", "state")
	path := fmt.Sprintf("/v1/area-splits/%d", draft.id("id"))
	holder := v.holder.acting(v.holder.role("area_holder", "二片区"))
	v.missing("a draft, to who would get doors", func() answer { return holder.get(path) })
	v.says("proposed", v.wants("propose", v.secretary.post(path+"/propose", nil), ok), "proposed", "state")
	v.says("listed", v.wants("splits", holder.get("/v1/area-splits"), ok), float64(draft.id("id")), "items", 0, "id")
	v.says("the answer is open", v.wants("split", v.secretary.get(path), ok), "就近走访", "reason")
	v.says("applied", v.wants("accept", holder.post(path+"/answer", map[string]any{"accepted": true}), ok), "applied", "state")
	back := v.wants("draft", v.secretary.post("/v1/area-splits", map[string]any{
		"placeId": v.place, "reason": "还是原样", "moves": []any{map[string]any{"entranceId": added.id("id"), "toAreaId": v.neighbor}},
	}), created)
	path = fmt.Sprintf("/v1/area-splits/%d", back.id("id"))
	v.wants("propose", v.secretary.post(path+"/propose", nil), ok)
	v.says("withdrawn", v.wants("withdraw", v.secretary.post(path+"/withdraw", nil), ok), "withdrawn", "state")
	parts := v.wants("what if", v.secretary.get(fmt.Sprintf("/v1/areas/%d/what-if?parts=2", v.area)), ok)
	one, _ := parts.at("parts", 0, "doors").(float64)
	two, _ := parts.at("parts", 1, "doors").(float64)
	if one < 36 || two < 36 || one-two > 1 || two-one > 1 {
		v.t.Errorf("the halves have %v and %v doors", one, two)
	}
	v.pass(time.Minute) // these were many calls
}

// upkeep calls each operation of buildings, entrances and doors once: a new house is built, renamed and ended.
func (v *village) upkeep() {
	v.t.Helper()
	ok, created, done := http.StatusOK, http.StatusCreated, http.StatusNoContent
	of := func(kind string, thing answer) string { return fmt.Sprintf("/v1/%s/%d", kind, thing.id("id")) }
	house := v.wants("a building", v.secretary.post("/v1/buildings", map[string]any{"placeId": v.place, "number": "九"}), created)
	stairs := v.wants("its entrance", v.secretary.post("/v1/entrances", map[string]any{
		"placeId": v.place, "building": "九", "number": "1", "areaId": v.area, "doors": []any{map[string]any{"door": "101"}},
	}), created)
	v.wants("a second door", v.secretary.post(of("entrances", stairs)+"/doors", map[string]any{"doors": []any{map[string]any{"door": "102"}}}), created)
	house = v.wants("rename", v.secretary.put(of("buildings", house), map[string]any{"number": "十", "version": house.at("version")}), ok)
	list := v.wants("entrances", v.secretary.get(fmt.Sprintf("/v1/entrances?buildingId=%d", house.id("id"))), ok)
	v.says("the entrance", list, "十栋1单元", "items", 0, "label")
	v.says("the entrance", list, float64(v.area), "items", 0, "areaId")
	v.says("the entrance", list, 2, "items", 0, "doors")
	renamed := v.wants("rename", v.secretary.put(of("entrances", stairs), map[string]any{"number": "2", "version": list.at("items", 0, "version")}), ok)
	doors := v.wants("doors", v.secretary.get(of("entrances", stairs)+"/doors"), ok)
	path := fmt.Sprintf("/v1/doors/%.0f", doors.at("items", 0, "id"))
	marked := v.wants("empty, says the holder", v.holder.acting(v.holder.role("area_holder", "二片区")).post(path+"/mark", map[string]any{"empty": true, "version": 1}), ok)
	v.says("marked", marked, true, "empty")
	door := v.wants("rename", v.secretary.put(path, map[string]any{"door": "103", "kind": "home", "version": marked.at("version")}), ok)
	v.refused("an old version", func() answer { return v.secretary.post(path+"/end", map[string]any{"version": 1}) }, http.StatusConflict, "common.conflict")
	v.wants("end the door", v.secretary.post(path+"/end", map[string]any{"version": door.at("version")}), done)
	v.wants("end the entrance", v.secretary.post(of("entrances", stairs)+"/end", map[string]any{"version": renamed.at("version")}), done)
	v.wants("end the building", v.secretary.post(of("buildings", house)+"/end", map[string]any{"version": house.at("version")}), done)
	v.says("no building is left", v.wants("buildings", v.secretary.get(fmt.Sprintf("/v1/buildings?placeId=%d", v.place)), ok), nil, "items", 0, "id")
	checks := v.wants("checks", v.secretary.get("/v1/coverage/areas"), ok)
	for i := range 2 {
		v.says("each lies in one area", checks, checks.at("items", i, "total"), "items", i, "met")
	}
}

// F5, idea 11: an area of 72 households is split 36/36 along its doors, with a preview, and applied only with a yes.
func TestF5_AnAreaOf72IsSplitInHalves(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		ok, created := http.StatusOK, http.StatusCreated
		v := w.village()
		half := w.wants("what if", v.secretary.get(fmt.Sprintf("/v1/areas/%d/what-if", v.area)), ok)
		for i := range 2 {
			w.says("a half", half, 36, "parts", i, "households")
		}
		var moves []any
		for _, e := range half.at("parts", 1, "entrances").([]any) {
			moves = append(moves, map[string]any{"entranceId": e.(map[string]any)["id"], "toAreaId": v.neighbor})
		}
		body := map[string]any{"placeId": v.place, "reason": "七十二户一人看不过来", "moves": moves}
		w.refused("the holder drafts", func() answer { return v.holder.post("/v1/area-splits", body) }, http.StatusForbidden, "auth.forbidden")
		twice := map[string]any{"placeId": v.place, "reason": "两次", "moves": []any{moves[0], moves[0]}}
		w.refused("one door twice", func() answer { return v.secretary.post("/v1/area-splits", twice) }, http.StatusUnprocessableEntity, "household.split_invalid")
		draft := w.wants("draft", v.secretary.post("/v1/area-splits", body), created)
		for i := range 2 {
			if area := draft.at("areas", i).(map[string]any); area["id"] == float64(v.area) && (area["before"] != 72.0 || area["after"] != 36.0) {
				t.Errorf("the preview says %v, want 72 before and 36 after", area)
			}
		}
		path := fmt.Sprintf("/v1/area-splits/%d", draft.id("id"))
		w.wants("propose", v.secretary.post(path+"/propose", nil), ok)
		w.refused("the secretary answers", func() answer {
			return v.secretary.post(path+"/answer", map[string]any{"accepted": true})
		}, http.StatusForbidden, "auth.forbidden")
		if n := len(w.wants("homes", v.holder.get("/v1/households?pageSize=100"), ok).items()); n != 72 {
			t.Errorf("the area has %d doors before the answer, want 72", n)
		}
		elsewhere := w.signIn("zj.s")
		w.missing("the split, elsewhere", func() answer { return elsewhere.get(path) })
	})
}

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
	parts := v.wants("what if", v.secretary.get(fmt.Sprintf("/v1/areas/%d/what-if?parts=2", v.area)), ok)
	one, _ := parts.at("parts", 0, "doors").(float64)
	two, _ := parts.at("parts", 1, "doors").(float64)
	if one < 36 || two < 36 || one-two > 1 || two-one > 1 {
		v.t.Errorf("the halves have %v and %v doors", one, two)
	}
	v.pass(time.Minute) // these were many calls
}

// F5, idea 11: an area of 72 households is split 36/36 along its doors, with a preview, and applied only with a yes.
func TestF5_AnAreaOf72IsSplitInHalves(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		ok, created := http.StatusOK, http.StatusCreated
		v := w.village()
		half := w.wants("what if", v.secretary.get(fmt.Sprintf("/v1/areas/%d/what-if", v.area)), ok)
		for i := range 2 {
			w.says("a half", half, 36, "parts", i, "doors")
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

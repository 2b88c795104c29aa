package scenario

import (
	"fmt"
	"net/http"
	"slices"
)

// promises calls each operation of promises once, about the request at path.
func (v *village) promises(path string) {
	v.t.Helper()
	ok, made := http.StatusOK, http.StatusCreated
	promise := func(day string) answer {
		v.t.Helper()
		return v.wants("promise", v.holder.post(path+"/promises", map[string]any{"dueOn": day, "text": "周五来修"}), made)
	}
	act := func(p answer, verb string) string { return fmt.Sprintf("/v1/promises/%d/%s", p.id("id"), verb) }
	first := promise("2026-05-15")
	v.says("the promise", first, "周五来修", "text")
	v.says("what the request says", v.wants("read", v.holder.get(path), ok), "2026-05-15", "promises", 0, "dueOn")
	moved := v.wants("move", v.holder.post(act(first, "move"), map[string]any{"dueOn": "2026-05-18", "reason": "材料周一才到"}), ok)
	v.says("moved", moved, "材料周一才到", "reason")
	v.says("moved once", moved, false, "movedTwice")
	if n := len(v.wants("that need help", v.secretary.get("/v1/promises?which=help_needed"), ok).items()); n != 0 {
		v.t.Errorf("%d promises need help after one move, want none", n)
	}
	moved = v.wants("move again", v.holder.post(act(first, "move"), map[string]any{"dueOn": "2026-05-19", "reason": "师傅周二有空"}), ok)
	v.says("moved twice", moved, true, "movedTwice")
	help := v.wants("that need help", v.secretary.get("/v1/promises?which=help_needed"), ok)
	v.says("the one that needs help", help, float64(first.id("id")), "items", 0, "id")
	v.says("what was promised, to the lead", help, nil, "items", 0, "text")
	own := v.wants("own", v.holder.get("/v1/promises"), ok).items()
	if !slices.ContainsFunc(own, func(p map[string]any) bool { return p["id"] == first.at("id") }) {
		v.t.Errorf("the own promises are %v, without number %d", own, first.id("id"))
	}
	v.missing("the lead keeps the holder's word", func() answer { return v.secretary.post(act(first, "keep"), nil) })
	v.says("kept", v.wants("keep", v.holder.post(act(first, "keep"), nil), ok), "kept", "state")
	v.refused("move what was kept", func() answer {
		return v.holder.post(act(first, "move"), map[string]any{"dueOn": "2026-05-20", "reason": "再看一次"})
	}, http.StatusConflict, "promise.illegal_transition")
	v.says("dropped", v.wants("drop", v.holder.post(act(promise("2026-05-16"), "drop"), map[string]any{"reason": "住户已自行修好"}), ok), "dropped", "state")
	v.refused("a day that is over", func() answer {
		return v.holder.post(path+"/promises", map[string]any{"dueOn": "2026-05-10"})
	}, http.StatusUnprocessableEntity, "promise.day_invalid")
}

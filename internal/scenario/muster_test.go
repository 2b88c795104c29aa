package scenario

import (
	"fmt"
	"net/http"
	"time"
)

// musters calls each operation of musters.
func (v *village) musters() {
	v.t.Helper()
	v.pass(time.Minute) // so many writes a minute, and no more
	ok := http.StatusOK
	helper := v.signIn("m.001") // of 瑞和社区, whose needs they are asked for
	v.says("skills", v.wants("skills", helper.put("/v1/me/helper-skills", map[string]any{"skills": []any{"mason", "ladder"}}), ok), "mason", "skills", 1)
	v.says("skills", v.wants("skills", helper.get("/v1/me/helper-skills"), ok), "ladder", "skills", 0)
	holder := v.signIn("rh.m03")
	need := fmt.Sprintf("/v1/requests/%d/musters", v.wants("record", holder.post("/v1/requests", map[string]any{"what": "搬不动家具"}), http.StatusCreated).id("id"))
	call := map[string]any{"skills": []any{"ladder"}, "people": 3, "note": "三点在楼下"}
	for _, verb := range []string{"cancel", "finish"} {
		m := v.wants("call helpers", holder.post(need, call), http.StatusCreated)
		v.says("asked", m, 1, "waiting")
		at, own := fmt.Sprintf("/v1/musters/%d", m.id("id")), fmt.Sprintf("/v1/me/musters/%d/answer", m.id("id"))
		v.says("an invitation", v.wants("invitations", helper.get("/v1/me/musters"), ok), "三点在楼下", "items", 0, "note")
		v.says("coming", v.wants("come", helper.put(own, map[string]any{"answer": "accepted"}), ok), "accepted", "answer")
		if verb == "finish" {
			v.says("begun", v.wants("begin", holder.post(at+"/begin", nil), ok), "started", "state")
		}
		v.wants(verb, holder.post(at+"/"+verb, nil), ok)
	}
	v.says("listed", v.wants("list", holder.get(need), ok), "done", "items", 0, "state")
}

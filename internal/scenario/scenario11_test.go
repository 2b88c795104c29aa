package scenario

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
)

// S11: a plaque hangs as long as its member agrees to it.
func TestScenario11APlaque(t *testing.T) { // E1, E2, E3, E5
	t.Parallel()
	each(t, "2026-08-03 09:00", func(t *testing.T, w *world) {
		defer w.watching("rh.cg")()
		ok, invalid, conflict := http.StatusOK, http.StatusUnprocessableEntity, http.StatusConflict
		w.hide("我是共产党员，有困难请找我", "外出三个月", "已搬离本村")
		v := w.village()
		v.visit = 0
		own, home := v.entry(), v.holder.door("2-30")

		// Counter-check: it says a name and the oath, and nothing else.
		w.refused("a text with a phone", func() answer {
			return v.secretary.post("/v1/plaques", map[string]any{"memberId": own, "householdId": home, "text": "姚芒种 19900001234"})
		}, invalid, "board.plaque_text")
		proposed := w.wants("propose", v.secretary.post("/v1/plaques", map[string]any{
			"memberId": own, "householdId": home, "text": "姚芒种\n我是共产党员，有困难请找我。",
		}), http.StatusCreated)
		w.says("proposed", proposed, "姚**", "name")
		w.says("proposed", proposed, nil, "door")
		path := fmt.Sprintf("/v1/plaques/%d", proposed.id("id"))

		// 1: nothing without consent; then consented, issued, hung.
		w.refused("issue before consent", func() answer { return v.secretary.post(path+"/issue", nil) }, conflict, "board.illegal_transition")
		other := w.signIn("xl.m3")
		w.missing("somebody else consents", func() answer { return other.post(path+"/consent", nil) })
		w.says("consented", w.wants("consent", v.holder.post(path+"/consent", nil), ok), "consented", "state")
		w.says("issued", w.wants("issue", v.secretary.post(path+"/issue", nil), ok), "issued", "state")
		hung := w.wants("hang", v.secretary.post(path+"/hang", nil), ok)
		w.says("hung", hung, "hung", "state")
		mine := w.wants("mine", v.holder.get("/v1/me/plaques"), ok)
		w.says("the text", mine, "姚芒种\n我是共产党员，有困难请找我。", "items", 0, "text")

		// 2: the public list says where, and the door only once the member ticks it.
		list := fmt.Sprintf("/v1/public/plaques?placeId=%d", v.place)
		page := fmt.Sprintf("/p/plaques/%d", v.place)
		before := w.wants("the public list", w.nobody().get(list), ok)
		w.says("the building", before, "二片区", "items", 0, "building")
		w.says("the door", before, nil, "items", 0, "door")
		said := w.page(page, ok)
		w.holds("the public page", said, "姚芒种", "二片区")
		w.lacks("the public page", said, "2-30")
		w.reviewed(t, said)
		w.wants("tick the door", v.holder.put(fmt.Sprintf("/v1/me/plaques/%d/door", proposed.id("id")), map[string]any{"shown": true}), ok)
		w.says("the door", w.wants("the public list", w.nobody().get(list), ok), "2-30", "items", 0, "door")
		w.holds("the public page", w.page(page, ok), "2-30")

		// Counter-check: who suspends says why, and the member reads it.
		w.refused("suspend without a reason", func() answer { return v.secretary.post(path+"/suspend", map[string]any{}) }, invalid, "common.invalid")
		w.says("suspended", w.wants("suspend", v.secretary.post(path+"/suspend", map[string]any{"reason": "外出三个月"}), ok), "suspended", "state")
		w.says("the member reads why", w.wants("mine", v.holder.get("/v1/me/plaques"), ok), "外出三个月", "items", 0, "reason")
		w.lacks("the public page", w.page(page, ok), "姚芒种")
		w.wants("hang it again", v.secretary.post(path+"/hang", nil), ok)
		w.holds("the public page", w.page(page, ok), "姚芒种")

		// 3: the member moves away: it is off the list as soon as it has come back, though the member still agrees.
		w.says("returned", w.wants("return", v.secretary.post(path+"/return", map[string]any{"reason": "已搬离本村"}), ok), "returned", "state")
		w.lacks("the public page", w.page(page, ok), "姚芒种")
		w.refused("hang what came back", func() answer { return v.secretary.post(path+"/hang", nil) }, conflict, "board.illegal_transition")

		// The member comes back, has another one, and withdraws the consent: off the page at once, and to be returned.
		again := w.wants("propose", v.secretary.post("/v1/plaques", map[string]any{
			"memberId": own, "householdId": home, "text": "姚芒种\n我是共产党员，有困难请找我。",
		}), http.StatusCreated)
		path = fmt.Sprintf("/v1/plaques/%d", again.id("id"))
		w.wants("consent", v.holder.post(path+"/consent", nil), ok)
		w.wants("issue", v.secretary.post(path+"/issue", nil), ok)
		w.wants("hang", v.secretary.post(path+"/hang", nil), ok)
		w.holds("the public page", w.page(page, ok), "姚芒种")
		phone := v.secretary.phone()
		w.wants("withdraw", v.holder.post("/v1/me/consents/plaque/withdraw", nil), http.StatusNoContent)
		w.lacks("the public page", w.page(page, ok), "姚芒种")
		w.until("the order to return it", func() bool {
			all := w.wants("plaques", v.secretary.get("/v1/plaques"), ok).items()
			return slices.ContainsFunc(all, func(p map[string]any) bool { return p["id"] == again.at("id") && p["returnOrdered"] == true })
		})
		w.hears(phone, "plaque.return", 1)
		w.wants("agree again", v.holder.post("/v1/me/consents/plaque/give", map[string]any{"version": 1}), http.StatusNoContent)
		w.lacks("what must come back", w.page(page, ok), "姚芒种")
	})
}

// entry is that of the holder in the roster.
func (v *village) entry() int64 {
	v.t.Helper()
	for cursor := ""; ; {
		got := v.wants("roster", v.secretary.get("/v1/members?pageSize=100"+cursor), http.StatusOK)
		for _, m := range got.items() {
			if m["personId"] == float64(v.me) {
				return int64(m["id"].(float64))
			}
		}
		next, _ := got.at("nextCursor").(string)
		if next == "" {
			v.t.Fatal("the holder is not in the roster")
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
}

// H3, H4: every public page can be complained of, and a wish to take it down is met at once.
func TestH3ATakedownHidesAtOnceAndIsDecidedWithinThreeWorkingDays(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		ok, done := http.StatusOK, http.StatusNoContent
		v := w.village()
		editor, author := w.signIn("ed"), w.signIn("cor")
		draft := map[string]any{"kind": "notice", "title": "检修停水", "text": "5 月 12 日上午停水。", "startOn": "2026-05-11", "endOn": "2026-05-13"}

		// A notice has a last day; nobody publishes what they wrote; it is shown until that day is over.
		w.refused("without an end", func() answer {
			return author.post("/v1/publications", map[string]any{"kind": "notice", "title": "检修停水", "text": "停水。", "startOn": "2026-05-11"})
		}, http.StatusUnprocessableEntity, "board.days_invalid")
		one := w.wants("write", author.post("/v1/publications", draft), http.StatusCreated)
		w.says("for whom", one, "海棠街道", "scope")
		path := fmt.Sprintf("/v1/publications/%d", one.id("id"))
		w.refused("publish a draft", func() answer { return editor.post(path+"/publish", nil) }, http.StatusConflict, "board.illegal_transition")
		w.says("submitted", w.wants("submit", author.post(path+"/submit", nil), ok), "submitted", "state")
		w.refused("the author publishes", func() answer { return author.post(path+"/publish", nil) }, http.StatusForbidden, "auth.forbidden")
		w.says("returned", w.wants("return", editor.post(path+"/return", map[string]any{"reason": "写明时间"}), ok), "写明时间", "reason")
		draft["text"], draft["version"] = "5 月 12 日 8 时至 12 时停水。", w.wants("read", author.get(path), ok).at("version")
		delete(draft, "kind")
		w.wants("change", author.put(path, draft), ok)
		w.wants("submit again", author.post(path+"/submit", nil), ok)
		w.says("published", w.wants("publish", editor.post(path+"/publish", nil), ok), "published", "state")
		own := w.wants("an editor writes", editor.post("/v1/publications", map[string]any{"kind": "story", "title": "帮收麦子", "text": "邻里一起收。", "startOn": "2026-05-11"}), http.StatusCreated)
		w.wants("and submits", editor.post(fmt.Sprintf("/v1/publications/%d/submit", own.id("id")), nil), ok)
		w.refused("and publishes", func() answer {
			return editor.post(fmt.Sprintf("/v1/publications/%d/publish", own.id("id")), nil)
		}, http.StatusForbidden, "board.own_work")
		if n := len(w.wants("all", editor.get("/v1/publications"), ok).items()); n != 2 {
			t.Errorf("the editor sees %d publications, want 2", n)
		}
		item, list := fmt.Sprintf("/p/item/%d", one.id("id")), fmt.Sprintf("/p/notices/%d", v.place)
		shown := w.page(item, ok)
		w.holds("the notice", shown, "8 时至 12 时", "2026年5月13日")
		w.reviewed(t, shown)
		w.holds("the list of the village", w.page(list, ok), "检修停水")
		w.reviewed(t, w.page(list, ok))
		w.says("for the mini-program", w.wants("pages", w.nobody().get(fmt.Sprintf("/v1/public/pages?placeId=%d", v.place)), ok), "检修停水", "items", 0, "title")

		// Somebody asks to take it down: it is gone with the answer.
		phone := editor.phone()
		report := w.page(fmt.Sprintf("/p/report/publication/%d", one.id("id")), ok)
		taken := w.submit(fmt.Sprintf("/p/report/publication/%d/takedown", one.id("id")), url.Values{"key": {w.key(report)}, "reason": {"时间写错了"}}, ok)
		w.holds("the receipt", taken, "已先行撤下", "2026年5月15日") // the end of Thursday
		w.holds("hidden", w.page(item, http.StatusNotFound), "核实中")
		w.lacks("hidden", w.page(list, ok), "检修停水")
		w.hears(phone, "takedown.received", 1)
		waiting := w.wants("takedowns", editor.get("/v1/takedowns"), ok)
		w.says("the wish", waiting, "时间写错了", "items", 0, "text")
		w.says("the wish", waiting, "2026-05-14T16:00:00Z", "items", 0, "dueAt")
		w.says("the wish", waiting, false, "items", 0, "overdue")

		// Nobody decides in time: the editors hear of it once more.
		w.set("2026-05-15 00:00:00")
		editor = w.signIn("ed")
		w.says("late", w.wants("takedowns", editor.get("/v1/takedowns"), ok), true, "items", 0, "overdue")
		id := waiting.at("items", 0, "id")
		decide := func() answer {
			return editor.post(fmt.Sprintf("/v1/takedowns/%v/decide", id), map[string]any{"decision": "declined", "reason": "时间无误"})
		}
		w.says("declined", w.wants("decide", decide(), ok), "declined", "state")
		w.refused("decide twice", decide, http.StatusConflict, "board.illegal_transition")
		w.page(item, http.StatusNotFound) // its last day is over
		w.set("2026-05-13 23:59:59")
		w.holds("its last moment", w.page(item, ok), "检修停水")
		w.set("2026-05-14 00:00:00")
		w.page(item, http.StatusNotFound)
		w.lacks("the list", w.page(list, ok), "检修停水")

		// A resident who has signed in is told, and the code says the same to whoever has not.
		w.set("2026-05-13 10:00:00")
		resident, editor := w.signIn("r.lin"), w.signIn("ed")
		asked := w.wants("ask", resident.post("/v1/public/takedowns", map[string]any{
			"page": map[string]any{"kind": "publication", "id": one.id("id")}, "reason": "内容不妥",
		}), http.StatusCreated)
		told := resident.phone()
		newest := w.wants("takedowns", editor.get("/v1/takedowns"), ok).at("items", 0, "id")
		w.wants("uphold", editor.post(fmt.Sprintf("/v1/takedowns/%v/decide", newest), map[string]any{"decision": "upheld", "reason": "已更正另发"}), ok)
		w.hears(told, "takedown.decided", 1)
		w.holds("by its code", w.submit("/p/takedown", url.Values{"code": {asked.at("receiptCode").(string)}}, ok), "已撤下", "已更正另发")
		w.submit("/p/takedown", url.Values{"code": {"AAAAA-AAAAA"}}, http.StatusNotFound)
		w.page(item, http.StatusNotFound)
		w.wants("hide", editor.post(path+"/hide", map[string]any{"reason": "已更正另发"}), ok)
		w.says("removed", w.wants("remove", editor.post(path+"/remove", map[string]any{"reason": "已更正另发"}), ok), "removed", "state")

		// Feedback reaches the village, without who said it.
		w.wants("feedback", w.nobody().post("/v1/public/feedback", map[string]any{
			"page": map[string]any{"kind": "notices", "id": v.place}, "text": "字可以再大些",
		}), done)
		report = w.page(fmt.Sprintf("/p/report/notices/%d", v.place), ok)
		w.holds("feedback by the page", w.submit(fmt.Sprintf("/p/report/notices/%d/feedback", v.place), url.Values{"key": {w.key(report)}, "text": {"谢谢"}}, ok), "已收到")
		secretary := w.signIn("xl.s")
		heard := w.wants("feedback", secretary.get("/v1/feedback"), ok)
		w.says("the newest", heard, "谢谢", "items", 0, "text")
		w.says("the other", heard, "字可以再大些", "items", 1, "text")

		// A board that somebody wants down is under review, too.
		board := v.firstBoard(secretary)
		w.holds("the board", w.page(fmt.Sprintf("/b/%d", board), ok), "服务公示牌")
		w.wants("take the board down", w.nobody().post("/v1/public/takedowns", map[string]any{
			"page": map[string]any{"kind": "board", "id": board}, "reason": "名字不对",
		}), http.StatusCreated)
		for _, at := range []string{"", "/1", "/a3", "/aloud"} {
			w.holds("the board is hidden", w.page(fmt.Sprintf("/b/%d%s", board, at), http.StatusNotFound), "核实中")
		}
		w.says("the board is hidden", w.wants("scan", w.nobody().get(fmt.Sprintf("/v1/public/boards/%d?version=1", board)), ok), "underReview", "status")
	})
}

// firstBoard publishes a board of the village.
func (v *village) firstBoard(secretary *actor) int64 {
	v.t.Helper()
	id := v.wants("boards", secretary.get("/v1/boards"), http.StatusOK).at("items", 0, "id").(float64)
	v.wants("publish", secretary.post(fmt.Sprintf("/v1/boards/%.0f/publish", id), nil), http.StatusOK)
	return int64(id)
}

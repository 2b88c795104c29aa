package scenario

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// S10: the service boards of 杏坞村 say what is true, also the old ones that still hang.
func TestScenario10ServiceBoardsOfXingwu(t *testing.T) { //nolint:funlen // C6, F1, F2, F3, F4; because a scenario is read from top to bottom
	t.Parallel()
	each(t, "2026-08-01 09:00", func(t *testing.T, w *world) {
		defer w.watching("rh.cg")()
		ok := http.StatusOK
		secretary := w.signIn("xl.s")

		// 1: three boards are published, with the names and service items that their holders agreed to.
		boards := map[string]int64{}
		for _, b := range w.wants("boards", secretary.get("/v1/boards"), ok).items() {
			boards[fmt.Sprint(b["areaName"])] = int64(b["id"].(float64))
			if b["state"] != "draft" {
				t.Errorf("before it is published a board is %v", b)
			}
		}
		homes := map[string]int{"一片区": 68, "二片区": 72, "三片区": 64}
		var second string
		for name, id := range boards {
			path := fmt.Sprintf("/v1/boards/%d", id)
			w.refused("a name is typed in", func() answer {
				return secretary.post(path+"/publish", map[string]any{"name": "别人"})
			}, http.StatusBadRequest, "common.malformed")
			v := w.wants("publish", secretary.post(path+"/publish", nil), ok)
			w.says("published", v, 1, "number")
			w.says("published", v, "published", "state")
			for part, n := range homes {
				if strings.Contains(name, part) {
					w.says(name, v, n, "households")
				}
			}
			if strings.Contains(name, "二片区") {
				second = path
			}
			w.refused("publish what is published", func() answer { return secretary.post(path+"/publish", nil) }, http.StatusConflict, "board.illegal_transition")
		}
		if len(boards) != 3 || second == "" {
			t.Fatalf("杏坞村 has the boards %v, want three", boards)
		}
		w.says("printed", w.wants("print", secretary.post(second+"/printed", map[string]any{"number": 1}), ok), "2026-08-01", "printedOn")
		w.refused("print it twice", func() answer { return secretary.post(second+"/printed", map[string]any{"number": 1}) }, http.StatusConflict, "board.illegal_transition")
		public := strings.Replace(second, "/v1/boards", "/b", 1)
		a3 := w.page(public+"/a3", ok)
		w.holds("the A3 page", a3, "姚芒种", "帮老人用手机", `<svg class="qr"`, "/b/style/a3.css", "72 户", "第 1 版")
		w.lacks("the A3 page", a3, "1990")
		w.holds("the A4 page", w.page(public+"/a4", ok), "姚芒种", "/b/style/a4.css")
		w.holds("the page to be read aloud", w.page(public+"/aloud", ok), "为您服务的是责任区党员，姚芒种。")
		current := w.page(public+"/1", ok)
		w.holds("the scan", current, "现行有效", "姚芒种", "冯霜降")
		w.reviewed(t, current)
		w.says("the same for the mini-program", w.wants("scan", w.nobody().get(strings.Replace(second, "/v1/boards", "/v1/public/boards", 1)+"?version=1"), ok), "current", "status")

		// 2: the area passes to another member on 1 September.
		holder := w.signIn("xl.m2")
		seat := holder.role("area_holder", "二片区")
		var house any
		for _, a := range w.wants("who am I", holder.get("/v1/me"), ok).at("assignments").([]any) {
			if role := a.(map[string]any); role["id"] == float64(seat) {
				house = role["unitId"]
			}
		}
		staff := w.signInStaff("xl.s")
		w.wants("end the role", staff.post(fmt.Sprintf("/v1/role-assignments/%d/end", seat), map[string]any{"reason": "轮换", "on": "2026-09-01"}), http.StatusNoContent)
		third := w.signIn("xl.m3")
		w.wants("grant it", staff.post("/v1/role-assignments", map[string]any{
			"personId": w.wants("me", third.get("/v1/me"), ok).id("personId"), "role": "area_holder",
			"unitId": house, "validFrom": "2026-09-01",
		}), http.StatusCreated)
		successor := fmt.Sprint(w.wants("the successor's profile", third.get("/v1/me/public-profile"), ok).at("shown", "name"))
		w.holds("the day before", w.page(public+"/1", ok), "现行有效", "姚芒种")
		w.set("2026-09-01 00:00:00")
		secretary = w.signIn("xl.s")
		newest := func() any { return w.wants("the board", secretary.get(second), ok).at("board", "latest") }
		begun := time.Now()
		w.until("version 2", func() bool { return newest() == 2.0 })
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("version 2 was there after %v, want within a minute", took)
		}
		v1 := w.wants("the board", secretary.get(second), ok)
		w.says("the old version", v1, "superseded", "versions", 1, "state")
		w.says("the old version", v1, "2026-08-31T16:00:00Z", "versions", 1, "supersededAt")
		tasks := func() (n int) {
			for _, task := range w.wants("tasks", secretary.get("/v1/tasks"), ok).items() {
				if task["title"] == "重新打印公示牌" {
					n++
				}
			}
			return n
		}
		if n := tasks(); n != 0 {
			t.Errorf("before anybody scans there are %d tasks", n)
		}
		outdated := w.page(public+"/1", ok)
		w.holds("the old code", outdated, "牌子已更新", "2026年9月1日", successor)
		w.lacks("the old code", outdated, "姚芒种", "现行有效")
		scan := func() answer {
			return w.nobody().get(strings.Replace(second, "/v1/boards", "/v1/public/boards", 1) + "?version=1")
		}
		if n := tasks(); n != 1 {
			t.Errorf("after a scan there are %d tasks, want 1", n)
		}

		// 3: twenty more look at it. They are counted, and nothing else is written.
		before := w.look.Sums(t, busy...)
		for range 20 {
			found := w.wants("scan", scan(), ok)
			w.says("the old code", found, "outdated", "status")
			w.says("the old code", found, "2026-09-01", "outdatedSince")
		}
		after := w.look.Sums(t, busy...)
		for _, table := range slices.Sorted(maps.Keys(after)) {
			if before[table] != after[table] && table != "board_scan" {
				t.Errorf("scanning wrote to %s", table)
			}
		}
		if n := tasks(); n != 1 {
			t.Errorf("after 21 scans there are %d tasks, want 1", n)
		}
		detail := w.wants("the board", secretary.get(second), ok)
		w.says("scans of the day", detail, "2026-09-01", "scans", 0, "day")
		w.says("scans of the day", detail, 21, "scans", 0, "scans")

		// 4: the new holder withdraws the consent.
		w.set("2026-09-02 10:00:00")
		third, secretary = w.signIn("xl.m3"), w.signIn("xl.s")
		w.holds("before", w.page(public, ok), successor)
		w.wants("withdraw", third.post("/v1/me/consents/board/withdraw", nil), http.StatusNoContent)
		w.lacks("at once", w.page(public, ok), successor)
		w.until("version 3", func() bool { return newest() == 3.0 })
		w.set("2026-09-02 10:01:00")
		for _, path := range []string{public, public + "/3", public + "/2", public + "/1", public + "/a3", public + "/a4", public + "/aloud"} {
			w.lacks(path, w.page(path, ok), successor)
		}
		w.holds("version 3", w.page(public+"/3", ok), "现行有效", "姓名未公开")
		w.holds("version 2", w.page(public+"/2", ok), "牌子已更新", "2026年9月2日")

		// Counter-check: whoever asks to be called back publishes no number, and is shown none; who calls back looks with a
		// reason, and the receipt says so.
		first := w.page(public, ok)
		form := url.Values{"key": {w.key(first)}, "text": {"路灯坏了三天"}, "who": {"林女士"}, "phone": {"19900004321"}, "danger": {"none"}}
		relayed := w.submit(public+"/relay", form, ok)
		w.holds("passed on", relayed, "已转达", "会有人给您回电")
		w.lacks("passed on", relayed, "1990")
		if again := w.submit(public+"/relay", form, ok); again != relayed {
			t.Errorf("sent twice it is another: %s", again)
		}
		acting := third.acting(third.role("area_holder", "二片区"))
		var pack any
		w.until("the handover", func() bool {
			<-time.After(time.Second) // so many reads a minute, and no more
			w.pass(time.Second)
			pack = w.wants("handovers", acting.get("/v1/handovers"), ok).at("items", 0, "id")
			return pack != nil
		})
		w.wants("sign for the area", acting.post(fmt.Sprintf("/v1/handovers/%v/sign", pack), nil), http.StatusNoContent)
		asked := w.wants("the holder's list", acting.get("/v1/requests?which=held"), ok)
		need := w.wants("the request", acting.get(fmt.Sprintf("/v1/requests/%v", asked.at("items", 0, "id"))), ok)
		w.holds("the holder reads", need.text, "路灯坏了三天", "199********", `"board"`)
		w.lacks("the holder reads", need.text, "4321")
		w.hide("19900004321", "路灯坏了三天")
		w.set("2026-09-02 10:30:00")
		acting = w.signIn(acting.handle).acting(acting.as)
		looked := w.wants("look", acting.post(fmt.Sprintf("/v1/requests/%v/unmask", asked.at("items", 0, "id")), map[string]any{
			"askerId": need.at("askers", 0, "id"), "fields": []string{"phone"}, "purpose": "call_back", "reason": "约好今天回电",
		}), ok)
		w.says("to call back", looked, "19900004321", "phone")
		code := regexp.MustCompile(`[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}`).FindString(relayed)
		receipt := w.wants("the receipt", w.nobody().post("/v1/receipts/open", map[string]any{"receiptCode": code, "secret": "4321"}), ok)
		if receipt.at("views", 0) == nil {
			t.Errorf("the receipt does not say who looked: %s", receipt.text)
		}
		w.lacks("the receipt", receipt.text, "19900004321")
	})
}

// nobody is somebody who has not signed in.
func (w *world) nobody() *actor { return &actor{w: w, handle: "nobody"} }

func TestEachOperationOfBoardsMapsRight(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		c := w.cover()
		v := w.village()
		v.boards()
		v.plaques()
		v.publications()
		v.portrait()
		if ids := c.missing("board"); len(ids) > 0 {
			t.Errorf("not called: %v", ids)
		}
	})
}

// boards calls each operation of boards once, in 杏坞村.
func (v *village) boards() {
	v.t.Helper()
	ok := http.StatusOK
	listed := v.wants("boards", v.secretary.get("/v1/boards"), ok)
	v.says("a board", listed, "draft", "items", 0, "state")
	site := v.wants("a site", v.secretary.post("/v1/places", map[string]any{"unitId": v.place, "kind": "board_site", "name": "村口公示栏"}), http.StatusCreated).id("id")
	made := v.wants("a board", v.secretary.post("/v1/boards", map[string]any{"siteId": site, "areaId": v.area}), http.StatusCreated)
	v.says("the board", made, "村口公示栏", "siteName")
	path := fmt.Sprintf("/v1/boards/%d", made.id("id"))
	v.refused("another at the site", func() answer {
		return v.secretary.post("/v1/boards", map[string]any{"siteId": site, "areaId": v.area})
	}, http.StatusConflict, "board.site_taken")
	public := fmt.Sprintf("/v1/public/boards/%d", made.id("id"))
	v.missing("a draft", func() answer { return v.nobody().get(public) })
	v.says("published", v.wants("publish", v.secretary.post(path+"/publish", nil), ok), 1, "number")
	v.says("printed", v.wants("printed", v.secretary.post(path+"/printed", map[string]any{"number": 1}), ok), "printed", "state")
	found := v.wants("scan", v.nobody().get(public+"?version=1"), ok)
	v.says("the scan", found, "姚芒种", "content", "holders", 0, "name")
	v.says("the scan", found, "帮老人用手机", "content", "holders", 0, "items", 1)
	v.says("the scan", found, nil, "content", "holders", 0, "phone")
	profile := v.wants("profile", v.holder.get("/v1/me/public-profile"), ok)
	v.says("the profile", profile, false, "showPhone")
	choice := map[string]any{
		"showName": true, "showItems": true, "showPhone": true, "version": profile.at("version"),
		"items": []any{map[string]any{"text": "修水管", "validTo": "2026-05-10"}, map[string]any{"text": "代买药"}, map[string]any{"text": "存疑的事"}, map[string]any{"text": "存疑的话"}},
	}
	v.refused("what is over already", func() answer { return v.holder.put("/v1/me/public-profile", choice) }, http.StatusUnprocessableEntity, "board.item_over")
	choice["items"].([]any)[0].(map[string]any)["validTo"] = "2026-05-11"
	chosen := v.wants("choose", v.holder.put("/v1/me/public-profile", choice), ok)
	v.says("what is chosen is offered", chosen, "代买药", "shown", "items", 1)
	v.says("a number without its consent", chosen, nil, "shown", "phone")
	v.says("what WeChat is not sure of waits", chosen, true, "items", 2, "unread")
	editor := v.signIn("ed")
	waits := v.wants("unread", editor.get("/v1/unread-items"), ok)
	v.says("what waits", waits, "存疑的事", "items", 0, "texts", 0)
	v.says("how many wait", waits, 1, "waiting")
	unread := fmt.Sprintf("/v1/unread-items/%v", waits.at("items", 0, "id"))
	v.wants("return", editor.post(unread+"/return", map[string]any{
		"version": waits.at("items", 0, "version"), "texts": []string{"存疑的话"}, "reason": "请写清楚做什么",
	}), http.StatusNoContent)
	waits = v.wants("unread", editor.get("/v1/unread-items"), ok)
	v.wants("approve", editor.post(unread+"/approve", map[string]any{"version": waits.at("items", 0, "version")}), http.StatusNoContent)
	read := v.wants("read", v.holder.get("/v1/me/public-profile"), ok)
	v.says("what was read is offered", read, "存疑的事", "shown", "items", 2)
	v.says("what was returned is not", read, nil, "shown", "items", 3)
	v.says("and says why", read, "请写清楚做什么", "items", 3, "returned")
	choice["version"] = chosen.at("version")
	v.refused("choose what has changed", func() answer { return v.holder.put("/v1/me/public-profile", choice) }, http.StatusConflict, "common.conflict")
	choice["items"] = []any{map[string]any{"text": "电话 19900001234"}}
	v.refused("a number among the items", func() answer { return v.holder.put("/v1/me/public-profile", choice) }, http.StatusUnprocessableEntity, "board.item_invalid")
	v.wants("consent to the number", v.holder.post("/v1/me/consents/phone/give", map[string]any{"version": 1}), http.StatusNoContent)
	if number, _ := v.wants("profile", v.holder.get("/v1/me/public-profile"), ok).at("shown", "phone").(string); len(number) != 11 {
		v.t.Errorf("with its consent the number is %q", number)
	}
	detail := v.wants("the board", v.secretary.get(path), ok)
	v.says("the board", detail, 1, "scans", 0, "scans")
	told := v.wants("relay", v.nobody().post(public+"/relay", map[string]any{"text": "路灯不亮", "phone": "19900000077"}), http.StatusCreated)
	if code, _ := told.at("receiptCode").(string); len(code) != 11 {
		v.t.Errorf("the receipt is %q", code)
	}
	v.says("called back", told, true, "callBack")
}

// plaques calls each operation of plaques once.
func (v *village) plaques() {
	v.t.Helper()
	ok := http.StatusOK
	made := v.wants("propose", v.secretary.post("/v1/plaques", map[string]any{"memberId": v.entry(), "householdId": v.holder.door("2-30")}), http.StatusCreated)
	path, own := fmt.Sprintf("/v1/plaques/%d", made.id("id")), fmt.Sprintf("/v1/me/plaques/%d/door", made.id("id"))
	for _, step := range []struct {
		what, state string
		call        func() answer
	}{
		{"consent", "consented", func() answer { return v.holder.post(path+"/consent", nil) }},
		{"show the door", "consented", func() answer { return v.holder.put(own, map[string]any{"shown": true}) }},
		{"issue", "issued", func() answer { return v.secretary.post(path+"/issue", nil) }},
		{"hang", "hung", func() answer { return v.secretary.post(path+"/hang", nil) }},
		{"suspend", "suspended", func() answer { return v.secretary.post(path+"/suspend", map[string]any{"reason": "外出务工"}) }},
		{"hang again", "hung", func() answer { return v.secretary.post(path+"/hang", nil) }},
	} {
		v.says(step.what, v.wants(step.what, step.call(), ok), step.state, "state")
	}
	v.says("mine", v.wants("mine", v.holder.get("/v1/me/plaques"), ok), "2-30", "items", 0, "door")
	v.says("all", v.wants("all", v.secretary.get("/v1/plaques"), ok), "姚**", "items", 0, "name")
	public := v.wants("public", v.nobody().get(fmt.Sprintf("/v1/public/plaques?placeId=%d", v.place)), ok)
	v.says("public", public, "姚芒种", "items", 0, "name")
	v.says("public", public, "2-30", "items", 0, "door")
	v.says("returned", v.wants("return", v.secretary.post(path+"/return", map[string]any{"reason": "已搬离"}), ok), "returned", "state")
}

// publications calls each operation of notices, stories and takedowns once.
func (v *village) publications() {
	v.t.Helper()
	ok, editor := http.StatusOK, v.signIn("ed")
	made := v.wants("write", v.secretary.post("/v1/publications", map[string]any{
		"kind": "notice", "title": "评议公示", "text": "名单贴在村口。", "startOn": "2026-05-11", "endOn": "2026-05-20",
	}), http.StatusCreated)
	v.says("for the village", made, "杏坞村", "scope")
	path := fmt.Sprintf("/v1/publications/%d", made.id("id"))
	steps := func(by *actor, verb string, body any, state string) {
		v.t.Helper()
		v.says(verb, v.wants(verb, by.post(path+"/"+verb, body), ok), state, "state")
	}
	steps(v.secretary, "submit", nil, "submitted")
	steps(editor, "return", map[string]any{"reason": "写明时间"}, "returned")
	changed := v.wants("change", v.secretary.put(path, map[string]any{
		"title": "评议公示", "text": "名单贴到 20 日。", "startOn": "2026-05-11", "endOn": "2026-05-20", "version": v.wants("read", v.secretary.get(path), ok).at("version"),
	}), ok)
	v.says("changed", changed, "名单贴到 20 日。", "text")
	steps(v.secretary, "submit", nil, "submitted")
	steps(editor, "publish", nil, "published")
	v.says("mine", v.wants("mine", v.secretary.get("/v1/publications"), ok), true, "items", 0, "own")
	shown := v.wants("pages", v.nobody().get(fmt.Sprintf("/v1/public/pages?placeId=%d", v.place)), ok)
	v.says("shown", shown, "2026-05-20", "items", 0, "endOn")
	page := map[string]any{"kind": "publication", "id": made.id("id")}
	v.wants("say", v.nobody().post("/v1/public/feedback", map[string]any{"page": page, "text": "看清楚了 我的电话19900004324"}), http.StatusNoContent)
	heard := v.wants("feedback", editor.get("/v1/feedback"), ok)
	v.says("heard", heard, "看清楚了 我的电话199****4324", "items", 0, "text")
	full := map[string]any{"fields": []string{"text"}, "purpose": "call_back", "reason": "按所留号码回复"}
	words := fmt.Sprintf("/v1/feedback/%v/unmask", heard.at("items", 0, "id"))
	v.says("in full", v.wants("in full", editor.post(words, full), ok), "看清楚了 我的电话19900004324", "text")
	v.refused("of the own notice", func() answer { return v.secretary.post(words, full) }, http.StatusForbidden, "board.of_own_work")
	v.wants("ask", v.nobody().post("/v1/public/takedowns", map[string]any{"page": page, "reason": "名字有误 打19900004325"}), http.StatusCreated)
	waiting := v.wants("takedowns", editor.get("/v1/takedowns"), ok)
	v.says("the page", waiting, "publication", "items", 0, "page", "kind")
	takedown := fmt.Sprintf("/v1/takedowns/%v", waiting.at("items", 0, "id"))
	v.says("asked", waiting, "名字有误 打199****4325", "items", 0, "text")
	v.says("in full", v.wants("in full", editor.post(takedown+"/unmask", full), ok), "名字有误 打19900004325", "text")
	v.says("decided", v.wants("decide", editor.post(takedown+"/decide", map[string]any{"decision": "upheld", "reason": "名字有误"}), ok), "名字有误", "reason")
	v.refused("lift the own decision", func() answer {
		return editor.post(takedown+"/lift", map[string]any{"reason": "已更正"})
	}, http.StatusForbidden, "board.own_decision")
	v.holds("taken down", v.page(fmt.Sprintf("/p/item/%d", made.id("id")), http.StatusNotFound), "已撤下")
	office, other := v.signInStaff("po.1"), v.signIn("po.2")
	v.wants("a second editor", office.post("/v1/role-assignments", map[string]any{
		"personId": v.wants("me", other.get("/v1/me"), ok).id("personId"), "role": "editor",
		"unitId": office.called("party", "subdistrict_committee", "海棠街道"),
	}), http.StatusCreated)
	other = other.acting(other.role("editor", ""))
	v.says("lifted", v.wants("lift", other.post(takedown+"/lift", map[string]any{"reason": "已更正"}), ok), "lifted", "state")
	v.holds("back", v.page(fmt.Sprintf("/p/item/%d", made.id("id")), ok), "评议公示")
	steps(editor, "hide", map[string]any{"reason": "期满前更正"}, "hidden")
	steps(editor, "remove", map[string]any{"reason": "期满前更正"}, "removed")
}

package scenario

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/wechat/fake"
)

// joins calls each operation of joining once, in building 4 of 瑞和社区.
func (w *world) joins() {
	w.t.Helper()
	made := http.StatusCreated
	lead := w.signIn("rh.cg")
	place := lead.called("grid", "community", "瑞和社区")
	at := map[string]any{"placeId": place, "building": "4", "entrance": "1"}
	w.wants("tell", w.stranger().post("/v1/receipts", map[string]any{"what": "楼道灯坏了", "site": at}), made)
	body := func(more map[string]any) map[string]any {
		more["ref"], more["category"], more["site"] = w.similar(place, "4", "2", "general")[0]["ref"], "general", at
		return more
	}
	if w.wants("join", w.stranger().post("/v1/receipts/join", body(map[string]any{"who": "张先生"})), made).at("secret") == nil {
		w.t.Error("who leaves no number gets no digits to open the receipt with")
	}
	lin := w.signIn("r.lin")
	w.wants("join", lin.post("/v1/me/requests/join", body(map[string]any{})), made)
	w.refused("join twice", func() answer { return lin.post("/v1/me/requests/join", body(map[string]any{})) }, http.StatusConflict, "request.joined")
	w.wants("join", lead.post("/v1/requests/join", body(map[string]any{"who": "李女士"})), made)
}

// similar is what is offered at an entrance as told by others.
func (w *world) similar(place int64, building, entrance, category string) []map[string]any {
	w.t.Helper()
	query := url.Values{"placeId": {fmt.Sprint(place)}, "building": {building}, "entrance": {entrance}, "category": {category}}
	return w.wants("similar needs", w.stranger().get("/v1/similar-requests?"+query.Encode()), http.StatusOK).items()
}

// A neighbour of building 12, with an account or without.
type neighbour struct {
	*actor
	phone   string // of one without an account
	request int64
	code    any
}

// reads is what the neighbour sees of the need.
func (n *neighbour) reads() answer {
	if n.phone != "" {
		return n.w.wants("open", n.w.stranger().post("/v1/receipts/open", n.proof(nil)), http.StatusOK)
	}
	return n.w.wants("read", n.get(n.path()), http.StatusOK)
}

// path is that of the one need the neighbour follows, wherever it has gone.
func (n *neighbour) path() string {
	mine := n.w.wants("mine", n.get("/v1/me/requests"), http.StatusOK)
	return fmt.Sprintf("/v1/me/requests/%.0f", mine.at("items", 0, "requestId"))
}

func (n *neighbour) proof(more map[string]any) map[string]any {
	proof := map[string]any{"receiptCode": n.code, "secret": n.phone[len(n.phone)-4:]}
	maps.Copy(proof, more)
	return proof
}

// answers says whether it is done.
func (n *neighbour) answers(outcome string) answer {
	if n.phone != "" {
		return n.w.stranger().post("/v1/receipts/answer", n.proof(map[string]any{"outcome": outcome}))
	}
	return n.post(n.path()+"/answer", map[string]any{"outcome": outcome})
}

// S21: five neighbours, one burst pipe.
func TestScenario21FiveNeighboursOneBurstPipe(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-07 08:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok, created := http.StatusOK, http.StatusCreated
		lead := w.signIn("rh.cg")
		place := lead.called("grid", "community", "瑞和社区")
		site := func(entrance string) map[string]any {
			return map[string]any{"placeId": place, "building": "12", "entrance": entrance}
		}
		w.hide("甲先生", "乙女士", "丙先生", "丁女士", "戊先生", "煤气味很重", "到301关阀门", "给301换水管", "告知301")
		names := []string{"甲先生", "乙女士", "丙先生", "丁女士", "戊先生"}
		phones := []string{"19900007701", "19900007702", "19900007703", "19900007704", "19900007705"}

		// The danger text comes first, and who smells gas is told whom to call; nothing is kept.
		for _, c := range w.wants("categories", w.stranger().get("/v1/request-categories"), ok).items() {
			if shown := c["dangerText"] != nil; shown != (c["category"] == "pipe_burst" || c["category"] == "dwelling_safety") {
				t.Errorf("%v shows a danger text: %v", c["category"], shown)
			}
		}
		stop := w.refused("somebody smells gas", func() answer {
			return w.stranger().post("/v1/receipts", map[string]any{
				"what": "煤气味很重", "who": "甲先生", "category": "pipe_burst", "danger": "gas", "site": site("1"),
			})
		}, http.StatusConflict, "request.danger")
		w.says("the danger stop", stop, "119", "numbers", 0)

		// 1: the danger text is the answer's, and the holder of area 12 is told as a matter of safety.
		all := []*neighbour{{actor: w.signIn("guest-1")}}
		first := w.wants("A1 tells", all[0].post("/v1/me/requests", map[string]any{
			"what": "水管爆裂，楼道进水", "category": "pipe_burst", "danger": "none", "site": site("1"),
			"callBack": map[string]any{"by": "phone", "phone": phones[0]},
		}), created)
		if text, _ := first.at("dangerText", "zh").(string); !strings.Contains(text, "水阀") {
			t.Errorf("A1 reads %q first, want what to do about the pipe", text)
		}
		target := first.id("requestId")
		all[0].request, all[0].code = target, first.at("receiptCode")
		told := w.rows(`
			SELECT COUNT(*)
			FROM inbox i
			JOIN role_assignment ra ON ra.id = i.assignment_id
			JOIN unit_link l ON l.party_id = ra.unit_id
			JOIN unit u ON u.id = l.grid_id
			WHERE i.kind = 'request.assigned' AND i.prio = 0 AND i.ref_id = ? AND u.name LIKE '12%'`, target)
		if told != 1 {
			t.Errorf("%d holders of area 12 are told as P0, want 1", told)
		}

		// What is written to A1 alone, of whom there is but one, stays A1's.
		path := fmt.Sprintf("/v1/requests/%d", target)
		w.wants("pull", lead.post(path+"/pull", map[string]any{"reason": "社区统一抢修"}), ok)
		w.wants("message", lead.post(path+"/messages", map[string]any{"text": "甲先生，马上到301关阀门"}), ok)
		w.wants("promise", lead.post(path+"/promises", map[string]any{"dueOn": "2026-03-09", "text": "周一给301换水管"}), created)
		w.wants("unmask", lead.post(path+"/unmask", map[string]any{"fields": []any{"phone"}, "purpose": "call_back", "reason": "告知301甲先生"}), ok)
		w.pass(time.Second)

		// 2: A2 is offered that there is one, without names, and joins; the others tell of their own.
		offered := w.similar(place, "12", "2", "pipe_burst")
		if len(offered) != 1 || offered[0]["words"].(map[string]any)["zh"] != "同楼已有人反映" {
			t.Fatalf("A2 is offered %v", offered)
		}
		for what, n := range map[string]int{
			"in another building": len(w.similar(place, "3", "1", "pipe_burst")), "in another category": len(w.similar(place, "12", "2", "general")),
		} {
			if n != 0 {
				t.Errorf("%s %d are offered", what, n)
			}
		}
		second := &neighbour{actor: w.signIn("guest-2")}
		joined := w.wants("A2 joins", second.post("/v1/me/requests/join", map[string]any{
			"ref": offered[0]["ref"], "category": "pipe_burst", "site": site("2"), "who": names[1],
			"callBack": map[string]any{"by": "phone", "phone": phones[1]},
		}), created)
		second.code = joined.at("receiptCode")
		if second.code == all[0].code || joined.id("requestId") != target {
			t.Errorf("A2 follows %v with code %v, want %d with a code of their own", joined.id("requestId"), second.code, target)
		}
		if two, _ := w.wants("read", lead.get(fmt.Sprintf("/v1/requests/%d", target)), ok).at("askers").([]any); len(two) != 2 {
			t.Errorf("%d ask for it once A2 has joined, want 2", len(two))
		}
		all = append(all, second)
		third, stranger := w.signIn("guest-3"), w.signIn("zj.s")
		w.refused("at another building the reference is good for nothing", func() answer {
			return third.post("/v1/me/requests/join", map[string]any{
				"ref": offered[0]["ref"], "category": "pipe_burst", "site": map[string]any{"placeId": place, "building": "3", "entrance": "1"},
			})
		}, http.StatusConflict, "request.not_similar")
		var others []int64
		for i, handle := range []string{"guest-3", "guest-4"} {
			n := &neighbour{actor: w.signIn(handle)}
			own := w.wants("A3 and A4 tell", n.post("/v1/me/requests", map[string]any{
				"what": "楼里漏水", "category": "pipe_burst", "site": site("1"), "callBack": map[string]any{"by": "phone", "phone": phones[2+i]},
			}), created)
			n.request, n.code = own.id("requestId"), own.at("receiptCode")
			all, others = append(all, n), append(others, n.request)
		}
		fifth := w.wants("A5 tells without an account", w.stranger().post("/v1/receipts", map[string]any{
			"what": "楼道都是水", "who": names[4], "category": "pipe_burst", "site": site("2"), "callBack": map[string]any{"by": "phone", "phone": phones[4]},
		}), created)
		all = append(all, &neighbour{actor: w.stranger(), phone: phones[4], code: fifth.at("receiptCode")})
		for _, r := range w.wants("needs of 瑞和社区", lead.get("/v1/requests?pageSize=100"), ok).items() {
			if id := int64(r["id"].(float64)); r["category"] == "pipe_burst" && id != target && !slices.Contains(others, id) {
				others = append(others, id)
			}
		}
		if len(others) != 3 {
			t.Fatalf("%d more needs, want 3", len(others))
		}

		// 3: one open request, five askers, three merged; unmerged and merged again the same five.
		merge := fmt.Sprintf("/v1/requests/%d/merge", target)
		w.refused("the lead of another place merges", func() answer {
			return stranger.post(merge, map[string]any{"requestIds": others})
		}, http.StatusNotFound, "common.not_found")
		w.says("merged", w.wants("merge", lead.post(merge, map[string]any{"requestIds": others}), ok), 5, "askers")
		states := func(want string) {
			t.Helper()
			for _, id := range others {
				w.says("one of the three", w.wants("read", lead.get(fmt.Sprintf("/v1/requests/%d", id)), ok), want, "state")
			}
		}
		states("merged")
		w.refused("merged twice", func() answer { return lead.post(merge, map[string]any{"requestIds": others}) }, http.StatusConflict, "request.illegal_transition")
		for _, id := range others {
			w.wants("unmerge", lead.post(fmt.Sprintf("/v1/requests/%d/unmerge", id), nil), ok)
		}
		states("new")
		w.says("merged again", w.wants("merge", lead.post(merge, map[string]any{"requestIds": others}), ok), 5, "askers")
		states("merged")

		// Whoever shows a receipt finds the one that goes on, and nothing of the others but that there are four.
		private := func(n *neighbour, i int) {
			t.Helper()
			page := n.reads()
			w.says("others who ask for the same", page, 4, "others")
			for other := range all {
				if other == i {
					continue
				}
				for _, text := range []string{names[other], phones[other], phones[other][7:], fmt.Sprint(all[other].code)} {
					if strings.Contains(page.text, text) {
						t.Errorf("A%d reads %s of A%d: %s", i+1, text, other+1, page.text)
					}
				}
			}
			if strings.Contains(page.text, "单元") || strings.Contains(page.text, "12栋") {
				t.Errorf("A%d reads an entrance: %s", i+1, page.text)
			}
			if first := strings.Contains(page.text, "到301关阀门") && strings.Contains(page.text, "给301换水管") && strings.Contains(page.text, "告知301"); first != (i == 0) {
				t.Errorf("A%d reads what was written to A1 alone: %v: %s", i+1, first, page.text)
			}
			if i > 0 && strings.Contains(page.text, "301") {
				t.Errorf("A%d reads of A1: %s", i+1, page.text)
			}
		}
		for i, n := range all {
			private(n, i)
		}

		// 4: resolved, all five are asked; four are content, one is not, and only that one is asked again. Who has no account
		// is called; who has one may be called as well, once WeChat could not repeat what they were told.
		asked := func() int {
			return w.rows(`SELECT COUNT(*) FROM inbox WHERE kind = 'request.closed' AND ref_id = ?`, target) +
				w.rows(`
					SELECT COUNT(*)
					FROM call_task c
					JOIN request_asker a ON a.id = c.asker_id
					WHERE c.request_id = ? AND c.state = 'open' AND a.person_id IS NULL`, target)
		}
		before := asked()
		w.set("2026-03-07 10:00")
		lead = w.signIn("rh.cg")
		for i := range 4 {
			all[i].actor = w.signIn(fmt.Sprintf("guest-%d", i+1))
			w.delivered(all[i].handle, 0) // of this morning nobody had allowed a message
			all[i].allows(3, "request")
		}
		closing := map[string]any{"closureKind": "resolved", "text": "水管已更换"}
		w.says("resolved", w.wants("close", lead.post(path+"/close", closing), ok), "general_branch", "resolvedLevel")
		if n := asked() - before; n != 5 {
			t.Errorf("%d are asked whether it is done, want 5", n)
		}
		// questions waits until WeChat has asked A1 to A4 so often.
		questions := func(times ...int) {
			t.Helper()
			w.pass(31 * time.Second)
			for i, n := range times {
				code, _ := all[i].code.(string)
				want := map[string]string{"character_string1": code[:5], "thing2": "已办结：已解决", "thing3": "请打开查看"}
				w.shows(w.delivers(all[i].handle, n, func(m fake.Sent) bool { return m.Fields["thing2"] == want["thing2"] }), want)
			}
		}
		questions(1, 1, 1, 1)
		for _, i := range []int{0, 1, 3, 4} {
			w.says("content", w.wants("answer", all[i].answers("done"), ok), true, "settled")
		}
		quiet := func() int {
			return w.rows(`
				SELECT COUNT(*)
				FROM inbox i
				JOIN request_asker a ON a.person_id = i.person_id AND a.request_id = i.ref_id
				WHERE a.settled_at IS NOT NULL AND i.ref_id = ?`, target)
		}
		settled := quiet()
		w.says("not content", w.wants("answer", all[2].answers("not_done"), ok), "reopened", "state")
		before = asked()
		w.says("resolved again", w.wants("close", lead.post(path+"/close", closing), ok), "resolved", "state")
		if n := asked() - before; n != 1 {
			t.Errorf("%d are asked again, want 1", n)
		}
		questions(1, 1, 2, 1)
		if n := quiet() - settled; n != 0 {
			t.Errorf("those who are content get %d more", n)
		}
		for i, n := range all {
			private(n, i)
		}
	})
}

package scenario

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// needs calls each operation of requests once, in 杏坞村.
func (v *village) needs() {
	v.t.Helper()
	ok := http.StatusOK
	open := func(what string) string {
		v.t.Helper()
		r := v.wants("record", v.holder.post("/v1/requests", map[string]any{"what": what, "who": "林女士"}), http.StatusCreated)
		return fmt.Sprintf("/v1/requests/%d", r.id("id"))
	}
	r := open("井盖松动")
	v.says("accepted", v.wants("accept", v.holder.post(r+"/accept", map[string]any{"expectedOn": "2026-05-13"}), ok), "2026-05-13", "expectedOn")
	v.says("a step", v.wants("step", v.holder.post(r+"/steps", map[string]any{"note": "已围挡"}), ok), "in_progress", "state")
	v.says("waiting", v.wants("wait", v.holder.post(r+"/wait", map[string]any{"reason": "请告知具体位置", "waitUntil": "2026-05-12T01:00:00Z"}), ok), "2026-05-12T01:00:00Z", "waitUntil")
	v.says("resumed", v.wants("resume", v.holder.post(r+"/resume", nil), ok), "in_progress", "state")
	v.wants("message", v.holder.post(r+"/messages", map[string]any{"text": "明天上午修"}), ok)
	v.says("escalated", v.wants("escalate", v.holder.post(r+"/escalate", map[string]any{"to": "level", "note": "需村里安排"}), ok), 4, "level")
	v.says("handed back", v.wants("hand back", v.secretary.post(r+"/hand-back", map[string]any{"level": 1, "reason": "片区可修"}), ok), 1, "holder", "level")
	v.says("pulled", v.wants("pull", v.secretary.post(r+"/pull", map[string]any{"reason": "统一维修"}), ok), 4, "holder", "level")
	v.says("closed", v.wants("close", v.secretary.post(r+"/close", map[string]any{"closureKind": "resolved", "text": "已换井盖"}), ok), "general_branch", "resolvedLevel")
	v.says("reopened", v.wants("reopen", v.secretary.post(r+"/reopen", map[string]any{"reason": "又松动"}), ok), "reopened", "state")
	d := v.wants("read", v.holder.get(r), ok)
	v.says("the history", d, "已围挡", "history", 2, "note")
	v.says("withdrawn", v.wants("withdraw", v.holder.post(open("路灯不亮")+"/withdraw", map[string]any{"channel": "phone"}), ok), "withdrawn", "state")
	over := open("路面积水")
	v.wants("escalate to the office", v.holder.post(over+"/escalate", map[string]any{"to": "level", "level": 5, "note": "需街道协调"}), ok)
	v.wants("hand back", v.office.post(over+"/hand-back", map[string]any{"level": 4, "reason": "由村里办理"}), ok)
	v.says("what the office keeps", v.wants("passed", v.office.get(over+"/passed"), ok), "new", "state")
	v.missing("the office reads the rest", func() answer { return v.office.get(over) })
	v.promises(open("台阶松动"))
	if len(v.wants("list", v.holder.get("/v1/requests"), ok).items()) == 0 {
		v.t.Error("the reopened request is on no list")
	}
}

// asks calls each operation of those whom requests are for once, at an entrance of 瑞和社区.
func (w *world) asks() {
	w.t.Helper()
	ok, made := http.StatusOK, http.StatusCreated
	lin, area := w.signIn("r.lin"), w.signIn("rh.m03")
	at := map[string]any{"placeId": w.signIn("rh.cg").called("grid", "community", "瑞和社区"), "building": "3", "entrance": "1"}
	told := w.wants("record", area.post("/v1/requests", map[string]any{
		"what": "水压低", "who": "林女士", "callBack": map[string]any{"by": "phone", "phone": "19900000001"},
	}), made)
	need := fmt.Sprintf("/v1/requests/%d", told.id("id"))
	reveal := map[string]any{"fields": []string{"phone"}, "purpose": "call_back", "reason": "告知办理结果"}
	w.says("in full", w.wants("unmask", area.post(need+"/unmask", reveal), ok), "19900000001", "phone")
	w.wants("message", area.post(need+"/messages", map[string]any{"text": "明天检修"}), ok)
	calls := w.wants("calls", area.get("/v1/calls"), ok).items()
	of := slices.IndexFunc(calls, func(c map[string]any) bool { return c["requestId"] == told.at("id") })
	if of < 0 {
		w.t.Fatalf("nobody is to be called about %v: %v", told.at("id"), calls)
	}
	call := fmt.Sprintf("/v1/calls/%.0f", calls[of]["id"])
	w.says("to say", w.wants("call", area.get(call), ok), "明天检修", "say", 0, "text")
	w.says("in full", w.wants("unmask", area.post(call+"/unmask", reveal), ok), "19900000001", "phone")
	w.says("reached", w.wants("finish", area.post(call+"/finish", map[string]any{"outcome": "reached"}), ok), "reached", "state")
	begun := w.wants("record without an account", w.stranger().post("/v1/receipts", map[string]any{
		"who": "林女士", "what": "楼道灯坏了", "callBack": map[string]any{"by": "phone", "phone": "19900000001"}, "site": at,
	}), made)
	proof := map[string]any{"receiptCode": begun.at("receiptCode"), "secret": "0001"}
	with := func(more map[string]any) map[string]any { maps.Copy(more, proof); return more }
	w.says("opened", w.wants("open", w.stranger().post("/v1/receipts/open", proof), ok), "党员中心户", "holder")
	w.wants("write", w.stranger().post("/v1/receipts/messages", with(map[string]any{"text": "在三楼"})), ok)
	w.wants("correct", w.stranger().post("/v1/receipts/contact", with(map[string]any{"callBack": map[string]any{"by": "phone", "phone": "19900000001"}})), ok)
	w.wants("follow", lin.post("/v1/me/requests/follow", proof), ok)
	mine := w.wants("list", lin.get("/v1/me/requests"), ok)
	path := fmt.Sprintf("/v1/requests/%.0f", mine.at("items", 0, "requestId"))
	silent := w.wants("record for somebody without a number", area.post("/v1/requests", map[string]any{"what": "楼道堆物", "who": "林女士"}), made)
	slip := w.wants("print", area.post(fmt.Sprintf("/v1/requests/%d/slip", silent.id("id")), nil), made)
	w.says("printed", slip, silent.at("receiptCode"), "receiptCode")
	w.wants("close", area.post(path+"/close", map[string]any{"closureKind": "resolved", "text": "已换灯"}), ok)
	w.says("not done", w.wants("answer", w.stranger().post("/v1/receipts/answer", with(map[string]any{"outcome": "not_done"})), ok), "reopened", "state")
	w.says("taken back", w.wants("withdraw", w.stranger().post("/v1/receipts/withdraw", proof), ok), "withdrawn", "state")

	own := w.wants("record for oneself", lin.post("/v1/me/requests", map[string]any{"what": "路灯不亮", "site": at}), made)
	id := own.id("requestId")
	me := fmt.Sprintf("/v1/me/requests/%d", id)
	w.says("mine", w.wants("read", lin.get(me), ok), "路灯不亮", "what")
	w.wants("write", lin.post(me+"/messages", map[string]any{"text": "在大门口"}), ok)
	w.wants("correct", lin.post(me+"/contact", map[string]any{"callBack": map[string]any{"by": "none"}}), ok)
	w.wants("close", area.post(fmt.Sprintf("/v1/requests/%d/close", id), map[string]any{"closureKind": "explained", "text": "下周统一更换"}), ok)
	w.says("done", w.wants("answer", lin.post(me+"/answer", map[string]any{"outcome": "done", "note": "好"}), ok), true, "settled")
	again := w.wants("record for oneself", lin.post("/v1/me/requests", map[string]any{"what": "井盖松动", "site": at}), made)
	w.says("taken back", w.wants("withdraw", lin.post(fmt.Sprintf("/v1/me/requests/%d/withdraw", again.id("requestId")), nil), ok), "withdrawn", "state")
	slips := w.wants("slips", area.post("/v1/receipt-slips", map[string]any{"count": 1}), made)
	w.says("entered", w.wants("enter", area.post("/v1/requests", map[string]any{
		"what": "积水", "channel": "paper", "slipCode": slips.at("slips", 0, "receiptCode"),
	}), made), slips.at("slips", 0, "receiptCode"), "receiptCode")
}

// fourAgain lets an area close four needs that the lead of its place opens again, and is how the report of the place's quarter
// shows how many were: four it hides, and the fifth shows them.
func (w *world) fourAgain(area, lead *actor) func(want string) {
	w.t.Helper()
	ok := http.StatusOK
	for range 4 {
		r := w.wants("record", area.post("/v1/requests", map[string]any{"what": "路灯不亮"}), http.StatusCreated)
		path := fmt.Sprintf("/v1/requests/%d", r.id("id"))
		w.wants("close", area.post(path+"/close", map[string]any{"closureKind": "explained", "text": "已报修"}), ok)
		w.wants("reopen", lead.post(path+"/reopen", map[string]any{"reason": "仍未修"}), ok)
	}
	path := fmt.Sprintf("/v1/reports/requests?quarter=2026-Q1&placeId=%d", lead.called("grid", "community", "瑞和社区"))
	return func(want string) {
		w.t.Helper()
		w.says("opened again, in the report", w.wants("report", lead.get(path), ok), want, "reopened")
	}
}

// S15, as far as no clocks act: the whole ladder and a reopening.
func TestScenario15TheWholeLadderAndAReopening(t *testing.T) { // C7, C8, C9
	t.Parallel()
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok := http.StatusOK
		area := w.signIn("rh.m03")
		opened := w.wants("record", area.post("/v1/requests", map[string]any{
			"who": "林女士", "what": "三天没有自来水", "category": "water_supply", "callBack": map[string]any{"by": "phone", "phone": "19900000001"},
		}), http.StatusCreated)
		w.hide("三天没有自来水", "供水管网问题", "云湾供水公司", "客服", "社区协调水车", "已恢复供水", "水表坏了", "路灯不亮")
		proof := map[string]any{"receiptCode": opened.at("receiptCode"), "secret": "0001"}
		w.wants("follow", w.signIn("r.lin").post("/v1/me/requests/follow", proof), ok)
		path := fmt.Sprintf("/v1/requests/%d", opened.id("id"))
		const solve = "2026-03-05T01:00:00Z"
		w.says("opened", opened, solve, "solveDueAt")

		// 1: from the area to the office, each with a note, each accepted after five minutes.
		holders := []string{"rh.m03", "rh.bg01", "rh.gb1", "rh.cg", "po.1"}
		for i, at := range []string{"09:05", "09:35", "10:35", "14:05", "15:05"} {
			w.set("2026-03-02 " + at)
			got := w.wants("accept", w.signIn(holders[i]).post(path+"/accept", map[string]any{}), ok)
			w.says(holders[i], got, i+1, "holder", "level")
			w.says(holders[i], got, solve, "solveDueAt")
			w.says(holders[i], got, nil, "acceptDueAt")
			if i == 4 {
				w.says("at the office", got, nil, "updateDueAt")
				break
			}
			w.set("2026-03-02 " + []string{"09:30", "10:30", "14:00", "15:00"}[i])
			up := w.wants("escalate", w.signIn(holders[i]).post(path+"/escalate", map[string]any{"to": "level", "note": "供水管网问题"}), ok)
			w.says("escalated", up, "new", "state")
			w.says("escalated", up, solve, "solveDueAt")
		}
		if n := w.rows(`SELECT COUNT(*) FROM request_history WHERE request_id = ? AND move = 'escalated'`, opened.id("id")); n != 4 {
			t.Errorf("it was escalated %d times, want 4", n)
		}
		area, office := w.signIn("rh.m03"), w.signIn("po.1")
		w.refused("the area acts while the office holds", func() answer {
			return area.post(path+"/messages", map[string]any{"text": "请稍候"})
		}, http.StatusForbidden, "request.not_holder")
		w.says("the area still reads", w.wants("read", area.get(path), ok), 5, "holder", "level")

		// 2: it is handed over with everything that the asker needs to know.
		w.refused("no kind", func() answer { return office.post(path+"/close", map[string]any{}) }, http.StatusUnprocessableEntity, "request.closure_kind_required")
		over := map[string]any{"closureKind": "handed_over", "body": "云湾供水公司"}
		w.refused("no contact", func() answer { return office.post(path+"/close", over) }, http.StatusUnprocessableEntity, "request.handover_incomplete")
		over["contact"], over["callBackOn"] = "客服 19900000096", "2026-03-05"
		w.signIn("r.lin").allows(1, "request")
		w.says("handed over", w.wants("close", office.post(path+"/close", over), ok), "handed_over", "state")
		w.pass(31 * time.Second)
		code, _ := opened.at("receiptCode").(string)
		w.shows(w.delivered("r.lin", 1), map[string]string{"character_string1": code[:5], "thing2": "已办结：已转办", "thing3": "请打开查看"})

		// 3: the asker says no: the office has it again, the place's lead hears of it, and those who had it before do
		// for their information.
		lead, lin, id := w.signIn("rh.cg"), w.signIn("r.lin"), opened.id("id")
		again := w.fourAgain(area, lead)
		again("<5")
		w.acts()
		w.says("reopened", w.wants("answer", lin.post(fmt.Sprintf("/v1/me/requests/%d/answer", id), map[string]any{"outcome": "not_done"}), ok), "reopened", "state")
		w.notes("request.reopened")
		again("5")
		w.says("the office holds it", w.wants("read", office.get(path), ok), 5, "holder", "level")
		for handle, prio := range map[string]int{"po.1": 1, "rh.cg": 1, "rh.m03": 3, "rh.bg01": 3, "rh.gb1": 3} {
			if n := w.rows(`SELECT COUNT(*) FROM inbox WHERE person_id = ? AND kind = 'request.reopened' AND ref_id = ? AND prio = ?`, w.person(handle), id, prio); n != 1 {
				t.Errorf("%s is told %d times with priority %d that it is open again, want once", handle, n, prio)
			}
		}

		// 4: the office gives it back, and the general branch resolves it; it counts once as reopened.
		w.says("handed back", w.wants("hand back", office.post(path+"/hand-back", map[string]any{"level": 4, "reason": "社区协调水车"}), ok), 4, "holder", "level")
		solved := w.wants("close", lead.post(path+"/close", map[string]any{"closureKind": "resolved", "text": "已恢复供水"}), ok)
		w.says("resolved", solved, "general_branch", "resolvedLevel")
		w.says("a card may come of it", solved, true, "offersCard")
		w.says("opened again", w.wants("read", lead.get(path), ok), 1, "reopened")
		again("5")
		w.missing("the office reads what it no longer holds", func() answer { return office.get(path) })

		outsider := w.signIn("zj.s")
		w.missing("another place reads it", func() answer { return outsider.get(path) })

		// 5: an asker takes a second one back.
		taken := w.wants("tell", area.post("/v1/requests", map[string]any{
			"who": "林女士", "what": "水表坏了", "callBack": map[string]any{"by": "phone", "phone": "19900000001"},
		}), http.StatusCreated)
		w.wants("follow", lin.post("/v1/me/requests/follow", map[string]any{"receiptCode": taken.at("receiptCode"), "secret": "0001"}), ok)
		w.says("taken back", w.wants("withdraw", lin.post(fmt.Sprintf("/v1/me/requests/%d/withdraw", taken.id("id")), nil), ok), "withdrawn", "state")

		// Counter-check: of fifty at one time one accepts.
		second := w.wants("record", area.post("/v1/requests", map[string]any{"what": "路灯不亮"}), http.StatusCreated)
		got := make([]answer, 50)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				got[i] = area.do(http.MethodPost, fmt.Sprintf("/v1/requests/%d/accept", second.id("id")), map[string]any{}, uuid.NewString())
			})
		}
		all.Wait()
		count := map[string]int{}
		for _, a := range got {
			count[fmt.Sprint(a.status, " ", a.code())]++
		}
		if count["200 "] != 1 || count["409 request.illegal_transition"] != 49 {
			t.Errorf("fifty acceptances are answered with %v, want 1 × 200 and 49 × 409", count)
		}
	})
}

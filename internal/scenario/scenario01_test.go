package scenario

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// A message of WeChat as it is kept.
type message struct {
	Kind    string  `db:"kind"`
	State   string  `db:"state"`
	Outcome *string `db:"outcome"`
	Args    string  `db:"args"`
}

// messages waits until the messages of WeChat to the one person who follows a need are as many, and none waits.
func (w *world) messages(n int) (all []message) {
	w.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; {
		all = nil
		if err := w.app.Stores.DB.Select(w.t.Context(), &all, `SELECT kind, state, outcome, args FROM wechat_send WHERE template = 'request' ORDER BY id`); err != nil {
			w.t.Fatal(err)
		}
		decided := 0
		for _, m := range all {
			if m.State == "ended" {
				decided++
			}
		}
		if len(all) == n && decided == n {
			return all
		}
		if time.Now().After(end) {
			w.t.Fatalf("messages of WeChat %+v, want %d, all of them decided", all, n)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// credit is how many messages are allowed in all.
func (w *world) credit() (n int) {
	w.t.Helper()
	if err := w.app.Stores.DB.Get(w.t.Context(), &n, `SELECT COALESCE(SUM(balance), 0) FROM wechat_credit`); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// S1: a certificate within an hour, with two messages of WeChat allowed and with none.
func TestScenario01ACertificateWithinAnHour(t *testing.T) { // C7, C14, C15, C17, C18, C19, C20
	t.Parallel()
	each(t, "2026-03-01 09:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok, made := http.StatusOK, http.StatusCreated
		office := w.signIn("po.1")
		card := w.wants("card", office.post("/v1/cards", map[string]any{
			"kind": "policy", "category": "cert_travel", "title": "全省通行证明办法", "forWhom": "跨市返岗人员", "region": "全省", "materials": "身份证",
			"counter": "2号窗口", "source": "省里的通知", "reach": "subdistrict",
			"validFrom": "2026-02-01", "validTo": "2026-03-31", "reviewOn": "2026-03-20",
		}), made)
		w.wants("approve", office.post(fmt.Sprintf("/v1/cards/%d/approve", card.id("id")), map[string]any{"version": 1}), ok)

		w.set("2026-03-02 10:00")
		area := w.signIn("rh.m03")
		var others []string
		for range 2 {
			r := w.wants("another", area.post("/v1/requests", map[string]any{"what": "跨市探亲证明", "category": "cert_travel"}), made)
			others = append(others, fmt.Sprintf("/v1/requests/%d", r.id("id")))
		}
		lin := w.signIn("r.lin")
		need := w.certificate(area, lin, card.id("id"), 2, others)
		w.flowsBack(need, others)
		w.set("2026-03-04 10:00")
		w.certificate(w.signIn("rh.m03"), w.signIn("r.lin"), card.id("id"), 0, nil)
		w.pastItsDay(need, card.id("id"), others[0])
	})
}

// flowsBack makes a card of how a need was solved: once approved it is suggested to others, and whoever had the need
// first gets it back.
func (w *world) flowsBack(need string, others []string) {
	w.t.Helper()
	ok := http.StatusOK
	assistant, lead, area, outsider := w.signIn("rh.ga"), w.signIn("rh.cg"), w.signIn("rh.m03"), w.signIn("zj.s")
	phone := area.phone()
	read := w.wants("read", assistant.get(need), ok)
	w.acts()
	made := w.wants("propose", assistant.post("/v1/cards", map[string]any{
		"kind": "solution", "category": "cert_travel", "title": "通行证明一次办好", "region": "瑞和社区", "howTo": "备好身份证，到2号窗口当场办理",
		"requestId": read.at("id"), "reach": "place", "validFrom": "2026-03-03", "validTo": "2026-12-31", "reviewOn": "2026-06-30",
	}), http.StatusCreated)
	path := fmt.Sprintf("/v1/cards/%d", made.id("id"))
	w.notes("card.proposed")
	w.missing("the draft, to the area", func() answer { return area.get(path) })
	w.refused("the area approves", func() answer { return area.post(path+"/approve", map[string]any{"version": 1}) }, http.StatusForbidden, "auth.forbidden")
	w.says("approved", w.wants("approve", lead.post(path+"/approve", map[string]any{"version": 1}), ok), "active", "state")
	w.notes("card.approved")
	heard := w.hears(phone, "card.approved", 1)
	w.says("the area reads what it is told of", w.wants("card", area.get(fmt.Sprintf("/v1/cards/%d", heard.Ref.ID)), ok), "通行证明一次办好", "card", "title")
	for _, other := range others {
		found := false
		for i := range 2 {
			found = found || w.wants("cards", area.get(other+"/cards"), ok).at("suggested", i, "title") == "通行证明一次办好"
		}
		if !found {
			w.t.Errorf("%s has no solution suggested", other)
		}
		w.missing("the cards of a need, to another place", func() answer { return outsider.get(other + "/cards") })
	}
	w.missing("the need, to another place", func() answer { return outsider.get(need) })
}

// pastItsDay looks at a card that held until yesterday: nobody is offered it, and the needs it was good for show it.
func (w *world) pastItsDay(need string, card int64, open string) {
	w.t.Helper()
	const title = "全省通行证明办法"
	listed := func(path string) bool {
		w.t.Helper()
		got := w.wants("cards", w.signIn("rh.m03").get(path), http.StatusOK)
		return strings.Contains(got.text, title)
	}
	w.set("2026-03-31 23:59")
	if !listed("/v1/cards?category=cert_travel") || !listed(open+"/cards") {
		w.t.Error("on its last day the card is not offered")
	}
	w.set("2026-04-01 00:00")
	if listed("/v1/cards?category=cert_travel") || listed(open+"/cards") {
		w.t.Error("after its last day the card is still offered")
	}
	area := w.signIn("rh.m03")
	w.says("attached", w.wants("cards", area.get(need+"/cards"), http.StatusOK), float64(card), "attached", 0, "id")
	history, _ := w.wants("read", area.get(need), http.StatusOK).at("history").([]any)
	if !slices.ContainsFunc(history, func(l any) bool { return l.(map[string]any)["note"] == title }) {
		w.t.Errorf("the history %v lacks the card", history)
	}
}

// notes fails the test unless the audit has noted an act once since it was last asked, beside what clocks note.
func (w *world) notes(action string) {
	w.t.Helper()
	n := 0
	all := w.acts()
	for _, a := range all {
		if a == action {
			n++
		}
	}
	if n != 1 {
		w.t.Errorf("the audit chain notes %q, want %s once", all, action)
	}
}

// certificate is the way of one certificate from ten o'clock on. Others are needs of the same category.
func (w *world) certificate(area, lin *actor, card int64, credit int, others []string) (path string) {
	w.t.Helper()
	ok, made := http.StatusOK, http.StatusCreated
	today := w.clock().In(time.FixedZone("Asia/Shanghai", 8*3600)).Format("2006-01-02")
	taken := len(w.accepted("r.lin"))
	before := len(w.messages(w.count(`SELECT COUNT(*) FROM wechat_send WHERE template = 'request'`)))
	ga := w.signIn("rh.ga").phone()
	heard := len(ga.received())

	// 1: a member records it with who, what and a number.
	opened := w.wants("record", area.post("/v1/requests", map[string]any{
		"who": "林女士", "what": "返岗需要跨市通行证明", "callBack": map[string]any{"by": "phone", "phone": "19900000001"},
		"category": "cert_travel", "channel": "told_member", "clientRef": uuid.NewString(),
	}), made)
	code, _ := opened.body["receiptCode"].(string)
	w.hide("返岗需要跨市通行证明")
	if len(strings.ReplaceAll(code, "-", "")) != 10 {
		w.t.Errorf("the code is %q, want ten characters", code)
	}
	utc := func(at string) string {
		m, _ := moment(today + " " + at)
		return m.UTC().Format("2006-01-02T15:04:05Z")
	}
	w.says("opened", opened, 1, "level")
	w.says("opened", opened, utc("10:30"), "acceptDueAt")
	w.says("opened", opened, utc("11:00"), "solveDueAt")
	need := fmt.Sprintf("/v1/requests/%d", opened.id("id"))
	proof := map[string]any{"receiptCode": code, "secret": "0001"}
	for _, path := range []string{need, "/v1/requests?which=held"} { // who sees a need cannot open its receipt
		seen := w.wants("read", area.get(path), ok).text
		w.holds("staff", seen, `"receiptCode":"`+code[:5]+`"`)
		w.lacks("staff", seen, code, code[6:], "*0001")
	}
	w.wants("follow", lin.post("/v1/me/requests/follow", proof), ok)
	for range credit {
		w.wants("allow", lin.post("/v1/wechat/grants", map[string]any{"clientRef": uuid.NewString(), "templates": []string{"request"}}), http.StatusNoContent)
	}

	// 2: the grid assistant has it, and the receipt says so.
	w.set(today + " 10:04")
	up := w.wants("escalate", area.post(need+"/escalate", map[string]any{"to": "grid_assistant", "note": "需窗口办理"}), ok)
	w.says("escalated", up, "new", "state")
	w.says("escalated", up, utc("10:34"), "acceptDueAt")
	w.says("escalated", up, utc("11:00"), "solveDueAt")
	w.heardOf(ga, "request.assigned", heard)
	w.says("the receipt", w.wants("open", w.stranger().post("/v1/receipts/open", proof), ok), "10:04 起由网格助理员办理", "words")

	// 3: accepted, with a card, a step at counter 2 and a message.
	w.set(today + " 10:06")
	w.wants("accept", w.signIn("rh.ga").post(need+"/accept", map[string]any{}), ok)
	w.set(today + " 10:12")
	assistant := w.signIn("rh.ga")
	w.wants("attach", assistant.post(need+"/cards", map[string]any{"cardId": card}), ok)
	w.wants("counter", assistant.post(need+"/counter-steps", map[string]any{"placeId": w.counter("2号窗口"), "closes": true}), ok)
	w.wants("message", assistant.post(need+"/messages", map[string]any{"text": "带身份证到2号窗口"}), ok)
	w.pass(31 * time.Second)
	sent := w.messages(before + 1)[before]
	w.isQuiet("a message of WeChat", sent.Args)
	for _, field := range []string{`"receiptCode":"` + code[:5] + `"`, `"placeLabel":"2号窗口"`, `"at":`} {
		if !strings.Contains(sent.Args, field) {
			w.t.Errorf("the message holds %s, want %s", sent.Args, field)
		}
	}
	if n := strings.Count(sent.Args, `":`); n != 3 || strings.Contains(sent.Args, strings.ReplaceAll(code, "-", "")) {
		w.t.Errorf("the message holds %s, want the head of the code, the place and the time alone", sent.Args)
	}
	left := func(want int) {
		w.t.Helper()
		got := w.rows(`
			SELECT COALESCE(SUM(c.balance), 0)
			FROM wechat_credit c
			JOIN wechat_account a ON a.id = c.account_id
			WHERE a.person_id = ? AND c.template = 'request'`, w.person("r.lin"))
		if got != max(want, 0) {
			w.t.Errorf("the asker has %d credits left, want %d", got, want)
		}
	}
	left(credit - 1)
	if credit > 0 { // and that is what WeChat has taken
		w.shows(w.delivered("r.lin", taken+1), map[string]string{"character_string1": code[:5], "thing2": "有新消息", "thing3": "2号窗口"})
	}
	page := w.wants("mine", w.signIn("r.lin").get(fmt.Sprintf("/v1/me/requests/%d", opened.id("id"))), ok)
	w.says("the card", page, "全省", "cards", 0, "region")
	w.says("the step", page, "waiting", "counters", 0, "state")

	// 4: the clerk says done, and the need is resolved with it.
	w.set(today + " 10:47")
	w.says("done", w.wants("finish", w.signIn("rh.cc").post("/v1/counter-steps/finish", map[string]any{"receiptCode": code}), ok), true, "resolved")
	area = w.signIn("rh.m03")
	read := w.wants("read", area.get(need), ok)
	w.says("resolved", read, "grid_assistant", "resolvedLevel")
	w.says("resolved", read, utc("10:47"), "closedAt")
	w.says("resolved after working minutes", read, 47, "firstMinutes")
	w.says("the solve target was kept", read, true, "firstInTime")
	w.pass(31 * time.Second)
	both := w.messages(before + 2)[before:]
	w.isQuiet("a message of WeChat", both[1].Args)
	left(credit - 2)

	// 6: with credit both are sent and it is spent; without, one call for the area, which the second word joins.
	calls := w.wants("calls", area.get("/v1/calls"), ok)
	for _, m := range both {
		want := "no_credit"
		if credit > 0 {
			want = "sent"
		}
		if m.Outcome == nil || *m.Outcome != want {
			w.t.Errorf("with credit %d the message is %+v", credit, m)
		}
	}
	if n := len(calls.items()); credit > 0 && n != 0 || credit == 0 && (n != 1 || calls.at("items", 0, "messages") != float64(2)) {
		w.t.Errorf("with credit %d the calls are %v", credit, calls.body)
	}
	if credit > 0 {
		taken += 2
	}
	last := w.delivered("r.lin", taken)
	if credit > 0 {
		w.shows(last, map[string]string{"character_string1": code[:5], "thing2": "已办结：已解决", "thing3": "请打开查看"})
	}
	if got := w.credit(); got != 0 {
		w.t.Errorf("credit %d is left, want none", got)
	}

	// 5: the next day the asker answers by the code.
	w.pass(24 * time.Hour)
	answer := map[string]any{"receiptCode": code, "secret": "0001", "outcome": "done", "note": "已返岗"}
	w.says("answered", w.wants("answer", w.stranger().post("/v1/receipts/answer", answer), ok), true, "settled")
	if n := w.count(`SELECT COUNT(*) FROM request_asker WHERE outcome_sealed IS NOT NULL`); n == 0 {
		w.t.Error("the outcome is not kept")
	}
	if n := len(w.wants("calls", w.signIn("rh.m03").get("/v1/calls"), ok).items()); n != 0 {
		w.t.Errorf("%d calls are left for an asker who has answered", n)
	}
	if others == nil {
		return need
	}

	// Counter-checks: the card is suggested to the two others; a wrong tail is 404 five times and then 429.
	area = w.signIn("rh.m03")
	for _, r := range others {
		w.says("suggested", w.wants("cards", area.get(r+"/cards"), ok), "全省通行证明办法", "suggested", 0, "title")
	}
	wrong := map[string]any{"receiptCode": code, "secret": "0002"}
	for i := range 6 {
		got := w.stranger().post("/v1/receipts/open", wrong)
		if want := []int{404, 404, 404, 404, 404, 429}[i]; got.status != want {
			w.t.Errorf("try %d with a wrong tail: %d %s, want %d", i+1, got.status, got.code(), want)
		}
	}
	w.pass(15 * time.Minute)
	return need
}

// heardOf waits until p has heard of kind beyond its first items.
func (w *world) heardOf(p *phone, kind string, first int) {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Second); ; {
		for _, i := range p.received()[min(first, len(p.received())):] {
			if i.Kind == kind {
				return
			}
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s has not heard %s within 2 s", p.owner, kind)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// count is what a query counts.
func (w *world) count(query string) (n int) {
	w.t.Helper()
	if err := w.app.Stores.DB.Get(w.t.Context(), &n, query); err != nil {
		w.t.Fatal(err)
	}
	return n
}

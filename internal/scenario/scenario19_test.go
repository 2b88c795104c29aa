package scenario

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/platform/wechat/fake"
)

// ended waits until as many messages of a template have ended with outcome.
func (w *world) ended(outcome, template string, n int) {
	w.t.Helper()
	got := -1
	for end := time.Now().Add(10 * time.Second); got != n && time.Now().Before(end); {
		if err := w.app.TurnClocks(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		got = w.count(`SELECT COUNT(*) FROM wechat_send WHERE outcome = '` + outcome + `' AND template = '` + template + `'`)
		if got != n {
			<-time.After(10 * time.Millisecond)
		}
	}
	if got != n {
		w.t.Fatalf("%d messages of %s ended %s, want %d", got, template, outcome, n)
	}
}

// allows says what was allowed on a phone.
func (a *actor) allows(times int, templates ...string) {
	a.w.t.Helper()
	for range times {
		a.w.wants("allow", a.post("/v1/wechat/grants", map[string]any{"clientRef": uuid.NewString(), "templates": templates}), http.StatusNoContent)
	}
}

// S19: what cannot wait goes out once, at night only dangers do, what can wait is told at six; and what operators see.
func TestScenario19MessagesOfWeChat(t *testing.T) {
	t.Parallel()
	each(t, "2026-04-08 08:50", func(t *testing.T, w *world) {
		c := w.cover()
		ok, made := http.StatusOK, http.StatusCreated
		first := w.count(`SELECT COUNT(*) FROM wechat_send`)
		area, lead := w.signIn("rh.m03"), w.signIn("rh.bg01")

		// 3: three things that can wait make one message at six, and what comes a second later is of tomorrow.
		lead.allows(2, "digest")
		away := func(at string) string {
			t.Helper()
			w.set(at)
			area, lead = w.signIn("rh.m03"), w.signIn("rh.bg01")
			x := w.wants("announce", area.post("/v1/absences", map[string]any{
				"standInAssignmentId": lead.role("group_leader", ""), "firstDay": "2026-05-12", "lastDay": "2026-05-13",
			}), made)
			return fmt.Sprintf("/v1/absences/%d/end", x.id("id"))
		}
		back := func(at, path string) {
			t.Helper()
			w.set(at)
			area = w.signIn("rh.m03")
			w.wants("back again", area.post(path, nil), http.StatusNoContent)
		}
		back("2026-04-08 11:00", away("2026-04-08 09:00"))
		path := away("2026-04-08 17:59:59")
		back("2026-04-08 18:00:01", path)
		w.set("2026-04-08 18:00:05")
		w.ended("sent", "digest", 1)
		if sent := w.app.Fake().Sent(); len(sent) != 1 || sent[0].Fields["number1"] != "3" {
			t.Errorf("at six %+v is sent, want one summary of three", sent)
		}

		// 4: at night the asker's message waits until 07:30, and a danger does not.
		w.set("2026-04-08 22:00")
		area, lin, ga := w.signIn("rh.m03"), w.signIn("r.lin"), w.signIn("rh.ga")
		lin.allows(3, "request")
		ga.allows(1, "work")
		says := w.wants("credits", lin.get("/v1/wechat/credits"), ok)
		w.says("credits", says, "request", "items", 0, "template")
		w.says("credits", says, 3, "items", 0, "balance")
		w.says("credits", says, true, "items", 0, "ask")
		w.says("credits", says, "request_raised", "items", 0, "askAfter", 0)
		record := func(what, category string) (need, code string) {
			t.Helper()
			r := w.wants("record", area.post("/v1/requests", map[string]any{
				"who": "林女士", "what": what, "callBack": map[string]any{"by": "phone", "phone": "19900000001"}, "category": category, "clientRef": uuid.NewString(),
			}), made)
			w.hide(what)
			return fmt.Sprintf("/v1/requests/%d", r.id("id")), r.body["receiptCode"].(string)
		}
		need, code := record("想办一张跨市通行证明", "cert_travel")
		followed := w.wants("follow", lin.post("/v1/me/requests/follow", map[string]any{"receiptCode": code, "secret": "0001"}), ok)
		if followed.asks != "request=demo-request" {
			t.Errorf("whoever follows a need is asked for %q", followed.asks)
		}
		danger, _ := record("阳台外墙掉砖头", "dwelling_safety")
		taken := w.wants("accept", area.post(need+"/accept", map[string]any{}), ok)
		if taken.asks != "work=demo-work,digest=demo-digest" {
			t.Errorf("whoever takes a need on is asked for %q", taken.asks)
		}
		w.set("2026-04-08 22:10")
		area = w.signIn("rh.m03")
		w.wants("message", area.post(need+"/messages", map[string]any{"text": "材料已经收到"}), ok)
		w.hide("材料已经收到")
		w.wants("escalate", area.post(danger+"/escalate", map[string]any{"to": "grid_assistant", "note": "需要查看"}), ok)
		w.ended("sent", "work", 1) // the danger
		w.set("2026-04-09 07:29:59")
		w.ended("sent", "request", 0)
		w.set("2026-04-09 07:30:00")
		w.ended("sent", "request", 1)

		// A device that has it within 30 s keeps WeChat from repeating it.
		w.set("2026-04-09 09:00")
		area, lin = w.signIn("rh.m03"), w.signIn("r.lin")
		hears := lin.phone()
		before := len(hears.received())
		w.wants("message", area.post(need+"/messages", map[string]any{"text": "明天可以来取"}), ok)
		w.hide("明天可以来取")
		w.heardOf(hears, "request.message", before)
		seq := w.count(`SELECT MAX(seq) FROM wechat_send WHERE template = 'request'`)
		for end := time.Now().Add(15 * time.Second); w.count(fmt.Sprintf(`SELECT COUNT(*) FROM device WHERE ack_seq >= %d`, seq)) == 0; {
			if time.Now().After(end) {
				t.Fatal("the phone has not acknowledged")
			}
			<-time.After(20 * time.Millisecond)
		}
		w.pass(31 * time.Second)
		w.ended("suppressed", "request", 1)

		// What WeChat finds ill-formed is seen, mended and sent again by an administrator.
		w.app.Fake().Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 47003})
		w.set("2026-04-09 10:00")
		area = w.signIn("rh.m03")
		lin = w.signIn("r.lin")
		lin.put("/v1/me/notices", map[string]any{"quietFrom": "22:00", "quietTo": "07:00", "digestAt": "18:00", "kinds": []any{}})
		w.says("preferences", w.wants("preferences", lin.get("/v1/me/notices"), ok), "22:00", "quietFrom")
		w.refused("no warnings", func() answer {
			return lin.put("/v1/me/notices", map[string]any{"quietFrom": "22:00", "quietTo": "07:00", "digestAt": "18:00", "kinds": []any{
				map[string]any{"kind": "risk.opened", "weChat": false, "digest": false, "muted": true},
			}})
		}, http.StatusUnprocessableEntity, "notice.kind_fixed")
		w.set("2026-04-10 10:00") // the phone is away
		hears.stop()
		area = w.signIn("rh.m03")
		w.wants("close", area.post(need+"/close", map[string]any{"closureKind": "resolved", "text": "已办好"}), ok)
		w.hide("已办好")
		w.pass(31 * time.Second)
		w.ended("dead", "request", 1)
		w.app.Fake().Heal()
		admin := w.signInStaff("sa")
		list := w.wants("templates", admin.get("/v1/wechat/templates"), ok)
		w.says("templates", list, "request", "items", 0, "code")
		w.says("templates", list, 1, "items", 0, "badInRow")
		set := map[string]any{"templateId": "demo-request", "kind": "once", "fields": list.at("items", 0, "fields")}
		w.says("set", w.wants("set", admin.put("/v1/wechat/templates/request", set), ok), 0, "badInRow")
		w.refused("a name", func() answer {
			return admin.put("/v1/wechat/templates/request", map[string]any{"templateId": "T1", "kind": "once", "fields": []any{map[string]any{"name": "name1", "from": "kindLabel"}}})
		}, http.StatusUnprocessableEntity, "wechat.template_field_refused")
		dead := w.wants("dead", admin.get("/v1/wechat/sends"), ok)
		w.says("dead", dead, 47003, "items", 0, "errcode")
		repeat := fmt.Sprintf("/v1/wechat/sends/%.0f/repeat", dead.at("items", 0, "id"))
		w.wants("repeat", admin.post(repeat, nil), http.StatusNoContent)
		w.ended("dead", "request", 0)
		w.ended("sent", "request", 2)
		w.refused("repeat it again", func() answer { return admin.post(repeat, nil) }, http.StatusConflict, "wechat.send_not_dead")
		w.wants("resume", admin.post("/v1/wechat/resume", nil), http.StatusNoContent)
		if n := w.count(`SELECT COUNT(*) FROM wechat_send`); n <= first {
			t.Errorf("%d messages are kept, %d at the beginning", n, first)
		}
		for _, m := range w.app.Fake().Sent() {
			w.isQuiet("a message of WeChat", fmt.Sprint(m.Fields))
		}
		if ids := c.missing("wechat"); len(ids) > 0 {
			t.Errorf("not called: %v", ids)
		}
	})
}

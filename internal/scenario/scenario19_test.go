package scenario

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"wanjia/internal/app"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/watch"
	"wanjia/internal/platform/wechat/fake"
	"wanjia/internal/pushclient"
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

// accepted is what WeChat has taken for the account of a handle, oldest first.
func (w *world) accepted(handle string) (all []fake.Sent) {
	for _, m := range w.app.Fake().Sent() {
		if m.OpenID == fake.OpenID(fake.AppID, handle) {
			all = append(all, m)
		}
	}
	return all
}

// delivered waits until WeChat has taken n messages in all for the account of a handle, and returns the newest.
func (w *world) delivered(handle string, n int) (newest fake.Sent) {
	w.t.Helper()
	return w.delivers(handle, n, func(fake.Sent) bool { return true })
}

// delivers is delivered of some messages alone.
func (w *world) delivers(handle string, n int, counts func(fake.Sent) bool) (newest fake.Sent) {
	w.t.Helper()
	var all []fake.Sent
	for end := time.Now().Add(10 * time.Second); ; {
		if err := w.app.TurnClocks(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		all = slices.DeleteFunc(w.accepted(handle), func(m fake.Sent) bool { return !counts(m) })
		if len(all) == n || time.Now().After(end) {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	if len(all) != n {
		w.t.Fatalf("WeChat has taken %+v for %s, want %d messages", all, handle, n)
	}
	if n == 0 {
		return newest
	}
	newest = all[n-1]
	w.isQuiet("a message of WeChat", fmt.Sprint(newest.Fields))
	return newest
}

// shows fails the test unless a message of WeChat has exactly these fields beside the moment.
func (w *world) shows(m fake.Sent, fields map[string]string) {
	w.t.Helper()
	got := map[string]string{}
	for name, value := range m.Fields {
		if !strings.HasPrefix(name, "time") {
			got[name] = value
		}
	}
	if !maps.Equal(got, fields) {
		w.t.Errorf("WeChat shows %v, want %v", got, fields)
	}
}

// silently opens a socket of a that acknowledges nothing, as of a phone that lies in a pocket, and returns what waits
// until it has heard of a kind.
func (a *actor) silently() (hears func(kind string)) {
	a.w.t.Helper()
	ticket, err := a.ticket(a.w.t.Context())
	if err != nil {
		a.w.t.Fatal(err)
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: []string{"wanjia.v1"}}
	ws, answer, err := dialer.DialContext(a.w.t.Context(), "ws"+strings.TrimPrefix(a.w.url, "http")+"/v1/push?ticket="+url.QueryEscape(ticket), nil)
	if err != nil {
		a.w.t.Fatal(err)
	}
	_ = answer.Body.Close() // it is the socket's now
	a.w.t.Cleanup(func() { _ = ws.Close() })
	frames := make(chan string, 256)
	go func() {
		defer close(frames)
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				return
			}
			frames <- string(b)
		}
	}()
	return func(kind string) {
		a.w.t.Helper()
		late := time.After(5 * time.Second)
		for {
			select {
			case f, open := <-frames:
				if !open {
					a.w.t.Fatalf("the socket of %s has ended", a.handle)
				}
				if strings.Contains(f, `"k":"`+kind+`"`) {
					return
				}
			case <-late:
				a.w.t.Fatalf("%s has not heard of %s", a.handle, kind)
			}
		}
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
		path := away("2026-04-08 09:00")
		w.set("2026-04-08 10:00")
		w.meets()
		back("2026-04-08 11:00", path)
		path = away("2026-04-08 17:59:59")
		back("2026-04-08 18:00:01", path)
		w.set("2026-04-08 18:00:05")
		w.ended("sent", "digest", 1)
		if got := w.delivered("rh.bg01", 1); got.Template != "demo-digest" || got.Fields["number1"] != "3" {
			t.Errorf("at six %+v is sent, want one summary of three", got)
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
		area, lin = w.signIn("rh.m03"), w.signIn("r.lin")
		hears := lin.silently()
		w.wants("message", area.post(need+"/messages", map[string]any{"text": "材料已经收到"}), ok)
		w.hide("材料已经收到")
		hears("request.message")
		w.wants("escalate", area.post(danger+"/escalate", map[string]any{"to": "grid_assistant", "note": "需要查看"}), ok)
		w.ended("sent", "work", 1) // the danger
		w.set("2026-04-09 07:29:59")
		w.ended("sent", "request", 0)
		if got := w.delivered("rh.ga", 1); got.Template != "demo-work" {
			t.Errorf("the danger is told by %s", got.Template)
		}
		w.delivered("r.lin", 0)
		w.set("2026-04-09 07:30:00")
		w.ended("sent", "request", 1)
		w.shows(w.delivered("r.lin", 1), map[string]string{"character_string1": code[:5], "thing2": "有新的回复", "thing3": "请打开查看"})

		// A device that has it within 30 s keeps WeChat from repeating it.
		w.set("2026-04-09 09:00")
		area, lin = w.signIn("rh.m03"), w.signIn("r.lin")
		phone := lin.phone()
		before := len(phone.received())
		w.wants("message", area.post(need+"/messages", map[string]any{"text": "明天可以来取"}), ok)
		w.hide("明天可以来取")
		w.heardOf(phone, "request.message", before)
		seq := w.count(`SELECT MAX(seq) FROM wechat_send WHERE template = 'request'`)
		for end := time.Now().Add(15 * time.Second); w.count(fmt.Sprintf(`SELECT COUNT(*) FROM device WHERE ack_seq >= %d`, seq)) == 0; {
			if time.Now().After(end) {
				t.Fatal("the phone has not acknowledged")
			}
			<-time.After(20 * time.Millisecond)
		}
		w.pass(31 * time.Second)
		w.ended("suppressed", "request", 1)

		// What WeChat finds ill-formed is seen, mended and sent again by an administrator; other things people choose.
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
		w.set("2026-04-09 18:00:05")
		w.ended("sent", "digest", 2)
		if got := w.delivered("rh.bg01", 2); got.Fields["number1"] != "1" {
			t.Errorf("the next day's summary is %v, want one of the one thing that came after six", got.Fields)
		}
		w.signIn("r.lin").allows(1, "request")
		w.pass(31 * time.Second) // by then it is late, and that is told
		if err := w.app.TurnClocks(t.Context()); err != nil {
			t.Fatal(err)
		}
		told := w.count(`SELECT COUNT(*) FROM wechat_send WHERE template = 'request' AND outcome = 'sent'`)
		w.app.Fake().Inject(fake.Fault{Call: fake.Send, Kind: fake.ErrCode, Code: 47003})
		w.set("2026-04-10 10:00") // the phone is away
		phone.stop()
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
		w.ended("sent", "request", told+1)
		w.refused("repeat it again", func() answer { return admin.post(repeat, nil) }, http.StatusConflict, "wechat.send_not_dead")
		w.wants("resume", admin.post("/v1/wechat/resume", nil), http.StatusNoContent)
		if n := w.count(`SELECT COUNT(*) FROM wechat_send`); n <= first {
			t.Errorf("%d messages are kept, %d at the beginning", n, first)
		}
		w.resumes()
		if ids := c.missing("wechat"); len(ids) > 0 {
			t.Errorf("not called: %v", ids)
		}
	})
}

// meets is the first two steps: a meeting of all instructors, who must hear of it, is announced twice. 23 of them have
// allowed a message; the second time two of these have switched it off on their phones.
func (w *world) meets() {
	w.t.Helper()
	ok, made := http.StatusOK, http.StatusCreated
	const all, allow = 32, 23
	var instructors []*actor
	for n := range allow {
		instructors = append(instructors, w.signIn(fmt.Sprintf("in.%02d", n+1)))
	}
	w.pass(31 * time.Second) // of their new devices nobody has allowed a message yet
	if err := w.app.TurnClocks(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	office, outsider := w.signIn("po.1"), w.signIn("zj.s")
	plan := map[string]any{
		"audience":  map[string]any{"unitId": office.called("grid", "subdistrict", "海棠街道"), "roles": []any{"instructor"}},
		"mustReach": true,
	}
	announce := maps.Clone(plan)
	announce["title"], announce["text"] = "防汛值守会", "周五下午两点在街道三楼会议室"
	asked := 0 // of WeChat, before
	meeting := func(off, calls int) {
		w.t.Helper()
		for n, i := range instructors {
			if i.allows(1, "notice"); n < off {
				w.app.Fake().Grant(fake.OpenID(fake.AppID, i.handle), "demo-notice", -1)
			}
		}
		expected := w.wants("forecast", office.post("/v1/notices/forecast", plan), ok)
		for name, n := range map[string]int{"recipients": all, "withCredit": allow, "callNeeded": all - allow, "muted": 0, "inQuietHours": 0} {
			w.says("the forecast", expected, n, name)
		}
		asked = w.app.Fake().Calls(fake.Send)
		notice := w.wants("announce", office.post("/v1/notices", announce), made)
		path := fmt.Sprintf("/v1/notices/%d", notice.id("id"))
		if n := w.rows(`SELECT COUNT(*) FROM inbox WHERE kind = 'announcement' AND notice_id = ?`, notice.id("id")); n != all {
			w.t.Errorf("%d have it in their inbox, want 32", n)
		}
		w.missing("how far it has come, to another place", func() answer { return outsider.get(path + "/reach") })
		w.pass(31 * time.Second)
		var reach answer
		for end := time.Now().Add(10 * time.Second); ; {
			if err := w.app.TurnClocks(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
			reach = w.wants("reach", office.get(path+"/reach"), ok)
			if reach.at("weChat", "waiting") == float64(0) || time.Now().After(end) {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		w.says("sent", reach, allow-off, "weChat", "sent")
		w.says("without credit", reach, all-allow+off, "weChat", "noCredit")
		w.says("to call", reach, calls, "toCall")
		w.says("what was expected stands beside", reach, allow, "forecast", "withCredit")
		if n := w.app.Fake().Calls(fake.Send) - asked; n != allow {
			w.t.Errorf("WeChat was asked %d times, want 23", n)
		}
	}
	meeting(0, 9)
	for n := range allow {
		w.shows(w.delivered(fmt.Sprintf("in.%02d", n+1), 1), map[string]string{"thing1": "防汛值守会", "thing2": "中共海棠街道工委"})
	}
	meeting(2, 11)
	if err := w.app.TurnClocks(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if n := w.app.Fake().Calls(fake.Send) - asked; n != allow {
		w.t.Errorf("WeChat was asked %d times in the end, want 23: nobody is asked twice", n)
	}
	if n := w.rows(`SELECT COUNT(*) FROM wechat_credit WHERE template = 'notice' AND balance <> 0`); n != 0 {
		w.t.Errorf("%d have credit left, want nobody", n)
	}
}

// another starts one more node of the deployment, and returns where it is.
func (w *world) another() (at string) {
	w.t.Helper()
	c := w.config
	c.WeChat.Fake, c.WeChat.BaseURL, c.WeChat.AppID, c.WeChat.Secret = false, w.app.Fake().URL(), fake.AppID, fake.Secret
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, c, app.Options{Log: watch.Logger(w, slog.LevelDebug), Version: "scenario", RedisPrefix: w.redisPrefix})
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	a.Stores.DB.SetNow(w.clock)
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Serve(ctx, func(public, _ string) { ready <- public }) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the other node ended with %v", err)
		}
		if err := a.Close(); err != nil {
			w.t.Error(err)
		}
	})
	select {
	case public := <-ready:
		return "http://" + public
	case <-time.After(time.Minute):
		w.t.Fatal("the other node does not start")
		return ""
	}
}

// tells tells somebody n things in one transaction, all under the same event if key names one.
func (w *world) tells(person int64, n int, item notify.Item) {
	w.t.Helper()
	err := w.app.Stores.DB.InTx(w.t.Context(), func(tx *db.Tx) error {
		for range n {
			if err := notify.Tell(w.t.Context(), tx, notify.Persons(org.PersonID(person)), item); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// resumes is the fifth step: the same event three times is told once, and whoever has 40 items of 52 gets the other
// twelve on any node, by socket, stream and long poll.
func (w *world) resumes() {
	w.t.Helper()
	guest := w.signIn("guest-19")
	person := w.wants("who am I", guest.get("/v1/me"), http.StatusOK).id("personId")
	guest.allows(3, "request")
	have := guest.unread()
	closed := notify.Item{
		Kind: "request.closed", Ref: notify.Ref{Type: "request", ID: 1}, Dedupe: "s19:closed", Args: map[string]any{"receiptCode": "K7M2Q", "statusLabel": "已办结"},
	}
	for range 3 {
		w.tells(person, 1, closed)
	}
	if got := guest.unread() - have; got != 1 {
		w.t.Errorf("the same event is told %d times, want once", got)
	}
	w.pass(31 * time.Second)
	w.shows(w.delivered("guest-19", 1), map[string]string{"character_string1": "K7M2Q", "thing2": "已办结", "thing3": "请打开查看"})
	if n := w.rows(`SELECT COUNT(*) FROM wechat_send WHERE person_id = ?`, person); n != 1 {
		w.t.Errorf("%d messages of one event", n)
	}

	const cursor, all = 40, 52
	some := notify.Item{Kind: "card.retired", Ref: notify.Ref{Type: "card", ID: 1}, Args: map[string]any{"kindLabel": "办事卡"}}
	w.tells(person, cursor-int(guest.unread()), some)
	w.tells(person, all-cursor, some)
	nodes := []string{w.url}
	if w.tier == "production" { // the other tier is one process
		nodes = append(nodes, w.another())
	}
	for n, node := range nodes {
		for what, read := range map[string]func(node string, after int64, n int) []int64{
			"a socket": guest.bySocket, "an event stream": guest.byStream, "a long poll": guest.byPoll,
		} {
			got := read(node, cursor, all-cursor)
			ok := len(got) == all-cursor
			for i, seq := range got {
				ok = ok && seq == cursor+1+int64(i)
			}
			if !ok {
				w.t.Errorf("on node %d, from 40 on, %s brings %v, want 41 to 52", n+1, what, got)
			}
		}
	}
}

// bySocket, byStream and byPoll are the numbers of n items after one, as a node brings them in each way.
func (a *actor) bySocket(node string, after int64, n int) (seqs []int64) {
	a.w.t.Helper()
	var mu sync.Mutex
	enough := make(chan struct{})
	c, err := pushclient.New(pushclient.Options{
		URL: node, Cursor: fmt.Sprintf("1.%d", after), Ticket: a.ticket, FirstPause: 20 * time.Millisecond,
		Apply: func(i pushclient.Item) {
			mu.Lock()
			defer mu.Unlock()
			if seqs = append(seqs, i.Seq); len(seqs) == n {
				close(enough)
			}
		},
	})
	if err != nil {
		a.w.t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(a.w.t.Context(), 10*time.Second)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx) // it ends with ctx
	}()
	select {
	case <-enough:
	case <-ctx.Done():
	}
	stop()
	<-ended
	return seqs
}

func (a *actor) byStream(node string, after int64, n int) (seqs []int64) {
	a.w.t.Helper()
	ctx, stop := context.WithTimeout(a.w.t.Context(), 10*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, node+"/v1/push/events", nil)
	if err != nil {
		a.w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Last-Event-ID", fmt.Sprintf("1.%d", after))
	res, err := a.w.http.Do(r)
	if err != nil {
		a.w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); len(seqs) < n && lines.Scan(); {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		var frame struct {
			Type string            `json:"t"`
			Seq  int64             `json:"s"`
			List []pushclient.Item `json:"n"`
		}
		if !isData {
			continue
		}
		if err := json.Unmarshal([]byte(data), &frame); err != nil {
			a.w.t.Fatal(err)
		}
		switch frame.Type {
		case "n":
			seqs = append(seqs, frame.Seq)
		case "b":
			for _, i := range frame.List {
				seqs = append(seqs, i.Seq)
			}
		}
	}
	return seqs
}

func (a *actor) byPoll(node string, after int64, _ int) (seqs []int64) {
	a.w.t.Helper()
	r, err := http.NewRequestWithContext(a.w.t.Context(), http.MethodGet, fmt.Sprintf("%s/v1/inbox?after=1.%d&wait=25", node, after), nil)
	if err != nil {
		a.w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	for _, i := range a.w.wants("poll", a.w.send(r), http.StatusOK).items() {
		seq, _ := i["seq"].(float64)
		seqs = append(seqs, int64(seq))
	}
	return seqs
}

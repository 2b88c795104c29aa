package scenario

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/wechat/fake"
)

// unread is how many items a has not read.
func (a *actor) unread() int64 {
	a.w.t.Helper()
	return a.w.wants("unread", a.get("/v1/inbox/unread"), http.StatusOK).id("unread")
}

// stale fails the test unless a's token is refused with the code.
func (a *actor) stale(code string) {
	a.w.t.Helper()
	a.w.refused(a.handle+"'s old token", func() answer { return a.get("/v1/me") }, http.StatusUnauthorized, code)
}

// asks gives the holder of an assignment a task.
func (a *actor) asks(assignment int64, title string) {
	a.w.t.Helper()
	a.w.wants(title, a.post("/v1/tasks", map[string]any{
		"title": title, "target": map[string]any{"assignmentId": assignment}, "minutes": 10,
	}), http.StatusCreated)
}

// wentDown waits until a connection of p has ended, 5 s at most, and returns its close code.
func (p *phone) wentDown() int {
	p.w.t.Helper()
	select {
	case code := <-p.down:
		return code
	case <-time.After(5 * time.Second):
		p.w.t.Fatalf("the socket of %s is still open after 5 s", p.owner)
		return 0
	}
}

// wipedWhileSending is the third step: of 40 messages 25 are sent when Redis is wiped. In the end there are 40 different
// ones.
func (w *world) wipedWhileSending() {
	w.t.Helper()
	const all, before, label = 40, 25, "防汛值守"
	work := notify.DemoTemplates[1]
	w.app.Fake().AddTemplate(work.ID, fake.Template{Long: true, Fields: work.Types()})
	admin := w.signInStaff("sa")
	var fields []any
	for _, t := range w.wants("templates", admin.get("/v1/wechat/templates"), http.StatusOK).items() {
		if t["code"] == work.Code {
			fields, _ = t["fields"].([]any)
		}
	}
	w.wants("a template without credits", admin.put("/v1/wechat/templates/"+work.Code, map[string]any{"templateId": work.ID, "kind": "long", "fields": fields}), http.StatusOK)
	var to []org.PersonID // who listens nowhere
	if err := w.app.Stores.DB.Select(w.t.Context(), &to, `
		SELECT h.person_id
		FROM demo_handle h
		JOIN wechat_account a ON a.person_id = h.person_id
		WHERE h.handle LIKE 'in.%' OR h.handle LIKE 'ac.%' OR h.handle LIKE 'rh.%'
		ORDER BY h.handle
		LIMIT ?`, all); err != nil || len(to) != all {
		w.t.Fatalf("%d persons (%v), want %d", len(to), err, all)
	}
	sent := func() (messages int, persons map[string]bool) {
		persons = map[string]bool{}
		for _, m := range w.app.Fake().Sent() {
			if m.Template == work.ID && m.Fields["thing1"] == label {
				messages++
				persons[m.OpenID] = true
			}
		}
		return messages, persons
	}
	w.goesFirst()
	w.app.Fake().SetQuota(fake.Send, fake.Quota{Minute: before})
	err := w.app.Stores.DB.InTx(w.t.Context(), func(tx *db.Tx) error {
		return notify.Tell(w.t.Context(), tx, notify.Persons(to...), notify.Item{
			Kind: "task.assigned", Ref: notify.Ref{Type: "task", ID: 1}, Args: map[string]any{"kindLabel": label},
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.pass(time.Minute)
	for end := time.Now().Add(2 * time.Minute); ; {
		if n, _ := sent(); n == before {
			break
		}
		if time.Now().After(end) {
			n, _ := sent()
			w.t.Fatalf("%d are sent, want %d before the minute is over", n, before)
		}
		<-time.After(10 * time.Millisecond)
	}
	w.wipe()
	w.app.Fake().SetQuota(fake.Send, fake.Quota{})
	for end := time.Now().Add(2 * time.Minute); ; {
		w.pass(time.Minute)
		if err := w.app.TurnClocks(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		if n, _ := sent(); n >= all || time.Now().After(end) {
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	if n, persons := sent(); n != all || len(persons) != all {
		w.t.Errorf("in the end %d messages are sent to %d persons, want 40 to 40", n, len(persons))
	}
}

// goesFirst lets pass until nothing waits that would be sent within a minute, and take its room from what comes next.
func (w *world) goesFirst() {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		w.pass(time.Minute)
		if err := w.app.TurnClocks(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		var waiting int
		if err := w.app.Stores.DB.Get(w.t.Context(), &waiting, `
			SELECT COUNT(*)
			FROM wechat_send
			WHERE state = 'sending' OR state = 'waiting' AND not_before <= ?`, w.app.Stores.DB.Now().Add(time.Minute)); err != nil {
			w.t.Fatal(err)
		}
		if waiting == 0 {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("%d messages wait still", waiting)
		}
	}
}

func TestScenario20SignInsAndLossOfRedis(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		secretary, outsider := w.signIn("xl.s"), w.signIn("zj.s")

		// 1: a role ends, and with it the tokens of before, on every device.
		first, second := w.signIn("xl.m2"), w.signIn("xl.m2")
		post, area := first.role("branch_officer", "杏坞村"), first.role("area_holder", "二片区")
		w.wants("the post, while it holds", first.acting(post).get("/v1/tasks"), http.StatusOK)
		socket := first.phone()
		w.acts()
		w.missing("another village ends the post", func() answer {
			return outsider.post(fmt.Sprintf("/v1/role-assignments/%d/end", post), map[string]any{"reason": "换届"})
		})
		w.acts()
		w.wants("end the post", secretary.post(fmt.Sprintf("/v1/role-assignments/%d/end", post), map[string]any{"reason": "换届"}), http.StatusNoContent)
		w.audited("org.role_ended")
		if code := socket.wentDown(); code != 4005 {
			t.Errorf("the socket closes with %d, want 4005: the rights changed", code)
		}
		socket.stop() // it would ask for tickets with a token that is refused, until the address has asked too often
		first.stale("auth.token_stale")
		second.stale("auth.token_stale")
		old := *first
		w.wants("refresh", first.renew(), http.StatusOK)
		w.wants("refresh the second", second.renew(), http.StatusOK)
		w.wants("the area", first.acting(area).get("/v1/households"), http.StatusOK)
		w.refused("the ended post", func() answer { return first.acting(post).get("/v1/tasks") }, http.StatusForbidden, "auth.acting_as_invalid")
		old.stale("auth.token_stale")

		// 2: Redis forgets everything, and once the program too.
		holder := w.signIn("xl.m1")
		mine := holder.role("area_holder", "一片区")
		listening := holder.phone()
		for n := range 7 {
			secretary.asks(mine, fmt.Sprintf("走访一片区第%d户", n+1))
		}
		newest := w.hears(listening, "task.assigned", 7)
		if got := holder.unread(); got != 7 {
			t.Fatalf("unread is %d, want 7", got)
		}
		cursor := fmt.Sprintf("1.%d", newest.Seq-3)
		for _, loss := range []struct {
			what string
			do   func()
		}{
			{"Redis is wiped", w.wipe},
			{"the program starts anew beside an empty Redis", func() {
				listening.stop()
				w.wipe()
				w.restart()
			}},
		} {
			loss.do()
			for _, a := range []*actor{secretary, first, second, holder} {
				w.wants(loss.what+": "+a.handle, a.get("/v1/me"), http.StatusOK)
			}
			old.stale("auth.token_stale")
			if got := holder.unread(); got != 7 {
				t.Errorf("%s: unread is %d, want 7", loss.what, got)
			}
			again := holder.phoneFrom(cursor)
			w.hears(again, "task.assigned", 3)
			if items := again.received(); items[0].Seq != newest.Seq-2 {
				t.Errorf("%s: from %s on the first is %d, want %d", loss.what, cursor, items[0].Seq, newest.Seq-2)
			}
			again.stop()
		}
		for _, a := range []*actor{secretary, first, second, holder} {
			w.wants("refresh after all", a.renew(), http.StatusOK)
		}
		w.wipedWhileSending()
		again := holder.phoneFrom(fmt.Sprintf("1.%d", newest.Seq))
		secretary.asks(mine, "走访一片区第8户")
		if heard := w.hears(again, "task.assigned", 1); heard.Seq != newest.Seq+1 {
			t.Errorf("the next item is number %d, want %d", heard.Seq, newest.Seq+1)
		}

		// 4: somebody is shut out, and a stolen refresh token ends its family.
		security := w.signIn("se.1")
		person := w.wants("who am I", holder.get("/v1/me"), http.StatusOK).id("personId")
		w.acts()
		w.wants("disable", security.post(fmt.Sprintf("/v1/people/%d/disable", person), map[string]any{"reason": "手机遗失"}), http.StatusNoContent)
		w.audited("account.disabled")
		if code := again.wentDown(); code != 4014 {
			t.Errorf("the socket closes with %d, want 4014: signed out", code)
		}
		holder.stale("auth.session_ended")
		w.refused("refresh of a disabled account", holder.renew, http.StatusUnauthorized, "auth.session_ended")
		w.wants("sign in again", (&actor{w: w, device: holder.device}).post("/v1/auth/wechat", map[string]any{
			"code": "demo:xl.m1:again", "device": holder.device,
		}), http.StatusUnauthorized)

		victim, elsewhere := w.signIn("xl.m3"), w.signIn("xl.m3")
		told := elsewhere.phone()
		stolen := *victim
		w.wants("refresh", victim.renew(), http.StatusOK)
		w.pass(9 * time.Second)
		lost := stolen
		w.wants("the answer was lost", lost.renew(), http.StatusOK)
		if lost.refresh != victim.refresh {
			t.Error("within the grace the same token gives another successor")
		}
		w.pass(2 * time.Second)
		w.acts()
		if got := w.wants("a spent token after the grace", stolen.renew(), http.StatusUnauthorized); got.code() != "auth.session_ended" {
			t.Errorf("a spent token is refused with %s, want auth.session_ended", got.code())
		}
		w.audited("auth.refresh_reused")
		victim.stale("auth.session_ended")
		w.refused("the successor", victim.renew, http.StatusUnauthorized, "auth.session_ended")
		w.hears(told, "security.refresh_reuse", 1)
		w.wants("the other device", elsewhere.get("/v1/me"), http.StatusOK)
	})
}

package scenario

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/db"
)

// soon waits until f says so, 5 s at most: for what a clock of the program does.
func soon(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come within 5 s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestEachOperationOfRetentionMapsRight(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		ok, c := http.StatusOK, w.cover()
		security := w.signInStaff("se.2")
		if classes := w.wants("what is over", security.get("/v1/retention"), ok).items(); len(classes) < 20 {
			t.Errorf("%d classes are counted, want all of the register", len(classes))
		}
		runs := w.wants("erase", security.post("/v1/retention/run", nil), ok).items()
		proofs := w.wants("proofs", security.get("/v1/retention/runs?pageSize=100"), ok).items()
		if len(runs) == 0 || len(proofs) != len(runs) {
			t.Errorf("%d classes ran and left %d proofs", len(runs), len(proofs))
		}
		if ids := c.missing("retention"); len(ids) > 0 {
			t.Errorf("not called: %v", ids)
		}
	})
}

// S18, without exports and the self-test, which are told elsewhere.
func TestScenario18Privacy(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		defer w.watching("zj.s")()
		ok, created, done := http.StatusOK, http.StatusCreated, http.StatusNoContent
		w.hide("节日走访", "veteran", "老人没有应", "独居老人敲门两小时无人应答", "林女士", "吴先生", "林先生", "孙女士",
			"楼道灯坏了", "屋顶漏水", "水压低", "请删除我的电话", "已修好", "约定今天回电")
		holder := w.signIn("rh.m03").steppedUp()
		doors := w.wants("homes", holder.get("/v1/households?pageSize=100"), ok).items()
		home := func(i int) string { return fmt.Sprintf("/v1/households/%.0f", doors[i]["id"]) }

		// 1: a household of the next area is not there, and that somebody asked is noted.
		neighbour := w.signIn("rh.m04").get("/v1/households")
		next := w.wants("the next area", neighbour, ok).items()[0]["id"]
		foreign := fmt.Sprintf("/v1/households/%.0f", next)
		w.missing("a household of area 04", func() answer { return holder.get(foreign) })
		if n := w.rows(`
			SELECT COUNT(*)
			FROM audit
			WHERE action = 'household.read' AND result = 'common.not_found' AND person_id = ? AND object_id = ?`, w.person("rh.m03"), next); n == 0 {
			t.Error("nothing notes that rh.m03 asked for a household of area 04")
		}

		// 2: a lead breaks the glass for one record.
		w.wants("agree", holder.post(home(0)+"/consents", map[string]any{"purpose": "care_visit", "wording": "2026-01", "channel": "in_person"}), created)
		w.wants("set a flag", holder.post(home(0)+"/flags", map[string]any{
			"kind": "veteran", "source": "household", "purpose": "节日走访", "expiresOn": "2026-12-31",
		}), created)
		lead, phone := w.signIn("rh.gb1").steppedUp(), holder.phone()
		w.missing("flags before", func() answer { return lead.get(home(0) + "/flags") })
		glass := map[string]any{"object": "household_flags", "objectId": doors[0]["id"], "reason": "老人没有应"}
		w.refused("five characters", func() answer { return lead.post("/v1/break-glass", glass) }, http.StatusUnprocessableEntity, "break_glass.reason_short")
		glass["reason"] = "独居老人敲门两小时无人应答"
		w.says("opened", w.wants("open", lead.post("/v1/break-glass", glass), created), "2026-03-02T03:00:00Z", "endsAt")
		if told := w.hears(phone, "break_glass.opened", 1); told.Priority != 0 {
			t.Errorf("the holder is told with priority %d, want 0", told.Priority)
		}
		w.says("the flags", w.wants("flags", lead.get(home(0)+"/flags"), ok), "veteran", "items", 0, "kind")
		w.missing("another record", func() answer { return lead.get(home(1) + "/flags") })
		w.says("the page", w.wants("the household", holder.get(home(0)), ok), "grid_secretary", "breakGlass", 0, "role")
		w.set("2026-03-02 10:59")
		lead = w.signIn("rh.gb1").steppedUp() // the token of the morning is over
		w.wants("flags", lead.get(home(0)+"/flags"), ok)
		w.set("2026-03-02 11:00")
		w.missing("flags at exactly two hours", func() answer { return lead.get(home(0) + "/flags") })

		holder = w.signIn("rh.m03")

		// 5: what is held of 林女士, on paper, and printed by whoever sees her receipt.
		need := func(who, what, number string) answer {
			return w.wants("need", holder.post("/v1/requests", map[string]any{
				"who": who, "what": what, "callBack": map[string]any{"by": "phone", "phone": number},
			}), created)
		}
		hers := need("林女士", "楼道灯坏了", "19900000096")
		need("吴先生", "屋顶漏水", "19900000097")
		need("林先生", "水压低", "19900000096") // the same number, and somebody else
		w.wants("read", holder.get(fmt.Sprintf("/v1/requests/%d", hers.id("id"))), ok)
		office, clerk := w.signIn("po.1"), w.signIn("rh.cc")
		proof := map[string]any{"receiptCode": hers.at("receiptCode"), "secret": "0096"}
		w.missing("nothing was asked", func() answer { return clerk.post("/v1/own-data/print", proof) })
		asked := w.wants("record", office.post("/v1/own-data", map[string]any{"kind": "access", "receiptCode": hers.at("receiptCode"), "secret": "0096"}), created)
		w.says("15 working days", asked, "2026-03-23", "dueOn")
		w.missing("the office reads the pack", func() answer { return office.get(fmt.Sprintf("/v1/own-data/%d/pack", asked.id("id"))) })
		w.refused("the office prints", func() answer { return office.post("/v1/own-data/print", proof) }, http.StatusForbidden, "auth.forbidden")
		w.refused("a wrong number", func() answer {
			return clerk.post("/v1/own-data/print", map[string]any{"receiptCode": hers.at("receiptCode"), "secret": "0097"})
		}, http.StatusNotFound, "request.receipt_wrong")
		pack := w.wants("print", clerk.post("/v1/own-data/print", proof), ok)
		text, err := json.Marshal(pack.body)
		if err != nil {
			t.Fatal(err)
		}
		for _, held := range []string{"林女士", "19900000096", "楼道灯坏了", "area_holder"} {
			if !strings.Contains(string(text), held) {
				t.Errorf("the pack lacks %s: %s", held, text)
			}
		}
		for _, foreign := range []string{"吴先生", "林先生", "屋顶漏水", "水压低", "19900000097"} {
			if strings.Contains(string(text), foreign) {
				t.Errorf("the pack holds %s: %s", foreign, text)
			}
		}
		w.says("answered", w.wants("asked", office.get("/v1/own-data"), ok), "answered", "items", 0, "state")
		lin := w.signIn("r.lin")
		own := fmt.Sprintf("/v1/own-data/%d/pack", w.wants("ask in the app", lin.post("/v1/me/own-data", map[string]any{"kind": "access"}), created).id("id"))
		if sections := w.wants("the own pack", lin.get(own), ok).body["sections"]; sections == nil {
			t.Error("the own pack is empty")
		}
		for _, who := range []*actor{office, clerk, holder} {
			w.missing("somebody else's pack", func() answer { return who.get(own) })
		}

		// A deletion forgets what no open need depends on.
		wish := w.wants("ask", office.post("/v1/own-data", map[string]any{
			"kind": "deletion", "text": "请删除我的电话", "receiptCode": hers.at("receiptCode"), "secret": "0096",
		}), created)
		w.wants("close", holder.post(fmt.Sprintf("/v1/requests/%d/close", hers.id("id")), map[string]any{"closureKind": "resolved", "text": "已修好"}), ok)
		w.wants("grant", office.post(fmt.Sprintf("/v1/own-data/%d/answer", wish.id("id")), map[string]any{"granted": true, "text": "已删除"}), done)
		if seen := w.wants("read", holder.get(fmt.Sprintf("/v1/requests/%d", hers.id("id"))), ok); seen.at("askers", 0, "phone") != nil {
			t.Errorf("after the deletion the asker is %v", seen.at("askers", 0))
		}

		// Counter-check: the 31st number in an hour, and the audit that cannot be written.
		w.set("2026-03-02 15:00")
		holder = w.signIn("rh.m03").steppedUp()
		w.wants("contact", holder.put(home(2)+"/contact", map[string]any{
			"formOfAddress": "孙女士", "phone": "19900000098", "version": w.wants("home", holder.get(home(2)), ok).at("contact", "version"),
		}), ok)
		reveal := func() answer {
			return holder.post(home(2)+"/unmask", map[string]any{"fields": []string{"phone"}, "purpose": "call_back", "reason": "约定今天回电"})
		}
		w.says("shown", w.wants("reveal", reveal(), ok), "19900000098", "phone")
		w.breaksAudit(func() {
			for what, read := range map[string]func() answer{
				"a number": reveal, "a household": func() answer { return holder.get(home(2)) },
				"flags": func() answer { return holder.get(home(0) + "/flags") },
			} {
				got := read()
				if got.status != http.StatusServiceUnavailable || got.body["code"] != "audit.unavailable" || len(got.body) > 6 {
					t.Errorf("%s without the audit: %d %v, want 503 and nothing else", what, got.status, got.body)
				}
			}
		})
		w.set("2026-03-02 16:00") // what was asked for before counts no more
		holder = w.signIn("rh.m03").steppedUp()
		for i := range 31 {
			want := ok
			if i == 30 {
				want = http.StatusTooManyRequests
			}
			if got := reveal(); got.status != want {
				t.Fatalf("number %d in an hour: %d %v, want %d", i+1, got.status, got.body, want)
			}
		}
		w.tampered()
	})
}

// tampered changes the newest row of the audit in SQL and puts it back, and then cuts it off: both are named.
func (w *world) tampered() {
	w.t.Helper()
	auditor := w.signIn("au")
	verify := func() answer {
		w.t.Helper()
		return w.wants("verify", auditor.post("/v1/audit/verification", map[string]any{"newest": 1000}), http.StatusOK)
	}
	w.says("the chain", verify(), true, "good")
	var last struct {
		ID     int64  `db:"id"`
		Lane   int    `db:"lane"`
		N      int64  `db:"n"`
		Reason string `db:"reason"`
	}
	if err := w.app.Stores.DB.Get(w.t.Context(), &last, `SELECT id, lane, n, reason FROM audit ORDER BY id DESC LIMIT 1`); err != nil {
		w.t.Fatal(err)
	}
	change := func(query string, args ...any) {
		w.t.Helper()
		if err := w.app.Stores.DB.InTx(w.t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(w.t.Context(), query, args...)
			return err
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	named := func(why string) {
		w.t.Helper()
		got := verify()
		w.says("tampered with", got, false, "good")
		w.says("the lane", got, last.Lane, "firstBad", "lane")
		w.says("the row", got, int(last.N), "firstBad", "n")
		w.says("what is wrong", got, why, "firstBad", "why")
	}
	change(`UPDATE audit SET reason = ? WHERE id = ?`, "补记", last.ID)
	named("changed")
	change(`UPDATE audit SET reason = ? WHERE id = ?`, last.Reason, last.ID)
	w.says("the chain, put back", verify(), true, "good")
	change(`DELETE FROM audit WHERE lane = ? AND n >= ?`, last.Lane, last.N)
	named("missing")
}

// breaksAudit runs f while no row can be written into the audit.
func (w *world) breaksAudit(f func()) {
	w.t.Helper()
	var lanes []struct {
		Lane int    `db:"lane"`
		N    int64  `db:"n"`
		Hash []byte `db:"hash"`
	}
	d := w.app.Stores.DB
	if err := d.Select(w.t.Context(), &lanes, `SELECT lane, n, hash FROM audit_lane ORDER BY lane`); err != nil {
		w.t.Fatal(err)
	}
	change := func(do func(tx *db.Tx) error) {
		w.t.Helper()
		if err := d.InTx(w.t.Context(), do); err != nil {
			w.t.Fatal(err)
		}
	}
	change(func(tx *db.Tx) error {
		_, err := tx.Change(w.t.Context(), `DELETE FROM audit_lane`)
		return err
	})
	defer change(func(tx *db.Tx) error {
		for _, l := range lanes {
			if _, err := tx.Change(w.t.Context(), `INSERT INTO audit_lane (lane, n, hash) VALUES (?, ?, ?)`, l.Lane, l.N, l.Hash); err != nil {
				return err
			}
		}
		return nil
	})
	f()
}

// S18.4: the dry run lists the 25 contacts of the demo whose time is over, the run erases 25, the next none.
func TestScenario18WhatIsKeptNoLonger(t *testing.T) {
	t.Parallel()
	each(t, "2026-03-02 09:00", func(t *testing.T, w *world) {
		ok := http.StatusOK
		security := w.signInStaff("se.2")
		contacts := func(list answer) map[string]any {
			t.Helper()
			for _, c := range list.items() {
				if c["class"] == "asker_contact" {
					return c
				}
			}
			t.Fatal("there is no class of the contacts of askers")
			return nil
		}
		kept := func() (n int) {
			t.Helper()
			if err := w.app.Stores.DB.Get(t.Context(), &n, `SELECT COUNT(*) FROM request_asker WHERE phone_sealed IS NOT NULL OR address_sealed IS NOT NULL`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := kept()
		if c := contacts(w.wants("dry run", security.get("/v1/retention"), ok)); c["due"] != 25. || kept() != before {
			t.Errorf("the dry run lists %v and leaves %d of %d, want 25 and all", c["due"], kept(), before)
		}
		if c := contacts(w.wants("run", security.post("/v1/retention/run", nil), ok)); c["due"] != 25. || c["erased"] != 25. {
			t.Errorf("the run says %v, want 25 of 25", c)
		}
		if n := kept(); n != before-25 {
			t.Errorf("%d contacts stay of %d, want 25 less", n, before)
		}
		if c := contacts(w.wants("proofs", security.get("/v1/retention/runs?pageSize=100"), ok)); c["erased"] != 25. || c["endedAt"] == nil {
			t.Errorf("the proof says %v, want 25", c)
		}
		if c := contacts(w.wants("dry run", security.get("/v1/retention"), ok)); c["due"] != 0. {
			t.Errorf("the next dry run lists %v, want 0", c["due"])
		}
		w.pass(time.Minute)
		if c := contacts(w.wants("run", security.post("/v1/retention/run", nil), ok)); c["erased"] != 0. {
			t.Errorf("the next run erases %v, want 0", c["erased"])
		}
		for _, who := range []string{"po.1", "zj.s"} { // no operation of this step names anything that others have: to the role it is 403
			by := w.signIn(who)
			for what, call := range map[string]func() answer{
				"what is over": func() answer { return by.get("/v1/retention") },
				"proofs":       func() answer { return by.get("/v1/retention/runs") },
				"a run":        func() answer { return by.post("/v1/retention/run", nil) },
			} {
				w.refused(who+": "+what, call, http.StatusForbidden, "auth.forbidden")
			}
		}
	})
}

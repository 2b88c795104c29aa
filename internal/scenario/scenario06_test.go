package scenario

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"wanjia/internal/config"
	"wanjia/internal/privacy"
)

// Steps 2 and 3 of S6: a scan without a network counts when it comes, once, and the phone's time is kept beside ours.
func TestScenario06AScanWithoutANetwork(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-13 09:20", func(t *testing.T, w *world) {
		secretary, instructor, cadre, elsewhere := w.signIn("zj.s"), w.signIn("in.01"), w.signIn("ac.1"), w.signIn("rh.cg")
		place := secretary.place(secretary.unit("grid", "village", "张家屯"), "meeting_room", "村委会议室")
		code, _ := secretary.shows(place)
		scan := func(at string, offline bool, code string) map[string]any {
			return map[string]any{"kind": "place_code", "code": code, "offline": offline, "happenedAt": at, "clientRef": uuid.NewString()}
		}

		w.set("2026-05-13 09:21")
		w.refused("live, a minute later", func() answer {
			return cadre.post("/v1/check-ins", scan("2026-05-13T01:21:00Z", false, code))
		}, http.StatusUnprocessableEntity, "checkin.code_expired")

		w.set("2026-05-13 15:20")
		for _, a := range []*actor{instructor, cadre, elsewhere} {
			w.wants(a.handle+" refreshes", a.renew(), http.StatusOK)
		}
		late := scan("2026-05-13T01:20:07Z", true, code)
		w.acts()
		got := w.wants("sent in the afternoon", instructor.post("/v1/check-ins", late), http.StatusCreated)
		if got.body["state"] != "confirmed" || got.body["happenedAt"] != "2026-05-13T01:20:07Z" || got.body["recordedAt"] != "2026-05-13T07:20:00Z" {
			t.Errorf("the presence is %v, want it confirmed, of 09:20:07 by the phone and 15:20 by us", got.body)
		}
		w.audited("checkin.recorded")

		w.set("2026-05-13 15:25")
		w.refused("the same step by somebody else", func() answer {
			return cadre.post("/v1/check-ins", scan("2026-05-13T01:20:09Z", true, code))
		}, http.StatusConflict, "checkin.code_used")
		flipped := []byte(code)
		if last := len(flipped) - 3; flipped[last] == 'A' {
			flipped[last] = 'B'
		} else {
			flipped[last] = 'A'
		}
		for what, bad := range map[string]string{"one bit changed": string(flipped), "cut": code[:len(code)-1], "another place": "v1.99999999" + code[strings.Index(code[3:], ".")+3:]} {
			status, refusal := http.StatusUnprocessableEntity, "checkin.code_invalid"
			if what == "another place" { // nobody learns which places there are
				status, refusal = http.StatusNotFound, "common.not_found"
			}
			w.refused(what, func() answer { return cadre.post("/v1/check-ins", scan("2026-05-13T01:20:09Z", true, bad)) }, status, refusal)
		}
		w.missing("a community scans it", func() answer { return elsewhere.post("/v1/check-ins", scan("2026-05-13T01:20:09Z", true, code)) })
		again := w.wants("the same scan again", instructor.post("/v1/check-ins", late), http.StatusCreated)
		if again.id("id") != got.id("id") || again.body["replayed"] != true {
			t.Errorf("the scan sent again gives %v, want record %d, replayed", again.body, got.id("id"))
		}
	})
}

// The counter-checks of S6: nobody confirms themselves, and what the product refuses can be set by nobody and in no way.
func TestScenario06WhatIsRefused(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		secretary, instructor, officer := w.signIn("zj.s"), w.signIn("in.01"), w.signIn("xl.m2")
		village := secretary.unit("grid", "village", "张家屯")
		there := secretary.phone()
		claim := func(unit int64) map[string]any {
			return map[string]any{"kind": "counterpart", "unitId": unit, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString()}
		}
		claimed := w.wants("claim", instructor.post("/v1/check-ins", claim(village)), http.StatusCreated)
		if claimed.body["state"] != "claimed" {
			t.Errorf("the presence is %v, want a claim", claimed.body)
		}
		w.hears(there, "checkin.claimed", 1)
		confirm := fmt.Sprintf("/v1/presence/%d/confirm", claimed.id("id"))
		w.refused("in.01 confirms the own claim", func() answer { return instructor.post(confirm, nil) }, http.StatusForbidden, "checkin.own_claim")

		officer.as = officer.role("branch_officer", "杏坞村") // who confirms others there, and still not themselves
		own := w.wants("claim", officer.post("/v1/check-ins", claim(officer.unit("grid", "village", "杏坞村"))), http.StatusCreated)
		w.refused("the officer confirms the own claim", func() answer {
			return officer.post(fmt.Sprintf("/v1/presence/%d/confirm", own.id("id")), nil)
		}, http.StatusForbidden, "checkin.own_claim")
		w.missing("the officer confirms in another village", func() answer { return officer.post(confirm, nil) })
		w.acts()
		if got := w.wants("zj.s confirms", secretary.post(confirm, nil), http.StatusOK); got.body["state"] != "confirmed" {
			t.Errorf("the presence is %v, want it confirmed", got.body)
		}
		w.audited("checkin.confirmed")

		admin, auditor := w.signInStaff("sa"), w.signIn("au")
		watching := auditor.phone()
		want := map[string]any{"unitId": village, "enabled": true, "reason": "上级要求排名"}
		w.acts()
		for n, key := range refusedKeys {
			got := w.wants(key, admin.put("/v1/policy/settings/"+key, want), http.StatusUnprocessableEntity)
			rule, _ := privacy.RefusedKey(key)
			if got.code() != "policy.refused" || rule == "" || got.body["ruleText"] != rule {
				t.Errorf("%s is answered %v, want policy.refused and the rule %q", key, got.body, rule)
			}
			w.audited("guard.attempt")
			w.hears(watching, "guard.attempt", n+1)
		}
		w.refused("geofence without a basis", func() answer {
			return admin.put("/v1/policy/settings/checkin.geofence", want)
		}, http.StatusUnprocessableEntity, "policy.legal_basis_missing")
		w.refused("the office sets a policy", func() answer {
			return secretary.put("/v1/policy/settings/ranking.people", want)
		}, http.StatusForbidden, "auth.forbidden")
	})
}

// refusedKeys are those of PG2.
var refusedKeys = []string{
	"ranking.people", "points.people", "evidence.photo_required", "evidence.location_required", "login.streak",
	"login.daily_required", "study.timer", "engagement.forward_like_count", "install.rate_report", "assessment.from_presence",
}

// PG3: a process with such a key in its file or its environment does not start, and says why.
func TestScenario06AProcessWithARefusedKeyDoesNotStart(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "wanjia.yaml")
	if err := os.WriteFile(empty, []byte("log: {level: info}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(empty, nil, privacy.RefusedKey); err != nil {
		t.Fatalf("without such a key: %v, want a start", err)
	}
	for _, key := range refusedKeys {
		section, name, _ := strings.Cut(key, ".")
		file := filepath.Join(t.TempDir(), "wanjia.yaml")
		if err := os.WriteFile(file, fmt.Appendf(nil, "log: {level: info}\n%s: {%s: false}\n", section, name), 0o600); err != nil {
			t.Fatal(err)
		}
		rule, _ := privacy.RefusedKey(key)
		variable := "WANJIA_" + strings.ToUpper(section+"_"+name)
		for what, try := range map[string]func() error{
			key:      func() error { _, err := config.Load(file, nil, privacy.RefusedKey); return err },
			variable: func() error { _, err := config.Load(empty, []string{variable + "=1"}, privacy.RefusedKey); return err },
		} {
			if err := try(); err == nil || rule == "" || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), rule) {
				t.Errorf("%s: %v, want a refusal that names it and the rule %q", what, err, rule)
			}
		}
	}
}

package scenario

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
)

// thrice sends the same act three times, each time as a new request, and fails the test unless the second and the third
// answer are the first one and change nothing.
func (w *world) thrice(what string, a *actor, path string, body map[string]any) answer {
	w.t.Helper()
	first := w.wants(what, a.post(path, body), http.StatusCreated)
	changed := w.unchanged(func() {
		w.t.Helper()
		for range 2 {
			again := w.wants(what+" again", a.post(path, body), http.StatusCreated)
			one, other := maps.Clone(first.body), maps.Clone(again.body)
			delete(one, "replayed")
			delete(other, "replayed")
			if fmt.Sprint(one) != fmt.Sprint(other) || !again.replayed {
				w.t.Errorf("%s: sent again it is %v, replayed %v; want %v, replayed", what, again.body, again.replayed, first.body)
			}
		}
	})
	if len(changed) > 0 {
		w.t.Errorf("%s: sent again it changed %v", what, changed)
	}
	return first
}

// Every proof of a presence has a clientRef of its own for ever: what joined the day replays as well as what began it.
func TestEveryActOfADaySentThreeTimesIsOneAct(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		secretary, member := w.signIn("xl.s"), w.signIn("xl.m2")
		village := secretary.unit("grid", "village", "杏坞村")
		place := secretary.place(village, "meeting_room", "村委会议室")
		there := secretary.phone()

		claim := map[string]any{"kind": "counterpart", "unitId": village, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString()}
		claimed := w.thrice("a claim", member, "/v1/check-ins", claim)
		if claimed.body["state"] != "claimed" {
			t.Errorf("the presence is %v, want a claim", claimed.body)
		}
		w.hears(there, "checkin.claimed", 1)

		code, _ := secretary.shows(place)
		scan := map[string]any{"kind": "place_code", "code": code, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString()}
		scanned := w.thrice("a scan", member, "/v1/check-ins", scan)
		if scanned.id("id") != claimed.id("id") || scanned.body["state"] != "confirmed" {
			t.Errorf("the scan gives %v, want record %d confirmed: it joins the claim", scanned.body, claimed.id("id"))
		}
		w.set("2026-05-11 09:01")
		_, short := secretary.shows(place)
		typed := w.thrice("a typed code", member, "/v1/check-ins", map[string]any{
			"kind": "place_code", "placeId": place, "shortCode": short, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString(),
		})
		if typed.id("id") != claimed.id("id") {
			t.Errorf("the typed code gives record %d, want %d", typed.id("id"), claimed.id("id"))
		}
		w.set("2026-05-11 09:02")
		visit := map[string]any{
			"householdId": member.door("2-31"), "result": "needs", "needs": []any{map[string]any{"what": "路灯不亮"}},
			"happenedAt": w.phoneTime(), "clientRef": uuid.NewString(),
		}
		w.thrice("a visit", member, "/v1/visits", visit)
		doors := []any{
			map[string]any{"householdId": member.door("2-32"), "clientRef": uuid.NewString()},
			map[string]any{"householdId": member.door("2-33"), "clientRef": uuid.NewString()},
		}
		w.thrice("nobody home at two doors", member, "/v1/visits/bulk", map[string]any{"result": "not_home", "visits": doors, "happenedAt": w.phoneTime()})

		w.set("2026-05-11 09:04")
		for what, body := range map[string]map[string]any{"/v1/check-ins": claim, "/v1/visits": visit} { // in the end, too
			if got := w.wants(what, member.post(what, body), http.StatusCreated); !got.replayed {
				t.Errorf("%s is not replayed in the end: %v", what, got.body)
			}
		}
		own := w.wants("own presence", member.get("/v1/presence"), http.StatusOK).items()
		if today := own[0]; int64(today["id"].(float64)) != claimed.id("id") || today["day"] != "2026-05-11" || len(own) > 1 && own[1]["day"] == "2026-05-11" {
			t.Errorf("own presence is %v, want one record of the day", own)
		}

		scan["kind"], scan["unitId"] = "counterpart", village
		delete(scan, "code")
		w.refused("another kind under the same clientRef", func() answer {
			return member.post("/v1/check-ins", scan)
		}, http.StatusUnprocessableEntity, "common.key_reused")
		visit["result"] = "all_well"
		delete(visit, "needs")
		w.refused("another visit under the same clientRef", func() answer {
			return member.post("/v1/visits", visit)
		}, http.StatusUnprocessableEntity, "common.key_reused")
	})
}

// What happened without a network keeps the phone's time while it can be believed, and ours beside it.
func TestBothTimesOfALateActAreKept(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 15:00", func(t *testing.T, w *world) {
		member := w.signIn("xl.m2")
		now := "2026-05-11T07:00:00Z"
		for _, late := range []struct {
			door, phone, happened string
			untrusted             bool
		}{
			{"2-30", "2026-05-11T01:30:05Z", "2026-05-11T01:30:05Z", false}, // five hours and a half
			{"2-31", "2026-05-08T07:00:00Z", "2026-05-08T07:00:00Z", false}, // 72 hours to the second
			{"2-32", "2026-05-08T06:59:59Z", now, true},                     // one second more
			{"2-33", "2026-05-11T07:02:00Z", "2026-05-11T07:02:00Z", false}, // two minutes ahead
			{"2-34", "2026-05-11T07:02:01Z", now, true},
		} {
			got := w.thrice("visit "+late.door, member, "/v1/visits", map[string]any{
				"householdId": member.door(late.door), "result": "all_well", "happenedAt": late.phone, "clientRef": uuid.NewString(),
			})
			if got.body["happenedAt"] != late.happened || got.body["recordedAt"] != now || got.body["clockUntrusted"] != late.untrusted {
				t.Errorf("told as of %s: %v, want it of %s, recorded %s, untrusted %v", late.phone, got.body, late.happened, now, late.untrusted)
			}
		}
		days := map[any]bool{}
		for _, p := range w.wants("own presence", member.get("/v1/presence"), http.StatusOK).items() {
			days[p["day"]] = true
		}
		if !days["2026-05-08"] || !days["2026-05-11"] {
			t.Errorf("present on %v, want the days of the visits", days)
		}
	})
}

// X52: the queue of a phone syncs in order, each item by itself; one that fails blocks nobody, and a second run of the
// whole queue changes nothing.
func TestAQueueOfFiftySyncsInOrderAndOneThatFailsBlocksNobody(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-12 08:00", func(t *testing.T, w *world) {
		secretary, member, neighbour := w.signIn("xl.s"), w.signIn("xl.m2"), w.signIn("xl.m1")
		place := secretary.place(secretary.unit("grid", "village", "杏坞村"), "meeting_room", "村委会议室")
		code, _ := secretary.shows(place)
		foreign := neighbour.door("1-5")
		type item struct {
			path string
			body map[string]any
			want int
		}
		queue := []item{{"/v1/check-ins", map[string]any{
			"kind": "place_code", "code": code, "offline": true, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString(),
		}, http.StatusCreated}}
		homes := map[string]int64{}
		for _, h := range w.wants("households", member.get("/v1/households?pageSize=100"), http.StatusOK).items() {
			homes[h["door"].(string)] = int64(h["id"].(float64))
		}
		for n := 1; n < 50; n++ {
			w.pass(4 * time.Minute)
			visit := map[string]any{"householdId": homes[fmt.Sprintf("2-%d", n)], "result": "all_well", "happenedAt": w.phoneTime(), "clientRef": uuid.NewString()}
			want := http.StatusCreated
			if n == 20 { // somebody else's door by now
				visit["householdId"], want = foreign, http.StatusNotFound
			}
			queue = append(queue, item{"/v1/visits", visit, want})
		}
		w.set("2026-05-12 15:00")
		w.wants("refresh", member.renew(), http.StatusOK)
		first := make([]int64, len(queue))
		began := time.Now()
		for n, i := range queue {
			got := w.wants(fmt.Sprintf("item %d", n), member.post(i.path, i.body), i.want)
			first[n] = got.id("id")
			if i.want == http.StatusCreated && (got.body["happenedAt"] != i.body["happenedAt"] || got.body["recordedAt"] != "2026-05-12T07:00:00Z") {
				t.Errorf("item %d is %v, want it of %v and recorded at 07:00", n, got.body, i.body["happenedAt"])
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("the queue took %v, want less than 10 s", took)
		}
		w.pass(2 * time.Minute) // so many writes a minute, and no more
		before := w.settled()
		for n, i := range queue {
			got := w.wants(fmt.Sprintf("item %d again", n), member.post(i.path, i.body), i.want)
			if got.id("id") != first[n] || i.want == http.StatusCreated && !got.replayed {
				t.Errorf("item %d sent again is %d, replayed %v; want %d, replayed", n, got.id("id"), got.replayed, first[n])
			}
		}
		for table, sum := range w.look.Sums(t, busy...) {
			if before[table] != sum {
				t.Errorf("the second run changed table %s", table)
			}
		}
		var listed []int64
		for _, v := range w.wants("visits", member.get("/v1/visits?pageSize=100"), http.StatusOK).items() {
			if v["recordedAt"] == "2026-05-12T07:00:00Z" {
				listed = append(listed, int64(v["id"].(float64)))
			}
		}
		if len(listed) != 48 {
			t.Fatalf("%d visits of the queue are listed, want 48", len(listed))
		}
		for n, at := 49, 0; n > 0; n-- { // newest first
			if n == 20 {
				continue
			}
			if listed[at] != first[n] {
				t.Fatalf("visit %d is listed in place of %d: the order is not the queue's", listed[at], first[n])
			}
			at++
		}
	})
}

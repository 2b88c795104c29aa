package scenario

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// traces says where any of the texts stands: in a table, in Redis, in the log.
func (w *world) traces(texts ...string) (found []string) {
	w.t.Helper()
	look := func(where, content string) {
		for _, s := range texts {
			if strings.Contains(content, s) {
				found = append(found, where+" holds "+s)
			}
		}
	}
	w.look.Dump(w.t, func(table, row string) { look("table "+table, row) })
	if err := w.app.Stores.KV.Dump(w.t.Context(), func(key, content string) { look("Redis key "+key, key+" "+content) }); err != nil {
		w.t.Fatal(err)
	}
	look("the log", w.logged())
	return found
}

// Q7, CI7: a position is judged at once and stands nowhere afterwards, whatever became of it.
func TestQ7_APositionIsNowhereAfterwards(t *testing.T) {
	t.Parallel()
	each(t, "2026-07-06 09:00", func(t *testing.T, w *world) {
		office, security, admin := w.signInStaff("po.1"), w.signInStaff("se.1"), w.signInStaff("sa")
		secretary, member := w.signIn("xl.s"), w.signIn("xl.m2")
		village := secretary.unit("grid", "village", "杏坞村")
		place := w.wants("a place with a fence", secretary.post("/v1/places", map[string]any{
			"unitId": village, "kind": "meeting_room", "name": "村委会议室",
			"fence": map[string]any{"centreNorth": 31.28, "centreEast": 121.49, "centreDatum": "gcj02", "radius": 500},
		}), http.StatusCreated).id("id")
		// 30 m and some kilometres away, in digits that stand nowhere else.
		canaries := []string{"280271", "490183", "17.283", "364918"}
		stand := func(north float64, accuracy float64) map[string]any {
			return map[string]any{
				"kind": "geofence", "placeId": place, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString(),
				"position": map[string]any{"latitude": north, "longitude": 121.490183, "accuracy": accuracy, "datum": "gcj02"},
			}
		}
		post := func(body map[string]any) func() answer {
			return func() answer { return member.post("/v1/check-ins", body) }
		}
		w.refused("without a legal basis", post(stand(31.280271, 17.283)), http.StatusUnprocessableEntity, "policy.legal_basis_missing")

		basis := w.wants("enter a basis", office.post("/v1/legal-bases", map[string]any{
			"purpose": "geofence", "instrument": "海棠街道防汛值守办法", "clause": "第三条", "issuer": "海棠街道办事处",
			"issuedOn": "2026-06-01", "validUntil": "2026-09-30",
		}), http.StatusCreated).id("id")
		on := map[string]any{"unitId": village, "enabled": true, "legalBasisId": basis, "reason": "防汛值守需要"}
		w.refused("switched on before the second person", func() answer {
			return admin.put("/v1/policy/settings/checkin.geofence", on)
		}, http.StatusUnprocessableEntity, "policy.legal_basis_missing")
		w.wants("approve it", security.post(fmt.Sprintf("/v1/legal-bases/%d/approve", basis), nil), http.StatusNoContent)
		w.wants("switch it on", admin.put("/v1/policy/settings/checkin.geofence", on), http.StatusNoContent)

		w.refused("far away", post(stand(31.364918, 17.283)), http.StatusUnprocessableEntity, "checkin.position_no_proof")
		w.refused("without accuracy", post(stand(31.280271, 0)), http.StatusUnprocessableEntity, "checkin.position_no_proof")
		late := stand(31.280271, 17.283)
		late["offline"] = true
		w.refused("kept by the phone for later", post(late), http.StatusUnprocessableEntity, "checkin.position_late")
		inside := stand(31.280271, 17.283)
		got := w.thrice("inside", member, "/v1/check-ins", inside)
		if got.body["state"] != "confirmed" {
			t.Errorf("the presence is %v, want it confirmed", got.body)
		}
		visit := map[string]any{"householdId": member.door("2-30"), "result": "all_well", "clientRef": uuid.NewString(), "position": inside["position"]}
		w.refused("a position of a visit", func() answer { return member.post("/v1/visits", visit) }, http.StatusBadRequest, "common.malformed")

		for _, trace := range w.traces(canaries...) {
			t.Error(trace)
		}
		if found := w.traces(inside["clientRef"].(string)); len(found) == 0 { // the search finds what is kept
			t.Error("the clientRef of the evidence is found nowhere, want it in its table")
		}
		code, _ := secretary.shows(place) // and no position is needed
		w.wants("by code instead", member.post("/v1/check-ins", map[string]any{
			"kind": "place_code", "code": code, "happenedAt": w.phoneTime(), "clientRef": uuid.NewString(),
		}), http.StatusCreated)

		w.set("2026-09-30 09:00") // the last day of the basis: what rests on it is off
		later := w.signIn("xl.m1")
		body := stand(31.280271, 17.283)
		w.refused("on the last day of the basis", func() answer { return later.post("/v1/check-ins", body) }, http.StatusUnprocessableEntity, "policy.legal_basis_missing")
	})
}

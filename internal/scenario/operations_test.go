package scenario

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"wanjia/api"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// A coverage notes which operations of the contract have answered well. What they answered is held against the
// contract on the way (server.Checked).
type coverage struct {
	doc    *openapi3.T
	next   http.RoundTripper
	mu     sync.Mutex
	called map[string]bool
}

// cover makes w note what it calls.
func (w *world) cover() *coverage {
	w.t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &coverage{doc: doc, next: w.http.Transport, called: map[string]bool{}}
	w.http.Transport = c
	return c
}

func (c *coverage) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
	if err != nil || res.StatusCode >= http.StatusBadRequest {
		return res, err
	}
	item := c.doc.Paths.Value(r.URL.Path) // a path without places in it goes first
	for template, other := range c.doc.Paths.Map() {
		if item == nil && template != r.URL.Path && place.MatchString(template) &&
			regexp.MustCompile("^"+place.ReplaceAllString(template, "[^/]+")+"$").MatchString(r.URL.Path) {
			item = other
		}
	}
	if item != nil && item.GetOperation(r.Method) != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.called[item.GetOperation(r.Method).OperationID] = true
	}
	return res, nil
}

// place is where a path holds something.
var place = regexp.MustCompile(`\{[^}]+\}`)

// missing are the operations with one of the tags that have not answered.
func (c *coverage) missing(tags ...string) (ids []string) {
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if slices.Contains(tags, op.Tags[0]) && !c.called[op.OperationID] {
				ids = append(ids, op.OperationID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func TestEachOperationOfUnitsPeopleHomesAndTasksMapsRight(t *testing.T) {
	t.Parallel()
	each(t, "2026-05-11 09:00", func(t *testing.T, w *world) {
		c := w.cover()
		v := w.village()
		v.homes()
		v.care()
		v.entrances()
		v.roster()
		v.structure()
		v.tasks()
		v.campaigns()
		w.pass(time.Minute) // so many writes a minute, and no more
		v.notices()
		v.needs()
		v.photos()
		v.media()
		v.musters()
		v.cards()
		v.intake()
		w.asks()
		v.roles()
		v.absences()
		v.handovers()
		v.splits()
		v.upkeep()
		v.policy()
		v.consents()
		v.ledger()
		v.glass()
		if ids := c.missing("notice", "org", "member", "household", "request", "card", "intake", "campaign", "privacy", "consent", "glass", "audit", "upload", "muster", "media"); len(ids) > 0 {
			t.Errorf("not called: %v", ids)
		}
	})
}

// A village is 杏坞村 with who acts in it.
type village struct {
	*world
	secretary, holder, office     *actor
	place, branch, area, neighbor int64 // units
	me                            int64 // the holder's person
	visit                         int64
}

// called is the id of the unit of a kind whose name holds the text.
func (a *actor) called(tree, kind, name string) int64 {
	a.w.t.Helper()
	list := a.w.wants("list units", a.get("/v1/units?pageSize=100&tree="+tree+"&kind="+kind), http.StatusOK)
	for _, u := range list.items() {
		if text, _ := u["name"].(string); strings.Contains(text, name) {
			return int64(u["id"].(float64))
		}
	}
	a.w.t.Fatalf("no %s is called %s", kind, name)
	return 0
}

func (w *world) village() *village {
	v := &village{world: w, secretary: w.signIn("xl.s"), holder: w.signIn("xl.m2"), office: w.signIn("po.1")}
	v.place, v.branch = v.secretary.called("grid", "village", "杏坞村"), v.secretary.called("party", "branch", "杏坞村")
	for _, a := range w.wants("areas", v.secretary.get("/v1/areas"), http.StatusOK).items() {
		switch id := int64(a["id"].(float64)); {
		case strings.Contains(a["name"].(string), "二片区"):
			if v.area = id; a["households"] != "72" || a["splitSuggested"] != true {
				w.t.Errorf("the area is %v, want 72 homes and a split suggested", a)
			}
		default:
			v.neighbor = id
		}
	}
	v.me = w.wants("me", v.holder.get("/v1/me"), http.StatusOK).id("personId")
	return v
}

// says fails the test unless got holds want at the names.
func (w *world) says(what string, got answer, want any, names ...any) {
	w.t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if have := got.at(names...); have != want {
		w.t.Errorf("%s: %v is %v, want %v", what, names, have, want)
	}
}

func (v *village) homes() {
	v.t.Helper()
	ok := http.StatusOK
	doors := v.wants("homes", v.holder.get("/v1/households?pageSize=100"), ok).items()
	if len(doors) != 72 || doors[0]["kind"] != "home" || doors[0]["hasContact"] == nil {
		v.t.Fatalf("the holder lists %d homes, the first %v; want 72, with what is known of each", len(doors), doors[0])
	}
	if seen := v.wants("homes, as a lead", v.secretary.get(fmt.Sprintf("/v1/households?areaId=%d", v.area)), ok); seen.at("items", 0, "hasContact") != nil {
		v.t.Errorf("the secretary sees %v, want the door alone", seen.at("items", 0))
	}
	path := func(i int) string { return fmt.Sprintf("/v1/households/%.0f", doors[i]["id"]) }
	before := v.wants("home", v.holder.get(path(0)), ok)
	set := v.wants("contact", v.holder.put(path(0)+"/contact", map[string]any{
		"formOfAddress": "林女士", "phone": "19900009876", "version": before.at("contact", "version"),
	}), ok)
	v.says("contact", set, before.at("contact", "version").(float64)+1, "version")
	home := v.wants("home", v.holder.get(path(0)), ok)
	v.says("home", home, "199****9876", "contact", "phone")
	v.says("home", home, "林**", "contact", "formOfAddress")
	v.says("home", home, float64(v.area), "areaId")
	shown := v.wants("unmask", v.holder.post(path(0)+"/unmask", map[string]any{
		"fields": []string{"phone"}, "purpose": "call_back", "reason": "约定今天回电",
	}), ok)
	v.says("unmasked", shown, "19900009876", "phone")
	v.says("unmasked", shown, nil, "formOfAddress")

	if due := v.wants("due", v.holder.get("/v1/due-households"), ok); due.at("items", 0, "reason") == nil {
		v.t.Errorf("no door is due: %v, want some after 90 days", due.body)
	}

	v.refused("danger at the door", func() answer {
		return v.holder.post("/v1/visits", map[string]any{
			"householdId": doors[0]["id"], "result": "needs", "needs": []any{map[string]any{"what": "煤气味", "danger": "gas"}}, "clientRef": uuid.NewString(),
		})
	}, http.StatusConflict, "request.danger")
	told := map[string]any{
		"householdId": doors[0]["id"], "result": "needs", "note": "门口路灯不亮 女儿19900004322", "needs": []any{map[string]any{"what": "路灯不亮"}},
		"clientRef": uuid.NewString(), "happenedAt": "2026-05-11T00:40:00Z",
	}
	first := v.wants("visit", v.holder.post("/v1/visits", told), http.StatusCreated)
	v.visit = first.id("id")
	v.says("visit", first, "2026-05-11T00:40:00Z", "happenedAt")
	v.says("visit", first, "2026-05-11T01:00:00Z", "recordedAt")
	v.says("visit", first, 1, "requests", 0, "level")
	for range 2 { // from a queue that was sent again, with new keys
		again := v.wants("visit, again", v.holder.post("/v1/visits", told), http.StatusCreated)
		v.says("the same visit", again, float64(v.visit), "id")
		v.says("the same visit", again, first.at("requests", 0, "receipt"), "requests", 0, "receipt")
		if !again.replayed {
			v.t.Error("the visit told again is not marked as replayed")
		}
	}
	told["result"], told["needs"] = "all_well", nil
	delete(told, "needs")
	v.refused("another visit under its clientRef", func() answer { return v.holder.post("/v1/visits", told) }, http.StatusUnprocessableEntity, "common.key_reused")

	bulk := map[string]any{"result": "not_home", "visits": []any{
		map[string]any{"householdId": doors[1]["id"], "clientRef": uuid.NewString()},
		map[string]any{"householdId": doors[2]["id"], "clientRef": uuid.NewString()},
	}}
	many := v.wants("nobody home", v.holder.post("/v1/visits/bulk", bulk), http.StatusCreated)
	again := v.wants("nobody home, again", v.holder.post("/v1/visits/bulk", bulk), http.StatusCreated)
	if a, b := many.at("ids", 1), again.at("ids", 1); a == nil || a != b {
		v.t.Errorf("the batch is %v, then %v", a, b)
	}
	v.wants("declined", v.holder.post("/v1/visits", map[string]any{
		"householdId": doors[3]["id"], "result": "declined", "clientRef": uuid.NewString(),
	}), http.StatusCreated)
	v.says("a home that declined", v.wants("home", v.holder.get(path(3)), ok), "2026-08-09", "mutedUntil")
	if n := len(v.wants("visits", v.holder.get("/v1/visits?pageSize=100"), ok).items()); n < 4 {
		v.t.Errorf("%d visits are listed, want those four at least", n)
	}
	visit := v.wants("read the visit", v.holder.get(fmt.Sprintf("/v1/visits/%d", v.visit)), ok)
	v.says("the visit", visit, "门口路灯不亮 女儿199****4322", "note")
	v.says("in full", v.wants("in full", v.holder.post(fmt.Sprintf("/v1/visits/%d/unmask", v.visit), map[string]any{
		"fields": []string{"note"}, "purpose": "call_back", "reason": "给她女儿回个电话",
	}), ok), "门口路灯不亮 女儿19900004322", "note")
	v.says("the visit", visit, first.at("requests", 0, "id"), "requestIds", 0)
	if name, _ := visit.at("visitorName").(string); !strings.HasSuffix(name, "**") {
		v.t.Errorf("the visitor is shown as %q, want a mask: who holds an area is no secretary", name)
	}
	counts := v.wants("counts", v.secretary.get("/v1/visit-counts?month=2026-05"), ok)
	v.says("counts", counts, "2026-05", "month")
	v.says("counts", counts, "all_well", "results", 0, "result")

	at := fmt.Sprintf("/v1/contacts?placeId=%d&entrance=%s", v.place, url.QueryEscape(doors[0]["entrance"].(string)))
	contact := v.wants("contact", v.signIn("r.lin").get(at), ok)
	v.says("the contact", contact, float64(v.area), "areaId")
	v.says("the contact for a resident", contact, nil, "name")
	v.says("the contact for the secretary", v.wants("contact", v.secretary.get(at), ok), visit.at("visitorName"), "name")
	v.says("the contact", contact, "责任区党员", "levels", 0, "label")

	officer := v.holder.acting(v.holder.role("branch_officer", "杏坞村")) // AA3, F18
	v.missing("the home, as officer", func() answer { return officer.get(path(0)) })
	v.says("the home, as holder", v.wants("home", v.holder.get(path(0)), ok), visit.at("requestIds", 0), "openRequests", 0)
}

func (v *village) entrances() {
	v.t.Helper()
	var entrance household.EntranceID
	if err := v.app.Stores.DB.InTx(v.t.Context(), func(tx *db.Tx) (err error) {
		entrance, err = household.AddEntrance(v.t.Context(), tx, org.UnitID(v.place), household.Building{}, "9-99")
		return err
	}); err != nil {
		v.t.Fatal(err)
	}
	rest := v.wants("unassigned", v.secretary.get("/v1/entrances/unassigned"), http.StatusOK)
	v.says("unassigned", rest, "9-99", "items", 0, "label")
	deal := func(area int64) func() answer {
		return func() answer {
			return v.secretary.post(fmt.Sprintf("/v1/areas/%d/entrances", area), map[string]any{
				"entranceIds": []any{entrance}, "validFrom": "2026-05-11",
			})
		}
	}
	v.says("dealt", v.wants("deal", deal(v.area)(), http.StatusOK), 1, "dealt")
	v.refused("deal it to the neighbour too", deal(v.neighbor), http.StatusConflict, "org.entrance_assigned")
	if n := len(v.wants("unassigned", v.secretary.get("/v1/entrances/unassigned"), http.StatusOK).items()); n != 0 {
		v.t.Errorf("%d entrances are unassigned, want none", n)
	}
}

func (v *village) roster() {
	v.t.Helper()
	ok := http.StatusOK
	added := v.wants("enter", v.secretary.post("/v1/members", map[string]any{
		"name": "贺立秋", "phone": "19900008765", "unitId": v.branch, "status": "probationary_member",
	}), http.StatusCreated)
	path := fmt.Sprintf("/v1/members/%d", added.id("id"))
	entry := v.wants("entry", v.secretary.get(path), ok)
	v.says("the entry", entry, "贺**", "name")
	v.says("the entry", entry, "199****8765", "phone")
	v.says("the entry", entry, "probationary_member", "status")
	change := map[string]any{"version": 1, "status": "full_member", "fullMemberSince": "2026-05-10"}
	v.refused("correct it as holder", func() answer { return v.holder.put(path, change) }, http.StatusForbidden, "auth.forbidden")
	v.says("corrected", v.wants("correct", v.secretary.put(path, change), ok), 2, "version")
	v.refused("correct what has changed", func() answer { return v.secretary.put(path, change) }, http.StatusConflict, "common.conflict")
	found := v.wants("search", v.secretary.post("/v1/members/search", map[string]any{"phone": "8765"}), ok)
	v.says("found", found, float64(added.id("id")), "items", 0, "id")
	shown := v.wants("unmask", v.secretary.post(path+"/unmask", map[string]any{
		"fields": []string{"phone"}, "purpose": "duty", "reason": "通知明天的值守安排",
	}), ok)
	v.says("unmasked", shown, "19900008765", "phone")
	v.says("unmasked", shown, 60, "showForSeconds")
	if full, _ := v.wants("counts", v.secretary.get("/v1/members/counts"), ok).at("full").(string); len(full) != 2 {
		v.t.Errorf("%q full members in the village, want some tens", full)
	}
	own := 0.0
	for _, m := range v.wants("roster", v.secretary.get("/v1/members?pageSize=100"), ok).items() {
		if name, _ := m["name"].(string); !strings.HasSuffix(name, "**") && m["personId"] != nil && name != "冯霜降" {
			v.t.Errorf("the roster shows %q in full", name)
		}
		if m["personId"] == float64(v.me) {
			own = m["id"].(float64)
		}
	}
	v.wants("unmask the holder", v.secretary.post(fmt.Sprintf("/v1/members/%.0f/unmask", own), map[string]any{
		"fields": []string{"phone"}, "purpose": "call_back", "reason": "回电确认走访时间",
	}), ok)
	v.says("exempt", v.wants("be exempt", v.holder.post("/v1/me/exemption", map[string]any{"exempt": true}), ok), true, "exempt")
	v.says("exempt", v.wants("exempt", v.holder.get("/v1/me/exemption"), ok), true, "exempt")
	v.says("not exempt", v.wants("take it back", v.holder.post("/v1/me/exemption", map[string]any{"exempt": false}), ok), false, "exempt") // else tasks do not count them (E6)
	accesses := v.wants("who looked at me", v.holder.get("/v1/me/accesses"), ok)
	v.says("who looked", accesses, "branch_secretary", "items", 0, "role")
	v.says("who looked", accesses, "回电确认走访时间", "items", 0, "reason")
}

func (v *village) structure() {
	v.t.Helper()
	ok, created, done := http.StatusOK, http.StatusCreated, http.StatusNoContent
	subdistrict := v.office.called("grid", "subdistrict", "海棠街道")
	profile := v.wants("profile", v.office.get(fmt.Sprintf("/v1/units/%d", subdistrict)), ok)
	v.says("the subdistrict", profile, 80, "areaKm2")
	v.says("the subdistrict", profile, 66, "primaryOrganisations")
	v.says("the subdistrict", profile, "village", "counts", 0, "kind")
	v.says("the subdistrict", profile, 32, "counts", 0, "count")

	add := func(a *actor, kind, name string, parent int64) int64 {
		v.t.Helper()
		return v.wants("add "+name, a.post("/v1/units", map[string]any{"kind": kind, "name": name, "parentId": parent}), created).id("id")
	}
	area, house := add(v.secretary, "area", "四片区", v.place), add(v.secretary, "center_household", "四片区责任区党员", v.branch)
	of := func(id int64) string { return fmt.Sprintf("/v1/units/%d", id) }
	v.wants("link", v.secretary.post(of(house)+"/link", map[string]any{"gridUnitId": area}), done)
	vacant := v.wants("the new area", v.secretary.get(of(area)), ok)
	v.says("the new area", vacant, true, "gap")
	v.says("the new area", vacant, "冯霜降", "interim", 0, "name") // a secretary, in full (E4)
	v.says("the new area", vacant, "责任区党员", "label")
	v.wants("unlink", v.secretary.post(of(house)+"/unlink", nil), done)
	v.wants("end", v.secretary.post(of(area)+"/end", nil), done)
	used := v.refused("end an area in use", func() answer { return v.secretary.post(of(v.area)+"/end", nil) }, http.StatusConflict, "org.unit_in_use")
	var uses []string
	for i := range 5 {
		if what, ok := used.at("uses", i, "what").(string); ok {
			uses = append(uses, what)
		}
	}
	if !slices.Equal(uses, []string{"requests", "entrances"}) {
		v.t.Errorf("the area is used by %v, want requests and entrances", uses)
	}
	v.wants("labels", v.secretary.put(of(v.place)+"/labels", map[string]any{
		"version": v.wants("the village", v.secretary.get(of(v.place)), ok).at("version"),
		"labels":  []any{map[string]any{"level": 1, "label": "党员先锋户"}},
	}), done)
	v.says("the village's word", v.wants("an area", v.secretary.get(of(v.area)), ok), "党员先锋户", "label")
	v.says("yesterday's word", v.wants("an area", v.secretary.get(of(v.area)+"?asOf=2026-05-10"), ok), "责任区党员", "label")

	general := v.signIn("rh.cg")
	place := general.called("grid", "community", "瑞和社区")
	grids := v.wants("grids", general.get(fmt.Sprintf("/v1/units?tree=grid&kind=grid&parentId=%d", place)), ok)
	from, to := int64(grids.at("items", 0, "id").(float64)), int64(grids.at("items", 1, "id").(float64))
	block := add(general, "block", "机动片", from)
	v.wants("move", general.post(of(block)+"/move", map[string]any{"parentId": to}), ok)
	v.says("the moved block", v.wants("block", general.get(of(block)), ok), float64(to), "parentId")
	coverage := v.wants("coverage", general.get("/v1/coverage/grid"), ok)
	v.says("coverage", coverage, "瑞和社区", "items", 0, "place", "name")
	v.says("coverage", coverage, "网格党小组", "items", 0, "levels", 2, "label")

	admin := v.signIn("sa")
	sectors := v.wants("sectors", admin.get("/v1/sectors"), ok)
	v.says("sectors", sectors, "村居", "items", 0, "name")
	v.says("sectors", sectors, 32, "items", 0, "places")
	v.says("sectors", sectors, nil, "lacking", 0)
	var all []any
	for _, s := range sectors.items() {
		all = append(all, map[string]any{"code": s["code"], "name": s["name"]})
	}
	save := func(n int) func() answer {
		return func() answer {
			return admin.put("/v1/sectors", map[string]any{"version": sectors.at("version"), "sectors": all[:n]})
		}
	}
	v.refused("four sectors", save(4), http.StatusUnprocessableEntity, "org.sector_count")
	v.wants("five sectors", save(5)(), done)
}

func (v *village) roles() {
	v.t.Helper()
	ok := http.StatusOK
	staff := v.signInStaff("xl.s")
	house := v.secretary.called("party", "center_household", "四片区")
	person := v.wants("roster", v.secretary.post("/v1/members/search", map[string]any{"phone": "8765"}), ok).at("items", 0, "personId")
	grant := map[string]any{"personId": person, "role": "area_holder", "unitId": house}
	given := v.wants("grant", staff.post("/v1/role-assignments", grant), http.StatusCreated).id("assignmentId")
	listed := v.wants("roles", v.secretary.get(fmt.Sprintf("/v1/role-assignments?unitId=%d", house)), ok)
	v.says("the role", listed, float64(given), "items", 0, "id")
	v.says("the role", listed, "贺**", "items", 0, "name")
	v.wants("end the role", v.secretary.post(fmt.Sprintf("/v1/role-assignments/%d/end", given), map[string]any{"reason": "另有安排"}), http.StatusNoContent)

	committee := v.office.called("party", "subdistrict_committee", "海棠街道")
	branch := v.wants("a new branch", v.office.post("/v1/units", map[string]any{
		"kind": "branch", "name": "新河联合支部", "parentId": committee,
	}), http.StatusCreated).id("id")
	console := v.signInStaff("po.1")
	proposed := v.wants("propose", console.post("/v1/role-assignments", map[string]any{
		"personId": person, "role": "branch_secretary", "unitId": branch,
	}), http.StatusCreated)
	second := v.signIn("po.2")
	open := v.wants("proposals", second.get("/v1/role-proposals"), ok)
	v.says("the proposal", open, float64(proposed.id("proposalId")), "items", 0, "id")
	v.says("the proposal", open, "branch_secretary", "items", 0, "role")
	v.wants("refuse", second.post(fmt.Sprintf("/v1/role-proposals/%d/refuse", proposed.id("proposalId")), map[string]any{"reason": "任职年限不足"}), http.StatusNoContent)
}

func (v *village) tasks() {
	v.t.Helper()
	ok, created := http.StatusOK, http.StatusCreated
	forecast := v.wants("forecast", v.office.post("/v1/tasks/forecast", map[string]any{
		"minutes": 12, "target": map[string]any{"belowUnitId": v.office.called("grid", "subdistrict", "海棠街道"), "kinds": []string{"village", "enterprise", "community", "industrial_park", "business_district", "office"}},
	}), ok)
	v.says("66 organisations", forecast, 792, "total")
	v.says("66 organisations", forecast, 2970, "budget")
	seat := v.holder.role("area_holder", "二片区")
	ask := func(more map[string]any) answer {
		v.t.Helper()
		body := map[string]any{
			"title": "走访二片区", "minutes": 30, "dueAt": "2026-05-12T09:30:00Z", "evidence": "optional",
			"checklist": []string{"2-30", "2-31"}, "target": map[string]any{"assignmentId": seat},
		}
		maps.Copy(body, more)
		return v.wants("ask", v.secretary.post("/v1/tasks", body), created)
	}
	asked := ask(map[string]any{"repeats": map[string]any{"every": "weekly", "until": "2026-06-30"}})
	v.says("asked", asked, "open", "state")
	v.says("asked", asked, 30, "burden", "total")
	v.says("asked of the own people", asked, nil, "burden", "budget")
	task, copyID := fmt.Sprintf("/v1/tasks/%d", asked.id("id")), int64(asked.at("copyIds", 0).(float64))
	of := func(id int64) string { return fmt.Sprintf("/v1/task-copies/%d", id) }
	v.says("mine", v.wants("mine", v.holder.get("/v1/tasks"), ok), float64(copyID), "items", 0, "copyId")
	v.says("asked for", v.wants("asked", v.secretary.get("/v1/tasks?which=asked"), ok), float64(asked.id("id")), "items", 0, "id")
	v.says("accepted", v.wants("accept", v.holder.post(of(copyID)+"/accept", nil), ok), "accepted", "state")
	v.says("reported", v.wants("report", v.holder.post(of(copyID)+"/report", map[string]any{"text": "1户", "ticks": []int{0}}), ok), "reported", "state")
	v.says("returned", v.wants("return", v.secretary.post(of(copyID)+"/return", map[string]any{"reason": "还有一户"}), ok), "还有一户", "reason")
	v.wants("report again", v.holder.post(of(copyID)+"/report", map[string]any{"text": "2户", "ticks": []int{0, 1}, "evidence": "已登记"}), ok)
	one := v.wants("the copy", v.secretary.get(of(copyID)), ok)
	v.says("the change", one, "text", "changes", 0, "field")
	v.says("the change", one, "1户", "changes", 0, "before")
	v.says("the change", one, "2户", "changes", 0, "after")
	v.says("the change", one, "2-30、2-31", "changes", 1, "after")
	v.says("its history", one, "returned", "steps", 2, "state")
	v.says("done", v.wants("accept the result", v.secretary.post(of(copyID)+"/accept-result", nil), ok), "done", "state")
	detail := v.wants("the task", v.secretary.get(task), ok)
	v.says("progress", detail, 1, "progress", "reported")
	v.says("it comes again", detail, "weekly", "repeats", "every")
	v.says("copies", v.wants("copies", v.secretary.get(task+"/copies"), ok), "done", "items", 0, "state")
	v.says("called off", v.wants("cancel", v.secretary.post(task+"/cancel", map[string]any{"reason": "改为按月"}), ok), 0, "cancelled")

	declined := int64(ask(nil).at("copyIds", 0).(float64))
	v.says("declined", v.wants("decline", v.holder.post(of(declined)+"/decline", map[string]any{"reason": "正在住院陪护"}), ok), "declined", "state")
	var reports []any
	for range 3 {
		id := int64(ask(nil).at("copyIds", 0).(float64))
		v.wants("accept", v.holder.post(of(id)+"/accept", nil), ok)
		reports = append(reports, map[string]any{"copyId": id, "text": "已走访"})
	}
	bulk := v.wants("report on three", v.holder.post("/v1/task-copies/report", map[string]any{"reports": reports}), ok)
	v.says("reported", bulk, float64(reports[2].(map[string]any)["copyId"].(int64)), "copyIds", 2)
}

func (v *village) campaigns() {
	v.t.Helper()
	ok, done := http.StatusOK, http.StatusNoContent
	id := v.wants("plan", v.secretary.post("/v1/campaigns", map[string]any{
		"title": "夏季走访", "stages": []any{map[string]any{"name": "动员", "fromDay": "2026-05-11", "toDay": "2026-05-31"}},
	}), http.StatusCreated).id("id")
	path := fmt.Sprintf("/v1/campaigns/%d", id)
	v.wants("start", v.secretary.post(path+"/start", nil), done)
	v.wants("a task of it", v.secretary.post("/v1/tasks", map[string]any{
		"title": "每片走访", "minutes": 30, "campaignId": id, "target": map[string]any{"belowUnitId": v.place, "kinds": []string{"area"}},
	}), http.StatusCreated)
	seen := v.wants("the campaign", v.secretary.get(path), ok)
	v.says("the campaign", seen, "running", "state")
	v.says("the campaign", seen, "动员", "stages", 0, "name")
	v.says("the campaign", seen, 3, "copies")
	v.says("who lacks a report", seen, "每片走访", "lacking", 2, "title")
	v.wants("close", v.secretary.post(path+"/close", nil), done)
	v.says("campaigns", v.wants("list", v.secretary.get("/v1/campaigns"), ok), "closed", "items", 0, "state")
}

// consents calls each operation of consents once, in 瑞和社区.
func (v *village) consents() {
	v.t.Helper()
	ok, done := http.StatusOK, http.StatusNoContent
	lead, holder, witness := v.signIn("rh.cg"), v.signIn("rh.m03"), v.signIn("rh.bg01")
	v.wants("give", holder.post("/v1/me/consents/board/give", map[string]any{"version": 1}), done)
	v.says("given", v.wants("own consents", holder.get("/v1/me/consents"), ok), true, "items", 0, "holds")
	v.wants("withdraw", holder.post("/v1/me/consents/board/withdraw", nil), done)
	v.wants("refuse", holder.post("/v1/me/consents/plaque/refuse", map[string]any{"version": 1}), done)
	id := func(a *actor) int64 { return v.wants("me", a.get("/v1/me"), ok).id("personId") }
	v.wants("write down", lead.post("/v1/consents", map[string]any{
		"personId": id(holder), "purpose": "media", "version": 1, "answer": "given", "witnessId": id(witness),
	}), done)
	v.says("assisted", v.wants("own consents", holder.get("/v1/me/consents"), ok), true, "items", 1, "assisted")
	if items := v.wants("inbox", holder.get("/v1/inbox"), ok).items(); len(items) == 0 || items[len(items)-1]["kind"] != "consent.given" {
		v.t.Errorf("the inbox holds %v, want the message about the consent last", items)
	}
}

// glass calls each operation of break-glass once: in 瑞和社区, judged by an officer of 杏坞村.
func (v *village) glass() {
	v.t.Helper()
	ok := http.StatusOK
	v.set("2026-05-11 09:20") // a code of a second factor is good once
	post := v.wants("appoint", v.signInStaff("xl.s").post("/v1/role-assignments", map[string]any{
		"personId": v.me, "role": "branch_officer", "post": "discipline", "unitId": v.branch, "document": "杏坞支部〔2026〕3号",
	}), http.StatusCreated)
	lead, holder := v.signIn("rh.gb1"), v.signIn("rh.m03")
	home := fmt.Sprintf("/v1/households/%.0f", v.wants("homes", holder.get("/v1/households"), ok).items()[0]["id"])
	opened := v.wants("open", lead.post("/v1/break-glass", map[string]any{
		"object": "household_flags", "objectId": v.wants("home", holder.get(home), ok).at("id"), "reason": "独居老人敲门两小时无人应答",
	}), http.StatusCreated)
	v.says("open", opened, "2026-05-11T03:20:00Z", "endsAt")
	page := v.wants("the household's page", holder.get(home), ok)
	v.says("the page", page, "grid_secretary", "breakGlass", 0, "role")
	v.says("the page", page, "独居老人敲门两小时无人应答", "breakGlass", 0, "reason")
	v.set("2026-05-12 08:30")
	v.restart() // its clocks look at once
	officer := v.signIn("xl.m2").acting(post.id("assignmentId"))
	soon(v.t, "a review", func() bool {
		return len(v.wants("reviews", officer.get("/v1/break-glass/reviews"), ok).items()) > 0
	})
	v.wants("judge", officer.post(fmt.Sprintf("/v1/break-glass/%d/review", opened.id("id")), map[string]any{"needed": true}), http.StatusNoContent)
	v.says("the verdict", v.wants("the page", v.signIn("rh.m03").get(home), ok), "needed", "breakGlass", 0, "verdict")
}

func (v *village) policy() {
	v.t.Helper()
	ok := http.StatusOK
	guard := v.wants("guard", v.holder.get("/v1/policy/guard"), ok)
	if text, _ := guard.at("items", 0, "ruleText").(string); text == "" {
		v.t.Errorf("the guard says %v, want its rules in words", guard.body)
	}
	v.set("2026-05-11 09:10") // a code of a second factor is good once
	office, security, admin := v.signInStaff("po.1"), v.signInStaff("se.1"), v.signInStaff("sa")
	id := v.wants("enter a basis", office.post("/v1/legal-bases", map[string]any{
		"purpose": "geofence", "instrument": "海棠街道值守管理办法", "clause": "第三条", "issuer": "海棠街道办事处",
		"issuedOn": "2026-01-10", "validUntil": "2026-12-31",
	}), http.StatusCreated).id("id")
	v.wants("approve it", security.post(fmt.Sprintf("/v1/legal-bases/%d/approve", id), nil), http.StatusNoContent)
	bases := v.wants("bases", office.get("/v1/legal-bases"), ok)
	v.says("the basis", bases, float64(id), "items", 0, "id")
	v.says("the basis", bases, "approved", "items", 0, "state")
	set := map[string]any{"unitId": v.place, "enabled": true, "legalBasisId": id, "reason": "山区值守需要"}
	v.wants("set", admin.put("/v1/policy/settings/checkin.geofence", set), http.StatusNoContent)
	v.says("refused", v.wants("what the product refuses", admin.put("/v1/policy/settings/ranking.people", set), http.StatusUnprocessableEntity), "policy.refused", "code")
}

func (v *village) ledger() {
	v.t.Helper()
	keeper := v.signIn("au")
	found := v.wants("search", keeper.get(fmt.Sprintf("/v1/audit/entries?object=visit&objectId=%d", v.visit)), http.StatusOK)
	for i, action := range []string{"visit.unmasked", "visit.read"} {
		v.says("who saw the visit", found, action, "items", i, "action")
		v.says("who saw the visit", found, "note", "items", i, "fields", 0)
	}
	v.says("who recorded it", found, "visit.recorded", "items", 2, "action")
	v.says("by whom", found, float64(v.me), "items", 2, "personId")
	v.says("in which role", found, float64(v.holder.role("area_holder", "二片区")), "items", 2, "assignmentId")
	verdict := v.wants("verify", keeper.post("/v1/audit/verification", map[string]any{"newest": 1000}), http.StatusOK)
	v.says("the chain", verdict, true, "good")
}

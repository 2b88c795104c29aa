package matrix

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
)

// once is the first engine only: what ends at the edge never comes to a database.
func once(t *testing.T, f func(w *world)) {
	t.Helper()
	f(newWorld(t, ""))
}

// succeeds is a cell of an operation that succeeds, with somebody who has a role if there is one.
func (w *world) succeeds(op *operation, p *plan) *cell {
	w.Helper()
	who := w.askers()
	slices.SortStableFunc(who, func(a, b *actor) int { // residents see all of the grid by name
		if (a.home == nil) == (b.home == nil) {
			return 0
		} else if a.home == nil {
			return 1
		}
		return -1
	})
	if p.also != nil {
		who = append(p.also(w), who...)
	}
	for _, by := range who {
		for _, c := range p.cells(w, op, by) {
			if p.want(c) == nil && (p.list == "" || p.make == nil || p.seen(c)) {
				return c
			}
		}
	}
	w.Fatalf("%s: nobody succeeds", op.id)
	return nil
}

// smuggled are what somebody who wants more rights puts into a body (A3.2).
var smuggled = []string{"role", "roles", "unitId", "status", "verified", "createdBy", "id", "deletedAt", "level", "consent"}

// casings are three ways to write a name.
func casings(name string) []string {
	return []string{name, strings.ToUpper(name[:1]) + name[1:], strings.ToUpper(name)}
}

// wait lets so much time go by that op may be asked for once more. What is merely costly is counted in the process if
// there is one only, and unlimited does not reach there.
func (w *world) wait(op *operation) {
	w.Helper()
	names, _ := op.spec.Extensions["x-limits"].([]any)
	var one time.Duration
	for _, l := range limit.All {
		if l.Away == limit.Local && slices.Contains(names, any(l.Name)) {
			one = max(one, l.Window/time.Duration(l.Size))
		}
	}
	if one > 0 {
		w.move(one)
	}
}

func TestA3_2NothingIsSmuggledIntoAWrite(t *testing.T) {
	t.Parallel()
	once(t, func(w *world) {
		tried := 0
		for _, op := range theContract(t).operations {
			p := plans[op.id]
			if op.method == http.MethodGet || p == nil || op.spec.Extensions["x-stream"] == true {
				continue
			}
			w.within(op.id, func() { tried += w.smuggle(op, p) })
		}
		if tried < 1000 {
			t.Errorf("%d tries, want all writes in all spellings", tried)
		}
	})
}

// smuggle sends what is not theirs to say along with a valid request of op, under each name in all spellings.
func (w *world) smuggle(op *operation, p *plan) (tried int) {
	w.Helper()
	w.move(time.Minute)
	c := w.succeeds(op, p)
	c.fresh = true
	if p.prep != nil {
		p.prep(c)
	}
	if op.stepUp {
		c.by.token = ""
	}
	r := p.request(c)
	token := c.by.bearer
	if op.public {
		token = nil
	} else {
		token()
	}
	mark := w.mark()
	for _, name := range smuggled {
		for _, spelt := range casings(name) {
			if op.properties()[spelt] != nil {
				continue // it is theirs to say
			}
			tried++
			body, _ := clone(r.body).(map[string]any)
			if body == nil {
				body = map[string]any{}
			}
			body[spelt] = "1"
			forged := r
			forged.body = body
			c.by.unlimited()
			w.wait(op)
			got := w.send(forged, token)
			if got.status != http.StatusBadRequest || got.code != problem.ErrMalformed.Code {
				w.Errorf("%s with %q: %v, want 400 %s", op.id, spelt, got, problem.ErrMalformed.Code)
			}
		}
	}
	if d := w.changes(mark).without("session", "refresh_token", "audit", "audit_head", "audit_lane", "inbox", "inbox_head", "outbox"); len(d) > 0 {
		w.Errorf("%s: was refused, and wrote %v", op.id, d)
	}
	return tried
}

func TestA5_2MethodsThatAreNotListedAreRefusedAndOverridesIgnored(t *testing.T) {
	t.Parallel()
	once(t, func(w *world) {
		listed := map[string][]string{}
		for _, op := range theContract(t).operations {
			listed[op.path] = append(listed[op.path], op.method)
		}
		methods := []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodTrace,
			http.MethodOptions, "PROPFIND", // CONNECT names no path
		}
		by := w.as(org.RoleMember, w.unit(org.Branch, "张家屯"))
		for _, path := range slices.Sorted(maps.Keys(listed)) {
			w.within(path, func() {
				at := path
				for strings.Contains(at, "{") {
					from, to := strings.Index(at, "{"), strings.Index(at, "}")
					at = at[:from] + "1" + at[to+1:]
				}
				mark := w.mark()
				for _, method := range methods {
					if slices.Contains(listed[path], method) {
						continue
					}
					// Another path with a word in the same place may take the method: /v1/things/search and /v1/things/{id}.
					if other := w.route(method, at); other != "" && other != path {
						continue
					}
					for _, override := range []string{"", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
						r := call{method: method, path: at, query: url.Values{}, header: http.Header{}}
						if override != "" {
							r.header.Set(override, listed[path][0])
						}
						if got := w.bare(r, by); got != http.StatusMethodNotAllowed {
							w.Errorf("%s %s with %q: %d, want 405", method, at, override, got)
						}
					}
				}
				if d := w.changes(mark).without("session", "refresh_token", "audit", "audit_head", "audit_lane"); len(d) > 0 {
					w.Errorf("%s: was refused, and wrote %v", path, d)
				}
			})
		}
	})
}

// route is the path of the contract that takes a method at an address.
func (w *world) route(method, at string) string {
	for _, op := range theContract(w.T).operations {
		words, parts := strings.Split(op.path, "/"), strings.Split(at, "/")
		fits := op.method == method && len(words) == len(parts)
		for i := 0; fits && i < len(words); i++ {
			fits = words[i] == parts[i] || strings.HasPrefix(words[i], "{")
		}
		if fits {
			return op.path
		}
	}
	return ""
}

// many finds in a body the lists that name things: of ids, or of objects with an id.
func many(s *openapi3.Schema) (names []string) {
	for name, p := range s.Properties {
		if !p.Value.Type.Is(openapi3.TypeArray) {
			continue
		}
		item := p.Value.Items.Value
		named := item.Type.Is(openapi3.TypeInteger) && strings.HasSuffix(name, "Ids")
		for inner := range item.Properties {
			named = named || strings.HasSuffix(inner, "Id")
		}
		if named {
			names = append(names, name)
		}
	}
	return names
}

// batches are for each operation that takes many things at once: one that is somebody else's, and where it stands.
var batches = map[string]func(c *cell, body map[string]any){
	"assignEntrances": func(c *cell, b map[string]any) {
		b["entranceIds"] = append(b["entranceIds"].([]household.EntranceID), c.anEntrance(c.unit(org.Community, "柳岸社区")))
	},
	"addRequestPhotos": func(c *cell, b map[string]any) {
		id, _ := c.as(org.RoleGeneralSecretary, c.unit(org.GeneralBranch, "柳岸社区")).sends(c.world)
		b["uploadIds"] = append(b["uploadIds"].([]any), id)
	},
	"mergeRequests": func(c *cell, b map[string]any) {
		b["requestIds"] = append(b["requestIds"].([]int64), c.recorded(c.area(c.unit(org.Community, "柳岸社区"))))
	},
	"draftSplit": func(c *cell, b map[string]any) {
		b["moves"] = append(b["moves"].([]any), map[string]any{"entranceId": c.anEntrance(c.unit(org.Community, "柳岸社区")), "toAreaId": c.at.ID})
	},
	"startEmergency": func(c *cell, b map[string]any) {
		b["hours"] = []any{map[string]any{"unitId": c.unit(org.Community, "柳岸社区").ID, "text": "每天 7:00–22:00"}}
	},
	"recordVisits": func(c *cell, b map[string]any) {
		foreign := clone(map[string]any{"householdId": c.area(c.unit(org.Community, "柳岸社区")).doors[0], "clientRef": "0f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e"})
		b["visits"] = append(b["visits"].([]map[string]any), foreign.(map[string]any))
	},
	"reportTasks": func(c *cell, b map[string]any) {
		there := &cell{world: c.world, op: c.op, by: c.by, at: c.unit(org.GeneralBranch, "柳岸社区"), position: elsewhere}
		b["reports"] = append(b["reports"].([]map[string]any), map[string]any{"copyId": anAcceptedCopy(there), "text": "三户都好"})
	},
}

// area is the first area of a place.
func (w *world) area(of *unit) *unit {
	w.Helper()
	for _, a := range w.units {
		if a.Kind == org.Area && a.below(of) {
			return a
		}
	}
	w.Fatalf("%s has no area", of.Name)
	return nil
}

func TestA1_2OneForeignThingInABatchAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	on(t, func(w *world) {
		for _, op := range theContract(w.T).operations {
			body := op.spec.RequestBody
			if op.read || body == nil || body.Value.Content.Get("application/json") == nil {
				continue
			}
			lists := many(body.Value.Content.Get("application/json").Schema.Value)
			if len(lists) == 0 {
				continue
			}
			foreign := batches[op.id]
			if foreign == nil {
				w.Errorf("%s takes %v: say in batches what of it could be somebody else's", op.id, lists)
				continue
			}
			p := plans[op.id]
			c := w.succeeds(op, p)
			c.fresh = true
			r := p.request(c)
			foreign(c, r.body.(map[string]any))
			c.by.bearer()
			mark := w.mark()
			got := c.by.send(r)
			if got.status != http.StatusNotFound {
				w.Errorf("%v, with one of another subdistrict: %v, want 404", c, got)
			}
			if d := w.changes(mark).without(written...); len(d) > 0 {
				w.Errorf("%v, with one of another subdistrict: wrote %v", c, d)
			}
		}
	})
}

// A query that names something of somebody else's finds nothing of it.
func TestA1_2AQueryThatNamesSomebodyElsesThingFindsNothing(t *testing.T) {
	t.Parallel()
	on(t, func(w *world) {
		tried := 0
		for _, op := range theContract(w.T).operations {
			for _, param := range op.params {
				name := param.Value.Name
				if param.Value.In != openapi3.ParameterInQuery || !strings.HasSuffix(name, "Id") || op.object == "audit" || op.reach == "public" {
					continue
				}
				tried++
				p := plans[op.id]
				c := w.succeeds(op, p)
				r := p.request(c)
				there := w.unit(org.Community, "柳岸社区")
				foreign := map[string]any{
					"unitId": there.answers.ID, "areaId": w.area(there).ID, "parentId": there.ID, "placeId": there.ID,
					"personId": w.as(org.RoleGeneralSecretary, there.answers).person, "buildingId": aBuilding(&cell{world: w, at: there}),
				}[name]
				if foreign == nil {
					w.Errorf("%s takes %s: say what of it could be somebody else's", op.id, name)
					continue
				}
				r.query.Set(name, fmt.Sprint(foreign))
				if got := c.by.send(r); got.status != http.StatusNotFound && (got.status != http.StatusOK || len(got.items()) > 0) {
					w.Errorf("%v with %s of another subdistrict: %v with %d items, want 404 or none", c, name, got, len(got.items()))
				}
			}
		}
		if tried == 0 {
			w.Error("no query of the contract names anything")
		}
	})
}

func TestA1_3AUnitThatMovesTakesItsRightsAlongWithinASession(t *testing.T) {
	t.Parallel()
	on(t, func(w *world) {
		group := w.unit(org.PartyGroup, "瑞和社区第1楼栋片")
		from, to := w.unit(org.Branch, "瑞和社区第1网格"), w.unit(org.Branch, "瑞和社区第2网格")
		old, next := w.as(org.RoleGridSecretary, from), w.as(org.RoleGridSecretary, to)
		id := aMember(&cell{world: w, at: group})
		read := call{method: http.MethodGet, path: fmt.Sprintf("/v1/members/%d", id)}
		status := func(a *actor) int { return a.send(read).status }
		if a, b := status(old), status(next); a != http.StatusOK || b != http.StatusNotFound {
			w.Fatalf("before: %d for the old secretary and %d for the new one, want 200 and 404", a, b)
		}
		token := old.token
		w.as(org.RoleGeneralSecretary, w.unit(org.GeneralBranch, "瑞和社区")).
			post(fmt.Sprintf("/v1/units/%d/move", group.ID), map[string]any{"parentId": to.ID})
		if a, b := status(old), status(next); a != http.StatusNotFound || b != http.StatusOK {
			w.Errorf("after: %d for the old secretary and %d for the new one, want 404 and 200", a, b)
		}
		if old.token != token {
			w.Error("the old secretary has signed in again meanwhile")
		}
	})
}

func TestA1_6ListsAndCountsSayWhatTheOracleCounts(t *testing.T) {
	t.Parallel()
	on(t, func(w *world) {
		members, tasks := map[*unit]int{}, map[*unit]int{}
		for _, u := range w.units {
			if branches(u) && u.subdistrict() != nil && len(members) < 24 {
				c := &cell{world: w, at: u}
				for range 1 + len(members)%3 {
					aMember(c)
					members[u]++
				}
			}
		}
		for _, by := range w.askers() {
			if oneOf(by.role, assigners...) {
				tasks[by.home]++
				w.task(by)
			}
		}
		for _, by := range w.askers() {
			sum := func(all map[*unit]int) (n int) {
				for u, k := range all {
					if by.sees(u) {
						n += k
					}
				}
				return n
			}
			homes := 0
			for _, u := range w.units {
				if by.sees(u) && by.role != org.RoleGridSecretary { // who has them only while nobody else looks after them
					homes += len(u.doors)
				}
			}
			w.counts(by, "listMembers", "/v1/members", sum(members))
			w.counts(by, "listHouseholds", "/v1/households", homes)
			if oneOf(by.role, overseers...) {
				w.counts(by, "listTasks", "/v1/tasks?which=below", sum(tasks))
			}
			if op := w.operation("countMembers"); op.may(by.role) {
				got := by.must(http.MethodGet, "/v1/members/counts", nil)
				want := fmt.Sprint(sum(members))
				if n := sum(members); n > 0 && n < 5 {
					want = "<5"
				}
				if said := fmt.Sprint(got.body["full"]); said != want {
					w.Errorf("%v: countMembers says %s, want %s", by, said, want)
				}
			}
		}
	})
}

func (w *world) operation(id string) *operation {
	all := theContract(w.T).operations
	return all[slices.IndexFunc(all, func(o *operation) bool { return o.id == id })]
}

// task asks the lead of by's own unit for something.
func (w *world) task(by *actor) {
	c := &cell{world: w, by: by, at: by.home, position: own}
	c.asked()
}

// counts walks a list to its end and compares.
func (w *world) counts(by *actor, id, path string, want int) {
	w.Helper()
	if !w.operation(id).may(by.role) {
		return
	}
	path, query, _ := strings.Cut(path, "?")
	r := call{method: http.MethodGet, path: path, query: url.Values{"pageSize": {"7"}}}
	if name, value, there := strings.Cut(query, "="); there {
		r.query.Set(name, value)
	}
	seen := map[string]bool{}
	for range 100 {
		got := by.send(r)
		if got.status != http.StatusOK {
			w.Errorf("%v: %s: %v", by, id, got)
			return
		}
		for _, item := range got.items() {
			seen[fmt.Sprint(item["id"])] = true
		}
		next, _ := got.body["nextCursor"].(string)
		if next == "" {
			break
		}
		r.query.Set("cursor", next)
	}
	if len(seen) != want {
		w.Errorf("%v: %s has %d, want %d", by, id, len(seen), want)
	}
}

package matrix

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"wanjia/internal/checkin"
	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

func init() {
	maps.Copy(plans, map[string]*plan{
		"proposeCard": {mine: true, rule: func(c *cell) *refusal {
			if c.by.home.subdistrict() == nil { // a district has no place of its own
				return refused(http.StatusUnprocessableEntity, request.ErrCardReach.Code)
			}
			return nil
		}},
		"listCards": {
			fits: place, make: anApprovedCard, sees: inSubdistrict, list: "id",
			fill: func(_ *cell, r *call) { r.query.Set("which", "kept") },
		},
		"getCard": {fits: place, make: anApprovedCard, sees: func(c *cell) bool { return c.by.home == nil || inSubdistrict(c) }},
		"approveCard": {fits: place, make: aDraftCard, sees: func(c *cell) bool {
			return inSubdistrict(c) && (decidesCards(c.by) || c.by == c.lead(c.at))
		}, rule: decidesCard},
		"retireCard": {fits: place, make: anApprovedCard, sees: inSubdistrict, rule: decidesCard, fill: set("version", 2)},
		"attachCard": func() *plan {
			p := acting(aHeldRequest)
			p.fill = fill(func(c *cell, b map[string]any) { b["cardId"] = c.widelyOffered() })
			return p
		}(),
		"listRequestCards": {self: true, has: holdsRequests, fits: areas, make: aHeldRequest, sees: findsRequest},
	})
}

// inSubdistrict says that somebody works where the thing lies, or above.
func inSubdistrict(c *cell) bool { return c.by.home != nil && c.position != elsewhere }

// decidesCards says that somebody approves cards of some place.
func decidesCards(a *actor) bool {
	return oneOf(a.role, org.RoleGeneralSecretary, org.RoleSectionHead) || a.role == org.RolePartyOffice && a.home.subdistrict() != nil
}

func decidesCard(c *cell) *refusal {
	if !decidesCards(c.by) || c.by.role == org.RoleGeneralSecretary && c.by.home.grid() != c.at {
		return forbidden
	}
	return nil
}

// aDraftCard is a card that the lead of a place has proposed for it.
func aDraftCard(c *cell) int64 { return c.draftCard(c.lead(c.at), "place") }

func (w *world) draftCard(by *actor, reach string) int64 {
	return by.post("/v1/cards", map[string]any{
		"kind": "solution", "category": "general", "title": "楼道灯报修", "howTo": "拨打物业报修电话", "reach": reach,
		"validFrom": w.today(), "validTo": "2099-12-31", "reviewOn": "2099-06-30",
	}).id("id")
}

// anApprovedCard is a card that the office has approved for a place.
func anApprovedCard(c *cell) int64 {
	id := aDraftCard(c)
	c.office(c.at).post(fmt.Sprintf("/v1/cards/%d/approve", id), map[string]any{"version": 1})
	return id
}

// widelyOffered is a card that is offered in the whole subdistrict of whoever asks, or of the thing.
func (c *cell) widelyOffered() int64 {
	at := c.at
	if at == nil || c.position == self {
		at = c.by.home
	}
	office := c.office(at)
	id := c.draftCard(office, "subdistrict")
	office.post(fmt.Sprintf("/v1/cards/%d/approve", id), map[string]any{"version": 1})
	return id
}

func init() {
	maps.Copy(plans, map[string]*plan{
		"listRequestCategories": {},
		"setDangerQuestion": {fill: func(c *cell, r *call) {
			r.path = strings.Replace(r.path, "{category}", "general", 1)
			var version []int64
			if err := c.db().Select(c.Context(), &version, `SELECT version FROM danger_question WHERE category = 'general'`); err != nil {
				c.Fatal(err)
			}
			if len(version) > 0 {
				r.body.(map[string]any)["version"] = version[0]
			}
		}},
		"addCounterStep": func() *plan {
			p := acting(aHeldRequest).of(withOthers)
			p.fill = fill(func(c *cell, b map[string]any) {
				at := c.at
				if at == nil || c.position == self {
					at = c.by.home
				}
				b["placeId"] = c.aCounter(at)
			})
			return p
		}(),
		"listCounterSteps": {fits: areas, make: aCounterStep, list: "id", sees: clerkHere},
		"finishCounterStep": {mine: true, fits: areas, make: aCounterStep, sees: func(c *cell) bool {
			return clerkHere(c) || c.by.role == org.RoleAreaHolder && c.by.home.grid() == c.at
		}, fill: fill(func(c *cell, b map[string]any) {
			var id request.ID
			if err := c.db().Get(c.Context(), &id, `SELECT request_id FROM counter_step WHERE id = ?`, c.thing); err != nil {
				c.Fatal(err)
			}
			needs := request.NewService(c.db(), c.app.Stores.Keys, c.app.Stores.Pages, &calendar.Calendar{}, nil)
			c.in("read the code that its asker has", func(tx *db.Tx) error {
				rows, err := needs.Opened(c.Context(), tx, id)
				if err == nil {
					b["receiptCode"] = rows[0].Receipt.String()
				}
				return err
			})
		})},
	})
}

// clerkHere says that somebody serves at the counters of the place where the thing lies.
func clerkHere(c *cell) bool { return c.by.role == org.RoleCounterClerk && c.by.sees(c.at) }

// placeAbove is the level-4 place that u lies in or is; else some place below it.
func (w *world) placeAbove(u *unit) *unit {
	g := u.grid()
	for at := g; at != nil; at = at.parent {
		if place(at) {
			return at
		}
	}
	i := slices.IndexFunc(w.units, func(p *unit) bool { return place(p) && p.subdistrict() == g.subdistrict() })
	return w.units[i]
}

// aCounter is a counter in the place of u.
func (w *world) aCounter(u *unit) (id int64) {
	at := w.placeAbove(u)
	w.in("open a counter", func(tx *db.Tx) error {
		p, err := checkin.OpenPlace(w.Context(), tx, at.Unit, checkin.Place{Kind: "counter", Name: fmt.Sprintf("%d号窗口", w.next())})
		id = int64(p.ID)
		return err
	})
	return id
}

// aCounterStep is what the asker of a request of an area waits for at a counter of its place.
func aCounterStep(c *cell) (id int64) {
	r := aRequest(c)
	c.lead(c.at).post(fmt.Sprintf("/v1/requests/%d/counter-steps", r), map[string]any{"placeId": c.aCounter(c.at)})
	if err := c.db().Get(c.Context(), &id, `SELECT id FROM counter_step WHERE request_id = ?`, r); err != nil {
		c.Fatal(err)
	}
	return id
}

func init() {
	maps.Copy(plans, map[string]*plan{
		"mergeRequests": {
			self: true, mine: true, has: withOthers, fits: areas, make: aHeldRequest, sees: findsRequest, rule: mergesHere,
			fill: fill(func(c *cell, b map[string]any) { b["requestIds"] = []int64{aHeldRequest(c)} }),
		},
		"unmergeRequest": {self: true, mine: true, has: withOthers, fits: areas, make: aMergedRequest, sees: findsRequest, rule: mergesHere},
	})
}

// mergesHere says that whoever holds both merges requests, or the lead of their place.
func mergesHere(c *cell) *refusal {
	lead := oneOf(c.by.role, org.RoleGeneralSecretary, org.RoleBranchSecretary) && c.by.home.grid() == c.placeAbove(c.at)
	if lead || holdsIt(c) == nil {
		return nil
	}
	return forbidden
}

// aMergedRequest is a request that its holder has merged into another one.
func aMergedRequest(c *cell) int64 {
	id, by := aHeldRequest(c), c.by
	if c.position != self {
		by = c.lead(c.at)
	}
	by.post(fmt.Sprintf("/v1/requests/%d/merge", aHeldRequest(c)), map[string]any{"requestIds": []int64{id}})
	return id
}

func init() {
	maps.Copy(plans, map[string]*plan{
		"listSimilarRequests": {fill: func(c *cell, r *call) {
			area := c.someArea()
			r.query.Set("placeId", fmt.Sprint(c.placeAbove(area).ID))
			r.query.Set("entrance", fmt.Sprintf("%d号", area.ID))
			r.query.Set("category", "general")
		}},
		"joinPublicRequest": {fill: fill(func(c *cell, b map[string]any) { c.joinable(c.someArea(), b) })},
		"joinMyRequest":     {fill: fill(func(c *cell, b map[string]any) { c.joinable(c.someArea(), b) })},
		"joinRequest":       {mine: true, fits: areas, fill: fill(func(c *cell, b map[string]any) { c.joinable(c.at, b) })},
	})
}

func (w *world) someArea() *unit {
	return w.units[slices.IndexFunc(w.units, func(u *unit) bool { return u.Kind == org.Area })]
}

// joinable makes b join what somebody has just told of at the entrance of an area.
func (c *cell) joinable(area *unit, b map[string]any) {
	at, label := c.placeAbove(area), fmt.Sprintf("%d号", area.ID)
	needs := request.NewService(c.db(), c.app.Stores.Keys, c.app.Stores.Pages, &calendar.Calendar{}, nil)
	c.lead(area)
	c.in("record a request", func(tx *db.Tx) error {
		e, err := household.FindEntrance(c.Context(), tx, at.ID, "", label)
		if err != nil {
			return err
		}
		_, err = needs.Open(c.Context(), tx, org.Actor{}, request.Opening{
			Need: request.Need{What: "楼道灯坏了"}, Channel: request.ToldSelf, Unit: area.Unit, Entrance: int64(e.ID), HappenedAt: tx.Now,
		})
		return err
	})
	list := c.send(call{method: http.MethodGet, path: "/v1/similar-requests", query: url.Values{
		"placeId": {fmt.Sprint(at.ID)}, "entrance": {label}, "category": {"general"},
	}}, nil)
	if len(list.items()) == 0 {
		c.Fatalf("nothing is offered at %s: %v %s", label, list, list.text)
	}
	b["ref"] = list.items()[0]["ref"]
	b["site"] = map[string]any{"placeId": at.ID, "entrance": label}
}

func init() {
	plans["getRequestReport"] = &plan{fits: place, fill: func(c *cell, r *call) {
		r.query.Set("placeId", fmt.Sprint(c.at.ID))
		r.query.Set("quarter", fmt.Sprintf("%d-Q%d", c.now().Year(), (int(c.now().Month())+2)/3))
	}}
}

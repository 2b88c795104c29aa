package matrix

import (
	"fmt"
	"maps"
	"net/http"

	"wanjia/internal/org"
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

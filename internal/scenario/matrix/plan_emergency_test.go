package matrix

import (
	"fmt"
	"maps"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
)

// anEmergency is a draft of the subdistrict of c.at, by another person of its office than c.by.
func anEmergency(c *cell) int64 {
	e := c.person(org.RolePartyOffice, c.at.subdistrict().party()).post("/v1/emergencies", map[string]any{
		"title": "防汛应急", "reason": "指挥部通知", "sunsetOn": calendar.DayOf(c.now()).Add(30), "always": []string{"cert_travel"},
	})
	return e.id("id")
}

// anEmergencyThatIsOn is one that two persons have begun.
func anEmergencyThatIsOn(c *cell) int64 {
	id := anEmergency(c)
	c.person(org.RolePartyOffice, c.at.subdistrict().party()).post(fmt.Sprintf("/v1/emergencies/%d/confirm", id), nil)
	return id
}

// inOwnOffice says that the thing is of the subdistrict whose office somebody works in.
func inOwnOffice(c *cell) bool { return c.by.home == c.at }

func init() {
	inFuture := fill(func(c *cell, b map[string]any) { b["sunsetOn"] = calendar.DayOf(c.now()).Add(20) })
	subdistricts := kinds(org.SubdistrictCommittee)
	maps.Copy(plans, map[string]*plan{
		"startEmergency": {fill: inFuture, rule: func(c *cell) *refusal {
			if c.by.home.Kind != org.SubdistrictCommittee {
				return forbidden
			}
			return nil
		}},
		"listEmergencies":  {fits: subdistricts, make: anEmergency, list: "id", sees: inOwnOffice},
		"confirmEmergency": {fits: subdistricts, make: anEmergency, sees: inOwnOffice},
		"renewEmergency":   {fits: subdistricts, make: anEmergencyThatIsOn, sees: inOwnOffice, fill: inFuture},
		"endEmergency":     {fits: subdistricts, make: anEmergency, sees: inOwnOffice},
	})
}

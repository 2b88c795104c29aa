package matrix

import (
	"fmt"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// leaders are the roles that see what happens to the roles below their unit.
var leaders = []org.Role{org.RoleGroupLeader, org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary}

// emptied is a new centre household below c.at, whose holder has just gone.
func (c *cell) emptied() *unit {
	home := c.leaf(org.CenterHousehold)
	area := (&cell{world: c.world, at: c.at.answers}).leaf(org.Area)
	home.answers, area.answers = area, home
	c.in("link", func(tx *db.Tx) error { return org.Link(c.Context(), tx, home.Unit, area.Unit, since) })
	gone := c.person(org.RoleAreaHolder, home)
	c.lead(c.branch(gone)).post(fmt.Sprintf("/v1/role-assignments/%d/end", gone.assignment), map[string]any{"reason": "搬离"})
	return home
}

// aHandover is one below c.at that nobody has signed yet, or the one that waits for c.by.
func aHandover(c *cell) (id int64) {
	query, of := `SELECT id FROM handover WHERE successor_id = ?`, int64(c.by.assignment)
	if ofSelf(c) {
		c.set(`UPDATE handover SET state = ? WHERE successor_id = ?`, org.HandoverPacked, of)
	} else {
		query, of = `SELECT id FROM handover WHERE unit_id = ?`, int64(c.emptied().ID)
	}
	if err := c.db().Get(c.Context(), &id, query, of); err != nil {
		c.Fatal(err)
	}
	return id
}

// successor is somebody who has been given an area and has not signed for it.
func successor(w *world) []*actor {
	home := (&cell{world: w, at: w.unit(org.Branch, "张家屯")}).emptied()
	a := w.person(org.RoleResident, nil)
	a.role, a.home = org.RoleAreaHolder, home
	w.in("give the area", func(tx *db.Tx) (err error) {
		n := org.NewAssignment{Person: a.person, Role: a.role, Unit: home.Unit, Primary: true, Span: org.Span{From: w.today()}}
		a.assignment, err = org.Assign(w.Context(), tx, n)
		return err
	})
	w.set(`UPDATE handover SET successor_id = ? WHERE unit_id = ?`, a.assignment, home.ID)
	return []*actor{a}
}

// succeeds says that a handover waits for a.
func succeeds(a *actor) bool {
	var n int
	if err := a.w.db().Get(a.w.Context(), &n, `SELECT COUNT(*) FROM handover WHERE successor_id = ?`, a.assignment); err != nil {
		a.w.Fatal(err)
	}
	return n > 0
}

// seesHandover is the oracle of handovers: who takes over, and the leads of the unit and above.
func seesHandover(c *cell) bool { return ofSelf(c) || oneOf(c.by.role, leaders...) && c.by.sees(c.at) }

// place is the level-4 place that u is or lies in.
func (c *cell) place(u *unit) *unit {
	for !place(u) {
		u = u.parent
	}
	return u
}

// aDoorNextDoor is an entrance that lies in another area of c.at's place.
func (c *cell) aDoorNextDoor() household.EntranceID {
	id, other := c.anEntrance(c.at), (&cell{world: c.world, at: c.place(c.at)}).leaf(org.Area)
	c.in("deal an entrance", func(tx *db.Tx) error {
		return household.Assign(c.Context(), tx, org.System, other.Unit, id, since)
	})
	return id
}

// aDraftedSplit is a split that would bring a door to c.at.
func aDraftedSplit(c *cell) int64 {
	at := c.place(c.at)
	return c.lead(at).post("/v1/area-splits", map[string]any{
		"placeId": at.ID, "reason": "均衡户数", "moves": []any{map[string]any{"entranceId": c.aDoorNextDoor(), "toAreaId": c.at.ID}},
	}).id("id")
}

// aProposedSplit is one that the holder of c.at is asked about.
func aProposedSplit(c *cell) int64 {
	c.lead(c.at)
	id := aDraftedSplit(c)
	c.lead(c.place(c.at)).post(fmt.Sprintf("/v1/area-splits/%d/propose", id), nil)
	return id
}

// drafts is the oracle of splits that nobody is asked about yet.
func drafts(c *cell) bool {
	return oneOf(c.by.role, org.RoleGeneralSecretary, org.RoleBranchSecretary) && c.by.sees(c.place(c.at))
}

// seesSplit is the oracle of splits that somebody is asked about.
func seesSplit(c *cell) bool {
	return drafts(c) || oneOf(c.by.role, org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGridSecretary) && c.by.sees(c.at)
}

// answersSplit says that the holder of the area that gets doors answers.
func answersSplit(c *cell) *refusal {
	if c.by.role == org.RoleAreaHolder && c.by.home.grid() == c.at {
		return nil
	}
	return forbidden
}

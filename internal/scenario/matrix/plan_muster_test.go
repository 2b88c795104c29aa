package matrix

import (
	"fmt"
	"maps"
	"slices"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

func init() {
	maps.Copy(plans, map[string]*plan{
		"startMuster": acting(func(c *cell) int64 {
			id := aHeldRequest(c)
			c.helped(id)
			return id
		}).of(withOthers),
		"listMusters":           {self: true, has: holdsRequests, fits: areas, make: aHeldRequest, sees: findsRequest},
		"beginMuster":           acting(aMuster("")).of(withOthers),
		"finishMuster":          acting(aMuster("begin")).of(withOthers),
		"cancelMuster":          acting(aMuster("")).of(withOthers),
		"listMusterInvitations": {},
		"answerMuster":          {self: true, make: anInvitation},
		"getHelperSkills":       {},
		"setHelperSkills":       {},
	})
}

// helped lets a member of the place of a request have the skills of the example, and returns them.
func (c *cell) helped(request int64) *actor {
	var place string
	if err := c.db().Get(c.Context(), &place, `SELECT u.path FROM request r JOIN unit u ON u.id = r.unit_id WHERE r.id = ?`, request); err != nil {
		c.Fatal(err)
	}
	for _, u := range c.units {
		if org.IsPlace(u.Kind) && len(place) >= len(u.Path) && place[:len(u.Path)] == u.Path {
			home := c.units[slices.IndexFunc(c.units, func(b *unit) bool { return b.Kind == org.Branch && (b == u.party() || b.below(u.party())) })]
			return c.skilled(c.as(org.RoleMember, home))
		}
	}
	c.Fatalf("request %d lies in no place", request)
	return nil
}

// skilled lets a be a member with a skill.
func (c *cell) skilled(a *actor) *actor {
	key := "skilled " + a.String()
	if c.shared[key] != nil {
		return a
	}
	c.shared[key] = true
	c.in("make a member", func(tx *db.Tx) error {
		_, err := tx.Insert(c.Context(), `
			INSERT INTO member (person_id, unit_id, status, valid_from, added_at) VALUES (?, ?, ?, ?, ?)`,
			a.person, a.home.ID, member.Full, since, tx.Now)
		if db.IsDuplicate(err) {
			err = nil
		}
		return err
	})
	a.must("PUT", "/v1/me/helper-skills", map[string]any{"skills": []any{"mason"}})
	return a
}

// aMuster is one of the holder of a request, to which somebody comes.
func aMuster(verb string) func(c *cell) int64 {
	return func(c *cell) int64 {
		holder := c.by
		if c.position != self {
			holder = c.lead(c.at)
		}
		need := aHeldRequest(c)
		helper := c.helped(need)
		id := holder.post(fmt.Sprintf("/v1/requests/%d/musters", need), map[string]any{
			"skills": []any{"mason"}, "people": 20, "dangerAcknowledged": true,
		}).id("id")
		helper.must("PUT", fmt.Sprintf("/v1/me/musters/%d/answer", id), map[string]any{"answer": "accepted"})
		if verb != "" {
			holder.post(fmt.Sprintf("/v1/musters/%d/%s", id, verb), nil)
		}
		return id
	}
}

// anInvitation is a muster that whoever asks was asked to.
func anInvitation(c *cell) int64 {
	area := c.units[slices.IndexFunc(c.units, func(u *unit) bool { return u.Kind == org.Area })]
	holder := c.lead(area)
	need := c.recorded(area)
	c.helped(need)
	id := holder.post(fmt.Sprintf("/v1/requests/%d/musters", need), map[string]any{
		"skills": []any{"mason"}, "people": 1, "dangerAcknowledged": true,
	}).id("id")
	c.in("ask to help", func(tx *db.Tx) error {
		_, err := tx.Insert(c.Context(), `
			INSERT INTO muster_invite (muster_id, person_id, answer, asked_at) VALUES (?, ?, ?, ?)`, id, c.by.person, "asked", tx.Now)
		if db.IsDuplicate(err) {
			err = nil
		}
		return err
	})
	return id
}

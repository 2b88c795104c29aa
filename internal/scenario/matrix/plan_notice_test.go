package matrix

import (
	"maps"
	"strconv"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

func init() {
	own := func() *plan {
		return &plan{self: true, has: announces, fits: branches, make: aNotice, sees: announcedIt}
	}
	list := own()
	list.list = "id"
	finish := own()
	finish.fill = aNoticeCall
	maps.Copy(plans, map[string]*plan{
		"createNotice":     {fits: branches, fill: fill(toMembers)},
		"forecastNotice":   {fits: branches, fill: fill(toMembers)},
		"listNotices":      list,
		"getNoticeReach":   own(),
		"withdrawNotice":   own(),
		"listNoticeCalls":  own(),
		"finishNoticeCall": finish,
		"getNotice":        {self: true, fits: kinds(org.Branch), make: aToldNotice, sees: announcedIt},
	})
}

// announces says who tells others something.
func announces(a *actor) bool {
	return oneOf(a.role, org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary) ||
		a.role == org.RolePartyOffice && a.home.Kind == org.SubdistrictCommittee
}

// announcedIt says that c.by made the announcement.
func announcedIt(c *cell) bool { return c.position == self || c.by == c.office(c.at) }

// toMembers is for the members of c.at, of whom there is one at least.
func toMembers(c *cell, b map[string]any) {
	c.person(org.RoleMember, c.at)
	b["audience"] = map[string]any{"unitId": c.at.ID}
}

// aNotice was announced by c.by, or by the office to c.at.
func aNotice(c *cell) int64 {
	by, at := c.by, c.by.home
	if c.position != self {
		by, at = c.office(c.at), c.at
	}
	if at.Kind != org.Branch && at.Kind != org.PartyGroup {
		at = branchBelow(c, at)
	}
	c.person(org.RoleMember, at)
	return by.post("/v1/notices", map[string]any{"audience": map[string]any{"unitId": at.ID}, "title": "停水检修"}).id("id")
}

func branchBelow(c *cell, at *unit) *unit {
	for _, u := range c.units {
		if u.Kind == org.Branch && u.below(at) {
			return u
		}
	}
	c.Fatalf("there is no branch below %s", at.Name)
	return nil
}

// aToldNotice was announced by the office to a group of some branch; if it is c.by's own, they were told of it as themselves.
func aToldNotice(c *cell) int64 {
	to := *c
	if c.position == self {
		to.at = c.unit(org.Branch, "张家屯")
	}
	group := to.leaf(org.PartyGroup)
	c.person(org.RoleMember, group)
	id := c.office(to.at).post("/v1/notices", map[string]any{"audience": map[string]any{"unitId": group.ID}, "title": "停水检修"}).id("id")
	if c.position != self {
		return id
	}
	c.in("tell", func(tx *db.Tx) error {
		if _, err := tx.Change(c.Context(), `UPDATE inbox_head SET seq = seq + 1 WHERE person_id = ?`, c.by.person); err != nil {
			return err
		}
		_, err := tx.Change(c.Context(), `
			INSERT INTO inbox (person_id, seq, kind, prio, ref_type, ref_id, notice_id, created_at)
			SELECT person_id, seq, 'announcement', 2, 'notice', ?, ?, ? FROM inbox_head WHERE person_id = ?`, id, id, tx.Now, c.by.person)
		return err
	})
	return id
}

// aNoticeCall puts a call of the announcement into the path.
func aNoticeCall(c *cell, r *call) {
	var id int64
	c.in("have somebody called", func(tx *db.Tx) (err error) {
		id, err = tx.Insert(c.Context(), `
			INSERT INTO notice_call (notice_id, person_id, state, opened_at) VALUES (?, ?, 'open', ?)`, c.thing, c.by.person, tx.Now)
		if db.IsDuplicate(err) {
			if _, err := tx.Change(c.Context(), `UPDATE notice_call SET state = 'open' WHERE notice_id = ?`, c.thing); err != nil {
				return err
			}
			return tx.Get(c.Context(), &id, `SELECT id FROM notice_call WHERE notice_id = ? AND person_id = ?`, c.thing, c.by.person)
		}
		return err
	})
	r.path = strings.NewReplacer("{noticeId}", strconv.FormatInt(c.thing, 10), "{callId}", strconv.FormatInt(id, 10)).Replace(r.path)
}

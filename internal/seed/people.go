package seed

import (
	"context"
	"fmt"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// cast are the names of those whom the scenarios speak of (domain.md §11); all others are drawn.
var cast = map[string]string{
	"r.lin": "林小满", "rh.m03": "周春禾", "rh.bg01": "孙立夏", "rh.gb1": "陈谷雨", "rh.cg": "许白露", "rh.ga": "何青青",
	"xl.s": "冯霜降", "zj.s": "郑小雪", "xl.m2": "姚芒种", "in.01": "沈惊蛰", "po.1": "罗清明", "cs": "高小寒",
}

// caster gives roles to invented people and, like the builder, does nothing after its first error.
type caster struct {
	ctx          context.Context
	tx           *db.Tx
	keys         *sealed.Keys
	opened, asOf calendar.Day
	crowd        *crowd
	bare         bool             // nobody is in a roster: an import brings those
	cadres       []member.Post    // of the office, with the sections they work in
	plain        []member.Joining // members without any other role: they come in together
	handles      []handle
	err          error
}

// A handle is what a visitor of the demo can sign in by.
type handle struct {
	handle string
	person org.PersonID
}

// A part is one role on one unit.
type part struct {
	role org.Role
	post org.Post
	unit org.Unit
	from calendar.Day // empty: since the unit is there
}

// A home is the organisation in whose roster somebody is; the zero home is nobody's.
type home struct {
	unit         org.Unit
	probationary bool
	known        bool // they are spoken of again, and not made with the many
}

func at(unit org.Unit) home { return home{unit: unit} }

// person makes somebody with these roles, the first of them primary, and with an entry in the roster of h. A handle
// "" is nobody's to sign in by.
func (c *caster) person(handleOf string, h home, parts ...part) (id org.PersonID) {
	name, phone := cast[handleOf], c.crowd.phone()
	if drawn := c.crowd.name(); name == "" {
		name = drawn
	}
	if handleOf == "r.lin" {
		c.crowd.lin = phone
	}
	j := member.Joining{New: member.New{Name: name, Phone: phone}, Home: h.unit, Status: member.Full, Since: c.crowd.within(38*365, c.opened.Add(-400))}
	if handleOf == "" && len(parts) == 0 && !h.probationary && !h.known {
		c.plain = append(c.plain, j)
		return 0
	}
	if c.err != nil {
		return 0
	}
	id, c.err = c.enter(h, j)
	if h.unit.ID != 0 {
		parts = append(parts, part{role: org.RoleMember, unit: h.unit, from: calendar.DayOf(c.tx.Now)})
	}
	for i, p := range parts {
		if p.from == "" {
			p.from = c.opened
		}
		if c.err == nil {
			_, c.err = org.Assign(c.ctx, c.tx, org.NewAssignment{
				Person: id, Role: p.role, Post: p.post, Unit: p.unit, Primary: i == 0, Span: org.Span{From: p.from},
			})
		}
	}
	if c.err != nil {
		c.err = fmt.Errorf("make %s: %w", name, c.err)
	}
	if handleOf != "" {
		c.handles = append(c.handles, handle{handleOf, id})
	}
	return id
}

// enter makes the person, and their entry in a roster: full members have been there from the beginning, with years
// of membership behind them, probationary ones came within the year.
func (c *caster) enter(h home, j member.Joining) (org.PersonID, error) {
	clock(c.tx, c.opened, 9, 0)
	e := member.Entry{New: j.New, UnitID: h.unit.ID, Status: j.Status, Since: j.Since}
	switch {
	case h.unit.ID == 0:
		return member.Add(c.ctx, c.tx, c.keys, j.New)
	case h.probationary:
		clock(c.tx, c.crowd.within(300, c.asOf.Add(-30)), 9, 0)
		e.Status, e.Since = member.Probationary, ""
	}
	a, err := member.Join(c.ctx, c.tx, c.keys, h.unit, e)
	return a.PersonID, err
}

// join brings the plain members in.
func (c *caster) join() {
	if c.err != nil {
		return
	}
	clock(c.tx, c.opened, 9, 0)
	added, err := member.JoinAll(c.ctx, c.tx, c.keys, c.plain)
	if err != nil {
		c.err = fmt.Errorf("make %d members: %w", len(c.plain), err)
		return
	}
	seats := make([]org.Seat, len(added))
	for i, a := range added {
		seats[i] = org.Seat{Person: a.PersonID, Unit: c.plain[i].Home.ID}
	}
	_, c.err = org.AssignNew(c.ctx, c.tx, org.RoleMember, seats, c.opened)
}

// members makes n plain members in a roster.
func (c *caster) members(n int, h home) {
	for range n {
		c.person("", h)
	}
}

// leaders are those who lead and administer a subdistrict, and with the first one its county. They come first in every
// profile, and so have the same names and numbers in all of them.
func (c *caster) leaders(t *town) {
	sub, com := t.subdistrict, t.committee
	if t.number == 0 {
		c.person("po.d", home{}, part{role: org.RolePartyOffice, unit: t.county.committee})
	}
	cadre := func(handle string, role org.Role, unit org.Unit) {
		c.cadre(t, handle, unit, part{role: role, unit: unit})
	}
	cadre("po.1", org.RolePartyOffice, com)
	cadre("po.2", org.RolePartyOffice, com)
	cadre("cs", org.RoleCommitteeSecretary, com)
	cadre("cor", org.RoleCorrespondent, com)
	cadre("ed", org.RoleEditor, com)
	cadre("sa", org.RoleSystemAdmin, sub)
	cadre("se.1", org.RoleSecurityAdmin, sub)
	cadre("se.2", org.RoleSecurityAdmin, sub)
	cadre("au", org.RoleAuditAdmin, sub)
	for i, s := range t.sections {
		cadre(fmt.Sprintf("sec.%02d", i+1), org.RoleSectionHead, s)
	}
	for _, p := range t.places {
		switch {
		case p.unit.Kind == org.Community:
			c.person(p.key+".cg", c.home(p, 0), part{role: org.RoleGeneralSecretary, unit: p.party})
		case p.key == "office":
			cadre("office.s", org.RoleBranchSecretary, p.party)
		default:
			c.person(p.key+".s", c.home(p, 0), part{role: org.RoleBranchSecretary, unit: p.party})
		}
	}
}

// home is the n-th roster of a place: of its groups or branches or, without any, its own.
func (c *caster) home(p *place, n int) home {
	switch {
	case c.bare:
		return home{}
	case p.unit.Kind == org.Community, p.unit.Kind == org.Office && len(p.branches) > 0:
		return at(p.branches[n%len(p.branches)])
	case len(p.groups) > 0:
		return at(p.groups[n%len(p.groups)])
	}
	return at(p.party)
}

// cadre makes somebody of the office, whose branches take turns. They work in section, or in the next one.
func (c *caster) cadre(t *town, handle string, section org.Unit, parts ...part) {
	n := len(c.cadres)
	if section.Kind != org.Section {
		section = t.sections[n%len(t.sections)]
	}
	h := c.home(t.place("office"), n)
	h.known = true
	c.cadres = append(c.cadres, member.Post{PersonID: c.person(handle, h, parts...), Section: section.ID})
}

// people fills t with whoever else holds a role in it, and with the members of its branches.
func (c *caster) people(t *town) {
	rh := t.place("rh")
	c.community(rh, 192)
	c.person("rh.cc", home{}, part{role: org.RoleCounterClerk, unit: rh.unit})
	c.community(t.place("zx"), 135)
	c.community(t.place("sy"), 120)
	c.community(t.place("tl"), 90)
	for n := 1; n <= 32; n++ {
		c.village(t.place(villageKey(n)))
	}
	for n := 1; n <= 26; n++ {
		c.enterprise(t.place(fmt.Sprintf("e%02d", n)), n)
	}
	c.office(t)
	c.joint(t.place("health"), 24)
	c.joint(t.place("park"), 20)
	c.joint(t.place("mall"), 16)
	c.person("r.lin", home{})
	c.join()
}

// community makes the secretaries, leaders and holders of levels 3, 2 and 1, and members until there are so many.
func (c *caster) community(p *place, members int) {
	c.person(p.key+".ga", home{}, part{role: org.RoleGridAssistant, unit: p.party})
	each := func(units []org.Unit, format string, role org.Role) {
		for i, u := range units {
			c.person(fmt.Sprintf(format, p.key, i+1), c.home(p, i), part{role: role, unit: u})
		}
	}
	each(p.branches, "%s.gb%d", org.RoleGridSecretary)
	each(p.groups, "%s.bg%02d", org.RoleGroupLeader)
	for i, a := range p.areas {
		c.person(fmt.Sprintf("%s.m%02d", p.key, i+1), c.home(p, i), part{role: org.RoleAreaHolder, unit: a.household})
	}
	left := members - 1 - len(p.branches) - len(p.groups) - len(p.areas)
	if p.key == "rh" {
		c.person("m.001", c.home(p, 0))
		left--
	}
	for i := range left {
		c.members(1, c.home(p, i))
	}
}

// village makes three holders, the second of whom is the organisation officer, too (F18), and members until each of
// the three groups has 16, two of them probationary.
func (c *caster) village(p *place) {
	for i, a := range p.areas {
		parts := []part{{role: org.RoleAreaHolder, unit: a.household}}
		if i == 1 {
			parts = append(parts, part{role: org.RoleBranchOfficer, post: org.PostOrganisation, unit: p.party})
		}
		c.person(fmt.Sprintf("%s.m%d", p.key, i+1), c.home(p, i), parts...)
	}
	c.members(14, c.home(p, 0)) // the secretary is in the first group
	for g := 1; g <= 2; g++ {
		c.members(14, c.home(p, g))
		c.members(1, home{unit: c.home(p, g).unit, probationary: true})
	}
}

// enterprise makes the members of E n: 31 with their secretary, 9 in two groups in E25 and 5 in E26.
func (c *caster) enterprise(p *place, n int) {
	members := 31
	switch n {
	case 25:
		members = 9
	case 26:
		members = 5
	}
	for i := range members - 1 {
		c.members(1, c.home(p, i+1))
	}
}

// office makes the cadres until there are 109: 8 follow four villages each, one assignment a village (ADR 0004); 32
// are instructors since the programme began, n of village n and, as far as there are so many, of E n.
func (c *caster) office(t *town) {
	for i := range 8 {
		var parts []part
		for v := range 4 {
			parts = append(parts, part{role: org.RoleAreaCadre, unit: t.place(villageKey(4*i + v + 1)).unit})
		}
		c.cadre(t, fmt.Sprintf("ac.%d", i+1), org.Unit{}, parts...)
	}
	for n := 1; n <= 32; n++ {
		parts := []part{{role: org.RoleInstructor, unit: t.place(villageKey(n)).party, from: programme}}
		if n <= 26 {
			parts = append(parts, part{role: org.RoleInstructor, unit: t.place(fmt.Sprintf("e%02d", n)).party, from: programme})
		}
		c.cadre(t, fmt.Sprintf("in.%02d", n), org.Unit{}, parts...)
	}
	for len(c.cadres) < 109 {
		c.cadre(t, "", org.Unit{})
	}
	if c.err == nil {
		clock(c.tx, c.opened, 9, 0)
		c.err = member.SetPosts(c.ctx, c.tx, c.cadres)
	}
}

// joint makes the holders of a place with one branch, and members until there are n.
func (c *caster) joint(p *place, n int) {
	for i, a := range p.areas {
		c.person(fmt.Sprintf("%s.m%d", p.key, i+1), at(p.party), part{role: org.RoleAreaHolder, unit: a.household})
	}
	c.members(n-1-len(p.areas), at(p.party))
}

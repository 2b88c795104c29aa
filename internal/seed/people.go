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

// An Account is somebody a visitor of the demo can sign in as.
type Account struct {
	Handle string
	Name   string
	Role   org.Role
	Unit   string
	person org.PersonID
}

// caster gives roles to invented people and, like the builder, does nothing after its first error.
type caster struct {
	ctx      context.Context
	tx       *db.Tx
	keys     *sealed.Keys
	from     calendar.Day
	crowd    *crowd
	accounts []Account
	err      error
}

// A part is one role on one unit.
type part struct {
	role org.Role
	post org.Post
	unit org.Unit
}

// person makes somebody with these roles, the first of them primary. A handle "" is nobody's to sign in by, and
// a name "" is drawn.
func (c *caster) person(handle, name string, parts ...part) {
	var id org.PersonID
	if name == "" {
		name = c.crowd.name()
	}
	if c.err == nil {
		id, c.err = member.Add(c.ctx, c.tx, c.keys, member.New{Name: name, Phone: c.crowd.phone()})
	}
	for i, p := range parts {
		if c.err != nil {
			return
		}
		_, c.err = org.Assign(c.ctx, c.tx, org.NewAssignment{
			Person: id, Role: p.role, Post: p.post, Unit: p.unit, Primary: i == 0, Span: org.Span{From: c.from},
		})
		if c.err != nil {
			c.err = fmt.Errorf("make %s %s of %s: %w", name, p.role, p.unit.Name, c.err)
		}
	}
	if handle != "" {
		a := Account{Handle: handle, Name: name, Role: org.RoleResident, person: id}
		if len(parts) > 0 {
			a.Role, a.Unit = parts[0].role, parts[0].unit.Name
		}
		c.accounts = append(c.accounts, a)
	}
}

// members makes n plain members of a branch or group.
func (c *caster) members(n int, unit org.Unit) {
	for range n {
		c.person("", "", part{role: org.RoleMember, unit: unit})
	}
}

// people fills t with whoever holds a role in it, and with the members of its branches.
func (c *caster) people(t *town) {
	c.administration(t)
	c.ruihe(t.place("rh"))
	c.community(t.place("zx"), 135)
	c.community(t.place("sy"), 120)
	c.community(t.place("tl"), 90)
	for i := range 32 {
		c.village(t.place(fmt.Sprintf("v%02d", i+1)), i)
	}
	for i := range 26 {
		c.enterprise(t.place(fmt.Sprintf("e%02d", i+1)), i)
	}
	c.instructors(t)
	c.rest(t)
	c.person("r.lin", "林小满")
}

func (c *caster) administration(t *town) {
	sub, com := t.subdistrict, t.committee
	c.person("po.1", "罗清明", part{role: org.RolePartyOffice, unit: com})
	c.person("po.2", "", part{role: org.RolePartyOffice, unit: com})
	c.person("po.d", "", part{role: org.RolePartyOffice, unit: t.districtCommittee})
	c.person("cs", "高小寒", part{role: org.RoleCommitteeSecretary, unit: com})
	c.person("cor", "", part{role: org.RoleCorrespondent, unit: com})
	c.person("ed", "", part{role: org.RoleEditor, unit: com})
	c.person("sa", "", part{role: org.RoleSystemAdmin, unit: sub})
	c.person("se.1", "", part{role: org.RoleSecurityAdmin, unit: sub})
	c.person("se.2", "", part{role: org.RoleSecurityAdmin, unit: sub})
	c.person("au", "", part{role: org.RoleAuditAdmin, unit: sub})
	for i, s := range t.sections {
		c.person(fmt.Sprintf("sec.%02d", i+1), "", part{role: org.RoleSectionHead, unit: s})
	}
	for i := range 8 { // each follows four villages, one assignment a village (ADR 0004)
		var parts []part
		for v := range 4 {
			parts = append(parts, part{role: org.RoleAreaCadre, unit: t.place(fmt.Sprintf("v%02d", 4*i+v+1)).unit})
		}
		c.person(fmt.Sprintf("ac.%d", i+1), "", parts...)
	}
}

func (c *caster) ruihe(p *place) {
	c.person("rh.cg", "许白露", part{role: org.RoleGeneralSecretary, unit: p.party}, part{role: org.RoleMember, unit: p.branches[0]})
	c.person("rh.ga", "何青青", part{role: org.RoleGridAssistant, unit: p.party})
	c.person("rh.cc", "", part{role: org.RoleCounterClerk, unit: p.unit})
	c.holders("rh", p, map[string]string{"rh.m03": "周春禾", "rh.bg01": "孙立夏", "rh.gb1": "陈谷雨"})
	c.person("m.001", "", part{role: org.RoleMember, unit: p.branches[0]})
	c.members(192-1-4-12-51-1, p.branches[0])
}

func (c *caster) community(p *place, members int) {
	c.person(p.key+".cg", "", part{role: org.RoleGeneralSecretary, unit: p.party}, part{role: org.RoleMember, unit: p.branches[0]})
	c.person(p.key+".ga", "", part{role: org.RoleGridAssistant, unit: p.party})
	c.holders(p.key, p, nil)
	c.members(members-1-len(p.branches)-len(p.groups)-len(p.areas), p.branches[0])
}

// holders are the secretaries, leaders and holders of a community's levels 3, 2 and 1.
func (c *caster) holders(key string, p *place, names map[string]string) {
	each := func(units []org.Unit, format string, role org.Role) {
		for i, u := range units {
			h := fmt.Sprintf(format, key, i+1)
			c.person(h, names[h], part{role: role, unit: u}, part{role: org.RoleMember, unit: p.branches[i%len(p.branches)]})
		}
	}
	each(p.branches, "%s.gb%d", org.RoleGridSecretary)
	each(p.groups, "%s.bg%02d", org.RoleGroupLeader)
	var households []org.Unit
	for _, a := range p.areas {
		households = append(households, a.household)
	}
	each(households, "%s.m%02d", org.RoleAreaHolder)
}

func (c *caster) village(p *place, i int) {
	handle, names := p.key, []string{"", "", "", ""}
	switch i {
	case 0:
		handle, names[0] = "zj", "郑小雪"
	case 1:
		handle, names[0], names[2] = "xl", "冯霜降", "姚芒种"
	}
	c.person(handle+".s", names[0], part{role: org.RoleBranchSecretary, unit: p.party}, part{role: org.RoleMember, unit: p.groups[0]})
	for a, x := range p.areas {
		parts := []part{{role: org.RoleAreaHolder, unit: x.household}, {role: org.RoleMember, unit: p.groups[a]}}
		if a == 1 { // the second holder is the organisation officer, too (F18)
			parts = append(parts, part{role: org.RoleBranchOfficer, post: org.PostOrganisation, unit: p.party})
		}
		c.person(fmt.Sprintf("%s.m%d", handle, a+1), names[a+1], parts...)
	}
	for g, n := range []int{14, 15, 15} { // 16 in each group with the four above
		c.members(n, p.groups[g])
	}
}

func (c *caster) enterprise(p *place, i int) {
	members := 31
	switch i {
	case 24:
		members = 9
	case 25:
		members = 5
	}
	c.person(p.key+".s", "", part{role: org.RoleBranchSecretary, unit: p.party}, part{role: org.RoleMember, unit: p.party})
	c.members(members-1, p.party)
}

// instructors are 32 cadres of the office: number n guides village n, and for n <= 26 enterprise n.
func (c *caster) instructors(t *town) {
	for n := 1; n <= 32; n++ {
		parts := []part{{role: org.RoleInstructor, unit: t.place(fmt.Sprintf("v%02d", n)).party}}
		if n <= 26 {
			parts = append(parts, part{role: org.RoleInstructor, unit: t.place(fmt.Sprintf("e%02d", n)).party})
		}
		parts = append(parts, part{role: org.RoleMember, unit: t.officeBranches[n%3]})
		name := ""
		if n == 1 {
			name = "沈惊蛰"
		}
		c.person(fmt.Sprintf("in.%02d", n), name, parts...)
	}
}

// rest are the members of the office, the health centre, the park and the business district.
func (c *caster) rest(t *town) {
	for i := range 109 - 32 {
		c.members(1, t.officeBranches[i%3])
	}
	for _, r := range []struct {
		key string
		n   int
	}{{"health", 24}, {"park", 20}, {"mall", 16}} {
		p := t.place(r.key)
		c.person(r.key+".s", "", part{role: org.RoleBranchSecretary, unit: p.party}, part{role: org.RoleMember, unit: p.party})
		for i, a := range p.areas {
			c.person(fmt.Sprintf("%s.m%d", r.key, i+1), "", part{role: org.RoleAreaHolder, unit: a.household}, part{role: org.RoleMember, unit: p.party})
		}
		c.members(r.n-1-len(p.areas), p.party)
	}
}

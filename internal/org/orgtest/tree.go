// Package orgtest gives tests a small 海棠街道: two communities, two villages, an enterprise and an office, with people
// in their roles. A second subdistrict stands beside it, whose people must never see any of it.
package orgtest

import (
	"testing"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// From is the day since when all of it stands.
const From calendar.Day = "2025-01-01"

// A World is what Tree builds.
type World struct {
	District, Subdistrict        org.Unit // 云湾区, 海棠街道
	DistrictCommittee, Committee org.Unit

	Ruihe       Place // 瑞和社区: two areas, 周春禾 holds the first
	Zhenxi      Place // 枕溪社区: one area
	Xingwu      Place // 杏坞村: two areas, 姚芒种 holds the second (二片区)
	Zhangjiatun Place // 张家屯: one area
	Factory     Place // 海棠电子厂, an enterprise without areas
	Section     org.Unit
	Elsewhere   Place    // 柳岸社区 of 柳岸街道, the other subdistrict
	Other       org.Unit // 柳岸街道

	ZhouChunhe      org.Actor // rh.m03: area holder of the first area of 瑞和社区
	WangQiufen      org.Actor // area holder of the second area of 瑞和社区
	SunLixia        org.Actor // rh.bg01: group leader above both
	ChenGuyu        org.Actor // rh.gb1: grid secretary above her
	XuBailu         org.Actor // rh.cg: general secretary of 瑞和社区
	HeQingqing      org.Actor // rh.ga: grid assistant of 瑞和社区
	ZhenxiSecretary org.Actor // general secretary of 枕溪社区
	ZhenxiHolder    org.Actor // area holder in 枕溪社区
	FengShuangjiang org.Actor // xl.s: branch secretary of 杏坞村
	YiPian          org.Actor // area holder of 一片区 in 杏坞村
	YaoMangzhong    org.Actor // xl.m2: area holder of 二片区 in 杏坞村, the primary role
	YaoOfficer      org.Actor // the same person as organisation officer of 杏坞村
	XingwuMember    org.Actor // a member of 杏坞村's branch
	ZhengXiaoxue    org.Actor // zj.s: branch secretary of 张家屯
	ZhangHolder     org.Actor // area holder in 张家屯
	FactorySecr     org.Actor // branch secretary of the enterprise
	AreaCadre       org.Actor // ac.1: of 杏坞村
	SectionHead     org.Actor // sec.05
	LuoQingming     org.Actor // po.1: party-building office
	OfficeTwo       org.Actor // po.2: a colleague of his
	GaoXiaohan      org.Actor // cs: committee secretary
	SystemAdmin     org.Actor // sa
	SecurityAdmin   org.Actor // se.1
	SecurityTwo     org.Actor // se.2
	AuditAdmin      org.Actor // au
	LinXiaoman      org.Actor // r.lin: a resident
	ElsewhereSecr   org.Actor // general secretary of 柳岸社区
	ElsewhereOffice org.Actor // party-building office of 柳岸街道
}

// A Place is a level-4 place with what lies in it, and who answers for each.
type Place struct {
	Unit, Party  org.Unit // the place, its general branch or branch
	Grid, Branch org.Unit // level 3, in communities
	Block, Group org.Unit // level 2, in communities
	Areas        []Area   // level 1
}

// An Area is a responsibility area and its centre household.
type Area struct{ Area, Household org.Unit }

// Tree builds the world of the package in d, and opens the audit chain that every act is noted in.
func Tree(t *testing.T, d *db.DB) *World {
	t.Helper()
	if _, err := audit.Open(t.Context(), d, make([]byte, 32)); err != nil {
		t.Fatalf("open the audit chain of a test: %v", err)
	}
	w := &World{}
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		*w = World{}
		b := builder{t: t, tx: tx}
		b.units(w)
		b.people(w)
		return b.err
	})
	if err != nil {
		t.Fatalf("build the units and people of a test: %v", err)
	}
	return w
}

// Person makes a person of whom nothing is known.
func Person(t *testing.T, d *db.DB) (id org.PersonID) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
		b := builder{t: t, tx: tx}
		id = b.person()
		return b.err
	})
	if err != nil {
		t.Fatalf("make a person: %v", err)
	}
	return id
}

// Grant gives person one more role, which holds since From, and returns them acting in it.
func Grant(t *testing.T, d *db.DB, person org.PersonID, role org.Role, post org.Post, u org.Unit) (a org.Actor) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		b := builder{t: t, tx: tx}
		a = b.as(person, role, post, u)
		return b.err
	})
	if err != nil {
		t.Fatalf("make a person %s of %s: %v", role, u.Name, err)
	}
	return a
}

// Unit puts a unit below another, linked to nothing, since From.
func Unit(t *testing.T, d *db.DB, kind org.UnitKind, name string, parent org.Unit) (u org.Unit) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		b := builder{t: t, tx: tx}
		u = b.unit(kind, name, parent)
		return b.err
	})
	if err != nil {
		t.Fatalf("add %s: %v", name, err)
	}
	return u
}

// A builder goes on doing nothing after its first error, so that the tree reads without its handling.
type builder struct {
	t   *testing.T
	tx  *db.Tx
	err error
}

func (b *builder) unit(kind org.UnitKind, name string, parent org.Unit) (u org.Unit) {
	if b.err == nil {
		u, b.err = org.AddUnit(b.t.Context(), b.tx, org.NewUnit{Kind: kind, Name: name, Parent: parent, From: From})
	}
	return u
}

// answering adds a party unit that answers for a grid unit.
func (b *builder) answering(kind org.UnitKind, name string, parent, grid org.Unit) org.Unit {
	u := b.unit(kind, name, parent)
	if b.err == nil {
		b.err = org.Link(b.t.Context(), b.tx, u, grid, From)
	}
	u.Level = grid.Level
	return u
}

func (b *builder) person() org.PersonID {
	if b.err != nil {
		return 0
	}
	var id int64
	id, b.err = b.tx.Insert(b.t.Context(), `INSERT INTO person (created_at) VALUES (?)`, b.tx.Now)
	return org.PersonID(id)
}

// as gives person a role.
func (b *builder) as(person org.PersonID, role org.Role, post org.Post, u org.Unit) (a org.Actor) {
	if b.err != nil {
		return a
	}
	var id org.AssignmentID
	id, b.err = org.Assign(b.t.Context(), b.tx, org.NewAssignment{
		Person: person, Role: role, Post: post, Unit: u, Span: org.Span{From: From},
	})
	if b.err == nil {
		a, b.err = org.ActorOf(b.t.Context(), b.tx, person, id, b.tx.Now)
	}
	return a
}

// in makes a person with one role.
func (b *builder) in(role org.Role, u org.Unit) org.Actor { return b.as(b.person(), role, "", u) }

func (b *builder) units(w *World) {
	w.District = b.unit(org.District, "云湾区", org.Unit{})
	w.Subdistrict = b.unit(org.Subdistrict, "海棠街道", w.District)
	w.Other = b.unit(org.Subdistrict, "柳岸街道", w.District)
	w.DistrictCommittee = b.answering(org.DistrictCommittee, "云湾区委", org.Unit{}, w.District)
	w.Committee = b.answering(org.SubdistrictCommittee, "海棠街道党工委", w.DistrictCommittee, w.Subdistrict)
	other := b.answering(org.SubdistrictCommittee, "柳岸街道党工委", w.DistrictCommittee, w.Other)

	w.Ruihe = b.community("瑞和社区", w.Subdistrict, w.Committee, "03责任区", "04责任区")
	w.Zhenxi = b.community("枕溪社区", w.Subdistrict, w.Committee, "01责任区")
	w.Elsewhere = b.community("柳岸社区", w.Other, other, "01责任区")
	w.Xingwu = b.village(org.Village, "杏坞村", w, "一片区", "二片区")
	w.Zhangjiatun = b.village(org.Village, "张家屯", w, "一片区")
	w.Factory = b.village(org.Enterprise, "海棠电子厂", w)
	w.Section = b.unit(org.Section, "民政科", w.Subdistrict)
}

func (b *builder) community(name string, subdistrict, committee org.Unit, areas ...string) (p Place) {
	p.Unit = b.unit(org.Community, name, subdistrict)
	p.Grid = b.unit(org.Grid, name+"第一网格", p.Unit)
	p.Block = b.unit(org.Block, name+"第一楼栋片", p.Grid)
	p.Party = b.answering(org.GeneralBranch, name+"党总支", committee, p.Unit)
	p.Branch = b.answering(org.Branch, name+"第一网格党支部", p.Party, p.Grid)
	p.Group = b.answering(org.PartyGroup, name+"第一党小组", p.Branch, p.Block)
	for _, a := range areas {
		area := b.unit(org.Area, a, p.Block)
		p.Areas = append(p.Areas, Area{area, b.answering(org.CenterHousehold, a+"党员中心户", p.Group, area)})
	}
	return p
}

func (b *builder) village(kind org.UnitKind, name string, w *World, areas ...string) (p Place) {
	p.Unit = b.unit(kind, name, w.Subdistrict)
	p.Party = b.answering(org.Branch, name+"党支部", w.Committee, p.Unit)
	p.Branch = p.Party
	for _, a := range areas {
		area := b.unit(org.Area, a, p.Unit)
		p.Areas = append(p.Areas, Area{area, b.answering(org.CenterHousehold, a+"责任区党员", p.Party, area)})
	}
	return p
}

func (b *builder) people(w *World) {
	if b.err != nil { // the places have no areas then
		return
	}
	w.ZhouChunhe = b.in(org.RoleAreaHolder, w.Ruihe.Areas[0].Household)
	w.WangQiufen = b.in(org.RoleAreaHolder, w.Ruihe.Areas[1].Household)
	w.SunLixia = b.in(org.RoleGroupLeader, w.Ruihe.Group)
	w.ChenGuyu = b.in(org.RoleGridSecretary, w.Ruihe.Branch)
	w.XuBailu = b.in(org.RoleGeneralSecretary, w.Ruihe.Party)
	w.HeQingqing = b.in(org.RoleGridAssistant, w.Ruihe.Party)
	w.ZhenxiSecretary = b.in(org.RoleGeneralSecretary, w.Zhenxi.Party)
	w.ZhenxiHolder = b.in(org.RoleAreaHolder, w.Zhenxi.Areas[0].Household)
	w.FengShuangjiang = b.in(org.RoleBranchSecretary, w.Xingwu.Party)
	w.YiPian = b.in(org.RoleAreaHolder, w.Xingwu.Areas[0].Household)
	w.YaoMangzhong = b.in(org.RoleAreaHolder, w.Xingwu.Areas[1].Household)
	w.YaoOfficer = b.as(w.YaoMangzhong.PersonID, org.RoleBranchOfficer, org.PostOrganisation, w.Xingwu.Party)
	w.XingwuMember = b.in(org.RoleMember, w.Xingwu.Party)
	w.ZhengXiaoxue = b.in(org.RoleBranchSecretary, w.Zhangjiatun.Party)
	w.ZhangHolder = b.in(org.RoleAreaHolder, w.Zhangjiatun.Areas[0].Household)
	w.FactorySecr = b.in(org.RoleBranchSecretary, w.Factory.Party)
	w.AreaCadre = b.in(org.RoleAreaCadre, w.Xingwu.Unit)
	w.SectionHead = b.in(org.RoleSectionHead, w.Section)
	w.LuoQingming = b.in(org.RolePartyOffice, w.Committee)
	w.OfficeTwo = b.in(org.RolePartyOffice, w.Committee)
	w.GaoXiaohan = b.in(org.RoleCommitteeSecretary, w.Committee)
	w.SystemAdmin = b.in(org.RoleSystemAdmin, w.Subdistrict)
	w.SecurityAdmin = b.in(org.RoleSecurityAdmin, w.Subdistrict)
	w.SecurityTwo = b.in(org.RoleSecurityAdmin, w.Subdistrict)
	w.AuditAdmin = b.in(org.RoleAuditAdmin, w.Subdistrict)
	w.LinXiaoman = org.Actor{PersonID: b.person(), Role: org.RoleResident}
	w.ElsewhereSecr = b.in(org.RoleGeneralSecretary, w.Elsewhere.Party)
	other, err := org.LinkedParty(b.t.Context(), b.tx, w.Other.ID, From)
	if b.err == nil {
		b.err = err
	}
	w.ElsewhereOffice = b.in(org.RolePartyOffice, other)
}

package seed

import (
	"context"
	"fmt"

	"wanjia/internal/checkin"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A place is a level-4 place of the demo with all that lies in it and the organisations that answer for it.
type place struct {
	key      string // rh, zx, sy, tl; zj, xl, v03 … v32; e01 … e26; park, mall, office, health
	unit     org.Unit
	party    org.Unit // its general branch, branch or joint branch
	branches []org.Unit
	groups   []org.Unit
	areas    []area
	room     checkin.PlaceID // its meeting room
	boards   []checkin.PlaceID
}

// An area is a responsibility area, its centre household, and how many homes or shops it holds.
type area struct {
	unit, household org.Unit
	homes           int
}

// A county is the upper unit of all subdistricts, in both trees.
type county struct{ district, committee org.Unit }

// A town is a demo subdistrict.
type town struct {
	county
	number                 int // 0: the first of its county
	subdistrict, committee org.Unit
	places                 []*place
	sections               []org.Unit
}

// prefix stands before the handles of all subdistricts but the first.
func (t *town) prefix() string {
	if t.number == 0 {
		return ""
	}
	return fmt.Sprintf("s%d.", t.number+1)
}

func (t *town) place(key string) *place {
	for _, p := range t.places {
		if p.key == key {
			return p
		}
	}
	return nil
}

// A community is cut into branches, these into groups, these into areas of 24 homes.
type cut struct {
	key, name string
	groups    [][]int // for each branch, how many areas each of its groups has
}

var communities = []cut{
	{"rh", "瑞和社区", [][]int{{5, 4, 4}, {5, 4, 4}, {5, 4, 4}, {4, 4, 4}}},
	{"zx", "枕溪社区", [][]int{{4, 4, 4}, {4, 4, 4}, {4, 4, 4}}},
	{"sy", "松月社区", [][]int{{4, 4, 4}, {4, 4, 4}, {4, 4}}},
	{"tl", "听澜社区", [][]int{{4, 4, 4}, {4, 4, 4}}},
}

// builder adds units and goes on doing nothing after its first error, so that the town reads without its
// handling.
type builder struct {
	ctx  context.Context
	tx   *db.Tx
	from calendar.Day
	err  error
}

func (b *builder) add(n org.NewUnit) (u org.Unit) {
	if b.err == nil {
		n.From = b.from
		u, b.err = org.AddUnit(b.ctx, b.tx, n)
	}
	return u
}

func (b *builder) unit(kind org.UnitKind, name string, parent org.Unit) org.Unit {
	return b.add(org.NewUnit{Kind: kind, Name: name, Parent: parent})
}

// answering adds a party unit that answers for grid unit g.
func (b *builder) answering(kind org.UnitKind, name string, parent, g org.Unit) org.Unit {
	u := b.unit(kind, name, parent)
	if b.err == nil {
		b.err = org.Link(b.ctx, b.tx, u, g, b.from)
	}
	u.Level = g.Level
	return u
}

func (b *builder) label(u org.Unit, level int, label string) {
	if b.err == nil {
		b.err = org.SetLabel(b.ctx, b.tx, u.ID, level, label, b.from)
	}
}

// units builds both trees of a subdistrict (domain.md §12), below top or below a county that it makes: bare leaves
// out what an import brings.
func units(ctx context.Context, tx *db.Tx, from calendar.Day, bare bool, top county, number int) (*town, error) {
	b := &builder{ctx: ctx, tx: tx, from: from}
	if top.district.ID == 0 {
		top.district = b.unit(org.District, "云湾区", org.Unit{})
		top.committee = b.unit(org.DistrictCommittee, "中共云湾区委", org.Unit{})
	}
	name := fmt.Sprintf("第%d街道", number+1)
	if number < len(townNames) {
		name = townNames[number]
	}
	t := &town{county: top, number: number}
	t.subdistrict = b.add(org.NewUnit{Kind: org.Subdistrict, Name: name, Parent: top.district, AreaKm2: 80})
	t.committee = b.answering(org.SubdistrictCommittee, "中共"+name+"工委", top.committee, t.subdistrict)
	for _, name := range sectionNames {
		t.sections = append(t.sections, b.unit(org.Section, name, t.subdistrict))
	}
	b.villages(t, bare)
	for _, c := range communities {
		b.community(t, c, bare)
	}
	b.others(t, bare)
	b.enterprises(t, bare)
	return t, b.err
}

// level4 adds a place and the organisation that answers for it.
func (b *builder) level4(t *town, key string, n org.NewUnit, party org.UnitKind, partyName string) *place {
	n.Parent = t.subdistrict
	p := &place{key: key, unit: b.add(n)}
	p.party = b.answering(party, partyName, t.committee, p.unit)
	t.places = append(t.places, p)
	return p
}

// villageKey is the key of village n, counted from 1.
func villageKey(n int) string {
	switch n {
	case 1:
		return "zj"
	case 2:
		return "xl"
	}
	return fmt.Sprintf("v%02d", n)
}

func (b *builder) villages(t *town, bare bool) {
	names := append([]string{"张家屯", "杏坞村"}, villageNames...)
	for i, name := range names {
		homes := []int{47, 47, 46}
		switch i {
		case 0:
			homes = []int{54, 55, 55}
		case 1:
			homes = []int{68, 72, 64}
		}
		p := b.level4(t, villageKey(i+1), org.NewUnit{Kind: org.Village, Name: name, Sector: "village"}, org.Branch, "中共"+name+"支部")
		if bare {
			continue
		}
		for g := range 3 {
			p.groups = append(p.groups, b.unit(org.PartyGroup, fmt.Sprintf("%s第%d党小组", name, g+1), p.party))
		}
		for a, n := range homes {
			b.area(p, p.unit, p.groups[a], fmt.Sprintf("%s片区", string([]rune("一二三")[a])), n)
		}
	}
}

// area adds a responsibility area below parent and its centre household below the party unit.
func (b *builder) area(p *place, parent, party org.Unit, name string, homes int) {
	a := area{unit: b.unit(org.Area, name, parent), homes: homes}
	a.household = b.answering(org.CenterHousehold, name+"党员中心户", party, a.unit)
	p.areas = append(p.areas, a)
}

func (b *builder) community(t *town, c cut, bare bool) {
	p := b.level4(t, c.key, org.NewUnit{Kind: org.Community, Name: c.name, Sector: "community"}, org.GeneralBranch, "中共"+c.name+"总支")
	if c.key == "rh" { // what levels are called is data (C1)
		b.label(p.unit, 3, "党支部")
		b.label(p.unit, 2, "网格党小组")
	}
	if bare {
		return
	}
	n := 0
	for i, groups := range c.groups {
		grid := b.unit(org.Grid, fmt.Sprintf("%s第%d网格", c.name, i+1), p.unit)
		branch := b.answering(org.Branch, fmt.Sprintf("%s第%d党支部", c.name, i+1), p.party, grid)
		p.branches = append(p.branches, branch)
		for _, areas := range groups {
			number := len(p.groups) + 1
			block := b.unit(org.Block, fmt.Sprintf("%s第%d楼栋片", c.name, number), grid)
			group := b.answering(org.PartyGroup, fmt.Sprintf("%s第%d党小组", c.name, number), branch, block)
			p.groups = append(p.groups, group)
			for range areas {
				n++
				b.area(p, block, group, fmt.Sprintf("%02d责任区", n), 24)
			}
		}
	}
}

// others are the park, the business district and the two offices.
func (b *builder) others(t *town, bare bool) {
	b.level4(t, "park", org.NewUnit{Kind: org.IndustrialPark, Name: "北岸产业园", Sector: "park"}, org.Branch, "中共北岸产业园联合支部")
	mall := b.level4(t, "mall", org.NewUnit{Kind: org.BusinessDistrict, Name: "海棠里", Sector: "park"}, org.Branch, "中共海棠里联合支部")
	if !bare {
		b.area(mall, mall.unit, mall.party, "海棠里东区", 30)
		b.area(mall, mall.unit, mall.party, "海棠里西区", 30)
	}
	office := b.level4(t, "office", org.NewUnit{Kind: org.Office, Name: "街道机关", Sector: "office"}, org.GeneralBranch, "中共"+t.subdistrict.Name+"机关总支")
	for i := range 3 {
		office.branches = append(office.branches, b.unit(org.Branch, fmt.Sprintf("街道机关第%d党支部", i+1), office.party))
	}
	b.level4(t, "health", org.NewUnit{Kind: org.Office, Name: t.subdistrict.Name + "卫生院", Sector: "office"}, org.Branch, "中共"+t.subdistrict.Name+"卫生院支部")
}

// enterprises are E01 to E26: 18 of them non-public, 14 in the park.
func (b *builder) enterprises(t *town, bare bool) {
	kinds := []string{"精密", "电子", "食品", "纺织", "物流", "建材", "农机", "软件", "包装", "器械", "环保", "印务", "家具"}
	park := t.place("park").unit.ID
	for i := range 26 {
		n := org.NewUnit{
			Kind: org.Enterprise, Name: fmt.Sprintf("海棠%s%s公司", kinds[i%13], string([]rune("一二")[i/13])),
			Sector: "enterprise", Ownership: "non_public",
		}
		switch {
		case i >= 22:
			n.Ownership = "collective"
		case i >= 18:
			n.Ownership = "state"
		}
		if i < 14 {
			n.Park = park
		}
		p := b.level4(t, fmt.Sprintf("e%02d", i+1), n, org.Branch, "中共"+n.Name+"支部")
		if i == 24 && !bare {
			p.groups = append(p.groups, b.unit(org.PartyGroup, n.Name+"第1党小组", p.party), b.unit(org.PartyGroup, n.Name+"第2党小组", p.party))
		}
	}
}

package transfer

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sheet"
)

// A building is one to be made.
type building struct {
	place  org.UnitID
	number string
	id     household.BuildingID
}

// An entrance is one to be made, or one that is there and gets an area or doors.
type entrance struct {
	place    org.UnitID
	building *building // to be made with it; nil: it is there, or there is none
	in       household.BuildingID
	inNumber string
	number   string
	there    *standing
	area     org.Unit // 0: the row is wrong
	areaOf   *node    // when the area is only planned
	deal     bool
	doors    []household.Premises
}

// areaID is where e goes, once everything above it is made.
func (e *entrance) areaID() org.UnitID {
	if e.areaOf != nil {
		return e.areaOf.grid.ID
	}
	return e.area.ID
}

// behind is what lies behind the doors of a place.
var behind = map[org.UnitKind]household.Kind{
	org.Community: household.Home, org.Village: household.Home, org.Office: household.Home,
	org.BusinessDistrict: household.Shop, org.Enterprise: household.Workshop, org.IndustrialPark: household.Workshop,
}

// planEntrances says what rows of entrances come to. An entrance lies in one area: a second row for it is an error, and
// so is one without an area (C3, T7).
func (p *plan) planEntrances(ctx context.Context, q db.Queryer, rows []*Row) error {
	places := map[*Row]org.Unit{}
	var ids []org.UnitID
	for _, r := range rows {
		if u := p.placeOf(r); u.ID != 0 {
			places[r] = u
			if !slices.Contains(ids, u.ID) {
				ids = append(ids, u.ID)
			}
		}
	}
	if err := p.there.readEntrances(ctx, q, ids, p.today); err != nil {
		return err
	}
	made, dealt := map[place]*building{}, map[place]string{}
	for _, r := range rows {
		if where, ok := places[r]; ok {
			p.planEntrance(r, where, made, dealt)
		}
		if r.Outcome == "" {
			r.settle(Refused)
		}
	}
	return nil
}

// placeOf is the level-4 place that r names or, where it names none, the only one that the asker has.
func (p *plan) placeOf(r *Row) (u org.Unit) {
	name := r.cell(colPlace)
	if name == "" {
		if !org.IsPlace(p.by.Grid.Kind) {
			r.fault(colPlace, errMissing)
		}
		return p.by.Grid
	}
	for _, g := range p.there.grids {
		if !org.IsPlace(g.Kind) || g.Name != name {
			continue
		}
		if u.ID != 0 {
			r.fault(colPlace, errAmbiguous)
			return org.Unit{}
		}
		u = g
	}
	if u.ID == 0 {
		r.fault(colPlace, errUnit)
	}
	return u
}

func (p *plan) planEntrance(r *Row, where org.Unit, made map[place]*building, dealt map[place]string) {
	e := &entrance{place: where.ID, number: r.cell(colEntrance), inNumber: r.cell(colBuilding)}
	at := place{where.ID, household.EntranceLabel(e.inNumber, e.number)}
	e.there = p.there.entrances[at]
	if r.cell(colArea) == "" {
		r.fault(colArea, errUnassigned)
	} else {
		e.area, e.areaOf = p.findArea(r, where)
	}
	if e.number != "" {
		switch area, twice := dealt[at]; {
		case twice && area == r.cell(colArea):
			r.fault("", errTwice)
		case twice && area != "" && r.cell(colArea) != "":
			r.fault(colArea, household.ErrEntranceAssigned)
		case !twice:
			dealt[at] = r.cell(colArea)
		}
	}
	if e.there != nil && e.there.Area != nil && len(r.Faults) == 0 && *e.there.Area != e.areaID() {
		r.fault(colArea, household.ErrEntranceAssigned)
	}
	doors := doorsOf(r)
	if len(r.Faults) > 0 {
		return
	}
	p.planDoors(r, e, behind[where.Kind], doors)
	if p.homes+len(e.doors) > maxAllHomes {
		r.fault("", errTooMany)
	}
	e.deal = e.there == nil || e.there.Area == nil
	outcome := Same
	switch {
	case len(r.Faults) > 0:
	case e.there == nil:
		outcome = New
		p.planBuilding(e, made)
	case e.deal || len(e.doors) > 0:
		outcome = Changed
	}
	r.settle(outcome)
	if r.Outcome == New || r.Outcome == Changed {
		p.entrances = append(p.entrances, e)
		p.homes += len(e.doors)
		if e.deal {
			p.deals++
		}
	}
}

// planBuilding finds the building that e stands in, or plans it.
func (p *plan) planBuilding(e *entrance, made map[place]*building) {
	if e.inNumber == "" {
		return
	}
	at := place{e.place, e.inNumber}
	if e.in = p.there.buildings[at]; e.in != 0 {
		return
	}
	if made[at] == nil {
		made[at] = &building{place: e.place, number: e.inNumber}
		p.buildings = append(p.buildings, made[at])
	}
	e.building = made[at]
}

// findArea is the area in where that r names, there or planned.
func (p *plan) findArea(r *Row, where org.Unit) (u org.Unit, planned *node) {
	name, elsewhere, found := r.cell(colArea), false, 0
	for _, g := range p.there.grids {
		switch {
		case g.Kind != org.Area || g.Name != name:
		case where.Covers(g):
			u, found = g, found+1
		default:
			elsewhere = true
		}
	}
	for _, n := range p.units {
		if n.grid.Kind != org.Area || n.grid.Name != name {
			continue
		}
		if at := n.stands(); at == nil || where.Covers(at.grid) { // nil: that row says what is wrong
			planned, found = n, found+1
		} else {
			elsewhere = true
		}
	}
	switch {
	case found > 1:
		r.fault(colArea, errAmbiguous)
	case found == 0 && elsewhere:
		r.fault(colArea, household.ErrEntrancePlace)
	case found == 0:
		r.fault(colArea, errUnit)
	}
	return u, planned
}

// How many doors one entrance has at most, and all of an import together: it notes each of them.
const (
	maxHomes    = 500
	maxAllHomes = 50_000
)

// doorsOf are the doors that r lists, or as many numbers as it counts.
func doorsOf(r *Row) (doors []string) {
	count := 0
	if text := sheet.Digits(r.cell(colHomes)); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxHomes {
			r.fault(colHomes, errValue)
			return nil
		}
		count = n
	}
	if listed := r.cell(colDoors); listed != "" {
		doors = strings.FieldsFunc(listed, func(c rune) bool { return strings.ContainsRune(" ,，、;；\t\n", c) })
		slices.Sort(doors)
		if n := len(doors); n > maxHomes || n != len(slices.Compact(doors)) {
			r.fault(colDoors, errTwice)
		} else if count != 0 && count != n {
			r.fault(colHomes, errHomes)
		}
		for _, d := range doors {
			if utf8.RuneCountInString(d) > 20 {
				r.fault(colDoors, errTooLong)
			}
		}
		return doors
	}
	for i := range count {
		doors = append(doors, strconv.Itoa(i+1))
	}
	return doors
}

// planDoors says which doors of e are new. Doors that are counted only say nothing of an entrance whose doors are known,
// but how many there are.
func (p *plan) planDoors(r *Row, e *entrance, kind household.Kind, doors []string) {
	if e.there != nil && len(e.there.doors) > 0 && r.cell(colDoors) == "" {
		if len(doors) > 0 && len(doors) != len(e.there.doors) {
			r.fault(colHomes, errHomes)
		}
		return
	}
	for _, d := range doors {
		if e.there == nil || !e.there.doors[d] {
			e.doors = append(e.doors, household.Premises{Door: d, Kind: kind})
		}
	}
}

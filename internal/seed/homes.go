package seed

import (
	"context"
	"fmt"
	"strconv"

	"wanjia/internal/household"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// homes builds the doors of t: 8,000 households and 60 shops, each in exactly one area.
func homes(ctx context.Context, tx *db.Tx, t *town, from calendar.Day) error {
	for _, p := range t.places {
		h := &doors{}
		switch p.unit.Kind {
		case org.Community:
			if err := h.community(ctx, tx, p); err != nil {
				return err
			}
		case org.Village:
			h.houses(p, household.Home)
		case org.BusinessDistrict:
			h.houses(p, household.Shop)
		default: // nobody lives there
			continue
		}
		if err := h.build(ctx, tx, p, from); err != nil {
			return err
		}
	}
	return nil
}

// doors are what is built in a place: entrances, each in an area and with premises behind it.
type doors struct {
	entrances []household.Entrance
	areas     []org.UnitID
	premises  [][]household.Premises
}

func (h *doors) entrance(b household.Building, number string, a area, premises ...household.Premises) {
	e := household.Entrance{Number: number, Label: household.EntranceLabel(b.Number, number)}
	if b.ID != 0 {
		e.BuildingID = &b.ID
	}
	h.entrances, h.areas = append(h.entrances, e), append(h.areas, a.unit.ID)
	h.premises = append(h.premises, premises)
}

// community deals two entrances of twelve homes to each area: buildings 1 to 25 of 瑞和社区 hold one area, the
// others two; elsewhere each building holds one.
func (h *doors) community(ctx context.Context, tx *db.Tx, p *place) (err error) {
	next := 0
	for number := 1; next < len(p.areas); number++ {
		areas := 1
		if p.key == "rh" && number > 25 {
			areas = 2
		}
		b := household.Building{Number: strconv.Itoa(number)}
		if b.ID, err = household.AddBuilding(ctx, tx, p.unit.ID, b.Number); err != nil {
			return err
		}
		for e := range 2 * areas {
			homes := make([]household.Premises, 12)
			for door := range homes {
				homes[door] = household.Premises{Door: fmt.Sprintf("%d%02d", door/2+1, door%2+1), Kind: household.Home}
			}
			h.entrance(b, strconv.Itoa(e+1), p.areas[next+e/2], homes...)
		}
		next += areas
	}
	return nil
}

// houses gives every home or shop a door of its own: 2-30 is the thirtieth of the second area.
func (h *doors) houses(p *place, kind household.Kind) {
	for i, a := range p.areas {
		for n := range a.homes {
			number := fmt.Sprintf("%d-%d", i+1, n+1)
			h.entrance(household.Building{}, number, a, household.Premises{Door: number, Kind: kind})
		}
	}
}

// build stores it all.
func (h *doors) build(ctx context.Context, tx *db.Tx, p *place, from calendar.Day) error {
	if err := household.AddEntrances(ctx, tx, p.unit.ID, h.entrances); err != nil {
		return err
	}
	var premises []household.Premises
	deals := make([]household.Deal, len(h.entrances))
	for i, e := range h.entrances {
		deals[i] = household.Deal{Area: h.areas[i], Entrance: e.ID}
		for _, x := range h.premises[i] {
			x.EntranceID = e.ID
			premises = append(premises, x)
		}
	}
	if err := household.AddPremises(ctx, tx, premises); err != nil {
		return err
	}
	return household.DealNew(ctx, tx, from, deals)
}

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
	h := &doors{ctx: ctx, tx: tx}
	for _, p := range t.places {
		switch p.unit.Kind {
		case org.Community:
			h.community(p)
		case org.Village:
			h.houses(p, household.Home)
		case org.BusinessDistrict:
			h.houses(p, household.Shop)
		default: // nobody lives there
		}
	}
	if h.err != nil {
		return h.err
	}
	if err := household.AddPremises(ctx, tx, h.premises); err != nil {
		return err
	}
	return household.DealNew(ctx, tx, from, h.deals)
}

type doors struct {
	ctx      context.Context
	tx       *db.Tx
	premises []household.Premises
	deals    []household.Deal
	err      error
}

// entrance adds an entrance of a building (the zero Building: a door of its own) to an area.
func (h *doors) entrance(p *place, b household.Building, number string, a area) (id household.EntranceID) {
	if h.err == nil {
		id, h.err = household.AddEntrance(h.ctx, h.tx, p.unit.ID, b, number)
	}
	h.deals = append(h.deals, household.Deal{Area: a.unit.ID, Entrance: id})
	return id
}

// community deals two entrances of twelve homes to each area: buildings 1 to 25 of 瑞和社区 hold one area, the
// others two; elsewhere each building holds one.
func (h *doors) community(p *place) {
	next := 0
	for number := 1; next < len(p.areas); number++ {
		areas := 1
		if p.key == "rh" && number > 25 {
			areas = 2
		}
		b := household.Building{Number: strconv.Itoa(number)}
		if h.err == nil {
			b.ID, h.err = household.AddBuilding(h.ctx, h.tx, p.unit.ID, b.Number)
		}
		for e := range 2 * areas {
			id := h.entrance(p, b, strconv.Itoa(e+1), p.areas[next+e/2])
			for door := range 12 {
				h.premises = append(h.premises, household.Premises{
					EntranceID: id, Door: fmt.Sprintf("%d%02d", door/2+1, door%2+1), Kind: household.Home,
				})
			}
		}
		next += areas
	}
}

// houses gives every home or shop a door of its own: 2-30 is the thirtieth of the second area.
func (h *doors) houses(p *place, kind household.Kind) {
	for i, a := range p.areas {
		for n := range a.homes {
			number := fmt.Sprintf("%d-%d", i+1, n+1)
			id := h.entrance(p, household.Building{}, number, a)
			h.premises = append(h.premises, household.Premises{EntranceID: id, Door: number, Kind: kind})
		}
	}
}

package transfer

import (
	"context"

	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A plan is what rows come to, held against what is there: their errors, and what is to be made and changed. The dry run
// shows it, applying carries it out; both make it in the same way.
type plan struct {
	by       org.Actor
	uploader org.PersonID
	today    calendar.Day
	there    *present

	units   []*node // to be made, parents before what lies below them
	of      map[*Row]*node
	labels  []label
	holders []holding

	buildings []*building // to be made
	entrances []*entrance // to be made or dealt, or that get doors
	deals     int
	homes     int

	joining     []member.Joining
	corrections []correction
	posts       []post
	people      int
}

// A present is what is there of what by sees, as far as the rows need it.
type present struct {
	nodes    map[org.UnitID]*node // by party unit
	parties  map[string][]*node   // by the name of the party unit
	grids    []org.Unit
	sections map[string][]org.Unit
	leads    map[org.UnitID]org.PersonID
	admins   map[org.PersonID]bool
	seated   map[org.Seat]bool // who has the role of a member where
	known    []member.Known
	posts    map[org.PersonID]org.UnitID
	labels   map[org.UnitID]map[int]string

	buildings map[place]household.BuildingID
	entrances map[place]*standing
}

// A place names a building or an entrance: the level-4 unit, and what people call the thing there.
type place struct {
	unit org.UnitID
	name string
}

// A standing entrance is one that is there.
type standing struct {
	ID    household.EntranceID `db:"id"`
	Place org.UnitID           `db:"place_id"`
	Label string               `db:"label"`
	Area  *org.UnitID          `db:"area_id"` // today
	doors map[string]bool
}

// makePlan holds rows against what is there. It writes nothing, and what is wrong with a row it says there.
func makePlan(ctx context.Context, q db.Queryer, keys *sealed.Keys, by org.Actor, uploader org.PersonID, rows []*Row) (*plan, error) {
	p := &plan{by: by, uploader: uploader, today: calendar.DayOf(db.NowOf(q)), there: &present{}, of: map[*Row]*node{}}
	kinds := map[Kind][]*Row{}
	for _, r := range rows {
		r.Outcome, kinds[r.Kind] = "", append(kinds[r.Kind], r)
	}
	if err := p.there.readUnits(ctx, q, by, p.today); err != nil {
		return nil, err
	}
	if len(kinds[Units])+len(kinds[Members]) > 0 {
		if err := p.there.readPeople(ctx, q, keys, by, p.today); err != nil {
			return nil, err
		}
	}
	if len(kinds[Units]) > 0 {
		p.planUnits(kinds[Units])
		if err := p.planLabels(ctx, q, kinds[Units]); err != nil {
			return nil, err
		}
	}
	if len(kinds[Entrances]) > 0 {
		if err := p.planEntrances(ctx, q, kinds[Entrances]); err != nil {
			return nil, err
		}
	}
	p.planMembers(kinds[Members])
	return p, nil
}

// changes counts what p makes and changes.
func (p *plan) changes() Changes {
	c := Changes{
		PartyUnits: len(p.units), GridUnits: len(p.units), Links: len(p.units), Labels: len(p.labels), Holders: len(p.holders),
		Buildings: len(p.buildings), Deals: p.deals, Homes: p.homes,
		People: p.people, Members: len(p.joining), Corrections: len(p.corrections), Posts: len(p.posts),
	}
	for _, e := range p.entrances {
		if e.there == nil {
			c.Entrances++
		}
	}
	return c
}

// summary is what p changes, and what is wrong with rows.
func (p *plan) summary(rows []*Row) (s Summary, failed int) {
	s = Summary{Changes: p.changes(), Errors: map[string]int{}}
	for _, r := range rows {
		if len(r.Faults) > 0 {
			failed++
		}
		for _, f := range r.Faults {
			s.Errors[f.Code]++
		}
	}
	return s, failed
}

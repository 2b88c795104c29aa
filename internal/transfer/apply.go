package transfer

import (
	"context"

	"wanjia/internal/household"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// A maker carries a plan out and notes what it made.
type maker struct {
	s    *Service
	tx   *db.Tx
	plan *plan
	made []thing
}

// carryOut makes and changes what p says, and answers what that was.
func (s *Service) carryOut(ctx context.Context, tx *db.Tx, p *plan) ([]thing, error) {
	m := &maker{s: s, tx: tx, plan: p}
	for _, do := range []func(context.Context) error{m.units, m.labels, m.holders, m.entrances, m.members, m.corrections, m.posts} {
		if err := do(ctx); err != nil {
			return nil, err
		}
	}
	return m.made, nil
}

func (m *maker) note(kind string, ref int64) { m.made = append(m.made, thing{Kind: kind, Ref: ref}) }

// noteBefore notes what stood where something is changed.
func (m *maker) noteBefore(kind string, ref int64, before any) error {
	t, err := text(before)
	m.made = append(m.made, thing{Kind: kind, Ref: ref, Before: t})
	return err
}

func (m *maker) units(ctx context.Context) error {
	if err := m.holdParents(ctx); err != nil {
		return err
	}
	for _, n := range m.plan.units {
		party, err := org.AddUnit(ctx, m.tx, org.NewUnit{
			Kind: n.party.Kind, Name: n.party.Name, Parent: n.parent.party, From: m.plan.today,
		})
		if err != nil {
			return err
		}
		grid, err := org.AddUnit(ctx, m.tx, org.NewUnit{
			Kind: n.grid.Kind, Name: n.grid.Name, Parent: n.parent.grid, From: m.plan.today,
		})
		if err != nil {
			return err
		}
		if err := org.Link(ctx, m.tx, party, grid, m.plan.today); err != nil {
			return err
		}
		party.Level = grid.Level
		n.party, n.grid = party, grid
		m.note(madeUnit, int64(party.ID))
		m.note(madeUnit, int64(grid.ID))
	}
	return nil
}

// holdParents keeps the units that new ones come below from being moved meanwhile. One that was moved since the plan
// was made is a conflict: its path is another.
func (m *maker) holdParents(ctx context.Context) error {
	was := map[org.UnitID]org.Unit{}
	for _, n := range m.plan.units {
		for _, u := range []org.Unit{n.parent.party, n.parent.grid} {
			if u.ID != 0 {
				was[u.ID] = u
			}
		}
	}
	ids := make([]org.UnitID, 0, len(was))
	for id := range was {
		ids = append(ids, id)
	}
	if err := hold(ctx, m.tx, ids...); err != nil {
		return err
	}
	now, err := org.UnitsByID(ctx, m.tx, ids...)
	if err != nil {
		return err
	}
	for id, u := range was {
		if now[id].Path != u.Path {
			return problem.ErrConflict
		}
	}
	return nil
}

func (m *maker) labels(ctx context.Context) error {
	for _, l := range m.plan.labels {
		if err := org.SetLabel(ctx, m.tx, l.Place, l.Level, l.Word, m.plan.today); err != nil {
			return err
		}
		if err := m.noteBefore(madeLabel, int64(l.Place), l); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) holders(ctx context.Context) error {
	for _, h := range m.plan.holders {
		own, err := org.AssignmentsOf(ctx, m.tx, h.person, m.plan.today)
		if err != nil {
			return err
		}
		// Whoever is a member and nothing more acts as a lead from now on; a role that somebody chose stays the first.
		first := len(own) == 0 || own[0].Role == org.RoleMember
		if err := m.assign(ctx, org.NewAssignment{
			Person: h.person, Role: org.LeadRole(h.of.party), Unit: h.of.party, Primary: first, Span: org.Span{From: m.plan.today},
			GrantedBy: m.plan.uploader,
		}); err != nil {
			return err
		}
	}
	return nil
}

// assign gives a role to somebody who was there before, and tells them.
func (m *maker) assign(ctx context.Context, n org.NewAssignment) error {
	id, err := org.Assign(ctx, m.tx, n)
	if err != nil {
		return err
	}
	a, err := org.AssignmentByID(ctx, m.tx, id)
	if err != nil {
		return err
	}
	m.note(madeAssignment, int64(id))
	return m.s.changed(ctx, m.tx, m.plan.by, org.RoleGranted, a)
}

func (m *maker) entrances(ctx context.Context) error {
	for _, b := range m.plan.buildings {
		id, err := household.AddBuilding(ctx, m.tx, b.place, b.number)
		if err != nil {
			return conflictIfThere(err)
		}
		b.id = id
		m.note(madeBuilding, int64(id))
	}
	var deals []household.Deal
	var premises []household.Premises
	var dealt, furnished []household.EntranceID
	for _, e := range m.plan.entrances {
		id, err := m.entrance(ctx, e)
		if err != nil {
			return err
		}
		if e.deal {
			deals, dealt = append(deals, household.Deal{Area: e.areaID(), Entrance: id}), append(dealt, id)
		}
		for _, p := range e.doors {
			p.EntranceID = id
			premises = append(premises, p)
		}
		if len(e.doors) > 0 {
			furnished = append(furnished, id)
		}
	}
	if err := household.DealNew(ctx, m.tx, m.plan.today, deals); err != nil {
		return conflictIfThere(err)
	}
	if err := household.AddPremises(ctx, m.tx, premises); err != nil {
		return conflictIfThere(err)
	}
	ids, err := newDeals(ctx, m.tx, dealt, m.plan.today)
	if err != nil {
		return err
	}
	for _, id := range ids {
		m.note(madeDeal, id)
	}
	ids, err = newHomes(ctx, m.tx, furnished, m.tx.Now)
	for _, id := range ids {
		m.note(madeHome, id)
	}
	return err
}

// conflictIfThere says that somebody has made the same thing since the plan was made.
func conflictIfThere(err error) error {
	if db.IsDuplicate(err) {
		return problem.ErrConflict
	}
	return err
}

func (m *maker) entrance(ctx context.Context, e *entrance) (household.EntranceID, error) {
	if e.there != nil {
		return e.there.ID, nil
	}
	in := household.Building{ID: e.in, Number: e.inNumber}
	if e.building != nil {
		in.ID = e.building.id
	}
	id, err := household.AddEntrance(ctx, m.tx, e.place, in, e.number)
	if err != nil {
		return 0, conflictIfThere(err)
	}
	m.note(madeEntrance, int64(id))
	return id, nil
}

// members enters people into the rosters. They get the role of a member where one can stand: the members of a general
// branch get theirs with the branch they come to.
func (m *maker) members(ctx context.Context) error {
	added, err := member.JoinAll(ctx, m.tx, m.s.keys, m.plan.joining)
	if err != nil {
		return err
	}
	var seats []org.Seat
	for i, j := range m.plan.joining {
		m.note(madeMember, int64(added[i].ID))
		role := org.RoleMember.MayStandOn(j.Home)
		switch {
		case j.PersonID == 0:
			m.note(madePerson, int64(added[i].PersonID))
			if role {
				seats = append(seats, org.Seat{Person: added[i].PersonID, Unit: j.Home.ID})
			}
		case role && !m.plan.there.seated[org.Seat{Person: j.PersonID, Unit: j.Home.ID}]:
			err := m.assign(ctx, org.NewAssignment{Person: j.PersonID, Role: org.RoleMember, Unit: j.Home, Span: org.Span{From: m.plan.today}})
			if err != nil {
				return err
			}
		}
	}
	ids, err := org.AssignNew(ctx, m.tx, org.RoleMember, seats, m.plan.today)
	if err != nil {
		return err
	}
	for _, id := range ids {
		m.note(madeSeat, int64(id))
	}
	for i, p := range m.plan.posts {
		if p.person == 0 {
			m.plan.posts[i].person, m.plan.posts[i].made = added[p.joins].PersonID, true
		}
	}
	return nil
}

func (m *maker) corrections(ctx context.Context) error {
	for _, c := range m.plan.corrections {
		if err := member.Restate(ctx, m.tx, m.s.keys, c.entry.ID, c.entry.Version, c.status, c.since); err != nil {
			return err
		}
		b := before{Status: c.entry.Status, Since: c.entry.Since, Version: c.entry.Version + 1}
		if err := m.noteBefore(madeCorrection, int64(c.entry.ID), b); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) posts(ctx context.Context) error {
	posts := make([]member.Post, 0, len(m.plan.posts))
	for _, p := range m.plan.posts {
		posts = append(posts, member.Post{PersonID: p.person, Section: p.section})
		if p.made { // and goes with whoever holds it
			continue
		}
		if err := m.noteBefore(madePost, int64(p.person), postBefore{m.plan.there.posts[p.person], p.section, m.plan.today}); err != nil {
			return err
		}
	}
	return member.SetPosts(ctx, m.tx, posts)
}

package transfer

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/sheet"
)

// A node is a party unit with the grid unit it answers for; ids are 0 while it is only planned.
type node struct {
	party, grid org.Unit
	parent      *node
	row         *Row // nil: it is there
	wrong       bool // its row is wrong, so nothing can stand below it
}

// stands is the unit that is there and that n is, or is to come below; nil when a row between them is wrong.
func (n *node) stands() *node {
	for n != nil && n.row != nil {
		n = n.parent
	}
	return n
}

// A label is a word of a place for one of its levels, and what the place itself said before; "" is the usual word.
type label struct {
	Place  org.UnitID   `json:"place"`
	Level  int          `json:"level"`
	Word   string       `json:"word"`
	Day    calendar.Day `json:"day"`
	Before string       `json:"before"`
}

// A holding is a person who gets to lead a unit.
type holding struct {
	person org.PersonID
	of     *node
}

// levels are the words for levels in a file, and what stands on each in the two trees.
var levels = map[string]struct {
	level       int
	party, grid org.UnitKind
}{
	"3": {3, org.Branch, org.Grid}, "支部": {3, org.Branch, org.Grid}, "党支部": {3, org.Branch, org.Grid},
	"2": {2, org.PartyGroup, org.Block}, "小组": {2, org.PartyGroup, org.Block}, "党小组": {2, org.PartyGroup, org.Block},
	"1": {1, org.CenterHousehold, org.Area}, "中心户": {1, org.CenterHousehold, org.Area}, "党员中心户": {1, org.CenterHousehold, org.Area},
	"责任区": {1, org.CenterHousehold, org.Area},
}

// planUnits says what rows of units come to: each is a party unit, the grid unit it answers for, and their link.
func (p *plan) planUnits(rows []*Row) {
	ordered := slices.Clone(rows)
	height := func(r *Row) int { // parents first, whatever the order of the file; what is on no level may be anybody's
		if l, ok := levels[r.cell(colLevel)]; ok {
			return l.level
		}
		return 9
	}
	slices.SortStableFunc(ordered, func(a, b *Row) int { return cmp.Compare(height(b), height(a)) })
	for _, r := range ordered {
		r.settle(p.planUnit(r))
	}
}

func (p *plan) planUnit(r *Row) Outcome {
	shape, ok := levels[r.cell(colLevel)]
	if !ok && r.cell(colLevel) != "" {
		r.fault(colLevel, errValue)
	}
	var above *node
	if ok && r.cell(colParent) != "" {
		above = p.find(r, colParent)
	}
	if len(r.Faults) > 0 {
		if name := r.cell(colParty); name != "" { // so that what lies below complains of nothing but this
			p.there.parties[name] = append(p.there.parties[name], &node{row: r, wrong: true, party: org.Unit{Name: name}})
		}
		return Refused
	}
	n := &node{
		row: r, parent: above, wrong: above.wrong,
		party: org.Unit{Tree: org.PartyTree, Kind: shape.party, Name: r.cell(colParty), Level: shape.level},
		grid:  org.Unit{Tree: org.GridTree, Kind: shape.grid, Name: r.cell(colGrid), Level: shape.level},
	}
	p.of[r] = n
	if !above.wrong {
		p.stand(r, n, above)
	}
	there, alike := p.twin(r, n)
	if there == nil && !alike {
		p.there.parties[n.party.Name] = append(p.there.parties[n.party.Name], n)
	}
	outcome := p.lead(r, cmp.Or(there, n))
	if len(r.Faults) > 0 {
		n.wrong = true
		return Refused
	}
	if there == nil {
		p.units = append(p.units, n)
		return New
	}
	return outcome
}

// stand notes why n cannot stand below above.
func (p *plan) stand(r *Row, n, above *node) {
	if above.grid.Kind == "" {
		r.fault(colParent, errNoGrid)
		return
	}
	for _, err := range []error{n.party.Kind.Under(above.party), n.grid.Kind.Under(above.grid)} {
		if why, ok := err.(*problem.Problem); ok { //nolint:errorlint // because these are the rule's own words, never wrapped
			r.fault(colParent, why)
		}
	}
}

// twin is the unit below n's parent that is what n would be; nil if there is none. One that is only alike is an error:
// an import makes units, and renames or moves none.
func (p *plan) twin(r *Row, n *node) (there *node, alike bool) {
	for _, other := range p.there.parties[n.party.Name] {
		switch {
		case other.parent != n.parent || other.parent == nil:
		case other.row != nil:
			r.fault(colParty, errTwice)
			return nil, true
		case other.party.Kind != n.party.Kind || other.grid.Name != n.grid.Name || other.grid.Kind != n.grid.Kind:
			r.fault(colGrid, errUnitDiffers)
			return nil, true
		default:
			return other, false
		}
	}
	if n.parent.grid.ID != 0 && slices.ContainsFunc(p.there.grids, func(g org.Unit) bool {
		above := g.Above()
		return g.Name == n.grid.Name && len(above) > 0 && above[len(above)-1] == n.parent.grid.ID
	}) {
		r.fault(colGrid, errUnitDiffers)
	}
	return nil, false
}

// find is the unit that a cell of r names: by its name or, where several have it, by names of those above it as well,
// "枕溪社区党总支/第1党支部". What is not below the asker is not there.
func (p *plan) find(r *Row, col string) *node {
	names := strings.Split(r.cell(col), "/")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	var found []*node
	for _, n := range p.there.parties[names[len(names)-1]] {
		left := names[:len(names)-1]
		for at := n.parent; at != nil && len(left) > 0; at = at.parent {
			if at.party.Name == left[len(left)-1] {
				left = left[:len(left)-1]
			}
		}
		if len(left) == 0 {
			found = append(found, n)
		}
	}
	switch len(found) {
	case 0:
		r.fault(col, errUnit)
	case 1:
		return found[0]
	default:
		r.fault(col, errAmbiguous)
	}
	return nil
}

// lead plans who leads n, as r says it.
func (p *plan) lead(r *Row, n *node) Outcome {
	if r.cell(colHolder) == "" {
		if r.cell(colHolderPhone) != "" {
			r.fault(colHolder, errMissing)
		}
		return Same
	}
	if p.by.Role == org.RoleSystemAdmin { // who grants nobody anything (§3.4)
		r.fault(colHolder, errNoHolders)
		return Refused
	}
	who := p.holder(r, n)
	switch {
	case who == nil:
		return Refused
	case who.PersonID == p.by.PersonID, who.PersonID == p.uploader:
		if p.there.leads[n.party.ID] == who.PersonID && n.party.ID != 0 {
			return Same
		}
		r.fault(colHolder, org.ErrSelfGrant)
		return Refused
	case p.there.admins[who.PersonID]:
		r.fault(colHolder, org.ErrRolesExclusive)
		return Refused
	}
	if n.party.ID != 0 {
		switch p.there.leads[n.party.ID] {
		case who.PersonID:
			return Same
		case 0:
		default: // an import takes nobody's role away
			r.fault(colHolder, org.ErrPostTaken)
			return Refused
		}
	}
	if len(r.Faults) == 0 && !n.wrong {
		p.holders = append(p.holders, holding{who.PersonID, n})
	}
	return Changed
}

// holder is the person that r names: by name and phone or, without one, by a name that is the only one of its kind in
// the organisation.
func (p *plan) holder(r *Row, n *node) *member.Known {
	name, number := r.cell(colHolder), sheet.Digits(r.cell(colHolderPhone))
	var phone sealed.Phone
	if number != "" {
		var err error
		if phone, err = sealed.ParsePhone(number); err != nil {
			r.fault(colHolderPhone, sealed.ErrPhone)
			return nil
		}
	}
	top := primary(n)
	var found []*member.Known
	for i := range p.there.known {
		k := &p.there.known[i]
		if k.Name.Reveal() != name || !phone.Empty() && k.Phone != phone {
			continue
		}
		if home := p.there.nodes[k.Home]; !phone.Empty() || home != nil && primary(home) == top {
			found = append(found, k)
		}
	}
	switch {
	case len(found) == 0:
		r.fault(colHolder, errNobody)
	case len(found) > 1:
		r.fault(colHolder, errNamesakes)
	default:
		return found[0]
	}
	return nil
}

// primary is the organisation right below the subdistrict committee that n is or lies in; or what is highest of what by
// sees.
func primary(n *node) *node {
	for n.parent != nil && n.parent.party.Kind != org.SubdistrictCommittee {
		n = n.parent
	}
	return n
}

// planLabels says which words of places for their levels rows change. All rows of a level say the same, or nothing.
func (p *plan) planLabels(ctx context.Context, q db.Queryer, rows []*Row) error {
	said := map[org.UnitID]map[int]string{}
	for _, r := range rows {
		word := r.cell(colLabel)
		if word == "" || len(r.Faults) > 0 || p.of[r].wrong {
			continue
		}
		level, at := levels[r.cell(colLevel)].level, p.of[r].stands()
		i := slices.IndexFunc(p.there.grids, func(g org.Unit) bool { return org.IsPlace(g.Kind) && g.Covers(at.grid) })
		if i < 0 { // a unit without level-4 place above it, or one that the asker does not see
			r.fault(colLabel, errUnit)
			r.settle(Refused)
			continue
		}
		where := p.there.grids[i]
		if said[where.ID] == nil {
			said[where.ID] = map[int]string{}
		}
		if other := said[where.ID][level]; other != "" && other != word {
			r.fault(colLabel, errLabelDiffers)
			r.settle(Refused)
			continue
		} else if other == word {
			continue
		}
		said[where.ID][level] = word
		if p.there.labels[where.ID] == nil {
			labels, err := org.Labels(ctx, q, where, p.today)
			if err != nil {
				return err
			}
			p.there.labels[where.ID] = labels
		}
		if p.there.labels[where.ID][level] != word {
			own, err := ownLabel(ctx, q, where.ID, level, p.today)
			if err != nil {
				return err
			}
			p.labels = append(p.labels, label{where.ID, level, word, p.today, own})
			if r.Outcome == Same {
				r.settle(Changed)
			}
		}
	}
	return nil
}

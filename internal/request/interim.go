package request

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// standsIn says whether by acts for the unit that holds r, since nobody leads that today, or nobody who may know of a
// concern, and by leads the next one up the ladder (T8).
func (r Seen) standsIn(ctx context.Context, q db.Queryer, by org.Actor) (bool, error) {
	below := by.Grid.ID != 0 && r.HolderUnitID != by.Grid.ID && strings.HasPrefix(r.HolderPath, by.Grid.Path)
	if by.Role == org.RoleCommitteeSecretary { // who follows the office, and has the same unit
		below = by.Grid.ID != 0 && strings.HasPrefix(r.HolderPath, by.Grid.Path)
	}
	if r.HolderRole != "" || !below || !leading[by.Role] && by.Role != org.RoleCommitteeSecretary {
		return false, nil
	}
	u, err := org.UnitByID(ctx, q, r.HolderUnitID)
	if err != nil {
		return false, err
	}
	ladder, err := org.Ladder(ctx, q, u)
	if err != nil {
		return false, err
	}
	from := r.Level
	if u.Kind == org.Section { // which stands on no ladder: the office is above it
		free, err := r.unheaded(ctx, q, u.ID)
		if err != nil || !free {
			return false, err
		}
		if ladder, err = ladderOf(ctx, q, r.Request); err != nil {
			return false, err
		}
		from = topLevel
	}
	_, in, err := leadFrom(ctx, q, r.Request, ladder, from)
	if err != nil {
		return false, err
	}
	return r.oneOf(ctx, q, by, in)
}

// unheaded says whether nobody heads a section who may know of r.
func (r Request) unheaded(ctx context.Context, q db.Queryer, section org.UnitID) (bool, error) {
	head, err := inSeat(ctx, q, seat{Unit: section})
	if err == nil {
		head, err = unconcerned(ctx, q, r, head)
	}
	return len(head) == 0, err
}

// oneOf says whether by is one of in and may know of r: who stands in for one of them may be somebody whom a concern is kept
// from.
func (r Request) oneOf(ctx context.Context, q db.Queryer, by org.Actor, in []org.Incumbent) (bool, error) {
	if !slices.ContainsFunc(in, func(i org.Incumbent) bool { return i.Assignment == by.Assignment }) {
		return false, nil
	}
	self, err := unconcerned(ctx, q, r, []org.Incumbent{{Person: by.PersonID, Assignment: by.Assignment, Role: by.Role}})
	return len(self) > 0, err
}

// leadsSeat says whether by leads whoever holds r, and may know of it.
func (r Request) leadsSeat(ctx context.Context, q db.Queryer, by org.Actor) (bool, error) {
	ladder, err := ladderOf(ctx, q, r)
	if err != nil {
		return false, err
	}
	_, in, err := leadOf(ctx, q, r, ladder)
	if err != nil {
		return false, err
	}
	return r.oneOf(ctx, q, by, in)
}

// leadsPlace says whether by acts for the lead of r's place, since nobody leads that today who may know of r (T8): only who
// stands above all places does. What was opened above its place is not that lead's.
func (r Request) leadsPlace(ctx context.Context, q db.Queryer, by org.Actor) (bool, error) {
	if by.Grid.Kind != org.Subdistrict || !abovePlaces[by.Role] {
		return false, nil
	}
	ladder, err := ladderOf(ctx, q, r)
	if err != nil || r.abovePlace(ladder) {
		return false, err
	}
	_, in, err := leadFrom(ctx, q, r, ladder, placeLevel)
	if err != nil {
		return false, err
	}
	return r.oneOf(ctx, q, by, in)
}

// abovePlaces are the roles that stand above all places, and follow nothing that is opened below.
var abovePlaces = map[org.Role]bool{org.RolePartyOffice: true, org.RoleCommitteeSecretary: true}

// findInterim is a request that by sees, though by does not follow what is opened below: for acting meanwhile for whoever
// holds it, or for the lead of its place as long as that lead has something to do with it, or for having been told of it as
// whoever leads its holder; else it is not found.
func findInterim(ctx context.Context, q db.Queryer, by org.Actor, id ID, window time.Duration) (Seen, error) {
	if !abovePlaces[by.Role] {
		return Seen{}, problem.ErrNotFound
	}
	rows, err := byIDs(ctx, q, []ID{id})
	if err != nil {
		return Seen{}, err
	}
	if len(rows) == 0 {
		return Seen{}, problem.ErrNotFound
	}
	r := rows[0]
	if err := r.stand(ctx, q, by); err != nil {
		return Seen{}, err
	}
	found, err := r.fromAbove(ctx, q, by, window)
	if err == nil && !found {
		err = problem.ErrNotFound
	}
	if err != nil {
		return Seen{}, err
	}
	return r, nil
}

// fromAbove says whether by, who stands above all places, has something to do with r.
func (r Request) fromAbove(ctx context.Context, q db.Queryer, by org.Actor, window time.Duration) (bool, error) {
	switch {
	case r.State.Open() && (r.Interim || r.ForPlace):
		return true, nil
	case r.State.Open():
		return r.leadHeard(ctx, q, by)
	case r.ForPlace:
		return r.comesBack(ctx, q, window)
	}
	return false, nil
}

// stand notes for whom by acts of those who have to do with r and are gone.
func (r *Seen) stand(ctx context.Context, q db.Queryer, by org.Actor) (err error) {
	if r.Interim, err = r.standsIn(ctx, q, by); err != nil {
		return err
	}
	r.ForPlace, err = r.leadsPlace(ctx, q, by)
	return err
}

// comesBack says whether the lead of r's place can still let r, which is over, go on: undo that it was merged, or open it again.
func (r Request) comesBack(ctx context.Context, q db.Queryer, window time.Duration) (bool, error) {
	now := db.NowOf(q)
	if r.State == Merged {
		return r.late(now, unmergeWindow) == nil, nil
	}
	theirs, err := endedForThem(ctx, q, r)
	return err == nil && r.over(theirs) == nil && r.late(now, window) == nil, err
}

// leadHeard says whether by leads the holder of r and was told of it: by its clocks, which are the only way in which whoever
// stands above all places comes to know of what others hold.
func (r Request) leadHeard(ctx context.Context, q db.Queryer, by org.Actor) (bool, error) {
	timers, err := timersOf(ctx, q, r.ID)
	if err != nil {
		return false, err
	}
	now, heard := db.NowOf(q), false
	for _, t := range timers {
		heard = heard || t.toldLead(r, now)
	}
	if !heard {
		return false, nil
	}
	return r.leadsSeat(ctx, q, by)
}

// vacant are the units for which by acts meanwhile, since nobody leads them, nor any between them and by's own: below a
// lead, below the office, and while that is empty its own for the committee's secretary (T8).
func vacant(ctx context.Context, q db.Queryer, by org.Actor) ([]org.UnitID, error) {
	var units []org.Unit
	var err error
	switch {
	case by.Role == org.RolePartyOffice && by.Grid.Kind == org.Subdistrict:
		units, err = vacantBelow(ctx, q, by.Grid)
	case by.Role == org.RoleCommitteeSecretary && by.Grid.Kind == org.Subdistrict:
		var office []org.Incumbent
		if office, err = leads(ctx, q, by.Grid); err != nil || len(office) > 0 {
			return nil, err
		}
		units, err = vacantBelow(ctx, q, by.Grid)
		units = append(units, by.Grid)
	case leading[by.Role]:
		units, err = org.Vacant(ctx, q, by)
	}
	ids := make([]org.UnitID, len(units))
	for i, u := range units {
		ids[i] = u.ID
	}
	return ids, err
}

// vacantBelow are the units below a subdistrict that its office acts for meanwhile, sections among them.
func vacantBelow(ctx context.Context, q db.Queryer, subdistrict org.Unit) ([]org.Unit, error) {
	day := calendar.DayOf(db.NowOf(q))
	units, err := org.VacantBelow(ctx, q, subdistrict, day)
	if err != nil {
		return nil, err
	}
	sections, err := org.UnledSections(ctx, q, subdistrict, day)
	return append(units, sections...), err
}

// standsFor says whether by acts meanwhile for a unit that nobody leads.
func standsFor(ctx context.Context, q db.Queryer, by org.Actor, unit org.UnitID) (bool, error) {
	also, err := vacant(ctx, q, by)
	return slices.Contains(also, unit), err
}

// giver is by as whose word a promise about r is: who acts meanwhile for a unit that nobody leads gives its word, which
// whoever comes to lead it finds and keeps (T8).
func (r Seen) giver(ctx context.Context, q db.Queryer, by org.Actor) (org.Actor, error) {
	if !r.Interim {
		return by, nil
	}
	in, err := standsFor(ctx, q, by, r.HolderUnitID)
	if err != nil || !in { // a concern that whoever leads there must not know of
		return by, err
	}
	u, err := org.UnitByID(ctx, q, r.HolderUnitID)
	if err != nil {
		return org.Actor{}, err
	}
	role := org.RolePartyOffice
	switch u.Kind {
	case org.Subdistrict:
	case org.Section:
		role = org.RoleSectionHead
	default:
		party, err := org.LinkedParty(ctx, q, u.ID, calendar.DayOf(db.NowOf(q)))
		if err != nil {
			return org.Actor{}, err
		}
		role = org.LeadRole(party)
	}
	if role != "" { // else nobody ever leads it
		by.Grid, by.Role = u, role
	}
	return by, nil
}

// holdsToday is the condition that a unit and a role in it, in two columns, are by's own, or that by acts meanwhile for
// that unit, and its arguments. For whoever stands in for nobody it names one unit, so that a list is read in the order
// of its index.
func holdsToday(ctx context.Context, q db.Queryer, by org.Actor, unit, role string) (condition string, args []any, err error) {
	s := sightOf(by)
	also, err := vacant(ctx, q, by)
	if err != nil || len(also) == 0 {
		return unit + ` = ? AND ` + role + ` IN (?, ?)`, []any{s.unit, s.roles[0], s.roles[1]}, err
	}
	return db.In(unit+` IN (?) AND (`+unit+` = ? AND `+role+` IN (?, ?) OR `+unit+` IN (?) AND `+role+` = '')`,
		append(also, s.unit), s.unit, s.roles[0], s.roles[1], also)
}

// leadsAbove says whether there are seats below by that a concern can be kept from: below an area, or a section, there are none.
func leadsAbove(by org.Actor) bool {
	switch by.Role {
	case org.RoleAreaHolder, org.RoleSectionHead:
		return false
	case org.RoleCommitteeSecretary:
		return true
	default:
		return leading[by.Role]
	}
}

// keptFrom are the open concerns of a seat below by that has come to somebody whom they are kept from, and that by, who leads
// the next one up the ladder, has instead (V6). The seat is that of whoever holds them or of the list they lie still on.
func keptFrom(ctx context.Context, q db.Queryer, by org.Actor, seat concernSeat) (ids []ID, err error) {
	from, to := by.Scope()
	if from == "" || !leadsAbove(by) {
		return nil, nil
	}
	rows, err := concernsBelow(ctx, q, seat, from, to)
	for _, r := range rows {
		if r.SeatUnit == by.Grid.ID && by.Role != org.RoleCommitteeSecretary { // their own, if they may know of it
			continue
		}
		ladder, err := ladderOf(ctx, q, r.Request)
		if err != nil {
			return nil, err
		}
		from := r.SeatLevel
		if from == 0 { // a section, which is below the office
			free, err := r.unheaded(ctx, q, r.SeatUnit)
			if err != nil {
				return nil, err
			}
			if !free {
				continue
			}
			from = topLevel
		}
		_, in, err := leadFrom(ctx, q, r.Request, ladder, from)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(in, func(i org.Incumbent) bool { return i.Assignment == by.Assignment }) {
			ids = append(ids, r.ID)
		}
	}
	return ids, err
}

// orKeptFrom is condition, or that request r is a concern that by has since it is kept from whoever has its seat.
func orKeptFrom(ctx context.Context, q db.Queryer, by org.Actor, seat concernSeat, condition string, args []any) (string, []any, error) {
	ids, err := keptFrom(ctx, q, by, seat)
	if err != nil || len(ids) == 0 {
		return condition, args, err
	}
	in, also, err := db.In(`r.id IN (?)`, ids)
	return `(` + condition + ` OR ` + in + `)`, append(args, also...), err
}

// emptySeats are the roles beside the lead of units that have promised something and that nobody has today.
func emptySeats(ctx context.Context, q db.Queryer, units []org.UnitID) (empty []seat, err error) {
	if len(units) == 0 {
		return nil, nil
	}
	query, args, err := db.In(`
		SELECT DISTINCT unit_id AS holder_unit_id, role AS holder_role
		FROM promise
		WHERE unit_id IN (?) AND state = ? AND role NOT IN (?)`, units, PromiseOpen, slices.Sorted(maps.Keys(leading)))
	if err != nil {
		return nil, err
	}
	if err := q.Select(ctx, &empty, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who beside the lead has promised something")
	}
	var failed error
	empty = slices.DeleteFunc(empty, func(s seat) bool {
		in, err := inSeat(ctx, q, s)
		failed = errors.Join(failed, err)
		return len(in) > 0
	})
	return empty, failed
}

// gaveWord is the condition that promise p, which is about request r if about any, is to be kept by by today, and its
// arguments: by's own, those of the leads for whom by acts meanwhile, and those about concerns that by keeps instead of
// whoever must not know of them (V6).
func gaveWord(ctx context.Context, q db.Queryer, by org.Actor) (condition string, args []any, err error) {
	also, err := vacant(ctx, q, by)
	if err != nil {
		return "", nil, err
	}
	condition, args = `p.unit_id = ? AND p.role = ?`, []any{by.Grid.ID, by.Role}
	roles := slices.Sorted(maps.Keys(leading))
	if len(also) > 0 {
		if condition, args, err = db.In(`p.unit_id IN (?) AND (p.unit_id = ? AND p.role = ? OR p.unit_id IN (?) AND p.role IN (?))`,
			append(also, by.Grid.ID), by.Grid.ID, by.Role, also, roles); err != nil {
			return "", nil, err
		}
	}
	if leading[by.Role] {
		also = append(also, by.Grid.ID)
	}
	seats, err := emptySeats(ctx, q, also)
	if err != nil {
		return "", nil, err
	}
	for _, s := range seats {
		condition, args = `(`+condition+` OR p.unit_id = ? AND p.role = ?)`, append(args, s.Unit, s.Role)
	}
	ids, err := keptWords(ctx, q, by)
	if err != nil || len(ids) == 0 {
		return condition, args, err
	}
	theirs, more, err := db.In(`p.id IN (?)`, ids)
	return `(` + condition + ` OR ` + theirs + `)`, append(args, more...), err
}

// keptWords are the open promises about concerns that are kept from whoever has come to the seat they were given from, or
// that nobody has any more, and that by, who leads above it, keeps instead (V6).
func keptWords(ctx context.Context, q db.Queryer, by org.Actor) (ids []PromiseID, err error) {
	from, to := by.Scope()
	if from == "" || !leadsAbove(by) {
		return nil, nil
	}
	all, err := promisesAboutConcerns(ctx, q, from, to)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		switch err := p.mayAct(ctx, q, by); {
		case err == nil:
			ids = append(ids, p.ID)
		case !errors.Is(err, problem.ErrNotFound):
			return nil, err
		}
	}
	return ids, nil
}

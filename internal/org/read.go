package org

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// readable is the range of paths of a tree that by may read units in: the whole subdistrict for whoever has a role
// in it (§3.5, column UN), and the public names of the grid for a resident. Nobody signed in reads nothing.
func readable(ctx context.Context, q db.Queryer, by Actor, tree Tree, day calendar.Day) (from, to string, err error) {
	switch {
	case !guard.On(guard.GridScope) && tree == GridTree, !guard.On(guard.PartyScope) && tree == PartyTree:
		return "/", "0", nil
	case by.system, by.Role == RoleResident && by.PersonID != 0 && tree == GridTree:
		return "/", "0", nil
	case by.Unit.ID == 0:
		return "", "", nil
	}
	own := by.Unit.subdistrict()
	if own.Tree != tree {
		if tree == GridTree {
			own, err = LinkedGrid(ctx, q, own.ID, day)
		} else {
			own, err = LinkedParty(ctx, q, own.ID, day)
		}
	}
	from, to = below(own)
	return from, to, err
}

// SubdistrictOf is the subdistrict that by's unit lies in or is, and the committee that answers for it on day.
func SubdistrictOf(ctx context.Context, q db.Queryer, by Actor, day calendar.Day) (grid, party Unit, err error) {
	own := by.Unit.subdistrict()
	if own.ID == 0 {
		return Unit{}, Unit{}, problem.ErrNotFound
	}
	if own, err = UnitByID(ctx, q, own.ID); err != nil {
		return Unit{}, Unit{}, err
	}
	if own.Tree == GridTree {
		party, err = LinkedParty(ctx, q, own.ID, day)
		return own, party, err
	}
	grid, err = LinkedGrid(ctx, q, own.ID, day)
	return grid, own, err
}

// FindReadable returns a unit that by may read, though perhaps not change; outside is not found.
func FindReadable(ctx context.Context, q db.Queryer, by Actor, id UnitID, day calendar.Day) (Unit, error) {
	u, err := UnitByID(ctx, q, id)
	if err != nil {
		return Unit{}, err
	}
	from, to, err := readable(ctx, q, by, u.Tree, day)
	if err == nil && (u.Path < from || u.Path >= to) {
		err = problem.ErrNotFound
	}
	if err != nil {
		return Unit{}, err
	}
	return u, nil
}

// A Listed is a unit of a list, as it was on the day asked for.
type Listed struct {
	Unit
	ParentID  *UnitID       `db:"parent_id"`
	LinkedID  *UnitID       `db:"linked_id"`
	Sector    string        `db:"sector"`
	Ownership string        `db:"ownership"`
	ValidFrom calendar.Day  `db:"valid_from"`
	ValidTo   *calendar.Day `db:"valid_to"`
}

// A UnitFilter chooses units: of one tree, and where given of a kind and right below a parent.
type UnitFilter struct {
	Tree   Tree
	Kind   UnitKind
	Parent UnitID
	AsOf   calendar.Day
}

// List is the units that by may read, as the edges and links of the day asked for have them (T3), by id.
func List(ctx context.Context, q db.Queryer, by Actor, f UnitFilter, p page.Page) (units []Listed, err error) {
	from, to, err := readable(ctx, q, by, f.Tree, f.AsOf)
	if err != nil {
		return nil, err
	}
	query := `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level, u.sector, u.ownership, u.valid_from, u.valid_to,
		       e.parent_id, COALESCE(lp.grid_id, lg.party_id) AS linked_id
		FROM unit u
		LEFT JOIN unit_edge e ON e.unit_id = u.id AND e.valid_from <= ? AND (e.valid_to IS NULL OR e.valid_to > ?)
		LEFT JOIN unit_link lp ON lp.party_id = u.id AND lp.valid_from <= ? AND (lp.valid_to IS NULL OR lp.valid_to > ?)
		LEFT JOIN unit_link lg ON lg.grid_id = u.id AND lg.valid_from <= ? AND (lg.valid_to IS NULL OR lg.valid_to > ?)
		WHERE u.path >= ? AND u.path < ? AND u.tree = ?
		  AND u.valid_from <= ? AND (u.valid_to IS NULL OR u.valid_to > ?)
		  AND u.id < ?`
	day := f.AsOf
	args := []any{day, day, day, day, day, day, from, to, f.Tree, day, day, p.ID}
	if f.Kind != "" {
		query, args = query+` AND u.kind = ?`, append(args, f.Kind)
	}
	if f.Parent != 0 {
		query, args = query+` AND e.parent_id = ?`, append(args, f.Parent)
	}
	err = q.Select(ctx, &units, query+` ORDER BY u.id DESC LIMIT ?`, append(args, p.Limit())...)
	return units, db.Wrap(err, nil, "list units")
}

// A Profile is all there is to see of a unit on a day.
type Profile struct {
	Listed
	ParkID   *UnitID `db:"park_id"`
	AreaKm2  int     `db:"area_km2"`
	FilingNo string  `db:"filing_no"`
	Version  int64   `db:"version"`

	Label  string         // what its place calls its level
	Labels map[int]string // of a place: what it calls all four
	Linked Unit           // who answers for it, or what it answers for
	Lead   []Incumbent    // who leads it
	Gap    bool           // it should have a lead and has none (C5)
	// Who stands in meanwhile (T8).
	InterimUnit Unit
	Interim     []Incumbent
	Counts      map[UnitKind]int // of a subdistrict: how many places of each kind lie in it (A2)
	Primary     int              // and how many primary organisations stand right below its committee
}

// GetProfile returns what by may read of a unit, as of a day.
func GetProfile(ctx context.Context, q db.Queryer, by Actor, id UnitID, day calendar.Day) (p Profile, err error) {
	u, err := FindReadable(ctx, q, by, id, day)
	if err != nil {
		return Profile{}, err
	}
	err = q.Get(ctx, &p, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level, u.sector, u.ownership, u.valid_from, u.valid_to, u.park_id,
		       u.area_km2, u.filing_no, u.version, e.parent_id, COALESCE(lp.grid_id, lg.party_id) AS linked_id
		FROM unit u
		LEFT JOIN unit_edge e ON e.unit_id = u.id AND e.valid_from <= ? AND (e.valid_to IS NULL OR e.valid_to > ?)
		LEFT JOIN unit_link lp ON lp.party_id = u.id AND lp.valid_from <= ? AND (lp.valid_to IS NULL OR lp.valid_to > ?)
		LEFT JOIN unit_link lg ON lg.grid_id = u.id AND lg.valid_from <= ? AND (lg.valid_to IS NULL OR lg.valid_to > ?)
		WHERE u.id = ?`, day, day, day, day, day, day, id)
	if err != nil {
		return Profile{}, db.Wrap(err, problem.ErrNotFound, "read unit %d", id)
	}
	if by.Role == RoleResident { // the public part
		p.LinkedID = nil
		return p, p.readLabels(ctx, q, u, day)
	}
	if p.LinkedID != nil {
		if p.Linked, err = UnitByID(ctx, q, *p.LinkedID); err != nil {
			return Profile{}, err
		}
	}
	if p.Lead, err = LeadOf(ctx, q, u, day); err != nil {
		return Profile{}, err
	}
	if p.Gap = len(p.Lead) == 0 && u.Level >= 1 && u.Level <= 4; p.Gap {
		grid := u
		if u.Tree == PartyTree {
			grid = p.Linked
		}
		if p.InterimUnit, p.Interim, err = InterimHolder(ctx, q, grid, day); err != nil {
			return Profile{}, err
		}
	}
	if u.Kind == Subdistrict {
		if p.Counts, err = countPlaces(ctx, q, u, day); err != nil {
			return Profile{}, err
		}
		if p.Primary, err = CountPrimary(ctx, q, p.Linked.ID, day); err != nil {
			return Profile{}, err
		}
	}
	return p, p.readLabels(ctx, q, u, day)
}

func (p *Profile) readLabels(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) error {
	grid := u
	if u.Tree == PartyTree {
		grid = p.Linked
	}
	if grid.ID == 0 || grid.Level < 1 || grid.Level > 4 {
		return nil
	}
	place, err := PlaceOf(ctx, q, grid)
	if err != nil || place.ID == 0 {
		return err
	}
	labels, err := Labels(ctx, q, place, day)
	if err != nil {
		return err
	}
	p.Label = labels[grid.Level]
	if place.ID == u.ID {
		p.Labels = labels
	}
	return nil
}

func countPlaces(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (map[UnitKind]int, error) {
	from, to := below(u)
	query, args, err := db.In(`
		SELECT kind, COUNT(*) AS n
		FROM unit
		WHERE path >= ? AND path < ? AND kind IN (?) AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		GROUP BY kind`, from, to, places, day, day)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Kind UnitKind `db:"kind"`
		N    int      `db:"n"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "count the places of unit %d", u.ID)
	}
	counts := map[UnitKind]int{}
	for _, r := range rows {
		counts[r.Kind] = r.N
	}
	return counts, nil
}

// CountPrimary is how many primary organisations stood right below a committee on a day.
func CountPrimary(ctx context.Context, q db.Queryer, committee UnitID, day calendar.Day) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM unit_edge e
		JOIN unit u ON u.id = e.unit_id
		WHERE e.parent_id = ? AND e.valid_from <= ? AND (e.valid_to IS NULL OR e.valid_to > ?)
		  AND u.kind IN ('branch', 'general_branch') AND u.valid_from <= ? AND (u.valid_to IS NULL OR u.valid_to > ?)`,
		committee, day, day, day, day)
	return n, db.Wrap(err, nil, "count the organisations below unit %d", committee)
}

// usualLabels are what places of a kind call their levels unless they say otherwise (§3.3).
func usualLabels(place UnitKind) map[int]string {
	switch place { //nolint:exhaustive // because the others have no levels, and the end says so
	case Community:
		return map[int]string{4: "社区党总支", 3: "网格党支部", 2: "楼栋党小组", 1: "党员中心户"}
	case Village:
		return map[int]string{4: "村党支部", 1: "责任区党员"}
	}
	return map[int]string{4: "党支部", 1: "责任区党员"}
}

// Labels is what a level-4 place calls its levels on day (C1, A5).
func Labels(ctx context.Context, q db.Queryer, place Unit, day calendar.Day) (map[int]string, error) {
	var rows []struct {
		Level int    `db:"level"`
		Label string `db:"label"`
	}
	err := q.Select(ctx, &rows, `
		SELECT level, label
		FROM unit_label
		WHERE unit_id = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)`, place.ID, day, day)
	labels := usualLabels(place.Kind)
	for _, r := range rows {
		labels[r.Level] = r.Label
	}
	return labels, db.Wrap(err, nil, "read the labels of unit %d", place.ID)
}

// An AssignmentFilter chooses role assignments.
type AssignmentFilter struct {
	Unit   UnitID
	Person PersonID
	Role   Role
	AsOf   calendar.Day
}

// rosters are the roles that read the assignments of their unit and below (§3.5, column RA).
var rosters = []Role{RoleGridSecretary, RoleGeneralSecretary, RoleBranchSecretary, RolePartyOffice, RoleAuditAdmin}

// ListAssignments is the role assignments of the day asked for (T3) that by may read, newest first: secretaries and the
// office those below their unit, a security administrator those of administrators, everybody their own.
func ListAssignments(ctx context.Context, q db.Queryer, by Actor, f AssignmentFilter, p page.Page) (as []Assignment, err error) {
	day := f.AsOf
	query := assignmentColumns + `
		WHERE a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?) AND a.id < ?`
	args := []any{day, day, p.ID}
	gridFrom, gridTo := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	switch {
	case by.system:
	case slices.Contains(rosters, by.Role):
		query += ` AND ((u.path >= ? AND u.path < ?) OR (u.path >= ? AND u.path < ?))`
		args = append(args, gridFrom, gridTo, partyFrom, partyTo)
	case by.Role == RoleSecurityAdmin:
		query += ` AND u.path >= ? AND u.path < ? AND a.role IN (?, ?, ?)`
		args = append(args, gridFrom, gridTo, RoleSystemAdmin, RoleSecurityAdmin, RoleAuditAdmin)
	default:
		query += ` AND a.person_id = ?`
		args = append(args, by.PersonID)
	}
	if f.Unit != 0 {
		query, args = query+` AND a.unit_id = ?`, append(args, f.Unit)
	}
	if f.Person != 0 {
		query, args = query+` AND a.person_id = ?`, append(args, f.Person)
	}
	if f.Role != "" {
		query, args = query+` AND a.role = ?`, append(args, f.Role)
	}
	err = q.Select(ctx, &as, query+` ORDER BY a.id DESC LIMIT ?`, append(args, p.Limit())...)
	return as, db.Wrap(err, nil, "list role assignments")
}

// ListProposals is the roles that wait for a second person, for whoever could be one or has proposed them.
func ListProposals(ctx context.Context, q db.Queryer, by Actor, p page.Page) (ps []Proposal, err error) {
	gridFrom, gridTo := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	err = q.Select(ctx, &ps, proposalColumns+`
		WHERE p.state = 'proposed' AND p.id < ?
		  AND ((u.path >= ? AND u.path < ?) OR (u.path >= ? AND u.path < ?))
		ORDER BY p.id DESC
		LIMIT ?`, p.ID, gridFrom, gridTo, partyFrom, partyTo, p.Limit())
	return ps, db.Wrap(err, nil, "list proposed roles")
}

// atID is the key of a list that is ordered by id alone.
func atID[T ~int64](id T) (time.Time, int64) { return time.UnixMilli(0), int64(id) }

// A Coverage says of a place which of its levels have a holder on a day (A9).
type Coverage struct {
	Place  Unit
	Levels []LevelCoverage
}

// LevelCoverage is one level of a place.
type LevelCoverage struct {
	Level int
	Label string
	Units int
	Held  int
	Gaps  []Unit // grid units without a lead (C5)
}

type coverageRow struct {
	Unit
	ParentID *UnitID `db:"parent_id"`
	Leads    int     `db:"leads"`
}

// GridCoverage says per place that by sees which levels 4 to 1 have a holder on a day, by the edges, links and roles of that
// day; place 0 is all of them.
func GridCoverage(ctx context.Context, q db.Queryer, by Actor, place UnitID, day calendar.Day) ([]Coverage, error) {
	if place != 0 {
		if _, err := FindReadable(ctx, q, by, place, day); err != nil {
			return nil, err
		}
	}
	from, to, err := readable(ctx, q, by, GridTree, day)
	if err != nil {
		return nil, err
	}
	at := day.Add(1).Time().UTC() // a successor who has not signed by then for a week is none
	if now := db.NowOf(q); now.Before(at) {
		at = now
	}
	late := at.Add(-unsignedFor)
	var rows []coverageRow
	err = q.Select(ctx, &rows, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level, e.parent_id,
		       (SELECT COUNT(*)
		        FROM unit_link l
		        JOIN role_assignment a ON a.unit_id = l.party_id
		        WHERE l.grid_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		          AND a.role IN ('area_holder', 'group_leader', 'grid_secretary', 'general_secretary', 'branch_secretary')
		          AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		          AND NOT EXISTS (
		            SELECT 1
		            FROM handover h
		            WHERE h.successor_id = a.id AND h.packed_at <= ? AND (h.named_at IS NULL OR h.named_at <= ?) AND a.valid_from <= ?
		              AND (h.signed_at IS NULL OR h.signed_at > ?))) AS leads
		FROM unit u
		LEFT JOIN unit_edge e ON e.unit_id = u.id AND e.valid_from <= ? AND (e.valid_to IS NULL OR e.valid_to > ?)
		WHERE u.path >= ? AND u.path < ? AND u.tree = 'grid'
		  AND u.valid_from <= ? AND (u.valid_to IS NULL OR u.valid_to > ?)
		ORDER BY u.id`, day, day, day, day, late, late, calendar.DayOf(late), at, day, day, from, to, day, day)
	if err != nil {
		return nil, db.Wrap(err, nil, "read who holds the levels of the grid")
	}
	return cover(ctx, q, rows, by, place, day)
}

// cover puts the rows of a day below their places, along the edges of that day.
func cover(ctx context.Context, q db.Queryer, rows []coverageRow, by Actor, only UnitID, day calendar.Day) ([]Coverage, error) {
	byID := make(map[UnitID]coverageRow, len(rows))
	for _, r := range rows {
		byID[r.ID] = r
	}
	all := []Coverage{}
	index := map[UnitID]int{}
	for _, r := range rows { // places first: what lies in them may have a lower id after a move
		if IsPlace(r.Kind) && (only == 0 || r.ID == only) {
			index[r.ID] = len(all)
			all = append(all, Coverage{Place: r.Unit})
		}
	}
	levels := make([][5]LevelCoverage, len(all))
	mine := make([]bool, len(all))
	for _, r := range rows {
		if r.Level < 1 || r.Level > 4 {
			continue
		}
		place, seen := UnitID(0), by.system
		for at := r; at.ID != 0; {
			seen = seen || at.ID == by.Grid.ID
			if IsPlace(at.Kind) {
				place = at.ID
			}
			if at.ParentID == nil {
				break
			}
			at = byID[*at.ParentID]
		}
		i, ok := index[place]
		if !ok || !seen && !by.Grid.Covers(r.Unit) {
			continue
		}
		mine[i] = true
		l := &levels[i][r.Level]
		l.Units++
		if r.Leads > 0 {
			l.Held++
		} else {
			l.Gaps = append(l.Gaps, r.Unit)
		}
	}
	covered := []Coverage{}
	for i, c := range all {
		if !mine[i] {
			continue
		}
		labels, err := Labels(ctx, q, c.Place, day)
		if err != nil {
			return nil, err
		}
		for level := 4; level >= 1; level-- {
			if l := levels[i][level]; l.Units > 0 {
				l.Level, l.Label = level, labels[level]
				c.Levels = append(c.Levels, l)
			}
		}
		covered = append(covered, c)
	}
	return covered, nil
}

// StandsBelow says whether a person holds a role on day in a party unit that by sees.
func StandsBelow(ctx context.Context, q db.Queryer, by Actor, person PersonID, day calendar.Day) (below bool, err error) {
	from, to := by.PartyScope()
	err = q.Get(ctx, &below, `
		SELECT COUNT(*) > 0
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		WHERE a.person_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?) AND u.tree = ? AND u.path >= ? AND u.path < ?`,
		person, day, day, PartyTree, from, to)
	return below, db.Wrap(err, nil, "ask whether person %d stands below unit %d", person, by.Party.ID)
}

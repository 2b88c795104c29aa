package org

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// FindUnit returns the unit if by may act or look below their own unit there; outside is not found.
func FindUnit(ctx context.Context, q db.Queryer, by Actor, id UnitID) (Unit, error) {
	u, err := UnitByID(ctx, q, id)
	if err == nil && !by.Sees(u) {
		err = problem.ErrNotFound
	}
	if err != nil {
		return Unit{}, err
	}
	return u, nil
}

// FindStanding is FindUnit for what is to begin there: a unit that has ended takes nothing more (T6).
func FindStanding(ctx context.Context, q db.Queryer, by Actor, id UnitID) (Unit, error) {
	u, err := FindUnit(ctx, q, by, id)
	if err != nil {
		return Unit{}, err
	}
	return u, standing(ctx, q, id)
}

// standing says that a unit has not ended by today, or that it has.
func standing(ctx context.Context, q db.Queryer, id UnitID) error {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM unit WHERE id = ? AND valid_to <= ?`, id, calendar.DayOf(db.NowOf(q)))
	if err == nil && n > 0 {
		return ErrIllegalTransition.With("state", "ended")
	}
	return db.Wrap(err, nil, "look whether unit %d has ended", id)
}

// UnitByID returns the unit, whoever asks.
func UnitByID(ctx context.Context, q db.Queryer, id UnitID) (u Unit, err error) {
	err = q.Get(ctx, &u, `SELECT id, tree, kind, name, path, level FROM unit WHERE id = ?`, id)
	return u, db.Wrap(err, problem.ErrNotFound, "find unit %d", id)
}

// UnitsByID returns those of the units that exist, by id, whoever asks.
func UnitsByID(ctx context.Context, q db.Queryer, ids ...UnitID) (map[UnitID]Unit, error) {
	found := make(map[UnitID]Unit, len(ids))
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(`SELECT id, tree, kind, name, path, level FROM unit WHERE id IN (?)`, some)
		if err != nil {
			return nil, err
		}
		var units []Unit
		if err := q.Select(ctx, &units, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find %d units", len(some))
		}
		for _, u := range units {
			found[u.ID] = u
		}
	}
	return found, nil
}

// Parent is the unit above u today; the zero Unit above a root.
func Parent(ctx context.Context, q db.Queryer, u Unit) (Unit, error) {
	above := u.Above()
	if len(above) == 0 {
		return Unit{}, nil
	}
	return UnitByID(ctx, q, above[len(above)-1])
}

// Line is u and all units above it, u first.
func Line(ctx context.Context, q db.Queryer, u Unit) ([]Unit, error) {
	ids := u.line()
	found, err := UnitsByID(ctx, q, ids...)
	if err != nil {
		return nil, err
	}
	line := make([]Unit, 0, len(ids))
	for _, id := range slices.Backward(ids) {
		line = append(line, found[id])
	}
	return line, nil
}

// Ladder is the way up from grid unit u: itself and those above it that have a level, then the subdistrict.
// Levels that a place does not have are skipped (T5).
func Ladder(ctx context.Context, q db.Queryer, u Unit) ([]Unit, error) {
	line, err := Line(ctx, q, u)
	return slices.DeleteFunc(line, func(u Unit) bool { return u.Tree != GridTree || u.Level == 0 }), err
}

// PlaceOf is the level-4 place that grid unit u is or lies in; the zero Unit if there is none.
func PlaceOf(ctx context.Context, q db.Queryer, u Unit) (Unit, error) {
	if IsPlace(u.Kind) {
		return u, nil
	}
	line, err := Line(ctx, q, u)
	if i := slices.IndexFunc(line, func(u Unit) bool { return IsPlace(u.Kind) }); i >= 0 {
		return line[i], err
	}
	return Unit{}, err
}

// LinkedGrid is the grid unit that a party unit answers for on day; the zero Unit if there is none (T9).
func LinkedGrid(ctx context.Context, q db.Queryer, party UnitID, day calendar.Day) (u Unit, err error) {
	err = q.Get(ctx, &u, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit_link l
		JOIN unit u ON u.id = l.grid_id
		WHERE l.party_id = ? AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)`, party, day, day)
	return u, orNone(err, "find the grid unit of party unit %d", party)
}

// LinkedParty is the party unit that answers for a grid unit on day; the zero Unit if there is none.
func LinkedParty(ctx context.Context, q db.Queryer, grid UnitID, day calendar.Day) (u Unit, err error) {
	err = q.Get(ctx, &u, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit_link l
		JOIN unit u ON u.id = l.party_id
		WHERE l.grid_id = ? AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)`, grid, day, day)
	return u, orNone(err, "find the party unit of grid unit %d", grid)
}

// orNone is nil where no row is an answer, too.
func orNone(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return db.Wrap(err, nil, format, args...)
}

// An Incumbent is a person in a role of a unit.
type Incumbent struct {
	Person     PersonID     `db:"person_id"`
	Assignment AssignmentID `db:"id"`
	Role       Role         `db:"role"`
	Post       Post         `db:"post"`
}

// PersonsIn are those who have role in unit on day.
func PersonsIn(ctx context.Context, q db.Queryer, unit UnitID, role Role, day calendar.Day) (in []Incumbent, err error) {
	err = q.Select(ctx, &in, `
		SELECT id, person_id, role, post
		FROM role_assignment
		WHERE unit_id = ? AND role = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY id`, unit, role, day, day)
	return in, db.Wrap(err, nil, "find who is %s of unit %d", role, unit)
}

// PersonsWith are all who have role on day, wherever it stands; for the few roles of a whole deployment.
func PersonsWith(ctx context.Context, q db.Queryer, role Role, day calendar.Day) (persons []PersonID, err error) {
	err = q.Select(ctx, &persons, `
		SELECT DISTINCT person_id
		FROM role_assignment
		WHERE role = ? AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?)
		ORDER BY person_id`, role, day, day)
	return persons, db.Wrap(err, nil, "find everybody who is %s", role)
}

// LeadOf are the persons who lead u on day: a grid unit is led by its party unit's lead (glossary: Lead), who has signed
// for what the one before handed over. None means a gap.
func LeadOf(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (in []Incumbent, err error) {
	if u.Tree == GridTree && u.Kind != Section {
		if u, err = LinkedParty(ctx, q, u.ID, day); err != nil || u.ID == 0 {
			return nil, err
		}
	}
	roles := leads[u.Kind]
	if len(roles) == 0 {
		return nil, nil
	}
	query, args, err := db.In(`
		SELECT id, person_id, role, post
		FROM role_assignment
		WHERE unit_id = ? AND role IN (?) AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?) AND unsigned_yet = ?
		ORDER BY id`, u.ID, roles, day, day, false)
	if err != nil {
		return nil, err
	}
	return in, db.Wrap(q.Select(ctx, &in, query, args...), nil, "find who leads unit %d", u.ID)
}

// InterimHolder are those who stand in for the vacant lead of grid unit u on day: the next lead up its ladder (T8),
// and the unit they lead.
func InterimHolder(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (Unit, []Incumbent, error) {
	ladder, err := Ladder(ctx, q, u)
	if err != nil {
		return Unit{}, nil, err
	}
	for _, above := range ladder {
		if above.ID == u.ID {
			continue
		}
		in, err := LeadOf(ctx, q, above, day)
		if err != nil || len(in) > 0 {
			return above, in, err
		}
	}
	return Unit{}, nil, nil
}

// StandsIn says whether by stands in for the vacant lead of grid unit u today (T8).
func StandsIn(ctx context.Context, q db.Queryer, by Actor, u Unit) (bool, error) {
	if by.Assignment == 0 || !by.Sees(u) {
		return false, nil
	}
	day := calendar.DayOf(db.NowOf(q))
	in, err := LeadOf(ctx, q, u, day)
	if err != nil || len(in) > 0 {
		return false, err
	}
	_, in, err = InterimHolder(ctx, q, u, day)
	return slices.ContainsFunc(in, func(i Incumbent) bool { return i.Assignment == by.Assignment }), err
}

// actorRow is an assignment with its unit and the unit linked to that.
type actorRow struct {
	ID          AssignmentID `db:"id"`
	PersonID    PersonID     `db:"person_id"`
	Role        Role         `db:"role"`
	Post        Post         `db:"post"`
	UnitID      UnitID       `db:"unit_id"`
	Tree        Tree         `db:"tree"`
	Kind        UnitKind     `db:"kind"`
	Name        string       `db:"name"`
	Path        string       `db:"path"`
	Level       int          `db:"level"`
	LinkedID    *UnitID      `db:"linked_id"`
	LinkedTree  *Tree        `db:"linked_tree"`
	LinkedKind  *UnitKind    `db:"linked_kind"`
	LinkedName  *string      `db:"linked_name"`
	LinkedPath  *string      `db:"linked_path"`
	LinkedLevel *int         `db:"linked_level"`
	Unsigned    bool         `db:"unsigned_yet"`
}

func (r actorRow) actor() Actor {
	a := Actor{
		PersonID: r.PersonID, Assignment: r.ID, Role: r.Role, Post: r.Post,
		Unit: Unit{ID: r.UnitID, Tree: r.Tree, Kind: r.Kind, Name: r.Name, Path: r.Path, Level: r.Level},
	}
	var linked Unit
	if r.LinkedID != nil {
		linked = Unit{
			ID: *r.LinkedID, Tree: *r.LinkedTree, Kind: *r.LinkedKind, Name: *r.LinkedName, Path: *r.LinkedPath,
			Level: *r.LinkedLevel,
		}
	}
	if a.Grid, a.Party = a.Unit, linked; a.Unit.Tree == PartyTree {
		a.Grid, a.Party = linked, a.Unit
	}
	if r.Unsigned { // nothing of the area is theirs before they have signed for it
		a.Grid = Unit{}
	}
	return a
}

const actorColumns = `
	SELECT a.id, a.person_id, a.role, a.post, a.unsigned_yet,
	       u.id AS unit_id, u.tree, u.kind, u.name, u.path, u.level,
	       o.id AS linked_id, o.tree AS linked_tree, o.kind AS linked_kind, o.name AS linked_name,
	       o.path AS linked_path, o.level AS linked_level
	FROM role_assignment a
	JOIN unit u ON u.id = a.unit_id
	LEFT JOIN unit_link p ON p.party_id = u.id AND p.valid_from <= ? AND (p.valid_to IS NULL OR p.valid_to > ?)
	LEFT JOIN unit_link g ON g.grid_id = u.id AND g.valid_from <= ? AND (g.valid_to IS NULL OR g.valid_to > ?)
	LEFT JOIN unit o ON o.id = COALESCE(p.grid_id, g.party_id)`

// ActorOf is person acting as assignment, one of their own that holds today (AA1, AA2), or one for which they stand in
// (AA6). 0 asks for the primary one; a person without any acts as a resident, who sees their own things.
func ActorOf(ctx context.Context, q db.Queryer, person PersonID, assignment AssignmentID, now time.Time) (Actor, error) {
	day := calendar.DayOf(now)
	var r actorRow
	var err error
	if assignment == 0 {
		err = q.Get(ctx, &r, actorColumns+`
			WHERE a.person_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
			ORDER BY a.is_primary DESC, a.id
			LIMIT 1`, day, day, day, day, person, day, day)
	} else {
		err = q.Get(ctx, &r, actorColumns+`
			WHERE a.id = ? AND a.person_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`,
			day, day, day, day, assignment, person, day, day)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows) && assignment == 0:
		return Actor{PersonID: person, Role: RoleResident}, nil
	case errors.Is(err, sql.ErrNoRows):
		return standInOf(ctx, q, person, assignment, day)
	case err != nil:
		return Actor{}, db.Wrap(err, ErrActingAsInvalid, "find the role that person %d acts in", person)
	}
	return r.actor(), nil
}

// standInOf is person acting for the holder of assignment, who is away and has named them.
func standInOf(ctx context.Context, q db.Queryer, person PersonID, assignment AssignmentID, day calendar.Day) (Actor, error) {
	away, err := AbsencesOn(ctx, q, day, assignment)
	if err != nil {
		return Actor{}, err
	}
	x, there := away[assignment]
	if !there || x.StandIn != person {
		return Actor{}, ErrActingAsInvalid
	}
	var r actorRow
	err = q.Get(ctx, &r, actorColumns+`
		WHERE a.id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, day, day, day, day, assignment, day, day)
	if err != nil {
		return Actor{}, db.Wrap(err, ErrActingAsInvalid, "find the role that person %d stands in for", person)
	}
	a := r.actor()
	a.StandInFor, a.PersonID, a.FlagsToo = a.PersonID, person, x.SeesFlags
	return a, nil
}

// An Assignment is a person in a role on a unit, with dates: the only source of rights.
type Assignment struct {
	ID        AssignmentID  `db:"id"`
	PersonID  PersonID      `db:"person_id"`
	Role      Role          `db:"role"`
	Post      Post          `db:"post"`
	UnitID    UnitID        `db:"unit_id"`
	UnitName  string        `db:"unit_name"`
	Primary   bool          `db:"is_primary"`
	ValidFrom calendar.Day  `db:"valid_from"`
	ValidTo   *calendar.Day `db:"valid_to"`
	EndReason string        `db:"end_reason"`
	Unsigned  bool          `db:"unsigned_yet"` // has not signed yet for what the holder before handed over
}

// Span is the days of a.
func (a Assignment) Span() Span {
	s := Span{From: a.ValidFrom}
	if a.ValidTo != nil {
		s.To = *a.ValidTo
	}
	return s
}

const assignmentColumns = `
	SELECT a.id, a.person_id, a.role, a.post, a.unit_id, u.name AS unit_name, a.is_primary, a.valid_from, a.valid_to,
	       a.end_reason, a.unsigned_yet
	FROM role_assignment a
	JOIN unit u ON u.id = a.unit_id`

// AssignmentsOf are the roles of person that hold on day, the primary one first.
func AssignmentsOf(ctx context.Context, q db.Queryer, person PersonID, day calendar.Day) (as []Assignment, err error) {
	err = q.Select(ctx, &as, assignmentColumns+`
		WHERE a.person_id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY a.is_primary DESC, a.id`, person, day, day)
	return as, db.Wrap(err, nil, "find the roles of person %d", person)
}

// AssignmentByID returns the assignment, whoever asks and whether it holds or not.
func AssignmentByID(ctx context.Context, q db.Queryer, id AssignmentID) (a Assignment, err error) {
	err = q.Get(ctx, &a, assignmentColumns+` WHERE a.id = ?`, id)
	return a, db.Wrap(err, problem.ErrNotFound, "find assignment %d", id)
}

// A NewUnit is what there is to know of a unit to be.
type NewUnit struct {
	Kind      UnitKind
	Name      string
	Parent    Unit // the zero Unit: a root
	Sector    string
	Ownership string
	Park      UnitID
	AreaKm2   int
	FilingNo  string
	From      calendar.Day
}

// AddUnit puts a unit below its parent, three statements. It keeps the rules of the trees; that the parent is not moved
// meanwhile, and that somebody has the right to this, is for whoever calls.
func AddUnit(ctx context.Context, tx *db.Tx, n NewUnit) (Unit, error) {
	if err := n.Kind.Under(n.Parent); err != nil {
		return Unit{}, err
	}
	s := shapes[n.Kind]
	u := Unit{Tree: s.tree, Kind: n.Kind, Name: n.Name, Level: s.level}
	// The path holds the id, which comes with the row: until then something else that nobody has.
	id, err := tx.Insert(ctx, `
		INSERT INTO unit (tree, kind, name, path, parent_id, level, sector, ownership, park_id, area_km2, filing_no, valid_from)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.Tree, u.Kind, u.Name, rand.Text(), orNull(n.Parent.ID), u.Level, n.Sector, n.Ownership, orNull(n.Park), n.AreaKm2,
		n.FilingNo, n.From)
	if err != nil {
		return Unit{}, db.Wrap(err, nil, "add unit %q", n.Name)
	}
	u.ID, u.Path = UnitID(id), Unit{Path: cmp.Or(n.Parent.Path, "/")}.with(UnitID(id))
	if n.Parent.ID != 0 {
		if err := addEdge(ctx, tx, u.ID, n.Parent.ID, n.From); err != nil {
			return Unit{}, err
		}
	}
	_, err = tx.Change(ctx, `UPDATE unit SET path = ? WHERE id = ?`, u.Path, u.ID)
	return u, db.Wrap(err, nil, "set the path of unit %d", u.ID)
}

func addEdge(ctx context.Context, tx *db.Tx, unit, parent UnitID, from calendar.Day) error {
	_, err := tx.Insert(ctx, `INSERT INTO unit_edge (unit_id, parent_id, valid_from) VALUES (?, ?, ?)`, unit, parent, from)
	return db.Wrap(err, nil, "put unit %d below %d", unit, parent)
}

// orNull is NULL for the id that nothing has.
func orNull[T ~int64](id T) any {
	if id == 0 {
		return nil
	}
	return id
}

// Link says that party unit p answers for grid unit g from a day on. Each has at most one such link on any day (T2).
func Link(ctx context.Context, tx *db.Tx, p, g Unit, from calendar.Day) error {
	if err := p.canAnswerFor(g); err != nil {
		return err
	}
	var taken int
	err := tx.Get(ctx, &taken, `
		SELECT (SELECT COUNT(*) FROM unit_link WHERE party_id = ? AND (valid_to IS NULL OR valid_to > ?))
		     + (SELECT COUNT(*) FROM unit_link WHERE grid_id = ? AND (valid_to IS NULL OR valid_to > ?)) AS taken`,
		p.ID, from, g.ID, from)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "look for links of %d and %d", p.ID, g.ID)
	case taken > 0:
		return ErrDatesOverlap
	}
	_, err = tx.Insert(ctx, `INSERT INTO unit_link (party_id, grid_id, valid_from) VALUES (?, ?, ?)`, p.ID, g.ID, from)
	if db.IsDuplicate(err) {
		return ErrDatesOverlap
	}
	if err != nil {
		return db.Wrap(err, nil, "link %d to %d", p.ID, g.ID)
	}
	_, err = tx.Change(ctx, `UPDATE unit SET level = ? WHERE id = ?`, g.Level, p.ID)
	return db.Wrap(err, nil, "give unit %d the level of %d", p.ID, g.ID)
}

// A NewAssignment is a role to be given.
type NewAssignment struct {
	Person    PersonID
	Role      Role
	Post      Post
	Unit      Unit
	Primary   bool
	Span      Span
	GrantedBy PersonID // 0: set-up or import
	SecondBy  PersonID
	Document  string
}

// Assign gives a person a role. It keeps the rules of roles (where they stand, which exclude each other, which are
// alone in their unit) and asks for nobody's right to give it: that is for whoever calls. A person's first role is
// the primary one.
func Assign(ctx context.Context, tx *db.Tx, n NewAssignment) (AssignmentID, error) {
	if err := n.valid(); err != nil {
		return 0, err
	}
	if n.Role != RoleMember { // which excludes nothing; the others take turns, or two grants at once would not see each other
		var held PersonID
		if err := tx.Get(ctx, &held, `SELECT id FROM person WHERE id = ?`+db.ForUpdate, n.Person); err != nil {
			return 0, db.Wrap(err, problem.ErrNotFound, "hold person %d", n.Person)
		}
	}
	var own []Assignment
	err := tx.Select(ctx, &own, assignmentColumns+`
		WHERE a.person_id = ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, n.Person, n.Span.From)
	if err != nil {
		return 0, db.Wrap(err, nil, "find the roles of person %d", n.Person)
	}
	primary := true
	for _, a := range own {
		if !a.Span().Overlaps(n.Span) {
			continue
		}
		if n.Role.excludes(a.Role) {
			return 0, ErrRolesExclusive
		}
		if a.Role == n.Role && a.UnitID == n.Unit.ID && a.Post == n.Post {
			return 0, ErrDatesOverlap
		}
		if a.Primary && n.Primary {
			if _, err := tx.Change(ctx, `UPDATE role_assignment SET is_primary = ? WHERE id = ?`, false, a.ID); err != nil {
				return 0, db.Wrap(err, nil, "make assignment %d the second", a.ID)
			}
		} else if a.Primary {
			primary = false
		}
	}
	if err := n.postFree(ctx, tx); err != nil {
		return 0, err
	}
	var to any
	if n.Span.To != "" {
		to = n.Span.To
	}
	unsigned, err := mustSign(ctx, tx, n)
	if err != nil {
		return 0, err
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO role_assignment (person_id, role, post, unit_id, is_primary, valid_from, valid_to, granted_by, second_by,
		                             document, unsigned_yet)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Person, n.Role, n.Post, n.Unit.ID, primary, n.Span.From, to, orNull(n.GrantedBy), orNull(n.SecondBy), n.Document, unsigned)
	return AssignmentID(id), db.Wrap(err, nil, "assign %s of unit %d", n.Role, n.Unit.ID)
}

// valid says what is wrong with n in itself, or nil.
func (n NewAssignment) valid() error {
	switch {
	case n.Span.From == "" || n.Span.empty():
		return ErrPeriod
	case (n.Role == RoleBranchOfficer) != (n.Post != ""):
		return ErrPost
	}
	return n.Role.canStandOn(n.Unit)
}

// postFree says whether somebody else is where only one can be, on a day of n (C13).
func (n NewAssignment) postFree(ctx context.Context, tx *db.Tx) error {
	if n.Post == "" && !slices.Contains(holdsAlone, n.Role) {
		return nil
	}
	// The unit's row is held, so that two who grant the same post at once see each other. Grants are rare.
	var held UnitID
	if err := tx.Get(ctx, &held, `SELECT id FROM unit WHERE id = ?`+db.ForUpdate, n.Unit.ID); err != nil {
		return db.Wrap(err, problem.ErrNotFound, "hold unit %d", n.Unit.ID)
	}
	same := []Role{n.Role}
	if slices.Contains(secretaries, n.Role) {
		same = secretaries
	}
	query, args, err := db.In(assignmentColumns+`
		WHERE a.unit_id = ? AND a.role IN (?) AND a.post = ? AND (a.valid_to IS NULL OR a.valid_to > ?)`,
		n.Unit.ID, same, n.Post, n.Span.From)
	if err != nil {
		return err
	}
	var there []Assignment
	err = tx.Select(ctx, &there, query, args...)
	for _, a := range there {
		if a.Span().Overlaps(n.Span) {
			return ErrPostTaken
		}
	}
	return db.Wrap(err, nil, "find who is %s of unit %d", n.Role, n.Unit.ID)
}

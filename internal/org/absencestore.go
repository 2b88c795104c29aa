package org

import (
	"context"
	"slices"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const absenceColumns = `
	SELECT x.id, x.assignment_id, x.person_id, a.role, x.unit_id, u.name AS unit_name, x.stand_in_id, x.stand_in_as,
	       x.sees_flags, x.valid_from, x.valid_to, x.ended_at
	FROM absence x
	JOIN role_assignment a ON a.id = x.assignment_id
	JOIN unit u ON u.id = x.unit_id`

// findStandIn is the role by which somebody is to stand in from day on.
func findStandIn(ctx context.Context, q db.Queryer, id AssignmentID, day calendar.Day) (a Assignment, err error) {
	err = q.Get(ctx, &a, assignmentColumns+`
		WHERE a.id = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`, id, day, day)
	return a, db.Wrap(err, ErrStandIn, "find assignment %d to stand in", id)
}

// branchOf is the branch that party unit u is or lies in; a general branch, which stands above all of them, is its own.
func branchOf(ctx context.Context, q db.Queryer, u Unit) (Unit, error) {
	line, err := Line(ctx, q, u)
	for _, kind := range []UnitKind{Branch, GeneralBranch} {
		if i := slices.IndexFunc(line, func(u Unit) bool { return u.Kind == kind }); i >= 0 {
			return line[i], err
		}
	}
	return Unit{}, err
}

// near says whether a is a role of by's branch, or leads the unit above by's.
func near(ctx context.Context, q db.Queryer, by Actor, a Assignment) (bool, error) {
	branch, err := branchOf(ctx, q, by.Party)
	if err != nil {
		return false, err
	}
	u, err := UnitByID(ctx, q, a.UnitID)
	if err != nil || branch.ID != 0 && branch.Covers(u) {
		return err == nil, err
	}
	leads, err := aboveOf(ctx, q, Absence{Assignment: by.Assignment, Role: by.Role, UnitID: by.Unit.ID})
	return slices.ContainsFunc(leads, func(i Incumbent) bool { return i.Assignment == a.ID }), err
}

// aboveOf is the lead of whoever a says is away (glossary: Lead): of a role beside the levels that of its own unit, else
// the next one up the ladder.
func aboveOf(ctx context.Context, q db.Queryer, a Absence) (leads []Incumbent, err error) {
	day := calendar.DayOf(db.NowOf(q))
	u, err := UnitByID(ctx, q, a.UnitID)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(LeadRoles, a.Role) {
		return LeadOf(ctx, q, u, day)
	}
	if u.Tree == PartyTree {
		if u, err = LinkedGrid(ctx, q, u.ID, day); err != nil || u.ID == 0 {
			return nil, err
		}
	}
	_, leads, err = InterimHolder(ctx, q, u, day)
	return leads, err
}

// holdAbsences makes whoever announces an absence of one of the two persons take turns, and returns those there are.
func holdAbsences(ctx context.Context, tx *db.Tx, one, other PersonID) (found []Absence, err error) {
	for _, id := range []PersonID{min(one, other), max(one, other)} {
		var held PersonID
		if err := tx.Get(ctx, &held, `SELECT id FROM person WHERE id = ?`+db.ForUpdate, id); err != nil {
			return nil, db.Wrap(err, problem.ErrNotFound, "hold person %d", id)
		}
	}
	err = tx.Select(ctx, &found, absenceColumns+`
		WHERE x.ended_at IS NULL AND x.valid_to > ?
		  AND (x.person_id IN (?, ?) OR x.stand_in_id IN (?, ?))`, calendar.DayOf(tx.Now), one, other, one, other)
	return found, db.Wrap(err, nil, "find the absences of persons %d and %d", one, other)
}

func insertAbsence(ctx context.Context, tx *db.Tx, by Actor, standIn Assignment, n NewAbsence) (a Absence, err error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO absence (assignment_id, person_id, unit_id, stand_in_id, stand_in_as, sees_flags, valid_from, valid_to,
		                     announced_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		by.Assignment, by.PersonID, by.Unit.ID, standIn.PersonID, standIn.ID, n.SeesFlags, n.From, n.To, tx.Now)
	return Absence{
		ID: AbsenceID(id), Assignment: by.Assignment, Person: by.PersonID, Role: by.Role, UnitID: by.Unit.ID,
		UnitName: by.Unit.Name, StandIn: standIn.PersonID, StandInAs: standIn.ID, SeesFlags: n.SeesFlags,
		ValidFrom: n.From, ValidTo: n.To,
	}, db.Wrap(err, nil, "announce an absence of person %d", by.PersonID)
}

// sawAbsences are the leads who hear of absences below their unit.
var sawAbsences = []Role{RoleGroupLeader, RoleGridSecretary, RoleGeneralSecretary, RoleBranchSecretary}

// absenceScope is which absences by sees: those of a range of party units, beside the own ones.
func absenceScope(by Actor) (from, to string) {
	if !slices.Contains(sawAbsences, by.Role) {
		return "", ""
	}
	return by.PartyScope()
}

func findAbsence(ctx context.Context, q db.Queryer, by Actor, id AbsenceID) (a Absence, err error) {
	from, to := absenceScope(by)
	err = q.Get(ctx, &a, absenceColumns+`
		WHERE x.id = ? AND (x.person_id = ? OR x.stand_in_id = ? OR (u.path >= ? AND u.path < ?))`,
		id, by.PersonID, by.PersonID, from, to)
	return a, db.Wrap(err, problem.ErrNotFound, "find absence %d", id)
}

// ListAbsences are the absences that have not ended of by, of those by stands in for, and of the roles below a lead,
// newest first.
func ListAbsences(ctx context.Context, q db.Queryer, by Actor, p page.Page) (all []Absence, err error) {
	from, to := absenceScope(by)
	err = q.Select(ctx, &all, absenceColumns+`
		WHERE x.ended_at IS NULL AND x.id < ?
		  AND (x.person_id = ? OR x.stand_in_id = ? OR (u.path >= ? AND u.path < ?))
		ORDER BY x.id DESC
		LIMIT ?`, p.ID, by.PersonID, by.PersonID, from, to, p.Limit())
	return all, db.Wrap(err, nil, "list absences")
}

func endAbsence(ctx context.Context, tx *db.Tx, by Actor, a *Absence) error {
	now := tx.Now
	found, err := tx.Change(ctx, `
		UPDATE absence SET ended_at = ?, ended_by = ? WHERE id = ? AND ended_at IS NULL`, now, orNull(by.PersonID), a.ID)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "ended")
	}
	a.EndedAt = &now
	return db.Wrap(err, nil, "end absence %d", a.ID)
}

// dueAbsence is one whose last day has passed; the zero one if there is none.
func dueAbsences(ctx context.Context, q db.Queryer, today calendar.Day) (due []Absence, err error) {
	err = q.Select(ctx, &due, absenceColumns+`
		WHERE x.ended_at IS NULL AND x.valid_to <= ?
		ORDER BY x.valid_to, x.id
		LIMIT 100`, today)
	return due, db.Wrap(err, nil, "find absences that are over")
}

// StandInsOf are who stand in for a role from today on.
func StandInsOf(ctx context.Context, q db.Queryer, id AssignmentID) (persons []PersonID, err error) {
	err = q.Select(ctx, &persons, `
		SELECT DISTINCT stand_in_id
		FROM absence
		WHERE assignment_id = ? AND ended_at IS NULL AND valid_to > ?
		ORDER BY stand_in_id`, id, calendar.DayOf(db.NowOf(q)))
	return persons, db.Wrap(err, nil, "find who stands in for assignment %d", id)
}

// absencesWith are the absences that have not ended of a role, or in which somebody stands in by it.
func absencesWith(ctx context.Context, q db.Queryer, id AssignmentID) (all []Absence, err error) {
	err = q.Select(ctx, &all, absenceColumns+`
		WHERE x.ended_at IS NULL AND (x.assignment_id = ? OR x.stand_in_as = ?)
		ORDER BY x.id`, id, id)
	return all, db.Wrap(err, nil, "find the absences of assignment %d", id)
}

// absencesStoodIn are the absences that have not ended in which person stands in.
func absencesStoodIn(ctx context.Context, q db.Queryer, person PersonID) (all []Absence, err error) {
	err = q.Select(ctx, &all, absenceColumns+`
		WHERE x.ended_at IS NULL AND x.stand_in_id = ?
		ORDER BY x.id`, person)
	return all, db.Wrap(err, nil, "find the absences in which person %d stands in", person)
}

// ForWhom are the absences in which person stands in on day.
func ForWhom(ctx context.Context, q db.Queryer, person PersonID, day calendar.Day) (all []Absence, err error) {
	err = q.Select(ctx, &all, absenceColumns+`
		JOIN role_assignment s ON s.id = x.stand_in_as
		WHERE x.stand_in_id = ? AND x.ended_at IS NULL AND x.valid_from <= ? AND x.valid_to > ?
		  AND s.valid_from <= ? AND (s.valid_to IS NULL OR s.valid_to > ?)
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY x.id`, person, day, day, day, day, day, day)
	return all, db.Wrap(err, nil, "find for whom person %d stands in", person)
}

// AbsencesOn are the absences, by role assignment, of those whose holder is away on day and for whom somebody stands in.
func AbsencesOn(ctx context.Context, q db.Queryer, day calendar.Day, ids ...AssignmentID) (map[AssignmentID]Absence, error) {
	away := map[AssignmentID]Absence{}
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(absenceColumns+`
			JOIN role_assignment s ON s.id = x.stand_in_as
			WHERE x.assignment_id IN (?) AND x.ended_at IS NULL AND x.valid_from <= ? AND x.valid_to > ?
			  AND s.valid_from <= ? AND (s.valid_to IS NULL OR s.valid_to > ?)`, some, day, day, day, day)
		if err != nil {
			return nil, err
		}
		var found []Absence
		if err := q.Select(ctx, &found, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find who is away of %d roles", len(some))
		}
		for _, a := range found {
			away[a.Assignment] = a
		}
	}
	return away, nil
}

// StandIn is who stands in for a role today: an Incumbent of that role who is somebody else than its holder. It is the
// zero Incumbent while the holder is there.
func StandIn(ctx context.Context, q db.Queryer, id AssignmentID, day calendar.Day) (Incumbent, error) {
	away, err := AbsencesOn(ctx, q, day, id)
	a, there := away[id]
	if err != nil || !there {
		return Incumbent{}, err
	}
	return Incumbent{Person: a.StandIn, Assignment: a.Assignment, Role: a.Role}, nil
}

// Present is who acts today for those of in: themselves, or whoever stands in for them.
func Present(ctx context.Context, q db.Queryer, in []Incumbent, day calendar.Day) ([]Incumbent, error) {
	ids := make([]AssignmentID, len(in))
	for i, one := range in {
		ids[i] = one.Assignment
	}
	away, err := AbsencesOn(ctx, q, day, ids...)
	there := slices.Clone(in)
	for i, one := range in {
		if a, absent := away[one.Assignment]; absent {
			there[i].Person = a.StandIn
		}
	}
	return there, err
}

// Candidates are the roles of by's branch by which somebody can stand in for by, newest first.
func Candidates(ctx context.Context, q db.Queryer, by Actor, p page.Page) (as []Assignment, err error) {
	branch, err := branchOf(ctx, q, by.Party)
	if err != nil {
		return nil, err
	}
	from, to := below(branch)
	day := calendar.DayOf(db.NowOf(q))
	err = q.Select(ctx, &as, assignmentColumns+`
		WHERE u.path >= ? AND u.path < ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND a.person_id <> ? AND a.id < ?
		ORDER BY a.id DESC
		LIMIT ?`, from, to, day, day, by.PersonID, p.ID, p.Limit())
	return as, db.Wrap(err, nil, "list who could stand in for person %d", by.PersonID)
}

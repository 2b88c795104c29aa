package org

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

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

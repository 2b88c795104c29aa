package org

import (
	"context"
	"slices"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

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

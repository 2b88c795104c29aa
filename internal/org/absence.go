package org

import (
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// AbsenceID names an absence.
type AbsenceID int64

// What absences refuse.
var (
	ErrOneHop  = problem.New(problem.Invalid, "org.one_hop")
	ErrStandIn = problem.New(problem.Invalid, "org.stand_in_invalid")
)

// An Absence (外出) is some days on which the holder of a role is away, and who stands in (X2). Nobody approves it.
type Absence struct {
	ID         AbsenceID    `db:"id"`
	Assignment AssignmentID `db:"assignment_id"`
	Person     PersonID     `db:"person_id"`
	Role       Role         `db:"role"`
	UnitID     UnitID       `db:"unit_id"`
	UnitName   string       `db:"unit_name"`
	StandIn    PersonID     `db:"stand_in_id"`
	StandInAs  AssignmentID `db:"stand_in_as"` // the role by which they belong to the branch
	SeesFlags  bool         `db:"sees_flags"`  // the stand-in sees care flags (AA6)
	ValidFrom  calendar.Day `db:"valid_from"`
	ValidTo    calendar.Day `db:"valid_to"` // the first day back
	EndedAt    *time.Time   `db:"ended_at"`
}

// Span is the days of a.
func (a Absence) Span() Span { return Span{From: a.ValidFrom, To: a.ValidTo} }

// A NewAbsence is what its holder says of an absence.
type NewAbsence struct {
	StandInAs AssignmentID
	SeesFlags bool
	From      calendar.Day
	To        calendar.Day // the first day back
}

// Absent are the roles that hold something or lead a unit, and name a stand-in while they are away.
var Absent = []Role{
	RoleAreaHolder, RoleGroupLeader, RoleGridSecretary, RoleGeneralSecretary, RoleBranchSecretary, RoleGridAssistant,
}

// check says why by cannot be away as n says, or nil. standIn is whom n names, around says that they are of by's branch
// or lead it, and meanwhile are the other absences of both in those days.
func (n NewAbsence) check(by Actor, standIn Assignment, around bool, today calendar.Day, meanwhile []Absence) error {
	if by.StandInFor != 0 {
		return ErrOneHop
	}
	if n.From < today || n.To <= n.From {
		return ErrPeriod
	}
	if guard.On(guard.Rule) && (!around || standIn.PersonID == by.PersonID) {
		return ErrStandIn
	}
	if standIn.Role.admin() {
		return ErrRolesExclusive
	}
	for _, a := range meanwhile {
		switch {
		case !a.Span().Overlaps(Span{From: n.From, To: n.To}):
		case a.Assignment == by.Assignment:
			return ErrDatesOverlap
		case a.Person == standIn.PersonID, a.StandIn == by.PersonID: // a stand-in's stand-in
			return ErrOneHop
		}
	}
	return nil
}

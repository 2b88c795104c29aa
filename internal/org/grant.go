package org

import (
	"slices"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/problem"
)

// A granting says who gives a role (domain.md §3.4): a person in one of the roles of first, and where two must agree,
// another person in one of the roles of second. Neither: nobody does, by this way.
type granting struct {
	first, second []Role
	elected       bool // after an election whose document is named
}

var (
	branchSecretaries = []Role{RoleGridSecretary, RoleBranchSecretary}
	office            = []Role{RolePartyOffice}
	securityAdmins    = []Role{RoleSecurityAdmin}
)

var grantings = map[Role]granting{
	RoleMember:             {first: branchSecretaries},
	RoleAreaHolder:         {first: branchSecretaries},
	RoleGroupLeader:        {first: branchSecretaries},
	RoleGridSecretary:      {first: []Role{RoleGeneralSecretary}},
	RoleGeneralSecretary:   {first: office, second: office},
	RoleGridAssistant:      {first: []Role{RoleGeneralSecretary}},
	RoleBranchSecretary:    {first: office, second: office},
	RoleBranchOfficer:      {first: []Role{RoleGridSecretary, RoleBranchSecretary, RoleGeneralSecretary}, elected: true},
	RoleInstructor:         {}, // by a posting only
	RoleAreaCadre:          {first: office},
	RoleSectionHead:        {first: office},
	RoleCounterClerk:       {first: []Role{RoleGeneralSecretary, RoleBranchSecretary}},
	RolePartyOffice:        {first: []Role{RoleSecurityAdmin, RoleCommitteeSecretary}, second: []Role{RoleSecurityAdmin, RoleCommitteeSecretary}},
	RoleCommitteeSecretary: {first: securityAdmins, second: securityAdmins},
	RoleCorrespondent:      {first: office},
	RoleEditor:             {first: office},
	RoleSystemAdmin:        {first: securityAdmins, second: securityAdmins},
	RoleSecurityAdmin:      {first: securityAdmins, second: securityAdmins},
	RoleAuditAdmin:         {first: securityAdmins, second: securityAdmins},
}

// mayGrant says why by cannot give n, or propose it where two must agree; nil: by can. That n's unit lies in
// by's scope has been asked before.
func (by Actor) mayGrant(n NewAssignment) error {
	if !guard.On(guard.Rule) {
		return nil
	}
	g := grantings[n.Role]
	switch {
	case by.PersonID == n.Person:
		return ErrSelfGrant
	case by.StandInFor != 0: // standing in is for what goes on from day to day
		return problem.ErrForbidden
	case !slices.Contains(g.first, by.Role):
		return problem.ErrForbidden
	case n.Role == RoleBranchOfficer && by.Unit.ID != n.Unit.ID: // the secretary of that very committee
		return problem.ErrForbidden
	case g.elected && n.Document == "":
		return ErrDocument
	}
	return nil
}

// mayEnd says why by cannot end a: who may give a role may end it, and for ending it one is enough.
func (by Actor) mayEnd(a Assignment, u Unit) error {
	if !guard.On(guard.Rule) {
		return nil
	}
	g := grantings[a.Role]
	switch {
	case by.StandInFor != 0:
		return problem.ErrForbidden
	case !slices.Contains(g.first, by.Role):
		return problem.ErrForbidden
	case a.Role == RoleBranchOfficer && by.Unit.ID != u.ID:
		return problem.ErrForbidden
	}
	return nil
}

// A Proposal is a role that one person has proposed and another must agree to.
type Proposal struct {
	ID         ProposalID    `db:"id"`
	PersonID   PersonID      `db:"person_id"`
	Role       Role          `db:"role"`
	Post       Post          `db:"post"`
	UnitID     UnitID        `db:"unit_id"`
	UnitName   string        `db:"unit_name"`
	Primary    bool          `db:"is_primary"`
	ValidFrom  calendar.Day  `db:"valid_from"`
	ValidTo    *calendar.Day `db:"valid_to"`
	Document   string        `db:"document"`
	State      string        `db:"state"`
	ProposedBy PersonID      `db:"proposed_by"`
	ProposedAs Role          `db:"proposed_as"`
	ProposedAt time.Time     `db:"proposed_at"`
}

// mayAgree says why by cannot be the second person for p, or nil.
func (p Proposal) mayAgree(by Actor) error {
	if !guard.On(guard.Rule) {
		return nil
	}
	g := grantings[p.Role]
	switch {
	case by.PersonID == p.PersonID:
		return ErrSelfGrant
	case by.PersonID == p.ProposedBy:
		return ErrSecondPerson
	case by.StandInFor != 0:
		return problem.ErrForbidden
	case !slices.Contains(g.second, by.Role):
		return problem.ErrForbidden
	case p.Role == RolePartyOffice && by.Role == p.ProposedAs: // one of each (§3.4)
		return ErrSecondPerson
	}
	return nil
}

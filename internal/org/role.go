package org

import (
	"slices"

	"wanjia/internal/platform/problem"
)

// A Role is what a person is in a unit (domain.md §3.4), the only source of rights.
type Role string

// The roles. Resident is an identity and no assignment: whoever is signed in has it.
const (
	RoleResident           Role = "resident"
	RoleMember             Role = "member"
	RoleAreaHolder         Role = "area_holder"
	RoleGroupLeader        Role = "group_leader"
	RoleGridSecretary      Role = "grid_secretary"
	RoleGeneralSecretary   Role = "general_secretary"
	RoleGridAssistant      Role = "grid_assistant"
	RoleBranchSecretary    Role = "branch_secretary"
	RoleBranchOfficer      Role = "branch_officer"
	RoleInstructor         Role = "instructor"
	RoleAreaCadre          Role = "area_cadre"
	RoleSectionHead        Role = "section_head"
	RoleCounterClerk       Role = "counter_clerk"
	RolePartyOffice        Role = "party_office"
	RoleCommitteeSecretary Role = "committee_secretary"
	RoleCorrespondent      Role = "correspondent"
	RoleEditor             Role = "editor"
	RoleSystemAdmin        Role = "system_admin"
	RoleSecurityAdmin      Role = "security_admin"
	RoleAuditAdmin         Role = "audit_admin"
)

// A Post is what a branch officer is in the committee (C13).
type Post string

// The posts beside the secretary's own.
const (
	PostDeputy       Post = "deputy"
	PostOrganisation Post = "organisation"
	PostPublicity    Post = "publicity"
	PostDiscipline   Post = "discipline"
)

// What grants of roles refuse.
var (
	ErrSelfGrant       = problem.New(problem.Forbidden, "auth.self_grant")
	ErrSecondPerson    = problem.New(problem.Forbidden, "auth.second_person")
	ErrRolesExclusive  = problem.New(problem.Conflict, "auth.roles_exclusive")
	ErrActingAsInvalid = problem.New(problem.Forbidden, "auth.acting_as_invalid")
	ErrPostTaken       = problem.New(problem.Conflict, "org.post_taken")
	ErrRolePlace       = problem.New(problem.Invalid, "org.role_place_invalid")
	ErrPost            = problem.New(problem.Invalid, "org.post_invalid")
	ErrDocument        = problem.New(problem.Invalid, "org.document_missing")
	ErrPeriod          = problem.New(problem.Invalid, "org.period_invalid")
)

// standsOn are the kinds of units each role may stand on (domain.md §3.4).
var standsOn = map[Role][]UnitKind{
	RoleMember:             {Branch, PartyGroup},
	RoleAreaHolder:         {CenterHousehold},
	RoleGroupLeader:        {PartyGroup},
	RoleGridSecretary:      {Branch},
	RoleGeneralSecretary:   {GeneralBranch},
	RoleGridAssistant:      {GeneralBranch},
	RoleBranchSecretary:    {Branch, GeneralBranch}, // the general branch of an office is no community's
	RoleBranchOfficer:      {Branch, GeneralBranch},
	RoleInstructor:         {Branch, GeneralBranch},
	RoleAreaCadre:          places,
	RoleSectionHead:        {Section},
	RoleCounterClerk:       places,
	RolePartyOffice:        {SubdistrictCommittee, DistrictCommittee},
	RoleCommitteeSecretary: {SubdistrictCommittee},
	RoleCorrespondent:      append([]UnitKind{SubdistrictCommittee}, places...),
	RoleEditor:             {SubdistrictCommittee},
	RoleSystemAdmin:        {Subdistrict, District},
	RoleSecurityAdmin:      {Subdistrict, District},
	RoleAuditAdmin:         {Subdistrict, District},
}

// canStandOn says why r cannot stand on u, or nil. A branch that answers for a grid has the grid's secretary, every
// other one the branch's own.
func (r Role) canStandOn(u Unit) error {
	switch {
	case !slices.Contains(standsOn[r], u.Kind):
		return ErrRolePlace
	case u.Kind == Branch && (r == RoleGridSecretary && u.Level != 3 || r == RoleBranchSecretary && u.Level == 3):
		return ErrRolePlace
	}
	return nil
}

// secretaries are the roles that are the secretary of a party unit, whatever it answers for: one post, by three names.
var secretaries = []Role{RoleGridSecretary, RoleGeneralSecretary, RoleBranchSecretary}

// holdsAlone are the roles of which a unit has one at a time (C13): with two nobody would know who leads.
var holdsAlone = []Role{
	RoleAreaHolder, RoleGroupLeader, RoleGridSecretary, RoleGeneralSecretary, RoleBranchSecretary, RoleSectionHead,
	RoleCommitteeSecretary,
}

// admin says whether r is one of the three administrators, who exclude each other and every role but member.
func (r Role) admin() bool {
	return r == RoleSystemAdmin || r == RoleSecurityAdmin || r == RoleAuditAdmin
}

// excludes says whether nobody may hold r and other on one day.
func (r Role) excludes(other Role) bool {
	switch {
	case r == RoleMember || other == RoleMember || r == other:
		return false
	}
	return r.admin() || other.admin()
}

// leads are the roles that lead a unit of a kind.
var leads = map[UnitKind][]Role{
	CenterHousehold:      {RoleAreaHolder},
	PartyGroup:           {RoleGroupLeader},
	Branch:               {RoleGridSecretary, RoleBranchSecretary},
	GeneralBranch:        {RoleGeneralSecretary, RoleBranchSecretary},
	SubdistrictCommittee: {RoleCommitteeSecretary},
	Section:              {RoleSectionHead},
}

// LeadRole is the role that leads u, as far as its kind and level say it.
func LeadRole(u Unit) Role {
	roles := leads[u.Kind]
	switch {
	case len(roles) == 0:
		return ""
	case u.Kind == Branch && u.Level != 3: // of a village, an enterprise or an office, and no grid's
		return RoleBranchSecretary
	}
	return roles[0]
}

// LeadRoles are all roles that lead some unit.
var LeadRoles = []Role{
	RoleAreaHolder, RoleGroupLeader, RoleGridSecretary, RoleBranchSecretary, RoleGeneralSecretary, RoleCommitteeSecretary,
	RoleSectionHead,
}

// MayStandOn says whether r is a role that u's kind of unit has.
func (r Role) MayStandOn(u Unit) bool { return r.canStandOn(u) == nil }

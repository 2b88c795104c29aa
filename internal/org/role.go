package org

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

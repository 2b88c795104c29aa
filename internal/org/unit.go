// Package org knows the units of both trees, the dated roles that people hold in them, and the Actor that
// every scoped query takes: who asks, as what, from where.
package org

// Identifiers have a type each, so that two cannot change places.
type (
	// PersonID names a person.
	PersonID int64
	// UnitID names a unit of either tree.
	UnitID int64
	// AssignmentID names a role that a person holds in a unit.
	AssignmentID int64
	// ProposalID names a role that one person has proposed.
	ProposalID int64
)

// A Tree is one of the two: party organisations and the service grid, linked and never merged (C2).
type Tree string

// The trees.
const (
	GridTree  Tree = "grid"
	PartyTree Tree = "party"
)

// A UnitKind says what a unit is (domain.md §3.1).
type UnitKind string

// The kinds of the grid tree, then of the party tree.
const (
	District         UnitKind = "district"
	Subdistrict      UnitKind = "subdistrict"
	Village          UnitKind = "village"
	Community        UnitKind = "community"
	Enterprise       UnitKind = "enterprise"
	IndustrialPark   UnitKind = "industrial_park"
	BusinessDistrict UnitKind = "business_district"
	Office           UnitKind = "office"
	Grid             UnitKind = "grid"
	Block            UnitKind = "block"
	Area             UnitKind = "area"
	Section          UnitKind = "section"

	DistrictCommittee    UnitKind = "district_committee"
	SubdistrictCommittee UnitKind = "subdistrict_committee"
	GeneralBranch        UnitKind = "general_branch"
	Branch               UnitKind = "branch"
	PartyGroup           UnitKind = "party_group"
	CenterHousehold      UnitKind = "center_household"
)

// A Unit is a node of either tree.
type Unit struct {
	ID    UnitID   `db:"id"`
	Tree  Tree     `db:"tree"`
	Kind  UnitKind `db:"kind"`
	Name  string   `db:"name"`
	Path  string   `db:"path"`  // /1/4/12/: the unit and all above it
	Level int      `db:"level"` // 4 to 1 of the grid, 5 on top of every ladder, 0: none
}

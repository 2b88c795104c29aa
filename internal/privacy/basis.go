package privacy

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// What the legal bases refuse.
var (
	ErrBasisMissing      = problem.New(problem.Invalid, "policy.legal_basis_missing")
	ErrBasisPeriod       = problem.New(problem.Invalid, "policy.legal_basis_period")
	ErrPlaceOnly         = problem.New(problem.Invalid, "policy.place_only")
	ErrIllegalTransition = problem.New(problem.Conflict, "policy.illegal_transition")
)

// A BasisID names a legal basis.
type BasisID int64

// A Basis is the legal ground that somebody with the right to do so has recorded for a purpose (PG1).
type Basis struct {
	ID         BasisID       `db:"id"`
	Purpose    string        `db:"purpose"`
	Instrument string        `db:"instrument"` // the law, rule or decision
	Clause     string        `db:"clause"`
	Issuer     string        `db:"issuer"`
	IssuedOn   calendar.Day  `db:"issued_on"`
	ValidUntil calendar.Day  `db:"valid_until"`
	State      BasisState    `db:"state"`
	EnteredBy  org.PersonID  `db:"entered_by"`
	EnteredAt  time.Time     `db:"entered_at"`
	ApprovedBy *org.PersonID `db:"approved_by"`
	ApprovedAt *time.Time    `db:"approved_at"`
}

// A BasisState says whether a second person has agreed.
type BasisState string

// The states.
const (
	Entered  BasisState = "entered"
	Approved BasisState = "approved"
)

// valid says why b cannot be entered today, or nil: it ends within 12 months, so that somebody looks again.
func (b Basis) valid(today calendar.Day) error {
	latest := calendar.DayOf(today.Time().AddDate(1, 0, 0))
	switch {
	case b.ValidUntil <= today || b.ValidUntil > latest:
		return ErrBasisPeriod.Field("/validUntil", ErrBasisPeriod.Code)
	case b.IssuedOn > today:
		return ErrBasisPeriod.Field("/issuedOn", ErrBasisPeriod.Code)
	}
	return nil
}

// canApprove says why by cannot agree to b today, or nil.
func (b Basis) canApprove(by org.Actor, today calendar.Day) error {
	switch {
	case b.EnteredBy == by.PersonID:
		return org.ErrSecondPerson
	case b.State != Entered:
		return ErrIllegalTransition.With("state", b.State)
	case b.ValidUntil <= today: // it would never hold
		return ErrBasisPeriod
	}
	return nil
}

// Holds says whether something may rest on b on a day: on its last day it switches off.
func (b Basis) Holds(day calendar.Day) bool { return b.State == Approved && day < b.ValidUntil }

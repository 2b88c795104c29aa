package org

import (
	"context"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A RoleEvent says what has become of a role assignment.
type RoleEvent string

// What happens to assignments.
const (
	RoleGranted RoleEvent = "granted"
	RoleEnded   RoleEvent = "ended"
	RoleMoved   RoleEvent = "moved" // its unit stands elsewhere, or answers for something else
)

// RoleChanged is what others do, in the same transaction, when a role is given, ends, or reaches elsewhere: rights
// shrink at once, and the person is told.
type RoleChanged func(ctx context.Context, tx *db.Tx, by Actor, event RoleEvent, a Assignment) error

// An InUse says how many things of a feature hang on a unit, so that it cannot end (T6).
type InUse struct {
	What  string
	Count func(ctx context.Context, q db.Queryer, u UnitID) (int, error)
}

// A Service changes the trees and the roles in them.
type Service struct {
	db      *db.DB
	changed RoleChanged
	inUse   []InUse
	packs   []Pack
	handed  HandoverChanged
	away    *Absences
}

// NewService makes a Service that tells changed of every change of a role, and ends no unit that inUse counts.
func NewService(d *db.DB, changed RoleChanged, inUse ...InUse) *Service {
	return &Service{db: d, changed: changed, inUse: inUse, handed: nobodyHears, away: NewAbsences(d, changed, nobodyIsAway)}
}

// nobodyIsAway tells nobody of an absence that ends with its role; see Ending.
func nobodyIsAway(context.Context, *db.Tx, Actor, AbsenceEvent, Absence, []Incumbent) error {
	return nil
}

// Ending lets those hear whom away tells, when an absence ends because its role does.
func (s *Service) Ending(away *Absences) *Service {
	s.away = away
	return s
}

// tellBelow says that everybody with a role in u or below it reaches elsewhere now.
func (s *Service) tellBelow(ctx context.Context, tx *db.Tx, by Actor, u Unit) error {
	as, err := assignmentsBelow(ctx, tx, u, calendar.DayOf(tx.Now))
	return s.tell(ctx, tx, by, RoleMoved, as, err)
}

// tellAt says so of everybody with a role in one of units.
func (s *Service) tellAt(ctx context.Context, tx *db.Tx, by Actor, units ...Unit) error {
	for _, u := range units {
		as, err := assignmentsAt(ctx, tx, u.ID, calendar.DayOf(tx.Now))
		if err := s.tell(ctx, tx, by, RoleMoved, as, err); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) tell(ctx context.Context, tx *db.Tx, by Actor, event RoleEvent, as []Assignment, err error) error {
	for _, a := range as {
		if err == nil {
			err = s.changed(ctx, tx, by, event, a)
		}
	}
	return err
}

package org

import (
	"context"
	"errors"

	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
)

// An AbsenceEvent says what has become of an absence.
type AbsenceEvent string

// What happens to absences.
const (
	AbsenceAnnounced AbsenceEvent = "announced"
	AbsenceEnded     AbsenceEvent = "ended"
)

// AbsenceChanged tells who must hear of an absence, in the transaction of its change: whoever stands in, and leads, the
// leads of the unit above.
type AbsenceChanged func(ctx context.Context, tx *db.Tx, by Actor, event AbsenceEvent, a Absence, leads []Incumbent) error

// Absences keeps who is away and who stands in.
type Absences struct {
	db      *db.DB
	changed RoleChanged
	tell    AbsenceChanged
}

// NewAbsences makes Absences that say to changed that somebody's roles reach elsewhere, and to tell what has happened.
func NewAbsences(d *db.DB, changed RoleChanged, tell AbsenceChanged) *Absences {
	return &Absences{db: d, changed: changed, tell: tell}
}

// Announce says that by is away for some days, and who stands in.
func (s *Absences) Announce(ctx context.Context, by Actor, n NewAbsence) (a Absence, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &a, func(tx *db.Tx) error {
		standIn, err := findStandIn(ctx, tx, n.StandInAs, n.From)
		if err != nil {
			return err
		}
		around, err := near(ctx, tx, by, standIn)
		if err != nil {
			return err
		}
		meanwhile, err := holdAbsences(ctx, tx, by.PersonID, standIn.PersonID)
		if err != nil {
			return err
		}
		if err := n.check(by, standIn, around, calendar.DayOf(tx.Now), meanwhile); err != nil {
			return err
		}
		if a, err = insertAbsence(ctx, tx, by, standIn, n); err != nil {
			return err
		}
		audit.Note(tx, by.Did("absence.announced", "absence", int64(a.ID)))
		return s.say(ctx, tx, by, AbsenceAnnounced, a)
	})
	return a, err
}

// End ends an absence before its time: who is away comes back, who stands in gives it back, or a lead above finds
// another way.
func (s *Absences) End(ctx context.Context, by Actor, id AbsenceID) (a Absence, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &a, func(tx *db.Tx) error {
		if a, err = findAbsence(ctx, tx, by, id); err != nil {
			return err
		}
		return s.end(ctx, tx, by, &a)
	})
	return a, err
}

func (s *Absences) end(ctx context.Context, tx *db.Tx, by Actor, a *Absence) error {
	if err := endAbsence(ctx, tx, by, a); err != nil {
		return err
	}
	audit.Note(tx, by.Did("absence.ended", "absence", int64(a.ID)))
	return s.say(ctx, tx, by, AbsenceEnded, *a)
}

// over ends the absences of a role that ends, and those in which somebody stands in by it.
func (s *Absences) over(ctx context.Context, tx *db.Tx, by Actor, a Assignment) error {
	all, err := absencesWith(ctx, tx, a.ID)
	if err != nil {
		return err
	}
	return s.endAll(ctx, tx, by, all)
}

// Disabled ends the absences in which somebody stands in who cannot sign in any more: whoever leads hears of it, and finds
// another way. Those who are away keep theirs: their role stands until somebody ends it.
func (s *Absences) Disabled(ctx context.Context, tx *db.Tx, by Actor, person PersonID) error {
	all, err := absencesStoodIn(ctx, tx, person)
	if err != nil {
		return err
	}
	return s.endAll(ctx, tx, by, all)
}

func (s *Absences) endAll(ctx context.Context, tx *db.Tx, by Actor, all []Absence) error {
	for _, a := range all {
		if err := s.end(ctx, tx, by, &a); err != nil && !errors.Is(err, ErrIllegalTransition) { // somebody was faster
			return err
		}
	}
	return nil
}

// EndDue ends absences whose last day has passed, each by itself, and says whether there were any.
func (s *Absences) EndDue(ctx context.Context) (some bool, err error) {
	due, err := dueAbsences(ctx, s.db, calendar.DayOf(s.db.Now()))
	if err != nil {
		return false, err
	}
	return len(due) > 0, db.Each(ctx, due, func(a Absence) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return s.end(ctx, tx, System, &a) })
	}, ErrIllegalTransition)
}

// say makes the stand-in's roles be looked up again, and tells them and the lead of who is away.
func (s *Absences) say(ctx context.Context, tx *db.Tx, by Actor, event AbsenceEvent, a Absence) error {
	moved := Assignment{ID: a.Assignment, PersonID: a.StandIn, Role: a.Role, UnitID: a.UnitID, UnitName: a.UnitName}
	if err := s.changed(ctx, tx, by, RoleMoved, moved); err != nil {
		return err
	}
	leads, err := aboveOf(ctx, tx, a)
	if err != nil {
		return err
	}
	return s.tell(ctx, tx, by, event, a, leads)
}

package checkin

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// window is how far back the own list reaches.
const window = 31 * 24 * time.Hour

// A Which says which presences somebody wants to see. There is no list of persons by days (CI9).
type Which string

// The lists.
const (
	Own    Which = "own"
	Claims Which = "claims" // that wait for the host's answer
	Apart  Which = "apart"  // that the host is to look at
)

// list is by's own presence, or what waits for by as the host, with the names of whose it is.
func (s *Service) list(ctx context.Context, by org.Actor, which Which, at page.Page, names org.Names) (rows []Presence, who map[org.PersonID]string, err error) {
	now := s.db.Now()
	if which == Own {
		rows, err = listOwn(ctx, s.db, by, now.Add(-window), at)
		return rows, nil, err
	}
	if !counterpart(by) {
		return nil, nil, problem.ErrForbidden
	}
	if which == Claims {
		rows, err = listClaims(ctx, s.db, by, now, at)
	} else {
		rows, err = listApart(ctx, s.db, by, now, at)
	}
	if err != nil || len(rows) == 0 {
		return rows, nil, err
	}
	ids := make([]org.PersonID, len(rows))
	for i, p := range rows {
		ids[i] = p.PersonID
	}
	who, err = names(ctx, s.db, ids...)
	return rows, who, err
}

// Find is a presence with its evidence: one's own, or one that the host is to answer or to look at. What is left of a
// position stands in it, so it is shown only with its line in the audit.
func (s *Service) Find(ctx context.Context, by org.Actor, id ID) (p Presence, evidence []Evidence, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if p, err = findPresence(ctx, tx, by, id); err != nil {
			return err
		}
		if p.PersonID != by.PersonID && !counterpart(by) {
			return problem.ErrNotFound
		}
		audit.Note(tx, by.Did("checkin.read", "presence", int64(id)).Showing("evidence"))
		evidence, err = listEvidence(ctx, tx, id)
		return err
	})
	return p, evidence, err
}

// DaysSince are the last days of by on site: where they were, and where their role stands, unless they have asked to be
// expected no duty (E6).
func (s *Service) DaysSince(ctx context.Context, by org.Actor) ([]Since, error) {
	days, err := sinceOwn(ctx, s.db, by)
	if err != nil {
		return nil, err
	}
	if by.Grid.ID == 0 {
		return days, nil
	}
	exempt, err := member.Exempt(ctx, s.db, by.PersonID)
	if err != nil || exempt[by.PersonID] {
		return days, err
	}
	place, err := org.PlaceOf(ctx, s.db, by.Grid)
	if err != nil || place.ID == 0 || slices.ContainsFunc(days, func(d Since) bool { return d.UnitID == place.ID }) {
		return days, err
	}
	return append(days, Since{UnitID: place.ID, UnitName: place.Name}), nil
}

// UnitSince is when somebody was last on site at the unit that by answers for.
func (s *Service) UnitSince(ctx context.Context, by org.Actor) (Since, error) {
	if !counterpart(by) {
		return Since{}, problem.ErrForbidden
	}
	place, err := org.PlaceOf(ctx, s.db, by.Grid)
	if err != nil {
		return Since{}, err
	}
	if place.ID != by.Grid.ID || place.ID == 0 { // they answer for a part of it, where nobody checks in
		return Since{}, problem.ErrForbidden
	}
	return sinceAt(ctx, s.db, by, place)
}

// quietAfter is how many working days without anybody on site the office sees (O11).
const quietAfter = 10

// quiet are the units where nobody was on site for quietAfter working days or more, without anybody's name.
func (s *Service) quiet(ctx context.Context, by org.Actor, days *calendar.Calendar, at page.Page) ([]Since, error) {
	today := calendar.DayOf(s.db.Now())
	units, err := quietUnits(ctx, s.db, by, heard(days, today), today, at)
	if err != nil {
		return nil, err
	}
	return units, addLastDays(ctx, s.db, units)
}

// heard is the first day such that somebody who was on site then, or later, was there less than quietAfter working days
// ago.
func heard(days *calendar.Calendar, today calendar.Day) calendar.Day {
	day := today
	for days.OpenDays(day.Add(-1), today) < quietAfter {
		day = day.Add(-1)
	}
	return day
}

package checkin

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// Service is what can be done about being on site.
type Service struct {
	db     *db.DB
	keys   Keys
	limits *limit.Limits
	late   int // days
}

// NewService makes a Service that takes late entries for 7 days.
func NewService(d *db.DB, keys Keys, limits *limit.Limits) *Service {
	return &Service{db: d, keys: keys, limits: limits, late: 7}
}

// TakingLate is s with another time for late entries, in whole days.
func (s *Service) TakingLate(within time.Duration) *Service {
	t := *s
	t.late = int(within / (24 * time.Hour))
	return &t
}

// Record notes that by is, or was, on site. Evidence with a clientRef that is known is the same evidence.
func (s *Service) Record(ctx context.Context, by org.Actor, a Attempt) (p Presence, err error) {
	if err := privacy.CheckText("/reason", a.Reason); err != nil {
		return p, err
	}
	if a.Short != "" { // 40 bits are few: CI3
		if v := s.limits.Allow(ctx, limit.ShortCode, strconv.FormatInt(int64(by.PersonID), 10)); !v.OK {
			return p, problem.ErrTooMany.RetryAfter(v.Retry)
		}
	}
	// Two calls with one clientRef may both find it unknown; the second to write it looks again.
	for range 2 {
		p, err = s.record(ctx, by, a)
		if !errors.Is(err, errKnown) {
			break
		}
	}
	return p, err
}

func (s *Service) record(ctx context.Context, by org.Actor, a Attempt) (p Presence, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &p, func(tx *db.Tx) error {
		var e Evidence
		var found bool
		if p, e, found, err = known(ctx, tx, by.PersonID, a.ClientRef); err != nil {
			return err
		}
		if found {
			if e.Kind != a.Kind {
				return problem.ErrKeyReused
			}
			once.Again(ctx)
			return nil
		}
		unit, e, err := s.evidence(ctx, tx, by, a)
		if err != nil {
			return err
		}
		changed := false
		if p, changed, err = joinDay(ctx, tx, by, unit, e); err != nil {
			return err
		}
		audit.Note(tx, by.Did("checkin.recorded", "presence", int64(p.ID)))
		if !changed || p.State != Claimed { // only a claim asks somebody
			return nil
		}
		return tellCounterparts(ctx, tx, by, p)
	})
	return p, err
}

// evidence is what a proves, and where.
func (s *Service) evidence(ctx context.Context, tx *db.Tx, by org.Actor, a Attempt) (unit org.Unit, e Evidence, err error) {
	if a.Kind == Counterpart {
		if unit, err = claimable(ctx, tx, by, a.UnitID); err != nil {
			return unit, e, err
		}
		e, err = a.claim(tx.Now, s.late)
		return unit, e, err
	}
	id := a.PlaceID
	if a.Code != "" {
		if id, err = placeOf(a.Code); err != nil {
			return unit, e, err
		}
	}
	place, err := findPlace(ctx, tx, by, id, calendar.DayOf(tx.Now))
	if err != nil {
		return unit, e, err
	}
	if a.Kind == Geofence {
		e, err = fenced(ctx, tx, a, place)
	} else {
		e, err = s.coded(ctx, tx, by, a, place)
	}
	if err != nil {
		return unit, e, err
	}
	if e.Apart, err = elsewhere(ctx, tx, by.PersonID, place, e); err != nil {
		return unit, e, err
	}
	return org.Unit{ID: place.UnitID, Name: place.UnitName}, e, nil
}

// coded is the evidence of a place code, which is used up for by.
func (s *Service) coded(ctx context.Context, tx *db.Tx, by org.Actor, a Attempt, place Place) (Evidence, error) {
	scan, err := s.keys.prove(a, place.ID, tx.Now)
	if err != nil {
		return Evidence{}, err
	}
	if err := redeem(ctx, tx, by.PersonID, place.ID, scan); err != nil {
		return Evidence{}, err
	}
	return a.scanned(scan, place.ID, tx.Now), nil
}

// fenced is the evidence of a position, of which the distance class remains. It counts only while a legal basis holds.
func fenced(ctx context.Context, tx *db.Tx, a Attempt, place Place) (Evidence, error) {
	on, err := privacy.GeofenceOn(ctx, tx, place.UnitID, calendar.DayOf(tx.Now))
	if err != nil {
		return Evidence{}, err
	}
	fence, ok := place.Fence()
	switch {
	case !on:
		return Evidence{}, privacy.ErrBasisMissing
	case !ok:
		return Evidence{}, ErrFenceMissing
	}
	return a.located(fence.judge(a.Position), place.ID, tx.Now)
}

// positionCounts says whether a position may prove a presence at p today.
func (s *Service) positionCounts(ctx context.Context, p Place) (bool, error) {
	return privacy.GeofenceOn(ctx, s.db, p.UnitID, calendar.DayOf(s.db.Now()))
}

// elsewhere says whether e is of a place too far from another one where the person proved to be, for the time between.
// It is for a person to look at: nothing is refused, and no state follows from it (Q4).
func elsewhere(ctx context.Context, tx *db.Tx, person org.PersonID, place Place, e Evidence) (bool, error) {
	here, ok := place.Fence()
	if !ok {
		return false, nil
	}
	others, err := nearTimes(ctx, tx, person, place.ID, tx.Now)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(others, func(o proofAt) bool {
		there, ok := o.Fence()
		between := o.HappenedAt.Sub(e.HappenedAt).Abs()
		if o.Offline || e.Offline {
			between += apart // an offline scan is that exact
		}
		return ok && here.tooFar(there, between)
	}), nil
}

// claimable is the level-4 place that by may claim to be at.
func claimable(ctx context.Context, q db.Queryer, by org.Actor, id org.UnitID) (org.Unit, error) {
	unit, err := org.UnitByID(ctx, q, id)
	if err != nil {
		return unit, err
	}
	if !org.IsPlace(unit.Kind) || !by.Sees(unit) && !unit.Covers(by.Grid) {
		return org.Unit{}, problem.ErrNotFound
	}
	return unit, nil
}

func tellCounterparts(ctx context.Context, tx *db.Tx, by org.Actor, p Presence) error {
	day := calendar.DayOf(tx.Now)
	host, err := org.LinkedParty(ctx, tx, p.UnitID, day)
	if err != nil || host.ID == 0 {
		return err
	}
	to := notify.RoleIn(host.ID, org.RoleBranchSecretary).And(notify.RoleIn(host.ID, org.RoleGeneralSecretary))
	officers, err := org.PersonsIn(ctx, tx, host.ID, org.RoleBranchOfficer, day)
	if err != nil {
		return err
	}
	for _, o := range officers {
		if slices.Contains(answering, o.Post) {
			to = to.And(notify.InRole(o.Person, o.Assignment))
		}
	}
	return notify.Tell(ctx, tx, to, p.item("checkin.claimed", by))
}

func (p Presence) item(kind string, by org.Actor) notify.Item {
	return notify.Item{
		Kind: kind, Ref: notify.Ref{Type: "presence", ID: int64(p.ID)}, By: by,
		Args: map[string]any{"unitLabel": p.UnitName, "at": p.HappenedAt},
	}
}

// ByAct notes that by was on site because of what they did there, such as a visit. The work is the evidence, and
// ref names it; it joins what the day holds already.
func ByAct(ctx context.Context, tx *db.Tx, by org.Actor, unit org.Unit, happenedAt time.Time, ref string) error {
	place, err := org.PlaceOf(ctx, tx, unit)
	if err != nil || place.ID == 0 {
		return err
	}
	if _, _, found, err := known(ctx, tx, by.PersonID, ref); err != nil || found {
		return err
	}
	_, _, err = joinDay(ctx, tx, by, place, Evidence{Kind: Act, HappenedAt: happenedAt, ClientRef: ref})
	return err
}

// Confirm says for the host that the person was there.
func (s *Service) Confirm(ctx context.Context, by org.Actor, id ID) (Presence, error) {
	return s.decide(ctx, by, id, Confirmed, "")
}

// Refuse says for the host that the person was not there, and why.
func (s *Service) Refuse(ctx context.Context, by org.Actor, id ID, reason string) (Presence, error) {
	return s.decide(ctx, by, id, Refused, reason)
}

func (s *Service) decide(ctx context.Context, by org.Actor, id ID, to State, reason string) (p Presence, err error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return p, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &p, func(tx *db.Tx) error {
		if p, err = findPresence(ctx, tx, by, id); err != nil {
			return err
		}
		if err := p.canDecide(by, tx.Now); err != nil {
			return err
		}
		p.State, p.DueAt = to, nil
		if err := change(ctx, tx, &p, by.PersonID, reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("checkin."+string(to), "presence", int64(p.ID)))
		return notify.Tell(ctx, tx, notify.Persons(p.PersonID), p.item("checkin."+string(to), by))
	})
	return p, err
}

// Withdraw takes by's own presence back, and says why.
func (s *Service) Withdraw(ctx context.Context, by org.Actor, id ID, reason string) (p Presence, err error) {
	if err := privacy.CheckText("/reason", reason); err != nil {
		return p, err
	}
	err = once.InTx(ctx, s.db, int64(by.PersonID), &p, func(tx *db.Tx) error {
		if p, err = findPresence(ctx, tx, by, id); err != nil {
			return err
		}
		if p.PersonID != by.PersonID && guard.On(guard.Own) {
			return problem.ErrForbidden
		}
		if err := p.canWithdraw(); err != nil {
			return err
		}
		p.State = Withdrawn
		if err := change(ctx, tx, &p, 0, reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("checkin.withdrawn", "presence", int64(p.ID)))
		return nil
	})
	return p, err
}

// Lapse lets claims go that nobody has answered for 7 days, and says whether there were any.
func (s *Service) Lapse(ctx context.Context) (some bool, err error) {
	ids, err := dueClaims(ctx, s.db, s.db.Now())
	if err != nil {
		return false, err
	}
	lapsed := func(id ID) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error { return lapse(ctx, tx, id) })
	}
	return len(ids) > 0, db.Each(ctx, ids, lapsed)
}

// AddPlace makes a place at by's own unit.
func (s *Service) AddPlace(ctx context.Context, by org.Actor, p Place) (Place, error) {
	err := once.InTx(ctx, s.db, int64(by.PersonID), &p, func(tx *db.Tx) error {
		unit, err := org.FindUnit(ctx, tx, by, p.UnitID)
		if err != nil {
			return err
		}
		if p, err = OpenPlace(ctx, tx, unit, p); err != nil {
			return err
		}
		audit.Note(tx, by.Did("place.saved", "place", int64(p.ID)))
		return nil
	})
	return p, err
}

// OpenPlace makes a place of a unit, for whoever has asked already who may.
func OpenPlace(ctx context.Context, tx *db.Tx, at org.Unit, p Place) (Place, error) {
	if !org.IsPlace(at.Kind) {
		return p, ErrPlaceUnit.Field("/unitId", ErrPlaceUnit.Code)
	}
	p.UnitID = at.ID
	err := insertPlace(ctx, tx, &p)
	return p, err
}

// ChangePlace replaces what p.Version says of a place by p.
func (s *Service) ChangePlace(ctx context.Context, by org.Actor, p Place) (Place, error) {
	err := once.InTx(ctx, s.db, int64(by.PersonID), &p, func(tx *db.Tx) error {
		was, err := findOwnPlace(ctx, tx, by, p.ID)
		if err != nil {
			return err
		}
		if was.Version != p.Version {
			return was.changedMeanwhile(p.Version)
		}
		if err := p.canEnd(calendar.DayOf(tx.Now)); err != nil {
			return err
		}
		p.UnitID = was.UnitID
		if err := changePlace(ctx, tx, by, &p); err != nil {
			return err
		}
		audit.Note(tx, by.Did("place.saved", "place", int64(p.ID)))
		return nil
	})
	return p, err
}

// EndPlace ends the use of a place: its codes prove nothing any more.
func (s *Service) EndPlace(ctx context.Context, by org.Actor, id PlaceID) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		if _, err := findOwnPlace(ctx, tx, by, id); err != nil {
			return err
		}
		if err := closePlace(ctx, tx, id); err != nil {
			return err
		}
		audit.Note(tx, by.Did("place.ended", "place", int64(id)))
		return nil
	})
}

const mostAhead = 10 * time.Minute

// Codes are what the display of a place shows from now on, for at most 10 minutes.
func (s *Service) Codes(ctx context.Context, by org.Actor, id PlaceID, during time.Duration) ([]Code, error) {
	now := s.db.Now()
	p, err := findPlace(ctx, s.db, by, id, calendar.DayOf(now))
	if err != nil {
		return nil, err
	}
	if err := p.shows(by); err != nil {
		return nil, err
	}
	var codes []Code
	for n := stepAt(now); n <= stepAt(now.Add(min(during, mostAhead))); n++ {
		codes = append(codes, s.keys.code(p.ID, n))
	}
	if len(codes) == 0 {
		return nil, errors.New("no codes for a negative time")
	}
	return codes, nil
}

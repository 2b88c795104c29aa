package checkin

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// reach is where by may check in: units in their scope, and those that their own unit lies in.
func reach(by org.Actor) (from, to string, around []org.UnitID) {
	from, to = by.Scope()
	return from, to, append(by.Grid.Above(), by.Grid.ID)
}

const placeColumns = `
	SELECT p.id, p.unit_id, u.name AS unit_name, p.kind, p.name, p.ends_on, p.fence_north, p.fence_east, p.fence_radius, p.version
	FROM place p
	JOIN unit u ON u.id = p.unit_id`

// findPlace is a place in use where by may check in.
func findPlace(ctx context.Context, q db.Queryer, by org.Actor, id PlaceID, today calendar.Day) (p Place, err error) {
	from, to, around := reach(by)
	query, args, err := db.In(placeColumns+`
		WHERE p.id = ? AND p.closed = ? AND (p.ends_on IS NULL OR p.ends_on > ?)
		  AND (u.path >= ? AND u.path < ? OR u.id IN (?))`, id, false, today, from, to, around)
	if err != nil {
		return p, err
	}
	return p, db.Wrap(q.Get(ctx, &p, query, args...), problem.ErrNotFound, "find place %d", id)
}

// findOwnPlace is a place in use that lies in by's scope.
func findOwnPlace(ctx context.Context, tx *db.Tx, by org.Actor, id PlaceID) (p Place, err error) {
	from, to := by.Scope()
	err = tx.Get(ctx, &p, placeColumns+`
		WHERE p.id = ? AND p.closed = ? AND (p.ends_on IS NULL OR p.ends_on > ?) AND u.path >= ? AND u.path < ?`,
		id, false, calendar.DayOf(tx.Now), from, to)
	return p, db.Wrap(err, problem.ErrNotFound, "find own place %d", id)
}

// Counter finds a counter (窗口) in use today, whoever asks.
func Counter(ctx context.Context, q db.Queryer, id PlaceID) (p Place, err error) {
	err = q.Get(ctx, &p, placeColumns+`
		WHERE p.id = ? AND p.kind = 'counter' AND p.closed = ? AND (p.ends_on IS NULL OR p.ends_on > ?)`,
		id, false, calendar.DayOf(db.NowOf(q)))
	return p, db.Wrap(err, problem.ErrNotFound, "find counter %d", id)
}

func listPlaces(ctx context.Context, q db.Queryer, by org.Actor, today calendar.Day) (ps []Place, err error) {
	from, to, around := reach(by)
	query, args, err := db.In(placeColumns+`
		WHERE p.closed = ? AND (p.ends_on IS NULL OR p.ends_on > ?) AND (u.path >= ? AND u.path < ? OR u.id IN (?))
		ORDER BY p.unit_id, p.id
		LIMIT 200`, false, today, from, to, around)
	if err != nil {
		return nil, err
	}
	return ps, db.Wrap(q.Select(ctx, &ps, query, args...), nil, "list places")
}

func insertPlace(ctx context.Context, tx *db.Tx, p *Place) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO place (unit_id, kind, name, ends_on, fence_north, fence_east, fence_radius)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, p.UnitID, p.Kind, p.Name, p.EndsOn, p.FenceNorth, p.FenceEast, p.FenceRadius)
	p.ID, p.Version = PlaceID(id), 1
	return db.Wrap(err, nil, "add place")
}

// changePlace saves p, unless somebody was faster: then it says what they made of it.
func changePlace(ctx context.Context, tx *db.Tx, by org.Actor, p *Place) error {
	found, err := tx.Change(ctx, `
		UPDATE place
		SET kind = ?, name = ?, ends_on = ?, fence_north = ?, fence_east = ?, fence_radius = ?, version = version + 1
		WHERE id = ? AND closed = ? AND version = ?`,
		p.Kind, p.Name, p.EndsOn, p.FenceNorth, p.FenceEast, p.FenceRadius, p.ID, false, p.Version)
	if err != nil {
		return db.Wrap(err, nil, "change place %d", p.ID)
	}
	if found == 0 {
		now, err := findOwnPlace(ctx, tx, by, p.ID)
		if err != nil {
			return err
		}
		return now.changedMeanwhile(p.Version)
	}
	p.Version++
	return nil
}

func closePlace(ctx context.Context, tx *db.Tx, id PlaceID) error {
	_, err := tx.Change(ctx, `UPDATE place SET closed = ?, version = version + 1 WHERE id = ?`, true, id)
	return db.Wrap(err, nil, "end place %d", id)
}

// A proofAt is when somebody proved to be at a place that has a fence.
type proofAt struct {
	Place
	HappenedAt time.Time `db:"happened_at"`
	Offline    bool      `db:"offline"`
}

// nearTimes are the proofs that person gave at other places than one, as far back as a late code may reach.
func nearTimes(ctx context.Context, tx *db.Tx, person org.PersonID, place PlaceID, now time.Time) (proofs []proofAt, err error) {
	err = tx.Select(ctx, &proofs, `
		SELECT e.happened_at, e.offline, l.id, l.fence_north, l.fence_east, l.fence_radius
		FROM presence p
		JOIN presence_evidence e ON e.presence_id = p.id
		JOIN place l ON l.id = e.place_id
		WHERE p.person_id = ? AND p.recorded_at >= ? AND e.place_id <> ? AND l.fence_radius IS NOT NULL
		ORDER BY e.id DESC
		LIMIT 50`, person, now.Add(-arrives-24*time.Hour), place)
	return proofs, db.Wrap(err, nil, "look for proofs at other places")
}

// redeem notes that person used the code of a step. Used by the same person before, it is the same effect; a late
// arrival of another person is refused.
func redeem(ctx context.Context, tx *db.Tx, person org.PersonID, place PlaceID, s scan) error {
	var offline *step
	if s.offline {
		offline = &s.step
	}
	_, err := tx.Change(ctx, `
		INSERT INTO code_redemption (person_id, place_id, step, offline_step, redeemed_at)
		VALUES (?, ?, ?, ?, ?)`, person, place, int64(s.step), (*int64)(offline), tx.Now)
	if !db.IsDuplicate(err) {
		return db.Wrap(err, nil, "redeem a code of place %d", place)
	}
	var own int
	err = tx.Get(ctx, &own, `
		SELECT COUNT(*)
		FROM code_redemption
		WHERE person_id = ? AND place_id = ? AND step = ?`, person, place, int64(s.step))
	if err == nil && own == 0 {
		return ErrCodeUsed
	}
	return db.Wrap(err, nil, "look for an own redemption of place %d", place)
}

const presenceColumns = `
	SELECT p.id, p.person_id, p.unit_id, u.name AS unit_name, p.day, p.state, p.happened_at, p.recorded_at, p.due_at, p.version
	FROM presence p
	JOIN unit u ON u.id = p.unit_id`

// known is the presence that an evidence of person belongs to, by its clientRef.
func known(ctx context.Context, q db.Queryer, person org.PersonID, ref string) (p Presence, e Evidence, found bool, err error) {
	err = q.Get(ctx, &e, `
		SELECT presence_id, kind, place_id
		FROM presence_evidence
		WHERE person_id = ? AND client_ref = ?`, person, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return p, e, false, nil
	}
	if err != nil {
		return p, e, false, db.Wrap(err, nil, "look for a check-in made before")
	}
	err = q.Get(ctx, &p, presenceColumns+` WHERE p.id = ?`, e.PresenceID)
	p.Replayed = true
	return p, e, true, db.Wrap(err, nil, "find presence %d", e.PresenceID)
}

// errKnown says that another transaction has written this very evidence meanwhile.
var errKnown = errors.New("this evidence has been written meanwhile")

// joinDay puts e on the one record of its person, unit and day, and makes that record if it is the first. It says
// whether the state has changed.
func joinDay(ctx context.Context, tx *db.Tx, by org.Actor, unit org.Unit, e Evidence) (p Presence, changed bool, err error) {
	day := cmp.Or(e.Day, calendar.DayOf(e.HappenedAt))
	p = Presence{
		PersonID: by.PersonID, UnitID: unit.ID, UnitName: unit.Name, Day: day,
		State: Confirmed, HappenedAt: e.HappenedAt, RecordedAt: tx.Now, Version: 1,
	}
	p.claimUntil(e, tx.Now)
	id, err := tx.Insert(ctx, `
		INSERT INTO presence (person_id, unit_id, day, state, happened_at, recorded_at, due_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, p.PersonID, p.UnitID, p.Day, p.State, p.HappenedAt, p.RecordedAt, p.DueAt)
	switch {
	case db.IsDuplicate(err):
		if p, changed, err = joinFound(ctx, tx, p, e); err != nil {
			return p, false, err
		}
	case err != nil:
		return p, false, db.Wrap(err, nil, "record a presence")
	default:
		p.ID, changed = ID(id), true
	}
	_, err = tx.Insert(ctx, `
		INSERT INTO presence_evidence (presence_id, person_id, assignment_id, kind, place_id, offline, late_entry, reason, client_ref, happened_at, recorded_at,
			clock_untrusted, distance, apart)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, by.PersonID, by.Assignment, e.Kind, e.PlaceID, e.Offline, e.Late, e.Reason, e.ClientRef, e.HappenedAt, tx.Now,
		e.ClockUntrusted, e.Distance, e.Apart)
	if db.IsDuplicate(err) {
		return p, false, errKnown
	}
	return p, changed, db.Wrap(err, nil, "record an evidence")
}

// claimUntil makes p a claim if e is one.
func (p *Presence) claimUntil(e Evidence, now time.Time) {
	p.DueAt = nil
	if e.Kind == Counterpart {
		due := now.Add(lapses)
		p.State, p.DueAt = Claimed, &due
	}
}

func joinFound(ctx context.Context, tx *db.Tx, p Presence, e Evidence) (Presence, bool, error) {
	var id ID
	err := tx.Get(ctx, &id, `
		SELECT id FROM presence WHERE person_id = ? AND unit_id = ? AND day = ?`+db.ForUpdate, p.PersonID, p.UnitID, p.Day)
	if err != nil {
		return p, false, db.Wrap(err, nil, "hold a presence")
	}
	var was Presence
	if err := tx.Get(ctx, &was, presenceColumns+` WHERE p.id = ?`, id); err != nil {
		return p, false, db.Wrap(err, nil, "read a presence")
	}
	state, ok := was.joined(e)
	if !ok {
		return p, false, ErrIllegalTransition.With("state", was.State)
	}
	if state == was.State {
		return was, false, nil
	}
	was.State = state
	if was.DueAt = nil; state == Claimed {
		was.claimUntil(e, tx.Now)
	}
	return was, true, change(ctx, tx, &was, 0, "")
}

// change saves the state of p, if nobody was faster; decidedBy 0 is nobody.
func change(ctx context.Context, tx *db.Tx, p *Presence, decidedBy org.PersonID, reason string) error {
	var person *org.PersonID
	var at *time.Time
	if decidedBy != 0 {
		person, at = &decidedBy, &tx.Now
	}
	found, err := tx.Change(ctx, `
		UPDATE presence
		SET state = ?, due_at = ?, decided_by = ?, decided_at = ?, reason = ?, version = version + 1
		WHERE id = ? AND version = ?`, p.State, p.DueAt, person, at, reason, p.ID, p.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, p.Version, `SELECT version FROM presence WHERE id = ?`, p.ID)
	}
	p.Version++
	return db.Wrap(err, nil, "change presence %d", p.ID)
}

// findPresence is a presence of by, or one at by's unit that was claimed there or is to be looked at.
func findPresence(ctx context.Context, q db.Queryer, by org.Actor, id ID) (p Presence, err error) {
	err = q.Get(ctx, &p, presenceColumns+`
		WHERE p.id = ? AND (p.person_id = ? OR p.unit_id = ? AND EXISTS (
			SELECT 1 FROM presence_evidence e WHERE e.presence_id = p.id AND (e.kind = ? OR e.apart = ?)))`,
		id, by.PersonID, by.Grid.ID, Counterpart, true)
	return p, db.Wrap(err, problem.ErrNotFound, "find presence %d", id)
}

func listOwn(ctx context.Context, q db.Queryer, by org.Actor, since time.Time, at page.Page) (ps []Presence, err error) {
	err = q.Select(ctx, &ps, presenceColumns+`
		WHERE p.person_id = ? AND p.recorded_at >= ? AND p.recorded_at <= ? AND (p.recorded_at < ? OR p.id < ?)
		ORDER BY p.recorded_at DESC, p.id DESC
		LIMIT ?`, by.PersonID, since, at.At, at.At, at.ID, at.Limit())
	return ps, db.Wrap(err, nil, "list own presence")
}

// listClaims are the open claims at a unit, for whoever answers for it. There is no list of persons by days (CI9).
func listClaims(ctx context.Context, q db.Queryer, by org.Actor, now time.Time, at page.Page) (ps []Presence, err error) {
	err = q.Select(ctx, &ps, presenceColumns+`
		WHERE p.unit_id = ? AND p.state = ? AND p.due_at > ? AND p.person_id <> ?
		  AND p.recorded_at <= ? AND (p.recorded_at < ? OR p.id < ?)
		ORDER BY p.recorded_at DESC, p.id DESC
		LIMIT ?`, by.Grid.ID, Claimed, now, by.PersonID, at.At, at.At, at.ID, at.Limit())
	return ps, db.Wrap(err, nil, "list claims")
}

// listApart are the confirmed presences at a unit that its host is to look at, for 7 days.
func listApart(ctx context.Context, q db.Queryer, by org.Actor, now time.Time, at page.Page) (ps []Presence, err error) {
	err = q.Select(ctx, &ps, presenceColumns+`
		WHERE p.unit_id = ? AND p.state = ? AND p.person_id <> ? AND p.recorded_at >= ?
		  AND EXISTS (SELECT 1 FROM presence_evidence e WHERE e.presence_id = p.id AND e.apart = ?)
		  AND p.recorded_at <= ? AND (p.recorded_at < ? OR p.id < ?)
		ORDER BY p.recorded_at DESC, p.id DESC
		LIMIT ?`, by.Grid.ID, Confirmed, by.PersonID, now.Add(-lapses), true, at.At, at.At, at.ID, at.Limit())
	return ps, db.Wrap(err, nil, "list presences to look at")
}

func listEvidence(ctx context.Context, q db.Queryer, id ID) (es []Evidence, err error) {
	err = q.Select(ctx, &es, `
		SELECT presence_id, kind, place_id, offline, late_entry, reason, client_ref, happened_at, recorded_at, clock_untrusted, distance, apart
		FROM presence_evidence
		WHERE presence_id = ?
		ORDER BY id
		LIMIT 200`, id)
	return es, db.Wrap(err, nil, "list the evidence of presence %d", id)
}

// A Since says when somebody was last on site at a unit; without a day, never.
type Since struct {
	UnitID   org.UnitID    `db:"unit_id"`
	UnitName string        `db:"unit_name"`
	LastDay  *calendar.Day `db:"last_day"`
}

// sinceOwn are the last days of by at each unit.
func sinceOwn(ctx context.Context, q db.Queryer, by org.Actor) (days []Since, err error) {
	err = q.Select(ctx, &days, `
		SELECT u.id AS unit_id, u.name AS unit_name, MAX(p.day) AS last_day
		FROM presence p
		JOIN unit u ON u.id = p.unit_id
		WHERE p.person_id = ? AND p.state = ?
		GROUP BY u.id, u.name
		ORDER BY MAX(p.day) DESC, u.id
		LIMIT 199`, by.PersonID, Confirmed)
	return days, db.Wrap(err, nil, "find own last days")
}

// sinceAt is the last day of anybody but by at a unit.
func sinceAt(ctx context.Context, q db.Queryer, by org.Actor, unit org.Unit) (s Since, err error) {
	s = Since{UnitID: unit.ID, UnitName: unit.Name}
	err = q.Get(ctx, &s.LastDay, `
		SELECT MAX(day)
		FROM presence
		WHERE unit_id = ? AND state = ? AND person_id <> ?`, unit.ID, Confirmed, by.PersonID)
	return s, db.Wrap(err, nil, "find the last day of unit %d", unit.ID)
}

// instructors are those of place u today.
const instructors = `
	SELECT 1
	FROM unit_link l
	JOIN role_assignment a ON a.unit_id = l.party_id
	WHERE l.grid_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
	  AND a.role = ? AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`

// quietUnits are the places below by's unit, in order of id, where nobody was on site since a day, and which stood then
// already. A place whose instructors have all asked to be expected no duty waits for nobody (E6).
func quietUnits(ctx context.Context, q db.Queryer, by org.Actor, since, today calendar.Day, at page.Page) (units []Since, err error) {
	from, to := by.Scope()
	query, args, err := db.In(`
		SELECT u.id AS unit_id, u.name AS unit_name
		FROM unit u
		WHERE u.path >= ? AND u.path < ? AND u.kind IN (?) AND u.id > ?
		  AND EXISTS (SELECT 1 FROM unit_edge e WHERE e.unit_id = u.id AND e.valid_from < ?)
		  AND EXISTS (SELECT 1 FROM unit_edge e WHERE e.unit_id = u.id AND (e.valid_to IS NULL OR e.valid_to > ?))
		  AND NOT EXISTS (SELECT 1 FROM presence p WHERE p.unit_id = u.id AND p.recorded_at >= ? AND p.day >= ? AND p.state = ?)
		  AND (NOT EXISTS (`+instructors+`)
		       OR EXISTS (`+instructors+` AND NOT EXISTS (SELECT 1 FROM duty_exemption d WHERE d.person_id = a.person_id)))
		ORDER BY u.id
		LIMIT ?`, from, to, org.Places(), at.ID, since, today, since.Time().Add(-ahead), since, Confirmed,
		today, today, org.RoleInstructor, today, today, today, today, org.RoleInstructor, today, today, at.Limit())
	if err != nil {
		return nil, err
	}
	return units, db.Wrap(q.Select(ctx, &units, query, args...), nil, "list quiet units")
}

// addLastDays says of each unit when somebody was last on site.
func addLastDays(ctx context.Context, q db.Queryer, units []Since) error {
	if len(units) == 0 {
		return nil
	}
	ids := make([]org.UnitID, len(units))
	for i, u := range units {
		ids[i] = u.UnitID
	}
	query, args, err := db.In(`
		SELECT unit_id, MAX(day) AS last_day
		FROM presence
		WHERE unit_id IN (?) AND state = ?
		GROUP BY unit_id`, ids, Confirmed)
	if err != nil {
		return err
	}
	var days []Since
	if err := q.Select(ctx, &days, query, args...); err != nil {
		return db.Wrap(err, nil, "find the last days of %d units", len(ids))
	}
	for i := range units {
		for _, d := range days {
			if d.UnitID == units[i].UnitID {
				units[i].LastDay = d.LastDay
			}
		}
	}
	return nil
}

func dueClaims(ctx context.Context, q db.Queryer, now time.Time) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM presence
		WHERE state = ? AND due_at <= ?
		ORDER BY due_at, id
		LIMIT 100`, Claimed, now)
	return ids, db.Wrap(err, nil, "look for claims that lapse")
}

// lapse takes a claim away, with all its evidence, unless somebody has answered meanwhile.
func lapse(ctx context.Context, tx *db.Tx, id ID) error {
	found, err := tx.Change(ctx, `
		UPDATE presence SET state = ?, version = version + 1
		WHERE id = ? AND state = ? AND due_at <= ?`, "lapsed", id, Claimed, tx.Now)
	if err != nil || found == 0 {
		return db.Wrap(err, nil, "let claim %d lapse", id)
	}
	if _, err := tx.Change(ctx, `DELETE FROM presence_evidence WHERE presence_id = ?`, id); err != nil {
		return db.Wrap(err, nil, "forget the evidence of claim %d", id)
	}
	_, err = tx.Change(ctx, `DELETE FROM presence WHERE id = ?`, id)
	return db.Wrap(err, nil, "forget claim %d", id)
}

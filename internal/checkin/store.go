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

func findPlace(ctx context.Context, q db.Queryer, by org.Actor, id PlaceID) (p Place, err error) {
	from, to, around := reach(by)
	query, args, err := db.In(`
		SELECT p.id, p.unit_id, p.kind, p.name, p.version
		FROM place p
		JOIN unit u ON u.id = p.unit_id
		WHERE p.id = ? AND p.closed = ? AND (u.path >= ? AND u.path < ? OR u.id IN (?))`, id, false, from, to, around)
	if err != nil {
		return p, err
	}
	return p, db.Wrap(q.Get(ctx, &p, query, args...), problem.ErrNotFound, "find place %d", id)
}

func listPlaces(ctx context.Context, q db.Queryer, by org.Actor) (ps []Place, err error) {
	from, to, around := reach(by)
	query, args, err := db.In(`
		SELECT p.id, p.unit_id, p.kind, p.name, p.version
		FROM place p
		JOIN unit u ON u.id = p.unit_id
		WHERE p.closed = ? AND (u.path >= ? AND u.path < ? OR u.id IN (?))
		ORDER BY p.unit_id, p.id
		LIMIT 200`, false, from, to, around)
	if err != nil {
		return nil, err
	}
	return ps, db.Wrap(q.Select(ctx, &ps, query, args...), nil, "list places")
}

func insertPlace(ctx context.Context, tx *db.Tx, p *Place) error {
	id, err := tx.Insert(ctx, `INSERT INTO place (unit_id, kind, name) VALUES (?, ?, ?)`, p.UnitID, p.Kind, p.Name)
	p.ID, p.Version = PlaceID(id), 1
	return db.Wrap(err, nil, "add place")
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
		INSERT INTO presence_evidence (presence_id, person_id, assignment_id, kind, place_id, offline, late_entry, reason, client_ref, happened_at, recorded_at, clock_untrusted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, by.PersonID, by.Assignment, e.Kind, e.PlaceID, e.Offline, e.Late, e.Reason, e.ClientRef, e.HappenedAt, tx.Now, e.ClockUntrusted)
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
		return problem.ErrConflict
	}
	p.Version++
	return db.Wrap(err, nil, "change presence %d", p.ID)
}

// findPresence is a presence of by, or one that was claimed at the unit that by answers for.
func findPresence(ctx context.Context, q db.Queryer, by org.Actor, id ID) (p Presence, err error) {
	err = q.Get(ctx, &p, presenceColumns+`
		WHERE p.id = ? AND (p.person_id = ? OR p.unit_id = ? AND EXISTS (
			SELECT 1 FROM presence_evidence e WHERE e.presence_id = p.id AND e.kind = ?))`,
		id, by.PersonID, by.Grid.ID, Counterpart)
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

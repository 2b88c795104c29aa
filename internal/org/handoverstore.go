package org

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const handoverColumns = `
	SELECT h.id, h.assignment_id, h.unit_id, h.area_id, g.name AS area_name, h.state, a.person_id AS from_id, h.successor_id,
	       n.person_id AS successor_person_id, h.pack, h.announced_at, h.packed_at, h.signed_at, h.version
	FROM handover h
	JOIN role_assignment a ON a.id = h.assignment_id
	JOIN unit g ON g.id = h.area_id
	JOIN unit u ON u.id = h.unit_id
	LEFT JOIN role_assignment n ON n.id = h.successor_id`

// mustSign says whether whoever is given n has to sign first for what the holder before hands over.
func mustSign(ctx context.Context, tx *db.Tx, n NewAssignment) (bool, error) {
	if n.Role != RoleAreaHolder {
		return false, nil
	}
	var before int
	err := tx.Get(ctx, &before, `
		SELECT (SELECT COUNT(*) FROM handover WHERE unit_id = ? AND state <> ?)
		     + (SELECT COUNT(*) FROM role_assignment WHERE unit_id = ? AND role = ? AND ended_at IS NULL AND valid_from < ?) AS n`,
		n.Unit.ID, HandoverSigned, n.Unit.ID, n.Role, n.Span.From)
	return before > 0, db.Wrap(err, nil, "look what is handed over in unit %d", n.Unit.ID)
}

// saveAnnounced makes the handover of a, unless there is one.
func saveAnnounced(ctx context.Context, tx *db.Tx, a Assignment, area Unit) (HandoverID, error) {
	h, err := handoverOf(ctx, tx, a.ID)
	if err != nil || h.ID != 0 {
		return h.ID, err
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO handover (assignment_id, unit_id, area_id, state, pack, announced_at)
		VALUES (?, ?, ?, ?, ?, ?)`, a.ID, a.UnitID, area.ID, HandoverAnnounced, "[]", tx.Now)
	return HandoverID(id), db.Wrap(err, nil, "announce the handover of assignment %d", a.ID)
}

// handoverOf is the handover of a role that ends; the zero one if there is none.
func handoverOf(ctx context.Context, q db.Queryer, id AssignmentID) (h Handover, err error) {
	err = q.Get(ctx, &h, handoverColumns+` WHERE h.assignment_id = ?`, id)
	return h.unpack(orNone(err, "find the handover of assignment %d", id))
}

// openHandover is the one of a unit that is packed and not signed for; the zero one if there is none.
func openHandover(ctx context.Context, q db.Queryer, unit UnitID) (h Handover, err error) {
	err = q.Get(ctx, &h, handoverColumns+`
		WHERE h.unit_id = ? AND h.state = ?
		ORDER BY h.id DESC
		LIMIT 1`, unit, HandoverPacked)
	return h.unpack(orNone(err, "find the open handover of unit %d", unit))
}

// unpack reads what h hands over.
func (h Handover) unpack(err error) (Handover, error) {
	if err != nil || h.PackText == "" {
		return h, err
	}
	if err := json.Unmarshal([]byte(h.PackText), &h.Packed); err != nil {
		return Handover{}, fmt.Errorf("read what handover %d holds: %w", h.ID, err)
	}
	return h, nil
}

func savePacked(ctx context.Context, tx *db.Tx, h *Handover) error {
	text, err := json.Marshal(h.Packed)
	if err != nil {
		return fmt.Errorf("write down what handover %d holds: %w", h.ID, err)
	}
	now := tx.Now
	found, err := tx.Change(ctx, `
		UPDATE handover SET state = ?, pack = ?, packed_at = ?, version = version + 1 WHERE id = ? AND state = ?`,
		HandoverPacked, string(text), now, h.ID, HandoverAnnounced)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "packed")
	}
	h.State, h.PackedAt = HandoverPacked, &now
	return db.Wrap(err, nil, "pack handover %d", h.ID)
}

// nameSuccessor makes whoever has been given the role of h, and has not signed, its successor.
func nameSuccessor(ctx context.Context, tx *db.Tx, h *Handover) error {
	var next struct {
		ID     AssignmentID `db:"id"`
		Person PersonID     `db:"person_id"`
	}
	err := tx.Get(ctx, &next, `
		SELECT id, person_id
		FROM role_assignment
		WHERE unit_id = ? AND role = ? AND unsigned_yet = ? AND ended_at IS NULL
		ORDER BY valid_from, id
		LIMIT 1`, h.UnitID, RoleAreaHolder, true)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return db.Wrap(err, nil, "find the successor of handover %d", h.ID)
	}
	if h.SuccessorID != nil && *h.SuccessorID == next.ID { // whose week goes on
		return nil
	}
	h.SuccessorID, h.Successor = &next.ID, &next.Person
	_, err = tx.Change(ctx, `
		UPDATE handover
		SET named_at = ?, successor_id = ?, version = version + 1
		WHERE id = ?`, tx.Now, next.ID, h.ID)
	return db.Wrap(err, nil, "name the successor of handover %d", h.ID)
}

// nothingToSign lets whoever comes next to a unit that looks after no area hold it at once.
func nothingToSign(ctx context.Context, tx *db.Tx, unit UnitID) error {
	_, err := tx.Change(ctx, `
		UPDATE role_assignment SET unsigned_yet = ? WHERE unit_id = ? AND unsigned_yet = ? AND ended_at IS NULL`, false, unit, true)
	return db.Wrap(err, nil, "let the next of unit %d hold it", unit)
}

// dropSuccessor lets a handover wait for another successor than one whose role has ended.
func dropSuccessor(ctx context.Context, tx *db.Tx, id AssignmentID) error {
	_, err := tx.Change(ctx, `
		UPDATE handover SET successor_id = NULL, version = version + 1 WHERE successor_id = ? AND state = ?`, id, HandoverPacked)
	return db.Wrap(err, nil, "drop successor %d", id)
}

func saveSigned(ctx context.Context, tx *db.Tx, h *Handover) error {
	now := tx.Now
	found, err := tx.Change(ctx, `
		UPDATE handover SET state = ?, signed_at = ?, version = version + 1 WHERE id = ? AND state = ? AND version = ?`,
		HandoverSigned, now, h.ID, HandoverPacked, h.Version)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", string(HandoverSigned))
	}
	if err != nil {
		return db.Wrap(err, nil, "sign handover %d", h.ID)
	}
	h.State, h.SignedAt = HandoverSigned, &now
	_, err = tx.Change(ctx, `UPDATE role_assignment SET unsigned_yet = ? WHERE id = ?`, false, *h.SuccessorID)
	return db.Wrap(err, nil, "give the area of handover %d to its successor", h.ID)
}

// handoverScope is which handovers by sees: those of a range of party units, beside the one by succeeds in.
func handoverScope(by Actor) (from, to string) { return absenceScope(by) }

func findHandover(ctx context.Context, q db.Queryer, by Actor, id HandoverID) (h Handover, err error) {
	from, to := handoverScope(by)
	err = q.Get(ctx, &h, handoverColumns+`
		WHERE h.id = ? AND (n.person_id = ? OR (u.path >= ? AND u.path < ?))`, id, by.PersonID, from, to)
	return h.unpack(db.Wrap(err, problem.ErrNotFound, "find handover %d", id))
}

// listHandovers are those that are not signed for yet, newest first.
func listHandovers(ctx context.Context, q db.Queryer, by Actor, p page.Page) (all []Handover, err error) {
	from, to := handoverScope(by)
	err = q.Select(ctx, &all, handoverColumns+`
		WHERE h.state <> ? AND h.id < ? AND (n.person_id = ? OR (u.path >= ? AND u.path < ?))
		ORDER BY h.id DESC
		LIMIT ?`, HandoverSigned, p.ID, by.PersonID, from, to, p.Limit())
	for i, h := range all {
		if err == nil {
			all[i], err = h.unpack(nil)
		}
	}
	return all, db.Wrap(err, nil, "list handovers")
}

// A Vacancy is a unit without a lead on a day, and who stands in meanwhile.
type Vacancy struct {
	Unit     Unit
	Unsigned bool // its successor has not signed for a week
	Interim  Unit
}

// LeadCheck (unit_has_lead) says how many of the units with a level have a lead on a day, and names the rest.
type LeadCheck struct {
	Total int
	Gaps  []Vacancy
}

// CheckLeads are the units with a level that by sees and who leads them on day.
func CheckLeads(ctx context.Context, q db.Queryer, by Actor, place UnitID, day calendar.Day) (c LeadCheck, err error) {
	places, err := GridCoverage(ctx, q, by, place, day)
	if err != nil {
		return LeadCheck{}, err
	}
	for _, p := range places {
		for _, l := range p.Levels {
			c.Total += l.Units
			for _, u := range l.Gaps {
				v := Vacancy{Unit: u}
				if v.Interim, _, err = InterimHolder(ctx, q, u, day); err != nil {
					return LeadCheck{}, err
				}
				var named int
				err := q.Get(ctx, &named, `
					SELECT COUNT(*) FROM handover WHERE area_id = ? AND state = ? AND successor_id IS NOT NULL`, u.ID, HandoverPacked)
				if err != nil {
					return LeadCheck{}, db.Wrap(err, nil, "look whether area %d waits for a signature", u.ID)
				}
				v.Unsigned = named > 0
				c.Gaps = append(c.Gaps, v)
			}
		}
	}
	return c, nil
}

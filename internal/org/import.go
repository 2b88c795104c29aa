package org

import (
	"context"
	"slices"
	"strings"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A Seat is a person in a unit.
type Seat struct {
	Person PersonID
	Unit   UnitID
}

// AssignNew gives a role to persons who have just been made, by the hundreds and unchecked: they hold nothing yet, so
// it is their primary one. It answers the assignments.
func AssignNew(ctx context.Context, tx *db.Tx, role Role, seats []Seat, from calendar.Day) (ids []AssignmentID, err error) {
	for some := range slices.Chunk(seats, 200) {
		args, persons := make([]any, 0, 5*len(some)), make([]PersonID, 0, len(some))
		for _, s := range some {
			args, persons = append(args, s.Person, role, s.Unit, true, from), append(persons, s.Person)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO role_assignment (person_id, role, unit_id, is_primary, valid_from)
			VALUES `+strings.Repeat(`(?, ?, ?, ?, ?), `, len(some)-1)+`(?, ?, ?, ?, ?)`, args...)
		if err != nil {
			return nil, db.Wrap(err, nil, "assign %s to %d persons", role, len(some))
		}
		query, args, err := db.In(`SELECT id FROM role_assignment WHERE person_id IN (?) ORDER BY id`, persons)
		if err != nil {
			return nil, err
		}
		var made []AssignmentID
		if err := tx.Select(ctx, &made, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find the new roles of %d persons", len(some))
		}
		ids = append(ids, made...)
	}
	return ids, nil
}

// Unassign removes a role that was given by mistake, as if it had never been; the person's next role becomes the
// primary one. What refers to it makes it fail (db.IsReferenced).
func Unassign(ctx context.Context, tx *db.Tx, a Assignment) error {
	if _, err := tx.Change(ctx, `DELETE FROM role_assignment WHERE id = ?`, a.ID); err != nil {
		return db.Wrap(err, nil, "remove assignment %d", a.ID)
	}
	if !a.Primary {
		return nil
	}
	return promoteNext(ctx, tx, a, calendar.DayOf(tx.Now))
}

// UnassignNew removes what AssignNew gave; the persons go as well, so no other role of theirs becomes the primary one.
func UnassignNew(ctx context.Context, tx *db.Tx, ids []AssignmentID) error {
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(`DELETE FROM role_assignment WHERE id IN (?)`, some)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "remove %d assignments", len(some))
		}
	}
	return nil
}

// UnsetLabel takes a label back that was set on a day by mistake, as if the word before had stayed; another that has
// been set since stays.
func UnsetLabel(ctx context.Context, tx *db.Tx, place UnitID, level int, label string, day calendar.Day, before string) error {
	found, err := tx.Change(ctx, `
		DELETE FROM unit_label WHERE unit_id = ? AND level = ? AND label = ? AND valid_from = ? AND valid_to IS NULL`,
		place, level, label, day)
	if err != nil || found == 0 {
		return db.Wrap(err, nil, "take the label of unit %d back", place)
	}
	found, err = tx.Change(ctx, `
		UPDATE unit_label SET valid_to = NULL WHERE unit_id = ? AND level = ? AND label = ? AND valid_to = ?`, place, level, before, day)
	if err != nil || found > 0 || before == "" {
		return db.Wrap(err, nil, "open the label of unit %d again", place)
	}
	_, err = tx.Insert(ctx, `INSERT INTO unit_label (unit_id, level, label, valid_from) VALUES (?, ?, ?, ?)`, place, level, before, day)
	return db.Wrap(err, nil, "label level %d of unit %d as before", level, place)
}

// RemoveUnits removes units that were added by mistake, the last one first, with their edges, links and labels. What
// refers to one makes it fail (db.IsReferenced).
func RemoveUnits(ctx context.Context, tx *db.Tx, ids []UnitID) error {
	for some := range slices.Chunk(ids, 500) {
		for _, remove := range []string{
			`DELETE FROM unit_link WHERE party_id IN (?)`, `DELETE FROM unit_link WHERE grid_id IN (?)`,
			`DELETE FROM unit_label WHERE unit_id IN (?)`, `DELETE FROM unit_edge WHERE unit_id IN (?)`,
		} {
			query, args, err := db.In(remove, some)
			if err != nil {
				return err
			}
			if _, err := tx.Change(ctx, query, args...); err != nil {
				return db.Wrap(err, nil, "remove what joins %d units", len(some))
			}
		}
	}
	for _, id := range slices.Backward(ids) {
		if _, err := tx.Change(ctx, `DELETE FROM unit WHERE id = ?`, id); err != nil {
			return db.Wrap(err, nil, "remove unit %d", id)
		}
	}
	return nil
}

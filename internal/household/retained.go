package household

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{
		Name: "household_contact", Tables: []string{"household_contact"}, Kept: privacy.Period{Months: 24}, Journal: true,
		Due:   `SELECT premises_id FROM household_contact WHERE used_at <= ? AND premises_id > ? ORDER BY premises_id LIMIT ?`,
		Erase: []string{`DELETE FROM household_contact WHERE premises_id IN (?)`},
	},
	{
		Name: "household_mute", Tables: []string{"household_mute"}, Kept: privacy.Period{Days: 30},
		Due:  `SELECT id FROM household_mute WHERE valid_to <= ? AND id > ? ORDER BY id LIMIT ?`,
		Args: privacy.OnDay, Erase: []string{`DELETE FROM household_mute WHERE id IN (?)`},
	},
	{
		Name: "household_consent", Tables: []string{"household_consent"}, Kept: privacy.Period{Months: 36},
		Due: `
			SELECT c.id
			FROM household_consent c
			WHERE (c.withdrawn_at <= ? OR c.valid_to <= ?) AND NOT EXISTS (SELECT 1 FROM care_flag f WHERE f.consent_id = c.id) AND c.id > ?
			ORDER BY c.id
			LIMIT ?`,
		Args:  func(before time.Time) []any { return []any{before, calendar.DayOf(before)} },
		Erase: []string{`DELETE FROM household_consent WHERE id IN (?)`},
	},
	{
		Name: "area_round", Tables: []string{"area_round"}, Kept: privacy.Period{Months: 24},
		Due:   `SELECT id FROM area_round WHERE recorded_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM area_round WHERE id IN (?)`},
	},
	{
		Name: "visit_note", Tables: []string{"visit"}, Kept: privacy.Period{Days: 90}, Journal: true,
		Due: `
			SELECT id
			FROM visit
			WHERE recorded_at <= ? AND result IN ('not_home', 'declined') AND note_sealed IS NOT NULL AND id > ?
			ORDER BY id
			LIMIT ?`,
		Erase: []string{`UPDATE visit SET note_sealed = NULL WHERE id IN (?)`},
	},
	{ // what stays of them are numbers
		Name: "visit", Tables: []string{"visit"}, Kept: privacy.Period{Months: 24}, Journal: true,
		Due:  `SELECT id FROM visit WHERE recorded_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Also: tally,
		Erase: []string{
			`UPDATE household_mute SET visit_id = NULL WHERE visit_id IN (?)`,
			`DELETE FROM visit WHERE id IN (?)`,
		},
	},
	{ // that have ended or lie in no area any more, once nothing speaks of them
		Name: "premises", Tables: []string{"premises"}, Kept: privacy.Period{Days: 90}, Journal: true,
		Due: `
			SELECT p.id
			FROM premises p
			WHERE (p.ended_on <= ?
			    OR EXISTS (SELECT 1 FROM area_entrance a WHERE a.entrance_id = p.entrance_id)
			      AND NOT EXISTS (SELECT 1 FROM area_entrance a WHERE a.entrance_id = p.entrance_id AND (a.valid_to IS NULL OR a.valid_to > ?)))
			  AND NOT EXISTS (SELECT 1 FROM visit v WHERE v.premises_id = p.id)
			  AND NOT EXISTS (SELECT 1 FROM care_flag f WHERE f.premises_id = p.id)
			  AND NOT EXISTS (SELECT 1 FROM household_consent c WHERE c.premises_id = p.id)
			  AND NOT EXISTS (SELECT 1 FROM risk_offer o WHERE o.premises_id = p.id)
			  AND NOT EXISTS (SELECT 1 FROM plaque q WHERE q.premises_id = p.id)
			  AND p.id > ?
			ORDER BY p.id
			LIMIT ?`,
		Args: func(before time.Time) []any { return []any{calendar.DayOf(before), calendar.DayOf(before)} },
		Erase: []string{
			`DELETE FROM household_contact WHERE premises_id IN (?)`,
			`DELETE FROM household_mute WHERE premises_id IN (?)`,
			`DELETE FROM premises WHERE id IN (?)`,
		},
	},
}

// A tallied is a cell of the counts of visits that are forgotten.
type tallied struct {
	unit   org.UnitID
	month  string
	result Result
}

// tally adds visits to the counts that stay when they are forgotten, and cuts requests off from them.
func tally(ctx context.Context, tx *db.Tx, ids []int64, _ time.Time) error {
	query, args, err := db.In(`SELECT unit_id, result, recorded_at FROM visit WHERE id IN (?) ORDER BY id`, ids)
	if err != nil {
		return err
	}
	var visits []struct {
		Unit   org.UnitID `db:"unit_id"`
		Result Result     `db:"result"`
		At     time.Time  `db:"recorded_at"`
	}
	if err := tx.Select(ctx, &visits, query, args...); err != nil {
		return db.Wrap(err, nil, "count %d visits", len(ids))
	}
	cells := map[tallied]int64{}
	for _, v := range visits {
		cells[tallied{v.Unit, string(calendar.DayOf(v.At))[:len("2026-05")], v.Result}]++
	}
	inOrder := slices.SortedFunc(maps.Keys(cells), func(a, b tallied) int {
		return strings.Compare(a.month+string(a.result), b.month+string(b.result))
	})
	for _, c := range inOrder {
		if err := addTally(ctx, tx, c, cells[c]); err != nil {
			return err
		}
	}
	return request.ForgetVisits(ctx, tx, ids)
}

func addTally(ctx context.Context, tx *db.Tx, c tallied, n int64) error {
	return db.Save(func() (int64, error) {
		found, err := tx.Change(ctx, `
			UPDATE visit_tally
			SET visits = visits + ?
			WHERE unit_id = ? AND month = ? AND result = ?`, n, c.unit, c.month, c.result)
		return found, db.Wrap(err, nil, "add to the counts of area %d", c.unit)
	}, func() error {
		_, err := tx.Insert(ctx, `
			INSERT INTO visit_tally (unit_id, month, result, visits)
			VALUES (?, ?, ?, ?)`, c.unit, c.month, c.result, n)
		return db.Wrap(err, nil, "begin the counts of area %d", c.unit)
	})
}

// addTallied adds to counts what is remembered of the forgotten visits of a month below by.
func addTallied(ctx context.Context, q db.Queryer, by org.Actor, month string, counts map[Result]int) error {
	from, to := by.Scope()
	var rows []struct {
		Result Result `db:"result"`
		N      int    `db:"n"`
	}
	err := q.Select(ctx, &rows, `
		SELECT t.result, SUM(t.visits) AS n
		FROM visit_tally t
		JOIN unit u ON u.id = t.unit_id
		WHERE t.month = ? AND u.path >= ? AND u.path < ?
		GROUP BY t.result`, month, from, to)
	if err != nil {
		return db.Wrap(err, nil, "read the counts of %s", month)
	}
	for _, r := range rows {
		counts[r.Result] += r.N
	}
	return nil
}

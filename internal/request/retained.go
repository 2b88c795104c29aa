package request

import (
	"context"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
)

// endedNeeds is that a need r had ended by a moment, which is given twice, and what it had gone on as as well: what belongs
// to it stays as long as that is dealt with.
const endedNeeds = `
			  r.closed_at <= ?
			  AND NOT (r.state = 'merged' AND EXISTS (
			    SELECT 1
			    FROM request_asker k
			    JOIN request o ON o.id = k.request_id
			    WHERE k.origin_id = r.id AND (o.is_open = 1 OR o.closed_at > ?)))`

// twice are the arguments of endedNeeds.
func twice(before time.Time) []any { return []any{before, before} }

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{ // the asker stays as one of a number, and nothing leads to them
		Name: "asker_contact", Tables: []string{"request_asker", "asker_number"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due: `
			SELECT a.id
			FROM request_asker a
			JOIN request r ON r.id = a.request_id
			WHERE r.closed_at <= ?
			  AND (a.address_sealed IS NOT NULL OR a.phone_sealed IS NOT NULL OR a.receipt_sealed IS NOT NULL OR a.person_id IS NOT NULL)
			  AND a.id > ?
			ORDER BY a.id
			LIMIT ?`,
		Also: dropCalls,
		Erase: []string{
			`UPDATE request_asker
			SET address_sealed = NULL, phone_sealed = NULL, phone_index = NULL, person_id = NULL, receipt_hash = NULL, receipt_sealed = NULL,
			    slip_hash = NULL
			WHERE id IN (?)`,
			`DELETE FROM asker_number WHERE asker_id IN (?)`,
		},
	},
	{
		Name: "request_text", Tables: []string{"request"}, Kept: privacy.Period{Months: 24}, Journal: true,
		Due: `
			SELECT r.id
			FROM request r
			WHERE ` + endedNeeds + `
			  AND (r.text_sealed IS NOT NULL OR r.handed_to_sealed IS NOT NULL OR r.receipt_sealed IS NOT NULL) AND r.id > ?
			ORDER BY r.id
			LIMIT ?`,
		Args: twice,
		Erase: []string{`
			UPDATE request
			SET text_sealed = NULL, handed_to_sealed = NULL, receipt_sealed = NULL, premises_id = NULL
			WHERE id IN (?)`},
	},
	{
		Name: "request_note", Tables: []string{"request_history"}, Kept: privacy.Period{Months: 24}, Journal: true,
		Due: `
			SELECT h.id
			FROM request_history h
			JOIN request r ON r.id = h.request_id
			WHERE ` + endedNeeds + ` AND h.note_sealed IS NOT NULL AND h.id > ?
			ORDER BY h.id
			LIMIT ?`,
		Args:  twice,
		Erase: []string{`UPDATE request_history SET note_sealed = NULL WHERE id IN (?)`},
	},
	{
		Name: "asker_outcome", Tables: []string{"request_asker"}, Kept: privacy.Period{Months: 24}, Journal: true,
		Due: `
			SELECT a.id
			FROM request_asker a
			JOIN request r ON r.id = a.request_id
			WHERE r.closed_at <= ? AND a.outcome_sealed IS NOT NULL AND a.id > ?
			ORDER BY a.id
			LIMIT ?`,
		Erase: []string{`UPDATE request_asker SET outcome_sealed = NULL WHERE id IN (?)`},
	},
	{ // paper that came back, and paper that never did
		Name: "request_slip", Tables: []string{"request_slip"}, Kept: privacy.Period{Months: 12},
		Due:   `SELECT id FROM request_slip WHERE issued_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM request_slip WHERE id IN (?)`},
	},
	{ // of a need that closed before needs ended what hangs on them: it ends as theirs does, and goes with the others
		Name: "promise_hanging", Tables: []string{"promise"}, Kept: privacy.Period{Days: 1},
		Due: `
			SELECT DISTINCT p.request_id
			FROM promise p
			JOIN request r ON r.id = p.request_id
			WHERE ` + endedNeeds + ` AND p.ended_at IS NULL AND p.request_id > ?
			ORDER BY p.request_id
			LIMIT ?`,
		Args: twice, Also: endHanging, Piece: heldTogether,
	},
	{
		Name: "promise", Tables: []string{"promise"}, Kept: privacy.Period{Months: 12}, Journal: true,
		Due:   `SELECT id FROM promise WHERE ended_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM promise WHERE id IN (?)`},
	},
	{
		Name: "call_task", Tables: []string{"call_task"}, Kept: privacy.Period{Months: 12},
		Due:   `SELECT id FROM call_task WHERE ended_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM call_task WHERE id IN (?)`},
	},
	{
		Name: "counter_step", Tables: []string{"counter_step"}, Kept: privacy.Period{Months: 12},
		Due:   `SELECT id FROM counter_step WHERE finished_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM counter_step WHERE id IN (?)`},
	},
	{ // nobody came to the counter before the need had ended
		Name: "counter_step_waiting", Tables: []string{"counter_step"}, Kept: privacy.Period{Months: 12},
		Due: `
			SELECT s.id
			FROM counter_step s
			JOIN request r ON r.id = s.request_id
			WHERE ` + endedNeeds + ` AND s.finished_at IS NULL AND s.id > ?
			ORDER BY s.id
			LIMIT ?`,
		Args:  twice,
		Erase: []string{`DELETE FROM counter_step WHERE id IN (?)`},
	},
	{ // as promise_hanging
		Name: "muster_hanging", Tables: []string{"muster"}, Kept: privacy.Period{Days: 1},
		Due: `
			SELECT m.open_request_id
			FROM muster m
			JOIN request r ON r.id = m.open_request_id
			WHERE ` + endedNeeds + ` AND m.open_request_id > ?
			ORDER BY m.open_request_id
			LIMIT ?`,
		Args: twice, Also: endHanging, Piece: heldTogether,
	},
	{
		Name: "muster_invite", Tables: []string{"muster_invite"}, Kept: privacy.Period{Days: 90},
		Due: `
			SELECT i.id
			FROM muster_invite i
			JOIN muster m ON m.id = i.muster_id
			WHERE i.asked_at <= ? AND m.ended_at IS NOT NULL AND i.id > ?
			ORDER BY i.id
			LIMIT ?`,
		Erase: []string{`DELETE FROM muster_invite WHERE id IN (?)`},
	},
	{
		Name: "muster", Tables: []string{"muster"}, Kept: privacy.Period{Months: 12},
		Due: `
			SELECT m.id
			FROM muster m
			WHERE m.ended_at <= ? AND NOT EXISTS (SELECT 1 FROM muster_invite i WHERE i.muster_id = m.id) AND m.id > ?
			ORDER BY m.id
			LIMIT ?`,
		Erase: []string{`DELETE FROM muster WHERE id IN (?)`},
	},
	{ // an edition that nobody offers any more
		Name: "card", Tables: []string{"card"}, Kept: privacy.Period{Months: 36},
		Due: `
			SELECT c.id
			FROM card c
			WHERE c.state = 'retired'
			  AND NOT EXISTS (SELECT 1 FROM card_history h WHERE h.card_id = c.id AND h.recorded_at > ?)
			  AND NOT EXISTS (SELECT 1 FROM card x WHERE x.series_id = c.id)
			  AND c.id > ?
			ORDER BY c.id
			LIMIT ?`,
		Erase: []string{
			`DELETE FROM request_card WHERE card_id IN (?)`,
			`DELETE FROM card_history WHERE card_id IN (?)`,
			`DELETE FROM card WHERE id IN (?)`,
		},
	},
}

// temporaryNeeds joins what was told in the temporary categories of emergencies that are over at a moment. What somebody
// still waits for has gone on in another category by then; what goes on as another need, which is open, is left alone.
const temporaryNeeds = `
			JOIN emergency_category c ON c.code = r.category
			JOIN emergency e ON e.id = c.emergency_id
			WHERE e.ended_at <= ? AND r.is_open = 0
			  AND NOT (r.state = 'merged' AND EXISTS (
			    SELECT 1
			    FROM request_asker k
			    JOIN request o ON o.id = k.request_id
			    WHERE k.origin_id = r.id AND o.is_open = 1)) AND `

// RetainedEmergency are the classes of what is temporary in an emergency: it goes in the night after (C24).
var RetainedEmergency = []privacy.Class{
	{
		Name: "emergency_contact", Tables: []string{"request_asker", "asker_number"}, Journal: true,
		Due: `
			SELECT a.id
			FROM request_asker a
			JOIN request r ON r.id = a.request_id` + temporaryNeeds + `
			  (a.address_sealed IS NOT NULL OR a.phone_sealed IS NOT NULL OR a.receipt_sealed IS NOT NULL OR a.outcome_sealed IS NOT NULL
			    OR a.person_id IS NOT NULL)
			  AND a.id > ?
			ORDER BY a.id
			LIMIT ?`,
		Also: dropCalls,
		Erase: []string{
			`UPDATE request_asker
			SET address_sealed = NULL, phone_sealed = NULL, phone_index = NULL, person_id = NULL, receipt_hash = NULL, receipt_sealed = NULL,
			    slip_hash = NULL, outcome_sealed = NULL
			WHERE id IN (?)`,
			`DELETE FROM asker_number WHERE asker_id IN (?)`,
		},
	},
	{ // and the pictures with it
		Name: "emergency_text", Tables: []string{"request"}, Journal: true,
		Due: `
			SELECT r.id
			FROM request r` + temporaryNeeds + `
			  (r.text_sealed IS NOT NULL OR r.handed_to_sealed IS NOT NULL OR r.receipt_sealed IS NOT NULL) AND r.id > ?
			ORDER BY r.id
			LIMIT ?`,
		Also: dropPhotos,
		Erase: []string{`
			UPDATE request
			SET text_sealed = NULL, handed_to_sealed = NULL, receipt_sealed = NULL, premises_id = NULL
			WHERE id IN (?)`},
	},
	{
		Name: "emergency_note", Tables: []string{"request_history"}, Journal: true,
		Due: `
			SELECT h.id
			FROM request_history h
			JOIN request r ON r.id = h.request_id` + temporaryNeeds + `
			  h.note_sealed IS NOT NULL AND h.id > ?
			ORDER BY h.id
			LIMIT ?`,
		Erase: []string{`UPDATE request_history SET note_sealed = NULL WHERE id IN (?)`},
	},
	{
		Name: "emergency_promise", Tables: []string{"promise"}, Journal: true,
		Due: `
			SELECT p.id
			FROM promise p
			JOIN request r ON r.id = p.request_id` + temporaryNeeds + `
			  (p.text_sealed IS NOT NULL OR p.reason_sealed IS NOT NULL) AND p.id > ?
			ORDER BY p.id
			LIMIT ?`,
		Erase: []string{`UPDATE promise SET text_sealed = NULL, reason_sealed = NULL WHERE id IN (?)`},
	},
	{ // what helpers were told
		Name: "emergency_muster", Tables: []string{"muster"}, Journal: true,
		Due: `
			SELECT m.id
			FROM muster m
			JOIN request r ON r.id = m.request_id` + temporaryNeeds + `
			  m.note_sealed IS NOT NULL AND m.id > ?
			ORDER BY m.id
			LIMIT ?`,
		Erase: []string{`UPDATE muster SET note_sealed = NULL WHERE id IN (?)`},
	},
	{
		Name: "emergency", Tables: []string{"emergency", "emergency_category"}, Kept: privacy.Period{Months: 60},
		Due: `SELECT id FROM emergency WHERE purged_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{
			`DELETE FROM emergency_category WHERE emergency_id IN (?)`,
			`DELETE FROM emergency WHERE id IN (?)`,
		},
	},
}

// ForgetVisits cuts requests and promises off from visits that are forgotten.
func ForgetVisits(ctx context.Context, tx *db.Tx, visits []int64) error {
	for _, statement := range []string{
		`UPDATE request SET source_visit_id = NULL WHERE source_visit_id IN (?)`,
		`UPDATE promise SET visit_id = NULL WHERE visit_id IN (?)`,
	} {
		query, args, err := db.In(statement, visits)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, query, args...); err != nil {
			return db.Wrap(err, nil, "cut off from %d visits", len(visits))
		}
	}
	return nil
}

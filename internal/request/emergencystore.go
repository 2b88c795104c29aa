package request

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

const selectEmergency = `
	SELECT id, unit_id, title, reason, state, sunset_on, body, drafted_by, drafted_as, drafted_at, second_by, second_as, started_at,
	       ended_at, ended_by, end_reason, purged_at, version
	FROM emergency`

// findEmergency returns an emergency of by's subdistrict.
func findEmergency(ctx context.Context, q db.Queryer, by org.Actor, id EmergencyID) (Emergency, error) {
	rows, err := emergenciesWhere(ctx, q, `id = ? AND unit_id = ?`, id, by.Grid.ID)
	if err == nil && len(rows) == 0 {
		err = problem.ErrNotFound
	}
	if err != nil {
		return Emergency{}, err
	}
	return rows[0], nil
}

func emergenciesWhere(ctx context.Context, q db.Queryer, where string, args ...any) (rows []Emergency, err error) {
	if err := q.Select(ctx, &rows, selectEmergency+` WHERE `+where+` ORDER BY id DESC LIMIT 100`, args...); err != nil {
		return nil, db.Wrap(err, nil, "find emergencies")
	}
	for i := range rows {
		if err := json.Unmarshal([]byte(rows[i].Body), &rows[i].Plan); err != nil {
			return nil, fmt.Errorf("read emergency %d: %w", rows[i].ID, err)
		}
		for j := range rows[i].Open {
			rows[i].Open[j].Category.Code = rows[i].Open[j].Code
		}
	}
	return rows, nil
}

// emergenciesOn are those that are on in a subdistrict, the newest first.
func emergenciesOn(ctx context.Context, q db.Queryer, unit org.UnitID) ([]Emergency, error) {
	return emergenciesWhere(ctx, q, `unit_id = ? AND state = ?`, unit, EmergencyActive)
}

func insertEmergency(ctx context.Context, tx *db.Tx, e *Emergency) error {
	body, err := json.Marshal(e.Plan)
	if err != nil {
		return fmt.Errorf("write down an emergency: %w", err)
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO emergency (unit_id, title, reason, state, sunset_on, body, drafted_by, drafted_as, drafted_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.UnitID, e.Title, e.Reason, e.State, e.SunsetOn, string(body), e.DraftedBy, e.DraftedAs, e.DraftedAt)
	e.ID, e.Version = EmergencyID(id), 1
	return db.Wrap(err, nil, "insert emergency")
}

// saveEmergency stores e as a move has left it, unless somebody was faster.
func saveEmergency(ctx context.Context, tx *db.Tx, e *Emergency) error {
	body, err := json.Marshal(e.Plan)
	if err != nil {
		return fmt.Errorf("write down emergency %d: %w", e.ID, err)
	}
	found, err := tx.Change(ctx, `
		UPDATE emergency
		SET state = ?, reason = ?, sunset_on = ?, body = ?, second_by = ?, second_as = ?, started_at = ?, ended_at = ?, ended_by = ?,
		    end_reason = ?, purged_at = ?, version = version + 1
		WHERE id = ? AND version = ?`,
		e.State, e.Reason, e.SunsetOn, string(body), e.SecondBy, e.SecondAs, e.StartedAt, e.EndedAt, e.EndedBy,
		e.EndReason, e.PurgedAt, e.ID, e.Version)
	if err == nil && found == 0 {
		return ErrEmergencyIsOver
	}
	e.Version++
	return db.Wrap(err, nil, "move emergency %d", e.ID)
}

// keepTemporary notes which needs belong to e; a category is of one emergency for ever.
func keepTemporary(ctx context.Context, tx *db.Tx, e Emergency) error {
	for _, t := range e.Open {
		_, err := tx.Change(ctx, `
			INSERT INTO emergency_category (code, emergency_id, then_code)
			VALUES (?, ?, ?)`, t.Code, e.ID, t.Then)
		if db.IsDuplicate(err) {
			return ErrEmergency.Field("/categories", ErrEmergency.Code)
		}
		if err != nil {
			return db.Wrap(err, nil, "open a category in emergency %d", e.ID)
		}
	}
	return nil
}

// concernedBy are the leads and holders of the units of a subdistrict, in either tree.
func concernedBy(ctx context.Context, tx *db.Tx, top org.Unit) (to notify.Audience, err error) {
	day := calendar.DayOf(tx.Now)
	from, until := org.Actor{Grid: top}.Scope()
	roles := []org.Role{
		org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGridSecretary, org.RoleGeneralSecretary, org.RoleBranchSecretary,
		org.RoleGridAssistant, org.RoleSectionHead, org.RoleCounterClerk, org.RolePartyOffice, org.RoleCommitteeSecretary,
	}
	query, args, err := db.In(`
		SELECT a.id, a.person_id, a.role, a.post
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		LEFT JOIN unit_link l ON l.party_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		LEFT JOIN unit g ON g.id = l.grid_id
		WHERE a.role IN (?) AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND ((u.path >= ? AND u.path < ?) OR (g.path >= ? AND g.path < ?))
		ORDER BY a.id`, day, day, roles, day, day, from, until, from, until)
	if err != nil {
		return to, err
	}
	var in []org.Incumbent
	if err := tx.Select(ctx, &in, query, args...); err != nil {
		return to, db.Wrap(err, nil, "find who leads or holds something in unit %d", top.ID)
	}
	return audience(in), nil
}

// offerUntil makes the cards of an emergency end on a day.
func offerUntil(ctx context.Context, tx *db.Tx, cards []CardID, last calendar.Day) error {
	if len(cards) == 0 {
		return nil
	}
	query, args, err := db.In(`
		UPDATE card
		SET valid_to = ?, review_on = ?, version = version + 1
		WHERE id IN (?) AND state <> ?`, last, last, cards, CardRetired)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "let %d cards end", len(cards))
}

// leftIn are needs in the temporary categories of an emergency that somebody still waits for: open ones, those of which
// somebody is to be called back, and those that go on as another one, which is open.
func leftIn(ctx context.Context, q db.Queryer, id EmergencyID, today calendar.Day) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT r.id
		FROM emergency_category c
		JOIN request r ON r.category = c.code
		WHERE c.emergency_id = ?
		  AND (r.is_open = ? OR (r.state = ? AND r.call_back_on >= ?)
		    OR (r.state = ? AND EXISTS (
		      SELECT 1
		      FROM request_asker a
		      JOIN request o ON o.id = a.request_id
		      WHERE a.origin_id = r.id AND o.is_open = ?)))
		ORDER BY r.id
		LIMIT 100`, id, true, HandedOver, today, Merged, true)
	return ids, db.Wrap(err, nil, "find what is left of emergency %d", id)
}

// setCategory stores that r is dealt with in another category.
func setCategory(ctx context.Context, tx *db.Tx, r *Request) error {
	found, err := tx.Change(ctx, `
		UPDATE request
		SET category = ?
		WHERE id = ? AND version = ?`, r.Category, r.ID, r.Version)
	if err == nil && found == 0 {
		return r.State.refuses()
	}
	return db.Wrap(err, nil, "hand request %d on to another category", r.ID)
}

// temporaryLeft is how many rows of the temporary categories of an emergency still hold something personal, or ask
// somebody to call an asker.
func temporaryLeft(ctx context.Context, q db.Queryer, id EmergencyID) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*)
		        FROM emergency_category c
		        JOIN request r ON r.category = c.code
		        JOIN request_asker a ON a.request_id = r.id
		        WHERE c.emergency_id = ?
		          AND (a.address_sealed IS NOT NULL OR a.phone_sealed IS NOT NULL OR a.receipt_sealed IS NOT NULL OR a.outcome_sealed IS NOT NULL
		            OR a.person_id IS NOT NULL))
		     + (SELECT COUNT(*)
		        FROM emergency_category c
		        JOIN request r ON r.category = c.code
		        WHERE c.emergency_id = ? AND (r.is_open = ? OR r.text_sealed IS NOT NULL OR r.handed_to_sealed IS NOT NULL))
		     + (SELECT COUNT(*)
		        FROM emergency_category c
		        JOIN request r ON r.category = c.code
		        JOIN request_history h ON h.request_id = r.id
		        WHERE c.emergency_id = ? AND h.note_sealed IS NOT NULL)
		     + (SELECT COUNT(*)
		        FROM emergency_category c
		        JOIN request r ON r.category = c.code
		        JOIN request_asker a ON a.request_id = r.id
		        JOIN call_task t ON t.open_asker_id = a.id
		        WHERE c.emergency_id = ?)
		     + (SELECT COUNT(*)
		        FROM emergency_category c
		        JOIN request r ON r.category = c.code
		        JOIN muster m ON m.request_id = r.id
		        WHERE c.emergency_id = ? AND m.note_sealed IS NOT NULL)
		     + (SELECT COUNT(*)
		        FROM emergency_category c
		        JOIN request r ON r.category = c.code
		        JOIN upload u ON u.owner_type = 'request' AND u.owner_id = r.id
		        WHERE c.emergency_id = ?) AS n`, id, id, true, id, id, id, id)
	if err != nil || n > 0 {
		return n, db.Wrap(err, nil, "count what is left of emergency %d", id)
	}
	var promised []PromiseID
	err = q.Select(ctx, &promised, `
		SELECT p.id
		FROM emergency_category c
		JOIN request r ON r.category = c.code
		JOIN promise p ON p.request_id = r.id
		WHERE c.emergency_id = ? AND (p.text_sealed IS NOT NULL OR p.reason_sealed IS NOT NULL)
		ORDER BY p.id
		LIMIT 1`, id)
	return len(promised), db.Wrap(err, nil, "find what is left of what was promised in emergency %d", id)
}

// isTemporary says whether a category is, or was, open in an emergency alone.
func isTemporary(ctx context.Context, q db.Queryer, code Code) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM emergency_category WHERE code = ?`, code)
	return n > 0, db.Wrap(err, nil, "look whether category %s is temporary", code)
}

// dropCalls ends the calls that askers still wait for: nobody knows their numbers any more.
func dropCalls(ctx context.Context, tx *db.Tx, askers []int64, _ time.Time) error {
	query, args, err := db.In(`
		UPDATE call_task
		SET state = ?, open_asker_id = NULL, ended_at = ?, version = version + 1
		WHERE open_asker_id IN (?)`, CallDropped, tx.Now, askers)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "drop the calls to %d askers", len(askers))
}

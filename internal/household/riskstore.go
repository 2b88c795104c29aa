package household

import (
	"context"
	"errors"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

const riskColumns = `
	e.id, e.unit_id, u.name AS unit_name, e.kind, e.state, e.opened_at, e.ends_at, e.closed_at, e.purge_at, e.offered,
	e.person_id, e.assignment_id, e.version`

func insertRisk(ctx context.Context, tx *db.Tx, e *RiskEvent) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO risk_event (unit_id, kind, state, opened_at, ends_at, offered, person_id, assignment_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		e.UnitID, e.Kind, e.State, e.OpenedAt, e.EndsAt, e.Offered, e.PersonID, e.Assignment)
	e.ID, e.Version = RiskEventID(id), 1
	return db.Wrap(err, nil, "insert a risk event")
}

// saveRisk stores how far e has come, and says whether nobody was faster.
func saveRisk(ctx context.Context, tx *db.Tx, e RiskEvent) (saved bool, err error) {
	found, err := tx.Change(ctx, `
		UPDATE risk_event
		SET state = ?, closed_at = ?, purge_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, e.State, e.ClosedAt, e.PurgeAt, e.ID, e.Version)
	return found == 1, db.Wrap(err, nil, "save risk event %d", e.ID)
}

// riskOpenAt says whether an event of a kind is open at a unit, which it holds: of two offices that open the same, one does.
func riskOpenAt(ctx context.Context, tx *db.Tx, unit org.UnitID, kind string) (bool, error) {
	var held org.UnitID
	if err := tx.Get(ctx, &held, `SELECT id FROM unit WHERE id = ?`+db.ForUpdate, unit); err != nil {
		return false, db.Wrap(err, problem.ErrNotFound, "hold unit %d", unit)
	}
	var n int
	err := tx.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM risk_event
		WHERE unit_id = ? AND kind = ? AND state = ?`, unit, kind, RiskOpen)
	return n > 0, db.Wrap(err, nil, "find an open risk event of unit %d", unit)
}

// around are the units that by's own lies in, and itself: what happens there concerns it.
func around(by org.Actor) []org.UnitID { return append(slices.Clone(by.Grid.Above()), by.Grid.ID) }

// findRisk returns the event if it is of a unit that by sees, or that by's own unit lies in.
func findRisk(ctx context.Context, q db.Queryer, by org.Actor, id RiskEventID) (e RiskEvent, err error) {
	from, to := by.Scope()
	query, args, err := db.In(`
		SELECT `+riskColumns+`
		FROM risk_event e
		JOIN unit u ON u.id = e.unit_id
		WHERE e.id = ? AND ((u.path >= ? AND u.path < ?) OR u.id IN (?))`, id, from, to, around(by))
	if err != nil {
		return e, err
	}
	err = q.Get(ctx, &e, query, args...)
	return e, db.Wrap(err, problem.ErrNotFound, "find risk event %d", id)
}

// listRisks are the events of the units that by sees, the newest first.
func listRisks(ctx context.Context, q db.Queryer, by org.Actor, since time.Time, p page.Page) (all []RiskEvent, err error) {
	from, to := by.Scope()
	err = q.Select(ctx, &all, `
		SELECT `+riskColumns+`
		FROM unit u
		JOIN risk_event e ON e.unit_id = u.id
		WHERE u.path >= ? AND u.path < ?
		  AND e.opened_at >= ? AND e.opened_at <= ? AND (e.opened_at < ? OR e.id < ?)
		ORDER BY e.opened_at DESC, e.id DESC
		LIMIT ?`, from, to, since, p.At, p.At, p.ID, p.Limit())
	return all, db.Wrap(err, nil, "list risk events")
}

// listRisksAround are the events of the units that by's own lies in, the newest first.
func listRisksAround(ctx context.Context, q db.Queryer, by org.Actor, since time.Time, p page.Page) (all []RiskEvent, err error) {
	query, args, err := db.In(`
		SELECT `+riskColumns+`
		FROM risk_event e
		JOIN unit u ON u.id = e.unit_id
		WHERE e.unit_id IN (?)
		  AND e.opened_at >= ? AND e.opened_at <= ? AND (e.opened_at < ? OR e.id < ?)
		ORDER BY e.opened_at DESC, e.id DESC
		LIMIT ?`, around(by), since, p.At, p.At, p.ID, p.Limit())
	if err != nil {
		return nil, err
	}
	return all, db.Wrap(q.Select(ctx, &all, query, args...), nil, "list risk events around an area")
}

// agreedIn are the homes of u where somebody lives and that agreed to a visit in dangerous weather.
func agreedIn(ctx context.Context, q db.Queryer, u org.Unit, day calendar.Day) (offers []Offer, err error) {
	from, to := org.Actor{Grid: u}.Scope()
	err = q.Select(ctx, &offers, `
		SELECT DISTINCT a.area_id, p.id AS premises_id
		FROM unit x
		JOIN area_entrance a ON a.area_id = x.id
		JOIN premises p ON p.entrance_id = a.entrance_id
		JOIN household_consent c ON c.premises_id = p.id
		WHERE x.path >= ? AND x.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND p.occupied = ? AND p.ended_on IS NULL
		  AND c.purpose = ? AND c.withdrawn_at IS NULL
		  AND c.valid_from <= ? AND (c.valid_to IS NULL OR c.valid_to > ?)
		ORDER BY a.area_id, p.id`, from, to, day, day, true, RiskVisit, day, day)
	return offers, db.Wrap(err, nil, "find the homes that agreed to a visit")
}

// promisedIn are the homes of u where those who live there were promised something about the house, whenever it is due: rain
// does not wait for it.
func promisedIn(ctx context.Context, q db.Queryer, u org.Unit, day calendar.Day) (offers []Offer, err error) {
	from, to := org.Actor{Grid: u}.Scope()
	err = q.Select(ctx, &offers, `
		SELECT DISTINCT a.area_id, p.id AS premises_id
		FROM unit x
		JOIN area_entrance a ON a.area_id = x.id
		JOIN premises p ON p.entrance_id = a.entrance_id
		JOIN promise w ON w.premises_id = p.id
		JOIN request r ON r.id = w.request_id
		WHERE x.path >= ? AND x.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND p.occupied = ? AND p.ended_on IS NULL AND w.state = ? AND r.category = ?
		  AND (p.left_at IS NULL OR w.made_at >= p.left_at)
		ORDER BY a.area_id, p.id`, from, to, day, day, true, request.PromiseOpen, request.DwellingSafety)
	return offers, db.Wrap(err, nil, "find the homes that were promised something")
}

func insertOffers(ctx context.Context, tx *db.Tx, event RiskEventID, offers []Offer) error {
	for some := range slices.Chunk(offers, rowsAtOnce) {
		args := make([]any, 0, 4*len(some))
		for _, o := range some {
			args = append(args, event, o.AreaID, o.Premises, o.Reason)
		}
		_, err := tx.Change(ctx, `
			INSERT INTO risk_offer (event_id, area_id, premises_id, reason)
			VALUES `+rows("(?, ?, ?, ?)", len(some)), args...)
		if err != nil {
			return db.Wrap(err, nil, "insert %d homes of risk event %d", len(some), event)
		}
	}
	return nil
}

// offerToo puts a household that agrees while the weather is dangerous onto the lists of the events around it.
func offerToo(ctx context.Context, tx *db.Tx, id ID) error {
	day := calendar.DayOf(tx.Now)
	h, err := findHousehold(ctx, tx, org.System, id, day)
	if errors.Is(err, problem.ErrNotFound) || err == nil && !h.Occupied { // it lies in no area, or nobody lives there
		return nil
	}
	if err != nil {
		return err
	}
	quiet, err := mutes(ctx, tx, []ID{id}, day)
	if _, muted := quiet[id]; err != nil || muted {
		return err
	}
	area, err := org.UnitByID(ctx, tx, h.AreaID)
	if err != nil {
		return err
	}
	query, args, err := db.In(`
		SELECT id
		FROM risk_event
		WHERE unit_id IN (?) AND state = ?
		ORDER BY id`, around(org.Actor{Grid: area}), RiskOpen)
	if err != nil {
		return err
	}
	var open []RiskEventID
	if err := tx.Select(ctx, &open, query, args...); err != nil {
		return db.Wrap(err, nil, "find the open risk events around area %d", area.ID)
	}
	for _, e := range open {
		err := insertOffers(ctx, tx, e, []Offer{{AreaID: area.ID, Premises: id, Reason: AgreedRiskVisit}})
		switch {
		case db.IsDuplicate(err): // it stands there already
			continue
		case err != nil:
			return err
		}
		if err := countOffers(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// countOffers notes how many homes stand on the list of an event.
func countOffers(ctx context.Context, tx *db.Tx, e RiskEventID) error {
	_, err := tx.Change(ctx, `
		UPDATE risk_event
		SET offered = (SELECT COUNT(*) FROM risk_offer o WHERE o.event_id = risk_event.id)
		WHERE id = ?`, e)
	return db.Wrap(err, nil, "count the homes of risk event %d", e)
}

// listOffers are the homes of by's own area on the list of an event. Who has moved into another area since is seen
// there; where nobody lives any more, only what was done.
func listOffers(ctx context.Context, q db.Queryer, by org.Actor, event RiskEventID) (offers []Offer, err error) {
	from, to := by.Scope()
	day := calendar.DayOf(db.NowOf(q))
	err = q.Select(ctx, &offers, `
		SELECT o.id, o.event_id, a.area_id, o.premises_id, o.reason, o.visit_id, e.label AS entrance, p.door, v.result
		FROM unit u
		JOIN area_entrance a ON a.area_id = u.id
		JOIN entrance e ON e.id = a.entrance_id
		JOIN premises p ON p.entrance_id = e.id
		JOIN risk_offer o ON o.premises_id = p.id
		LEFT JOIN visit v ON v.id = o.visit_id
		WHERE u.path >= ? AND u.path < ?
		  AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
		  AND o.event_id = ? AND (o.visit_id IS NOT NULL OR p.occupied = ? AND p.ended_on IS NULL AND `+stillAgreed+`)
		ORDER BY p.id
		LIMIT 1000`, from, to, day, day, event, true, AgreedRiskVisit, RiskVisit, day, day)
	return offers, db.Wrap(err, nil, "list the homes of risk event %d", event)
}

// stillAgreed is the condition that offer o does not rest on a consent that has ended since.
const stillAgreed = `(o.reason <> ? OR EXISTS (
	SELECT 1
	FROM household_consent c
	WHERE c.premises_id = o.premises_id AND c.purpose = ? AND c.withdrawn_at IS NULL
	  AND c.valid_from <= ? AND (c.valid_to IS NULL OR c.valid_to > ?)))`

// countDone is at how many homes of an event somebody has called.
func countDone(ctx context.Context, q db.Queryer, event RiskEventID) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM risk_offer
		WHERE event_id = ? AND visit_id IS NOT NULL`, event)
	return n, db.Wrap(err, nil, "count the calls of risk event %d", event)
}

// visitedInRisk ties a visit to the lists its home stands on, if it was paid while the weather was dangerous. A later
// one takes the place of an earlier one, whichever was sent first; one that could not be made leaves the home on its lists.
func visitedInRisk(ctx context.Context, tx *db.Tx, v Visit) error {
	if v.Result == Unable {
		return nil
	}
	var offers []struct {
		RiskEvent
		Offer int64      `db:"offer_id"`
		Paid  *time.Time `db:"paid_at"` // when the visit that is tied to it already was
	}
	if err := tx.Select(ctx, &offers, `
		SELECT `+riskColumns+`, o.id AS offer_id, w.happened_at AS paid_at
		FROM risk_offer o
		JOIN risk_event e ON e.id = o.event_id
		JOIN unit u ON u.id = e.unit_id
		LEFT JOIN visit w ON w.id = o.visit_id
		WHERE o.premises_id = ? AND e.state <> ?`, v.Premises, RiskPurged); err != nil {
		return db.Wrap(err, nil, "find the risk events of household %d", v.Premises)
	}
	for _, o := range offers {
		if !o.covers(v.HappenedAt) || o.Paid != nil && o.Paid.After(v.HappenedAt) {
			continue
		}
		if _, err := tx.Change(ctx, `
			UPDATE risk_offer
			SET visit_id = ?
			WHERE id = ?`, v.ID, o.Offer); err != nil {
			return db.Wrap(err, nil, "tie visit %d to risk event %d", v.ID, o.ID)
		}
	}
	return nil
}

// atRisk are those of the households that stand on the list of an open risk event and were not called at yet.
func atRisk(ctx context.Context, q db.Queryer, ids ...ID) (map[ID]bool, error) {
	found, day := map[ID]bool{}, calendar.DayOf(db.NowOf(q))
	for some := range slices.Chunk(ids, 500) {
		query, args, err := db.In(`
			SELECT o.premises_id
			FROM risk_offer o
			JOIN risk_event e ON e.id = o.event_id
			WHERE o.premises_id IN (?) AND o.visit_id IS NULL AND e.state = ? AND `+stillAgreed,
			some, RiskOpen, AgreedRiskVisit, RiskVisit, day, day)
		if err != nil {
			return nil, err
		}
		var rows []ID
		if err := q.Select(ctx, &rows, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find which of %d households are on a list", len(some))
		}
		for _, id := range rows {
			found[id] = true
		}
	}
	return found, nil
}

// dropOffers takes a household off the lists of risk events on which it stands for some reasons, with all that was noted there
// while they lasted: it does not agree any more, or has moved out.
func dropOffers(ctx context.Context, tx *db.Tx, id ID, reasons ...DueReason) error {
	var listed []struct {
		Event  RiskEventID `db:"event_id"`
		Opened time.Time   `db:"opened_at"`
		Closed *time.Time  `db:"closed_at"`
	}
	query, args, err := db.In(`
		SELECT o.event_id, e.opened_at, e.closed_at
		FROM risk_offer o
		JOIN risk_event e ON e.id = o.event_id
		WHERE o.premises_id = ? AND o.reason IN (?)
		ORDER BY o.event_id`, id, reasons)
	if err != nil {
		return err
	}
	if err := tx.Select(ctx, &listed, query, args...); err != nil {
		return db.Wrap(err, nil, "find the lists of household %d", id)
	}
	for _, l := range listed {
		until := tx.Now.Add(time.Millisecond)
		if l.Closed != nil {
			until = *l.Closed
		}
		if _, err := tx.Change(ctx, `
			UPDATE visit
			SET note_sealed = NULL
			WHERE premises_id = ? AND happened_at >= ? AND happened_at < ?`, id, l.Opened, until); err != nil {
			return db.Wrap(err, nil, "forget what was noted at household %d during risk event %d", id, l.Event)
		}
		if _, err := tx.Change(ctx, `
			DELETE FROM risk_offer
			WHERE event_id = ? AND premises_id = ?`, l.Event, id); err != nil {
			return db.Wrap(err, nil, "take household %d off the list of risk event %d", id, l.Event)
		}
		if err := countOffers(ctx, tx, l.Event); err != nil {
			return err
		}
	}
	return nil
}

// noteDropped says whether dropOffers would have taken the note of v away, had v been sent when it was paid: a risk event was open
// around the home, which is not on its list any more, for they have said no since, or have moved out.
func noteDropped(ctx context.Context, tx *db.Tx, v Visit, gone bool) (bool, error) {
	area, err := org.UnitByID(ctx, tx, v.AreaID)
	if err != nil {
		return false, err
	}
	query, args, err := db.In(`
		SELECT COUNT(*)
		FROM risk_event e
		WHERE e.unit_id IN (?) AND e.opened_at <= ? AND (e.closed_at IS NULL OR e.closed_at > ?)
		  AND NOT EXISTS (SELECT 1 FROM risk_offer o WHERE o.event_id = e.id AND o.premises_id = ?)`,
		around(org.Actor{Grid: area}), v.HappenedAt, v.HappenedAt, v.Premises)
	if err != nil {
		return false, err
	}
	var events, yes int
	if err := tx.Get(ctx, &events, query, args...); err != nil || events == 0 {
		return false, db.Wrap(err, nil, "find the risk events that visit %d was paid in", v.ID)
	}
	if err := tx.Get(ctx, &yes, `
		SELECT COUNT(*)
		FROM household_consent c
		JOIN premises p ON p.id = c.premises_id
		WHERE c.premises_id = ? AND c.purpose = ? AND c.withdrawn_at IS NULL
		  AND (? AND c.recorded_at <= p.left_at OR EXISTS (
			SELECT 1
			FROM household_consent n
			WHERE n.premises_id = c.premises_id AND n.purpose = c.purpose AND n.withdrawn_at >= ? AND n.id > c.id))`,
		v.Premises, RiskVisit, gone, v.HappenedAt); err != nil || yes > 0 || !gone {
		return yes > 0, db.Wrap(err, nil, "find what was agreed to at household %d", v.Premises)
	}
	err = tx.Get(ctx, &yes, `
		SELECT COUNT(*)
		FROM promise w
		JOIN request r ON r.id = w.request_id
		JOIN premises p ON p.id = w.premises_id
		WHERE w.premises_id = ? AND r.category = ? AND w.made_at < p.left_at`, v.Premises, request.DwellingSafety)
	return yes > 0, db.Wrap(err, nil, "find what was promised at household %d", v.Premises)
}

func risksOver(ctx context.Context, q db.Queryer, now time.Time) (all []RiskEvent, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+riskColumns+`
		FROM risk_event e
		JOIN unit u ON u.id = e.unit_id
		WHERE e.state = ? AND e.ends_at <= ?
		ORDER BY e.ends_at, e.id
		LIMIT 100`, RiskOpen, now)
	return all, db.Wrap(err, nil, "find risk events that are over")
}

func risksToPurge(ctx context.Context, q db.Queryer, now time.Time) (all []RiskEvent, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+riskColumns+`
		FROM risk_event e
		JOIN unit u ON u.id = e.unit_id
		WHERE e.state = ? AND e.purge_at <= ?
		ORDER BY e.purge_at, e.id
		LIMIT 20`, RiskClosed, now)
	return all, db.Wrap(err, nil, "find risk events to purge")
}

// purgeOffers leaves nothing of the list of an event, nor of what was noted at its homes meanwhile.
func purgeOffers(ctx context.Context, tx *db.Tx, e RiskEvent) error {
	if _, err := tx.Change(ctx, `
		UPDATE visit
		SET note_sealed = NULL
		WHERE premises_id IN (SELECT premises_id FROM risk_offer WHERE event_id = ?)
		  AND happened_at >= ? AND happened_at < ?`, e.ID, e.OpenedAt, e.ClosedAt); err != nil {
		return db.Wrap(err, nil, "purge the notes of risk event %d", e.ID)
	}
	_, err := tx.Change(ctx, `
		DELETE FROM risk_offer
		WHERE event_id = ?`, e.ID)
	return db.Wrap(err, nil, "purge the list of risk event %d", e.ID)
}

package request

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// Seen is a request with the names of its units, as lists show it.
type Seen struct {
	Request
	UnitName      string `db:"unit_name"`
	HolderName    string `db:"holder_name"`
	UnitPath      string `db:"unit_path"`
	HolderPath    string `db:"holder_path"`
	ReceiptSealed []byte `db:"receipt_sealed"`
	Receipt       Receipt
	Danger        Tongue // what to do before all else
}

// columns of Seen, from request r, its opening unit u and its holder h.
const columns = `
	r.id, r.unit_id, r.place_id, r.premises_id, r.entrance_id, r.building_id, r.source_visit_id, r.category, r.type, r.channel, r.state,
	r.holder_unit_id, r.holder_role, r.level, r.happened_at, r.recorded_at, r.clock_untrusted,
	r.accept_due_at, r.update_due_at, r.solve_due_at, r.expected_on, r.wait_until, r.waiting_since, r.closed_at,
	r.resolved_level, r.call_back_on, r.holding, r.reopened, r.stepped_at, r.first_solve_due_at, r.first_closed_at, r.first_minutes,
	r.about_id, r.rules_at, r.emergency_id, r.solve_ms, r.version, r.receipt_sealed, u.path AS unit_path, h.path AS holder_path,
	u.name AS unit_name, h.name AS holder_name`

// insertRequest stores r under its code and gives it its id; db.IsDuplicate if the act has been told before.
func insertRequest(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, r *Request, code Receipt, t saying) error {
	id, err := tx.Insert(ctx, `
		INSERT INTO request (
			unit_id, place_id, premises_id, entrance_id, building_id, source_visit_id, category, type, channel, state, is_open,
			holder_unit_id, holder_role, level, receipt_hash, happened_at, recorded_at, clock_untrusted,
			accept_due_at, update_due_at, solve_due_at, recorded_by, client_ref, fingerprint, stepped_at,
			about_id, rules_at, emergency_id, solve_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.UnitID, r.PlaceID, r.PremisesID, r.EntranceID, r.BuildingID, r.SourceVisitID, r.Category, r.Type, r.Channel, r.State, r.State.Open(),
		r.HolderUnitID, r.HolderRole, r.Level, keys.MAC(receipts, []byte(code)), r.HappenedAt, r.RecordedAt, r.ClockUntrusted,
		r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt, by.PersonID, orNull(t.ref), t.fingerprint, r.SteppedAt,
		r.About, r.RulesAt, r.EmergencyID, r.SolveMS)
	if err != nil {
		if db.IsDuplicate(err) {
			return err
		}
		return db.Wrap(err, nil, "insert request")
	}
	r.ID, r.Version = ID(id), 1
	receipt, err := keys.Seal(sealed.Personal, "request", "receipt_sealed", id, string(code))
	if err != nil {
		return err
	}
	text, err := keys.Seal(sealed.Personal, "request", "text_sealed", id, t.what)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `
		UPDATE request
		SET receipt_sealed = ?, text_sealed = ?
		WHERE id = ?`, receipt, text, id)
	return db.Wrap(err, nil, "seal request %d", id)
}

// insertAsker stores whom n is for, and the code that they follow request r with.
func insertAsker(ctx context.Context, tx *db.Tx, keys *sealed.Keys, r ID, code Receipt, n Need) error {
	callBack := n.CallBack
	if callBack == "" {
		callBack = CallNone
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO request_asker (request_id, person_id, call_back, receipt_hash, slip_hash, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?)`, r, orNull(int64(n.Person)), callBack, keys.MAC(receipts, []byte(code)), n.slip, tx.Now)
	if err != nil {
		return db.Wrap(err, nil, "insert asker of request %d", r)
	}
	receipt, err := keys.Seal(sealed.Personal, "request_asker", "receipt_sealed", id, string(code))
	if err != nil {
		return err
	}
	var who, phone []byte
	var index *int64
	if n.Who != "" {
		if who, err = keys.Seal(sealed.Personal, "request_asker", "address_sealed", id, n.Who); err != nil {
			return err
		}
	}
	if n.Phone != "" {
		if phone, err = keys.Seal(sealed.Personal, "request_asker", "phone_sealed", id, n.Phone); err != nil {
			return err
		}
		i := keys.PhoneIndex(n.Phone)
		index = &i
	}
	_, err = tx.Change(ctx, `
		UPDATE request_asker
		SET receipt_sealed = ?, address_sealed = ?, phone_sealed = ?, phone_index = ?
		WHERE id = ?`, receipt, who, phone, index, id)
	return db.Wrap(err, nil, "seal asker of request %d", r)
}

// AskerID names one of those whom a request is for.
type AskerID int64

// saveMove stores r as a move has left it, with its clocks, unless somebody was faster.
func (s *Service) saveMove(ctx context.Context, tx *db.Tx, r *Request) error {
	found, err := tx.Change(ctx, `
		UPDATE request
		SET state = ?, is_open = ?, holder_unit_id = ?, holder_role = ?, level = ?,
		    accept_due_at = ?, update_due_at = ?, solve_due_at = ?, expected_on = ?, wait_until = ?, waiting_since = ?,
		    closed_at = ?, resolved_level = ?, call_back_on = ?, holding = ?, reopened = ?, stepped_at = ?,
		    stale_unit_id = NULL, first_solve_due_at = ?, first_closed_at = ?, first_minutes = ?,
		    rules_at = ?, emergency_id = ?, solve_ms = ?, version = version + 1
		WHERE id = ? AND version = ?`,
		r.State, r.State.Open(), r.HolderUnitID, r.HolderRole, r.Level,
		r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt, r.ExpectedOn, r.WaitUntil, r.WaitingSince,
		r.ClosedAt, r.ResolvedLevel, r.CallBackOn, r.Holding, r.Reopened, r.SteppedAt,
		r.FirstDueAt, r.FirstClosedAt, r.FirstMinutes,
		r.RulesAt, r.EmergencyID, r.SolveMS, r.ID, r.Version)
	switch {
	case err != nil:
		return db.Wrap(err, nil, "move request %d", r.ID)
	case found > 0:
		r.Version++
		if err := s.rearm(ctx, tx, *r); err != nil {
			return err
		}
		return keepPhotos(ctx, tx, *r)
	}
	var now State
	if err := tx.Get(ctx, &now, `SELECT state FROM request WHERE id = ?`, r.ID); err != nil {
		return db.Wrap(err, problem.ErrNotFound, "read the state of request %d", r.ID)
	}
	return now.refuses()
}

// heldFor is how long whoever held a request last looks at a number of it after its end (security.md A1.5).
const heldFor = 24 * time.Hour

// heldOn says whether the last holder of r has still to do with it: while it is open and a day longer, when somebody else
// took it over until the day after the call.
func (r Request) heldOn(now time.Time) bool {
	return r.State.Open() || r.ClosedAt == nil || r.ClosedAt.After(now.Add(-heldFor)) ||
		r.CallBackOn != nil && *r.CallBackOn >= string(calendar.DayOf(now.Add(-heldFor)))
}

// findSeen returns the request if by may see it.
func (s *Service) findSeen(ctx context.Context, q db.Queryer, by org.Actor, id ID) (Seen, error) {
	return findSeen(ctx, q, by, id, s.reopens)
}

// findSeen returns the request if by may see it (V1). Whoever held it last, and does not follow what is opened there, keeps
// no more than a line of it (V3) once it can no more be opened again for them, within a window after its end, or made a card
// of.
func findSeen(ctx context.Context, q db.Queryer, by org.Actor, id ID, window time.Duration) (r Seen, err error) {
	s, now := sightOf(by), db.NowOf(q)
	err = q.Get(ctx, &r, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE r.id = ?
		  AND ((u.path >= ? AND u.path < ?)
		    OR (r.holder_unit_id = ? AND r.holder_role IN (?, ?)
		      AND (r.is_open = ? OR r.closed_at > ? OR r.call_back_on >= ?)))
		  AND `+unsparing,
		append([]any{
			id, s.from, s.to, s.unit, s.roles[0], s.roles[1], true, now.Add(-window), calendar.DayOf(now.Add(-window)),
		}, sparing(by, calendar.DayOf(now))...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return findInterim(ctx, q, by, id, window)
	}
	if err != nil {
		return Seen{}, db.Wrap(err, nil, "find request %d", id)
	}
	return r, r.stand(ctx, q, by)
}

// findRecorded returns the request if by has recorded it for somebody else since then.
func findRecorded(ctx context.Context, q db.Queryer, by org.Actor, id ID, since time.Time) (r Seen, err error) {
	err = q.Get(ctx, &r, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE r.id = ? AND r.recorded_by = ? AND r.recorded_at > ? AND r.channel <> ?
		  AND `+unsparing,
		append([]any{id, by.PersonID, since, ToldSelf}, sparing(by, calendar.DayOf(db.NowOf(q)))...)...)
	return r, db.Wrap(err, problem.ErrNotFound, "find request %d by its recorder", id)
}

// A text is what was asked, sealed.
func findText(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) (string, error) {
	var cipher []byte
	if err := q.Get(ctx, &cipher, `SELECT text_sealed FROM request WHERE id = ?`, id); err != nil {
		return "", db.Wrap(err, problem.ErrNotFound, "find the text of request %d", id)
	}
	return keys.Open(sealed.Personal, "request", "text_sealed", int64(id), cipher)
}

// An Asker is for whom a request was recorded. Name and phone mask themselves.
type Asker struct {
	ID       AskerID
	Settled  bool
	Who      sealed.Name
	CallBack CallBack
	Phone    sealed.Phone
}

// askers are those a request is for, the first one first.
func askers(ctx context.Context, q db.Queryer, keys *sealed.Keys, id ID) ([]Asker, error) {
	var rows []struct {
		ID       int64    `db:"id"`
		Who      []byte   `db:"address_sealed"`
		CallBack CallBack `db:"call_back"`
		Phone    []byte   `db:"phone_sealed"`
		Settled  bool     `db:"settled"`
	}
	if err := q.Select(ctx, &rows, `
		SELECT id, address_sealed, call_back, phone_sealed, settled_at IS NOT NULL AS settled
		FROM request_asker
		WHERE request_id = ?
		ORDER BY id`, id); err != nil {
		return nil, db.Wrap(err, nil, "find the askers of request %d", id)
	}
	found := make([]Asker, len(rows))
	for i, r := range rows {
		who, err := keys.Open(sealed.Personal, "request_asker", "address_sealed", r.ID, r.Who)
		if err != nil {
			return nil, err
		}
		phone, err := keys.Open(sealed.Personal, "request_asker", "phone_sealed", r.ID, r.Phone)
		if err != nil {
			return nil, err
		}
		found[i] = Asker{ID: AskerID(r.ID), Settled: r.Settled, Who: sealed.NameOf(who), CallBack: r.CallBack, Phone: sealed.PhoneOf(phone)}
	}
	return found, nil
}

// byIDs are requests that the caller has just made or may see, in the order of ids.
func byIDs(ctx context.Context, q db.Queryer, ids []ID) ([]Seen, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, args, err := db.In(`
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE r.id IN (?)
		ORDER BY r.id`, ids)
	if err != nil {
		return nil, err
	}
	var rows []Seen
	return rows, db.Wrap(q.Select(ctx, &rows, query, args...), nil, "find requests")
}

// OfVisit are the requests that came out of a visit, in the order they were told.
func OfVisit(ctx context.Context, q db.Queryer, visit int64) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM request
		WHERE source_visit_id = ?
		ORDER BY id`, visit)
	return ids, db.Wrap(err, nil, "find the requests of visit %d", visit)
}

// OpenAt is how many open requests a unit holds, or were opened in it: it cannot end before they do (T6).
func OpenAt(ctx context.Context, q db.Queryer, unit org.UnitID) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*) FROM request WHERE unit_id = ? AND is_open = ?)
		     + (SELECT COUNT(*) FROM request WHERE holder_unit_id = ? AND unit_id <> ? AND is_open = ?) AS n`,
		unit, true, unit, unit, true)
	return n, db.Wrap(err, nil, "count the open requests of unit %d", unit)
}

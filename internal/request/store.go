package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// Seen is a request with the names of its units, as lists show it.
type Seen struct {
	Request
	UnitName      string `db:"unit_name"`
	HolderName    string `db:"holder_name"`
	ReceiptSealed []byte `db:"receipt_sealed"`
	Receipt       Receipt
}

// columns of Seen, from request r, its opening unit u and its holder h.
const columns = `
	r.id, r.unit_id, r.place_id, r.premises_id, r.source_visit_id, r.category, r.type, r.channel, r.state,
	r.holder_unit_id, r.holder_role, r.level, r.happened_at, r.recorded_at, r.clock_untrusted,
	r.accept_due_at, r.update_due_at, r.solve_due_at, r.version, r.receipt_sealed,
	u.name AS unit_name, h.name AS holder_name`

// insertRequest stores r and gives it its id and its receipt.
func insertRequest(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, r *Request, what string) (Receipt, error) {
	code := newReceipt()
	id, err := tx.Insert(ctx, `
		INSERT INTO request (
			unit_id, place_id, premises_id, source_visit_id, category, type, channel, state, is_open,
			holder_unit_id, holder_role, level, receipt_hash, happened_at, recorded_at, clock_untrusted,
			accept_due_at, update_due_at, solve_due_at, recorded_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.UnitID, r.PlaceID, r.PremisesID, r.SourceVisitID, r.Category, r.Type, r.Channel, r.State, r.State.Open(),
		r.HolderUnitID, r.HolderRole, r.Level, keys.MAC(receipts, []byte(code)), r.HappenedAt, r.RecordedAt, r.ClockUntrusted,
		r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt, by.PersonID)
	if err != nil {
		return "", db.Wrap(err, nil, "insert request")
	}
	r.ID, r.Version = ID(id), 1
	receipt, err := keys.Seal(sealed.Personal, "request", "receipt_sealed", id, string(code))
	if err != nil {
		return "", err
	}
	text, err := keys.Seal(sealed.Personal, "request", "text_sealed", id, what)
	if err != nil {
		return "", err
	}
	_, err = tx.Change(ctx, `
		UPDATE request
		SET receipt_sealed = ?, text_sealed = ?
		WHERE id = ?`, receipt, text, id)
	return code, db.Wrap(err, nil, "seal request %d", id)
}

// insertAsker stores whom n is for.
func insertAsker(ctx context.Context, tx *db.Tx, keys *sealed.Keys, r ID, n Need) error {
	callBack := n.CallBack
	if callBack == "" {
		callBack = CallNone
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO request_asker (request_id, call_back, recorded_at)
		VALUES (?, ?, ?)`, r, callBack, tx.Now)
	if err != nil {
		return db.Wrap(err, nil, "insert asker of request %d", r)
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
	if who == nil && phone == nil {
		return nil
	}
	_, err = tx.Change(ctx, `
		UPDATE request_asker
		SET address_sealed = ?, phone_sealed = ?, phone_index = ?
		WHERE id = ?`, who, phone, index, id)
	return db.Wrap(err, nil, "seal asker of request %d", r)
}

// A Step is one line of the history of a request.
type Step struct {
	Move         string           `db:"move"`
	From         *State           `db:"from_state"`
	To           State            `db:"to_state"`
	HolderUnitID org.UnitID       `db:"holder_unit_id"`
	HolderName   string           `db:"holder_name"`
	HolderRole   org.Role         `db:"holder_role"`
	Level        int              `db:"level"`
	Assignment   org.AssignmentID `db:"assignment_id"` // 0: a clock
	HappenedAt   time.Time        `db:"happened_at"`
	RecordedAt   time.Time        `db:"recorded_at"`
}

// addStep writes down that by made a move that left r as it now is. History is only ever added to (X26).
func addStep(ctx context.Context, tx *db.Tx, by org.Actor, r Request, move string, from *State) error {
	_, err := tx.Change(ctx, `
		INSERT INTO request_history (
			request_id, move, from_state, to_state, holder_unit_id, holder_role, level, person_id, assignment_id,
			happened_at, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, move, from, r.State, r.HolderUnitID, r.HolderRole, r.Level, by.PersonID, by.Assignment, r.HappenedAt, tx.Now)
	return db.Wrap(err, nil, "add %s to the history of request %d", move, r.ID)
}

// history is the steps of a request, the first one first.
func history(ctx context.Context, q db.Queryer, id ID) (steps []Step, err error) {
	err = q.Select(ctx, &steps, `
		SELECT s.move, s.from_state, s.to_state, s.holder_unit_id, h.name AS holder_name, s.holder_role, s.level,
		       COALESCE(s.assignment_id, 0) AS assignment_id, s.happened_at, s.recorded_at
		FROM request_history s
		JOIN unit h ON h.id = s.holder_unit_id
		WHERE s.request_id = ?
		ORDER BY s.id`, id)
	return steps, db.Wrap(err, nil, "read the history of request %d", id)
}

// findSeen returns the request if by may see it (V1).
func findSeen(ctx context.Context, q db.Queryer, by org.Actor, id ID) (r Seen, err error) {
	s := sightOf(by)
	err = q.Get(ctx, &r, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE r.id = ?
		  AND ((u.path >= ? AND u.path < ?)
		    OR (r.holder_unit_id = ? AND r.holder_role IN (?, ?)))`,
		id, s.from, s.to, s.unit, s.roles[0], s.roles[1])
	return r, db.Wrap(err, problem.ErrNotFound, "find request %d", id)
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
	}
	if err := q.Select(ctx, &rows, `
		SELECT id, address_sealed, call_back, phone_sealed
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
		found[i] = Asker{Who: sealed.NameOf(who), CallBack: r.CallBack, Phone: sealed.PhoneOf(phone)}
	}
	return found, nil
}

// listOpened are the requests opened in by's unit and below.
func listOpened(ctx context.Context, q db.Queryer, by org.Actor, open bool, since time.Time, p page.Page) (rows []Seen, err error) {
	s := sightOf(by)
	err = q.Select(ctx, &rows, `
		SELECT `+columns+`
		FROM unit u
		JOIN request r ON r.unit_id = u.id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE u.path >= ? AND u.path < ?
		  AND r.is_open = ?
		  AND r.recorded_at >= ?
		  AND r.recorded_at <= ? AND (r.recorded_at < ? OR r.id < ?)
		ORDER BY r.recorded_at DESC, r.id DESC
		LIMIT ?`, s.from, s.to, open, since, p.At, p.At, p.ID, p.Limit())
	return rows, db.Wrap(err, nil, "list requests opened")
}

// listHeld are the requests that by's unit, or by's role in it, holds.
func listHeld(ctx context.Context, q db.Queryer, by org.Actor, open bool, since time.Time, p page.Page) (rows []Seen, err error) {
	s := sightOf(by)
	err = q.Select(ctx, &rows, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE r.holder_unit_id = ? AND r.holder_role IN (?, ?)
		  AND r.is_open = ?
		  AND r.recorded_at >= ?
		  AND r.recorded_at <= ? AND (r.recorded_at < ? OR r.id < ?)
		ORDER BY r.recorded_at DESC, r.id DESC
		LIMIT ?`, s.unit, s.roles[0], s.roles[1], open, since, p.At, p.At, p.ID, p.Limit())
	return rows, db.Wrap(err, nil, "list requests held")
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

// OpenOfDoor are the open requests of premises.
func OpenOfDoor(ctx context.Context, q db.Queryer, premises int64) (ids []ID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM request
		WHERE premises_id = ? AND is_open = ?
		ORDER BY id`, premises, true)
	return ids, db.Wrap(err, nil, "find the open requests of door %d", premises)
}

// AskedAt are those of the premises where somebody has asked for something that is still open, other than on a visit.
func AskedAt(ctx context.Context, q db.Queryer, premises ...int64) (map[int64]bool, error) {
	asked := map[int64]bool{}
	if len(premises) == 0 {
		return asked, nil
	}
	query, args, err := db.In(`
		SELECT DISTINCT premises_id
		FROM request
		WHERE premises_id IN (?) AND is_open = ? AND channel <> ?`, premises, true, OnVisit)
	if err != nil {
		return nil, err
	}
	var found []int64
	err = q.Select(ctx, &found, query, args...)
	for _, id := range found {
		asked[id] = true
	}
	return asked, db.Wrap(err, nil, "find at which of %d doors something was asked for", len(premises))
}

// OpenAt is how many open requests a unit holds, or were opened in it: it cannot end before they do (T6).
func OpenAt(ctx context.Context, q db.Queryer, unit org.UnitID) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*) FROM request WHERE unit_id = ? AND is_open = ?)
		     + (SELECT COUNT(*) FROM request WHERE holder_unit_id = ? AND unit_id <> ? AND is_open = ?) AS n`,
		unit, true, unit, unit, true)
	return n, db.Wrap(err, nil, "count the open requests of unit %d", unit)
}

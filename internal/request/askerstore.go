package request

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

const askerColumns = `
	id, request_id, COALESCE(person_id, 0) AS person_id, call_back, phone_sealed, receipt_hash, receipt_sealed, slip_hash,
	settled_at, COALESCE(origin_id, 0) AS origin_id`

// findAsker is one of those whom a request is for.
func findAsker(ctx context.Context, q db.Queryer, id AskerID) (a asker, err error) {
	err = q.Get(ctx, &a, `SELECT`+askerColumns+` FROM request_asker WHERE id = ?`, id)
	return a, db.Wrap(err, problem.ErrNotFound, "find asker %d", id)
}

// findFollowed is person among those whom a request is for, first where they are not settled; else it is not found. By a
// request that was merged they find the one it goes on as, and by that one what goes on by itself again: items in an inbox
// name what was told then.
func findFollowed(ctx context.Context, q db.Queryer, person org.PersonID, id ID) (a asker, err error) {
	if person == 0 {
		return a, problem.ErrNotFound
	}
	err = q.Get(ctx, &a, `
		SELECT`+askerColumns+`
		FROM request_asker
		WHERE person_id = ?
		  AND (request_id = ? OR origin_id = ?
		    OR request_id IN (SELECT m.target_id FROM request_merge m WHERE m.request_id = ?)
		    OR request_id IN (SELECT m.request_id FROM request_merge m WHERE m.target_id = ?))
		ORDER BY CASE WHEN request_id = ? THEN 0 ELSE 1 END, CASE WHEN settled_at IS NULL THEN 0 ELSE 1 END, id
		LIMIT 1`, person, id, id, id, id, id)
	return a, db.Wrap(err, problem.ErrNotFound, "find the asker who follows request %d", id)
}

// findAskerOf is the asker with a code of that hash, if there is one.
func findAskerOf(ctx context.Context, q db.Queryer, hash []byte) (a asker, found bool, err error) {
	err = q.Get(ctx, &a, `SELECT`+askerColumns+` FROM request_asker WHERE receipt_hash = ?`, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return asker{}, false, nil
	}
	return a, err == nil, db.Wrap(err, nil, "find the asker of a code")
}

// follows says whether person is one of those whom a request is for.
func follows(ctx context.Context, q db.Queryer, person org.PersonID, id ID) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM request_asker WHERE request_id = ? AND person_id = ?`, id, person)
	return n > 0, db.Wrap(err, nil, "ask whether person %d asked request %d", person, id)
}

// settle notes that a has heard the end, and what a said of it. Somebody who asks for it twice, by what they have told
// twice or were merged with, is settled once.
func settle(ctx context.Context, tx *db.Tx, keys *sealed.Keys, a *asker, outcome string) error {
	var cipher []byte
	if outcome != "" {
		var err error
		if cipher, err = keys.Seal(sealed.Personal, "request_asker", "outcome_sealed", int64(a.ID), outcome); err != nil {
			return err
		}
	}
	found, err := tx.Change(ctx, `
		UPDATE request_asker
		SET settled_at = ?, outcome_sealed = ?
		WHERE id = ? AND settled_at IS NULL`, tx.Now, cipher, a.ID)
	if err == nil && found == 0 {
		return ErrSettled
	}
	if err != nil {
		return db.Wrap(err, nil, "settle asker %d", a.ID)
	}
	a.SettledAt = &tx.Now
	if err := dropCall(ctx, tx, a.ID); err != nil || a.Person == 0 {
		return err
	}
	var same []AskerID
	if err := tx.Select(ctx, &same, `
		SELECT id
		FROM request_asker
		WHERE request_id = ? AND person_id = ? AND settled_at IS NULL`, a.Request, a.Person); err != nil {
		return db.Wrap(err, nil, "find asker %d once more", a.ID)
	}
	for _, id := range same {
		if _, err := tx.Change(ctx, `UPDATE request_asker SET settled_at = ? WHERE id = ?`, tx.Now, id); err != nil {
			return db.Wrap(err, nil, "settle asker %d", id)
		}
		if err := dropCall(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// confirm notes what a, who was settled by what somebody wrote down for them, says of it: they have heard by themselves.
func confirm(ctx context.Context, tx *db.Tx, keys *sealed.Keys, a asker, outcome string) error {
	if outcome != "" {
		cipher, err := keys.Seal(sealed.Personal, "request_asker", "outcome_sealed", int64(a.ID), outcome)
		if err != nil {
			return err
		}
		if _, err := tx.Change(ctx, `UPDATE request_asker SET outcome_sealed = ? WHERE id = ?`, cipher, a.ID); err != nil {
			return db.Wrap(err, nil, "note what asker %d says", a.ID)
		}
	}
	return dropCallsTo(ctx, tx, a)
}

// dropCallsTo ends the calls that whoever a is still waits for, as whomever they ask for the same.
func dropCallsTo(ctx context.Context, tx *db.Tx, a asker) error {
	ids, err := rowsOf(ctx, tx, a)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := dropCall(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// unsettle makes a ask again, and as whom else they ask that was settled with it.
func unsettle(ctx context.Context, tx *db.Tx, a *asker) error {
	_, err := tx.Change(ctx, `
		UPDATE request_asker
		SET settled_at = NULL
		WHERE request_id = ? AND settled_at = ? AND (id = ? OR person_id = ?)`, a.Request, a.SettledAt, a.ID, a.Person)
	a.SettledAt = nil
	return db.Wrap(err, nil, "let asker %d ask again", a.ID)
}

// leftForThem says whether the last that is known of a's leaving is that whoever held the need wrote it down for them, in a
// role; what askers do is done in none. Who asks for it twice has left as either. What was taken back for nobody by name
// concerned all who asked; what a lead opened again brings back nobody who had left by themselves.
func leftForThem(ctx context.Context, q db.Queryer, a asker) (bool, error) {
	return writtenForThem(ctx, q, `
		SELECT assignment_id
		FROM request_history
		WHERE request_id IN (?, ?)
		  AND (asker_id IN (SELECT k.id FROM request_asker k WHERE k.request_id = ? AND (k.id = ? OR k.person_id = ?))
		    OR asker_id IS NULL AND move = 'withdrawn')
		  AND move IN ('withdrawn', 'asker_left', 'asker_back', 'answered', 'reopened')
		ORDER BY recorded_at DESC, id DESC
		LIMIT 1`, a.Request, cmp.Or(a.Origin, a.Request), a.Request, a.ID, a.Person)
}

// rowsOf are those by which whoever a is asks for the same: what they have told twice, or were merged with, is one.
func rowsOf(ctx context.Context, q db.Queryer, a asker) (ids []AskerID, err error) {
	err = q.Select(ctx, &ids, `
		SELECT id
		FROM request_asker
		WHERE request_id = ? AND (id = ? OR person_id = ?)`, a.Request, a.ID, a.Person)
	return ids, db.Wrap(err, nil, "find as whom asker %d asks", a.ID)
}

// endedForThem says whether r, if it was taken back, was so by its holder.
func endedForThem(ctx context.Context, q db.Queryer, r Request) (bool, error) {
	if r.State != Withdrawn {
		return false, nil
	}
	return writtenForThem(ctx, q, `
		SELECT assignment_id
		FROM request_history
		WHERE request_id = ? AND move = 'withdrawn'
		ORDER BY recorded_at DESC, id DESC
		LIMIT 1`, r.ID)
}

func writtenForThem(ctx context.Context, q db.Queryer, query string, args ...any) (bool, error) {
	var role *org.AssignmentID
	err := q.Get(ctx, &role, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return role != nil, db.Wrap(err, nil, "find who wrote down that somebody left")
}

// saveCallBack stores how an asker wants to be called back from now on. Of the number that they had left until now it stays
// known that it was theirs, so that nobody reads it in what was written while it was.
func saveCallBack(ctx context.Context, tx *db.Tx, keys *sealed.Keys, id AskerID, n Need) (err error) {
	if err := keepNumber(ctx, tx, id); err != nil {
		return err
	}
	var phone []byte
	var index *int64
	if n.Phone != "" {
		if phone, err = keys.Seal(sealed.Personal, "request_asker", "phone_sealed", int64(id), n.Phone); err != nil {
			return err
		}
		i := keys.PhoneIndex(n.Phone)
		index = &i
	}
	_, err = tx.Change(ctx, `
		UPDATE request_asker
		SET call_back = ?, phone_sealed = ?, phone_index = ?
		WHERE id = ?`, n.CallBack, phone, index, id)
	return db.Wrap(err, nil, "correct the call-back of asker %d", id)
}

// leftBySlip says whether somebody else may have left the number of a: who has a slip, or made it, can set it until the need is
// followed. Whoever follows and has left one signed in has left their own.
func leftBySlip(ctx context.Context, q db.Queryer, a asker) (bool, error) {
	if a.Slip == nil {
		return false, nil
	}
	var n int
	err := q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM request_history
		WHERE request_id IN (?, ?) AND asker_id = ? AND move = 'contact_corrected' AND person_id = ?`,
		a.Request, cmp.Or(a.Origin, a.Request), a.ID, a.Person)
	return n == 0, db.Wrap(err, nil, "ask whether asker %d has left a number signed in", a.ID)
}

// keepNumber notes by its index which number an asker leaves no more.
func keepNumber(ctx context.Context, tx *db.Tx, id AskerID) error {
	var index *int64
	if err := tx.Get(ctx, &index, `SELECT phone_index FROM request_asker WHERE id = ?`, id); err != nil || index == nil {
		return db.Wrap(err, problem.ErrNotFound, "find the number of asker %d", id)
	}
	_, err := tx.Insert(ctx, `INSERT INTO asker_number (asker_id, phone_index, left_until) VALUES (?, ?, ?)`, id, *index, tx.Now)
	if db.IsDuplicate(err) {
		return nil
	}
	return db.Wrap(err, nil, "keep the number of asker %d", id)
}

// saveNoCall stores that an asker is not to be called, and keeps the number by which they open their receipt.
func saveNoCall(ctx context.Context, tx *db.Tx, id AskerID) error {
	_, err := tx.Change(ctx, `UPDATE request_asker SET call_back = ? WHERE id = ?`, CallNone, id)
	return db.Wrap(err, nil, "stop calling asker %d", id)
}

// saveFollower stores who follows a request signed in, unless somebody else does.
func saveFollower(ctx context.Context, tx *db.Tx, id AskerID, person org.PersonID) error {
	found, err := tx.Change(ctx, `
		UPDATE request_asker
		SET person_id = ?
		WHERE id = ? AND person_id IS NULL`, person, id)
	if err == nil && found == 0 {
		return ErrFollowed
	}
	return db.Wrap(err, nil, "make person %d follow as asker %d", person, id)
}

// hasIssued says whether person has handed out the slip with a code of that hash.
func hasIssued(ctx context.Context, q db.Queryer, hash []byte, person org.PersonID) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM request_slip WHERE receipt_hash = ? AND issued_by = ?`, hash, person)
	return n > 0, db.Wrap(err, nil, "ask whether person %d has issued a slip", person)
}

// hasHelped says whether person has recorded for a what they ask for, has made them join others, or has printed a slip of
// theirs: of that the audit chain knows.
func hasHelped(ctx context.Context, q db.Queryer, a asker, person org.PersonID) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `
		SELECT
			(SELECT COUNT(*) FROM request WHERE receipt_hash = ? AND recorded_by = ? AND channel <> ?)
			+ (SELECT COUNT(*)
			   FROM request_history
			   WHERE request_id = ? AND move = 'joined' AND asker_id = ? AND person_id = ?)
			+ (SELECT COUNT(*)
			   FROM audit
			   WHERE object = 'asker' AND object_id = ? AND action = 'request.slip_printed' AND person_id = ?)`,
		a.Hash, person, ToldSelf, cmp.Or(a.Origin, a.Request), a.ID, person, a.ID, person)
	return n > 0, db.Wrap(err, nil, "ask whether person %d has helped asker %d", person, a.ID)
}

// countTry counts one more try of subject, in windows that begin with a try.
func countTry(ctx context.Context, tx *db.Tx, subject []byte) (tries int, since time.Time, err error) {
	_, err = tx.Change(ctx, `
		UPDATE receipt_try
		SET tries = 0, since = ?
		WHERE subject = ? AND since <= ?`, tx.Now, subject, tx.Now.Add(-tryWindow))
	if err == nil {
		err = db.Save(func() (int64, error) {
			return tx.Change(ctx, `UPDATE receipt_try SET tries = tries + 1 WHERE subject = ?`, subject)
		}, func() error {
			_, err := tx.Change(ctx, `INSERT INTO receipt_try (subject, tries, since) VALUES (?, 1, ?)`, subject, tx.Now)
			return err
		})
	}
	var row struct {
		Tries int       `db:"tries"`
		Since time.Time `db:"since"`
	}
	if err == nil {
		err = tx.Get(ctx, &row, `SELECT tries, since FROM receipt_try WHERE subject = ?`, subject)
	}
	return row.Tries, row.Since, db.Wrap(err, nil, "count a try of a receipt")
}

// giveBackTry takes one try back: it was right.
func giveBackTry(ctx context.Context, tx *db.Tx, subject []byte) error {
	_, err := tx.Change(ctx, `UPDATE receipt_try SET tries = tries - 1 WHERE subject = ? AND tries > 0`, subject)
	if err == nil {
		_, err = tx.Change(ctx, `DELETE FROM receipt_try WHERE subject = ? AND tries = 0`, subject)
	}
	return db.Wrap(err, nil, "give a try of a receipt back")
}

// forgetTries deletes some of the tries counted until a moment.
func forgetTries(ctx context.Context, tx *db.Tx, until time.Time) (bool, error) {
	var old [][]byte
	if err := tx.Select(ctx, &old, `SELECT subject FROM receipt_try WHERE since <= ? ORDER BY since LIMIT 500`, until); err != nil || len(old) == 0 {
		return false, db.Wrap(err, nil, "find old tries of receipts")
	}
	query, args, err := db.In(`DELETE FROM receipt_try WHERE subject IN (?) AND since <= ?`, old, until)
	if err != nil {
		return false, err
	}
	_, err = tx.Change(ctx, query, args...)
	return true, db.Wrap(err, nil, "forget tries of receipts")
}

// An Own request is one that somebody follows, as their list shows it.
type Own struct {
	Seen
	Asker      AskerID    `db:"asker_id"`
	AskedAt    time.Time  `db:"asked_at"`
	SettledAt  *time.Time `db:"settled_at"`
	CodeSealed []byte     `db:"asker_receipt"`
	Words      Words
}

// listOwn are the requests that person follows, the last asked first.
func listOwn(ctx context.Context, q db.Queryer, person org.PersonID, p page.Page) (rows []Own, err error) {
	err = q.Select(ctx, &rows, `
		SELECT a.id AS asker_id, a.recorded_at AS asked_at, a.settled_at, a.receipt_sealed AS asker_receipt, `+columns+`
		FROM request_asker a
		JOIN request r ON r.id = a.request_id
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE a.person_id = ?
		  AND a.recorded_at <= ? AND (a.recorded_at < ? OR a.id < ?)
		ORDER BY a.recorded_at DESC, a.id DESC
		LIMIT ?`, person, p.At, p.At, p.ID, p.Limit())
	return rows, db.Wrap(err, nil, "list the requests that person %d follows", person)
}

// A View is one opening of a request by somebody on duty, as its askers see it (X43).
type View struct {
	At      time.Time `db:"at"`
	Role    org.Role  `db:"role"`
	Action  string    `db:"action"`
	Purpose string    `db:"purpose"`
	Reason  string    `db:"reason"`
}

// glassBroken is the act of opening what is known of a home in an emergency, in the audit chain.
const glassBroken = "break_glass.opened"

// homeLeft is the act of noting that those who lived in a home have moved out: the home itself knows of the last move alone.
const homeLeft = "household.left"

// viewsOf are who opened what an asker has a share in, and the asker's own contact, the last first, and who broke the
// glass at their door while they asked for something there (X44). The audit chain is asked itself: what stands there was
// shown, and nothing is shown without standing there. Who looked at the contact of another asker, and why, is for that
// one; why the glass was broken is for who lives there, which four digits do not prove.
func viewsOf(ctx context.Context, q db.Queryer, a asker, shares []share) (views []View, err error) {
	where := []string{`(a.object = 'asker' AND a.object_id = ?
		   AND a.action IN ('asker.unmasked', 'request.call_read', 'request.slip_printed'))`}
	args := []any{a.ID}
	door, err := ownDoor(ctx, q, a.Hash)
	if err != nil {
		return nil, err
	}
	if door.Premises != nil {
		where = append(where, `(a.object = ? AND a.object_id = ? AND a.action = ? AND a.at >= ? AND a.at <= ?)`)
		args = append(args, privacy.HouseholdFlags, *door.Premises, glassBroken, door.From, door.until(db.NowOf(q)))
	}
	for _, h := range shares {
		to := h.To
		if to.IsZero() {
			to = db.NowOf(q)
		}
		where = append(where, `(a.object = 'request' AND a.object_id = ?
		   AND a.action IN ('request.read', 'request.passed_read', 'request.photos_read')
		   AND a.at >= ? AND a.at <= ?)`)
		args = append(args, h.Request, h.Since, to)
	}
	err = q.Select(ctx, &views, `
		SELECT a.at, ra.role, a.action, a.purpose, a.reason
		FROM audit a
		JOIN role_assignment ra ON ra.id = a.assignment_id
		WHERE `+strings.Join(where, `
		  OR `)+`
		ORDER BY a.at DESC, a.id DESC
		LIMIT 100`, args...)
	for i := range views {
		if views[i].Action == glassBroken {
			views[i].Reason = ""
		}
	}
	return views, db.Wrap(err, nil, "find who opened requests")
}

// An askedDoor is the door where somebody asked for something, and from when until when.
type askedDoor struct {
	Premises *int64     `db:"premises_id"` // nil: at none
	From     time.Time  `db:"recorded_at"`
	To       *time.Time `db:"closed_at"` // nil: it is open
	Left     *time.Time `db:"left_at"`   // when they moved out; nil: they have not
}

func (d askedDoor) until(now time.Time) time.Time {
	if d.To != nil {
		now = *d.To
	}
	if d.Left != nil && d.Left.Before(now) {
		return *d.Left
	}
	return now
}

// ownDoor is where the request was recorded that an asker told under their code: whoever follows it besides lives
// elsewhere.
func ownDoor(ctx context.Context, q db.Queryer, hash []byte) (d askedDoor, err error) {
	err = q.Get(ctx, &d, `
		SELECT r.premises_id, r.recorded_at, r.closed_at, (
			SELECT a.at
			FROM audit a
			WHERE a.object = ? AND a.object_id = r.premises_id AND a.action = ? AND a.at > r.happened_at
			ORDER BY a.at
			LIMIT 1) AS left_at
		FROM request r
		WHERE r.receipt_hash = ?`, "household", homeLeft, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return askedDoor{}, nil
	}
	return d, db.Wrap(err, nil, "find the door of a code")
}

// ownWords is the request that was recorded under the code of an asker, if it was: what it says are the asker's words.
func ownWords(ctx context.Context, q db.Queryer, hash []byte) (id ID, err error) {
	err = q.Get(ctx, &id, `SELECT id FROM request WHERE receipt_hash = ?`, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, db.Wrap(err, nil, "find the request of a code")
}

// othersAsking is how many others a request is for.
func othersAsking(ctx context.Context, q db.Queryer, a asker) (n int, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM request_asker
		WHERE request_id = ? AND id <> ? AND (person_id IS NULL OR person_id <> ?)`, a.Request, a.ID, a.Person)
	return n, db.Wrap(err, nil, "count the askers of request %d", a.Request)
}

// findTold is the request that person (0: nobody who has signed in) has told under ref, and what it said; 0 if there is
// none.
func findTold(ctx context.Context, q db.Queryer, person org.PersonID, ref string) (id ID, fingerprint []byte, err error) {
	var row struct {
		ID          ID     `db:"id"`
		Fingerprint []byte `db:"fingerprint"`
	}
	err = q.Get(ctx, &row, `
		SELECT id, fingerprint
		FROM request
		WHERE recorded_by = ? AND client_ref = ?`, person, ref)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	return row.ID, row.Fingerprint, db.Wrap(err, nil, "find the request of a clientRef")
}

func insertSlip(ctx context.Context, tx *db.Tx, by org.Actor) (int64, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO request_slip (unit_id, issued_by, issued_at)
		VALUES (?, ?, ?)`, by.Grid.ID, by.PersonID, tx.Now)
	return id, db.Wrap(err, nil, "insert a slip")
}

func saveSlip(ctx context.Context, tx *db.Tx, id int64, code, secret []byte) error {
	_, err := tx.Change(ctx, `
		UPDATE request_slip
		SET receipt_hash = ?, slip_hash = ?
		WHERE id = ?`, code, secret, id)
	return db.Wrap(err, nil, "store the code of slip %d", id)
}

// A paper is a slip that was handed out.
type paper struct {
	ID   int64      `db:"id"`
	Unit org.UnitID `db:"unit_id"`
	Hash []byte     `db:"slip_hash"`
}

// findSlip is the slip with a code of that hash; the zero one if there is none.
func findSlip(ctx context.Context, q db.Queryer, hash []byte) (p paper, err error) {
	err = q.Get(ctx, &p, `SELECT id, unit_id, slip_hash FROM request_slip WHERE receipt_hash = ?`, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return paper{}, nil
	}
	return p, db.Wrap(err, nil, "find a slip")
}

// takeSlip notes that a slip was entered, unless it has been before.
func takeSlip(ctx context.Context, tx *db.Tx, id int64) error {
	found, err := tx.Change(ctx, `
		UPDATE request_slip
		SET used_at = ?
		WHERE id = ? AND used_at IS NULL`, tx.Now, id)
	if err == nil && found == 0 {
		return ErrSlip.Field("/slipCode", ErrSlip.Code)
	}
	return db.Wrap(err, nil, "enter slip %d", id)
}

// saveAskerSlip stores what opens the receipt of a beside a number; whoever has signed in since a was read, and never had a
// slip, is given none.
func saveAskerSlip(ctx context.Context, tx *db.Tx, a asker, hash []byte) error {
	_, err := tx.Change(ctx, `
		UPDATE request_asker
		SET slip_hash = ?
		WHERE id = ? AND (person_id IS NULL OR slip_hash IS NOT NULL OR person_id = ?)`, hash, a.ID, a.Person)
	return db.Wrap(err, nil, "store the slip of asker %d", a.ID)
}

// wasGivenDigits says whether the digits of a slip were printed for a, or shown when a told of a need without signing in and
// left no number; whoever has corrected one has left one.
func wasGivenDigits(ctx context.Context, q db.Queryer, a asker) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `
		SELECT
			(SELECT COUNT(*)
			 FROM audit
			 WHERE object = 'asker' AND object_id = ? AND action = 'request.slip_printed')
			+ (SELECT COUNT(*)
			   FROM request r
			   WHERE r.receipt_hash = ? AND r.recorded_by = 0
			     AND NOT EXISTS (SELECT 1 FROM request_history h WHERE h.request_id = r.id AND h.asker_id = ? AND h.move = 'contact_corrected'))`,
		a.ID, a.Hash, a.ID)
	return n > 0, db.Wrap(err, nil, "ask whether asker %d was given digits", a.ID)
}

// countersOf are the steps at counters of a request, the first one first.
func countersOf(ctx context.Context, q db.Queryer, id ID) (steps []CounterStep, err error) {
	err = q.Select(ctx, &steps, `
		SELECT id, request_id, place_id, place_label, unit_id, state, closes, added_at
		FROM counter_step
		WHERE request_id = ?
		ORDER BY id`, id)
	return steps, db.Wrap(err, nil, "find the steps at counters of request %d", id)
}

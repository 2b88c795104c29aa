package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// insertSends stores the messages that repeat entries, where their kinds have a template.
func insertSends(ctx context.Context, tx *db.Tx, entries []entry) error {
	const row = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?)`
	var args []any
	for _, e := range entries {
		t, ok := templates[e.Kind]
		if !ok {
			continue
		}
		args = append(args, e.Person, fmt.Sprintf("n:%d", e.Seq), e.Seq, t.code, e.Kind, e.RefType, e.RefID, orNull(e.Args),
			t.mustReach, notBefore(e.Prio, e.At), e.At)
	}
	if len(args) == 0 {
		return nil
	}
	_, err := tx.Change(ctx, `
		INSERT INTO wechat_send (
			person_id, event, seq, template, kind, ref_type, ref_id, args, must_reach, not_before, state, created_at)
		VALUES `+row+strings.Repeat(", "+row, len(args)/11-1), args...)
	return db.Wrap(err, nil, "write messages of WeChat")
}

// A send is a message that waits.
type send struct {
	ID        int64        `db:"id"`
	Person    org.PersonID `db:"person_id"`
	Seq       int64        `db:"seq"`
	Template  string       `db:"template"`
	Kind      string       `db:"kind"`
	RefType   string       `db:"ref_type"`
	RefID     int64        `db:"ref_id"`
	MustReach bool         `db:"must_reach"`
}

// dueSends are messages whose time has come, the oldest first.
func dueSends(ctx context.Context, q db.Queryer, now time.Time) (due []send, err error) {
	err = q.Select(ctx, &due, `
		SELECT id, person_id, seq, template, kind, ref_type, ref_id, must_reach
		FROM wechat_send
		WHERE state = 'waiting' AND not_before <= ?
		ORDER BY not_before, id
		LIMIT 100`, now)
	return due, db.Wrap(err, nil, "find messages that are due")
}

// deviceHas says whether a device of person has applied the item with a number, or the person has read it.
func deviceHas(ctx context.Context, q db.Queryer, person org.PersonID, seq int64) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*) FROM device WHERE person_id = ? AND ack_seq >= ?)
		     + (SELECT COUNT(*) FROM inbox_head WHERE person_id = ? AND read_seq >= ?) AS n`, person, seq, person, seq)
	return n > 0, db.Wrap(err, nil, "look whether person %d has item %d", person, seq)
}

// endSend notes what came of a message that waits, unless another node was faster.
func endSend(ctx context.Context, tx *db.Tx, id int64, as Outcome) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, ended_at = ?
		WHERE id = ? AND state = 'waiting'`, as, tx.Now, id)
	return found > 0, db.Wrap(err, nil, "end message %d", id)
}

// spend takes a credit for m, which is ready then, and says whether there was one, or another node has taken m.
func spend(ctx context.Context, tx *db.Tx, m send) (bool, error) {
	var bound int
	if err := tx.Get(ctx, &bound, `SELECT COUNT(*) FROM wechat_account WHERE person_id = ? AND state = 'bound'`, m.Person); err != nil {
		return false, db.Wrap(err, nil, "find the WeChat account of person %d", m.Person)
	}
	if bound == 0 {
		return false, nil
	}
	found, err := tx.Change(ctx, `
		UPDATE wechat_credit
		SET balance = balance - 1
		WHERE person_id = ? AND template = ? AND balance > 0`, m.Person, m.Template)
	if err != nil || found == 0 {
		return false, db.Wrap(err, nil, "spend a credit of person %d", m.Person)
	}
	if found, err = tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ready'
		WHERE id = ? AND state = 'waiting'`, m.ID); err != nil {
		return false, db.Wrap(err, nil, "make message %d ready", m.ID)
	}
	if found == 0 { // another node has it: the credit goes back
		_, err := tx.Change(ctx, `
			UPDATE wechat_credit
			SET balance = balance + 1
			WHERE person_id = ? AND template = ?`, m.Person, m.Template)
		return true, db.Wrap(err, nil, "give a credit of person %d back", m.Person)
	}
	_, err = tx.Change(ctx, `
		INSERT INTO wechat_credit_entry (person_id, template, delta, reason, send_id, created_at)
		VALUES (?, ?, -1, 'spend', ?, ?)`, m.Person, m.Template, m.ID, tx.Now)
	return true, db.Wrap(err, nil, "note a credit of person %d", m.Person)
}

// grant adds one credit, unless the same tap has.
func grant(ctx context.Context, tx *db.Tx, person org.PersonID, code, clientRef string) error {
	_, err := tx.Change(ctx, `
		INSERT INTO wechat_credit_entry (person_id, template, delta, reason, client_ref, created_at)
		VALUES (?, ?, 1, 'grant', ?, ?)`, person, code, clientRef, tx.Now)
	if db.IsDuplicate(err) {
		return nil
	}
	if err == nil {
		err = db.Save(func() (int64, error) {
			return tx.Change(ctx, `UPDATE wechat_credit SET balance = balance + 1 WHERE person_id = ? AND template = ?`, person, code)
		}, func() error {
			_, err := tx.Change(ctx, `INSERT INTO wechat_credit (person_id, template, balance) VALUES (?, ?, 1)`, person, code)
			return err
		})
	}
	return db.Wrap(err, nil, "grant a message to person %d", person)
}

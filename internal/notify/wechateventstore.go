package notify

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wanjia/internal/platform/db"
)

// findHearer is the person whose account an openid is, by its hashes.
func findHearer(ctx context.Context, q db.Queryer, app string, hashes [][]byte) (who hearer, found bool, err error) {
	query, args, err := db.In(`
		SELECT id, person_id
		FROM wechat_account
		WHERE app_id = ? AND openid_hash IN (?) AND person_id IS NOT NULL AND state IN ('bound', 'unverified')`, app, hashes)
	if err != nil {
		return who, false, err
	}
	err = q.Get(ctx, &who, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return who, false, nil
	}
	return who, err == nil, db.Wrap(err, nil, "find whose account an event is about")
}

// codeOf is under which of our codes a template is registered, "" if under none.
func codeOf(ctx context.Context, q db.Queryer, template string) (code string, err error) {
	err = q.Get(ctx, &code, `SELECT code FROM wechat_template WHERE template_id = ? ORDER BY code LIMIT 1`, template)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return code, db.Wrap(err, nil, "find whose template an event is about")
}

// A tried is a message that has been sent at least once.
type tried struct {
	send
	Outcome Outcome `db:"outcome"`
}

const triedColumns = `
	SELECT id, shard, person_id, seq, template, kind, ref_type, ref_id, COALESCE(args, '') AS args, prio, must_reach,
		attempt, tries, unknowns, paid, called, COALESCE(account_id, 0) AS account_id, created_at,
		COALESCE(notice_id, 0) AS notice_id, COALESCE(outcome, '') AS outcome
	FROM wechat_send`

// sentAs is the message that WeChat has given a number.
func sentAs(ctx context.Context, q db.Queryer, who hearer, code, msgID string) (m tried, found bool, err error) {
	err = q.Get(ctx, &m, triedColumns+`
		WHERE person_id = ? AND template = ? AND account_id = ? AND msgid = ?
		ORDER BY id
		LIMIT 1`, who.Person, code, who.Account, msgID)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, db.Wrap(err, nil, "find a message of person %d by its number", who.Person)
}

// unansweredOf are the messages told since, of which an attempt has no answer: of those WeChat's number is not known.
func unansweredOf(ctx context.Context, q db.Queryer, who hearer, code string, since time.Time) (some []tried, err error) {
	err = q.Select(ctx, &some, triedColumns+`
		WHERE person_id = ? AND template = ? AND account_id = ? AND (unknowns > 0 OR state = 'sending') AND created_at > ?
		ORDER BY id`, who.Person, code, who.Account, since)
	return some, db.Wrap(err, nil, "find the messages of person %d without an answer", who.Person)
}

// endUnseen notes that a message, which seemed to be sent, is not shown to its person.
func endUnseen(ctx context.Context, tx *db.Tx, m send, v verdict) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, errcode = ?, msgid = ?, ended_at = ?
		WHERE id = ? AND attempt = ? AND (state <> 'ended' OR outcome IN ('sent', 'unknown'))`,
		v.outcome, v.code, v.msgID, tx.Now, m.ID, m.Attempt)
	return found > 0, db.Wrap(err, nil, "note that message %d is not shown", m.ID)
}

// forgive notes that a person wants a template again since at.
func forgive(ctx context.Context, tx *db.Tx, who hearer, code string, at time.Time) error {
	_, err := tx.Change(ctx, `
		UPDATE wechat_credit
		SET refused_at = NULL
		WHERE person_id = ? AND template = ? AND refused_at <= ? AND (account_id = ? OR account_id IS NULL)`, who.Person, code, at, who.Account)
	return db.Wrap(err, nil, "note that person %d wants messages again", who.Person)
}

// refusedBy notes that a person did not want a template at a moment, unless they have said otherwise since. For good is in
// the settings: what they had allowed counts no more.
func refusedBy(ctx context.Context, tx *db.Tx, who hearer, code string, at time.Time, forGood bool) error {
	if err := wallet(ctx, tx, who.Person, who.Account, code); err != nil {
		return err
	}
	var c credit
	err := tx.Get(ctx, &c, `
		SELECT COALESCE(account_id, 0) AS account_id, balance, refused_at
		FROM wechat_credit
		WHERE person_id = ? AND template = ?`, who.Person, code)
	if err != nil {
		return db.Wrap(err, nil, "read the credit of person %d", who.Person)
	}
	var since int
	err = tx.Get(ctx, &since, `
		SELECT COUNT(*)
		FROM wechat_credit_entry
		WHERE person_id = ? AND template = ? AND reason = 'grant' AND created_at > ?`, who.Person, code, at)
	if err != nil {
		return db.Wrap(err, nil, "look what person %d has allowed since", who.Person)
	}
	if since > 0 || c.Refused != nil && c.Refused.After(at) {
		return nil
	}
	if _, err := tx.Change(ctx, `UPDATE wechat_credit SET refused_at = ? WHERE person_id = ? AND template = ?`, at, who.Person, code); err != nil {
		return db.Wrap(err, nil, "note a refusal of person %d", who.Person)
	}
	if !forGood || c.Balance == 0 {
		return nil
	}
	if err := enter(ctx, tx, entered{person: who.Person, code: code, delta: -c.Balance, reason: "burn"}); err != nil {
		return err
	}
	return add(ctx, tx, who.Person, code, -c.Balance)
}

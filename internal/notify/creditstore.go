package notify

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// A credit is how many messages of a template a person has allowed and not yet got. It belongs to the account at which
// they allowed them.
type credit struct {
	Account int64      `db:"account_id"`
	Balance int        `db:"balance"`
	Refused *time.Time `db:"refused_at"`
}

// wallet locks the credit of person, makes it if there is none, and closes what another account of theirs had: leave
// that was given to one account is of no use for the next.
func wallet(ctx context.Context, tx *db.Tx, person org.PersonID, account int64, code string) error {
	var c credit
	err := db.Save(func() (int64, error) { // the row is ours from here on
		return tx.Change(ctx, `UPDATE wechat_credit SET balance = balance WHERE person_id = ? AND template = ?`, person, code)
	}, func() error {
		_, err := tx.Change(ctx, `INSERT INTO wechat_credit (person_id, template, balance, account_id) VALUES (?, ?, 0, ?)`, person, code, orNull(account))
		return err
	})
	if err == nil {
		err = tx.Get(ctx, &c, `
			SELECT COALESCE(account_id, 0) AS account_id, balance, refused_at
			FROM wechat_credit
			WHERE person_id = ? AND template = ?`, person, code)
	}
	if err != nil || c.Account == account {
		return db.Wrap(err, nil, "find the credit of person %d", person)
	}
	if c.Account != 0 { // 0: of the time before accounts were noted
		if err := enter(ctx, tx, entered{person: person, code: code, delta: -c.Balance, reason: "close"}); err != nil {
			return err
		}
		c.Balance, c.Refused = 0, nil
	}
	_, err = tx.Change(ctx, `
		UPDATE wechat_credit
		SET account_id = ?, balance = ?, refused_at = ?
		WHERE person_id = ? AND template = ?`, orNull(account), c.Balance, c.Refused, person, code)
	return db.Wrap(err, nil, "hand the credit of person %d over", person)
}

// An entered is one line of the ledger: the balance is the sum of its lines.
type entered struct {
	person org.PersonID
	code   string
	delta  int
	reason string // grant, spend, refund, burn, close
	send   int64
	ref    string
}

// enter writes e, and changes the balance with it unless the caller does.
func enter(ctx context.Context, tx *db.Tx, e entered) error {
	_, err := tx.Change(ctx, `
		INSERT INTO wechat_credit_entry (person_id, template, delta, reason, send_id, client_ref, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, e.person, e.code, e.delta, e.reason, orNull(e.send), orNull(e.ref), tx.Now)
	if db.IsDuplicate(err) {
		return err
	}
	return db.Wrap(err, nil, "note a credit of person %d", e.person)
}

// add changes the balance of a credit that is there.
func add(ctx context.Context, tx *db.Tx, person org.PersonID, code string, delta int) error {
	_, err := tx.Change(ctx, `UPDATE wechat_credit SET balance = balance + ? WHERE person_id = ? AND template = ?`, delta, person, code)
	return db.Wrap(err, nil, "change the credit of person %d", person)
}

// grant adds one credit, unless the same tap has, and says whether it did.
func grant(ctx context.Context, tx *db.Tx, person org.PersonID, account int64, code, clientRef string) (bool, error) {
	if err := wallet(ctx, tx, person, account, code); err != nil {
		return false, err
	}
	err := enter(ctx, tx, entered{person: person, code: code, delta: 1, reason: "grant", ref: clientRef})
	if db.IsDuplicate(err) {
		return false, nil
	}
	if err == nil {
		err = add(ctx, tx, person, code, 1)
	}
	if err == nil {
		_, err = tx.Change(ctx, `UPDATE wechat_credit SET refused_at = NULL WHERE person_id = ? AND template = ?`, person, code)
	}
	return err == nil, err
}

// noteRefused notes that a person does not want a template, so that they are left alone for a while.
func noteRefused(ctx context.Context, tx *db.Tx, person org.PersonID, account int64, code string) error {
	if err := wallet(ctx, tx, person, account, code); err != nil {
		return err
	}
	_, err := tx.Change(ctx, `UPDATE wechat_credit SET refused_at = ? WHERE person_id = ? AND template = ?`, tx.Now, person, code)
	return db.Wrap(err, nil, "note a refusal of person %d", person)
}

// spend takes a credit for m, and says whether there was one.
func spend(ctx context.Context, tx *db.Tx, m send, account int64) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_credit
		SET balance = balance - 1
		WHERE person_id = ? AND template = ? AND balance > 0 AND (account_id = ? OR account_id IS NULL)`, m.Person, m.Template, account)
	if err != nil || found == 0 {
		return false, db.Wrap(err, nil, "spend a credit of person %d", m.Person)
	}
	if _, err := tx.Change(ctx, `UPDATE wechat_send SET paid = 1 WHERE id = ?`, m.ID); err != nil {
		return false, db.Wrap(err, nil, "note that message %d has its credit", m.ID)
	}
	return true, enter(ctx, tx, entered{person: m.Person, code: m.Template, delta: -1, reason: "spend", send: m.ID})
}

// refund gives back the credit of a message that WeChat did not take, while the account is the same. What may have been taken
// in an attempt without an answer stays paid, whatever came of the others.
func refund(ctx context.Context, tx *db.Tx, m send) error {
	if !m.Paid || m.Unknowns > 0 {
		return nil
	}
	if _, err := tx.Change(ctx, `UPDATE wechat_send SET paid = 0 WHERE id = ?`, m.ID); err != nil {
		return db.Wrap(err, nil, "note that message %d has no credit", m.ID)
	}
	found, err := tx.Change(ctx, `
		UPDATE wechat_credit
		SET balance = balance + 1
		WHERE person_id = ? AND template = ? AND (account_id = ? OR account_id IS NULL)`, m.Person, m.Template, m.Account)
	if err != nil || found == 0 {
		return db.Wrap(err, nil, "give a credit of person %d back", m.Person)
	}
	return enter(ctx, tx, entered{person: m.Person, code: m.Template, delta: 1, reason: "refund", send: m.ID})
}

// burn empties the credit of a person who, as WeChat says, does not want the template; while the account is the same.
func burn(ctx context.Context, tx *db.Tx, m send) error {
	found, err := tx.Change(ctx, `
		UPDATE wechat_credit
		SET refused_at = ?
		WHERE person_id = ? AND template = ? AND (account_id = ? OR account_id IS NULL)`, tx.Now, m.Person, m.Template, m.Account)
	if err != nil || found == 0 { // a long-term template needs none
		return db.Wrap(err, nil, "note a refusal of person %d", m.Person)
	}
	var left int
	err = tx.Get(ctx, &left, `
		SELECT balance
		FROM wechat_credit
		WHERE person_id = ? AND template = ? AND (account_id = ? OR account_id IS NULL)`, m.Person, m.Template, m.Account)
	if err != nil {
		return db.Wrap(err, nil, "read the credit of person %d", m.Person)
	}
	if err := enter(ctx, tx, entered{person: m.Person, code: m.Template, delta: -left, reason: "burn", send: m.ID}); err != nil {
		return err
	}
	return add(ctx, tx, m.Person, m.Template, -left)
}

type creditRow struct {
	credit
	Template string `db:"template"`
}

func creditsOf(ctx context.Context, q db.Queryer, person org.PersonID) (map[string]credit, error) {
	var rows []creditRow
	err := q.Select(ctx, &rows, `
		SELECT template, COALESCE(account_id, 0) AS account_id, balance, refused_at
		FROM wechat_credit
		WHERE person_id = ?`, person)
	if err != nil {
		return nil, db.Wrap(err, nil, "read the credits of person %d", person)
	}
	all := make(map[string]credit, len(rows))
	for _, r := range rows {
		all[r.Template] = r.credit
	}
	return all, nil
}

// CheckCredits says of which persons and templates the balance is not the sum of its lines; the doctor asks.
func CheckCredits(ctx context.Context, q db.Queryer) (wrong []string, err error) {
	err = q.Select(ctx, &wrong, `
		SELECT CONCAT('person ', person_id, ', template ', template) AS line
		FROM (
			SELECT x.person_id AS person_id, x.template AS template
			FROM (
				SELECT person_id, template, balance AS amount FROM wechat_credit
				UNION ALL
				SELECT person_id, template, 0 - delta AS amount FROM wechat_credit_entry
			) x
			GROUP BY x.person_id, x.template
			HAVING SUM(x.amount) <> 0
		) y
		ORDER BY person_id, template
		LIMIT 100`)
	return wrong, db.Wrap(err, nil, "compare credits with their lines")
}

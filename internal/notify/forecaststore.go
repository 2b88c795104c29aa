package notify

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// unwilling are those of persons who do not want a kind outside of the inbox: as a message of its own (wechat), or in the
// summary of the day (digest).
func unwilling(ctx context.Context, q db.Queryer, persons []org.PersonID, kind, way string) (map[org.PersonID]bool, error) {
	query, args, err := db.In(`
		SELECT person_id
		FROM notice_preference
		WHERE person_id IN (?) AND kind = ?
		  AND (muted = 1 OR ? = 'wechat' AND wechat = 0 OR ? = 'digest' AND digest = 0)`, persons, kind, way, way)
	if err != nil {
		return nil, err
	}
	return those(ctx, q, "look what recipients want to hear of", query, args)
}

// canHave are those of persons whom WeChat may send one message more of a template: who has an account at app that the
// leave belongs to, and more leave than messages of theirs are waiting for.
func canHave(ctx context.Context, q db.Queryer, persons []org.PersonID, app string, t Template) (map[org.PersonID]bool, error) {
	accounts, err := accountsOf(ctx, q, persons, app)
	if err != nil || len(accounts) == 0 {
		return nil, err
	}
	can := make(map[org.PersonID]bool, len(accounts))
	if t.Long {
		for p := range accounts {
			can[p] = true
		}
		return can, nil
	}
	query, args, err := db.In(`
		SELECT c.person_id, COALESCE(c.account_id, 0) AS account_id
		FROM wechat_credit c
		WHERE c.person_id IN (?) AND c.template = ? AND c.balance > (
			SELECT COUNT(*) FROM wechat_send s WHERE s.person_id = c.person_id AND s.template = c.template AND s.state = 'waiting' AND s.paid = 0)`,
		persons, t.Code)
	if err != nil {
		return nil, err
	}
	var rows []accountRow
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "read the credits of recipients")
	}
	for _, r := range rows {
		account, bound := accounts[r.Person]
		can[r.Person] = bound && (r.Account == account || r.Account == 0)
	}
	return can, nil
}

type accountRow struct {
	Person  org.PersonID `db:"person_id"`
	Account int64        `db:"account_id"`
}

// accountsOf are the accounts at app by which persons are reached, as findAddressee chooses them.
func accountsOf(ctx context.Context, q db.Queryer, persons []org.PersonID, app string) (map[org.PersonID]int64, error) {
	query, args, err := db.In(`
		SELECT w.person_id, w.id AS account_id
		FROM wechat_account w
		JOIN person p ON p.id = w.person_id
		WHERE w.person_id IN (?) AND w.app_id = ? AND w.state IN ('bound', 'unverified') AND w.openid_sealed IS NOT NULL AND p.disabled_at IS NULL
		ORDER BY w.person_id, w.state, w.id DESC`, persons, app)
	if err != nil {
		return nil, err
	}
	var rows []accountRow
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find the WeChat accounts of recipients")
	}
	accounts := make(map[org.PersonID]int64, len(rows))
	for _, r := range rows {
		if _, there := accounts[r.Person]; !there {
			accounts[r.Person] = r.Account
		}
	}
	return accounts, nil
}

func those(ctx context.Context, q db.Queryer, what, query string, args []any) (map[org.PersonID]bool, error) {
	var ids []org.PersonID
	if err := q.Select(ctx, &ids, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "%s", what)
	}
	all := make(map[org.PersonID]bool, len(ids))
	for _, id := range ids {
		all[id] = true
	}
	return all, nil
}

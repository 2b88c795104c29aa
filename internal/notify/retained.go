package notify

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/privacy"
)

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{
		Name: "wechat_send", Tables: []string{"wechat_send"}, Kept: privacy.Period{Days: 90},
		Due:   `SELECT id FROM wechat_send WHERE ended_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM wechat_send WHERE id IN (?)`},
	},
	{ // a wallet that nobody has put anything into or taken out of
		Name: "wechat_credit", Tables: []string{"wechat_credit", "wechat_credit_entry"}, Kept: privacy.Period{Months: 12},
		Due: `
			SELECT e.id
			FROM wechat_credit_entry e
			WHERE e.created_at <= ?
			  AND NOT EXISTS (
			    SELECT 1 FROM wechat_credit_entry n WHERE n.person_id = e.person_id AND n.template = e.template AND n.created_at > ?)
			  AND e.id > ?
			ORDER BY e.id
			LIMIT ?`,
		Args:  func(before time.Time) []any { return []any{before, before} },
		Also:  emptyWallets,
		Erase: []string{`DELETE FROM wechat_credit_entry WHERE id IN (?)`},
	},
	{ // counted by persons, whose first item is old: numbers have no gaps
		Name: "inbox", Tables: []string{"inbox"}, Kept: privacy.Period{Days: 180},
		Due: `
			SELECT h.person_id
			FROM inbox_head h
			WHERE EXISTS (SELECT 1 FROM inbox i WHERE i.person_id = h.person_id AND i.seq = h.floor_seq + 1 AND i.created_at <= ?) AND h.person_id > ?
			ORDER BY h.person_id
			LIMIT ?`,
		Also: raiseFloors,
	},
	{ // as long as somebody has it in their inbox
		Name: "notice", Tables: []string{"notice", "fanout", "notice_call"}, Kept: privacy.Period{Days: 180},
		Due: `
			SELECT n.id
			FROM notice n
			WHERE n.created_at <= ? AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.notice_id = n.id) AND n.id > ?
			ORDER BY n.id
			LIMIT ?`,
		Erase: []string{
			`DELETE FROM notice_call WHERE notice_id IN (?)`, `DELETE FROM fanout WHERE notice_id IN (?)`, `DELETE FROM notice WHERE id IN (?)`,
		},
	},
	{
		Name: "device", Tables: []string{"device"}, Kept: privacy.Period{Days: 30},
		Due: `
			SELECT d.id
			FROM device d
			WHERE d.last_seen_at <= ? AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = d.session_id) AND d.id > ?
			ORDER BY d.id
			LIMIT ?`,
		Erase: []string{`DELETE FROM device WHERE id IN (?)`},
	},
}

// raiseFloors forgets the items of persons that are older than before.
func raiseFloors(ctx context.Context, tx *db.Tx, persons []int64, before time.Time) error {
	for _, p := range persons {
		var last int64
		err := tx.Get(ctx, &last, `
			SELECT seq
			FROM inbox
			WHERE person_id = ? AND created_at <= ?
			ORDER BY seq DESC
			LIMIT 1`, p, before)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return db.Wrap(err, nil, "find what is old in inbox %d", p)
		}
		if _, err := tx.Change(ctx, `
			UPDATE inbox_head
			SET floor_seq = ?
			WHERE person_id = ? AND floor_seq < ?`, last, p, last); err != nil {
			return db.Wrap(err, nil, "raise the floor of inbox %d", p)
		}
		if _, err := tx.Change(ctx, `
			DELETE FROM inbox
			WHERE person_id = ? AND seq <= ?`, p, last); err != nil {
			return db.Wrap(err, nil, "forget the old items of inbox %d", p)
		}
	}
	return nil
}

// emptyWallets forgets the balances of wallets whose entries go.
func emptyWallets(ctx context.Context, tx *db.Tx, entries []int64, _ time.Time) error {
	for _, id := range entries {
		var of struct {
			Person   int64  `db:"person_id"`
			Template string `db:"template"`
		}
		err := tx.Get(ctx, &of, `SELECT person_id, template FROM wechat_credit_entry WHERE id = ?`, id)
		if err == nil {
			_, err = tx.Change(ctx, `DELETE FROM wechat_credit WHERE person_id = ? AND template = ?`, of.Person, of.Template)
		}
		if err != nil {
			return db.Wrap(err, nil, "empty the wallet of entry %d", id)
		}
	}
	return nil
}

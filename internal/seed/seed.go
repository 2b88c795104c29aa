package seed

import (
	"context"

	"wanjia/internal/auth"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// since is the day from which the demo's units and roles hold: the start of its programme (domain.md O8).
const since calendar.Day = "2025-04-01"

// Demo makes 海棠街道 with its people and homes in one transaction: the same seed makes the same rows. In demo
// mode the people of the scenarios get handles to sign in by. It returns them, in the order they were made.
func Demo(ctx context.Context, d *db.DB, keys *sealed.Keys, accounts *auth.Service, seed uint64, handles bool) (all []Account, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		t, err := units(ctx, tx, since, false)
		if err != nil {
			return err
		}
		c := &caster{ctx: ctx, tx: tx, keys: keys, from: since, crowd: newCrowd(seed)}
		c.people(t)
		if c.err != nil {
			return c.err
		}
		if handles {
			for _, a := range c.accounts {
				if err := accounts.AddHandle(ctx, tx, a.Handle, a.person); err != nil {
					return err
				}
			}
		}
		all = c.accounts
		return homes(ctx, tx, t, since)
	})
	return all, err
}

// Seeded says whether there is anything at all in the database: the demo fills empty ones only.
func Seeded(ctx context.Context, q db.Queryer) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `SELECT COUNT(*) FROM (SELECT 1 AS one FROM unit LIMIT 1) t`)
	return n > 0, db.Wrap(err, nil, "look for units")
}

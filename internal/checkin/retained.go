package checkin

import "wanjia/internal/privacy"

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{
		Name: "presence", Tables: []string{"presence"}, Kept: privacy.Period{Months: 24},
		Due: `SELECT id FROM presence WHERE recorded_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{
			`DELETE FROM presence_evidence WHERE presence_id IN (?)`,
			`DELETE FROM presence WHERE id IN (?)`,
		},
	},
	{
		Name: "code_redemption", Tables: []string{"code_redemption"}, Kept: privacy.Period{Days: 30},
		Due:   `SELECT id FROM code_redemption WHERE redeemed_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM code_redemption WHERE id IN (?)`},
	},
}

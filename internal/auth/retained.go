package auth

import (
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/privacy"
)

// Retained are the classes of data that this package keeps for long and when they go (domain.md §9.1); what goes within
// days, Forget forgets.
var Retained = []privacy.Class{
	{
		Name: "credential", Tables: []string{"credential"}, Kept: privacy.Period{Days: 30}, Journal: true,
		Due: `
			SELECT c.person_id
			FROM credential c
			WHERE c.created_at <= ?
			  AND NOT EXISTS (SELECT 1 FROM role_assignment r WHERE r.person_id = c.person_id AND (r.valid_to IS NULL OR r.valid_to > ?))
			  AND c.person_id > ?
			ORDER BY c.person_id
			LIMIT ?`,
		Args: func(before time.Time) []any { return []any{before, calendar.DayOf(before)} },
		Erase: []string{
			`DELETE FROM recovery_code WHERE person_id IN (?)`,
			`DELETE FROM credential WHERE person_id IN (?)`,
		},
	},
	{
		Name: "enrolment", Tables: []string{"enrolment"}, Kept: privacy.Period{Months: 36},
		Due:   `SELECT id FROM enrolment WHERE created_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM enrolment WHERE id IN (?)`},
	},
	{
		Name: "invitation", Tables: []string{"invitation"}, Kept: privacy.Period{Months: 36},
		Due:   `SELECT id FROM invitation WHERE created_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM invitation WHERE id IN (?)`},
	},
	{
		Name: "binding_request", Tables: []string{"binding_request"}, Kept: privacy.Period{Months: 36},
		Due:   `SELECT id FROM binding_request WHERE created_at <= ? AND id > ? ORDER BY id LIMIT ?`,
		Erase: []string{`DELETE FROM binding_request WHERE id IN (?)`},
	},
	{
		Name: "signing_key", Tables: []string{"signing_key"}, Kept: privacy.Period{Time: 15 * time.Minute},
		Due: `
			SELECT k.id
			FROM signing_key k
			WHERE EXISTS (SELECT 1 FROM signing_key n WHERE n.signs_from > k.signs_from AND n.signs_from <= ?) AND k.id > ?
			ORDER BY k.id
			LIMIT ?`,
		Erase: []string{`DELETE FROM signing_key WHERE id IN (?)`},
	},
}

package member

import (
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/privacy"
)

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{
		Name: "duty_exemption", Tables: []string{"duty_exemption"}, Kept: privacy.Period{Months: 36}, Journal: true,
		Due: `
			SELECT e.person_id
			FROM duty_exemption e
			WHERE NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = e.person_id AND (m.valid_to IS NULL OR m.valid_to > ?))
			  AND e.person_id > ?
			ORDER BY e.person_id
			LIMIT ?`,
		Args: privacy.OnDay, Erase: []string{`DELETE FROM duty_exemption WHERE person_id IN (?)`},
	},
	{
		Name: "member", Tables: []string{"member"}, Kept: privacy.Period{Months: 36}, Journal: true,
		Due:  `SELECT id FROM member WHERE valid_to <= ? AND id > ? ORDER BY id LIMIT ?`,
		Args: privacy.OnDay, Erase: []string{`DELETE FROM member WHERE id IN (?)`},
	},
	{
		Name: "office_post", Tables: []string{"office_post"}, Kept: privacy.Period{Months: 36}, Journal: true,
		Due:  `SELECT id FROM office_post WHERE valid_to <= ? AND id > ? ORDER BY id LIMIT ?`,
		Args: privacy.OnDay, Erase: []string{`DELETE FROM office_post WHERE id IN (?)`},
	},
	{ // the row stays, since acts of long ago name it; nothing in it leads to anybody. Whoever can sign in, or did a moment
		// ago, is somebody still, and so is whoever asked for something that is open or was not long ago
		Name: "person", Tables: []string{"person"}, Kept: privacy.Period{Days: 30}, Journal: true,
		Due: `
			SELECT p.id
			FROM person p
			WHERE p.created_at <= ? AND (p.name_sealed IS NOT NULL OR p.phone_sealed IS NOT NULL)
			  AND NOT EXISTS (SELECT 1 FROM role_assignment r WHERE r.person_id = p.id AND (r.valid_to IS NULL OR r.valid_to > ?))
			  AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person_id = p.id AND (m.valid_to IS NULL OR m.valid_to > ?))
			  AND NOT EXISTS (SELECT 1 FROM office_post o WHERE o.person_id = p.id AND (o.valid_to IS NULL OR o.valid_to > ?))
			  AND NOT EXISTS (SELECT 1 FROM wechat_account w WHERE w.person_id = p.id AND w.state = 'bound')
			  AND NOT EXISTS (SELECT 1 FROM session s WHERE s.person_id = p.id AND (s.ended_at IS NULL OR s.ended_at > ?))
			  AND NOT EXISTS (SELECT 1 FROM credential c WHERE c.person_id = p.id AND c.password IS NOT NULL)
			  AND NOT EXISTS (
			    SELECT 1
			    FROM request_asker k
			    JOIN request q ON q.id = k.request_id
			    WHERE k.person_id = p.id AND (q.closed_at IS NULL OR q.closed_at > ?))
			  AND p.id > ?
			ORDER BY p.id
			LIMIT ?`,
		Args: func(before time.Time) []any {
			day := calendar.DayOf(before)
			return []any{before, day, day, day, before, before}
		},
		Erase: []string{
			`UPDATE person SET name_sealed = NULL, phone_sealed = NULL, phone_index = NULL WHERE id IN (?)`,
			`DELETE FROM notice_setting WHERE person_id IN (?)`,
			`DELETE FROM notice_preference WHERE person_id IN (?)`,
		},
	},
}

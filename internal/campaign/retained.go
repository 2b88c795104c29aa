package campaign

import (
	"time"

	"wanjia/internal/privacy"
)

// Retained are the classes of data that this package keeps and when they go (domain.md §9.1).
var Retained = []privacy.Class{
	{ // with its copies and their steps, once the last of them is old
		Name: "task", Tables: []string{"task", "task_copy"}, Kept: privacy.Period{Months: 60},
		Due: `
			SELECT t.id
			FROM task t
			WHERE t.created_at <= ? AND NOT EXISTS (SELECT 1 FROM task_copy c WHERE c.task_id = t.id AND (c.live = 1 OR c.created_at > ?)) AND t.id > ?
			ORDER BY t.id
			LIMIT ?`,
		Args: func(before time.Time) []any { return []any{before, before} },
		Erase: []string{
			`DELETE FROM task_step WHERE copy_id IN (SELECT id FROM task_copy WHERE task_id IN (?))`,
			`DELETE FROM task_copy WHERE task_id IN (?)`,
			`DELETE FROM task_repeat WHERE task_id IN (?)`,
			`DELETE FROM task WHERE id IN (?)`,
		},
	},
	{
		Name: "campaign", Tables: []string{"campaign"}, Kept: privacy.Period{Months: 60},
		Due: `
			SELECT c.id
			FROM campaign c
			WHERE c.closed_at <= ? AND NOT EXISTS (SELECT 1 FROM task t WHERE t.campaign_id = c.id) AND c.id > ?
			ORDER BY c.id
			LIMIT ?`,
		Erase: []string{
			`DELETE FROM campaign_stage WHERE campaign_id IN (?)`,
			`DELETE FROM campaign WHERE id IN (?)`,
		},
	},
}

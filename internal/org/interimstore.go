package org

import (
	"context"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// UnledSections are the sections of subdistrict u that nobody leads on day.
func UnledSections(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (all []Unit, err error) {
	from, to := below(u)
	err = q.Select(ctx, &all, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit u
		WHERE u.path > ? AND u.path < ? AND u.kind = ?
		  AND (SELECT COUNT(*)
		       FROM role_assignment a
		       WHERE a.unit_id = u.id AND a.role = ?
		         AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?) AND a.unsigned_yet = ?) = 0
		ORDER BY u.id`, from, to, Section, RoleSectionHead, day, day, false)
	return all, db.Wrap(err, nil, "find the sections of unit %d that nobody leads", u.ID)
}

// unledBelow are the grid units below u, down to the areas, that nobody leads on day, those of the lowest level first.
func unledBelow(ctx context.Context, q db.Queryer, u Unit, day calendar.Day) (all []Unit, err error) {
	from, to := below(u)
	err = q.Select(ctx, &all, `
		SELECT u.id, u.tree, u.kind, u.name, u.path, u.level
		FROM unit u
		WHERE u.path > ? AND u.path < ? AND u.level >= ? AND u.level < ?
		  AND (SELECT COUNT(*)
		       FROM unit_link l
		       JOIN role_assignment a ON a.unit_id = l.party_id
		       WHERE l.grid_id = u.id AND l.valid_from <= ? AND (l.valid_to IS NULL OR l.valid_to > ?)
		         AND a.role IN ('area_holder', 'group_leader', 'grid_secretary', 'general_secretary', 'branch_secretary')
		         AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?) AND a.unsigned_yet = ?) = 0
		ORDER BY u.level, u.id`, from, to, 1, u.Level, day, day, day, day, false)
	return all, db.Wrap(err, nil, "find what nobody leads below unit %d", u.ID)
}

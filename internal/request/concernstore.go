package request

import (
	"context"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// unsparing is the condition on request r that by's person, and the one by stands in for, may know of it (V6): it is no
// concern, or one about nobody on or above whose units either of them stands. It says in SQL what spares says in Go. It counts
// and its joins are outer ones, so that planners begin with the one person whom a concern is about, and read no table
// from end to end (storage.md §7).
const unsparing = `(r.about_id IS NULL OR r.about_id NOT IN (?, ?) AND (
			SELECT COUNT(*)
			FROM role_assignment p
			LEFT JOIN unit pu ON pu.id = p.unit_id
			LEFT JOIN unit_link pl ON pl.party_id = pu.id AND pl.valid_from <= ? AND (pl.valid_to IS NULL OR pl.valid_to > ?)
			LEFT JOIN unit_link pg ON pg.grid_id = pu.id AND pg.valid_from <= ? AND (pg.valid_to IS NULL OR pg.valid_to > ?)
			LEFT JOIN unit po ON po.id = COALESCE(pl.grid_id, pg.party_id)
			LEFT JOIN role_assignment m ON m.person_id IN (?, ?) AND m.valid_from <= ? AND (m.valid_to IS NULL OR m.valid_to > ?)
			LEFT JOIN unit mu ON mu.id = m.unit_id
			LEFT JOIN unit_link ml ON ml.party_id = mu.id AND ml.valid_from <= ? AND (ml.valid_to IS NULL OR ml.valid_to > ?)
			LEFT JOIN unit_link mg ON mg.grid_id = mu.id AND mg.valid_from <= ? AND (mg.valid_to IS NULL OR mg.valid_to > ?)
			LEFT JOIN unit mo ON mo.id = COALESCE(ml.grid_id, mg.party_id)
			WHERE p.person_id = r.about_id AND m.role <> 'member' AND p.valid_from <= ? AND (p.valid_to IS NULL OR p.valid_to > ?)
			  AND p.role IN ('area_holder', 'group_leader', 'grid_secretary', 'general_secretary', 'branch_secretary',
			                 'grid_assistant', 'section_head', 'area_cadre', 'party_office', 'committee_secretary')
			  AND (SUBSTR(mu.path, 1, LENGTH(pu.path)) = pu.path OR SUBSTR(mo.path, 1, LENGTH(pu.path)) = pu.path
			    OR SUBSTR(mu.path, 1, LENGTH(po.path)) = po.path OR SUBSTR(mo.path, 1, LENGTH(po.path)) = po.path)
			  AND NOT (p.role = 'party_office' AND (
			        SELECT COUNT(*)
			        FROM role_assignment c
			        WHERE c.person_id = m.person_id AND c.unit_id = p.unit_id AND c.role = 'committee_secretary'
			          AND c.valid_from <= ? AND (c.valid_to IS NULL OR c.valid_to > ?)) > 0)) = 0)`

// sparing are the arguments of unsparing.
func sparing(by org.Actor, day calendar.Day) []any {
	other := by.PersonID
	if by.StandInFor != 0 {
		other = by.StandInFor
	}
	return []any{
		by.PersonID, other, day, day, day, day, by.PersonID, other, day, day, day, day, day, day, day, day, day, day,
	}
}

// postsOf are the roles of persons today, with the units they stand on and what is linked to those.
func postsOf(ctx context.Context, q db.Queryer, ids ...org.PersonID) (posts []post, err error) {
	day := calendar.DayOf(db.NowOf(q))
	query, args, err := db.In(`
		SELECT a.person_id, a.unit_id, a.role, u.path, COALESCE(o.path, '') AS other
		FROM role_assignment a
		JOIN unit u ON u.id = a.unit_id
		LEFT JOIN unit_link p ON p.party_id = u.id AND p.valid_from <= ? AND (p.valid_to IS NULL OR p.valid_to > ?)
		LEFT JOIN unit_link g ON g.grid_id = u.id AND g.valid_from <= ? AND (g.valid_to IS NULL OR g.valid_to > ?)
		LEFT JOIN unit o ON o.id = COALESCE(p.grid_id, g.party_id)
		WHERE a.person_id IN (?) AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)`,
		day, day, day, day, ids, day, day)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &posts, query, args...)
	return posts, db.Wrap(err, nil, "find what %d persons lead and hold", len(ids))
}

// A concernSeat says which unit of a concern is meant: a column of request r, and the one with the role in it.
type concernSeat struct{ unit, role string }

var (
	holderSeat = concernSeat{"r.holder_unit_id", "r.holder_role"}
	staleSeat  = concernSeat{"r.stale_unit_id", "r.stale_role"} // of whoever leads the holder (K12)
)

// A seatedConcern is an open concern with the unit of a seat.
type seatedConcern struct {
	Seen
	SeatUnit  org.UnitID `db:"seat_unit_id"`
	SeatLevel int        `db:"seat_level"`
}

// concernsBelow are the open concerns whose seat is a unit in a range of paths, led by whoever leads that. Concerns are
// few, and found by their category.
func concernsBelow(ctx context.Context, q db.Queryer, seat concernSeat, from, to string) (all []seatedConcern, err error) {
	err = q.Select(ctx, &all, `
		SELECT `+columns+`, s.id AS seat_unit_id, s.level AS seat_level
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		JOIN unit s ON s.id = `+seat.unit+`
		WHERE r.category = ? AND r.is_open = ? AND `+seat.role+` = '' AND s.path >= ? AND s.path < ?
		ORDER BY r.id`, HolderConcern, true, from, to)
	return all, db.Wrap(err, nil, "find concerns below a unit")
}

package request

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
)

// origin is the condition on request r that keeps to what was opened in by's unit and below, and its arguments. It
// names the area or the place first, since each has an index in the order of the list: a page is read from its newest
// row on and nothing is sorted, however much there is. No request leaves its place (org.Service.Move). The scalar
// subquery is one that no planner turns into a join (storage.md §7).
func (s sight) origin(ctx context.Context, q db.Queryer, by org.Actor) (condition string, args []any, err error) {
	condition = `(SELECT COUNT(*) FROM unit o WHERE o.id = r.unit_id AND o.path >= ? AND o.path < ?) > 0`
	args = []any{s.from, s.to}
	if s.from != by.Grid.Path { // everything
		return condition, args, nil
	}
	if by.Grid.Kind == org.Area {
		return `r.unit_id = ? AND ` + condition, append([]any{by.Grid.ID}, args...), nil
	}
	place, err := org.PlaceOf(ctx, q, by.Grid)
	if err != nil || place.ID == 0 {
		return condition, args, err
	}
	return `r.place_id = ? AND ` + condition, append([]any{place.ID}, args...), nil
}

// inOrder is the moment by which a list of request r is ordered: open ones by when they were recorded, others by when they
// were closed, however long they were open. Each list has an index for both.
func inOrder(open bool) (moment string) {
	if open {
		return `r.recorded_at`
	}
	return `r.closed_at`
}

// listOpened are the requests opened in by's unit and below that are open, or else were closed since then.
func listOpened(ctx context.Context, q db.Queryer, by org.Actor, open bool, since time.Time, p page.Page) (rows []Seen, err error) {
	s := sightOf(by)
	if s.from == "" {
		return nil, nil
	}
	origin, args, err := s.origin(ctx, q, by)
	if err != nil {
		return nil, err
	}
	at := inOrder(open)
	err = q.Select(ctx, &rows, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE `+origin+`
		  AND r.is_open = ?
		  AND `+at+` >= ?
		  AND `+at+` <= ? AND (`+at+` < ? OR r.id < ?)
		  AND `+unsparing+`
		ORDER BY `+at+` DESC, r.id DESC
		LIMIT ?`, append(append(append(args, open, since, p.At, p.At, p.ID), sparing(by, calendar.DayOf(db.NowOf(q)))...), p.Limit())...)
	return rows, db.Wrap(err, nil, "list requests opened")
}

// listHeld are the requests that by's unit, or by's role in it, holds, or a unit for which by acts meanwhile, and that are
// open, or else were closed since then.
func listHeld(ctx context.Context, q db.Queryer, by org.Actor, open bool, since time.Time, p page.Page) (rows []Seen, err error) {
	held, args, err := holdsToday(ctx, q, by, "r.holder_unit_id", "r.holder_role")
	if err != nil {
		return nil, err
	}
	if open {
		if held, args, err = orKeptFrom(ctx, q, by, holderSeat, held, args); err != nil {
			return nil, err
		}
	}
	at := inOrder(open)
	err = q.Select(ctx, &rows, `
		SELECT `+columns+`
		FROM request r
		JOIN unit u ON u.id = r.unit_id
		JOIN unit h ON h.id = r.holder_unit_id
		WHERE `+held+`
		  AND r.is_open = ?
		  AND `+at+` >= ?
		  AND `+at+` <= ? AND (`+at+` < ? OR r.id < ?)
		  AND `+unsparing+`
		ORDER BY `+at+` DESC, r.id DESC
		LIMIT ?`, append(append(append(args, open, since, p.At, p.At, p.ID),
		sparing(by, calendar.DayOf(db.NowOf(q)))...), p.Limit())...)
	return rows, db.Wrap(err, nil, "list requests held")
}

package board

import (
	"context"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const unreadColumns = `
	SELECT p.person_id, p.items, p.version, p.unread_since` + unreadFrom

// unreadFrom are choices that wait of people who have a role today inside the scope of whoever asks.
const unreadFrom = `
	FROM public_profile p
	WHERE p.unread_since IS NOT NULL AND EXISTS (
	  SELECT 1
	  FROM role_assignment a
	  JOIN unit u ON u.id = a.unit_id
	  WHERE a.person_id = p.person_id AND a.valid_from <= ? AND (a.valid_to IS NULL OR a.valid_to > ?)
	    AND ((u.tree = 'grid' AND u.path >= ? AND u.path < ?) OR (u.tree = 'party' AND u.path >= ? AND u.path < ?)))`

func unreadArgs(q db.Queryer, by org.Actor, more ...any) []any {
	from, to := by.Scope()
	partyFrom, partyTo := by.PartyScope()
	day := calendar.DayOf(db.NowOf(q))
	return append([]any{day, day, from, to, partyFrom, partyTo}, more...)
}

// findUnread is what waits of person; of somebody outside by's scope it is not found.
func findUnread(ctx context.Context, q db.Queryer, by org.Actor, person org.PersonID) (u Unread, err error) {
	err = q.Get(ctx, &u, unreadColumns+` AND p.person_id = ?`, unreadArgs(q, by, person)...)
	if err := db.Wrap(err, problem.ErrNotFound, "find what waits of person %d", person); err != nil {
		return Unread{}, err
	}
	return u, u.readItems()
}

func listUnread(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Unread, err error) {
	err = q.Select(ctx, &all, unreadColumns+`
		AND p.unread_since <= ? AND (p.unread_since < ? OR p.person_id < ?)
		ORDER BY p.unread_since DESC, p.person_id DESC
		LIMIT ?`, unreadArgs(q, by, p.At, p.At, p.ID, p.Limit())...)
	if err != nil {
		return nil, db.Wrap(err, nil, "list the service items that wait")
	}
	for i := range all {
		if err := all[i].readItems(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// countUnread is of how many people something waits inside by's scope.
func countUnread(ctx context.Context, q db.Queryer, by org.Actor) (n int, err error) {
	err = q.Get(ctx, &n, `SELECT COUNT(*)`+unreadFrom, unreadArgs(q, by)...)
	return n, db.Wrap(err, nil, "count the service items that wait")
}

// saveRead keeps what was said of the items of u, which wait no more if all of them were read, unless their person has changed
// them meanwhile.
func saveRead(ctx context.Context, tx *db.Tx, u Unread) error {
	text, err := u.itemText()
	if err != nil {
		return err
	}
	var since *time.Time
	if u.unread() {
		since = &u.Since
	}
	found, err := tx.Change(ctx, `
		UPDATE public_profile
		SET items = ?, unread_since = ?, version = version + 1
		WHERE person_id = ? AND version = ?`, text, since, u.PersonID, u.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, u.Version, `SELECT version FROM public_profile WHERE person_id = ?`, u.PersonID)
	}
	return db.Wrap(err, nil, "keep that the items of person %d were read", u.PersonID)
}

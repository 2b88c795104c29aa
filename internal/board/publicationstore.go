package board

import (
	"cmp"
	"context"
	"slices"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

const publicationColumns = `
	SELECT n.id, n.kind, n.unit_id, u.name AS unit_name, n.title, n.body, n.start_on, n.end_on, n.state, n.author_id,
	       n.published_at, n.reason, n.ended_at, n.checked_at, n.version
	FROM publication n
	LEFT JOIN unit u ON u.id = n.unit_id`

// findPublication is one of by's own, or of the subdistrict for whoever sees all; another is not found.
func findPublication(ctx context.Context, q db.Queryer, by org.Actor, id PublicationID) (p Publication, err error) {
	from, to := sightOfAll(by)
	err = q.Get(ctx, &p, publicationColumns+`
		WHERE n.id = ? AND (n.author_id = ? OR (u.path >= ? AND u.path < ?))`, id, by.PersonID, from, to)
	return p, db.Wrap(err, problem.ErrNotFound, "find publication %d", id)
}

// publicationByID is a publication, whoever asks.
func publicationByID(ctx context.Context, q db.Queryer, id PublicationID) (p Publication, err error) {
	err = q.Get(ctx, &p, publicationColumns+` WHERE n.id = ?`, id)
	return p, db.Wrap(err, problem.ErrNotFound, "find publication %d", id)
}

// sightOfAll is the range of paths in which by sees the publications of others.
func sightOfAll(by org.Actor) (from, to string) {
	if slices.Contains(everything, by.Role) {
		return by.Scope()
	}
	return "", ""
}

// within is the condition that what by may see of others lies in by's scope, by a column with its unit, and its arguments.
// What a place publishes lies in the place itself, whose index is in the order of the list; who sees more walks it. The
// scalar subquery is one that no planner turns into a join (storage.md §7).
func within(by org.Actor, column string) (condition string, args []any) {
	from, to := by.Scope()
	if org.IsPlace(by.Grid.Kind) && from == by.Grid.Path {
		return column + ` = ?`, []any{by.Grid.ID}
	}
	return `(SELECT COUNT(*) FROM unit s WHERE s.id = ` + column + ` AND s.path >= ? AND s.path < ?) > 0`, []any{from, to}
}

// newest are the rows of lists, the newest first, each of them once.
func newest[T any](id func(T) int64, lists ...[]T) (all []T) {
	all = slices.Concat(lists...)
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(id(b), id(a)) })
	return slices.CompactFunc(all, func(a, b T) bool { return id(a) == id(b) })
}

// listPublications are those by has written, and those that by sees of others: a list each, since one condition with an
// OR would be found by reading everything.
func listPublications(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Publication, err error) {
	all, err = publicationsWhere(ctx, q, `n.author_id = ?`, []any{by.PersonID}, p)
	if err != nil || !slices.Contains(everything, by.Role) {
		return all, err
	}
	scope, args := within(by, "n.unit_id")
	others, err := publicationsWhere(ctx, q, scope, args, p)
	return newest(func(p Publication) int64 { return int64(p.ID) }, all, others), err
}

func publicationsWhere(ctx context.Context, q db.Queryer, condition string, args []any, p page.Page) (all []Publication, err error) {
	err = q.Select(ctx, &all, publicationColumns+`
		WHERE `+condition+` AND n.id < ?
		ORDER BY n.id DESC
		LIMIT ?`, append(args, p.ID, p.Limit())...)
	return all, db.Wrap(err, nil, "list publications")
}

// unhidden leaves out what somebody asked to take down.
const unhidden = ` AND NOT EXISTS (
	SELECT 1
	FROM takedown t
	WHERE t.kind = 'publication' AND t.ref_id = n.id AND t.state IN ('hidden_pending', 'upheld'))`

// listShown are those that are shown on a day to a place, and those of every unit that it lies in.
func listShown(ctx context.Context, q db.Queryer, unit org.UnitID, day calendar.Day, p page.Page) (all []Publication, err error) {
	u, err := org.UnitByID(ctx, q, unit)
	if err != nil {
		return nil, err
	}
	line, err := org.Line(ctx, q, u)
	if err != nil {
		return nil, err
	}
	ids := []org.UnitID{unit}
	for _, above := range line {
		ids = append(ids, above.ID)
	}
	query, args, err := db.In(publicationColumns+`
		WHERE n.unit_id IN (?) AND n.state = ? AND n.start_on <= ? AND (n.end_on IS NULL OR n.end_on >= ?) AND n.id < ?`+unhidden+`
		ORDER BY n.id DESC
		LIMIT ?`, ids, PublicationPublished, day, day, p.ID, p.Limit())
	if err != nil {
		return nil, err
	}
	return all, db.Wrap(q.Select(ctx, &all, query, args...), nil, "list what is shown in unit %d", unit)
}

func findShown(ctx context.Context, q db.Queryer, id PublicationID, day calendar.Day) (p Publication, err error) {
	err = q.Get(ctx, &p, publicationColumns+`
		WHERE n.id = ? AND n.state = ? AND n.start_on <= ? AND (n.end_on IS NULL OR n.end_on >= ?)`+unhidden,
		id, PublicationPublished, day, day)
	return p, db.Wrap(err, problem.ErrNotFound, "find the page %d", id)
}

func insertPublication(ctx context.Context, tx *db.Tx, by org.Actor, p Publication) (PublicationID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO publication (kind, unit_id, title, body, start_on, end_on, state, author_id, author_as, created_at, reason)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')`,
		p.Kind, p.UnitID, p.Title, p.Text, p.StartOn, p.EndOn, PublicationDraft, by.PersonID, by.Assignment, tx.Now)
	return PublicationID(id), db.Wrap(err, nil, "write a publication")
}

func updatePublication(ctx context.Context, tx *db.Tx, p Publication) error {
	found, err := tx.Change(ctx, `
		UPDATE publication
		SET title = ?, body = ?, start_on = ?, end_on = ?, version = version + 1
		WHERE id = ? AND version = ?`, p.Title, p.Text, p.StartOn, p.EndOn, p.ID, p.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, p.Version, `SELECT version FROM publication WHERE id = ?`, p.ID)
	}
	return db.Wrap(err, nil, "change publication %d", p.ID)
}

// savePublication takes p to its next state, unless somebody was faster.
func savePublication(ctx context.Context, tx *db.Tx, by org.Actor, p Publication, next State, reason string) error {
	published, decided, end := p.PublishedAt, &by.PersonID, p.EndOn
	switch next { //nolint:exhaustive // because no other state leaves a mark of its own
	case PublicationPublished:
		published = &tx.Now
	case PublicationRemoved: // from here its time runs
		today := calendar.DayOf(tx.Now)
		end = &today
	case PublicationReturned: // and rewritten from here
		p.CheckedAt = nil
	case PublicationSubmitted:
		decided = nil
	}
	found, err := tx.Change(ctx, `
		UPDATE publication
		SET state = ?, decided_by = ?, published_at = ?, end_on = ?, reason = ?, checked_at = ?, version = version + 1
		WHERE id = ? AND version = ?`, next, decided, published, end, reason, p.CheckedAt, p.ID, p.Version)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", string(next))
	}
	return db.Wrap(err, nil, "take publication %d to %s", p.ID, next)
}

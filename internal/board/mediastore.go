package board

import (
	"context"
	"slices"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
	"wanjia/internal/upload"
)

const mediaColumns = `
	SELECT m.id, m.publication_id, n.state AS publication_state, m.unit_id, u.name AS unit_name, m.caption, m.credit, m.author_id,
	       m.created_at, m.ended_at, m.version
	FROM media m
	LEFT JOIN unit u ON u.id = m.unit_id
	LEFT JOIN publication n ON n.id = m.publication_id`

// sightOfPublished is the range of paths in which by sees the pictures of others once they are published.
func sightOfPublished(by org.Actor) (from, to string) {
	if by.Role == org.RoleCorrespondent {
		return by.Scope()
	}
	return "", ""
}

// findMedia is a picture of by's own, or of the subdistrict for whoever sees all; another is not found.
func findMedia(ctx context.Context, q db.Queryer, by org.Actor, id MediaID) (m Media, err error) {
	from, to := sightOfAll(by)
	fromShown, toShown := sightOfPublished(by)
	err = q.Get(ctx, &m, mediaColumns+`
		WHERE m.id = ? AND (m.author_id = ? OR (u.path >= ? AND u.path < ?) OR (n.state = ? AND u.path >= ? AND u.path < ?))`,
		id, by.PersonID, from, to, PublicationPublished, fromShown, toShown)
	return m, db.Wrap(err, problem.ErrNotFound, "find picture %d", id)
}

// listMedia are the pictures by has given, and those that by sees of others, once they are published or at any time: a
// list each, since one condition with an OR would be found by reading everything.
func listMedia(ctx context.Context, q db.Queryer, by org.Actor, p page.Page) (all []Media, err error) {
	if all, err = mediaWhere(ctx, q, `m.author_id = ?`, []any{by.PersonID}, p); err != nil {
		return nil, err
	}
	scope, args := within(by, "m.unit_id")
	switch {
	case slices.Contains(everything, by.Role):
	case by.Role == org.RoleCorrespondent:
		scope += ` AND (SELECT COUNT(*) FROM publication w WHERE w.id = m.publication_id AND w.state = ?) > 0`
		args = append(args, PublicationPublished)
	default:
		return all, nil
	}
	others, err := mediaWhere(ctx, q, scope, args, p)
	return newest(func(m Media) int64 { return int64(m.ID) }, all, others), err
}

func mediaWhere(ctx context.Context, q db.Queryer, condition string, args []any, p page.Page) (all []Media, err error) {
	err = q.Select(ctx, &all, mediaColumns+`
		WHERE `+condition+` AND m.id < ?
		ORDER BY m.id DESC
		LIMIT ?`, append(args, p.ID, p.Limit())...)
	return all, db.Wrap(err, nil, "list pictures")
}

// mediaByID is a picture, whoever asks.
func mediaByID(ctx context.Context, q db.Queryer, id MediaID) (m Media, err error) {
	err = q.Get(ctx, &m, mediaColumns+` WHERE m.id = ?`, id)
	return m, db.Wrap(err, problem.ErrNotFound, "find picture %d", id)
}

// mediaByIDs are pictures, whoever asks, with their files and who is shown on them; those that are gone are left out.
func mediaByIDs(ctx context.Context, q db.Queryer, ids []MediaID) (map[MediaID]Media, error) {
	query, args, err := db.In(mediaColumns+` WHERE m.id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	var rows []Media
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find %d pictures", len(ids))
	}
	all := make(map[MediaID]Media, len(rows))
	err = complete(ctx, q, rows)
	for _, m := range rows {
		all[m.ID] = m
	}
	return all, err
}

// mediaOf are the pictures of publications, in the order in which they were put there.
func mediaOf(ctx context.Context, q db.Queryer, ids []PublicationID) (all []Media, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	query, args, err := db.In(mediaColumns+` WHERE m.publication_id IN (?) ORDER BY m.id`, ids)
	if err != nil {
		return nil, err
	}
	return all, db.Wrap(q.Select(ctx, &all, query, args...), nil, "find the pictures of %d publications", len(ids))
}

// complete adds to pictures their files, who is shown on them, and whether somebody has had them hidden.
func complete(ctx context.Context, q db.Queryer, all []Media) error {
	ids := make([]int64, len(all))
	for i, m := range all {
		ids[i] = int64(m.ID)
	}
	files, err := upload.OfAll(ctx, q, inMedia, ids)
	if err != nil {
		return err
	}
	shown, err := depictedIn(ctx, q, inMedia, ids)
	if err != nil {
		return err
	}
	hidden, err := hiddenOf(ctx, q, MediaPage, ids)
	if err != nil {
		return err
	}
	for i, m := range all {
		all[i].Picture, all[i].Shown, all[i].Hidden = files[int64(m.ID)], shown[int64(m.ID)], hidden[int64(m.ID)]
	}
	return nil
}

func insertMedia(ctx context.Context, tx *db.Tx, by org.Actor, m Media) (MediaID, error) {
	id, err := tx.Insert(ctx, `
		INSERT INTO media (publication_id, unit_id, caption, credit, author_id, author_as, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, m.PublicationID, m.UnitID, m.Caption, m.Credit, by.PersonID, by.Assignment, tx.Now)
	return MediaID(id), db.Wrap(err, nil, "keep a picture")
}

func updateMedia(ctx context.Context, tx *db.Tx, m Media) error {
	found, err := tx.Change(ctx, `
		UPDATE media
		SET caption = ?, credit = ?, version = version + 1
		WHERE id = ? AND version = ?`, m.Caption, m.Credit, m.ID, m.Version)
	if err == nil && found == 0 {
		return db.Stale(ctx, tx, m.Version, `SELECT version FROM media WHERE id = ?`, m.ID)
	}
	return db.Wrap(err, nil, "change picture %d", m.ID)
}

// deleteMedia forgets pictures, and lets their files go.
func deleteMedia(ctx context.Context, tx *db.Tx, ids []int64) error {
	for _, id := range ids {
		if err := upload.DropAt(ctx, tx, MediaID(id).picture(), &tx.Now); err != nil {
			return err
		}
	}
	if err := deleteDepicted(ctx, tx, inMedia, ids); err != nil {
		return err
	}
	query, args, err := db.In(`DELETE FROM media WHERE id IN (?)`, ids)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "forget %d pictures", len(ids))
}

func deleteDepicted(ctx context.Context, tx *db.Tx, kind string, ids []int64) error {
	query, args, err := db.In(`DELETE FROM depicted WHERE owner_type = ? AND owner_id IN (?)`, kind, ids)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "forget who was shown in %d of %s", len(ids), kind)
}

const depictedColumns = `
	SELECT id, owner_type, owner_id, kind, person_id, paper, code_sealed, added_by, added_at, ended_at
	FROM depicted`

// depictedIn are those shown in pictures or stories, by what shows them, with whether they agree.
func depictedIn(ctx context.Context, q db.Queryer, kind string, ids []int64) (map[int64][]Depicted, error) {
	all := make(map[int64][]Depicted, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	query, args, err := db.In(depictedColumns+` WHERE owner_type = ? AND owner_id IN (?) ORDER BY id`, kind, ids)
	if err != nil {
		return nil, err
	}
	var rows []Depicted
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who is shown in %d of %s", len(ids), kind)
	}
	if err := judge(ctx, q, rows); err != nil {
		return nil, err
	}
	for _, d := range rows {
		all[d.OwnerID] = append(all[d.OwnerID], d)
	}
	return all, nil
}

// judge says of each whether their consent stands.
func judge(ctx context.Context, q db.Queryer, all []Depicted) error {
	var persons []org.PersonID
	for _, d := range all {
		if d.PersonID != nil {
			persons = append(persons, *d.PersonID)
		}
	}
	gave, err := privacy.GaveOf(ctx, q, persons, privacy.ForMedia)
	for i, d := range all {
		all[i].Agreed = d.stands(gave)
	}
	return err
}

// depictedAs is a page of what shows a person.
func depictedAs(ctx context.Context, q db.Queryer, person org.PersonID, p page.Page) (all []Depicted, err error) {
	if err := q.Select(ctx, &all, depictedColumns+`
		WHERE person_id = ? AND id < ?
		ORDER BY id DESC
		LIMIT ?`, person, p.ID, p.Limit()); err != nil {
		return nil, db.Wrap(err, nil, "find what shows person %d", person)
	}
	return all, judge(ctx, q, all)
}

// titlesOf are the words of the pictures, or the titles of the stories, that a person is shown in.
func titlesOf(ctx context.Context, q db.Queryer, person org.PersonID, kind string) (all []string, err error) {
	query := `
		SELECT m.caption
		FROM depicted d
		JOIN media m ON m.id = d.owner_id
		WHERE d.person_id = ? AND d.owner_type = ?
		ORDER BY d.id`
	if kind == inPublication {
		query = `
		SELECT n.title
		FROM depicted d
		JOIN publication n ON n.id = d.owner_id
		WHERE d.person_id = ? AND d.owner_type = ?
		ORDER BY d.id`
	}
	err = q.Select(ctx, &all, query, person, kind)
	return all, db.Wrap(err, nil, "find what person %d is shown in", person)
}

func findDepicted(ctx context.Context, q db.Queryer, where string, args ...any) (d Depicted, err error) {
	if err := q.Get(ctx, &d, depictedColumns+where, args...); err != nil {
		return d, db.Wrap(err, problem.ErrNotFound, "find somebody who is shown")
	}
	one := []Depicted{d}
	err = judge(ctx, q, one)
	return one[0], err
}

// shownAs is the entry that shows a person; another is not found.
func shownAs(ctx context.Context, q db.Queryer, person org.PersonID, id DepictedID) (Depicted, error) {
	return findDepicted(ctx, q, ` WHERE id = ? AND person_id = ?`, id, person)
}

// shownIn is an entry of a picture or story; another is not found.
func shownIn(ctx context.Context, q db.Queryer, s subject, id DepictedID) (Depicted, error) {
	return findDepicted(ctx, q, ` WHERE id = ? AND owner_type = ? AND owner_id = ?`, id, s.kind, s.id)
}

// shownByCode is the entry of the account that a code was handed to.
func shownByCode(ctx context.Context, q db.Queryer, keys *sealed.Keys, code Code) (Depicted, error) {
	where, args, err := db.In(` WHERE code_hash IN (?)`, keys.Derivations(depictions, []byte(code)))
	if err != nil {
		return Depicted{}, err
	}
	return findDepicted(ctx, q, where, args...)
}

// depictions is the purpose that the codes of those shown are hashed for.
const depictions sealed.Purpose = "depicted"

func insertDepicted(ctx context.Context, tx *db.Tx, keys *sealed.Keys, by org.Actor, d Depicted) (DepictedID, error) {
	var code Code
	var hash []byte
	if d.Kind == OfAccount {
		code = newCode()
		hash = keys.Derive(depictions, []byte(code))
	}
	id, err := tx.Insert(ctx, `
		INSERT INTO depicted (owner_type, owner_id, kind, person_id, paper, code_hash, added_by, added_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, d.OwnerType, d.OwnerID, d.Kind, d.PersonID, d.Paper, hash, by.PersonID, tx.Now)
	if err != nil || code == "" {
		return DepictedID(id), db.Wrap(err, nil, "say who is shown in %s %d", d.OwnerType, d.OwnerID)
	}
	cipher, err := keys.Seal(sealed.Personal, "depicted", "code_sealed", id, string(code))
	if err != nil {
		return 0, err
	}
	_, err = tx.Change(ctx, `UPDATE depicted SET code_sealed = ? WHERE id = ?`, cipher, id)
	return DepictedID(id), db.Wrap(err, nil, "seal the code of %d", id)
}

func removeDepicted(ctx context.Context, tx *db.Tx, id DepictedID) error {
	_, err := tx.Change(ctx, `DELETE FROM depicted WHERE id = ?`, id)
	return db.Wrap(err, nil, "take %d off a list", id)
}

// othersOf are the entries that show a person besides one, to which they have not said no.
func othersOf(ctx context.Context, q db.Queryer, person org.PersonID, but DepictedID) (all []Depicted, err error) {
	err = q.Select(ctx, &all, depictedColumns+` WHERE person_id = ? AND id <> ? AND ended_at IS NULL ORDER BY id`, person, but)
	return all, db.Wrap(err, nil, "find what else shows person %d", person)
}

// takeCode says whose account d is, unless somebody was faster.
func takeCode(ctx context.Context, tx *db.Tx, by org.Actor, d Depicted) error {
	found, err := tx.Change(ctx, `UPDATE depicted SET person_id = ? WHERE id = ? AND person_id IS NULL AND ended_at IS NULL`, by.PersonID, d.ID)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "agreed")
	}
	return db.Wrap(err, nil, "say whose account %d is", d.ID)
}

// noteNo says that somebody says no to being shown there, unless they have.
func noteNo(ctx context.Context, tx *db.Tx, d Depicted) error {
	found, err := tx.Change(ctx, `UPDATE depicted SET ended_at = ? WHERE id = ? AND ended_at IS NULL`, tx.Now, d.ID)
	if err == nil && found == 0 {
		return ErrIllegalTransition.With("state", "refused")
	}
	return db.Wrap(err, nil, "note the no of %d", d.ID)
}

// subjectsOf is what shows a person who has said no to none of it.
func subjectsOf(ctx context.Context, q db.Queryer, person org.PersonID) (all []subject, err error) {
	var rows []Depicted
	err = q.Select(ctx, &rows, depictedColumns+` WHERE person_id = ? AND ended_at IS NULL ORDER BY id`, person)
	for _, d := range rows {
		all = append(all, subject{d.OwnerType, d.OwnerID})
	}
	return all, db.Wrap(err, nil, "find what shows person %d", person)
}

// saveEnd says since when somebody in a subject has said no, for the first time: from then on it is kept for a while only.
func saveEnd(ctx context.Context, tx *db.Tx, s subject) error {
	if s.kind == inPublication {
		_, err := tx.Change(ctx, `UPDATE publication SET ended_at = ? WHERE id = ? AND ended_at IS NULL`, tx.Now, s.id)
		return db.Wrap(err, nil, "end publication %d", s.id)
	}
	found, err := tx.Change(ctx, `UPDATE media SET ended_at = ? WHERE id = ? AND ended_at IS NULL`, tx.Now, s.id)
	if err != nil || found == 0 {
		return db.Wrap(err, nil, "end picture %d", s.id)
	}
	drop := tx.Now.Add(endedKept)
	return upload.DropAt(ctx, tx, MediaID(s.id).picture(), &drop)
}

// saveRevival says that nobody in a subject says no any more.
func saveRevival(ctx context.Context, tx *db.Tx, s subject) error {
	if s.kind == inPublication {
		_, err := tx.Change(ctx, `UPDATE publication SET ended_at = NULL WHERE id = ?`, s.id)
		return db.Wrap(err, nil, "keep publication %d", s.id)
	}
	if _, err := tx.Change(ctx, `UPDATE media SET ended_at = NULL WHERE id = ?`, s.id); err != nil {
		return db.Wrap(err, nil, "keep picture %d", s.id)
	}
	return upload.DropAt(ctx, tx, MediaID(s.id).picture(), nil)
}

// endedKept is how long something is kept after somebody in it said no (domain.md §9.1).
const endedKept = 30 * 24 * time.Hour

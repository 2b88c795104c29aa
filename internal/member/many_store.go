package member

import (
	"context"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// knownBelow are those of the roster below by, and after them those who have a role there and no entry anywhere.
func knownBelow(ctx context.Context, q db.Queryer, by org.Actor, day calendar.Day) (all []Member, err error) {
	from, to := by.PartyScope()
	err = q.Select(ctx, &all, `
		SELECT m.id, m.person_id, m.unit_id, m.status, m.version, m.since_sealed, p.name_sealed, p.phone_sealed
		FROM member m
		JOIN unit u ON u.id = m.unit_id
		JOIN person p ON p.id = m.person_id
		WHERE u.path >= ? AND u.path < ? AND m.valid_to IS NULL
		ORDER BY m.id`, from, to)
	if err != nil {
		return nil, db.Wrap(err, nil, "read the roster")
	}
	gridFrom, gridTo := by.Scope()
	var others []Member
	err = q.Select(ctx, &others, `
		SELECT p.id AS person_id, p.name_sealed, p.phone_sealed
		FROM person p
		WHERE p.id IN (
		    SELECT a.person_id
		    FROM role_assignment a
		    JOIN unit u ON u.id = a.unit_id
		    WHERE ((u.path >= ? AND u.path < ?) OR (u.path >= ? AND u.path < ?))
		      AND (a.valid_to IS NULL OR a.valid_to > ?))
		  AND NOT EXISTS (
		    SELECT 1
		    FROM member m
		    WHERE m.person_id = p.id AND m.valid_to IS NULL)
		ORDER BY p.id`, from, to, gridFrom, gridTo, day)
	return append(all, others...), db.Wrap(err, nil, "read who has roles without being in the roster")
}

// marks is the text of n rows of values.
func marks(one string, n int) string { return strings.Repeat(one+", ", n-1) + one }

// byID is a value for each of n rows, by their id.
func byID(n int) string { return `CASE id` + strings.Repeat(` WHEN ? THEN ?`, n) + ` END` }

type sealedPerson struct {
	id          org.PersonID
	name, phone []byte
	index       int64
}

// sealPersons is sealPerson for many.
func sealPersons(ctx context.Context, tx *db.Tx, some []sealedPerson) error {
	var names, phones, indexes, ids []any
	for _, p := range some {
		names, phones = append(names, p.id, p.name), append(phones, p.id, p.phone)
		indexes, ids = append(indexes, p.id, p.index), append(ids, p.id)
	}
	n := len(some)
	_, err := tx.Change(ctx, `
		UPDATE person
		SET name_sealed = `+byID(n)+`, phone_sealed = `+byID(n)+`, phone_index = `+byID(n)+`
		WHERE id IN (`+marks("?", n)+`)`, append(append(append(names, phones...), indexes...), ids...)...)
	return db.Wrap(err, nil, "seal %d persons", n)
}

func insertMembers(ctx context.Context, tx *db.Tx, some []Joining, added []Added, from calendar.Day) error {
	args := make([]any, 0, 5*len(some))
	for i, j := range some {
		args = append(args, added[i].PersonID, j.Home.ID, j.Status, from, tx.Now)
	}
	_, err := tx.Change(ctx, `
		INSERT INTO member (person_id, unit_id, status, valid_from, added_at)
		VALUES `+marks("(?, ?, ?, ?, ?)", len(some)), args...)
	if db.IsDuplicate(err) { // somebody who left today, or came in at this moment
		return problem.ErrConflict
	}
	return db.Wrap(err, nil, "enter %d persons into the roster", len(some))
}

// membersSince are the entries of the persons that began on a day.
func membersSince(ctx context.Context, q db.Queryer, of []Added, day calendar.Day) (map[org.PersonID]ID, error) {
	persons := make([]org.PersonID, len(of))
	for i, a := range of {
		persons[i] = a.PersonID
	}
	query, args, err := db.In(`SELECT id, person_id FROM member WHERE person_id IN (?) AND valid_from = ?`, persons, day)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		ID     ID           `db:"id"`
		Person org.PersonID `db:"person_id"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find %d new entries", len(of))
	}
	ids := make(map[org.PersonID]ID, len(rows))
	for _, r := range rows {
		ids[r.Person] = r.ID
	}
	return ids, nil
}

type sealedDay struct {
	id  ID
	day []byte
}

// sealDays is updateSince for many.
func sealDays(ctx context.Context, tx *db.Tx, some []sealedDay) error {
	if len(some) == 0 {
		return nil
	}
	var days, ids []any
	for _, s := range some {
		days, ids = append(days, s.id, s.day), append(ids, s.id)
	}
	_, err := tx.Change(ctx, `
		UPDATE member
		SET since_sealed = `+byID(len(some))+`
		WHERE id IN (`+marks("?", len(some))+`)`, append(days, ids...)...)
	return db.Wrap(err, nil, "seal the days of %d entries", len(some))
}

// PostsBelow are the sections that cadres work in today, of those that by sees.
func PostsBelow(ctx context.Context, q db.Queryer, by org.Actor) (map[org.PersonID]org.UnitID, error) {
	from, to := by.Scope()
	var rows []Post
	err := q.Select(ctx, &rows, `
		SELECT o.person_id, o.section_id
		FROM office_post o
		JOIN unit u ON u.id = o.section_id
		WHERE u.path >= ? AND u.path < ? AND o.valid_to IS NULL`, from, to)
	posts := make(map[org.PersonID]org.UnitID, len(rows))
	for _, r := range rows {
		posts[r.PersonID] = r.Section
	}
	return posts, db.Wrap(err, nil, "read who works in which section")
}

// endPosts closes the posts of persons. One that began today never held a day, and goes.
func endPosts(ctx context.Context, tx *db.Tx, of []Post, today calendar.Day) error {
	persons := make([]org.PersonID, len(of))
	for i, p := range of {
		persons[i] = p.PersonID
	}
	query, args, err := db.In(`DELETE FROM office_post WHERE person_id IN (?) AND valid_from = ?`, persons, today)
	if err == nil {
		_, err = tx.Change(ctx, query, args...)
	}
	if err != nil {
		return db.Wrap(err, nil, "drop today's posts")
	}
	query, args, err = db.In(`UPDATE office_post SET valid_to = ? WHERE person_id IN (?) AND valid_to IS NULL`, today, persons)
	if err == nil {
		_, err = tx.Change(ctx, query, args...)
	}
	return db.Wrap(err, nil, "close posts")
}

// dropPost removes a post that began on a day and has not ended; it says whether there was one.
func dropPost(ctx context.Context, tx *db.Tx, p Post, day calendar.Day) (bool, error) {
	found, err := tx.Change(ctx, `
		DELETE FROM office_post WHERE person_id = ? AND section_id = ? AND valid_from = ? AND valid_to IS NULL`,
		p.PersonID, p.Section, day)
	return found > 0, db.Wrap(err, nil, "drop the post of person %d", p.PersonID)
}

// reopenPost opens a post again that ended on a day; it says whether there was one.
func reopenPost(ctx context.Context, tx *db.Tx, p Post, day calendar.Day) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE office_post SET valid_to = NULL WHERE person_id = ? AND section_id = ? AND valid_to = ?`,
		p.PersonID, p.Section, day)
	return found > 0, db.Wrap(err, nil, "open the post of person %d again", p.PersonID)
}

func insertPosts(ctx context.Context, tx *db.Tx, posts []Post, from calendar.Day) error {
	args := make([]any, 0, 3*len(posts))
	for _, p := range posts {
		args = append(args, p.PersonID, p.Section, from)
	}
	_, err := tx.Change(ctx, `
		INSERT INTO office_post (person_id, section_id, valid_from)
		VALUES `+marks("(?, ?, ?)", len(posts)), args...)
	return db.Wrap(err, nil, "put %d cadres into sections", len(posts))
}

func deleteMembers(ctx context.Context, tx *db.Tx, some []ID) error {
	query, args, err := db.In(`DELETE FROM member WHERE id IN (?)`, some)
	if err == nil {
		_, err = tx.Change(ctx, query, args...)
	}
	return db.Wrap(err, nil, "take %d entries out of the roster", len(some))
}

func deletePersons(ctx context.Context, tx *db.Tx, some []org.PersonID) error {
	query, args, err := db.In(`DELETE FROM office_post WHERE person_id IN (?)`, some)
	if err == nil {
		_, err = tx.Change(ctx, query, args...)
	}
	if err != nil {
		return db.Wrap(err, nil, "remove the posts of %d persons", len(some))
	}
	query, args, err = db.In(`DELETE FROM person WHERE id IN (?)`, some)
	if err == nil {
		_, err = tx.Change(ctx, query, args...)
	}
	return db.Wrap(err, nil, "remove %d persons", len(some))
}

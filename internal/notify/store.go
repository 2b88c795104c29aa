package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// NewPerson gives a new person their empty inbox, in the transaction that makes the person.
func NewPerson(ctx context.Context, tx *db.Tx, id org.PersonID) error {
	return newHead(ctx, tx, id)
}

func newHead(ctx context.Context, tx *db.Tx, id org.PersonID) error {
	if err := newHeads(ctx, tx, []org.PersonID{id}); !errors.Is(err, db.ErrAgain) {
		return err
	}
	return nil // there is one
}

// newHeads makes inboxes that were not there; with db.ErrAgain somebody has made one in between.
func newHeads(ctx context.Context, tx *db.Tx, ids []org.PersonID) error {
	const row = `(?, 0, 0, 0, 0)`
	for some := range slices.Chunk(ids, 500) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = id
		}
		_, err := tx.Change(ctx, `
			INSERT INTO inbox_head (person_id, seq, read_seq, floor_seq, turn)
			VALUES `+row+strings.Repeat(", "+row, len(some)-1), args...)
		switch {
		case db.IsDuplicate(err):
			return fmt.Errorf("make %d inboxes: %w", len(some), db.ErrAgain)
		case err != nil:
			return fmt.Errorf("make %d inboxes: %w", len(some), err)
		}
	}
	return nil
}

// The two ways to count up heads. Both lock the rows to COMMIT.
const (
	takeTurn = `UPDATE inbox_head SET turn = turn + ? WHERE person_id IN (?)`
	takeSeq  = `UPDATE inbox_head SET seq = seq + ? WHERE person_id IN (?)`
)

// countUp runs statement for persons, who are in ascending order, and makes the inboxes that are missing. Without counts
// all go up by one; with counts that are not all the same, each seq goes up by its own.
func countUp(ctx context.Context, tx *db.Tx, persons []org.PersonID, statement string, counts []int64) error {
	found, err := countUpThere(ctx, tx, persons, statement, counts)
	if err != nil || found == int64(len(persons)) {
		return err
	}
	there, err := headsOf(ctx, tx, persons) // those that were counted are locked; the rest is missing
	if err != nil {
		return err
	}
	var missing []org.PersonID
	var missingCounts []int64
	for i, p := range persons {
		if _, ok := there[p]; ok {
			continue
		}
		missing = append(missing, p)
		if counts != nil {
			missingCounts = append(missingCounts, counts[i])
		}
	}
	if int64(len(missing)) != int64(len(persons))-found { // somebody has made one in between, and which is not to be seen
		return fmt.Errorf("count up %d inboxes, of which %d were there and %d are missing: %w", len(persons), found, len(missing), db.ErrAgain)
	}
	if err := newHeads(ctx, tx, missing); err != nil {
		return err
	}
	found, err = countUpThere(ctx, tx, missing, statement, missingCounts)
	if err == nil && found != int64(len(missing)) {
		err = fmt.Errorf("count up %d new inboxes: %d found", len(missing), found)
	}
	return err
}

func countUpThere(ctx context.Context, tx *db.Tx, persons []org.PersonID, statement string, counts []int64) (int64, error) {
	by := int64(1)
	if len(counts) > 0 {
		by = counts[0]
	}
	args := []any{by, persons}
	if slices.ContainsFunc(counts, func(n int64) bool { return n != by }) {
		var s strings.Builder
		s.WriteString(`UPDATE inbox_head SET seq = seq + CASE person_id`)
		args = args[:0]
		for i, p := range persons {
			s.WriteString(` WHEN ? THEN ?`)
			args = append(args, p, counts[i])
		}
		s.WriteString(` ELSE 0 END WHERE person_id IN (?)`)
		statement, args = s.String(), append(args, persons)
	}
	q, list, err := db.In(statement, args...)
	if err != nil {
		return 0, err
	}
	found, err := tx.Change(ctx, q, list...)
	return found, db.Wrap(err, nil, "count up %d inboxes", len(persons))
}

// headsOf are the numbers of the newest items of persons.
func headsOf(ctx context.Context, q db.Queryer, persons []org.PersonID) (map[org.PersonID]int64, error) {
	query, args, err := db.In(`
		SELECT person_id, seq
		FROM inbox_head
		WHERE person_id IN (?)`, persons)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Person org.PersonID `db:"person_id"`
		Seq    int64        `db:"seq"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("read inbox heads: %w", err)
	}
	heads := make(map[org.PersonID]int64, len(rows))
	for _, r := range rows {
		heads[r.Person] = r.Seq
	}
	return heads, nil
}

type personKey struct {
	Person org.PersonID `db:"person_id"`
	Key    string       `db:"dedupe_key"`
}

// toldKeys says which of persons were told under which of keys.
func toldKeys(ctx context.Context, q db.Queryer, persons []org.PersonID, keys []string) (map[personKey]bool, error) {
	query, args, err := db.In(`
		SELECT person_id, dedupe_key
		FROM inbox
		WHERE person_id IN (?) AND dedupe_key IN (?)`, persons, keys)
	if err != nil {
		return nil, err
	}
	var rows []personKey
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("look who was told: %w", err)
	}
	told := make(map[personKey]bool, len(rows))
	for _, r := range rows {
		told[r] = true
	}
	return told, nil
}

func insertItems(ctx context.Context, tx *db.Tx, entries []entry) error {
	const row = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	args := make([]any, 0, 14*len(entries))
	for _, e := range entries {
		if e.Notice != 0 { // its text stands there, once for all
			e.Args = ""
		}
		args = append(args, e.Person, e.Seq, e.Kind, e.Prio, orNull(e.Assignment), e.RefType, e.RefID,
			orNull(e.Args), orNull(e.dedupe), e.At, orNull(e.together), orNull(e.Supersedes), orNull(e.supersededBy), orNull(e.Notice))
	}
	_, err := tx.Change(ctx, `
		INSERT INTO inbox (
			person_id, seq, kind, prio, assignment_id, ref_type, ref_id, args, dedupe_key, created_at, coalesce_key,
			supersedes, superseded_by, notice_id)
		VALUES `+row+strings.Repeat(", "+row, len(entries)-1), args...)
	return db.Wrap(err, nil, "write %d items", len(entries))
}

// orNull is v for a column that has NULL for nothing.
func orNull[T comparable](v T) any {
	var none T
	if v == none {
		return nil
	}
	return v
}

// holders are the persons who hold role in unit at now.
func holders(ctx context.Context, q db.Queryer, unit org.UnitID, role org.Role, now time.Time) ([]recipient, error) {
	in, err := org.PersonsIn(ctx, q, unit, role, calendar.DayOf(now))
	if err != nil {
		return nil, err
	}
	some := make([]recipient, len(in))
	for i, p := range in {
		some[i] = recipient{Person: p.Person, Assignment: p.Assignment}
	}
	return some, nil
}

// liveAssignments are the roles of person that hold at now, and those in which they stand in for somebody.
func liveAssignments(ctx context.Context, q db.Queryer, person org.PersonID, now time.Time) ([]int64, error) {
	as, err := org.AssignmentsOf(ctx, q, person, calendar.DayOf(now))
	if err != nil {
		return nil, err
	}
	away, err := org.ForWhom(ctx, q, person, calendar.DayOf(now))
	ids := make([]int64, 0, len(as)+len(away))
	for _, a := range as {
		ids = append(ids, int64(a.ID))
	}
	for _, x := range away {
		ids = append(ids, int64(x.Assignment))
	}
	return ids, err
}

// A head is the state of one inbox.
type head struct {
	Person int64 `db:"person_id"`
	Seq    int64 `db:"seq"`
	Read   int64 `db:"read_seq"`
	Floor  int64 `db:"floor_seq"`
}

// unread is exact without counting, because numbers have no gaps.
func (h head) unread() int64 { return h.Seq - max(h.Read, h.Floor) }

// findHead is person's inbox, empty for a person nobody told anything yet.
func findHead(ctx context.Context, q db.Queryer, person org.PersonID) (head, error) {
	h := head{Person: int64(person)}
	err := q.Get(ctx, &h, `
		SELECT person_id, seq, read_seq, floor_seq
		FROM inbox_head
		WHERE person_id = ?`, person)
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil
	}
	return h, db.Wrap(err, nil, "read the inbox head of person %d", person)
}

// headsIn are the inboxes of persons; who has none is left out.
func headsIn[ID int64 | org.PersonID](ctx context.Context, q db.Queryer, persons []ID) (heads []head, err error) {
	query, args, err := db.In(`
		SELECT person_id, seq, read_seq, floor_seq
		FROM inbox_head
		WHERE person_id IN (?)`, persons)
	if err != nil {
		return nil, err
	}
	return heads, db.Wrap(q.Select(ctx, &heads, query, args...), nil, "read inbox heads")
}

// listItems are person's items after and to (0: no end), the oldest first.
func listItems(ctx context.Context, q db.Queryer, person org.PersonID, after, to int64, limit int) ([]Told, error) {
	if to == 0 {
		to = 1<<63 - 1
	}
	items := make([]Told, 0, min(limit, 100))
	err := q.Select(ctx, &items, `
		SELECT i.person_id, i.seq, i.kind, i.prio, COALESCE(i.assignment_id, 0) AS assignment_id,
			i.ref_type, i.ref_id, COALESCE(i.args, n.args, '') AS args, i.created_at, COALESCE(i.supersedes, 0) AS supersedes,
			COALESCE(i.notice_id, 0) AS notice_id
		FROM inbox i
		LEFT JOIN notice n ON n.id = i.notice_id
		WHERE i.person_id = ? AND i.seq > ? AND i.seq <= ?
		ORDER BY i.seq
		LIMIT ?`, person, after, to, limit)
	return items, db.Wrap(err, nil, "list the inbox of person %d", person)
}

// unreadOfKind counts person's unread items of kind that no later one stands for, to 100 and no further.
func unreadOfKind(ctx context.Context, q db.Queryer, person org.PersonID, kind string, after int64) (n int64, err error) {
	err = q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM (SELECT 1 AS one FROM inbox WHERE person_id = ? AND kind = ? AND seq > ? AND superseded_by IS NULL LIMIT 100) t`, person, kind, after)
	return n, db.Wrap(err, nil, "count unread %s of person %d", kind, person)
}

// markRead moves the read mark of person up to seq, never down and never past the newest item.
func markRead(ctx context.Context, tx *db.Tx, person org.PersonID, seq int64) error {
	_, err := tx.Change(ctx, `
		UPDATE inbox_head
		SET read_seq = ?
		WHERE person_id = ? AND read_seq <= ? AND seq >= ?`, seq, person, seq, seq)
	return db.Wrap(err, nil, "mark the inbox of person %d read", person)
}

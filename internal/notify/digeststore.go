package notify

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

type digestKey struct {
	shard int
	slot  int64
}

// digestsDone are the summaries that were made since.
func digestsDone(ctx context.Context, q db.Queryer, since time.Time) (map[digestKey]bool, error) {
	var rows []struct {
		Shard int       `db:"shard"`
		Slot  time.Time `db:"slot"`
	}
	if err := q.Select(ctx, &rows, `SELECT shard, slot FROM notice_digest WHERE slot > ?`, since); err != nil {
		return nil, db.Wrap(err, nil, "find which summaries were made")
	}
	done := make(map[digestKey]bool, len(rows))
	for _, r := range rows {
		done[digestKey{r.Shard, r.Slot.UnixMilli()}] = true
	}
	return done, nil
}

// digestsBefore is when the last summaries of each of shards before slot were made that were due at its time of the day; one
// whose summaries were not made for a week is left out.
func digestsBefore(ctx context.Context, q db.Queryer, slot time.Time, shards []int) (map[int]time.Time, error) {
	var days []time.Time
	for at := slot.Add(-24 * time.Hour); slot.Sub(at) <= digestMost; at = at.Add(-24 * time.Hour) {
		days = append(days, at)
	}
	query, args, err := db.In(`
		SELECT shard, slot
		FROM notice_digest
		WHERE shard IN (?) AND slot IN (?)
		ORDER BY shard, slot`, shards, days)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Shard int       `db:"shard"`
		Slot  time.Time `db:"slot"`
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find when the last summaries were made")
	}
	before := make(map[int]time.Time, len(rows))
	for _, r := range rows {
		before[r.Shard] = r.Slot
	}
	return before, nil
}

// digestsKept is how long it is known that summaries were made.
const digestsKept = 7 * 24 * time.Hour

// noteDigests notes that the summaries of shards were made, and forgets those of long ago.
func noteDigests(ctx context.Context, tx *db.Tx, shards []int, slot time.Time) error {
	for _, shard := range shards {
		_, err := tx.Change(ctx, `INSERT INTO notice_digest (shard, slot) VALUES (?, ?)`, shard, slot)
		if err != nil && !db.IsDuplicate(err) {
			return db.Wrap(err, nil, "note the summaries of shard %d", shard)
		}
		if _, err := tx.Change(ctx, `DELETE FROM notice_digest WHERE shard = ? AND slot <= ?`, shard, tx.Now.Add(-digestsKept)); err != nil {
			return db.Wrap(err, nil, "forget old summaries")
		}
	}
	return nil
}

// digestPersons are the persons behind after who may get a summary at a time of the day: who has set it, and at the usual
// time everybody with a WeChat account.
func digestPersons(ctx context.Context, q db.Queryer, app string, at clockTime, after org.PersonID) (persons []org.PersonID, err error) {
	if at == usual.digestAt {
		err = q.Select(ctx, &persons, `
			SELECT DISTINCT w.person_id
			FROM wechat_account w
			JOIN person p ON p.id = w.person_id
			WHERE w.person_id > ? AND w.app_id = ? AND w.state IN ('bound', 'unverified') AND p.disabled_at IS NULL
			ORDER BY w.person_id
			LIMIT 500`, after, app)
	} else {
		err = q.Select(ctx, &persons, `
			SELECT s.person_id
			FROM notice_setting s
			JOIN person p ON p.id = s.person_id
			WHERE s.person_id > ? AND s.digest_at = ? AND p.disabled_at IS NULL
			  AND EXISTS (SELECT 1 FROM wechat_account a WHERE a.person_id = s.person_id AND a.app_id = ? AND a.state IN ('bound', 'unverified'))
			ORDER BY s.person_id
			LIMIT 500`, after, at.String(), app)
	}
	return persons, db.Wrap(err, nil, "find who may get a summary")
}

// digestItems are the items of persons that can wait, were told after from and by to, are not read, and for which no later
// one stands.
func digestItems(ctx context.Context, q db.Queryer, persons []org.PersonID, from, to time.Time) (items []Told, err error) {
	query, args, err := db.In(`
		SELECT i.person_id, i.seq, i.kind, i.prio, COALESCE(i.assignment_id, 0) AS assignment_id,
			i.ref_type, i.ref_id, COALESCE(i.args, n.args, '') AS args, i.created_at
		FROM inbox i
		JOIN inbox_head h ON h.person_id = i.person_id
		LEFT JOIN notice n ON n.id = i.notice_id
		WHERE i.person_id IN (?) AND i.created_at > ? AND i.created_at <= ? AND i.prio = ? AND i.seq > h.read_seq
		  AND i.superseded_by IS NULL
		ORDER BY i.person_id, i.seq`, persons, from, to, Ordinary)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &items, query, args...)
	return items, db.Wrap(err, nil, "find what %d persons have not read", len(persons))
}

// A made is a summary that was made for a person.
type made struct {
	Person org.PersonID `db:"person_id"`
	Args   string       `db:"args"`
}

// at is up to when m goes.
func (m made) at() (time.Time, error) {
	var fields struct {
		At time.Time `json:"at"`
	}
	err := json.Unmarshal([]byte(m.Args), &fields)
	return fields.At, err
}

// lastDigests are the summaries of persons from one day to another.
func lastDigests(ctx context.Context, q db.Queryer, persons []org.PersonID, since, slot time.Time) (all []made, err error) {
	query, args, err := db.In(`
		SELECT person_id, COALESCE(args, '{}') AS args
		FROM wechat_send
		WHERE person_id IN (?) AND event >= ? AND event <= ? AND template = ?`,
		persons, digestEvent(since), digestEvent(slot), onDigest)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &all, query, args...)
	return all, db.Wrap(err, nil, "find the last summaries of %d persons", len(persons))
}

// digestMoves are the moves since of those of persons who have moved their summary since.
func digestMoves(ctx context.Context, q db.Queryer, persons []org.PersonID, since time.Time) (map[org.PersonID]digestMove, error) {
	query, args, err := db.In(`
		SELECT person_id, digest_moved_at, digest_from
		FROM notice_setting
		WHERE person_id IN (?) AND digest_moved_at > ?`, persons, since)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Person org.PersonID `db:"person_id"`
		digestMove
	}
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find who has moved their summary")
	}
	moves := make(map[org.PersonID]digestMove, len(rows))
	for _, r := range rows {
		moves[r.Person] = r.digestMove
	}
	return moves, nil
}

// moveDigest notes that the summary of person, so far made at old, is made at another time from now on.
func moveDigest(ctx context.Context, tx *db.Tx, person org.PersonID, old clockTime) error {
	next := old.on(calendar.DayOf(tx.Now))
	if !next.After(tx.Now) {
		next = next.Add(24 * time.Hour)
	}
	shard := kv.ShardOf(int64(person))
	before, err := digestsBefore(ctx, tx, next, []int{shard})
	if err != nil {
		return err
	}
	moves, err := digestMoves(ctx, tx, []org.PersonID{person}, tx.Now.Add(-digestMost))
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `
		UPDATE notice_setting
		SET digest_moved_at = ?, digest_from = ?
		WHERE person_id = ?`, tx.Now, moves[person].first(before[shard], tx.Now), person)
	return err
}

// digestEvent is the event of the summary at slot: one a day.
func digestEvent(slot time.Time) string {
	return "d:" + strings.ReplaceAll(string(calendar.DayOf(slot)), "-", "")
}

// digestUnwanted are the kinds that persons do not want in their summary.
func digestUnwanted(ctx context.Context, q db.Queryer, persons []org.PersonID) (map[personKey]bool, error) {
	query, args, err := db.In(`
		SELECT person_id, kind AS dedupe_key
		FROM notice_preference
		WHERE person_id IN (?) AND (digest = 0 OR muted = 1)`, persons)
	if err != nil {
		return nil, err
	}
	var rows []personKey
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, db.Wrap(err, nil, "find what is not wanted in summaries")
	}
	unwanted := make(map[personKey]bool, len(rows))
	for _, r := range rows {
		unwanted[r] = true
	}
	return unwanted, nil
}

// digestKind is the kind of the message that is a summary.
const digestKind = "digest"

// insertDigest lets the summary of a person and day wait to be sent, once.
func insertDigest(ctx context.Context, tx *db.Tx, d summary, slot time.Time) error {
	args, err := d.args(slot)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, `
		INSERT INTO wechat_send (
			shard, person_id, event, seq, template, kind, ref_type, ref_id, args, must_reach, prio, not_before, state, created_at)
		VALUES (?, ?, ?, ?, ?, ?, 'inbox', 0, ?, 0, ?, ?, 'waiting', ?)`,
		kv.ShardOf(int64(d.person)), d.person, digestEvent(slot), d.last, onDigest, digestKind, args, Ordinary, slot, tx.Now)
	if db.IsDuplicate(err) {
		return nil
	}
	return db.Wrap(err, nil, "write the summary of person %d", d.person)
}

package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
)

const (
	digestEvery = 30 * time.Minute // summaries are made at full and half hours
	digestAfter = 5 * time.Second  // for acts of the last moment, which commit a little later than they happen
	digestLate  = 3 * time.Hour    // after a standstill nobody is told of the day so late
	digestSpan  = 24 * time.Hour
)

// Digests makes the summaries of the day that are due in this node's shards: of what people have not read and what can
// wait, of the 24 hours up to their time and that moment included (K18). It says whether it made any.
func (s *Sends) Digests(ctx context.Context) (bool, error) {
	shards := s.Leases.Held()
	if s.app == "" || len(shards) == 0 {
		return false, nil
	}
	now := s.db.Now().Add(-digestAfter)
	done, err := digestsDone(ctx, s.db, now.Add(-digestLate))
	if err != nil {
		return false, err
	}
	worked := false
	for slot := now.Truncate(digestEvery); now.Sub(slot) < digestLate; slot = slot.Add(-digestEvery) {
		left := slices.DeleteFunc(slices.Clone(shards), func(shard int) bool { return done[digestKey{shard, slot.UnixMilli()}] })
		if len(left) == 0 {
			continue
		}
		if err := s.digest(ctx, slot, left); err != nil {
			return worked, err
		}
		worked = true
	}
	return worked, nil
}

// digest makes the summaries of slot for the persons of shards. When two nodes do, each summary is still one.
func (s *Sends) digest(ctx context.Context, slot time.Time, shards []int) error {
	day := calendar.DayOf(slot)
	at := clockTime(slot.Sub(day.Time()) / time.Minute)
	for after := org.PersonID(0); ; {
		persons, err := digestPersons(ctx, s.db, s.app, at, after)
		if err != nil {
			return err
		}
		if len(persons) == 0 {
			break
		}
		after = persons[len(persons)-1]
		ours := slices.DeleteFunc(persons, func(p org.PersonID) bool { return !slices.Contains(shards, kv.ShardOf(int64(p))) })
		if at == usual.digestAt && len(ours) > 0 {
			own, err := hoursOfAll(ctx, s.db, ours)
			if err != nil {
				return err
			}
			ours = slices.DeleteFunc(ours, func(p org.PersonID) bool {
				h, ok := own[p]
				return ok && h.digestAt != at
			})
		}
		for some := range slices.Chunk(ours, digestLoad) {
			if err := s.db.InTx(ctx, func(tx *db.Tx) error { return digestSome(ctx, tx, some, slot) }); err != nil {
				return err
			}
		}
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return noteDigests(ctx, tx, shards, slot) })
}

// digestLoad is for how many persons summaries are made at once.
const digestLoad = 100

func digestSome(ctx context.Context, tx *db.Tx, persons []org.PersonID, slot time.Time) error {
	items, err := digestItems(ctx, tx, persons, slot.Add(-digestSpan), slot)
	if err != nil || len(items) == 0 {
		return err
	}
	unwanted, err := digestUnwanted(ctx, tx, persons)
	if err != nil {
		return err
	}
	for len(items) > 0 {
		end := 1
		for end < len(items) && items[end].Person == items[0].Person {
			end++
		}
		d, err := summarise(ctx, tx, items[:end], unwanted)
		if err != nil {
			return err
		}
		if d.count > 0 {
			if err := insertDigest(ctx, tx, d, slot); err != nil {
				return err
			}
		}
		items = items[end:]
	}
	return nil
}

// A summary is how much of a day one person has not read.
type summary struct {
	person org.PersonID
	count  int
	due    time.Time // the earliest; zero: nothing has an end
	last   int64     // the newest of the items
}

// summarise counts what somebody may still read and wants in the summary.
func summarise(ctx context.Context, tx *db.Tx, items []Told, unwanted map[personKey]bool) (d summary, err error) {
	d.person = items[0].Person
	if slices.ContainsFunc(items, func(t Told) bool { return t.Assignment != 0 }) {
		live, err := liveAssignments(ctx, tx, d.person, tx.Now)
		if err != nil {
			return d, err
		}
		items = withoutEnded(items, live)
	}
	for _, t := range items {
		if t.Kind == Gone || unwanted[personKey{t.Person, t.Kind}] {
			continue
		}
		d.count++
		d.last = t.Seq
		if t.Args == "" {
			continue
		}
		var fields struct {
			DueAt time.Time `json:"dueAt"`
		}
		if err := json.Unmarshal([]byte(t.Args), &fields); err != nil {
			return d, fmt.Errorf("read the fields of item %d of person %d: %w", t.Seq, t.Person, err)
		}
		if !fields.DueAt.IsZero() && (d.due.IsZero() || fields.DueAt.Before(d.due)) {
			d.due = fields.DueAt
		}
	}
	return d, nil
}

// args are the fields of d as its message keeps them.
func (d summary) args() (string, error) {
	fields := map[string]any{count: d.count}
	if !d.due.IsZero() {
		fields[dueAt] = d.due
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("write the summary of person %d: %w", d.person, err)
	}
	return string(b), nil
}

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
			SELECT DISTINCT person_id
			FROM wechat_account
			WHERE person_id > ? AND app_id = ? AND state IN ('bound', 'unverified')
			ORDER BY person_id
			LIMIT 500`, after, app)
	} else {
		err = q.Select(ctx, &persons, `
			SELECT s.person_id
			FROM notice_setting s
			WHERE s.person_id > ? AND s.digest_at = ?
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
			i.ref_type, i.ref_id, COALESCE(i.args, '') AS args, i.created_at
		FROM inbox i
		JOIN inbox_head h ON h.person_id = i.person_id
		WHERE i.person_id IN (?) AND i.created_at > ? AND i.created_at <= ? AND i.prio = ? AND i.seq > h.read_seq
		  AND i.superseded_by IS NULL
		ORDER BY i.person_id, i.seq`, persons, from, to, Ordinary)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &items, query, args...)
	return items, db.Wrap(err, nil, "find what %d persons have not read", len(persons))
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

// insertDigest lets the summary of a person and day wait to be sent, once.
func insertDigest(ctx context.Context, tx *db.Tx, d summary, slot time.Time) error {
	args, err := d.args()
	if err != nil {
		return err
	}
	event := "d:" + strings.ReplaceAll(string(calendar.DayOf(slot)), "-", "")
	_, err = tx.Change(ctx, `
		INSERT INTO wechat_send (
			shard, person_id, event, seq, template, kind, ref_type, ref_id, args, must_reach, prio, not_before, state, created_at)
		VALUES (?, ?, ?, ?, ?, 'digest', 'inbox', 0, ?, 0, ?, ?, 'waiting', ?)`,
		kv.ShardOf(int64(d.person)), d.person, event, d.last, onDigest, args, Ordinary, slot, tx.Now)
	if db.IsDuplicate(err) {
		return nil
	}
	return db.Wrap(err, nil, "write the summary of person %d", d.person)
}

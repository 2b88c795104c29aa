package notify

import (
	"context"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

const noticeColumns = `
	SELECT n.id, n.kind, n.prio, n.must_reach, n.ref_type, n.ref_id, COALESCE(n.args, '') AS args, n.body, n.unit_id,
		COALESCE(n.person_id, 0) AS person_id, COALESCE(n.assignment_id, 0) AS assignment_id, n.created_at, n.expires_at,
		f.state, f.audience, f.total, f.written, f.pushed`

// openFans are fan-outs of shards, behind another one, in which something is left to do: safety first, then the oldest.
func openFans(ctx context.Context, q db.Queryer, shards []int, behind fan) (open []fan, err error) {
	query, args, err := db.In(noticeColumns+`, f.id AS fan_id, f.next_person_id, f.pushed_person_id
		FROM fanout f
		JOIN notice n ON n.id = f.notice_id
		WHERE f.done_at IS NULL AND f.shard IN (?) AND (f.prio > ? OR f.prio = ? AND f.id > ?)
		ORDER BY f.prio, f.id
		LIMIT ?`, shards, behind.Prio, behind.Prio, behind.Fan, fanoutLoad)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &open, query, args...)
	return open, db.Wrap(err, nil, "find open fan-outs")
}

// remaining is how many persons fan-outs of shards have still to reach: to write to, or to push to what is written.
func remaining(ctx context.Context, q db.Queryer, shards []int) (n int64, err error) {
	query, args, err := db.In(`
		SELECT COALESCE(SUM(CASE WHEN state = 'running' AND total > written THEN total ELSE written END - pushed), 0)
		FROM fanout
		WHERE done_at IS NULL AND shard IN (?)`, shards)
	if err != nil {
		return 0, err
	}
	err = q.Get(ctx, &n, query, args...)
	return n, db.Wrap(err, nil, "count what fan-outs have left")
}

// beginChunk takes the next chunk of each of c, up to a person, and says of how many: of any number of nodes one takes that of
// one, and only while it goes on.
func beginChunk(ctx context.Context, tx *db.Tx, c convoy, to org.PersonID, persons int, state NoticeState, blind bool) (int, error) {
	condition, args := ` AND next_person_id = ?`, []any{to, persons, state, c.ids(), tx.Now, c[0].Next}
	if blind {
		condition, args = ``, args[:5]
	}
	query, args, err := db.In(`
		UPDATE fanout
		SET next_person_id = ?, written = written + ?, state = ?
		WHERE notice_id IN (?) AND state = 'running' AND (ends_at IS NULL OR ends_at > ?)`+condition, args...)
	if err != nil {
		return 0, err
	}
	n, err := tx.Change(ctx, query, args...)
	return int(n), db.Wrap(err, nil, "begin a chunk of %d announcements", len(c))
}

// insertFanned writes an item of each of c for each of some persons, who have their numbers; their texts stay in the notices.
// The engine takes numbers and roles from where they are: to be sent hundreds of rows it would have to read them first. A person's
// items are written one after the other, in the order of the key, since they lie in the same pages.
func insertFanned(ctx context.Context, tx *db.Tx, c convoy, some []recipient) error {
	var number strings.Builder
	var args []any
	roles := make([]org.AssignmentID, len(some))
	for i, x := range c {
		number.WriteString(` WHEN ? THEN ?`)
		args = append(args, x.ID, len(c)-1-i)
	}
	for i, r := range some {
		roles[i] = r.Assignment
	}
	query, args, err := db.In(`
		INSERT INTO inbox (person_id, seq, kind, prio, assignment_id, ref_type, ref_id, notice_id, created_at)
		SELECT h.person_id, h.seq - CASE n.id`+number.String()+` ELSE 0 END, n.kind, n.prio, a.id, n.ref_type, n.ref_id, n.id, ?
		FROM role_assignment a
		JOIN inbox_head h ON h.person_id = a.person_id
		JOIN notice n ON n.id IN (?)
		WHERE a.id IN (?) AND (a.valid_to IS NULL OR a.valid_to > ?)
		ORDER BY h.person_id, n.id`, append(args, tx.Now, c.ids(), roles, calendar.DayOf(tx.Now))...)
	if err != nil {
		return err
	}
	n, err := tx.Change(ctx, query, args...)
	if err == nil && n != int64(len(c)*len(some)) {
		err = errLeft
	}
	return db.Wrap(err, nil, "write items of %d announcements to %d persons", len(c), len(some))
}

// fanned are the items of x behind the person up to whom they were pushed, by person.
func fanned(ctx context.Context, q db.Queryer, x fan, most int) ([]entry, error) {
	var told []Told
	err := q.Select(ctx, &told, `
		SELECT person_id, seq, kind, prio, COALESCE(assignment_id, 0) AS assignment_id, ref_type, ref_id, ? AS args, created_at
		FROM inbox
		WHERE notice_id = ? AND person_id > ? AND person_id <= ?
		ORDER BY person_id
		LIMIT ?`, x.Args, x.ID, x.PushedTo, x.Next, most)
	entries := make([]entry, len(told))
	for i, t := range told {
		entries[i].Told = t
	}
	return entries, db.Wrap(err, nil, "read what is to be pushed of announcement %d", x.ID)
}

// notePushed moves the places of c on, but for one that another node has moved, and says whether it did any.
func notePushed(ctx context.Context, tx *db.Tx, c convoy, to org.PersonID, n int) (bool, error) {
	query, args, err := db.In(`
		UPDATE fanout
		SET pushed_person_id = ?, pushed = pushed + ?
		WHERE notice_id IN (?) AND pushed_person_id = ?`, to, n, c.ids(), c[0].PushedTo)
	if err != nil {
		return false, err
	}
	moved, err := tx.Change(ctx, query, args...)
	return moved > 0, db.Wrap(err, nil, "note how far %d announcements were pushed", len(c))
}

// closeFans notes of those of c of which nothing is left to do that it is so.
func closeFans(ctx context.Context, tx *db.Tx, c convoy) error {
	was := c[0].State
	state := was
	if state == NoticeWritten {
		state = NoticeDone
	}
	query, args, err := db.In(`
		UPDATE fanout
		SET state = ?, done_at = ?
		WHERE notice_id IN (?) AND state = ? AND next_person_id = pushed_person_id`, state, tx.Now, c.ids(), was)
	if err != nil {
		return err
	}
	_, err = tx.Change(ctx, query, args...)
	return db.Wrap(err, nil, "close %d announcements", len(c))
}

// expireDue ends those of the announcements of shards whose time is over: nobody more is told, and nobody is called.
func expireDue(ctx context.Context, d *db.DB, shards []int) error {
	query, args, err := db.In(`
		SELECT notice_id
		FROM fanout
		WHERE ends_at <= ? AND shard IN (?)
		ORDER BY ends_at
		LIMIT ?`, d.Now(), shards, fanoutLoad)
	if err != nil {
		return err
	}
	var over []NoticeID
	if err := d.Select(ctx, &over, query, args...); err != nil {
		return db.Wrap(err, nil, "find announcements whose time is over")
	}
	for _, id := range over {
		if err := d.InTx(ctx, func(tx *db.Tx) error { return expire(ctx, tx, id) }); err != nil {
			return err
		}
	}
	return nil
}

// expire ends an announcement, unless it was withdrawn.
func expire(ctx context.Context, tx *db.Tx, id NoticeID) error {
	n, err := tx.Change(ctx, `
		UPDATE fanout
		SET state = 'expired', done_at = NULL, ends_at = NULL
		WHERE notice_id = ? AND ends_at <= ?`, id, tx.Now)
	if err != nil || n == 0 {
		return db.Wrap(err, nil, "end announcement %d", id)
	}
	return dropCalls(ctx, tx, id)
}

// silence ends a load of the messages of an announcement that wait, and says whether there may be more.
func silence(ctx context.Context, tx *db.Tx, x fan) (more bool, err error) {
	var ids []int64
	err = tx.Select(ctx, &ids, `
		SELECT id
		FROM wechat_send
		WHERE notice_id = ? AND state = 'waiting'
		ORDER BY id
		LIMIT ?`, x.ID, chunkSize)
	if err != nil || len(ids) == 0 {
		return false, db.Wrap(err, nil, "find the messages of announcement %d", x.ID)
	}
	query, args, err := db.In(`
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, reason = ?, ended_at = ?
		WHERE id IN (?) AND state = 'waiting'`, Suppressed, x.State, tx.Now, ids)
	if err == nil {
		_, err = tx.Change(ctx, query, args...)
	}
	return true, db.Wrap(err, nil, "end the messages of announcement %d", x.ID)
}

// announcedStill says whether what an announcement says is still to be told at now.
func announcedStill(ctx context.Context, q db.Queryer, id NoticeID) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `
		SELECT COUNT(*)
		FROM fanout f
		JOIN notice n ON n.id = f.notice_id
		WHERE f.notice_id = ? AND f.state NOT IN ('withdrawn', 'expired') AND (n.expires_at IS NULL OR n.expires_at > ?)`, id, db.NowOf(q))
	return n > 0, db.Wrap(err, nil, "look whether announcement %d holds", id)
}

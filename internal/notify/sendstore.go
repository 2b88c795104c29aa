package notify

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/lease"
)

// sendsAtOnce is of how many messages a statement is: SQLite takes 32,766 values.
const sendsAtOnce = 900

// insertSends stores the messages that repeat entries: of those that cannot wait, to who has a WeChat account, or must
// be reached in some way.
func insertSends(ctx context.Context, tx *db.Tx, entries []entry) error {
	const row, width = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)`, 14
	var rows []any
	var reach reachable
	for _, e := range entries {
		r, ok := repeatOf(e.Kind, e.Prio)
		if !ok || e.supersededBy != 0 { // the one that stands for it is repeated
			continue
		}
		if err := reach.find(ctx, tx, entries); err != nil {
			return err
		}
		r.mustReach = r.mustReach || e.mustReach
		if !r.mustReach && !reach.bound[e.Person] {
			continue
		}
		short, err := cutArgs(e.Args)
		if err != nil {
			return err
		}
		rows = append(rows, kv.ShardOf(int64(e.Person)), e.Person, fmt.Sprintf("n:%d", e.Seq), e.Seq, r.code, e.Kind, e.RefType, e.RefID,
			orNull(short), r.mustReach, e.Prio, notBefore(e.Prio, e.At, reach.hoursOf(e.Person)).Add(e.wait), e.At, orNull(e.Notice))
	}
	for args := range slices.Chunk(rows, sendsAtOnce*width) {
		if _, err := tx.Change(ctx, `
			INSERT INTO wechat_send (
				shard, person_id, event, seq, template, kind, ref_type, ref_id, args, must_reach, prio, not_before, state, created_at, notice_id)
			VALUES `+row+strings.Repeat(", "+row, len(args)/width-1), args...); err != nil {
			return db.Wrap(err, nil, "write messages of WeChat")
		}
	}
	return nil
}

// reachable is which of some persons have a WeChat account, and their hours if it is night.
type reachable struct {
	bound map[org.PersonID]bool
	hours map[org.PersonID]hours
}

// find asks for everybody in entries, once.
func (r *reachable) find(ctx context.Context, tx *db.Tx, entries []entry) error {
	if r.bound != nil {
		return nil
	}
	r.bound = map[org.PersonID]bool{}
	persons := personsOf(entries)
	query, args, err := db.In(`
		SELECT w.person_id
		FROM wechat_account w
		JOIN person p ON p.id = w.person_id
		WHERE w.person_id IN (?) AND w.state IN ('bound', 'unverified') AND p.disabled_at IS NULL`, persons)
	if err != nil {
		return err
	}
	var found []org.PersonID
	if err := tx.Select(ctx, &found, query, args...); err != nil {
		return db.Wrap(err, nil, "find who has a WeChat account")
	}
	for _, p := range found {
		r.bound[p] = true
	}
	if _, night := usual.quietEnd(tx.Now.Add(patience)); !night {
		return nil // who is quiet by day is found out when the message is claimed
	}
	r.hours, err = hoursOfAll(ctx, tx, persons)
	return err
}

func (r *reachable) hoursOf(p org.PersonID) hours {
	if h, ok := r.hours[p]; ok {
		return h
	}
	return usual
}

const sendColumns = `
	SELECT id, shard, person_id, seq, template, kind, ref_type, ref_id, COALESCE(args, '') AS args, prio, must_reach,
		attempt, tries, unknowns, paid, called, COALESCE(account_id, 0) AS account_id, created_at,
		COALESCE(notice_id, 0) AS notice_id
	FROM wechat_send`

// sendLoad is how many messages are taken up at once.
const sendLoad = 200

// dueSends are messages of shards and of priorities whose time has come and that were told by since: safety first, then the
// oldest. Each priority is asked for by itself, so that it is read in the order of the index: what waits for the morning is not sorted
// once a second.
func dueSends(ctx context.Context, q db.Queryer, shards []int, now, since time.Time, from, to int) (due []send, err error) {
	for prio := from; prio <= to && len(due) < sendLoad; prio++ {
		query, args, err := db.In(sendColumns+`
			WHERE state = 'waiting' AND prio = ? AND not_before <= ? AND created_at <= ? AND shard IN (?)
			ORDER BY not_before, id
			LIMIT ?`, prio, now, since, shards, sendLoad-len(due))
		if err != nil {
			return nil, err
		}
		var some []send
		if err := q.Select(ctx, &some, query, args...); err != nil {
			return nil, db.Wrap(err, nil, "find messages that are due")
		}
		due = append(due, some...)
	}
	return due, nil
}

// underWay are messages of shards and of priorities that were claimed and have no outcome, but for those that are left alone for a
// while.
func underWay(ctx context.Context, q db.Queryer, shards []int, now time.Time, from, to int) (some []send, err error) {
	query, args, err := db.In(sendColumns+`
		WHERE shard IN (?) AND state = 'sending' AND not_before <= ? AND prio >= ? AND prio <= ?
		ORDER BY id
		LIMIT ?`, shards, now, from, to, sendLoad)
	if err != nil {
		return nil, err
	}
	err = q.Select(ctx, &some, query, args...)
	return some, db.Wrap(err, nil, "find messages under way")
}

// deviceHas says whether a device of person has applied the item with a number, or the person has read it.
func deviceHas(ctx context.Context, q db.Queryer, person org.PersonID, seq int64) (bool, error) {
	var n int
	err := q.Get(ctx, &n, `
		SELECT (SELECT COUNT(*) FROM device WHERE person_id = ? AND ack_seq >= ?)
		     + (SELECT COUNT(*) FROM inbox_head WHERE person_id = ? AND read_seq >= ?) AS n`, person, seq, person, seq)
	return n > 0, db.Wrap(err, nil, "look whether person %d has item %d", person, seq)
}

// A fence is the lease under which a message is claimed.
type fence struct {
	shard int
	owner string
	term  int64
}

// endFenced notes what came of a message that waits, if its shard is still ours and nobody was faster.
func endFenced(ctx context.Context, tx *db.Tx, m send, f fence, v verdict) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, errcode = ?, ended_at = ?
		WHERE id = ? AND state = 'waiting' AND attempt = ? AND `+lease.Fence,
		v.outcome, orNull(v.code), tx.Now, m.ID, m.Attempt, f.shard, f.owner, f.term)
	return found > 0, db.Wrap(err, nil, "end message %d", m.ID)
}

// postpone lets a message that waits wait on.
func postpone(ctx context.Context, tx *db.Tx, m send, f fence, until time.Time) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET not_before = ?
		WHERE id = ? AND state = 'waiting' AND attempt = ? AND `+lease.Fence,
		until, m.ID, m.Attempt, f.shard, f.owner, f.term)
	return found > 0, db.Wrap(err, nil, "postpone message %d", m.ID)
}

// take claims a message: of any number of nodes one does, and only while it holds the shard.
func take(ctx context.Context, tx *db.Tx, m send, f fence, account int64) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'sending', term = ?, attempt = attempt + 1, account_id = ?
		WHERE id = ? AND state = 'waiting' AND attempt = ? AND `+lease.Fence,
		f.term, account, m.ID, m.Attempt, f.shard, f.owner, f.term)
	return found > 0, db.Wrap(err, nil, "claim message %d", m.ID)
}

// adopt takes a message under way over from whoever claimed it, if its shard is ours.
func adopt(ctx context.Context, tx *db.Tx, m send, f fence) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET term = ?
		WHERE id = ? AND state = 'sending' AND attempt = ? AND `+lease.Fence,
		f.term, m.ID, m.Attempt, f.shard, f.owner, f.term)
	return found > 0, db.Wrap(err, nil, "take message %d over", m.ID)
}

// endClaimed notes what came of an attempt, unless the message has moved on: another node may have waited in vain for
// it. That it was sent counts also then, while nobody has tried again.
func endClaimed(ctx context.Context, tx *db.Tx, m send, v verdict) (bool, error) {
	condition := `state = 'sending'`
	if v.outcome == Sent {
		condition = `(state <> 'ended' OR outcome = 'unknown')`
	}
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, errcode = ?, msgid = ?, ended_at = ?
		WHERE id = ? AND attempt = ? AND `+condition,
		v.outcome, orNull(v.code), orNull(v.msgID), tx.Now, m.ID, m.Attempt)
	return found > 0, db.Wrap(err, nil, "end message %d", m.ID)
}

// countTry counts a step of m that failed on our side, and lets m be until at.
func countTry(ctx context.Context, tx *db.Tx, m send, f fence, at time.Time) error {
	_, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET tries = tries + 1, not_before = ?
		WHERE id = ? AND state <> 'ended' AND attempt = ? AND `+lease.Fence,
		at, m.ID, m.Attempt, f.shard, f.owner, f.term)
	return db.Wrap(err, nil, "count a try of message %d", m.ID)
}

// endFailed notes what is known of a message with which something is wrong on our side.
func endFailed(ctx context.Context, tx *db.Tx, m send, f fence, v verdict) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, errcode = ?, msgid = ?, ended_at = ?
		WHERE id = ? AND state <> 'ended' AND attempt = ? AND `+lease.Fence,
		v.outcome, orNull(v.code), orNull(v.msgID), tx.Now, m.ID, m.Attempt, f.shard, f.owner, f.term)
	return found > 0, db.Wrap(err, nil, "give message %d up", m.ID)
}

// waitUntil lets a message that was not sent wait for its next try.
func waitUntil(ctx context.Context, tx *db.Tx, m send, at time.Time, tries int) (bool, error) {
	found, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'waiting', not_before = ?, tries = tries + ?
		WHERE id = ? AND state = 'sending' AND attempt = ?`, at, tries, m.ID, m.Attempt)
	return found > 0, db.Wrap(err, nil, "put message %d off", m.ID)
}

// waitForAnswer notes an attempt without an answer, and when there is another.
func waitForAnswer(ctx context.Context, tx *db.Tx, m send, at time.Time) error {
	_, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'waiting', not_before = ?, unknowns = unknowns + 1
		WHERE id = ? AND state = 'sending' AND attempt = ?`, at, m.ID, m.Attempt)
	return db.Wrap(err, nil, "wait for what became of message %d", m.ID)
}

func noteCalled(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Change(ctx, `UPDATE wechat_send SET called = 1 WHERE id = ?`, id)
	return db.Wrap(err, nil, "note the call for message %d", id)
}

// An addressee is the account that a person is reached at.
type addressee struct {
	Account int64  `db:"id"`
	Sealed  []byte `db:"openid_sealed"`
	OpenID  string
}

// stillTheirs says whether an item of person is theirs to see today: what a role was told is nobody's once it has ended. Items that
// are not kept any more, and summaries, are.
func stillTheirs(ctx context.Context, tx *db.Tx, person org.PersonID, seq int64) (bool, error) {
	var role org.AssignmentID
	err := tx.Get(ctx, &role, `SELECT COALESCE(assignment_id, 0) FROM inbox WHERE person_id = ? AND seq = ?`, person, seq)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && role == 0:
		return true, nil
	case err != nil:
		return false, db.Wrap(err, nil, "look for whom item %d of person %d is", seq, person)
	}
	seats, err := org.Seats(ctx, tx, []int64{int64(person)}, calendar.DayOf(tx.Now))
	return slices.Contains(seats[int64(person)], int64(role)), err
}

// findAddressee is the account of person at app: the one that is theirs for sure, else their newest. Who is shut out has none:
// the phone may have been lost.
func findAddressee(ctx context.Context, q db.Queryer, person org.PersonID, app string) (a addressee, found bool, err error) {
	err = q.Get(ctx, &a, `
		SELECT w.id, w.openid_sealed
		FROM wechat_account w
		JOIN person p ON p.id = w.person_id
		WHERE w.person_id = ? AND w.app_id = ? AND w.state IN ('bound', 'unverified') AND w.openid_sealed IS NOT NULL AND p.disabled_at IS NULL
		ORDER BY w.state, w.id DESC
		LIMIT 1`, person, app)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	return a, err == nil, db.Wrap(err, nil, "find the WeChat account of person %d", person)
}

// invalidate notes that WeChat does not know an account any more. Its next sign-in proves the contrary.
func invalidate(ctx context.Context, tx *db.Tx, account int64) error {
	_, err := tx.Change(ctx, `
		UPDATE wechat_account
		SET state = 'invalid'
		WHERE id = ? AND state IN ('bound', 'unverified')`, account)
	return db.Wrap(err, nil, "give account %d up", account)
}

// A line is whether, and how fast, the app may send.
type line struct {
	PausedUntil *time.Time `db:"paused_until"`
	Code        int        `db:"errcode"`
	SlowUntil   *time.Time `db:"slow_until"`
}

func (l line) paused(now time.Time) bool { return l.PausedUntil != nil && now.Before(*l.PausedUntil) }
func (l line) slow(now time.Time) bool   { return l.SlowUntil != nil && now.Before(*l.SlowUntil) }

func findLine(ctx context.Context, q db.Queryer, app string) (l line, err error) {
	err = q.Get(ctx, &l, `
		SELECT paused_until, COALESCE(errcode, 0) AS errcode, slow_until
		FROM wechat_channel
		WHERE app_id = ?`, app)
	if errors.Is(err, sql.ErrNoRows) {
		return l, nil
	}
	return l, db.Wrap(err, nil, "read the state of the channel")
}

// pauseLine stops sending on all nodes.
func pauseLine(ctx context.Context, tx *db.Tx, app string, until time.Time, code int) error {
	return saveLine(ctx, tx, app, `UPDATE wechat_channel SET paused_until = ?, errcode = ? WHERE app_id = ?`, until, code)
}

// slowDown halves the bucket of all nodes.
func slowDown(ctx context.Context, tx *db.Tx, app string, until time.Time) error {
	return saveLine(ctx, tx, app, `UPDATE wechat_channel SET slow_until = ? WHERE app_id = ?`, until)
}

func saveLine(ctx context.Context, tx *db.Tx, app, update string, args ...any) error {
	change := func() (int64, error) { return tx.Change(ctx, update, append(args, app)...) }
	err := db.Save(change, func() error {
		if _, err := tx.Change(ctx, `INSERT INTO wechat_channel (app_id) VALUES (?)`, app); err != nil {
			return err
		}
		_, err := change()
		return err
	})
	return db.Wrap(err, nil, "note the state of the channel")
}

type templateRow struct {
	Code     string     `db:"code"`
	ID       string     `db:"template_id"`
	Kind     string     `db:"kind"`
	Fields   string     `db:"fields"`
	BadInRow int        `db:"bad_in_row"`
	Paused   *time.Time `db:"paused_until"`
	Version  int64      `db:"version"`
}

// allTemplates are the templates that are registered, by code.
func allTemplates(ctx context.Context, q db.Queryer) (map[string]Template, error) {
	var rows []templateRow
	err := q.Select(ctx, &rows, `
		SELECT code, template_id, kind, fields, bad_in_row, paused_until, version
		FROM wechat_template`)
	if err != nil {
		return nil, db.Wrap(err, nil, "read the templates")
	}
	all := make(map[string]Template, len(rows))
	for _, r := range rows {
		t := Template{Code: r.Code, ID: r.ID, Long: r.Kind == "long", BadInRow: r.BadInRow, Version: r.Version}
		if r.Paused != nil {
			t.PausedUntil = *r.Paused
		}
		if err := json.Unmarshal([]byte(r.Fields), &t.Fields); err != nil {
			return nil, fmt.Errorf("read the fields of template %s: %w", r.Code, err)
		}
		all[r.Code] = t
	}
	return all, nil
}

// saveTemplate registers t in place of what was registered under its code, in any state.
func saveTemplate(ctx context.Context, tx *db.Tx, t Template) error {
	kind := "once"
	if t.Long {
		kind = "long"
	}
	fields, err := json.Marshal(t.Fields)
	if err != nil {
		return fmt.Errorf("write the fields of template %s: %w", t.Code, err)
	}
	err = db.Save(func() (int64, error) {
		return tx.Change(ctx, `
			UPDATE wechat_template
			SET template_id = ?, kind = ?, fields = ?, bad_in_row = 0, paused_until = NULL, version = version + 1, changed_at = ?
			WHERE code = ?`, t.ID, kind, string(fields), tx.Now, t.Code)
	}, func() error {
		_, err := tx.Change(ctx, `
			INSERT INTO wechat_template (code, template_id, kind, fields, changed_at)
			VALUES (?, ?, ?, ?, ?)`, t.Code, t.ID, kind, string(fields), tx.Now)
		return err
	})
	return db.Wrap(err, nil, "register template %s", t.Code)
}

// countBad counts an ill-formed message, and pauses its template after too many in a row.
func countBad(ctx context.Context, tx *db.Tx, code string) error {
	_, err := tx.Change(ctx, `UPDATE wechat_template SET bad_in_row = bad_in_row + 1 WHERE code = ?`, code)
	if err == nil {
		_, err = tx.Change(ctx, `
			UPDATE wechat_template
			SET paused_until = ?, bad_in_row = 0
			WHERE code = ? AND bad_in_row >= ?`, tx.Now.Add(templateOff), code, badTemplate)
	}
	return db.Wrap(err, nil, "count what is wrong with template %s", code)
}

func clearBad(ctx context.Context, tx *db.Tx, code string) error {
	_, err := tx.Change(ctx, `UPDATE wechat_template SET bad_in_row = 0 WHERE code = ? AND bad_in_row > 0`, code)
	return db.Wrap(err, nil, "count template %s anew", code)
}

package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/push"
)

// Inboxes is the truth behind the sockets: what package push asks SQL for.
type Inboxes struct{ db *db.DB }

// NewInboxes reads the inboxes of d.
func NewInboxes(d *db.DB) Inboxes { return Inboxes{d} }

// Heads are the states of the inboxes of persons.
func (i Inboxes) Heads(ctx context.Context, persons []int64) ([]push.Head, error) {
	heads := make([]push.Head, 0, len(persons))
	for some := range slices.Chunk(persons, 500) {
		rows, err := headsIn(ctx, i.db, some)
		if err != nil {
			return nil, err
		}
		for _, h := range rows {
			heads = append(heads, push.Head(h))
		}
	}
	return heads, nil
}

// Items are person's items after a number, in order.
func (i Inboxes) Items(ctx context.Context, person, after int64, limit int) ([]push.Entry, error) {
	told, err := listItems(ctx, i.db, org.PersonID(person), after, 0, limit)
	if err != nil {
		return nil, err
	}
	return entriesOf(told)
}

// Rights are the role assignments of persons that hold now, and those in which they stand in for somebody.
func (i Inboxes) Rights(ctx context.Context, persons []int64) (map[int64][]int64, error) {
	return org.Seats(ctx, i.db, persons, calendar.DayOf(i.db.Now()))
}

// MarkRead moves the read mark of person and says where it stands.
func (i Inboxes) MarkRead(ctx context.Context, person, seq int64) (read int64, err error) {
	err = i.db.InTx(ctx, func(tx *db.Tx) error {
		if err := markRead(ctx, tx, org.PersonID(person), seq); err != nil {
			return err
		}
		h, err := findHead(ctx, tx, org.PersonID(person))
		read = h.Read
		return err
	})
	return read, err
}

// Acked notes what devices have applied, 200 in one statement. A session's first ack makes its device.
func (i Inboxes) Acked(ctx context.Context, acks []push.Ack) error {
	for some := range slices.Chunk(acks, 200) {
		err := i.db.InTx(ctx, func(tx *db.Tx) error {
			found, err := moveAcks(ctx, tx, some)
			if err != nil || found == int64(len(some)) {
				return err
			}
			return makeDevices(ctx, tx, some)
		})
		if err != nil {
			return fmt.Errorf("note %d acks: %w", len(some), err)
		}
	}
	return nil
}

func moveAcks(ctx context.Context, tx *db.Tx, acks []push.Ack) (int64, error) {
	var set, where strings.Builder
	args := []any{}
	for _, a := range acks {
		set.WriteString(` WHEN ? THEN ?`)
		args = append(args, a.Session, a.Seq)
	}
	args = append(args, tx.Now)
	for n, a := range acks {
		if n > 0 {
			where.WriteString(` OR `)
		}
		where.WriteString(`(session_id = ? AND ack_seq < ?)`)
		args = append(args, a.Session, a.Seq)
	}
	return tx.Change(ctx, `
		UPDATE device
		SET ack_seq = CASE session_id`+set.String()+` ELSE ack_seq END, last_seen_at = ?
		WHERE `+where.String(), args...)
}

// makeDevices makes the devices among acks that are not there yet.
func makeDevices(ctx context.Context, tx *db.Tx, acks []push.Ack) error {
	sessions := make([]int64, len(acks))
	for n, a := range acks {
		sessions[n] = a.Session
	}
	query, args, err := db.In(`SELECT session_id FROM device WHERE session_id IN (?)`, sessions)
	if err != nil {
		return err
	}
	var there []int64
	if err := tx.Select(ctx, &there, query, args...); err != nil {
		return err
	}
	for _, a := range acks {
		if slices.Contains(there, a.Session) {
			continue
		}
		_, err := tx.Insert(ctx, `
			INSERT INTO device (person_id, session_id, ack_seq, last_seen_at)
			VALUES (?, ?, ?, ?)`, a.Person, a.Session, a.Seq, tx.Now)
		if err != nil && !db.IsDuplicate(err) {
			return err
		}
	}
	return nil
}

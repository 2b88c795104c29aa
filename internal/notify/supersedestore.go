package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
)

// unreadTogether are the unread items of a kind that persons were told after a moment and no other stands for, by key.
func unreadTogether(ctx context.Context, q db.Queryer, kind string, persons []org.PersonID, keys []string, after time.Time) (map[personKey]earlier, error) {
	heads, err := headsIn(ctx, q, persons)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	const newest = `person_id = ? AND seq > ?` // as a number, so that nothing older is looked at
	args := make([]any, 0, 2*len(heads)+3)
	for _, h := range heads {
		args = append(args, h.Person, max(h.Read, h.Seq-lookBack))
	}
	query, args, err := db.In(`
		SELECT person_id, seq, coalesce_key, COALESCE(args, '') AS args
		FROM inbox
		WHERE (`+newest+strings.Repeat(" OR "+newest, len(heads)-1)+`)
		  AND kind = ? AND coalesce_key IN (?) AND superseded_by IS NULL AND created_at > ?
		ORDER BY person_id, seq`, append(args, kind, keys, after)...)
	if err != nil {
		return nil, err
	}
	var rows []earlier
	if err := q.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("look what %d persons have not read: %w", len(persons), err)
	}
	waiting := make(map[personKey]earlier, len(rows))
	for _, r := range rows {
		r.at = -1
		waiting[personKey{r.Person, r.Key}] = r
	}
	return waiting, nil
}

// markSuperseded notes that a later item stands for old.
func markSuperseded(ctx context.Context, tx *db.Tx, old earlier, by int64) error {
	_, err := tx.Change(ctx, `
		UPDATE inbox
		SET superseded_by = ?
		WHERE person_id = ? AND seq = ?`, by, old.Person, old.Seq)
	return db.Wrap(err, nil, "note that item %d stands for item %d of person %d", by, old.Seq, old.Person)
}

// superseded ends the message that repeats an item, if nobody has tried to send it yet: a later one stands for it.
func superseded(ctx context.Context, tx *db.Tx, person org.PersonID, seq int64) error {
	_, err := tx.Change(ctx, `
		UPDATE wechat_send
		SET state = 'ended', outcome = ?, reason = 'superseded', ended_at = ?
		WHERE person_id = ? AND event = ? AND state = 'waiting' AND attempt = 0`,
		Suppressed, tx.Now, person, fmt.Sprintf("n:%d", seq))
	return db.Wrap(err, nil, "end the message of item %d of person %d", seq, person)
}

package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// A backlog that is due is read in the order of an index, however long it is: sorting it once a second would be most of what
// the database does.
func TestABacklogIsReadInItsOrderAndNotSorted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 4, 8, 10, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		backlog(t, d, 3_000, now)

		var sent []db.Sent
		d.Watch(func(_ context.Context, s db.Sent) { sent = append(sent, s) })
		due, err := dueSends(t.Context(), d, []int{1, 2, 3}, now, now, Safety, Ordinary)
		d.Watch(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(sent) == 0 || len(sent) > Ordinary+1 {
			t.Fatalf("%d statements, want one a priority", len(sent))
		}
		for _, s := range sent {
			if plan := dbtest.Plan(t, d, s); !strings.Contains(plan, "wechat_send_turn") || strings.Contains(plan, "filesort") || strings.Contains(plan, "TEMP B-TREE") {
				t.Errorf("what is due is found so:\n%s", plan)
			}
		}

		order := func(a, b send) int {
			if a.Prio != b.Prio {
				return a.Prio - b.Prio
			}
			return int(a.ID - b.ID) // they came due in this order
		}
		if len(due) != sendLoad || !slices.IsSortedFunc(due, order) || due[0].Prio != Safety {
			t.Errorf("%d messages, the first of priority %d; want %d, danger first, then the oldest", len(due), due[0].Prio, sendLoad)
		}
		for _, m := range due {
			if m.Shard > 3 || m.At.After(now) {
				t.Errorf("message %d of shard %d is not ours to send", m.ID, m.Shard)
			}
		}
	})
}

// backlog are n messages of eight shards; of each hundred one warns of danger and ten wait for later.
func backlog(t *testing.T, d *db.DB, n int, now time.Time) {
	t.Helper()
	for from := 0; from < n; from += 500 {
		const row = `(?, ?, ?, 1, 'work', 'task.assigned', 'task', 1, 0, ?, ?, 'waiting', ?)`
		var args []any
		for i := from; i < from+500; i++ {
			prio, at := Prompt, now.Add(-time.Hour+time.Duration(i)*time.Millisecond)
			switch {
			case i%100 == 7:
				prio = Safety
			case i%100 > 89:
				at = now.Add(time.Hour)
			case i%3 == 0:
				prio = Ordinary
			}
			args = append(args, i%8, i+1, fmt.Sprintf("n:%d", i), prio, at, now)
		}
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `
				INSERT INTO wechat_send (
					shard, person_id, event, seq, template, kind, ref_type, ref_id, must_reach, prio, not_before, state, created_at)
				VALUES `+row+strings.Repeat(", "+row, len(args)/6-1), args...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

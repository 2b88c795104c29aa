package notify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
)

// A page of calls is read in its order, however many an announcement has.
func TestCallsAreReadInTheirOrderAndNotSorted(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		ids := people(t, d, 800)
		var id NoticeID
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			n := Notice{Kind: "announcement", Prio: Prompt, RefType: "notice", Unit: w.Ruihe.Party.ID, Scope: "{}", State: NoticeDone, CreatedAt: tx.Now}
			for range 2 {
				if err := insertNotice(t.Context(), tx, &n); err != nil {
					return err
				}
				id, n.RefID = n.ID, 0
				for some := range slices.Chunk(ids, 200) {
					const row = `(?, ?, 'open', ?)`
					var args []any
					for i, p := range some {
						args = append(args, id, p, tx.Now.Add(time.Duration(i%7)*time.Second))
					}
					if _, err := tx.Change(t.Context(), `
						INSERT INTO notice_call (notice_id, person_id, state, opened_at)
						VALUES `+row+strings.Repeat(", "+row, len(some)-1), args...); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		keys := page.NewKeys([]byte("secret"))
		p, err := keys.Parse("", 50, page.Bound("listNoticeCalls", id, org.PersonID(1), org.AssignmentID(1)))
		if err != nil {
			t.Fatal(err)
		}
		var sent []db.Sent
		d.Watch(func(_ context.Context, s db.Sent) { sent = append(sent, s) })
		all, err := listNoticeCalls(t.Context(), d, id, p.Rising())
		d.Watch(nil)
		if err != nil || len(all) != 51 || len(sent) != 1 {
			t.Fatalf("%d calls by %d statements (%v), want a page and one more by one", len(all), len(sent), err)
		}
		if plan := dbtest.Plan(t, d, sent[0]); !strings.Contains(plan, "notice_call_order") || strings.Contains(plan, "filesort") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("calls are found so:\n%s", plan)
		}
	})
}

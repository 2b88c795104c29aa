package audit_test

import (
	"errors"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
)

func TestASearchFindsWhoSawWhatPageByPage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		openLog(t, d)
		now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		for i := range 5 {
			note(t, d, "r", audit.Entry{PersonID: 5, Action: "visit.read", Object: "visit", ObjectID: int64(i + 1), Fields: []string{"text", "door"}})
			note(t, d, "r", audit.Entry{PersonID: 6, Action: "visit.read", Object: "visit", ObjectID: 3})
		}
		keys, f := page.NewKeys([]byte("secret")), audit.Filter{PersonID: 5}
		var seen []int64
		for cursor := ""; ; {
			p, err := keys.Parse(cursor, 2, "search")
			if err != nil {
				t.Fatal(err)
			}
			found, next, err := audit.Find(t.Context(), d, f, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range found {
				seen = append(seen, k.ObjectID)
				if k.PersonID != 5 || len(k.Fields) != 2 {
					t.Errorf("found %+v, want what person 5 saw, with both fields", k)
				}
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(seen) != 5 || seen[0] != 5 || seen[4] != 1 {
			t.Errorf("person 5 saw %v, want 5 to 1", seen)
		}
		first, err := keys.Parse("", 50, "search")
		if err != nil {
			t.Fatal(err)
		}
		if found, _, err := audit.Find(t.Context(), d, audit.Filter{Object: "visit", ObjectID: 3, Action: "visit.read"}, first); err != nil || len(found) != 6 {
			t.Errorf("visit 3 was seen %d times, %v, want 6", len(found), err)
		}
		if found, _, err := audit.Find(t.Context(), d, audit.Filter{To: now.Add(-time.Hour)}, first); err != nil || len(found) != 0 {
			t.Errorf("before the first entry there are %d, %v", len(found), err)
		}
		for _, f := range []audit.Filter{{From: now, To: now}, {From: now.AddDate(-2, 0, 0), To: now}} {
			if _, _, err := audit.Find(t.Context(), d, f, first); !errors.Is(err, audit.ErrRange) {
				t.Errorf("from %v to %v: %v, want %v", f.From, f.To, err, audit.ErrRange)
			}
		}
	})
}

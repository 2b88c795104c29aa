package member

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

func TestX45_WhoSignedInAMomentAgoIsNotForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		w := orgtest.Tree(t, d)
		keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
		if err != nil {
			t.Fatal(err)
		}
		lin := int64(w.LinXiaoman.PersonID)
		change := func(query string, args ...any) {
			t.Helper()
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Change(t.Context(), query, args...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		name, err := keys.Seal(sealed.Personal, "person", "name_sealed", lin, "林小满")
		if err != nil {
			t.Fatal(err)
		}
		change(`UPDATE person SET name_sealed = ?, created_at = ? WHERE id = ?`, name, now.AddDate(-1, 0, 0), lin)
		class := Retained[slices.IndexFunc(Retained, func(c privacy.Class) bool { return c.Name == "person" })]
		over := func() bool {
			t.Helper()
			var ids []int64
			args := class.Args(d.Now().AddDate(0, 0, -class.Kept.Days))
			if err := d.Select(t.Context(), &ids, class.Due, append(args, 0, 500)...); err != nil {
				t.Fatal(err)
			}
			return slices.Contains(ids, lin)
		}
		if !over() {
			t.Fatal("somebody whom nothing leads to is kept")
		}
		change(`
			INSERT INTO session (person_id, client, device_hash, level, era, idle_for, idle_until, ends_at, created_at)
			VALUES (?, 'mini', ?, 1, 1, 60, ?, ?, ?)`, lin, []byte("device"), now, now, now)
		if over() {
			t.Error("somebody who is signed in is forgotten")
		}
		change(`UPDATE session SET ended_at = ? WHERE person_id = ?`, now, lin)
		if over() {
			t.Error("somebody who was signed in today is forgotten")
		}
		now = now.AddDate(0, 0, 31)
		if !over() {
			t.Error("somebody who was signed in a month ago is kept")
		}
		change(`
			INSERT INTO credential (person_id, account, password, created_at, changed_at)
			VALUES (?, 'lin', 'a hash', ?, ?)`, lin, now, now)
		if over() {
			t.Error("somebody who can sign in by a password is forgotten")
		}
		change(`INSERT INTO notice_setting (person_id, quiet_from, quiet_to, digest_at) VALUES (?, '21:30', '07:00', '18:00')`, lin)
		change(`INSERT INTO notice_preference (person_id, kind, wechat, digest, muted) VALUES (?, 'task.assigned', 0, 1, 0)`, lin)
		for _, statement := range class.Erase {
			change(statement, lin)
		}
		var left int
		if err := d.Get(t.Context(), &left, `
			SELECT (SELECT COUNT(*) FROM notice_setting WHERE person_id = ?)
			     + (SELECT COUNT(*) FROM notice_preference WHERE person_id = ?)
			     + (SELECT COUNT(*) FROM person WHERE id = ? AND name_sealed IS NOT NULL) AS n`, lin, lin, lin); err != nil || left != 0 {
			t.Errorf("%d rows are left of whom is forgotten (%v)", left, err)
		}
	})
}

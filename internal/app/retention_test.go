package app

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"wanjia/configs"
	"wanjia/internal/audit"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/privacy"
)

// A number in the retention of a table is an end, and an end needs somebody who makes it.
var finite = regexp.MustCompile(`[0-9]`)

func TestX45_EveryTableWhoseRowsEndHasItsCleaner(t *testing.T) {
	t.Parallel()
	cleaned := map[string]string{}
	names := map[string]bool{}
	for _, c := range retained() {
		if names[c.Name] || c.Name == "" || len(c.Name) > 40 {
			t.Errorf("the class %q is named twice, not, or too long", c.Name)
		}
		names[c.Name] = true
		for _, table := range c.Tables {
			cleaned[table] = c.Name
		}
	}
	for table, loop := range swept {
		if cleaned[table] != "" {
			t.Errorf("%s is cleaned by the class %s and by the loop of %s", table, cleaned[table], loop)
		}
		cleaned[table] = loop
	}
	files, err := fs.Glob(configs.Purposes, "purposes/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]bool{}
	for _, name := range files {
		b, err := configs.Purposes.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		some := map[string]struct {
			Retention string `yaml:"retention"`
		}{}
		if err := yaml.Unmarshal(b, &some); err != nil {
			t.Fatal(err)
		}
		for table, r := range some {
			tables[table] = true
			switch {
			case finite.MatchString(r.Retention) && cleaned[table] == "":
				t.Errorf("%s is kept %q, and nobody erases it: give a class to its package's Retained", table, r.Retention)
			case !finite.MatchString(r.Retention) && cleaned[table] != "":
				t.Errorf("%s is kept %q, and %s erases it", table, r.Retention, cleaned[table])
			}
		}
	}
	for table := range cleaned {
		if !tables[table] {
			t.Errorf("%s is cleaned, and stands in no register", table)
		}
	}
	if len(tables) < 40 || !slices.Contains(files, "purposes/request.yaml") {
		t.Errorf("%d tables were read from %v", len(tables), files)
	}
}

func TestX45_EveryClassCountsAndErasesOnEveryEngine(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		w := orgtest.Tree(t, d)
		if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
			t.Fatal(err)
		}
		r := privacy.NewRetention(d, page.NewKeys([]byte("secret")), "", retained()...)
		area, person := w.ZhouChunhe.Grid.ID, w.ZhouChunhe.PersonID
		planted := 0
		plant := func(class string, before time.Time, query string, args ...any) {
			t.Helper()
			planted++
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				for _, at := range []time.Time{before, before.Add(time.Millisecond)} { // over, and not yet
					all := append([]any{}, args...)
					for i := range all {
						switch all[i] {
						case "at":
							all[i] = at
						case "day":
							all[i] = calendar.DayOf(at)
							if at != before {
								all[i] = calendar.DayOf(at).Add(1)
							}
						case "one":
							all[i] = fmt.Sprintf("%s-%v", class, at.Nanosecond())
						}
					}
					if _, err := tx.Insert(t.Context(), query, all...); err != nil {
						return fmt.Errorf("plant %s: %w", class, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		months := func(n int) time.Time { return now.AddDate(0, -n, 0) }
		days := func(n int) time.Time { return now.AddDate(0, 0, -n) }
		place := `INSERT INTO entrance (id, place_id, number, label, created_at) VALUES (1, ?, '1', '1', ?)`
		home := `INSERT INTO premises (id, entrance_id, door, kind, created_at) VALUES (?, 1, ?, 'home', ?)`
		err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
			if _, err = tx.Insert(t.Context(), place, w.Ruihe.Unit.ID, now); err == nil {
				_, err = tx.Insert(t.Context(), home, 1, "101", now)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		plant("request_text", months(24), `
			INSERT INTO request (unit_id, place_id, category, type, channel, state, is_open, holder_unit_id, holder_role, level, receipt_hash, text_sealed,
				happened_at, recorded_at, closed_at, recorded_by)
			VALUES (?, ?, 'general', 'need', 'paper', 'resolved', 0, ?, '', 1, ?, ?, ?, ?, ?, ?)`,
			area, w.Ruihe.Unit.ID, area, "one", []byte("sealed"), "at", "at", "at", person)
		plant("visit", months(24), `
			INSERT INTO visit (unit_id, premises_id, person_id, assignment_id, result, client_ref, fingerprint, happened_at, recorded_at)
			VALUES (?, 1, ?, ?, 'all_well', ?, ?, ?, ?)`, area, person, w.ZhouChunhe.Assignment, "one", []byte{1}, "at", "at")
		plant("visit_note", days(90), `
			INSERT INTO visit (unit_id, premises_id, person_id, assignment_id, result, note_sealed, client_ref, fingerprint, happened_at, recorded_at)
			VALUES (?, 1, ?, ?, 'declined', ?, ?, ?, ?, ?)`, area, person, w.ZhouChunhe.Assignment, []byte("sealed"), "one", []byte{1}, "at", "at")
		plant("household_mute", days(30), `
			INSERT INTO household_mute (premises_id, valid_from, valid_to, recorded_at) VALUES (1, '2025-01-01', ?, ?)`, "day", "at")
		plant("enrolment", months(36), `
			INSERT INTO enrolment (person_id, account, salt, hash, created_by, created_at, expires_at)
			VALUES (?, 'x', ?, ?, ?, ?, ?)`, person, []byte{1}, "one", person, "at", "at")
		plant("publication_unused", months(12), `
			INSERT INTO publication (kind, unit_id, title, body, start_on, state, author_id, author_as, created_at, reason)
			VALUES ('story', ?, '帮收麦子', '邻里一起收。', '2025-05-11', 'draft', ?, ?, ?, '')`, w.Ruihe.Unit.ID, person, w.ZhouChunhe.Assignment, "at")
		plant("erasure", days(35), `INSERT INTO erasure (class, ids, erased_at) VALUES ('visit', '[1]', ?)`, "at")

		counts, err := r.Preview(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		due := map[string]int64{}
		for _, c := range counts {
			if due[c.Class] = c.Due; c.Due > 1 {
				t.Errorf("%s: %d are over, want one at most", c.Class, c.Due)
			}
		}
		runs, err := r.Erase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		one := 0
		for _, run := range runs {
			if run.Due != due[run.Class] || run.Erased != run.Due || run.EndedAt == nil {
				t.Errorf("%s: counted %d, erased %d of %d", run.Class, due[run.Class], run.Erased, run.Due)
			}
			one += int(run.Erased)
		}
		if len(runs) != len(retained()) || one < planted {
			t.Errorf("%d classes ran and erased %d rows, want %d and %d at least", len(runs), one, len(retained()), planted)
		}
		var visits int
		if err := d.Get(t.Context(), &visits, `SELECT visits FROM visit_tally WHERE unit_id = ? AND month = '2024-05' AND result = 'all_well'`, area); err != nil || visits != 1 {
			t.Errorf("the counts remember %d visits, %v, want 1", visits, err)
		}
		after, err := r.Preview(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range after {
			if c.Due != 0 {
				t.Errorf("%s: %d are over after the run", c.Class, c.Due)
			}
		}
	})
}

package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"wanjia/internal/audit"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/privacy"
)

// retaining is a retention of the classes of the package on d, whose clock is *now, and the file of its journal.
func retaining(t *testing.T, d *db.DB, now *time.Time, more ...privacy.Class) (r *privacy.Retention, journal string) {
	t.Helper()
	dbtest.WithClock(t, d, func() time.Time { return *now })
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	journal = filepath.Join(t.TempDir(), "erased.jsonl")
	return privacy.NewRetention(d, page.NewKeys([]byte("secret")), journal, append(more, privacy.Retained...)...), journal
}

// journaled puts n pieces of the journal into d, as of a moment.
func journaled(t *testing.T, d *db.DB, n int, at time.Time) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		for range n {
			if _, err := tx.Insert(t.Context(), `INSERT INTO erasure (class, ids, erased_at) VALUES ('visit', '[1]', ?)`, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, d *db.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := d.Get(t.Context(), &n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

// dueOf is how much of a class is over.
func dueOf(t *testing.T, r *privacy.Retention, class string) int64 {
	t.Helper()
	counts, err := r.Preview(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		if c.Class == class {
			return c.Due
		}
	}
	t.Fatalf("there is no class %s", class)
	return 0
}

func TestX45_WhatTheDryRunCountsIsErasedOnceHoweverManyNodesDoIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		night := time.Date(2026, 5, 11, 18, 30, 0, 0, time.UTC) // 02:30 of the 12th
		now := night.Add(-time.Second)
		r, _ := retaining(t, d, &now)
		journaled(t, d, 1234, night.AddDate(0, 0, -35))
		journaled(t, d, 3, night.AddDate(0, 0, -35).Add(time.Millisecond))
		if worked, err := r.Night(t.Context()); worked || err != nil {
			t.Errorf("before the night: %v, %v", worked, err)
		}
		now = night
		if due := dueOf(t, r, "erasure"); due != 1234 {
			t.Errorf("the dry run counts %d, want 1234", due)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM erasure`); n != 1237 {
			t.Errorf("after the dry run there are %d, want all 1237", n)
		}
		nodes, ctx := errgroup.WithContext(t.Context())
		for range 3 {
			nodes.Go(func() error {
				for {
					if worked, err := r.Night(ctx); err != nil || !worked {
						return err
					}
				}
			})
		}
		if err := nodes.Wait(); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM erasure`); n != 3 {
			t.Errorf("%d stay, want 3", n)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM retention_run WHERE class = 'erasure' AND due = 1234 AND erased = 1234 AND ended_at IS NOT NULL`); n != 1 {
			t.Error("the proof does not say 1234 of 1234")
		}
		if n := count(t, d, `SELECT COUNT(*) FROM audit WHERE action = 'retention.erased' AND reason = '1234'`); n != 1 {
			t.Errorf("%d audit rows say so, want 1", n)
		}
		if due := dueOf(t, r, "erasure"); due != 0 {
			t.Errorf("the next dry run counts %d, want 0", due)
		}
		now = now.Add(time.Second) // the night's work is done
		if worked, err := r.Night(t.Context()); worked || err != nil {
			t.Errorf("once more: %v, %v", worked, err)
		}
	})
}

// X45: a row that cannot go is left for another night, and keeps no others back; the proof says how many are left.
func TestX45_ARowThatCannotGoKeepsNoOthersBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 5, 11, 18, 30, 0, 0, time.UTC) // 02:30 of the 12th
		journaled(t, d, 10, now.AddDate(0, 0, -30))
		var bad int64
		if err := d.Get(t.Context(), &bad, `SELECT MIN(id) + 5 FROM erasure`); err != nil {
			t.Fatal(err)
		}
		stuck, most := true, 0
		once := privacy.Class{
			Name: "erasure_of_test", Tables: []string{"erasure"}, Kept: privacy.Period{Days: 30}, Piece: 4,
			Due: `SELECT id FROM erasure WHERE erased_at <= ? AND id > ? ORDER BY id LIMIT ?`,
			Also: func(ctx context.Context, tx *db.Tx, ids []int64, _ time.Time) error {
				most = max(most, len(ids))
				if _, err := tx.Change(ctx, `DELETE FROM erasure WHERE id = ?`, ids[0]); err != nil {
					return err
				}
				if stuck && slices.Contains(ids, bad) {
					return errors.New("this one cannot go")
				}
				return nil
			},
			Erase: []string{`DELETE FROM erasure WHERE id IN (?)`},
		}
		r, _ := retaining(t, d, &now, once)
		run := func() (failed int) {
			t.Helper()
			for range 20 {
				worked, err := r.Night(t.Context())
				if err != nil {
					failed++
				}
				if !worked {
					break
				}
			}
			return failed
		}
		if failed := run(); failed != 1 {
			t.Errorf("%d turns of the night failed, want the one that came to the bad row", failed)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM erasure WHERE id = ?`, bad); n != 1 {
			t.Errorf("the bad row is there %d times, want once, whole", n)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM erasure`); n != 1 {
			t.Errorf("%d stay, want the bad one alone", n)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM retention_run WHERE class = 'erasure_of_test' AND due = 10 AND erased = 9 AND ended_at IS NOT NULL`); n != 1 {
			t.Error("the proof does not say 9 of 10")
		}
		if most != once.Piece {
			t.Errorf("up to %d went in one transaction, want %d", most, once.Piece)
		}
		now, stuck = now.AddDate(0, 0, 1), false
		if failed := run(); failed != 0 || count(t, d, `SELECT COUNT(*) FROM erasure`) != 0 {
			t.Errorf("in the next night %d turns failed, and it is there still", failed)
		}
	})
}

func TestX45_ARestoreForgetsAgainWhatTheJournalNames(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		now := time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC)
		named := privacy.Class{
			Name: "consents_of_test", Tables: []string{"disclosure_consent"}, Kept: privacy.Period{Months: 1}, Journal: true,
			Due:   `SELECT id FROM disclosure_consent WHERE said_at <= ? AND id > ? ORDER BY id LIMIT ?`,
			Erase: []string{`DELETE FROM disclosure_consent WHERE id IN (?)`},
		}
		r, journal := retaining(t, d, &now, named)
		const back = `
			INSERT INTO disclosure_consent (id, person_id, purpose, version, state, newest, said_at, recorded_by)
			VALUES (7, ?, 'board', 1, 'given', 1, ?, ?)`
		put := func() {
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Insert(t.Context(), back, w.XingwuMember.PersonID, now.AddDate(0, -1, 0), w.XingwuMember.PersonID)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put()
		if _, err := r.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(journal)
		if err != nil || strings.Count(string(text), "\n") != 1 {
			t.Fatalf("the journal is %q, %v; want one line", text, err)
		}
		put() // by a restore
		entries, err := privacy.ReadJournal(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if n, err := r.Replay(t.Context(), entries); err != nil || n != 1 {
				t.Errorf("replayed %d, %v, want 1", n, err)
			}
			if n := count(t, d, `SELECT COUNT(*) FROM disclosure_consent WHERE id = 7`); n != 0 {
				t.Error("what was erased is back")
			}
		}
		entries[0].Class = "nothing"
		if _, err := r.Replay(t.Context(), entries); err == nil {
			t.Error("a class that is not there is replayed")
		}
	})
}

func TestX45_TheAuditIsVerifiedAsBeforeWhenItsOldRowsAreGone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC)
		r, _ := retaining(t, d, &now)
		log, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		write := func(n int) {
			for range n {
				err := d.InTx(t.Context(), func(tx *db.Tx) error {
					audit.Note(tx, audit.Entry{Action: "test.done", Object: "test", Result: "ok"})
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := log.SignHeads(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		write(20)
		now = now.AddDate(0, 36, 0)
		write(5)
		now = now.Add(time.Hour)
		if due := dueOf(t, r, "audit"); due != 20 {
			t.Errorf("the dry run counts %d, want 20", due)
		}
		if _, err := r.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM audit WHERE action = 'test.done'`); n != 5 {
			t.Errorf("%d rows stay, want the 5 young ones", n)
		}
		v, err := log.Verify(t.Context(), 0)
		if err != nil || v.Bad != nil {
			t.Errorf("verifying says %v, %v", v.Bad, err)
		}
	})
}

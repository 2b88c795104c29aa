package audit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
)

func openLog(t *testing.T, d *db.DB) *audit.Log {
	t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	l, err := audit.Open(t.Context(), d, key)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// note writes an entry in a transaction of its own, as the request with that id.
func note(t *testing.T, d *db.DB, requestID string, e audit.Entry) {
	t.Helper()
	ctx := audit.WithRequest(t.Context(), requestID, "private")
	if err := d.InTx(ctx, func(tx *db.Tx) error { audit.Note(tx, e); return nil }); err != nil {
		t.Fatal(err)
	}
}

// write changes the database as somebody with SQL at hand would.
func write(t *testing.T, d *db.DB, query string, args ...any) {
	t.Helper()
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Change(t.Context(), query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

type line struct {
	ID           int64     `db:"id"`
	Lane         int       `db:"lane"`
	N            int64     `db:"n"`
	At           time.Time `db:"at"`
	PersonID     int64     `db:"person_id"`
	AssignmentID int64     `db:"assignment_id"`
	Action       string    `db:"action"`
	Object       string    `db:"object"`
	ObjectID     int64     `db:"object_id"`
	Purpose      string    `db:"purpose"`
	Reason       string    `db:"reason"`
	Fields       string    `db:"fields"`
	Result       string    `db:"result"`
	RequestID    string    `db:"request_id"`
	IPClass      string    `db:"ip_class"`
}

func lines(t *testing.T, d *db.DB) (all []line) {
	t.Helper()
	err := d.Select(t.Context(), &all, `
		SELECT id, lane, n, at, person_id, assignment_id, action, object, object_id, purpose, reason, fields,
			result, request_id, ip_class
		FROM audit
		ORDER BY lane, n`)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestA_audit1_AnActIsOneRowWithAllThatIsKnown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := openLog(t, d)
		now := time.Date(2026, 5, 11, 1, 2, 3, 456_000_000, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		note(t, d, "0190a1", audit.Entry{PersonID: 5, AssignmentID: 9, Action: "member.unmasked", Object: "member", ObjectID: 31, Result: "ok"}.
			For("call_back", "回电确认时间").Showing("phone", "name"))
		all := lines(t, d)
		if len(all) != 1 {
			t.Fatalf("one act is %d rows, want 1", len(all))
		}
		got := all[0]
		want := line{
			ID: got.ID, Lane: got.Lane, N: 1, At: now, PersonID: 5, AssignmentID: 9, Action: "member.unmasked", Object: "member",
			ObjectID: 31, Purpose: "call_back", Reason: "回电确认时间", Fields: "phone,name", Result: "ok", RequestID: "0190a1", IPClass: "private",
		}
		if !got.At.Equal(want.At) {
			t.Errorf("at %v, want %v", got.At, want.At)
		}
		if got.At = want.At; got != want {
			t.Errorf("row\n%+v, want\n%+v", got, want)
		}
		if v, err := l.Verify(t.Context(), 0); err != nil || v.Bad != nil || v.Rows != 1 || !v.Complete {
			t.Errorf("verified %+v, %v", v, err)
		}
	})
}

func TestEntriesOfATransactionStandTogetherAndGoWithIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := openLog(t, d)
		failure := errors.New("the rule says no")
		for _, end := range []error{nil, failure, nil} {
			err := d.InTx(audit.WithRequest(t.Context(), "one", ""), func(tx *db.Tx) error {
				audit.Note(tx, audit.Entry{Action: "task.created"})
				audit.Note(tx, audit.Entry{Action: "task.assigned"})
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
		}
		var actions []string
		for i, r := range lines(t, d) {
			actions = append(actions, r.Action)
			if r.N != int64(i+1) || r.Lane != lines(t, d)[0].Lane {
				t.Errorf("row %d stands in lane %d at %d", i, r.Lane, r.N)
			}
		}
		if fmt.Sprint(actions) != "[task.created task.assigned task.created task.assigned]" {
			t.Errorf("the rows are %v", actions)
		}
		if v, err := l.Verify(t.Context(), 0); err != nil || v.Bad != nil {
			t.Errorf("verified %+v, %v", v, err)
		}
	})
}

func TestManyAtOnceLeaveNoGap(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		key := make([]byte, 32)
		var nodes []*audit.Log // two nodes on one database remember different tips
		for range 2 {
			l, err := audit.Open(t.Context(), d, key)
			if err != nil {
				t.Fatal(err)
			}
			nodes = append(nodes, l)
		}
		const writers, each = 8, 20
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				for i := range each {
					if i == each/2 && w == 0 { // the other node takes over in the middle
						if _, err := audit.Open(t.Context(), d, key); err != nil {
							t.Error(err)
						}
					}
					ctx := audit.WithRequest(t.Context(), fmt.Sprint(w, "-", i), "")
					if err := d.InTx(ctx, func(tx *db.Tx) error { audit.Note(tx, audit.Entry{Action: "visit.recorded"}); return nil }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if v, err := nodes[0].Verify(t.Context(), 0); err != nil || v.Bad != nil || v.Rows != writers*each {
			t.Errorf("verified %+v %+v, %v, want %d good rows", v, v.Bad, err, writers*each)
		}
	})
}

func TestTransactionsOfOneNodeDoNotWaitForEachOthersLane(t *testing.T) {
	t.Parallel()
	// SQLite has one writer. The database is new: where rows were deleted a moment ago, an insert beside them waits.
	d, err := db.Open(t.Context(), dbtest.BlankMySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	openLog(t, d)
	const writers = 4 // as many as have a connection
	// Each holds its lane until all have one: two in the same would wait for each other, and be told so after 2 s.
	var all, inside sync.WaitGroup
	inside.Add(writers)
	for w := range writers {
		all.Go(func() {
			tried, enter := 0, sync.OnceFunc(inside.Done)
			defer enter() // whoever cannot get in keeps nobody waiting
			err := d.InTx(audit.WithRequest(t.Context(), fmt.Sprint(w), ""), func(tx *db.Tx) error {
				if tried++; tried > 1 {
					return errors.New("it had to be tried again")
				}
				audit.Note(tx, audit.Entry{Action: "visit.recorded"})
				tx.Last(db.RankAudit, func(context.Context) error {
					enter()
					inside.Wait()
					return nil
				})
				return nil
			})
			if err != nil {
				t.Errorf("writer %d: %v, want a lane of its own", w, err)
			}
		})
	}
	all.Wait()
}

func TestALaneIsGivenBackHoweverItsTransactionEnds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		openLog(t, d)
		for i := range 40 { // more than there are lanes
			refused := errors.New("no")
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				audit.Note(tx, audit.Entry{Action: "visit.recorded"})
				tx.Last(db.RankAudit, func(context.Context) error {
					if i%2 == 0 {
						return refused
					}
					return nil
				})
				return nil
			})
			if err != nil && !errors.Is(err, refused) {
				t.Fatal(err)
			}
		}
		for _, r := range lines(t, d) {
			if r.Lane != lines(t, d)[0].Lane {
				t.Fatalf("one after another they used lanes %d and %d, want the one that was free last", r.Lane, lines(t, d)[0].Lane)
			}
		}
	})
}

func TestA_audit3_WithoutTheAuditNothingIsDoneAndNothingShown(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		openLog(t, d)
		note(t, d, "before", audit.Entry{Action: "visit.read"})
		trigger := `CREATE TRIGGER audit_refused BEFORE INSERT ON audit FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'`
		if d.Embedded() {
			trigger = `CREATE TRIGGER audit_refused BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END`
		}
		write(t, d, trigger)
		t.Cleanup(func() { // the database is used again
			_ = d.InTx(context.WithoutCancel(t.Context()), func(tx *db.Tx) error {
				_, err := tx.Change(context.WithoutCancel(t.Context()), `DROP TRIGGER audit_refused`)
				return err
			})
		})

		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Insert(t.Context(), `INSERT INTO person (created_at) VALUES (?)`, tx.Now); err != nil {
				return err
			}
			audit.Note(tx, audit.Entry{Action: "member.added"})
			return nil
		})
		refused(t, "a write", err)
		var persons int
		if err := d.Get(t.Context(), &persons, `SELECT COUNT(*) FROM person`); err != nil || persons != 0 {
			t.Errorf("%d persons were written without their audit row, %v", persons, err)
		}

		var shown string
		shown, err = func() (answer string, err error) { // as a handler reads: nothing is answered but what the transaction lets go
			err = d.InTx(t.Context(), func(tx *db.Tx) error {
				audit.Note(tx, audit.Entry{Action: "visit.read"})
				answer = "visit"
				return nil
			})
			if err != nil {
				return "", err
			}
			return answer, nil
		}()
		refused(t, "a read", err)
		if shown != "" {
			t.Errorf("the read showed %q", shown)
		}
		if n := len(lines(t, d)); n != 1 {
			t.Errorf("%d rows stand in the audit, want the one from before", n)
		}
	})
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != "audit.unavailable" || p.Kind != problem.Unavailable {
		t.Errorf("%s without its audit row ends with %v, want audit.unavailable", what, err)
	}
}

func TestADatabaseWithoutALogRefuses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		refused(t, "a write", d.InTx(t.Context(), func(tx *db.Tx) error {
			audit.Note(tx, audit.Entry{Action: "visit.recorded"})
			return nil
		}))
		if _, err := audit.Open(t.Context(), d, []byte("short")); err == nil {
			t.Error("a short key is taken for the chain")
		}
	})
}

func TestA_audit2_VerifyingNamesTheFirstBadRow(t *testing.T) {
	t.Parallel()
	const rows, victim = 12, 5
	at := func(n int64) string { return fmt.Sprintf("lane = %%d AND n = %d", n) }
	for name, c := range map[string]struct {
		statements []string // %d is the lane
		n          int64
		why        string
	}{
		"an edit":            {[]string{"UPDATE audit SET person_id = 99 WHERE " + at(victim)}, victim, audit.WhyChanged},
		"an edited moment":   {[]string{"UPDATE audit SET at = '2020-01-01 00:00:00.000' WHERE " + at(victim)}, victim, audit.WhyChanged},
		"an edited reason":   {[]string{"UPDATE audit SET reason = 'better' WHERE " + at(victim)}, victim, audit.WhyChanged},
		"text moved between": {[]string{"UPDATE audit SET action = 'visit.readv', object = 'isit' WHERE " + at(victim)}, victim, audit.WhyChanged},
		"a deletion":         {[]string{"DELETE FROM audit WHERE " + at(victim)}, victim, audit.WhyMissing},
		"the first deleted":  {[]string{"DELETE FROM audit WHERE " + at(1)}, 1, audit.WhyMissing},
		"a deletion, closed up": {[]string{
			"DELETE FROM audit WHERE " + at(victim),
			"UPDATE audit SET n = n - 1000 WHERE lane = %d AND n > 5", "UPDATE audit SET n = n + 999 WHERE lane = %d AND n < 0",
			"UPDATE audit_lane SET n = n - 1 WHERE lane = %d",
		}, victim, audit.WhyBroken},
		"an insertion": {[]string{
			"UPDATE audit SET n = n + 1000 WHERE lane = %d AND n >= 5", "UPDATE audit SET n = n - 999 WHERE lane = %d AND n > 1000",
			`INSERT INTO audit (lane, n, at, person_id, assignment_id, action, object, object_id, purpose, reason, fields, result, request_id, ip_class, prev_hash, hash)
			 SELECT lane, 5, at, 77, assignment_id, action, object, object_id, purpose, reason, fields, result, request_id, ip_class, hash, hash FROM audit WHERE ` + at(4),
			"UPDATE audit_lane SET n = n + 1 WHERE lane = %d",
		}, victim, audit.WhyChanged},
		"a swap": {[]string{
			"UPDATE audit SET n = 1005 WHERE " + at(5), "UPDATE audit SET n = 5 WHERE " + at(6), "UPDATE audit SET n = 6 WHERE " + at(1005),
		}, victim, audit.WhyBroken},
		"the tail cut": {[]string{"DELETE FROM audit WHERE lane = %d AND n > 9"}, 10, audit.WhyMissing},
		"the tail cut and the tip set back": {[]string{
			"DELETE FROM audit WHERE lane = %d AND n > 9", "UPDATE audit_lane SET n = 9 WHERE lane = %d",
			"UPDATE audit_lane SET hash = (SELECT hash FROM audit WHERE audit.lane = audit_lane.lane AND audit.n = 9) WHERE lane = %d",
		}, 10, audit.WhyMissing},
		"a rewriting from a row on": {[]string{"UPDATE audit SET person_id = 99 WHERE lane = %d AND n >= 5"}, victim, audit.WhyChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, d *db.DB) {
				l := openLog(t, d)
				for i := range rows {
					note(t, d, "same", audit.Entry{PersonID: 5, Action: "visit.read", Object: "visit", ObjectID: int64(i)})
				}
				if _, err := l.SignHeads(t.Context()); err != nil {
					t.Fatal(err)
				}
				lane := lines(t, d)[0].Lane
				for _, s := range c.statements {
					write(t, d, fmt.Sprintf(s, lane))
				}
				v, err := l.Verify(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if v.Bad == nil || v.Bad.N != c.n || v.Bad.Why != c.why || v.Bad.Lane != lane {
					t.Errorf("the first bad row is %+v, want %d, %s", v.Bad, c.n, c.why)
				}
			})
		})
	}
}

func TestA_audit2_ATailThatWasCutAndGrewAgainShowsAgainstTheHeadKeptElsewhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		key := bytes.Repeat([]byte("k"), 32)
		l, err := audit.Open(t.Context(), d, key)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			note(t, d, "same", audit.Entry{PersonID: 5, Action: "visit.read", Object: "visit", ObjectID: int64(i)})
		}
		heads, err := l.SignHeads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "heads.jsonl")
		if err := audit.AppendHeads(path, heads); err != nil {
			t.Fatal(err)
		}
		lane := lines(t, d)[0].Lane
		write(t, d, `DELETE FROM audit WHERE n > 9`)
		write(t, d, `UPDATE audit_lane SET n = 9, hash = (SELECT hash FROM audit WHERE n = 9) WHERE lane = ?`, lane)
		write(t, d, `DELETE FROM audit_head`)
		for grown := false; !grown; { // until a restarted node, which has forgotten the true tip, begins in the lane that was cut
			if l, err = audit.Open(t.Context(), d, key); err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				note(t, d, "same", audit.Entry{PersonID: 5, Action: "visit.read", Object: "visit", ObjectID: int64(i)})
			}
			grown = slices.ContainsFunc(lines(t, d), func(r line) bool { return r.Lane == lane && r.N > 9 })
		}
		if v, err := l.Verify(t.Context(), 0); err != nil || v.Bad != nil {
			t.Errorf("the database alone shows %+v, %v: it cannot know", v.Bad, err)
		}
		kept, err := audit.ReadHeads(path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := l.Verify(t.Context(), 0, kept...)
		if err != nil || v.Bad == nil || v.Bad.N != 12 || v.Bad.Why != audit.WhyHead {
			t.Errorf("against the head kept elsewhere: %+v, %v, want row 12", v.Bad, err)
		}
		for i := range kept {
			kept[i].N--
		}
		if v, err := l.Verify(t.Context(), 0, kept...); err != nil || v.Bad == nil || v.Bad.Why != audit.WhyForged {
			t.Errorf("a forged head: %+v, %v", v.Bad, err)
		}
	})
}

func TestA_audit2_RewritingWithTheKeyShowsAgainstTheHeadKeptElsewhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		key := bytes.Repeat([]byte("k"), 32)
		l, err := audit.Open(t.Context(), d, key)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			note(t, d, "same", audit.Entry{PersonID: 5, Action: "visit.read", Object: "visit", ObjectID: int64(i)})
		}
		kept, err := l.SignHeads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lane := lines(t, d)[0].Lane
		write(t, d, `DELETE FROM audit WHERE n >= 5`)
		write(t, d, `UPDATE audit_lane SET n = 4, hash = (SELECT hash FROM audit WHERE n = 4) WHERE lane = ?`, lane)
		write(t, d, `DELETE FROM audit_head`)
		for grown := false; !grown; { // until a restarted node begins in the lane that was cut
			if l, err = audit.Open(t.Context(), d, key); err != nil {
				t.Fatal(err)
			}
			for i := 4; i < 12; i++ { // by the very program, so that every hash is right
				note(t, d, "same", audit.Entry{PersonID: 99, Action: "visit.read", Object: "visit", ObjectID: int64(i)})
			}
			grown = slices.ContainsFunc(lines(t, d), func(r line) bool { return r.Lane == lane && r.N > 4 })
		}
		if v, err := l.Verify(t.Context(), 0, kept...); err != nil || v.Bad == nil || v.Bad.N != 12 || v.Bad.Lane != lane || v.Bad.Why != audit.WhyHead {
			t.Errorf("rewritten from row 5 on: %+v, %v, want row 12 of lane %d to differ from its head", v.Bad, err, lane)
		}
	})
}

func TestALaneThatIsGoneShowsAgainstTheHeadKeptElsewhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := openLog(t, d)
		note(t, d, "same", audit.Entry{Action: "visit.read"})
		kept, err := l.SignHeads(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lane := lines(t, d)[0].Lane
		for _, table := range []string{"audit", "audit_lane", "audit_head"} {
			write(t, d, fmt.Sprintf(`DELETE FROM %s WHERE lane = %d`, table, lane))
		}
		if v, err := l.Verify(t.Context(), 0, kept...); err != nil || v.Bad == nil || v.Bad.Lane != lane || v.Bad.Why != audit.WhyMissing {
			t.Errorf("a lane that is gone: %+v, %v, want lane %d missing", v.Bad, err, lane)
		}
	})
}

func TestRowsDeletedByRuleAreCoveredByTheirHeadAndYoungOnesAreMissing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		l := openLog(t, d)
		now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
		dbtest.WithClock(t, d, func() time.Time { return now })
		for i := range 10 {
			note(t, d, "same", audit.Entry{Action: "visit.read", ObjectID: int64(i)})
			if i == 5 {
				if _, err := l.SignHeads(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(t, d, `DELETE FROM audit WHERE n <= 6`)
		write(t, d, `DELETE FROM audit_head WHERE n = 0`)
		now = now.Add(182 * 24 * time.Hour)
		if v, err := l.Verify(t.Context(), 0); err != nil || v.Bad == nil || v.Bad.N != 1 || v.Bad.Why != audit.WhyMissing {
			t.Errorf("rows that no rule deletes yet: %+v, %v, want row 1 missing", v.Bad, err)
		}
		now = now.Add(24 * time.Hour)
		if v, err := l.Verify(t.Context(), 0); err != nil || v.Bad != nil || v.Rows != 4 {
			t.Errorf("verified %+v %+v, %v", v, v.Bad, err)
		}
		if v, err := l.Verify(t.Context(), 2); err != nil || v.Bad != nil || v.Complete {
			t.Errorf("the newest rows: %+v %+v, %v", v, v.Bad, err)
		}
	})
}

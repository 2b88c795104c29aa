package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// The tests borrow the table of kept answers: it has a natural key, text, bytes and a moment.
const (
	insertRow = `
		INSERT INTO idempotency (person_id, operation, idem_key, fingerprint, result, created_at)
		VALUES (?, 'test', ?, ?, ?, ?)`
	readRow = `
		SELECT result
		FROM idempotency
		WHERE person_id = ? AND operation = 'test' AND idem_key = ?`
	updateRow = `
		UPDATE idempotency
		SET result = ?
		WHERE person_id = ? AND operation = 'test' AND idem_key = ?`
	claimRow = updateRow + ` AND result = ?`
)

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

func read(t *testing.T, q db.Queryer, person int64, key string) (result string) {
	t.Helper()
	if err := q.Get(t.Context(), &result, readRow, person, key); err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return result
}

var noon = time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC)

func TestAFreshDatabaseIsFitToServe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, d := range []*db.DB{d, d.Batch()} {
			if err := d.Check(t.Context()); err != nil {
				t.Errorf("%s complains: %v, want nothing", d.Engine(), err)
			}
		}
	})
}

func TestAClockFarAwayIsComplainedOf(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t) // an embedded database has our clock
	dbtest.WithClock(t, d, func() time.Time { return time.Now().Add(3 * time.Second) })
	if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("with a clock 3 s ahead the check says %v, want a complaint", err)
	}
}

func TestAMomentComesBackAsItWent(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		at := time.Date(2026, 5, 11, 9, 0, 0, 123_900_000, time.FixedZone("", 8*3600))
		want := at.Truncate(time.Millisecond)
		write(t, d, insertRow, 1, "a", []byte{1}, "x", at)
		write(t, d, insertRow, 1, "b", []byte{1}, "x", &at)
		var got []time.Time
		err := d.Select(t.Context(), &got, `SELECT created_at FROM idempotency WHERE created_at = ?`, at)
		if err != nil || len(got) != 2 || !got[0].Equal(want) || got[0].Location() != time.UTC {
			t.Errorf("read %v (%v), want %v in UTC twice", got, err, want)
		}
	})
}

func TestMomentsSortAsTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var want []time.Time
		for _, ms := range []int{0, 1, 10, 100, 101, 110, 999, 1000, 60_000} {
			at := noon.Add(time.Duration(ms) * time.Millisecond)
			want = append(want, at)
			write(t, d, insertRow, ms, "a", []byte{1}, "x", at)
		}
		var got []time.Time
		if err := d.Select(t.Context(), &got, `SELECT created_at FROM idempotency ORDER BY created_at`); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Errorf("the order is %v, want %v", got, want)
		}
	})
}

func TestAllOfATransactionHasOneMoment(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		now := noon.Add(123_456_789)
		dbtest.WithClock(t, d, func() time.Time { now = now.Add(time.Hour); return now })
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if want := noon.Add(time.Hour + 123*time.Millisecond); !tx.Now.Equal(want) || tx.Now.Location() != time.UTC {
				t.Errorf("tx.Now is %v, want %v in UTC", tx.Now, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestTextComparesByItsBytes(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, key := range []string{"a", "A", "😀", "😁", "ä"} { // all different
			write(t, d, insertRow, 1, key, []byte{1}, "x", noon)
		}
		for pattern, want := range map[string]int{"a%": 1, "A%": 1, "%" + db.Like("!") + "%": 0, db.Like("%"): 0, db.Like("_"): 0} {
			var n int
			err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM idempotency WHERE idem_key LIKE ? ESCAPE '!'`, pattern)
			if err != nil || n != want {
				t.Errorf("%q is like %d keys (%v), want %d", pattern, n, err, want)
			}
		}
	})
}

func TestAnUpdateCountsWhatItFinds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		write(t, d, insertRow, 1, "a", []byte{1}, "same", noon)
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			found, err := tx.Change(t.Context(), updateRow, "same", 1, "a")
			if found != 1 {
				t.Errorf("an update that changes nothing finds %d rows, want 1", found)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestARefusedDuplicateLeavesTheTransactionGoingOn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		write(t, d, insertRow, 1, "a", []byte{1}, "first", noon)
		err := d.InTx(ctx, func(tx *db.Tx) error {
			if _, err := tx.Change(ctx, insertRow, 1, "a", []byte{1}, "second", noon); !db.IsDuplicate(err) {
				t.Errorf("the second row meets %v, want a duplicate", err)
			}
			_, err := tx.Change(ctx, insertRow, 2, "a", []byte{1}, "other", noon)
			return err
		})
		if err != nil || read(t, d, 1, "a") != "first" || read(t, d, 2, "a") != "other" {
			t.Errorf("got %v, %q and %q; want the first row, and the other one", err, read(t, d, 1, "a"), read(t, d, 2, "a"))
		}
	})
}

func TestOnlyIDsAreGivenByTheDatabase(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		var first, second int64
		err := d.InTx(ctx, func(tx *db.Tx) (err error) {
			if first, err = tx.Insert(ctx, `INSERT INTO person (created_at) VALUES (?)`, tx.Now); err != nil {
				return err
			}
			second, err = tx.Insert(ctx, `INSERT INTO person (created_at) VALUES (?)`, tx.Now)
			return err
		})
		if err != nil || first <= 0 || second <= first {
			t.Errorf("ids %d and %d (%v), want two that rise", first, second, err)
		}
	})
}

// race lets 50 try to claim one row at once, and counts those who believe they have it.
func race(t *testing.T, d *db.DB, claim func(ctx context.Context, tx *db.Tx, seen string) (bool, error)) (won int) {
	t.Helper()
	write(t, d, insertRow, 1, "a", []byte{1}, "open", noon)
	var ready, done sync.WaitGroup
	var mu sync.Mutex
	ready.Add(50)
	for range 50 {
		done.Go(func() {
			seen := read(t, d, 1, "a")
			ready.Done()
			ready.Wait() // everybody has seen it open
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				ok, err := claim(t.Context(), tx, seen)
				if ok && err == nil {
					tx.After(func() {
						mu.Lock()
						won++
						mu.Unlock()
					})
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	return won
}

func TestOfFiftyWhoClaimARowAtOnceOneHasIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		won := race(t, d, func(ctx context.Context, tx *db.Tx, _ string) (bool, error) {
			found, err := tx.Change(ctx, claimRow, "mine", 1, "a", "open")
			return found == 1, err
		})
		if won != 1 {
			t.Errorf("%d have claimed the row, want 1", won)
		}
	})
}

func TestLookingBeforeClaimingLetsManyHaveIt(t *testing.T) { // the control: the race above can be lost
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		won := race(t, d, func(ctx context.Context, tx *db.Tx, seen string) (bool, error) {
			if seen != "open" {
				return false, nil
			}
			found, err := tx.Change(ctx, updateRow, "mine", 1, "a")
			return found == 1, err
		})
		if won < 2 {
			t.Errorf("%d have claimed the row in the wrong way, want several: the race is none", won)
		}
	})
}

func TestATransactionSeesWhatOthersHaveCommitted(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t) // on SQLite nobody can commit meanwhile
	write(t, d, insertRow, 1, "a", []byte{1}, "before", noon)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		if got := read(t, tx, 1, "a"); got != "before" {
			t.Errorf("at first it reads %q, want before", got)
		}
		write(t, d, updateRow, "after", 1, "a")
		if got := read(t, tx, 1, "a"); got != "after" {
			t.Errorf("then it reads %q, want after: this is not READ COMMITTED", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAHeldRowIsHeldUntilTheEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		write(t, d, insertRow, 1, "a", []byte{1}, "0", noon)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				err := d.InTx(t.Context(), func(tx *db.Tx) error {
					var seen string
					if err := tx.Get(t.Context(), &seen, readRow+db.ForUpdate, 1, "a"); err != nil {
						return err
					}
					_, err := tx.Change(t.Context(), updateRow, seen+"1", 1, "a")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := read(t, d, 1, "a"); len(got) != 21 {
			t.Errorf("%d of 20 changes are there, want all", len(got)-1)
		}
	})
}

func TestADeadlockIsRunAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t) // SQLite has one writer
	write(t, d, insertRow, 1, "a", []byte{1}, "", noon)
	write(t, d, insertRow, 2, "a", []byte{1}, "", noon)
	var both, all sync.WaitGroup
	both.Add(2)
	var mu sync.Mutex
	runs := 0
	for _, order := range [][]int64{{1, 2}, {2, 1}} {
		all.Go(func() {
			first := true
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				mu.Lock()
				runs++
				mu.Unlock()
				for i, person := range order {
					if i == 1 && first { // both hold one row and want the other's
						first = false
						both.Done()
						both.Wait()
					}
					if _, err := tx.Change(t.Context(), updateRow, "done", person, "a"); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("a deadlock came through: %v", err)
			}
		})
	}
	all.Wait()
	if runs < 3 {
		t.Errorf("there were %d runs, want 3 at least: nobody was run again", runs)
	}
}

func TestATransactionIsRunFourTimesAtMost(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t)
	deadlock := &mysql.MySQLError{Number: 1213, Message: "for a test"}
	runs := 0
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		runs++
		if _, err := tx.Change(t.Context(), insertRow, runs, "a", []byte{1}, "", noon); err != nil {
			return err
		}
		return deadlock
	})
	var n int
	if e := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM idempotency`); e != nil || n != 0 {
		t.Errorf("%d rows are left (%v), want none", n, e)
	}
	if !errors.Is(err, deadlock) || runs != 4 {
		t.Errorf("got %v after %d runs, want %v after 4", err, runs, deadlock)
	}
	runs = 0
	other := errors.New("another error")
	err = d.InTx(t.Context(), func(*db.Tx) error { runs++; return other })
	if !errors.Is(err, other) || runs != 1 {
		t.Errorf("got %v after %d runs, want %v after 1", err, runs, other)
	}
}

func TestACommitWhoseOutcomeIsUnknownIsReturned(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t)
	runs, after := 0, false
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		runs++
		tx.After(func() { after = true })
		if _, err := tx.Change(t.Context(), insertRow, 1, "a", []byte{1}, "", noon); err != nil {
			return err
		}
		var id int64
		if err := tx.Get(t.Context(), &id, `SELECT CONNECTION_ID()`); err != nil {
			return err
		}
		tx.Last(db.RankAudit, func(ctx context.Context) error {
			return d.Batch().InTx(ctx, func(other *db.Tx) error {
				_, err := other.Change(ctx, `KILL ?`, id)
				return err
			})
		})
		return nil
	})
	if err == nil || !strings.HasPrefix(err.Error(), "commit: ") || runs != 1 || after {
		t.Errorf("got %v after %d runs, After ran: %v; want the error of COMMIT after one run, and nobody told", err, runs, after)
	}
	write(t, d, insertRow, 2, "a", []byte{1}, "", noon) // the pool goes on
}

func TestWhatComesLastComesByRank(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var got []string
		say := func(word string) func(context.Context) error {
			return func(context.Context) error { got = append(got, word); return nil }
		}
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			tx.After(func() { got = append(got, "after") })
			tx.Last(db.RankAudit, say("audit"))
			tx.Last(db.RankInbox, func(ctx context.Context) error {
				tx.Last(db.RankOutbox, say("outbox")) // what the inbox leads to
				return say("inbox 1")(ctx)
			})
			tx.Last(db.RankInbox, say("inbox 2"))
			tx.Last(db.RankCredit, say("credit"))
			got = append(got, "body")
			return nil
		})
		want := []string{"body", "credit", "inbox 1", "inbox 2", "outbox", "audit", "after"}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("the order is %v (%v), want %v", got, err, want)
		}
	})
}

func TestAFailureAtTheEndUndoesEverything(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		broken := errors.New("the audit row cannot be written")
		after := false
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			tx.After(func() { after = true })
			tx.Last(db.RankAudit, func(context.Context) error { return broken })
			_, err := tx.Change(t.Context(), insertRow, 1, "a", []byte{1}, "x", noon)
			return err
		})
		if !errors.Is(err, broken) || read(t, d, 1, "a") != "" || after {
			t.Errorf("got %v, row %q, After ran: %v; want %v and nothing done", err, read(t, d, 1, "a"), after, broken)
		}
	})
}

func TestAPanicUndoesEverythingAndHoldsNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		func() {
			defer func() { _ = recover() }()
			_ = d.InTx(t.Context(), func(tx *db.Tx) error {
				if _, err := tx.Change(t.Context(), insertRow, 1, "a", []byte{1}, "x", noon); err != nil {
					return err
				}
				panic("for a test")
			})
		}()
		write(t, d, insertRow, 1, "a", []byte{1}, "next", noon)
	})
}

func TestACancelledTransactionUndoesEverythingAndHoldsNothing(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := d.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.Change(ctx, insertRow, 1, "a", []byte{1}, "x", noon)
			cancel()
			return err
		})
		if !errors.Is(err, context.Canceled) { // nobody's fault, and not ours either
			t.Errorf("a cancelled transaction ends with %v, want %v", err, context.Canceled)
		}
		write(t, d, insertRow, 1, "a", []byte{1}, "next", noon)
	})
}

func TestWhatIsKeptBeginsAnewWhenATransactionRunsAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t)
	type (
		collected   struct{ items []int }
		keptForTest struct{}
	)
	runs := 0
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		runs++
		mine := func() *collected {
			return tx.Keep(keptForTest{}, func() any { return &collected{} }).(*collected)
		}
		mine().items = append(mine().items, runs)
		if got := len(mine().items); got != 1 {
			t.Errorf("run %d finds %d things kept, want its own", runs, got)
		}
		if runs == 1 {
			return &mysql.MySQLError{Number: 1213, Message: "for a test"}
		}
		return nil
	})
	if err != nil || runs != 2 {
		t.Errorf("got %v after %d runs, want 2", err, runs)
	}
}

func TestSavingMakesARowOrChangesIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		save := func(value string, insert func(tx *db.Tx) error) {
			t.Helper()
			err := d.InTx(ctx, func(tx *db.Tx) error {
				return db.Save(
					func() (int64, error) { return tx.Change(ctx, updateRow, value, 1, "a") },
					func() error { return insert(tx) })
			})
			if got := read(t, d, 1, "a"); err != nil || got != value {
				t.Errorf("saved %q (%v), want %q", got, err, value)
			}
		}
		plainly := func(value string) func(tx *db.Tx) error {
			return func(tx *db.Tx) error {
				_, err := tx.Change(ctx, insertRow, 1, "a", []byte{1}, value, noon)
				return err
			}
		}
		save("made", plainly("made"))
		save("changed", plainly("never"))
		write(t, d, `DELETE FROM idempotency WHERE person_id = 1`)
		save("mine", func(tx *db.Tx) error { // somebody makes the row between our update and our insert
			if err := plainly("theirs")(tx); err != nil {
				return err
			}
			return plainly("mine")(tx)
		})
	})
}

func TestErrorsSayWhatWasBeingDone(t *testing.T) {
	t.Parallel()
	noVisit, cause := errors.New("visit.not_found"), errors.New("dial tcp")
	if err := db.Wrap(nil, noVisit, "find visit %d", 31); err != nil {
		t.Errorf("no error becomes %v, want none", err)
	}
	if err := db.Wrap(sql.ErrNoRows, noVisit, "find visit %d", 31); !errors.Is(err, noVisit) {
		t.Errorf("no row becomes %v, want %v", err, noVisit)
	}
	for _, err := range []error{db.Wrap(cause, noVisit, "find visit %d", 31), db.Wrap(cause, nil, "find visit %d", 31)} {
		if !errors.Is(err, cause) || err.Error() != "find visit 31: dial tcp" {
			t.Errorf("got %v, want find visit 31: dial tcp", err)
		}
	}
	if err := db.Wrap(sql.ErrNoRows, nil, "count"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v, want %v kept", err, sql.ErrNoRows)
	}
}

func TestAListIsExpandedAndAnEmptyOneRefused(t *testing.T) {
	t.Parallel()
	query, args, err := db.In(`SELECT id FROM unit WHERE id IN (?) AND kind = ?`, []int64{1, 2, 3}, "village")
	if err != nil || query != `SELECT id FROM unit WHERE id IN (?, ?, ?) AND kind = ?` || len(args) != 4 {
		t.Errorf("got %s with %v (%v), want three marks and four values", query, args, err)
	}
	if _, _, err := db.In(`SELECT id FROM unit WHERE id IN (?)`, []int64{}); err == nil {
		t.Error("an empty list is taken, want it refused")
	}
}

func TestWhatWatchesSeesTheStatementsInTheirTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var got []string
		d.Watch(func(_ context.Context, s db.Sent) { got = append(got, string(s.Verb)) })
		now := d.Now()
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Change(t.Context(), `INSERT INTO idempotency (person_id, operation, idem_key, fingerprint, result, created_at)
				VALUES (?, ?, ?, ?, ?, ?)`, 1, "watched", "k", []byte{1}, "", now); err != nil {
				return err
			}
			var n int
			return tx.Get(t.Context(), &n, `SELECT COUNT(*) FROM idempotency WHERE created_at = ?`, now)
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Watch(nil)
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM idempotency`); err != nil || n != 1 {
			t.Fatalf("%d rows, %v; want the one", n, err)
		}
		if want := "[begin change get commit]"; fmt.Sprint(got) != want {
			t.Errorf("seen: %v, want %s", got, want)
		}
	})
}

func TestWhatIsHeldForATransactionIsGivenBackHoweverItEnds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var ended []string
		for _, c := range []struct {
			name string
			end  func() error
		}{
			{"committed", func() error { return nil }},
			{"refused", func() error { return errors.New("no") }},
			{"panicked", func() error { panic("poison") }},
		} {
			func() {
				defer func() { _ = recover() }()
				_ = d.InTx(t.Context(), func(tx *db.Tx) error {
					tx.Ended(func() { ended = append(ended, c.name) })
					return c.end()
				})
			}()
		}
		if fmt.Sprint(ended) != "[committed refused panicked]" {
			t.Errorf("given back: %v, want all three", ended)
		}
	})
}

// R4: a node that is cut off in a transaction says nothing any more, and its rows are free again soon.
func TestTheServerDoesNotWaitForASilentNode(t *testing.T) {
	t.Parallel()
	d := dbtest.MySQL(t)
	for name, pool := range map[string]*db.DB{"requests": d, "batches": d.Batch()} {
		var seconds int
		if err := pool.Get(t.Context(), &seconds, `SELECT @@SESSION.wait_timeout`); err != nil || seconds > 120 {
			t.Errorf("for %s the server waits %d s (%v), want two minutes at most", name, seconds, err)
		}
	}
}

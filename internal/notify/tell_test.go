package notify

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// people makes n persons with their inboxes.
func people(t *testing.T, d *db.DB, n int) []org.PersonID {
	t.Helper()
	ids := make([]org.PersonID, n)
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		for i := range ids {
			id, err := tx.Insert(t.Context(), `INSERT INTO person (auth_ver, created_at) VALUES (1, ?)`, tx.Now)
			if err != nil {
				return err
			}
			ids[i] = org.PersonID(id)
			if err := NewPerson(t.Context(), tx, ids[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("make %d persons: %v", n, err)
	}
	return ids
}

// tell tells one item in a transaction of its own.
func tell(ctx context.Context, d *db.DB, to Audience, item Item) error {
	return d.InTx(ctx, func(tx *db.Tx) error { return Tell(ctx, tx, to, item) })
}

func taskDue(id int64) Item { return Item{Kind: "task.due", Ref: Ref{"task", id}} }

// seqs are the numbers of person's items, and what they are about, in order.
func seqs(t *testing.T, d *db.DB, person org.PersonID) (numbers, refs []int64) {
	t.Helper()
	items, err := listItems(t.Context(), d, person, 0, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		numbers, refs = append(numbers, i.Seq), append(refs, i.RefID)
	}
	return numbers, refs
}

func TestItemsAreNumberedWithoutGapsUnderWritersThatRollBack(t *testing.T) { // X31
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const writers, acts = 8, 25
		ids := people(t, d, 5)
		errBack := errors.New("changed my mind")
		told := map[org.PersonID]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for a := range acts {
					some := ids[rand.IntN(3):]
					back := rand.IntN(3) == 0
					err := d.InTx(t.Context(), func(tx *db.Tx) error {
						if err := Tell(t.Context(), tx, Persons(some...), taskDue(int64(w*1000+a))); err != nil {
							return err
						}
						if err := Tell(t.Context(), tx, Persons(some[0]), taskDue(int64(w*1000+a))); err != nil {
							return err
						}
						if back {
							tx.Last(db.RankAudit, func(context.Context) error { return errBack })
						}
						return nil
					})
					if back && errors.Is(err, errBack) {
						continue
					}
					if err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
					mu.Lock()
					for _, p := range some {
						told[p]++
					}
					told[some[0]]++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for _, p := range ids {
			got, _ := seqs(t, d, p)
			want := make([]int64, told[p])
			for i := range want {
				want[i] = int64(i + 1)
			}
			if diff := cmp.Diff(want, append([]int64{}, got...)); diff != "" {
				t.Errorf("numbers of person %d (-want +got):\n%s", p, diff)
			}
		}
	})
}

func TestAKeyReachesAPersonOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ids := people(t, d, 3)
		item := taskDue(7)
		item.Dedupe = "task.due:7"
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10 {
					err := d.InTx(t.Context(), func(tx *db.Tx) error {
						if err := Tell(t.Context(), tx, Persons(ids...), item); err != nil {
							return err
						}
						return Tell(t.Context(), tx, Persons(ids[0]), item) // twice in one transaction, too
					})
					if err != nil {
						t.Errorf("tell: %v", err)
					}
				}
			})
		}
		wg.Wait()
		for _, p := range ids {
			if got, _ := seqs(t, d, p); !cmp.Equal(got, []int64{1}) {
				t.Errorf("person %d has %v, want one item", p, got)
			}
		}
		var rows int64
		if err := d.Get(t.Context(), &rows, `SELECT COUNT(*) FROM outbox`); err != nil || rows != 1 {
			t.Errorf("%d outbox rows (%v), want 1", rows, err)
		}
	})
}

func TestNobodyIsToldOfTheirOwnAct(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ids := people(t, d, 2)
		item := taskDue(1)
		item.By = org.Actor{PersonID: ids[0]}
		if err := tell(t.Context(), d, Persons(ids...), item); err != nil {
			t.Fatal(err)
		}
		if got, _ := seqs(t, d, ids[0]); got != nil {
			t.Errorf("the actor has %v, want nothing", got)
		}
		if got, _ := seqs(t, d, ids[1]); len(got) != 1 {
			t.Errorf("the other has %v, want one item", got)
		}
	})
}

func TestManyAreToldInPiecesOfOneTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ids := people(t, d, 2*pieceSize+20)
		if err := tell(t.Context(), d, Persons(ids...).And(Persons(ids[3])), taskDue(1)); err != nil {
			t.Fatal(err)
		}
		var rows, items int64
		if err := d.Get(t.Context(), &rows, `SELECT COUNT(*) FROM outbox`); err != nil || rows != 3 {
			t.Errorf("%d outbox rows (%v), want 3", rows, err)
		}
		if err := d.Get(t.Context(), &items, `SELECT COUNT(*) FROM inbox`); err != nil || items != int64(len(ids)) {
			t.Errorf("%d items (%v), want %d", items, err, len(ids))
		}
	})
}

func TestAMissingInboxIsMadeAndAMissingPersonIsAnError(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ids := people(t, d, 3)
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `DELETE FROM inbox_head WHERE person_id = ?`, ids[1])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				item := taskDue(int64(i))
				if i%2 == 0 {
					item.Dedupe = "once"
				}
				if err := tell(t.Context(), d, Persons(ids...), item); err != nil {
					t.Errorf("tell: %v", err)
				}
			})
		}
		wg.Wait()
		for _, p := range ids {
			if got, _ := seqs(t, d, p); !cmp.Equal(got, []int64{1, 2, 3, 4, 5}) {
				t.Errorf("person %d has %v, want 1 to 5", p, got)
			}
		}
		if err := tell(t.Context(), d, Persons(ids[0], ids[2]+1000), taskDue(9)); err == nil {
			t.Error("a person who does not exist was told")
		}
	})
}

func TestWhatIsToldLateInTheTransactionIsToldToo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ids := people(t, d, 1)
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			tx.Last(db.RankInbox, func(ctx context.Context) error {
				return Tell(ctx, tx, Persons(ids...), taskDue(2))
			})
			return Tell(t.Context(), tx, Persons(ids...), taskDue(1))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := seqs(t, d, ids[0]); len(got) != 2 {
			t.Errorf("numbers %v, want two", got)
		}
	})
}

package notify

import (
	"sync"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// People who came by an import have no inbox before they are told something. Of two who tell them at once, one makes
// it between the other's count and its look.
func TestManyCanTellTheSamePeopleForTheFirstTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const rounds, writers, atOnce = 20, 6, 40
		for range rounds {
			persons := make([]org.PersonID, atOnce)
			err := d.InTx(t.Context(), func(tx *db.Tx) error {
				for i := range persons {
					id, err := tx.Insert(t.Context(), `INSERT INTO person (auth_ver, created_at) VALUES (1, ?)`, tx.Now)
					if err != nil {
						return err
					}
					persons[i] = org.PersonID(id)
					if i%2 == 1 { // every other one has one already
						if err := NewPerson(t.Context(), tx, persons[i]); err != nil {
							return err
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					if err := tell(t.Context(), d, Persons(persons[w:]...), taskDue(int64(w+1))); err != nil {
						t.Errorf("tell people for the first time: %v", err)
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
			if numbers, _ := seqs(t, d, persons[atOnce-1]); len(numbers) != writers || numbers[writers-1] != writers {
				t.Fatalf("the last one has items %v, want %d without a gap", numbers, writers)
			}
		}
	})
}

package db_test

import (
	"fmt"
	"sync"
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

// put writes a row and reads it, in a transaction and outside.
func put(t *testing.T, d *db.DB, person int, key, want string) {
	t.Helper()
	var inside, outside string
	err := d.InTx(t.Context(), func(tx *db.Tx) error {
		if _, err := tx.Change(t.Context(), insertRow, person, key, []byte{1}, want, tx.Now); err != nil {
			return err
		}
		return tx.Get(t.Context(), &inside, readRow, person, key)
	})
	if err == nil {
		err = d.Get(t.Context(), &outside, readRow, person, key)
	}
	if err != nil || inside != want || outside != want {
		t.Errorf("read %q inside and %q outside, error %v; want %q", inside, outside, err, want)
	}
}

func TestAStatementKeptReadyDoesWhatItDid(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				for i := range 5 {
					put(t, d, n, fmt.Sprint("k", i), fmt.Sprint(n, "-", i))
				}
			})
		}
		all.Wait()
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), insertRow, 1, "k1", []byte{1}, "", tx.Now)
			if !db.IsDuplicate(err) {
				t.Errorf("a second row gives %v, want the refusal of its key", err)
			}
			var got string
			return tx.Get(t.Context(), &got, readRow, 1, "k1") // the transaction goes on
		})
		if err != nil {
			t.Error(err)
		}
		if n := d.Prepared(); d.Embedded() != (n > 0) {
			t.Errorf("%d statements are kept ready", n)
		}
	})
}

func TestSoManyTextsAreKeptReadyAndNoMore(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	for i := range db.MostPrepared + 50 {
		var n int
		if err := d.Get(t.Context(), &n, fmt.Sprintf(`SELECT %d AS one`, i)); err != nil || n != i {
			t.Fatalf("got %d, %v; want %d", n, err, i)
		}
	}
	if n := d.Prepared(); n > db.MostPrepared {
		t.Errorf("%d statements are kept ready, want at most %d", n, db.MostPrepared)
	}
}

package db

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

func TestAMomentComesBackAsItWent(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d, err := Open(ctx, Options{SQLitePath: filepath.Join(t.TempDir(), "data", "wanjia.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at := time.Date(2026, 5, 11, 9, 0, 0, 123_900_000, time.FixedZone("", 8*3600))
	var got time.Time
	err = d.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.Change(ctx, `CREATE TABLE thing (id INTEGER PRIMARY KEY AUTOINCREMENT, at DATETIME NOT NULL)`); err != nil {
			return err
		}
		id, err := tx.Insert(ctx, `INSERT INTO thing (at) VALUES (?)`, at)
		if err != nil {
			return err
		}
		return tx.Get(ctx, &got, `SELECT at FROM thing WHERE id = ?`+ForUpdate, id)
	})
	if want := at.Truncate(time.Millisecond); err != nil || !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("read %v (%v), want %v in UTC", got, err, want)
	}
	if _, err := Open(context.Background(), Options{SQLitePath: filepath.Join(filepath.Dir(d.lock.Name()), "other.db")}); err == nil {
		t.Error("a second program has opened the data folder, want to be told who holds it")
	} else {
		t.Log(err)
	}
}

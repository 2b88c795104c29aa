package scenario

import (
	"context"
	"errors"
	"slices"
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/watch"
)

// What a refused call has changed is told from what loops have: only committed writes of requests count.
func TestAPenSeesWhatRequestsWriteAndNothingElse(t *testing.T) {
	t.Parallel()
	d, p := dbtest.SQLite(t), &pen{}
	d.Watch(p.sees)
	errBack := errors.New("changed my mind")
	write := func(ctx context.Context, end error) {
		t.Helper()
		err := d.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.Insert(ctx, `INSERT INTO person (created_at) VALUES (?)`, tx.Now)
			return errors.Join(err, end)
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
	}
	request := watch.WithCaller(t.Context(), watch.Caller{Request: "r1"})
	for _, c := range []struct {
		name string
		do   func()
		want []string
	}{
		{"a loop", func() { write(t.Context(), nil) }, nil},
		{"a request that is rolled back", func() { write(request, errBack) }, nil},
		{"one that reads afterwards", func() {
			write(request, errBack)
			_ = d.InTx(request, func(*db.Tx) error { return nil })
		}, nil},
		{"a request", func() { write(request, nil) }, []string{"person"}},
	} {
		p.forget()
		if c.do(); !slices.Equal(p.tables(), c.want) {
			t.Errorf("%s: %v is written, want %v", c.name, p.tables(), c.want)
		}
	}
}

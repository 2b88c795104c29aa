package db_test

import (
	"testing"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

func TestAFreshDatabaseIsFitToServe(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := d.Check(t.Context()); err != nil {
			t.Errorf("%s complains: %v, want nothing", d.Engine(), err)
		}
	})
}

package request_test

import (
	"context"
	"errors"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// T8: while an area has no holder, the next lead up the ladder acts for it, and nobody else.
func TestT8_TheInterimHolderActsForAVacantArea(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		if _, err := x.service.Accept(t.Context(), x.SunLixia, r.ID, ""); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("the lead accepts what the area holds: %v, want %v", err, request.ErrNotHolder)
		}
		units := org.NewService(d, func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil })
		if err := units.EndAssignment(t.Context(), x.ChenGuyu, x.ZhouChunhe.Assignment, "", "搬离"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Accept(t.Context(), x.ChenGuyu, r.ID, ""); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("the lead of the lead accepts: %v, want %v", err, request.ErrNotHolder)
		}
		m := moved(t)(x.service.Accept(t.Context(), x.SunLixia, r.ID, ""))
		if m.State != request.Accepted || m.Level != 1 {
			t.Errorf("held at level %d, %s; want accepted for the area", m.Level, m.State)
		}
	})
}

package request_test

import (
	"testing"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// ADR 0011: ids of several servers follow no order, so what came first is not what has the smaller id.
func TestK11_TheFirstEndIsTheOneThatCameFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		at(d, 10)
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		at(d, 20)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		at(d, 30)
		moved(t)(x.service.Reopen(t.Context(), x.XuBailu, r.ID, "又不亮了"))
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "level", Level: 4, Note: "请协助"}))
		at(d, 40)
		moved(t)(x.service.Accept(t.Context(), x.XuBailu, r.ID, ""))
		at(d, 50)
		moved(t)(x.service.Close(t.Context(), x.XuBailu, r.ID, request.Closing{Kind: request.Explained, Text: "线路待改造"}))
		if err := d.InTx(t.Context(), func(tx *db.Tx) error { // another server has given what came first the later ids
			_, err := tx.Change(t.Context(), `
				UPDATE request_history
				SET id = id + 1000000
				WHERE request_id = ? AND recorded_at < ?`, r.ID, monday.Add(25*time.Minute))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		all, err := x.service.Results(t.Context(), d, x.Ruihe.Unit.ID, monday, monday.Add(time.Hour))
		if err != nil || len(all) != 1 {
			t.Fatalf("%d results, error %v; want one", len(all), err)
		}
		if got := all[0]; !got.Resolved || got.Level != 1 || !got.Reopened || got.FirstAnswer == nil || *got.FirstAnswer != 10 {
			t.Errorf("%+v, want resolved by the area, first answered after 10 minutes, and reopened", got)
		}
	})
}

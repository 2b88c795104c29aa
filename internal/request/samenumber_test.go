package request_test

import (
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/request"
)

// N9, X24: whoever joins the same need twice with one number has two receipts, since a number proves nothing; but it rings
// once, also on the day on which they are asked what became of it.
func TestN9_ANumberThatWasLeftTwiceIsCalledOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		r := x.tells(t, site, request.Need{What: "水管爆裂", Who: "林女士", Category: "pipe_burst"})
		n := request.Need{Category: "pipe_burst", Who: "张先生", CallBack: request.CallPhone, Phone: "19900000002"}
		var codes [2]request.Receipt
		for i := range codes {
			j, err := x.joins(t, site, org.Actor{}, n)
			if err != nil {
				t.Fatal(err)
			}
			codes[i] = j.Receipt
		}
		if codes[0] == codes[1] {
			t.Error("whoever knows the number was given the receipt of whom it belongs to")
		}
		n.Phone = "19900000003"
		if _, err := x.joins(t, site, org.Actor{}, n); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "明天上午来修", request.ToTell))
		got := calls(t, d, r.ID)
		if len(got) != 2 {
			t.Fatalf("calls %+v, want one to each of two numbers", got)
		}
		for _, c := range got {
			if c.Messages != 1 {
				t.Errorf("%d things are to be said in a call, want 1", c.Messages)
			}
		}
		// Whoever has answered by the first receipt is still called by the other one.
		answered := x.shown(t, codes[0], "0002")
		if _, err := x.service.TakeBack(t.Context(), answered); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "改为下午", request.ToTell))
		if got := calls(t, d, r.ID); len(got) != 3 {
			t.Errorf("calls %+v, want one more", got)
		}
	})
}

package request_test

import (
	"errors"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/request"
)

// titled fails the test unless by finds a thing called want; "" is not found.
func titled(t *testing.T, what string, title string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && !errors.Is(err, problem.ErrNotFound):
		t.Errorf("%s is called %q (%v), want it not found", what, title, err)
	case want != "" && (err != nil || title != want):
		t.Errorf("%s is called %q (%v), want %q", what, title, err, want)
	}
}

func TestANeedHasATitleForWhoSeesItAndForNobodyElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		need := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要证明", Category: "cert_travel", CallBack: request.CallPhone, Phone: "19900000001"})
		concern := x.concern(t, x.ZhouChunhe)
		label := func(c request.Code) string { return say.Text(say.Chinese, "request.category_"+string(c)) }
		for _, r := range []request.Seen{need, concern} {
			want := label(r.Category) + " · " + r.UnitName
			seen := 0
			for _, by := range x.everybody() {
				_, refused := x.service.Read(t.Context(), by, r.ID)
				expect := want
				if refused != nil {
					expect = ""
				} else {
					seen++
				}
				title, err := x.service.Title(t.Context(), d, by, int64(r.ID))
				titled(t, string(by.Role), title, err, expect)
			}
			if seen == 0 {
				t.Errorf("nobody sees need %d", r.ID)
			}
		}
		title, err := x.service.Title(t.Context(), d, x.LinXiaoman, int64(need.ID))
		titled(t, "a need of somebody else", title, err, "")
		if _, err := x.service.Follow(t.Context(), x.LinXiaoman, x.shown(t, need.Receipt, "0001")); err != nil {
			t.Fatal(err)
		}
		title, err = x.service.Title(t.Context(), d, x.LinXiaoman, int64(need.ID))
		titled(t, "one's own need", title, err, label("cert_travel")+" · "+need.UnitName)
		title, err = x.service.Title(t.Context(), d, x.GaoXiaohan, 1<<40)
		titled(t, "what does not exist", title, err, "")
	})
}

func TestWhatHangsOnANeedIsCalledAsItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		id, p := x.promise(t, "2026-06-20")
		title, err := x.service.Title(t.Context(), d, x.ZhouChunhe, int64(id))
		if err != nil || title == "" {
			t.Fatal(title, err)
		}
		promised := func(by org.Actor, want string) {
			t.Helper()
			got, err := x.service.PromiseTitle(t.Context(), d, by, int64(p.ID))
			titled(t, "the promise", got, err, want)
		}
		promised(x.ZhouChunhe, title)
		promised(x.WangQiufen, "")
		told := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, told.ID, "请带身份证到2号窗口", request.ToTell))
		call := x.toCall(t, x.ZhouChunhe)
		want, err := x.service.Title(t.Context(), d, x.ZhouChunhe, int64(call.Request))
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.service.CallTitle(t.Context(), d, x.ZhouChunhe, int64(call.ID))
		titled(t, "a call to make", got, err, want)
		got, err = x.service.CallTitle(t.Context(), d, x.WangQiufen, int64(call.ID))
		titled(t, "a call of somebody else", got, err, "")
	})
}

// Promises are of the grid tree, also when whoever gave them stands in the party's.
func TestAPromiseAboutNoNeedIsCalledByItsUnit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		if x.XuBailu.Unit.ID == x.XuBailu.Grid.ID {
			t.Fatal("the secretary stands in the grid tree")
		}
		var id request.PromiseID
		if err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
			id, err = x.service.Promise(t.Context(), tx, x.XuBailu, request.NewPromise{DueOn: "2026-03-05", Text: "来看看"})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for by, want := range map[*org.Actor]string{&x.XuBailu: "承诺 · " + x.Ruihe.Unit.Name, &x.WangQiufen: "", &x.HeQingqing: ""} {
			title, err := x.service.PromiseTitle(t.Context(), d, *by, int64(id))
			titled(t, "the promise for "+string(by.Role), title, err, want)
		}
	})
}

// What an assistant has promised about a need that went on to others is theirs to keep, and called by its unit: which need it is
// they see no more (V3).
func TestAPromiseAboutANeedThatHasGoneOnIsCalledByItsUnit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		p, err := x.service.MakePromise(ctx, x.HeQingqing, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "来修路灯"})
		if err != nil {
			t.Fatal(err)
		}
		need, err := x.service.Title(ctx, d, x.HeQingqing, int64(r.ID))
		if err != nil {
			t.Fatal(err)
		}
		promised := func(by org.Actor, want string) {
			t.Helper()
			got, err := x.service.PromiseTitle(ctx, d, by, int64(p.ID))
			titled(t, "the promise for "+string(by.Role), got, err, want)
		}
		promised(x.HeQingqing, need)
		moved(t)(x.service.HandBack(ctx, x.HeQingqing, r.ID, 1, "请继续"))
		promised(x.HeQingqing, "承诺 · "+x.Ruihe.Unit.Name)
		promised(x.ZhouChunhe, need)
		promised(x.ZhenxiHolder, "")
	})
}

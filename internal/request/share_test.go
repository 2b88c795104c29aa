package request_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// entrance is where neighbours of area 1 stand who tell of the same.
func (x *fixture) entrance(t *testing.T, d *db.DB) request.Site {
	t.Helper()
	var id int64
	if err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
		id, err = tx.Insert(t.Context(), `
			INSERT INTO entrance (place_id, number, label, created_at)
			VALUES (?, '1', '3栋1单元', ?)`, x.Ruihe.Unit.ID, tx.Now)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	x.service.Siting(func(context.Context, db.Queryer, request.Site) (request.Door, error) {
		return request.Door{Area: x.Ruihe.Areas[0].Area, Entrance: id}, nil
	})
	return request.Site{Place: x.Ruihe.Unit.ID, Entrance: "1"}
}

// tells is a need that is told of at site.
func (x *fixture) tells(t *testing.T, site request.Site, n request.Need) request.Seen {
	t.Helper()
	r, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{Need: n, Channel: request.ToldMember, Site: site})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// joins makes somebody ask for what is told of at site.
func (x *fixture) joins(t *testing.T, site request.Site, by org.Actor, n request.Need) (request.Joined, error) {
	t.Helper()
	all, err := x.service.Similar(t.Context(), site, n.Category)
	if err != nil || len(all) == 0 {
		t.Fatalf("offered %d, error %v", len(all), err)
	}
	return x.service.Join(t.Context(), by, request.Telling{Need: n, Site: site}, all[0].Ref)
}

// reads is all that an asker reads, and what a pack of their data holds.
func (x *fixture) reads(t *testing.T, as request.As) string {
	t.Helper()
	p := x.page(t, as)
	text := fmt.Sprintf("%+v %s %+v %+v %+v %+v", p.Steps, p.Reason, p.Promises, p.Views, p.Cards, p.Counters)
	pack, err := x.service.OwnData(t.Context(), x.XuBailu, privacy.Subject{Asker: int64(as.Asker())})
	if err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprintf("%+v", pack)
}

// what says of an asker's page which texts stand on it.
func (x *fixture) what(t *testing.T, who string, as request.As, texts map[string]bool) {
	t.Helper()
	page := x.reads(t, as)
	for text, want := range texts {
		if got := strings.Contains(page, text); got != want {
			t.Errorf("%s reads %q: %v, want %v", who, text, got, want)
		}
	}
}

func TestV1_WhoJoinsReadsNothingThatWasWrittenToOthersBefore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		x.counters(t, d)
		site := x.entrance(t, d)
		r := x.tells(t, site, request.Need{What: "水管爆裂", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001", Category: "pipe_burst"})
		first := x.shown(t, r.Receipt, "0001")
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "给101林女士回电话"}
		if _, err := x.service.UnmaskAsker(ctx, x.ZhouChunhe, r.ID, 0, request.PhoneNumber, why); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, r.ID, "林女士，明早到101看管道", request.ToTell))
		old, err := x.service.MakePromise(ctx, x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-04", Text: "给101换水管"})
		if err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.AddCounterStep(ctx, x.ZhouChunhe, r.ID, 1, false))
		moved(t)(x.service.Accept(ctx, x.ZhouChunhe, r.ID, ""))
		moved(t)(x.service.Wait(ctx, x.ZhouChunhe, r.ID, "请101留人开门", nil, request.ToTell))

		at(d, 1)
		joined, err := x.joins(t, site, org.Actor{}, request.Need{Category: "pipe_burst", Who: "张先生"})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := x.joins(t, site, x.LinXiaoman, request.Need{Category: "pipe_burst", Person: x.LinXiaoman.PersonID})
		if err != nil {
			t.Fatal(err)
		}
		before := map[string]bool{"到101看管道": false, "给101换水管": false, "请101留人": false, "给101林女士回电话": false, "2号窗口": false}
		second := x.shown(t, joined.Receipt, joined.Secret)
		third := x.page(t, request.Themselves(x.LinXiaoman, signed.Request))
		x.what(t, "who joined by a slip", second, before)
		if len(third.Steps) != 1 || !third.Steps[0].Own || len(third.Views) != 0 || len(third.Promises) != 0 || third.Reason != "" {
			t.Errorf("who joined signed in reads %+v", third)
		}
		if p := x.page(t, second); p.Status != "等您补充" || p.Holder == "" || p.Others != 2 {
			t.Errorf("who joined reads %q, held by %q, with %d others", p.Status, p.Holder, p.Others)
		}

		at(d, 2)
		moved(t)(x.service.Resume(ctx, x.ZhouChunhe, r.ID))
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, r.ID, "下午全楼停水两小时", request.ToTell))
		if _, err := x.service.MakePromise(ctx, x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "全楼换管"}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.MovePromise(ctx, x.ZhouChunhe, old.ID, "2026-03-06", "101没人在家"); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "promise.moved"); len(got) != 0 {
			t.Errorf("%v hear that a promise made before has moved", got)
		}
		why.Reason = "再给101林女士回电话"
		if _, err := x.service.UnmaskAsker(ctx, x.ZhouChunhe, r.ID, first.Asker(), request.PhoneNumber, why); err != nil {
			t.Fatal(err)
		}
		x.read(t, x.ZhouChunhe, r.ID)
		since := map[string]bool{"下午全楼停水": true, "全楼换管": true, "101没人在家": false, "再给101": false}
		x.what(t, "who joined by a slip", second, before)
		x.what(t, "who joined by a slip", second, since)
		if p := x.page(t, second); len(p.Views) != 1 || p.Views[0].Role != org.RoleAreaHolder || p.Views[0].Reason != "" {
			t.Errorf("who joined sees %+v, want the reading that came after, without more", p.Views)
		}
		x.what(t, "who asked first", first, map[string]bool{
			"到101看管道": true, "给101换水管": true, "请101留人": true, "给101林女士回电话": true, "2号窗口": true,
			"下午全楼停水": true, "全楼换管": true, "101没人在家": true, "再给101": true,
		})
	})
}

func TestX24_WhoIsMergedReadsTheirOwnAndWhatComesAfter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		clerk, _ := x.counters(t, d)
		a, b := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, request.Need{
			What: "证明过期了", Who: "张先生", CallBack: request.CallPhone, Phone: "19900000002", Category: "cert_travel",
		})
		lin, zhang := x.shown(t, a.Receipt, "0001"), x.shown(t, b.Receipt, "0002")
		if _, err := x.service.Follow(ctx, x.LinXiaoman, lin); err != nil {
			t.Fatal(err)
		}
		for id, name := range map[request.ID]string{a.ID: "甲", b.ID: "乙"} {
			moved(t)(x.service.Message(ctx, x.ZhouChunhe, id, "单独告诉"+name, request.ToTell))
			moved(t)(x.service.AddCounterStep(ctx, x.ZhouChunhe, id, 1, id == a.ID))
		}
		p, err := x.service.MakePromise(ctx, x.ZhouChunhe, a.ID, request.NewPromise{DueOn: "2026-03-04", Text: "周三给甲"})
		if err != nil {
			t.Fatal(err)
		}
		at(d, 1)
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, b.ID, "合并前告诉乙", request.ToTell))
		merge := func() {
			t.Helper()
			if _, err := x.service.Merge(ctx, x.ZhouChunhe, b.ID, []request.ID{a.ID}); err != nil {
				t.Fatal(err)
			}
		}
		merge()
		at(d, 2)
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, b.ID, "合并后告诉两人", request.ToTell))
		if _, err := x.service.MovePromise(ctx, x.ZhouChunhe, p.ID, "2026-03-06", "甲要等两天"); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "promise.moved"); !slices.Equal(got, []org.PersonID{x.LinXiaoman.PersonID}) {
			t.Errorf("%v hear that the promise has moved, want whom it was made to", got)
		}
		ofLin := map[string]bool{"单独告诉甲": true, "单独告诉乙": false, "合并前告诉乙": false, "合并后告诉两人": true, "周三给甲": true, "甲要等两天": true}
		x.what(t, "who was merged", lin, ofLin)
		x.what(t, "who was there", zhang, map[string]bool{
			"单独告诉甲": false, "单独告诉乙": true, "合并前告诉乙": true, "合并后告诉两人": true, "周三给甲": false, "甲要等两天": false,
		})
		if got := x.page(t, lin); len(got.Counters) != 1 {
			t.Errorf("who was merged sees %d counters, want their own", len(got.Counters))
		}
		if rows, _, err := x.service.CounterSteps(ctx, clerk, "", 0); err != nil || len(rows) != 2 {
			t.Errorf("the clerk sees %d steps (%v), want both", len(rows), err)
		}

		if _, err := x.service.Unmerge(ctx, x.ZhouChunhe, a.ID); err != nil {
			t.Fatal(err)
		}
		at(d, 3)
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, b.ID, "分开后告诉乙", request.ToTell))
		ofLin["分开后告诉乙"] = false
		x.what(t, "who goes on alone again", lin, ofLin)
		merge()
		x.what(t, "who was merged again", lin, ofLin)

		if f, err := x.service.FinishCounterStep(ctx, clerk, a.Receipt, request.CounterDone); err != nil || !f.Closed {
			t.Errorf("their step ends as %+v, error %v; want it to close what goes on", f, err)
		}
		if _, err := x.service.FinishCounterStep(ctx, clerk, a.Receipt, request.CounterDone); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the step of the other one ends with their code: %v", err)
		}
		if got := x.read(t, x.ZhouChunhe, b.ID); got.State != request.Resolved {
			t.Errorf("what goes on is %s, want resolved", got.State)
		}
	})
}

func TestK19_APromiseToWhoWasMergedIsRemindedOf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		id, _ := x.promise(t, "2026-03-04")
		into := x.create(t, x.ZhouChunhe, request.Need{What: "屋顶漏水", Category: request.DwellingSafety})
		if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, into.ID, []request.ID{id}); err != nil {
			t.Fatal(err)
		}
		at(d, 3*24*60)
		if _, err := x.service.RemindPromises(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "promise.due"); !slices.Equal(got, []org.PersonID{x.ZhouChunhe.PersonID}) {
			t.Errorf("reminded %v, want the area holder", got)
		}
	})
}

// Numbers are drawn by each node in blocks of its own: what came later may have the lower one.
func TestV1_LinesFollowEachOtherByTheirMoments(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		site := x.entrance(t, d)
		r := x.tells(t, site, request.Need{What: "水管爆裂", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001", Category: "pipe_burst"})
		at(d, 1)
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, r.ID, "林女士，明早到101看管道", request.ToTell))
		at(d, 2)
		joined, err := x.joins(t, site, org.Actor{}, request.Need{Category: "pipe_burst", Who: "张先生"})
		if err != nil {
			t.Fatal(err)
		}
		at(d, 3)
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, r.ID, "水阀已关", request.ToTell))
		if err := d.InTx(ctx, func(tx *db.Tx) error {
			var first int64
			err := tx.Get(ctx, &first, `SELECT MIN(id) FROM request_history WHERE request_id = ?`, r.ID)
			if err == nil {
				_, err = tx.Change(ctx, `UPDATE request_history SET id = 900000 WHERE id = ?`, first)
			}
			if err == nil {
				_, err = tx.Change(ctx, `UPDATE request_history SET id = ? WHERE request_id = ? AND move = 'joined'`, first, r.ID)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		second := x.shown(t, joined.Receipt, joined.Secret)
		x.what(t, "who joined by a slip", second, map[string]bool{"到101看管道": false, "水阀已关": true})
		if p := x.page(t, second); len(p.Steps) != 2 || !p.Steps[0].Own {
			t.Errorf("who joined reads %+v, want that they joined, and what was written then", p.Steps)
		}
	})
}

func TestX24_ACallGoesOnWhenTheNeedIsMerged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		a, b := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, request.Need{What: "证明过期了", Category: "cert_travel"})
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, a.ID, "第一句", request.ToTell))
		at(d, 1)
		if _, err := x.service.Merge(ctx, x.ZhouChunhe, b.ID, []request.ID{a.ID}); err != nil {
			t.Fatal(err)
		}
		at(d, 2)
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, b.ID, request.Closing{Kind: request.Resolved, Text: "都办好了"}))
		c := x.toCall(t, x.ZhouChunhe)
		detail, err := x.service.ReadCall(ctx, x.ZhouChunhe, c.ID, say.Chinese)
		if err != nil || len(detail.Say) != 2 || detail.Say[0].Text != "第一句" || detail.Say[1].Text != "都办好了" {
			t.Errorf("to say is %+v (%v), want both", detail.Say, err)
		}
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "告知办理结果"}
		if got, err := x.service.UnmaskCall(ctx, x.ZhouChunhe, c.ID, request.PhoneNumber, why); err != nil || got != "19900000001" {
			t.Errorf("the number is %q, %v", got, err)
		}
	})
}

func TestX32_WhatWasToldBeforeAMergeFindsTheAskerAfterIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		a, b := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, request.Need{What: "证明过期了", Category: "cert_travel"})
		if _, err := x.service.Follow(ctx, x.LinXiaoman, x.shown(t, a.Receipt, "0001")); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, a.ID, "明早8点来", request.ToTell))
		if _, err := x.service.Merge(ctx, x.ZhouChunhe, b.ID, []request.ID{a.ID}); err != nil {
			t.Fatal(err)
		}
		at(d, 1)
		unreached := func(told request.ID) {
			t.Helper()
			if err := d.InTx(ctx, func(tx *db.Tx) error {
				return x.service.Unreached(ctx, tx, notify.Unreached{
					Person: x.LinXiaoman.PersonID, Kind: "request.message", Ref: notify.Ref{Type: "request", ID: int64(told)}, At: monday,
				})
			}); err != nil {
				t.Fatal(err)
			}
		}
		unreached(a.ID)
		detail, err := x.service.ReadCall(ctx, x.ZhouChunhe, x.toCall(t, x.ZhouChunhe).ID, say.Chinese)
		if err != nil || len(detail.Say) != 1 || detail.Say[0].Text != "明早8点来" {
			t.Errorf("to say is %+v (%v), want what did not reach them", detail.Say, err)
		}
		for _, id := range []request.ID{a.ID, b.ID} {
			if p := x.page(t, request.Themselves(x.LinXiaoman, id)); p.ID != b.ID {
				t.Errorf("by need %d they find %d, want %d", id, p.ID, b.ID)
			}
		}
		if _, err := x.service.Unmerge(ctx, x.ZhouChunhe, a.ID); err != nil {
			t.Fatal(err)
		}
		if p := x.page(t, request.Themselves(x.LinXiaoman, b.ID)); p.ID != a.ID {
			t.Errorf("gone on alone they find %d, want %d", p.ID, a.ID)
		}
		if _, err := x.service.Page(ctx, request.Reader{As: request.Themselves(x.WangQiufen, a.ID)}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody else: %v", err)
		}
	})
}

func TestS21_WhoAsksTwiceIsSettledOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		me := x.LinXiaoman
		a, b := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
		for _, r := range []request.Seen{a, b} {
			if _, err := x.service.Follow(ctx, me, x.shown(t, r.Receipt, "0001")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := x.service.Merge(ctx, x.ZhouChunhe, b.ID, []request.ID{a.ID}); err != nil {
			t.Fatal(err)
		}
		if p := x.page(t, request.Themselves(me, b.ID)); p.Others != 0 {
			t.Errorf("they are %d others to themselves", p.Others)
		}
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, b.ID, request.Closing{Kind: request.Resolved, Text: "好了"}))
		if f, err := x.service.Answer(ctx, request.Themselves(me, b.ID), true, ""); err != nil || !f.Settled {
			t.Fatalf("done: %+v, %v", f, err)
		}
		before := len(inboxes(t, d, "request.closed"))
		moved(t)(x.service.Reopen(ctx, x.XuBailu, b.ID, "再看"))
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, b.ID, request.Closing{Kind: request.Resolved, Text: "又好了"}))
		if got := len(inboxes(t, d, "request.closed")) - before; got != 0 {
			t.Errorf("asked %d times more", got)
		}
		for _, r := range []request.Seen{a, b} {
			if p := x.page(t, x.shown(t, r.Receipt, "0001")); p.SettledAt == nil {
				t.Errorf("by the receipt of %d they are not settled", r.ID)
			}
		}
	})
}

// ADR 0014, S21: who asks for the same twice is taken off as both, whichever of them the holder names, and says as either that
// it is not so.
func TestS21_WhoAsksTwiceComesBackAsEither(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		ctx, me := t.Context(), x.LinXiaoman
		a, b, c := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
		for _, r := range []request.Seen{a, b} {
			if _, err := x.service.Follow(ctx, me, x.shown(t, r.Receipt, "0001")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := x.service.Merge(ctx, x.ZhouChunhe, c.ID, []request.ID{a.ID, b.ID}); err != nil {
			t.Fatal(err)
		}
		all := x.read(t, x.ZhouChunhe, c.ID).Askers
		for _, named := range all[:2] {
			if m := moved(t)(x.service.Withdraw(ctx, x.ZhouChunhe, c.ID, request.Phone, named.ID)); !m.State.Open() {
				t.Fatalf("for one of two it is %s", m.State)
			}
			as := request.Themselves(me, c.ID)
			p := x.page(t, as)
			if last := p.Steps[len(p.Steps)-1]; !p.MayAnswer || last.Move != "asker_left" || last.Own {
				t.Errorf("named as %d she is asked: %v, and reads last %+v; want that it was written down for her", named.ID, p.MayAnswer, last)
			}
			if f, err := x.service.Answer(ctx, as, false, ""); err != nil || f.Settled {
				t.Errorf("named as %d she says that it is not so: %+v, %v", named.ID, f, err)
			}
			if p := x.page(t, as); p.MayAnswer {
				t.Errorf("named as %d she is asked again", named.ID)
			}
		}
	})
}

// ADR 0011: what became of a promise is for those who were given it, also when it ends with the need.
func TestV1_WhoJoinsDoesNotReadThatAPromiseToOthersIsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		n := request.Need{What: "水管爆裂", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001", Category: "pipe_burst"}
		r := x.tells(t, site, n)
		if _, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-04", Text: "给101换水管"}); err != nil {
			t.Fatal(err)
		}
		at(d, 1)
		if _, err := x.joins(t, site, x.LinXiaoman, request.Need{Category: "pipe_burst", Person: x.LinXiaoman.PersonID}); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		for who, c := range map[string]struct {
			as   request.As
			want bool
		}{"who was given it": {x.shown(t, r.Receipt, "0001"), true}, "who joined": {request.Themselves(x.LinXiaoman, r.ID), false}} {
			over := slices.ContainsFunc(x.page(t, c.as).Steps, func(s request.PageStep) bool { return s.Move == "promise_over" })
			if over != c.want {
				t.Errorf("%s reads that the promise is over: %v, want %v", who, over, c.want)
			}
		}
	})
}

package request_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"wanjia/api"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/privacy"
	"wanjia/internal/request"
)

// toCall is the one call that by has to make.
func (x *fixture) toCall(t *testing.T, by org.Actor) request.Call {
	t.Helper()
	rows, _, err := x.service.Calls(t.Context(), by, "", 10)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d calls (%v), want one", len(rows), err)
	}
	return rows[0]
}

func TestACallIsTriedOnThreeDaysAndThenTheLeadDecides(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证到2号窗口", request.ToTell))
		c := x.toCall(t, x.ZhouChunhe)
		finish := func(by org.Actor, as request.CallState) error {
			var err error
			c, err = x.service.FinishCall(t.Context(), by, c.ID, as)
			return err
		}
		id := c.ID
		refused := func(by org.Actor, as request.CallState, want error) {
			t.Helper()
			if _, err := x.service.FinishCall(t.Context(), by, id, as); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", as, err, want)
			}
		}
		refused(x.SunLixia, request.CallReached, problem.ErrNotFound)
		const day = 24 * 60
		for i := range 3 {
			at(d, i*day)
			if err := finish(x.ZhouChunhe, request.CallNotReached); err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				refused(x.ZhouChunhe, request.CallNotReached, request.ErrTriedToday)
			}
		}
		if c.State != request.CallNotReached || c.Tries != 3 || c.Unit != x.Ruihe.Block.ID {
			t.Errorf("after three days the call is %+v, want it with the group leader", c)
		}
		if got := inboxes(t, d, "call.assigned"); len(got) != 1 || got[0] != x.SunLixia.PersonID {
			t.Errorf("told %v, want the lead", got)
		}
		refused(x.ZhouChunhe, request.CallReached, problem.ErrNotFound)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "证明已备好", request.ToTell))
		if c := x.toCall(t, x.SunLixia); c.Messages != 2 {
			t.Errorf("a word that comes while the lead decides makes %+v, want it joined", c)
		}
		if err := finish(x.SunLixia, request.CallDropped); err != nil || c.State != request.CallDropped {
			t.Errorf("the lead drops it: %+v, %v", c, err)
		}
		refused(x.SunLixia, request.CallReached, request.ErrCallOver)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请来领取", request.ToTell))
		if c := x.toCall(t, x.ZhouChunhe); c.Messages != 1 {
			t.Errorf("what comes later is %+v, want a new call", c)
		}
	})
}

func TestACallEndsWhenTheAskerHasHeardByThemselves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		x.toCall(t, x.ZhouChunhe)
		if _, err := x.service.Answer(t.Context(), x.shown(t, r.Receipt, "0001"), true, ""); err != nil {
			t.Fatal(err)
		}
		if rows, _, err := x.service.Calls(t.Context(), x.ZhouChunhe, "", 10); err != nil || len(rows) != 0 {
			t.Errorf("still %d calls to make (%v)", len(rows), err)
		}
	})
}

func TestV4_WhoeverCallsSeesTheNumberWithAReasonThatTheAskerReads(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		at(d, 12)
		moved(t)(x.service.Message(t.Context(), x.HeQingqing, r.ID, "请带身份证到2号窗口", request.ToTell))
		c := x.toCall(t, x.ZhouChunhe)
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "告知办理结果"}
		if got, err := x.service.UnmaskCall(t.Context(), x.ZhouChunhe, c.ID, request.PhoneNumber, why); err != nil || got != "19900000001" {
			t.Errorf("the caller sees %q, %v", got, err)
		}
		if got, err := x.service.UnmaskAsker(t.Context(), x.HeQingqing, r.ID, 0, request.FormOfAddress, why); err != nil || got != "林女士" {
			t.Errorf("the holder sees %q, %v", got, err)
		}
		for name, err := range map[string]error{
			"a lead above the holder": func() error {
				_, err := x.service.UnmaskAsker(t.Context(), x.SunLixia, r.ID, 0, request.PhoneNumber, why)
				return err
			}(),
			"without a reason": func() error {
				_, err := x.service.UnmaskCall(t.Context(), x.ZhouChunhe, c.ID, request.PhoneNumber, privacy.Why{Purpose: privacy.CallBack})
				return err
			}(),
			"another area": func() error {
				_, err := x.service.UnmaskCall(t.Context(), x.WangQiufen, c.ID, request.PhoneNumber, why)
				return err
			}(),
		} {
			if !errors.Is(err, request.ErrNotHolder) && !errors.Is(err, privacy.ErrReason) && !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		call, err := x.service.ReadCall(t.Context(), x.ZhouChunhe, c.ID, say.Chinese)
		if err != nil || len(call.Say) != 1 || call.Say[0].Text != "请带身份证到2号窗口" || call.Phone.Masked() != "199****0001" {
			t.Errorf("to say is %+v (%v)", call.Say, err)
		}
		p := x.page(t, x.shown(t, r.Receipt, "0001"))
		if len(p.Views) != 3 || p.Views[1].Reason != "告知办理结果" || p.Views[1].Role != org.RoleGridAssistant || p.Views[2].Role != org.RoleAreaHolder {
			t.Errorf("the asker sees %+v, want both openings of the contact and the reading", p.Views)
		}
	})
}

func TestN9_WhoWasToldInPersonIsNeitherSentAMessageNorCalled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{
			What: "返岗需要跨市通行证明", Person: x.LinXiaoman.PersonID, CallBack: request.CallPhone, Phone: "19900000001",
		})
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证", request.InPerson))
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "好了", Told: request.InPerson}))
		var told []int
		if err := d.Select(t.Context(), &told, `SELECT prio FROM inbox WHERE person_id = ?`, x.LinXiaoman.PersonID); err != nil {
			t.Fatal(err)
		}
		var sends int
		if err := d.Get(t.Context(), &sends, `SELECT COUNT(*) FROM wechat_send`); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[0] != int(notify.Quiet) || told[1] != int(notify.Quiet) || sends != 0 {
			t.Errorf("told with the priorities %v and %d messages, want it in the inbox alone", told, sends)
		}
	})
}

func TestK10_TheCallAboutAHandingOverHasSomethingToSay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		hand := func(n request.Need) request.Seen {
			t.Helper()
			r := x.create(t, x.ZhouChunhe, n)
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{
				Kind: request.HandedOver, Text: "已转供水公司", HandedTo: request.HandedTo{Body: "供水公司", Contact: "客服"},
				CallBackOn: "2026-03-03", Told: request.InPerson,
			}))
			return r
		}
		r := hand(request.Need{What: "停水", CallBack: request.CallPhone, Phone: "19900000001", Category: "water_supply"})
		silent := hand(request.Need{What: "停水", Phone: "19900000002", Category: "water_supply"})
		at(d, 24*60)
		for range 3 {
			if _, err := x.service.RunClocks(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		c := x.toCall(t, x.ZhouChunhe)
		detail, err := x.service.ReadCall(t.Context(), x.ZhouChunhe, c.ID, say.Chinese)
		if err != nil || c.Request != r.ID || len(detail.Say) != 1 || detail.Say[0].Text != "已转供水公司" {
			t.Errorf("to say of need %d is %+v (%v)", c.Request, detail.Say, err)
		}
		if got := calls(t, d, silent.ID); len(got) != 0 {
			t.Errorf("who wants no call gets %+v", got)
		}
	})
}

func TestN3_EveryCallHasSomethingToSay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		for _, c := range []struct {
			kind, move string
			does       func(r request.ID)
		}{
			{"request.message", "message", func(r request.ID) {
				moved(t)(x.service.Message(ctx, x.ZhouChunhe, r, "请带身份证", request.ToTell))
			}},
			{"request.waiting", "waiting", func(r request.ID) {
				moved(t)(x.service.Accept(ctx, x.ZhouChunhe, r, ""))
				moved(t)(x.service.Wait(ctx, x.ZhouChunhe, r, "请补材料", nil, request.ToTell))
			}},
			{"request.closed", "resolved", func(r request.ID) {
				moved(t)(x.service.Close(ctx, x.ZhouChunhe, r, request.Closing{Kind: request.Resolved, Text: "已开具"}))
			}},
			{"contact.changed", "contact_changed", func(request.ID) {
				if err := d.InTx(ctx, func(tx *db.Tx) error {
					return request.TellContactChanged(ctx, tx, org.System, x.Ruihe.Areas[0].Area, 1)
				}); err != nil {
					t.Fatal(err)
				}
			}},
			{"request.late", "late", func(request.ID) {
				at(d, 6*60)
				x.ticks(t)
			}},
		} {
			r := x.create(t, x.ZhouChunhe, needOfLin)
			c.does(r.ID)
			call := x.toCall(t, x.ZhouChunhe)
			detail, err := x.service.ReadCall(ctx, x.ZhouChunhe, call.ID, say.Chinese)
			if err != nil || call.Request != r.ID || len(detail.Say) != 1 || detail.Say[0].Move != c.move || detail.Say[0].Words == "" {
				t.Errorf("about %s there is to say %+v (%v)", c.kind, detail.Say, err)
			}
			if _, err := x.service.FinishCall(ctx, x.ZhouChunhe, call.ID, request.CallReached); err != nil {
				t.Fatal(err)
			}
			if c.kind == "request.waiting" {
				moved(t)(x.service.Resume(ctx, x.ZhouChunhe, r.ID))
			}
			if c.kind != "request.closed" {
				moved(t)(x.service.Close(ctx, x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具", Told: request.InPerson}))
			}
		}
	})
}

func TestACallerDropsACallThatNobodyIsToMake(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证", request.ToTell))
		c, err := x.service.FinishCall(t.Context(), x.ZhouChunhe, x.toCall(t, x.ZhouChunhe).ID, request.CallDropped)
		if err != nil || c.State != request.CallDropped {
			t.Errorf("dropped: %+v, %v", c, err)
		}
	})
}

func TestX25_TheLeadOfAPlaceHelpsItsGridAssistant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要证明", Category: "cert_travel"})
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		p, err := x.service.MakePromise(ctx, x.HeQingqing, r.ID, request.NewPromise{DueOn: "2026-03-04", Text: "办好"})
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range []calendar.Day{"2026-03-05", "2026-03-06"} {
			if _, err := x.service.MovePromise(ctx, x.HeQingqing, p.ID, day, "材料未到"); err != nil {
				t.Fatal(err)
			}
		}
		if got := inboxes(t, d, "promise.help_needed"); len(got) != 1 || got[0] != x.XuBailu.PersonID {
			t.Errorf("%v hear that help is needed, want the lead of the place", got)
		}
		for by, want := range map[*org.Actor]int{&x.XuBailu: 1, &x.HeQingqing: 0, &x.SunLixia: 0} {
			if all, _, err := x.service.Promises(ctx, *by, request.NeedingHelp, "", 10); err != nil || len(all) != want {
				t.Errorf("%s sees %d promises that need help (%v), want %d", by.Role, len(all), err, want)
			}
		}
	})
}

// C17: somebody who says that it is done, while what did not reach them is about to be told by phone, is not called: either
// they were quicker, or their word ends the call.
func TestC17_WhoHasJustSaidThatItIsDoneIsNotCalled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const askers = 12
		var wg sync.WaitGroup
		start, failed := make(chan struct{}), make(chan error, 2*askers)
		for range askers {
			r := x.create(t, x.ZhouChunhe, needOfLin)
			if _, err := x.service.Follow(t.Context(), x.LinXiaoman, x.shown(t, r.Receipt, "0001")); err != nil {
				t.Fatal(err)
			}
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好", Told: request.ToTell}))
			wg.Go(func() {
				<-start
				failed <- d.InTx(t.Context(), func(tx *db.Tx) error {
					return x.service.Unreached(t.Context(), tx, notify.Unreached{
						Person: x.LinXiaoman.PersonID, Kind: "request.closed", Ref: notify.Ref{Type: "request", ID: int64(r.ID)}, At: monday,
					})
				})
			})
			wg.Go(func() {
				<-start
				_, err := x.service.Answer(t.Context(), request.Themselves(x.LinXiaoman, r.ID), true, "")
				failed <- err
			})
		}
		close(start)
		wg.Wait()
		close(failed)
		for err := range failed {
			if err != nil {
				t.Error(err)
			}
		}
		if rows, _, err := x.service.Calls(t.Context(), x.ZhouChunhe, "", 100); err != nil || len(rows) != 0 {
			t.Errorf("%d are to be called who have said that it is done (%v), want none", len(rows), err)
		}
	})
}

// K10: on the day that was said whoever asked is asked whether it is done, in the inbox if they sign in, and somebody has to
// ask them, whether they left a number or not; but for those who left one and do not want to be called.
func TestK10_AHandingOverOfSomebodyWithoutANumberIsFollowedUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ask := func(n request.Need) request.ID {
			n.What, n.Category = "停水", "water_supply"
			r := x.create(t, x.ZhouChunhe, n)
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{
				Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司", Contact: "前台"}, CallBackOn: "2026-03-05", Told: request.InPerson,
			}))
			return r.ID
		}
		signed, paper := ask(request.Need{Person: x.LinXiaoman.PersonID}), ask(request.Need{Who: "林女士"})
		silent := ask(request.Need{Who: "林女士", Phone: "19900000001"})
		before := len(inboxes(t, d, "request.closed"))
		at(d, 70*60+30)
		x.ticks(t)
		if got := inboxes(t, d, "request.closed"); len(got) != before+1 || !slices.Contains(got, x.LinXiaoman.PersonID) {
			t.Errorf("asked in the inbox: %v, want 林晓满 once more than %d", got, before)
		}
		var called []request.ID
		if err := d.Select(t.Context(), &called, `SELECT request_id FROM call_task ORDER BY request_id`); err != nil {
			t.Fatal(err)
		}
		if want := []request.ID{signed, paper}; !slices.Equal(called, want) {
			t.Errorf("somebody is to ask about %v, want about %v and not about %d", called, want, silent)
		}
	})
}

// O13, K10: whoever is asked on the day that was said may say that it is not done for as long as others may after its end.
func TestK10_AfterTheDayOfTheCallItCanBeOpenedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "停水", Category: "water_supply", Person: x.LinXiaoman.PersonID})
		over := request.Closing{Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司", Contact: "前台"}, CallBackOn: "2027-01-27"}
		if _, err := x.service.Close(t.Context(), x.ZhouChunhe, r.ID, over); !errors.Is(err, request.ErrDay) {
			t.Errorf("to be called when the number may be gone: %v, want %v", err, request.ErrDay)
		}
		over.CallBackOn = "2026-04-10"
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, over))
		at(d, 39*24*60+60)
		if p := x.page(t, request.Themselves(x.LinXiaoman, r.ID)); !p.MayAnswer {
			t.Errorf("the page asks nothing on the day of the call")
		}
		if f, err := x.service.Answer(t.Context(), request.Themselves(x.LinXiaoman, r.ID), false, "还是没水"); err != nil || f.State != request.Reopened {
			t.Errorf("not done: %s, %v", f.State, err)
		}
	})
}

// V3, V4: whoever held a need last holds it a day longer; after that who does not follow what is opened there has a line of it,
// and nobody looks at the number.
func TestV4_WhoHeldANeedLongAgoLooksAtNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请办"}))
		moved(t)(x.service.Close(t.Context(), x.HeQingqing, r.ID, request.Closing{Kind: request.Resolved, Text: "好了"}))
		own := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, own.ID, request.Closing{Kind: request.Resolved, Text: "好了"}))
		looks := func(by org.Actor, id request.ID) (read, shown error) {
			_, read = x.service.Read(t.Context(), by, id)
			_, shown = x.service.UnmaskAsker(t.Context(), by, id, 0, request.PhoneNumber, privacy.Why{Purpose: privacy.CallBack, Reason: "再问一问是否办好"})
			return read, shown
		}
		at(d, 24*60-1)
		if read, shown := looks(x.HeQingqing, r.ID); read != nil || shown != nil {
			t.Errorf("within a day the last holder reads it: %v, and the number: %v", read, shown)
		}
		at(d, 24*60)
		if read, shown := looks(x.HeQingqing, r.ID); read != nil || !errors.Is(shown, request.ErrNotHolder) {
			t.Errorf("a day later the last holder reads it: %v, and the number: %v; want that one no more", read, shown)
		}
		at(d, 30*24*60)
		if read, shown := looks(x.HeQingqing, r.ID); !errors.Is(read, problem.ErrNotFound) || !errors.Is(shown, problem.ErrNotFound) {
			t.Errorf("when it can be opened no more the last holder reads it: %v, and the number: %v; want not found", read, shown)
		}
		if p, err := x.service.ReadPassed(t.Context(), x.HeQingqing, r.ID); err != nil || p.State != request.Resolved {
			t.Errorf("the line that stays is %+v, %v", p, err)
		}
		if read, shown := looks(x.ZhouChunhe, own.ID); read != nil || !errors.Is(shown, request.ErrNotHolder) {
			t.Errorf("who follows the area reads it: %v, and the number: %v; want %v", read, shown, request.ErrNotHolder)
		}
	})
}

// A number that stands in what somebody wrote is shown as a mask, to whoever it is; its holder looks at the words like at a
// number of theirs, with a reason, and the asker sees that they did.
func TestV4_ANumberInAText(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		const told = "水管坏了，请打我邻居电话19900001111"
		r := x.create(t, x.ZhouChunhe, request.Need{What: told, Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"})
		if _, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "打19900002222约师傅"}); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "已与19900003333联系", request.InPerson))
		handler := request.NewHandler(x.service)
		for _, by := range []org.Actor{x.ZhouChunhe, x.SunLixia} {
			answer, err := handler.GetRequest(org.WithActor(t.Context(), by), api.GetRequestRequestObject{RequestID: int64(r.ID)})
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			for _, end := range []string{"1111", "2222", "3333"} {
				if strings.Contains(string(text), end) {
					t.Errorf("%s reads the end %s of a number", by.Role, end)
				}
			}
			if !strings.Contains(string(text), "请打我邻居电话199********") {
				t.Errorf("%s reads %s, want the words with the mask", by.Role, text)
			}
		}
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "联系邻居开门"}
		if shown, err := x.service.UnmaskAsker(t.Context(), x.ZhouChunhe, r.ID, 0, request.OwnWords, why); err != nil || shown != told {
			t.Errorf("the holder looks at %q (%v), want the words", shown, err)
		}
		const wrote = "邻居换号了，现在是19900004444"
		if _, err := x.service.Say(t.Context(), x.shown(t, r.Receipt, "0001"), wrote); err != nil {
			t.Fatal(err)
		}
		if shown, err := x.service.UnmaskAsker(t.Context(), x.ZhouChunhe, r.ID, 0, request.OwnWords, why); err != nil || shown != told+"\n"+wrote {
			t.Errorf("the holder looks at %q (%v), want also what was written later", shown, err)
		}
		if _, err := x.service.UnmaskAsker(t.Context(), x.SunLixia, r.ID, 0, request.OwnWords, why); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("who leads the holder looks at them: %v, want %v", err, request.ErrNotHolder)
		}
	})
}

// ADR 0020: a number that a holder has written to the askers is seen by them, on the receipt and while the need can go on; by
// which one any of them is called back is not, and everybody else sees masks and looks with a reason.
func TestV4_ANumberThatAnAskerIsToRing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		n := needOfLin
		n.Category = "water_supply"
		r := x.tells(t, site, n)
		other := n
		other.Phone = "19900000002"
		joined, err := x.joins(t, site, org.Actor{}, other)
		if err != nil {
			t.Fatal(err)
		}
		const wrote = "师傅19900003333会联系19900000001和199 0000 0002"
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, wrote, request.ToTell))
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请在家等", request.ToTell))
		const promised = "打19900002222约师傅"
		if _, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: promised}); err != nil {
			t.Fatal(err)
		}
		first := x.shown(t, r.Receipt, "0001")
		if _, err := x.service.Say(t.Context(), first, "我的新号19900004444"); err != nil {
			t.Fatal(err)
		}
		reads := func(code request.Receipt, secret, message, promise string) {
			t.Helper()
			answer, err := request.NewHandler(x.service).OpenReceipt(t.Context(), api.OpenReceiptRequestObject{Body: &api.ReceiptProof{ReceiptCode: string(code), Secret: secret}})
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(answer)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{message, promise} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the page of %s says %s; want %s", secret, text, want)
				}
			}
			for _, hidden := range []string{"19900000001", "199 0000 0002", "19900000002", "19900004444"} {
				if strings.Contains(string(text), hidden) {
					t.Errorf("the page of %s shows %s: %s", secret, hidden, text)
				}
			}
		}
		reads(r.Receipt, "0001", "师傅19900003333会联系199****0001和199****0002", promised)
		reads(joined.Receipt, "0002", "师傅19900003333会联系199****0001和199****0002", promised)

		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "物业值班19900005555"}))
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "联系师傅上门"}
		if _, err := x.service.UnmaskAsker(t.Context(), x.ZhouChunhe, r.ID, 0, request.Written, why); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("who held it looks at them: %v, want %v", err, request.ErrNotHolder)
		}
		shown, err := x.service.UnmaskAsker(t.Context(), x.HeQingqing, r.ID, 0, request.Written, why)
		if want := strings.Join([]string{wrote, promised, "物业值班19900005555"}, "\n"); err != nil || shown != want {
			t.Errorf("the holder looks at %q (%v), want %q", shown, err, want)
		}
		if p := x.page(t, first); len(p.Views) != 1 || p.Views[0].Action != "asker.unmasked" || p.Views[0].Role != org.RoleGridAssistant {
			t.Errorf("the asker sees %+v, want who has looked", p.Views)
		}
		rows, _, err := x.service.Calls(t.Context(), x.ZhouChunhe, "", 10)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d calls (%v), want two", len(rows), err)
		}
		read, err := x.service.ReadCall(t.Context(), x.ZhouChunhe, rows[0].ID, say.Chinese)
		if err != nil || strings.Contains(fmt.Sprint(read.Say), "3333") || !strings.Contains(fmt.Sprint(read.Say), "师傅199********会联系") {
			t.Errorf("whoever calls reads %+v (%v), want masks", read.Say, err)
		}
		held := pageText(request.NewHandler(x.service).GetRequest(org.WithActor(t.Context(), x.HeQingqing), api.GetRequestRequestObject{RequestID: int64(r.ID)}))
		for _, end := range []string{"0001", "0002", "2222", "3333", "4444", "5555"} {
			if strings.Contains(held, end+`"`) || strings.Contains(held, end+"会") || strings.Contains(held, end+"约") || strings.Contains(held, end+"和") {
				t.Errorf("the holder reads the end %s of a number: %s", end, held)
			}
		}
		if want := "打199********约师傅"; !strings.Contains(held, want) {
			t.Errorf("the holder reads %s, want %s", held, want)
		}
		shown, err = x.service.UnmaskCall(t.Context(), x.ZhouChunhe, rows[0].ID, request.Written, why)
		if want := wrote + "\n" + promised; err != nil || shown != want {
			t.Errorf("whoever calls looks at %q (%v), want %q", shown, err, want)
		}

		moved(t)(x.service.Close(t.Context(), x.HeQingqing, r.ID, request.Closing{Kind: request.Resolved, Text: "好了", Told: request.InPerson}))
		at(d, 30*24*60-1)
		reads(r.Receipt, "0001", "师傅19900003333", promised)
		at(d, 30*24*60)
		reads(r.Receipt, "0001", "师傅199****3333", "打199****2222约师傅")
	})
}

// ADR 0020: a number that a neighbour had left when it was written to all who ask stays hidden from the others once its owner
// corrects it, takes it back, or goes on alone; and what is known of it goes with the neighbour's contact.
func TestV4_ANumberStaysHiddenOnceItsOwnerLeavesItNoMore(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		fitter := "19900003300" // whose number looks like none of theirs by its index
		for i := 1; x.keys.PhoneIndex(fitter) == x.keys.PhoneIndex("19900000002"); i++ {
			fitter = fmt.Sprintf("199000033%02d", i)
		}
		written := "师傅" + fitter + "会联系１９９００００００02"
		hidden := func(when string, as request.As) {
			t.Helper()
			if got, want := fmt.Sprint(x.page(t, as).Steps), "师傅"+fitter+"会联系199****0002"; !strings.Contains(got, want) {
				t.Errorf("%s the neighbour reads %s, want %s", when, got, want)
			}
		}
		site := x.entrance(t, d)
		n := needOfLin
		n.Category = "water_supply"
		for when, then := range map[string]func(as request.As) error{
			"when it is corrected": func(as request.As) error {
				return failed(x.service.Correct(ctx, as, request.CallPhone, "19900000005"))
			},
			"when it is corrected twice, and to the same": func(as request.As) error {
				for _, number := range []string{"19900000005", "19900000002", "19900000006"} {
					if _, err := x.service.Correct(ctx, as, request.CallPhone, number); err != nil {
						return err
					}
				}
				return nil
			},
			"when it is taken back": func(as request.As) error {
				if _, err := x.service.Follow(ctx, x.LinXiaoman, as); err != nil {
					return err
				}
				return failed(x.service.Correct(ctx, as, request.CallNone, ""))
			},
		} {
			r := x.tells(t, site, n)
			other := n
			other.Phone = "19900000002"
			joined, err := x.joins(t, site, org.Actor{}, other)
			if err != nil {
				t.Fatal(err)
			}
			moved(t)(x.service.Message(ctx, x.ZhouChunhe, r.ID, written, request.ToTell))
			first := x.shown(t, r.Receipt, "0001")
			hidden("at first", first)
			if err := then(x.shown(t, joined.Receipt, "0002")); err != nil {
				t.Fatal(err)
			}
			hidden(when, first)
			moved(t)(x.service.Close(ctx, x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "好了", Told: request.InPerson}))
		}

		asks := func(phone string) request.Seen {
			n := n
			n.Phone = phone
			return x.create(t, x.ZhouChunhe, n)
		}
		a, b, c := asks("19900000001"), asks("19900000003"), asks("19900000002")
		for _, m := range [][2]request.ID{{c.ID, b.ID}, {b.ID, a.ID}} {
			if _, err := x.service.Merge(ctx, x.ZhouChunhe, m[1], []request.ID{m[0]}); err != nil {
				t.Fatal(err)
			}
		}
		moved(t)(x.service.Message(ctx, x.ZhouChunhe, a.ID, written, request.ToTell))
		first := x.shown(t, a.Receipt, "0001")
		hidden("when they are merged", first)
		for _, id := range []request.ID{b.ID, c.ID} {
			moved(t)(x.service.Unmerge(ctx, x.ZhouChunhe, id))
			hidden("when its owner goes on alone", first)
			hidden("when its owner goes on alone, another", x.shown(t, b.Receipt, "0003"))
		}

		kept := func() (n int) {
			t.Helper()
			if err := d.Get(ctx, &n, `SELECT COUNT(*) FROM asker_number`); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := kept(); n < 3 { // of one of them two may look alike
			t.Errorf("%d numbers are kept that were left before, want one of each who has left another, or none", n)
		}
		clean(t, d, calendar.Day("2027-03-03").Time(), request.Retained)
		if n := kept(); n != 0 {
			t.Errorf("%d numbers are kept a year after the end, want none", n)
		}
	})
}

// C17: whoever calls about an end that somebody else has not taken as one says that it goes on.
func TestC17_ACallSaysThatItGoesOnAfterAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		n := needOfLin
		n.Category = "water_supply"
		r := x.tells(t, site, n)
		n.Phone = "19900000002"
		if _, err := x.joins(t, site, org.Actor{}, n); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好", Told: request.ToTell}))
		at(d, 5)
		if _, err := x.service.Answer(t.Context(), x.shown(t, r.Receipt, "0001"), false, "还在漏"); err != nil {
			t.Fatal(err)
		}
		read, err := x.service.ReadCall(t.Context(), x.ZhouChunhe, x.toCall(t, x.ZhouChunhe).ID, say.Chinese)
		var moves []string
		for _, step := range read.Say {
			moves = append(moves, step.Move)
		}
		if err != nil || !slices.Equal(moves, []string{"resolved", "reopened"}) {
			t.Errorf("there is to say %v (%v), want that it goes on after all", moves, err)
		}
	})
}

// C17, X24: whoever calls about the end of what a need was merged into says that it goes on by itself.
func TestC17_ACallSaysThatItGoesOnByItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r, into := x.create(t, x.ZhouChunhe, needOfLin), x.burst(t, x.ZhouChunhe, "张先生")
		if _, err := x.service.Merge(t.Context(), x.ZhouChunhe, into.ID, []request.ID{r.ID}); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, into.ID, request.Closing{Kind: request.Resolved, Text: "已修好", Told: request.ToTell}))
		at(d, 5)
		moved(t)(x.service.Unmerge(t.Context(), x.ZhouChunhe, r.ID))
		var said [][]string
		calls, _, err := x.service.Calls(t.Context(), x.ZhouChunhe, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range calls {
			read, err := x.service.ReadCall(t.Context(), x.ZhouChunhe, c.ID, say.Chinese)
			if err != nil {
				t.Fatal(err)
			}
			var moves []string
			for _, step := range read.Say {
				moves = append(moves, step.Move)
			}
			said = append(said, moves)
		}
		if want := [][]string{{"resolved", "unmerged"}}; !slices.EqualFunc(said, want, slices.Equal) {
			t.Errorf("there is to say %v, want %v", said, want)
		}
	})
}

// ADR 0014, N3: whoever is written down as having taken it back hears so by a call, if by nothing else, while others keep the need.
func TestN3_WhoIsTakenOffByTheHolderHearsOfItByPhone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		site := x.entrance(t, d)
		n := request.Need{What: "水管爆了", Category: "water_supply", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"}
		r := x.tells(t, site, n)
		n.Person = x.LinXiaoman.PersonID
		if _, err := x.joins(t, site, org.Actor{PersonID: x.LinXiaoman.PersonID}, n); err != nil {
			t.Fatal(err)
		}
		third := n
		third.Person, third.Phone = 0, "19900000002"
		if _, err := x.joins(t, site, org.Actor{}, third); err != nil {
			t.Fatal(err)
		}
		all := x.read(t, x.ZhouChunhe, r.ID).Askers
		if len(all) != 3 {
			t.Fatalf("%d ask for it, want three", len(all))
		}
		called := func(who string, asker request.AskerID) {
			t.Helper()
			c := x.toCall(t, x.ZhouChunhe)
			detail, err := x.service.ReadCall(ctx, x.ZhouChunhe, c.ID, say.Chinese)
			if err != nil || c.Asker != asker || len(detail.Say) != 1 || detail.Say[0].Move != "asker_left" {
				t.Errorf("%s: to say to %d is %+v (%v), want to %d that it was taken back for them", who, c.Asker, detail.Say, err, asker)
			}
			if _, err := x.service.FinishCall(ctx, x.ZhouChunhe, c.ID, request.CallReached); err != nil {
				t.Fatal(err)
			}
		}
		moved(t)(x.service.Withdraw(ctx, x.ZhouChunhe, r.ID, request.Phone, all[0].ID))
		called("with a number alone", all[0].ID)
		moved(t)(x.service.Withdraw(ctx, x.ZhouChunhe, r.ID, request.Phone, all[1].ID))
		if err := d.InTx(ctx, func(tx *db.Tx) error {
			return x.service.Unreached(ctx, tx, notify.Unreached{
				Person: x.LinXiaoman.PersonID, Kind: "request.closed", Ref: notify.Ref{Type: "request", ID: int64(r.ID)}, At: tx.Now,
			})
		}); err != nil {
			t.Fatal(err)
		}
		called("whom no message reached", all[1].ID)
	})
}

// V4: a call that is over shows the number, and what there was to say, a day longer.
func TestV4_ACallThatIsLongOverShowsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证到2号窗口", request.ToTell))
		c := x.toCall(t, x.ZhouChunhe)
		looks := func() (read, shown error) {
			_, read = x.service.ReadCall(t.Context(), x.ZhouChunhe, c.ID, say.Chinese)
			_, shown = x.service.UnmaskCall(t.Context(), x.ZhouChunhe, c.ID, request.PhoneNumber, privacy.Why{Purpose: privacy.CallBack, Reason: "告知办理结果"})
			return read, shown
		}
		at(d, 3*24*60)
		if read, shown := looks(); read != nil || shown != nil {
			t.Errorf("while it is open it is read: %v, and the number: %v", read, shown)
		}
		if _, err := x.service.FinishCall(t.Context(), x.ZhouChunhe, c.ID, request.CallReached); err != nil {
			t.Fatal(err)
		}
		at(d, 4*24*60-1)
		if read, shown := looks(); read != nil || shown != nil {
			t.Errorf("within a day of its end it is read: %v, and the number: %v", read, shown)
		}
		at(d, 4*24*60)
		if read, shown := looks(); !errors.Is(read, request.ErrCallOver) || !errors.Is(shown, request.ErrCallOver) {
			t.Errorf("a day after its end it is read: %v, and the number: %v; want %v", read, shown, request.ErrCallOver)
		}
	})
}

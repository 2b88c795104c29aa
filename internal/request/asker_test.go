package request_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/watch"
	"wanjia/internal/request"
)

// needOfLin is a need of somebody who left a number.
var needOfLin = request.Need{What: "返岗需要跨市通行证明", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001", Category: "cert_travel"}

// from is a context of a request that comes from an address.
func from(t *testing.T, address string) context.Context {
	t.Helper()
	return watch.WithCaller(t.Context(), watch.Caller{Address: netip.MustParseAddr(address)})
}

// shown is whoever shows the receipt with the last four digits.
func (x *fixture) shown(t *testing.T, r request.Receipt, secret string) request.As {
	t.Helper()
	as, err := x.service.Shown(t.Context(), request.Proof{Code: string(r), Secret: secret})
	if err != nil {
		t.Fatalf("show the receipt: %v", err)
	}
	return as
}

func (x *fixture) page(t *testing.T, as request.As) request.ReceiptPage {
	t.Helper()
	p, err := x.service.Page(t.Context(), request.Reader{As: as, Lang: say.Chinese})
	if err != nil {
		t.Fatalf("read the receipt: %v", err)
	}
	return p
}

func TestC25_AReceiptOpensWithItsCodeAndTheEndOfTheNumber(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		at(d, 4)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "只写给承办人的话"}))
		at(d, 6)
		moved(t)(x.service.Accept(t.Context(), x.HeQingqing, r.ID, ""))
		moved(t)(x.service.AddStep(t.Context(), x.HeQingqing, r.ID, "内部记录", nil))
		moved(t)(x.service.Wait(t.Context(), x.HeQingqing, r.ID, "请带身份证 电话 19900000055", nil, request.ToTell))
		if _, err := x.service.Read(t.Context(), x.SunLixia, r.ID); err != nil {
			t.Fatal(err)
		}

		for _, typed := range []string{string(r.Receipt), r.Receipt.String(), strings.ToLower(r.Receipt.String())} {
			p := x.page(t, x.shown(t, request.Receipt(typed), "0001"))
			if p.Status != "等您补充" || p.Now != "10:04 起由网格助理员办理" || p.What != needOfLin.What || p.Phone.Masked() != "199****0001" {
				t.Errorf("the page says %q, %q, %q, %s", p.Status, p.Now, p.What, p.Phone)
			}
			if p.Reason != "请带身份证 电话 199****0055" {
				t.Errorf("waits for %q", p.Reason)
			}
			var steps []string
			for _, s := range p.Steps {
				steps = append(steps, s.Words)
				if strings.Contains(s.Text, "只写给") || strings.Contains(s.Text, "内部") {
					t.Errorf("an inner note is shown: %+v", s)
				}
			}
			if got, want := strings.Join(steps, " "), "已登记 已上报 已受理 已开始办理 等您补充"; got != want {
				t.Errorf("the steps are %s, want %s", got, want)
			}
			if len(p.Views) != 1 || p.Views[0].Role != org.RoleGroupLeader || !p.Views[0].At.Equal(minute(6)) {
				t.Errorf("seen by %+v, want the group leader at once", p.Views)
			}
		}
	})
}

func TestX10_AnUnknownCodeAndWrongDigitsAreAnsweredAlikeFiveTimes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		silent := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}) // neither a number nor a slip
		try := func(ctx context.Context, code request.Receipt, secret string) error {
			_, err := x.service.Shown(ctx, request.Proof{Code: string(code), Secret: secret})
			return err
		}
		home, far := from(t, "198.51.100.7"), from(t, "203.0.113.9")
		for i, c := range []struct {
			code   request.Receipt
			secret string
		}{{r.Receipt, "0002"}, {"ZZZZZZZZZZ", "0001"}, {"!", "0001"}, {silent.Receipt, "0000"}, {"ZZZZZZZZZZ", "00000000"}} {
			if err := try(home, c.code, c.secret); !errors.Is(err, request.ErrReceipt) {
				t.Errorf("try %d: %v, want %v", i+1, err, request.ErrReceipt)
			}
		}
		if err := try(home, r.Receipt, "0001"); !errors.Is(err, request.ErrTries) {
			t.Errorf("the sixth try from one address: %v, want %v", err, request.ErrTries)
		}
		for range 5 { // what is right takes nothing
			if err := try(far, r.Receipt, "0001"); err != nil {
				t.Errorf("from elsewhere: %v", err)
			}
		}
		for i := range 3 {
			if err := try(from(t, fmt.Sprintf("203.0.113.%d", 20+i)), r.Receipt, "9999"); !errors.Is(err, request.ErrReceipt) {
				t.Errorf("wrong from another address: %v", err)
			}
		}
		if err := try(far, r.Receipt, "0001"); !errors.Is(err, request.ErrTries) {
			t.Errorf("one code tried wrongly from many addresses: %v, want %v", err, request.ErrTries)
		}
		at(d, 15) // a window ends at exactly 15 minutes (K23)
		if err := try(home, r.Receipt, "0001"); err != nil {
			t.Errorf("after 15 minutes: %v", err)
		}
		if some, err := x.service.ForgetTries(t.Context()); err != nil || !some {
			t.Errorf("old tries are forgotten: %v, %v", some, err)
		}
	})
}

func TestFiftyWrongTriesAtOneTimeAreFive(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		var all sync.WaitGroup
		errs := make([]error, 50)
		for i := range errs {
			all.Go(func() {
				_, errs[i] = x.service.Shown(t.Context(), request.Proof{Code: string(r.Receipt), Secret: fmt.Sprintf("%04d", 1000+i)})
			})
		}
		all.Wait()
		looked := 0
		for _, err := range errs {
			switch {
			case errors.Is(err, request.ErrReceipt):
				looked++
			case !errors.Is(err, request.ErrTries):
				t.Error(err)
			}
		}
		if looked > 5 || looked == 0 {
			t.Errorf("%d of fifty were looked at, want five", looked)
		}
	})
}

func TestC20_TheAskerSaysWhetherItIsDone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		as := x.shown(t, r.Receipt, "0001")
		if _, err := x.service.Answer(t.Context(), as, true, ""); !errors.Is(err, request.ErrIllegalTransition) {
			t.Errorf("before it has ended: %v", err)
		}
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(0)))
		moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		if p := x.page(t, as); !p.MayAnswer || p.Status != "已办结：已解决" {
			t.Errorf("closed: %q, may answer: %v", p.Status, p.MayAnswer)
		}
		f, err := x.service.Answer(t.Context(), as, false, "窗口说不行")
		if err != nil || f.State != request.Reopened || f.Settled {
			t.Fatalf("not done: %+v, %v", f, err)
		}
		got := inboxes(t, d, "request.reopened")
		want := map[org.PersonID]bool{x.SunLixia.PersonID: true, x.XuBailu.PersonID: true, x.ZhouChunhe.PersonID: true}
		for _, p := range got {
			delete(want, p)
		}
		if len(got) != 3 || len(want) != 0 {
			t.Errorf("told %v, want the last holder, the place's lead and who held it before", got)
		}
		moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.Resolved, Text: "已重新开具"}))
		if f, err = x.service.Answer(t.Context(), as, true, "已返岗"); err != nil || f.State != request.Resolved || !f.Settled {
			t.Fatalf("done: %+v, %v", f, err)
		}
		if _, err := x.service.Answer(t.Context(), as, false, ""); !errors.Is(err, request.ErrSettled) {
			t.Errorf("after done: %v, want %v", err, request.ErrSettled)
		}
		if got := inboxes(t, d, "request.answered"); len(got) != 1 || got[0] != x.SunLixia.PersonID {
			t.Errorf("the answer is told to %v, want the holder", got)
		}
		moved(t)(x.service.Reopen(t.Context(), x.XuBailu, r.ID, "证明有误"))
		moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.Resolved, Text: "已更正"}))
		if got := calls(t, d, r.ID); len(got) != 1 || got[0].Messages != 2 {
			t.Errorf("calls %+v, want no word more than the two before the asker was settled", got)
		}
	})
}

func TestO13_AnAskerOpensItAgainWithinTheDaysOfTheSetting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.service.ReopeningFor(7 * 24 * time.Hour)
		closed := func() request.As {
			r := x.create(t, x.ZhouChunhe, needOfLin)
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Explained, Text: "暂不办理"}))
			return x.shown(t, r.Receipt, "0001")
		}
		one, two := closed(), closed()
		const week = 7 * 24 * 60
		now := minute(week).Add(-time.Millisecond)
		d.SetNow(func() time.Time { return now })
		if _, err := x.service.Answer(t.Context(), one, false, ""); err != nil {
			t.Errorf("a millisecond before: %v", err)
		}
		at(d, week)
		if _, err := x.service.Answer(t.Context(), two, false, ""); !errors.Is(err, request.ErrReopenLate) {
			t.Errorf("at exactly seven days: %v, want %v", err, request.ErrReopenLate)
		}
		if x.page(t, two).MayAnswer {
			t.Error("the page still asks")
		}
	})
}

func TestTheAskersMessageLetsARequestGoOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		as := x.shown(t, r.Receipt, "0001")
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		at(d, 20)
		moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", nil, request.InPerson))
		at(d, 60)
		f, err := x.service.Say(t.Context(), as, "材料已交")
		if err != nil || f.State != request.InProgress {
			t.Fatalf("said: %+v, %v", f, err)
		}
		detail, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		is(t, "solving", detail.SolveDueAt, minute(100)) // 40 of 60 minutes were left (K4)
		if last := detail.History[len(detail.History)-1]; last.Move != "asker_message" || last.Note != "材料已交" || last.Asker == 0 {
			t.Errorf("the history ends with %+v", last)
		}
		if got := inboxes(t, d, "request.answered"); len(got) != 1 || got[0] != x.ZhouChunhe.PersonID {
			t.Errorf("told %v, want the holder", got)
		}
		if _, err := x.service.Say(t.Context(), as, "身份证号 110101190001010000"); !errors.Is(err, problem.ErrPersonalDataInText) {
			t.Errorf("an id-card number: %v", err)
		}
	})
}

func TestTheAskerTakesItBackAndCorrectsTheNumber(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		as := x.shown(t, r.Receipt, "0001")
		if _, err := x.service.Correct(t.Context(), as, request.CallPhone, "199 0000 0002"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Shown(t.Context(), request.Proof{Code: string(r.Receipt), Secret: "0001"}); !errors.Is(err, request.ErrReceipt) {
			t.Errorf("the old number opens the receipt: %v", err)
		}
		f, err := x.service.TakeBack(t.Context(), x.shown(t, r.Receipt, "0002"))
		if err != nil || f.State != request.Withdrawn || !f.Settled {
			t.Fatalf("taken back: %+v, %v", f, err)
		}
		if got := inboxes(t, d, "request.withdrawn"); len(got) != 1 || got[0] != x.ZhouChunhe.PersonID {
			t.Errorf("told %v, want the holder", got)
		}
		if _, err := x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""); !errors.Is(err, request.ErrIllegalTransition) {
			t.Errorf("accepted after it: %v", err)
		}
	})
}

func TestASignedInAskerFollowsOwnRequestsAndNobodyElses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.service.Siting(func(_ context.Context, _ db.Queryer, s request.Site) (request.Door, error) {
			if s.Building != "3" {
				return request.Door{}, problem.ErrNotFound
			}
			return request.Door{Entrance: 7, Area: x.Ruihe.Areas[0].Area}, nil
		})
		tell := func(building, ref string) (request.Begun, error) {
			return x.service.CreateOwn(t.Context(), x.LinXiaoman, request.Telling{
				Need: request.Need{What: "楼道灯坏了"}, Site: request.Site{Building: building}, ClientRef: ref,
			}, say.Chinese)
		}
		ref := uuid.NewString()
		own, err := tell("3", ref)
		if err != nil || own.Secret != "" || own.Words.Now != "10:00 起由党员中心户办理" && own.Words.Holder == "" {
			t.Fatalf("begun %+v, %v", own, err)
		}
		if again, err := tell("3", ref); err != nil || again.Request != own.Request || again.Receipt != own.Receipt {
			t.Errorf("told again: %+v, %v; want the same", again, err)
		}
		if _, err := x.service.CreateOwn(t.Context(), x.LinXiaoman, request.Telling{
			Need: request.Need{What: "另一件事"}, Site: request.Site{Building: "3"}, ClientRef: ref,
		}, say.Chinese); !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("another need under one clientRef: %v", err)
		}
		if _, err := tell("99", uuid.NewString()); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("at no site of ours: %v", err)
		}
		if got := inboxes(t, d, "request.assigned"); len(got) != 1 || got[0] != x.ZhouChunhe.PersonID {
			t.Errorf("told %v, want the area holder", got)
		}
		at(d, 1)
		other := x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Page(t.Context(), request.Reader{As: request.Themselves(x.LinXiaoman, other.ID)}); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a request of somebody else: %v", err)
		}
		if id, err := x.service.Follow(t.Context(), x.LinXiaoman, x.shown(t, other.Receipt, "0001")); err != nil || id != other.ID {
			t.Fatalf("follow: %d, %v", id, err)
		}
		if _, err := x.service.Follow(t.Context(), x.WangQiufen, x.shown(t, other.Receipt, "0001")); !errors.Is(err, request.ErrFollowed) {
			t.Errorf("a second person follows as the same asker: %v", err)
		}
		var got []request.ID
		cursor := ""
		for range 3 {
			rows, next, err := x.service.Mine(t.Context(), x.LinXiaoman, say.Chinese, cursor, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				got = append(got, r.ID)
			}
			if cursor = next; next == "" {
				break
			}
		}
		if len(got) != 2 || got[0] != own.Request && got[1] != own.Request {
			t.Errorf("lists %v, want both", got)
		}
		for _, by := range []org.Actor{x.WangQiufen, {}} {
			if rows, _, err := x.service.Mine(t.Context(), by, say.Chinese, "", 10); err != nil || len(rows) != 0 {
				t.Errorf("somebody else lists %d, %v", len(rows), err)
			}
		}
	})
}

func TestC25_WhoeverLeavesNoNumberOpensTheReceiptWithEightDigits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		x.service.Siting(func(context.Context, db.Queryer, request.Site) (request.Door, error) {
			return request.Door{Area: x.Ruihe.Areas[0].Area}, nil
		})
		begun, err := x.service.CreatePublic(t.Context(), request.Telling{Need: request.Need{What: "楼道灯坏了", Who: "林女士"}, Site: request.Site{Entrance: "1"}}, say.English)
		if err != nil || len(begun.Secret) != 8 {
			t.Fatalf("begun %+v, %v", begun, err)
		}
		if p := x.page(t, x.shown(t, begun.Receipt, begun.Secret)); p.Channel != request.ToldSelf || p.What != "楼道灯坏了" {
			t.Errorf("opened %+v", p)
		}
		printed, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, begun.Request)
		if err != nil || printed.Receipt != begun.Receipt || printed.Secret == begun.Secret {
			t.Fatalf("printed %+v, %v", printed, err)
		}
		x.shown(t, begun.Receipt, printed.Secret)
		if _, err := x.service.Shown(t.Context(), request.Proof{Code: string(begun.Receipt), Secret: begun.Secret}); !errors.Is(err, request.ErrReceipt) {
			t.Errorf("the digits before open it still: %v", err)
		}
		if _, err := x.service.PrintSlip(t.Context(), x.WangQiufen, begun.Request); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the neighbouring area prints it: %v", err)
		}
	})
}

func TestX54_APaperSlipIsEnteredLaterUnderItsCode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		slips, err := x.service.IssueSlips(t.Context(), x.XuBailu, 2)
		if err != nil || len(slips) != 2 || slips[0] == slips[1] {
			t.Fatalf("issued %v, %v", slips, err)
		}
		if _, err := x.service.Shown(t.Context(), request.Proof{Code: string(slips[0].Receipt), Secret: slips[0].Secret}); !errors.Is(err, request.ErrReceipt) {
			t.Errorf("a slip that nobody has entered: %v", err)
		}
		enter := func(by org.Actor, code request.Receipt) (request.Seen, error) {
			return x.service.Create(t.Context(), by, request.Telling{
				Need: request.Need{What: "路灯不亮", Who: "林女士"}, Channel: request.Paper, Slip: code.String(),
			})
		}
		r, err := enter(x.ZhouChunhe, slips[0].Receipt)
		if err != nil || r.Receipt != slips[0].Receipt || r.Channel != request.Paper {
			t.Fatalf("entered %+v, %v", r, err)
		}
		if p := x.page(t, x.shown(t, slips[0].Receipt, slips[0].Secret)); p.ID != r.ID || p.What != "路灯不亮" {
			t.Errorf("opened %+v", p)
		}
		for name, c := range map[string]struct {
			by   org.Actor
			code request.Receipt
		}{"entered twice": {x.ZhouChunhe, slips[0].Receipt}, "of another place": {x.ZhengXiaoxue, slips[1].Receipt}, "made up": {x.ZhouChunhe, "ZZZZZZZZZZ"}} {
			if _, err := enter(c.by, c.code); !errors.Is(err, request.ErrSlip) {
				t.Errorf("%s: %v, want %v", name, err, request.ErrSlip)
			}
		}
	})
}

// ADR 0010: a slip opens a need until somebody follows it signed in; whoever printed it for them acts in their name no more.
func TestASlipOpensNothingOnceItsNeedIsFollowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		slip, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		proof := request.Proof{Code: string(slip.Receipt), Secret: slip.Secret}
		for range 2 { // the second time the answer to the first has been lost
			if id, err := x.service.FollowShown(t.Context(), x.LinXiaoman, proof); err != nil || id != r.ID {
				t.Fatalf("she follows %d, %v; want %d", id, err, r.ID)
			}
		}
		if _, err := x.service.Shown(t.Context(), proof); !errors.Is(err, request.ErrReceipt) {
			t.Errorf("the slip opens what she follows: %v, want %v", err, request.ErrReceipt)
		}
		if _, err := x.service.FollowShown(t.Context(), x.WangQiufen, proof); !errors.Is(err, request.ErrReceipt) {
			t.Errorf("somebody else follows it by the slip: %v, want %v", err, request.ErrReceipt)
		}
		x.page(t, request.Themselves(x.LinXiaoman, r.ID))
	})
}

// O13: where needs can be opened again for longer, whoever held one last reads it for as long, and nobody is called so late
// that what they left is gone before those days are over.
func TestO13_ALongerWindowIsThatOfItsLastHolderAndOfTheCall(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		const days = 180
		x.service.ReopeningFor(days * 24 * time.Hour)
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请办"}))
		over := request.Closing{Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司", Contact: "前台"}, CallBackOn: "2026-08-30"}
		if _, err := x.service.Close(t.Context(), x.HeQingqing, r.ID, over); !errors.Is(err, request.ErrDay) {
			t.Errorf("called 181 days later: %v, want %v", err, request.ErrDay)
		}
		moved(t)(x.service.Close(t.Context(), x.HeQingqing, r.ID, request.Closing{Kind: request.Resolved, Text: "好了"}))
		at(d, days*24*60-1)
		if _, err := x.service.Read(t.Context(), x.HeQingqing, r.ID); err != nil {
			t.Errorf("within the window its last holder reads it: %v", err)
		}
		at(d, days*24*60)
		if _, err := x.service.Read(t.Context(), x.HeQingqing, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("after the window its last holder reads it: %v, want %v", err, problem.ErrNotFound)
		}
		late := x.create(t, x.ZhouChunhe, needOfLin)
		over.CallBackOn = calendar.DayOf(d.Now()).Add(days)
		if _, err := x.service.Close(t.Context(), x.ZhouChunhe, late.ID, over); err != nil {
			t.Errorf("called 180 days later: %v", err)
		}
	})
}

// ADR 0010: whoever follows a need signed in reads which acts in their name were done by its receipt.
func TestAnActByReceiptSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Follow(t.Context(), x.LinXiaoman, x.shown(t, r.Receipt, "0001")); err != nil {
			t.Fatal(err)
		}
		mine := request.Themselves(x.LinXiaoman, r.ID)
		for i, c := range []struct {
			as   request.As
			want string
		}{{mine, "您补充了说明"}, {x.shown(t, r.Receipt, "0001"), "您补充了说明（凭回执）"}} {
			at(d, i+1)
			if _, err := x.service.Say(t.Context(), c.as, "材料已交"); err != nil {
				t.Fatal(err)
			}
			if p := x.page(t, mine); p.Steps[len(p.Steps)-1].Words != c.want {
				t.Errorf("she reads %q, want %q", p.Steps[len(p.Steps)-1].Words, c.want)
			}
		}
		answer, err := request.NewHandler(x.service).GetRequest(org.WithActor(t.Context(), x.ZhouChunhe), api.GetRequestRequestObject{RequestID: int64(r.ID)})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), `"byReceipt":true`); n != 1 {
			t.Errorf("the holder reads of %d acts that they were done by the receipt, want of one: %s", n, text)
		}
	})
}

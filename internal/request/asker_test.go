package request_test

import (
	"context"
	"crypto/sha256"
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
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/watch"
	"wanjia/internal/privacy"
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
			if p.Reason != "请带身份证 电话 19900000055" {
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
		if got := calls(t, d, r.ID); len(got) != 2 || got[0].State != string(request.CallDropped) || got[1].Messages != 1 || got[1].State != string(request.CallDropped) {
			t.Errorf("calls %+v, want one of each end that the asker has answered, and no word more", got)
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

// ADR 0019: once somebody follows a need signed in, its slip shows it and does nothing in their name, whoever printed it.
func TestASlipOnlyReadsOnceItsNeedIsFollowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		slip, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		before := x.shown(t, slip.Receipt, slip.Secret)
		if p := x.page(t, before); p.ReadOnly {
			t.Error("the page of a need that nobody follows is for reading alone")
		}
		if _, err := x.service.Say(t.Context(), before, "灯在三楼"); err != nil {
			t.Errorf("who holds the slip writes: %v", err)
		}
		proof := request.Proof{Code: string(slip.Receipt), Secret: slip.Secret}
		if id, err := x.service.FollowShown(t.Context(), x.LinXiaoman, proof); err != nil || id != r.ID {
			t.Fatalf("she follows %d, %v; want %d", id, err, r.ID)
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		reads := func(secret string) {
			t.Helper()
			as := x.shown(t, slip.Receipt, secret)
			if p := x.page(t, as); p.What != "路灯不亮" || !p.ReadOnly || p.MayAnswer {
				t.Errorf("the slip opens %q, for reading alone: %v, asking: %v", p.What, p.ReadOnly, p.MayAnswer)
			}
			for what, do := range map[string]func() error{
				"answers":  func() error { return failed(x.service.Answer(t.Context(), as, true, "")) },
				"says no":  func() error { return failed(x.service.Answer(t.Context(), as, false, "")) },
				"writes":   func() error { return failed(x.service.Say(t.Context(), as, "好")) },
				"takes it": func() error { return failed(x.service.TakeBack(t.Context(), as)) },
				"corrects": func() error { return failed(x.service.Correct(t.Context(), as, request.CallPhone, "19900000009")) },
				"asks data": func() error {
					return failed(x.service.Proved(t.Context(), request.Proof{Code: proof.Code, Secret: secret}))
				},
			} {
				if err := do(); !errors.Is(err, request.ErrReads) {
					t.Errorf("by the slip somebody %s: %v, want %v", what, err, request.ErrReads)
				}
			}
			if _, err := x.service.Follow(t.Context(), x.WangQiufen, as); !errors.Is(err, request.ErrFollowed) {
				t.Errorf("somebody else follows it by the slip: %v, want %v", err, request.ErrFollowed)
			}
		}
		reads(slip.Secret)
		at(d, 1)
		again, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, r.ID) // the paper is lost
		if err != nil {
			t.Fatal(err)
		}
		reads(again.Secret)
		if _, err := x.service.Shown(t.Context(), proof); !errors.Is(err, request.ErrReceipt) {
			t.Errorf("the lost paper opens it: %v, want %v", err, request.ErrReceipt)
		}
		p := x.page(t, request.Themselves(x.LinXiaoman, r.ID))
		if p.ReadOnly || !p.MayAnswer || len(p.Views) != 2 || p.Views[0].Action != "request.slip_printed" {
			t.Errorf("she reads %+v, for reading alone: %v, asked: %v; want that slips were printed, and the question", p.Views, p.ReadOnly, p.MayAnswer)
		}
	})
}

// ADR 0019: whoever has a slip can set the number to their own before its need is followed. Its end does then no more than the
// slip, until whoever follows leaves a number signed in; without a slip the number is the asker's own, and acts.
func TestANumberThatWasLeftByASlipOnlyReadsOnceTheNeedIsFollowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		slip, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		bySlip := x.shown(t, slip.Receipt, slip.Secret)
		if _, err := x.service.Say(t.Context(), bySlip, "我的号码19900000001"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Correct(t.Context(), bySlip, request.CallPhone, "19900000666"); err != nil {
			t.Fatal(err)
		}
		byNumber := x.shown(t, slip.Receipt, "0666")
		if _, err := x.service.Say(t.Context(), byNumber, "灯在三楼"); err != nil {
			t.Errorf("by the number, before it is followed: %v", err)
		}
		if text := x.page(t, byNumber).Steps[1].Text; strings.Contains(text, "0001") {
			t.Errorf("the number that the slip left shows %q, want the beginnings of others alone", text)
		}
		if _, err := x.service.Follow(t.Context(), x.LinXiaoman, bySlip); err != nil {
			t.Fatal(err)
		}
		for what, as := range map[string]request.As{"shown before": byNumber, "shown after": x.shown(t, slip.Receipt, "0666")} {
			if p := x.page(t, as); !p.ReadOnly {
				t.Errorf("%s: the number opens it for acting", what)
			}
			if _, err := x.service.TakeBack(t.Context(), as); !errors.Is(err, request.ErrReads) {
				t.Errorf("%s: by the number somebody takes it back: %v, want %v", what, err, request.ErrReads)
			}
			if _, err := x.service.Correct(t.Context(), as, request.CallPhone, "19900000667"); !errors.Is(err, request.ErrReads) {
				t.Errorf("%s: by the number somebody leaves another: %v, want %v", what, err, request.ErrReads)
			}
		}
		lin := request.Themselves(x.LinXiaoman, r.ID)
		if p := x.page(t, lin); p.CallBack != request.CallPhone || !strings.HasSuffix(p.Phone.Masked(), "0666") {
			t.Errorf("she reads %s %s, want the number that is called", p.CallBack, p.Phone.Masked())
		}
		if _, err := x.service.Correct(t.Context(), lin, request.CallPhone, "19900000001"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Say(t.Context(), x.shown(t, slip.Receipt, "0001"), "灯还没亮"); err != nil {
			t.Errorf("by the number that she left signed in: %v", err)
		}

		told := x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Follow(t.Context(), x.LinXiaoman, x.shown(t, told.Receipt, "0001")); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Say(t.Context(), x.shown(t, told.Receipt, "0001"), "谢谢"); err != nil {
			t.Errorf("by a number without a slip: %v", err)
		}
	})
}

// ADR 0019: following a need ended the digits of its slip once: whose paper opens nothing since then is printed new ones, which
// read; who has never had any is not.
func TestASlipIsPrintedAgainThatFollowingOnceEnded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		x.service.Siting(func(context.Context, db.Queryer, request.Site) (request.Door, error) {
			return request.Door{Area: x.Ruihe.Areas[0].Area}, nil
		})
		told := func(n request.Need) (request.ID, request.Proof) {
			b, err := x.service.CreatePublic(ctx, request.Telling{Need: n, Site: request.Site{Entrance: "1"}}, say.Chinese)
			if err != nil {
				t.Fatal(err)
			}
			secret := b.Secret
			if secret == "" {
				secret = "0001"
			}
			return b.Request, request.Proof{Code: string(b.Receipt), Secret: secret}
		}
		number := request.Need{What: "楼道灯坏了", CallBack: request.CallPhone, Phone: "19900000001"}
		for what, c := range map[string]struct {
			had  bool
			tell func() (request.ID, request.Proof)
		}{
			"printed": {true, func() (request.ID, request.Proof) {
				r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
				slip, err := x.service.PrintSlip(ctx, x.ZhouChunhe, r.ID)
				if err != nil {
					t.Fatal(err)
				}
				return r.ID, request.Proof{Code: string(slip.Receipt), Secret: slip.Secret}
			}},
			"handed out": {true, func() (request.ID, request.Proof) {
				issued, err := x.service.IssueSlips(ctx, x.XuBailu, 1)
				if err != nil {
					t.Fatal(err)
				}
				id, err := x.service.Create(ctx, x.ZhouChunhe, request.Telling{
					Need: request.Need{What: "路灯不亮"}, Channel: request.Paper, Slip: issued[0].Receipt.String(),
				})
				if err != nil {
					t.Fatal(err)
				}
				return id.ID, request.Proof{Code: string(issued[0].Receipt), Secret: issued[0].Secret}
			}},
			"shown to who told it":     {true, func() (request.ID, request.Proof) { return told(request.Need{What: "楼道灯坏了"}) }},
			"none: a number opened it": {false, func() (request.ID, request.Proof) { return told(number) }},
		} {
			id, proof := c.tell()
			if _, err := x.service.FollowShown(ctx, x.LinXiaoman, proof); err != nil {
				t.Fatalf("%s: she follows it: %v", what, err)
			}
			if !c.had {
				if _, err := x.service.Correct(ctx, request.Themselves(x.LinXiaoman, id), request.CallNone, ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Change(ctx, `UPDATE request_asker SET slip_hash = NULL WHERE request_id = ?`, id)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			at(d, 1)
			slip, err := x.service.PrintSlip(ctx, x.ZhouChunhe, id)
			if !c.had {
				if !errors.Is(err, request.ErrSlipNeedless) {
					t.Errorf("%s: printed with %v, want %v", what, err, request.ErrSlipNeedless)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: printed again: %v", what, err)
				continue
			}
			if p := x.page(t, x.shown(t, slip.Receipt, slip.Secret)); !p.ReadOnly || p.What == "" {
				t.Errorf("%s: the new slip opens %q, for reading alone: %v", what, p.What, p.ReadOnly)
			}
		}
		own, err := x.service.CreateOwn(ctx, x.LinXiaoman, request.Telling{Need: request.Need{What: "楼道灯坏了"}, Site: request.Site{Entrance: "1"}}, say.Chinese)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.PrintSlip(ctx, x.ZhouChunhe, own.Request); !errors.Is(err, request.ErrSlipNeedless) {
			t.Errorf("of what she told signed in: printed with %v, want %v", err, request.ErrSlipNeedless)
		}
	})
}

// ADR 0019: by the end of the number somebody acts in an asker's name for good. Whoever shows a slip reads it nowhere on the
// page, before anybody follows the need and after.
func TestASlipShowsNothingOfTheEndOfANumber(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		handler := request.NewHandler(x.service)
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮，打199 0000 0009"})
		slip, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		proof := request.Proof{Code: string(slip.Receipt), Secret: slip.Secret}
		before := x.shown(t, slip.Receipt, slip.Secret)
		if _, err := x.service.Say(t.Context(), before, "我的号码19900000009"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Correct(t.Context(), before, request.CallPhone, "19900000009"); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "师傅19900003333会打19900000009", request.ToTell))
		const promised = "打19900000009说一声"
		if _, err := x.service.MakePromise(t.Context(), x.ZhouChunhe, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: promised}); err != nil {
			t.Fatal(err)
		}
		why := privacy.Why{Purpose: privacy.CallBack, Reason: "核对号码19900000009"}
		if _, err := x.service.UnmaskAsker(t.Context(), x.ZhouChunhe, r.ID, 0, request.PhoneNumber, why); err != nil {
			t.Fatal(err)
		}
		lin := x.LinXiaoman
		own := func() string {
			return pageText(handler.GetMyRequest(org.WithActor(t.Context(), lin), api.GetMyRequestRequestObject{RequestID: int64(r.ID)}))
		}
		bySlip := func() string {
			return pageText(handler.OpenReceipt(t.Context(), api.OpenReceiptRequestObject{Body: &api.ReceiptProof{ReceiptCode: proof.Code, Secret: proof.Secret}}))
		}
		shows := func(when string) {
			t.Helper()
			text := bySlip()
			for _, end := range []string{"0009", "9900000009"} {
				if strings.Contains(text, end) {
					t.Errorf("%s the slip shows %s: %s", when, end, text)
				}
			}
			for _, want := range []string{
				`"phone":"199********"`, "路灯不亮，打199********", "我的号码199********", "师傅19900003333会打199********", "核对号码199********",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%s the slip shows %s; want %s", when, text, want)
				}
			}
		}
		shows("before it is followed")
		if _, err := x.service.FollowShown(t.Context(), lin, proof); err != nil {
			t.Fatal(err)
		}
		shows("once it is followed")
		if text := own(); !strings.Contains(text, `"phone":"199****0009"`) || !strings.Contains(text, "师傅19900003333会打199****0009") {
			t.Errorf("who follows it reads %s, want what they know their number by", text)
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已打19900000009", Told: request.InPerson}))
		at(d, 31*24*60)
		if text := bySlip(); strings.Contains(text, "0009") || !strings.Contains(text, "师傅199********会打199********") {
			t.Errorf("when it is over the slip shows %s", text)
		}
	})
}

// pageText is an answer as it goes over the wire.
func pageText[T any](answer T, err error) string {
	if err != nil {
		return err.Error()
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// ADR 0019: who recorded a need for somebody, made them join others, or made their slip, knows code and digits: it is not
// theirs to follow.
func TestWhoHelpsAnAskerDoesNotFollowInTheirPlace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		refused := func(who string, by org.Actor, code request.Receipt, secret string) {
			t.Helper()
			if _, err := x.service.FollowShown(t.Context(), by, request.Proof{Code: string(code), Secret: secret}); !errors.Is(err, request.ErrOnBehalf) {
				t.Errorf("%s follows it: %v, want %v", who, err, request.ErrOnBehalf)
			}
			if _, err := x.service.Page(t.Context(), request.Reader{As: request.Themselves(by, 0)}); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s has it among their own: %v", who, err)
			}
		}
		told := x.create(t, x.ZhouChunhe, needOfLin)
		refused("who recorded it", x.ZhouChunhe, told.Receipt, "0001")

		climbed := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, climbed.ID, request.Climb{To: "grid_assistant", Note: "请办"}))
		printed, err := x.service.PrintSlip(t.Context(), x.HeQingqing, climbed.ID)
		if err != nil {
			t.Fatal(err)
		}
		refused("who printed its slip", x.HeQingqing, printed.Receipt, printed.Secret)
		if _, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, climbed.ID); err != nil {
			t.Fatal(err)
		}
		refused("who printed a slip of it before", x.HeQingqing, printed.Receipt, printSecret(t, x, climbed.ID))

		issued, err := x.service.IssueSlips(t.Context(), x.XuBailu, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{
			Need: request.Need{What: "路灯不亮", Who: "林女士"}, Channel: request.Paper, Slip: issued[0].Receipt.String(),
		}); err != nil {
			t.Fatal(err)
		}
		refused("who handed its slip out", x.XuBailu, issued[0].Receipt, issued[0].Secret)
		refused("who entered its slip", x.ZhouChunhe, issued[0].Receipt, issued[0].Secret)

		site := x.entrance(t, d)
		n := request.Need{What: "水管爆了", Category: "water_supply"}
		x.tells(t, site, n)
		joined, err := x.joins(t, site, x.ZhouChunhe, n)
		if err != nil {
			t.Fatal(err)
		}
		refused("who made them join", x.ZhouChunhe, joined.Receipt, joined.Secret)

		for code, secret := range map[request.Receipt]string{told.Receipt: "0001", issued[0].Receipt: issued[0].Secret, joined.Receipt: joined.Secret} {
			if _, err := x.service.FollowShown(t.Context(), x.LinXiaoman, request.Proof{Code: string(code), Secret: secret}); err != nil {
				t.Errorf("whose it is follows it: %v", err)
			}
		}
	})
}

func failed[T any](_ T, err error) error { return err }

func printSecret(t *testing.T, x *fixture, id request.ID) string {
	t.Helper()
	slip, err := x.service.PrintSlip(t.Context(), x.HeQingqing, id)
	if err != nil {
		t.Fatal(err)
	}
	return slip.Secret
}

// under is a context of a call with a key and a body.
func under(t *testing.T, operation, key, body string) context.Context {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	return once.With(t.Context(), once.Call{Operation: operation, Key: key, Fingerprint: sum[:]})
}

// I1, C25: whoever follows a need already may say so as often as they like: it is no try, and a repeat is known as one.
func TestFollowingAgainIsNoTry(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		proof := request.Proof{Code: string(r.Receipt), Secret: "0001"}
		if _, err := x.service.FollowShown(under(t, "followRequest", "the-first-key-is-it", "a"), x.LinXiaoman, proof); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Correct(t.Context(), request.Themselves(x.LinXiaoman, r.ID), request.CallPhone, "19900000002"); err != nil {
			t.Fatal(err)
		}
		for i := range 7 { // the number is another one meanwhile
			ctx := under(t, "followRequest", "the-first-key-is-it", "a")
			if id, err := x.service.FollowShown(ctx, x.LinXiaoman, proof); err != nil || id != r.ID || !once.Replayed(ctx) {
				t.Errorf("repeat %d follows %d, %v, known as a repeat: %v; want %d", i+1, id, err, once.Replayed(ctx), r.ID)
			}
			if id, err := x.service.FollowShown(under(t, "followRequest", fmt.Sprintf("another-key-%05d", i), "a"), x.LinXiaoman, proof); err != nil || id != r.ID {
				t.Errorf("once more, %d: %d, %v; want %d", i+1, id, err, r.ID)
			}
		}
		if _, err := x.service.FollowShown(under(t, "followRequest", "the-first-key-is-it", "b"), x.LinXiaoman, proof); !errors.Is(err, problem.ErrKeyReused) {
			t.Errorf("another call under its key: %v, want %v", err, problem.ErrKeyReused)
		}
		for i := range 6 {
			want := request.ErrReceipt
			if i == 5 {
				want = request.ErrTries
			}
			if _, err := x.service.FollowShown(t.Context(), x.WangQiufen, proof); !errors.Is(err, want) {
				t.Errorf("try %d of somebody else: %v, want %v", i+1, err, want)
			}
		}
	})
}

// C25: digits are given to whoever has just told of a need without a number; a repeat under another key is given the same, and
// nothing once they open it no more in its asker's name.
func TestTheFirstDigitsAreGivenToNobodyOnceTheNeedIsFollowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		x.service.Siting(func(context.Context, db.Queryer, request.Site) (request.Door, error) {
			return request.Door{Area: x.Ruihe.Areas[0].Area}, nil
		})
		tell := func(ctx context.Context, ref string) request.Begun {
			t.Helper()
			b, err := x.service.CreatePublic(ctx, request.Telling{Need: request.Need{What: "楼道灯坏了"}, Site: request.Site{Entrance: "1"}, ClientRef: ref}, say.Chinese)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		for i, then := range map[string]func(b request.Begun) error{
			"it is followed": func(b request.Begun) error {
				return failed(x.service.FollowShown(t.Context(), x.LinXiaoman, request.Proof{Code: string(b.Receipt), Secret: b.Secret}))
			},
			"others are printed": func(b request.Begun) error {
				return failed(x.service.PrintSlip(t.Context(), x.ZhouChunhe, b.Request))
			},
		} {
			ref := uuid.NewString()
			b := tell(under(t, "createPublicRequest", ref+"-1", "a"), ref)
			if again := tell(under(t, "createPublicRequest", ref+"-2", "a"), ref); again.Secret != b.Secret || len(b.Secret) != 8 {
				t.Errorf("told again: %q, want the same as %q", again.Secret, b.Secret)
			}
			if err := then(b); err != nil {
				t.Fatal(err)
			}
			was := slipOf(t, d, b.Request)
			for name, ctx := range map[string]context.Context{"under another key": under(t, "createPublicRequest", ref+"-3", "a"), "under none": t.Context()} {
				if again := tell(ctx, ref); again.Request != b.Request || again.Secret != "" || slipOf(t, d, b.Request) != was {
					t.Errorf("after %s, told again %s: %q; want no digits, and those that open it as they were", i, name, again.Secret)
				}
			}
		}
	})
}

func slipOf(t *testing.T, d *db.DB, id request.ID) string {
	t.Helper()
	var hash []byte
	if err := d.Get(t.Context(), &hash, `SELECT slip_hash FROM request_asker WHERE request_id = ?`, id); err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// ADR 0014, C20: who answers by themselves what the holder wrote down for them is not called about it any more, and what they
// say of it is kept.
func TestC20_WhoAnswersByThemselvesIsNotCalled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		for _, c := range []struct {
			name string
			done bool
			want request.State
		}{{"it is so", true, request.Accepted}, {"it is not so", false, request.Accepted}} {
			n := needOfLin
			n.Category = "water_supply"
			r := x.tells(t, site, n)
			moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
			n.Phone = "19900000002"
			if _, err := x.joins(t, site, org.Actor{}, n); err != nil {
				t.Fatal(err)
			}
			all := x.read(t, x.ZhouChunhe, r.ID).Askers
			moved(t)(x.service.Withdraw(t.Context(), x.ZhouChunhe, r.ID, request.Phone, all[0].ID))
			if got := calls(t, d, r.ID); len(got) != 1 || got[0].State != string(request.CallOpen) {
				t.Fatalf("calls %+v, want one", got)
			}
			f, err := x.service.Answer(t.Context(), x.shown(t, r.Receipt, "0001"), c.done, "我自己说的")
			if err != nil || f.State != c.want || f.Settled != c.done {
				t.Errorf("%s: %+v, %v", c.name, f, err)
			}
			if got := calls(t, d, r.ID); len(got) != 1 || got[0].State != string(request.CallDropped) {
				t.Errorf("%s: calls %+v, want the one to have ended", c.name, got)
			}
			var outcome []byte
			if err := d.Get(t.Context(), &outcome, `SELECT outcome_sealed FROM request_asker WHERE id = ?`, all[0].ID); err != nil {
				t.Fatal(err)
			}
			kept, err := sealed.Of(d).Open(sealed.Personal, "request_asker", "outcome_sealed", int64(all[0].ID), outcome)
			if want := map[bool]string{true: "我自己说的"}[c.done]; err != nil || kept != want {
				t.Errorf("%s: kept %q (%v), want %q", c.name, kept, err, want)
			}
			moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好", Told: request.InPerson}))
		}
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

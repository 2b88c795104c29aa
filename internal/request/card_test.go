package request_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// travel is PC-1 of the scenarios.
func travel() request.NewCard {
	return request.NewCard{Wide: true, CardText: request.CardText{
		Kind: request.PolicyCard, Category: "cert_travel", Title: "全省通行证明", ForWhom: "返岗人员", Region: "全省", Materials: "身份证",
		Counter: "2号窗口", Source: "省里的通知", ValidFrom: "2026-02-01", ValidTo: "2026-03-31", ReviewOn: "2026-03-20",
	}}
}

func (x *fixture) propose(t *testing.T, by org.Actor, n request.NewCard) request.Card {
	t.Helper()
	c, err := x.service.ProposeCard(t.Context(), by, n)
	if err != nil {
		t.Fatalf("propose a card: %v", err)
	}
	return c
}

func (x *fixture) approve(t *testing.T, by org.Actor, c request.Card) request.Card {
	t.Helper()
	c, err := x.service.ApproveCard(t.Context(), by, c.ID, request.Approval{Version: c.Version})
	if err != nil {
		t.Fatalf("approve a card: %v", err)
	}
	return c
}

func (x *fixture) offered(t *testing.T, by org.Actor) (titles []string) {
	t.Helper()
	rows, _, err := x.service.Cards(t.Context(), by, request.CardFilter{}, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rows {
		titles = append(titles, c.Title)
	}
	return titles
}

// onDay moves the clock of d to 10:00 of a day.
func onDay(t *testing.T, d *db.DB, day calendar.Day) {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", string(day)+" 02:00")
	if err != nil {
		t.Fatal(err)
	}
	dbtest.WithClock(t, d, func() time.Time { return moment })
}

func TestC16_ACardIsOfferedInItsRegionAndBetweenItsDatesOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		wide := x.approve(t, x.SectionHead, x.propose(t, x.LuoQingming, travel()))
		own := travel()
		own.Wide, own.Title = false, "社区通行证明"
		x.approve(t, x.XuBailu, x.propose(t, x.HeQingqing, own))
		if got := inboxes(t, d, "card.proposed"); !slices.Contains(got, x.XuBailu.PersonID) || !slices.Contains(got, x.OfficeTwo.PersonID) {
			t.Errorf("told %v of proposals, want the general secretary and the office", got)
		}
		for _, c := range []struct {
			who  string
			by   org.Actor
			want []string
		}{
			{"an area holder of the community", x.ZhouChunhe, []string{"社区通行证明", "全省通行证明"}},
			{"an area holder of a village", x.YaoMangzhong, []string{"全省通行证明"}},
			{"the other subdistrict", x.ElsewhereSecr, nil},
		} {
			if got := x.offered(t, c.by); !slices.Equal(got, c.want) {
				t.Errorf("%s is offered %v, want %v", c.who, got, c.want)
			}
		}
		if _, err := x.service.Card(t.Context(), x.ElsewhereSecr, wide.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the other subdistrict reads the card: %v", err)
		}

		onDay(t, d, "2026-03-31")
		if got := x.offered(t, x.YaoMangzhong); len(got) != 1 {
			t.Errorf("offered on its last day: %v", got)
		}
		onDay(t, d, "2026-04-01")
		if got := x.offered(t, x.YaoMangzhong); len(got) != 0 {
			t.Errorf("offered after its last day: %v", got)
		}
		for range 3 { // any number of nodes
			if _, err := x.service.CardsDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		detail, err := x.service.Card(t.Context(), x.YaoMangzhong, wide.ID)
		if err != nil {
			t.Fatal(err)
		}
		var moves []string
		for _, s := range detail.History {
			moves = append(moves, s.Move)
		}
		if want := []string{"proposed", "approved", "retired"}; detail.State != request.CardRetired || !slices.Equal(moves, want) {
			t.Errorf("the card is %s after %v, want retired after %v", detail.State, moves, want)
		}
		kept, _, err := x.service.Cards(t.Context(), x.YaoMangzhong, request.CardFilter{Kept: true}, "", 0)
		if err != nil || len(kept) != 2 {
			t.Errorf("%d cards are kept, error %v, want both", len(kept), err)
		}
		kept, next, err := x.service.Cards(t.Context(), x.XuBailu, request.CardFilter{Kept: true, Unit: x.Ruihe.Unit.ID}, "", 1)
		if err != nil || len(kept) != 1 || kept[0].Title != own.Title || next != "" {
			t.Errorf("of the community %+v are kept on one page before %q (%v), want its own and no other page", kept, next, err)
		}
		kept, next, err = x.service.Cards(t.Context(), x.LuoQingming, request.CardFilter{Kept: true, Unit: x.Subdistrict.ID}, "", 1)
		if err != nil || len(kept) != 1 || kept[0].ID != wide.ID || next != "" {
			t.Errorf("of the subdistrict %+v are kept on one page before %q (%v), want its own and no other page", kept, next, err)
		}
	})
}

func TestACardBeginsAndIsReviewedByTheClock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		n := travel()
		n.ValidFrom, n.ValidTo, n.ReviewOn = "2026-03-09", "2026-06-30", "2026-04-01"
		c := x.approve(t, x.LuoQingming, x.propose(t, x.LuoQingming, n))
		if c.State != request.CardApproved || len(x.offered(t, x.YaoMangzhong)) != 0 {
			t.Errorf("before its first day the card is %s and offered %v", c.State, x.offered(t, x.YaoMangzhong))
		}
		for _, step := range []struct {
			day  calendar.Day
			want request.CardState
		}{{"2026-03-08", request.CardApproved}, {"2026-03-09", request.CardActive}, {"2026-04-01", request.CardReviewDue}, {"2026-04-02", request.CardReviewDue}} {
			onDay(t, d, step.day)
			if _, err := x.service.CardsDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c, err := x.service.Card(t.Context(), x.LuoQingming, c.ID); err != nil || c.State != step.want {
				t.Errorf("on %s the card is %s, error %v, want %s", step.day, c.State, err, step.want)
			}
		}
		if got := inboxes(t, d, "card.review_due"); len(got) != 2 {
			t.Errorf("told %v of the review, want both of the office once", got)
		}
		if got := x.offered(t, x.YaoMangzhong); len(got) != 1 {
			t.Errorf("while its review is due the card is offered as %v", got)
		}
		if _, err := x.service.ApproveCard(t.Context(), x.OfficeTwo, c.ID, request.Approval{Version: 4}); !errors.Is(err, request.ErrCardDates) {
			t.Errorf("it goes on without a new review day: %v", err)
		}
		c, err := x.service.ApproveCard(t.Context(), x.OfficeTwo, c.ID, request.Approval{Version: 4, ReviewOn: "2026-06-01"})
		if err != nil || c.State != request.CardActive {
			t.Errorf("reviewed, the card is %s, error %v", c.State, err)
		}
	})
}

func TestANewEditionTakesThePlaceOfTheOldOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		old := x.approve(t, x.LuoQingming, x.propose(t, x.LuoQingming, travel()))
		n := travel()
		n.Replaces, n.Materials = old.ID, "身份证和工作证明"
		next := x.propose(t, x.OfficeTwo, n)
		if next.Edition != 2 || next.SeriesID == nil || *next.SeriesID != old.ID {
			t.Errorf("edition %d of %v, want 2 of %d", next.Edition, next.SeriesID, old.ID)
		}
		if c, err := x.service.Card(t.Context(), x.OfficeTwo, old.ID); err != nil || c.State != request.CardActive {
			t.Errorf("while the new one is a draft the old one is %s, error %v", c.State, err)
		}
		x.approve(t, x.LuoQingming, next)
		if c, err := x.service.Card(t.Context(), x.OfficeTwo, old.ID); err != nil || c.State != request.CardRetired || len(c.History) != 5 {
			t.Errorf("the old one is %s after %d lines, error %v", c.State, len(c.History), err)
		}
	})
}

func TestWhatACardMustSay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for _, c := range []struct {
			name   string
			change func(n *request.NewCard)
			want   error
		}{
			{"no counter", func(n *request.NewCard) { n.Counter = "" }, request.ErrCardIncomplete},
			{"a solution without a way", func(n *request.NewCard) { n.Kind = request.SolutionCard }, request.ErrCardIncomplete},
			{"over before it begins", func(n *request.NewCard) { n.ValidFrom = "2026-04-01" }, request.ErrCardDates},
			{"over already", func(n *request.NewCard) { n.ValidTo = "2026-03-01" }, request.ErrCardDates},
			{"never reviewed", func(n *request.NewCard) { n.ReviewOn = "2026-04-01" }, request.ErrCardDates},
			{"about a holder", func(n *request.NewCard) { n.Category = request.HolderConcern }, request.ErrCategory},
			{"a number of an identity card", func(n *request.NewCard) { n.HowTo = "身份证号110101199003070073" }, problem.ErrPersonalDataInText},
		} {
			n := travel()
			c.change(&n)
			if _, err := x.service.ProposeCard(t.Context(), x.LuoQingming, n); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		draft := x.propose(t, x.ZhouChunhe, func() request.NewCard { n := travel(); n.Wide = false; return n }())
		for who, by := range map[string]org.Actor{"another general secretary": x.ZhenxiSecretary, "the proposer": x.ZhouChunhe} {
			_, err := x.service.ApproveCard(t.Context(), by, draft.ID, request.Approval{Version: 1})
			if !errors.Is(err, problem.ErrForbidden) {
				t.Errorf("%s approves: %v", who, err)
			}
		}
	})
}

// C23 and idea 1: what was found above flows back down.
func TestC23_ASolutionIsSuggestedToOthersAndGoesBackToWhoHadTheNeedFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.ZhouChunhe, request.Need{What: "单元门打不开"})
		_, err := x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "level", Level: 4, Note: "请社区处理"})
		if err != nil {
			t.Fatal(err)
		}
		other := x.create(t, x.WangQiufen, request.Need{What: "门禁坏了"})
		n := request.NewCard{Request: r.ID, CardText: request.CardText{
			Kind: request.SolutionCard, Category: "general", Title: "单元门报修", HowTo: "联系门禁公司，半天可修好",
			ValidFrom: "2026-03-02", ValidTo: "2027-03-01", ReviewOn: "2026-12-01",
		}}
		if _, err := x.service.ProposeCard(ctx, x.XuBailu, n); !errors.Is(err, request.ErrCardSource) {
			t.Errorf("a card of a need that is open: %v", err)
		}
		if _, err := x.service.Close(ctx, x.XuBailu, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.ProposeCard(ctx, x.ZhenxiSecretary, n); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("a card of a need that one does not see: %v", err)
		}
		c := x.approve(t, x.XuBailu, x.propose(t, x.XuBailu, n))
		if got := inboxes(t, d, "card.approved"); !slices.Equal(got, []org.PersonID{x.ZhouChunhe.PersonID}) {
			t.Errorf("told %v, want the first area holder %d", got, x.ZhouChunhe.PersonID)
		}
		attached, suggested, err := x.service.CardsOn(ctx, x.WangQiufen, other.ID)
		if err != nil || len(attached) != 0 || len(suggested) != 1 || suggested[0].ID != c.ID {
			t.Fatalf("attached %v, suggested %v, error %v", attached, suggested, err)
		}
		if _, err := x.service.AttachCard(ctx, x.SunLixia, other.ID, c.ID); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("who does not hold it attaches a card: %v", err)
		}
		if _, err := x.service.AttachCard(ctx, x.WangQiufen, other.ID, c.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.AttachCard(ctx, x.WangQiufen, other.ID, c.ID); !errors.Is(err, request.ErrCardAttached) {
			t.Errorf("attached twice: %v", err)
		}
		if attached, suggested, err = x.service.CardsOn(ctx, x.WangQiufen, other.ID); err != nil || len(attached) != 1 || len(suggested) != 0 {
			t.Errorf("attached %v, suggested %v, error %v", attached, suggested, err)
		}
	})
}

// T8: while nobody holds the area that had the need first, the answer goes to the next lead up the ladder.
func TestC23_AnAnswerForAVacantAreaReachesWhoStandsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "单元门打不开"})
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		c := x.propose(t, x.XuBailu, request.NewCard{Request: r.ID, CardText: request.CardText{
			Kind: request.SolutionCard, Category: "general", Title: "单元门报修", HowTo: "联系门禁公司，半天可修好",
			ValidFrom: "2026-03-02", ValidTo: "2027-03-01", ReviewOn: "2026-12-01",
		}})
		ends(t, d, x.ChenGuyu, x.ZhouChunhe)
		x.approve(t, x.XuBailu, c)
		if got := inboxes(t, d, "card.approved"); !slices.Equal(got, []org.PersonID{x.SunLixia.PersonID}) {
			t.Errorf("told %v, want the leader above the vacant area, %d", got, x.SunLixia.PersonID)
		}
	})
}

// A number that stands in why a card has ended is shown as a mask.
func TestV4_ANumberInTheHistoryOfACardIsMasked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		c := x.approve(t, x.SectionHead, x.propose(t, x.LuoQingming, travel()))
		if _, err := x.service.RetireCard(t.Context(), x.SectionHead, c.ID, c.Version, "已停办，可问19900001111"); err != nil {
			t.Fatal(err)
		}
		answer, err := request.NewHandler(x.service).GetCard(org.WithActor(t.Context(), x.SectionHead), api.GetCardRequestObject{CardID: int64(c.ID)})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "可问199****1111") {
			t.Errorf("the section reads %s, want the mask", text)
		}
	})
}

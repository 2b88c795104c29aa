package request_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

func TestC25_CodesThatCannotBeReadLockNobodyElseOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for i := range 6 {
			_, err := x.service.Shown(from(t, fmt.Sprintf("203.0.113.%d", i+1)), request.Proof{Code: "OOOOO-11111", Secret: "0001"})
			if !errors.Is(err, request.ErrReceipt) {
				t.Errorf("the first try of stranger %d: %v, want %v", i+1, err, request.ErrReceipt)
			}
		}
	})
}

func TestX23_DangerIsSaidBeforeAnythingElseIsWrong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for what, n := range map[string]request.Need{
			"an id number":      {What: "煤气味，身份证 110101190001010000", Danger: request.Gas},
			"a bad number":      {What: "煤气味", CallBack: request.CallPhone, Phone: "12", Danger: request.Gas},
			"no number":         {What: "煤气味", CallBack: request.CallPhone, Danger: request.Gas},
			"a concern of none": {What: "煤气味", Category: request.HolderConcern, Danger: request.Gas},
		} {
			if _, err := x.service.Create(t.Context(), x.ZhouChunhe, request.Telling{Need: n}); !errors.Is(err, request.ErrDanger) {
				t.Errorf("%s: %v, want %v", what, err, request.ErrDanger)
			}
			if _, err := x.service.Join(t.Context(), x.ZhouChunhe, request.Telling{Need: n}, "?"); !errors.Is(err, request.ErrDanger) {
				t.Errorf("%s, joining: %v, want %v", what, err, request.ErrDanger)
			}
		}
	})
}

func TestNobodyPrintsASlipForWhoHasANumberOrSignsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, r.ID); !errors.Is(err, request.ErrSlipNeedless) {
			t.Errorf("who left a number: %v, want %v", err, request.ErrSlipNeedless)
		}
		signed := x.create(t, x.ZhouChunhe, request.Need{What: "停水", Person: x.LinXiaoman.PersonID})
		if _, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, signed.ID); !errors.Is(err, request.ErrSlipNeedless) {
			t.Errorf("who follows it signed in: %v, want %v", err, request.ErrSlipNeedless)
		}
		silent := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		slip, err := x.service.PrintSlip(t.Context(), x.ZhouChunhe, silent.ID)
		if err != nil {
			t.Fatal(err)
		}
		if p := x.page(t, x.shown(t, slip.Receipt, slip.Secret)); len(p.Views) != 1 || p.Views[0].Action != "request.slip_printed" {
			t.Errorf("the asker sees %+v, want that a slip was printed", p.Views)
		}
	})
}

func TestADayToBeDoneOnIsSoon(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		for _, day := range []calendar.Day{"2026-03-01", "2027-03-03", "9999-12-31"} {
			if _, err := x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, day); !errors.Is(err, request.ErrDay) {
				t.Errorf("expected on %s: %v, want %v", day, err, request.ErrDay)
			}
		}
		for _, day := range []calendar.Day{"2026-03-02", "2027-03-02"} {
			r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
			if m := moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, day)); *m.ExpectedOn != string(day) {
				t.Errorf("expected on %s, want %s", *m.ExpectedOn, day)
			}
		}
	})
}

func TestWhoLeavesOthersWaitingIsSaidToHaveLeft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		stays, leaves := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Merge(t.Context(), x.XuBailu, stays.ID, []request.ID{leaves.ID}); err != nil {
			t.Fatal(err)
		}
		if f, err := x.service.TakeBack(t.Context(), x.shown(t, leaves.Receipt, "0001")); err != nil || !f.State.Open() || !f.Settled {
			t.Fatalf("one of two takes it back: %+v, %v", f, err)
		}
		told(t, d, "request.withdrawn")
		told(t, d, "request.asker_left", x.ZhouChunhe)
		if _, err := x.service.Unmerge(t.Context(), x.XuBailu, leaves.ID); !errors.Is(err, request.ErrUnmergeOver) {
			t.Errorf("unmerged for nobody: %v, want %v", err, request.ErrUnmergeOver)
		}
		if got := x.read(t, x.XuBailu, leaves.ID); got.State != request.Merged || len(got.Askers) != 0 {
			t.Errorf("it is %s with %d askers, want merged with none", got.State, len(got.Askers))
		}
		if _, err := x.service.TakeBack(t.Context(), x.shown(t, stays.Receipt, "0001")); err != nil {
			t.Fatal(err)
		}
		told(t, d, "request.withdrawn", x.ZhouChunhe)
	})
}

func TestADoorAndASiteSayTheSame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		door := request.Door{Premises: 5, Entrance: 7, Area: x.Ruihe.Areas[0].Area}
		find := func(context.Context, db.Queryer, org.Actor, int64) (request.Door, error) { return door, nil }
		s := request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, find)
		s.Siting(func(_ context.Context, _ db.Queryer, at request.Site) (request.Door, error) {
			switch at.Entrance {
			case "7":
				return request.Door{Entrance: 7, Area: door.Area}, nil
			case "8":
				return request.Door{Entrance: 8, Area: door.Area}, nil
			}
			return request.Door{}, problem.ErrNotFound
		})
		for entrance, want := range map[string]error{"7": nil, "8": request.ErrSite, "9": request.ErrSite} {
			r, err := s.Create(t.Context(), x.ZhouChunhe, request.Telling{
				Need: request.Need{What: "路灯不亮"}, Premises: 5, Site: request.Site{Entrance: entrance}, Channel: request.ToldMember,
			})
			if !errors.Is(err, want) || want == nil && *r.EntranceID != 7 {
				t.Errorf("the door is behind entrance 7, the site is %s: %v, want %v", entrance, err, want)
			}
		}
	})
}

func TestWhoHasJustRecordedANeedPrintsItsSlip(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		clerk, _ := x.counters(t, d)
		for _, by := range []org.Actor{clerk, x.HeQingqing, x.SunLixia} {
			r := x.create(t, by, request.Need{What: "路灯不亮"})
			slip, err := x.service.PrintSlip(t.Context(), by, r.ID)
			if err != nil || slip.Receipt != r.Receipt {
				t.Fatalf("%s prints %+v, %v", by.Role, slip, err)
			}
			x.shown(t, slip.Receipt, slip.Secret)
		}
		r := x.create(t, clerk, request.Need{What: "路灯不亮"})
		if _, err := x.service.PrintSlip(t.Context(), x.HeQingqing, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody else, who does not see it: %v, want %v", err, problem.ErrNotFound)
		}
		at(d, 60)
		if _, err := x.service.PrintSlip(t.Context(), clerk, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the recorder, an hour later: %v, want %v", err, problem.ErrNotFound)
		}
	})
}

func TestWhoWantsNoCallAnyMoreStillOpensTheReceipt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证", request.ToTell))
		if _, err := x.service.Correct(t.Context(), x.shown(t, r.Receipt, "0001"), request.CallNone, ""); err != nil {
			t.Fatal(err)
		}
		if p := x.page(t, x.shown(t, r.Receipt, "0001")); p.CallBack != request.CallNone {
			t.Errorf("they are called back by %s", p.CallBack)
		}
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "可以来取", request.ToTell))
		if got := calls(t, d, r.ID); len(got) != 1 || got[0].State != "dropped" {
			t.Errorf("calls %+v, want the one that was dropped", got)
		}
	})
}

func TestK9_TheAskerHearsOfEachTargetThatWasMissed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "水管爆裂", Person: x.LinXiaoman.PersonID, Category: "pipe_burst"})
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		for i, minutes := range []int{61, 500, 501} {
			at(d, minutes)
			for range 3 {
				if _, err := x.service.RunClocks(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := len(inboxes(t, d, "request.late")), min(i+1, 2); got != want {
				t.Errorf("after %d minutes they heard %d times, want %d", minutes, got, want)
			}
		}
	})
}

// C9, X24: what its holder writes down as taken back is taken back for whom they name alone; whoever it is says that it is not
// so, and where it has ended so the place's lead opens it again as well.
func TestC9_AHolderTakesANeedBackForOneAskerWhoMayComeBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		site := x.entrance(t, d)
		n := request.Need{What: "水管爆了", Category: "water_supply", Who: "林女士", CallBack: request.CallPhone, Phone: "19900000001"}
		r := x.tells(t, site, n)
		n.Person, n.Phone, n.CallBack = x.LinXiaoman.PersonID, "", request.CallNone
		if _, err := x.joins(t, site, org.Actor{PersonID: x.LinXiaoman.PersonID}, n); err != nil {
			t.Fatal(err)
		}
		lin := request.Themselves(x.LinXiaoman, r.ID)
		detail, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil || len(detail.Askers) != 2 {
			t.Fatalf("%d ask for it (%v), want two", len(detail.Askers), err)
		}
		withdraw := func(who request.AskerID) (request.Moved, error) {
			return x.service.Withdraw(t.Context(), x.ZhouChunhe, r.ID, request.Phone, who)
		}
		for _, who := range []request.AskerID{0, 1 << 40} {
			if _, err := withdraw(who); !errors.Is(err, request.ErrAskerUnnamed) {
				t.Errorf("for asker %d: %v, want %v", who, err, request.ErrAskerUnnamed)
			}
		}
		answers := func(state request.State) {
			t.Helper()
			if p := x.page(t, lin); !p.MayAnswer || p.Steps[len(p.Steps)-1].Own {
				t.Errorf("the page asks whether that is so: %v, in her name %v", p.MayAnswer, p.Steps[len(p.Steps)-1].Own)
			}
			if f, err := x.service.Answer(t.Context(), lin, false, "我没有撤回"); err != nil || f.State != state || f.Settled {
				t.Errorf("she says that it is not so: %+v, %v; want %s", f, err, state)
			}
			if p := x.page(t, lin); p.MayAnswer {
				t.Errorf("she is asked again")
			}
		}
		if m := moved(t)(withdraw(detail.Askers[1].ID)); m.State != request.New {
			t.Errorf("for one of two it is %s, want new", m.State)
		}
		told(t, d, "request.closed", x.LinXiaoman)
		answers(request.New)
		if m := moved(t)(withdraw(detail.Askers[0].ID)); m.State != request.New {
			t.Errorf("for the other it is %s, want new", m.State)
		}
		if m := moved(t)(withdraw(0)); m.State != request.Withdrawn {
			t.Errorf("for the last one it is %s, want withdrawn", m.State)
		}
		answers(request.Reopened)
		moved(t)(withdraw(0))
		if m := moved(t)(x.service.Reopen(t.Context(), x.XuBailu, r.ID, "她没有撤回")); m.State != request.Reopened {
			t.Errorf("the place's lead leaves it %s, want reopened", m.State)
		}
		if _, err := x.service.TakeBack(t.Context(), lin); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Reopen(t.Context(), x.XuBailu, r.ID, "再办"); !errors.Is(err, request.ErrIllegalTransition) {
			t.Errorf("the lead opens what its asker has taken back: %v, want %v", err, request.ErrIllegalTransition)
		}
		if _, err := x.service.Answer(t.Context(), lin, false, ""); !errors.Is(err, request.ErrSettled) {
			t.Errorf("she answers what she has taken back: %v, want %v", err, request.ErrSettled)
		}
	})
}

// C20, §5.1: whoever has said that it is done, or has taken it back, is asked no more, also when the place's lead opens it again.
func TestC20_WhoLeftByThemselvesIsNotAskedWhenTheLeadOpensItAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		over := request.Closing{Kind: request.Resolved, Text: "已开具"}
		refused := func(when string, as request.As) {
			t.Helper()
			if p := x.page(t, as); p.MayAnswer {
				t.Errorf("%s: the page asks", when)
			}
			if _, err := x.service.Answer(t.Context(), as, false, ""); !errors.Is(err, request.ErrSettled) {
				t.Errorf("%s: %v, want %v", when, err, request.ErrSettled)
			}
		}
		done := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, done.ID, over))
		as := x.shown(t, done.Receipt, "0001")
		if _, err := x.service.Answer(t.Context(), as, true, ""); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Reopen(t.Context(), x.XuBailu, done.ID, "证明有误"))
		refused("who has said that it is done, while it is open", as)
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, done.ID, over))
		refused("who has said that it is done, after its end", as)

		stays, leaves := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Merge(t.Context(), x.XuBailu, stays.ID, []request.ID{leaves.ID}); err != nil {
			t.Fatal(err)
		}
		as = x.shown(t, leaves.Receipt, "0001")
		if _, err := x.service.TakeBack(t.Context(), as); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, stays.ID, over))
		moved(t)(x.service.Reopen(t.Context(), x.XuBailu, stays.ID, "再办"))
		refused("who has taken it back", as)
	})
}

// ADR 0014: whoever is asked whether it was taken back for them may say that it was.
func TestC20_WhoIsAskedWhetherItWasTakenBackMaySayThatItWas(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		alone := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Withdraw(t.Context(), x.ZhouChunhe, alone.ID, request.Phone, 0))
		stays, leaves := x.create(t, x.ZhouChunhe, needOfLin), x.create(t, x.ZhouChunhe, needOfLin)
		if _, err := x.service.Merge(t.Context(), x.XuBailu, stays.ID, []request.ID{leaves.ID}); err != nil {
			t.Fatal(err)
		}
		as := x.shown(t, leaves.Receipt, "0001")
		moved(t)(x.service.Withdraw(t.Context(), x.ZhouChunhe, stays.ID, request.Phone, as.Asker()))
		for how, as := range map[string]request.As{"alone": x.shown(t, alone.Receipt, "0001"), "one of two": as} {
			if p := x.page(t, as); !p.MayAnswer {
				t.Errorf("%s: the page asks nothing", how)
			}
			if f, err := x.service.Answer(t.Context(), as, true, ""); err != nil || !f.Settled {
				t.Errorf("%s: it is so: %+v, %v", how, f, err)
			}
			if p := x.page(t, as); p.MayAnswer {
				t.Errorf("%s: the page asks again", how)
			}
			for _, done := range []bool{true, false} {
				if _, err := x.service.Answer(t.Context(), as, done, ""); !errors.Is(err, request.ErrSettled) {
					t.Errorf("%s: afterwards, done %v: %v, want %v", how, done, err, request.ErrSettled)
				}
			}
		}
	})
}

package request_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// T8: while an area has no holder, the next lead up the ladder acts for it, and nobody else.
func TestT8_TheInterimHolderActsForAVacantArea(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		x.helper(t, d, x.ChenGuyu.Unit, "帮手甲", "mason")
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
		if _, err := x.service.StartMuster(t.Context(), x.ChenGuyu, r.ID, calling("mason")); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("the lead of the lead calls helpers: %v, want %v", err, request.ErrNotHolder)
		}
		if called, err := x.service.StartMuster(t.Context(), x.SunLixia, r.ID, calling("mason")); err != nil || called.State != request.MusterAsking {
			t.Errorf("whoever stands in calls helpers: %s (%v), want them asked", called.State, err)
		}
	})
}

// T8: while a section has no head, the office above it acts for it; while the office is empty, the committee's secretary.
func TestT8_TheOfficeActsForASectionWithoutAHead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮", CallBack: request.CallPhone, Phone: "19900000001"})
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "section", Section: x.Section.ID, Note: "请协助"}))
		office, other := x.LuoQingming, x.HeQingqing
		if slices.Contains(x.held(t, office), r.ID) {
			t.Error("the office holds what a section with a head holds")
		}
		if _, err := x.service.Accept(t.Context(), office, r.ID, ""); err == nil {
			t.Error("the office accepts what a section with a head holds")
		}
		ends(t, d, x.LuoQingming, x.SectionHead)
		told := func(by org.Actor) (n int) {
			if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM inbox WHERE kind = 'request.answered' AND person_id = ?`, by.PersonID); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if _, err := x.service.Say(t.Context(), x.shown(t, r.Receipt, "0001"), "灯还没亮"); err != nil {
			t.Fatal(err)
		}
		if told(office) != 1 || told(other) != 0 {
			t.Errorf("what the asker writes is told the office %d times, others %d; want once", told(office), told(other))
		}
		if !slices.Contains(x.held(t, office), r.ID) || slices.Contains(x.held(t, other), r.ID) {
			t.Errorf("held by the office: %v, by another: %v; want the office alone", x.held(t, office), x.held(t, other))
		}
		if m := moved(t)(x.service.Accept(t.Context(), office, r.ID, "")); m.State != request.Accepted || m.HolderUnitID != x.Section.ID {
			t.Errorf("accepted as %s by %d, want for the section", m.State, m.HolderUnitID)
		}
		if _, err := x.service.MakePromise(t.Context(), office, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "周四修好"}); err != nil {
			t.Errorf("the office promises for the section: %v", err)
		}
		if m := moved(t)(x.service.HandBack(t.Context(), office, r.ID, 1, "已答复")); m.Level != 1 {
			t.Errorf("handed back to level %d, want the area", m.Level)
		}
	})
}

// leave lets roles in d end without a successor, whoever may end them.
func leave(t *testing.T, d *db.DB, roles ...org.Actor) {
	t.Helper()
	for _, a := range roles {
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = '2026-03-02' WHERE id = ?`, a.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// T8: while a place has no lead, who acts for it merges there what several hold and opens what is over again, and finds it as
// long as it can.
func TestT8_TheOfficeMergesAndReopensForAPlaceWithoutALead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx, office := t.Context(), x.LuoQingming
		a, b := x.burst(t, x.ZhouChunhe, "林女士").ID, x.burst(t, x.WangQiufen, "李女士").ID
		over, theirs := x.burst(t, x.ZhouChunhe, "孙女士").ID, x.burst(t, x.ZhouChunhe, "张先生").ID
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, over, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		moved(t)(x.service.Withdraw(ctx, x.ZhouChunhe, theirs, request.Phone, 0))
		all := []request.ID{a, b, over, theirs}
		finds := func(what string, by org.Actor, want ...request.ID) {
			t.Helper()
			for _, id := range all {
				_, err := x.service.Read(ctx, by, id)
				if found := err == nil; err != nil && !errors.Is(err, problem.ErrNotFound) || found != slices.Contains(want, id) {
					t.Errorf("%s: %s %d finds need %d: %v, want %v", what, by.Role, by.PersonID, id, err, slices.Contains(want, id))
				}
			}
		}
		finds("with a lead", office)
		leave(t, d, x.XuBailu)
		finds("without a lead", office, all...)
		for _, by := range []org.Actor{x.GaoXiaohan, x.SectionHead, x.ZhenxiSecretary, x.ElsewhereSecr} {
			finds("without a lead", by)
		}
		if _, err := x.service.Merge(ctx, x.ChenGuyu, a, []request.ID{b}); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("the lead of a grid merges what two areas hold: %v, want forbidden", err)
		}
		if _, err := x.service.Accept(ctx, office, a, ""); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("the office accepts what an area holds: %v, want %v", err, request.ErrNotHolder)
		}
		if m, err := x.service.Merge(ctx, office, a, []request.ID{b}); err != nil || m.Askers != 2 {
			t.Fatalf("the office merges: %d askers, error %v", m.Askers, err)
		}
		finds("with one merged", office, all...)
		moved(t)(x.service.Unmerge(ctx, office, b))
		moved(t)(x.service.Reopen(ctx, office, over, "仍有问题"))
		moved(t)(x.service.Reopen(ctx, office, theirs, "没有撤回"))
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, over, request.Closing{Kind: request.Explained, Text: "属供水公司管辖"}))
		if got := inboxes(t, d, "request.explained"); !slices.Equal(got, []org.PersonID{office.PersonID, x.OfficeTwo.PersonID}) {
			t.Errorf("told %v of the explanation, want the office", got)
		}
		if _, err := x.service.Merge(ctx, office, a, []request.ID{b}); err != nil {
			t.Fatal(err)
		}
		at(d, 24*60-1)
		finds("a minute before a day is over", office, all...)
		at(d, 24*60)
		finds("after a day", office, a, over, theirs)
		at(d, 30*24*60)
		finds("after thirty days", office, a, theirs)
	})
}

// An asker who took a need back themselves is left in peace, also by who acts for a place.
func TestT8_WhatItsAskerTookBackIsNotFoundForAPlaceWithoutALead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		leave(t, d, x.XuBailu)
		if _, err := x.service.Read(t.Context(), x.LuoQingming, r.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.TakeBack(t.Context(), x.shown(t, r.Receipt, "0001")); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Read(t.Context(), x.LuoQingming, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the office reads it: %v, want not found", err)
		}
	})
}

// V1, V2: the office leads the sections. It finds what one of them holds once a clock has told it so, and takes it over; before
// that, and where another leads, it is not found.
func TestTheOfficeOpensAndPullsWhatItsClockHasToldItOf(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx, office := t.Context(), x.LuoQingming
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		area := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "section", Section: x.Section.ID, Note: "请协助"}))
		opens := func(what string, by org.Actor, id request.ID, want bool) {
			t.Helper()
			_, err := x.service.Read(ctx, by, id)
			if (err == nil) != want || err != nil && !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %s opens it: %v, want %v", what, by.Role, err, want)
			}
		}
		opens("at first", office, r.ID, false)
		if _, err := x.service.Pull(ctx, office, r.ID, "我来办"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the office pulls what it was not told of: %v, want not found", err)
		}
		at(d, 240) // its holder alone hears (K7)
		x.ticks(t)
		opens("not accepted", office, r.ID, false)
		at(d, 480)
		x.ticks(t)
		opens("not accepted for twice the time", office, r.ID, true)
		at(d, 1875)
		x.ticks(t)
		for _, kind := range []string{"request.accept_overdue", "request.target_near"} {
			if got := inboxes(t, d, kind); !slices.Contains(got, office.PersonID) {
				t.Errorf("told %v of %s, want the office among them", got, kind)
			}
		}
		opens("nearly late", office, r.ID, true)
		opens("nearly late", x.GaoXiaohan, r.ID, false)
		opens("nearly late, of an area", office, area.ID, false)
		if _, err := x.service.Accept(ctx, office, r.ID, ""); !errors.Is(err, request.ErrNotHolder) {
			t.Errorf("the office accepts for a section with a head: %v, want %v", err, request.ErrNotHolder)
		}
		moved(t)(x.service.Accept(ctx, x.ZhouChunhe, area.ID, ""))
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, area.ID, request.Climb{To: "level", Level: 4, Note: "请协助"}))
		opens("nearly late below, before it climbed", office, area.ID, false)
		m := moved(t)(x.service.Pull(ctx, office, r.ID, "我来办"))
		if m.HolderUnitID != x.Subdistrict.ID || m.Level != 5 {
			t.Errorf("held by %d at level %d, want the office", m.HolderUnitID, m.Level)
		}
		moved(t)(x.service.Close(ctx, office, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		opens("once it is over", x.SectionHead, r.ID, false)
	})
}

// V6: what was opened above its place is not its lead's, nor whoever's who acts for that lead.
func TestV6_AConcernAboveItsPlaceIsNotFoundForAPlaceWithoutALead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "态度不好", Category: request.HolderConcern, About: x.OfficeTwo.Assignment})
		leave(t, d, x.XuBailu, x.OfficeTwo) // the rest of the office stands no more beside whom it is about
		if _, err := x.service.Read(t.Context(), x.GaoXiaohan, r.ID); err != nil {
			t.Errorf("the committee's secretary, who holds it: %v", err)
		}
		if _, err := x.service.Read(t.Context(), x.LuoQingming, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the office: %v, want not found", err)
		}
	})
}

// K12: what lies still on its list the office opens, and the committee's secretary what lies still with the office.
func TestK12_WhoeverIsToldThatANeedLiesStillOpensIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		for _, c := range []struct {
			to   request.Climb
			lead org.Actor
			not  org.Actor
		}{
			{request.Climb{To: "section", Section: x.Section.ID, Note: "请协助"}, x.LuoQingming, x.GaoXiaohan},
			{request.Climb{To: "level", Level: 4, Note: "请协助"}, x.LuoQingming, x.GaoXiaohan},
			{request.Climb{To: "level", Level: 5, Note: "请协助"}, x.GaoXiaohan, x.SectionHead},
		} {
			d.SetNow(func() time.Time { return monday })
			r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮", Category: "advice"})
			moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, c.to))
			at(d, 168*60)
			x.ticks(t)
			rows, _, err := x.service.List(t.Context(), c.lead, request.Filter{Stale: true}, "", 10)
			if err != nil || !slices.ContainsFunc(rows, func(s request.Seen) bool { return s.ID == r.ID }) {
				t.Errorf("to %s %d: %d on the list of %s, error %v; want it there", c.to.To, c.to.Level, len(rows), c.lead.Role, err)
			}
			if _, err := x.service.Read(t.Context(), c.lead, r.ID); err != nil {
				t.Errorf("to %s %d: %s opens what is on the list: %v", c.to.To, c.to.Level, c.lead.Role, err)
			}
			if _, err := x.service.Read(t.Context(), c.not, r.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("to %s %d: %s opens it: %v, want not found", c.to.To, c.to.Level, c.not.Role, err)
			}
		}
	})
}

// T8: what a grid assistant holds whose seat is empty its place's lead hears of, and while there is none who acts for them.
func TestT8_WhatAnEmptySeatHoldsIsToldWhoStandsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		leave(t, d, x.HeQingqing)
		asker := x.shown(t, r.Receipt, "0001")
		if _, err := x.service.Say(ctx, asker, "还没修好"); err != nil {
			t.Fatal(err)
		}
		if got := inboxes(t, d, "request.answered"); !slices.Equal(got, []org.PersonID{x.XuBailu.PersonID}) {
			t.Errorf("told %v of what the asker writes, want the lead of the place", got)
		}
		moved(t)(x.service.Pull(ctx, x.XuBailu, r.ID, "我来办"))
		moved(t)(x.service.HandBack(ctx, x.XuBailu, r.ID, 2, "请修好"))
		moved(t)(x.service.Close(ctx, x.SunLixia, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		leave(t, d, x.XuBailu, x.ZhouChunhe)
		if _, err := x.service.Answer(ctx, asker, false, "又漏了"); err != nil {
			t.Fatal(err)
		}
		want := []org.PersonID{x.SunLixia.PersonID, x.LuoQingming.PersonID, x.OfficeTwo.PersonID}
		slices.Sort(want)
		if got := inboxes(t, d, "request.reopened"); !slices.Equal(got, want) {
			t.Errorf("told %v that it is open again, want the last holder, and the office for the place: %v", got, want)
		}
		for _, by := range []org.Actor{x.SunLixia, x.LuoQingming, x.OfficeTwo} {
			if _, err := x.service.Read(ctx, by, r.ID); err != nil {
				t.Errorf("%s %d is told of it and opens it: %v", by.Role, by.PersonID, err)
			}
		}
	})
}

// T8: what a grid assistant has promised whose seat is empty the place's lead is reminded of and keeps, until somebody has that
// seat again.
func TestT8_WhatAnEmptySeatHasPromisedItsUnitsLeadKeeps(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		moved(t)(x.service.Accept(ctx, x.HeQingqing, r.ID, ""))
		p, err := x.service.MakePromise(ctx, x.HeQingqing, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "来修路灯"})
		if err != nil {
			t.Fatal(err)
		}
		holds := func(by org.Actor, want bool) {
			t.Helper()
			all, _, err := x.service.Promises(ctx, by, request.OwnPromises, "", 0)
			if got := len(all) == 1 && all[0].ID == p.ID; err != nil || got != want {
				t.Errorf("%s has it on the list: %v (%v), want %v", by.Role, got, err, want)
			}
		}
		holds(x.XuBailu, false)
		if _, err := x.service.KeepPromise(ctx, x.XuBailu, p.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the lead keeps what the assistant has promised: %v, want not found", err)
		}
		leave(t, d, x.HeQingqing)
		for _, by := range []org.Actor{x.ZhouChunhe, x.ChenGuyu, x.LuoQingming} {
			holds(by, false)
			if _, err := x.service.KeepPromise(ctx, by, p.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s keeps it: %v, want not found", by.Role, err)
			}
		}
		holds(x.XuBailu, true)
		onDay(t, d, "2026-03-05")
		for some := true; some; {
			if some, err = x.service.RemindPromises(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if got := inboxes(t, d, "promise.due"); !slices.Equal(got, []org.PersonID{x.XuBailu.PersonID}) {
			t.Errorf("reminded %v, want the lead of the place", got)
		}
		if kept, err := x.service.KeepPromise(ctx, x.XuBailu, p.ID); err != nil || kept.State != request.PromiseKept {
			t.Errorf("the lead keeps it: %s, %v", kept.State, err)
		}
	})
}

// V6, T8: what an assistant has promised about a concern, and is gone, is nobody's whom it is kept from: who leads above them
// keeps it.
func TestV6_WhatAnEmptySeatHasPromisedAboutAConcernIsKeptAbove(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx := t.Context()
		r := x.create(t, x.YaoMangzhong, request.Need{What: "态度不好", Category: request.HolderConcern, About: x.ZhouChunhe.Assignment})
		set := func(query string, args ...any) {
			t.Helper()
			if err := d.InTx(ctx, func(tx *db.Tx) error {
				_, err := tx.Change(ctx, query, args...)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		set(`UPDATE request SET holder_unit_id = ?, holder_role = ?, level = 0 WHERE id = ?`, x.Ruihe.Unit.ID, org.RoleGridAssistant, r.ID)
		p, err := x.service.MakePromise(ctx, x.HeQingqing, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "来说明情况"})
		if err != nil {
			t.Fatal(err)
		}
		leave(t, d, x.HeQingqing)
		set(`UPDATE role_assignment SET person_id = ? WHERE id = ?`, x.ZhouChunhe.PersonID, x.XuBailu.Assignment) // who leads the place now
		about, err := org.ActorOf(ctx, d, x.ZhouChunhe.PersonID, x.XuBailu.Assignment, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.KeepPromise(ctx, about, p.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("whom it is about keeps it: %v, want not found", err)
		}
		for _, by := range append(x.everybody(), about) {
			if by.Assignment == x.HeQingqing.Assignment || by.PersonID == x.XuBailu.PersonID { // who have left
				continue
			}
			all, _, err := x.service.Promises(ctx, by, request.OwnPromises, "", 0)
			want := by.Role == org.RolePartyOffice // who leads the place's seats while its lead may not know of this
			if err != nil || (len(all) > 0) != want {
				t.Errorf("%s of %s has %d on the list (%v), want it there: %v", by.Role, by.Unit.Name, len(all), err, want)
			}
		}
		if kept, err := x.service.KeepPromise(ctx, x.LuoQingming, p.ID); err != nil || kept.State != request.PromiseKept {
			t.Errorf("the office keeps it: %s, %v", kept.State, err)
		}
	})
}

// V3, T8: of what a section without a head held once, who acts for it keeps the section's line.
func TestV3_WhoActsForAFormerHolderKeepsItsLine(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		ctx, office := t.Context(), x.LuoQingming
		r := x.burst(t, x.ZhouChunhe, "林女士")
		moved(t)(x.service.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "section", Section: x.Section.ID, Note: "请协助"}))
		moved(t)(x.service.HandBack(ctx, x.SectionHead, r.ID, 1, "已答复"))
		moved(t)(x.service.Close(ctx, x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}))
		if _, err := x.service.ReadPassed(ctx, office, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the office reads the line of a section with a head: %v, want not found", err)
		}
		leave(t, d, x.SectionHead)
		moved(t)(x.service.Reopen(ctx, x.XuBailu, r.ID, "又漏了"))
		if got := inboxes(t, d, "request.reopened"); !slices.Contains(got, office.PersonID) {
			t.Errorf("told %v, want the office for the section", got)
		}
		if _, err := x.service.ReadPassed(ctx, office, r.ID); err != nil {
			t.Errorf("the office reads the section's line: %v", err)
		}
		if _, err := x.service.Read(ctx, office, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the office reads it all: %v, want not found", err)
		}
	})
}

// ends ends roles in d, in order.
func ends(t *testing.T, d *db.DB, by org.Actor, roles ...org.Actor) *org.Service {
	t.Helper()
	units := org.NewService(d, func(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil })
	for _, a := range roles {
		if err := units.EndAssignment(t.Context(), by, a.Assignment, "", "搬离"); err != nil {
			t.Fatal(err)
		}
	}
	return units
}

// held are the open requests that by holds, the newest first.
func (x *fixture) held(t *testing.T, by org.Actor) (ids []request.ID) {
	t.Helper()
	for cursor := ""; ; {
		rows, next, err := x.service.List(t.Context(), by, request.Filter{Held: true}, cursor, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		if cursor = next; next == "" {
			return ids
		}
	}
}

// T8, idea 6: what a vacant unit holds stands on the list of the next lead up the ladder, whoever that is, and of nobody
// else.
func TestT8_WhatAVacantUnitHoldsIsHeldByTheNextLead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		own := x.create(t, x.WangQiufen, request.Need{What: "楼道灯不亮"})
		moved(t)(x.service.Escalate(t.Context(), x.WangQiufen, own.ID, request.Climb{Note: "请协助"}))
		chain := []org.Actor{x.ZhouChunhe, x.SunLixia, x.ChenGuyu, x.XuBailu, x.LuoQingming, x.GaoXiaohan}
		on := func(holder org.Actor, what string) {
			t.Helper()
			for _, by := range append(chain, x.WangQiufen, x.ZhenxiSecretary, x.HeQingqing, x.FengShuangjiang) {
				want := by.Assignment == holder.Assignment
				if got := slices.Contains(x.held(t, by), r.ID); got != want {
					t.Errorf("%s: on the list of %s of %s: %v, want %v", what, by.Role, by.Unit.Name, got, want)
				}
			}
		}
		on(x.ZhouChunhe, "while its holder is there")
		for i, by := range []org.Actor{x.ChenGuyu, x.ChenGuyu, x.XuBailu} {
			gone := chain[0]
			ends(t, d, by, gone)
			chain = chain[1:]
			on(chain[0], "after the "+string(gone.Role))
			if i == 0 {
				if got := x.held(t, x.SunLixia); !slices.Equal(got, []request.ID{own.ID, r.ID}) {
					t.Errorf("the leader holds %v, want her own and the area's, the newest first", got)
				}
			}
		}
		if _, err := x.service.Accept(t.Context(), x.LuoQingming, r.ID, ""); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the office accepts what a secretary acts for: %v, want not found", err)
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = '2026-03-02' WHERE id = ?`, x.XuBailu.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		chain = []org.Actor{x.LuoQingming, x.GaoXiaohan}
		on(x.LuoQingming, "with nobody in the place")
		if m := moved(t)(x.service.Accept(t.Context(), x.LuoQingming, r.ID, "")); m.State != request.Accepted {
			t.Errorf("the office leaves it %s", m.State)
		}
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = '2026-03-02' WHERE role = 'party_office'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		chain = []org.Actor{x.GaoXiaohan}
		on(x.GaoXiaohan, "with nobody in the office")
	})
}

// A call that was to be made by somebody whose role has ended is made by whoever answers for the area now.
func TestACallOfAVacantAreaPassesToWhoeverAnswersForItNow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, needOfLin)
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "请带身份证到2号窗口", request.ToTell))
		c := x.toCall(t, x.ZhouChunhe)
		units := ends(t, d, x.ChenGuyu, x.ZhouChunhe)
		if got := x.toCall(t, x.SunLixia); got.ID != c.ID {
			t.Errorf("the interim holder is to make call %d, want %d", got.ID, c.ID)
		}
		if _, err := x.service.FinishCall(t.Context(), x.ChenGuyu, c.ID, request.CallReached); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the lead above makes it: %v, want not found", err)
		}
		moved(t)(x.service.Message(t.Context(), x.SunLixia, r.ID, "请补充照片", request.ToTell)) // joins it
		for i := range 3 {
			at(d, i*24*60)
			if _, err := x.service.FinishCall(t.Context(), x.SunLixia, c.ID, request.CallNotReached); err != nil {
				t.Fatal(err)
			}
		}
		if got := x.toCall(t, x.ChenGuyu); got.ID != c.ID || got.Unit != x.Ruihe.Grid.ID || got.Messages != 2 {
			t.Errorf("after three days %+v is with who leads the interim holder, want call %d of two messages", got, c.ID)
		}
		if _, err := x.service.FinishCall(t.Context(), x.ChenGuyu, c.ID, request.CallDropped); err != nil {
			t.Fatal(err)
		}
		moved(t)(x.service.Message(t.Context(), x.SunLixia, r.ID, "请来领取", request.ToTell)) // while nobody holds the area
		later := x.toCall(t, x.SunLixia)
		if got := inboxes(t, d, "call.assigned"); !slices.Contains(got, x.ChenGuyu.PersonID) || slices.Contains(got, x.XuBailu.PersonID) {
			t.Errorf("told of calls: %v, want the leads of each and nobody above", got)
		}
		g, err := units.Grant(t.Context(), x.ChenGuyu, org.NewAssignment{Person: orgtest.Person(t, d), Role: org.RoleAreaHolder, Unit: x.Ruihe.Areas[0].Household})
		if err != nil {
			t.Fatal(err)
		}
		a, err := org.AssignmentByID(t.Context(), d, g.Assignment)
		if err != nil {
			t.Fatal(err)
		}
		successor := func() org.Actor {
			t.Helper()
			by, err := org.ActorOf(t.Context(), d, a.PersonID, a.ID, d.Now())
			if err != nil {
				t.Fatal(err)
			}
			return by
		}
		if rows, _, err := x.service.Calls(t.Context(), successor(), "", 10); err != nil || len(rows) != 0 {
			t.Errorf("before signing the successor has %d calls (%v), want none", len(rows), err)
		}
		if got := x.toCall(t, x.SunLixia); got.ID != later.ID {
			t.Errorf("meanwhile the leader has call %d, want %d", got.ID, later.ID)
		}
		var handover org.HandoverID
		if err := d.Get(t.Context(), &handover, `SELECT id FROM handover`); err != nil {
			t.Fatal(err)
		}
		if _, err := units.Sign(t.Context(), successor(), handover); err != nil {
			t.Fatal(err)
		}
		if got := x.toCall(t, successor()); got.ID != later.ID {
			t.Errorf("the successor has call %d, want %d", got.ID, later.ID)
		}
		if rows, _, err := x.service.Calls(t.Context(), x.SunLixia, "", 10); err != nil || len(rows) != 0 {
			t.Errorf("the leader still has %d calls (%v), want none", len(rows), err)
		}
	})
}

// A promise of whoever acts for a vacant unit is that unit's: the next lead keeps it until somebody leads it again, who finds
// it then.
func TestT8_APromiseOfTheInterimHolderIsTheUnits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = '2026-03-02' WHERE id IN (?, ?)`, x.ZhouChunhe.Assignment, x.SunLixia.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		p, err := x.service.MakePromise(t.Context(), x.ChenGuyu, r.ID, request.NewPromise{DueOn: "2026-03-05", Text: "来修路灯"})
		if err != nil || p.UnitID != x.Ruihe.Areas[0].Area.ID || p.Role != org.RoleAreaHolder || p.PersonID != x.ChenGuyu.PersonID {
			t.Fatalf("promised %+v (%v), want by 陈谷雨 as the area's", p, err)
		}
		holds := func(by org.Actor, want bool) {
			t.Helper()
			all, _, err := x.service.Promises(t.Context(), by, request.OwnPromises, "", 0)
			if got := len(all) == 1 && all[0].ID == p.ID; err != nil || got != want {
				t.Errorf("%s of %s has it on the list: %v (%v), want %v", by.Role, by.Unit.Name, got, err, want)
			}
		}
		holds(x.ChenGuyu, true)
		if _, err := x.service.MovePromise(t.Context(), x.ChenGuyu, p.ID, "2026-03-06", "材料未到"); err != nil {
			t.Errorf("the interim holder moves it: %v", err)
		}
		person := orgtest.Person(t, d)
		if err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Change(t.Context(), `UPDATE role_assignment SET valid_to = NULL, person_id = ? WHERE id = ?`, person, x.ZhouChunhe.Assignment)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		successor, err := org.ActorOf(t.Context(), d, person, x.ZhouChunhe.Assignment, d.Now())
		if err != nil {
			t.Fatal(err)
		}
		holds(successor, true)
		holds(x.ChenGuyu, false)
		if _, err := x.service.KeepPromise(t.Context(), x.ChenGuyu, p.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("who acted before keeps it: %v, want not found", err)
		}
		if _, err := x.service.KeepPromise(t.Context(), successor, p.ID); err != nil {
			t.Errorf("the successor keeps it: %v", err)
		}
	})
}

package request_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// at moves the clock of d to so many minutes after monday.
func at(d *db.DB, minutes int) time.Time {
	now := monday.Add(time.Duration(minutes) * time.Minute)
	d.SetNow(func() time.Time { return now })
	return now
}

// is fails the test unless got is the moment, or absent when no moment is wanted.
func is(t *testing.T, what string, got *time.Time, want time.Time) {
	t.Helper()
	switch {
	case got == nil && want.IsZero():
	case got == nil || !got.Equal(want):
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// moved fails the test if the move was refused.
func moved(t *testing.T) func(m request.Moved, err error) request.Moved {
	return func(m request.Moved, err error) request.Moved {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
}

var minute = func(n int) time.Time { return monday.Add(time.Duration(n) * time.Minute) }

func up(level int) request.Climb {
	return request.Climb{To: "level", Level: level, Note: "超出能力"}
}

func TestK5_EscalatingRestartsAcceptingAndNewsAndLetsSolvingGoOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		at(d, 4)
		m := moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		if m.State != request.New || m.HolderUnitID != x.Ruihe.Unit.ID || m.HolderRole != org.RoleGridAssistant || m.Level != 0 {
			t.Errorf("held by %d %s at level %d, %s; want the grid assistant", m.HolderUnitID, m.HolderRole, m.Level, m.State)
		}
		is(t, "solving", m.SolveDueAt, minute(60))
		is(t, "accepting", m.AcceptDueAt, minute(34))
		is(t, "news", m.UpdateDueAt, minute(64))
		if got := inboxes(t, d, "request.assigned"); !slices.Equal(got, []org.PersonID{x.HeQingqing.PersonID}) {
			t.Errorf("told %v, want the grid assistant %d", got, x.HeQingqing.PersonID)
		}
		at(d, 6)
		m = moved(t)(x.service.Accept(t.Context(), x.HeQingqing, r.ID, "2026-03-02"))
		is(t, "accepting", m.AcceptDueAt, time.Time{})
		at(d, 30)
		m = moved(t)(x.service.AddStep(t.Context(), x.HeQingqing, r.ID, "已联系窗口", nil))
		if m.State != request.InProgress {
			t.Errorf("after the first step it is %s", m.State)
		}
		at(d, 31)
		m = moved(t)(x.service.AddStep(t.Context(), x.HeQingqing, r.ID, "已取号", nil))
		is(t, "news after an inner note (K6)", m.UpdateDueAt, minute(90))
		at(d, 47)
		m = moved(t)(x.service.Close(t.Context(), x.HeQingqing, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		if m.State != request.Resolved || m.ResolvedLevel != "grid_assistant" {
			t.Errorf("closed as %s at %q, want resolved by the grid assistant", m.State, m.ResolvedLevel)
		}
		is(t, "closing", m.ClosedAt, minute(47))
		is(t, "news", m.UpdateDueAt, time.Time{})
	})
}

func TestK5_ATargetThatTheNewLevelLacksIsDropped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "停水", Category: "water_supply"})
		m := moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(5)))
		is(t, "news", m.UpdateDueAt, time.Time{})
		if got := inboxes(t, d, "request.assigned"); !slices.Equal(got, []org.PersonID{x.LuoQingming.PersonID, x.OfficeTwo.PersonID}) {
			t.Errorf("told %v, want the office", got)
		}
		m = moved(t)(x.service.HandBack(t.Context(), x.LuoQingming, r.ID, 4, "由社区办理"))
		if m.HolderUnitID != x.Ruihe.Unit.ID || m.Level != 4 || m.State != request.New {
			t.Errorf("handed back to %d at level %d", m.HolderUnitID, m.Level)
		}
		is(t, "news", m.UpdateDueAt, minute(450))
		if got := inboxes(t, d, "request.assigned"); !slices.Contains(got, x.XuBailu.PersonID) {
			t.Errorf("told %v, want the general secretary too", got)
		}
	})
}

func TestK4_SolvingAndNewsStandStillWhileTheAskerIsWaitedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		at(d, 10)
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		now := at(d, 20)
		late := now.Add(14*24*time.Hour + time.Millisecond)
		for _, until := range []*time.Time{&now, &late} {
			if _, err := x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", until, request.ToTell); !errors.Is(err, request.ErrWait) {
				t.Errorf("waits until %v: %v, want %v", until, err, request.ErrWait)
			}
		}
		m := moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", nil, request.ToTell))
		is(t, "the end of waiting", m.WaitUntil, now.Add(7*24*time.Hour))
		if _, err := x.service.AddStep(t.Context(), x.ZhouChunhe, r.ID, "等待", nil); !errors.Is(err, request.ErrIllegalTransition) {
			t.Errorf("a step while waiting: %v, want %v", err, request.ErrIllegalTransition)
		}
		at(d, 60)
		m = moved(t)(x.service.Resume(t.Context(), x.ZhouChunhe, r.ID))
		is(t, "solving", m.SolveDueAt, minute(100))
		is(t, "news", m.UpdateDueAt, minute(120))
		if m.State != request.InProgress || m.WaitUntil != nil || m.WaitingSince != nil {
			t.Errorf("resumed it is %s, waiting since %v until %v", m.State, m.WaitingSince, m.WaitUntil)
		}
	})
}

func TestK14_WaitingEndsOnceAtItsMomentHoweverManyNodesLook(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		at(d, 20)
		until := minute(60)
		moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", &until, request.ToTell))
		d.SetNow(func() time.Time { return until.Add(-time.Millisecond) })
		if some, err := x.service.GoOn(t.Context()); err != nil || some {
			t.Errorf("before the moment: %v, %v; want nothing to do", some, err)
		}
		at(d, 70) // ten minutes of downtime
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = x.service.GoOn(t.Context()) })
		}
		all.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		}
		got, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(got.History); n != 4 || got.State != request.InProgress {
			t.Fatalf("%d lines of history, %s; want four, in progress", n, got.State)
		}
		if l := got.History[3]; l.Move != "resumed" || l.Assignment != 0 || !l.HappenedAt.Equal(until) {
			t.Errorf("the last line is %s by %d at %v, want the clock at %v", l.Move, l.Assignment, l.HappenedAt, until)
		}
		is(t, "solving", got.SolveDueAt, minute(100))
	})
}

func TestV2_OnlyTheHolderActsAndALeadAboveMayPull(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		refused := func(by org.Actor, want error) {
			t.Helper()
			s, ctx := x.service, t.Context()
			for what, do := range map[string]func() (request.Moved, error){
				"accept":    func() (request.Moved, error) { return s.Accept(ctx, by, r.ID, "") },
				"step":      func() (request.Moved, error) { return s.AddStep(ctx, by, r.ID, "x", nil) },
				"wait":      func() (request.Moved, error) { return s.Wait(ctx, by, r.ID, "x", nil, request.ToTell) },
				"resume":    func() (request.Moved, error) { return s.Resume(ctx, by, r.ID) },
				"message":   func() (request.Moved, error) { return s.Message(ctx, by, r.ID, "x", request.ToTell) },
				"escalate":  func() (request.Moved, error) { return s.Escalate(ctx, by, r.ID, up(0)) },
				"hand back": func() (request.Moved, error) { return s.HandBack(ctx, by, r.ID, 1, "x") },
				"close":     func() (request.Moved, error) { return s.Close(ctx, by, r.ID, request.Closing{}) },
				"withdraw":  func() (request.Moved, error) { return s.Withdraw(ctx, by, r.ID, request.Phone, 0) },
			} {
				if _, err := do(); !errors.Is(err, want) {
					t.Errorf("%s as %s: %v, want %v", what, by.Role, err, want)
				}
			}
		}
		refused(x.SunLixia, request.ErrNotHolder)
		refused(x.WangQiufen, problem.ErrNotFound)
		refused(x.HeQingqing, problem.ErrNotFound)
		for by, want := range map[*org.Actor]error{
			&x.ZhouChunhe: problem.ErrForbidden, &x.WangQiufen: problem.ErrNotFound, &x.ElsewhereSecr: problem.ErrNotFound,
			&x.LuoQingming: problem.ErrNotFound,
		} {
			if _, err := x.service.Pull(t.Context(), *by, r.ID, "统一办理"); !errors.Is(err, want) {
				t.Errorf("%s pulls: %v, want %v", by.Role, err, want)
			}
		}
		m := moved(t)(x.service.Pull(t.Context(), x.ChenGuyu, r.ID, "统一办理"))
		if m.HolderUnitID != x.Ruihe.Grid.ID || m.Level != 3 || m.State != request.New {
			t.Errorf("pulled to %d at level %d", m.HolderUnitID, m.Level)
		}
		if _, err := x.service.Pull(t.Context(), x.SunLixia, r.ID, "统一办理"); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("a lead below pulls: %v, want %v", err, problem.ErrForbidden)
		}
		refused(x.ZhouChunhe, request.ErrNotHolder)
		if got, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID); err != nil || len(got.History) != 2 || got.History[1].Note != "统一办理" {
			t.Errorf("the area reads %+v (%v), want both lines with the reason", got.History, err)
		}
		var version int64
		if err := d.Get(t.Context(), &version, `SELECT version FROM request WHERE id = ?`, r.ID); err != nil || version != 2 {
			t.Errorf("version %d (%v), want one move", version, err)
		}
	})
}

func TestC8_ARequestGoesToHigherLevelsAssistantsAndSectionsOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		climb := func(by org.Actor, c request.Climb) (request.Moved, error) {
			return x.service.Escalate(t.Context(), by, r.ID, c)
		}
		section := request.Climb{To: "section", Section: x.Section.ID, Note: "请协助"}
		for what, c := range map[string]request.Climb{
			"to its own level": up(1), "to a section that is a community": {To: "section", Section: x.Ruihe.Unit.ID, Note: "x"},
			"to no section": {To: "section", Note: "x"},
		} {
			if _, err := climb(x.ZhouChunhe, c); !errors.Is(err, request.ErrTarget) {
				t.Errorf("%s: %v, want %v", what, err, request.ErrTarget)
			}
		}
		if m := moved(t)(climb(x.ZhouChunhe, up(0))); m.Level != 2 || m.HolderUnitID != x.Ruihe.Block.ID {
			t.Errorf("the next level is %d, want 2", m.Level)
		}
		if m := moved(t)(climb(x.SunLixia, section)); m.Level != 0 || m.HolderUnitID != x.Section.ID || m.HolderRole != "" {
			t.Errorf("the section holds it as %d %s at level %d", m.HolderUnitID, m.HolderRole, m.Level)
		}
		if _, err := climb(x.SectionHead, section); !errors.Is(err, request.ErrTarget) {
			t.Errorf("to itself: %v, want %v", err, request.ErrTarget)
		}
		if _, err := climb(x.SectionHead, up(2)); !errors.Is(err, request.ErrTarget) {
			t.Errorf("up to where it came from: %v, want %v", err, request.ErrTarget)
		}
		if _, err := x.service.HandBack(t.Context(), x.SectionHead, r.ID, 3, "x"); !errors.Is(err, request.ErrTarget) {
			t.Errorf("back to where it never was: %v, want %v", err, request.ErrTarget)
		}
		if m := moved(t)(x.service.HandBack(t.Context(), x.SectionHead, r.ID, 2, "已答复")); m.HolderUnitID != x.Ruihe.Block.ID {
			t.Errorf("handed back to %d, want the block", m.HolderUnitID)
		}
		moved(t)(climb(x.SunLixia, request.Climb{To: "grid_assistant", Note: "请协助"}))
		if m := moved(t)(climb(x.HeQingqing, up(0))); m.Level != 3 {
			t.Errorf("beside level 2 the next level is %d, want 3", m.Level)
		}
		if _, err := x.service.Read(t.Context(), x.HeQingqing, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the assistant reads what it no longer holds: %v, want %v", err, problem.ErrNotFound)
		}
	})
}

func TestC9_ARequestEndsInFourWaysAndCanBeReopened(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		for want, c := range map[error]request.Closing{
			request.ErrClosureKind: {}, request.ErrClosureText: {Kind: request.Explained},
			request.ErrHandover: {Kind: request.HandedOver, HandedTo: request.HandedTo{Body: "云湾供水公司"}},
		} {
			if _, err := x.service.Close(t.Context(), x.ZhouChunhe, r.ID, c); !errors.Is(err, want) {
				t.Errorf("closes as %q: %v, want %v", c.Kind, err, want)
			}
		}
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, up(2)))
		to := request.HandedTo{Body: "云湾供水公司", Contact: "前台 19900000002"}
		for day, want := range map[calendar.Day]error{"": request.ErrHandover, "2026-03-01": request.ErrDay, "2027-03-03": request.ErrDay} {
			_, err := x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.HandedOver, HandedTo: to, CallBackOn: day})
			if !errors.Is(err, want) {
				t.Errorf("to be called back on %q: %v, want %v", day, err, want)
			}
		}
		m := moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.HandedOver, HandedTo: to, CallBackOn: "2026-03-05"}))
		if m.State != request.HandedOver || *m.CallBackOn != "2026-03-05" || m.ResolvedLevel != "" {
			t.Errorf("closed as %s, call back on %v, resolved at %q", m.State, m.CallBackOn, m.ResolvedLevel)
		}
		got, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil || got.Handed != to {
			t.Errorf("handed to %+v (%v), want %+v", got.Handed, err, to)
		}
		var moves []string
		for _, s := range got.History {
			moves = append(moves, s.Move)
		}
		if want := []string{"created", "escalated", "accepted", "handed_over"}; !slices.Equal(moves, want) {
			t.Errorf("the history is %v, want %v", moves, want)
		}
		if _, err := x.service.Accept(t.Context(), x.SunLixia, r.ID, ""); !errors.Is(err, request.ErrIllegalTransition) {
			t.Errorf("accepts what is closed: %v, want %v", err, request.ErrIllegalTransition)
		}
		if _, err := x.service.Reopen(t.Context(), x.ChenGuyu, r.ID, "仍有问题"); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("the grid's secretary reopens: %v, want %v", err, problem.ErrForbidden)
		}
		const called = 70*60 + 30 // minutes until Thu 08:30: the days count from the later one (O13, K10)
		at(d, called+30*24*60)
		if _, err := x.service.Reopen(t.Context(), x.XuBailu, r.ID, "仍有问题"); !errors.Is(err, request.ErrReopenLate) {
			t.Errorf("reopens after exactly 30 days: %v, want %v", err, request.ErrReopenLate)
		}
		now := at(d, called+30*24*60-1)
		m = moved(t)(x.service.Reopen(t.Context(), x.XuBailu, r.ID, "仍有问题"))
		if m.State != request.Reopened || m.HolderUnitID != x.Ruihe.Block.ID || m.ClosedAt != nil || m.CallBackOn != nil {
			t.Errorf("reopened as %s with %d, closed at %v", m.State, m.HolderUnitID, m.ClosedAt)
		}
		is(t, "solving (K11)", m.SolveDueAt, now.Add(2250*time.Minute))
		is(t, "accepting (K11)", m.AcceptDueAt, now.Add(240*time.Minute))
		var told []struct {
			Person org.PersonID `db:"person_id"`
			Prio   int          `db:"prio"`
		}
		if err := d.Select(t.Context(), &told, `SELECT person_id, prio FROM inbox WHERE kind = 'request.reopened' ORDER BY prio`); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[0].Person != x.SunLixia.PersonID || told[0].Prio != 1 || told[1].Person != x.ZhouChunhe.PersonID || told[1].Prio != 3 {
			t.Errorf("told %v, want the last holder promptly and the one before quietly", told)
		}
		m = moved(t)(x.service.Close(t.Context(), x.SunLixia, r.ID, request.Closing{Kind: request.Explained, Text: "属供水公司管辖"}))
		if m.State != request.Explained {
			t.Errorf("closed as %s", m.State)
		}
		if got := inboxes(t, d, "request.explained"); !slices.Equal(got, []org.PersonID{x.XuBailu.PersonID}) {
			t.Errorf("told %v, want the place's lead", got)
		}
		other := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		if m := moved(t)(x.service.Withdraw(t.Context(), x.ZhouChunhe, other.ID, request.Phone, 0)); m.State != request.Withdrawn {
			t.Errorf("withdrawn it is %s", m.State)
		}
		if m := moved(t)(x.service.Reopen(t.Context(), x.XuBailu, other.ID, "没有撤回")); m.State != request.Reopened { // docs/adr/0014
			t.Errorf("reopened what its holder wrote down as withdrawn it is %s", m.State)
		}
	})
}

func TestX26_OfFiftyAcceptancesAtOneTimeExactlyOneSucceeds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		errs := make([]error, 50)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, "") })
		}
		all.Wait()
		good := 0
		for i, err := range errs {
			var p *problem.Problem
			switch {
			case err == nil:
				good++
			case !errors.Is(err, request.ErrIllegalTransition):
				t.Errorf("call %d: %v, want %v", i, err, request.ErrIllegalTransition)
			case errors.As(err, &p) && p.Members["state"] != "accepted":
				t.Errorf("call %d: refused naming %v, want accepted", i, p.Members["state"])
			}
		}
		if good != 1 {
			t.Errorf("%d of 50 succeeded, want 1", good)
		}
		var lines int
		if err := d.Get(t.Context(), &lines, `SELECT COUNT(*) FROM request_history WHERE request_id = ?`, r.ID); err != nil || lines != 2 {
			t.Errorf("%d lines of history (%v), want the opening and one acceptance", lines, err)
		}
	})
}

func TestV3_AFormerHolderKeepsOneLineAndItsOwnMessages(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Who: "林女士"})
		moved(t)(x.service.Message(t.Context(), x.ZhouChunhe, r.ID, "已转网格助理员", request.ToTell))
		if _, err := x.service.ReadPassed(t.Context(), x.HeQingqing, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the assistant reads what it never held: %v, want %v", err, problem.ErrNotFound)
		}
		moved(t)(x.service.Escalate(t.Context(), x.ZhouChunhe, r.ID, request.Climb{To: "grid_assistant", Note: "请协助"}))
		moved(t)(x.service.Message(t.Context(), x.HeQingqing, r.ID, "请带身份证到2号窗口", request.ToTell))
		moved(t)(x.service.HandBack(t.Context(), x.HeQingqing, r.ID, 1, "请告知居民"))
		moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		if _, err := x.service.Read(t.Context(), x.HeQingqing, r.ID); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("the assistant reads it all: %v, want %v", err, problem.ErrNotFound)
		}
		p, err := x.service.ReadPassed(t.Context(), x.HeQingqing, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if p.Receipt != r.Receipt || p.State != request.Resolved || p.ResolvedLevel != "center_household" {
			t.Errorf("the line is %s, %s at %q; want %s, resolved at the centre household", p.Receipt, p.State, p.ResolvedLevel, r.Receipt)
		}
		if len(p.Messages) != 1 || p.Messages[0].Note != "请带身份证到2号窗口" {
			t.Errorf("the messages are %+v, want its own alone", p.Messages)
		}
	})
}

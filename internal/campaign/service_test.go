package campaign_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/campaign"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
)

// start is the clock of S0.
var start = time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)

func world(t *testing.T, d *db.DB) (*orgtest.World, *campaign.Service) {
	t.Helper()
	dbtest.WithClock(t, d, func() time.Time { return start })
	return orgtest.Tree(t, d), campaign.NewService(d)
}

// visit is the task of S0, for one person.
func visit(to org.AssignmentID) campaign.NewTask {
	due := time.Date(2026, 5, 13, 9, 30, 0, 0, time.UTC)
	return campaign.NewTask{
		Title: "走访二片区3户", Checklist: []string{"2-30", "2-31", "2-32"}, Minutes: 60, DueAt: &due,
		Evidence: campaign.OptionalEvidence, Target: campaign.Target{Assignment: to},
	}
}

func create(t *testing.T, s *campaign.Service, by org.Actor, n campaign.NewTask) campaign.Given {
	t.Helper()
	g, err := s.Create(t.Context(), by, n)
	if err != nil {
		t.Fatalf("ask for %q: %v", n.Title, err)
	}
	return g
}

// wants fails the test when got is not want.
func wants(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// ignored is what becomes of roles, where a test does not ask.
func ignored(context.Context, *db.Tx, org.Actor, org.RoleEvent, org.Assignment) error { return nil }

// told counts the items of a kind in a person's inbox.
func told(t *testing.T, d *db.DB, p org.PersonID, kind string) (n int) {
	t.Helper()
	if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM inbox WHERE person_id = ? AND kind = ?`, p, kind); err != nil {
		t.Fatal(err)
	}
	return n
}

func mine(t *testing.T, d *db.DB, by org.Actor, live bool) []campaign.Mine {
	t.Helper()
	p, err := page.NewKeys(make([]byte, 32)).Parse("", 50, "")
	if err != nil {
		t.Fatal(err)
	}
	all, err := campaign.ListMine(t.Context(), d, by, live, d.Now(), p)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestATaskGoesFromAskedToDone(t *testing.T) { // S0, X27, X28, B34, F18
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		g := create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment))
		id := g.Copies[0]
		if got, want := g.Burden, (campaign.Burden{Minutes: 60, Receivers: 1}); got != want || got.Total() != 60 { // X29
			t.Errorf("the burden is %+v, want %+v", got, want)
		}
		if n := told(t, d, w.YaoMangzhong.PersonID, "task.assigned"); n != 1 {
			t.Errorf("the receiver is told %d times, want once", n)
		}
		if got := mine(t, d, w.YaoMangzhong, true); len(got) != 1 || got[0].ID != id || got[0].State != campaign.Open {
			t.Errorf("the receiver's list is %+v", got)
		}
		if got := mine(t, d, w.YaoOfficer, true); len(got) != 0 { // F18, AA3
			t.Errorf("the same person's other role lists %+v, want nothing", got)
		}
		report := func(by org.Actor) error {
			_, err := s.Report(t.Context(), by, campaign.Report{Copy: id, Text: "3户，1件诉求", Ticks: []int{0, 1, 2}})
			return err
		}
		wants(t, "a report before accepting", report(w.YaoMangzhong), campaign.ErrIllegalTransition)
		_, err := s.Accept(t.Context(), w.YaoMangzhong, id)
		wants(t, "accepting", err, nil)
		wants(t, "a report by who asked", report(w.FengShuangjiang), problem.ErrForbidden)
		wants(t, "a report by a stranger", report(w.ZhengXiaoxue), problem.ErrNotFound)
		wants(t, "a report by the person's other role", report(w.YaoOfficer), problem.ErrForbidden)
		wants(t, "the report", report(w.YaoMangzhong), nil)
		wants(t, "a second report", report(w.YaoMangzhong), campaign.ErrIllegalTransition)
		if n := told(t, d, w.FengShuangjiang.PersonID, "task.reported"); n != 1 {
			t.Errorf("who asked is told %d times, want once", n)
		}
		_, err = s.AcceptResult(t.Context(), w.YaoMangzhong, id)
		wants(t, "one's own result", err, problem.ErrForbidden)
		c, err := s.AcceptResult(t.Context(), w.FengShuangjiang, id)
		if err != nil || c.State != campaign.Done {
			t.Errorf("the result: %s, %v; want done", c.State, err)
		}
		if n := told(t, d, w.YaoMangzhong.PersonID, "task.done"); n != 1 {
			t.Errorf("the receiver hears of the result %d times, want once", n)
		}
		if len(mine(t, d, w.YaoMangzhong, true)) != 0 || len(mine(t, d, w.YaoMangzhong, false)) != 1 {
			t.Error("a finished task stands among the closed ones")
		}
	})
}

func TestATaskOfARoleSurvivesAChangeOfPerson(t *testing.T) { // X27
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		n := visit(0)
		n.Target = campaign.Target{Unit: w.Xingwu.Areas[1].Household.ID, Role: org.RoleAreaHolder}
		id := create(t, s, w.FengShuangjiang, n).Copies[0]
		roles := org.NewService(d, ignored)
		wants(t, "ending the role", roles.EndAssignment(t.Context(), w.FengShuangjiang, w.YaoMangzhong.Assignment, "", "换届"), nil)
		person := orgtest.Person(t, d)
		err := d.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := org.Assign(t.Context(), tx, org.NewAssignment{
				Person: person, Role: org.RoleAreaHolder, Unit: w.Xingwu.Areas[1].Household,
				Span: org.Span{From: calendar.DayOf(tx.Now)},
			})
			return err
		})
		wants(t, "naming a successor", err, nil)
		next, err := org.ActorOf(t.Context(), d, person, 0, d.Now())
		wants(t, "acting as the successor", err, nil)
		if got := mine(t, d, next, true); len(got) != 1 {
			t.Errorf("the successor's list is %+v, want the task", got)
		}
		_, err = s.Accept(t.Context(), next, id)
		wants(t, "the successor accepts", err, nil)
	})
}

func TestEveryUnitBelowGetsOneCopy(t *testing.T) { // X27, X28, A8
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		n := visit(0)
		n.OverReason = "汛期前须全部走到" // 7 × 60 minutes are beyond the month of 5 organisations
		n.Target = campaign.Target{Below: w.Committee.ID, Kinds: []org.UnitKind{org.Branch, org.GeneralBranch}}
		g := create(t, s, w.LuoQingming, n)
		// 2 communities with a general branch and a branch each, 2 villages, 1 enterprise
		if len(g.Copies) != 7 || g.Burden.Total() != 420 {
			t.Errorf("%d copies, %d minutes; want 7 and 420", len(g.Copies), g.Burden.Total())
		}
		for _, by := range []org.Actor{w.FengShuangjiang, w.ZhengXiaoxue, w.XuBailu, w.ChenGuyu, w.FactorySecr} {
			if len(mine(t, d, by, true)) != 1 || told(t, d, by.PersonID, "task.assigned") != 1 {
				t.Errorf("the %s of %s has no copy or was not told", by.Role, by.Unit.Name)
			}
		}
		if len(mine(t, d, w.ElsewhereSecr, true)) != 0 { // A1
			t.Error("the other subdistrict has a copy")
		}
		for _, c := range []struct {
			name   string
			by     org.Actor
			target campaign.Target
			want   error
		}{
			{"another village's holder (B34)", w.ZhengXiaoxue, campaign.Target{Assignment: w.YaoMangzhong.Assignment}, problem.ErrNotFound},
			{"another village's role", w.ZhengXiaoxue, campaign.Target{Unit: w.Xingwu.Party.ID, Role: org.RoleMember}, problem.ErrNotFound},
			{"the units above", w.XuBailu, campaign.Target{Below: w.Committee.ID, Kinds: []org.UnitKind{org.Branch}}, problem.ErrNotFound},
			{"by a holder", w.ZhouChunhe, campaign.Target{Assignment: w.ZhouChunhe.Assignment}, problem.ErrForbidden},
			{"by an officer to another unit", w.YaoOfficer, campaign.Target{Assignment: w.YaoMangzhong.Assignment}, problem.ErrNotFound},
			{"by an officer to the own one", w.YaoOfficer, campaign.Target{Assignment: w.XingwuMember.Assignment}, nil},
			{"a role that the unit does not have", w.FengShuangjiang, campaign.Target{Unit: w.Xingwu.Party.ID, Role: org.RoleAreaHolder}, campaign.ErrTarget},
			{"nobody", w.FengShuangjiang, campaign.Target{}, campaign.ErrTarget},
			{"a person and a role", w.FengShuangjiang, campaign.Target{Assignment: 1, Unit: 1, Role: org.RoleMember}, campaign.ErrTarget},
			{"no such units", w.FengShuangjiang, campaign.Target{Below: w.Xingwu.Party.ID, Kinds: []org.UnitKind{org.PartyGroup}}, campaign.ErrNobody},
			{"the areas of the village, by their grid", w.FengShuangjiang, campaign.Target{Below: w.Xingwu.Unit.ID, Kinds: []org.UnitKind{org.Area}}, nil},
		} {
			n.Target = c.target
			_, err := s.Create(t.Context(), c.by, n)
			wants(t, c.name, err, c.want)
		}
	})
}

func TestATaskIsSeenByItsReceiversAndByWhoAsksAndAbove(t *testing.T) { // S0, B25
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		g := create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment))
		for _, c := range []struct {
			name string
			by   org.Actor
			want error
		}{
			{"the receiver", w.YaoMangzhong, nil},
			{"who asked", w.FengShuangjiang, nil},
			{"the office above", w.LuoQingming, nil},
			{"another secretary", w.ZhengXiaoxue, problem.ErrNotFound},
			{"a member of the branch", w.XingwuMember, problem.ErrNotFound},
			{"another holder", w.YiPian, problem.ErrNotFound},
			{"the other subdistrict", w.ElsewhereOffice, problem.ErrNotFound},
			{"a resident", w.LinXiaoman, problem.ErrNotFound},
		} {
			_, _, err := campaign.FindTask(t.Context(), d, c.by, g.Task)
			wants(t, c.name, err, c.want)
		}
	})
}

func TestOnlyWhatNobodyHasReportedIsCalledOff(t *testing.T) { // §5.2
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		n := visit(0)
		n.Target = campaign.Target{Below: w.Xingwu.Party.ID, Kinds: []org.UnitKind{org.CenterHousehold}}
		g := create(t, s, w.FengShuangjiang, n)
		_, err := s.Accept(t.Context(), w.YaoMangzhong, g.Copies[1])
		wants(t, "accepting", err, nil)
		_, err = s.Report(t.Context(), w.YaoMangzhong, campaign.Report{Copy: g.Copies[1], Text: "已走访", Evidence: "照片可后补"})
		wants(t, "reporting", err, nil)
		_, err = s.Cancel(t.Context(), w.LuoQingming, g.Task, "改期")
		wants(t, "by the office, which did not ask", err, problem.ErrForbidden)
		if called, err := s.Cancel(t.Context(), w.FengShuangjiang, g.Task, "改期"); err != nil || called != 1 {
			t.Errorf("%d called off (%v), want the one without a report", called, err)
		}
		_, err = s.Cancel(t.Context(), w.FengShuangjiang, g.Task, "改期")
		wants(t, "calling off twice", err, campaign.ErrIllegalTransition)
		if told(t, d, w.YiPian.PersonID, "task.cancelled") != 1 || told(t, d, w.YaoMangzhong.PersonID, "task.cancelled") != 0 {
			t.Error("the wrong people hear that it is off")
		}
		_, err = s.Decline(t.Context(), w.YiPian, g.Copies[0], "没空")
		wants(t, "declining what is off", err, campaign.ErrIllegalTransition)
	})
}

func TestARetriedTaskIsTheSameTask(t *testing.T) { // I1
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		call := once.Call{Operation: "createTask", Key: "0f8b6a1e-5d1c-4a53", Fingerprint: make([]byte, 32)}
		var first, again campaign.Given
		for _, g := range []*campaign.Given{&first, &again} {
			var err error
			if *g, err = s.Create(once.With(t.Context(), call), w.FengShuangjiang, visit(w.YaoMangzhong.Assignment)); err != nil {
				t.Fatal(err)
			}
		}
		if first.Task != again.Task || told(t, d, w.YaoMangzhong.PersonID, "task.assigned") != 1 {
			t.Errorf("the retry is task %d, want %d, told once", again.Task, first.Task)
		}
	})
}

func TestOfFiftyAtOnceOneWins(t *testing.T) { // X26, D4
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		id := create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment)).Copies[0]
		won, lost := race(func() error {
			_, err := s.Accept(t.Context(), w.YaoMangzhong, id)
			return err
		})
		if won != 1 || lost != 49 {
			t.Errorf("%d won and %d were refused, want 1 and 49", won, lost)
		}
		if n := told(t, d, w.FengShuangjiang.PersonID, "task.accepted"); n != 1 {
			t.Errorf("who asked is told %d times, want once", n)
		}

		// The control: look, then write without the state in the condition. All fifty win.
		id = create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment)).Copies[0]
		var looked sync.WaitGroup
		looked.Add(50)
		won, _ = race(func() error {
			var state campaign.State
			err := d.Get(t.Context(), &state, `SELECT state FROM task_copy WHERE id = ?`, id)
			looked.Done()
			looked.Wait()
			if err != nil || state != campaign.Open {
				return campaign.ErrIllegalTransition
			}
			return d.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Change(t.Context(), `UPDATE task_copy SET state = ? WHERE id = ?`, campaign.Accepted, id)
				return err
			})
		})
		if won < 2 {
			t.Errorf("without the condition %d won: this test would not see the fault", won)
		}
	})
}

// race calls f fifty times at once.
func race(f func() error) (won, lost int32) {
	var wins, refusals atomic.Int32
	var all sync.WaitGroup
	begin := make(chan struct{})
	for range 50 {
		all.Go(func() {
			<-begin
			switch err := f(); {
			case err == nil:
				wins.Add(1)
			case errors.Is(err, campaign.ErrIllegalTransition):
				refusals.Add(1)
			}
		})
	}
	close(begin)
	all.Wait()
	return wins.Load(), refusals.Load()
}

func TestACampaignShowsWhichUnitsLackWhatAndKeepsItAtClosing(t *testing.T) { // G1, G12, X28
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		by := w.LuoQingming
		id, err := s.Plan(t.Context(), by, "三有一创", "", []campaign.Stage{
			{Name: "动员", FromDay: "2026-05-01", ToDay: "2026-06-15"}, {Name: "推进", FromDay: "2026-06-01", ToDay: "2026-09-30"},
		})
		wants(t, "planning stages that overlap", err, nil)
		n := visit(0)
		n.Campaign, n.Target = id, campaign.Target{Below: w.Subdistrict.ID, Kinds: []org.UnitKind{org.Village}}
		_, err = s.Create(t.Context(), by, n)
		wants(t, "a task of a draft", err, campaign.ErrIllegalTransition)
		wants(t, "starting by a secretary below", s.Start(t.Context(), w.FengShuangjiang, id), problem.ErrNotFound)
		wants(t, "starting", s.Start(t.Context(), by, id), nil)
		wants(t, "starting twice", s.Start(t.Context(), by, id), campaign.ErrIllegalTransition)
		c, err := campaign.GetCampaign(t.Context(), d, by, id)
		if err != nil || len(c.Stages) != 2 {
			t.Fatalf("the campaign is %+v (%v), want two stages", c, err)
		}
		n.Stage = c.Stages[1].ID // the later one, before it begins
		g := create(t, s, by, n)
		report := func(by org.Actor, c campaign.CopyID) {
			_, err := s.Accept(t.Context(), by, c)
			wants(t, "accepting", err, nil)
			_, err = s.Report(t.Context(), by, campaign.Report{Copy: c, Text: "完成"})
			wants(t, "reporting", err, nil)
		}
		report(w.FengShuangjiang, g.Copies[0])
		lacks := func(want int) {
			t.Helper()
			c, err := campaign.GetCampaign(t.Context(), d, by, id)
			if err != nil || c.Coverage.Copies != 2 || len(c.Coverage.Lacking) != want {
				t.Errorf("coverage is %+v (%v), want %d of 2 lacking", c.Coverage, err, want)
			}
		}
		lacks(1)
		wants(t, "closing", s.Close(t.Context(), by, id), nil)
		report(w.ZhengXiaoxue, g.Copies[1])
		lacks(1)
		_, err = s.Create(t.Context(), by, n)
		wants(t, "a task of a closed campaign", err, campaign.ErrIllegalTransition)
	})
}

func TestTextsHoldNoIDCardNumber(t *testing.T) { // §9.3
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		n := visit(w.YaoMangzhong.Assignment)
		n.Checklist = []string{"110101190001011234"}
		_, err := s.Create(t.Context(), w.FengShuangjiang, n)
		wants(t, "in the checklist", err, problem.ErrPersonalDataInText)
	})
}

func TestMyTasksAreOneStatement(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		for range 3 {
			create(t, s, w.FengShuangjiang, visit(w.YaoMangzhong.Assignment))
		}
		keys := page.NewKeys(make([]byte, 32))
		first, err := keys.Parse("", 2, "b")
		if err != nil {
			t.Fatal(err)
		}
		before := d.Statements()
		rows, err := campaign.ListMine(t.Context(), d, w.YaoMangzhong, true, d.Now(), first)
		if n := d.Statements() - before; err != nil || n != 1 {
			t.Errorf("%d statements (%v), want one", n, err)
		}
		rows, next := page.Cut(rows, first, func(m campaign.Mine) (time.Time, int64) { return m.CreatedAt, int64(m.ID) })
		second, err := keys.Parse(next, 2, "b")
		if err != nil {
			t.Fatal(err)
		}
		rest, err := campaign.ListMine(t.Context(), d, w.YaoMangzhong, true, d.Now(), second)
		if err != nil || len(rows) != 2 || len(rest) != 1 || rest[0].ID >= rows[1].ID {
			t.Errorf("pages of %d and %d (%v), want 2 and 1 without a row twice", len(rows), len(rest), err)
		}
	})
}

func TestATaskThatIsDueAlreadyIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		n := visit(w.YaoMangzhong.Assignment)
		n.DueAt = &start
		_, err := s.Create(t.Context(), w.FengShuangjiang, n)
		wants(t, "due this very moment", err, campaign.ErrDuePast)
		later := start.Add(time.Millisecond)
		n.DueAt = &later
		create(t, s, w.FengShuangjiang, n)
	})
}

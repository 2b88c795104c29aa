package campaign_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/configs"
	"wanjia/internal/campaign"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

func holidays(t *testing.T) *calendar.Calendar {
	t.Helper()
	cal, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

func TestATaskComesAgainOnOpenDays(t *testing.T) {
	t.Parallel()
	cal := holidays(t)
	for _, c := range []struct {
		name        string
		rhythm      campaign.Rhythm
		first, from calendar.Day
		want        calendar.Day
		more        bool
	}{
		{"the next day", campaign.Daily, "2026-05-11", "2026-05-12", "2026-05-12", true},
		{"over a weekend", campaign.Daily, "2026-05-15", "2026-05-16", "2026-05-18", true},
		{"a make-up Sunday is open", campaign.Daily, "2026-09-18", "2026-09-20", "2026-09-20", true},
		{"a week later", campaign.Weekly, "2026-05-11", "2026-05-12", "2026-05-18", true},
		{"the day before a holiday", campaign.Weekly, "2026-04-25", "2026-04-27", "2026-04-30", true},
		{"weeks later, after a stop", campaign.Weekly, "2026-05-11", "2026-06-02", "2026-06-08", true},
		{"a month later", campaign.Monthly, "2026-05-11", "2026-05-12", "2026-06-11", true},
		{"the last day of a shorter month", campaign.Monthly, "2026-03-31", "2026-04-01", "2026-04-30", true},
		{"and of a longer one again", campaign.Monthly, "2026-03-31", "2026-05-06", "2026-05-29", true}, // the 31st is a Sunday
		{"until the end", campaign.Weekly, "2026-12-21", "2026-12-22", "2026-12-28", true},
		{"and no longer", campaign.Weekly, "2026-12-28", "2026-12-29", "", false},
	} {
		got, more := campaign.Due(cal, campaign.Repeat{Rhythm: c.rhythm, Until: "2026-12-30"}, c.first, c.from)
		if more != c.more || more && got != c.want {
			t.Errorf("%s: due on %s (%v), want %s (%v)", c.name, got, more, c.want, c.more)
		}
	}
}

// dues are when the copies of a task in a unit are due, in the order they were opened.
func dues(t *testing.T, d *db.DB, id campaign.TaskID, unit org.UnitID) (all []string) {
	t.Helper()
	var due []time.Time
	if err := d.Select(t.Context(), &due, `SELECT due_at FROM task_copy WHERE task_id = ? AND unit_id = ? ORDER BY id`, id, unit); err != nil {
		t.Fatal(err)
	}
	for _, at := range due {
		all = append(all, at.In(calendar.Shanghai).Format("01-02 15:04"))
	}
	return all
}

// pass calls the job at nine in the morning of each day after the one of start, on two nodes at once.
func pass(t *testing.T, d *db.DB, s *campaign.Service, cal *calendar.Calendar, days int) {
	t.Helper()
	for range days {
		now := d.Now().Add(24 * time.Hour)
		d.SetNow(func() time.Time { return now })
		var nodes sync.WaitGroup
		for range 2 {
			nodes.Go(func() {
				for some := true; some; {
					var err error
					if some, err = s.Repeat(t.Context(), cal); err != nil {
						t.Errorf("on %s: %v", calendar.DayOf(now), err)
						return
					}
				}
			})
		}
		nodes.Wait()
	}
}

func TestX27_NewCopiesOpenOnceForWhoIsThereThen(t *testing.T) {
	t.Parallel()
	cal := holidays(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		due := time.Date(2026, 5, 12, 9, 30, 0, 0, time.UTC) // Tue 17:30
		n := visit(0)
		n.DueAt, n.Repeat = &due, campaign.Repeat{Rhythm: campaign.Daily, Until: "2026-05-19"}
		n.Target = campaign.Target{Below: w.Xingwu.Unit.ID, Kinds: []org.UnitKind{org.Area}}
		daily := create(t, s, w.FengShuangjiang, n)
		n.Repeat = campaign.Repeat{Rhythm: campaign.Weekly, Until: "2026-06-30"}
		n.Target = campaign.Target{Unit: w.Xingwu.Areas[1].Household.ID, Role: org.RoleAreaHolder}
		weekly := create(t, s, w.FengShuangjiang, n)
		n.Target = campaign.Target{Assignment: w.YiPian.Assignment}
		personal := create(t, s, w.FengShuangjiang, n)

		pass(t, d, s, cal, 3) // up to Thursday
		yao, yi := w.Xingwu.Areas[1].Household.ID, w.Xingwu.Areas[0].Household.ID
		if diff := cmp.Diff([]string{"05-12 17:30", "05-13 17:30", "05-14 17:30"}, dues(t, d, daily.Task, yao)); diff != "" {
			t.Errorf("daily (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"05-12 17:30", "05-19 17:30"}, dues(t, d, weekly.Task, yao)); diff != "" {
			t.Errorf("weekly (-want +got):\n%s", diff)
		}
		roles := org.NewService(d, ignored)
		wants(t, "ending a role", roles.EndAssignment(t.Context(), w.FengShuangjiang, w.YiPian.Assignment, "", "换届"), nil)
		area := orgtest.Unit(t, d, org.Area, "三片区", w.Xingwu.Unit)
		house := orgtest.Unit(t, d, org.CenterHousehold, "三片区责任区党员", w.Xingwu.Party)
		wants(t, "linking a new area", d.InTx(t.Context(), func(tx *db.Tx) error {
			return org.Link(t.Context(), tx, house, area, orgtest.From)
		}), nil)
		pass(t, d, s, cal, 12) // past the end of the daily one, to the next but one Tuesday
		if diff := cmp.Diff([]string{"05-15 17:30", "05-18 17:30", "05-19 17:30"}, dues(t, d, daily.Task, house.ID)); diff != "" {
			t.Errorf("daily, of an area that came later (-want +got):\n%s", diff)
		}
		if got := dues(t, d, daily.Task, yi); len(got) != 6 {
			t.Errorf("daily, of the role that is vacant: %v, want the six days", got)
		}
		if diff := cmp.Diff([]string{"05-12 17:30", "05-19 17:30", "05-26 17:30"}, dues(t, d, weekly.Task, yao)); diff != "" {
			t.Errorf("weekly (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"05-12 17:30", "05-19 17:30"}, dues(t, d, personal.Task, yi)); diff != "" {
			t.Errorf("of a person whose role ended on Thursday (-want +got):\n%s", diff)
		}
		if n := told(t, d, w.YaoMangzhong.PersonID, "task.assigned"); n != 9 {
			t.Errorf("told of %d copies, want 6 daily and 3 weekly", n)
		}

		// Called off, it comes no more, though all its copies are reported on.
		_, err := s.Cancel(t.Context(), w.FengShuangjiang, weekly.Task, "改为按月")
		wants(t, "calling off", err, nil)
		pass(t, d, s, cal, 14)
		if got := dues(t, d, weekly.Task, yao); len(got) != 3 {
			t.Errorf("after it was called off: %v, want three", got)
		}
	})
}

func TestARepeatThatNobodyCouldFollowIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		for _, c := range []struct {
			name  string
			until calendar.Day
			due   bool
			want  error
		}{
			{"no due time", "2026-06-30", false, campaign.ErrRepeat},
			{"over before it is due", "2026-05-12", true, campaign.ErrRepeat},
			{"for two years", "2028-05-13", true, campaign.ErrRepeat},
			{"once, on the day it is due", "2026-05-13", true, nil},
			{"for a year", "2027-05-13", true, nil},
		} {
			n := visit(w.YaoMangzhong.Assignment)
			n.Repeat = campaign.Repeat{Rhythm: campaign.Monthly, Until: c.until}
			if !c.due {
				n.DueAt = nil
			}
			_, err := s.Create(t.Context(), w.FengShuangjiang, n)
			wants(t, c.name, err, c.want)
		}
	})
}

func TestWhatWouldBeDueAlreadyAfterAStopIsLeftOut(t *testing.T) { // K14
	t.Parallel()
	cal := holidays(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		n := visit(w.YaoMangzhong.Assignment)
		n.Repeat = campaign.Repeat{Rhythm: campaign.Daily, Until: "2026-06-30"}
		g := create(t, s, w.FengShuangjiang, n)
		back := time.Date(2026, 5, 20, 10, 0, 0, 0, time.UTC) // Wed 18:00, a week after it was due
		d.SetNow(func() time.Time { return back })
		for some := true; some; {
			var err error
			if some, err = s.Repeat(t.Context(), cal); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"05-13 17:30", "05-21 17:30"}, dues(t, d, g.Task, w.Xingwu.Areas[1].Household.ID)); diff != "" {
			t.Errorf("after a stop (-want +got):\n%s", diff)
		}
	})
}

func TestATaskOfAClosedCampaignComesNoMore(t *testing.T) {
	t.Parallel()
	cal := holidays(t)
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w, s := world(t, d)
		id, err := s.Plan(t.Context(), w.FengShuangjiang, "夏季走访", "", nil)
		wants(t, "planning", err, nil)
		wants(t, "starting", s.Start(t.Context(), w.FengShuangjiang, id), nil)
		n := visit(w.YaoMangzhong.Assignment)
		n.Campaign, n.Repeat = id, campaign.Repeat{Rhythm: campaign.Daily, Until: "2026-06-30"}
		g := create(t, s, w.FengShuangjiang, n)
		pass(t, d, s, cal, 3) // due on Wednesday, again on Thursday
		wants(t, "closing", s.Close(t.Context(), w.FengShuangjiang, id), nil)
		pass(t, d, s, cal, 5)
		if diff := cmp.Diff([]string{"05-13 17:30", "05-14 17:30"}, dues(t, d, g.Task, w.Xingwu.Areas[1].Household.ID)); diff != "" {
			t.Errorf("copies (-want +got):\n%s", diff)
		}
	})
}

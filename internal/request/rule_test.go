package request_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wanjia/configs"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// working gives f the small world where minutes run in the calendar that ships.
func working(t *testing.T, f func(t *testing.T, d *db.DB, x *fixture)) {
	t.Helper()
	each(t, func(t *testing.T, d *db.DB, x *fixture) {
		cal, err := calendar.Parse(configs.Holidays)
		if err != nil {
			t.Fatal(err)
		}
		x.service = request.NewService(d, x.keys, page.NewKeys(make([]byte, 32)), cal, nil)
		f(t, d, x)
	})
}

// day changes one day of the calendar.
func (x *fixture) day(t *testing.T, day calendar.Day, kind calendar.Kind) {
	t.Helper()
	y, err := x.service.Calendar(t.Context(), 2026)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.service.SaveCalendar(t.Context(), x.XuBailu, request.CalendarChange{
		Change: calendar.Change{Days: []calendar.DayKind{{Day: day, Kind: kind}}}, Version: y.Version, Reason: "上级通知",
	}); err != nil {
		t.Fatal(err)
	}
}

// targets gives a category other targets from a day on.
func (x *fixture) targets(t *testing.T, code request.Code, from calendar.Day, want request.Targets) {
	t.Helper()
	all, err := x.service.Rulings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all.Now, func(r request.Ruled) bool { return r.Code == code })
	c := request.CategoryChange{Category: all.Now[i].Category, Version: all.Now[i].Version, From: from, Reason: "调整承诺"}
	c.Targets = want
	if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); err != nil {
		t.Fatal(err)
	}
}

// follows lets all requests follow the rules of now.
func (x *fixture) follows(t *testing.T) {
	t.Helper()
	for {
		some, err := x.service.FollowRules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !some {
			return
		}
	}
}

// dues is by when a request is due, in Shanghai: accepting, news, solving.
func (x *fixture) dues(t *testing.T, id request.ID) string {
	t.Helper()
	r, err := x.service.Read(t.Context(), x.ZhouChunhe, id)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, due := range []*time.Time{r.AcceptDueAt, r.UpdateDueAt, r.SolveDueAt} {
		if due == nil {
			all = append(all, "-")
			continue
		}
		all = append(all, due.In(calendar.Shanghai).Format("01-02 15:04"))
	}
	return strings.Join(all, ", ")
}

// lines are the moves in the history of a request that a change of rules made.
func (x *fixture) lines(t *testing.T, id request.ID) (moves []string) {
	t.Helper()
	r, err := x.service.Read(t.Context(), x.ZhouChunhe, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.History {
		if strings.HasSuffix(s.Move, "_changed") {
			moves = append(moves, s.Move)
		}
	}
	return moves
}

// code is that of the problem that err is; empty: it is none.
func code(err error) string {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p.Code
	}
	return ""
}

func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestK15_AHolidayAddedForTomorrowLeavesWhatIsDueToday(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		today := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		later := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		want(t, "before", x.dues(t, later.ID), "03-02 15:30, 03-04 10:00, 03-09 10:00")
		at(d, 5)
		x.day(t, "2026-03-03", calendar.Closed)
		x.follows(t)
		want(t, "what is due today", x.dues(t, today.ID), "03-02 10:30, 03-02 11:00, 03-02 11:00")
		want(t, "its lines", len(x.lines(t, today.ID)), 0)
		want(t, "what is due later", x.dues(t, later.ID), "03-02 15:30, 03-05 10:00, 03-10 10:00")
		want(t, "its lines", strings.Join(x.lines(t, later.ID), " "), "calendar_changed")
		fresh := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		x.follows(t)
		want(t, "what is opened after it", x.dues(t, fresh.ID), "03-02 15:35, 03-05 10:05, 03-10 10:05")
		want(t, "its lines", len(x.lines(t, fresh.ID)), 0)
	})
}

func TestK15_AMakeUpDayBringsNearerWhatIsDueAfterIt(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, _ *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		x.day(t, "2026-03-07", calendar.MakeUp)
		x.day(t, "2026-03-08", calendar.MakeUp)
		x.day(t, "2026-03-08", calendar.Ordinary)
		x.follows(t)
		want(t, "due", x.dues(t, r.ID), "03-02 15:30, 03-04 10:00, 03-07 10:00")
		want(t, "its lines", strings.Join(x.lines(t, r.ID), " "), "calendar_changed")
	})
}

func TestK15_ATargetThatIsPastByANewRuleIsMissedOnceAndNotBeforeIt(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		x.targets(t, "general", "2026-03-03", request.Targets{Accept: 240, Update: 900, Solve: 60})
		x.follows(t)
		want(t, "before its day", x.dues(t, r.ID), "-, 03-04 10:00, 03-09 10:00")
		at(d, 22*60+31) // 08:31 on Tuesday
		x.follows(t)
		x.follows(t)
		want(t, "on its day", x.dues(t, r.ID), "-, 03-04 10:00, 03-03 08:30")
		x.ticks(t)
		x.ticks(t)
		told(t, d, "request.target_missed", x.ZhouChunhe, x.SunLixia)
		told(t, d, "request.target_near", x.ZhouChunhe, x.SunLixia)
		got, err := x.service.Read(t.Context(), x.ZhouChunhe, r.ID)
		if err != nil || len(got.Misses) != 1 || got.Misses[0].DueAt.Before(calendar.Day("2026-03-03").Time()) {
			t.Errorf("missed %v (%v), want once and not before the rule held", got.Misses, err)
		}
		var early int
		if err := d.Get(t.Context(), &early, `SELECT COUNT(*) FROM request_timer WHERE clock = 'solving' AND due_at < ?`, calendar.Day("2026-03-03").Time()); err != nil || early != 0 {
			t.Errorf("%d clocks of solving were due before the rule held (%v)", early, err)
		}
		m := moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已更换"}))
		if m.FirstMinutes == nil || *m.FirstMinutes != 361 {
			t.Errorf("answered in %v minutes, want the 361 that it took", m.FirstMinutes)
		}
	})
}

func TestK15_WhatStandsStillKeepsWhatWasUsed(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, ""))
		at(d, 20)
		moved(t)(x.service.Wait(t.Context(), x.ZhouChunhe, r.ID, "请补材料", nil, request.ToTell))
		at(d, 30)
		x.targets(t, "cert_travel", "", request.Targets{Accept: 30, Update: 60, Solve: 90})
		x.follows(t)
		want(t, "its lines", strings.Join(x.lines(t, r.ID), " "), "targets_changed")
		at(d, 60)
		m := moved(t)(x.service.Resume(t.Context(), x.ZhouChunhe, r.ID))
		is(t, "solving, of whose 90 minutes 20 are used", m.SolveDueAt, minute(60+70+90)) // over noon
		m = moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		want(t, "minutes", *m.FirstMinutes, 20)
	})
}

func TestK15_ATargetThatWasMissedIsNotMissedAgain(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "返岗需要跨市通行证明", Category: "cert_travel"})
		at(d, 61)
		x.ticks(t)
		before := x.misses(t, x.ZhouChunhe, r.ID)
		x.targets(t, "cert_travel", "", request.Targets{Accept: 10, Update: 20, Solve: 240})
		x.follows(t)
		want(t, "its lines", len(x.lines(t, r.ID)), 0)
		at(d, 3000)
		x.ticks(t)
		if got := x.misses(t, x.ZhouChunhe, r.ID); !slices.Equal(got, before) || len(got) != 3 {
			t.Errorf("missed %v, and after the change %v", before, got)
		}
		m := moved(t)(x.service.Close(t.Context(), x.ZhouChunhe, r.ID, request.Closing{Kind: request.Resolved, Text: "已开具"}))
		want(t, "minutes of Monday, Tuesday and the morning of Wednesday", *m.FirstMinutes, 360+450+210)
	})
}

func TestK15_EightNodesMoveEachRequestOnce(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		var all []request.ID
		for range 5 {
			all = append(all, x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}).ID)
		}
		x.day(t, "2026-03-03", calendar.Closed)
		var nodes sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			nodes.Go(func() {
				for some := true; some && errs[i] == nil; {
					some, errs[i] = x.service.FollowRules(t.Context())
				}
			})
		}
		nodes.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		}
		for _, id := range all {
			want(t, "its lines", strings.Join(x.lines(t, id), " "), "calendar_changed")
			want(t, "due", x.dues(t, id), "03-02 15:30, 03-05 10:00, 03-10 10:00")
		}
	})
}

// Two nodes that both saw a request to be behind move it once; without the condition they write two lines, so the test
// can fail.
func TestK15_WhatAnotherNodeHasMovedIsNotMovedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		careless bool
		want     int
	}{"with a condition": {false, 1}, "without": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			working(t, func(t *testing.T, _ *db.DB, x *fixture) {
				r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
				x.day(t, "2026-03-03", calendar.Closed)
				if err := x.service.FollowLate(t.Context(), r.ID, c.careless); err != nil {
					t.Fatal(err)
				}
				want(t, "lines", len(x.lines(t, r.ID)), c.want)
			})
		})
	}
}

func TestK15_WhatIsDoneByANodeThatKnowsOnlyTheOldRulesMovesToo(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		r := x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"})
		x.day(t, "2026-03-03", calendar.Closed)
		at(d, 10)
		moved(t)(x.service.Accept(t.Context(), x.ZhouChunhe, r.ID, "")) // before anybody has moved it
		x.follows(t)
		want(t, "due", x.dues(t, r.ID), "-, 03-05 10:10, 03-10 10:00")
		want(t, "its lines", strings.Join(x.lines(t, r.ID), " "), "calendar_changed")
	})
}

func TestX54_ACategoryIsMadeWithoutARelease(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		c := request.CategoryChange{
			Category: request.Category{
				Code: "street_light", Type: request.Report, Label: request.Tongue{ZH: "路灯报修", EN: "A street light"}, Always: true, StartLevel: 2,
				Targets: request.Targets{Accept: 15, Solve: 60}, Urgent: true, Danger: request.Tongue{ZH: "远离裸露电线", EN: "Keep away from live wires"},
			}, From: "2026-03-03", Reason: "路灯报修增多",
		}
		set, err := x.service.SetCategory(t.Context(), x.XuBailu, c)
		if err != nil {
			t.Fatal(err)
		}
		need := request.Telling{Need: request.Need{What: "路灯不亮", Category: "street_light"}, Channel: request.ToldMember}
		if _, err := x.service.Create(t.Context(), x.ZhouChunhe, need); code(err) != "request.category_invalid" {
			t.Errorf("before its day: %v", err)
		}
		at(d, 24*60)
		r := x.create(t, x.ZhouChunhe, need.Need)
		want(t, "type", r.Type, request.Report)
		want(t, "level", r.Level, 2)
		want(t, "danger text", r.Danger.ZH, "远离裸露电线")
		is(t, "solving", r.SolveDueAt, minute(25*60))
		all, err := x.service.Intakes(t.Context())
		if err != nil || len(all) != 7 || all[6].Label.EN != "A street light" {
			t.Errorf("people are shown %d categories (%v), want the new one behind six", len(all), err)
		}
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); code(err) != "common.conflict" {
			t.Errorf("made from what it was before: %v", err)
		}
		c.Version, c.From, c.Closed = set.Version, "", true
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); err != nil {
			t.Fatal(err)
		}
		if _, err := x.service.Create(t.Context(), x.ZhouChunhe, need); code(err) != "request.category_invalid" {
			t.Errorf("a closed one: %v", err)
		}
	})
}

func TestARuleChangesNothingThatIsPast(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, _ *db.DB, x *fixture) {
		for _, c := range [][2]string{{"2026-03-01", "rule.past"}, {"2026-03-02", "rule.past"}, {"2026-03-03", ""}} {
			day, want := calendar.Day(c[0]), c[1]
			_, err := x.service.SaveCalendar(t.Context(), x.XuBailu, request.CalendarChange{
				Change: calendar.Change{Days: []calendar.DayKind{{Day: day, Kind: calendar.Closed}}}, Reason: "停电",
			})
			if code(err) != want {
				t.Errorf("to close %s: %v, want %q", day, err, want)
			}
		}
		all, err := x.service.Rulings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := request.CategoryChange{Category: all.Now[0].Category, From: "2026-03-01", Reason: "试"}
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); code(err) != "rule.past" {
			t.Errorf("a category from yesterday on: %v", err)
		}
		c.From, c.Type = "", request.Advice
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); code(err) != "rule.invalid" {
			t.Errorf("a category of another type: %v", err)
		}
		c.Type, c.Closed = request.Help, true
		if _, err := x.service.SetCategory(t.Context(), x.XuBailu, c); code(err) != "rule.invalid" {
			t.Errorf("without the general category: %v", err)
		}
	})
}

func TestShippedRulesAreWrittenDownOnce(t *testing.T) {
	t.Parallel()
	working(t, func(t *testing.T, d *db.DB, x *fixture) {
		days, err := calendar.ParseChange(configs.Holidays)
		if err != nil {
			t.Fatal(err)
		}
		before, err := x.service.Rulings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := x.service.Ship(t.Context(), days); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		if err := d.Get(t.Context(), &n, `SELECT COUNT(*) FROM rule_change`); err != nil || n != 8 {
			t.Errorf("%d rules (%v), want seven categories and the calendar", n, err)
		}
		after, err := x.service.Rulings(t.Context())
		if err != nil || len(after.Now) != len(before.Now) || after.Now[4].At(5) != before.Now[4].At(5) || after.Now[4].Version != 5 {
			t.Errorf("the rules are %v (%v), want those before", after, err)
		}
		y, err := x.service.Calendar(t.Context(), 2026)
		if err != nil || len(y.Hours) != 1 || len(y.Days) != 39 || y.Days[0].Name != "元旦" {
			t.Errorf("the calendar is %v (%v)", y, err)
		}
		want(t, "due", x.dues(t, x.create(t, x.ZhouChunhe, request.Need{What: "路灯不亮"}).ID), "03-02 15:30, 03-04 10:00, 03-09 10:00")
	})
}

package report

import (
	"errors"
	"testing"
	"time"

	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/request"
)

func TestX34_WhatWouldGiveASmallNumberAwayIsNotShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lowest, above  Cell
		shown          [2]string
		resolved, rate bool
	}{
		{70, 30, [2]string{"70", "30"}, true, true},
		{70, 0, [2]string{"70", "0"}, true, true},
		{0, 0, [2]string{"0", "0"}, true, false},
		{70, 4, [2]string{"70", "<5"}, false, false}, // the total would tell that it is four
		{3, 4, [2]string{"<5", "<5"}, true, false},
		{1, 0, [2]string{"<5", "0"}, false, false},
		{5, 5, [2]string{"5", "5"}, true, true},
	} {
		rate, sum := share(c.lowest, c.above)
		if got := [2]string{c.lowest.String(), c.above.String()}; got != c.shown || (sum != nil) != c.resolved || (rate != nil) != c.rate {
			t.Errorf("%d and %d: %v, total shown %v, rate shown %v; want %v, %v, %v", c.lowest, c.above, got, sum != nil, rate != nil, c.shown, c.resolved, c.rate)
		}
	}
	if rate, _ := share(70, 30); *rate != 70.0 {
		t.Errorf("70 of 100 are %v %%", *rate)
	}
}

func TestAQuarterIsOneOfTheCalendarAndHasBegun(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 16, 0, 0, 0, time.UTC) // 1 April in Shanghai
	q, err := ParseQuarter("2026-Q2", now)
	if err != nil || !q.From.Equal(now) || !q.To.Equal(time.Date(2026, 6, 30, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("the second quarter is %v to %v, error %v", q.From, q.To, err)
	}
	for _, wrong := range []string{"2026-Q3", "2026-Q0", "2026-Q5", "2026-01", "", "20x6-Q1"} {
		if _, err := ParseQuarter(wrong, now); !errors.Is(err, ErrPeriod) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if _, err := ParseQuarter("2026-Q2", now.Add(-time.Millisecond)); !errors.Is(err, ErrPeriod) {
		t.Errorf("a moment before it begins: %v", err)
	}
}

// monday is Mon 2026-03-02 10:00 in Shanghai.
var monday = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

func TestC10_LowestLevelRateCountsTheFirstEndOfEach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, now := t.Context(), monday
		dbtest.WithClock(t, d, func() time.Time { return now })
		keys, err := sealed.Open(ctx, d, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		x := orgtest.Tree(t, d)
		needs := request.NewService(d, keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, nil)
		s := NewService(d, needs)
		for i := range 15 { // nine resolved in the area, six by the community; the first five of all are opened again
			now = monday
			r, err := needs.Create(ctx, x.ZhouChunhe, request.Telling{Need: request.Need{What: "路灯不亮"}, Channel: request.ToldMember})
			if err != nil {
				t.Fatal(err)
			}
			by := x.ZhouChunhe
			if now = monday.Add(time.Duration(i) * time.Minute); i >= 9 {
				by = x.XuBailu
				if _, err := needs.Escalate(ctx, x.ZhouChunhe, r.ID, request.Climb{To: "level", Level: 4, Note: "请社区处理"}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := needs.Close(ctx, by, r.ID, request.Closing{Kind: request.Resolved, Text: "已修好"}); err != nil {
				t.Fatal(err)
			}
			if i >= 5 {
				continue
			}
			if _, err := needs.Reopen(ctx, x.XuBailu, r.ID, "又坏了"); err != nil {
				t.Fatal(err)
			}
			if _, err := needs.Pull(ctx, x.XuBailu, r.ID, "统一维修"); err != nil {
				t.Fatal(err)
			}
			if _, err := needs.Close(ctx, x.XuBailu, r.ID, request.Closing{Kind: request.Resolved, Text: "已换灯"}); err != nil {
				t.Fatal(err)
			}
		}
		in, err := s.Requests(ctx, x.XuBailu, x.Ruihe.Unit.ID, "2026-Q1")
		if err != nil || in.AtLowest != 9 || in.Above != 6 || in.LowestRate == nil || *in.LowestRate != 60 {
			t.Fatalf("%+v, error %v; want 9 of 15 at the lowest level", in, err)
		}
		if in.AnswerMinutes == nil || *in.AnswerMinutes != 7 {
			t.Errorf("the median first answer took %v minutes, want 7", in.AnswerMinutes)
		}
		if in.Again != 5 || in.ReopenedShare == nil || *in.ReopenedShare != 33.3 {
			t.Errorf("%v were opened again, %v %%", in.Again, in.ReopenedShare)
		}
		for who, by := range map[string]org.Actor{"another place": x.ZhenxiSecretary, "another subdistrict": x.ElsewhereOffice} {
			if _, err := s.Requests(ctx, by, x.Ruihe.Unit.ID, "2026-Q1"); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %v", who, err)
			}
		}
		if _, err := s.Requests(ctx, x.XuBailu, x.Ruihe.Areas[0].Area.ID, "2026-Q1"); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("of a single area: %v", err)
		}
		if in, err := s.Requests(ctx, x.LuoQingming, x.Xingwu.Unit.ID, "2026-Q1"); err != nil || in.AtLowest != 0 || in.LowestRate != nil {
			t.Errorf("where nothing ended: %+v, error %v", in, err)
		}
	})
}

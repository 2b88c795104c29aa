package campaign_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/campaign"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
)

func TestK19_TasksAreRemindedOfOnceOnOpenMornings(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var at atomic.Int64
		clock := func(s string) {
			t.Helper()
			m, err := time.ParseInLocation("2006-01-02 15:04:05.000", s, time.FixedZone("", 8*3600))
			if err != nil {
				t.Fatal(err)
			}
			at.Store(m.UnixMilli())
		}
		clock("2026-05-11 09:00:00.000") // a Monday
		dbtest.WithClock(t, d, func() time.Time { return time.UnixMilli(at.Load()).UTC() })
		w, s := orgtest.Tree(t, d), campaign.NewService(d)
		cal := holidays(t)
		due := func(to org.AssignmentID, s string) campaign.NewTask {
			t.Helper()
			n := visit(to)
			m, err := time.ParseInLocation("2006-01-02 15:04:05.000", s, time.FixedZone("", 8*3600))
			if err != nil {
				t.Fatal(err)
			}
			n.DueAt = &m
			return n
		}
		remind := func(at string, want int) {
			t.Helper()
			clock(at)
			var wg sync.WaitGroup
			for range 3 { // nodes
				wg.Go(func() {
					for more := true; more; {
						var err error
						if more, err = s.Remind(t.Context(), cal); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			if got := told(t, d, w.YaoMangzhong.PersonID, "task.due"); got != want {
				t.Errorf("at %s reminded %d times, want %d", at, got, want)
			}
		}
		to := w.YaoMangzhong.Assignment
		for _, end := range []string{
			"2026-05-13 17:30:00.000", // Wednesday
			"2026-05-14 08:30:00.000", // Thursday, before anybody is reminded that day
			"2026-05-16 12:00:00.000", // Saturday, closed
			"2026-05-18 08:30:00.001", // Monday
		} {
			create(t, s, w.FengShuangjiang, due(to, end))
		}
		done := create(t, s, w.FengShuangjiang, due(to, "2026-05-13 17:30:00.000")).Copies[0]
		if _, err := s.Accept(t.Context(), w.YaoMangzhong, done); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Report(t.Context(), w.YaoMangzhong, campaign.Report{Copy: done, Text: "已走访"}); err != nil {
			t.Fatal(err)
		}
		remind("2026-05-12 23:59:59.999", 0)
		remind("2026-05-13 08:29:59.999", 0)
		remind("2026-05-13 08:30:00.000", 2)
		create(t, s, w.FengShuangjiang, due(to, "2026-05-13 18:00:00.000")) // who is asked now needs no reminder
		remind("2026-05-13 12:00:00.000", 2)
		remind("2026-05-14 08:30:00.000", 2)
		remind("2026-05-15 08:29:59.999", 2)
		remind("2026-05-15 13:00:00.000", 3) // after a standstill all the same
		remind("2026-05-16 09:00:00.000", 3)
		remind("2026-05-18 08:29:59.999", 3)
		remind("2026-05-18 08:30:00.000", 4)
		remind("2026-05-18 08:30:00.001", 4) // nobody is reminded of what is over
	})
}

package member

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

var errStepUp = errors.New("no fresh second factor")

// roster is a service on d, where every limiter lets left more calls through and no second factor is fresh.
func roster(t *testing.T, d *db.DB, left int) *Service {
	t.Helper()
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{3}, sealed.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Open(t.Context(), d, keys.Derive(sealed.Audit, []byte("chain"))); err != nil {
		t.Fatal(err)
	}
	allow := func(context.Context, limit.Limiter, string) limit.Verdict {
		left--
		return limit.Verdict{OK: left >= 0, Retry: time.Minute}
	}
	return NewService(d, keys, page.NewKeys([]byte("secret")), allow, func(context.Context) error { return errStepUp })
}

func enter(t *testing.T, s *Service, by org.Actor, unit org.Unit, name, phone string) Added {
	t.Helper()
	a, err := s.Enter(t.Context(), by, Entry{New: New{Name: name, Phone: phone}, UnitID: unit.ID, Status: Full, Since: "2019-07-01"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheRosterIsMaskedAndEndsAtTheOwnOrganisation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s := roster(t, d, 100)
		a := enter(t, s, w.FengShuangjiang, w.Xingwu.Party, "张三丰", "199 0000 1234")
		enter(t, s, w.ZhengXiaoxue, w.Zhangjiatun.Party, "李四光", "19900005678")

		ms, next, err := s.List(t.Context(), w.FengShuangjiang, Filter{}, "", 50)
		if err != nil || len(ms) != 1 || next != "" {
			t.Fatalf("the roster of 杏坞村 has %d entries, %v, want 1", len(ms), err)
		}
		if m := ms[0]; m.ID != a.ID || m.Shown != "张**" || m.Phone.Masked() != "199****1234" {
			t.Errorf("the entry is shown as %s, %v, want it masked", m.Shown, m.Phone)
		}
		if ms, _, err := s.List(t.Context(), w.LuoQingming, Filter{}, "", 50); err != nil || len(ms) != 2 {
			t.Errorf("the office sees %d entries, %v, want 2", len(ms), err)
		}
		for name, by := range map[string]org.Actor{"the next village": w.ZhengXiaoxue, "another subdistrict": w.ElsewhereOffice, "nobody": {}} {
			if _, err := s.Find(t.Context(), by, a.ID); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s reads it: %v, want not found", name, err)
			}
			if _, err := s.Unmask(t.Context(), by, a.ID, []string{"phone"}, privacy.Why{Purpose: privacy.Duty, Reason: "通知值守安排"}); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s unmasks it: %v, want not found", name, err)
			}
			if _, err := s.Correct(t.Context(), by, a.ID, Correction{Version: 1, Status: Probationary}); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s corrects it: %v, want not found", name, err)
			}
		}
		if _, _, err := s.List(t.Context(), w.FengShuangjiang, Filter{UnitID: w.Zhangjiatun.Party.ID}, "", 50); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("another village's roster: %v, want not found", err)
		}
		publicity := w.YaoOfficer
		publicity.Post = org.PostPublicity
		if _, _, err := s.List(t.Context(), publicity, Filter{}, "", 50); !errors.Is(err, problem.ErrForbidden) {
			t.Errorf("the publicity officer reads the roster: %v, want forbidden", err)
		}
	})
}

func TestUnmaskingIsWrittenDownLimitedAndSteppedUp(t *testing.T) { // X40, X41
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s := roster(t, d, 4)
		a := enter(t, s, w.FengShuangjiang, w.Xingwu.Party, "张三丰", "19900001234")
		why := privacy.Why{Purpose: privacy.Duty, Reason: "通知明天的值守安排"}

		if _, err := s.Unmask(t.Context(), w.FengShuangjiang, a.ID, []string{"name", "phone"}, why); !errors.Is(err, errStepUp) {
			t.Errorf("two fields without a fresh second factor: %v", err)
		}
		plain, err := s.Unmask(t.Context(), w.FengShuangjiang, a.ID, []string{"phone"}, why)
		if err != nil || plain["phone"] != "19900001234" {
			t.Errorf("unmasked %v, %v", plain, err)
		}
		short := privacy.Why{Purpose: privacy.Duty, Reason: "想看看呀"}
		if _, err := s.Unmask(t.Context(), w.FengShuangjiang, a.ID, []string{"phone"}, short); !errors.Is(err, privacy.ErrReason) {
			t.Errorf("with a short reason: %v, want %v", err, privacy.ErrReason)
		}
		if _, err := s.Unmask(t.Context(), w.FengShuangjiang, a.ID, []string{"phone"}, why); !errors.Is(err, problem.ErrTooMany) {
			t.Errorf("beyond the limit: %v, want %v", err, problem.ErrTooMany)
		}
		member := org.Actor{PersonID: a.PersonID}
		all, _, err := s.Accesses(t.Context(), member, "", 50)
		if err != nil || len(all) != 1 || all[0].Reason != why.Reason || all[0].Fields != "phone" || all[0].Role == nil || *all[0].Role != "branch_secretary" {
			t.Errorf("the person concerned sees %+v, %v, want the one access, with role and reason", all, err)
		}
		if all, _, err := s.Accesses(t.Context(), w.LinXiaoman, "", 50); err != nil || len(all) != 0 {
			t.Errorf("somebody else sees %+v, %v", all, err)
		}
	})
}

func TestAPhoneFindsItsOwnersAndNobodyElse(t *testing.T) { // C3
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s := roster(t, d, 100)
		a := enter(t, s, w.FengShuangjiang, w.Xingwu.Party, "张三丰", "19900001234")
		b := enter(t, s, w.FengShuangjiang, w.Xingwu.Party, "张四丰", "19900001234") // families share numbers
		enter(t, s, w.FengShuangjiang, w.Xingwu.Party, "王五", "19900005678")
		for _, number := range []string{"+86 199-0000-1234", "１９９００００１２３４", "1234"} {
			found, err := s.Search(t.Context(), w.FengShuangjiang, number)
			if err != nil || len(found) != 2 || found[0].ID != a.ID || found[1].ID != b.ID {
				t.Errorf("%s finds %d entries, %v, want both of the family", number, len(found), err)
			}
		}
		if found, err := s.Search(t.Context(), w.ZhengXiaoxue, "19900001234"); err != nil || len(found) != 0 {
			t.Errorf("the next village finds %d, %v", len(found), err)
		}
		if _, err := s.Search(t.Context(), w.FengShuangjiang, "张三丰"); !errors.Is(err, sealed.ErrPhone) {
			t.Errorf("a name is searched: %v", err)
		}
	})
}

func TestACorrectionOfAnOldVersionIsRefused(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s := roster(t, d, 100)
		a := enter(t, s, w.FengShuangjiang, w.Xingwu.Party, "张三丰", "19900001234")
		c, err := s.Correct(t.Context(), w.FengShuangjiang, a.ID, Correction{Version: 1, Name: "李三丰", Since: "2020-07-01"})
		if err != nil || c.Version != 2 {
			t.Fatalf("corrected to version %d, %v", c.Version, err)
		}
		if m, err := s.Find(t.Context(), w.FengShuangjiang, a.ID); err != nil || m.Shown != "李**" || m.Version != 2 {
			t.Errorf("afterwards %+v, %v", m.Shown, err)
		}
		if _, err := s.Correct(t.Context(), w.FengShuangjiang, a.ID, Correction{Version: 1, Name: "王三丰"}); !errors.Is(err, problem.ErrConflict) {
			t.Errorf("an old version: %v, want %v", err, problem.ErrConflict)
		}
		if _, err := s.Enter(t.Context(), w.FengShuangjiang, Entry{New: New{Name: "赵六"}, UnitID: w.Xingwu.Areas[0].Household.ID, Status: Full}); !errors.Is(err, problem.ErrNotFound) && !errors.Is(err, ErrHome) {
			t.Errorf("a centre household is a home: %v", err)
		}
	})
}

func TestStandingIsOneYearToTheDay(t *testing.T) { // B5
	t.Parallel()
	for _, c := range []struct {
		status Status
		since  calendar.Day
		on     calendar.Day
		want   bool
	}{
		{Full, "2025-04-01", "2026-04-01", true},
		{Full, "2025-04-01", "2026-03-31", false},
		{Full, "2024-02-29", "2025-02-28", true},
		{Full, "2024-02-29", "2025-02-27", false},
		{Full, "2023-02-28", "2024-02-28", true},
		{Probationary, "2020-01-01", "2026-01-01", false},
		{Full, "", "2026-01-01", false},
	} {
		if got := Standing(c.status, c.since, 1, c.on); got != c.want {
			t.Errorf("%s since %s has standing on %s: %v, want %v", c.status, c.since, c.on, got, c.want)
		}
	}
}

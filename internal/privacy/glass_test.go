package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"wanjia/configs"
	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/privacy"
)

// A shelf is a deployment with records that can be opened in an emergency, and a clock that a test moves.
type shelf struct {
	*privacy.Glasses
	d      *db.DB
	w      *orgtest.World
	now    time.Time
	opened []privacy.Glass
	asked  []org.Incumbent
}

// shelves opens a shelf on Wednesday 2026-03-04 at noon, whose records all lie in the first area of 瑞和社区.
func shelves(t *testing.T, d *db.DB) *shelf {
	t.Helper()
	s := &shelf{d: d, w: orgtest.Tree(t, d), now: time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC)}
	dbtest.WithClock(t, d, func() time.Time { return s.now })
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	cal, err := calendar.Parse(configs.Holidays)
	if err != nil {
		t.Fatal(err)
	}
	s.Glasses = privacy.NewGlasses(d, keys, page.NewKeys([]byte("secret")), cal, privacy.GlassHooks{
		Area: func(ctx context.Context, q db.Queryer, by org.Actor, _ string, _ int64) (org.Unit, error) {
			if !by.Sees(s.w.ZhouChunhe.Grid) {
				return org.Unit{}, problem.ErrNotFound
			}
			return s.w.ZhouChunhe.Grid, nil
		},
		Opened: func(_ context.Context, _ *db.Tx, _ org.Actor, g privacy.Glass) error {
			s.opened = append(s.opened, g)
			return nil
		},
		Asked: func(_ context.Context, _ *db.Tx, to org.Incumbent, _ privacy.Glass) error {
			s.asked = append(s.asked, to)
			return nil
		},
	})
	return s
}

const emergency = "独居老人敲门两小时无人应答"

func (s *shelf) breaks(t *testing.T, by org.Actor, id int64, hours int) (privacy.Glass, error) {
	t.Helper()
	return s.Break(t.Context(), by, privacy.Breaking{Object: privacy.HouseholdFlags, ObjectID: id, Reason: emergency, Hours: hours})
}

// looks is what by is told who looks at a record.
func (s *shelf) looks(t *testing.T, by org.Actor, id int64) error {
	t.Helper()
	return s.d.InTx(t.Context(), func(tx *db.Tx) error {
		return privacy.LookThrough(t.Context(), tx, by, privacy.HouseholdFlags, id)
	})
}

func (s *shelf) turn(t *testing.T) {
	t.Helper()
	for range 20 {
		if some, err := s.GoOn(t.Context()); err != nil {
			t.Fatal(err)
		} else if !some {
			return
		}
	}
	t.Error("there is always more to do")
}

func TestX44_OneRecordIsOpenForItsHoursAndNotAMomentLonger(t *testing.T) { // K23
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := shelves(t, d)
		by := s.w.ChenGuyu
		if err := s.looks(t, by, 1); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("looks before: %v", err)
		}
		for name, b := range map[string]privacy.Breaking{
			"a reason of five characters": {Reason: "老人没有应"}, "spaces": {Reason: "老人没有应          "}, "five hours": {Reason: emergency, Hours: 5},
		} {
			b.Object, b.ObjectID = privacy.HouseholdFlags, 1
			if _, err := s.Break(t.Context(), by, b); !errors.Is(err, privacy.ErrGlassReason) && !errors.Is(err, privacy.ErrGlassHours) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, who := range map[string]org.Actor{"a member": s.w.XingwuMember, "the office": s.w.LuoQingming, "another place": s.w.ZhenxiSecretary} {
			if _, err := s.breaks(t, who, 1, 0); err == nil {
				t.Errorf("%s breaks the glass", name)
			}
		}
		if len(s.opened) != 0 {
			t.Errorf("told of %v before anything was opened", s.opened)
		}
		g, err := s.breaks(t, by, 1, 0)
		if err != nil || g.EndsAt != s.now.Add(2*time.Hour) || g.ReviewOn != "2026-03-05" {
			t.Fatalf("opened: %+v, %v", g, err)
		}
		if len(s.opened) != 1 || s.opened[0].AreaID != s.w.ZhouChunhe.Grid.ID {
			t.Errorf("told of %+v, want the area once", s.opened)
		}
		if _, err := s.breaks(t, by, 1, 0); !errors.Is(err, privacy.ErrGlassOpen) {
			t.Errorf("opened twice: %v", err)
		}
		if err := s.looks(t, by, 2); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("looks at another record: %v", err)
		}
		if err := s.looks(t, s.w.XuBailu, 1); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("somebody else looks: %v", err)
		}
		begun := s.now
		for _, at := range []time.Duration{time.Minute, 2*time.Hour - time.Millisecond} {
			s.now = begun.Add(at)
			if err := s.looks(t, by, 1); err != nil {
				t.Errorf("looks after %v: %v", at, err)
			}
		}
		s.now = begun.Add(2 * time.Hour)
		if err := s.looks(t, by, 1); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("looks at exactly two hours: %v", err)
		}
		openings, err := privacy.OpeningsOf(t.Context(), d, privacy.HouseholdFlags, 1)
		if err != nil || len(openings) != 1 || openings[0].Role != org.RoleGridSecretary || openings[0].Reason != emergency {
			t.Errorf("the page lists %+v, %v", openings, err)
		}
	})
}

func TestT17_AClockThatRunsBackEndsAnOpening(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := shelves(t, d)
		if _, err := s.breaks(t, s.w.ChenGuyu, 1, 0); err != nil {
			t.Fatal(err)
		}
		begun := s.now
		s.now = begun.Add(119 * time.Minute)
		if err := s.looks(t, s.w.ChenGuyu, 1); err != nil {
			t.Fatal(err)
		}
		s.now = begun.Add(time.Minute)
		if err := s.looks(t, s.w.ChenGuyu, 1); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("looks after the clock ran back: %v", err)
		}
		s.turn(t)
		s.now = begun.Add(119 * time.Minute)
		if err := s.looks(t, s.w.ChenGuyu, 1); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("looks once more when time has come round: %v", err)
		}
	})
}

func TestX44_TheNextWorkingDayAnOfficerOfAnotherUnitJudges(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := shelves(t, d)
		s.now = time.Date(2026, 3, 6, 12, 0, 0, 0, time.UTC) // Friday 20:00
		person := func(unit org.Unit) org.Actor {
			return orgtest.Grant(t, d, orgtest.Person(t, d), org.RoleBranchOfficer, org.PostDiscipline, unit)
		}
		own, above, village := person(s.w.Ruihe.Branch), person(s.w.Ruihe.Party), person(s.w.XingwuMember.Party)
		g, err := s.breaks(t, s.w.ChenGuyu, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Time{
			time.Date(2026, 3, 7, 2, 0, 0, 0, time.UTC), time.Date(2026, 3, 9, 0, 29, 59, 0, time.UTC),
		} {
			s.now = at
			if s.turn(t); len(s.asked) != 0 {
				t.Errorf("somebody is asked at %v, want Monday 08:30", at)
			}
		}
		s.now = time.Date(2026, 3, 9, 0, 30, 0, 0, time.UTC)
		s.turn(t)
		if len(s.asked) != 1 || s.asked[0].Assignment != village.Assignment {
			t.Fatalf("asked %v, want the officer of the village once", s.asked)
		}
		for name, who := range map[string]org.Actor{"the own officer": own, "the one above": above, "the opener": s.w.ChenGuyu} {
			if err := s.Review(t.Context(), who, g.ID, true, ""); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s judges: %v", name, err)
			}
			if list, _, err := s.ToReview(t.Context(), who, "", 10); err != nil || len(list) != 0 {
				t.Errorf("%s is shown %v, %v", name, list, err)
			}
		}
		list, _, err := s.ToReview(t.Context(), village, "", 10)
		if err != nil || len(list) != 1 || list[0].Reason != emergency {
			t.Fatalf("the officer is shown %v, %v", list, err)
		}
		if err := s.Review(t.Context(), village, g.ID, false, "可先电话联系"); err != nil {
			t.Fatal(err)
		}
		if err := s.Review(t.Context(), village, g.ID, true, ""); !errors.Is(err, privacy.ErrGlassState) {
			t.Errorf("judged twice: %v", err)
		}
		openings, err := privacy.OpeningsOf(t.Context(), d, privacy.HouseholdFlags, 1)
		if err != nil || len(openings) != 1 || openings[0].Verdict != "not_needed" {
			t.Errorf("the page lists %+v, %v", openings, err)
		}
	})
}

func TestX44_OfAWeekWithManyTenAreDrawnAndOfficersTakeTurns(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := shelves(t, d)
		officers := map[org.AssignmentID]int{}
		for range 2 {
			a := orgtest.Grant(t, d, orgtest.Person(t, d), org.RoleBranchOfficer, org.PostDiscipline,
				orgtest.Unit(t, d, org.Branch, fmt.Sprintf("第%d支部", len(officers)+1), s.w.Committee))
			officers[a.Assignment] = 0
		}
		for id := range int64(14) {
			if _, err := s.breaks(t, s.w.ChenGuyu, id+1, 1); err != nil {
				t.Fatal(err)
			}
		}
		s.now = s.now.AddDate(0, 0, 1)
		s.turn(t)
		var asked, spared int
		for state, n := range map[string]*int{"asked": &asked, "spared": &spared} {
			if err := d.Get(t.Context(), n, `SELECT COUNT(*) FROM break_glass WHERE review_state = ?`, state); err != nil {
				t.Fatal(err)
			}
		}
		if asked != 10 || spared != 4 {
			t.Errorf("%d are asked for and %d spared of 14, want 10 and 4", asked, spared)
		}
		for _, in := range s.asked[:10] {
			officers[in.Assignment]++
		}
		for who, n := range officers {
			if n != 5 {
				t.Errorf("officer %d had %d of the first ten, want 5", who, n)
			}
		}
	})
}

func TestX50_WhoReadsManyHouseholdsIsAskedAndOthersAreTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := shelves(t, d)
		var alarms []int
		stale := errors.New("the second factor is not fresh")
		b := privacy.NewBrowsing(d, privacy.BrowsingHooks{
			StepUp: func(context.Context) error { return stale },
			Alarm: func(_ context.Context, _ *db.Tx, _ org.Actor, n int) error {
				alarms = append(alarms, n)
				return nil
			},
		})
		by, begun := s.w.ZhouChunhe, s.now
		read := func(id int64) error {
			if err := b.Look(t.Context(), by, id); err != nil {
				return err
			}
			return d.InTx(t.Context(), func(tx *db.Tx) error {
				audit.Note(tx, by.Did("household.read", "household", id))
				return nil
			})
		}
		for id := range int64(40) {
			s.now = s.now.Add(time.Second)
			for range 2 { // the same one twice is one
				if err := read(id + 1); err != nil {
					t.Fatalf("household %d: %v", id+1, err)
				}
			}
		}
		if err := read(7); err != nil {
			t.Errorf("one of the forty once more: %v", err)
		}
		for range 2 {
			if err := read(41); !errors.Is(err, stale) {
				t.Errorf("the 41st: %v, want the second factor", err)
			}
		}
		if len(alarms) != 1 || alarms[0] != 41 {
			t.Errorf("alarms %v, want one with 41", alarms)
		}
		by = s.w.WangQiufen
		if err := read(41); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		by, s.now = s.w.ZhouChunhe, begun.Add(time.Second+10*time.Minute)
		if err := read(41); err != nil {
			t.Errorf("ten minutes after the first one: %v", err)
		}
	})
}

package privacy_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// guarded is a service on d whose attempts are kept in told, at noon of 2026-05-11.
func guarded(t *testing.T, d *db.DB, told *[]string) *privacy.Service {
	t.Helper()
	dbtest.WithClock(t, d, func() time.Time { return time.Date(2026, 5, 11, 4, 0, 0, 0, time.UTC) })
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	return privacy.NewService(d, page.NewKeys([]byte("secret")), func(_ context.Context, _ *db.Tx, _ org.Actor, key string) error {
		*told = append(*told, key)
		return nil
	})
}

func TestEveryKeyOfTheGuardIsRefusedWrittenDownAndTold(t *testing.T) { // X49, PG2, PG3
	t.Parallel()
	keys := []string{
		"ranking.people", "points.people", "evidence.photo_required", "evidence.location_required", "login.streak",
		"login.daily_required", "study.timer", "engagement.forward_like_count", "install.rate_report", "assessment.from_presence",
	}
	for _, key := range append([]string{"Ranking.People", "ranking.people.enabled"}, keys...) {
		if rule, no := privacy.RefusedKey(key); !no || rule == "" {
			t.Errorf("%s is not refused", key)
		}
	}
	if _, no := privacy.RefusedKey("listen.address"); no {
		t.Error("a plain setting is refused")
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var told []string
		w := orgtest.Tree(t, d)
		s := guarded(t, d, &told)
		for _, key := range keys {
			err := s.Set(t.Context(), w.SystemAdmin, privacy.Setting{Key: key, UnitID: w.Xingwu.Unit.ID, Enabled: true, Reason: "试一试"})
			var p *problem.Problem
			if !errors.As(err, &p) || p.Code != "policy.refused" || p.Members["ruleText"] == "" {
				t.Errorf("%s: %v, want policy.refused with its rule", key, err)
			}
		}
		if !slices.Equal(told, keys) {
			t.Errorf("told of %v, want every attempt", told)
		}
		var attempts, settings int
		if err := d.Get(t.Context(), &attempts, `SELECT COUNT(*) FROM audit WHERE action = 'guard.attempt' AND result = 'policy.refused'`); err != nil || attempts != len(keys) {
			t.Errorf("%d attempts stand in the audit, %v, want %d", attempts, err, len(keys))
		}
		if err := d.Get(t.Context(), &settings, `SELECT COUNT(*) FROM policy_setting`); err != nil || settings != 0 {
			t.Errorf("%d settings were made, %v", settings, err)
		}
	})
}

func TestTheGeofenceRestsOnALegalBasisAndEndsWithIt(t *testing.T) { // PG1, CI7
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var told []string
		w := orgtest.Tree(t, d)
		s := guarded(t, d, &told)
		want := privacy.Setting{Key: privacy.Geofence, UnitID: w.Xingwu.Unit.ID, Enabled: true, Reason: "防汛值守需要"}
		basis := privacy.Basis{
			Purpose: "geofence", Instrument: "海棠街道值守管理办法", Clause: "第三条", Issuer: "海棠街道办事处", IssuedOn: "2026-01-10", ValidUntil: "2026-12-31",
		}
		if err := s.Set(t.Context(), w.SystemAdmin, want); !errors.Is(err, privacy.ErrBasisMissing) {
			t.Errorf("without a basis: %v", err)
		}
		for _, until := range []calendar.Day{"2026-05-11", "2026-05-01", "2027-05-12"} {
			b := basis
			b.ValidUntil = until
			if _, err := s.RecordBasis(t.Context(), w.LuoQingming, b); !errors.Is(err, privacy.ErrBasisPeriod) {
				t.Errorf("a basis until %s: %v", until, err)
			}
		}
		id, err := s.RecordBasis(t.Context(), w.LuoQingming, basis)
		if err != nil {
			t.Fatal(err)
		}
		want.BasisID = id
		if err := s.Set(t.Context(), w.SystemAdmin, want); !errors.Is(err, privacy.ErrBasisMissing) {
			t.Errorf("with a basis that nobody approved: %v", err)
		}
		self := w.SecurityAdmin
		self.PersonID = w.LuoQingming.PersonID
		if err := s.ApproveBasis(t.Context(), self, id); !errors.Is(err, org.ErrSecondPerson) {
			t.Errorf("approved by who entered it: %v", err)
		}
		if err := s.ApproveBasis(t.Context(), w.SecurityAdmin, id); err != nil {
			t.Fatal(err)
		}
		if err := s.ApproveBasis(t.Context(), w.SecurityTwo, id); !errors.Is(err, privacy.ErrIllegalTransition) {
			t.Errorf("approved twice: %v", err)
		}
		if err := s.Set(t.Context(), w.SystemAdmin, want); err != nil {
			t.Fatal(err)
		}
		wide := want
		wide.UnitID = w.Subdistrict.ID
		if err := s.Set(t.Context(), w.SystemAdmin, wide); !errors.Is(err, privacy.ErrPlaceOnly) {
			t.Errorf("for the whole subdistrict: %v", err)
		}
		foreign := want
		foreign.UnitID = w.Elsewhere.Unit.ID
		if err := s.Set(t.Context(), w.SystemAdmin, foreign); !errors.Is(err, problem.ErrNotFound) {
			t.Errorf("at a place of another subdistrict: %v", err)
		}
		for day, want := range map[calendar.Day]bool{"2026-05-11": true, "2026-12-30": true, "2026-12-31": false} {
			if on, err := privacy.GeofenceOn(t.Context(), d, w.Xingwu.Unit.ID, day); err != nil || on != want {
				t.Errorf("on %s the geofence is %v, %v, want %v", day, on, err, want)
			}
		}
		if on, err := privacy.GeofenceOn(t.Context(), d, w.Zhangjiatun.Unit.ID, "2026-05-11"); err != nil || on {
			t.Errorf("the next village has a geofence: %v, %v", on, err)
		}
		bases, _, err := s.Bases(t.Context(), w.LuoQingming, "", 50)
		if err != nil || len(bases) != 1 || bases[0].State != privacy.Approved || bases[0].ApprovedBy == nil {
			t.Errorf("the list holds %+v, %v", bases, err)
		}
	})
}

func TestABasisOfAnotherPurposeOrWhoseTimeIsOverSwitchesNothingOn(t *testing.T) { // PG1
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var told []string
		w := orgtest.Tree(t, d)
		s := guarded(t, d, &told)
		enter := func(purpose string, until calendar.Day) privacy.BasisID {
			id, err := s.RecordBasis(t.Context(), w.LuoQingming, privacy.Basis{
				Purpose: purpose, Instrument: "海棠街道值守管理办法", Clause: "第三条", Issuer: "海棠街道办事处", IssuedOn: "2026-01-10", ValidUntil: until,
			})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		set := func(on bool, id privacy.BasisID) error {
			return s.Set(t.Context(), w.SystemAdmin, privacy.Setting{Key: privacy.Geofence, UnitID: w.Xingwu.Unit.ID, Enabled: on, BasisID: id, Reason: "防汛值守需要"})
		}
		visits, short, good := enter("care_visit", "2026-12-31"), enter("geofence", "2026-05-12"), enter("geofence", "2026-12-31")
		for _, id := range []privacy.BasisID{visits, good} {
			if err := s.ApproveBasis(t.Context(), w.SecurityAdmin, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := set(true, visits); !errors.Is(err, privacy.ErrBasisMissing) {
			t.Errorf("with a basis for visits: %v", err)
		}
		if err := set(true, 999); !errors.Is(err, privacy.ErrBasisMissing) {
			t.Errorf("with a basis that is not there: %v", err)
		}
		if err := set(true, good); err != nil {
			t.Fatal(err)
		}
		if err := set(false, 0); err != nil {
			t.Errorf("switching off needs no basis: %v", err)
		}
		if on, err := privacy.GeofenceOn(t.Context(), d, w.Xingwu.Unit.ID, "2026-05-11"); err != nil || on {
			t.Errorf("switched off, it is %v, %v", on, err)
		}
		d.SetNow(func() time.Time { return time.Date(2026, 5, 12, 4, 0, 0, 0, time.UTC) })
		if err := s.ApproveBasis(t.Context(), w.SecurityAdmin, short); !errors.Is(err, privacy.ErrBasisPeriod) {
			t.Errorf("approved on its last day: %v", err)
		}
	})
}

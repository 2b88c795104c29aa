package app

import (
	"errors"
	"testing"

	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/privacy"
)

func TestPG3AnAttemptIsToldToTheAuditAdministrators(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := orgtest.Tree(t, d)
		s := privacy.NewService(d, page.NewKeys([]byte("secret")), tellGuards)
		err := s.Set(t.Context(), w.SystemAdmin, privacy.Setting{Key: "ranking.people", UnitID: w.Xingwu.Unit.ID, Enabled: true, Reason: "想排个名次"})
		if !errors.Is(err, privacy.ErrRefused) {
			t.Fatalf("ranking.people: %v, want %v", err, privacy.ErrRefused)
		}
		var told []int64
		if err := d.Select(t.Context(), &told, `SELECT person_id FROM inbox WHERE kind = 'guard.attempt'`); err != nil {
			t.Fatal(err)
		}
		if len(told) != 1 || told[0] != int64(w.AuditAdmin.PersonID) {
			t.Errorf("told are %v, want the audit administrator %d alone", told, w.AuditAdmin.PersonID)
		}
	})
}

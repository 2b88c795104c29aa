package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wanjia/internal/app"
	"wanjia/internal/audit"
	"wanjia/internal/config"
	"wanjia/internal/platform/db"
)

// inStores opens the embedded tier in folder for f.
func inStores(t *testing.T, folder string, f func(s *app.Stores) error) {
	t.Helper()
	c := config.Default()
	c.Data = folder
	s, err := app.OpenStores(t.Context(), c, app.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := f(s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyingSaysHowManyAndNamesTheFirstBadRow(t *testing.T) {
	folder := t.TempDir()
	heads := filepath.Join(t.TempDir(), "heads.jsonl")
	t.Setenv("WANJIA_DATA", folder)
	t.Setenv("WANJIA_AUDIT_HEADS_FILE", heads)
	if _, err := wanjia(t, "audit", "verify"); err == nil || !strings.Contains(err.Error(), "heads.jsonl") {
		t.Errorf("without its second place: %v, want to hear that the file is not there", err)
	}
	inStores(t, folder, func(s *app.Stores) error {
		for i := range 20 {
			if err := s.DB.InTx(t.Context(), func(tx *db.Tx) error {
				audit.Note(tx, audit.Entry{Action: "visit.read", Object: "visit", ObjectID: int64(i)})
				return nil
			}); err != nil {
				return err
			}
		}
		signed, err := s.Audit.SignHeads(t.Context())
		if err != nil {
			return err
		}
		return audit.AppendHeads(heads, signed)
	})
	if out, err := wanjia(t, "audit", "verify"); err != nil || !strings.Contains(out, "20 entries verified (all there are)") || !strings.Contains(out, "1 heads") {
		t.Errorf("verify: %q, %v; want all 20 verified against the head", out, err)
	}
	if out, err := wanjia(t, "audit", "verify", "--newest", "5"); err != nil || !strings.Contains(out, "5 entries verified (the newest only)") {
		t.Errorf("verify the newest: %q, %v; want 5", out, err)
	}
	change := func(statement string) {
		inStores(t, folder, func(s *app.Stores) error {
			return s.DB.InTx(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Change(t.Context(), statement)
				return err
			})
		})
	}
	change(`UPDATE audit SET person_id = 99 WHERE n = 7`)
	if out, err := wanjia(t, "audit", "verify"); err == nil || !strings.Contains(err.Error(), "lane 0, number 7 (id 7): changed") {
		t.Errorf("after an edit: %q, %v; want row 7 named", out, err)
	}
	change(`DELETE FROM audit WHERE n >= 7`)
	change(`DELETE FROM audit_head`)
	change(`UPDATE audit_lane SET n = 6, hash = (SELECT hash FROM audit WHERE n = 6)`)
	if out, err := wanjia(t, "audit", "verify"); err == nil || !strings.Contains(err.Error(), "number 7 (id 0): missing") {
		t.Errorf("after the tail was cut: %q, %v; want row 7 missing", out, err)
	}
	empty := filepath.Join(t.TempDir(), "none.jsonl")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := wanjia(t, "audit", "verify", "--heads", empty); err != nil || !strings.Contains(out, "6 entries") {
		t.Errorf("the database alone: %q, %v; it cannot know", out, err)
	}
}

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestMain makes this binary the program itself for a test that starts one.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

const asProgram = "TEST_AS_WANJIA"

// wanjia runs the program's command line and returns what it prints.
func wanjia(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestTheDoctorIsContentOnlyAfterTheMigration(t *testing.T) {
	t.Setenv("WANJIA_DATA", t.TempDir())
	if out, err := wanjia(t, "doctor", "--quick"); err == nil {
		t.Errorf("doctor says %q of an empty database, want it to refuse an older schema", out)
	}
	if out, err := wanjia(t, "migrate"); err != nil || strings.Contains(out, " 0 migrations") {
		t.Fatalf("migrate: %q, error %v; want migrations taken", out, err)
	}
	if out, err := wanjia(t, "migrate"); err != nil || !strings.Contains(out, " 0 migrations") {
		t.Errorf("migrate again: %q, error %v; want none left", out, err)
	}
	if out, err := wanjia(t, "doctor", "--quick"); err != nil || !strings.Contains(out, "safe") {
		t.Errorf("doctor: %q, error %v; want it content", out, err)
	}
}

func TestASettingThatNobodyKnowsStopsEveryCommand(t *testing.T) {
	t.Setenv("WANJIA_DATA", t.TempDir())
	t.Setenv("WANJIA_LISTEN_PUBIC", "127.0.0.1:1")
	if _, err := wanjia(t, "migrate"); err == nil || !strings.Contains(err.Error(), "WANJIA_LISTEN_PUBIC") {
		t.Errorf("error %v, want one that names the setting", err)
	}
}

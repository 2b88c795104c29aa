package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// examine lets the doctor start this test's binary as the program, on the data of a new folder.
func examine(t *testing.T, args ...string) (f finding, data string) {
	t.Helper()
	data = t.TempDir()
	t.Setenv("WANJIA_DATA", data)
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv(asProgram, "1")
	if out, err := wanjia(t, "migrate"); err != nil {
		t.Fatalf("migrate: %q, %v", out, err)
	}
	out, err := wanjia(t, append([]string{"doctor", "--json"}, args...)...)
	if err != nil {
		t.Fatalf("doctor: %q, %v", out, err)
	}
	if err := json.Unmarshal([]byte(out), &f); err != nil {
		t.Fatalf("doctor says %q: %v", out, err)
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); err != nil || len(left) != 0 {
		t.Errorf("the doctor leaves %v (%v), want nothing", left, err)
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a process that the doctor started is still there: %v", err)
	}
	return f, data
}

func TestTheDoctorMeasuresAStartOnACopyOfTheData(t *testing.T) {
	f, data := examine(t)
	bars := map[string]float64{"cold start to /readyz": 1, "binary": 60, "resident memory when idle": 80}
	if runtime.GOOS != "linux" {
		delete(bars, "resident memory when idle")
	}
	for _, m := range f.Figures {
		if m.Value <= 0 || m.Bar != bars[m.Name] || m.Within != (m.Value <= m.Bar) {
			t.Errorf("measured %+v, want something, beside its bar of %g", m, bars[m.Name])
		}
		delete(bars, m.Name)
	}
	if len(bars) != 0 {
		t.Errorf("not measured: %v; %s", bars, f.Missing)
	}
	if _, err := os.Stat(filepath.Join(data, "master.key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the trial made its key beside the data, not in the copy: %v", err)
	}
}

func TestTheDoctorSaysWhyAStartCannotBeMeasured(t *testing.T) {
	t.Setenv("WANJIA_KEYS_MASTER_FILE", filepath.Join(t.TempDir(), "nowhere.key"))
	f, _ := examine(t)
	if len(f.Figures) != 1 || !strings.Contains(f.Missing, "nowhere.key") {
		t.Errorf("%+v, want the size of the binary alone, and the name of the key that is missing", f)
	}
}

func TestTheDoctorOnlyAsksWhenInHaste(t *testing.T) {
	if f, _ := examine(t, "--quick"); len(f.Figures) != 0 || f.Missing != "" || !strings.HasPrefix(f.Engine, "SQLite") {
		t.Errorf("%+v, want no figure", f)
	}
}

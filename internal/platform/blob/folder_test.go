package blob

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func folder(t *testing.T, at string) *Folder {
	t.Helper()
	f, err := OpenFolder(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestAFileIsThereUntilItIsDeleted(t *testing.T) {
	t.Parallel()
	f, name := folder(t, filepath.Join(t.TempDir(), "files")), NewName()
	if err := f.Put(t.Context(), name, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Get(t.Context(), name); err != nil || string(got) != "one" {
		t.Errorf("got %q, error %v", got, err)
	}
	for range 2 {
		if err := f.Delete(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if _, err := f.Get(t.Context(), name); !errors.Is(err, ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestU4_OnlyNamesOfOursReachAnything(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	if err := os.WriteFile(filepath.Join(at, "secret"), []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, good := folder(t, filepath.Join(at, "files")), string(NewName())
	for _, name := range []string{
		"", "../secret", "..", "/etc/passwd", "CON", good[:31], good + "0", strings.ToUpper(good[:31]) + "F", good + "\x00",
		strings.Repeat("a", 4096), "\u202e" + good, "..\\secret",
	} {
		_, errGet := f.Get(t.Context(), Name(name))
		errPut := f.Put(t.Context(), Name(name), []byte("x"))
		errDelete := f.Delete(t.Context(), Name(name))
		for _, err := range []error{errGet, errPut, errDelete} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%q: got %v, want %v", name, err, ErrNotFound)
			}
		}
	}
	if got, err := os.ReadFile(filepath.Join(at, "secret")); err != nil || string(got) != "outside" {
		t.Errorf("what lay outside is %q, error %v", got, err)
	}
}

func TestWhatIsOldIsListedAndWhatWasLeftHalfWrittenGoes(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	f := folder(t, at)
	old, young := "07"+NewName()[2:], "07"+NewName()[2:]
	for _, name := range []Name{old, young} {
		if err := f.Put(t.Context(), name, nil); err != nil {
			t.Fatal(err)
		}
	}
	half := filepath.Join(at, "07", string(NewName())+partialEnd)
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, name := range []string{filepath.Join(at, "07", string(old)), half} {
		if err := os.Chtimes(name, now, now.Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	names, err := f.Older(t.Context(), 7, now.Add(-time.Minute))
	if err != nil || len(names) != 1 || names[0] != old {
		t.Errorf("listed %v, error %v; want the old one alone", names, err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left half written: %v", err)
	}
	if names, err := f.Older(t.Context(), 8, now); err != nil || len(names) != 0 {
		t.Errorf("of an empty shelf: %v, error %v", names, err)
	}
}

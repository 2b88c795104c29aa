package internal

import (
	"io/fs"
	"os"
	"strings"
	"testing"
)

// versionless are the conflicts of acts that name no version: there are none to say.
var versionless = map[string]string{
	"auth/account.go":           "the old password was right a moment ago",
	"auth/conflict.go":          "the account was bound meanwhile",
	"board/pressservice.go":     "a picture was blackened while its pack was built",
	"member/many_store.go":      "somebody else entered the same people",
	"platform/sealed/rotate.go": "another node rotates the same keys",
	"transfer/apply.go":         "what the plan was made from has changed",
	"transfer/store.go":         "a unit that the plan was made from is gone",
}

// domain.md: a stale version is a conflict with both versions. So whoever loses a race says problem.Stale or db.Stale.
func TestAConflictSaysBothVersions(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, "problem.ErrConflict") || strings.Contains(line, "errors.Is(") || strings.Contains(line, `.With("yours", `) {
				continue
			}
			if found[file] = true; versionless[file] == "" {
				t.Errorf("%s: %s; want problem.Stale or db.Stale", file, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for file := range versionless {
		if !found[file] {
			t.Errorf("%s is said to have a conflict without versions, and has none", file)
		}
	}
}

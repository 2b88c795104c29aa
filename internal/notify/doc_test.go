package notify

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Whoever opens the folder finds every file in the map of it, by its own name or that of the subject it belongs to.
func TestTheMapShowsEveryFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{"doc.go": true}
	for _, name := range regexp.MustCompile(`[a-z]+\.go`).FindAllString(string(text), -1) {
		shown[name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, name := range files {
		there[name] = true
		of := regexp.MustCompile(`(store|service|http)\.go$`).ReplaceAllString(name, ".go")
		if !strings.HasSuffix(name, "_test.go") && !shown[name] && !shown[of] {
			t.Errorf("the map of the folder does not show %s", name)
		}
	}
	for name := range shown {
		if !there[name] && !strings.HasPrefix(name, "x") {
			t.Errorf("the map of the folder shows %s, which is not there", name)
		}
	}
}

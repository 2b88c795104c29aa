// Package internal holds no code, but the test of how packages may know each other.
package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tiers are the packages of the program: arrows go strictly down, within a line nobody knows a neighbour. A package in
// a folder below one of these, and named nowhere itself, stands where that one stands.
var tiers = [][]string{
	{"cmd/wanjia", "internal/scenario", "internal/scenario/matrix", "internal/faults"},
	{"internal/bench"},
	{"internal/app", "internal/demo"},                       // demo plays the main job against a running server
	{"internal/server", "internal/config", "internal/seed"}, // seed makes the demo and bench data of domain.md §12 through the features
	{"internal/transfer", "internal/report"},
	{"internal/collection", "internal/brand", "internal/board"},
	{"internal/auth", "internal/checkin", "internal/posting", "internal/meeting", "internal/household"}, // what people do
	{"internal/request", "internal/campaign"},                                                           // what people ask
	{"internal/notify"},
	{"internal/member", "internal/upload"}, // pictures hang on things above
	{"internal/privacy", "internal/org/orgtest"},
	{"internal/org"},
	{"internal/audit"},
	{"internal/platform/outbox", "internal/platform/push", "internal/platform/once", "internal/platform/limit", "internal/platform/sealed", "internal/platform/photo", "internal/platform/page", "internal/platform/kv/kvtest", "internal/pushclient"},
	{"internal/platform/lease", "internal/platform/kv", "internal/platform/db/dbtest", "internal/platform/wechat/fake"},
	{"internal/platform/db", "internal/platform/blob", "internal/platform/sheet", "internal/platform/wechat", "internal/platform/calendar", "internal/webui"},
	{"internal/platform/problem", "internal/platform/say", "internal/platform/watch", "internal/platform/guard", "internal/platform/build", "internal/platform/freeport", "api", "configs", "web"},
}

// helpers are what tests may import, wherever they stand.
var helpers = []string{
	"internal/platform/db/dbtest", "internal/platform/kv/kvtest", "internal/platform/wechat/fake", "internal/org/orgtest",
}

// tier is the line that package p stands in; -1 if it stands nowhere.
func tier(p string) int {
	return slices.IndexFunc(tiers, func(line []string) bool { return slices.Contains(line, p) })
}

// An arrow is an import of one of our packages by another.
type arrow struct {
	from, to string
	test     bool
}

// wrong says what is wrong with a, or "".
func (a arrow) wrong() string {
	from, to := tier(a.from), tier(a.to)
	switch {
	case a.from == a.to: // a test of the package from outside it
		return ""
	case from < 0:
		return a.from + " stands nowhere: put it into a line of tiers"
	case to < 0:
		return a.to + " stands nowhere: put it into a line of tiers"
	case from < to, a.test && slices.Contains(helpers, a.to):
		return ""
	}
	return a.from + " imports " + a.to + ", which does not stand below it"
}

func TestArrowsPointDown(t *testing.T) {
	t.Parallel()
	packages := map[string]bool{}
	for _, root := range []string{"api", "cmd", "configs", "internal", "web"} {
		err := fs.WalkDir(os.DirFS(".."), root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(name) != ".go" || path.Dir(name) == "internal" {
				return err
			}
			from := path.Dir(name)
			if !strings.HasSuffix(name, "_test.go") {
				packages[from] = true
			}
			for _, to := range imports(t, name) {
				a := arrow{from, to, strings.HasSuffix(name, "_test.go")}
				if why := a.wrong(); why != "" {
					t.Errorf("%s: %s", name, why)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for p := range packages {
		if tier(p) < 0 {
			t.Errorf("%s stands nowhere: put it into a line of tiers", p)
		}
	}
}

// imports are the packages of ours that a file imports.
func imports(t *testing.T, name string) (ours []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if own, ok := strings.CutPrefix(p, "wanjia/"); ok {
			ours = append(ours, own)
		}
	}
	return ours
}

func TestAnArrowUpOrSidewaysIsSeen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arrow arrow
		right bool
	}{
		{arrow{from: "internal/household", to: "internal/request"}, true},
		{arrow{from: "internal/request", to: "internal/household"}, false},
		{arrow{from: "internal/request", to: "internal/campaign"}, false},
		{arrow{from: "internal/request", to: "internal/utils"}, false},
		{arrow{from: "internal/utils", to: "internal/platform/db"}, false},
		{arrow{from: "internal/platform/db", to: "internal/platform/db/dbtest"}, false},
		{arrow{from: "internal/platform/db", to: "internal/platform/db/dbtest", test: true}, true},
		{arrow{from: "internal/org", to: "internal/org/orgtest"}, false},
		{arrow{from: "internal/org", to: "internal/org/orgtest", test: true}, true},
	} {
		if why := c.arrow.wrong(); (why == "") != c.right {
			t.Errorf("%+v: %q, want right = %v", c.arrow, why, c.right)
		}
	}
}

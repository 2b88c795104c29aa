package notify

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A catalogued is one of domain.md §8.2: how soon, whether who cannot be reached is called (☎), and which message of WeChat repeats
// it; later: what it belongs to has not come yet.
type catalogued struct {
	prio  int
	call  bool
	by    string // "": the summary of the day, or nothing
	later string
}

const (
	called = true
	not    = false
)

// catalogue is domain.md §8.2, row by row.
var catalogue = map[string]catalogued{
	"request.assigned": {Prompt, not, onWork, ""},
	"request.status":   {Quiet, not, "", ""},
	"request.message":  {Prompt, called, onRequest, ""}, "request.waiting": {Prompt, called, onRequest, ""}, "request.late": {Prompt, called, onRequest, ""},
	"request.closed":   {Prompt, called, onRequest, ""},
	"request.reopened": {Prompt, not, onWork, ""},
	"request.answered": {Quiet, not, "", ""}, "request.withdrawn": {Quiet, not, "", ""},
	"request.accept_overdue": {Prompt, not, onWork, ""}, "request.target_near": {Prompt, not, onWork, ""}, "request.target_missed": {Prompt, not, onWork, ""},
	"request.stale": {Ordinary, not, "", ""}, "request.explained": {Ordinary, not, "", ""},
	"request.merged": {Ordinary, not, "", ""}, "request.unmerged": {Ordinary, not, "", ""},
	"call.assigned": {Prompt, not, onWork, ""}, "counter.waiting": {Ordinary, not, "", ""},
	"promise.due": {Ordinary, not, "", ""}, "promise.moved": {Prompt, not, onRequest, ""},
	"promise.help_needed": {Ordinary, not, "", ""}, "flag.expiring": {Ordinary, not, "", ""},
	"pledge.help_needed": {Ordinary, not, "", "pledges"},
	"risk.opened":        {Safety, not, onNotice, ""},
	"muster.asked":       {Prompt, not, onWork, ""}, "muster.started": {Prompt, not, onWork, ""}, "muster.done": {Prompt, not, onNotice, ""},
	"task.assigned": {Prompt, not, onWork, ""}, "task.returned": {Prompt, not, onWork, ""},
	"task.due": {Ordinary, not, "", ""}, "task.reported": {Ordinary, not, "", ""}, "task.done": {Ordinary, not, "", ""}, "task.declined": {Ordinary, not, "", ""},
	"posting.activated": {Prompt, not, onNotice, "postings"}, "posting.ended": {Prompt, not, onNotice, "postings"},
	"posting.checked": {Ordinary, not, "", "postings"}, "coverage.gap": {Ordinary, not, "", "postings"},
	"leave.requested": {Ordinary, not, "", "postings"}, "leave.decided": {Prompt, not, onNotice, "postings"},
	"checkin.claimed": {Ordinary, not, "", ""}, "checkin.confirmed": {Quiet, not, "", ""}, "checkin.refused": {Quiet, not, "", ""},
	"cadence.hint":      {Quiet, not, "", "postings"},
	"collection.opened": {Prompt, not, onNotice, "collections"}, "collection.reminder": {Ordinary, not, "", "collections"},
	"collection.returned": {Prompt, not, onNotice, "collections"}, "collection.unlocked": {Prompt, not, onNotice, "collections"},
	"collection.submitted": {Ordinary, not, "", "collections"}, "collection.missing": {Ordinary, not, "", "collections"},
	"meeting.planned": {Prompt, not, onNotice, "meetings"}, "meeting.postponed": {Prompt, not, onNotice, "meetings"}, "meeting.cancelled": {Prompt, not, onNotice, "meetings"},
	"org_life.due": {Ordinary, not, "", "meetings"}, "org_life.missed": {Ordinary, not, "", "meetings"}, "meeting.quarter_warning": {Prompt, not, onNotice, "meetings"},
	"finding.assigned": {Prompt, not, onNotice, "supervision"}, "weak_case.opened": {Prompt, not, onNotice, "supervision"},
	"plan.returned": {Prompt, not, onNotice, "brand plans"}, "plan.decided": {Prompt, not, onNotice, "brand plans"},
	"review.assigned": {Ordinary, not, "", "brand plans"}, "brand.reminder": {Ordinary, not, "", "brand plans"},
	"board.outdated": {Ordinary, not, "", ""}, "board.reprint": {Ordinary, not, "", ""}, "plaque.return": {Ordinary, not, "", ""},
	"takedown.received": {Prompt, not, onWork, ""}, "takedown.decided": {Prompt, not, onNotice, ""},
	"handover.ready": {Prompt, not, onNotice, ""}, "contact.changed": {Prompt, called, onNotice, ""},
	"role.granted": {Prompt, not, onNotice, ""}, "role.ended": {Prompt, not, onNotice, ""},
	"security.new_device": {Prompt, not, onNotice, ""}, "security.refresh_reuse": {Prompt, not, onNotice, ""}, "security.rebind": {Prompt, not, onNotice, ""},
	"break_glass.opened": {Safety, not, onNotice, ""},
	"export.ready":       {Prompt, not, onNotice, ""}, "own_data.ready": {Prompt, not, onNotice, ""}, "guard.attempt": {Prompt, not, onNotice, ""},
	"selftest.red": {Prompt, not, onNotice, "the self-test of scopes"},
	"announcement": {Ordinary, not, "", ""}, "notice.published": {Ordinary, not, "", "publications that are announced"},
}

// besides are the kinds that rules outside of §8.2 ask for, with the rule.
var besides = map[string]string{
	"request.asker_left":   "request.md: the holder hears that nobody waits any more",
	"request.asker_joined": "X24: the holder hears who else waits",
	"task.accepted":        "§5.2: who asks sees who has begun", "task.cancelled": "§5.2: what was called off",
	"muster.cancelled":  "§5: who wanted to come need not",
	"emergency.started": "K16", "emergency.ended": "K16", "emergency.purged": "K16",
	"card.proposed": "§10: cards have editors", "card.approved": "§10", "card.review_due": "§10", "card.retired": "§10",
	"counter.done": "C: the holder hears what came of it", "split.proposed": "areas: who leads decides", "split.declined": "areas", "split.applied": "areas",
	"absence.announced": "AA6", "absence.ended": "AA6", "media.shown": "who is shown is asked first", "items.returned": "H2: who wrote it reads why it is not shown",
	"publication.takedown":    "H3: whoever made a page hears that it is hidden",
	"security.bind_requested": "security.md: the secretary confirms", "security.factor_changed": "security.md", "security.session_ended": "security.md",
	"consent.given": "privacy: written down for somebody", "consent.withdrawn": "privacy", "break_glass.review": "X: each use is reviewed",
	"own_data.received": "rights of people: the office answers in time", "privacy.browsing": "X50",
}

// stoodFor are the kinds of §8.2 whose items stand for each other, with how long an earlier one may be back. What each has in
// common TestN6_EachKindIsToldTogetherByItsOwnKey tells. "Once per version" is the dedupe key of whoever tells it.
var stoodFor = map[string]time.Duration{
	"request.status":         10 * time.Minute,
	"request.accept_overdue": 10 * time.Minute, "request.target_near": 10 * time.Minute, "request.target_missed": 10 * time.Minute,
	"call.assigned": 10 * time.Minute, "counter.waiting": 10 * time.Minute,
	"task.assigned": 10 * time.Minute, "task.returned": 10 * time.Minute,
}

func TestWhatStandsForEachOtherIsThatOfTheDesign(t *testing.T) {
	t.Parallel()
	for name := range kinds {
		if got, want := coalesced[name].within, stoodFor[name]; got != want {
			t.Errorf("%s stands for an earlier one for %v, want %v", name, got, want)
		}
	}
	for name := range coalesced {
		if _, there := kinds[name]; !there {
			t.Errorf("%s is no kind, and stands for others", name)
		}
	}
}

func TestTheCatalogueIsThatOfTheDesign(t *testing.T) {
	t.Parallel()
	for name, want := range catalogue {
		k, there := kinds[name]
		switch {
		case want.later != "" && there:
			t.Errorf("%s is told now: it does not wait for %s any more", name, want.later)
			continue
		case want.later != "":
			continue
		case !there:
			t.Errorf("%s is not told, and nothing that it waits for is named", name)
			continue
		}
		r, _ := repeatOf(name, k.prio)
		if k.prio != want.prio || r.mustReach != want.call || r.code != want.by {
			t.Errorf("%s has priority %d, is called: %v, and repeated by %q; want %d, %v, %q", name, k.prio, r.mustReach, r.code, want.prio, want.call, want.by)
		}
	}
	for name := range kinds {
		if _, designed := catalogue[name]; !designed && besides[name] == "" {
			t.Errorf("%s is of no row of the catalogue, and no rule asks for it", name)
		}
	}
	for name := range besides {
		if _, there := kinds[name]; !there {
			t.Errorf("%s is asked for by a rule, and not told", name)
		}
	}
	for name := range repeats {
		if k, there := kinds[name]; !there || k.prio > Prompt {
			t.Errorf("%s has a message of WeChat, which never repeats it", name)
		}
	}
}

// joined are kinds that are put together of two words, with the package that says the second.
var joined = map[string]string{
	"task.accepted": "campaign", "task.reported": "campaign", "task.done": "campaign", "task.due": "campaign", "task.returned": "campaign", "task.declined": "campaign", "checkin.confirmed": "checkin", "checkin.refused": "checkin",
	"split.declined": "household", "consent.given": "privacy", "consent.withdrawn": "privacy",
}

// No kind is declared and never told, none is told that is not declared, and whatever is named can be opened: its title is
// found under its reader's rights, or it is about themselves.
func TestWhatFeaturesTellIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	used, told, refs := spoken(t)
	for name := range kinds {
		_, second, _ := strings.Cut(name, ".")
		if !used[name] && (joined[name] == "" || !used[joined[name]+":"+second]) {
			t.Errorf("%s is in the catalogue, and nobody tells it", name)
		}
	}
	for name, where := range told {
		if _, ok := kinds[name]; !ok {
			t.Errorf("%s tells %s, which is not in the catalogue", where, name)
		}
	}
	titlers := titledTypes(t)
	for name, where := range refs {
		if own := slices.Contains(Own, name); own == titlers[name] {
			t.Errorf("%s tells of a %s: about themselves %v, title under their rights %v; want one of the two", where, name, own, titlers[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(titlers)) {
		if refs[name] == "" {
			t.Errorf("there is a title for %s, of which nobody tells", name)
		}
	}
}

// rehearsals are the packages that tell things for show.
var rehearsals = []string{"bench", "demo", "faults", "seed", "scenario"}

// spoken are the words of all features that look like kinds, the kinds of the items they tell, and the types of the things in
// them, each with a place where it stands.
func spoken(t *testing.T) (used map[string]bool, told, refs map[string]string) {
	t.Helper()
	used, told, refs = map[string]bool{}, map[string]string{}, map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains(rehearsals, d.Name()) {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || path == filepath.Join("..", "notify", "kind.go") {
			return err
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, ok := text(n); ok && path != filepath.Join("..", "notify", "wechat.go") {
					used[s], used[filepath.Base(filepath.Dir(path))+":"+s] = true, true
				}
			case *ast.CompositeLit:
				switch of(n) {
				case "Item":
					if s, ok := text(member(n, "Kind", 0)); ok {
						told[s] = files.Position(n.Pos()).String()
					}
				case "Ref":
					if s, ok := text(member(n, "Type", 0)); ok {
						refs[s] = files.Position(n.Pos()).String()
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return used, told, refs
}

// titledTypes are the types for which the program is put together with a title.
func titledTypes(t *testing.T) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../app/titles.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			if s, ok := text(kv.Key); ok {
				types[s] = true
			}
		}
		return true
	})
	return types
}

// of is the name of the type of a literal of package notify.
func of(n *ast.CompositeLit) string {
	switch x := n.Type.(type) {
	case *ast.SelectorExpr:
		if p, ok := x.X.(*ast.Ident); ok && p.Name == "notify" {
			return x.Sel.Name
		}
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// member is what a literal says of a member, by its name or its place.
func member(n *ast.CompositeLit, name string, at int) ast.Expr {
	for i, e := range n.Elts {
		kv, named := e.(*ast.KeyValueExpr)
		if !named {
			if i == at {
				return e
			}
			continue
		}
		if k, ok := kv.Key.(*ast.Ident); ok && k.Name == name {
			return kv.Value
		}
	}
	return nil
}

func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}

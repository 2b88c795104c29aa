package internal

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rules are what the specification numbers and the product keeps, by letter: the last number of each that is built.
// What is not built, or is a screen's to keep, stands in unkept.
var rules = map[string]int{"C": 25, "E": 7, "F": 18, "K": 19, "N": 9, "T": 8, "V": 6}

var unkept = map[string]string{}

// more are single rules of letters that are not kept as a whole.
var more = []string{"H3", "H4", "K22", "K23", "X1", "X2", "X3", "X20", "X21", "X23", "X24", "X25", "X26", "X27", "X28", "X29", "X30", "X31", "X32"}

var (
	testLine = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\) \{(?: *//(.*))?$`)
	inName   = regexp.MustCompile(`^Test([A-Z][0-9]+)(?:_[^0-9]|[A-Z])`)
	inWords  = regexp.MustCompile(`\b[A-Z][0-9]+\b`)
)

// cited are the tests of each rule: those that bear its number in their name, or behind it.
func cited(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range testLine.FindAllStringSubmatch(string(text), -1) {
			of := map[string]bool{}
			if n := inName.FindStringSubmatch(m[1]); n != nil {
				of[n[1]] = true
			}
			for _, rule := range inWords.FindAllString(m[2], -1) {
				of[rule] = true
			}
			for rule := range of {
				tests[rule] = append(tests[rule], file+": "+m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// Every rule that is kept has a test that says so. `go test ./internal -run EveryRule -v` lists them.
func TestEveryRuleHasATest(t *testing.T) {
	t.Parallel()
	tests, all := cited(t), slices.Clone(more)
	for letter, last := range rules {
		for n := range last {
			all = append(all, fmt.Sprint(letter, n+1))
		}
	}
	slices.Sort(all)
	for _, rule := range all {
		switch {
		case unkept[rule] != "" && len(tests[rule]) > 0:
			t.Errorf("%s is said not to be kept (%s) and has the test %s", rule, unkept[rule], tests[rule][0])
		case unkept[rule] == "" && len(tests[rule]) == 0:
			t.Errorf("no test names the rule %s", rule)
		}
		slices.Sort(tests[rule])
		t.Log(rule, strings.Join(tests[rule], ", "))
	}
	for rule := range maps.Keys(unkept) {
		if !slices.Contains(all, rule) {
			t.Errorf("%s is no rule of the list", rule)
		}
	}
}

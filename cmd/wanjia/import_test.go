package main

import (
	"slices"
	"strings"
	"testing"
)

const testdata = "../../internal/transfer/testdata/"

func TestAnOperatorBringsARosterIn(t *testing.T) {
	t.Setenv("WANJIA_DATA", t.TempDir())
	t.Setenv("WANJIA_DEMO", "true")
	if out, err := wanjia(t, "seed", "--profile", "bare"); err != nil {
		t.Fatalf("seed: %s, %v", out, err)
	}
	roster := []string{"import", testdata + "roster-members.xlsx", "--kind", "members", "--as", "po.1"}
	for _, step := range []struct {
		name string
		args []string
		want string // what it prints, or why not
		ok   bool
	}{
		{"a dry run", roster, "3000 rows, 0 wrong; 6109 changes, People 3000, Members 3000, Posts 109\nnothing has been changed", true},
		{"alone", append(slices.Clip(roster), "--apply"), "auth.second_person", false},
		{"by two", append(slices.Clip(roster), "--apply", "--confirm-as", "po.2"), "applied; it can be undone before", true},
		{"again", roster, "3000 rows, 0 wrong; 0 changes\n", true},
		{
			"what is wrong",
			[]string{"import", testdata + "roster-ruihe-units.xlsx", testdata + "bad-entrances.xlsx", "--kind", "units,entrances", "--as", "rh.cg", "--apply"},
			"entrances 第105行 责任区：这个单元门（院门）在这段时间已划入一个责任区 (org.entrance_assigned)", false,
		},
		{
			"the units",
			[]string{
				"import", testdata + "roster-ruihe-units.xlsx", testdata + "roster-ruihe-entrances.csv", "--kind", "units", "--kind", "entrances",
				"--as", "rh.cg", "--apply",
			},
			"169 rows, 0 wrong", true,
		},
		{"an id card", []string{"import", testdata + "bad-id-card.csv", "--kind", "members", "--as", "po.1"}, "请删去该列 column=5 file=members", false},
		{"nobody's handle", []string{"import", testdata + "bad-id-card.csv", "--kind", "members", "--as", "nobody"}, "\"nobody\" is neither the number of a role assignment nor a demo account", false},
		{"a file too many", []string{"import", "a", "b", "--kind", "members", "--as", "sa"}, "2 files and 1 times --kind", false},
	} {
		out, err := wanjia(t, step.args...)
		if err != nil {
			out += err.Error()
		}
		if !strings.Contains(out, step.want) || step.ok != (err == nil) {
			t.Errorf("%s: %s, error %v; want %q", step.name, out, err, step.want)
		}
	}
}

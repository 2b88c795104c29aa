package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func parts(t *testing.T, texts ...string) []string {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for i, text := range texts {
		name := filepath.Join(dir, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

const frame = `openapi: 3.0.3
tags: [{name: visit}]
paths: {}
components:
  schemas:
    A: {type: string} # why A
`

func TestPartsAddPathsTagsAndComponents(t *testing.T) {
	t.Parallel()
	got, err := merge(parts(t, frame, "tags: [{name: task}]\npaths:\n  /v1/x:\n    # said here\n    get: {}\ncomponents:\n  schemas:\n    B: {type: string}\n  responses:\n    C: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: task", "/v1/x:", "# said here", "# why A", "B:", "C:"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the whole lacks %q:\n%s", want, got)
		}
	}
}

func TestWhatIsSaidTwiceIsRefused(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]string{
		"a path":               "paths:\n  /v1/x: {}\n  /v1/x: {}\n",
		"a schema":             "components:\n  schemas:\n    A: {type: integer}\n",
		"a tag":                "tags: [{name: visit}]\n",
		"the frame":            "openapi: 3.0.3\n",
		"a word of the frame":  "x-roles: [member]\n",
		"something not a part": "- 1\n",
	} {
		if got, err := merge(parts(t, frame, part)); err == nil {
			t.Errorf("%s: joined to\n%s\nwant an error", name, got)
		}
	}
}

func TestTheSamePartsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	names := parts(t, frame, "paths:\n  /v1/b: {}\n  /v1/a: {}\n")
	one, err := merge(names)
	if err != nil {
		t.Fatal(err)
	}
	two, err := merge(names)
	if err != nil || string(one) != string(two) {
		t.Errorf("two runs differ (%v):\n%s\n%s", err, one, two)
	}
}

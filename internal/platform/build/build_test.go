package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// TestMain makes this binary a program that says what it was built from, when it is asked.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == says {
		_, _ = os.Stdout.WriteString(Commit())
		return
	}
	os.Exit(m.Run())
}

const says = "says"

func TestWhatMakeSaidCountsAndElseWhatGoWroteDown(t *testing.T) {
	t.Parallel()
	wrote := func(modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Settings: []debug.BuildSetting{
			{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: modified},
		}}
	}
	for _, c := range []struct {
		said string
		info *debug.BuildInfo
		want string
	}{
		{"fedcba987654-dirty", wrote("false"), "fedcba987654-dirty"},
		{"", wrote("false"), "0123456789ab"},
		{"", wrote("true"), "0123456789ab-dirty"},
		{"", &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}}, ""},
		{"", nil, ""},
	} {
		if got := from(c.said, c.info); got != c.want {
			t.Errorf("make said %q and Go %+v: the commit is %q, want %q", c.said, c.info, got, c.want)
		}
	}
}

// A -X that names no variable is no error to the linker: the figures would lose their commit without a word.
func TestMakeSetsTheVariableThatIsAskedFor(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile(`go build -ldflags ".*(-X \S+=)\$\(COMMIT\)"`).FindStringSubmatch(makefile(t))
	if found == nil {
		t.Fatal("make build says no commit")
	}
	program := filepath.Join(t.TempDir(), "says")
	run(t, ".", "go", "test", "-c", "-ldflags", found[1]+"0123456789ab-dirty", "-o", program, ".")
	if got := run(t, ".", program, says); got != "0123456789ab-dirty" {
		t.Errorf("built as make does, a program says %q, want what make said", got)
	}
}

func TestMakeAsksGitAndMarksWhatWasChanged(t *testing.T) {
	t.Parallel()
	line := regexp.MustCompile(`(?m)^COMMIT = .*$`).FindString(makefile(t))
	folder := t.TempDir()
	write(t, folder, "Makefile", line+"\nsay:\n\t@echo '$(COMMIT)'\n")
	say := func() string { return strings.TrimSpace(run(t, folder, "make", "--no-print-directory", "say")) }
	if got := say(); got != "" {
		t.Errorf("without a repository the commit is %q, want none", got)
	}
	run(t, folder, "git", "init", "-q")
	run(t, folder, "git", "add", "-A")
	run(t, folder, "git", "-c", "user.name=test", "-c", "user.email=test@example.invalid", "commit", "-q", "-m", "first")
	commit := strings.TrimSpace(run(t, folder, "git", "rev-parse", "HEAD"))[:12]
	if got := say(); got != commit {
		t.Errorf("the commit is %q, want %q", got, commit)
	}
	write(t, folder, "new.go", "package new\n")
	if got, want := say(), commit+"-dirty"; got != want {
		t.Errorf("with a new file the commit is %q, want %q", got, want)
	}
}

func makefile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command in folder as somebody does who has no settings of git and no make around them.
func run(t *testing.T, folder, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = folder
	for _, s := range os.Environ() {
		if !strings.HasPrefix(s, "MAKE") && !strings.HasPrefix(s, "MFLAGS=") && !strings.HasPrefix(s, "GIT_") {
			cmd.Env = append(cmd.Env, s)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(folder))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", program, args, err, out)
	}
	return string(out)
}

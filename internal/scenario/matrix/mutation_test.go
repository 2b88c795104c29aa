package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/guard"
)

// withRace says whether this test was built with -race: what it builds then finds everything built already.
var withRace bool

// only are the operations that a run is for, by WANJIA_TEST_MATRIX; nil: all. Such a run ends with its first error.
var only = strings.Fields(os.Getenv("WANJIA_TEST_MATRIX"))

// Errorf is that of the test, and the end of a run that is for some operations only.
func (w *world) Errorf(format string, args ...any) {
	w.Helper()
	if len(only) > 0 {
		w.Fatalf(format, args...)
	}
	w.T.Errorf(format, args...)
}

// weakest are operations that each depend on one guard alone: with it off, they let somebody in.
var weakest = map[guard.Guard]string{
	guard.SignIn:     "getMe",
	guard.Revoked:    "getMe",
	guard.ActingAs:   "getMe",
	guard.Role:       "listAreas",
	guard.GridScope:  "listHouseholds",
	guard.PartyScope: "getMember",
	guard.Own:        "endSession",
	guard.Rule:       "startCampaign",
	guard.StepUp:     "recordLegalBasis",
}

// The program is built again so that one guard at a time can be taken away, and the matrix is asked: it must see each.
func TestR19EachGuardTakenAwayTurnsTheMatrixRed(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "matrix.test")
	args := []string{"test", "-c", "-tags", "guardtest", "-o", binary}
	if withRace {
		args = append(args, builtWith()...)
	}
	if out, err := exec.CommandContext(t.Context(), "go", append(args, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("build the matrix: %v\n%s", err, out)
	}
	all := map[string]bool{}
	for g := guard.Guard(1); g < guard.Count; g++ {
		if weakest[g] == "" {
			t.Fatalf("guard %d: nobody says which operation depends on it alone", g)
		}
		all[weakest[g]] = true
	}
	var operations []string
	for id := range all {
		operations = append(operations, id)
	}
	if out, err := matrixWithout(t, binary, 0, operations...); err != nil {
		t.Errorf("with every guard on: %v\n%s", err, out)
	}
	for g := guard.Guard(1); g < guard.Count; g++ {
		out, err := matrixWithout(t, binary, g, weakest[g])
		var exit *exec.ExitError
		switch {
		case err == nil:
			t.Errorf("without guard %d the matrix stays green: nobody would see it go", g)
		case !errors.As(err, &exit), !strings.Contains(out, weakest[g]+" by "):
			t.Errorf("without guard %d: %v, and not for what %s lets through\n%s", g, err, weakest[g], out)
		}
	}
}

// builtWith are the flags that this test was built with, by WANJIA_TEST_BUILD: with others all that it needs would be
// compiled anew, and SQLite run under the race detector, many times as slowly.
func builtWith() []string {
	if flags := strings.Fields(os.Getenv("WANJIA_TEST_BUILD")); len(flags) > 0 {
		return flags
	}
	return []string{"-race"}
}

// matrixWithout runs the matrix of some operations, on SQLite, with one guard off.
func matrixWithout(t *testing.T, binary string, off guard.Guard, operations ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, binary, "-test.run", "^TestR19EveryRole.*$/^sqlite$", "-test.count=1")
	run.Env = append(os.Environ(),
		fmt.Sprintf("WANJIA_TEST_GUARD_OFF=%d", off), "WANJIA_TEST_MATRIX="+strings.Join(operations, " "))
	out, err := run.CombinedOutput()
	return string(out), err
}

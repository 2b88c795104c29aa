package problem

import (
	"errors"
	"fmt"
	"testing"
)

func TestACopyWithMembersIsStillTheSameProblem(t *testing.T) {
	t.Parallel()
	base := New(Conflict, "request.illegal_transition")
	err := fmt.Errorf("accept request 3: %w", base.With("state", "closed").Field("/note", "too_short"))
	if !errors.Is(err, base) {
		t.Errorf("%v is not %v, want the same problem", err, base)
	}
	if errors.Is(err, ErrConflict) {
		t.Errorf("%v is %v, want another problem of the same kind to stay another", err, ErrConflict)
	}
}

func TestAddingToACopyLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	base := New(Invalid, "common.test")
	one := base.With("a", 1)
	two := one.With("b", 2).Field("/x", "wrong")
	if len(base.Members) != 0 || len(base.Fields) != 0 || len(one.Members) != 1 || len(one.Fields) != 0 || len(two.Members) != 2 {
		t.Errorf("members: base %v, one %v, two %v; want 0, 1 and 2 of them", base.Members, one.Members, two.Members)
	}
}

package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"wanjia/internal/platform/db"
)

func TestOneRowThatFailsKeepsNoOtherFromItsTurn(t *testing.T) {
	t.Parallel()
	bad, late := errors.New("bad"), errors.New("late")
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var done []int
	err := db.Each(ctx, []int{1, 2, 3, 4, 5, 6}, func(n int) error {
		done = append(done, n)
		switch n {
		case 2:
			return fmt.Errorf("row %d: %w", n, bad)
		case 3:
			return fmt.Errorf("row %d: %w", n, late)
		case 4:
			panic("poison")
		case 5:
			end()
		}
		return nil
	}, late)
	if !slices.Equal(done, []int{1, 2, 3, 4, 5}) {
		t.Errorf("done are %v, want all until the end of the context", done)
	}
	if !errors.Is(err, bad) || errors.Is(err, late) || !strings.Contains(err.Error(), "panic: poison") || !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v, want what failed, what panicked, and that the context is over", err)
	}
}

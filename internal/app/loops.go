// Package app puts the program together, by hand and from top to bottom, and runs it.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// every runs f now and then again a period after it said that there was nothing to do, or when it is woken before, until
// ctx ends. f does one unit of work in one transaction and says whether there was any: while there is, the next turn follows at
// once. An error is logged and waits a period; a panic stops this turn and not the loop (R11).
func every(ctx context.Context, log *slog.Logger, period time.Duration, woken <-chan struct{}, name string, f func(context.Context) (bool, error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-woken:
		}
		worked, err := turn(ctx, f)
		if err != nil && !errors.Is(err, context.Canceled) {
			log.Error("loop failed", "loop", name, "error", err)
		}
		if worked && err == nil {
			timer.Reset(0)
			continue
		}
		timer.Reset(period)
	}
}

// turn runs one turn and makes an error of a panic.
func turn(ctx context.Context, f func(context.Context) (bool, error)) (worked bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			worked, err = false, fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f(ctx)
}

package db

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Each does f with every one of all and joins what fails: one row that a loop cannot deal with keeps no other from its
// turn, not even by a panic (R11). It stops where ctx ends. Errors that f wraps in faster are none: another node was faster.
func Each[T any](ctx context.Context, all []T, f func(T) error, faster ...error) error {
	var failed []error
	for _, one := range all {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(failed, err)...)
		}
		if err := Safely(func() error { return f(one) }); err != nil && !isAny(err, faster) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// Safely does f and makes an error of a panic.
func Safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

func isAny(err error, of []error) bool {
	for _, one := range of {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

//go:build !race

package db

// aside runs f.
func aside(f func() error) error { return f() }

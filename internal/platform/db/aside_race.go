//go:build race

package db

// aside runs f in a goroutine of its own. Under the race detector a method that is promoted through a pointer and called
// through an interface, as sqlx scans each row, enters a frame and never leaves it; the stack of a goroutine that lasts grows
// so by each row it has read, and is read whole whenever a goroutine begins: that took most of the time of some tests.
func aside(f func() error) error {
	done := make(chan error)
	go func() { done <- f() }()
	return <-done
}

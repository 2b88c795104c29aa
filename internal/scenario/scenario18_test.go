package scenario

import (
	"testing"
	"time"
)

// soon waits until f says so, 5 s at most: for what a clock of the program does.
func soon(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatalf("%s did not come within 5 s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

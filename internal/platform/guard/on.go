//go:build !guardtest

package guard

// On says whether g refuses: always.
func On(Guard) bool { return true }

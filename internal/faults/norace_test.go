//go:build !race

package faults

// withRace says that the race detector watches this process.
const withRace = false

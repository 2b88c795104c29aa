// Package matrix asks the whole program, over HTTP, for everything the contract lists: as every role, from every
// position, as nobody, and with rights that have ended. Tests only.
package matrix

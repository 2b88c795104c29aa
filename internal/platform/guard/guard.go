// Package guard names the places where a call is refused, so that a test can take away one at a time and
// see the authorisation matrix turn red. In the program that ships every guard is always on: On is a constant.
package guard

// A Guard is one reason to refuse.
type Guard int

// The guards, in the order a request meets them.
const (
	SignIn     Guard = iota + 1 // the contract's security: somebody must be there
	Revoked                     // an ended session, a disabled person or an outdated token is refused
	ActingAs                    // the role must be the person's own, and hold today
	Role                        // x-authz: roles that may never are refused at the edge
	GridScope                   // queries of grid things look below the asker's unit only
	PartyScope                  // queries of party things look below the asker's unit only
	Own                         // things of a person are the person's own
	Rule                        // methods of things that say why not
	StepUp                      // x-authz: what wants a fresh second factor is refused without one
	Count                       // how many there are; not a guard
)

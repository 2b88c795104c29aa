package push

// A Code says why a socket was closed (push.md §9). What the device does next depends on it.
type Code int

// The codes.
const (
	TicketRefused Code = 4001 // new ticket, reconnect
	WindowOver    Code = 4003 // refresh, new ticket, reconnect
	RightsEnded   Code = 4005 // the same
	Slow          Code = 4008 // reconnect
	TooManyOpen   Code = 4009 // stay away: another device took the place
	Drained       Code = 4011 // reconnect after bye.after
	Silent        Code = 4012 // reconnect
	TooFast       Code = 4013 // reconnect after 30 s
	SignedOut     Code = 4014 // sign in
	BadFrame      Code = 4015 // report

	badUTF8 Code = 1007
	tooLong Code = 1009
)

// Codes are all of them, in order; docs/push-protocol.md tells clients of each.
var Codes = []Code{
	badUTF8, tooLong, TicketRefused, WindowOver, RightsEnded, Slow, TooManyOpen, Drained, Silent, TooFast, SignedOut, BadFrame,
}

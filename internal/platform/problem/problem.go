// Package problem holds the errors a person may see: a stable code, a kind, and nothing of our insides.
//
// A feature declares each of its problems once, as a variable; their texts stand in package say under the
// same code. What status a kind becomes is known to package server alone (RFC 9457).
package problem

import (
	"maps"
	"slices"
	"time"
)

// Kind says what sort of refusal a problem is.
type Kind int

// The kinds, in the order of the status the edge gives them.
const (
	Malformed       Kind = iota + 1 // the message itself cannot be read
	Unauthenticated                 // nobody is there
	Forbidden                       // this role may never do it
	NotFound                        // not there, or outside the asker's scope: the two are never told apart
	NotAllowed                      // the path has no such method
	Timeout                         // the request took too long to arrive
	Conflict                        // not in this state, or somebody was faster
	Gone                            // it was there, and its time is over
	TooLarge                        // more bytes than the operation takes
	Unsupported                     // another kind of content than the operation takes
	Invalid                         // readable, and against the schema or a rule
	TooMany                         // a limiter refused
	Internal                        // our fault
	Unavailable                     // something we need is away; try again
)

// A Problem is an error whose code and text a person may see.
type Problem struct { //nolint:errname // RFC 9457 calls it a problem, and so does everybody here
	Kind    Kind
	Code    string         // feature.reason, stable for ever
	Members map[string]any // public members beside the standard ones, such as the present state
	Fields  []Field        // what of the input is wrong
	After   time.Duration  // when it is worth trying again; 0 = not said
}

// A Field names one wrong place of the input.
type Field struct {
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) into the body, or the name of a parameter
	Code    string `json:"code"`
}

// New makes a problem. Call it once per code, in a package variable.
func New(kind Kind, code string) *Problem { return &Problem{Kind: kind, Code: code} }

// Error is the code: inner logs may hold it, and package say has the words.
func (p *Problem) Error() string { return p.Code }

// Is makes errors.Is compare codes, so that a copy made by With is still the same problem.
func (p *Problem) Is(target error) bool {
	other, ok := target.(*Problem)
	return ok && other.Code == p.Code
}

// With returns a copy that also says key: value.
func (p *Problem) With(key string, value any) *Problem {
	q := *p
	q.Members = maps.Clone(p.Members)
	if q.Members == nil {
		q.Members = map[string]any{}
	}
	q.Members[key] = value
	return &q
}

// Field returns a copy that also names a wrong place of the input.
func (p *Problem) Field(pointer, code string) *Problem {
	q := *p
	q.Fields = append(slices.Clone(p.Fields), Field{Pointer: pointer, Code: code})
	return &q
}

// RetryAfter returns a copy that says when it is worth trying again.
func (p *Problem) RetryAfter(d time.Duration) *Problem {
	q := *p
	q.After = d
	return &q
}

// Stale says that what is being changed is not the version that was read any more, with both versions.
func Stale(yours, present int64) *Problem {
	return ErrConflict.With("yours", yours).With("current", map[string]any{"version": present})
}

// Problems that belong to no feature.
var (
	ErrMalformed          = New(Malformed, "common.malformed")
	ErrUnauthenticated    = New(Unauthenticated, "auth.required")
	ErrForbidden          = New(Forbidden, "auth.forbidden")
	ErrNotFound           = New(NotFound, "common.not_found")
	ErrNotAllowed         = New(NotAllowed, "common.method_not_allowed")
	ErrTimeout            = New(Timeout, "common.timeout")
	ErrConflict           = New(Conflict, "common.conflict")
	ErrTooLarge           = New(TooLarge, "common.too_large")
	ErrUnsupported        = New(Unsupported, "common.unsupported_media_type")
	ErrInvalid            = New(Invalid, "common.invalid")
	ErrTooMany            = New(TooMany, "common.too_many")
	ErrInternal           = New(Internal, "common.internal")
	ErrUnavailable        = New(Unavailable, "common.unavailable")
	ErrCursor             = New(Malformed, "common.cursor_invalid")
	ErrKeyMissing         = New(Malformed, "common.key_missing")
	ErrKeyReused          = New(Invalid, "common.key_reused")
	ErrKeyInFlight        = New(Conflict, "common.key_in_flight")
	ErrPersonalDataInText = New(Invalid, "common.personal_data_in_text")
)

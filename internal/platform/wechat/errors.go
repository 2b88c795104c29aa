package wechat

import (
	"errors"
	"fmt"
)

// A Class says what to do about a failed call (push.md §12).
type Class int

// The classes.
const (
	None        Class = iota
	Transient         // the platform is busy, or was not reached: try again later
	Unknown           // sent, and no answer came: it may or may not have happened
	TokenStale        // the access token is no longer good
	CodeRefused       // the person's code is unknown, used or of another app
	Refused           // the person does not want this template any more
	Address           // nobody has this openid here
	OurBug            // template, field or parameter is wrong
	MinuteQuota       // too many calls this minute
	DayQuota          // too many calls today
	Account           // the app may not do this
	Garbled           // the answer is not what the platform says it answers
	Other             // an error code we have no rule for
)

var classNames = [...]string{
	"none", "transient", "unknown", "token", "code", "refused", "address", "bug", "minute quota", "day quota",
	"account", "garbled", "other",
}

// String is the class in a word, for metrics.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "other"
	}
	return classNames[c]
}

// An Error is a call that did not work. It holds no address, parameter or text of the platform.
type Error struct {
	Call   string
	Class  Class
	Code   int // errcode; 0: none came
	Status int // HTTP status, if that was the trouble
	reason string
	cause  error
}

// Error says which call failed and how.
func (e *Error) Error() string {
	switch {
	case e.Code != 0:
		return fmt.Sprintf("wechat %s: %s (errcode %d)", e.Call, e.Class, e.Code)
	case e.Status != 0:
		return fmt.Sprintf("wechat %s: %s (status %d)", e.Call, e.Class, e.Status)
	default:
		return fmt.Sprintf("wechat %s: %s: %s", e.Call, e.Class, e.reason)
	}
}

// Unwrap lets errors.Is see a cancelled or expired context.
func (e *Error) Unwrap() error { return e.cause }

// ClassOf is the class of err; None for nil, Other for an error of somebody else.
func ClassOf(err error) Class {
	if err == nil {
		return None
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Other
}

// ClassOfCode is the class of a code of the platform.
func ClassOfCode(code int) Class {
	switch code {
	case -1:
		return Transient
	case 40001, 40014, 42001:
		return TokenStale
	case 40029, 40163, 40226, 41008:
		return CodeRefused
	case 43101:
		return Refused
	case 40003:
		return Address
	case 47003, 40037, 41030:
		return OurBug
	case 45011:
		return MinuteQuota
	case 45009:
		return DayQuota
	case 48001, 50002, 61004, 40013, 40125:
		return Account
	default:
		return Other
	}
}

// Package auth knows who is signed in: it turns a WeChat code or a password with its second factor into a
// session, gives sessions short tokens and changes the long ones, and takes rights away within seconds.
//
// The truth is in SQL. What stands in memory and in Redis makes a request faster and may be lost at any
// moment; nobody is signed out by that, and no right that has ended comes back (security.md §2).
package auth

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

// What people are told when they cannot come in, or may not stay.
var (
	ErrToken             = problem.New(problem.Unauthenticated, "auth.token_invalid")
	ErrTokenStale        = problem.New(problem.Unauthenticated, "auth.token_stale")
	ErrSessionEnded      = problem.New(problem.Unauthenticated, "auth.session_ended")
	ErrRefresh           = problem.New(problem.Unauthenticated, "auth.refresh_invalid")
	ErrSignIn            = problem.New(problem.Unauthenticated, "auth.sign_in_refused")
	ErrCode              = problem.New(problem.Unauthenticated, "auth.code_refused")
	ErrChallenge         = problem.New(problem.Unauthenticated, "auth.challenge_invalid")
	ErrSecondFactor      = problem.New(problem.Unauthenticated, "auth.second_factor_refused")
	ErrStepUp            = problem.New(problem.Forbidden, "auth.step_up_required")
	ErrHeld              = problem.New(problem.Forbidden, "auth.recently_rebound")
	ErrNoSecondFactor    = problem.New(problem.Conflict, "auth.no_second_factor")
	ErrWeChat            = problem.New(problem.Unavailable, "auth.wechat_unavailable")
	ErrInvitation        = problem.New(problem.Invalid, "auth.invitation_invalid")
	ErrEnrolment         = problem.New(problem.Invalid, "auth.enrolment_invalid")
	ErrPassword          = problem.New(problem.Invalid, "auth.password_weak")
	ErrAccountTaken      = problem.New(problem.Conflict, "auth.account_taken")
	ErrSecondPerson      = problem.New(problem.Forbidden, "auth.second_person")
	ErrBeyond            = problem.New(problem.Forbidden, "auth.person_beyond")
	ErrSelf              = problem.New(problem.Forbidden, "auth.self_disable")
	ErrDisabled          = problem.New(problem.Conflict, "auth.person_disabled")
	ErrTries             = problem.New(problem.TooMany, "auth.too_many_tries")
	ErrIllegalTransition = problem.New(problem.Conflict, "auth.illegal_transition")
	ErrPasswordNow       = problem.New(problem.Forbidden, "auth.password_refused")
	ErrPinWeak           = problem.New(problem.Invalid, "auth.pin_weak")
	ErrPin               = problem.New(problem.Forbidden, "auth.pin_refused")
	ErrPinNeeded         = problem.New(problem.Conflict, "auth.pin_needed")
	ErrPinNotHere        = problem.New(problem.Conflict, "auth.pin_not_here")
	ErrConflictKeep      = problem.New(problem.Invalid, "auth.conflict_keep")
)

// SessionID names a session.
type SessionID int64

// A Client is the kind of program somebody signs in with.
type Client string

// The clients.
const (
	Mini    Client = "mini"
	H5      Client = "h5"
	Console Client = "console"
)

const day = 24 * time.Hour

// life is how long a session of c lasts without a refresh, and at all. Staff carry rights over others, so what
// they leave open on the web closes sooner.
func (c Client) life(staff bool) (idle, absolute time.Duration) {
	switch {
	case c == Console, c == H5 && staff:
		return 30 * time.Minute, 12 * time.Hour
	default:
		return 7 * day, 30 * day
	}
}

// staff says whether any of the roles is more than membership.
func staff(roles []org.Assignment) bool {
	for _, r := range roles {
		if r.Role != org.RoleMember {
			return true
		}
	}
	return false
}

// A State is how far an account has come (domain.md §5.2).
type State string

// The states.
const (
	Unverified State = "unverified" // somebody with this WeChat account; without roles
	Bound      State = "bound"      // a person of the roster
	Invalid    State = "invalid"    // WeChat does not know it any more
	Closed     State = "closed"     // replaced by another one
)

// The reasons why a session ends.
const (
	bySignOut  = "signed_out"
	byPerson   = "ended_by_person"
	byReuse    = "refresh_reuse"
	byBinding  = "account_bound"
	byRebind   = "account_rebound"
	byFactor   = "factor_changed"
	byDisabled = "disabled"
	byOthers   = "ended_by_other" // who leads the unit, or a security administrator
)

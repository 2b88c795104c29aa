package notify

import (
	"time"

	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
)

// The templates of ours: what WeChat sends a person who has allowed it, some fields of an item and nothing else (N5).
// They are few, because one tap allows three at most.
const (
	onRequest = "request" // what becomes of the person's own need
	onWork    = "work"    // what they are to do
	onNotice  = "notice"  // anything else that cannot wait
	onDigest  = "digest"  // the summary of the day
)

// codes are all templates, as people are asked for them.
var codes = []string{onRequest, onWork, onNotice, onDigest}

// A repeat is how WeChat repeats a kind.
type repeat struct {
	code      string
	mustReach bool // ☎: who cannot be reached so is called
}

// repeats are the kinds that have a template of their own; every other that cannot wait is a notice.
var repeats = map[string]repeat{
	"request.message": {onRequest, true}, "request.waiting": {onRequest, true}, "request.late": {onRequest, true},
	"request.closed": {onRequest, true}, "promise.moved": {onRequest, false},

	"contact.changed": {onNotice, true},

	"request.assigned": {onWork, false}, "request.reopened": {onWork, false}, "request.accept_overdue": {onWork, false},
	"request.target_near": {onWork, false}, "request.target_missed": {onWork, false}, "call.assigned": {onWork, false},
	"task.assigned": {onWork, false}, "task.returned": {onWork, false}, "takedown.received": {onWork, false},
	"own_data.received": {onWork, false}, "split.proposed": {onWork, false}, "security.bind_requested": {onWork, false},
	"muster.asked": {onWork, false}, "muster.started": {onWork, false}, "muster.cancelled": {onWork, false},
}

// loud says whether items of kind may not be without a sound: answers to one's own needs, and whoever is not reached is
// called (N7).
func loud(kind string) bool {
	r := repeats[kind]
	return r.code == onRequest || r.mustReach
}

// repeatOf is how WeChat repeats an item of a kind and priority, if it does (N2).
func repeatOf(kind string, prio int) (r repeat, ok bool) {
	if prio > Prompt {
		return r, false
	}
	if r, ok = repeats[kind]; !ok {
		r.code = onNotice
	}
	return r, true
}

// What the messages of WeChat refuse.
var (
	ErrTemplate      = problem.New(problem.Invalid, "wechat.template_unknown")
	ErrTemplateID    = problem.New(problem.Invalid, "wechat.template_id_invalid")
	ErrTemplateField = problem.New(problem.Invalid, "wechat.template_field_refused")
)

// patience is how long a device may take to acknowledge before WeChat repeats an item (N2).
const patience = 30 * time.Second

// notBefore is when WeChat may repeat what was told at now (K17): safety at once, anything else after some patience and
// not in the quiet hours.
func notBefore(prio int, now time.Time, h hours) time.Time {
	if prio == Safety {
		return now
	}
	due := now.Add(patience)
	if end, quiet := h.quietEnd(due); quiet {
		return end
	}
	return due
}

// An Outcome says what came of a message.
type Outcome string

// The outcomes. Each message ends in exactly one (X32).
const (
	Sent       Outcome = "sent"
	NoCredit   Outcome = "no_credit"  // the person has not allowed it, must be reached and does not want it, or has no account
	Suppressed Outcome = "suppressed" // a device had it in time, or the person need not have it and does not want it
	Unknown    Outcome = "unknown"    // sent twice, and no answer came
	Dead       Outcome = "dead"       // WeChat does not take it
)

// Outcomes are all outcomes, for metrics.
var Outcomes = []Outcome{Sent, NoCredit, Suppressed, Unknown, Dead}

// reached says whether nobody need be called.
func (o Outcome) reached() bool { return o == Sent || o == Suppressed }

// Unreached is an item that reaches a person neither by a device nor by WeChat.
type Unreached struct {
	Person org.PersonID `db:"person_id"`
	Kind   string       `db:"kind"`
	Ref    Ref
	At     time.Time // when it was told
}

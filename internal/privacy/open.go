package privacy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// What opening a sealed value refuses.
var (
	ErrPurpose = problem.New(problem.Invalid, "privacy.purpose_invalid")
	ErrReason  = problem.New(problem.Invalid, "privacy.reason_missing")
)

// A Purpose is what somebody opens a sealed value for.
type Purpose string

// The purposes. Nothing is opened for any other.
const (
	CallBack Purpose = "call_back" // tell the person something they wait for
	Visit    Purpose = "visit"     // find the door
	Counter  Purpose = "counter"   // a step at a counter
	Duty     Purpose = "duty"      // reach somebody about their own duty
	Correct  Purpose = "correct"   // compare an entry with a paper
	Urgent   Purpose = "urgent"    // danger to somebody
)

// minReason is how many characters explain anything at all.
const minReason = 6

// A Why is what somebody says before a sealed value is shown to them.
type Why struct {
	Purpose Purpose
	Reason  string // their own words
}

func (w Why) check() error {
	switch w.Purpose {
	case CallBack, Visit, Counter, Duty, Correct, Urgent:
	default:
		return ErrPurpose.Field("/purpose", ErrPurpose.Code)
	}
	if utf8.RuneCountInString(strings.TrimSpace(w.Reason)) < minReason {
		return ErrReason.Field("/reason", ErrReason.Code)
	}
	return CheckText("/reason", w.Reason)
}

// A Value is a sealed column of a row, and the name under which the asker gets to see it.
type Value struct {
	Field  string
	Class  sealed.Class
	Table  string
	Column string
	ID     int64 // of the row
	Cipher []byte
}

// Open opens values of one thing for by, and notes who saw which fields of it, for what and why. The values may
// leave only with the COMMIT of tx: without the audit row there is no COMMIT (D10).
func Open(ctx context.Context, tx *db.Tx, by org.Actor, why Why, object string, id int64, values ...Value) ([]string, error) {
	if err := why.check(); err != nil {
		return nil, err
	}
	fields := make([]string, len(values))
	for i, v := range values {
		fields[i] = v.Field
	}
	audit.Note(tx, by.Did(object+".unmasked", object, id).For(string(why.Purpose), why.Reason).Showing(slices.Compact(fields)...))
	return Plain(tx, values...)
}

// Plain opens values for the program itself: to compare, to mask, to send where the person has asked for it.
// Whoever calls it shows nothing of them but masks.
func Plain(q db.Queryer, values ...Value) ([]string, error) {
	keys := sealed.Of(q)
	if keys == nil {
		return nil, errors.New("there are no keys on this database")
	}
	plain := make([]string, len(values))
	for i, v := range values {
		var err error
		if plain[i], err = keys.Open(v.Class, v.Table, v.Column, v.ID, v.Cipher); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

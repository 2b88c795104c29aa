package db

import (
	"context"
	"reflect"
)

// A Verb is what a statement is sent by.
type Verb string

// The verbs. Begin and Commit stand around those of one transaction.
const (
	Begin  Verb = "begin"
	Get    Verb = "get"
	Select Verb = "select"
	Insert Verb = "insert"
	Change Verb = "change"
	Commit Verb = "commit"
)

// A Sent is a statement that has gone to the database.
type Sent struct {
	Verb  Verb
	Query string // as its writer wrote it
	Args  []any
	Into  reflect.Type // of Get and Select: what the rows were read into
	ID    int64        // of Insert: the id that the row was given
}

type watcher func(ctx context.Context, s Sent)

// Watch shows every statement of d and of its transactions to f once it has been answered; nil ends it. The bench
// makes its ceilings of what it sees, so that they are the product's own statements.
func (d *DB) Watch(f func(ctx context.Context, s Sent)) {
	w := watcher(f)
	d.watch.Store(&w)
}

// sent counts a statement, and shows it to who watches.
func (d *DB) sent(ctx context.Context, verb Verb, query string, args []any, dest any, id int64) {
	if verb != Begin {
		d.count.Add(1)
	}
	w := d.watch.Load()
	if w == nil || *w == nil {
		return
	}
	s := Sent{Verb: verb, Query: query, Args: args, ID: id}
	if dest != nil {
		s.Into = reflect.TypeOf(dest).Elem()
	}
	(*w)(ctx, s)
}

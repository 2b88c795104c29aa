// Package audit keeps what was done and seen, as a chain that nobody can rewrite unnoticed.
package audit

// An Entry says who did or saw what, and never the value itself (domain.md §9.1).
type Entry struct {
	PersonID     int64    // 0: the system
	AssignmentID int64    // the role acted in; 0: none was needed
	Action       string   // feature.verb, such as visit.read
	Object       string   // what kind of thing
	ObjectID     int64    // which one; 0: none in particular
	Purpose      string   // why a sealed field was opened, from the register
	Reason       string   // the same in the asker's words
	Fields       []string // names of the fields shown
	Result       string   // ok, or why not
}

// For returns e with the purpose and reason that were given.
func (e Entry) For(purpose, reason string) Entry {
	e.Purpose, e.Reason = purpose, reason
	return e
}

// Showing returns e with the names of the fields that were shown.
func (e Entry) Showing(fields ...string) Entry {
	e.Fields = fields
	return e
}

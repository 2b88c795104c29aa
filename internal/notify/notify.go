package notify

import (
	"time"

	"wanjia/internal/org"
)

// An Item is something a person is told.
type Item struct {
	Kind      string         // of the table of kinds: task.assigned
	Ref       Ref            // the thing it is about
	Args      map[string]any // the kind's own labels, counts and times (domain.md N5), nothing else
	Prio      int            // 0: the kind's own; else instead of it, such as Quiet for earlier holders
	Urgent    bool           // a matter of safety: told as such whatever the kind's own priority is
	MustReach bool           // ☎: whom nothing else reaches is called (N3); cannot wait for the summary of the day
	Dedupe    string         // the same key reaches a person once: [a-z0-9:._-], at most 64
	By        org.Actor      // who did it, and is not told of it
	Unit      org.UnitID     // whose matter it is, for kinds that are told together unit by unit (N6); 0: nobody's

	notice NoticeID // the announcement that it belongs to; 0: none
}

// A Ref names the thing an item is about.
type Ref struct {
	Type string `json:"type"`
	ID   int64  `json:"id"`
}

// The priorities (domain.md N2). Safety is said by Item.Urgent.
const (
	Safety = iota
	Prompt
	Ordinary
	Quiet
)

// An Audience is who is told: persons, and persons in a role. Audiences are joined by And.
type Audience struct {
	persons []recipient
	places  []place
}

// A recipient is a person, and the role they are told in; 0: as themselves.
type recipient struct {
	Person     org.PersonID     `db:"person_id"`
	Assignment org.AssignmentID `db:"id"`
}

type place struct {
	unit org.UnitID
	role org.Role
}

// Persons are told as themselves, in no role.
func Persons(ids ...org.PersonID) Audience {
	var a Audience
	for _, id := range ids {
		a.persons = append(a.persons, recipient{Person: id})
	}
	return a
}

// InRole is one person, told in the role assignment they will open it with. When the role ends, so does the
// right to read what was told.
func InRole(person org.PersonID, assignment org.AssignmentID) Audience {
	return Audience{persons: []recipient{{person, assignment}}}
}

// RoleIn is everybody who holds role in unit today.
func RoleIn(unit org.UnitID, role org.Role) Audience {
	return Audience{places: []place{{unit, role}}}
}

// And is a and b together; who is in both is told once.
func (a Audience) And(b Audience) Audience {
	return Audience{
		persons: append(append([]recipient(nil), a.persons...), b.persons...),
		places:  append(append([]place(nil), a.places...), b.places...),
	}
}

// A Told is an item as it stands in somebody's inbox.
type Told struct {
	Person     org.PersonID     `db:"person_id"`
	Seq        int64            `db:"seq"`
	Kind       string           `db:"kind"`
	Prio       int              `db:"prio"`
	Assignment org.AssignmentID `db:"assignment_id"` // 0: told as themselves
	RefType    string           `db:"ref_type"`
	RefID      int64            `db:"ref_id"`
	Args       string           `db:"args"` // JSON, "" without
	At         time.Time        `db:"created_at"`
	Supersedes int64            `db:"supersedes"` // the earlier item that it stands for; 0: none
	Notice     NoticeID         `db:"notice_id"`  // whose text it has; 0: its own
}

// Gone is the kind of an item whose role has ended: its number stays, its content does not.
const Gone = "gone"

// gone is t without its content.
func (t Told) gone() Told { return Told{Person: t.Person, Seq: t.Seq, Kind: Gone, At: t.At} }

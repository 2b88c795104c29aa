package org

import (
	"context"
	"strings"

	"wanjia/internal/audit"
	"wanjia/internal/platform/guard"
)

// An Actor is whoever asks: a person in one of their roles, for one request. The zero Actor sees nothing.
type Actor struct {
	PersonID   PersonID
	Assignment AssignmentID // X-Acting-As, or the primary; its dates hold today. 0: the person has no role
	Role       Role
	Post       Post     // of a branch officer
	Unit       Unit     // where the role stands
	Grid       Unit     // Unit itself in the grid tree, else the grid unit linked to it; zero: sees no grid thing
	Party      Unit     // Unit itself in the party tree, else the party unit linked to it
	StandInFor PersonID // who holds Assignment, when somebody else stands in for them today (AA6); else 0
	FlagsToo   bool     // whom a stand-in stands in for lets them see care flags
	system     bool
}

// System acts when a clock runs out. It sees everything and is nobody.
var System = Actor{system: true}

// Scope is the range of unit.path in the grid tree that a may see: from <= path < to.
func (a Actor) Scope() (from, to string) {
	if a.system || !guard.On(guard.GridScope) {
		return "/", "0"
	}
	return below(a.Grid)
}

// PartyScope is the range of unit.path in the party tree that a may see: from <= path < to.
func (a Actor) PartyScope() (from, to string) {
	if a.system || !guard.On(guard.PartyScope) {
		return "/", "0"
	}
	return below(a.Party)
}

// below is the range of paths of u and all under it. Paths end in a slash, and '0' follows '/', so /1/2/
// never covers /1/20/ (T1).
func below(u Unit) (from, to string) {
	if u.Path == "" {
		return "", ""
	}
	return u.Path, strings.TrimSuffix(u.Path, "/") + "0"
}

// Below is the range of paths of u and all under it: from <= path < to. No path is in that of the zero Unit.
func (u Unit) Below() (from, to string) { return below(u) }

// Sees says whether u lies in a's scope of u's tree.
func (a Actor) Sees(u Unit) bool {
	from, to := a.Scope()
	if u.Tree == PartyTree {
		from, to = a.PartyScope()
	}
	return u.Path >= from && u.Path < to
}

// SeesFlags says whether a may see care flags as far as a's role does: a stand-in only if the absence says so (AA6).
func (a Actor) SeesFlags() bool { return a.StandInFor == 0 || a.FlagsToo }

// Wide says whether a sees so much of the grid (one unit in 50, or more) that lists are walked by time
// and not unit by unit (storage.md §7).
func (a Actor) Wide() bool {
	return a.system || a.Grid.Kind == District || a.Grid.Kind == Subdistrict
}

// Did begins an audit entry: a did action to the object.
func (a Actor) Did(action, object string, id int64) audit.Entry {
	return audit.Entry{
		PersonID: int64(a.PersonID), AssignmentID: int64(a.Assignment),
		Action: action, Object: object, ObjectID: id, Result: "ok",
	}
}

type actorKey struct{}

// WithActor returns ctx for a request that a makes.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom is who makes the request of ctx; the zero Actor if nobody is signed in.
func ActorFrom(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}

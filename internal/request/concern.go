package request

import (
	"context"
	"slices"
	"strings"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/problem"
)

// ErrAbout says that a concern is about nobody who leads or holds anything here, or that something else is about a person.
var ErrAbout = problem.New(problem.Invalid, "request.about_invalid")

// ErrConcernAlone says that a concern about somebody is dealt with by whoever holds it alone (V6).
var ErrConcernAlone = problem.New(problem.Conflict, "request.concern_alone")

// A post is a unit that somebody leads or holds: the paths of the unit and of the one linked to it, in either tree.
type post struct {
	Person org.PersonID `db:"person_id"`
	Unit   org.UnitID   `db:"unit_id"`
	Role   org.Role     `db:"role"`
	Path   string       `db:"path"`
	Other  string       `db:"other"` // empty: nothing is linked
}

// covers says whether other stands on p or below it, in either tree.
func (p post) covers(other post) bool {
	for _, above := range []string{p.Path, p.Other} {
		for _, below := range []string{other.Path, other.Other} {
			if above != "" && strings.HasPrefix(below, above) {
				return true
			}
		}
	}
	return false
}

// commanding are the roles by which somebody leads or holds something, and whom a concern can be about.
var commanding = map[org.Role]bool{
	org.RoleAreaHolder: true, org.RoleGroupLeader: true, org.RoleGridSecretary: true, org.RoleGeneralSecretary: true,
	org.RoleBranchSecretary: true, org.RoleGridAssistant: true, org.RoleSectionHead: true, org.RoleAreaCadre: true,
	org.RolePartyOffice: true, org.RoleCommitteeSecretary: true,
}

// spares says whether somebody who holds posts must not know of a concern about who holds those of about: they stand on
// a unit of that person, or below it. The committee's secretary decides about the office (V6).
func spares(about, posts []post) bool {
	for _, p := range about {
		if !commanding[p.Role] || p.Role == org.RolePartyOffice && secretaryOf(posts, p.Unit) {
			continue
		}
		for _, other := range posts {
			if other.Role != org.RoleMember && p.covers(other) { // everybody is a member somewhere, and sees nothing as one
				return true
			}
		}
	}
	return false
}

func secretaryOf(posts []post, committee org.UnitID) bool {
	for _, p := range posts {
		if p.Role == org.RoleCommitteeSecretary && p.Unit == committee {
			return true
		}
	}
	return false
}

// openConcern puts r, which is about who holds posts, at the lowest unit of its ladder above all of them, else at the
// top; a concern about the office is held by the committee's secretary, and one about them by nobody here (V6).
func (r *Request) openConcern(ladder []org.Unit, about []post) error {
	for _, p := range about {
		if p.Role == org.RoleCommitteeSecretary {
			return ErrNoHolder
		}
	}
	for _, u := range ladder {
		if u.Level == placeLevel {
			r.PlaceID = u.ID
		}
	}
	if len(ladder) == 0 || r.PlaceID == 0 {
		return ErrNoHolder
	}
	at := ladder[len(ladder)-1]
	for _, u := range ladder {
		if above(u, about) {
			at = u
			break
		}
	}
	r.UnitID, r.HolderUnitID, r.Level = at.ID, at.ID, at.Level
	if !above(at, about) {
		r.HolderRole = org.RoleCommitteeSecretary
	}
	return nil
}

// above says whether grid unit u stands above everything that posts lead or hold.
func above(u org.Unit, posts []post) bool {
	for _, p := range posts {
		if !commanding[p.Role] {
			continue
		}
		below := strings.HasPrefix(p.Path, u.Path) && p.Path != u.Path || strings.HasPrefix(p.Other, u.Path) && p.Other != u.Path
		if !below {
			return false
		}
	}
	return true
}

// abovePlace says whether r, whose ladder is given, was opened above its place: a concern that is not the place's, whoever
// holds it.
func (r Request) abovePlace(ladder []org.Unit) bool {
	return !slices.ContainsFunc(ladder, func(u org.Unit) bool { return u.ID == r.PlaceID })
}

// concern opens r about the holder of an assignment.
func (s *Service) concern(ctx context.Context, tx *db.Tx, r *Request, ladder []org.Unit, about org.AssignmentID) error {
	wrong := ErrAbout.Field("/aboutAssignmentId", ErrAbout.Code)
	a, err := org.AssignmentByID(ctx, tx, about)
	if err != nil || len(ladder) == 0 {
		return wrong
	}
	u, err := org.UnitByID(ctx, tx, a.UnitID)
	if err != nil {
		return err
	}
	top, day := ladder[len(ladder)-1], calendar.DayOf(tx.Now)
	party, err := org.LinkedParty(ctx, tx, top.ID, day)
	if err != nil {
		return err
	}
	if !commanding[a.Role] || !a.Span().Holds(day) || !top.Covers(u) && !party.Covers(u) {
		return wrong
	}
	posts, err := postsOf(ctx, tx, a.PersonID)
	if err != nil {
		return err
	}
	person := int64(a.PersonID)
	r.About = &person
	r.PremisesID, r.EntranceID, r.SourceVisitID = nil, nil, nil // whoever looks after the door must not meet it there
	return r.openConcern(ladder, posts)
}

// unconcerned are those of in who may know of r: of a concern nobody it is about, and nobody who stands on their units or
// below (V6).
func unconcerned(ctx context.Context, q db.Queryer, r Request, in []org.Incumbent) ([]org.Incumbent, error) {
	if r.About == nil || len(in) == 0 {
		return in, nil
	}
	ids := []org.PersonID{org.PersonID(*r.About)}
	for _, i := range in {
		ids = append(ids, i.Person)
	}
	posts, err := postsOf(ctx, q, ids...)
	if err != nil {
		return nil, err
	}
	held := map[org.PersonID][]post{}
	for _, p := range posts {
		held[p.Person] = append(held[p.Person], p)
	}
	about := ids[0]
	var may []org.Incumbent
	for _, i := range in {
		if i.Person != about && !spares(held[about], held[i.Person]) {
			may = append(may, i)
		}
	}
	return may, nil
}

// needed is the category of n, or why no need can be opened in it: a concern is about somebody, and nothing else is.
func (e edition) needed(n Need) (Category, error) {
	if n.About == 0 {
		return e.opening(n.Category)
	}
	if n.Category != HolderConcern {
		return Category{}, ErrAbout.Field("/aboutAssignmentId", ErrAbout.Code)
	}
	return e.categories[HolderConcern], nil
}

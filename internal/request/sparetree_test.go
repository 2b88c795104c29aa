package request

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/page"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

const sown calendar.Day = "2025-01-01"

// A planted is a random subdistrict in a database, with people who hold random roles in it.
type planted struct {
	t      *testing.T
	d      *db.DB
	r      *rand.Rand
	s      *Service
	grid   []org.Unit // of a level; the subdistrict is the first
	party  []org.Unit // and the committee is the first of these
	people []org.PersonID
	known  map[pair]bool // what the rule has said of a concern and a person, while nobody's roles change
}

// A pair is a concern and somebody who may have to be kept from it.
type pair struct {
	about ID
	other org.PersonID
}

func (p *planted) unit(tx *db.Tx, kind org.UnitKind, parent org.Unit) org.Unit {
	u, err := org.AddUnit(p.t.Context(), tx, org.NewUnit{Kind: kind, Name: string(kind) + strconv.Itoa(len(p.grid)+len(p.party)), Parent: parent, From: sown})
	if err != nil {
		p.t.Fatal(err)
	}
	if u.Tree == org.GridTree {
		p.grid = append(p.grid, u)
	} else {
		p.party = append(p.party, u)
	}
	return u
}

// answering is a grid unit and a party unit that answers for it; one in six grid units has none.
func (p *planted) answering(tx *db.Tx, kind, by org.UnitKind, parent, above org.Unit) (grid, party org.Unit) {
	grid, party = p.unit(tx, kind, parent), p.unit(tx, by, above)
	if p.r.IntN(6) == 0 {
		return grid, party
	}
	if err := org.Link(p.t.Context(), tx, party, grid, sown); err != nil {
		p.t.Fatal(err)
	}
	party.Level = grid.Level
	p.party[len(p.party)-1] = party
	return grid, party
}

// sow plants a subdistrict below roots.
func (p *planted) sow(tx *db.Tx, district, committee org.Unit) {
	p.grid, p.party = nil, nil
	top, office := p.unit(tx, org.Subdistrict, district), p.unit(tx, org.SubdistrictCommittee, committee)
	if err := org.Link(p.t.Context(), tx, office, top, sown); err != nil {
		p.t.Fatal(err)
	}
	p.unit(tx, org.Section, top)
	for range 1 + p.r.IntN(2) {
		if p.r.IntN(3) == 0 {
			place, branch := p.answering(tx, org.Village, org.Branch, top, office)
			for range 1 + p.r.IntN(2) {
				p.answering(tx, org.Area, org.CenterHousehold, place, branch)
			}
			continue
		}
		place, general := p.answering(tx, org.Community, org.GeneralBranch, top, office)
		for range 1 + p.r.IntN(2) {
			grid, branch := p.answering(tx, org.Grid, org.Branch, place, general)
			block, group := p.answering(tx, org.Block, org.PartyGroup, grid, branch)
			for range 1 + p.r.IntN(2) {
				p.answering(tx, org.Area, org.CenterHousehold, block, group)
			}
		}
	}
	p.people = nil
	for range 14 {
		id, err := tx.Insert(p.t.Context(), `INSERT INTO person (auth_ver, created_at) VALUES (1, ?)`, tx.Now)
		if err != nil {
			p.t.Fatal(err)
		}
		p.people = append(p.people, org.PersonID(id))
	}
	for range 16 {
		p.give(tx)
	}
}

var given = []org.Role{
	org.RoleMember, org.RoleAreaHolder, org.RoleAreaHolder, org.RoleGroupLeader, org.RoleGridSecretary, org.RoleGeneralSecretary,
	org.RoleGridAssistant, org.RoleBranchSecretary, org.RoleBranchOfficer, org.RoleAreaCadre, org.RoleSectionHead,
	org.RolePartyOffice, org.RolePartyOffice, org.RoleCommitteeSecretary,
}

// give gives somebody a role somewhere, if there is a place for it.
func (p *planted) give(tx *db.Tx) {
	role := given[p.r.IntN(len(given))]
	var at []org.Unit
	for _, u := range append(slices.Clone(p.grid), p.party...) {
		if role.MayStandOn(u) {
			at = append(at, u)
		}
	}
	if len(at) == 0 {
		return
	}
	n := org.NewAssignment{
		Person: p.people[p.r.IntN(len(p.people))], Role: role, Unit: at[p.r.IntN(len(at))], Span: org.Span{From: sown},
	}
	if role == org.RoleBranchOfficer {
		n.Post = org.PostOrganisation
	}
	if _, err := org.Assign(p.t.Context(), tx, n); err != nil && !errors.Is(err, org.ErrPostTaken) && !errors.Is(err, org.ErrDatesOverlap) {
		p.t.Fatal(err)
	}
}

// tell opens a concern about one of the roles of somebody, whose asker is to be called; the zero Request if nobody here
// can hold it.
func (p *planted) tell(tx *db.Tx) (r Request) {
	var all []org.AssignmentID
	query, args, err := db.In(`SELECT id FROM role_assignment WHERE person_id IN (?) AND role <> 'member' ORDER BY id`, p.people)
	if err == nil {
		err = tx.Select(p.t.Context(), &all, query, args...)
	}
	if err != nil || len(all) == 0 {
		p.t.Fatalf("%d roles, %v", len(all), err)
	}
	places := slices.DeleteFunc(slices.Clone(p.grid), func(u org.Unit) bool { return u.Level < 1 || u.Level > 4 })
	id, err := p.s.Open(p.t.Context(), tx, org.Actor{PersonID: p.people[0]}, Opening{
		Need: Need{
			What: "态度不好", Category: HolderConcern, About: all[p.r.IntN(len(all))], CallBack: CallPhone, Phone: "19900000001",
		},
		Channel: ToldMember, Unit: places[p.r.IntN(len(places))], HappenedAt: tx.Now,
	})
	if errors.Is(err, ErrNoHolder) || errors.Is(err, ErrAbout) {
		return Request{}
	}
	if err != nil {
		p.t.Fatal(err)
	}
	rows, err := byIDs(p.t.Context(), tx, []ID{id})
	if err != nil {
		p.t.Fatal(err)
	}
	return rows[0].Request
}

// kept says whether a person must not know of r, by the rule.
func (p *planted) kept(q db.Queryer, r Request, person org.PersonID) bool {
	p.t.Helper()
	if said, known := p.known[pair{r.ID, person}]; known {
		return said
	}
	about := org.PersonID(*r.About)
	posts, err := postsOf(p.t.Context(), q, about, person)
	if err != nil {
		p.t.Fatal(err)
	}
	var theirs, own []post
	for _, one := range posts {
		if one.Person == about {
			theirs = append(theirs, one)
		}
		if one.Person == person {
			own = append(own, one)
		}
	}
	said := person == about || spares(theirs, own)
	p.known[pair{r.ID, person}] = said
	return said
}

// actors are all people in all their roles, and some standing in for others.
func (p *planted) actors() (all []org.Actor) {
	for _, person := range p.people {
		roles, err := org.AssignmentsOf(p.t.Context(), p.d, person, calendar.DayOf(p.d.Now()))
		if err != nil {
			p.t.Fatal(err)
		}
		for _, a := range roles {
			by, err := org.ActorOf(p.t.Context(), p.d, person, a.ID, p.d.Now())
			if err != nil {
				p.t.Fatal(err)
			}
			if p.r.IntN(4) == 0 {
				by.StandInFor, by.PersonID = person, p.people[p.r.IntN(len(p.people))]
			}
			all = append(all, by)
		}
	}
	return all
}

// V6: in random trees with random roles, some of them given after a concern was opened, what the statements of the store
// let through is what the rule says: to read, in every list, to call, to merge, and of whom is told.
func TestV6_WhatTheStoreLetsThroughIsWhatTheRuleSaysInAnyTree(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		trees := 40
		if os.Getenv("WANJIA_NIGHTLY") != "" {
			trees = 200
		}
		if !d.Embedded() {
			trees /= 5
		}
		keys, err := sealed.Open(t.Context(), d, make([]byte, 32))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Open(t.Context(), d, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		p := &planted{t: t, d: d, r: rand.New(rand.NewPCG(6, 66))}
		p.s = NewService(d, keys, page.NewKeys(make([]byte, 32)), &calendar.Calendar{}, nil)
		var district, committee org.Unit
		p.in(func(tx *db.Tx) {
			district, committee = p.unit(tx, org.District, org.Unit{}), p.unit(tx, org.DistrictCommittee, org.Unit{})
		})
		seen, hidden, tried := 0, 0, 0
		for range trees {
			var concerns []Request
			p.in(func(tx *db.Tx) {
				p.sow(tx, district, committee)
				concerns = nil
				for range 3 {
					if r := p.tell(tx); r.ID != 0 {
						concerns = append(concerns, r)
					}
				}
			})
			p.known = map[pair]bool{}
			for _, r := range concerns {
				p.hears(r)
			}
			var hanging []hung
			p.in(func(tx *db.Tx) {
				hanging = nil
				for range p.r.IntN(4) {
					p.give(tx)
				}
				p.known = map[pair]bool{}
				for _, r := range concerns {
					p.moves(tx, r)
					hanging = append(hanging, p.hang(tx, r)...)
				}
			})
			for _, r := range concerns {
				for _, at := range hanging {
					if at.request == r.ID {
						p.heard(r, "promise", int64(at.promise))
						p.heard(r, "call", int64(at.call))
					}
				}
			}
			for _, by := range p.actors() {
				lists, promised := p.lists(by)
				for _, r := range concerns {
					kept := p.kept(d, r, by.PersonID) || by.StandInFor != 0 && p.kept(d, r, by.StandInFor)
					if p.looks(by, r, kept, lists) {
						seen++
					} else if kept {
						hidden++
					}
					tried += p.tries(by, r, kept, hanging, promised)
				}
			}
			if t.Failed() {
				return
			}
		}
		if seen < trees || hidden < trees {
			t.Errorf("seen %d times and kept from somebody %d times: the trees do not try both", seen, hidden)
		}
		t.Logf("%s: %d trees, seen %d, kept from %d, %d doors tried", d.Engine(), trees, seen, hidden, tried)
	})
}

func (p *planted) in(f func(tx *db.Tx)) {
	p.t.Helper()
	if err := p.d.InTx(p.t.Context(), func(tx *db.Tx) error { f(tx); return nil }); err != nil {
		p.t.Fatal(err)
	}
}

// hears looks whether nobody was told of r who must not know of it.
func (p *planted) hears(r Request) { p.heard(r, "request", int64(r.ID)) }

// heard looks whether nobody was told of something of r who must not know of r.
func (p *planted) heard(r Request, what string, id int64) {
	p.t.Helper()
	var told []org.PersonID
	if err := p.d.Select(p.t.Context(), &told, `SELECT person_id FROM inbox WHERE ref_type = ? AND ref_id = ?`, what, id); err != nil {
		p.t.Fatal(err)
	}
	for _, person := range told {
		if p.kept(p.d, r, person) {
			p.t.Errorf("person %d is told of a concern about person %d by a %s", person, *r.About, what)
		}
	}
}

// moves has the asker of r called and r put on some list of what lies still, and looks whom its clocks would tell.
func (p *planted) moves(tx *db.Tx, r Request) {
	p.t.Helper()
	ctx := p.t.Context()
	ladder, err := ladderOf(ctx, tx, r)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, to := range []addressee{toHolder, toLead, toStandIn, callers, placeLeads} {
		in, err := to(ctx, tx, r, ladder)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, i := range in {
			if p.kept(tx, r, i.Person) {
				p.t.Errorf("person %d, %s, would hear of a concern about person %d", i.Person, i.Role, *r.About)
			}
		}
	}
	askers, err := askers(ctx, tx, p.s.keys, r.ID)
	if err == nil {
		err = assignCall(ctx, tx, org.System, r, askers[0].ID, tx.Now)
	}
	if err == nil {
		err = setStale(ctx, tx, r, p.grid[p.r.IntN(len(p.grid))].ID, "")
	}
	if err == nil && p.r.IntN(2) == 0 { // its clocks have told whoever leads its holder
		_, err = tx.Change(ctx, `UPDATE request_timer SET step = ?, said_in = ? WHERE request_id = ?`, 3, r.Holding, r.ID)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// placeLeads are those who hear of r as the lead of its place, or act for that lead.
func placeLeads(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) ([]org.Incumbent, error) {
	r.HolderUnitID, r.HolderRole, r.Level = r.PlaceID, "", placeLevel
	return holding(ctx, tx, r, ladder)
}

// callers are those who are asked to call the asker of r.
func callers(ctx context.Context, tx *db.Tx, r Request, ladder []org.Unit) ([]org.Incumbent, error) {
	if r.Level == 0 || r.HolderRole != "" { // as concernCaller
		return toHolder(ctx, tx, r, ladder)
	}
	_, in, err := leadFrom(ctx, tx, r, ladder, r.Level)
	return in, err
}

// lists are the requests and the promises on every list of by.
func (p *planted) lists(by org.Actor) (ids []ID, promised []PromiseID) {
	p.t.Helper()
	for _, f := range []Filter{{}, {Held: true}, {Stale: true}} {
		rows, _, err := p.s.List(p.t.Context(), by, f, "", 100)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
	}
	calls, _, err := p.s.Calls(p.t.Context(), by, "", 100)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range calls {
		ids = append(ids, c.Request)
	}
	for _, f := range []PromiseFilter{OwnPromises, NeedingHelp} {
		rows, _, err := p.s.Promises(p.t.Context(), by, f, "", 100)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, w := range rows {
			promised = append(promised, w.ID)
		}
	}
	return ids, promised
}

// looks says whether by sees r, and complains when by does though it is kept from them, or does not though by follows or
// holds it.
func (p *planted) looks(by org.Actor, r Request, kept bool, listed []ID) bool {
	p.t.Helper()
	ctx := p.t.Context()
	u, err := org.UnitByID(ctx, p.d, r.UnitID)
	if err != nil {
		p.t.Fatal(err)
	}
	s := sightOf(by)
	own := by.Grid.ID != 0 && (followsOrigin[by.Role] && strings.HasPrefix(u.Path, by.Grid.Path) || r.HolderUnitID == s.unit && slices.Contains(s.roles[:], r.HolderRole))
	_, err = findSeen(ctx, p.d, by, r.ID, reopensFor)
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		p.t.Fatal(err)
	}
	if sees := err == nil; kept && sees || own && !kept && !sees {
		p.t.Errorf("%s %d of %s (for %d) finds the concern about %d: %v, want %v", by.Role, by.PersonID, by.Unit.Path, by.StandInFor, *r.About, sees, !kept)
	}
	if onList := slices.Contains(listed, r.ID); kept && onList || own && !kept && !onList {
		p.t.Errorf("%s %d of %s (for %d) lists the concern about %d: %v, want %v", by.Role, by.PersonID, by.Unit.Path, by.StandInFor, *r.About, onList, !kept)
	}
	if heldOnce(ctx, p.d, by, r.ID) == nil && kept {
		p.t.Errorf("%s %d of %s keeps a line of the concern about %d", by.Role, by.PersonID, by.Unit.Path, *r.About)
	}
	if kept && p.r.IntN(8) == 0 {
		if _, err := p.s.Merge(ctx, by, r.ID, []ID{r.ID}); !errors.Is(err, problem.ErrNotFound) {
			p.t.Errorf("%s %d of %s merges the concern about %d: %v, want not found", by.Role, by.PersonID, by.Unit.Path, *r.About, err)
		}
	}
	return err == nil
}

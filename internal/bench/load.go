package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"wanjia/internal/app"
	"wanjia/internal/auth"
	"wanjia/internal/checkin"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// How much there is beside the persons.
const (
	subdistricts = 8
	sites        = 16 // of each: as many days on duty as a person can have in one day
	openTasks    = 60 // of each seat, of which a page shows 50
	closedTasks  = 240
)

// A person takes part, signed in on one device.
type person struct {
	actor   org.Actor
	session auth.SessionID
	access  string
	refresh string // of the client that uses it
	sites   []site
}

// A site shows codes.
type site struct {
	id    checkin.PlaceID
	unit  org.UnitID
	codes []checkin.Code
}

// now is what the site shows.
func (s site) now(at time.Time) (checkin.Code, error) {
	for _, c := range slices.Backward(s.codes) {
		if !c.From.After(at) {
			if at.Sub(c.From) > 30*time.Second {
				break
			}
			return c, nil
		}
	}
	return checkin.Code{}, errors.New("the codes made beforehand are used up: the bench took too long")
}

// device is that of every session: a refresh token is good on its own one only.
const device = "bench-device-0001"

// load fills an empty database: subdistricts with places to be on site at, persons whose role reaches all places of
// theirs, and tasks in their hands. Everybody is signed in.
func load(ctx context.Context, p place, people int) (crowd []person, err error) {
	p.config.Demo = true // here people sign in by handle; the server that is measured knows no such thing
	a, err := p.app(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.Auth.Start(ctx); err != nil {
		return nil, err
	}
	for n := range subdistricts {
		town, err := subdistrict(ctx, a, n, max(people/subdistricts, 1))
		if err != nil {
			return nil, err
		}
		crowd = append(crowd, town...)
	}
	// Whoever comes next is of the next subdistrict.
	mixed := make([]person, 0, len(crowd))
	each := len(crowd) / subdistricts
	for i := range each {
		for n := range subdistricts {
			mixed = append(mixed, crowd[n*each+i])
		}
	}
	return mixed, signIn(ctx, a.Auth, mixed)
}

func handle(p org.PersonID) string { return fmt.Sprintf("bench.%d", p) }

// signIn signs everybody in, several at once.
func signIn(ctx context.Context, accounts *auth.Service, crowd []person) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range crowd {
		group.Go(func() error {
			in, err := accounts.SignInDemo(ctx, handle(crowd[i].actor.PersonID), auth.Mini, device)
			if err != nil {
				return fmt.Errorf("sign in: %w", err)
			}
			crowd[i].session, crowd[i].access, crowd[i].refresh = in.Session.ID, in.Access, in.Refresh
			return nil
		})
	}
	return group.Wait()
}

// subdistrict makes one with its people.
func subdistrict(ctx context.Context, a *app.App, n, people int) (crowd []person, err error) {
	var villages []org.Unit
	err = a.Stores.DB.InTx(ctx, func(tx *db.Tx) error {
		villages, crowd = nil, nil
		b := builder{ctx: ctx, tx: tx, from: calendar.DayOf(tx.Now).Add(-3650)}
		whole := b.unit(org.Subdistrict, fmt.Sprintf("海棠街道%d", n), b.unit(org.District, fmt.Sprintf("云湾区%d", n), org.Unit{}))
		above := b.unit(org.DistrictCommittee, fmt.Sprintf("中共云湾区委%d", n), org.Unit{})
		committee := b.unit(org.SubdistrictCommittee, fmt.Sprintf("中共海棠街道工委%d", n), above)
		b.link(committee, whole)
		for i := range sites {
			villages = append(villages, b.unit(org.Village, fmt.Sprintf("村%d", i), whole))
		}
		for range n + 3 { // who have no role, so that a person's number is not also that of their role
			b.somebody(a, "路人")
		}
		for i := range people {
			crowd = append(crowd, b.person(a, fmt.Sprintf("测试%d", i), committee, whole))
		}
		if b.err != nil {
			return b.err
		}
		return tasks(ctx, tx, crowd[0].actor)
	})
	if err != nil {
		return nil, err
	}
	onSite := checkin.NewService(a.Stores.DB, checkin.SealedKeys(a.Stores.Keys), nil)
	var all []site
	for _, v := range villages {
		host := org.Actor{PersonID: crowd[0].actor.PersonID, Role: org.RoleCounterClerk, Unit: v, Grid: v}
		p, err := onSite.AddPlace(ctx, host, checkin.Place{UnitID: v.ID, Kind: "counter", Name: "便民窗口"})
		if err != nil {
			return nil, fmt.Errorf("add a place: %w", err)
		}
		codes, err := onSite.Codes(ctx, host, p.ID, 10*time.Minute)
		if err != nil {
			return nil, fmt.Errorf("ask for the codes of a place: %w", err)
		}
		all = append(all, site{id: p.ID, unit: v.ID, codes: codes})
	}
	for i := range crowd {
		crowd[i].sites = all
	}
	return crowd, nil
}

// builder adds units, and nothing after its first error.
type builder struct {
	ctx  context.Context
	tx   *db.Tx
	from calendar.Day
	err  error
}

func (b *builder) unit(kind org.UnitKind, name string, parent org.Unit) (u org.Unit) {
	if b.err == nil {
		u, b.err = org.AddUnit(b.ctx, b.tx, org.NewUnit{Kind: kind, Name: name, Parent: parent, From: b.from})
	}
	return u
}

func (b *builder) link(party, grid org.Unit) {
	if b.err == nil {
		b.err = org.Link(b.ctx, b.tx, party, grid, b.from)
	}
}

func (b *builder) somebody(a *app.App, name string) (id org.PersonID) {
	if b.err == nil {
		id, b.err = member.Add(b.ctx, b.tx, a.Stores.Keys, member.New{Name: name})
	}
	return id
}

// person adds one whose role at the committee reaches the whole subdistrict.
func (b *builder) person(a *app.App, name string, committee, whole org.Unit) person {
	by := org.Actor{PersonID: b.somebody(a, name), Role: org.RoleCorrespondent, Unit: committee, Grid: whole, Party: committee}
	if b.err == nil {
		by.Assignment, b.err = org.Assign(b.ctx, b.tx, org.NewAssignment{
			Person: by.PersonID, Role: by.Role, Unit: committee, Primary: true, Span: org.Span{From: b.from},
		})
	}
	if b.err == nil {
		b.err = a.Auth.AddHandle(b.ctx, b.tx, handle(by.PersonID), by.PersonID)
	}
	return person{actor: by}
}

// tasks puts tasks into the hands of a role, written as campaign writes them: given through it they would first be
// told to everybody.
func tasks(ctx context.Context, tx *db.Tx, by org.Actor) error {
	for i := range openTasks + closedTasks {
		at := tx.Now.Add(-time.Duration(i) * time.Hour)
		id, err := tx.Insert(ctx, `
			INSERT INTO task (title, body, checklist, minutes, evidence, unit_id, role, created_by, assignment_id, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			fmt.Sprintf("走访二片区第%d户", i), "", "[]", 30, "none", by.Unit.ID, by.Role, by.PersonID, by.Assignment, at)
		if err != nil {
			return db.Wrap(err, nil, "make a task")
		}
		live, state := i%(1+closedTasks/openTasks) == 0, "done"
		if live {
			state = "open"
		}
		_, err = tx.Insert(ctx, `
			INSERT INTO task_copy (task_id, unit_id, role, state, live, report, evidence, ticks, reason, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			id, by.Unit.ID, by.Role, state, live, "", "", "", "", at)
		if err != nil {
			return db.Wrap(err, nil, "make a copy of a task")
		}
	}
	return nil
}

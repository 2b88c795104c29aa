package seed

import (
	"context"
	"errors"
	"fmt"

	"wanjia/internal/audit"
	"wanjia/internal/auth"
	"wanjia/internal/member"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// A Beginning is what an installation for real people starts from: the tops of both trees, and the first two who may
// let others in. Everything after that takes two of them (domain.md §3.4).
type Beginning struct {
	District    string
	Subdistrict string
	Admins      [2]FirstAdmin
	Others      []string // names of those to whom the two will give the first roles
}

// A Begun is what somebody has in hand after that.
type Begun struct {
	Codes  [2]FirstCode
	Others []org.PersonID // as they were named; none when it was repeated
}

// A FirstAdmin is one of the first two security administrators.
type FirstAdmin struct {
	Name    string
	Account string // to sign in with on the web
}

// A FirstCode lets a first administrator set a password; it is good once, for 24 hours.
type FirstCode struct {
	Account string
	Code    string
}

// ErrBegun says that the installation is in use.
var ErrBegun = errors.New("setup: this installation has begun: whoever administers it lets others in")

// Begin makes what b says in an empty database and returns a code for each administrator. Until one of the two has set
// a password it can be repeated with the same accounts, for codes that were lost: the units stay, the old codes end.
func Begin(ctx context.Context, d *db.DB, keys *sealed.Keys, accounts *auth.Service, b Beginning) (begun Begun, err error) {
	if b.Admins[0].Account == b.Admins[1].Account {
		return begun, errors.New("setup: the two administrators are two persons, with an account each")
	}
	err = d.InTx(ctx, func(tx *db.Tx) error {
		begun = Begun{}
		seats, err := org.PersonsWith(ctx, tx, org.RoleSecurityAdmin, calendar.DayOf(tx.Now))
		if err != nil {
			return err
		}
		var made int
		if err := tx.Get(ctx, &made, `SELECT COUNT(*) FROM unit`); err != nil {
			return db.Wrap(err, nil, "count the units")
		}
		used, err := auth.InUse(ctx, tx)
		switch {
		case err != nil:
			return err
		case used, made > 0 && len(seats) != len(b.Admins):
			return ErrBegun
		case made == 0:
			if seats, begun.Others, err = begin(ctx, tx, keys, b); err != nil {
				return err
			}
		}
		for i, person := range seats {
			code, err := accounts.FirstEnrolment(ctx, tx, person, seats[1-i], b.Admins[i].Account)
			if err != nil {
				return err
			}
			begun.Codes[i] = FirstCode{b.Admins[i].Account, code}
		}
		return nil
	})
	return begun, err
}

// begin makes the tops of both trees and the first persons.
func begin(ctx context.Context, tx *db.Tx, keys *sealed.Keys, b Beginning) (admins, others []org.PersonID, err error) {
	u := &builder{ctx: ctx, tx: tx, from: calendar.DayOf(tx.Now)}
	district := u.unit(org.District, b.District, org.Unit{})
	above := u.unit(org.DistrictCommittee, "中共"+b.District+"委", org.Unit{})
	whole := u.unit(org.Subdistrict, b.Subdistrict, district)
	u.answering(org.SubdistrictCommittee, "中共"+b.Subdistrict+"工委", above, whole)
	if u.err != nil {
		return nil, nil, fmt.Errorf("make the first units: %w", u.err)
	}
	audit.Note(tx, org.System.Did("deployment.begun", "unit", int64(whole.ID)))
	for _, a := range b.Admins {
		person, err := member.Add(ctx, tx, keys, member.New{Name: a.Name})
		if err != nil {
			return nil, nil, fmt.Errorf("add an administrator: %w", err)
		}
		id, err := org.Assign(ctx, tx, org.NewAssignment{
			Person: person, Role: org.RoleSecurityAdmin, Unit: whole, Primary: true, Span: org.Span{From: u.from},
		})
		if err != nil {
			return nil, nil, err
		}
		audit.Note(tx, org.System.Did("role.granted", "assignment", int64(id)))
		admins = append(admins, person)
	}
	for _, name := range b.Others {
		person, err := member.Add(ctx, tx, keys, member.New{Name: name})
		if err != nil {
			return nil, nil, fmt.Errorf("add a person: %w", err)
		}
		others = append(others, person)
	}
	return admins, others, nil
}

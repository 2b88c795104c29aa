package org

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
)

// A Grant is what came of giving a role: the assignment, or a proposal that a second person must agree to.
type Grant struct {
	Assignment AssignmentID
	Proposal   ProposalID
}

// Grant gives a person a role. Where two must agree, the first call proposes and the same call by another person gives it.
func (s *Service) Grant(ctx context.Context, by Actor, n NewAssignment) (g Grant, err error) {
	err = once.InTx(ctx, s.db, int64(by.PersonID), &g, func(tx *db.Tx) error {
		g = Grant{}
		if n.Unit, err = FindStanding(ctx, tx, by, n.Unit.ID); err != nil {
			return err
		}
		if err := findToGrant(ctx, tx, by, n.Person); err != nil {
			return err
		}
		p, err := openProposal(ctx, tx, n)
		if err != nil {
			return err
		}
		if p.ID != 0 {
			g.Assignment, err = s.agree(ctx, tx, by, p, n)
			return err
		}
		if err := by.mayGrant(n); err != nil {
			return err
		}
		if n.Span.From == "" {
			n.Span.From = calendar.DayOf(tx.Now)
		}
		if len(grantings[n.Role].second) > 0 {
			g.Proposal, err = s.propose(ctx, tx, by, n)
			return err
		}
		n.GrantedBy = by.PersonID
		g.Assignment, err = s.assign(ctx, tx, by, n)
		return err
	})
	return g, err
}

func (s *Service) assign(ctx context.Context, tx *db.Tx, by Actor, n NewAssignment) (AssignmentID, error) {
	id, err := Assign(ctx, tx, n)
	if err != nil {
		return 0, err
	}
	a, err := AssignmentByID(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("org.role_granted", "role_assignment", int64(id)))
	if err := s.changed(ctx, tx, by, RoleGranted, a); err != nil || !a.Unsigned {
		return id, err
	}
	return id, s.succeed(ctx, tx, by, a)
}

// propose notes a role that another person must agree to, after the rules that it would break already.
func (s *Service) propose(ctx context.Context, tx *db.Tx, by Actor, n NewAssignment) (ProposalID, error) {
	if err := n.valid(); err != nil {
		return 0, err
	}
	if err := n.postFree(ctx, tx); err != nil {
		return 0, err
	}
	id, err := insertProposal(ctx, tx, by, n)
	if err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("org.role_proposed", "role_proposal", int64(id)))
	return id, nil
}

// agree gives the role that somebody else has proposed; n is what the second person believes it to be.
func (s *Service) agree(ctx context.Context, tx *db.Tx, by Actor, p Proposal, n NewAssignment) (AssignmentID, error) {
	if err := p.mayAgree(by); err != nil {
		return 0, err
	}
	if n.Span.From != "" && n.Span != p.span() {
		return 0, ErrConflictingProposal
	}
	if err := decideProposal(ctx, tx, by, p.ID, "approved", ""); err != nil {
		return 0, err
	}
	id, err := s.assign(ctx, tx, by, NewAssignment{
		Person: p.PersonID, Role: p.Role, Post: p.Post, Unit: n.Unit, Primary: p.Primary, Span: p.span(),
		GrantedBy: p.ProposedBy, SecondBy: by.PersonID, Document: p.Document,
	})
	if err != nil {
		return 0, err
	}
	return id, noteProposal(ctx, tx, p.ID, id)
}

// Refuse ends a proposal without giving the role: the second person says no, or the first takes it back.
func (s *Service) Refuse(ctx context.Context, by Actor, id ProposalID, reason string) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		p, err := findProposal(ctx, tx, by, id)
		if err != nil {
			return err
		}
		if err := p.mayAgree(by); err != nil && by.PersonID != p.ProposedBy {
			return err
		}
		if p.State != "proposed" {
			return ErrIllegalTransition.With("state", p.State)
		}
		if err := decideProposal(ctx, tx, by, p.ID, "refused", reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.role_refused", "role_proposal", int64(p.ID)))
		return nil
	})
}

// EndAssignment ends a role from a day on, today unless one is named. What it gave is gone with this transaction.
func (s *Service) EndAssignment(ctx context.Context, by Actor, id AssignmentID, on calendar.Day, reason string) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		a, err := AssignmentByID(ctx, tx, id)
		if err != nil {
			return err
		}
		u, err := FindUnit(ctx, tx, by, a.UnitID)
		if err != nil {
			return err
		}
		if err := by.mayEnd(a, u); err != nil {
			return err
		}
		today := calendar.DayOf(tx.Now)
		if on == "" {
			on = today
		}
		if on < today {
			return ErrPeriod
		}
		if err := endAssignment(ctx, tx, by, a, on, reason); err != nil {
			return err
		}
		audit.Note(tx, by.Did("org.role_ended", "role_assignment", int64(a.ID)))
		if on > today { // EndDue takes it back when the day comes
			return s.announce(ctx, tx, by, a)
		}
		return s.takeBack(ctx, tx, by, a)
	})
}

// takeBack does what the end of a holds: the next role becomes the primary one, others hear of it, and what an area has
// open is packed for the next holder.
func (s *Service) takeBack(ctx context.Context, tx *db.Tx, by Actor, a Assignment) error {
	if err := noteEnded(ctx, tx, a.ID); err != nil {
		return err
	}
	if a.Primary {
		if err := promoteNext(ctx, tx, a, calendar.DayOf(tx.Now)); err != nil {
			return err
		}
	}
	if err := s.changed(ctx, tx, by, RoleEnded, a); err != nil {
		return err
	}
	if err := s.away.over(ctx, tx, by, a); err != nil { // nobody stands in for what has ended (X3)
		return err
	}
	return s.pack(ctx, tx, by, a)
}

// EndDue takes back roles whose last day has passed, each by itself, and says whether there were any. A job each minute
// calls it until there are none. Any number of nodes may do so at one time.
func (s *Service) EndDue(ctx context.Context) (some bool, err error) {
	due, err := dueRoles(ctx, s.db, calendar.DayOf(s.db.Now()))
	if err != nil {
		return false, err
	}
	return len(due) > 0, db.Each(ctx, due, func(a Assignment) error {
		return s.db.InTx(ctx, func(tx *db.Tx) error {
			a, err := AssignmentByID(ctx, tx, a.ID) // what was changed since holds
			if err != nil || a.ValidTo == nil || *a.ValidTo > calendar.DayOf(tx.Now) {
				return err
			}
			audit.Note(tx, System.Did("org.role_ended", "role_assignment", int64(a.ID)))
			return s.takeBack(ctx, tx, System, a)
		})
	}, ErrIllegalTransition)
}

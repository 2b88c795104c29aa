package auth

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// A Conflict is two WeChat accounts of one human that have become two persons (W5). Nobody is merged by a machine:
// two entries of the roster may be two relatives with one phone, and rights would change hands.
type Conflict struct {
	ID      int64
	FoundAt time.Time
	Sides   [2]Side
}

// A Side is one of the two persons.
type Side struct {
	account accountRow

	Person   org.PersonID
	State    State
	BoundAt  *time.Time
	UnitName string // of the primary role; whoever leads it knows the person
}

// ListConflicts are those that wait, the oldest first. It names no names: who they are is known where they have
// their roles.
func (s *Service) ListConflicts(ctx context.Context, by org.Actor) (all []Conflict, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		all = nil
		rows, err := openConflicts(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			c, err := readConflict(ctx, tx, r)
			if err != nil {
				return err
			}
			all = append(all, c)
		}
		audit.Note(tx, by.Did("account_conflict.listed", "account_conflict", 0))
		return nil
	})
	return all, err
}

func readConflict(ctx context.Context, tx *db.Tx, r conflictRow) (c Conflict, err error) {
	c = Conflict{ID: r.ID, FoundAt: r.At}
	for i, id := range []int64{r.Account, r.Other} {
		side := &c.Sides[i]
		if side.account, err = accountByID(ctx, tx, id); err != nil {
			return c, err
		}
		side.State, side.BoundAt = side.account.State, side.account.BoundAt
		if side.account.Person == nil {
			continue
		}
		side.Person = *side.account.Person
		who, err := org.ActorOf(ctx, tx, side.Person, 0, tx.Now)
		if err != nil {
			return c, err
		}
		side.UnitName = who.Unit.Name
	}
	return c, nil
}

// keep is the account that changes hands when both are person's, or why that cannot be.
func (c Conflict) keep(person org.PersonID) (moves Side, err error) {
	kept, other := c.Sides[0], c.Sides[1]
	if other.Person == person {
		kept, other = other, kept
	}
	if kept.Person != person || person == 0 || kept.State != Bound && other.State == Bound {
		return Side{}, ErrConflictKeep
	}
	return other, nil
}

// SettleConflict closes a conflict. If both accounts are the same human's they become those of the person kept;
// sign-ins of the other person end, and nothing of theirs moves over. Otherwise all stays as it is.
func (s *Service) SettleConflict(ctx context.Context, by org.Actor, id int64, same bool, person org.PersonID, reason string) error {
	decision := "different"
	if same {
		decision = "same"
	}
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		row, err := findConflict(ctx, tx, id)
		if err != nil {
			return err
		}
		c, err := readConflict(ctx, tx, row)
		if err != nil {
			return err
		}
		if by.PersonID == c.Sides[0].Person || by.PersonID == c.Sides[1].Person {
			return ErrSecondPerson // nobody decides about themselves
		}
		if found, err := settleConflict(ctx, tx, id, decision, by.PersonID, reason); err != nil || found == 0 {
			return orElse(err, ErrIllegalTransition.With("state", "settled"))
		}
		e := by.Did("account_conflict.settled", "account_conflict", id)
		e.Reason, e.Result = reason, decision
		audit.Note(tx, e)
		if !same {
			return nil
		}
		moves, err := c.keep(person)
		if err != nil {
			return err
		}
		return s.moveAccount(ctx, tx, moves, person)
	})
}

// moveAccount makes the account of side that of person. What was signed in with it ends, the person is told, and
// it has no sensitive rights for a day, as any account that is bound anew (W4).
func (s *Service) moveAccount(ctx context.Context, tx *db.Tx, side Side, person org.PersonID) error {
	if side.Person == person {
		return nil // bound in the meantime, by an invitation
	}
	found, err := moveAccount(ctx, tx, side.account, person, tx.Now.Add(heldFor))
	if err != nil || found == 0 {
		return orElse(err, problem.ErrConflict)
	}
	if side.Person != 0 {
		if err := s.signOutEverywhere(ctx, tx, side.Person, byBinding); err != nil {
			return err
		}
	}
	return s.tell(ctx, tx, person, "security.rebind", side.account.ID)
}

// signOutEverywhere ends all sessions of person, makes their tokens stale, and takes the PINs of their phones away.
func (s *Service) signOutEverywhere(ctx context.Context, tx *db.Tx, person org.PersonID, reason string) error {
	if err := dropPins(ctx, tx, person); err != nil {
		return err
	}
	if err := s.endAll(ctx, tx, person, reason); err != nil {
		return err
	}
	return s.RightsShrank(ctx, tx, person)
}

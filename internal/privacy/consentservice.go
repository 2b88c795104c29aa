package privacy

import (
	"context"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// ConsentChanged hears of a consent that was given or is over, in its transaction: what rested on it goes, and who
// had somebody else write it down is told. What that is, is known above.
type ConsentChanged func(ctx context.Context, tx *db.Tx, by org.Actor, c Consent) error

// Consents is what can be done with people's consent to being shown (X47).
type Consents struct {
	db      *db.DB
	changed ConsentChanged
}

// NewConsents makes Consents that tell changed.
func NewConsents(d *db.DB, changed ConsentChanged) *Consents {
	return &Consents{db: d, changed: changed}
}

// Of are a person's own consents, one for every purpose.
func (s *Consents) Of(ctx context.Context, by org.Actor) ([]Consent, error) {
	said, err := newestConsents(ctx, s.db, by.PersonID)
	if err != nil {
		return nil, err
	}
	purposes := consentPurposes()
	all := make([]Consent, len(purposes))
	for i, p := range purposes {
		all[i] = Consent{PersonID: by.PersonID, Purpose: p, State: NotAsked}
		for _, c := range said {
			if c.Purpose == p {
				all[i] = c
			}
		}
	}
	return all, nil
}

// Say is by's own yes, no, or end of a yes, to version of the words.
func (s *Consents) Say(ctx context.Context, by org.Actor, p ConsentPurpose, version int64, to ConsentState) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			return s.say(ctx, tx, by, Consent{PersonID: by.PersonID, Purpose: p, Version: version, State: to, RecordedBy: by.PersonID})
		})
	})
}

// An Assisted word is what somebody said to a helper in front of a witness.
type Assisted struct {
	Person  org.PersonID
	Purpose ConsentPurpose
	Version int64
	State   ConsentState // Given, Refused or Withdrawn
	Witness org.PersonID // of a yes
}

// Record writes down what somebody said who does not use the program. A yes needs a witness, and the person is told of
// it in the same transaction, before anything is shown.
func (s *Consents) Record(ctx context.Context, by org.Actor, a Assisted) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			below, err := org.StandsBelow(ctx, tx, by, a.Person, calendar.DayOf(tx.Now))
			switch {
			case err != nil:
				return err
			case !below:
				return problem.ErrNotFound
			case a.Person == by.PersonID: // speaks for themselves
				return ErrWitness.Field("/personId", ErrWitness.Code)
			}
			c := Consent{PersonID: a.Person, Purpose: a.Purpose, Version: a.Version, State: a.State, RecordedBy: by.PersonID}
			if a.State == Given {
				if err := s.witnessed(ctx, tx, by, a); err != nil {
					return err
				}
				c.WitnessID = &a.Witness
				last, err := newestConsent(ctx, tx, a.Person, a.Purpose)
				if err != nil {
					return err
				}
				if err := last.canAsk(tx.Now); err != nil {
					return err
				}
			}
			return s.say(ctx, tx, by, c)
		})
	})
}

// witnessed says why nobody can vouch for a, or nil: the witness is a third person who stands below by.
func (s *Consents) witnessed(ctx context.Context, tx *db.Tx, by org.Actor, a Assisted) error {
	if a.Witness == by.PersonID || a.Witness == a.Person {
		return ErrWitness.Field("/witnessId", ErrWitness.Code)
	}
	below, err := org.StandsBelow(ctx, tx, by, a.Witness, calendar.DayOf(tx.Now))
	if err == nil && !below {
		err = ErrWitness.Field("/witnessId", ErrWitness.Code)
	}
	return err
}

// say puts c in the place of what its person said before.
func (s *Consents) say(ctx context.Context, tx *db.Tx, by org.Actor, c Consent) error {
	if _, ok := consentWords[c.Purpose]; !ok {
		return ErrNoPurpose
	}
	last, err := newestConsent(ctx, tx, c.PersonID, c.Purpose)
	if err != nil {
		return err
	}
	if err := last.canBecome(c.State); err != nil {
		return err
	}
	if c.State == Withdrawn {
		c.ID, c.Version, c.SaidAt, c.EndedAt = last.ID, last.Version, last.SaidAt, &tx.Now
		err = endConsent(ctx, tx, last, Withdrawn, true)
	} else {
		if err := c.Purpose.present(c.Version); err != nil {
			return err
		}
		err = replaceConsent(ctx, tx, by, last, &c)
	}
	if err != nil {
		return err
	}
	audit.Note(tx, by.Did("consent."+string(c.State), "consent", int64(c.ID)).Showing(string(c.Purpose)))
	if c.State == Refused { // nothing rested on it
		return nil
	}
	return s.changed(ctx, tx, by, c)
}

// OwnConsents is what a person agreed to have shown, for themselves.
func OwnConsents(ctx context.Context, q db.Queryer, person org.PersonID) (Section, error) {
	s := Section{Title: "公开同意"}
	said, err := newestConsents(ctx, q, person)
	for _, c := range said {
		s.Items = append(s.Items, Held{Label: c.Purpose.Label(), Text: string(c.State) + " " + string(calendar.DayOf(c.SaidAt))})
	}
	return s, err
}

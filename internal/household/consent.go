package household

import (
	"context"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
)

// A ConsentPurpose is what a household agrees to.
type ConsentPurpose string

// The purposes.
const (
	CareVisit ConsentPurpose = "care_visit" // be looked after, and say why (care flags)
	RiskVisit ConsentPurpose = "risk_visit" // be called at when the weather is dangerous
)

// purposes are all of them, in the order they are shown.
var purposes = []ConsentPurpose{CareVisit, RiskVisit}

// askAgain is for how long nobody asks a household again that has said no (X47).
const askAgain = 30

// ErrConsentDay says that a consent would end before it begins.
var ErrConsentDay = problem.New(problem.Invalid, "household.consent_day")

// A Consent is the yes or the no of a household to a purpose.
type Consent struct {
	ID          int64          `db:"id"`
	Premises    ID             `db:"premises_id"`
	Purpose     ConsentPurpose `db:"purpose"`
	Wording     string         `db:"wording"`
	From        calendar.Day   `db:"valid_from"`
	Until       *calendar.Day  `db:"valid_to"` // the first day on which it does not hold any more
	WithdrawnAt *time.Time     `db:"withdrawn_at"`
}

// Holds says whether c is a yes on day.
func (c Consent) Holds(day calendar.Day) bool {
	return c.ID != 0 && c.WithdrawnAt == nil && c.From <= day && (c.Until == nil || day < *c.Until)
}

// AskAgainOn is the first day on which the household may be asked for it again; none if it never said no.
func (c Consent) AskAgainOn() (calendar.Day, bool) {
	if c.WithdrawnAt == nil {
		return "", false
	}
	return calendar.DayOf(*c.WithdrawnAt).Add(askAgain), true
}

// A NewConsent is what a household has said yes to, and how.
type NewConsent struct {
	Household ID
	Purpose   ConsentPurpose
	Wording   string // the version of the text that was read out, of configs/household-consents.yaml
	Channel   string // in_person, phone, paper
	Until     calendar.Day
}

// Consent writes a household's yes down in the transaction of whoever calls, in place of the one before.
func (s *Service) Consent(ctx context.Context, tx *db.Tx, by org.Actor, n NewConsent) (id int64, err error) {
	if err := n.Purpose.worded(n.Wording); err != nil {
		return 0, err
	}
	today := calendar.DayOf(tx.Now)
	if n.Until != "" && n.Until <= today {
		return 0, ErrConsentDay.Field("/validUntil", ErrConsentDay.Code)
	}
	if err := supersede(ctx, tx, n.Household, n.Purpose, today); err != nil {
		return 0, err
	}
	if id, err = insertConsent(ctx, tx, by, n, today); err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("household.consent_given", "household", int64(n.Household)).For(string(n.Purpose), ""))
	if n.Purpose == RiskVisit {
		return id, offerToo(ctx, tx, n.Household)
	}
	return id, moveFlags(ctx, tx, n, id)
}

// GiveConsent writes down that a household of by's own area agrees to a purpose.
func (s *Service) GiveConsent(ctx context.Context, by org.Actor, n NewConsent) (c Consent, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if _, err := holdOwn(ctx, tx, by, n.Household); err != nil {
				return err
			}
			_, err := s.Consent(ctx, tx, by, n)
			return err
		}); err != nil {
			return err
		}
		c, err = newestConsent(ctx, tx, n.Household, n.Purpose)
		return err
	})
	return c, err
}

// WithdrawConsent writes down that a household says no to a purpose: what rests on its yes is gone at once, and nobody
// asks again for 30 days.
func (s *Service) WithdrawConsent(ctx context.Context, by org.Actor, id ID, purpose ConsentPurpose, channel string) (c Consent, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if _, err := findOwn(ctx, tx, by, id); err != nil {
				return err
			}
			return s.refuse(ctx, tx, by, id, purpose, channel)
		}); err != nil {
			return err
		}
		c, err = newestConsent(ctx, tx, id, purpose)
		return err
	})
	return c, err
}

// longestMute is for how many days at most a household is left in peace at once.
const longestMute = 366

// Mute writes down until when a household of by's own area wants no visit: the first day on which one is welcome again.
// A day that has come lifts it.
func (s *Service) Mute(ctx context.Context, by org.Actor, id ID, until calendar.Day) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			if _, err := holdOwn(ctx, tx, by, id); err != nil { // of two who write at once the later one is heard
				return err
			}
			today := calendar.DayOf(tx.Now)
			if until > today.Add(longestMute) {
				return ErrDay.Field("/until", ErrDay.Code)
			}
			audit.Note(tx, by.Did("household.muted", "household", int64(id)))
			return mute(ctx, tx, id, today, until, nil)
		})
	})
}

// refuse writes a no down, and takes away what rests on a yes.
func (s *Service) refuse(ctx context.Context, tx *db.Tx, by org.Actor, id ID, purpose ConsentPurpose, channel string) error {
	if err := supersede(ctx, tx, id, purpose, calendar.DayOf(tx.Now)); err != nil {
		return err
	}
	if err := insertRefusal(ctx, tx, by, id, purpose, channel); err != nil {
		return err
	}
	audit.Note(tx, by.Did("household.consent_withdrawn", "household", int64(id)).For(string(purpose), ""))
	if purpose == RiskVisit {
		return dropOffers(ctx, tx, id, AgreedRiskVisit)
	}
	n, err := purgeConsented(ctx, tx, id)
	if n > 0 {
		audit.Note(tx, by.Did("flag.ended", "household", int64(id)))
	}
	return err
}

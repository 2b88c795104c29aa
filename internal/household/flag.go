package household

import (
	"context"
	"errors"
	"slices"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/privacy"
)

// A FlagID names a care flag.
type FlagID int64

// A FlagKind says why help may be offered (F9, F13).
type FlagKind string

// What care flags refuse.
var (
	ErrFlagExpiry   = problem.New(problem.Invalid, "flag.expiry_invalid")
	ErrFlagOutlives = problem.New(problem.Invalid, "flag.outlives_its_ground")
	ErrFlagThere    = problem.New(problem.Conflict, "flag.there_is_one")
	ErrFlagRefused  = problem.New(problem.Conflict, "flag.refused")
	ErrFlagSeen     = problem.New(problem.Invalid, "flag.not_seen")
)

const (
	longestFlag   = 12 // months (hard)
	longestShort  = 3  // of a temporary one
	flagWarning   = 14 // days before its last one
	flagPurge     = 31 // days after its last one: hidden the day after, gone 30 days later (K22)
	flagHour      = 8*time.Hour + 30*time.Minute
	careFlag      = "care_flag" // the purpose of a legal basis that flags can rest on
	flagsOfAHouse = 10
)

// A Flag (关爱标记) is a reason to offer a household help. It is sealed, says where it comes from and what for, rests
// on the household's consent or on a legal basis, and ends by itself. Its last day is shown, the day after it is not.
type Flag struct {
	ID         FlagID
	Household  ID
	Kind       FlagKind
	Source     string // who says so
	Purpose    string // what help it is for
	Note       string
	Temporary  bool
	ConsentID  *int64
	BasisID    *privacy.BasisID
	ExpiresOn  calendar.Day
	SeenAt     *time.Time
	RecordedAt time.Time
	Version    int64
}

// A NewFlag is a flag as its owner sets it.
type NewFlag struct {
	Household ID
	Kind      FlagKind
	Source    string
	Purpose   string
	Note      string
	Temporary bool
	BasisID   privacy.BasisID // 0: it rests on the household's consent
	ExpiresOn calendar.Day
}

// latest is the last day that a flag set today may have.
func latest(today calendar.Day, temporary bool) calendar.Day {
	months := longestFlag
	if temporary {
		months = longestShort
	}
	return monthsAfter(today, months)
}

// monthsAfter is the same day so many months later, or the last one of that month.
func monthsAfter(day calendar.Day, months int) calendar.Day {
	t := day.Time()
	first := t.AddDate(0, 0, 1-t.Day()).AddDate(0, months, 0)
	return min(calendar.DayOf(first.AddDate(0, 1, -1)), calendar.DayOf(first.AddDate(0, 0, t.Day()-1)))
}

// canExpire says why a flag set today cannot end on a day, or nil.
func canExpire(on, today calendar.Day, temporary bool) error {
	if on < today || on > latest(today, temporary) {
		return ErrFlagExpiry.Field("/expiresOn", ErrFlagExpiry.Code)
	}
	return nil
}

// warnAt is when the owner of a flag hears that it ends; nil if that is over.
func warnAt(expires calendar.Day, now time.Time) *time.Time {
	at := expires.Add(-flagWarning).Time().Add(flagHour).UTC()
	if !at.After(now) {
		return nil
	}
	return &at
}

// mayCare says why by does not know of the flags of a household, or nil: who holds its area today does, and who stands in
// while nobody does. To everybody else it is not there.
func mayCare(ctx context.Context, tx *db.Tx, by org.Actor, id ID) error {
	h, err := findHousehold(ctx, tx, by, id, calendar.DayOf(tx.Now))
	switch {
	case err != nil:
		return err
	case !by.SeesFlags():
		return problem.ErrNotFound
	}
	_, err = meanwhile(ctx, tx, by, h.AreaID)
	return err
}

// mayReadFlags says why by is not shown the flags of a household, or nil: who cares for it is, and who has opened them in an
// emergency.
func mayReadFlags(ctx context.Context, tx *db.Tx, by org.Actor, id ID) error {
	err := mayCare(ctx, tx, by, id)
	if errors.Is(err, problem.ErrNotFound) {
		return privacy.LookThrough(ctx, tx, by, privacy.HouseholdFlags, int64(id))
	}
	return err
}

// rest lets f rest on the consent of its household, if no legal basis is named; without either there is no flag, and none
// outlives what it rests on.
func (f *Flag) rest(ctx context.Context, tx *db.Tx, basis privacy.BasisID) error {
	today := calendar.DayOf(tx.Now)
	c, err := newestConsent(ctx, tx, f.Household, CareVisit)
	if err != nil {
		return err
	}
	if again, no := c.AskAgainOn(); no && today < again {
		return ErrFlagRefused
	}
	var until calendar.Day
	switch {
	case basis != 0:
		if until, err = privacy.RestsOn(ctx, tx, basis, careFlag, today); err != nil {
			return err
		}
		f.ConsentID, f.BasisID = nil, &basis
	case !c.Holds(today):
		return privacy.ErrConsentRequired
	default:
		if c.Until != nil {
			until = *c.Until
		}
		f.ConsentID, f.BasisID = &c.ID, nil
	}
	if until != "" && f.ExpiresOn >= until {
		return ErrFlagOutlives.With("lastDay", string(until.Add(-1))).Field("/expiresOn", ErrFlagOutlives.Code)
	}
	return nil
}

// Flag sets a flag in the transaction of whoever calls. A household has one of a kind.
func (s *Service) Flag(ctx context.Context, tx *db.Tx, by org.Actor, n NewFlag) (FlagID, error) {
	today := calendar.DayOf(tx.Now)
	if err := canExpire(n.ExpiresOn, today, n.Temporary); err != nil {
		return 0, err
	}
	for at, text := range map[string]string{"/purpose": n.Purpose, "/note": n.Note} {
		if err := privacy.CheckText(at, text); err != nil {
			return 0, err
		}
	}
	if err := lockHousehold(ctx, tx, n.Household); err != nil {
		return 0, err
	}
	f := Flag{
		Household: n.Household, Kind: n.Kind, Source: n.Source, Purpose: n.Purpose, Note: n.Note, Temporary: n.Temporary,
		ExpiresOn: n.ExpiresOn, RecordedAt: tx.Now,
	}
	if err := f.rest(ctx, tx, n.BasisID); err != nil {
		return 0, err
	}
	others, err := s.flagsOf(ctx, tx, n.Household)
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(others, func(o Flag) bool { return o.Kind == n.Kind }) {
		return 0, ErrFlagThere
	}
	if err := insertFlag(ctx, tx, s.keys, by, &f); err != nil {
		return 0, err
	}
	audit.Note(tx, by.Did("flag.set", "household", int64(n.Household)).Showing("flag"))
	return f.ID, nil
}

// SetFlag sets a flag at a household that by looks after.
func (s *Service) SetFlag(ctx context.Context, by org.Actor, n NewFlag) (f Flag, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		var id FlagID // all that is kept for a repeat: the rest is read again
		if err := once.Do(ctx, tx, int64(by.PersonID), &id, func() (err error) {
			if err := mayCare(ctx, tx, by, n.Household); err != nil {
				return err
			}
			id, err = s.Flag(ctx, tx, by, n)
			return err
		}); err != nil {
			return err
		}
		f, err = s.flag(ctx, tx, by, id)
		return err
	})
	return f, err
}

// flag is a flag that by may know of; one that has expired is not found.
func (s *Service) flag(ctx context.Context, tx *db.Tx, by org.Actor, id FlagID) (Flag, error) {
	f, err := findFlag(ctx, tx, s.keys, id)
	if err != nil {
		return Flag{}, err
	}
	if err := mayCare(ctx, tx, by, f.Household); err != nil {
		return Flag{}, err
	}
	if f.ExpiresOn < calendar.DayOf(tx.Now) {
		return Flag{}, problem.ErrNotFound
	}
	return f, nil
}

// Flags are the live flags of a household that by looks after, or has opened by break-glass. The reading is noted, and
// without the note nothing is shown (X41).
func (s *Service) Flags(ctx context.Context, by org.Actor, id ID) (all []Flag, err error) {
	if err := s.look(ctx, by, id); err != nil {
		return nil, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := mayReadFlags(ctx, tx, by, id); err != nil {
			return err
		}
		if all, err = s.flagsOf(ctx, tx, id); err != nil {
			return err
		}
		audit.Note(tx, by.Did(flagRead, "household", int64(id)).Showing("flags"))
		return nil
	})
	if err != nil {
		return nil, s.noted(ctx, by, flagRead, "household", int64(id), err)
	}
	return all, nil
}

// ownFlags are the live flags of a household for itself: what it may be offered, for what, who said so, and until when. The
// note is its author's.
func (s *Service) ownFlags(ctx context.Context, id ID) ([]privacy.Held, error) {
	flags, err := s.flagsOf(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	held := make([]privacy.Held, len(flags))
	for i, f := range flags {
		held[i] = privacy.Held{Label: "关爱标记", Text: string(f.Kind) + " " + f.Source + " " + f.Purpose + " " + string(f.ExpiresOn)}
	}
	return held, nil
}

// RenewFlag lets a flag go on to another day, with the reason, if what it rests on still holds.
func (s *Service) RenewFlag(ctx context.Context, by org.Actor, id FlagID, expires calendar.Day, why string) (f Flag, err error) {
	if err := privacy.CheckText("/reason", why); err != nil {
		return Flag{}, err
	}
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			f, err := s.flag(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := canExpire(expires, calendar.DayOf(tx.Now), f.Temporary); err != nil {
				return err
			}
			var basis privacy.BasisID
			if f.BasisID != nil {
				basis = *f.BasisID
			}
			f.ExpiresOn = expires
			if err := f.rest(ctx, tx, basis); err != nil {
				return err
			}
			audit.Note(tx, by.Did("flag.renewed", "household", int64(f.Household)).For("renewal", why))
			return saveFlag(ctx, tx, by, f)
		}); err != nil {
			return err
		}
		f, err = s.flag(ctx, tx, by, id)
		return err
	})
	return f, err
}

// EndFlag takes a flag away: nothing is left of it.
func (s *Service) EndFlag(ctx context.Context, by org.Actor, id FlagID) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			f, err := s.flag(ctx, tx, by, id)
			if err != nil {
				return err
			}
			audit.Note(tx, by.Did("flag.ended", "household", int64(f.Household)))
			return purgeFlags(ctx, tx, id)
		})
	})
}

// RefuseFlag writes down that a household does not want a flag: nothing is left of it, nor of others that rest on the
// household's consent, and none is set for 30 days.
func (s *Service) RefuseFlag(ctx context.Context, by org.Actor, id FlagID, channel string) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return once.Do(ctx, tx, int64(by.PersonID), nil, func() error {
			f, err := s.flag(ctx, tx, by, id)
			if err != nil {
				return err
			}
			if err := purgeFlags(ctx, tx, id); err != nil {
				return err
			}
			audit.Note(tx, by.Did("flag.refused", "household", int64(f.Household)))
			return s.refuse(ctx, tx, by, f.Household, CareVisit, channel)
		})
	})
}

// foundRight notes that a visit has found flags of its household right, that were live on its day: it may be told later. Who may
// not know of them cannot.
func (s *Service) foundRight(ctx context.Context, tx *db.Tx, by org.Actor, v Visit, flags []FlagID) error {
	if len(flags) == 0 {
		return nil
	}
	if err := mayCare(ctx, tx, by, v.Premises); err != nil {
		return err
	}
	for _, f := range flags {
		found, err := seenFlag(ctx, tx, v, f)
		if err != nil {
			return err
		}
		if !found { // what has ended meanwhile is gone, and a visit that is told later is no worse for it
			there, err := isFlag(ctx, tx, f)
			if err != nil {
				return err
			}
			if there {
				return ErrFlagSeen.Field("/flagsSeen", ErrFlagSeen.Code)
			}
		}
	}
	audit.Note(tx, by.Did("flag.seen", "household", int64(v.Premises)))
	return nil
}

package auth

import (
	"context"
	"strconv"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/notify"
	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

const (
	codeLife   = day
	codeLength = 8
	// heldFor is how long an account that took another one's place has no sensitive rights (W4).
	heldFor = day
)

// A Ticket is a code that lets somebody in once: an invitation, or an enrolment.
type Ticket struct {
	ID        int64
	Code      string // empty while a second administrator is awaited
	ExpiresAt time.Time
}

// mayVouch says why by cannot decide whose account person's is, or nil. Whoever decides that could also take
// the account for themselves, so every role of the person must lie in the scope of by; plain membership
// elsewhere carries no right over others.
func mayVouch(ctx context.Context, q db.Queryer, by org.Actor, person org.PersonID, now time.Time) error {
	inside, outside, err := reach(ctx, q, by, person, today(now))
	switch {
	case err != nil:
		return err
	case inside == 0:
		return problem.ErrNotFound
	case outside > 0:
		return ErrBeyond
	}
	return nil
}

// Invite makes a code with which a WeChat account becomes the person's.
func (s *Service) Invite(ctx context.Context, by org.Actor, person org.PersonID) (t Ticket, err error) {
	var id int64
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		err := once.Do(ctx, tx, int64(by.PersonID), &id, func() error {
			if err := mayVouch(ctx, tx, by, person, tx.Now); err != nil {
				return err
			}
			p, err := findPerson(ctx, tx, person)
			if err != nil {
				return err
			}
			if p.DisabledAt != nil {
				return ErrDisabled
			}
			salt := newSalt()
			hash := codeHashes(s.keys, code(s.keys, salt, codeLength))[0]
			id, err = insertInvitation(ctx, tx, person, by.Unit.ID, salt, hash, by.PersonID, tx.Now.Add(codeLife))
			if err != nil {
				return err
			}
			audit.Note(tx, by.Did("invitation.issued", "person", int64(person)))
			return nil
		})
		if err != nil {
			return err
		}
		// Made again from its row, so that a repeated request hears the same code and no table holds it.
		i, err := invitationByID(ctx, tx, id)
		t = Ticket{ID: id, Code: code(s.keys, i.Salt, codeLength), ExpiresAt: i.ExpiresAt}
		return err
	})
	return t, err
}

// BindByInvitation makes the account of by that of the person who was invited.
func (s *Service) BindByInvitation(ctx context.Context, by org.Actor, text string) error {
	if err := s.tryCode(ctx, text); err != nil {
		return err
	}
	if err := s.try(ctx, "invitation", strconv.FormatInt(int64(by.PersonID), 10), quarter); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		account, err := s.unverified(ctx, tx, by.PersonID)
		if err != nil {
			return err
		}
		i, err := findInvitation(ctx, tx, codeHashes(s.keys, text))
		if err != nil {
			return err
		}
		if found, err := useInvitation(ctx, tx, i.ID, account.ID); err != nil || found == 0 {
			return orElse(err, ErrInvitation) // used or too old: nobody is told which
		}
		audit.Note(tx, by.Did("invitation.used", "invitation", i.ID))
		return s.bind(ctx, tx, by, account, i.Person)
	})
}

// unverified is the account of person, if it is not bound yet.
func (s *Service) unverified(ctx context.Context, q db.Queryer, person org.PersonID) (accountRow, error) {
	a, found, err := accountOf(ctx, q, person, Unverified)
	if err == nil && !found {
		err = ErrIllegalTransition.With("state", string(Bound))
	}
	return a, err
}

// bind makes account that of person; by says so. The sessions of who the account was until now end, since
// their tokens name somebody who has become somebody else.
func (s *Service) bind(ctx context.Context, tx *db.Tx, by org.Actor, account accountRow, person org.PersonID) error {
	p, err := findPerson(ctx, tx, person)
	if err != nil {
		return err
	}
	if p.DisabledAt != nil {
		return ErrInvitation
	}
	replaced, err := closeOthers(ctx, tx, person, account.ID)
	if err != nil {
		return err
	}
	var held *time.Time
	if replaced > 0 {
		until := tx.Now.Add(heldFor)
		held = &until
	}
	if found, err := bindAccount(ctx, tx, account.ID, person, held); err != nil || found == 0 {
		return orElse(err, ErrIllegalTransition.With("state", string(Bound)))
	}
	if account.Person != nil {
		if err := s.endAll(ctx, tx, *account.Person, byBinding); err != nil {
			return err
		}
	}
	if replaced > 0 {
		if err := s.signOutEverywhere(ctx, tx, person, byRebind); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, person, "security.rebind", account.ID); err != nil {
			return err
		}
	}
	audit.Note(tx, by.Did("account.bound", "person", int64(person)))
	return lapseBindings(ctx, tx, account.ID)
}

// AskBinding asks whoever leads the unit to recognise the account of by, by the phone number that WeChat has
// verified. It does the same for a number nobody has: who asks learns nothing about the roster (X10), and a
// number alone proves nothing, since numbers are given out again.
func (s *Service) AskBinding(ctx context.Context, by org.Actor, phoneCode string) error {
	if s.wechat == nil {
		return ErrWeChat
	}
	if err := s.try(ctx, "phone", strconv.FormatInt(int64(by.PersonID), 10), day); err != nil {
		return err
	}
	if _, err := s.unverified(ctx, s.db, by.PersonID); err != nil {
		return err
	}
	if err := s.useCode(ctx, phoneCode); err != nil {
		return err
	}
	number, err := s.wechat.Phone(ctx, phoneCode)
	if err != nil {
		return fromWeChat(err)
	}
	phone, err := sealed.ParsePhone(number)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		account, err := s.unverified(ctx, tx, by.PersonID)
		if err != nil {
			return err
		}
		persons, err := s.whoseNumber(ctx, tx, phone)
		if err != nil {
			return err
		}
		for _, p := range persons {
			if err := s.askFor(ctx, tx, account, p); err != nil {
				return err
			}
		}
		audit.Note(tx, by.Did("account.binding_asked", "wechat_account", account.ID))
		return nil
	})
}

// whoseNumber are the persons of the roster with this phone: a family may share one.
func (s *Service) whoseNumber(ctx context.Context, q db.Queryer, phone sealed.Phone) (ids []org.PersonID, err error) {
	candidates, err := personsByPhone(ctx, q, s.keys.PhoneIndexes(phone.Reveal()), today(s.db.Now()))
	if err != nil {
		return nil, err
	}
	for _, p := range candidates {
		text, err := s.keys.Open(sealed.Personal, "person", "phone_sealed", int64(p.ID), p.Phone)
		if err != nil {
			return nil, err
		}
		if text == phone.Reveal() {
			ids = append(ids, p.ID)
		}
	}
	return ids, nil
}

// askFor puts one request before the lead of the person's unit, unless one is open already.
func (s *Service) askFor(ctx context.Context, tx *db.Tx, account accountRow, person org.PersonID) error {
	there, err := openBindingExists(ctx, tx, account.ID, person)
	if err != nil || there {
		return err
	}
	id, err := insertBinding(ctx, tx, account.ID, person)
	if err != nil {
		return err
	}
	lead, unit, err := vouchers(ctx, tx, person, tx.Now)
	if err != nil || len(lead) == 0 {
		return err
	}
	to := notify.Audience{}
	for _, l := range lead {
		to = to.And(notify.InRole(l.Person, l.Assignment))
	}
	return notify.Tell(ctx, tx, to, notify.Item{
		Kind: "security.bind_requested", Ref: notify.Ref{Type: "binding", ID: id},
		Args: map[string]any{"unitLabel": unit.Name, "at": tx.Now},
	})
}

// ListBindings are the requests that by can decide, the oldest first, with masked names.
func (s *Service) ListBindings(ctx context.Context, by org.Actor) (all []Binding, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if all, err = openBindings(ctx, tx, by, today(tx.Now)); err != nil {
			return err
		}
		for i := range all {
			p, err := findPerson(ctx, tx, all[i].Person)
			if err != nil {
				return err
			}
			name, err := s.nameOf(p)
			if err != nil {
				return err
			}
			all[i].Name = name.Masked()
		}
		audit.Note(tx, by.Did("binding.listed", "binding", 0).Showing("name"))
		return nil
	})
	return all, err
}

func (s *Service) nameOf(p personRow) (sealed.Name, error) {
	text, err := s.keys.Open(sealed.Personal, "person", "name_sealed", int64(p.ID), p.Name)
	return sealed.NameOf(text), err
}

// ConfirmBinding says that the account is the person's: by knows them.
func (s *Service) ConfirmBinding(ctx context.Context, by org.Actor, id int64) error {
	return s.decide(ctx, by, id, "confirmed", "")
}

// RefuseBinding says that the account is somebody else's.
func (s *Service) RefuseBinding(ctx context.Context, by org.Actor, id int64, reason string) error {
	return s.decide(ctx, by, id, "refused", reason)
}

func (s *Service) decide(ctx context.Context, by org.Actor, id int64, state, reason string) error {
	return once.InTx(ctx, s.db, int64(by.PersonID), nil, func(tx *db.Tx) error {
		b, err := findBinding(ctx, tx, by, id, today(tx.Now))
		if err != nil {
			return err
		}
		if err := mayVouch(ctx, tx, by, b.Person, tx.Now); err != nil {
			return err
		}
		if by.PersonID == b.Person {
			return ErrSecondPerson // nobody vouches for themselves
		}
		if found, err := decideBinding(ctx, tx, id, state, by.PersonID, reason); err != nil || found == 0 {
			return orElse(err, ErrIllegalTransition.With("state", b.State))
		}
		e := by.Did("binding."+state, "binding", id)
		e.Reason = reason
		audit.Note(tx, e)
		if state == "refused" {
			return nil
		}
		account, err := accountByID(ctx, tx, b.Account)
		if err != nil {
			return err
		}
		return s.bind(ctx, tx, by, account, b.Person)
	})
}

// vouchers are those who lead the unit of the person's primary role, or the first above it that somebody else
// leads: nobody is asked about themselves.
func vouchers(ctx context.Context, q db.Queryer, person org.PersonID, now time.Time) ([]org.Incumbent, org.Unit, error) {
	by, err := org.ActorOf(ctx, q, person, 0, now)
	if err != nil || by.Unit.ID == 0 {
		return nil, org.Unit{}, err
	}
	line, err := org.Line(ctx, q, by.Unit)
	if err != nil {
		return nil, org.Unit{}, err
	}
	for _, u := range line {
		leads, err := org.LeadOf(ctx, q, u, calendar.DayOf(now))
		if err != nil {
			return nil, org.Unit{}, err
		}
		others := leads[:0]
		for _, l := range leads {
			if l.Person != person {
				others = append(others, l)
			}
		}
		if len(others) > 0 {
			return others, by.Unit, nil
		}
	}
	return nil, by.Unit, nil
}

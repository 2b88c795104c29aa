package auth

import (
	"context"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

// pinTries is how many wrong PINs in a row there may be. The last of them ends the PIN, so that a found phone gives
// five guesses and not five an hour.
const pinTries = 5

// checkPin says why nobody should have this PIN, or nil: those that people try first, and those that a glance at
// the thumb gives away.
func checkPin(pin string) error {
	up, down, distinct := true, true, map[byte]bool{}
	for i := range len(pin) {
		distinct[pin[i]] = true
		if i > 0 {
			up = up && pin[i] == pin[i-1]+1
			down = down && pin[i]+1 == pin[i-1]
		}
	}
	half := len(pin) / 2
	if up || down || len(distinct) < 3 || pin[:half] == pin[half:] || strings.Repeat(pin[:2], 3) == pin {
		return ErrPinWeak.Field("/pin", "guessable")
	}
	return nil
}

// SetPin gives the phone of this session a PIN, which counts as a second factor there and nowhere else. Whoever
// sets one shows a fresh code of the WeChat account they are bound to, or has just shown another second factor.
func (s *Service) SetPin(ctx context.Context, by org.Actor, pin, wechatCode string) error {
	if err := checkPin(pin); err != nil {
		return err
	}
	ses, err := findSession(ctx, s.db, SessionFrom(ctx))
	if err != nil {
		return err
	}
	if ses.Client == Console {
		return ErrPinNotHere
	}
	if err := s.tryFactorChange(ctx, by.PersonID); err != nil {
		return err
	}
	if wechatCode == "" {
		err = s.CheckStepUp(ctx)
	} else {
		err = s.proveWeChat(ctx, by.PersonID, wechatCode)
	}
	if err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, pin)
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := savePin(ctx, tx, by.PersonID, ses.DeviceHash, hash); err != nil {
			return err
		}
		audit.Note(tx, by.Did("auth.pin_set", "session", int64(ses.ID)))
		return s.tell(ctx, tx, by.PersonID, "security.factor_changed", int64(ses.ID))
	})
}

// proveWeChat says why code does not show that whoever holds the phone is signed in there as person, or nil.
func (s *Service) proveWeChat(ctx context.Context, person org.PersonID, code string) error {
	if s.wechat == nil {
		return ErrWeChat
	}
	if err := s.useCode(ctx, code); err != nil {
		return err
	}
	who, err := s.wechat.Code2Session(ctx, code)
	if err != nil {
		return fromWeChat(err)
	}
	app := s.wechat.AppID()
	a, found, err := findAccount(ctx, s.db, app, s.keys.Derivations(sealed.OpenID, []byte(app+"\x00"+who.OpenID)))
	switch {
	case err != nil:
		return err
	case !found, a.State != Bound, a.Person == nil, *a.Person != person:
		return ErrCode
	case a.HeldUntil != nil && s.db.Now().Before(*a.HeldUntil):
		return ErrHeld
	}
	return nil
}

// StepUpByPin is StepUp with the PIN of the phone that the session of ctx is on.
func (s *Service) StepUpByPin(ctx context.Context, pin string) (until time.Time, err error) {
	by, session := org.ActorFrom(ctx), SessionFrom(ctx)
	ses, err := findSession(ctx, s.db, session)
	if err != nil {
		return time.Time{}, err
	}
	// Counted first, in a transaction of its own: twenty guesses at once are five as well.
	var p pinRow
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		found, err := tryPin(ctx, tx, by.PersonID, ses.DeviceHash)
		if err == nil && found == 0 {
			err = ErrPinNeeded
		}
		if err != nil {
			return err
		}
		p, err = findPin(ctx, tx, by.PersonID, ses.DeviceHash)
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	right, err := s.hasher.matches(ctx, pin, p.Hash)
	if err != nil {
		return time.Time{}, err
	}
	if !right {
		return time.Time{}, ErrPin.With("triesLeft", pinTries-p.Tries)
	}
	return s.markStepped(ctx, by, session, func(ctx context.Context, tx *db.Tx) error {
		return pinShown(ctx, tx, by.PersonID, ses.DeviceHash)
	})
}

// tryFactorChange counts the changes of person's factors: five a day.
func (s *Service) tryFactorChange(ctx context.Context, person org.PersonID) error {
	return s.try(ctx, "factor", strconv.FormatInt(int64(person), 10), day)
}

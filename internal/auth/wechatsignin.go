package auth

import (
	"context"
	"encoding/hex"
	"fmt"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
)

// useCode notes that a WeChat code was shown, in a transaction of its own: it is used up whatever comes of it.
func (s *Service) useCode(ctx context.Context, code string) error {
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, hash := writeToken([]byte(s.wechat.AppID() + "\x00" + code))
		return insertCodeUse(ctx, tx, hash)
	})
	if db.IsDuplicate(err) {
		return ErrCode
	}
	return db.Wrap(err, nil, "note the use of a code")
}

// fromWeChat turns what the platform said into what a person may see.
func fromWeChat(err error) error {
	switch wechat.ClassOf(err) {
	case wechat.None:
		return nil
	case wechat.CodeRefused:
		return ErrCode
	default:
		return fmt.Errorf("%w: %w", ErrWeChat, err)
	}
}

// SignInWeChat signs in whoever the code of the mini-program belongs to.
func (s *Service) SignInWeChat(ctx context.Context, code, device string) (SignedIn, error) {
	if s.wechat == nil {
		return SignedIn{}, ErrWeChat
	}
	if err := s.limited(ctx, limit.WeChatDevice, hex.EncodeToString(deviceHash(device))); err != nil {
		return SignedIn{}, err
	}
	if err := s.useCode(ctx, code); err != nil {
		return SignedIn{}, err
	}
	who, err := s.wechat.Code2Session(ctx, code)
	if err != nil {
		return SignedIn{}, fromWeChat(err)
	}
	var b begun
	var account accountRow
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if account, err = s.account(ctx, tx, who); err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, *account.Person)
		if err != nil {
			return err
		}
		b, err = s.start(ctx, tx, p, Mini, device, 1, account.HeldUntil)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(b, account.State)
}

// account is the account of who, made at their first sign-in, and settled: it has a person in the end.
func (s *Service) account(ctx context.Context, tx *db.Tx, who wechat.Session) (accountRow, error) {
	app := s.wechat.AppID()
	hashes := s.keys.Derivations(sealed.OpenID, []byte(app+"\x00"+who.OpenID))
	a, found, err := findAccount(ctx, tx, app, hashes)
	if err != nil {
		return a, err
	}
	if !found {
		a = accountRow{State: Unverified}
		if a.ID, err = insertAccount(ctx, tx, app, hashes[0]); db.IsDuplicate(err) {
			// Somebody with two codes at once: the other one has just made it.
			a, _, err = findAccount(ctx, tx, app, hashes)
		} else if err == nil {
			err = s.sealOpenID(ctx, tx, a.ID, who.OpenID)
		}
		if err != nil {
			return a, db.Wrap(err, nil, "make a wechat account")
		}
	}
	if err := s.meetUnion(ctx, tx, &a, who.UnionID); err != nil {
		return a, err
	}
	switch {
	case a.State == Closed: // replaced, and now somebody's own again
		a.State, a.Person = Unverified, nil
	case a.State == Invalid && a.Person != nil: // WeChat has just shown that it is not
		a.State = Bound
	case a.State == Invalid:
		a.State = Unverified
	}
	if a.Person == nil {
		id, err := addPerson(ctx, tx)
		if err != nil {
			return a, err
		}
		a.Person = &id
	}
	return a, settleAccount(ctx, tx, a)
}

func (s *Service) sealOpenID(ctx context.Context, tx *db.Tx, id int64, openID string) error {
	cipher, err := s.keys.Seal(sealed.Personal, "wechat_account", "openid_sealed", id, openID)
	if err != nil {
		return err
	}
	return sealOpenID(ctx, tx, id, cipher)
}

// meetUnion joins a to the account with the same unionid: one unionid is one person. Two that have become two
// persons before anybody knew are left to somebody who looks, and never merged in silence (W5).
func (s *Service) meetUnion(ctx context.Context, tx *db.Tx, a *accountRow, union string) error {
	if union == "" {
		return nil
	}
	hashes := s.keys.Derivations(sealed.OpenID, []byte("union\x00"+union))
	a.UnionHash = hashes[0]
	other, found, err := accountByUnion(ctx, tx, hashes, a.ID)
	switch {
	case err != nil || !found:
		return err
	case a.Person == nil:
		a.Person, a.State = other.Person, other.State
		return nil
	case *a.Person != *other.Person:
		return insertConflict(ctx, tx, a.ID, other.ID)
	}
	return nil
}

package auth

import (
	"context"
	"strings"
	"time"

	"wanjia/internal/platform/db"
)

const challengeLife = 5 * time.Minute

// SignInPassword checks the first factor and returns a challenge for the second. Unknown accounts, accounts
// without a second factor and disabled persons cost the same time and get the same answer as a wrong password.
func (s *Service) SignInPassword(ctx context.Context, account, password string, client Client, device string) (challenge string, err error) {
	account = strings.ToLower(account)
	if err := s.try(ctx, "password", account, quarter); err != nil {
		return "", err
	}
	c, _, err := credentialByAccount(ctx, s.db, account)
	if err != nil {
		return "", err
	}
	stored := ""
	if c.Password != nil {
		stored = *c.Password
	}
	right, err := s.hasher.matches(ctx, password, stored)
	if err != nil {
		return "", err
	}
	if !right || c.ConfirmedAt == nil || c.DisabledAt != nil {
		return "", ErrSignIn
	}
	return s.challenge(ctx, challengeRow{Person: c.Person, Kind: "sign_in", Client: client, DeviceHash: deviceHash(device)},
		s.subject("password", account))
}

// challenge stores c and returns the token that stands for it; tries of subject are forgotten.
func (s *Service) challenge(ctx context.Context, c challengeRow, subject []byte) (token string, err error) {
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := forgetTries(ctx, tx, subject); err != nil {
			return err
		}
		var hash []byte
		token, hash = newToken()
		c.ExpiresAt = tx.Now.Add(challengeLife)
		return insertChallenge(ctx, tx, hash, c)
	})
	return token, err
}

// openChallenge finds the challenge that token stands for, if it is of this kind and device and still open.
func (s *Service) openChallenge(ctx context.Context, q db.Queryer, token, kind, device string, now time.Time) (c challengeRow, hash []byte, err error) {
	_, hash, ok := readToken(token)
	if !ok {
		return c, nil, ErrChallenge
	}
	c, err = findChallenge(ctx, q, hash)
	if err == nil && (c.Kind != kind || c.UsedAt != nil || !now.Before(c.ExpiresAt) || string(c.DeviceHash) != string(deviceHash(device))) {
		err = ErrChallenge
	}
	return c, hash, err
}

// VerifyTotp checks the second factor, or a recovery code in its place, and signs in.
func (s *Service) VerifyTotp(ctx context.Context, challenge, code, device string) (SignedIn, error) {
	c, hash, err := s.openChallenge(ctx, s.db, challenge, "sign_in", device, s.db.Now())
	if err != nil {
		return SignedIn{}, err
	}
	if err := s.tryPerson(ctx, c.Person); err != nil {
		return SignedIn{}, err
	}
	prove, err := s.secondFactor(ctx, c.Person, code)
	if err != nil {
		return SignedIn{}, err
	}
	var b begun
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		if found, err := useChallenge(ctx, tx, hash); err != nil || found == 0 {
			return orElse(err, ErrChallenge)
		}
		if err := prove(ctx, tx); err != nil {
			return err
		}
		p, err := findPerson(ctx, tx, c.Person)
		if err != nil {
			return err
		}
		if err := forgetTries(ctx, tx, s.personSubject(c.Person)); err != nil {
			return err
		}
		b, err = s.start(ctx, tx, p, c.Client, device, 2, nil)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return s.signedIn(b, Bound)
}

// orElse is err, or instead when there is none.
func orElse(err, instead error) error {
	if err != nil {
		return err
	}
	return instead
}

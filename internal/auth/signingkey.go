package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"wanjia/internal/platform/db"
	"wanjia/internal/platform/sealed"
)

const (
	// keyLife is how long a key signs.
	keyLife = 90 * day
	// keyNotice is how long a new key is known before it signs: every node reads the keys once a minute.
	keyNotice = 2 * time.Minute
	// keyAfterlife is how long a key verifies after another has taken its place: longer than any token it signed.
	keyAfterlife = 15 * time.Minute
)

type signingKey struct {
	kid       string
	private   ed25519.PrivateKey
	signsFrom time.Time
	signsTo   time.Time // zero: the newest
}

// signingKeys are the keys that sign and verify access tokens, ready for use.
type signingKeys struct {
	mu  sync.RWMutex
	all []signingKey // by signsFrom
}

var errNoKey = errors.New("there is no key to sign with")

// signer is the key that signs at now.
func (k *signingKeys) signer(now time.Time) (signingKey, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, v := range slices.Backward(k.all) {
		if !v.signsFrom.After(now) {
			return v, nil
		}
	}
	return signingKey{}, errNoKey
}

// verifier is the public key called kid, if tokens of it may still be good at now.
func (k *signingKeys) verifier(kid string, now time.Time) (ed25519.PublicKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, key := range k.all {
		if key.kid == kid && (key.signsTo.IsZero() || now.Before(key.signsTo.Add(keyAfterlife))) {
			return key.private.Public().(ed25519.PublicKey), true //nolint:forcetypeassert // because it is what crypto/ed25519 says
		}
	}
	return nil, false
}

// use takes the stored keys, which are sorted, in place of the ones before.
func (k *signingKeys) use(seeds []keyRow, open func(keyRow) (string, error)) error {
	all := make([]signingKey, 0, len(seeds))
	for i, row := range seeds {
		seed, err := open(row)
		if err != nil {
			return fmt.Errorf("open signing key %s: %w", row.Kid, err)
		}
		if len(seed) != ed25519.SeedSize {
			return fmt.Errorf("signing key %s has %d bytes, it must have %d", row.Kid, len(seed), ed25519.SeedSize)
		}
		if i > 0 {
			all[i-1].signsTo = row.SignsFrom
		}
		all = append(all, signingKey{kid: row.Kid, private: ed25519.NewKeyFromSeed([]byte(seed)), signsFrom: row.SignsFrom})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = all
	return nil
}

// LoadKeys reads the signing keys, makes the first, and makes the next one when the newest has signed for 90
// days. Call it at start and once a minute.
func (s *Service) LoadKeys(ctx context.Context) error {
	rows, err := signingKeyRows(ctx, s.db)
	if err != nil {
		return err
	}
	now := s.db.Now()
	if len(rows) == 0 || now.Sub(rows[len(rows)-1].SignsFrom) > keyLife {
		if err := s.addKey(ctx, len(rows) == 0); err != nil {
			return err
		}
		if rows, err = signingKeyRows(ctx, s.db); err != nil {
			return err
		}
	}
	return s.tokens.keys.use(rows, func(row keyRow) (string, error) {
		return s.keys.Open(sealed.Secrets, "signing_key", "seed_sealed", row.ID, row.Seed)
	})
}

// RotateKeys makes a new signing key before its time.
func (s *Service) RotateKeys(ctx context.Context) error {
	if err := s.addKey(ctx, false); err != nil {
		return err
	}
	return s.LoadKeys(ctx)
}

// addKey makes a key that signs after every node has had the time to learn it; the very first signs at once.
// Two nodes may make one each at the same moment: both are good.
func (s *Service) addKey(ctx context.Context, first bool) error {
	seed, name := make([]byte, ed25519.SeedSize), make([]byte, 9)
	_, _ = rand.Read(seed) // never fails (crypto/rand)
	_, _ = rand.Read(name)
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		from := tx.Now.Add(keyNotice)
		if first {
			from = tx.Now
		}
		id, err := insertSigningKey(ctx, tx, base64.RawURLEncoding.EncodeToString(name), from)
		if err != nil {
			return err
		}
		cipher, err := s.keys.Seal(sealed.Secrets, "signing_key", "seed_sealed", id, string(seed))
		if err != nil {
			return err
		}
		return sealSigningKey(ctx, tx, id, cipher)
	})
}

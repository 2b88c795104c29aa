package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"wanjia/internal/platform/problem"
)

const (
	hashMemory = 19 * 1024 // KiB
	hashTime   = 2
	hashLanes  = 1
	hashSalt   = 16
	hashLength = 32
)

// A hasher makes and checks argon2id hashes, two at once a node: each takes 19 MiB, and many at once would be
// an easy way to fell the server.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int32
	done    atomic.Int64 // hashes made since the start
	nobody  string       // the hash that stands in for accounts that do not exist
}

const hashQueue = 16

func newHasher() *hasher {
	h := &hasher{slots: make(chan struct{}, 2)}
	salt := make([]byte, hashSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	h.nobody = phc(salt, make([]byte, hashLength))
	return h
}

// enter waits for a slot; leave it with the function returned.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.waiting.Add(1) > hashQueue+int32(cap(h.slots)) {
		h.waiting.Add(-1)
		return nil, problem.ErrUnavailable.RetryAfter(1e9)
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; h.waiting.Add(-1) }, nil
	case <-ctx.Done():
		h.waiting.Add(-1)
		return nil, ctx.Err()
	}
}

// hash is secret as a PHC string.
func (h *hasher) hash(ctx context.Context, secret string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, hashSalt)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return phc(salt, h.key(secret, salt)), nil
}

// key is the work of it.
func (h *hasher) key(secret string, salt []byte) []byte {
	h.done.Add(1)
	return argon2.IDKey([]byte(secret), salt, hashTime, hashMemory, hashLanes, hashLength)
}

// Hashes is how many passwords, PINs and recovery codes were hashed since the start.
func (s *Service) Hashes() int64 { return s.hasher.done.Load() }

// matches says whether secret is the one hashed as stored. Nothing stored costs the same time.
func (h *hasher) matches(ctx context.Context, secret, stored string) (bool, error) {
	known := stored != ""
	if !known {
		stored = h.nobody
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	salt, want, err := parsePHC(stored)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(h.key(secret, salt), want) == 1 && known, nil
}

var phcHead = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, hashMemory, hashTime, hashLanes)

func phc(salt, sum []byte) string {
	return phcHead + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(sum)
}

func parsePHC(s string) (salt, sum []byte, err error) {
	rest, ours := strings.CutPrefix(s, phcHead)
	first, second, two := strings.Cut(rest, "$")
	if !ours || !two {
		return nil, nil, fmt.Errorf("a password hash of another kind than %s", phcHead)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(first); err == nil {
		sum, err = base64.RawStdEncoding.DecodeString(second)
	}
	return salt, sum, err
}

//go:embed denied.txt
var deniedText string

var guessable = func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(deniedText) {
		all[strings.TrimSpace(line)] = true
	}
	return all
}()

// checkPassword says why nobody should have this password, or nil. There are no rules of composition: length
// is what helps.
func checkPassword(password, account string) error {
	n := utf8.RuneCountInString(password)
	folded := strings.ToLower(password)
	distinct := map[rune]bool{}
	for _, r := range folded {
		distinct[r] = true
	}
	switch {
	case n < 12, n > 128, !utf8.ValidString(password):
		return ErrPassword.Field("/password", "length")
	case guessable[folded], len(distinct) < 5, strings.Contains(folded, account) && len(account) > 3:
		return ErrPassword.Field("/password", "guessable")
	}
	return nil
}

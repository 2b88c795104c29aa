package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/sealed"
)

// alphabet has 32 characters that nobody mistakes for another, read aloud or from paper.
const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// Purposes of the keys that are not named in sealed.
const (
	forCode     sealed.Purpose = "auth_code"      // salt → code
	forCodeHash sealed.Purpose = "auth_code_hash" // code → what is stored of it
	forTry      sealed.Purpose = "auth_try"
)

// A code is given out once and kept as a salt only. A repeated request can be given the same code again,
// and nobody can make it from the database alone.
func code(keys *sealed.Keys, salt []byte, length int) string {
	random := keys.Derive(forCode, salt)
	var b strings.Builder
	for _, c := range random[:length] {
		b.WriteByte(alphabet[c%32])
	}
	return b.String()
}

func newSalt() []byte {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return salt
}

// codeHashes are what may be stored of a code, by every key that still counts.
func codeHashes(keys *sealed.Keys, code string) [][]byte {
	return keys.Derivations(forCodeHash, []byte(strings.ToUpper(code)))
}

// tryCode counts a try of a code, right or wrong and by whomever: five in a quarter of an hour. Where it comes
// from is counted at the edge.
func (s *Service) tryCode(ctx context.Context, text string) error {
	return s.limited(ctx, limit.Code, hex.EncodeToString(codeHashes(s.keys, text)[0]))
}

// newToken is 256 random bits, and what is stored of them.
func newToken() (token string, hash []byte) {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return writeToken(b)
}

func writeToken(b []byte) (token string, hash []byte) {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(b), sum[:]
}

// readToken is the bytes of a token and what is stored of them; ok is false for anything else.
func readToken(token string) (b, hash []byte, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != 32 || len(token) != 43 { // encoding/base64 reads past line feeds
		return nil, nil, false
	}
	sum := sha256.Sum256(b)
	return b, sum[:], true
}

func deviceHash(device string) []byte {
	sum := sha256.Sum256([]byte("device\x00" + device))
	return sum[:]
}

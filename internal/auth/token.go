package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"wanjia/internal/org"
)

const (
	audience    = "wanjia"
	tokenType   = "at+jwt"
	accessLife  = 10 * time.Minute
	clockLeeway = 2 * time.Second // nodes whose clocks are further apart are not ready
	longest     = 1024            // bytes of a token of ours, generously
)

// claims are all an access token says. No name, role or scope: those are looked up.
type claims struct {
	Session SessionID
	Person  org.PersonID
	Ver     int64
}

// wire is claims on the way; also the list of what may be in a token at all.
type wire struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Session  int64  `json:"sid"`
	Ver      int64  `json:"ver"`
	Era      int64  `json:"era"`
	Issued   int64  `json:"iat"`
	Start    int64  `json:"nbf"`
	End      int64  `json:"exp"`
	ID       string `json:"jti"`
}

func (w wire) GetExpirationTime() (*jwt.NumericDate, error) { return moment(w.End), nil }
func (w wire) GetIssuedAt() (*jwt.NumericDate, error)       { return moment(w.Issued), nil }
func (w wire) GetNotBefore() (*jwt.NumericDate, error)      { return moment(w.Start), nil }
func (w wire) GetIssuer() (string, error)                   { return w.Issuer, nil }
func (w wire) GetSubject() (string, error)                  { return w.Subject, nil }
func (w wire) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings{w.Audience}, nil }

func moment(unix int64) *jwt.NumericDate {
	if unix == 0 {
		return nil
	}
	return jwt.NewNumericDate(time.Unix(unix, 0))
}

// tokens is the one door to JWTs (D5): everything else in the house sees a string going in and claims coming
// out. The library alone would take a token without an end, with any typ and with unknown crit.
type tokens struct {
	issuer string
	era    int64
	keys   *signingKeys
	good   *recent[[sha256.Size]byte, verified]
}

// verified is a token whose signature and claims were found good: the same bytes are so again, until it ends or its
// key does. Checking a signature costs more than all the rest of the edge.
type verified struct {
	claims claims
	kid    string
	end    int64
}

func newTokens(issuer string, era int64) tokens {
	return tokens{issuer: issuer, era: era, keys: &signingKeys{}, good: newRecent[[sha256.Size]byte, verified](accessLife)}
}

// issue makes an access token for c.
func (t tokens) issue(c claims, now time.Time) (string, error) {
	key, err := t.keys.signer(now)
	if err != nil {
		return "", err
	}
	id := make([]byte, 12)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire{
		Issuer: t.issuer, Audience: audience, Subject: strconv.FormatInt(int64(c.Person), 10),
		Session: int64(c.Session), Ver: c.Ver, Era: t.era,
		Issued: now.Unix(), Start: now.Unix(), End: now.Add(accessLife).Unix(), ID: base64.RawURLEncoding.EncodeToString(id),
	})
	token.Header["typ"], token.Header["kid"] = tokenType, key.kid
	return token.SignedString(key.private)
}

var errBadToken = errors.New("not an access token of ours")

// verify is what text says, if it is a token that this deployment gave out and that has not expired.
func (t tokens) verify(text string, now time.Time) (claims, error) {
	if len(text) > longest {
		return claims{}, errBadToken
	}
	sum := sha256.Sum256([]byte(text))
	if v, known := t.good.get(sum, now); known && now.Before(time.Unix(v.end, 0)) {
		if _, ok := t.keys.verifier(v.kid, now); ok {
			return v.claims, nil
		}
	}
	c, kid, end, err := t.read(text, now)
	if err == nil {
		t.good.put(sum, verified{c, kid, end}, now)
	}
	return c, err
}

// read is verify without its memory; it also says which key signed, and when the token ends.
func (t tokens) read(text string, now time.Time) (c claims, kid string, end int64, err error) {
	if len(text) > longest || strings.ContainsAny(text, "\r\n") { // encoding/base64 reads past line feeds
		return claims{}, "", 0, errBadToken
	}
	head, rest, _ := strings.Cut(text, ".")
	body, signature, found := strings.Cut(rest, ".")
	if !found || strings.Contains(signature, ".") {
		return claims{}, "", 0, errBadToken
	}
	// Before any key is touched: exactly our header, exactly our claims, each once.
	if !holdsExactly(head, "alg", "typ", "kid") ||
		!holdsExactly(body, "iss", "aud", "sub", "sid", "ver", "era", "iat", "nbf", "exp", "jti") {
		return claims{}, "", 0, errBadToken
	}
	var w wire
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithIssuer(t.issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(clockLeeway), jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return now }))
	_, err = parser.ParseWithClaims(text, &w, func(token *jwt.Token) (any, error) {
		if token.Header["typ"] != tokenType {
			return nil, errBadToken
		}
		kid, _ = token.Header["kid"].(string)
		key, ok := t.keys.verifier(kid, now)
		if !ok || len(key) != ed25519.PublicKeySize {
			return nil, errBadToken
		}
		return key, nil
	})
	person, noNumber := strconv.ParseInt(w.Subject, 10, 64)
	switch {
	case err != nil:
		return claims{}, "", 0, errBadToken
	case w.Era != t.era, w.Audience != audience, w.Start == 0, w.Issued == 0:
		return claims{}, "", 0, errBadToken
	case w.End-w.Issued > int64(accessLife/time.Second):
		return claims{}, "", 0, errBadToken // signed by us or not: no token of ours lives longer
	case noNumber != nil, person <= 0, w.Session <= 0, w.Subject != strconv.FormatInt(person, 10):
		return claims{}, "", 0, errBadToken
	}
	return claims{Session: SessionID(w.Session), Person: org.PersonID(person), Ver: w.Ver}, kid, w.End, nil
}

// holdsExactly says whether segment is a JSON object with these members and no others, none of them twice.
// encoding/json would take the last of two, and match names in any case.
func holdsExactly(segment string, names ...string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil || !utf8.Valid(b) {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	seen := 0
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		key, _ := t.(string)
		at := -1
		for i, name := range names {
			if name == key {
				at = i
			}
		}
		if at < 0 || seen&(1<<at) != 0 {
			return false
		}
		seen |= 1 << at
		// No member of ours is an object or a list; aud as a list would be one.
		switch v, err := dec.Token(); v.(type) {
		case string, float64:
			if err != nil {
				return false
			}
		default:
			return false
		}
	}
	if t, err := dec.Token(); err != nil || t != json.Delim('}') {
		return false
	}
	_, err = dec.Token()
	return errors.Is(err, io.EOF) && seen == 1<<len(names)-1
}

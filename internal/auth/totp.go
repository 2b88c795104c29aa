package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"time"

	"github.com/pquerna/otp/hotp"
)

const totpStep = 30 * time.Second

// newSecret is a TOTP secret of 160 bits, as authenticators take it.
func newSecret() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// totpURI is what an authenticator reads from a QR code.
func totpURI(account, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {"Wanjia"}}
	return (&url.URL{Scheme: "otpauth", Host: "totp", Path: "/Wanjia:" + account, RawQuery: q.Encode()}).String()
}

// stepOf is the step at now, or one beside it, whose code this is; 0 if it is none.
func stepOf(secret, code string, now time.Time) (int64, error) {
	at := now.Unix() / int64(totpStep/time.Second)
	var found int64
	for _, step := range []int64{at - 1, at, at + 1} {
		want, err := hotp.GenerateCode(secret, uint64(step))
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step
		}
	}
	return found, nil
}

// TotpCode is the code that an authenticator with secret shows at now: for the demo and for tests.
func TotpCode(secret string, now time.Time) (string, error) {
	return hotp.GenerateCode(secret, uint64(now.Unix()/int64(totpStep/time.Second)))
}

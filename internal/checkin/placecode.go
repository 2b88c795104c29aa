package checkin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/platform/sealed"
)

// The times of a place code (CI2, CI4).
const (
	stepLength = 15 * time.Second
	apart      = 300 * time.Second // most between the phone's time and an offline code
	arrives    = 72 * time.Hour    // latest arrival of an offline code
)

// A step is 15 seconds of the server's clock.
type step int64

func stepAt(t time.Time) step { return step(t.Unix() / int64(stepLength/time.Second)) }

func (s step) begins() time.Time { return time.Unix(int64(s)*int64(stepLength/time.Second), 0).UTC() }

// near says whether a code of s, shown by a clock that may be a little off, counts as shown now.
func (s step) near(now time.Time) bool { d := stepAt(now) - s; return -1 <= d && d <= 1 }

// Keys are the secrets of a place's codes, the present one first; older ones still count.
type Keys func(place PlaceID) [][]byte

// SealedKeys derives them from the key set of places.
func SealedKeys(k *sealed.Keys) Keys {
	return func(place PlaceID) [][]byte {
		return k.Derivations(sealed.Place, strconv.AppendInt([]byte("code:"), int64(place), 10))
	}
}

// A Code is what a display shows for 15 seconds, as QR and for typing.
type Code struct {
	QR    string
	Short string
	From  time.Time
}

// kid names a secret, by its first two bytes; the rest of it signs.
func kid(secret []byte) int { return int(binary.BigEndian.Uint16(secret)) }

func signed(secret []byte, place PlaceID, s step) (text string, mac []byte) {
	text = "v1." + strconv.FormatInt(int64(place), 10) + "." + strconv.FormatInt(int64(s), 10) + "." + strconv.Itoa(kid(secret))
	h := hmac.New(sha256.New, secret[2:])
	h.Write([]byte(text))
	return text, h.Sum(nil)[:16]
}

// letters have none that look alike.
var letters = base32.NewEncoding("23456789ABCDEFGHJKLMNPQRSTUVWXYZ").WithPadding(base32.NoPadding)

func (k Keys) code(place PlaceID, s step) Code {
	text, mac := signed(k(place)[0], place, s)
	return Code{QR: text + "." + base64.RawURLEncoding.EncodeToString(mac), Short: letters.EncodeToString(mac[:5]), From: s.begins()}
}

// PlaceOf is the place that a code claims to be of, believed only once read has checked it.
func placeOf(qr string) (PlaceID, error) {
	parts := strings.Split(qr, ".")
	if len(parts) != 5 || parts[0] != "v1" {
		return 0, ErrCodeInvalid
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || id <= 0 {
		return 0, ErrCodeInvalid
	}
	return PlaceID(id), nil
}

// read is the step of a genuine code of place.
func (k Keys) read(qr string, place PlaceID) (step, error) {
	parts := strings.Split(qr, ".")
	if len(parts) != 5 {
		return 0, ErrCodeInvalid
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || n < 0 {
		return 0, ErrCodeInvalid
	}
	for _, secret := range k(place) {
		text, mac := signed(secret, place, step(n))
		if hmac.Equal([]byte(qr), []byte(text+"."+base64.RawURLEncoding.EncodeToString(mac))) {
			return step(n), nil
		}
	}
	return 0, ErrCodeInvalid
}

// readShort finds the step around a moment whose short code was typed.
func (k Keys) readShort(short string, place PlaceID, around time.Time, reach step) (step, bool) {
	short = strings.ToUpper(strings.TrimSpace(short))
	now := stepAt(around)
	for s := now - reach; s <= now+reach; s++ {
		for _, secret := range k(place) {
			if _, mac := signed(secret, place, s); hmac.Equal([]byte(short), []byte(letters.EncodeToString(mac[:5]))) {
				return s, true
			}
		}
	}
	return 0, false
}

// A scan is a genuine code, and whether it proves who was there then rather than now.
type scan struct {
	step    step
	offline bool
}

// prove says why a code of a does not prove presence at place, or what it proves (CI2–CI5).
func (k Keys) prove(a Attempt, place PlaceID, now time.Time) (scan, error) {
	if a.Short != "" {
		if s, ok := k.readShort(a.Short, place, now, 1); ok {
			return scan{step: s}, nil
		}
		s, ok := k.readShort(a.Short, place, a.HappenedAt, step(apart/stepLength))
		if !ok {
			return scan{}, ErrCodeInvalid
		}
		return s.late(a.HappenedAt, now)
	}
	s, err := k.read(a.Code, place)
	switch {
	case err != nil:
		return scan{}, err
	case s.near(now):
		return scan{step: s}, nil
	case s > stepAt(now):
		return scan{}, ErrCodeEarly
	case !a.Offline:
		return scan{}, ErrCodeExpired
	}
	return s.late(a.HappenedAt, now)
}

// late says why an offline code is no evidence any more, or nil.
func (s step) late(phone, now time.Time) (scan, error) {
	switch {
	case phone.Sub(s.begins()).Abs() > apart:
		return scan{}, ErrClockDiffers
	case s > stepAt(now):
		return scan{}, ErrCodeEarly
	case now.Sub(s.begins()) > arrives:
		return scan{}, ErrCodeExpired
	}
	return scan{step: s, offline: true}, nil
}

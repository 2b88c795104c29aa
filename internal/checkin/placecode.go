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
	early      = 20 * time.Second  // before its step begins, a code is live already
	live       = 45 * time.Second  // after its step has begun, it is over
	apart      = 300 * time.Second // most between the phone's time and an offline code
	arrives    = 72 * time.Hour    // latest arrival of an offline code
)

// A step is 15 seconds of the server's clock.
type step int64

func stepAt(t time.Time) step { return step(t.Unix() / int64(stepLength/time.Second)) }

func (s step) begins() time.Time { return time.Unix(int64(s)*int64(stepLength/time.Second), 0).UTC() }

// live says whether a code of s counts as shown now.
//
// Let s begin at B by our clock. A display that is right shows the code from B to B+15 s. One that is 20 s ahead shows
// it from B-20 s on, one that is 20 s behind until B+35 s; 10 s more are for the way from the screen to here. So the
// code lives from B-20 s until B+45 s: all of the step before the present one and of the one after it, and at every
// moment what a display shows that is at most 20 s off (Q3). Counting whole steps to either side would refuse such a
// display during 5 s of each 15. A display 60 s ahead shows the code before B-45 s, one 60 s behind after B+60 s:
// neither ever works. And at B+45 s it is over, for everybody (CI2).
func (s step) live(now time.Time) bool {
	age := now.Sub(s.begins())
	return -early <= age && age < live
}

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

// macSize is how much of the HMAC a QR code carries: 128 bits.
const macSize = 16

// kid names a secret, by its first two bytes; the rest of it signs.
func kid(secret []byte) int { return int(binary.BigEndian.Uint16(secret)) }

func signed(secret []byte, place PlaceID, s step) (text string, mac []byte) {
	text = "v1." + strconv.FormatInt(int64(place), 10) + "." + strconv.FormatInt(int64(s), 10) + "." + strconv.Itoa(kid(secret))
	h := hmac.New(sha256.New, secret[2:])
	h.Write([]byte(text))
	return text, h.Sum(nil)[:macSize]
}

// letters have none that look alike.
var letters = base32.NewEncoding("23456789ABCDEFGHJKLMNPQRSTUVWXYZ").WithPadding(base32.NoPadding)

func (k Keys) code(place PlaceID, s step) Code {
	text, mac := signed(k(place)[0], place, s)
	return Code{QR: text + "." + base64.RawURLEncoding.EncodeToString(mac), Short: letters.EncodeToString(mac[:5]), From: s.begins()}
}

// placeOf is the place that a code claims to be of, believed only once read has checked it.
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
	if len(parts) != 5 || len(parts[4]) != base64.RawURLEncoding.EncodedLen(macSize) {
		return 0, ErrCodeInvalid
	}
	n, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || n < 0 {
		return 0, ErrCodeInvalid
	}
	for _, secret := range k(place) {
		if parts[3] != strconv.Itoa(kid(secret)) {
			continue
		}
		text, mac := signed(secret, place, step(n))
		if hmac.Equal([]byte(qr), []byte(text+"."+base64.RawURLEncoding.EncodeToString(mac))) {
			return step(n), nil
		}
	}
	return 0, ErrCodeInvalid
}

// readShort finds the step, begun between two moments, whose short code was typed.
func (k Keys) readShort(short string, place PlaceID, from, to time.Time) (step, bool) {
	short = strings.ToUpper(strings.TrimSpace(short))
	secrets := k(place)
	for s := stepAt(from); s <= stepAt(to); s++ {
		for _, secret := range secrets {
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
		if s, ok := k.readShort(a.Short, place, now.Add(-live), now.Add(early)); ok && s.live(now) {
			return scan{step: s}, nil
		}
		s, ok := k.readShort(a.Short, place, a.HappenedAt.Add(-apart), a.HappenedAt.Add(apart))
		if !ok {
			return scan{}, ErrCodeInvalid
		}
		return s.late(a.HappenedAt, now) // typed too late: as if scanned offline (CI3)
	}
	s, err := k.read(a.Code, place)
	switch {
	case err != nil:
		return scan{}, err
	case s.live(now):
		return scan{step: s}, nil
	case s.begins().After(now):
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
	case s.begins().After(now):
		return scan{}, ErrCodeEarly
	case now.Sub(s.begins()) > arrives:
		return scan{}, ErrCodeExpired
	}
	return scan{step: s, offline: true}, nil
}

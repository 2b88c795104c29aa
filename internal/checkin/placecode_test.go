package checkin

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// testKeys are two secrets a place, the older one still counting.
func testKeys() Keys {
	known := map[PlaceID][][]byte{}
	for place := range PlaceID(20) {
		for _, age := range []string{"now", "old"} {
			secret := sha256.Sum256(fmt.Appendf(nil, "%d %s", place, age))
			known[place] = append(known[place], secret[:])
		}
	}
	return func(place PlaceID) [][]byte { return known[place] }
}

// begun is when the step of the tests begins.
var begun = time.Date(2026, 5, 13, 1, 20, 0, 0, time.UTC)

// shown is a code as a display shows it whose clock is so much ahead of ours.
func shown(k Keys, now time.Time, ahead time.Duration) Code { return k.code(7, stepAt(now.Add(ahead))) }

func scanOf(qr string, phone time.Time) Attempt {
	return Attempt{Kind: PlaceCode, Code: qr, HappenedAt: phone}
}

func TestQ1_After45SecondsNoneOf10000CodesIsAccepted(t *testing.T) {
	t.Parallel()
	k, r := testKeys(), rand.New(rand.NewPCG(1, 1))
	for _, short := range []bool{false, true} {
		tries := 10_000
		if short {
			tries = 500 // each looks through ten minutes of codes
		}
		var before, after int
		for range tries {
			place, s := PlaceID(r.Int64N(20)), step(r.Int64N(1<<31))
			code := k.code(place, s)
			a := scanOf(code.QR, s.begins())
			if short {
				a = Attempt{Kind: PlaceCode, PlaceID: place, Short: code.Short, HappenedAt: s.begins()}
			}
			if got, err := k.prove(a, place, s.begins().Add(live-time.Millisecond)); err == nil && !got.offline {
				before++
			}
			a.HappenedAt = s.begins().Add(live + time.Duration(r.Int64N(int64(time.Hour))))
			if got, err := k.prove(a, place, a.HappenedAt); err == nil && !got.offline {
				after++
			}
		}
		if before != tries || after != 0 {
			t.Errorf("short %v: %d of %d live codes are accepted within 45 s, want all; %d after, want none", short, before, tries, after)
		}
	}
}

func TestQ2_NoneOfAMillionForgeriesIsAccepted(t *testing.T) {
	t.Parallel()
	const tries = 1_000_000
	k, r := testKeys(), rand.New(rand.NewPCG(2, 2))
	s := stepAt(begun)
	genuine := k.code(7, s).QR
	parts := strings.Split(genuine, ".")
	mac, err := base64.RawURLEncoding.DecodeString(parts[4])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.prove(scanOf(genuine, begun), 7, begun); err != nil {
		t.Fatalf("the genuine code is refused: %v", err)
	}
	signedAs := func(i int, part, mac string) string {
		forged := slices.Clone(parts)
		forged[i], forged[4] = part, mac
		return strings.Join(forged, ".")
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+ "
	forgeries := map[string]func() string{
		"a bit of the mac": func() string {
			forged := slices.Clone(mac)
			forged[r.IntN(16)] ^= 1 << r.IntN(8)
			return signedAs(3, parts[3], base64.RawURLEncoding.EncodeToString(forged))
		},
		"an invented mac": func() string {
			forged := make([]byte, 16)
			for i := range forged {
				forged[i] = byte(r.IntN(256))
			}
			return signedAs(3, parts[3], base64.RawURLEncoding.EncodeToString(forged))
		},
		"another place": func() string { return signedAs(1, fmt.Sprint(8+r.IntN(12)), parts[4]) },
		"another step":  func() string { return signedAs(2, fmt.Sprint(int64(s)-1-r.Int64N(1<<20)), parts[4]) },
		"another kid":   func() string { return signedAs(3, fmt.Sprint(kid(k(7)[0])+1+r.IntN(1<<16)), parts[4]) },
		"cut":           func() string { return genuine[:r.IntN(len(genuine))] },
		"longer":        func() string { return genuine + string(alphabet[r.IntN(len(alphabet))]) },
		"reordered": func() string {
			forged := slices.Clone(parts)
			for slices.Equal(forged, parts) {
				r.Shuffle(5, func(i, j int) { forged[i], forged[j] = forged[j], forged[i] })
			}
			return strings.Join(forged, ".")
		},
		"a character": func() string {
			forged := []byte(genuine)
			forged[r.IntN(len(forged))] = alphabet[r.IntN(len(alphabet))]
			return string(forged)
		},
		"written otherwise": func() string {
			i := 1 + r.IntN(3)
			return signedAs(i, []string{"0", "+", " ", "00"}[r.IntN(4)]+parts[i], parts[4])
		},
	}
	for what, forge := range forgeries { // one after the other: they share r
		t.Run(what, func(t *testing.T) {
			for range tries / len(forgeries) {
				forged := forge()
				if forged == genuine {
					continue
				}
				place, err := placeOf(forged)
				if err == nil {
					_, err = k.prove(scanOf(forged, begun), place, begun)
				}
				if !errors.Is(err, ErrCodeInvalid) {
					t.Fatalf("%s: %v, want %v", forged, err, ErrCodeInvalid)
				}
			}
		})
	}
}

func TestQ2_ACodeOfTheOldKeyStillCountsAndOneOfNoKeyDoesNot(t *testing.T) {
	t.Parallel()
	k := testKeys()
	before := Keys(func(place PlaceID) [][]byte { return k(place)[1:] })
	if _, err := k.prove(scanOf(before.code(7, stepAt(begun)).QR, begun), 7, begun); err != nil {
		t.Errorf("a code of the key before: %v", err)
	}
	if _, err := before.prove(scanOf(k.code(7, stepAt(begun)).QR, begun), 7, begun); !errors.Is(err, ErrCodeInvalid) {
		t.Errorf("a code of an unknown key: %v, want %v", err, ErrCodeInvalid)
	}
}

func TestQ3_ADisplay20SecondsOffAlwaysWorksAndOne60SecondsOffNeverDoes(t *testing.T) {
	t.Parallel()
	k := testKeys()
	for ahead, want := range map[time.Duration]error{
		0: nil, 20 * time.Second: nil, -20 * time.Second: nil, 60 * time.Second: ErrCodeEarly, -60 * time.Second: ErrCodeExpired,
	} {
		for now := begun; now.Before(begun.Add(time.Minute)); now = now.Add(100 * time.Millisecond) {
			code := shown(k, now, ahead)
			got, err := k.prove(scanOf(code.QR, now), 7, now)
			if !errors.Is(err, want) || err == nil && got.offline {
				t.Fatalf("a display %v ahead, %v into the minute: %v, want %v", ahead, now.Sub(begun), err, want)
			}
			if want != nil {
				continue
			}
			if got, err := k.prove(Attempt{Kind: PlaceCode, PlaceID: 7, Short: code.Short, HappenedAt: now}, 7, now); err != nil || got.offline {
				t.Fatalf("typed from a display %v ahead, %v into the minute: %+v, %v", ahead, now.Sub(begun), got, err)
			}
		}
	}
}

func TestQ1_TheStepsBeforeAndAfterThePresentOneAreAccepted(t *testing.T) {
	t.Parallel()
	k := testKeys()
	for now := begun; now.Before(begun.Add(15 * time.Second)); now = now.Add(50 * time.Millisecond) {
		for off := step(-1); off <= 1; off++ {
			if _, err := k.prove(scanOf(k.code(7, stepAt(now)+off).QR, now), 7, now); err != nil {
				t.Fatalf("%v into a step, the one %+d away: %v", now.Sub(begun), off, err)
			}
		}
	}
}

func TestQ8_AnOfflineCodeIsJudgedByBothTimes(t *testing.T) { // CI4, K1
	t.Parallel()
	k := testKeys()
	qr := k.code(7, stepAt(begun)).QR
	for _, c := range []struct {
		what      string
		phone     time.Time
		arrives   time.Duration
		want      error
		happened  time.Time
		untrusted bool
	}{
		{"seven seconds into the step", begun.Add(7 * time.Second), 6 * time.Hour, nil, begun.Add(7 * time.Second), false},
		{"5 minutes later by the phone", begun.Add(300 * time.Second), time.Hour, nil, begun.Add(300 * time.Second), false},
		{"5 minutes earlier by the phone", begun.Add(-300 * time.Second), time.Hour, nil, begun.Add(-300 * time.Second), false},
		{"a millisecond more", begun.Add(300*time.Second + time.Millisecond), time.Hour, ErrClockDiffers, time.Time{}, false},
		{"a millisecond less", begun.Add(-300*time.Second - time.Millisecond), time.Hour, ErrClockDiffers, time.Time{}, false},
		{"after 72 hours", begun, 72 * time.Hour, nil, begun, false},
		{"after more", begun, 72*time.Hour + time.Millisecond, ErrCodeExpired, time.Time{}, false},
		{"a phone more than 2 minutes ahead of us", begun.Add(4 * time.Minute), time.Minute, nil, begun, true},
		{"a phone's time more than 72 hours old", begun.Add(-time.Minute), 72 * time.Hour, nil, begun, true},
	} {
		now := begun.Add(c.arrives)
		a := Attempt{Kind: PlaceCode, Code: qr, Offline: true, HappenedAt: c.phone}
		s, err := k.prove(a, 7, now)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
		if err != nil {
			continue
		}
		if e := a.scanned(s, 7, now); !e.Offline || !e.HappenedAt.Equal(c.happened) || e.ClockUntrusted != c.untrusted {
			t.Errorf("%s: %+v, want %v, untrusted %v", c.what, e, c.happened, c.untrusted)
		}
	}
}

func TestALiveCodeProvesOurTimeWhateverThePhoneSays(t *testing.T) { // K1
	t.Parallel()
	k := testKeys()
	now := begun.Add(3 * time.Second)
	for _, c := range []struct {
		phone     time.Duration
		untrusted bool
	}{{0, false}, {2 * time.Minute, false}, {2*time.Minute + time.Millisecond, true}, {-4 * time.Minute, false}, {-10 * time.Hour, true}, {-100 * time.Hour, true}} {
		a := scanOf(k.code(7, stepAt(now)).QR, now.Add(c.phone))
		s, err := k.prove(a, 7, now)
		if err != nil {
			t.Fatal(err)
		}
		want := now
		if !c.untrusted {
			want = a.HappenedAt
		}
		if e := a.scanned(s, 7, now); e.ClockUntrusted != c.untrusted || !e.HappenedAt.Equal(want) {
			t.Errorf("a phone %v off: %v, untrusted %v; want %v, %v", c.phone, e.HappenedAt, e.ClockUntrusted, want, c.untrusted)
		}
	}
}

func FuzzACodeIsGenuineOrInvalid(f *testing.F) { // R17
	k := testKeys()
	s := stepAt(begun)
	genuine := k.code(7, s).QR
	for _, seed := range []string{genuine, genuine[:20], "v1.7.1.1.", "v1.-7.1.1.AAAAAAAAAAAAAAAAAAAAAA", "v1.7.9223372036854775808.1.AAAAAAAAAAAAAAAAAAAAAA", "....", "v2" + genuine[2:], ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		place, err := placeOf(code)
		if err == nil {
			_, err = k.prove(scanOf(code, begun), place, begun)
		}
		var want error
		if code != genuine {
			want = ErrCodeInvalid
		}
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", code, err, want)
		}
		if _, live := k.readShort(code, 7, begun.Add(-live), begun.Add(early)); live && len(strings.TrimSpace(code)) != 8 {
			t.Errorf("%q is taken for a short code", code)
		}
	})
}

package request

import (
	"crypto/rand"
	"strings"
)

// A Receipt is the code that an asker follows a need with: ten characters that are hard to mistake for each
// other, 50 bits from crypto/rand. It is stored as a keyed hash, and sealed for the holder who writes it down.
type Receipt string

const (
	receiptAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // no 0 and 1, no I and O
	receiptLength   = 10
)

// newReceipt makes a code nobody can guess.
func newReceipt() Receipt {
	var b [receiptLength]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = receiptAlphabet[b[i]&31] // 32 characters: every one is as likely
	}
	return Receipt(b[:])
}

// String shows r as it is read aloud and written on a slip: five and five.
func (r Receipt) String() string {
	if len(r) != receiptLength {
		return ""
	}
	return string(r[:5]) + "-" + string(r[5:])
}

// start is what staff name a need by. The rest they do not see: code and number together open the receipt as its asker.
func (r Receipt) start() string { return string(r[:min(5, len(r))]) }

// ParseReceipt reads a code as people type it: lower case, spaces and dashes do not matter.
func ParseReceipt(typed string) (r Receipt, ok bool) {
	var b strings.Builder
	for _, c := range strings.ToUpper(typed) {
		switch {
		case c == '-' || c == ' ':
			continue
		case !strings.ContainsRune(receiptAlphabet, c) || b.Len() == receiptLength:
			return "", false
		}
		b.WriteRune(c)
	}
	return Receipt(b.String()), b.Len() == receiptLength
}

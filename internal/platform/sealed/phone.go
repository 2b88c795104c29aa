package sealed

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"wanjia/internal/platform/problem"
)

// ErrPhone says that something is no phone number.
var ErrPhone = problem.New(problem.Invalid, "common.phone_invalid")

// ParsePhone makes one spelling of the many that people and sheets use: full-width digits, spaces, hyphens,
// pauses, brackets, the country code of the mainland and the 0 that some dial before a mobile number go. Mobile numbers have 11 digits; land lines 7 to 12.
func ParsePhone(s string) (Phone, error) {
	digits := phoneDigits(s)
	if len(digits) < 7 || len(digits) > 12 {
		return Phone{}, ErrPhone
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return Phone{}, ErrPhone
		}
	}
	return Phone{plain{digits}}, nil
}

// PhoneOf is the phone whose normalised digits were stored.
func PhoneOf(digits string) Phone { return Phone{plain{digits}} }

// phoneDigits takes away what is written around the digits of a number, and leaves what does not belong there.
func phoneDigits(s string) string {
	digits := strings.Map(func(c rune) rune {
		switch c {
		case ' ', '-', '(', ')', '.', '\t', '\u00a0', '\u200b', '\u2010', '\u2011', '\u2013', '\u2014', '\ufeff',
			',', '、', '·':
			return -1
		}
		return c
	}, norm.NFKC.String(s))
	for _, country := range []string{"+86", "0086"} {
		if rest, ok := strings.CutPrefix(digits, country); ok {
			return rest
		}
	}
	if len(digits) == 13 { // 8613812345678, as some sheets hold it
		return strings.TrimPrefix(digits, "86")
	}
	if len(digits) == 12 && strings.HasPrefix(digits, "01") && digits[2] >= '3' { // 013812345678, as some dial; no area code begins so
		return digits[1:]
	}
	return digits
}

package notify

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"wanjia/internal/privacy"
)

var (
	// withCode is a landline with its area code.
	withCode = regexp.MustCompile(`(?:^|[^0-9])0[1-9][0-9]{1,2}[)\]]?[ \-–—]{0,2}[2-9](?:[ \-–—]?[0-9]){6,7}(?:[^0-9]|$)`)
	// alone are digits that may be one without.
	alone = regexp.MustCompile(`[0-9]+`)
)

// namesPhone says whether a title, which WeChat and every frame show, holds something shaped like a phone: mobile or landline,
// however its digits are written. Days are none, and hotlines have other lengths.
func namesPhone(title string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me): // of no width
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, norm.NFKC.String(title))
	if longDigits.MatchString(plain) || withCode.MatchString(plain) || privacy.MaskPhones(plain) != plain {
		return true
	}
	for _, digits := range alone.FindAllString(plain, -1) {
		if len(digits) != 7 && len(digits) != 8 || digits[0] < '2' {
			continue
		}
		if _, err := time.Parse("20060102", digits); err != nil {
			return true
		}
	}
	return false
}

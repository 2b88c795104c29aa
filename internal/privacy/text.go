package privacy

import (
	"cmp"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// What people put between the digits of a long number, and what they put there so that it is not seen.
const (
	gap   = `[ \-.]?`
	gaps  = `[ \t\-‐–—.]{0,2}`
	pause = `[ \t\-‐–—.,、·]{1,2}`
)

var (
	// idCard is shaped like the number of an id card: 17 digits, and one more or an X. Whether the last one fits
	// is not asked: a mistyped number tells as much. Gaps count where people make them, place–birth–rest or in
	// fours; anywhere else two dates in a row would be a number.
	idCard = regexp.MustCompile(`[0-9]{6}` + gaps + `[0-9]{8}` + gaps + `[0-9]{3}[0-9Xx]|(?:[0-9]{4}` + gaps + `){4}[0-9][0-9Xx]`)
	// spread is as many digits with gaps anywhere.
	spread = regexp.MustCompile(`^[0-9](?:` + gaps + `[0-9]){16}` + gaps + `[0-9Xx]`)
	joined = regexp.MustCompile(`[0-9][0-9Xx]`)
	// mobile is shaped like a mobile number: with gaps anywhere, with those of a sentence where people make them, three digits and
	// twice four, or in characters; before it the code of the country, or the 0 that some dial.
	mobile = regexp.MustCompile(`(?:(?:\+?86|0)` + gap + `)?(?:1` + gap + `[3-9](?:` + gap + `[0-9]){9}|1[3-9][0-9]` + pause + `[0-9]{4}` + pause + `[0-9]{4})` +
		`|[一幺][三四五六七八九](?:[ \-]?[〇零一幺二三四五六七八九]){9}`)
)

// CheckText refuses a free text that holds something shaped like an id-card number, and names the field.
// Full-width digits count, and so do spaces between them, and what is not seen at all.
func CheckText(pointer, text string) error {
	plain := spellingOf(text).plain
	if len(apart(idCard, plain)) == 0 && !spelled(plain) {
		return nil
	}
	return problem.ErrPersonalDataInText.Field(pointer, problem.ErrPersonalDataInText.Code)
}

// A spelling is a text as numbers are looked for in it: the digits of all widths are the same, and what is not seen is gone.
type spelling struct {
	plain      string
	start, end []int // of what each byte of plain comes from, in the text
}

func spellingOf(text string) (s spelling) {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me) { // of no width, or over what stands before it
			n, _ := b.WriteString(norm.NFKC.String(string(r))) // never an error
			for range n {
				s.start, s.end = append(s.start, i), append(s.end, i+size)
			}
		}
		i += size
	}
	s.plain = b.String()
	return s
}

// spelled says whether a text holds the number of an id card with gaps where nobody makes them. Since dates and amounts
// in a row look alike, somebody must have been born on its day, and its last digit must fit, unless each digit stands alone.
func spelled(text string) bool {
	for i := range len(text) {
		if !digitAt(text, i) || digitAt(text, i-1) {
			continue
		}
		at := spread.FindStringIndex(text[i:])
		if at == nil || digitAt(text, i+at[1]) {
			continue
		}
		shape := text[i : i+at[1]]
		number := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r == 'X' || r == 'x' {
				return unicode.ToUpper(r)
			}
			return -1
		}, shape)
		born, err := time.Parse("20060102", number[6:14])
		if err == nil && born.Year() >= 1900 && born.Year() < 2100 && (fits(number) || !joined.MatchString(shape)) {
			return true
		}
	}
	return false
}

// fits says whether the last character of an id-card number is the check digit of the others (GB 11643).
func fits(number string) bool {
	sum, weight := 0, 1
	for i := 16; i >= 0; i-- { // the weights are the powers of two modulo 11
		weight = weight * 2 % 11
		sum += int(number[i]-'0') * weight
	}
	return number[17] == "10X98765432"[sum%11]
}

// MaskPhones is text for display: what is shaped like a mobile number becomes its mask.
func MaskPhones(text string) string {
	return PhonesAs(text, sealed.Phone.Masked)
}

// BeginPhones is text for display where the end of a number would prove what is not the reader's to prove (C25): of what is
// shaped like a mobile number the beginning alone stays.
func BeginPhones(text string) string { return PhonesAs(text, sealed.Phone.Begun) }

// PhonesAs is text for display with what show makes of each mobile number in it; one of which it makes nothing stays as it
// was written.
func PhonesAs(text string, show func(p sealed.Phone) string) string {
	s := spellingOf(text)
	var b strings.Builder
	from := 0
	for _, at := range apart(mobile, s.plain) {
		start, end := max(from, s.start[at[0]]), s.end[at[1]-1]
		b.WriteString(text[from:start])
		if p, err := sealed.ParsePhone(s.plain[at[0]:at[1]]); err != nil { // shaped like one, and none after all: nothing of it is shown
			b.WriteString("***")
		} else {
			b.WriteString(cmp.Or(show(p), text[start:end]))
		}
		from = end
	}
	b.WriteString(text[from:])
	return b.String()
}

// apart are the places where shape stands by itself, and not inside a longer number.
func apart(shape *regexp.Regexp, text string) (places [][]int) {
	for from := 0; from < len(text); {
		at := shape.FindStringIndex(text[from:])
		if at == nil {
			return places
		}
		start, end := from+at[0], from+at[1]
		if digitAt(text, start-1) || digitAt(text, end) {
			from = start
			for digitAt(text, from) { // on behind this number
				from++
			}
			continue
		}
		places = append(places, []int{start, end})
		from = end
	}
	return places
}

func digitAt(text string, i int) bool {
	return i >= 0 && i < len(text) && text[i] >= '0' && text[i] <= '9'
}

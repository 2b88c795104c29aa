package privacy

import (
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"

	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
)

// gap is what people put between the digits of a long number.
const gap = `[ \-.]?`

var (
	// idCard is shaped like the number of an id card: 17 digits, and one more or an X. Whether the last one fits
	// is not asked: a mistyped number tells as much. Gaps count where people make them, place–birth–rest or in
	// fours; anywhere else two dates in a row would be a number.
	idCard = regexp.MustCompile(`[0-9]{6}` + gap + `[0-9]{8}` + gap + `[0-9]{3}[0-9Xx]|(?:[0-9]{4}` + gap + `){4}[0-9][0-9Xx]`)
	mobile = regexp.MustCompile(`(?:\+?86` + gap + `)?1` + gap + `[3-9](?:` + gap + `[0-9]){9}`)
)

// CheckText refuses a free text that holds something shaped like an id-card number, and names the field.
// Full-width digits count, and so do spaces between them.
func CheckText(pointer, text string) error {
	if len(apart(idCard, norm.NFKC.String(text))) == 0 {
		return nil
	}
	return problem.ErrPersonalDataInText.Field(pointer, problem.ErrPersonalDataInText.Code)
}

// MaskPhones is text for display: what is shaped like a mobile number becomes its mask.
func MaskPhones(text string) string {
	plain := norm.NFKC.String(text)
	places := apart(mobile, plain)
	if len(places) == 0 {
		return text
	}
	var b strings.Builder
	end := 0
	for _, at := range places {
		b.WriteString(plain[end:at[0]])
		p, err := sealed.ParsePhone(plain[at[0]:at[1]])
		if err != nil { // shaped like one, and none after all: nothing of it is shown
			b.WriteString("***")
		} else {
			b.WriteString(p.Masked())
		}
		end = at[1]
	}
	b.WriteString(plain[end:])
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

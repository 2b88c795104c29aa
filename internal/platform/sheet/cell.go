package sheet

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// tidy is a cell without the white space that people and programs leave around it, full-width space included.
func tidy(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '\u3000' || r == '\ufeff' })
}

// Digits reads a cell as the digits of a number such as a phone's: programs keep it as a number and may write
// 19900001234 as 1.9900001234E+10. Anything else comes back as it is.
func Digits(cell string) string {
	if !strings.ContainsAny(cell, ".eE") {
		return cell
	}
	f, err := strconv.ParseFloat(cell, 64)
	if err != nil || f < 0 || f >= 1e15 || f != math.Trunc(f) {
		return cell
	}
	return strconv.FormatInt(int64(f), 10)
}

// Day reads a cell as a day, "2025-04-01": written with dashes, slashes, dots or 年月日, or as Excel's count of
// days since 1899-12-30.
func Day(cell string) (day string, ok bool) {
	text := strings.NewReplacer("/", "-", ".", "-", "年", "-", "月", "-", "日", "").Replace(cell)
	for _, layout := range []string{"2006-1-2", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Format(time.DateOnly), true
		}
	}
	if n, err := strconv.ParseFloat(cell, 64); err == nil && n >= 1 && n < 2_958_466 { // to 9999-12-31
		return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n)).Format(time.DateOnly), true
	}
	return "", false
}

// Defuse puts an apostrophe before a text that a spreadsheet could take for a formula: = + - @, their full-width
// forms, tab, carriage return, NUL (X3, X37).
func Defuse(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if strings.ContainsRune("=+-@＝＋－＠\t\r\x00", first) && s != "" {
		return "'" + strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

package board

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"wanjia/internal/platform/problem"
)

// A sheet is a form that was sent. It takes what the contract takes for the same act: nothing is cut, and a text holds
// something that can be seen.
type sheet struct {
	fields url.Values
	wrong  *problem.Problem // which of the fields cannot be taken; nil: none that was read
}

var (
	// lines makes the ends of lines as everybody counts them: browsers count one character, and send two.
	lines = strings.NewReplacer("\r\n", "\n", "\r", "\n")
	// visible is in each text that says something.
	visible = regexp.MustCompile(`[^\s\p{Z}\p{C}]`)
)

// must is a field with a text of so many characters.
func (f *sheet) must(name string, shortest, longest int) string {
	text := strings.TrimSpace(lines.Replace(f.fields.Get(name)))
	n, code := utf8.RuneCountInString(text), ""
	switch {
	case !utf8.ValidString(text):
		code = "utf8"
	case strings.ContainsFunc(text, func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' }):
		code = "control"
	case n < shortest:
		code = "minLength"
	case n > longest:
		code = "maxLength"
	case !visible.MatchString(text):
		code = "pattern"
	default:
		return text
	}
	if f.wrong == nil {
		f.wrong = problem.ErrInvalid
	}
	f.wrong = f.wrong.Field("/"+name, code)
	return ""
}

// may is a field that can be left empty.
func (f *sheet) may(name string, shortest, longest int) string {
	if strings.TrimSpace(f.fields.Get(name)) == "" {
		return ""
	}
	return f.must(name, shortest, longest)
}

// misfit says which of the fields that were read cannot be taken, or nil.
func (f *sheet) misfit() error {
	if f.wrong == nil {
		return nil
	}
	return f.wrong
}

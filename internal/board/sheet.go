package board

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/request"
)

// The forms of our pages, by what is done once for each of them.
const (
	relayForm    = "relayForm"
	takedownForm = "takedownForm"
	feedbackForm = "feedbackForm"
)

// ErrFormIncomplete says that a form came without what its page had put into it.
var ErrFormIncomplete = problem.New(problem.Malformed, "board.form_incomplete")

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

// keyOf is the key that a page gave to a form; "": it came without one.
func keyOf(fields url.Values) string {
	if key := fields.Get("key"); len(key) >= 16 && len(key) <= 64 {
		return key
	}
	return ""
}

// A sheetPage is a form as a page shows it.
type sheetPage struct {
	Form    string // which of the forms
	Action  string // where it is sent
	Key     string // so that sending it twice is once
	Dangers []request.DangerAnswer
	Said    url.Values        // what was filled in already
	Wrong   map[string]string // what is wrong with it, by field
}

// newSheet is an empty form.
func newSheet(form, action string) sheetPage {
	return sheetPage{Form: form, Action: action, Key: rand.Text()}
}

// A secondTry is a form that was refused, on a page that says why.
type secondTry struct {
	Title   string
	Text    string
	Numbers []string // to call at once
	Sheet   sheetPage
	Back    string
	Report  string // where to complain of the page that the form stands on
}

// again is the form that r has sent, filled in, with why it was refused; not ok: there is none to show. What a page of another
// site has filled in is shown to nobody.
func (p *Pages) again(r *http.Request, refused *problem.Problem) (page secondTry, ok bool) {
	_, pattern := p.mux.Handler(r)
	form := forms[pattern]
	if form == "" || refused.Kind == problem.NotFound || refused.Kind == problem.Forbidden || r.ParseForm() != nil {
		return secondTry{}, false
	}
	page = secondTry{Title: "还没有提交", Text: say.Text(say.Chinese, refused.Code), Sheet: newSheet(form, r.URL.Path), Back: path.Dir(r.URL.Path)}
	page.Report = page.Back
	if id, err := number(path.Base(page.Back)); form == relayForm && err == nil {
		page.Report = reportOf(BoardPage, id)
	}
	page.Numbers, _ = refused.Members["numbers"].([]string)
	page.Sheet.Said, page.Sheet.Wrong = r.PostForm, map[string]string{}
	for _, f := range refused.Fields {
		page.Sheet.Wrong[strings.TrimPrefix(f.Pointer, "/")] = wrongly(f.Code)
	}
	if key := keyOf(r.PostForm); key != "" {
		page.Sheet.Key = key
	}
	if errors.Is(refused, request.ErrDanger) { // whoever chose it by mistake chooses again
		page.Sheet.Said.Del("danger")
	}
	if form == relayForm && refused.Kind != problem.TooMany {
		// Without them what was answered stays as it is: rather that than lose what was typed.
		page.Sheet.Dangers, _ = p.service.Dangers(r.Context())
	}
	return page, true
}

// wrongly says in words what is wrong with a field.
func wrongly(code string) string {
	switch code {
	case "minLength":
		return "请填写完整"
	case "maxLength":
		return "超过了字数，请写短一些"
	case "pattern":
		return "没有看得见的文字，请重新填写"
	case "control", "utf8":
		return "含有无法显示的字符，请重新填写"
	}
	if say.Has(code) {
		return say.Text(say.Chinese, code)
	}
	return say.Text(say.Chinese, problem.ErrInvalid.Code)
}

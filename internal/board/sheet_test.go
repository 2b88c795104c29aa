package board_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"wanjia/internal/board"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/request"
)

// sends is a form as a browser sends it.
func (x *site) sends(path string, form url.Values) (*httptest.ResponseRecorder, error) {
	x.t.Helper()
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	return w, board.NewPages(x.s, "").Serve(w, r)
}

// need is a form of a board's page, and some fields of it otherwise.
func need(text string, other ...string) url.Values {
	form := url.Values{"key": {"0123456789abcdef"}, "danger": {"none"}, "text": {text}}
	for i := 0; i < len(other); i += 2 {
		form.Set(other[i], other[i+1])
	}
	return form
}

// newest is what the newest need says.
func (x *site) newest() string {
	x.t.Helper()
	var id request.ID
	if err := x.d.Get(x.t.Context(), &id, `SELECT MAX(id) FROM request`); err != nil {
		x.t.Fatal(err)
	}
	d, err := x.needs.Read(x.t.Context(), x.YaoMangzhong, id)
	if err != nil {
		x.t.Fatal(err)
	}
	return d.What
}

// count is how many there are of what a query counts.
func (x *site) count(query string) (n int) {
	x.t.Helper()
	if err := x.d.Get(x.t.Context(), &n, query); err != nil {
		x.t.Fatal(err)
	}
	return n
}

func TestAFormKeepsWhatFitsItsBoxWhole(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		home := "/b/" + formatted(int64(x.id)) + "/relay"
		for what, text := range map[string]string{
			"50 lines, 499 characters by the browser": strings.TrimSuffix(strings.Repeat("一二三四五六七八九\n", 50), "\n"),
			"500 characters": strings.Repeat("长", 500),
			"two":            "漏水",
			"with a tab":     "路灯\t不亮",
		} {
			if _, err := x.sends(home, need(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
				t.Errorf("%s: %v", what, err)
			} else if got := x.newest(); got != text {
				t.Errorf("%s: kept are %d characters, want all %d: %q", what, len([]rune(got)), len([]rune(text)), got)
			}
		}
	})
}

func TestAFormRefusesWhatTheContractRefuses(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		home, complaint := "/b/"+formatted(int64(x.id))+"/relay", "/p/report/board/"+formatted(int64(x.id))
		say := func(text string) url.Values { return url.Values{"key": {"0123456789abcdef"}, "text": {text}} }
		why := func(text string) url.Values { return url.Values{"key": {"0123456789abcdef"}, "reason": {text}} }
		const nothing = "\u200b\u200b\u2060" // as long as a word, and not to be seen
		for _, c := range []struct {
			what, path    string
			form          url.Values
			pointer, code string
		}{
			{"501 letters", home, need(strings.Repeat("a", 501)), "/text", "maxLength"},
			{"no text", home, need(""), "/text", "minLength"},
			{"one letter and blanks", home, need(" a \r\n"), "/text", "minLength"},
			{"a text that cannot be seen", home, need(nothing), "/text", "pattern"},
			{"control characters", home, need("a\x00b\x07c\x1b[31m"), "/text", "control"},
			{"what is no text", home, need("ab\xff"), "/text", "utf8"},
			{"a name that cannot be seen", home, need("路灯不亮", "who", "\u200b"), "/who", "pattern"},
			{"a long name", home, need("路灯不亮", "who", strings.Repeat("名", 21)), "/who", "maxLength"},
			{"a long number", home, need("路灯不亮", "phone", strings.Repeat("1", 21)), "/phone", "maxLength"},
			{"no answer to the question", home, need("路灯不亮", "danger", ""), "/danger", "minLength"},
			{"600 characters of feedback", complaint + "/feedback", say(strings.Repeat("长", 600)), "/text", "maxLength"},
			{"feedback that cannot be seen", complaint + "/feedback", say(nothing), "/text", "pattern"},
			{"a reason of 301", complaint + "/takedown", why(strings.Repeat("长", 301)), "/reason", "maxLength"},
			{"a reason that cannot be seen", complaint + "/takedown", why(nothing), "/reason", "pattern"},
		} {
			var p *problem.Problem
			if _, err := x.sends(c.path, c.form); !errors.As(err, &p) || p.Kind != problem.Invalid {
				t.Errorf("%s: %v, want it refused", c.what, err)
			} else if want := (problem.Field{Pointer: c.pointer, Code: c.code}); len(p.Fields) != 1 || p.Fields[0] != want {
				t.Errorf("%s: wrong is %v, want %v", c.what, p.Fields, want)
			}
		}
		if n := x.count(`SELECT (SELECT COUNT(*) FROM request) + (SELECT COUNT(*) FROM feedback) + (SELECT COUNT(*) FROM takedown)`); n != 0 {
			t.Errorf("%d of them were kept", n)
		}
		if err := x.shown(); err != nil {
			t.Errorf("without a reason the page is hidden: %v", err)
		}
	})
}

// refuses is the page that says why not to whoever has sent a form.
func (x *site) refuses(path string, form url.Values, refused error) (page string, h http.Header) {
	x.t.Helper()
	var p *problem.Problem
	if !errors.As(refused, &p) {
		x.t.Fatalf("%s: %v, want it refused", path, refused)
	}
	r := httptest.NewRequestWithContext(x.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	board.NewPages(x.s, "").Refuse(w, r, http.StatusTeapot, p)
	if w.Code != http.StatusTeapot {
		x.t.Errorf("%s: status %d, want the one that was given", path, w.Code)
	}
	return w.Body.String(), w.Header()
}

func TestAFormThatIsRefusedIsShownAgainAsItWasFilledIn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		home, complaint := "/b/"+formatted(int64(x.id))+"/relay", "/p/report/board/"+formatted(int64(x.id))
		const key, chosen = `name="key" value="0123456789abcdef"`, `<option value="none" selected>`
		long := strings.Repeat("长", 501)
		for _, c := range []struct {
			what, path  string
			form        url.Values
			refused     error // nil: as it is
			wants, none []string
		}{
			{
				"what is too long", home, need("<b>"+long, "who", "姚先生", "phone", "19900000001"), nil,
				[]string{"&lt;b&gt;" + long, `value="姚先生"`, `value="19900000001"`, chosen, key, "请写短一些", `href="/b/` + formatted(int64(x.id)) + `"`},
				[]string{"<b>"},
			},
			{"a number that is none", home, need("路灯不亮", "phone", "123456"), nil, []string{"路灯不亮", `value="123456"`, chosen, "电话号码的格式不对"}, nil},
			{"too many", home, need("路灯不亮"), problem.ErrTooMany, []string{"路灯不亮", `name="danger" value="none"`, key, "操作太频繁"}, nil},
			{"a form without its key", home, need("路灯不亮", "key", ""), nil, []string{"路灯不亮", chosen, "再提交一次"}, []string{`name="key" value=""`, "Idempotency"}},
			{"gas", home, need("路灯不亮", "danger", "gas"), nil, []string{`href="tel:119"`, "离开危险的地方", "路灯不亮", `<option value="gas">`}, []string{"稍后再试", "selected", `tel:120`}},
			{"a page of another site", home, need("路灯不亮"), problem.ErrForbidden, nil, []string{"路灯不亮", "<form"}},
			{"a board that is none", "/b/999999/relay", need("路灯不亮"), nil, []string{"牌号"}, []string{"<form"}},
			{"long feedback", complaint + "/feedback", url.Values{"key": {"0123456789abcdef"}, "text": {long}}, nil, []string{long, key, complaint + "/feedback", "请写短一些"}, nil},
			{"a long reason", complaint + "/takedown", url.Values{"key": {"0123456789abcdef"}, "reason": {long}}, nil, []string{long, key, complaint + "/takedown", "请写短一些"}, nil},
			{"an unknown code", "/p/takedown", url.Values{"code": {"AAAAA-AAAAA"}}, nil, []string{"没有这个回执码", `value="AAAAA-AAAAA"`}, []string{"牌号"}},
		} {
			refused := c.refused
			if refused == nil {
				_, refused = x.sends(c.path, c.form)
			}
			page, h := x.refuses(c.path, c.form, refused)
			for _, want := range c.wants {
				if !strings.Contains(page, want) {
					t.Errorf("%s: the page lacks %s: %s", c.what, want, page)
				}
			}
			for _, not := range c.none {
				if strings.Contains(page, not) {
					t.Errorf("%s: the page has %s: %s", c.what, not, page)
				}
			}
			if h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "same-origin" {
				t.Errorf("%s: headers %v, want those of all pages", c.what, h)
			}
		}
	})
}

func TestEveryPageAndEveryAnswerSaysWhereToComplain(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		x := published(t, d)
		id := formatted(int64(x.id))
		home, complaint := "/b/"+id, "/p/report/board/"+id
		form := func(field, text string) url.Values { return url.Values{"key": {"0123456789abcdef"}, field: {text}} }
		ofBoard, ofNone := `<a href="`+complaint+`">投诉建议 · 申请撤下本页</a>`, `<a href="/p/takedown">凭回执码查询进度</a>`
		long := strings.Repeat("长", 501)
		sent := func(path string, f url.Values) string {
			t.Helper()
			w, err := x.sends(path, f)
			if err != nil {
				page, _ := x.refuses(path, f, err)
				return page
			}
			return w.Body.String()
		}
		seen := func(path string) string {
			t.Helper()
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			if err := board.NewPages(x.s, "").Serve(w, r); err != nil {
				var p *problem.Problem
				if !errors.As(err, &p) {
					t.Fatalf("%s: %v", path, err)
				}
				board.NewPages(x.s, "").Refuse(w, r, http.StatusTeapot, p)
			}
			return w.Body.String()
		}
		for what, c := range map[string]struct{ page, want string }{
			"a board":                  {seen(home), ofBoard},
			"read aloud":               {seen(home + "/aloud"), ofBoard},
			"to print":                 {seen(home + "/a4"), ofBoard},
			"a need that was taken":    {sent(home+"/relay", need("路灯不亮")), ofBoard},
			"a need that was refused":  {sent(home+"/relay", need(long)), ofBoard},
			"feedback":                 {sent(complaint+"/feedback", form("text", "字再大些")), ofBoard},
			"feedback that is refused": {sent(complaint+"/feedback", form("text", long)), ofBoard},
			"a wish that is refused":   {sent(complaint+"/takedown", form("reason", long)), ofBoard},
			"what became of none":      {sent("/p/takedown", url.Values{"code": {"AAAAA-AAAAA"}}), ofNone},
			"where it is asked":        {seen("/p/takedown"), ofNone},
			"a board that is none":     {seen("/b/999999"), ofNone},
			"the way to complain":      {seen(complaint), `action="` + complaint + `/takedown"`},
		} {
			if !strings.Contains(c.page, c.want) {
				t.Errorf("%s: the page lacks %s: %s", what, c.want, c.page)
			}
		}
		taken := sent(complaint+"/takedown", form("reason", "照片不是我"))
		if !strings.Contains(taken, ofBoard) {
			t.Errorf("a wish that was taken: the page lacks %s: %s", ofBoard, taken)
		}
		if hidden := seen(home); !strings.Contains(hidden, ofNone) || strings.Contains(hidden, complaint) {
			t.Errorf("a hidden board: the page lacks %s: %s", ofNone, hidden)
		}
	})
}

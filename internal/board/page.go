package board

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/say"
	"wanjia/internal/request"
	"wanjia/internal/upload"
)

//go:embed pages/*
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"date": date,
	"face": boardPortrait,
	"shown": func(of ID, s Shown) any {
		return struct {
			Shown
			Board ID
		}{s, of}
	},
	"day": func(t time.Time) string { return t.In(calendar.Shanghai).Format("2006年1月2日") },
}).ParseFS(files, "pages/*.html"))

// date is a day as people read it; of none, nothing.
func date(of any) string {
	switch d := of.(type) {
	case calendar.Day:
		return d.Time().In(calendar.Shanghai).Format("2006年1月2日")
	case *calendar.Day:
		if d != nil {
			return date(*d)
		}
	}
	return ""
}

// Pages are what everybody can open in a browser without signing in: what a board says, the same to print and to be read
// aloud. They run no script, fetch nothing from elsewhere, and no cache keeps them: who withdraws a consent is gone.
type Pages struct {
	service *Service
	site    string // https://…, without a slash at the end; "": as the browser has it
	mux     *http.ServeMux
}

// Paths are the routes of Pages.
var Paths = []string{"/b/*", "/p/*"}

// NeedPaths are those of Paths whose forms bring a need.
var NeedPaths = []string{"/b/*"}

// NewPages makes Pages of s, whose QR codes lead to site.
func NewPages(s *Service, site string) *Pages {
	p := &Pages{service: s, site: strings.TrimSuffix(site, "/"), mux: http.NewServeMux()}
	p.mux.Handle("GET /b/style/{file}", own(p.style))
	p.mux.Handle("GET /b/{board}", own(p.board))
	p.mux.Handle("GET /b/{board}/{what}", own(p.board))
	p.mux.Handle("GET /b/{board}/portrait/{portrait}", own(p.portrait))
	p.mux.Handle("POST /b/{board}/relay", own(p.relay))
	p.public()
	return p
}

// forms are what the routes that take a form do, once for each form.
var forms = map[string]string{
	"POST /b/{board}/relay":               "relayForm",
	"POST /p/report/{kind}/{id}/takedown": "takedownForm",
	"POST /p/report/{kind}/{id}/feedback": "feedbackForm",
}

// Known says whether r is a form that was carried out already: Serve would answer it as it did then.
func (p *Pages) Known(r *http.Request) (bool, error) {
	_, pattern := p.mux.Handler(r)
	if forms[pattern] == "" {
		return false, nil
	}
	_, ctx, err := form(r, forms[pattern])
	if err != nil {
		return false, nil //nolint:nilerr // because what is no form was carried out never
	}
	return once.Done(ctx, p.service.db, 0)
}

// own is a page that may refuse.
type own func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP is for the mux. What was refused is handed back to Serve.
func (f own) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a, ok := w.(*answer); ok {
		a.err = f(a, r)
	}
}

// An answer remembers why a page was refused.
type answer struct {
	http.ResponseWriter
	err error
}

// guarded are the headers of all pages.
func guarded(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would take the origin from our own forms
	h.Set("Cache-Control", "no-store")
}

// Serve answers with a page, or says why not.
func (p *Pages) Serve(w http.ResponseWriter, r *http.Request) error {
	guarded(w.Header())
	if _, pattern := p.mux.Handler(r); pattern == "" {
		return problem.ErrNotFound
	}
	a := &answer{ResponseWriter: w}
	p.mux.ServeHTTP(a, r)
	return a.err
}

// Refuse writes the page that says why not: to whoever has sent a form that form, as they have filled it in.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, status int, refused *problem.Problem) {
	guarded(w.Header())
	var b bytes.Buffer
	name, page := p.refused(r, refused)
	if err := templates.ExecuteTemplate(&b, name, page); err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// refused is the page that says why not, by the name of its template.
func (p *Pages) refused(r *http.Request, refused *problem.Problem) (name string, page any) {
	lost := errors.Is(refused, problem.ErrNotFound)
	if again, ok := p.again(r, refused); ok {
		return "again.html", again
	}
	if _, pattern := p.mux.Handler(r); pattern == asked && lost && r.ParseForm() == nil {
		return "status.html", map[string]any{"Title": "撤下申请进度", "Typed": r.PostForm.Get("code")}
	}
	return "refused.html", map[string]any{"Title": "打不开", "Text": say.Text(say.Chinese, refused.Code), "Lost": lost}
}

// write answers with a page, whole or not at all.
func write(w http.ResponseWriter, name string, data any) error {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("write the page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := w.Write(b.Bytes())
	if err != nil {
		return nil //nolint:nilerr // because nobody is left to tell
	}
	return nil
}

// style is a style sheet; those change with the program only.
func (p *Pages) style(w http.ResponseWriter, r *http.Request) error {
	text, err := files.ReadFile("pages/" + r.PathValue("file"))
	if err != nil || !strings.HasSuffix(r.PathValue("file"), ".css") {
		return problem.ErrNotFound
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=300")
	if _, err := w.Write(text); err != nil { //nolint:gosec // because it is a file of ours, and no page
		return nil //nolint:nilerr // because nobody is left to tell
	}
	return nil
}

// A boardPage is what the pages of a board say.
type boardPage struct {
	Title string
	Scan
	Report string // where to complain of this page

	Form  sheetPage // by which a message is sent
	QR    template.HTML
	Paper string // a3 or a4
	PDF   bool   // there is a file of it too
	Today calendar.Day
}

// board is a board as it is found, to print, or to be read aloud.
func (p *Pages) board(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r.PathValue("board"))
	if err != nil {
		return err
	}
	what := r.PathValue("what")
	switch what {
	case "a3", "a4":
		return p.paper(w, r, ID(id), what)
	case "a3.pdf", "a4.pdf":
		return p.pdf(w, r, ID(id), strings.TrimSuffix(what, ".pdf"))
	case "", "aloud":
		return p.look(w, r, ID(id), 0, what)
	}
	version, err := number(what)
	if err != nil {
		return err
	}
	return p.look(w, r, ID(id), int(version), "")
}

func (p *Pages) look(w http.ResponseWriter, r *http.Request, id ID, version int, what string) error {
	found, err := p.service.Look(r.Context(), id, version)
	if err != nil {
		return err
	}
	page, name := p.pageOf(found), "board.html"
	if page.Form.Dangers, err = p.service.Dangers(r.Context()); err != nil {
		return err
	}
	switch {
	case found.Hidden != "":
		return notShown(found.Hidden)
	case what == "aloud":
		name = "aloud.html"
	}
	return write(w, name, page)
}

func (p *Pages) pageOf(found Scan) boardPage {
	return boardPage{
		Title: found.AreaName + "服务公示牌", Scan: found, Report: reportOf(BoardPage, int64(found.ID)),
		Form: newSheet(relayForm, fmt.Sprintf("/b/%d/relay", found.ID)), Today: calendar.DayOf(p.service.db.Now()),
	}
}

// paper is a board to print from the browser.
func (p *Pages) paper(w http.ResponseWriter, r *http.Request, id ID, size string) error {
	page, err := p.printed(r, id)
	if err != nil {
		return err
	}
	page.Paper, page.PDF = size, p.service.font != nil
	if page.QR, err = drawQR(p.codeOf(r, page.Scan)); err != nil {
		return err
	}
	return write(w, "paper.html", page)
}

// printed is what a board says on paper. It says what the newest version says: an older one is worth no paper.
func (p *Pages) printed(r *http.Request, id ID) (page boardPage, err error) {
	found, err := p.service.Look(r.Context(), id, 0)
	switch {
	case err != nil:
		return page, err
	case found.Hidden != "":
		return page, notShown(found.Hidden)
	}
	page = p.pageOf(found)
	page.Content.Holders = staying(found.Content.Holders)
	return page, nil
}

// codeOf is what the code on a printed board says: where it is found, and which version it is.
func (p *Pages) codeOf(r *http.Request, found Scan) string {
	return fmt.Sprintf("%s/b/%d/%d", p.address(r), found.ID, found.Latest)
}

// portrait is that of somebody whom a board shows.
func (p *Pages) portrait(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r.PathValue("board"))
	if err != nil {
		return err
	}
	portrait, err := number(r.PathValue("portrait"))
	if err != nil {
		return err
	}
	jpeg, err := p.service.BoardPortrait(r.Context(), ID(id), upload.ID(portrait))
	if err != nil {
		return err
	}
	return writePicture(w, jpeg)
}

// staying are those who stand on paper: whoever is there for some days only does not.
func staying(all []Shown) (some []Shown) {
	for _, s := range all {
		if !s.StandsIn {
			some = append(some, s)
		}
	}
	return some
}

// address is where people reach us, for a code that somebody scans elsewhere.
func (p *Pages) address(r *http.Request) string {
	switch {
	case p.site != "":
		return p.site
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// relay takes the form of a board's page.
func (p *Pages) relay(w http.ResponseWriter, r *http.Request) error {
	id, err := number(r.PathValue("board"))
	if err != nil {
		return err
	}
	f, ctx, err := form(r, forms[r.Pattern])
	if err != nil {
		return err
	}
	m := Message{Text: f.must("text", 2, longestText), Who: f.may("who", 1, longestName), Phone: f.may("phone", 5, longestName), Danger: request.Danger(f.must("danger", 1, longestName))}
	if err := f.misfit(); err != nil {
		return err
	}
	slip, err := p.service.Relay(ctx, ID(id), m)
	if err != nil {
		return err
	}
	mark(ctx, w)
	return write(w, "relayed.html", map[string]any{
		"Title": "已转达", "Code": slip.Receipt.String(), "Secret": slip.Secret, "CallBack": m.Phone != "", "Back": fmt.Sprintf("/b/%d", id),
		"Report": reportOf(BoardPage, id),
	})
}

// The longest texts of forms, as the contract has them for the same acts.
const (
	longestText = 500
	longestName = 20
)

// form reads a form that was sent, under the key that it was given: sent twice, it is once. Whoever goes back, writes something
// else and sends that under the same key has sent another one.
func form(r *http.Request, operation string) (f *sheet, ctx context.Context, err error) {
	if err := r.ParseForm(); err != nil {
		return nil, nil, problem.ErrMalformed
	}
	if keyOf(r.PostForm) == "" {
		return nil, nil, ErrFormIncomplete
	}
	sum := sha256.Sum256([]byte(r.URL.Path + "\n" + r.PostForm.Encode()))
	ctx = once.With(r.Context(), once.Call{Operation: operation, Key: hex.EncodeToString(sum[:]), Fingerprint: sum[:]})
	return &sheet{fields: r.PostForm}, ctx, nil
}

// mark says of an answer that it is the one to an earlier sending of the same form.
func mark(ctx context.Context, w http.ResponseWriter) {
	if once.Replayed(ctx) {
		w.Header().Set("Idempotent-Replayed", "true")
	}
}

// number is an identifier in a path.
func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || text[0] == '+' || text[0] == '0' {
		return 0, problem.ErrNotFound
	}
	return n, nil
}

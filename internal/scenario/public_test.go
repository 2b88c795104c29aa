package scenario

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// page opens a public page as anybody does, and returns what it says.
func (w *world) page(path string, status int) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.browse(req, status)
}

// submit sends a form of a public page.
func (w *world) submit(path string, form url.Values, status int) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.url)
	return w.browse(req, status)
}

func (w *world) browse(req *http.Request, status int) string {
	w.t.Helper()
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if res.StatusCode != status {
		w.t.Fatalf("%s %s: %d, want %d: %s", req.Method, req.URL.Path, res.StatusCode, status, b)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'self'; form-action 'self'") {
		w.t.Errorf("%s may do what is not needed: %q", req.URL.Path, csp)
	}
	if cache := res.Header.Get("Cache-Control"); cache != "no-store" {
		w.t.Errorf("%s is kept by caches: %q", req.URL.Path, cache)
	}
	if html := res.Header.Get("Content-Type"); strings.HasPrefix(html, "text/html") && !strings.Contains(string(b), "申请撤下") {
		w.t.Errorf("%s does not say where to complain: %s", req.URL.Path, b)
	}
	return string(b)
}

// holds fails the test unless a page holds all texts.
func (w *world) holds(what, page string, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			w.t.Errorf("%s: %q is not there: %s", what, text, page)
		}
	}
}

// lacks fails the test if a page holds any of the texts.
func (w *world) lacks(what, page string, texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			w.t.Errorf("%s: %q is there: %s", what, text, page)
		}
	}
}

// until waits for what the loops of the program do by themselves.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for range 1800 { // some of what is due is looked for each minute
		if is() {
			return
		}
		<-look.C
	}
	w.t.Fatalf("%s has not come", what)
}

var formKey = regexp.MustCompile(`name="key" value="([^"]+)"`)

// key is that of the form on a page.
func (w *world) key(page string) string {
	w.t.Helper()
	found := formKey.FindStringSubmatch(page)
	if found == nil {
		w.t.Fatalf("there is no form: %s", page)
	}
	return found[1]
}

// reviewed is the promise of every public page: whoever reads it can complain of it, and nobody is told who reads.
func (w *world) reviewed(t *testing.T, page string) {
	t.Helper()
	w.holds("every public page", page, `href="/p/report/`, "申请撤下本页")
}

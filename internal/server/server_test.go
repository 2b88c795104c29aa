package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"wanjia/api"
	"wanjia/internal/platform/watch"
)

// only is a server without features: everything but the version is nil.
type only struct{ api.StrictServerInterface }

func (only) GetVersion(ctx context.Context, r api.GetVersionRequestObject) (api.GetVersionResponseObject, error) {
	return About{Version: "1.2.3"}.GetVersion(ctx, r)
}

func newServer(t *testing.T) *Server {
	t.Helper()
	s, err := New(Options{
		Operations: only{}, Identify: identify, StepUp: steppedUp, Limit: unlimited, Address: Direct(), Metrics: watch.NewMetrics(),
		Log:   watch.Logger(io.Discard, 0),
		Ready: []Check{{"database", func(context.Context) error { return nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// outside are the routes that the contract leaves out (architecture.md §7).
var outside = []string{
	"/docs", "/docs/", "/docs/page.css", "/docs/page.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/favicon-32x32.png",
	"/openapi.yaml", "/", "/start/start.css", "/start/start.js", "/m/*", "/console/*", "/v1/push", "/v1/push/events",
}

func TestA5_1RoutesAreTheOperationsOfTheContractBothWays(t *testing.T) {
	t.Parallel()
	doc, err := loadDocument(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			want = append(want, method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path))
		}
	}
	for _, r := range newServer(t).public.Routes() {
		if r.Method != echo.RouteNotFound && !slices.Contains(outside, r.Path) {
			got = append(got, r.Method+" "+r.Path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("routes\n%v\nwant the operations\n%v", got, want)
	}
}

func get(t *testing.T, h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r, a := httptest.NewRequest(http.MethodGet, path, http.NoBody), httptest.NewRecorder()
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	h.ServeHTTP(a, r)
	return a
}

func TestTheVersionIsToldToEverybody(t *testing.T) {
	t.Parallel()
	a := get(t, newServer(t).Handler(), "/v1/version")
	var v api.Version
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != http.StatusOK || v.Version != "1.2.3" || v.Contract != "1" {
		t.Errorf("%d %s: %v", a.Code, a.Body, err)
	}
	if err := CheckAnswer(http.MethodGet, &url.URL{Path: "/v1/version"}, a.Code, a.Header(), a.Body.Bytes()); err != nil {
		t.Error(err)
	}
}

func TestTheDocsComeFromTheBinaryWithoutInlineScript(t *testing.T) {
	t.Parallel()
	h := newServer(t).Handler()
	for path, kind := range map[string]string{
		"/docs": "text/html", "/docs/page.js": "text/javascript", "/docs/page.css": "text/css", "/docs/swagger-ui.css": "text/css",
		"/docs/swagger-ui-bundle.js": "text/javascript", "/docs/favicon-32x32.png": "image/png", "/openapi.yaml": "application/yaml",
	} {
		a := get(t, h, path)
		if a.Code != http.StatusOK || !strings.HasPrefix(a.Header().Get("Content-Type"), kind) || a.Body.Len() == 0 {
			t.Errorf("%s: %d %s, %d bytes; want %s", path, a.Code, a.Header().Get("Content-Type"), a.Body.Len(), kind)
		}
		if again := get(t, h, path, "If-None-Match", a.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s again: %d, want 304", path, again.Code)
		}
	}
	page := get(t, h, "/docs").Body.String()
	for _, bad := range []string{"http://", "https://", "<script>", "onload="} {
		if strings.Contains(page, bad) {
			t.Errorf("/docs holds %q", bad)
		}
	}
	if a := get(t, h, "/docs/swagger-ui-bundle.js.map"); a.Code != http.StatusNotFound {
		t.Errorf("a file that the page does not name: %d, want 404", a.Code)
	}
}

func TestA5_3HealthAndMetricsAreOnTheAdminListenerOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	get(t, s.Handler(), "/v1/version")
	for path, want := range map[string]string{
		"/metrics": `wanjia_http_requests_total{operation="getVersion",status="200"} 1`, "/livez": "ok", "/readyz": "database", "/debug/pprof/": "goroutine",
	} {
		if a := get(t, s.Admin(), path); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), want) {
			t.Errorf("admin %s: %d, want 200 with %q", path, a.Code, want)
		}
		if a := get(t, s.Handler(), path); a.Code != http.StatusNotFound {
			t.Errorf("public %s: %d, want 404", path, a.Code)
		}
	}
}

func TestANodeThatLacksSomethingIsNotReady(t *testing.T) {
	t.Parallel()
	a := httptest.NewRecorder()
	ready([]Check{
		{"redis", func(context.Context) error { return errors.New("no answer") }}, {"database", func(context.Context) error { return nil }},
	})(a, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
	var said map[string]string
	if err := json.Unmarshal(a.Body.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	if a.Code != http.StatusServiceUnavailable || said["redis"] != "no answer" || said["database"] != "ok" {
		t.Errorf("%d %v, want 503 and which of them", a.Code, said)
	}
}

func TestA3_1AnAnswerThatTheContractDoesNotPromiseIsFound(t *testing.T) {
	t.Parallel()
	js := http.Header{"Content-Type": {"application/json"}}
	pj := http.Header{"Content-Type": {"application/problem+json"}}
	good := `{"type":"urn:wanjia:problem:not-found","title":"x","status":404,"code":"common.not_found","instance":"1"}`
	for name, c := range map[string]struct {
		path   string
		status int
		header http.Header
		body   string
		ok     bool
	}{
		"as promised":           {"/v1/version", 200, js, `{"version":"1","contract":"1","demo":false}`, true},
		"a property too many":   {"/v1/version", 200, js, `{"version":"1","contract":"1","demo":false,"phone":"19900001234"}`, false},
		"a property too few":    {"/v1/version", 200, js, `{"version":"1"}`, false},
		"null for a text":       {"/v1/version", 200, js, `{"version":"1","contract":null,"demo":false}`, false},
		"another status":        {"/v1/version", 201, js, `{"version":"1","contract":"1","demo":false}`, false},
		"another kind":          {"/v1/version", 200, http.Header{"Content-Type": {"text/html"}}, `x`, false},
		"a problem":             {"/v1/version", 404, pj, good, true},
		"a problem as JSON":     {"/v1/version", 404, js, good, false},
		"a problem, no code":    {"/v1/version", 404, pj, strings.Replace(good, "code", "kode", 1), false},
		"a code without text":   {"/v1/version", 404, pj, strings.Replace(good, "common.not_found", "common.nosuch", 1), false},
		"a lying problem":       {"/v1/version", 409, pj, good, false},
		"no operation":          {"/v1/nosuch", 200, js, `{}`, false},
		"no operation, refused": {"/v1/nosuch", 404, pj, good, true},
		"outside the contract":  {"/docs", 200, js, `x`, true},
	} {
		err := CheckAnswer(http.MethodGet, &url.URL{Path: c.path}, c.status, c.header, []byte(c.body))
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkCheck is the price of holding a request against the contract: sign-in and handler cost nothing here.
func BenchmarkCheck(b *testing.B) {
	e := newEdge(b, nil)
	body := `{"note":"all well at home","ref":"0f8b6a1e-5d1c-4a53-9a0f-6b7f2c1d9e11","at":"2026-05-11T01:02:03Z","count":3,"kinds":["a","b"]}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/v1/visits", strings.NewReader(body))
		r.Header = http.Header{"Authorization": {holder}, "Idempotency-Key": {key}, "Content-Type": {"application/json"}}
		a := httptest.NewRecorder()
		if e.echo.ServeHTTP(a, r); a.Code != http.StatusNoContent {
			b.Fatal(a.Code, a.Body)
		}
		e.log.Reset()
	}
}

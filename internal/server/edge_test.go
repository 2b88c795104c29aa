package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/watch"
)

func TestA3_2AKeyTheContractDoesNotNameIsRefusedInAnyCasing(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for _, name := range []string{"role", "roles", "unitId", "status", "verified", "createdBy", "id", "deletedAt", "level", "consent", "NOTE"} {
		for _, k := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			a := e.post(t, fmt.Sprintf(`{"note":"all well",%q:1}`, k))
			if a.Code != http.StatusBadRequest || e.reached {
				t.Errorf("%s: %d, handler reached: %v; want 400 and not", k, a.Code, e.reached)
				continue
			}
			if got := a.problem.Errors; len(got) != 1 || got[0].Pointer != "/"+k {
				t.Errorf("%s: errors %v, want its pointer", k, got)
			}
		}
	}
}

func TestA3_2BadJSONIs400AndBadValuesAre422(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for _, c := range []struct {
		body   string
		status int
		errors string
	}{
		{`{"note":"x1"`, 400, " syntax"},
		{`{"note":"x1","note":"x2"}`, 400, "/note duplicate_key"},
		{`{"note":"x1"} 2`, 400, " trailing_data"},
		{"{\"note\":\"\xc3\x28\"}", 400, " utf8"},
		{`{"note":"x1","b":1,"a":1,"count":-1}`, 400, "/a unknown_key,/b unknown_key"},
		{`{}`, 422, "/note required"},
		{`[]`, 422, " type"},
		{`null`, 422, " nullable"},
		{`{"note":1}`, 422, "/note type"},
		{`{"note":"x"}`, 422, "/note minLength"},
		{`{"note":"x1","ref":"0f8b6a1e-5d1c-4a53-9a0f-6b7f2c1d9e1"}`, 422, "/ref format"},
		{`{"note":"x1","ref":"0f8b6a1e-5d1c-9a53-9a0f-6b7f2c1d9e11"}`, 422, "/ref format"},
		{`{"note":"x1","day":"2026-02-30"}`, 422, "/day format"},
		{`{"note":"x1","day":"0001-01-01"}`, 422, "/day format"},
		{`{"note":"x1","at":"2026-05-11T23:59:60Z"}`, 422, "/at format"},
		{`{"note":"x1","count":1.5}`, 422, "/count type"},
		{`{"note":"x1","count":1e400}`, 422, "/count type"},
		{`{"note":"x1","count":-1,"kinds":["a","c","b","a"]}`, 422, "/count minimum,/kinds maxItems,/kinds/1 enum"},
		{`{"note":"x1","inner":{"x":9}}`, 422, "/inner/x maximum"},
	} {
		a := e.post(t, c.body)
		var got []string
		for _, f := range a.problem.Errors {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if a.Code != c.status || strings.Join(got, ",") != c.errors {
			t.Errorf("%s: %d %q, want %d %q", c.body, a.Code, strings.Join(got, ","), c.status, c.errors)
		}
	}
}

func TestAnAnswerNeverQuotesTheValueItRefuses(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	const canary = "canary-19900001234"
	for _, body := range []string{
		`{"note":"x1","ref":"` + canary + `"}`, `{"note":"x1","kinds":["` + canary + `"]}`, `{"note":["` + canary + `"]}`,
		`{"note":"x1","day":"` + canary + `"}`, `{"note":"` + canary + `","note":"` + canary + `"}`, `{"note":"` + canary,
	} {
		if a := e.post(t, body); strings.Contains(a.Body.String(), canary) {
			t.Errorf("%s: %s quotes the value", body, a.Body)
		}
	}
	a := e.ask(t, http.MethodGet, "/v1/visits?size="+canary, "", "Authorization", holder)
	if a.Code != 422 || strings.Contains(a.Body.String(), canary) {
		t.Errorf("a bad parameter: %d %s", a.Code, a.Body)
	}
	if strings.Contains(e.log.String(), canary) {
		t.Errorf("the log quotes the value: %s", e.log)
	}
}

func TestAGoodBodyArrivesDecodedOnceWithItsDefaults(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	if a := e.post(t, `{"note":"x1","count":9007199254740993}`); a.Code != http.StatusNoContent {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	said, _ := e.validate.(map[string]any)
	if fmt.Sprint(said["count"]) != "9007199254740993" || fmt.Sprint(said["size"]) != "7" {
		t.Errorf("the handler got %v, want count exactly and size 7", said)
	}
	if by := org.ActorFrom(e.request.Context()); by.Role != org.RoleAreaHolder || by.PersonID != 31 {
		t.Errorf("the handler saw %v, want the area holder", by)
	}
	if _, limited := e.request.Context().Deadline(); !limited {
		t.Error("the handler has for ever, want 3 seconds")
	}
	e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder)
	if got := e.request.URL.Query().Get("size"); got != "50" {
		t.Errorf("default of size: %q, want 50", got)
	}
}

func TestWhatTheQueryMayHold(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for query, want := range map[string]int{
		"": 204, "?size=3&kind=a&kind=b": 204, "?cursor=abc": 204,
		"?nosuch=1": 400, "?Size=3": 400, "?size=1&size=2": 400, "?size=%zz": 400, "?a;b": 400, "?cursor=%ff": 400,
		"?size=0": 422, "?size=101": 422, "?size=x": 422,
	} {
		if a := e.ask(t, http.MethodGet, "/v1/visits"+query, "", "Authorization", holder); a.Code != want {
			t.Errorf("%q: %d %s, want %d", query, a.Code, a.Body, want)
		}
	}
	for _, query := range []string{"?cursor=A1", "?after=A1"} { // of a page, and of the inbox
		if a := e.ask(t, http.MethodGet, "/v1/visits"+query, "", "Authorization", holder); a.Code != 400 || a.problem.Code != problem.ErrCursor.Code {
			t.Errorf("%s is a cursor that is none: %d %s, want 400 %s", query, a.Code, a.problem.Code, problem.ErrCursor.Code)
		}
	}
	for _, path := range []string{"/v1/visits/abc", "/v1/visits/0", "/v1/visits/99999999999999999999", "/v1/visits/%33", "/v1/visits/3%2f4", "/v1/visits/%2533"} {
		if a := e.ask(t, http.MethodGet, path, "", "Authorization", holder); a.Code != http.StatusNotFound || e.reached {
			t.Errorf("%s: %d, want 404", path, a.Code)
		}
	}
	if a := e.ask(t, http.MethodGet, "/v1/visits", "{}", "Authorization", holder); a.Code != 400 {
		t.Errorf("a GET with a body: %d, want 400", a.Code)
	}
}

func TestSignInAndRolesAreTakenFromTheContract(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for _, c := range []struct {
		path, token string
		status      int
	}{
		{"GET /v1/open", "", 204},
		{"GET /v1/open", "Bearer expired", 204}, // an old token does not keep anybody from what is public
		{"GET /v1/visits", "", 401},
		{"GET /v1/visits", "Bearer expired", 401},
		{"GET /v1/visits", "Basic YTpi", 401},
		{"GET /v1/visits", "Bearer", 401},
		{"GET /v1/visits", "bearer area_holder", 204},
		{"GET /v1/visits", "Bearer group_leader", 204},
		{"GET /v1/visits", "Bearer resident", 403},
		{"GET /v1/visits/3", "Bearer group_leader", 404},
		{"GET /v1/visits/3", "Bearer area_holder", 204},
		{"POST /v1/visits/3/withdraw", "Bearer resident", 204},
		{"POST /v1/visits/3/withdraw", "", 401},
	} {
		method, path, _ := strings.Cut(c.path, " ")
		var headers []string
		if c.token != "" {
			headers = []string{"Authorization", c.token}
		}
		if a := e.ask(t, method, path, "", headers...); a.Code != c.status || e.reached != (c.status == 204) {
			t.Errorf("%s as %q: %d, handler reached: %v; want %d", c.path, c.token, a.Code, e.reached, c.status)
		}
	}
	if a := e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder, "Authorization", holder); a.Code != 401 {
		t.Errorf("two tokens: %d, want 401", a.Code)
	}
	for as, want := range map[string]int{"7": 204, "0": 400, "-1": 400, "x": 400, "1.5": 400} {
		if a := e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder, "X-Acting-As", as); a.Code != want {
			t.Errorf("acting as %s: %d, want %d", as, a.Code, want)
		}
	}
	if e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder, "X-Acting-As", "7"); org.ActorFrom(e.request.Context()).Assignment != 7 {
		t.Errorf("acted as %v, want assignment 7", org.ActorFrom(e.request.Context()))
	}
}

func TestNothingIsReadFromAStranger(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	body := &counting{}
	r := httptest.NewRequest(http.MethodPost, "/v1/visits", body)
	r.ContentLength = -1
	a := httptest.NewRecorder()
	e.echo.ServeHTTP(a, r)
	if a.Code != 401 || body.reads != 0 {
		t.Errorf("%d after %d reads, want 401 after none", a.Code, body.reads)
	}
}

type counting struct{ reads int }

func (c *counting) Read([]byte) (int, error) { c.reads++; return 0, io.EOF }

func TestAStreamIsCheckedWithoutItsBody(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	body := "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nhello\r\n--x--\r\n"
	headers := []string{"Authorization", holder, "Idempotency-Key", key, "Content-Type", "multipart/form-data; boundary=x"}
	if a := e.ask(t, http.MethodPost, "/v1/uploads", body, headers...); a.Code != 204 || e.body != body {
		t.Errorf("%d with body %q, want 204 and the body whole", a.Code, e.body)
	}
	if _, limited := e.request.Context().Deadline(); limited {
		t.Error("the upload has 3 seconds, want its own time")
	}
	headers[5] = "application/json"
	if a := e.ask(t, http.MethodPost, "/v1/uploads", "{}", headers...); a.Code != 415 {
		t.Errorf("JSON where a file is taken: %d, want 415", a.Code)
	}
	if a := e.ask(t, http.MethodPost, "/v1/uploads", body, "Authorization", holder, "Content-Type", "multipart/form-data; boundary=x"); a.Code != 400 {
		t.Errorf("without a key: %d, want 400", a.Code)
	}
}

func TestA4_1BodiesAndKindsAreBounded(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	fill := func(n int) string {
		const around = len(`{"note":""}`)
		return `{"note":"` + strings.Repeat("a", n-around) + `"}`
	}
	for _, c := range []struct{ size, status int }{{maxJSON, 204}, {maxJSON + 1, 413}, {maxJSON * 1000, 413}} {
		if a := e.post(t, fill(c.size)); a.Code != c.status {
			t.Errorf("%d bytes: %d, want %d", c.size, a.Code, c.status)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/v1/visits", struct{ io.Reader }{strings.NewReader(fill(maxJSON + 1))})
	r.Header = http.Header{"Authorization": {holder}, "Idempotency-Key": {key}, "Content-Type": {"application/json"}}
	r.ContentLength = -1
	a := httptest.NewRecorder()
	if e.echo.ServeHTTP(a, r); a.Code != 413 {
		t.Errorf("chunked and one byte too long: %d, want 413", a.Code)
	}
	for kind, want := range map[string]int{
		"application/json": 204, "application/json; charset=UTF-8": 204,
		"": 415, "text/plain": 415, "application/xml": 415, "application/json; charset=gbk": 415, "application/x-www-form-urlencoded": 415,
	} {
		if a := e.ask(t, http.MethodPost, "/v1/visits", `{"note":"x1"}`, "Authorization", holder, "Idempotency-Key", key, "Content-Type", kind); a.Code != want {
			t.Errorf("kind %q: %d, want %d", kind, a.Code, want)
		}
	}
	if a := e.ask(t, http.MethodPost, "/v1/visits", `{"note":"x1"}`, "Authorization", holder, "Idempotency-Key", key,
		"Content-Type", "application/json", "Content-Encoding", "gzip"); a.Code != 415 {
		t.Errorf("packed: %d, want 415", a.Code)
	}
	if a := e.post(t, ""); a.Code != 400 {
		t.Errorf("no body: %d, want 400", a.Code)
	}
	if a := e.ask(t, http.MethodPost, "/v1/visits/3/withdraw", "{}", "Authorization", holder); a.Code != 400 {
		t.Errorf("a body where none is taken: %d, want 400", a.Code)
	}
}

func TestA4_1ASlowBodyIs408(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	s := httptest.NewUnstartedServer(e.echo)
	s.Config.ReadTimeout = 50 * time.Millisecond
	s.Start()
	defer s.Close()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/visits HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nIdempotency-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{", holder, key)
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 408") || !strings.Contains(string(answer), problem.ErrTimeout.Code) {
		t.Errorf("answer %q, want a 408 problem", answer)
	}
}

func TestI1AWriteNeedsItsKey(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	send := func(k string) reply {
		headers := []string{"Authorization", holder, "Content-Type", "application/json"}
		if k != "" {
			headers = append(headers, "Idempotency-Key", k)
		}
		return e.ask(t, http.MethodPost, "/v1/visits", `{"note":"x1"}`, headers...)
	}
	if a := send(""); a.Code != 400 || a.problem.Code != problem.ErrKeyMissing.Code {
		t.Errorf("no key: %d %s, want 400 %s", a.Code, a.problem.Code, problem.ErrKeyMissing.Code)
	}
	for k, want := range map[string]int{key[:15]: 422, key: 204, strings.Repeat("k", 64): 204, strings.Repeat("k", 65): 422} {
		if a := send(k); a.Code != want {
			t.Errorf("key of %d characters: %d, want %d", len(k), a.Code, want)
		}
	}
	if a := e.ask(t, http.MethodPost, "/v1/visits/3/withdraw", "", "Authorization", holder); a.Code != 204 {
		t.Errorf("a naturally idempotent write without a key: %d, want 204", a.Code)
	}
}

func TestP1EveryRefusalIsAProblemAndSaysNothingOfOurInsides(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for name, c := range map[string]struct {
		answer error
		status int
		code   string
	}{
		"our fault":           {errSecret, 500, "common.internal"},
		"a problem":           {fmt.Errorf("withdraw visit 3: %w", problem.New(problem.Conflict, "common.conflict").With("state", "closed").With("status", 200)), 409, "common.conflict"},
		"no database":         {fmt.Errorf("connect to the database: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), 503, "common.unavailable"},
		"crowded":             {fmt.Errorf("settle asker 7: %w", db.ErrAgain), 503, "common.crowded"},
		"too late":            {fmt.Errorf("find: %w", context.DeadlineExceeded), 503, "common.unavailable"},
		"of the framework":    {echo.NewHTTPError(400, "unmarshal type error: secret"), 400, "common.malformed"},
		"unknown kind":        {problem.New(99, "common.conflict"), 500, "common.internal"},
		"a member is no JSON": {problem.ErrConflict.With("f", func() {}), 500, "common.internal"},
	} {
		e.answer = c.answer
		a := e.ask(t, http.MethodGet, "/v1/open", "")
		if a.Code != c.status || a.problem.Code != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, a.Code, a.problem.Code, c.status, c.code)
		}
		if wait := a.Header().Get("Retry-After"); (wait == "") != (c.status != http.StatusServiceUnavailable) {
			t.Errorf("%s: Retry-After %q with %d", name, wait, c.status)
		}
		for _, inner := range []string{"the same rows", "Table", "visit 3", "secret", "wanjia.", "goroutine"} {
			if strings.Contains(strings.ReplaceAll(a.Body.String(), "urn:wanjia", ""), inner) {
				t.Errorf("%s: %s tells %q", name, a.Body, inner)
			}
		}
	}
	e.answer = fmt.Errorf("x: %w", problem.ErrConflict.With("state", "closed"))
	if a := e.ask(t, http.MethodGet, "/v1/open", ""); a.problem.State != "closed" {
		t.Errorf("state %q, want closed", a.problem.State)
	}
	if !strings.Contains(e.log.String(), "Error 1146") {
		t.Errorf("the log does not hold what the answer hides: %s", e.log)
	}
	for _, c := range []struct {
		language, title string
	}{{"", "没有找到"}, {"en", "Not found"}, {"fr", "没有找到"}} {
		if a := e.ask(t, http.MethodGet, "/v1/nowhere", "", "Accept-Language", c.language); a.Code != 404 || !strings.HasPrefix(a.problem.Title, c.title) {
			t.Errorf("nowhere in %q: %d %q, want 404 %q", c.language, a.Code, a.problem.Title, c.title)
		}
	}
}

func TestP1APanicIsAProblem(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.echo.GET("/v1/panic", func(echo.Context) error { panic("secret") })
	a := e.ask(t, http.MethodGet, "/v1/panic", "")
	if a.Code != 500 || strings.Contains(a.Body.String(), "secret") {
		t.Errorf("%d %s, want 500 without the reason", a.Code, a.Body)
	}
	if !strings.Contains(e.log.String(), "secret") || !strings.Contains(e.log.String(), a.problem.Instance) && a.problem.Instance != "" {
		t.Logf("log: %s", e.log)
	}
	if !strings.Contains(e.log.String(), `"error":"panic: secret`) {
		t.Errorf("the log does not hold the panic: %s", e.log)
	}
}

func TestA5_2OverridesAreIgnoredAndUnlistedMethodsRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for _, method := range []string{"PATCH", "DELETE", "PUT", "TRACE", "OPTIONS", "HEAD", "CONNECT", "PROPFIND", "NOSUCH"} {
		a := e.ask(t, method, "/v1/visits", "", "Authorization", holder)
		if a.Code != 405 || !strings.Contains(a.Header().Get("Allow"), "POST") {
			t.Errorf("%s: %d, Allow %q; want 405 with what is allowed", method, a.Code, a.Header().Get("Allow"))
		}
	}
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder, header, "DELETE")
		if !e.reached || e.request.Method != http.MethodGet {
			t.Errorf("%s was heeded", header)
		}
	}
}

func TestA8_1_WithoutKnowingWhoseAddressToBelieveThereIsNoServer(t *testing.T) {
	t.Parallel()
	if s, err := New(Options{Identify: identify, StepUp: steppedUp, Limit: unlimited, Metrics: prometheus.NewRegistry()}); err == nil {
		t.Errorf("made %v without an address, want an error", s)
	}
	for _, origin := range []string{"*", "https://*.example", "example.org", "null"} {
		o := Options{Operations: only{}, Identify: identify, StepUp: steppedUp, Limit: unlimited, Address: Direct(), Metrics: prometheus.NewRegistry(), Origins: []string{origin}}
		if _, err := New(o); err == nil {
			t.Errorf("origin %s was taken, want an error", origin)
		}
	}
}

func TestD6AForgedAddressIsNotBelieved(t *testing.T) {
	t.Parallel()
	proxies := BehindProxies([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")})
	for _, c := range []struct {
		whom            Address
		peer, xff, want string
	}{
		{Direct(), "203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		{Direct(), "[::ffff:203.0.113.9]:1", "", "203.0.113.9"},
		{proxies, "192.0.2.1:1", "198.51.100.1", "198.51.100.1"},
		{proxies, "192.0.2.1:1", "10.0.0.1, 198.51.100.1", "198.51.100.1"},
		{proxies, "192.0.2.1:1", "198.51.100.1, 192.0.2.7", "198.51.100.1"},
		{proxies, "203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		{proxies, "127.0.0.1:1", "198.51.100.1", "127.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.xff != "" {
			r.Header.Set("X-Forwarded-For", c.xff)
		}
		if got := c.whom(r).String(); got != c.want {
			t.Errorf("peer %s says %q: %s, want %s", c.peer, c.xff, got, c.want)
		}
	}
}

func TestA8_2EveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	for _, path := range []string{"/v1/open", "/v1/visits", "/v1/nowhere"} {
		h := e.ask(t, http.MethodGet, path, "").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=",
			"Content-Security-Policy": "script-src 'self'; style-src 'self' 'unsafe-inline'", "X-Request-Id": "",
		} {
			if got := h.Get(name); got == "" || !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	for path, want := range map[string]string{"/v1/open": "", "/v1/visits": "no-store"} {
		if got := e.ask(t, http.MethodGet, path, "", "Authorization", holder).Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control %q, want %q", path, got, want)
		}
	}
}

func TestPagesOfOthersMayNotWrite(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(o *Options) { o.Origins = []string{"https://h5.example"} })
	send := func(headers ...string) reply {
		return e.ask(t, http.MethodPost, "/v1/visits/3/withdraw", "", append(headers, "Authorization", holder)...)
	}
	if a := send("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); a.Code != 403 || e.reached {
		t.Errorf("a foreign page: %d, want 403", a.Code)
	}
	if a := send("Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"); a.Code != 204 {
		t.Errorf("our own page: %d, want 204", a.Code)
	}
	if a := send(); a.Code != 204 {
		t.Errorf("no page at all: %d, want 204", a.Code)
	}
	if a := send("Origin", "https://h5.example", "Sec-Fetch-Site", "cross-site"); a.Code != 204 || a.Header().Get("Access-Control-Allow-Origin") != "https://h5.example" {
		t.Errorf("a listed page: %d %v, want 204 and leave to read", a.Code, a.Header())
	}
	ask := func(origin string) reply {
		return e.ask(t, http.MethodOptions, "/v1/visits", "", "Origin", origin, "Access-Control-Request-Method", "POST")
	}
	if a := ask("https://h5.example"); a.Code != 204 || a.Header().Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("a listed page asks first: %d, want 204", a.Code)
	}
	if a := ask("https://evil.example"); a.Code != 405 || a.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a foreign page asks first: %d %v, want 405 and no leave", a.Code, a.Header())
	}
}

func TestL1TheCallerLearnsWhatIsLeft(t *testing.T) {
	t.Parallel()
	var asked []string
	left := limit.Verdict{OK: true, Remaining: 12, Reset: 1500 * time.Millisecond}
	e := newEdge(t, func(o *Options) {
		o.Limit = func(_ context.Context, l limit.Limiter, subject string) limit.Verdict {
			asked = append(asked, l.Name+" "+subject)
			v := left
			v.Limiter = l
			return v
		}
	})
	h := e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", holder).Header()
	if h.Get("RateLimit-Policy") != `"read";q=120;w=60` || h.Get("RateLimit") != `"read";r=12;t=2` {
		t.Errorf("headers %q, %q", h.Get("RateLimit-Policy"), h.Get("RateLimit"))
	}
	left = limit.Verdict{Retry: 2100 * time.Millisecond}
	if a := e.post(t, `{"note":"x1"}`); a.Code != 429 || a.Header().Get("Retry-After") != "3" || e.reached {
		t.Errorf("nothing left: %d, Retry-After %q; want 429 and 3", a.Code, a.Header().Get("Retry-After"))
	}
	e.ask(t, http.MethodGet, "/v1/visits", "", "Authorization", "Bearer expired")
	want := "read p31,write p31,read a192.0.2.1"
	if got := strings.Join(asked, ","); got != want {
		t.Errorf("counted %s, want %s", got, want)
	}
}

func TestOneLineARequestByRouteAndNeverByURL(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	e.ask(t, http.MethodGet, "/v1/visits/424242?secret=1", "", "Authorization", holder)
	var line map[string]any
	if err := json.Unmarshal([]byte(e.log.String()), &line); err != nil {
		t.Fatalf("%v in %s: want one line", err, e.log)
	}
	for name, want := range map[string]any{"route": "/v1/visits/:visitId", "operation": "getVisit", "status": 400.0, "person": 31.0, "role": "area_holder", "code": "common.malformed"} {
		if line[name] != want {
			t.Errorf("%s: %v, want %v", name, line[name], want)
		}
	}
	if strings.Contains(e.log.String(), "424242") || strings.Contains(e.log.String(), "secret") {
		t.Errorf("the line %s holds the URL", e.log)
	}
	families, err := e.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.Contains(f.String(), "424242") {
			t.Errorf("metric %s holds an id", f)
		}
	}
}

func TestAHandlerKnowsItsCaller(t *testing.T) {
	t.Parallel()
	e := newEdge(t, nil)
	a := e.ask(t, http.MethodGet, "/v1/open", "", "X-Wanjia-Client", "console/1.2")
	got := watch.CallerFrom(e.request.Context())
	if got.Request == "" || got.Request != a.Header().Get("X-Request-Id") || got.Address.String() != "192.0.2.1" || got.Client != "console/1.2" {
		t.Errorf("caller %+v, want the request's id, address and client", got)
	}
	if e.ask(t, http.MethodGet, "/v1/open", "", "X-Wanjia-Client", "<script>"); watch.CallerFrom(e.request.Context()).Client != "" {
		t.Errorf("client %q was believed", watch.CallerFrom(e.request.Context()).Client)
	}
}

func TestR16HeadersAreBounded(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(nil)
	s.Config = Listener(newEdge(t, nil).echo, slog.New(slog.DiscardHandler))
	s.Start()
	defer s.Close()
	for size, want := range map[int]int{8 << 10: 204, 64 << 10: 431} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/open", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Much", strings.Repeat("a", size))
		a, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != want {
			t.Errorf("%d bytes of headers: %d, want %d", size, a.StatusCode, want)
		}
	}
	c := s.Config
	if c.ReadHeaderTimeout > 5*time.Second || c.ReadTimeout > 15*time.Second || c.WriteTimeout > 30*time.Second || c.IdleTimeout > time.Minute ||
		c.ReadHeaderTimeout == 0 || c.ReadTimeout == 0 || c.WriteTimeout == 0 || c.IdleTimeout == 0 {
		t.Errorf("limits of time %v %v %v %v", c.ReadHeaderTimeout, c.ReadTimeout, c.WriteTimeout, c.IdleTimeout)
	}
}

// FuzzBody sends anything to the edge: it is taken or refused, and never our fault.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"note":"x1","count":1e3,"kinds":["a"],"inner":{"x":1}}`, `{"note":"x1","day":"2026-05-11","at":"2026-05-11T01:02:03Z"}`,
		`{"note":null}`, `{"role":"user","rOLe":"admin"}`, `[]`, ``, `{"note":"x1","count":-0}`, `{"note":"x1","count":1e999999999}`,
	} {
		f.Add(seed)
	}
	e := newEdge(f, nil)
	f.Fuzz(func(t *testing.T, body string) {
		e.log.Reset()
		if a := e.post(t, body); a.Code != 204 && a.Code != 400 && a.Code != 413 && a.Code != 422 {
			t.Errorf("%q: %d %s", body, a.Code, e.log)
		}
	})
}

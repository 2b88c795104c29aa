package scenario

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

// A browser is a page of the console: it has cookies and says where it comes from.
type browser struct {
	w      *world
	cookie *http.Cookie
}

// post sends a body as the page would; headers are name, value, name, value.
func (b *browser) post(path string, body any, headers ...string) (status int, said map[string]any) {
	b.w.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), http.MethodPost, b.w.url+path, bytes.NewReader(text))
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if b.cookie != nil {
		req.AddCookie(b.cookie)
	}
	res, err := b.w.http.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &said); err != nil {
			b.w.t.Fatalf("%s answers %q: %v", path, answer, err)
		}
	}
	for _, c := range res.Cookies() {
		if c.Name == "wanjia_refresh" {
			b.cookie = c
		}
	}
	return res.StatusCode, said
}

func TestTheCookieOfTheConsoleCountsForItsOwnPageOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	const device = "3f0c8d1b7a52496e"
	b := &browser{w: w}
	status, said := b.post("/v1/auth/demo", map[string]any{"handle": "po.1", "client": "console", "device": device})
	if status != http.StatusOK || said["refreshToken"] != nil || b.cookie == nil {
		t.Fatalf("sign in: %d %v, cookie %v; want the token in a cookie alone", status, said, b.cookie)
	}
	if c := b.cookie; !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/v1/auth" || c.Domain != "" || c.MaxAge != 12*3600 {
		t.Errorf("cookie %s; want HttpOnly, Secure, Strict, on /v1/auth of this host, for twelve hours", c.Raw)
	}
	first, body := b.cookie.Value, map[string]any{"device": device}
	for what, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"no header":       {nil, 401, "auth.refresh_invalid"},
		"mini":            {[]string{"X-Wanjia-Client", "mini/1"}, 401, "auth.refresh_invalid"},
		"cross-site":      {[]string{"X-Wanjia-Client", "console/1", "Sec-Fetch-Site", "cross-site"}, 403, "server.foreign_page"},
		"same-site":       {[]string{"X-Wanjia-Client", "console/1", "Sec-Fetch-Site", "same-site"}, 403, "server.foreign_page"},
		"foreign Origin":  {[]string{"X-Wanjia-Client", "console/1", "Origin", "https://evil.example"}, 403, "server.foreign_page"},
		"Origin null":     {[]string{"X-Wanjia-Client", "console/1", "Origin", "null"}, 403, "server.foreign_page"},
		"no client of us": {[]string{"X-Wanjia-Client", "evil"}, 422, "common.invalid"},
	} {
		status, said := b.post("/v1/auth/refresh", body, c.headers...)
		if status != c.status || said["code"] != c.code || b.cookie.Value != first {
			t.Errorf("%s: %d %v, want %d %s and the cookie as it was", what, status, said["code"], c.status, c.code)
		}
	}
	own := []string{"X-Wanjia-Client", "console/1", "Sec-Fetch-Site", "same-origin", "Origin", w.url}
	if status, said := b.post("/v1/auth/refresh", body, own...); status != http.StatusOK || said["refreshToken"] != nil || b.cookie.Value == first {
		t.Errorf("its own page: %d %v, want a new cookie", status, said)
	}
	// The cookie is no way to do anything else.
	if status, said := b.post("/v1/auth/sign-out", nil, own...); status != http.StatusUnauthorized {
		t.Errorf("signing out by cookie alone: %d %v, want 401", status, said)
	}
}

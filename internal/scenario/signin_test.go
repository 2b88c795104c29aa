package scenario

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
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

// P1 also where there is no contract: whoever gets no socket and no stream is told a problem, as everywhere.
func TestP1WhoeverGetsNoSocketIsToldAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "d2FuamlhIHdhbmppYSB3YQ=="}
	spoken := append(slices.Clone(upgrade), "Sec-WebSocket-Protocol", "wanjia.v1")
	for what, c := range map[string]struct {
		path    string
		headers []string
		status  int
		code    string
	}{
		"a page of others":            {"/v1/push", append(slices.Clone(spoken), "Origin", "https://evil.example"), 403, "push.origin_refused"},
		"no socket at all":            {"/v1/push", nil, 400, "push.socket_needed"},
		"no subprotocol":              {"/v1/push", upgrade, 400, "push.socket_needed"},
		"no key":                      {"/v1/push", append(slices.Clone(spoken), "Sec-WebSocket-Key", ""), 400, "push.socket_needed"},
		"a cursor of nobody":          {"/v1/push?after=yesterday", spoken, 400, "common.cursor_invalid"},
		"a stream of others":          {"/v1/push/events", []string{"Origin", "null"}, 403, "push.origin_refused"},
		"a stream without a ticket":   {"/v1/push/events", nil, 401, "auth.required"},
		"a stream with a bad token":   {"/v1/push/events", []string{"Authorization", "Bearer x.y.z"}, 401, "auth.required"},
		"a stream's cursor, nobody's": {"/v1/push/events", []string{"Last-Event-ID", "1.-1"}, 400, "common.cursor_invalid"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(c.headers); i += 2 {
			req.Header.Set(c.headers[i], c.headers[i+1])
		}
		got := w.send(req)
		if got.status != c.status || got.code() != c.code || got.body["title"] == c.code || got.body["instance"] == "" {
			t.Errorf("%s: %d %s, want %d %s as a problem with a title", what, got.status, got.text, c.status, c.code)
		}
	}
}

// socket opens a raw socket of a and reads its first frame.
func (a *actor) socket() *websocket.Conn {
	a.w.t.Helper()
	ticket, _ := a.w.wants("ticket", a.post("/v1/push/ticket", nil), http.StatusCreated).body["ticket"].(string)
	d := websocket.Dialer{Subprotocols: []string{"wanjia.v1"}, HandshakeTimeout: 5 * time.Second}
	ws, res, err := d.Dial("ws"+strings.TrimPrefix(a.w.url, "http")+"/v1/push?ticket="+ticket, nil)
	if err != nil {
		a.w.t.Fatalf("%s opens a socket: %v", a.handle, err)
	}
	_ = res.Body.Close()
	a.w.t.Cleanup(func() { _ = ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, b, err := ws.ReadMessage(); err != nil || !strings.HasPrefix(string(b), `{"t":"hi"`) {
		a.w.t.Fatalf("%s: the first frame is %q, %v", a.handle, b, err)
	}
	return ws
}

// closesWith fails the test unless ws is closed with a code within 5 s.
func (w *world) closesWith(what string, ws *websocket.Conn, want int) {
	w.t.Helper()
	_ = ws.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		_, _, err := ws.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed) && closed.Code == want:
			return
		case err != nil:
			w.t.Errorf("%s: the socket ends with %v, want code %d within 5 s", what, err, want)
			return
		}
	}
}

func TestJ9SocketsCloseWithTheSessionsBehindThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	admin := w.signIn("se.1")
	one, two := w.signIn("xl.m2"), w.signIn("xl.m2")
	first, second := one.socket(), two.socket()
	w.wants("sign out", one.post("/v1/auth/sign-out", nil), http.StatusNoContent)
	w.closesWith("signed out", first, 4014)
	if got := one.get("/v1/me"); got.status != http.StatusUnauthorized || got.code() != "auth.session_ended" {
		t.Errorf("after signing out: %d %s, want 401 auth.session_ended", got.status, got.code())
	}
	me := w.wants("the other session", two.get("/v1/me"), http.StatusOK)
	path := "/v1/people/" + strconv.FormatInt(me.id("personId"), 10)
	w.wants("sign out everywhere", admin.post(path+"/end-sessions", map[string]any{"reason": "手机遗失"}), http.StatusNoContent)
	w.closesWith("signed out by the administrator", second, 4014)
	if got := two.get("/v1/me"); got.status != http.StatusUnauthorized {
		t.Errorf("after that: %d %s, want 401", got.status, got.code())
	}
	three := w.signIn("xl.m2")
	third := three.socket()
	w.wants("disable", admin.post(path+"/disable", map[string]any{"reason": "离职"}), http.StatusNoContent)
	w.closesWith("disabled", third, 4014)
	got := (&actor{w: w}).post("/v1/auth/demo", map[string]any{"handle": "xl.m2", "client": "mini", "device": "3f0c8d1b7a52496e"})
	if got.status != http.StatusUnauthorized {
		t.Errorf("a disabled person signs in: %d %v, want 401", got.status, got.body)
	}
}

func TestS4ASixthSocketClosesTheOldest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	a := w.signIn("xl.m2")
	oldest := a.socket()
	for range 5 {
		w.pass(time.Second) // the age of sockets is that of the clock
		a.socket()
	}
	w.closesWith("the sixth was opened", oldest, 4009)
}

func TestX7APinOpensSensitiveActsForFiveMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "2026-05-11 09:00")
	a := w.signIn("xl.s")
	const closed = "auth.step_up_required"
	grant := func() string {
		return a.post("/v1/role-assignments", map[string]any{"personId": 999999, "role": "area_holder", "unitId": 999999}).code()
	}
	if got := grant(); got != closed {
		t.Errorf("a grant by WeChat alone: %s, want %s", got, closed)
	}
	if got := a.post("/v1/auth/pin", map[string]any{"pin": "482913"}); got.status != http.StatusForbidden || got.code() != closed {
		t.Errorf("a PIN without proof: %d %s, want 403 %s", got.status, got.code(), closed)
	}
	w.wants("set a PIN", a.post("/v1/auth/pin", map[string]any{"pin": "482913", "wechatCode": "demo:xl.s:fresh"}), http.StatusNoContent)
	if got := grant(); got != closed {
		t.Errorf("a grant after setting it: %s, want %s", got, closed)
	}
	if got := a.post("/v1/auth/step-up", map[string]any{"pin": "482914"}); got.status != http.StatusForbidden || got.code() != "auth.pin_refused" || got.id("triesLeft") != 4 {
		t.Errorf("a wrong PIN: %d %v", got.status, got.body)
	}
	for _, body := range []map[string]any{{}, {"pin": "482913", "code": "123456"}, {"pin": "48291"}} {
		if got := a.post("/v1/auth/step-up", body); got.status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d %s, want 422", body, got.status, got.code())
		}
	}
	w.wants("step up", a.post("/v1/auth/step-up", map[string]any{"pin": "482913"}), http.StatusOK)
	if got := grant(); got == closed || got == "" {
		t.Errorf("a grant after stepping up: %q, want it to be refused for what it asks", got)
	}
	w.pass(5 * time.Minute)
	if got := grant(); got != closed {
		t.Errorf("five minutes later: %s, want %s", got, closed)
	}

	// Whoever signs in by handle, in the demo, is in as with two factors.
	b := &browser{w: w}
	_, said := b.post("/v1/auth/demo", map[string]any{"handle": "xl.s", "client": "mini", "device": "3f0c8d1b7a52496e"})
	a.token, _ = said["accessToken"].(string)
	if got := grant(); got == closed || got == "" {
		t.Errorf("a grant at once after signing in by handle: %q", got)
	}
}

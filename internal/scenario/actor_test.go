package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/auth"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/watch"
	"wanjia/internal/pushclient"
)

// An actor is somebody signed in on one device.
type actor struct {
	w       *world
	handle  string
	device  string
	token   string
	refresh string
	as      int64 // X-Acting-As; 0: the primary role
}

// An answer is what came back: the status, and the body as JSON.
type answer struct {
	status   int
	replayed bool
	asks     string // messages to ask the person for
	text     string
	body     map[string]any
}

func (a answer) code() string { s, _ := a.body["code"].(string); return s }

func (a answer) id(name string) int64 {
	n, _ := a.body[name].(float64)
	return int64(n)
}

// at is what the body holds under names, each the name of a property or the number of an element.
func (a answer) at(names ...any) any {
	var v any = a.body
	for _, n := range names {
		switch n := n.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[n]
		case int:
			l, _ := v.([]any)
			if n >= len(l) {
				return nil
			}
			v = l[n]
		}
	}
	return v
}

// items are the elements of a list.
func (a answer) items() (all []map[string]any) {
	list, _ := a.body["items"].([]any)
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// signIn signs the account of a handle in by WeChat, on a device of its own.
func (w *world) signIn(handle string) *actor {
	w.t.Helper()
	a := &actor{w: w, handle: handle, device: uuid.NewString()}
	by := func() answer {
		return a.post("/v1/auth/wechat", map[string]any{"code": "demo:" + handle + ":" + uuid.NewString(), "device": a.device})
	}
	got := by()
	for again := 0; got.status == http.StatusServiceUnavailable && again < 5; again++ {
		got = by() // a machine that does much else may keep the fake, or the pool, waiting for longer than either is waited for
	}
	a.token, _ = got.body["accessToken"].(string)
	a.refresh, _ = got.body["refreshToken"].(string)
	if got.status != http.StatusOK || a.token == "" || a.refresh == "" {
		w.t.Fatalf("%s signs in: %d %v", handle, got.status, got.body)
	}
	return a
}

// signInStaff signs staff in on the console, by password and second factor, which is fresh then. The same person can do
// so again after 30 s.
func (w *world) signInStaff(handle string) *actor {
	w.t.Helper()
	a := &actor{w: w, handle: handle, device: uuid.NewString()}
	first := w.wants("password", a.post("/v1/auth/password", map[string]any{
		"account": handle, "password": password, "client": "console", "device": a.device,
	}), http.StatusOK)
	code, err := auth.TotpCode(totpSecret, w.clock())
	if err != nil {
		w.t.Fatal(err)
	}
	second := w.wants("second factor", a.post("/v1/auth/totp", map[string]any{
		"challenge": first.body["challenge"], "code": code, "device": a.device,
	}), http.StatusOK)
	a.token, _ = second.body["accessToken"].(string)
	return a
}

// renew changes a's refresh token for the next one, and takes the new access token too.
func (a *actor) renew() answer {
	a.w.t.Helper()
	got := a.do(http.MethodPost, "/v1/auth/refresh", map[string]any{"refreshToken": a.refresh, "device": a.device}, "")
	if got.status == http.StatusOK {
		a.token, _ = got.body["accessToken"].(string)
		a.refresh, _ = got.body["refreshToken"].(string)
	}
	return got
}

// acting is a in another of their roles.
func (a *actor) acting(as int64) *actor {
	other := *a
	other.as = as
	return &other
}

// role is the assignment of a with the role at a unit whose name holds the text.
func (a *actor) role(role, unit string) int64 {
	a.w.t.Helper()
	me := a.w.wants("who am I", a.get("/v1/me"), http.StatusOK)
	for i := 0; ; i++ {
		x, ok := me.at("assignments", i).(map[string]any)
		if !ok {
			a.w.t.Fatalf("%s has no role %s at %s: %v", a.handle, role, unit, me.body)
		}
		if name, _ := x["unitName"].(string); x["role"] == role && strings.Contains(name, unit) {
			return int64(x["id"].(float64))
		}
	}
}

// stranger is somebody who has not signed in.
func (w *world) stranger() *actor { return &actor{w: w} }

func (a *actor) get(path string) answer { return a.do(http.MethodGet, path, nil, "") }

func (a *actor) post(path string, body any) answer {
	return a.do(http.MethodPost, path, body, uuid.NewString())
}

func (a *actor) put(path string, body any) answer {
	return a.do(http.MethodPut, path, body, uuid.NewString())
}

// do calls the server; key is the Idempotency-Key, "" sends none.
func (a *actor) do(method, path string, body any, key string) (got answer) {
	a.w.t.Helper()
	before := a.before(method)
	defer func() { a.after(write{method: method, path: path, body: body}, before, got) }()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			a.w.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(a.w.t.Context(), method, a.w.url+path, content)
	if err != nil {
		a.w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method != http.MethodGet && key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	if a.as != 0 {
		req.Header.Set("X-Acting-As", strconv.FormatInt(a.as, 10))
	}
	return a.w.send(req)
}

// send sends a request and reads the answer.
func (w *world) send(req *http.Request) (got answer) {
	w.t.Helper()
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer func() { _ = res.Body.Close() }()
	got.status, got.replayed = res.StatusCode, res.Header.Get("Idempotent-Replayed") == "true"
	got.asks = res.Header.Get("X-Wanjia-Ask")
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	if got.text = string(b); len(b) > 0 && !slices.Contains(raw, res.Header.Get("Content-Type")) {
		if err := json.Unmarshal(b, &got.body); err != nil {
			w.t.Fatalf("%s %s answers %q: %v", req.Method, req.URL.Path, b, err)
		}
	}
	return got
}

// raw are the kinds of answers that are none of the contract's objects.
var raw = []string{"image/jpeg", "application/zip"}

// wants fails the test unless a has the status.
func (w *world) wants(what string, got answer, status int) answer {
	w.t.Helper()
	if got.status != status {
		w.t.Fatalf("%s: %d %v, want %d", what, got.status, got.body, status)
	}
	return got
}

// busy are the tables that change without anybody's call, or because a call was refused: the chain, kept answers,
// what loops and sockets note.
var busy = []string{
	"audit", "audit_lane", "audit_head", "idempotency", "auth_try", "shard_lease", "node_beat", "outbox", "device", "push_ticket",
	"receipt_try", "notice_digest", "wechat_token",
}

// settled are the sums of all tables once the program has nothing more to do by itself: after its start, and after the
// clock has been moved, much is due.
func (w *world) settled() map[string]string {
	w.t.Helper()
	const still = 6 // so often the same
	before := w.look.Sums(w.t, busy...)
	for same, tries := 1, 0; same < still; tries++ {
		if tries == 300 {
			w.t.Fatal("the program does not come to rest")
		}
		<-time.After(200 * time.Millisecond)
		now := w.look.Sums(w.t, busy...)
		if same++; !maps.Equal(before, now) {
			before, same = now, 1
		}
	}
	return before
}

// unchanged looks at the tables, does f and looks again, and says what has changed. What the program has written by
// itself meanwhile is no business of f: then only what a request has written counts. Where both have written to a table,
// the program is let come to rest, and f is done once more, for what f does it does each time.
func (w *world) unchanged(f func()) (changed []string) {
	w.t.Helper()
	before := w.look.Sums(w.t, busy...)
	w.written.forget()
	f()
	byRequests := w.written.tables()
	for table, sum := range w.look.Sums(w.t, busy...) {
		if before[table] != sum && slices.Contains(byRequests, table) {
			changed = append(changed, table)
		}
	}
	if changed == nil {
		return nil
	}
	before, changed = w.settled(), nil
	f()
	for table, sum := range w.look.Sums(w.t, busy...) {
		if before[table] != sum {
			changed = append(changed, table)
		}
	}
	slices.Sort(changed)
	return changed
}

// A pen is the tables that transactions of requests have written to.
type pen struct {
	mu      sync.Mutex
	open    map[string][]string // of each request whose transaction has not committed
	written map[string]bool
}

// writesTo finds the table that a statement writes to.
var writesTo = regexp.MustCompile(`(?i)\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+([a-z_]+)`)

// sees is shown every statement (db.Watch).
func (p *pen) sees(ctx context.Context, s db.Sent) {
	request := watch.CallerFrom(ctx).Request
	if request == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch s.Verb {
	case db.Get, db.Select: // nothing is written
	case db.Begin:
		delete(p.open, request)
	case db.Insert, db.Change:
		if m := writesTo.FindStringSubmatch(s.Query); m != nil {
			if p.open == nil {
				p.open = map[string][]string{}
			}
			p.open[request] = append(p.open[request], m[1])
		}
	case db.Commit:
		for _, table := range p.open[request] {
			if p.written == nil {
				p.written = map[string]bool{}
			}
			p.written[table] = true
		}
		delete(p.open, request)
	}
}

// forget begins anew.
func (p *pen) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = nil
}

func (p *pen) tables() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.written))
}

// refused makes a call that must be refused with the status and code, and fails the test if it changes a row.
func (w *world) refused(what string, call func() answer, status int, code string) (got answer) {
	w.t.Helper()
	changed := w.unchanged(func() {
		w.t.Helper()
		got = w.wants(what, call(), status)
		if got.code() != code {
			w.t.Errorf("%s: refused with %s, want %s", what, got.code(), code)
		}
	})
	if len(changed) > 0 {
		w.t.Errorf("%s was refused and changed %v", what, changed)
	}
	return got
}

// missing is refused with 404, as something that does not exist.
func (w *world) missing(what string, call func() answer) {
	w.t.Helper()
	w.refused(what, call, http.StatusNotFound, "common.not_found")
}

// audited fails the test unless exactly these acts have been noted since it was last asked.
func (w *world) audited(actions ...string) {
	w.t.Helper()
	got := w.acts()
	if !slices.Equal(got, actions) {
		w.t.Errorf("the audit chain notes %q, want %q", got, actions)
	}
}

// acts are the acts that were noted since somebody last asked, in order.
func (w *world) acts() (actions []string) {
	w.t.Helper()
	var rows []struct {
		ID     int64  `db:"id"`
		Action string `db:"action"`
	}
	err := w.app.Stores.DB.Select(w.t.Context(), &rows, `SELECT id, action FROM audit WHERE id > ? ORDER BY id`, w.noted)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rows {
		actions, w.noted = append(actions, r.Action), r.ID
	}
	return actions
}

// A phone is an open socket and what came over it.
type phone struct {
	w     *world
	owner string
	up    chan struct{}
	down  chan int // close codes
	stop  func()
	mu    sync.Mutex
	items []pushclient.Item
}

// phone opens a socket of a that begins with the newest items.
func (a *actor) phone() *phone {
	a.w.t.Helper()
	return a.phoneFrom("")
}

// phoneFrom opens a socket of a that has everything up to the cursor.
func (a *actor) phoneFrom(cursor string) *phone {
	a.w.t.Helper()
	p := &phone{w: a.w, owner: a.handle, up: make(chan struct{}, 64), down: make(chan int, 64)}
	c, err := pushclient.New(pushclient.Options{
		URL: a.w.url, Cursor: cursor, FirstPause: 20 * time.Millisecond, LastPause: 2 * time.Second,
		Ticket: func(ctx context.Context) (string, error) { return a.ticket(ctx) },
		Apply: func(i pushclient.Item) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.items = append(p.items, i)
		},
		Up: func(int64) {
			select {
			case p.up <- struct{}{}:
			default:
			}
		},
		Down: func(code int, _ error) {
			select {
			case p.down <- code:
			default:
			}
		},
	})
	if err != nil {
		a.w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Run(ctx) // it ends with the test
	}()
	p.stop = sync.OnceFunc(func() { stop(); <-ended })
	a.w.t.Cleanup(func() {
		p.stop()
		p.areFit(a.w.t)
	})
	select {
	case <-p.up:
	case <-time.After(5 * time.Second):
		a.w.t.Fatalf("%s: no socket within 5 s", a.handle)
	}
	return p
}

// ticket asks for a ticket of a socket. It is called besides the test, and so fails nothing.
func (a *actor) ticket(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.w.url+"/v1/push/ticket", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	res, err := a.w.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	var got struct {
		Ticket string `json:"ticket"`
		Code   string `json:"code"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return "", err
	}
	if got.Ticket == "" {
		return "", noTicketError(got.Code)
	}
	return got.Ticket, nil
}

type noTicketError string

func (e noTicketError) Error() string { return "no ticket: " + string(e) }

// received are the items that have come, oldest first.
func (p *phone) received() []pushclient.Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.items)
}

// areFit fails the test if an item holds more than a reference and public labels.
func (p *phone) areFit(t *testing.T) {
	t.Helper()
	labels := []string{"receiptCode", "statusLabel", "kindLabel", "unitLabel", "placeLabel", "count", "dueAt", "at"}
	for _, i := range p.received() {
		var args map[string]any
		if len(i.Args) > 0 {
			if err := json.Unmarshal(i.Args, &args); err != nil {
				t.Errorf("%s of %s holds %q: %v", i.Kind, p.owner, i.Args, err)
			}
		}
		for name := range args {
			if !slices.Contains(labels, name) {
				t.Errorf("%s of %s shows %s, which is no public label", i.Kind, p.owner, name)
			}
		}
		p.w.isQuiet(i.Kind+" of "+p.owner, string(i.Args))
	}
}

// hears waits until kind has come n times, 2 s at most, and returns the newest of them. Between two items no number is
// left out.
func (w *world) hears(p *phone, kind string, n int) (newest pushclient.Item) {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Second); ; {
		items, got := p.received(), 0
		for i, x := range items {
			if x.Kind == kind {
				got, newest = got+1, x
			}
			if i > 0 && x.Seq != items[i-1].Seq+1 {
				w.t.Fatalf("%s hears number %d after %d", p.owner, x.Seq, items[i-1].Seq)
			}
		}
		if got == n {
			return newest
		}
		if time.Now().After(end) {
			w.t.Fatalf("%s heard %+v, want %s %d times within 2 s", p.owner, items, kind, n)
		}
		<-time.After(5 * time.Millisecond)
	}
}

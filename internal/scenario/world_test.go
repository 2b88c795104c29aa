// Package scenario plays the scenarios of the product over HTTP and sockets, against the whole program with its
// demo data. Tests only.
package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/pushclient"
	"wanjia/internal/seed"
	"wanjia/internal/server"
)

// A world is a running deployment with the demo's people, and a clock that a test moves.
type world struct {
	t    *testing.T
	url  string
	now  atomic.Int64
	http *http.Client
}

// newWorld starts the embedded tier with the demo at a moment, and stops it when the test ends.
func newWorld(t *testing.T, at string) *world {
	t.Helper()
	w := &world{t: t}
	w.set(at)
	w.http = &http.Client{Timeout: 10 * time.Second, Transport: server.Checked(http.DefaultTransport, func(err error) { t.Error(err) })}
	c := config.Default()
	c.Demo, c.Data, c.WeChat.Fake = true, t.TempDir(), true
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	ctx, stop := context.WithCancel(context.Background())
	a, err := app.New(ctx, c, app.Options{Now: w.clock, Log: slog.New(slog.DiscardHandler), Version: "scenario"})
	if err != nil {
		t.Fatal(err)
	}
	if err := seed.Make(ctx, a.Stores.DB, a.Stores.Keys, a.Auth, seed.Options{Profile: seed.Demo, Seed: 1, Handles: true}); err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Serve(ctx, func(public, _ string) { ready <- public }) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	select {
	case public := <-ready:
		w.url = "http://" + public
	case err := <-done:
		t.Fatalf("the server did not start: %v", err)
	}
	return w
}

func (w *world) clock() time.Time { return time.UnixMilli(w.now.Load()) }

// set moves the clock to a moment of Asia/Shanghai, "2026-05-11 09:00".
func (w *world) set(at string) {
	w.t.Helper()
	t, err := time.ParseInLocation("2006-01-02 15:04", at, time.FixedZone("Asia/Shanghai", 8*3600))
	if err != nil {
		w.t.Fatal(err)
	}
	w.now.Store(t.UnixMilli())
}

// An actor is somebody signed in on one device.
type actor struct {
	w      *world
	handle string
	token  string
}

// An answer is what came back: the status, and the body as JSON.
type answer struct {
	status   int
	replayed bool
	body     map[string]any
}

func (a answer) code() string { s, _ := a.body["code"].(string); return s }
func (a answer) id(name string) int64 {
	n, _ := a.body[name].(float64)
	return int64(n)
}

// signIn signs the account of a handle in, on a device of its own.
func (w *world) signIn(handle string) *actor {
	w.t.Helper()
	a := &actor{w: w, handle: handle}
	got := a.post("/v1/auth/demo", map[string]any{"handle": handle, "client": "mini", "device": uuid.NewString()})
	a.token, _ = got.body["accessToken"].(string)
	if got.status != http.StatusOK || a.token == "" {
		w.t.Fatalf("%s signs in: %d %v", handle, got.status, got.body)
	}
	return a
}

func (a *actor) get(path string) answer { return a.do(http.MethodGet, path, nil, "") }

func (a *actor) post(path string, body any) answer {
	return a.do(http.MethodPost, path, body, uuid.NewString())
}

// do calls the server; key is the Idempotency-Key.
func (a *actor) do(method, path string, body any, key string) (got answer) {
	a.w.t.Helper()
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
	if method != http.MethodGet {
		req.Header.Set("Idempotency-Key", key)
	}
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	res, err := a.w.http.Do(req)
	if err != nil {
		a.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	got.status, got.replayed = res.StatusCode, res.Header.Get("Idempotent-Replayed") == "true"
	if b, err := io.ReadAll(res.Body); err != nil {
		a.w.t.Fatalf("%s %s: %v", method, path, err)
	} else if len(b) > 0 {
		if err := json.Unmarshal(b, &got.body); err != nil {
			a.w.t.Fatalf("%s %s answers %q: %v", method, path, b, err)
		}
	}
	return got
}

// wants fails the test unless a has the status.
func (w *world) wants(what string, got answer, status int) answer {
	w.t.Helper()
	if got.status != status {
		w.t.Fatalf("%s: %d %v, want %d", what, got.status, got.body, status)
	}
	return got
}

// A phone is an open socket and what came over it.
type phone struct {
	mu    sync.Mutex
	kinds []string
	seqs  []int64
}

// phone opens a socket of a.
func (a *actor) phone() *phone {
	a.w.t.Helper()
	p, up := &phone{}, make(chan struct{}, 8)
	c, err := pushclient.New(pushclient.Options{
		URL: a.w.url,
		Ticket: func(context.Context) (string, error) {
			ticket, _ := a.w.wants("ticket", a.post("/v1/push/ticket", nil), http.StatusCreated).body["ticket"].(string)
			return ticket, nil
		},
		Apply: func(i pushclient.Item) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.kinds, p.seqs = append(p.kinds, i.Kind), append(p.seqs, i.Seq)
		},
		Up: func(int64) { up <- struct{}{} },
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
	a.w.t.Cleanup(func() { stop(); <-ended })
	select {
	case <-up:
	case <-time.After(5 * time.Second):
		a.w.t.Fatalf("%s: no socket within 5 s", a.handle)
	}
	return p
}

// hears waits until kind has come n times, 2 s at most.
func (w *world) hears(p *phone, kind string, n int) {
	w.t.Helper()
	for end := time.Now().Add(2 * time.Second); ; {
		p.mu.Lock()
		got := 0
		for _, k := range p.kinds {
			if k == kind {
				got++
			}
		}
		all := append([]string(nil), p.kinds...)
		p.mu.Unlock()
		if got == n {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("heard %v, want %s %d times within 2 s", all, kind, n)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// Package scenario plays the scenarios of the product over HTTP and sockets, against the whole program with its
// demo data, on both engine tiers. Tests only.
package scenario

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/app"
	"wanjia/internal/config"
	"wanjia/internal/org"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/watch"
	"wanjia/internal/platform/wechat/fake"
	"wanjia/internal/seed"
	"wanjia/internal/server"
)

// A world is a running deployment with the demo's people, and a clock that a test moves.
type world struct {
	t    *testing.T
	tier string // embedded or production
	url  string
	now  atomic.Int64
	http *http.Client
	app  *app.App
	stop func()
	look *dbtest.Look

	witness *witness // of every call; nil: none

	config      config.Config
	redisPrefix string
	written     pen // by requests

	mu      sync.Mutex
	log     bytes.Buffer
	secrets []string // what no log and no frame may hold
	noted   int64    // the last audit row that a test has asked for
}

// each plays f in two deployments of the demo, one on each engine tier, both at a moment of Asia/Shanghai such as
// "2026-05-11 09:00".
func each(t *testing.T, at string, f func(t *testing.T, w *world)) {
	t.Helper()
	eachOf(t, demo, at, f)
}

// eachOf is each, beginning with another model.
func eachOf(t *testing.T, m *dbtest.Model, at string, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		f(t, onSQLite(t, m, at))
	})
	t.Run("production", func(t *testing.T) {
		t.Parallel()
		w := &world{t: t, tier: "production"}
		addr, prefix := kvtest.Shared(t)
		dsn := m.MySQL(t)
		w.look = dbtest.LookAt(t, "", dsn)
		c := production(dsn)
		c.Files = t.TempDir()
		c.Redis.Addresses = []string{addr}
		w.start(c, prefix, at)
		f(t, w)
	})
}

// newWorld is a deployment of the demo on the embedded tier alone: for what exists only there, as signing in by handle.
func newWorld(t *testing.T, at string) *world {
	t.Helper()
	return onSQLite(t, demo, at)
}

func onSQLite(t *testing.T, m *dbtest.Model, at string) *world {
	t.Helper()
	w := &world{t: t, tier: "embedded"}
	folder := m.SQLite(t)
	w.look = dbtest.LookAt(t, folder, "")
	w.start(embedded(folder), "", at)
	return w
}

func embedded(folder string) config.Config {
	c := config.Default()
	c.Demo, c.Data = true, folder
	return listening(c)
}

// production has no demo mode, which refuses a MySQL database: everybody signs in by WeChat.
func production(dsn string) config.Config {
	c := config.Default()
	c.MySQL.DSN, c.Keys.Master = dsn, "c2NlbmFyaW8gc2NlbmFyaW8gc2NlbmFyaW8gc2NlbmE="
	return listening(c)
}

func listening(c config.Config) config.Config {
	c.WeChat.Fake = true
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	return c
}

// asOf is the day as of which everything is seeded (domain.md §11): every scenario is later.
const asOf = "2026-03-01"

// The deployments that scenarios begin with, made once a process on each engine.
var (
	demo = model(seed.Demo) // with the people, homes and places of the demo
	bare = model(seed.Bare) // with places, and who leads and administers them
)

func model(p seed.Profile) *dbtest.Model {
	return dbtest.NewModel(func(ctx context.Context, folder, dsn string) (err error) {
		c := embedded(folder)
		if dsn != "" {
			c = production(dsn)
			c.Demo = true // for the handles: what runs later has no demo mode
			if c.Files, err = os.MkdirTemp("", "wanjia-scenario-"); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(c.Files)) }()
		}
		at, err := moment(asOf + " 08:00")
		if err != nil {
			return err
		}
		a, err := app.New(ctx, c, app.Options{Log: slog.New(slog.DiscardHandler), Version: "scenario"})
		if err != nil {
			return err
		}
		a.Stores.DB.SetNow(func() time.Time { return at }) // only now: the start compares our clock with the server's
		defer func() { err = errors.Join(err, a.Close()) }()
		err = seed.Make(ctx, a.Stores.DB, a.Stores.Keys, a.Auth, seed.Options{Profile: p, Seed: 1, AsOf: asOf, Handles: true})
		if err != nil {
			return err
		}
		return bind(ctx, a)
	})
}

// What staff sign in with on the web: their handle as the account, one password, one second factor.
const (
	password   = "one long phrase for every test"
	totpSecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

var staff = []string{"sa", "se.1", "se.2", "au", "po.1", "po.2", "cs", "xl.s", "zj.s", "rh.cg", "rh.gb1"}

// bind gives everybody with a handle the WeChat account that the shipped fake knows by it, and staff a password and a
// second factor, and notes their names.
func bind(ctx context.Context, a *app.App) error {
	var handles []struct {
		Handle string       `db:"handle"`
		Person org.PersonID `db:"person_id"`
		Name   []byte       `db:"name_sealed"`
	}
	err := a.Stores.DB.Select(ctx, &handles, `
		SELECT h.handle, h.person_id, p.name_sealed
		FROM demo_handle h
		JOIN person p ON p.id = h.person_id`)
	if err != nil {
		return err
	}
	hash, err := a.Auth.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	return a.Stores.DB.InTx(ctx, func(tx *db.Tx) error {
		for _, h := range handles {
			name, err := a.Stores.Keys.Open(sealed.Personal, "person", "name_sealed", int64(h.Person), h.Name)
			if err != nil {
				return err
			}
			names.Store(name, true)
			if err := a.Auth.AddAccount(ctx, tx, fake.OpenID(fake.AppID, h.Handle), h.Person); err != nil {
				return err
			}
			if !slices.Contains(staff, h.Handle) {
				continue
			}
			if err := a.Auth.SetCredential(ctx, tx, h.Person, h.Handle, hash, totpSecret); err != nil {
				return err
			}
		}
		return nil
	})
}

// names are those of everybody with a handle.
var names sync.Map

// phones are what numbers of the demo look like: whole ones, since a moment's nanoseconds may hold their first digits.
var phones = regexp.MustCompile(`1990[0-9]{7}`)

// start starts the program of c and stops it when the test ends; then nothing personal may stand in its log, nor in
// what it has told anybody.
func (w *world) start(c config.Config, redisPrefix, at string) {
	w.t.Helper()
	w.set(at)
	w.config, w.redisPrefix = c, redisPrefix
	w.http = &http.Client{Timeout: time.Minute, Transport: server.Checked(http.DefaultTransport, func(err error) { w.t.Error(err) })}
	w.run()
	w.t.Cleanup(func() {
		sent := strings.Join(w.sentTexts(), "\n")
		w.stop()
		w.isQuiet("what was sent", sent)
		w.isQuiet("the log", w.logged())
	})
}

// run starts the program, anew if it has run before.
func (w *world) run() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a, err := app.New(ctx, w.config, app.Options{Log: watch.Logger(w, slog.LevelDebug), Version: "scenario", RedisPrefix: w.redisPrefix})
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	a.Stores.DB.SetNow(w.clock) // only now: the start compares our clock with the server's
	a.Stores.DB.Watch(w.written.sees)
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- a.Serve(ctx, func(public, _ string) { ready <- public }) }()
	w.app, w.stop = a, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("the server ended with %v", err)
		}
		if err := a.Close(); err != nil {
			w.t.Errorf("close: %v", err)
		}
	})
	select {
	case public := <-ready:
		w.url = "http://" + public
	case err := <-done:
		done <- err
		w.t.Fatalf("the server did not start: %v", err)
	}
}

// restart ends the program and starts it again: what it knew in memory is gone. Close sockets before.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.run()
}

// wipe makes Redis forget everything.
func (w *world) wipe() {
	w.t.Helper()
	if err := w.app.Stores.KV.Wipe(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time { return time.UnixMilli(w.now.Load()) }

func moment(at string) (time.Time, error) {
	return time.ParseInLocation("2006-01-02 15:04:05", (at + ":00")[:len("2006-01-02 15:04:05")], time.FixedZone("Asia/Shanghai", 8*3600))
}

// set moves the clock to a moment of Asia/Shanghai, "2026-05-11 09:00" or "2026-05-11 09:20:07".
func (w *world) set(at string) {
	w.t.Helper()
	m, err := moment(at)
	if err != nil {
		w.t.Fatal(err)
	}
	w.now.Store(m.UnixMilli())
}

// pass lets time go by.
func (w *world) pass(d time.Duration) { w.now.Add(d.Milliseconds()) }

// Write keeps what the server logs.
func (w *world) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(line)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// hide adds texts that no log and no frame may hold.
func (w *world) hide(texts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets = append(w.secrets, texts...)
}

// isQuiet fails the test if text holds a name or phone of anybody, or what was hidden.
func (w *world) isQuiet(what, text string) {
	w.t.Helper()
	w.mu.Lock()
	secrets := append([]string{fake.Canary, "o-" + fake.AppID}, w.secrets...)
	w.mu.Unlock()
	names.Range(func(name, _ any) bool {
		secrets = append(secrets, name.(string))
		return true
	})
	secrets = append(secrets, phones.FindAllString(text, 1)...)
	for _, s := range secrets {
		if at := strings.Index(text, s); at >= 0 {
			w.t.Errorf("%s holds %q: %s", what, s, text[max(0, at-200):min(len(text), at+len(s)+100)])
		}
	}
}

package auth

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/org/orgtest"
	"wanjia/internal/platform/db"
	"wanjia/internal/platform/db/dbtest"
	"wanjia/internal/platform/kv"
	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/sealed"
	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

const phone = "19900001234"

// A place is a deployment with one node, people, and a pretended WeChat.
type place struct {
	*Service
	w    *orgtest.World
	fake *fake.Server
	at   atomic.Int64

	mu    sync.Mutex
	ended []Ended
}

// each runs f in a place of its own on every engine.
func each(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, d *db.DB) { f(t, newPlace(t, d, kvtest.New(t))) })
}

func newPlace(t *testing.T, d *db.DB, k *kv.KV) *place {
	t.Helper()
	p := &place{}
	p.at.Store(time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC).UnixMilli())
	dbtest.WithClock(t, d, p.now)
	if _, err := audit.Open(t.Context(), d, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	keys, err := sealed.Open(t.Context(), d, bytes.Repeat([]byte{9}, sealed.MasterSize))
	if err != nil {
		t.Fatal(err)
	}
	p.fake = fake.New(fake.Options{Now: p.now})
	if err := p.fake.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.fake.Close() })
	client, err := wechat.New(wechat.Options{
		BaseURL: p.fake.URL(), AppID: fake.AppID, Secret: fake.Secret, Now: p.now, Shared: SharedToken(d, k, keys, fake.AppID),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	p.w = orgtest.Tree(t, d)
	p.Service = NewService(Options{DB: d, KV: k, Keys: keys, WeChat: client, Issuer: "wanjia.test", Era: 1, Demo: true, Limit: unlimited, Ended: p.hear})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// node is another node of the same deployment.
func (p *place) node(t *testing.T) *Service {
	t.Helper()
	n := NewService(Options{DB: p.db, KV: p.kv, Keys: p.keys, WeChat: p.wechat, Issuer: "wanjia.test", Era: 1, Limit: unlimited})
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *place) now() time.Time       { return time.UnixMilli(p.at.Load()).UTC() }
func (p *place) move(d time.Duration) { p.at.Add(d.Milliseconds()) }

func (p *place) hear(all []Ended) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, all...)
}

func (p *place) heard(want Ended) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.ended, want)
}

// unlimited is for tests that are about something else.
func unlimited(_ context.Context, l limit.Limiter, _ string) limit.Verdict {
	return limit.Verdict{Limiter: l, OK: true}
}

// signIn is a session of person, as a sign-in by any way begins it.
func (p *place) signIn(t *testing.T, person org.PersonID, client Client, device string) SignedIn {
	t.Helper()
	var b begun
	err := p.db.InTx(t.Context(), func(tx *db.Tx) error {
		row, err := findPerson(t.Context(), tx, person)
		if err != nil {
			return err
		}
		b, err = p.start(t.Context(), tx, row, client, device, 1, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	in, err := p.signedIn(b, Bound)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (p *place) in(t *testing.T, f func(tx *db.Tx) error) {
	t.Helper()
	if err := p.db.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func (p *place) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := p.db.Get(t.Context(), &n, query, args...); err != nil {
		t.Fatal(err)
	}
	return n
}

func (p *place) told(t *testing.T, person org.PersonID, kind string) int {
	t.Helper()
	return p.count(t, `SELECT COUNT(*) FROM inbox WHERE person_id = ? AND kind = ?`, person, kind)
}

// as is ctx of a request that shows the token of in.
func (p *place) as(t *testing.T, in SignedIn) (context.Context, org.Actor) {
	t.Helper()
	ctx, by, err := p.Identify(t.Context(), in.Access, 0)
	if err != nil {
		t.Fatal(err)
	}
	return org.WithActor(ctx, by), by
}

// setPhone gives person a phone on the roster.
func (p *place) setPhone(t *testing.T, person org.PersonID, number string) {
	t.Helper()
	p.in(t, func(tx *db.Tx) error {
		cipher, err := p.keys.Seal(sealed.Personal, "person", "phone_sealed", int64(person), number)
		if err != nil {
			return err
		}
		_, err = tx.Change(t.Context(), `UPDATE person SET phone_sealed = ?, phone_index = ? WHERE id = ?`, cipher, p.keys.PhoneIndex(number), person)
		return err
	})
}

func wants(t *testing.T, what string, err error, want *problem.Problem) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func fine(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

const device = "device-0000000001"

func number(n int) string { return strconv.Itoa(n) }

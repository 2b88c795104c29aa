// Package fake is a server that answers like the WeChat platform: same calls, limits and error codes, codes
// that work once, tokens that expire, credits that run out, and on request every way in which the real one
// can fail. All tests and the demo use it; it listens on loopback only.
package fake

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Canary begins every session_key the fake gives out, so that a test can search everything for it (W1).
const Canary = "canary-session-key-"

// Options of a Server.
type Options struct {
	Apps map[string]string // app id → secret; nil: one app, see AppID
	Now  func() time.Time  // nil: the clock of this machine
	// Phones gives the number behind the phone code demo:<handle>; nil: none.
	Phones func(handle string) string
}

// The app of a Server that was given none.
const (
	AppID  = "wxfake0000000001"
	Secret = "fake-secret-0000000000000001"
)

// A Server is the pretended platform.
type Server struct {
	apps   map[string]string
	now    func() time.Time
	phones func(handle string) string
	http   *http.Server
	url    string
	done   chan struct{}
	once   sync.Once

	mu        sync.Mutex
	codes     map[string]*code
	tokens    map[string]token // app id → the one in force
	old       map[string]token // app id → the one before, good for five minutes more
	templates map[string]Template
	credits   map[pair]int
	faults    []*Fault
	used      map[quotaKey]int
	quotas    map[string]Quota
	lastUse   map[string]time.Time // openid → when it last signed in
	sent      []Sent
	checked   []Checked
	calls     map[string]int
	forced    map[string][]time.Time
	unions    map[string]string // openid → unionid
}

type pair struct{ openID, template string }

type code struct {
	app, openID, phone string
	until              time.Time
	used               bool
}

type token struct {
	value string
	until time.Time
}

// Sent is a message the platform accepted, and so may show to the person.
type Sent struct {
	OpenID   string
	Template string
	Page     string
	Fields   map[string]string
	MsgID    int64
	At       time.Time
}

// Checked is a text that the platform looked at.
type Checked struct {
	OpenID string
	Scene  int
	Text   string
}

// A Quota limits one call.
type Quota struct{ Minute, Day int }

type quotaKey struct{ call, span string }

// New makes a server with the platform's limits. It implements http.Handler; Start makes it listen.
func New(o Options) *Server {
	s := &Server{
		apps: o.Apps, now: o.Now, phones: o.Phones,
		done: make(chan struct{}), codes: map[string]*code{}, tokens: map[string]token{}, old: map[string]token{},
		templates: map[string]Template{}, credits: map[pair]int{}, used: map[quotaKey]int{}, calls: map[string]int{},
		lastUse: map[string]time.Time{}, forced: map[string][]time.Time{}, unions: map[string]string{},
		quotas: map[string]Quota{
			Token: {Minute: 10_000, Day: 500_000},
			Check: {Minute: 4_000, Day: 2_000_000},
			Send:  {Day: 10_000_000},
		},
	}
	if s.apps == nil {
		s.apps = map[string]string{AppID: Secret}
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Start listens on addr, a loopback address such as 127.0.0.1:0.
func (s *Server) Start(ctx context.Context, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("fake wechat: read the address: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return errors.New("fake wechat: listens on loopback only")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("fake wechat: listen: %w", err)
	}
	s.url = "http://" + ln.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.http.Serve(ln) }()
	return nil
}

// URL is where the server listens.
func (s *Server) URL() string { return s.url }

// Close stops listening and lets silent answers go.
func (s *Server) Close() error {
	s.once.Do(func() { close(s.done) })
	if s.http == nil {
		return nil
	}
	return s.http.Close()
}

// OpenID is whom app knows handle as.
func OpenID(app, handle string) string { return "o-" + app + "-" + handle }

// Code makes a sign-in code of handle for AppID: good once, for five minutes.
func (s *Server) Code(handle string) string { return s.CodeFor(AppID, handle) }

// CodeFor makes a sign-in code of handle for app.
func (s *Server) CodeFor(app, handle string) string {
	return s.issue(&code{app: app, openID: OpenID(app, handle)})
}

// PhoneCode makes a code of the phone button for AppID: good once, for five minutes.
func (s *Server) PhoneCode(phone string) string {
	return s.issue(&code{app: AppID, phone: phone})
}

// Single registers value, such as demo:zl, as a code of handle that works once.
func (s *Server) Single(value, handle string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[value] = &code{app: AppID, openID: OpenID(AppID, handle), until: s.now().Add(5 * time.Minute)}
}

func (s *Server) issue(c *code) string {
	value := random()
	s.mu.Lock()
	defer s.mu.Unlock()
	c.until = s.now().Add(5 * time.Minute)
	s.codes[value] = c
	return value
}

// take uses a code up and says whose it is. demo:<handle>, also demo:<handle>:<anything>, needs no making
// and works again and again.
func (s *Server) take(value, app string, phone bool) (*code, int) {
	c, known := s.codes[value]
	if !known {
		handle, isDemo := strings.CutPrefix(value, "demo:")
		handle, _, _ = strings.Cut(handle, ":")
		if !isDemo || handle == "" {
			return nil, 40029
		}
		c := &code{app: app, openID: OpenID(app, handle)}
		if phone {
			if s.phones == nil || s.phones(handle) == "" {
				return nil, 40029
			}
			c = &code{app: app, phone: s.phones(handle)}
		}
		return c, 0
	}
	switch {
	case c.app != app, (c.phone != "") != phone, s.now().After(c.until):
		return nil, 40029
	case c.used:
		return nil, 40163
	}
	c.used = true
	return c, 0
}

// ExpireToken ends the token of AppID now, as the platform does when another system forces a new one.
func (s *Server) ExpireToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, AppID)
	delete(s.old, AppID)
}

// SetUnionID makes sign-ins of openID say which person of the open platform it is.
func (s *Server) SetUnionID(openID, unionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unions[openID] = unionID
}

// Calls is how often a call was made.
func (s *Server) Calls(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call]
}

// SetQuota replaces the limits of a call.
func (s *Server) SetQuota(call string, q Quota) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quotas[call] = q
}

// Sent lists what was accepted, oldest first.
func (s *Server) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Sent(nil), s.sent...)
}

// Checked lists what was looked at, oldest first.
func (s *Server) Checked() []Checked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Checked(nil), s.checked...)
}

func random() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

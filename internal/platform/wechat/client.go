// Package wechat makes the five calls to the WeChat platform that Wanjia needs, says in our words how each one went, and
// reads what the platform pushes by itself.
//
// Nothing the platform answers is believed before it has been checked: size, shape, characters, and for a
// phone number whose it is and how old. The AppSecret travels in addresses there, so no error of this package
// ever holds one. The session_key of a sign-in is read past and never kept (W1).
package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	realBase  = "https://api.weixin.qq.com"
	timeLimit = 5 * time.Second
	sizeLimit = 1 << 20
	// markAge is how old the stamp on a phone number may be (W6).
	markAge = 5 * time.Minute
)

// Options of a Client.
type Options struct {
	BaseURL string // https://api.weixin.qq.com, or a loopback address
	AppID   string
	Secret  string
	Now     func() time.Time // nil: the clock of this machine
	Shared  Shared           // where nodes share the access token; zero: this process alone
	Limit   time.Duration    // time for one call; 0: five seconds
}

// A Client speaks for one app.
type Client struct {
	base   string
	appID  string
	secret string
	now    func() time.Time
	limit  time.Duration
	http   *http.Client
	keeper keeper
}

// New makes a client, or says why o cannot be trusted with the secret.
func New(o Options) (*Client, error) {
	base, err := CheckBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.AppID == "" || o.Secret == "" {
		return nil, errors.New("wechat: app id and secret are needed")
	}
	c := &Client{base: base, appID: o.AppID, secret: o.Secret, now: o.Now, limit: o.Limit}
	if c.now == nil {
		c.now = time.Now
	}
	if c.limit == 0 {
		c.limit = timeLimit
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			Proxy:               nil, // a proxy from the environment would read the secret
			DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
			TLSHandshakeTimeout: 3 * time.Second,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     60 * time.Second,
		},
		// A redirect would carry the secret or the token to whoever answered.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.keeper = keeper{fetch: c.fetchToken, now: c.now, shared: o.Shared}
	return c, nil
}

// AppID is the app that c speaks for.
func (c *Client) AppID() string { return c.appID }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// CheckBase returns base without its trailing slash, or refuses what is neither the platform nor loopback.
func CheckBase(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", errors.New("wechat: the base URL cannot be read")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", errors.New("wechat: the base URL may hold a scheme and a host only")
	}
	plain := u.Scheme + "://" + u.Host
	if plain == realBase {
		return plain, nil
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() && (u.Scheme == "http" || u.Scheme == "https") {
		return plain, nil
	}
	return "", fmt.Errorf("wechat: the base URL must be %s or a loopback address", realBase)
}

// A Session says whose a sign-in code was.
type Session struct {
	OpenID  string
	UnionID string // empty unless the app belongs to an open-platform account
}

// Code2Session asks whose code is. A code works once.
func (c *Client) Code2Session(ctx context.Context, code string) (Session, error) {
	q := url.Values{"appid": {c.appID}, "secret": {c.secret}, "js_code": {code}, "grant_type": {"authorization_code"}}
	a, err := c.call(ctx, "code2Session", http.MethodGet, "/sns/jscode2session", q, nil)
	if err != nil {
		return Session{}, err
	}
	openID, err := a.word("openid", 1, 128)
	if err != nil {
		return Session{}, a.refuse(err)
	}
	unionID, err := a.word("unionid", 0, 128)
	if err != nil {
		return Session{}, a.refuse(err)
	}
	return Session{OpenID: openID, UnionID: unionID}, nil
}

// Phone asks which number the code of a getPhoneNumber button stands for: digits, without country code.
func (c *Client) Phone(ctx context.Context, code string) (string, error) {
	a, err := c.withToken(ctx, "getuserphonenumber", "/wxa/business/getuserphonenumber", map[string]any{"code": code})
	if err != nil {
		return "", err
	}
	info, err := a.object("phone_info")
	if err != nil {
		return "", a.refuse(err)
	}
	mark, err := info.object("watermark")
	if err != nil {
		return "", a.refuse(err)
	}
	app, err := mark.word("appid", 1, 64)
	if err != nil {
		return "", a.refuse(err)
	}
	at, err := mark.number("timestamp")
	if err != nil {
		return "", a.refuse(err)
	}
	// A number stamped for another app, or long ago, was obtained elsewhere and is replayed here.
	if app != c.appID {
		return "", a.refuse(errors.New("watermark of another app"))
	}
	if age := c.now().Sub(time.Unix(at, 0)); age > markAge || age < -markAge {
		return "", a.refuse(errors.New("watermark too old"))
	}
	phone, err := info.word("purePhoneNumber", 5, 20)
	if err != nil {
		return "", a.refuse(err)
	}
	if strings.Trim(phone, "0123456789") != "" {
		return "", a.refuse(errors.New("phone number with other characters than digits"))
	}
	return phone, nil
}

// A Message is one subscription message.
type Message struct {
	OpenID   string
	Template string
	Page     string
	Fields   map[string]string // name of the template's field → text
}

// SendCall is the name of the call of Send in an Error: one of another name says that no token was to be had.
const SendCall = "subscribe/send"

// Send delivers m and returns the platform's number for it.
func (c *Client) Send(ctx context.Context, m Message) (msgID string, err error) {
	data := make(map[string]any, len(m.Fields))
	for name, value := range m.Fields {
		data[name] = map[string]string{"value": value}
	}
	a, err := c.withToken(ctx, SendCall, "/cgi-bin/message/subscribe/send", map[string]any{
		"touser": m.OpenID, "template_id": m.Template, "page": m.Page, "data": data,
	})
	if err != nil {
		return "", err
	}
	n, err := a.number("msgid")
	if err != nil {
		return "", a.refuse(err)
	}
	return strconv.FormatInt(n, 10), nil
}

// withToken makes a call that needs the access token; if the token turns out to be stale it is dropped,
// fetched again and the call repeated once (push.md §12), unless that has just been done.
func (c *Client) withToken(ctx context.Context, name, path string, body any) (answer, error) {
	token, err := c.keeper.token(ctx)
	if err != nil {
		return answer{}, err
	}
	a, err := c.call(ctx, name, http.MethodPost, path, url.Values{"access_token": {token}}, body)
	if ClassOf(err) != TokenStale || !c.keeper.drop(ctx, token) {
		return a, err
	}
	if token, err = c.keeper.token(ctx); err != nil {
		return answer{}, err
	}
	return c.call(ctx, name, http.MethodPost, path, url.Values{"access_token": {token}}, body)
}

// fetchToken asks for the stable token without force, which gives every node the same one.
func (c *Client) fetchToken(ctx context.Context) (Token, error) {
	a, err := c.call(ctx, "stable_token", http.MethodPost, "/cgi-bin/stable_token", nil, map[string]any{
		"grant_type": "client_credential", "appid": c.appID, "secret": c.secret, "force_refresh": false,
	})
	if err != nil {
		return Token{}, err
	}
	value, err := a.word("access_token", 1, 2048)
	if err != nil {
		return Token{}, a.refuse(err)
	}
	seconds, err := a.number("expires_in")
	if err != nil || seconds < 1 || seconds > 86400 {
		return Token{}, a.refuse(errors.New("expires_in is missing or out of range"))
	}
	return Token{Value: value, ExpiresAt: c.now().Add(time.Duration(seconds) * time.Second)}, nil
}

// call makes one request and returns its checked answer, or an *Error.
func (c *Client) call(ctx context.Context, name, method, path string, query url.Values, body any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	var payload io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, fmt.Errorf("wechat %s: write the request: %w", name, err)
		}
		payload = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+query.Encode(), payload)
	if err != nil {
		return answer{}, fmt.Errorf("wechat %s: the address cannot be built", name) // err would quote it
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, lost(name, err, sent.Load())
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(resp.Body, sizeLimit+1))
	if err != nil {
		return answer{}, lost(name, err, true)
	}
	switch {
	case resp.StatusCode >= 500:
		return answer{}, &Error{Call: name, Class: Transient, Status: resp.StatusCode, reason: "status"}
	case resp.StatusCode != http.StatusOK:
		return answer{}, &Error{Call: name, Class: Garbled, Status: resp.StatusCode, reason: "status"}
	case len(b) > sizeLimit:
		return answer{}, &Error{Call: name, Class: Garbled, reason: "answer over 1 MiB"}
	}
	a, err := parse(name, b)
	if err != nil {
		return answer{}, &Error{Call: name, Class: Garbled, reason: err.Error()}
	}
	code, err := a.optionalNumber("errcode")
	if err != nil {
		return answer{}, a.refuse(err)
	}
	if code != 0 {
		return answer{}, &Error{Call: name, Class: ClassOfCode(int(code)), Code: int(code)}
	}
	return a, nil
}

// lost says that a call got no answer, without the address that err carries; sent says whether the platform may have read it.
func lost(name string, err error, sent bool) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	e := &Error{Call: name, Class: Transient, reason: "no connection"}
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		e.Class, e.reason, e.cause = Unknown, "cancelled", context.Canceled
	case !sent, errors.As(err, &op) && op.Op == "dial":
		// Nothing was sent, as when the line could not be sealed, or only on a line that was closed long ago: repeating is safe.
	case errors.Is(err, context.DeadlineExceeded):
		e.Class, e.reason, e.cause = Unknown, "no answer in time", context.DeadlineExceeded
	default:
		// The request may have been accepted before the line broke.
		e.Class, e.reason = Unknown, "connection lost"
	}
	return e
}

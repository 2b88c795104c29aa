package wechat_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wanjia/internal/platform/wechat"
	"wanjia/internal/platform/wechat/fake"
)

const (
	pushToken = "0123456789abcdef"
	pushKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// mailboxes are one that takes open pushes and one that takes sealed ones, each with the platform that pushes to it.
func mailboxes(t *testing.T, clk *clock) map[string]func() (*wechat.Mailbox, fake.Push) {
	t.Helper()
	of := func(key string) func() (*wechat.Mailbox, fake.Push) {
		return func() (*wechat.Mailbox, fake.Push) {
			m, err := wechat.NewMailbox(fake.AppID, pushToken, key, clk.now)
			if err != nil {
				t.Fatal(err)
			}
			return m, fake.Push{AppID: fake.AppID, Token: pushToken, Key: key, Now: clk.now}
		}
	}
	return map[string]func() (*wechat.Mailbox, fake.Push){"open": of(""), "sealed": of(pushKey)}
}

// take reads a push as the handler does.
func take(m *wechat.Mailbox, q url.Values, body []byte) ([]wechat.Event, error) {
	if err := m.Signed(q); err != nil {
		return nil, err
	}
	return m.Events(q, body)
}

func TestEventsOfThePlatformAreRead(t *testing.T) {
	t.Parallel()
	clk := newClock()
	for how, boxes := range mailboxes(t, clk) {
		m, p := boxes()
		at := clk.now().Truncate(time.Second)
		message := fake.Sent{OpenID: openID, Template: "t1", MsgID: 1_864_323_726_461_255_680}
		for name, c := range map[string]struct {
			body []byte
			want []wechat.Event
		}{
			"shown":   {p.DeliveredEvent(message, 0), []wechat.Event{{Kind: wechat.Delivered, OpenID: openID, Template: "t1", At: at, MsgID: "1864323726461255680"}}},
			"unseen":  {p.DeliveredEvent(message, 43101), []wechat.Event{{Kind: wechat.Delivered, OpenID: openID, Template: "t1", At: at, MsgID: "1864323726461255680", Code: 43101}}},
			"asked":   {p.ChosenEvent(openID, map[string]string{"t1": "accept"}), []wechat.Event{{Kind: wechat.Chosen, OpenID: openID, Template: "t1", At: at, Accepted: true}}},
			"changed": {p.ChangedEvent(openID, "t1", "reject"), []wechat.Event{{Kind: wechat.Changed, OpenID: openID, Template: "t1", At: at}}},
			"a text":  {[]byte(`{"FromUserName":"o-1","CreateTime":1,"MsgType":"text","Content":"您好"}`), nil},
			"another": {[]byte(`{"FromUserName":"o-1","CreateTime":1,"MsgType":"event","Event":"user_enter_tempsession"}`), nil},
		} {
			q, body := p.Wrap(c.body)
			got, err := take(m, q, body)
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%s, %s: %v (-want +got):\n%s", how, name, err, diff)
			}
		}
	}
}

func TestWhatThePlatformHasNotSignedIsRefused(t *testing.T) {
	t.Parallel()
	clk := newClock()
	for how, boxes := range mailboxes(t, clk) {
		m, p := boxes()
		event := p.ChangedEvent(openID, "t1", "reject")
		other, elsewhere, open := p, p, p
		other.Token, elsewhere.AppID, open.Key = "fedcba9876543210", "wxother", ""
		for name, c := range map[string]struct {
			p     fake.Push
			spoil func(q url.Values)
			later time.Duration
			good  bool
		}{
			"as it came":             {p: p, good: true},
			"nearly too late":        {p: p, later: 10 * time.Minute, good: true},
			"too late":               {p: p, later: 10*time.Minute + time.Second},
			"of another token":       {p: other},
			"of another app":         {p: elsewhere, good: how == "open"}, // nothing in an open push says of which app it is
			"open where it is not":   {p: open, good: how == "open"},
			"with another time":      {p: p, spoil: func(q url.Values) { q.Set("timestamp", fmt.Sprint(clk.now().Unix()+1)) }},
			"with another nonce":     {p: p, spoil: func(q url.Values) { q.Set("nonce", "x") }},
			"without a signature":    {p: p, spoil: func(q url.Values) { q.Del("signature") }},
			"signed for another key": {p: p, spoil: func(q url.Values) { q.Set("msg_signature", q.Get("signature")) }, good: how == "open"},
		} {
			q, body := c.p.Wrap(event)
			if c.spoil != nil {
				c.spoil(q)
			}
			clk.move(c.later)
			if got, err := take(m, q, body); (err == nil) != c.good || c.good && len(got) != 1 {
				t.Errorf("%s, %s: %v (%v), want it taken: %v", how, name, got, err, c.good)
			}
			clk.move(-c.later)
		}
	}
}

// Whatever stands in a push, it is read as one thing or refused, and no error repeats it.
func TestAPushIsReadInOneWayOrNotAtAll(t *testing.T) {
	t.Parallel()
	clk := newClock()
	m, p := mailboxes(t, clk)["sealed"]()
	head := `{"FromUserName":"o-1","CreateTime":1,"Event":"subscribe_msg_sent_event","List":`
	for _, body := range []string{
		``, `null`, `[]`, `{`, `<xml></xml>`, head + `{}}`, head + `null}`, head + `"x"}`,
		head + `{"TemplateId":"t1","MsgID":"1","ErrorCode":"x"}}`, head + `{"TemplateId":"t1","MsgID":"x","ErrorCode":"0"}}`,
		head + `{"TemplateId":"t1","MsgID":"1","ErrorCode":"0"},"List":[]}`, head + `[` + strings.Repeat(`{},`, 50) + `{}]}`,
		`{"CreateTime":1,"Event":"subscribe_msg_sent_event","List":[]}`, `{"FromUserName":"o-1","Event":"subscribe_msg_sent_event","List":[]}`,
	} {
		q, wrapped := p.Wrap([]byte(body))
		got, err := take(m, q, wrapped)
		if err == nil || errors.Is(err, wechat.ErrForged) || len(got) > 0 {
			t.Errorf("%s is read as %v (%v), want it refused as senseless", body, got, err)
		} else if strings.Contains(err.Error(), "t1") || strings.Contains(err.Error(), "o-1") {
			t.Errorf("the error repeats what came: %v", err)
		}
	}
	for _, text := range []string{"", "!", "AAAA", strings.Repeat("A", 64)} { // and what is sealed badly
		q, _ := p.Wrap(nil)
		if got, err := m.Events(q, []byte(`{"Encrypt":"`+text+`"}`)); err == nil {
			t.Errorf("%q is opened as %v", text, got)
		}
	}
}

func TestAMailboxWantsItsTokenAndKeyAsTheConsoleGivesThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token, key string
		good       bool
	}{
		{pushToken, "", true},
		{pushToken, pushKey, true},
		{"ab", "", false},
		{strings.Repeat("a", 33), "", false},
		{"a b c", "", false},
		{pushToken, pushKey[1:], false},
		{pushToken, pushKey[1:] + "-", false},
		{"", pushKey, false},
	} {
		if err := wechat.CheckPush(c.token, c.key); (err == nil) != c.good {
			t.Errorf("token %q with key %q: %v, want them taken: %v", c.token, c.key, err, c.good)
		}
	}
}

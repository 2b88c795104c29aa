package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"wanjia/internal/config"
	"wanjia/internal/notify"
	"wanjia/internal/platform/wechat/fake"
)

func TestWeChatTellsUsWhereItsTokenIsKnownAndNowhereElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token, key string
		status     int
	}{
		{"0123456789abcdef", "", http.StatusOK},
		{"0123456789abcdef", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", http.StatusOK},
		{"", "", http.StatusNotFound},
	} {
		s := config.Default()
		s.Demo, s.Data, s.WeChat.Fake, s.WeChat.PushToken, s.WeChat.PushKey = true, t.TempDir(), true, c.token, c.key
		a, err := New(t.Context(), s, Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close() })
		edge := httptest.NewServer(a.server.Handler())
		t.Cleanup(edge.Close)
		p := fake.Push{AppID: fake.AppID, Token: c.token, Key: c.key, Now: a.Stores.DB.Now}
		status, answer, err := p.To(t.Context(), edge.URL+notify.EventsPath, p.ChangedEvent("o-nobody", "demo-request", "reject"))
		if err != nil || status != c.status || (status == http.StatusOK) != (answer == "success") {
			t.Errorf("with token %q and key %q: %d %q (%v), want %d", c.token, c.key, status, answer, err, c.status)
		}
		p.Token = "another0token"
		if status, _, err := p.To(t.Context(), edge.URL+notify.EventsPath, p.ChangedEvent("o-nobody", "demo-request", "reject")); err != nil || status != max(c.status, http.StatusForbidden) {
			t.Errorf("signed by somebody else: %d (%v), want it refused", status, err)
		}
	}
}

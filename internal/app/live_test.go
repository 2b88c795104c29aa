package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wanjia/internal/config"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/push"
)

func TestASessionThatCannotBeLookedUpIsNotOver(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Demo, c.Data, c.WeChat.Fake = true, t.TempDir(), true
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	if _, err := a.live(t.Context(), 1); !errors.Is(err, push.ErrTicket) {
		t.Errorf("a session that never was: %v, want %v", err, push.ErrTicket)
	}
	away, end := context.WithCancel(t.Context())
	end()
	if _, err := a.live(away, 1); err == nil || errors.Is(err, push.ErrTicket) {
		t.Errorf("while the database does not answer: %v, want another error than %v, which signs a device out", err, push.ErrTicket)
	}
}

// L2: streams and sockets are behind the limiter of their address.
func TestTicketsThatAreNoneAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Demo, c.Data, c.WeChat.Fake = true, t.TempDir(), true
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	ask := func(address string) (status int, after string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/push/events?ticket="+strings.Repeat("x", 43), nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		a.server.Handler().ServeHTTP(w, r)
		return w.Code, w.Header().Get("Retry-After")
	}
	for asked := 0; ; asked++ {
		status, after := ask("192.0.2.7:1")
		if status == http.StatusTooManyRequests && after != "" && asked >= limit.TicketIP.Size {
			break
		}
		if status != http.StatusUnauthorized || asked > 100*limit.TicketIP.Size {
			t.Fatalf("ticket %d is answered with %d, Retry-After %q", asked, status, after)
		}
	}
	if status, _ := ask("192.0.2.8:1"); status != http.StatusUnauthorized {
		t.Errorf("another address is answered with %d", status)
	}
}

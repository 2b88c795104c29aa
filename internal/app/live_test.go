package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"wanjia/internal/config"
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

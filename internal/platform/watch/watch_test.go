package watch_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"wanjia/internal/platform/watch"
)

func TestALogLineCannotBeForgedByItsContent(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := watch.Logger(&out, slog.LevelInfo)
	ctx := watch.WithCaller(context.Background(), watch.Caller{Request: "r1"})
	log.InfoContext(ctx, "said", "note", "a\nb\x1b[31mred\u2028c")
	got := strings.TrimSuffix(out.String(), "\n")
	if strings.ContainsAny(got, "\n\x1b\u2028") {
		t.Errorf("line %q holds raw control characters, want them escaped", got)
	}
	if !strings.Contains(got, `"request":"r1"`) {
		t.Errorf("line %s does not name its request", got)
	}
}

func TestAnAddressIsKeptAsItsClassOnly(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1": "loopback", "::1": "loopback", "10.1.2.3": "private", "fe80::1": "private", "203.0.113.9": "public",
	} {
		if got := (watch.Caller{Address: netip.MustParseAddr(address)}).Class(); got != want {
			t.Errorf("class of %s: %s, want %s", address, got, want)
		}
	}
	if got := (watch.Caller{}).Class(); got != "" {
		t.Errorf("class of no address: %q, want none", got)
	}
}

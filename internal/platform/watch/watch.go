// Package watch is what operators see of the running program: log lines, metrics, and which request of whom a
// line belongs to.
package watch

import (
	"context"
	"io"
	"log/slog"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A Caller is the other end of a request.
type Caller struct {
	Request string     // names the request in logs, the audit trail and problem documents
	Address netip.Addr // as the IPExtractor judged it; for limiters and the audit class, never for a log line
	Client  string     // X-Wanjia-Client: mini, h5 or console, and its version
}

// Subject is who limiters count by an address.
func Subject(address netip.Addr) string {
	if address.Is6() { // a household holds a whole /64
		if p, err := address.Prefix(64); err == nil {
			address = p.Addr()
		}
	}
	return "a" + address.String()
}

type callerKey struct{}

// WithCaller returns ctx for a request that c makes.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom is who sent the request of ctx; the zero Caller in jobs.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// Class says of an address only what an audit row may hold: loopback, private or public.
func (c Caller) Class() string {
	switch a := c.Address; {
	case !a.IsValid():
		return ""
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return "private"
	default:
		return "public"
	}
}

// Logger writes JSON lines to w. JSON because its encoder escapes control characters, ANSI sequences and
// U+2028, so that nobody's input can forge a line or paint a terminal.
func Logger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(lines{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})})
}

// lines adds the request's id to each line written in its context.
type lines struct{ slog.Handler }

func (h lines) Handle(ctx context.Context, r slog.Record) error {
	if id := CallerFrom(ctx).Request; id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h lines) WithAttrs(attrs []slog.Attr) slog.Handler { return lines{h.Handler.WithAttrs(attrs)} }
func (h lines) WithGroup(name string) slog.Handler       { return lines{h.Handler.WithGroup(name)} }

// NewMetrics makes the registry that the whole program registers its wanjia_* metrics in. It is our own, so
// that no library adds to it unasked.
func NewMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

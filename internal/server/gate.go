package server

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"wanjia/internal/audit"
	"wanjia/internal/org"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/watch"
)

// errForeignPage is told to a page of another origin that makes a reader's browser write.
var errForeignPage = problem.New(problem.Forbidden, "server.foreign_page")

// A gate is around every request, also those that lead nowhere: it names the request, sets the headers, turns
// errors and panics into problems, and writes the one line.
type gate struct {
	o        Options
	origins  *http.CrossOriginProtection
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	inside   prometheus.Gauge
}

// asked is what becomes known of a request on its way, for the line at the end.
type asked struct {
	op       *operation // nil: no operation of the contract
	by       org.Actor
	actingAs org.AssignmentID // as the header says
}

const askedKey = "asked"

func askedOf(c echo.Context) *asked {
	a, _ := c.Get(askedKey).(*asked)
	return a
}

func newGate(o Options) (*gate, error) {
	g := &gate{
		o: o, origins: http.NewCrossOriginProtection(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "wanjia_http_requests_total", Help: "Requests by operation and status.",
		}, []string{"operation", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "wanjia_http_request_seconds", Help: "How long answers took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3},
		}, []string{"operation"}),
		inside: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "wanjia_http_requests_in_flight", Help: "Requests being answered.",
		}),
	}
	for _, origin := range o.Origins {
		if err := g.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("server: trust %s: %w", origin, err)
		}
	}
	for _, m := range []prometheus.Collector{g.requests, g.took, g.inside} {
		if err := o.Metrics.Register(m); err != nil {
			return nil, fmt.Errorf("server: register metrics: %w", err)
		}
	}
	return g, nil
}

func (g *gate) echo() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = func(err error, c echo.Context) { writeProblem(c, err) }
	e.IPExtractor = func(r *http.Request) string { return g.o.Address(r).String() }
	e.Use(g.around)
	return e
}

func (g *gate) around(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		g.inside.Inc()
		defer g.inside.Dec()
		r, a := c.Request(), &asked{}
		caller := watch.Caller{Request: strings.ToLower(rand.Text()[:16]), Address: g.o.Address(r), Client: client(r)}
		ctx := audit.WithRequest(watch.WithCaller(r.Context(), caller), caller.Request, caller.Class())
		c.SetRequest(r.WithContext(ctx))
		c.Set(askedKey, a)
		headers(c.Response().Header())
		c.Response().Header().Set("X-Request-Id", caller.Request)

		err := g.admitted(c, next)
		status, code, ours := c.Response().Status, "", false
		if err != nil {
			status, code, ours = writeProblem(c, err)
		}
		if !ours {
			err = nil
		}
		g.line(c, a, status, code, time.Since(start), err)
		return nil
	}
}

// admitted calls the handler, unless the request comes from a page of somebody else's. A panic becomes an error.
func (g *gate) admitted(c echo.Context, next echo.HandlerFunc) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	r := c.Request()
	if origin := r.Header.Get("Origin"); origin != "" && slices.Contains(g.o.Origins, origin) {
		if crossOrigin(c, origin) {
			return c.NoContent(http.StatusNoContent)
		}
	}
	if allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string); ok && r.Method == http.MethodOptions {
		c.Response().Header().Set("Allow", allow)
		return echo.ErrMethodNotAllowed // the framework would answer 204
	}
	if err := g.origins.Check(r); err != nil {
		return g.o.Public.foreign(c)
	}
	return next(c)
}

// crossOrigin lets a page of origin read the answer; it says whether the request was only the question for that.
func crossOrigin(c echo.Context, origin string) bool {
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Idempotent-Replayed, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, "+askHeader)
	r := c.Request()
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept-Language, Idempotency-Key, X-Acting-As, X-Wanjia-Client")
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// headers are those of security.md §8. They stand on everything, so that no page and no answer lacks them.
func headers(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "+
		"img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
}

// sandbox is the policy of files that people sent (security.md U3): whatever a browser makes of one runs and fetches nothing.
const sandbox = "default-src 'none'; frame-ancestors 'none'; sandbox"

// client is what X-Wanjia-Client says, if it looks like what it should be.
func client(r *http.Request) string {
	const long = 40
	s := r.Header.Get("X-Wanjia-Client")
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("./-_", c)
	}
	if len(s) > long || strings.ContainsFunc(s, odd) {
		return ""
	}
	return s
}

// line writes the one line, by route and never by URL, and counts.
func (g *gate) line(c echo.Context, a *asked, status int, code string, took time.Duration, err error) {
	name, route := "none", c.Path()
	switch {
	case a.op != nil:
		name = a.op.id
	case strings.HasPrefix(route, "/v1/push"):
		name = "push"
	case status < http.StatusBadRequest:
		name = "page"
	}
	g.requests.WithLabelValues(name, strconv.Itoa(status)).Inc()
	g.took.WithLabelValues(name).Observe(took.Seconds())
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("operation", name), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
	}
	if a.by.PersonID != 0 {
		attrs = append(attrs, slog.Int64("person", int64(a.by.PersonID)), slog.String("role", string(a.by.Role)))
	}
	if code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	if err != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	g.o.Log.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

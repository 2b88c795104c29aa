// Package server is the edge: it takes requests as the contract allows them, finds out who asks, hands them to
// the features, and turns what comes back into HTTP. It is the only place that knows statuses.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/watch"
	"wanjia/internal/webui"
)

// An Identifier finds out who shows this token, acting in which of their roles (0: the primary one). The context
// it returns holds what its own operations will want to know of the session.
type Identifier func(ctx context.Context, bearer string, actingAs org.AssignmentID) (context.Context, org.Actor, error)

// A StepUp says why acts that want a fresh second factor are closed to the session of ctx, or nil.
type StepUp func(ctx context.Context) error

// A Limiter takes one request of subject, a person or an address, from a limiter of the operation.
type Limiter func(ctx context.Context, l limit.Limiter, subject string) limit.Verdict

// Options are what a Server is made of. Operations, Identify, StepUp, Limit, Address and Metrics must be there.
type Options struct {
	Operations api.StrictServerInterface
	Identify   Identifier
	StepUp     StepUp
	Limit      Limiter
	GiveBack   func(ctx context.Context, l limit.Limiter, subject string) // what Limit took; nil: nothing is given back
	Done       func(ctx context.Context, by org.Actor) (bool, error)      // whether by repeats what was done; nil: nobody does
	Address    Address                                                    // whose request it is: Direct, or BehindProxies
	Origins    []string                                                   // web origins beside our own that may call
	Push       Own                                                        // GET /v1/push, the socket
	PushEvents Own                                                        // GET /v1/push/events
	Told       Told                                                       // what others push to us
	Public     Public                                                     // pages for everybody
	Ask        Ask                                                        // what x-ask acts say; nil: nothing
	Ready      []Check                                                    // what must work before requests are sent here
	Metrics    *prometheus.Registry
	Log        *slog.Logger // nil: slog.Default
}

// A Server is both listeners' handlers.
type Server struct {
	public *echo.Echo
	admin  http.Handler
}

// New makes the edge. It refuses to be made without knowing whose address to believe: the framework's default
// trusts a forged X-Forwarded-For.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	doc, err := theDocument()
	if err != nil {
		return nil, err
	}
	c, err := newContract(doc, o)
	if err != nil {
		return nil, err
	}
	g, err := newGate(o)
	if err != nil {
		return nil, err
	}
	e := g.echo()
	checks := make(map[string][]echo.MiddlewareFunc, len(c.operations))
	for id, op := range c.operations {
		checks[id] = []echo.MiddlewareFunc{c.check(op)}
	}
	api.RegisterHandlersWithOptions(e, api.NewStrictHandler(o.Operations, []api.StrictMiddlewareFunc{answered}),
		api.RegisterHandlersOptions{OperationMiddlewares: checks})
	if o.Push != nil {
		e.GET("/v1/push", o.Push.handle)
	}
	if o.PushEvents != nil {
		e.GET("/v1/push/events", o.PushEvents.handle)
	}
	o.Told.add(e)
	if err := addDocs(e); err != nil {
		return nil, err
	}
	o.Public.add(e, o)
	for _, path := range webui.Paths {
		e.GET(path, echo.WrapHandler(webui.Handler()))
	}
	return &Server{public: e, admin: adminHandler(o)}, nil
}

// Told is where another server tells us what happened there, in a form of its own; the zero Told is nowhere.
type Told struct {
	Path  string
	Serve Own
}

func (t Told) add(e *echo.Echo) {
	if t.Serve == nil {
		return
	}
	e.GET(t.Path, t.Serve.handle)
	e.POST(t.Path, t.Serve.handle)
}

// Own answers outside the contract, in its own way; what it refuses it returns, and the answer is a problem like any other.
type Own func(w http.ResponseWriter, r *http.Request) error

func (o Own) handle(c echo.Context) error { return o(c.Response(), c.Request()) }

func (o *Options) complete() error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	switch {
	case o.Address == nil:
		return errors.New("server: it is not said whose address to believe (Direct or BehindProxies)")
	case o.Operations == nil || o.Identify == nil || o.StepUp == nil || o.Limit == nil || o.Metrics == nil:
		return errors.New("server: operations, identifier, step-up, limiter and metrics must be given")
	}
	for _, origin := range o.Origins {
		if !strings.HasPrefix(origin, "https://") && !strings.HasPrefix(origin, "http://") || strings.ContainsAny(origin, "*, ") {
			return fmt.Errorf("server: %q is no origin", origin)
		}
	}
	return nil
}

// answered makes a handler that gives neither an answer nor an error our fault, not an empty 200.
func answered(f api.StrictHandlerFunc, operationID string) api.StrictHandlerFunc {
	return func(ctx echo.Context, request any) (any, error) {
		answer, err := f(ctx, request)
		if err == nil && answer == nil {
			return nil, fmt.Errorf("%s gave no answer", operationID)
		}
		return answer, err
	}
}

// Handler serves the public listener.
func (s *Server) Handler() http.Handler { return s.public }

// Admin serves the loopback listener: metrics, health, pprof.
func (s *Server) Admin() http.Handler { return s.admin }

// Listener wraps a handler in a server with the limits of security.md §8 on size and time. Uploads and streams set
// their own deadlines.
func Listener(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// An Address says from where a request comes; the zero Addr if that cannot be said.
type Address func(*http.Request) netip.Addr

// Direct believes the connection and no header: nothing stands before the server.
func Direct() Address { return from(echo.ExtractIPDirect()) }

// BehindProxies believes X-Forwarded-For as far as it was written by these networks.
func BehindProxies(networks []netip.Prefix) Address {
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, n := range networks {
		trust = append(trust, echo.TrustIPRange(&net.IPNet{
			IP: n.Addr().AsSlice(), Mask: net.CIDRMask(n.Bits(), n.Addr().BitLen()),
		}))
	}
	return from(echo.ExtractIPFromXFFHeader(trust...))
}

func from(extract echo.IPExtractor) Address {
	return func(r *http.Request) netip.Addr {
		a, err := netip.ParseAddr(extract(r))
		if err != nil {
			return netip.Addr{}
		}
		return a.Unmap().WithZone("")
	}
}

// About answers what the server says of itself.
type About struct {
	Version string
	Demo    bool // the people are invented, and anybody signs in by handle
}

// GetVersion says which version answers, by which contract.
func (a About) GetVersion(context.Context, api.GetVersionRequestObject) (api.GetVersionResponseObject, error) {
	return api.GetVersion200JSONResponse{Version: a.Version, Contract: api.ContractVersion, Demo: a.Demo}, nil
}

// subject is who a limit counts: the person, or the address of a stranger.
func subject(by org.Actor, address netip.Addr) string {
	if by.PersonID != 0 {
		return fmt.Sprintf("p%d", by.PersonID)
	}
	return watch.Subject(address)
}

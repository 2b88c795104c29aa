package server

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"wanjia/api"
	"wanjia/internal/org"
	"wanjia/internal/platform/guard"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/once"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/watch"
)

// How long an operation may take once its request has arrived (security.md §8).
const (
	inTime   = 3 * time.Second
	longPoll = 28 * time.Second // of operations with a parameter `wait`, and of long ones
)

// A contract checks requests against the document: who asks, whether the role may, whether the shape is right.
type contract struct {
	operations map[string]*operation // by operationId
	filter     *openapi3filter.Options
	bodiless   *openapi3filter.Options // of x-stream operations
	o          Options
}

// loadDocument reads the contract, with what we want of every text. It has been validated by the test of package api. All
// servers of a process share it: nothing changes it later.
func loadDocument(text []byte) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	seen := map[*openapi3.Schema]bool{}
	for _, item := range doc.Paths.Map() {
		for _, spec := range item.Operations() {
			if spec.RequestBody == nil {
				continue
			}
			for _, media := range spec.RequestBody.Value.Content {
				filled(media.Schema, seen)
			}
		}
	}
	return doc, nil
}

// theDocument is the contract, read once a process: it takes as long as all the rest of a start, and nobody changes it.
var theDocument = sync.OnceValues(func() (*openapi3.T, error) { return loadDocument(api.Document) })

func newContract(doc *openapi3.T, o Options) (*contract, error) {
	c := &contract{operations: map[string]*operation{}, o: o}
	for path, item := range doc.Paths.Map() {
		for method, spec := range item.Operations() {
			op, err := newOperation(doc, path, method, item, spec)
			if err != nil {
				return nil, fmt.Errorf("the contract: %s %s: %w", method, path, err)
			}
			c.operations[op.id] = op
		}
	}
	c.filter = &openapi3filter.Options{MultiError: true, KeepValidatedValue: true, SchemaValidationOptions: strictly()}
	c.bodiless = &openapi3filter.Options{MultiError: true, ExcludeRequestBody: true, SchemaValidationOptions: strictly()}
	return c, nil
}

// filled makes every text of a body that must not be empty hold something that can be seen: a reason of blanks is none.
func filled(ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	s := ref.Value
	seen[s] = true
	if s.Type.Is("string") && s.MinLength > 0 && s.Pattern == "" && s.Format == "" && len(s.Enum) == 0 {
		s.Pattern = `[^\s\p{Z}\p{C}]`
	}
	for _, p := range s.Properties {
		filled(p, seen)
	}
	filled(s.Items, seen)
	filled(s.AdditionalProperties.Schema, seen)
	for _, some := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
		for _, p := range some {
			filled(p, seen)
		}
	}
}

// strictly are the settings of every check: values stay out of messages, and formats that the library takes on
// trust or by the look of it are parsed.
func strictly() []openapi3.SchemaValidationOption {
	parsed := func(layout string) openapi3.StringFormatValidator {
		return openapi3.NewCallbackValidator(func(s string) error {
			t, err := time.Parse(layout, s)
			// Years that some engine cannot store are no dates to us.
			if err != nil || t.Year() < 1900 || t.Year() > 2199 {
				return errors.New("no such day or moment")
			}
			return nil
		})
	}
	return []openapi3.SchemaValidationOption{
		openapi3.DisableSchemaErrorDetails(),
		openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
			"uuid":      openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC9562),
			"date":      parsed(time.DateOnly),
			"date-time": parsed(time.RFC3339),
		}),
	}
}

// check is what a request of op passes before its handler sees it. Nothing of the body is read from a stranger.
func (c *contract) check(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(ctx echo.Context) error {
			a := askedOf(ctx)
			a.op = op
			if op.sandboxed {
				ctx.Response().Header().Set("Content-Security-Policy", sandbox)
			}
			if op.private {
				ctx.Response().Header().Set("Cache-Control", "no-store")
			}
			if err := c.identify(ctx, op, a); err != nil {
				return err
			}
			taken, late := c.count(ctx, a.by, op.limits...)
			if late != nil && !c.mayRepeat(ctx, op, a.by, taken) {
				return late
			}
			if op.stepUp == always {
				if err := c.fresh(ctx); err != nil {
					return err
				}
			}
			if op.keyed && ctx.Request().Header.Get("Idempotency-Key") == "" {
				return problem.ErrKeyMissing
			}
			body, err := c.shape(ctx, op)
			if err != nil {
				return err
			}
			if op.stepUp == ofMany && manyFields(body) {
				if err := c.fresh(ctx); err != nil {
					return err
				}
			}
			if op.keyed {
				remember(ctx, op, a, body)
			}
			if late != nil {
				switch done, err := c.o.Done(ctx.Request().Context(), a.by); {
				case err != nil:
					return err
				case !done:
					return late
				}
			}
			if op.moment != "" && c.o.Ask != nil {
				c.askAfter(ctx, op, a.by)
			}
			if op.inTime > 0 {
				r := ctx.Request()
				limited, cancel := context.WithTimeout(r.Context(), op.inTime)
				defer cancel()
				ctx.SetRequest(r.WithContext(limited))
			}
			err = next(ctx)
			c.giveBack(ctx, a.by, taken, err)
			return err
		}
	}
}

// identify finds out who asks and whether their role may ever do this.
func (c *contract) identify(ctx echo.Context, op *operation, a *asked) error {
	r := ctx.Request()
	tokens := r.Header.Values("Authorization")
	if !op.signedIn || op.stranger && len(tokens) == 0 {
		return nil
	}
	actingAs, err := actingAs(r)
	if err != nil {
		return err
	}
	a.actingAs = actingAs
	token, err := bearer(tokens)
	if err == nil {
		var known context.Context
		known, a.by, err = c.o.Identify(r.Context(), token, actingAs)
		if err == nil {
			ctx.SetRequest(r.WithContext(org.WithActor(known, a.by)))
		}
	}
	switch {
	case err != nil && !guard.On(guard.SignIn):
		return nil
	case err != nil:
		a.by = org.Actor{}
		if _, late := c.count(ctx, a.by, op.others()); late != nil { // by address: guessing tokens is limited too
			return late
		}
		return err
	case !op.anybody && !slices.Contains(op.roles, a.by.Role) && guard.On(guard.Role):
		return op.refusal
	}
	return nil
}

func bearer(tokens []string) (string, error) {
	if len(tokens) != 1 {
		return "", problem.ErrUnauthenticated
	}
	scheme, token, ok := strings.Cut(tokens[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", problem.ErrUnauthenticated
	}
	return token, nil
}

func actingAs(r *http.Request) (org.AssignmentID, error) {
	values := r.Header.Values("X-Acting-As")
	if len(values) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil || n <= 0 || len(values) > 1 {
		return 0, problem.ErrMalformed.Field("X-Acting-As", "type")
	}
	return org.AssignmentID(n), nil
}

// fresh says why the second factor is not fresh enough in the session of ctx, or nil.
func (c *contract) fresh(ctx echo.Context) error {
	if !guard.On(guard.StepUp) {
		return nil
	}
	return c.o.StepUp(ctx.Request().Context())
}

// manyFields says whether body, which has passed the schema, names more than one field.
func manyFields(body []byte) bool {
	var said struct {
		Fields []json.RawMessage `json:"fields"`
	}
	return json.Unmarshal(body, &said) != nil || len(said.Fields) > 1
}

// others is the limiter of what has none of its own.
func (op *operation) others() limit.Limiter {
	if op.write {
		return limit.Write
	}
	return limit.Read
}

// count takes one from each of the asker's allowances, as far as they last, and tells them what is left of their own (L1).
func (c *contract) count(ctx echo.Context, by org.Actor, limiters ...limit.Limiter) (taken []limit.Limiter, late error) {
	r, h := ctx.Request(), ctx.Response().Header()
	address := watch.CallerFrom(r.Context()).Address
	var policies, lefts []string
	for _, l := range limiters {
		whom := subject(by, address)
		if l.ByAddress() {
			whom = subject(org.Actor{}, address)
		}
		left := c.o.Limit(r.Context(), l, whom)
		policies, lefts = append(policies, left.Policy()), append(lefts, left.Header())
		h.Set("RateLimit-Policy", strings.Join(policies, ", "))
		h.Set("RateLimit", strings.Join(lefts, ", "))
		if !left.OK {
			return taken, tooMany(l).RetryAfter(left.Retry)
		}
		taken = append(taken, l)
	}
	return taken, nil
}

// mayRepeat says whether by, whom a limiter lets through no more, is asked still whether they repeat what was done: what was
// counted then is answered again, however many others came since. Looking counts as any write of theirs, so that keys that
// nobody has used lead around no limit; that of all writes ends soon, and holds for repeats too.
func (c *contract) mayRepeat(ctx echo.Context, op *operation, by org.Actor, taken []limit.Limiter) bool {
	r := ctx.Request()
	refused, others := op.limits[len(taken)], op.others()
	if c.o.Done == nil || !op.keyed || op.stream || r.Header.Get("Idempotency-Key") == "" || refused == others {
		return false
	}
	return slices.Contains(taken, others) || c.o.Limit(r.Context(), others, subject(by, watch.CallerFrom(r.Context()).Address)).OK
}

// needs are the limiters of what people ask for: by person, and of strangers by address. Whoever writes down what others
// need is held by the limit of all writes alone.
var needs = []limit.Limiter{limit.RequestHour, limit.RequestDay, limit.StrangerHour, limit.StrangerDay}

// tooMany is what somebody is told whom l lets through no more: whoever has a need is told whom to call.
func tooMany(l limit.Limiter) *problem.Problem {
	if slices.Contains(needs, l) {
		return errTooManyNeeds
	}
	return problem.ErrTooMany
}

var errTooManyNeeds = problem.New(problem.TooMany, "request.too_many")

// giveBack counts nothing of what people ask for when the answer is that of an earlier call, or that one is still at it:
// on a bad line the same need is sent many times.
func (c *contract) giveBack(ctx echo.Context, by org.Actor, limiters []limit.Limiter, err error) {
	r := ctx.Request()
	if c.o.GiveBack == nil || !once.Replayed(r.Context()) && !errors.Is(err, problem.ErrKeyInFlight) {
		return
	}
	for _, l := range limiters {
		if slices.Contains(needs, l) {
			c.o.GiveBack(r.Context(), l, subject(by, watch.CallerFrom(r.Context()).Address))
		}
	}
}

// remember gives the features what makes this request the same as its repetition, and marks an answer that is one.
func remember(ctx echo.Context, op *operation, a *asked, body []byte) {
	r := ctx.Request()
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", op.method, r.URL.Path, r.URL.RawQuery)
	_ = binary.Write(h, binary.BigEndian, int64(a.actingAs))
	h.Write(op.lasting(body))
	known := once.With(r.Context(), once.Call{Operation: op.id, Key: r.Header.Get("Idempotency-Key"), Fingerprint: h.Sum(nil)})
	ctx.SetRequest(r.WithContext(known))
	ctx.Response().Before(func() {
		if once.Replayed(known) {
			ctx.Response().Header().Set(replayed, "true")
		}
	})
}

// shape holds the request against the schema, and says what its body was.
func (c *contract) shape(ctx echo.Context, op *operation) ([]byte, error) {
	r := ctx.Request()
	if strings.Contains(r.URL.EscapedPath(), "%") {
		return nil, problem.ErrNotFound // no identifier of ours is escaped, and two readings of one path are one too many
	}
	query, err := op.strictQuery(r)
	if err != nil {
		return nil, err
	}
	body, err := op.readBody(ctx)
	if err != nil {
		return nil, err
	}
	in := &openapi3filter.RequestValidationInput{Request: r, QueryParams: query, Route: op.route, Options: c.filter}
	if names := ctx.ParamNames(); len(names) > 0 {
		in.PathParams = make(map[string]string, len(names))
		for _, name := range names {
			in.PathParams[name] = ctx.Param(name)
		}
	}
	if op.stream {
		bodiless := *r
		bodiless.Body = http.NoBody
		in.Request, in.Options = &bodiless, c.bodiless
	}
	if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
		return nil, mistakes(err)
	}
	return body, nil
}

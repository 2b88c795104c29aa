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
	"github.com/getkin/kin-openapi/routers"
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
	longPoll = 28 * time.Second // of operations with a parameter `wait`
)

// A contract checks requests against the document: who asks, whether the role may, whether the shape is right.
type contract struct {
	operations map[string]*operation // by operationId
	filter     *openapi3filter.Options
	bodiless   *openapi3filter.Options // of x-stream operations
	o          Options
}

// An operation is what the contract says of one method of one path, worked out beforehand.
type operation struct {
	id       string
	method   string
	path     string // as in the document
	route    *routers.Route
	signedIn bool // somebody must be there
	stranger bool // and without a token nobody need be
	roles    []org.Role
	anybody  bool             // x-authz names any or resident: whoever is signed in
	refusal  *problem.Problem // what other roles are told
	write    bool
	keyed    bool // takes an Idempotency-Key
	stream   bool // x-stream: the handler reads the body
	takes    openapi3.Content
	query    map[string]bool // parameters; true: may be repeated
	limits   []limit.Limiter // x-limits: in place of those for other reads and writes
	stepUp   stepUp          // whether the second factor must be fresh
	inTime   time.Duration   // 0: as long as it likes
	private  bool            // answers what no cache may keep

	moment    string // x-ask: after which people may be asked for messages
	sandboxed bool   // answers what somebody sent: no page may come of it

	transient []string // properties of which nothing is kept
}

// A stepUp says when an operation wants the second factor to have been shown within five minutes (security.md §4).
type stepUp int

const (
	never stepUp = iota
	always
	ofMany // when the body's list `fields` names more than one
)

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

func newOperation(doc *openapi3.T, path, method string, item *openapi3.PathItem, spec *openapi3.Operation) (*operation, error) {
	op := &operation{
		id: spec.OperationID, method: method, path: path, refusal: problem.ErrForbidden,
		write: method != http.MethodGet && method != http.MethodHead, query: map[string]bool{}, inTime: inTime,
	}
	yes := func(extension string) bool { v, _ := spec.Extensions[extension].(bool); return v }
	natural := spec.Extensions["x-idempotent"] == "natural"
	op.stream, op.sandboxed = yes("x-stream"), yes("x-sandbox")
	op.keyed = op.write && !natural && !yes("x-read")
	op.moment, _ = spec.Extensions["x-ask"].(string)
	// What is public for as long as somebody agrees to it is no longer so a moment after they do not.
	op.private = spec.Extensions["x-data-class"] != "public" || strings.HasPrefix(op.path, "/v1/public/")
	if err := op.authorise(doc, spec); err != nil {
		return nil, err
	}
	if err := op.limit(spec); err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(item.Parameters, spec.Parameters) {
		if p.Value.In != openapi3.ParameterInQuery {
			continue
		}
		op.query[p.Value.Name] = p.Value.Schema != nil && p.Value.Schema.Value.Type.Is(openapi3.TypeArray)
		if p.Value.Name == "wait" {
			op.inTime = longPoll
		}
	}
	if op.stream {
		op.inTime = 0
	}
	if spec.RequestBody != nil {
		op.takes = spec.RequestBody.Value.Content
		op.transient = transient(op.takes)
	}
	// The filter is given an operation without security: who asks is found out before, without reading a byte of
	// the body.
	open := *spec
	open.Security = &openapi3.SecurityRequirements{}
	op.route = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: &open}
	return op, nil
}

func (op *operation) authorise(doc *openapi3.T, spec *openapi3.Operation) error {
	security := doc.Security
	if spec.Security != nil {
		security = *spec.Security
	}
	op.signedIn = len(security) > 0
	op.stranger = slices.ContainsFunc(security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 })
	authz, _ := spec.Extensions["x-authz"].(map[string]any)
	roles, _ := authz["roles"].([]any)
	for _, r := range roles {
		switch name, _ := r.(string); name {
		case "any", string(org.RoleResident):
			op.anybody = true
		case "public":
			op.anybody = op.stranger // who is signed in is no less welcome
		default:
			op.roles = append(op.roles, org.Role(name))
		}
	}
	if op.signedIn && !op.stranger && !op.anybody && len(op.roles) == 0 {
		return errors.New("x-authz names no role") // closed to everybody is a mistake
	}
	if fmt.Sprint(authz["refuse"]) == "404" {
		op.refusal = problem.ErrNotFound
	}
	switch authz["stepUp"] {
	case nil, false:
	case true:
		op.stepUp = always
	case "fields":
		op.stepUp = ofMany
	default:
		return fmt.Errorf("x-authz.stepUp is %v, it can be true or fields", authz["stepUp"])
	}
	if op.stepUp != never && (!op.signedIn || op.stranger) {
		return errors.New("a stranger has no second factor to show")
	}
	return nil
}

// limit finds the limiters of x-limits; without any, those for other reads and writes count.
func (op *operation) limit(spec *openapi3.Operation) error {
	names, _ := spec.Extensions["x-limits"].([]any)
	for _, name := range names {
		at := slices.IndexFunc(limit.All, func(l limit.Limiter) bool { return l.Name == name })
		if at < 0 {
			return fmt.Errorf("x-limits: there is no limiter %v", name)
		}
		op.limits = append(op.limits, limit.All[at])
	}
	if len(op.limits) == 0 {
		op.limits = []limit.Limiter{op.others()}
	}
	return nil
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
			if err := c.count(ctx, a.by, op.limits...); err != nil {
				return err
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
			if op.moment != "" && c.o.Ask != nil {
				c.askAfter(ctx, op, a.by)
			}
			if op.inTime > 0 {
				r := ctx.Request()
				limited, cancel := context.WithTimeout(r.Context(), op.inTime)
				defer cancel()
				ctx.SetRequest(r.WithContext(limited))
			}
			return next(ctx)
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
		if late := c.count(ctx, a.by, op.others()); late != nil { // by address: guessing tokens is limited too
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

// count takes one from each of the asker's allowances, and tells them what is left of their own (L1).
func (c *contract) count(ctx echo.Context, by org.Actor, limiters ...limit.Limiter) error {
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
			return problem.ErrTooMany.RetryAfter(left.Retry)
		}
	}
	return nil
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
			ctx.Response().Header().Set("Idempotent-Replayed", "true")
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

// mistakes turns what the filter says into a problem: places and keywords, and no values.
func mistakes(err error) error {
	var m misfit
	m.add("", err)
	switch {
	case m.nowhere:
		return problem.ErrNotFound
	case m.cursor:
		return problem.ErrCursor
	case len(m.unreadable) > 0:
		return withFields(problem.ErrMalformed, m.unreadable)
	case len(m.wrong) > 0:
		return withFields(problem.ErrInvalid, m.wrong)
	default:
		return problem.ErrMalformed
	}
}

func withFields(p *problem.Problem, fields []problem.Field) *problem.Problem {
	const enough = 50
	for i, f := range fields {
		if i == enough {
			break
		}
		if !slices.Contains(p.Fields, f) {
			p = p.Field(f.Pointer, f.Code)
		}
	}
	return p
}

// A misfit is how a request does not fit the contract.
type misfit struct {
	nowhere    bool            // a path parameter that names nothing
	cursor     bool            // a cursor that is none
	unreadable []problem.Field // 400
	wrong      []problem.Field // 422
}

func (m *misfit) add(where string, err error) {
	var (
		many   openapi3.MultiError
		of     *openapi3filter.RequestError
		schema *openapi3.SchemaError
		parse  *openapi3filter.ParseError
	)
	switch {
	case err == nil:
		m.unreadable = append(m.unreadable, problem.Field{Pointer: where, Code: "syntax"})
	case asIs(err, &many):
		for _, e := range many {
			m.add(where, e)
		}
	case asIs(err, &of):
		if of.Parameter == nil {
			m.add(where, of.Err)
			return
		}
		m.nowhere = m.nowhere || of.Parameter.In == openapi3.ParameterInPath
		m.cursor = m.cursor || of.Parameter.Name == "cursor"
		m.add(of.Parameter.Name, of.Err)
	case asIs(err, &schema):
		m.addSchema(where, schema)
	case errors.Is(err, openapi3filter.ErrInvalidRequired) && where == "":
		m.unreadable = append(m.unreadable, problem.Field{Code: "required"})
	case errors.Is(err, openapi3filter.ErrInvalidRequired):
		m.wrong = append(m.wrong, problem.Field{Pointer: where, Code: "required"})
	case errors.Is(err, openapi3filter.ErrInvalidEmptyValue), errors.As(err, &parse) && where != "":
		m.wrong = append(m.wrong, problem.Field{Pointer: where, Code: "type"})
	default:
		m.unreadable = append(m.unreadable, problem.Field{Pointer: where, Code: "syntax"})
	}
}

// asIs looks at err itself and not into it: its parts are walked one by one.
func asIs[T error](err error, target *T) bool {
	e, ok := err.(T) //nolint:errorlint // because of the above
	if ok {
		*target = e
	}
	return ok
}

func (m *misfit) addSchema(where string, err *openapi3.SchemaError) {
	for _, token := range err.JSONPointer() {
		where += "/" + pointerToken(token)
	}
	if err.SchemaField == "properties" {
		said, _ := err.Value.(map[string]any)
		for key := range said {
			if _, known := err.Schema.Properties[key]; !known {
				m.unreadable = append(m.unreadable, problem.Field{Pointer: where + "/" + pointerToken(key), Code: "unknown_key"})
			}
		}
		slices.SortFunc(m.unreadable, func(a, b problem.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
		return
	}
	var inner openapi3.MultiError
	if err.SchemaField == "allOf" && errors.As(err.Origin, &inner) {
		for _, e := range inner {
			m.add("", e) // whose paths begin at the top again
		}
		return
	}
	code := err.SchemaField
	if code == "" {
		code = "schema"
	}
	m.wrong = append(m.wrong, problem.Field{Pointer: where, Code: code})
}

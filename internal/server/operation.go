package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"wanjia/internal/org"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
)

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
	if yes("x-long") { // it goes through all there is, and what it has done by then is done
		op.inTime = longPoll
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

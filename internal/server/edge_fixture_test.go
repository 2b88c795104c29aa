package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"wanjia/internal/org"
	"wanjia/internal/platform/limit"
	"wanjia/internal/platform/problem"
)

// document is a small contract with everything that the edge looks at.
const document = `
openapi: 3.0.3
info: {title: test, version: "1"}
security: [{session: []}]
paths:
  /v1/open:
    get:
      operationId: getOpen
      security: []
      x-authz: {roles: [public]}
      x-data-class: public
      responses: {default: {$ref: '#/components/responses/Problem'}}
  /v1/visits:
    post:
      operationId: recordVisit
      x-authz: {roles: [area_holder]}
      x-data-class: internal
      parameters: [{$ref: '#/components/parameters/Key'}]
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              required: [note]
              properties:
                note: {type: string, minLength: 2, maxLength: 300000}
                ref: {type: string, format: uuid}
                day: {type: string, format: date}
                at: {type: string, format: date-time}
                count: {type: integer, format: int64, minimum: 0}
                size: {type: integer, default: 7}
                kinds: {type: array, maxItems: 3, items: {type: string, enum: [a, b]}}
                where: {type: object, additionalProperties: false, x-transient: true, properties: {x: {type: number}}}
                inner:
                  allOf:
                    - type: object
                      properties: {x: {type: integer, maximum: 3}}
      responses: {default: {$ref: '#/components/responses/Problem'}}
    get:
      operationId: listVisits
      x-authz: {roles: [area_holder, group_leader]}
      x-data-class: personal
      parameters:
        - {name: cursor, in: query, schema: {type: string, pattern: '^[a-z]+$'}}
        - {name: after, in: query, schema: {type: string, pattern: '^[a-z]+$'}}
        - {name: size, in: query, schema: {type: integer, minimum: 1, maximum: 100, default: 50}}
        - {name: kind, in: query, schema: {type: array, items: {type: string}}}
      responses: {default: {$ref: '#/components/responses/Problem'}}
  /v1/visits/{visitId}:
    get:
      operationId: getVisit
      x-authz: {roles: [area_holder], refuse: 404}
      x-data-class: sensitive
      parameters: [{name: visitId, in: path, required: true, schema: {type: integer, format: int64, minimum: 1}}]
      responses: {default: {$ref: '#/components/responses/Problem'}}
  /v1/visits/{visitId}/withdraw:
    post:
      operationId: withdrawVisit
      x-authz: {roles: [any]}
      x-data-class: internal
      x-idempotent: natural
      parameters: [{name: visitId, in: path, required: true, schema: {type: integer, format: int64, minimum: 1}}]
      responses: {default: {$ref: '#/components/responses/Problem'}}
  /v1/uploads:
    post:
      operationId: upload
      x-authz: {roles: [any]}
      x-data-class: internal
      x-stream: true
      parameters: [{$ref: '#/components/parameters/Key'}]
      requestBody:
        required: true
        content: {multipart/form-data: {schema: {type: object}}}
      responses: {default: {$ref: '#/components/responses/Problem'}}
components:
  parameters:
    Key: {name: Idempotency-Key, in: header, required: true, schema: {type: string, minLength: 16, maxLength: 64}}
  responses:
    Problem: {description: why not}
  securitySchemes:
    session: {type: http, scheme: bearer}
`

// people by their token, which is their role.
func identify(ctx context.Context, token string, as org.AssignmentID) (context.Context, org.Actor, error) {
	if token == "expired" {
		return ctx, org.Actor{}, problem.ErrUnauthenticated
	}
	return ctx, org.Actor{PersonID: 31, Role: org.Role(token), Assignment: as}, nil
}

func steppedUp(context.Context) error { return nil }

func unlimited(_ context.Context, l limit.Limiter, _ string) limit.Verdict {
	return limit.Verdict{Limiter: l, OK: true, Remaining: l.Size - 1, Reset: time.Second}
}

type edge struct {
	echo     *echo.Echo
	contract *contract
	log      *strings.Builder
	metrics  *prometheus.Registry
	reached  bool                     // the handler
	request  *http.Request            // as it reached the handler
	body     string                   // the same
	answer   error                    // what the handler returns
	then     func(echo.Context) error // what it does instead
	validate any                      // ValidatedValue
}

// newEdge serves the document with one handler for everything.
func newEdge(t testing.TB, change func(*Options)) *edge {
	t.Helper()
	return newEdgeOf(t, []byte(document), change)
}

func newEdgeOf(t testing.TB, document []byte, change func(*Options)) *edge {
	t.Helper()
	e := &edge{log: &strings.Builder{}, metrics: prometheus.NewRegistry()}
	o := Options{
		Identify: identify, StepUp: steppedUp, Limit: unlimited, Address: Direct(), Metrics: e.metrics,
		Log: slog.New(slog.NewJSONHandler(e.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	doc, err := loadDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newContract(doc, o)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGate(o)
	if err != nil {
		t.Fatal(err)
	}
	e.echo, e.contract = g.echo(), c
	for _, op := range c.operations {
		e.echo.Add(op.method, strings.NewReplacer("{", ":", "}", "").Replace(op.path), e.handle, c.check(op))
	}
	return e
}

func (e *edge) handle(c echo.Context) error {
	e.reached, e.request = true, c.Request()
	if v, ok := c.Request().Body.(interface{ ValidatedValue() any }); ok {
		e.validate = v.ValidatedValue()
	}
	b, err := io.ReadAll(c.Request().Body)
	if err != nil {
		return err
	}
	e.body = string(b)
	if e.then != nil {
		return e.then(c)
	}
	if e.answer != nil {
		return e.answer
	}
	return c.NoContent(http.StatusNoContent)
}

type reply struct {
	*httptest.ResponseRecorder
	problem struct {
		Type, Title, Code, Instance string
		Status                      int
		Errors                      []problem.Field
		State                       string
	}
}

// ask sends one request; headers are name, value, name, value.
func (e *edge) ask(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, path, http.NoBody)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	e.reached = false
	a := reply{ResponseRecorder: httptest.NewRecorder()}
	e.echo.ServeHTTP(a, r)
	if a.Code >= http.StatusBadRequest {
		if got := a.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/problem+json") {
			t.Errorf("%s %s: %d as %s, want a problem", method, path, a.Code, got)
		}
		if err := json.Unmarshal(a.Body.Bytes(), &a.problem); err != nil {
			t.Errorf("%s %s: %d %q: %v", method, path, a.Code, a.Body, err)
		}
		p := a.problem
		if p.Status != a.Code || p.Title == "" || p.Instance == "" || !strings.HasPrefix(p.Type, typePrefix) {
			t.Errorf("%s %s: problem lacks a member: %s", method, path, a.Body)
		}
	}
	return a
}

const (
	holder = "Bearer area_holder"
	key    = "0123456789abcdef"
)

// post records a visit as somebody who may.
func (e *edge) post(t *testing.T, body string) reply {
	t.Helper()
	return e.ask(t, http.MethodPost, "/v1/visits", body, "Authorization", holder, "Content-Type", "application/json", "Idempotency-Key", key)
}

var errSecret = errors.New(`find visit 31: Error 1146: Table 'wanjia.visit' doesn't exist`)

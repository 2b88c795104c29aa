package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"wanjia/internal/platform/say"
)

// CheckAnswer says how an answer to a request of the contract differs from what the contract promises, or nil.
// Tests call it on everything they get (A3.1): an operation, a status or a property that is not in the document is
// a difference, and so is a problem whose code has no text. Addresses outside the contract are not looked at.
func CheckAnswer(method string, at *url.URL, status int, header http.Header, body []byte) error {
	doc, err := theDocument()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(at.Path, "/v1/") || at.Path == "/v1/push" || at.Path == "/v1/push/events" {
		return nil
	}
	route := findRoute(doc, method, at.Path)
	if route == nil && status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		return fmt.Errorf("%s %s is not in the contract and answers %d", method, at.Path, status)
	}
	if status >= http.StatusBadRequest {
		return checkProblem(doc, method, at.Path, status, header, body)
	}
	promised := route.Operation.Responses.Value(fmt.Sprint(status))
	if promised == nil {
		return fmt.Errorf("%s answers %d, which the contract does not promise", route.Operation.OperationID, status)
	}
	if len(promised.Value.Content) == 0 && len(body) > 0 {
		return fmt.Errorf("%s answers %d with %d bytes, the contract with none", route.Operation.OperationID, status, len(body))
	}
	if media, _, _ := mime.ParseMediaType(header.Get("Content-Type")); media != "application/json" && promised.Value.Content.Get(media) != nil {
		return nil // a file; nothing is said of what stands in it
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: &http.Request{Method: method, URL: at}, Route: route,
		},
		Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{MultiError: true, SchemaValidationOptions: strictly()},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), in); err != nil {
		return fmt.Errorf("%s answers %d: %w: %s", route.Operation.OperationID, status, err, body)
	}
	return nil
}

func checkProblem(doc *openapi3.T, method, path string, status int, header http.Header, body []byte) error {
	media := doc.Components.Responses["Problem"].Value.Content["application/problem+json"]
	if got, _, _ := mime.ParseMediaType(header.Get("Content-Type")); got != "application/problem+json" {
		return fmt.Errorf("%s %s answers %d as %q, want a problem", method, path, status, got)
	}
	value, err := openapi3filter.JSONBodyDecoder(bytes.NewReader(body), header, media.Schema, nil)
	if err != nil {
		return fmt.Errorf("%s %s answers %d: %w", method, path, status, err)
	}
	if err := media.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()); err != nil {
		return fmt.Errorf("%s %s answers %d: %w: %s", method, path, status, err, body)
	}
	said, _ := value.(map[string]any)
	code, _ := said["code"].(string)
	switch {
	case !say.Has(code):
		return fmt.Errorf("%s %s answers %d with code %q, which has no text", method, path, status, code)
	case fmt.Sprint(said["status"]) != fmt.Sprint(status):
		return fmt.Errorf("%s %s answers %d and says %v", method, path, status, said["status"])
	}
	return nil
}

// findRoute is the operation of a path: the one with the most words of its own.
func findRoute(doc *openapi3.T, method, path string) *routers.Route {
	var found *routers.Route
	best := -1
	parts := strings.Split(path, "/")
	for template, item := range doc.Paths.Map() {
		op := item.GetOperation(method)
		words := strings.Split(template, "/")
		if op == nil || len(words) != len(parts) {
			continue
		}
		own := 0
		for i, w := range words {
			switch {
			case w == parts[i]:
				own++
			case !strings.HasPrefix(w, "{"):
				own = -len(words)
			}
		}
		if own > best {
			best, found = own, &routers.Route{Spec: doc, Path: template, PathItem: item, Method: method, Operation: op}
		}
	}
	return found
}

// Checked is a transport that holds each answer against the contract and reports what differs, for tests over the
// wire.
func Checked(next http.RoundTripper, report func(error)) http.RoundTripper {
	return checked{next, report}
}

type checked struct {
	next   http.RoundTripper
	report func(error)
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
	if err != nil || res.StatusCode == http.StatusSwitchingProtocols || strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := CheckAnswer(r.Method, r.URL, res.StatusCode, res.Header, body); err != nil {
		c.report(err)
	}
	return res, nil
}

package server

import (
	"errors"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"wanjia/internal/platform/problem"
)

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
		m.cursor = m.cursor || of.Parameter.Name == "cursor" || of.Parameter.Name == "after"
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

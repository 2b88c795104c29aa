package matrix

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"wanjia/api"
	"wanjia/internal/org"
)

// An operation is what the contract says of one.
type operation struct {
	id, method, path string
	spec             *openapi3.Operation
	params           openapi3.Parameters
	roles            []string // as x-authz has them
	reach, object    string
	refuse           int    // the status that other roles are told
	class            string // the highest class it answers
	read             bool   // it changes nothing
	public           bool   // nobody need be there
	stepUp           bool   // the second factor must be fresh
}

// may says whether x-authz lets a role in at all.
func (o *operation) may(r org.Role) bool {
	return o.public || slices.Contains(o.roles, "any") || slices.Contains(o.roles, string(org.RoleResident)) || slices.Contains(o.roles, string(r))
}

func (o *operation) String() string { return o.id }

type contract struct {
	doc        *openapi3.T
	operations []*operation
	roles      []org.Role
}

var load = sync.OnceValues(func() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		return nil, err
	}
	c := &contract{doc: doc}
	for _, r := range doc.Extensions["x-roles"].([]any) {
		c.roles = append(c.roles, org.Role(fmt.Sprint(r)))
	}
	for path, item := range doc.Paths.Map() {
		for method, spec := range item.Operations() {
			authz, _ := spec.Extensions["x-authz"].(map[string]any)
			o := &operation{
				id: spec.OperationID, method: method, path: path, spec: spec, params: slices.Concat(item.Parameters, spec.Parameters),
				reach: fmt.Sprint(authz["reach"]), object: fmt.Sprint(authz["object"]), refuse: http.StatusForbidden,
				class: fmt.Sprint(spec.Extensions["x-data-class"]),
				read:  method == http.MethodGet || spec.Extensions["x-read"] == true,
			}
			for _, r := range authz["roles"].([]any) {
				o.roles = append(o.roles, fmt.Sprint(r))
			}
			o.stepUp = authz["stepUp"] == true
			o.public = slices.Contains(o.roles, "public")
			if fmt.Sprint(authz["refuse"]) == "404" {
				o.refuse = http.StatusNotFound
			}
			c.operations = append(c.operations, o)
		}
	}
	slices.SortFunc(c.operations, func(a, b *operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return c, nil
})

func theContract(t *testing.T) *contract {
	t.Helper()
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// needs are the names of the parameters that a request cannot do without.
func (o *operation) needs(in string) (names []string) {
	for _, p := range o.params {
		if p.Value.In == in && p.Value.Required {
			names = append(names, p.Value.Name)
		}
	}
	return names
}

// example is the first example of the request's body; nil if it has none.
func (o *operation) example() any {
	if o.spec.RequestBody == nil {
		return nil
	}
	media := o.spec.RequestBody.Value.Content.Get("application/json")
	switch {
	case media == nil:
		return nil
	case media.Example != nil:
		return clone(media.Example)
	}
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		return clone(media.Examples[name].Value.Value)
	}
	return nil
}

// properties are those of the body, by name.
func (o *operation) properties() openapi3.Schemas {
	if o.spec.RequestBody == nil {
		return nil
	}
	media := o.spec.RequestBody.Value.Content.Get("application/json")
	if media == nil {
		return nil
	}
	return media.Schema.Value.Properties
}

// clone is a JSON value that may be written to.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := maps.Clone(v)
		for k := range m {
			m[k] = clone(m[k])
		}
		return m
	case []any:
		s := slices.Clone(v)
		for i := range s {
			s[i] = clone(s[i])
		}
		return s
	}
	return v
}

// request is the call of an operation with the body of its example, and its path still to be filled in.
func (o *operation) request() call {
	return call{method: o.method, path: o.path, query: url.Values{}, body: o.example(), header: http.Header{}}
}

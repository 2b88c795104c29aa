package server

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// transient are the properties of a request that the contract marks with x-transient: they are judged and forgotten,
// and not even a hash of them is kept. All else of a check-in stands in the database, so whoever has that could try
// every position of the town against a hash of the whole body.
func transient(takes openapi3.Content) (names []string) {
	media := takes.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	properties := media.Schema.Value.Properties
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p := properties[name]
		if p.Extensions["x-transient"] == true || p.Value.Extensions["x-transient"] == true {
			names = append(names, name)
		}
	}
	return names
}

// lasting is body, which has passed the schema, without what is transient.
func (op *operation) lasting(body []byte) []byte {
	if len(op.transient) == 0 {
		return body
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(body, &said); err != nil {
		return nil // of what cannot be read nothing is kept
	}
	for _, name := range op.transient {
		delete(said, name)
	}
	rest, err := json.Marshal(said)
	if err != nil {
		return nil
	}
	return rest
}

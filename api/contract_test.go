package api_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"wanjia/api"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// operations calls f for each operation, in a fixed order.
func operations(doc *openapi3.T, f func(where, method, path string, op *openapi3.Operation, item *openapi3.PathItem)) {
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		ops := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(ops)) {
			f(fmt.Sprintf("%s (%s %s)", ops[method].OperationID, method, path), method, path, ops[method], paths[path])
		}
	}
}

// schemas calls f for each schema below s, with the pointer to it.
func schemas(where string, s *openapi3.SchemaRef, f func(where string, s *openapi3.Schema)) {
	seen := map[*openapi3.Schema]bool{}
	var walk func(string, *openapi3.SchemaRef)
	walk = func(where string, s *openapi3.SchemaRef) {
		if s == nil || seen[s.Value] {
			return
		}
		seen[s.Value] = true
		f(where, s.Value)
		for _, name := range slices.Sorted(maps.Keys(s.Value.Properties)) {
			walk(where+"/"+name, s.Value.Properties[name])
		}
		walk(where+"/*", s.Value.Items)
		walk(where+"/+", s.Value.AdditionalProperties.Schema)
		for _, many := range []openapi3.SchemaRefs{s.Value.AllOf, s.Value.AnyOf, s.Value.OneOf} {
			for _, one := range many {
				walk(where, one)
			}
		}
	}
	walk(where, s)
}

func TestTheContractIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	doc := load(t)
	if err := doc.Validate(context.Background(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	if doc.OpenAPI != "3.0.3" || doc.Info.Version != api.ContractVersion {
		t.Errorf("openapi %s, version %s; want 3.0.3 and %s", doc.OpenAPI, doc.Info.Version, api.ContractVersion)
	}
}

var (
	dataClasses = []string{"public", "internal", "personal", "sensitive", "secret"}
	reaches     = []string{"public", "receipt", "self", "task", "unit", "subtree", "deployment"}
	audits      = []string{"none", "read", "write"}
	extensions  = []string{"x-ask", "x-authz", "x-data-class", "x-idempotent", "x-limits", "x-long", "x-read", "x-sandbox", "x-stream", "x-words"}
)

func TestA5_1EveryOperationSaysWhoseItIsAndWhoMay(t *testing.T) {
	t.Parallel()
	doc := load(t)
	roles := []string{"any", "public"}
	for _, r := range doc.Extensions["x-roles"].([]any) {
		roles = append(roles, r.(string))
	}
	var tags []string
	for _, tag := range doc.Tags {
		tags = append(tags, tag.Name)
	}
	name := regexp.MustCompile(`^[a-z]+([A-Z][a-z0-9]*)*$`)
	named := map[string]string{}
	operations(doc, func(where, method, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		if other := named[op.OperationID]; other != "" || !name.MatchString(op.OperationID) {
			t.Errorf("%s: the operationId is no verb (with its noun), or also that of %s", where, other)
		}
		named[op.OperationID] = where
		if len(op.Tags) != 1 || !slices.Contains(tags, op.Tags[0]) {
			t.Errorf("%s: tags %v, want one owner of the list", where, op.Tags)
		}
		if class, _ := op.Extensions["x-data-class"].(string); !slices.Contains(dataClasses, class) {
			t.Errorf("%s: x-data-class %q", where, class)
		}
		for x := range op.Extensions {
			if !slices.Contains(extensions, x) {
				t.Errorf("%s: %s is no extension of ours", where, x)
			}
		}
		if method == http.MethodPatch || method == http.MethodHead || method == http.MethodTrace {
			t.Errorf("%s: mini-programs cannot send %s", where, method)
		}
		authz, _ := op.Extensions["x-authz"].(map[string]any)
		said := map[string]string{}
		for k, v := range authz {
			said[k] = fmt.Sprint(v)
		}
		may, _ := authz["roles"].([]any)
		public := false
		for _, r := range may {
			public = public || r == "public"
			if role, _ := r.(string); !slices.Contains(roles, role) {
				t.Errorf("%s: %v is no role", where, r)
			}
		}
		if len(may) == 0 || len(may) > 1 && (slices.Contains(may, any("any")) || public) {
			t.Errorf("%s: roles %v", where, may)
		}
		anonymous := op.Security != nil && (len(*op.Security) == 0 || slices.ContainsFunc(*op.Security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 }))
		if public != anonymous {
			t.Errorf("%s: roles %v and security %v disagree", where, may, op.Security)
		}
		if !slices.Contains(reaches, said["reach"]) || !slices.Contains(audits, said["audit"]) || said["object"] == "" {
			t.Errorf("%s: reach %q, audit %q, object %q; want words of the lists", where, said["reach"], said["audit"], said["object"])
		}
		if said["refuse"] != "" && said["refuse"] != "404" {
			t.Errorf("%s: refuse %s", where, said["refuse"])
		}
		if said["stepUp"] != "" && said["stepUp"] != "true" && said["stepUp"] != "fields" {
			t.Errorf("%s: stepUp %s", where, said["stepUp"])
		}
	})
}

// People are asked for messages after acts that are natural moments (push.md §12), never at the start or while they look.
func TestPeopleAreAskedForMessagesAfterTheirActsAlone(t *testing.T) {
	t.Parallel()
	doc := load(t)
	left := map[string]bool{}
	for _, m := range doc.Components.Schemas["WeChatCredit"].Value.Properties["askAfter"].Value.Items.Value.Enum {
		left[m.(string)] = true
	}
	known := maps.Clone(left)
	operations(doc, func(where, method, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		moment, asks := op.Extensions["x-ask"]
		if !asks {
			return
		}
		name, _ := moment.(string)
		delete(left, name)
		if !known[name] || method != http.MethodPost || op.Security != nil || op.Tags[0] == "auth" {
			t.Errorf("%s: x-ask %v, want a moment of WeChatCredit after an act of who is signed in", where, moment)
		}
	})
	for moment := range left {
		t.Errorf("no act is the moment %s", moment)
	}
}

// Step-up of security.md §4, by what the operations are about: who adds one of these kinds is reminded.
func TestWhatGivesRightsOrOpensDataWantsAFreshSecondFactor(t *testing.T) {
	t.Parallel()
	named := map[string]string{
		"grantAssignment": "true", "createEnrolment": "true", "setPolicy": "true", "recordLegalBasis": "true", "approveLegalBasis": "true",
		"listFlags": "true", "setFlag": "true", "renewFlag": "true", "unmaskFlag": "true", // X7
	}
	kinds := regexp.MustCompile(`^(grant|export|create\w*Export|rotate\w*Keys?)`)
	operations(load(t), func(where, method, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		authz, _ := op.Extensions["x-authz"].(map[string]any)
		want := named[op.OperationID]
		delete(named, op.OperationID)
		if want == "" && method == http.MethodPost && kinds.MatchString(op.OperationID) {
			want = "true"
		}
		if op.RequestBody != nil && regexp.MustCompile(`^unmask`).MatchString(op.OperationID) {
			// One field at a time needs none.
			switch fields := op.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties["fields"]; {
			case fields == nil:
				t.Errorf("%s: no list `fields`, which the step-up looks at", where)
			case fields.Value.MaxItems == nil || *fields.Value.MaxItems > 1:
				want = "fields"
			}
		}
		if got := authz["stepUp"]; want != "" && fmt.Sprint(got) != want {
			t.Errorf("%s: stepUp is %v, want %s", where, got, want)
		}
	})
	for id := range named {
		t.Errorf("%s is not in the contract any more", id)
	}
}

func TestI1EveryWriteTakesAKeyOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	operations(load(t), func(where, method, _ string, op *openapi3.Operation, item *openapi3.PathItem) {
		_, natural := op.Extensions["x-idempotent"]
		_, read := op.Extensions["x-read"]
		want := method != http.MethodGet && !natural && !read
		takes := op.Parameters.GetByInAndName("header", "Idempotency-Key") != nil || item.Parameters.GetByInAndName("header", "Idempotency-Key") != nil
		if takes != want {
			t.Errorf("%s: takes a key: %v, want %v", where, takes, want)
		}
		if natural && op.Extensions["x-idempotent"] != "natural" || method == http.MethodGet && (natural || read) {
			t.Errorf("%s: x-idempotent %v, x-read %v", where, op.Extensions["x-idempotent"], op.Extensions["x-read"])
		}
		if method == http.MethodDelete && op.RequestBody != nil {
			t.Errorf("%s: DELETE has no body", where)
		}
	})
}

func TestEveryRefusalIsTheOneProblem(t *testing.T) {
	t.Parallel()
	operations(load(t), func(where, _, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		if d := op.Responses.Default(); d == nil || d.Ref != "#/components/responses/Problem" {
			t.Errorf("%s: default is not the Problem", where)
		}
		for status := range op.Responses.Map() {
			if status != "default" && (status < "200" || status >= "400") {
				t.Errorf("%s: %s is said beside the default", where, status)
			}
		}
	})
}

func TestA4_1RequestsAreClosedAndBounded(t *testing.T) {
	t.Parallel()
	operations(load(t), func(where, _, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		if op.RequestBody == nil || op.Extensions["x-stream"] == true {
			return
		}
		for kind, media := range op.RequestBody.Value.Content {
			if kind != "application/json" {
				t.Errorf("%s: takes %s without x-stream", where, kind)
			}
			if media.Example == nil && len(media.Examples) == 0 {
				t.Errorf("%s: the request has no example", where)
			}
			schemas(where, media.Schema, func(where string, s *openapi3.Schema) {
				switch {
				case s.Type.Is(openapi3.TypeObject) && (s.AdditionalProperties.Has == nil || *s.AdditionalProperties.Has) && s.AdditionalProperties.Schema == nil:
					t.Errorf("%s: the object is not closed", where)
				case s.Type.Is(openapi3.TypeArray) && (s.MaxItems == nil || *s.MaxItems > 200):
					t.Errorf("%s: the list has no end (maxItems ≤ 200)", where)
				case s.Type.Is(openapi3.TypeString) && s.MaxLength == nil && len(s.Enum) == 0 && s.Format == "" && s.Pattern == "":
					t.Errorf("%s: the text has no end (maxLength)", where)
				}
			})
		}
	})
}

// One who follows pages must not ask of each list how it ends.
func TestEveryListEndsAlike(t *testing.T) {
	t.Parallel()
	lists := 0
	for name, s := range load(t).Components.Schemas {
		if s.Value.Properties["nextCursor"] == nil {
			continue
		}
		lists++
		if slices.Contains(s.Value.Required, "nextCursor") || !slices.Contains(s.Value.Required, "items") {
			t.Errorf("%s requires %v, want items, and nextCursor to be absent on the last page", name, s.Value.Required)
		}
	}
	if lists == 0 {
		t.Error("no list was found")
	}
}

func TestD9EveryPropertyHasItsDataClass(t *testing.T) {
	t.Parallel()
	doc := load(t)
	classed := func(where string, s *openapi3.SchemaRef) {
		schemas(where, s, func(where string, s *openapi3.Schema) {
			if s.Type.Is(openapi3.TypeNumber) && s.Format != "double" {
				t.Errorf("%s: a number wants format: double", where)
			}
			for name, p := range s.Properties {
				class, _ := p.Extensions["x-data-class"].(string)
				if class == "" {
					class, _ = p.Value.Extensions["x-data-class"].(string)
				}
				if !slices.Contains(dataClasses, class) {
					t.Errorf("%s/%s: x-data-class %q", where, name, class)
				}
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		classed(name, doc.Components.Schemas[name])
	}
	operations(doc, func(where, _, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		if op.RequestBody != nil {
			for _, m := range op.RequestBody.Value.Content {
				classed(where, m.Schema)
			}
		}
		for _, r := range op.Responses.Map() {
			for _, m := range r.Value.Content {
				classed(where, m.Schema)
			}
		}
	})
}

// The checks of domain.md PG5, and of security.md T3 to T5: what the product refuses has no place to stand.
func TestPG5WhatTheProductRefusesIsNotInTheContract(t *testing.T) {
	t.Parallel()
	doc := load(t)
	photo := regexp.MustCompile(`(?i)photo|picture|image`)
	position := regexp.MustCompile(`(?i)^(lat|lng|lon|latitude|longitude|coordinates?|position|geo|geolocation|gps|datum|accuracy|altitude|heading|track|route|whereabouts)$`)
	ranking := regexp.MustCompile(`(?i)rank|score|points|streak|leader_?board|last_?seen|online`)
	check := func(where, id string) func(string, *openapi3.Schema) {
		return func(at string, s *openapi3.Schema) {
			for _, r := range s.Required {
				if photo.MatchString(r) {
					t.Errorf("%s: %s must not be required", at, r)
				}
			}
			for name := range s.Properties {
				if position.MatchString(name) && id != "recordCheckIn" {
					t.Errorf("%s/%s: a position belongs to recordCheckIn only", at, name)
				}
				if ranking.MatchString(name) {
					t.Errorf("%s/%s: nobody is ranked or watched", at, name)
				}
			}
		}
	}
	operations(doc, func(where, _, path string, op *openapi3.Operation, item *openapi3.PathItem) {
		if ranking.MatchString(path) || ranking.MatchString(op.OperationID) {
			t.Errorf("%s: nobody is ranked or watched", where)
		}
		for _, p := range slices.Concat(item.Parameters, op.Parameters) {
			if regexp.MustCompile(`(?i)^(sort|order|orderBy|sortBy)$`).MatchString(p.Value.Name) {
				t.Errorf("%s: %s: lists have one order, and persons none", where, p.Value.Name)
			}
			if position.MatchString(p.Value.Name) {
				t.Errorf("%s: %s: a position belongs to the body of recordCheckIn only", where, p.Value.Name)
			}
			if p.Value.In == openapi3.ParameterInQuery && regexp.MustCompile(`(?i)^(phone|name|token|receiptCode)$`).MatchString(p.Value.Name) {
				t.Errorf("%s: %s: no personal data, token or receipt code in a URL", where, p.Value.Name)
			}
		}
		if op.RequestBody != nil {
			for _, m := range op.RequestBody.Value.Content {
				schemas(where+" request", m.Schema, check(where, op.OperationID))
			}
		}
		for status, r := range op.Responses.Map() {
			for _, m := range r.Value.Content {
				schemas(where+" "+status, m.Schema, check(where, ""))
			}
		}
	})
}

// What stands in a check-in only in passing is its position, and nothing else of the contract passes so (Q7).
func TestQ7APositionIsInTheCheckInOnlyAndOnlyInPassing(t *testing.T) {
	t.Parallel()
	doc := load(t)
	var found []string
	operations(doc, func(_, _, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		if op.RequestBody == nil {
			return
		}
		for _, m := range op.RequestBody.Value.Content {
			schemas(op.OperationID, m.Schema, func(where string, s *openapi3.Schema) {
				for name, p := range s.Properties {
					if p.Extensions["x-transient"] == true || p.Value.Extensions["x-transient"] == true {
						found = append(found, where+"/"+name)
					}
				}
			})
		}
	})
	if !slices.Equal(found, []string{"recordCheckIn/position"}) {
		t.Errorf("in passing stand %v, want recordCheckIn/position", found)
	}
	position := doc.Components.Schemas["Position"].Value
	uses := 0
	for name, s := range doc.Components.Schemas {
		for _, p := range s.Value.Properties {
			if p.Value == position {
				uses++
				if name != "NewCheckIn" {
					t.Errorf("%s holds a position", name)
				}
			}
		}
	}
	if uses != 1 || slices.Contains(doc.Components.Schemas["NewCheckIn"].Value.Required, "position") {
		t.Errorf("a position has %d places, or is required", uses)
	}
}

// A phone says where and when it thinks that it is; what follows from that is ours to say (Q4).
func TestQ4NoPhoneSaysThatItIsInside(t *testing.T) {
	t.Parallel()
	body := load(t).Components.Schemas["NewCheckIn"].Value
	said := func(more map[string]any) error {
		b := map[string]any{
			"kind": "geofence", "placeId": 1.0, "happenedAt": "2026-05-11T01:00:00Z", "clientRef": "0f9d2a52-6a3e-4c5b-9d8e-2f1a7c3b4d5e",
			"position": map[string]any{"latitude": 31.2, "longitude": 121.4, "accuracy": 10.0, "datum": "gcj02"},
		}
		maps.Copy(b, more)
		return body.VisitJSON(b, openapi3.VisitAsRequest())
	}
	if err := said(nil); err != nil {
		t.Fatalf("a position is refused: %v", err)
	}
	at := map[string]any{"latitude": 31.2, "longitude": 121.4, "accuracy": 10.0, "datum": "gcj02"}
	for name, value := range map[string]any{
		"inside": true, "distance": 3.0, "verdict": "inside", "recordedAt": "2026-05-11T01:00:00Z", "placePosition": at, "centreNorth": 31.2,
		"device": "x", "photo": "x", "personId": 4.0, "day": "2026-05-11",
	} {
		if said(map[string]any{name: value}) == nil {
			t.Errorf("%s is taken from a phone", name)
		}
		within := maps.Clone(at)
		within[name] = value
		if said(map[string]any{"position": within}) == nil {
			t.Errorf("position/%s is taken from a phone", name)
		}
	}
}

// Nobody sees a list of persons by days (CI9): rows that name a person and a day on site stand in one operation, which
// shows what waits for an answer.
func TestPG5NoOperationListsPersonsByDays(t *testing.T) {
	t.Parallel()
	person, day := regexp.MustCompile(`(?i)^person(Id|Name)?$`), regexp.MustCompile(`(?i)^(day|lastDay|workingDays|onSite.*|presence.*)$`)
	operations(load(t), func(where, _, _ string, op *openapi3.Operation, _ *openapi3.PathItem) {
		for _, r := range op.Responses.Map() {
			for _, m := range r.Value.Content {
				schemas(where, m.Schema, func(at string, s *openapi3.Schema) {
					if !s.Type.Is(openapi3.TypeArray) || s.Items == nil || op.OperationID == "listPresence" {
						return
					}
					var persons, days bool
					for name := range s.Items.Value.Properties {
						persons, days = persons || person.MatchString(name), days || day.MatchString(name)
					}
					if persons && days {
						t.Errorf("%s: a list of persons by days", at)
					}
				})
			}
		}
	})
}

func TestTheDocumentIsWhatItsPartsSay(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("parts/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("parts %v: %v", names, err)
	}
	var whole struct {
		Paths      map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := yaml.Unmarshal(api.Document, &whole); err != nil {
		t.Fatal(err)
	}
	paths, schemas := 0, 0
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var part struct {
			Paths      map[string]any
			Components struct{ Schemas map[string]any }
		}
		if err := yaml.Unmarshal(b, &part); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		paths += len(part.Paths)
		schemas += len(part.Components.Schemas)
	}
	if paths != len(whole.Paths) || schemas != len(whole.Components.Schemas) {
		t.Errorf("the parts have %d paths and %d schemas, the whole %d and %d: run make generate",
			paths, schemas, len(whole.Paths), len(whole.Components.Schemas))
	}
}

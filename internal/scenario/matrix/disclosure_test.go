package matrix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// The classes of data, from what everybody may know to what nobody may.
var classes = []string{"public", "internal", "personal", "sensitive", "secret"}

var (
	phoneNumber = regexp.MustCompile(`1[3-9]\d{9}`)
	digest      = regexp.MustCompile(`"[0-9a-f]{64}"`) // of a file; among so many digits some look like a phone
	plainName   = regexp.MustCompile(`隐[^*"]`)
)

// ofOneself are the operations that show whoever asks their own name.
var ofOneself = []string{"getMe", "getMyPublicProfile", "updateMyPublicProfile", "listMyPlaques", "consentPlaque", "showPlaqueDoor"}

// ownPacks are the operations that hand out all that is held of somebody, to them.
var ownPacks = []string{"getOwnDataPack", "printOwnData"}

// discloses looks at what an answer holds (A3.3): nothing of a class above the one that the contract says of the
// operation, no phone number but after a reason was given, and no name of somebody without a public duty but to
// themselves.
func (o *operation) discloses(w *world, who string, a answer) {
	w.Helper()
	if !strings.HasPrefix(o.id, "unmask") && !slices.Contains(ownPacks, o.id) {
		if phoneNumber.MatchString(digest.ReplaceAllString(a.text, ``)) {
			w.Errorf("A3.3: %s: the answer holds a phone number: %s", who, a.text)
		}
		if plainName.MatchString(a.text) && !slices.Contains(ofOneself, o.id) {
			w.Errorf("A3.3: %s: the answer holds a name: %s", who, a.text)
		}
	}
	promised := o.spec.Responses.Status(a.status)
	if promised == nil || a.body == nil {
		return
	}
	if media := promised.Value.Content.Get("application/json"); media != nil {
		o.classes(w, "", media.Schema, a.body)
	}
}

// classes walks a value along its schema.
func (o *operation) classes(w *world, where string, s *openapi3.SchemaRef, v any) {
	w.Helper()
	if s == nil {
		return
	}
	for _, part := range slices.Concat(s.Value.AllOf, s.Value.OneOf, s.Value.AnyOf) {
		o.classes(w, where, part, v)
	}
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			o.classes(w, where, s.Value.Items, one)
		}
	case map[string]any:
		for name, value := range v {
			p := s.Value.Properties[name]
			if p == nil {
				continue // of another part, or it would not fit the contract
			}
			class := fmt.Sprint(p.Extensions["x-data-class"])
			if p.Extensions["x-data-class"] == nil {
				class = fmt.Sprint(p.Value.Extensions["x-data-class"])
			}
			if slices.Index(classes, class) > slices.Index(classes, o.class) {
				w.Errorf("A3.3: %s answers %s/%s, which is %s, and says that it answers nothing above %s", o.id, where, name, class, o.class)
			}
			o.classes(w, where+"/"+name, p, value)
		}
	}
}

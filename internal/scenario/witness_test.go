package scenario

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"wanjia/api"
)

// A witness holds every call of a scenario against what domain.md §11 says of all of them: an act leaves one row in the audit
// chain, and an outsider cannot do the same.
type witness struct {
	mu    sync.Mutex
	calls []write // on something that others have, that have succeeded
}

// A write is a call that changes something.
type write struct {
	operation, method, path string
	body                    any
}

// A kind is what the contract says of calls.
type kind struct {
	operation, method string
	path              *regexp.Regexp
	audited           bool
	foreign           bool // it names something that others have
}

// kinds are those of the calls that change something.
var kinds = sync.OnceValues(func() (all []kind, err error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.Document)
	if err != nil {
		return nil, err
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			authz, _ := op.Extensions["x-authz"].(map[string]any)
			if method == http.MethodGet || authz == nil {
				continue
			}
			reach := fmt.Sprint(authz["reach"])
			all = append(all, kind{
				operation: op.OperationID, method: method, audited: authz["audit"] == "write",
				path:    regexp.MustCompile("^" + place.ReplaceAllString(path, "[0-9]+") + "$"),
				foreign: place.MatchString(path) && (reach == "subtree" || reach == "unit" || reach == "task"),
			})
		}
	}
	return all, nil
})

// watching holds every call against the rules of all, from now on until the scenario ends, when an outsider tries each.
// It is called as a deferred one.
func (w *world) watching(outsider string) (end func()) {
	w.t.Helper()
	seen := &witness{}
	w.witness = seen
	return func() {
		w.t.Helper()
		if w.witness = nil; w.t.Failed() {
			return
		}
		by := w.signIn(outsider).steppedUp()
		if len(seen.calls) == 0 {
			w.t.Error("nothing was done that an outsider could try")
		}
		changed := w.unchanged(func() {
			w.t.Helper()
			for _, c := range seen.calls {
				if got := by.do(c.method, c.path, c.body, uuid.NewString()); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
					w.t.Errorf("%s by %s: %d %v, want 404, or 403", c.operation, outsider, got.status, got.body)
				}
			}
		})
		if len(changed) > 0 {
			w.t.Errorf("what %s was refused changed %v", outsider, changed)
		}
	}
}

// before is the newest row of the audit chain, when a call that is watched begins; less than 0 if it is not.
func (a *actor) before(method string) (id int64) {
	a.w.t.Helper()
	if a.w.witness == nil || method == http.MethodGet || a.token == "" {
		return -1
	}
	if err := a.w.app.Stores.DB.Get(a.w.t.Context(), &id, `SELECT COALESCE(MAX(id), 0) FROM audit`); err != nil {
		a.w.t.Error(err)
	}
	return id
}

// after looks at what a call has left in the audit chain since before. It fails nothing fatally, since calls are made
// beside the test, too.
func (a *actor) after(c write, before int64, got answer) {
	w := a.w
	w.t.Helper()
	seen := w.witness
	if before < 0 || seen == nil || got.status >= http.StatusBadRequest || got.replayed {
		return
	}
	all, err := kinds()
	if err != nil {
		w.t.Error(err)
		return
	}
	path, _, _ := strings.Cut(c.path, "?")
	i := slices.IndexFunc(all, func(k kind) bool { return k.method == c.method && k.path.MatchString(path) })
	if i < 0 {
		return
	}
	c.operation = all[i].operation
	var acts []struct {
		Action string `db:"action"`
		Object string `db:"object"`
		ID     int64  `db:"object_id"`
	}
	if err := w.app.Stores.DB.Select(w.t.Context(), &acts, `
		SELECT action, object, object_id
		FROM audit
		WHERE id > ?
		  AND (person_id = (SELECT person_id FROM demo_handle WHERE handle = ?)
		    OR person_id > 0 AND person_id NOT IN (SELECT person_id FROM demo_handle) AND ? NOT IN (SELECT handle FROM demo_handle))`,
		before, a.handle, a.handle); err != nil {
		w.t.Error(err)
	}
	once := map[string]bool{}
	for _, x := range acts {
		act := fmt.Sprint(x.Action, " ", x.Object, " ", x.ID)
		if once[act] {
			w.t.Errorf("%s by %s notes %s twice", c.operation, a.handle, act)
		}
		once[act] = true
	}
	if all[i].audited && len(acts) == 0 {
		w.t.Errorf("%s by %s leaves no row in the audit chain", c.operation, a.handle)
	}
	if !all[i].foreign {
		return
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if !slices.ContainsFunc(seen.calls, func(o write) bool { return o.method == c.method && o.path == c.path }) {
		seen.calls = append(seen.calls, c)
	}
}

package matrix

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/org"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/problem"
)

// A position says where a thing lies, seen from who asks.
type position string

// The positions of security.md §5, and two more: things above the asker, and things that lie nowhere.
const (
	self      position = "self"      // the asker's own
	own       position = "own"       // of the unit where the asker's role stands
	below     position = "below"     // of a unit below it
	above     position = "above"     // of a unit that it lies in
	sibling   position = "sibling"   // of another unit of the same subdistrict
	elsewhere position = "elsewhere" // of another subdistrict
	nowhere   position = "nowhere"   // the operation names nothing that lies somewhere
)

var positions = []position{own, below, above, sibling, elsewhere}

// seenBy is the position of u for a.
func (u *unit) seenBy(a *actor) position {
	switch {
	case a.home == nil:
		return elsewhere
	case u == a.home || u == a.home.answers:
		return own
	case a.sees(u):
		return below
	case u.subdistrict() == nil || u.subdistrict().grid() != a.home.subdistrict().grid():
		return elsewhere
	case a.home.in(u.Tree) != nil && a.home.in(u.Tree).below(u):
		return above
	}
	return sibling
}

// spots are for each position the first unit that fits; of siblings, one right beside the asker's unit if there is any.
func (w *world) spots(a *actor, fits func(*unit) bool) map[position]*unit {
	found := map[position]*unit{}
	for _, u := range w.units {
		if u.subdistrict() == nil || !fits(u) {
			continue
		}
		p := u.seenBy(a)
		beside := p == sibling && a.home.in(u.Tree) != nil && u.parent == a.home.in(u.Tree).parent
		if found[p] == nil || beside && found[p].parent != u.parent {
			found[p] = u
		}
	}
	return found
}

// A cell is one request: who asks for what, and where it lies.
type cell struct {
	*world
	op       *operation
	by       *actor
	position position
	at       *unit // where the thing lies; nil: nowhere
	fresh    bool  // the request may change the thing: it gets one of its own
	thing    int64
}

func (c *cell) String() string {
	where := ""
	if c.at != nil {
		where = " at " + c.at.Name
	}
	return fmt.Sprintf("%s by %v, %s%s", c.op.id, c.by, c.position, where)
}

// A refusal is how a call is refused.
type refusal struct {
	status int
	code   string
}

var (
	notThere  = &refusal{http.StatusNotFound, problem.ErrNotFound.Code}
	forbidden = &refusal{http.StatusForbidden, problem.ErrForbidden.Code}
	nobody    = &refusal{http.StatusUnauthorized, problem.ErrUnauthenticated.Code}
)

func refused(status int, code string) *refusal { return &refusal{status, code} }

// A plan is how a valid request of an operation is made, and what else than x-authz says who may. What it leaves out
// is as usual: the thing is named in the path or by the one id that the body must have, it is seen by whoever's unit
// it lies in or below, and nobody who sees it is refused.
type plan struct {
	fits    func(u *unit) bool                 // where such things lie; nil: nowhere
	fitsFor func(by *actor) func(u *unit) bool // the same, where it depends on who asks
	self    bool                               // there are also things of the asker's own
	has     func(a *actor) bool                // who can have such things; nil: everybody
	make    func(c *cell) int64                // a thing at c.at, or of c.by if c.position is self
	fill    func(c *cell, r *call)             // ids and moments that the example cannot know
	sees    func(c *cell) bool                 // the oracle
	rule    func(c *cell) *refusal             // why a thing that is seen is refused
	mine    bool                               // what comes of it is the asker's own, wherever it happened
	list    string                             // of a list: the property of its items that names the thing
	also    func(w *world) []*actor            // more who ask
	prep    func(c *cell)                      // what becomes of the asker before
	writes  []string                           // what a read writes all the same: when it was used, by which it is kept
}

// cells are the cells of an operation for one asker.
func (p *plan) cells(w *world, op *operation, by *actor) (all []*cell) {
	add := func(where position, at *unit) {
		all = append(all, &cell{world: w, op: op, by: by, position: where, at: at})
	}
	if p.self && (p.has == nil || p.has(by)) {
		add(self, by.home)
	}
	fits := p.fits
	if p.fitsFor != nil {
		fits = p.fitsFor(by)
	}
	switch {
	case fits != nil:
		found := w.spots(by, fits)
		for _, where := range positions {
			if found[where] != nil {
				add(where, found[where])
			}
		}
	case !p.self:
		add(nowhere, nil)
	}
	return all
}

// want is what c must be refused with; nil: it must succeed.
func (p *plan) want(c *cell) *refusal {
	switch {
	case !c.op.may(c.by.role):
		if c.op.refuse == http.StatusNotFound {
			return notThere
		}
		return forbidden
	case p.list == "" && !p.seen(c):
		return notThere
	case p.rule != nil:
		return p.rule(c)
	}
	return nil
}

func (p *plan) seen(c *cell) bool {
	switch {
	case c.position == nowhere:
		return true
	case p.sees != nil:
		return p.sees(c)
	case c.position == self:
		return true
	}
	return c.by.sees(c.at)
}

// request is a valid request of c.
func (p *plan) request(c *cell) call {
	r := c.op.request()
	path := c.op.needs("path")
	if p.make != nil {
		key := fmt.Sprint(c.op.id, c.position == self)
		if c.position == self {
			key += c.by.String()
		} else if c.at != nil {
			key += fmt.Sprint(" ", c.at.ID)
		}
		made, there := c.shared[key].(int64)
		if c.fresh || !there {
			made = p.make(c)
		}
		if !c.fresh {
			c.shared[key] = made
		}
		c.thing = made
		if len(path) == 1 {
			r.path = strings.Replace(r.path, "{"+path[0]+"}", strconv.FormatInt(made, 10), 1)
		} else if body, _ := r.body.(map[string]any); body != nil {
			p.name(c, body, made)
		}
	}
	if body, _ := r.body.(map[string]any); body != nil {
		c.known(body)
	}
	if p.fill != nil {
		p.fill(c, &r)
	}
	if strings.Contains(r.path, "{") {
		c.Fatalf("%s: nobody says how to fill in %s", c.op.id, r.path)
	}
	return r
}

// name puts the id of the thing where the body wants one.
func (p *plan) name(c *cell, body map[string]any, id int64) {
	for name := range c.op.properties() {
		if strings.HasSuffix(name, "Id") && slices.Contains(c.op.spec.RequestBody.Value.Content.Get("application/json").Schema.Value.Required, name) {
			body[name] = id
		}
	}
}

// known replaces what an example can only show the shape of.
func (c *cell) known(body map[string]any) {
	for name, v := range body {
		switch v := v.(type) {
		case map[string]any:
			c.known(v)
		case []any:
			for _, one := range v {
				if m, ok := one.(map[string]any); ok {
					c.known(m)
				}
			}
		default:
			switch name {
			case "clientRef", "device":
				body[name] = uuid.NewString()
			case "happenedAt":
				body[name] = c.now().Format(time.RFC3339)
			case "dueAt":
				body[name] = c.now().Add(48 * time.Hour).Format(time.RFC3339)
			}
		}
	}
}

// today is the day of the clock.
func (w *world) today() calendar.Day { return calendar.DayOf(w.now()) }

// kinds says that units of these kinds fit.
func kinds(some ...org.UnitKind) func(*unit) bool {
	return func(u *unit) bool { return slices.Contains(some, u.Kind) }
}

func place(u *unit) bool { return org.IsPlace(u.Kind) }

func set(name string, value any) func(*cell, *call) {
	return func(_ *cell, r *call) { r.body.(map[string]any)[name] = value }
}

func oneOf(r org.Role, some ...org.Role) bool { return slices.Contains(some, r) }

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A sample is one real operation: what it was about, and every statement it sent.
type sample struct {
	about map[string]any
	at    time.Time
	steps []db.Sent
}

// scripts are the operations as the database sees them.
type scripts struct {
	checkIn    script // all statements, in their transactions
	twoInserts script // of those, the presence and its evidence in a transaction alone
	list       script
	bareList   script // of those, the list itself
	refresh    script
}

// A script is an operation's statements, and where each of their arguments comes from.
type script struct {
	steps []db.Sent
	from  [][]source
}

// record does each operation twice on a server in this process, and makes scripts of what it sends.
func record(ctx context.Context, p place, crowd []person) (s scripts, err error) {
	a, err := p.app(ctx)
	if err != nil {
		return s, err
	}
	d := a.Stores.DB
	n, err := serve(ctx, a)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	k, err := dial(ctx, n.public)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, k.conn.Close()) }()

	r := &recorder{act: newActs(crowd), k: k, now: d.Now}
	d.Watch(r.see)
	defer d.Watch(nil)
	var in, listed, refreshed []sample
	// Two of different subdistricts: what is the same for both is so for everybody. The last ones, whose turn comes last.
	for n := len(crowd) - 1; n >= 0 && len(in) < 2; n-- {
		if len(in) == 1 && crowd[n].actor.Unit.ID == in[0].about["seat"] || !distinct(about(crowd[n])) {
			continue
		}
		for _, f := range []struct {
			do   func(n int) (sample, error)
			into *[]sample
		}{{r.list, &listed}, {r.checkIn, &in}, {r.refresh, &refreshed}} {
			x, err := f.do(n)
			if err != nil {
				return s, err
			}
			*f.into = append(*f.into, x)
		}
	}
	if len(in) < 2 {
		return s, errors.New("there are too few persons to tell their numbers apart")
	}
	for i := range crowd {
		crowd[i].refresh = r.act.tokens[i]
	}
	for _, m := range []struct {
		into *script
		of   []sample
		only []string
	}{
		{&s.checkIn, in, nil},
		{&s.twoInserts, in, []string{"INSERT INTO presence (", "INSERT INTO presence_evidence ("}},
		{&s.list, listed, nil},
		{&s.bareList, listed, []string{"FROM task_copy"}},
		{&s.refresh, refreshed, nil},
	} {
		if *m.into, err = newScript(m.of[0].only(m.only), m.of[1].only(m.only)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// about is what every operation of p is about.
func about(p person) map[string]any {
	from, to := p.actor.Scope()
	all := map[string]any{
		"person": p.actor.PersonID, "assignment": p.actor.Assignment, "seat": p.actor.Unit.ID, "grid": p.actor.Grid.ID,
		"session": p.session, "from": from, "to": to,
	}
	for i, above := range p.actor.Grid.Above() {
		all[fmt.Sprint("above", i)] = above
	}
	return all
}

// distinct says whether no two things of about look alike, so that an argument can be told by its value.
func distinct(about map[string]any) bool {
	var seen []any
	for _, value := range about {
		v := plain(value)
		if slices.ContainsFunc(seen, func(s any) bool { return same(s, v) }) {
			return false
		}
		seen = append(seen, v)
	}
	return true
}

// A recorder sends calls one by one, and takes what is sent for each.
type recorder struct {
	act *acts
	k   *client
	now func() time.Time

	mu   sync.Mutex
	seen []db.Sent
}

// see takes what is sent for a request; what loops send is none of ours.
func (r *recorder) see(ctx context.Context, sent db.Sent) {
	if requestOf(ctx) == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, sent)
}

// call sends c of person n.
func (r *recorder) call(n int, c call) (x sample, answer []byte, err error) {
	r.mu.Lock()
	r.seen = nil
	r.mu.Unlock()
	x = sample{about: about(r.act.crowd[n]), at: r.now()}
	answer, err = r.k.do(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	x.steps = r.seen
	return x, answer, err
}

// list is the list of person n's tasks, once their session is known.
func (r *recorder) list(n int) (x sample, err error) {
	for range 2 {
		if x, _, err = r.call(n, r.act.list(n)); err != nil {
			return x, err
		}
	}
	return x, nil
}

// checkIn is one of person n at one of their last sites, once the end of the audit chain is known.
func (r *recorder) checkIn(n int) (x sample, err error) {
	of := r.act.crowd[n].sites
	done := 0
	for i := len(of) - 1; i >= 0 && done < 2; i-- {
		where := of[(i+n)%len(of)]
		known := about(r.act.crowd[n])
		known["place"], known["unit"] = where.id, where.unit
		if !distinct(known) {
			continue
		}
		key, ref := uuid.NewString(), uuid.NewString()
		c, err := r.act.checkIn(n, where, key, ref)
		if err != nil {
			return x, err
		}
		code, err := where.now(time.Now())
		if err != nil {
			return x, err
		}
		if x, _, err = r.call(n, c); err != nil {
			return x, err
		}
		maps.Copy(x.about, map[string]any{
			"place": where.id, "unit": where.unit, "key": key, "ref": ref, "day": calendar.DayOf(r.now()), "step": code.From.Unix() / 15,
		})
		done++
	}
	if done < 2 {
		return x, errors.New("there are too few places to tell their numbers apart")
	}
	return x, nil
}

// refresh is one of person n's session, again until the number of the token is not also that of something else.
func (r *recorder) refresh(n int) (x sample, err error) {
	for range refreshes - 1 {
		if x, err = r.refreshOnce(n); err != nil || distinct(x.about) {
			return x, err
		}
	}
	return x, errors.New("the number of a token is also that of something else")
}

func (r *recorder) refreshOnce(n int) (x sample, err error) {
	parent, err := hashOf(r.act.tokens[n])
	if err != nil {
		return x, err
	}
	x, answer, err := r.call(n, r.act.refresh(n))
	if err != nil {
		return x, err
	}
	if err := r.act.refreshed(n, answer); err != nil {
		return x, err
	}
	child, err := hashOf(r.act.tokens[n])
	x.about["token"], x.about["child"] = parent, child
	for _, step := range x.steps { // the number of the token's row stands where it is used up
		if step.Verb == db.Change && strings.Contains(step.Query, "UPDATE refresh_token") {
			x.about["row"] = step.Args[len(step.Args)-1]
		}
	}
	return x, err
}

// only is x with the statements that hold one of these texts, in one transaction if they write; nil: all of it.
func (x sample) only(texts []string) sample {
	if texts == nil {
		return x
	}
	kept, writes := []db.Sent{}, false
	for _, step := range x.steps {
		if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(step.Query, t) }) {
			kept = append(kept, step)
			writes = writes || step.Verb == db.Insert || step.Verb == db.Change
		}
	}
	if writes {
		kept = slices.Concat([]db.Sent{{Verb: db.Begin}}, kept, []db.Sent{{Verb: db.Commit}})
	}
	x.steps = kept
	return x
}

// A source is where an argument comes from when a script is played. One of these.
type source struct {
	name   string        // what the operation is about
	id     int           // 1 + the step whose row got it
	tip    tipPart       // the end of the audit chain
	after  time.Duration // from now on, of a moment
	moment bool
	length int          // of bytes and text that nobody reads back
	kind   reflect.Kind // of those
	value  any          // the same for everybody
}

type tipPart int

const (
	tipLane tipPart = iota + 1
	tipNext
	tipLast
)

// newScript compares two samples of one operation, and finds out where each argument comes from.
func newScript(a, b sample) (s script, err error) {
	s.steps = a.steps
	if len(a.steps) == 0 || len(a.steps) != len(b.steps) {
		return s, fmt.Errorf("an operation sent %d statements and then %d", len(a.steps), len(b.steps))
	}
	for i := range a.steps {
		x, y := a.steps[i], b.steps[i]
		if x.Query != y.Query || x.Verb != y.Verb || len(x.Args) != len(y.Args) {
			return s, fmt.Errorf("statement %d differs between two operations that are alike: %s\nand %s", i+1, x.Query, y.Query)
		}
		sources := make([]source, len(x.Args))
		for j := range x.Args {
			if sources[j], err = sourceOf(a, b, i, j); err != nil {
				return s, err
			}
		}
		s.from = append(s.from, sources)
	}
	return s, nil
}

// chained are the arguments of the two statements that lengthen the audit chain.
var chained = map[string]map[int]tipPart{
	"UPDATE audit_lane":   {0: tipNext, 2: tipLane, 3: tipLast},
	"INSERT INTO audit (": {0: tipLane, 1: tipNext},
}

func sourceOf(a, b sample, i, j int) (source, error) {
	x, y := plain(a.steps[i].Args[j]), plain(b.steps[i].Args[j])
	for text, parts := range chained {
		if part, ok := parts[j]; ok && strings.Contains(a.steps[i].Query, text) {
			return source{tip: part}, nil
		}
	}
	for name, value := range a.about {
		if same(x, plain(value)) && same(y, plain(b.about[name])) && (name == "day" || name == "step" || !same(x, y)) {
			return source{name: name}, nil
		}
	}
	for n := range i {
		if id := a.steps[n].ID; id != 0 && same(x, id) && same(y, b.steps[n].ID) {
			return source{id: n + 1}, nil
		}
	}
	if same(x, y) {
		return source{value: a.steps[i].Args[j]}, nil
	}
	switch v := x.(type) {
	case time.Time:
		return source{moment: true, after: v.Sub(a.at).Round(time.Second)}, nil
	case []byte:
		return source{kind: reflect.Slice, length: len(v)}, nil
	case string:
		return source{kind: reflect.String, length: len(v)}, nil
	}
	return source{}, fmt.Errorf("argument %d of statement %d is %v and then %v, and nobody knows why: %s", j+1, i+1, x, y, a.steps[i].Query)
}

// plain is v as one of a few types.
func plain(v any) any {
	r := reflect.ValueOf(v)
	for r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return nil
		}
		r = r.Elem()
	}
	switch {
	case !r.IsValid():
		return nil
	case r.CanInt():
		return r.Int()
	case r.Kind() == reflect.String:
		return r.String()
	}
	return r.Interface()
}

func same(x, y any) bool {
	switch v := x.(type) {
	case time.Time:
		w, ok := y.(time.Time)
		return ok && v.Equal(w)
	case []byte:
		w, ok := y.([]byte)
		return ok && bytes.Equal(v, w)
	}
	return x == y
}

package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"reflect"
	"sync"
	"time"

	"wanjia/internal/config"
	"wanjia/internal/platform/calendar"
	"wanjia/internal/platform/db"
)

// A ceiling is what the database does when nothing stands before it.
type ceiling struct {
	db      *db.DB
	acts    *acts
	about   []map[string]any // by person
	scripts scripts
	ready   map[*script]db.Script

	free chan *lane // nobody is in them; there are as many as connections that write

	mu     sync.Mutex
	tokens []token // by person
}

// A lane of the audit chain.
type lane struct {
	Number int64 `db:"lane"`
	Last   int64 `db:"n"`
}

// A token is the newest of a session.
type token struct {
	Row  int64  `db:"id"`
	Hash []byte `db:"hash"`
}

// hashOf is what is stored of a refresh token.
func hashOf(refresh string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(refresh)
	sum := sha256.Sum256(raw)
	return sum[:], err
}

// newCeiling opens the second database, whose crowd is crowd.
func newCeiling(ctx context.Context, c config.Config, crowd []person, s scripts) (*ceiling, error) {
	o := db.Options{MySQL: c.MySQL.DSN}
	if c.Embedded() {
		o.SQLitePath = c.Data + "/wanjia.db"
	}
	d, err := db.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	x := &ceiling{db: d, acts: newActs(crowd), scripts: s, ready: map[*script]db.Script{}}
	for _, script := range []*script{&x.scripts.checkIn, &x.scripts.twoInserts, &x.scripts.list, &x.scripts.bareList, &x.scripts.refresh} {
		x.ready[script] = d.Script(script.steps)
	}
	var lanes []*lane
	if err := d.Select(ctx, &lanes, `SELECT lane, n FROM audit_lane ORDER BY lane`); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	x.free = make(chan *lane, len(lanes))
	for _, l := range lanes {
		x.free <- l
	}
	x.tokens = make([]token, len(crowd))
	for i, p := range crowd {
		x.about = append(x.about, about(p))
		err := d.Get(ctx, &x.tokens[i], `SELECT id, hash FROM refresh_token WHERE session_id = ?`, p.session)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return x, nil
}

func (x *ceiling) close() error { return x.db.Close() }

// A play is one run of a script.
type play struct {
	about  map[string]any // what is about this run
	person map[string]any // and about everything of who it is
	now    time.Time
	ids    []int64
	lane   *lane
}

// replay sends s with fresh arguments.
func (x *ceiling) replay(ctx context.Context, s *script, n int, about map[string]any) (ids []int64, err error) {
	run := play{about: about, person: x.about[n], now: time.Now().UTC().Truncate(time.Millisecond), ids: make([]int64, len(s.steps))}
	defer func() { x.leave(run.lane, err) }()
	err = x.db.Replay(ctx, x.ready[s], func(step int) []any {
		args := make([]any, len(s.from[step]))
		for j, src := range s.from[step] {
			if src.tip != 0 && run.lane == nil {
				run.lane = <-x.free
			}
			args[j] = run.argument(src)
		}
		return args
	}, func(step int, id int64) { run.ids[step] = id })
	return run.ids, err
}

// argument is what s says in this run.
func (r *play) argument(s source) any {
	switch {
	case s.name != "":
		if v, ok := r.about[s.name]; ok {
			return v
		}
		return r.person[s.name]
	case s.id != 0:
		return r.ids[s.id-1]
	case s.tip == tipLane:
		return r.lane.Number
	case s.tip == tipNext:
		return r.lane.Last + 1
	case s.tip == tipLast:
		return r.lane.Last
	case s.moment:
		return r.now.Add(s.after)
	case s.kind == reflect.Slice:
		b := make([]byte, s.length)
		_, _ = rand.Read(b) // never fails (crypto/rand)
		return b
	case s.kind == reflect.String:
		text := ""
		for len(text) < s.length {
			text += rand.Text()
		}
		return text[:s.length]
	}
	return s.value
}

// leave gives a lane back, longer by what was committed.
func (x *ceiling) leave(l *lane, err error) {
	if l == nil {
		return
	}
	if err == nil {
		l.Last++
	}
	x.free <- l
}

// next is who is on site where next: when everybody has been everywhere, the day before.
func (x *ceiling) next() (n int, about map[string]any) {
	turn := int(x.acts.turn.Add(1) - 1)
	n = turn % len(x.acts.crowd)
	round := turn / len(x.acts.crowd)
	all := x.acts.crowd[n].sites
	where := all[(round+n)%len(all)]
	return n, map[string]any{
		"place": int64(where.id), "unit": int64(where.unit), "step": int64(turn) + 1e9, "key": rand.Text() + "0123456789",
		"ref": rand.Text() + "0123456789", "day": string(calendar.DayOf(time.Now()).Add(-round / len(all))),
	}
}

func (x *ceiling) checkIn(ctx context.Context) error {
	n, about := x.next()
	_, err := x.replay(ctx, &x.scripts.checkIn, n, about)
	return err
}

// twoInserts needs a presence of its own each time, too.
func (x *ceiling) twoInserts(ctx context.Context) error {
	n, about := x.next()
	_, err := x.replay(ctx, &x.scripts.twoInserts, n, about)
	return err
}

func (x *ceiling) list(ctx context.Context) error {
	n, about := x.next()
	_, err := x.replay(ctx, &x.scripts.list, n, about)
	return err
}

func (x *ceiling) bareList(ctx context.Context) error {
	n, about := x.next()
	_, err := x.replay(ctx, &x.scripts.bareList, n, about)
	return err
}

func (x *ceiling) refresh(ctx context.Context) error {
	n := int(x.acts.turn.Add(1)-1) % len(x.acts.crowd)
	x.mu.Lock()
	was := x.tokens[n]
	x.mu.Unlock()
	next := make([]byte, 32)
	_, _ = rand.Read(next) // never fails (crypto/rand)
	s := &x.scripts.refresh
	ids, err := x.replay(ctx, s, n, map[string]any{"token": was.Hash, "row": was.Row, "child": next})
	if err != nil {
		return err
	}
	for i, step := range s.steps {
		if step.Verb == db.Insert && ids[i] != 0 && s.bears(i) {
			x.mu.Lock()
			x.tokens[n] = token{Row: ids[i], Hash: next}
			x.mu.Unlock()
		}
	}
	return nil
}

// bears says whether step i writes the next token.
func (s *script) bears(i int) bool {
	for _, src := range s.from[i] {
		if src.name == "child" {
			return true
		}
	}
	return false
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"wanjia/internal/member"
	"wanjia/internal/platform/build"
	"wanjia/internal/platform/db"
)

// PushOptions say what `wanjia bench push` measures, and on what.
type PushOptions struct {
	Rounds   []string
	Folder   string        // where SQLite and logs go: on a real disk
	MySQL    string        // address of a server of the MySQL family, on which databases may be made; empty: SQLite
	Redis    string        // host:port of a Redis of our own beside MySQL
	Prefix   string        // of our keys in it
	Slice    time.Duration // how long a measurement takes
	Repeat   int           // how often the round of single messages is measured
	Sockets  map[string]int
	Rate     float64 // of single messages
	Audience int     // of an announcement
	Seed     uint64
	NoisyOK  bool   // a report counts although others used the machine
	Profiles string // folder for profiles of the server in the rounds that ask most of it; empty: none

	Peer  *Peer // measured in turn with us in rounds of single messages; nil: nobody
	Pairs int   // how many turns

	Node []string  // how to start a server: this program with the command that is one
	Env  []string  // of it
	Say  io.Writer // what is going on, for who waits; nil: nobody
}

// PushRounds are the rounds in their order, with how many sockets each takes.
var PushRounds = []struct {
	Name    string
	Sockets int
	run     func(p *pushRun, ctx context.Context, f *PushFigure, n int) (verdict, error)
}{
	{"idle", 8000, (*pushRun).idle},
	{"single", 1000, (*pushRun).single},
	{"single-max", 1000, (*pushRun).singleMax},
	{"broadcast", 5000, (*pushRun).broadcast},
	{"slow", 100, (*pushRun).slow},
	{"redis-kill", 1000, (*pushRun).redisKill},
	{"node-kill", 1000, (*pushRun).nodeKill},
	{"herd", 10_000, (*pushRun).herd},
	{"fanout", 1000, (*pushRun).fanout},
}

// What Push refuses.
var (
	ErrRound   = errors.New("there is no such round")
	ErrSockets = errors.New("this system allows fewer open files than sockets are asked for (ulimit -n)")
)

// A pushRun is one run of the bench.
type pushRun struct {
	o        PushOptions
	folder   string
	place    place
	crowd    []listener
	heads    map[int64]int64 // person: the last item that was committed
	next     int64           // the number of the next message
	random   *rand.Rand
	started  atomic.Int64   // servers
	services map[int]string // the processes of the database and of Redis
	fixed    PushFigure     // what is the same in each line
}

// A listener is a person who is signed in on one device.
type listener struct {
	id     int64
	access string
	at     time.Time // of the sign-in
}

// Push measures the way of a notification from COMMIT to the device, and returns a figure a round and their medians.
// Each is given to show once it is there.
func Push(ctx context.Context, o PushOptions, show func(PushFigure) error) (figures []PushFigure, err error) {
	if o.Say == nil {
		o.Say = io.Discard
	}
	if inMemory(o.Folder) && o.Prefix == "" {
		return nil, ErrInMemory
	}
	p := &pushRun{o: o, heads: map[int64]int64{}, next: 1, random: rand.New(rand.NewPCG(o.Seed, 0))} //nolint:gosec // because whom a message goes to is no secret
	most := 0
	for _, name := range o.Rounds {
		n, err := o.sockets(name)
		if err != nil {
			return nil, err
		}
		if most = max(most, n); name == "fanout" && n > o.Audience {
			return nil, fmt.Errorf("%w: fanout to %d persons with %d sockets", ErrRound, o.Audience, n)
		}
	}
	if most > mostSockets() {
		return nil, fmt.Errorf("%w: %d", ErrSockets, most)
	}
	if p.folder, err = os.MkdirTemp(o.Folder, "wanjia-push-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(p.folder)) }()
	p.place, err = newPlace(ctx, Options{MySQL: o.MySQL, Redis: o.Redis}, p.folder+"/data")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.place.drop(context.WithoutCancel(ctx))) }()
	p.place.prefix = o.Prefix
	if err := p.fill(ctx, most); err != nil {
		return nil, fmt.Errorf("fill the database: %w", err)
	}
	return p.rounds(ctx, show)
}

func (o PushOptions) sockets(name string) (int, error) {
	for _, r := range PushRounds {
		if r.Name == name {
			if n := o.Sockets[name]; n > 0 {
				return n, nil
			}
			return r.Sockets, nil
		}
	}
	return 0, fmt.Errorf("%w: %s", ErrRound, name)
}

// rounds measures one round after the other.
func (p *pushRun) rounds(ctx context.Context, show func(PushFigure) error) (figures []PushFigure, err error) {
	each := func(f *PushFigure, v verdict) error {
		f.Load = loadavg()
		f.judge(v)
		figures = append(figures, *f)
		return show(*f)
	}
	for _, r := range PushRounds {
		if !slices.Contains(p.o.Rounds, r.Name) {
			continue
		}
		n, err := p.o.sockets(r.Name)
		if err != nil {
			return figures, err
		}
		times := 1
		switch {
		case r.Name == "single" && p.o.Peer != nil:
			if err := p.pairs(ctx, n, each); err != nil {
				return figures, err
			}
			continue
		case r.Name == "single":
			times = max(1, p.o.Repeat)
		}
		for range times {
			if err := p.signIn(ctx, n); err != nil {
				return figures, fmt.Errorf("sign people in: %w", err)
			}
			fmt.Fprintf(p.o.Say, "bench: %s, %d sockets\n", r.Name, n)
			f := p.line(r.Name, n)
			v, err := r.run(p, ctx, &f, n)
			if err != nil {
				return figures, fmt.Errorf("round %s: %w", r.Name, err)
			}
			if err := each(&f, v); err != nil {
				return figures, err
			}
		}
	}
	sum := summary(figures, p.o.NoisyOK)
	return append(figures, sum), show(sum)
}

// line is an empty figure of a round.
func (p *pushRun) line(round string, n int) PushFigure {
	f := p.fixed
	f.Round, f.N, f.At, f.Got = round, n, time.Now().UTC().Truncate(time.Second), map[string]float64{}
	return f
}

// fill makes n persons, of whom each has a device.
func (p *pushRun) fill(ctx context.Context, n int) error {
	fmt.Fprintf(p.o.Say, "bench: making %d persons\n", n)
	c := p.place
	c.config.Demo = true // here people sign in by handle; the server that is measured knows no such thing
	a, err := c.app(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	p.fixed = PushFigure{
		Name: "push", Commit: build.Commit(), Tier: "P", Seed: p.o.Seed, Bar: map[string]float64{},
		Engine: strings.ReplaceAll(strings.ToLower(a.Stores.DB.Engine()), " ", "-"),
	}
	if a.Stores.DB.Embedded() {
		p.fixed.Tier = "E"
	}
	p.services = servicesOf(ctx, p.o, p.place.config.MySQL.DSN)
	const piece = 250
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for made := 0; made < n; made += piece {
		group.Go(func() error {
			var some []listener
			err := a.Stores.DB.InTx(ctx, func(tx *db.Tx) error {
				some = some[:0]
				for range min(piece, n-made) {
					id, err := member.Add(ctx, tx, a.Stores.Keys, member.New{Name: "测试"})
					if err == nil {
						err = a.Auth.AddHandle(ctx, tx, handle(id), id)
					}
					if err != nil {
						return err
					}
					some = append(some, listener{id: int64(id)})
				}
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			p.crowd = append(p.crowd, some...)
			return err
		})
	}
	return group.Wait()
}

// accessFor is how long a sign-in is used: an access token lives ten minutes, and a round shall not see its end.
const accessFor = 4 * time.Minute

// signIn sees to it that the first n persons are signed in for as long as a round takes.
func (p *pushRun) signIn(ctx context.Context, n int) error {
	due := slices.ContainsFunc(p.crowd[:n], func(l listener) bool { return time.Since(l.at) > accessFor })
	if !due {
		return nil
	}
	fmt.Fprintf(p.o.Say, "bench: signing %d persons in\n", n)
	c := p.place
	c.config.Demo = true
	a, err := c.app(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return signInAll(ctx, a, p.crowd[:n])
}

// several does something for everybody, some at once.
func several(ctx context.Context, crowd []listener, do func(ctx context.Context, who *listener) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range crowd {
		group.Go(func() error { return do(ctx, &crowd[i]) })
	}
	return group.Wait()
}

// people are the ids of the crowd.
func (p *pushRun) people() []int64 {
	ids := make([]int64, len(p.crowd))
	for i, l := range p.crowd {
		ids[i] = l.id
	}
	return ids
}

// setup is what a server of ours is told to be.
func (p *pushRun) setup() setup {
	return setup{Config: p.place.config, Prefix: p.place.prefix, People: p.people()}
}

package faults

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"wanjia/internal/pushclient"
)

// An order is a task that somebody gives the members of a village, and says again until it is known to be given.
type order struct {
	title   string
	village int
	id      int64 // of the task, as it was answered; 0: never
	again   int   // how often it was said once more
}

// words are some that nobody has said before. Without figures: else they may look like something personal, and are
// refused.
func words() string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, rand.Text())
}

// A load is people who go on giving orders.
type load struct {
	w       *world
	keyless bool // the control: each repetition has a key of its own

	stop    context.CancelFunc
	running sync.WaitGroup
	begun   time.Time
	ended   time.Time // when the last order was begun

	mu         sync.Mutex
	orders     []*order
	statuses   map[int]int
	unanswered int           // calls, besides those whose answers get lost on purpose
	slowest    time.Duration // of the answers
}

// hands is how many orders may be under way at once: so few that a node whose machine does much else is given what it can
// carry out, and not more and more that it has to refuse.
const hands = 32

// begin gives that many orders a second, until end: each is due at its time, whatever became of those before, as long as
// there are hands.
func (w *world) begin(rate int, keyless bool) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{w: w, keyless: keyless, stop: stop, statuses: map[int]int{}, begun: time.Now()}
	w.t.Cleanup(func() { stop(); l.running.Wait() })
	l.running.Go(func() {
		free := make(chan struct{}, hands)
		for n := 0; ; n++ {
			due := time.NewTimer(time.Until(l.begun.Add(time.Second * time.Duration(n) / time.Duration(rate))))
			select {
			case <-due.C:
			case <-ctx.Done():
			}
			select {
			case free <- struct{}{}:
			case <-ctx.Done():
			}
			due.Stop()
			if ctx.Err() != nil {
				l.ended = time.Now()
				return
			}
			l.running.Go(func() {
				l.give(&order{title: "走访" + words(), village: n % villages}, n)
				<-free
			})
		}
	})
	return l
}

// give says o until it is acknowledged: nobody stops in between, for its outcome would not be known.
func (l *load) give(o *order, nth int) {
	l.mu.Lock()
	l.orders = append(l.orders, o)
	l.mu.Unlock()
	key := uuid.NewString()
	body := map[string]any{"title": o.title, "minutes": 10, "target": map[string]any{"unitId": l.w.branch[o.village], "role": "member"}}
	pause := 50 * time.Millisecond
	for begun := time.Now(); time.Since(begun) < 2*time.Minute; o.again++ {
		if l.keyless {
			key = uuid.NewString()
		}
		a := l.say(o, nth, key, body)
		l.mu.Lock()
		l.statuses[a.status]++
		l.mu.Unlock()
		if a.status == http.StatusCreated {
			id, _ := a.body["id"].(float64)
			o.id = int64(id)
			return
		}
		<-time.After(max(pause, a.retry))
		pause = min(2*pause, time.Second)
	}
}

// say says o once. Of some orders the first answer gets lost, as with a phone that has no signal at that moment.
func (l *load) say(o *order, nth int, key string, body any) answer {
	begun := time.Now()
	a := l.w.call(context.Background(), l.w.node(nth+o.again), secretary(o.village), http.MethodPost, "/v1/tasks", key, body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, time.Since(begun))
	if a.status == 0 {
		l.unanswered++
	}
	if nth%5 == 0 && o.again == 0 {
		return answer{}
	}
	return a
}

// end lets what is under way come to its end.
func (l *load) end() {
	l.stop()
	l.running.Wait()
}

// flows waits until n more orders have been acknowledged, and says within which time.
func (l *load) flows(n int) time.Duration {
	l.w.t.Helper()
	count := func() (done int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.statuses[http.StatusCreated]
	}
	from := count()
	return l.w.wait(time.Minute, "orders are acknowledged", func() bool { return count() >= from+n })
}

// failed is how many calls nobody has answered who could have.
func (l *load) failed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unanswered
}

// longest is how long the slowest answer took so far (ms).
func (l *load) longest() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slowest.Milliseconds()
}

// A device is one of a person's, and what it has applied.
type device struct {
	w      *world
	owner  string
	nth    int
	amnesy bool // the control: it begins with the newest at each connect instead of where it was

	mu    sync.Mutex
	items []pushclient.Item
	downs []int                      // the codes with which connections ended
	wires []func() pushclient.Counts // of each start

	stop func()
}

// listen starts devices for the first member of each village, two each, on different nodes.
func (w *world) listen(amnesy bool) (all []*device) {
	w.t.Helper()
	for v := range villages {
		for nth := range 2 {
			d := &device{w: w, owner: villager(v, 0), nth: nth, amnesy: amnesy}
			d.start()
			w.t.Cleanup(func() { d.stop() })
			all = append(all, d)
		}
	}
	return all
}

// start connects the device, from where it is.
func (d *device) start() {
	ctx, stop := context.WithCancel(context.Background())
	var over sync.WaitGroup
	d.stop = sync.OnceFunc(func() { stop(); over.Wait() })
	over.Go(func() {
		for ctx.Err() == nil {
			d.run(ctx)
		}
	})
}

func (d *device) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	cursor := "1." + itoa(d.at())
	if d.amnesy {
		cursor = "1." + itoa(d.w.head(ctx, d.owner))
	}
	c, err := pushclient.New(pushclient.Options{
		Node: func() string { return d.w.node(d.nth) },
		Ticket: func(ctx context.Context) (string, error) {
			a := d.w.call(ctx, d.w.node(d.nth), d.owner, http.MethodPost, "/v1/push/ticket", "", nil)
			ticket, _ := a.body["ticket"].(string)
			if ticket == "" {
				return "", errNoTicket
			}
			return ticket, nil
		},
		Cursor: cursor,
		Apply: func(i pushclient.Item) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.items = append(d.items, i)
		},
		Down: func(code int, _ error) {
			d.mu.Lock()
			d.downs = append(d.downs, code)
			d.mu.Unlock()
			if d.amnesy {
				stop()
			}
		},
		FirstPause: 250 * time.Millisecond, LastPause: 2 * time.Second,
	})
	if err != nil {
		d.w.t.Error(err)
		return
	}
	d.mu.Lock()
	d.wires = append(d.wires, c.Counts)
	d.mu.Unlock()
	_ = c.Run(ctx) // it ends with the test
}

// at is the number of the newest item that the device has.
func (d *device) at() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.items); n > 0 {
		return d.items[n-1].Seq
	}
	return 0
}

// ended says whether a connection of the device ended with code.
func (d *device) ended(code int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.downs, code)
}

// wire is what came over the wire since the device was made.
func (d *device) wire() (sum pushclient.Counts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, counts := range d.wires {
		c := counts()
		sum.Connections, sum.Again = sum.Connections+c.Connections, sum.Again+c.Again
		sum.Disorder, sum.Holes = sum.Disorder+c.Disorder, sum.Holes+c.Holes
	}
	return sum
}

func (d *device) received() []pushclient.Item {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.items)
}

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"wanjia/internal/pushclient"
)

// A receipt is one item as a device applied it.
type receipt struct {
	seq, id int64
	at      time.Time
}

// A device is one socket of one person.
type pushDevice struct {
	person int64
	after  int64 // what it has from before

	mu  sync.Mutex
	got []receipt

	slow func() // called for each item; nil: it reads as fast as it can

	wire func() pushclient.Counts // what came and was not shown; nil: a peer's device does not count
}

// A fleet is the devices of a round.
type fleet struct {
	devices []*pushDevice

	got     atomic.Int64 // items of all devices
	up      atomic.Int64 // devices with a socket
	ups     atomic.Int64 // sockets that were opened
	downs   atomic.Int64 // sockets that ended
	lastUp  atomic.Int64 // Unix ns
	why     atomic.Pointer[string]
	changed chan struct{}
	end     context.CancelFunc
	running sync.WaitGroup
	isUp    []atomic.Bool

	unnumbered bool // items come without their numbers
}

func newFleet(n int, end context.CancelFunc) *fleet {
	return &fleet{changed: make(chan struct{}, 1), end: end, isUp: make([]atomic.Bool, n)}
}

// take notes an item.
func (f *fleet) take(v *pushDevice, seq, id int64) {
	at := time.Now()
	v.mu.Lock()
	v.got = append(v.got, receipt{seq, id, at})
	v.mu.Unlock()
	f.got.Add(1)
	if v.slow != nil {
		v.slow()
	}
}

// opened and closed count a socket of device i.
func (f *fleet) opened(i int) {
	f.ups.Add(1)
	f.lastUp.Store(time.Now().UnixNano())
	if !f.isUp[i].Swap(true) {
		f.up.Add(1)
	}
	f.wake()
}

func (f *fleet) closed(i int, err error) {
	f.downs.Add(1)
	if err != nil {
		text := err.Error()
		f.why.Store(&text)
	}
	if f.isUp[i].Swap(false) {
		f.up.Add(-1)
	}
	f.wake()
}

func (f *fleet) wake() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *fleet) whyDown() string {
	if why := f.why.Load(); why != nil {
		return *why
	}
	return ""
}

// until waits until ok, looking when sockets change and now and then.
func (f *fleet) until(ctx context.Context, limit time.Duration, ok func() bool) bool {
	late := time.NewTimer(limit)
	defer late.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-f.changed:
		case <-look.C:
		case <-late.C:
			return ok()
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// wire is how many connections the devices had, and how many items came again over another one; false of devices that
// do not count.
func (f *fleet) wire() (connections, again int64, counted bool) {
	for _, d := range f.devices {
		if d.wire == nil {
			return 0, 0, false
		}
		c := d.wire()
		connections, again = connections+c.Connections, again+c.Again
	}
	return connections, again, true
}

// stop ends all devices.
func (f *fleet) stop() {
	f.end()
	f.running.Wait()
}

// connecting is how many devices are on their way at once while a fleet starts: a round measures what comes after.
const connecting = 128

// connect starts n devices, each of a person of their own, and waits until all of them have a socket. At names the node
// that device i turns to, anew for each try.
func (p *pushRun) connect(ctx context.Context, n int, at func(i int) string, slow func(i int) func()) (*fleet, error) {
	life, end := context.WithCancel(ctx)
	f := newFleet(n, end)
	calls := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxConnsPerHost: 200, MaxIdleConnsPerHost: 200}}
	for i := range n {
		who := p.crowd[i]
		v := &pushDevice{person: who.id, after: p.heads[who.id]}
		if slow != nil {
			v.slow = slow(i)
		}
		o := pushclient.Options{
			Node: func() string { return "http://" + at(i) },
			Ticket: func(ctx context.Context) (string, error) {
				return ticket(ctx, calls, at(i), p.crowd[i].access, i)
			},
			Cursor: fmt.Sprintf("1.%d", v.after), // no database here was ever restored
			Apply:  func(x pushclient.Item) { f.take(v, x.Seq, x.Ref.ID) },
			Up:     func(int64) { f.opened(i) },
			Down:   func(_ int, err error) { f.closed(i, err) },
			Dial:   dialFrom(i, v.slow != nil),
		}
		c, err := pushclient.New(o)
		if err != nil {
			f.stop()
			return nil, err
		}
		v.wire = c.Counts
		f.devices = append(f.devices, v)
		f.running.Go(func() {
			if err := c.Run(life); err != nil {
				f.closed(i, err)
			}
		})
		if !f.until(ctx, time.Minute, func() bool { return int64(i)-f.up.Load() < connecting }) {
			break
		}
	}
	if !f.until(ctx, time.Minute, func() bool { return f.up.Load() == int64(n) }) {
		defer f.stop()
		return nil, errors.Join(ctx.Err(), fmt.Errorf("%d of %d devices have a socket after a minute: %s", f.up.Load(), n, f.whyDown()))
	}
	calls.CloseIdleConnections() // a phone keeps none
	return f, nil
}

// portsAnAddress is how many sockets may come from one address.
const portsAnAddress = 28_000

// dialFrom connects device i from 127.0.0.1, .2 and so on, since one address has only so many ports. A slow device's
// kernel shall not read for it.
func dialFrom(i int, slow bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/portsAnAddress))}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok && slow && err == nil {
			err = tcp.SetReadBuffer(4 << 10)
		}
		return c, err
	}
}

// ticket asks for a ticket, as any client does.
func ticket(ctx context.Context, calls *http.Client, at, access string, from int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at+"/v1/push/ticket", http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("X-Wanjia-Client", "mini/bench")
	req.Header.Set("X-Forwarded-For", addressOf(from))
	res, err := calls.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // because it is only read
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return "", err
	}
	var t struct {
		Ticket string `json:"ticket"`
	}
	if res.StatusCode != http.StatusCreated || json.Unmarshal(body, &t) != nil {
		return "", fmt.Errorf("a ticket is answered %d: %s", res.StatusCode, body)
	}
	return t.Ticket, nil
}

// Package pushclient is the reference of how a device listens: it connects with a ticket, resumes from its cursor,
// drops what it has, acks what it has applied, pings, renews itself in place, and comes back with full jitter. Where a
// network lets no socket through it goes on by an event stream, and where none of those by waiting requests. The demo,
// the bench and the scenarios use it; clients in other languages follow it and docs/push-protocol.md.
package pushclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// An Item is what a person is told.
type Item struct {
	Seq        int64           `json:"s"`
	Kind       string          `json:"k"`
	Priority   int             `json:"p"`
	At         int64           `json:"ts"` // Unix ms
	Assignment int64           `json:"as"`
	Ref        Ref             `json:"ref"`
	Args       json.RawMessage `json:"d"`
}

// A Ref names the thing an item is about.
type Ref struct {
	Type string `json:"type"`
	ID   int64  `json:"id"`
}

// A Way is how items come. All bring the same, and a device may change between them at any moment.
type Way int

// The ways, the best first.
const (
	Socket Way = iota // WebSocket
	Stream            // event stream (SSE)
	Poll              // waiting requests
)

// Options say where to listen and as whom.
type Options struct {
	Ways   []Way                                     // that may be tried, in this order; nil: the socket alone
	URL    string                                    // http://host:port of a node; asked anew for each connect if Node is set
	Node   func() string                             // which node to try next; nil: URL
	Ticket func(ctx context.Context) (string, error) // POST /v1/push/ticket
	Access func(ctx context.Context) (string, error) // an access token that is valid: for Poll, and to mark as read without a socket
	Cursor string                                    // where to resume; "": the newest 50
	Origin string                                    // as a page sends it; "": none, as programs do

	Apply func(Item)                // called once an item, in order, without holes
	Keep  func(cursor string)       // called when items have been applied, before they are acked: Cursor of the next start
	Reset func(from int64)          // the list of the device is to be dropped; Apply goes on behind from
	Read  func(seq int64)           // the read mark has moved
	Up    func(top int64)           // a connection stands
	Down  func(code int, err error) // it ended: by a code, or the status of a refusal, or 0

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: any address of this machine

	PingEvery  time.Duration // 0: 25 s ± 20 %
	PongWithin time.Duration // 0: 10 s
	FirstPause time.Duration // 0: 0.5 s
	LastPause  time.Duration // 0: 30 s
	Silence    time.Duration // of an event stream, after which it is left; 0: 40 s
	TryAgain   time.Duration // how long to go on by a worse way before the best is tried again; 0: 5 min ± 20 %
}

// A Client is one device. Run it once.
type Client struct {
	o       Options
	era     int64
	seq     int64
	known   bool // era and seq mean something
	pauses  int
	stands  bool      // the connection has brought something
	upAt    time.Time // since when
	stood   time.Duration
	choice  choice
	read    chan int64
	dialer  websocket.Dialer
	http    *http.Client
	ackedAt time.Time

	connected, again, disorder, holes atomic.Int64
}

// Counts are what came over the wire since the start and was kept from Apply. Of what a server sends over one
// connection each item follows the one before it, so Disorder and Holes are its faults; an item may come Again over
// another connection.
type Counts struct {
	Connections int64
	Again       int64 // items that the device had before the connection
	Disorder    int64 // items that came a second time over one connection, or after a later one
	Holes       int64 // items that came while an earlier one was missing
}

// Counts are the counts so far; a device that runs may be asked.
func (c *Client) Counts() Counts {
	return Counts{c.connected.Load(), c.again.Load(), c.disorder.Load(), c.holes.Load()}
}

// Codes of push.md §9 that the device does more about than coming back.
const (
	tooManyOpen = 4009
	tooFast     = 4013
	signedOut   = 4014
	badFrame    = 4015
)

// Stays says whether a device that was closed with code shall not come back by itself.
func Stays(code int) bool {
	switch code {
	case tooManyOpen, signedOut, badFrame, websocket.CloseInvalidFramePayloadData, websocket.CloseMessageTooBig:
		return true
	}
	return false
}

// ErrStay says that the server asked the device not to come back by itself: another device took its place, the
// session has ended, or what the device sent was not understood.
var ErrStay = errors.New("the server asks not to reconnect")

// New makes a device that has applied everything up to o.Cursor.
func New(o Options) (*Client, error) {
	c := &Client{o: o, stood: stood, read: make(chan int64, 16), choice: choice{ways: o.Ways, every: o.TryAgain}, http: requests(o), dialer: websocket.Dialer{
		HandshakeTimeout: 10 * time.Second, Subprotocols: []string{"wanjia.v1"}, NetDialContext: o.Dial,
		ReadBufferSize: 4 << 10, WriteBufferSize: 512,
	}}
	if o.Cursor != "" {
		var err error
		if c.era, c.seq, err = parseCursor(o.Cursor); err != nil {
			return nil, err
		}
		c.known = true
	}
	if c.o.FirstPause == 0 {
		c.o.FirstPause = 500 * time.Millisecond
	}
	if c.o.LastPause == 0 {
		c.o.LastPause = 30 * time.Second
	}
	if c.o.PongWithin == 0 {
		c.o.PongWithin = 10 * time.Second
	}
	if c.o.Silence == 0 {
		c.o.Silence = 40 * time.Second
	}
	if len(c.choice.ways) == 0 {
		c.choice.ways = []Way{Socket}
	}
	return c, nil
}

func parseCursor(cursor string) (era, seq int64, err error) {
	first, second, _ := strings.Cut(cursor, ".")
	era, err = strconv.ParseInt(first, 10, 64)
	if err == nil {
		seq, err = strconv.ParseInt(second, 10, 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cursor %q is none", cursor)
	}
	return era, seq, nil
}

// MarkRead tells the server, and through it the person's other devices, what has been read.
func (c *Client) MarkRead(seq int64) {
	select {
	case c.read <- seq:
	default: // said again by whoever reads on
	}
}

// stood is how long a connection must have held, from the server's first word, to show that what was wrong before it is
// over: pauses begin anew. A server that takes connections and says nothing shows the opposite.
const stood = 10 * time.Second

// Run listens until ctx ends, or until the server asks not to come back: ErrStay.
func (c *Client) Run(ctx context.Context) error {
	defer c.http.CloseIdleConnections()
	for {
		code, after, err := c.connect(ctx)
		c.choice.ended(c.stands)
		if ctx.Err() != nil {
			return nil
		}
		if c.o.Down != nil {
			c.o.Down(code, err)
		}
		if Stays(code) {
			return fmt.Errorf("%w: code %d", ErrStay, code)
		}
		if c.stands && time.Since(c.upAt) > c.stood {
			c.pauses = 0
		}
		if code == tooFast {
			after = max(after, 30*time.Second)
		}
		if after == 0 {
			most := min(c.o.LastPause, c.o.FirstPause<<min(c.pauses, 16))
			c.pauses++
			after = rand.N(most) //nolint:gosec // because jitter is no secret
		}
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return nil
		}
	}
}

// connect holds one connection, by the way that is to be tried now, until it ends, and says how it ended and how long to
// stay away.
func (c *Client) connect(ctx context.Context) (code int, after time.Duration, err error) {
	base := c.o.URL
	if c.o.Node != nil {
		base = c.o.Node()
	}
	c.stands = false
	way, again := c.choice.now()
	ctx, stop := context.WithDeadline(ctx, again)
	defer stop()
	switch way {
	case Stream:
		return c.stream(ctx, base)
	case Poll:
		return c.poll(ctx, base)
	default:
		return c.socket(ctx, base)
	}
}

// up notes that a connection stands.
func (c *Client) up(top int64) {
	c.stands, c.upAt = true, time.Now()
	c.connected.Add(1)
	if c.o.Up != nil {
		c.o.Up(top)
	}
}

// A line is one connection while it stands. Of a socket two goroutines hold it in turn, by its lock.
type line struct {
	sync.Mutex
	heard int64         // the highest item that came over it
	acked int64         // what was acked, or need not be
	after time.Duration // how long bye asks to stay away
	every time.Duration
	ping  *time.Timer               // nil: nobody pings
	asked bool                      // a ping was sent and has no answer
	ack   *time.Timer               // runs while something is to be acked that came too soon behind the last ack
	acks  bool                      // it runs
	renew func(ticket string) error // nil: it cannot be renewed in place
}

// take applies one frame.
func (c *Client) take(ctx context.Context, l *line, b []byte) error {
	f, err := parse(b)
	if err != nil {
		return err
	}
	switch f.Type {
	case "hi":
		if !c.known || c.era != f.Era {
			c.known = false // a reset follows, and says where to begin
		}
		c.era = f.Era
		c.up(f.Top)
	case "reset":
		c.reset(l, f.From)
	case "n":
		return c.apply(l, f.Item)
	case "b":
		return c.apply(l, f.List...)
	case "read":
		if c.o.Read != nil {
			c.o.Read(f.Seq)
		}
	case "p":
		if l.asked = false; l.ping != nil {
			l.ping.Reset(l.every)
		}
	case "exp":
		if l.renew == nil {
			return nil // its end is told, and the next connection shows another ticket
		}
		ticket, err := c.o.Ticket(ctx)
		if err != nil {
			return nil //nolint:nilerr // because the socket ends by itself, and the next one asks again
		}
		return l.renew(ticket)
	case "bye":
		l.after = time.Duration(f.After) * time.Millisecond
	}
	return nil // a word of a later server is no reason to leave
}

// reset begins the list anew behind from.
func (c *Client) reset(l *line, from int64) {
	c.seq, c.known, l.acked, l.heard = from, true, from, 0
	if c.o.Reset != nil {
		c.o.Reset(from)
	}
	c.keep()
}

var errHole = errors.New("an item is missing in between")

// apply applies what comes next among items. What the device has is dropped; a hole ends the connection, and the
// next one asks for what is missing.
func (c *Client) apply(l *line, items ...Item) error {
	before := c.seq
	defer func() {
		if c.seq > before {
			c.keep()
		}
	}()
	for _, i := range items {
		switch {
		case i.Seq <= l.heard:
			c.disorder.Add(1)
			continue
		case i.Seq <= c.seq:
			c.again.Add(1)
			l.heard = i.Seq
			continue
		case i.Seq != c.seq+1:
			c.holes.Add(1)
			return errHole
		}
		l.heard = i.Seq
		c.o.Apply(i)
		c.seq = i.Seq
	}
	return nil
}

func (c *Client) keep() {
	if c.o.Keep != nil {
		c.o.Keep(c.cursor())
	}
}

func (c *Client) cursor() string { return fmt.Sprintf("%d.%d", c.era, c.seq) }

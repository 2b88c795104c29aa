// Package pushclient is the reference of how a device listens: it connects with a ticket, resumes from its cursor,
// drops what it has, acks what it has applied, pings, renews itself in place, and comes back with full jitter. The
// demo, the bench and the scenarios use it; clients in other languages follow it and docs/push-protocol.md.
package pushclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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

// Options say where to listen and as whom.
type Options struct {
	URL    string                                    // http://host:port of a node; asked anew for each connect if Node is set
	Node   func() string                             // which node to try next; nil: URL
	Ticket func(ctx context.Context) (string, error) // POST /v1/push/ticket
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
}

// A Client is one device. Run it once.
type Client struct {
	o       Options
	era     int64
	seq     int64
	known   bool // era and seq mean something
	pauses  int
	say     chan []byte
	dialer  websocket.Dialer
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
	c := &Client{o: o, say: make(chan []byte, 16), dialer: websocket.Dialer{
		HandshakeTimeout: 10 * time.Second, Subprotocols: []string{"wanjia.v1"}, NetDialContext: o.Dial,
		ReadBufferSize: 1 << 10, WriteBufferSize: 512,
	}}
	if o.Cursor != "" {
		era, seq, _ := strings.Cut(o.Cursor, ".")
		var err, err2 error
		c.era, err = strconv.ParseInt(era, 10, 64)
		c.seq, err2 = strconv.ParseInt(seq, 10, 64)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("cursor %q is none", o.Cursor)
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
	return c, nil
}

// MarkRead tells the server, and through it the person's other devices, what has been read.
func (c *Client) MarkRead(seq int64) {
	select {
	case c.say <- fmt.Appendf(nil, `{"t":"read","s":%d}`, seq):
	default: // said again by whoever reads on
	}
}

// stood is how long a connection has held when what was wrong before it is over: pauses begin anew.
const stood = 10 * time.Second

// Run listens until ctx ends, or until the server asks not to come back: ErrStay.
func (c *Client) Run(ctx context.Context) error {
	for {
		began := time.Now()
		code, after, err := c.connect(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // because the end of ctx is how Run is ended
		}
		if c.o.Down != nil {
			c.o.Down(code, err)
		}
		if Stays(code) {
			return fmt.Errorf("%w: code %d", ErrStay, code)
		}
		if time.Since(began) > stood {
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

// connect holds one connection until it ends, and says how it ended and how long to stay away.
func (c *Client) connect(ctx context.Context) (code int, after time.Duration, err error) {
	ticket, err := c.o.Ticket(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("get a ticket: %w", err)
	}
	base := c.o.URL
	if c.o.Node != nil {
		base = c.o.Node()
	}
	q := url.Values{"ticket": {ticket}}
	if c.known {
		q.Set("after", fmt.Sprintf("%d.%d", c.era, c.seq))
	}
	header := http.Header{}
	if c.o.Origin != "" {
		header.Set("Origin", c.o.Origin)
	}
	ws, answer, err := c.dialer.DialContext(ctx, "ws"+strings.TrimPrefix(base, "http")+"/v1/push?"+q.Encode(), header)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close()
	}
	if err != nil {
		if answer != nil {
			wait, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // none: as usual
			return answer.StatusCode, time.Duration(wait) * time.Second, fmt.Errorf("open a socket: status %d", answer.StatusCode)
		}
		return 0, 0, errors.New("open a socket: no answer") // the error would hold the ticket
	}
	defer ws.Close() //nolint:errcheck // because it has ended one way or the other
	frames := make(chan []byte, 64)
	ended := make(chan error, 1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				ended <- err
				return
			}
			select {
			case frames <- b:
			case <-stop:
				return
			}
		}
	}()
	return c.listen(ctx, ws, frames, ended)
}

// A line is one connection while it stands.
type line struct {
	ws    *websocket.Conn
	heard int64         // the highest item that came over it
	acked int64         // what was acked, or need not be
	after time.Duration // how long bye asks to stay away
	every time.Duration
	ping  *time.Timer
	asked bool // a ping was sent and has no answer
}

func (c *Client) listen(ctx context.Context, ws *websocket.Conn, frames <-chan []byte, ended <-chan error) (code int, after time.Duration, err error) {
	l := &line{ws: ws, acked: c.seq, every: c.o.PingEvery}
	if l.every == 0 {
		l.every = 20*time.Second + rand.N(10*time.Second) //nolint:gosec // because jitter is no secret
	}
	l.ping = time.NewTimer(l.every)
	defer l.ping.Stop()
	ack := time.NewTimer(time.Hour)
	defer ack.Stop()
	for {
		if wait := time.Until(c.ackedAt.Add(time.Second)); c.seq > l.acked && wait <= 0 {
			if err := c.send(ws, fmt.Appendf(nil, `{"t":"ack","s":%d}`, c.seq)); err != nil {
				return 0, l.after, err
			}
			l.acked, c.ackedAt = c.seq, time.Now()
		} else if c.seq > l.acked {
			ack.Reset(wait)
		}
		select {
		case <-ctx.Done():
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
			return 0, 0, ctx.Err()
		case b := <-frames:
			if err := c.take(ctx, l, b); err != nil {
				return 0, l.after, err
			}
		case err := <-ended:
			for len(frames) > 0 { // what arrived before the end counts
				if err := c.take(ctx, l, <-frames); err != nil {
					return 0, l.after, err
				}
			}
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				code = closed.Code
			}
			return code, l.after, err
		case b := <-c.say:
			if err := c.send(ws, b); err != nil {
				return 0, l.after, err
			}
		case <-ack.C:
		case <-l.ping.C:
			if l.asked {
				return 0, l.after, errors.New("no answer to a ping")
			}
			if err := c.send(ws, []byte(`{"t":"p"}`)); err != nil {
				return 0, l.after, err
			}
			l.asked = true
			l.ping.Reset(c.o.PongWithin)
		}
	}
}

func (c *Client) send(ws *websocket.Conn, b []byte) error {
	if err := ws.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return ws.WriteMessage(websocket.TextMessage, b)
}

type frame struct {
	Type  string `json:"t"`
	Item         // of n
	List  []Item `json:"n"`
	Era   int64  `json:"era"`
	Top   int64  `json:"top"`
	From  int64  `json:"from"`
	After int64  `json:"after"`
}

// take applies one frame.
func (c *Client) take(ctx context.Context, l *line, b []byte) error {
	var f frame
	if err := json.Unmarshal(b, &f); err != nil {
		return fmt.Errorf("read a frame: %w", err)
	}
	switch f.Type {
	case "hi":
		if !c.known || c.era != f.Era {
			c.known = false // a reset follows, and says where to begin
		}
		c.era = f.Era
		c.connected.Add(1)
		if c.o.Up != nil {
			c.o.Up(f.Top)
		}
	case "reset":
		c.seq, c.known, l.acked, l.heard = f.From, true, f.From, 0
		if c.o.Reset != nil {
			c.o.Reset(f.From)
		}
		c.keep()
	case "n":
		return c.apply(l, f.Item)
	case "b":
		return c.apply(l, f.List...)
	case "read":
		if c.o.Read != nil {
			c.o.Read(f.Seq)
		}
	case "p":
		l.asked = false
		l.ping.Reset(l.every)
	case "exp":
		ticket, err := c.o.Ticket(ctx)
		if err != nil {
			return nil //nolint:nilerr // because the socket ends by itself, and the next one asks again
		}
		return c.send(l.ws, fmt.Appendf(nil, `{"t":"auth","ticket":%q}`, ticket))
	case "bye":
		l.after = time.Duration(f.After) * time.Millisecond
	}
	return nil // a word of a later server is no reason to leave
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
		c.o.Keep(fmt.Sprintf("%d.%d", c.era, c.seq))
	}
}

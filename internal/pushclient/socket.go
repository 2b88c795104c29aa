package pushclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// socket holds one WebSocket until it ends, and says how it ended and how long to stay away.
func (c *Client) socket(ctx context.Context, base string) (code int, after time.Duration, err error) {
	ticket, err := c.o.Ticket(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("get a ticket: %w", err)
	}
	q := url.Values{"ticket": {ticket}}
	if c.known {
		q.Set("after", c.cursor())
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
			return answer.StatusCode, retryAfter(answer), fmt.Errorf("open a socket: status %d", answer.StatusCode)
		}
		return 0, 0, errors.New("open a socket: no answer") // the error would hold the ticket
	}
	defer ws.Close() //nolint:errcheck // because it has ended one way or the other
	return c.listen(ctx, ws)
}

// listen reads until the socket ends. Each frame is applied by whoever has read it; what is due meanwhile, without one,
// another goroutine sees to, which sleeps while items come.
func (c *Client) listen(ctx context.Context, ws *websocket.Conn) (code int, after time.Duration, err error) {
	l := &line{acked: c.seq, every: c.o.PingEvery, renew: func(ticket string) error {
		return c.send(ws, fmt.Appendf(nil, `{"t":"auth","ticket":%q}`, ticket))
	}}
	if l.every == 0 {
		l.every = 20*time.Second + rand.N(10*time.Second) //nolint:gosec // because jitter is no secret
	}
	l.ping, l.ack = time.NewTimer(l.every), time.NewTimer(time.Hour)
	defer l.ping.Stop()
	defer l.ack.Stop()
	ended, left := make(chan struct{}), make(chan error, 1)
	go func() {
		err := c.attend(ctx, l, ws, ended)
		if err != nil {
			_ = ws.Close() // and the reader ends
		}
		left <- err
	}()
	err = c.hear(ctx, l, ws)
	close(ended)
	why := <-left
	switch closed, ok := errors.AsType[*websocket.CloseError](err); {
	case ctx.Err() != nil:
		return 0, 0, ctx.Err()
	case ok:
		return closed.Code, l.after, err
	case why != nil:
		return 0, l.after, why
	}
	return 0, l.after, err
}

// hear applies what comes, one frame after the other, until the socket ends or brings what cannot be.
func (c *Client) hear(ctx context.Context, l *line, ws *websocket.Conn) error {
	var room bytes.Buffer
	for {
		_, r, err := ws.NextReader()
		if err != nil {
			return err
		}
		room.Reset()
		if _, err := room.ReadFrom(r); err != nil {
			return err
		}
		l.Lock()
		err = c.take(ctx, l, room.Bytes())
		if err == nil {
			err = c.ackOn(l, ws)
		}
		l.Unlock()
		if err != nil {
			return err
		}
	}
}

// ackOn acks what has been applied, once a second at most: what comes sooner waits for its timer. l is locked.
func (c *Client) ackOn(l *line, ws *websocket.Conn) error {
	if c.seq <= l.acked || l.acks {
		return nil
	}
	if wait := time.Until(c.ackedAt.Add(time.Second)); wait > 0 {
		l.acks = true
		l.ack.Reset(wait)
		return nil
	}
	if err := c.send(ws, fmt.Appendf(nil, `{"t":"ack","s":%d}`, c.seq)); err != nil {
		return err
	}
	l.acked, c.ackedAt = c.seq, time.Now()
	return nil
}

// attend sees to what is due by itself until the socket has ended: acks, pings, what has been read, and the goodbye.
func (c *Client) attend(ctx context.Context, l *line, ws *websocket.Conn, ended <-chan struct{}) error {
	for {
		var due func() error
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
			return ctx.Err()
		case seq := <-c.read:
			due = func() error { return c.send(ws, fmt.Appendf(nil, `{"t":"read","s":%d}`, seq)) }
		case <-l.ack.C:
			due = func() error {
				l.acks = false
				return c.ackOn(l, ws)
			}
		case <-l.ping.C:
			due = func() error {
				if l.asked {
					return errors.New("no answer to a ping")
				}
				l.asked = true
				l.ping.Reset(c.o.PongWithin)
				return c.send(ws, []byte(`{"t":"p"}`))
			}
		}
		l.Lock()
		err := due()
		l.Unlock()
		if err != nil {
			return err
		}
	}
}

func (c *Client) send(ws *websocket.Conn, b []byte) error {
	if err := ws.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return ws.WriteMessage(websocket.TextMessage, b)
}

package pushclient

import (
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

func (c *Client) listen(ctx context.Context, ws *websocket.Conn, frames <-chan []byte, ended <-chan error) (code int, after time.Duration, err error) {
	l := &line{acked: c.seq, every: c.o.PingEvery, renew: func(ticket string) error {
		return c.send(ws, fmt.Appendf(nil, `{"t":"auth","ticket":%q}`, ticket))
	}}
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
		case seq := <-c.read:
			if err := c.send(ws, fmt.Appendf(nil, `{"t":"read","s":%d}`, seq)); err != nil {
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

package pushclient

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// longestEvent is how long a line of an event stream may be: a frame has 64 KiB and little more.
const longestEvent = 1 << 20

// stream holds one event stream until it ends. The frames are those of a socket, one way.
func (c *Client) stream(ctx context.Context, base string) (code int, after time.Duration, err error) {
	ticket, err := c.o.Ticket(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("get a ticket: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	silence := time.AfterFunc(c.o.PongWithin, stop) // a proxy that keeps what it gets is as good as closed
	defer silence.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/push/events?"+url.Values{"ticket": {ticket}}.Encode(), nil)
	if err != nil {
		return 0, 0, errors.New("ask for an event stream: no address")
	}
	req.Header.Set("Accept", "text/event-stream")
	if c.known {
		req.Header.Set("Last-Event-ID", c.cursor())
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return 0, 0, errors.New("ask for an event stream: no answer") // the error would hold the ticket
	}
	defer answer.Body.Close() //nolint:errcheck // because it has ended one way or the other
	if answer.StatusCode != http.StatusOK {
		return answer.StatusCode, retryAfter(answer), fmt.Errorf("ask for an event stream: status %d", answer.StatusCode)
	}
	go c.markRead(ctx, base)
	l, event, data := &line{}, "", ""
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, longestEvent)
	for lines.Scan() {
		if c.stands {
			silence.Reset(c.o.Silence)
		}
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); {
		case name == "event":
			event = value
		case name == "data":
			data = value
		case name == "" && value == "" && data != "" && event == "close":
			code, _ = strconv.Atoi(data)
			return code, l.after, nil
		case name == "" && value == "" && data != "":
			if err := c.take(ctx, l, []byte(data)); err != nil {
				return 0, l.after, err
			}
			if c.stands { // from here on there is a comment every 15 s
				silence.Reset(c.o.Silence)
			}
			event, data = "", ""
		}
	}
	return 0, l.after, fmt.Errorf("the event stream has ended: %w", cmp.Or(lines.Err(), io.EOF))
}

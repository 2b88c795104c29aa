package pushclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	pollWait  = 25 * time.Second // that the server may keep a request
	pollLimit = 35 * time.Second // for a request that waits
	pollItems = 200
	pollBytes = 4 << 20
)

// errEarly ends waiting requests at a node that has nothing and does not wait: it stops, or other requests of the person
// have taken the place. Asked again at once it would answer at once again.
var errEarly = errors.New("an answer without items came early")

// A page is an answer of GET /v1/inbox.
type page struct {
	Items []struct {
		Seq        int64           `json:"seq"`
		Kind       string          `json:"kind"`
		Priority   int             `json:"priority"`
		Assignment int64           `json:"assignmentId"`
		Ref        Ref             `json:"ref"`
		Args       json.RawMessage `json:"args"`
		At         time.Time       `json:"at"`
	} `json:"items"`
	Cursor string `json:"cursor"`
	Top    int64  `json:"top"`
	Read   int64  `json:"read"`
	Reset  bool   `json:"reset"`
}

func (p page) items() []Item {
	items := make([]Item, len(p.Items))
	for i, x := range p.Items {
		items[i] = Item{Seq: x.Seq, Kind: x.Kind, Priority: x.Priority, At: x.At.UnixMilli(), Assignment: x.Assignment, Ref: x.Ref, Args: x.Args}
	}
	return items
}

// poll asks again and again, each time behind what it has, until a request fails or is answered early. The server keeps
// each until there is something.
func (c *Client) poll(ctx context.Context, base string) (code int, after time.Duration, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go c.markRead(ctx, base)
	l, read := &line{}, int64(-1)
	for {
		var p page
		q := url.Values{"limit": {strconv.Itoa(pollItems)}, "wait": {strconv.Itoa(int(pollWait.Seconds()))}}
		if c.known {
			q.Set("after", c.cursor())
		}
		asked := time.Now()
		if code, after, err := c.request(ctx, http.MethodGet, base+"/v1/inbox?"+q.Encode(), "", &p); err != nil {
			return code, after, fmt.Errorf("ask for the inbox: %w", err)
		}
		era, from, err := parseCursor(p.Cursor)
		if err != nil {
			return 0, 0, err
		}
		items := p.items()
		if len(items) > 0 {
			from = items[0].Seq - 1
		}
		begins := p.Reset || !c.known || c.era != era
		if c.era = era; !c.stands {
			c.up(p.Top)
		}
		if begins {
			c.reset(l, from)
		}
		if err := c.apply(l, items...); err != nil {
			return 0, 0, err
		}
		if read >= 0 && p.Read > read && c.o.Read != nil {
			c.o.Read(p.Read)
		}
		read = p.Read
		if len(items) == 0 && !begins && time.Since(asked) < pollWait-time.Second {
			return 0, 0, errEarly
		}
	}
}

// markRead tells the server what has been read, for ways that have no frames of the device, until ctx ends.
func (c *Client) markRead(ctx context.Context, base string) {
	for c.o.Access != nil {
		select {
		case seq := <-c.read:
			_, _, _ = c.request(ctx, http.MethodPost, base+"/v1/inbox/read", fmt.Sprintf(`{"seq":%d}`, seq), nil) // said again by whoever reads on
		case <-ctx.Done():
			return
		}
	}
}

var errNoAccess = errors.New("without a socket and its ticket an access token is needed")

// request makes one request with the access token, and reads its answer into to, unless that is nil.
func (c *Client) request(ctx context.Context, method, address, body string, to any) (code int, after time.Duration, err error) {
	if c.o.Access == nil {
		return 0, 0, errNoAccess
	}
	access, err := c.o.Access(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("get an access token: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, pollLimit)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+access)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer answer.Body.Close() //nolint:errcheck // because it is only read
	if answer.StatusCode != http.StatusOK {
		return answer.StatusCode, retryAfter(answer), fmt.Errorf("status %d", answer.StatusCode)
	}
	if to == nil {
		return answer.StatusCode, 0, nil
	}
	return 0, 0, json.NewDecoder(io.LimitReader(answer.Body, pollBytes)).Decode(to)
}

// requests are made with what stands in o, and follow nobody elsewhere: they hold a token.
func requests(o Options) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DialContext: o.Dial, TLSHandshakeTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// retryAfter is how long an answer asks to stay away; 0: as usual.
func retryAfter(answer *http.Response) time.Duration {
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After")) // none: as usual
	return time.Duration(seconds) * time.Second
}

package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A client is one connection that sends a request when the one before has been answered. It is written out by hand
// since it shares two cores with what it measures.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte

	who, left int // whose phone it is, and for how many calls still
}

func dial(ctx context.Context, address string) (*client, error) {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}, nil
}

// A call is a request.
type call struct {
	method, path string
	from         int // which person's address
	token, key   string
	body         []byte
}

// do sends c and returns the body of a good answer.
func (k *client) do(c call) ([]byte, error) {
	b := append(k.out[:0], c.method...)
	b = append(b, ' ')
	b = append(b, c.path...)
	b = append(b, " HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Wanjia-Client: mini/bench\r\nX-Forwarded-For: "...)
	b = append(b, addressOf(c.from)...)
	for _, h := range [][2]string{{"Authorization: Bearer ", c.token}, {"Idempotency-Key: ", c.key}} {
		if h[1] != "" {
			b = append(b, "\r\n"...)
			b = append(b, h[0]...)
			b = append(b, h[1]...)
		}
	}
	if c.body != nil {
		b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(c.body)), 10)
	}
	b = append(b, "\r\n\r\n"...)
	k.out = append(b, c.body...)
	if err := k.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	if _, err := k.conn.Write(k.out); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(k.in, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // because it has been read to its end
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s answers %d: %s", c.method, c.path, res.StatusCode, body)
	}
	return body, err
}

// addressOf is where the n-th person calls from, out of a network that is set aside for measuring (RFC 2544).
func addressOf(n int) string {
	return fmt.Sprintf("198.%d.%d.%d", 18+n>>16&1, n>>8&255, n&255)
}

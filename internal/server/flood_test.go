package server

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// R16 with 300 sockets and limits of time a tenth as long; the whole is run by night.
func TestR16_HugeAndSlowRequestsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	s := httptest.NewUnstartedServer(nil)
	s.Config = Listener(newEdge(t, nil).echo, slog.New(slog.DiscardHandler))
	s.Config.ReadHeaderTimeout, s.Config.ReadTimeout, s.Config.IdleTimeout = 500*time.Millisecond, 1500*time.Millisecond, time.Second
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateClosed || state == http.StateHijacked {
			delete(open, c)
		} else {
			open[c] = true
		}
	}
	s.Start()
	defer s.Close()
	address := s.Listener.Addr().String()

	send := func(text string) string {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		go func() { _, _ = io.WriteString(c, text) }() // the server may stop reading
		b := make([]byte, 64)
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _ := io.ReadAtLeast(c, b, len("HTTP/1.1 413"))
		return string(b[:n])
	}
	const head = "POST /v1/visits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer area_holder\r\nIdempotency-Key: 0123456789abcdef\r\nContent-Type: application/json\r\n"
	huge := strings.Repeat("a", 2<<20)
	for what, c := range map[string]struct{ text, want string }{
		"2 MiB of body":          {head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(huge)) + huge, "HTTP/1.1 413"},
		"2 MiB of body, chunked": {head + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(huge)) + huge + "\r\n0\r\n\r\n", "HTTP/1.1 413"},
		"2 MiB of header":        {"GET /v1/open HTTP/1.1\r\nHost: x\r\nX-Much: " + huge + "\r\n\r\n", "HTTP/1.1 431"},
		"a slow body":            {head + "Content-Length: 20\r\n\r\n{", "HTTP/1.1 408"},
	} {
		if got := send(c.text); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %s", what, got, c.want)
		}
	}

	var slow []net.Conn
	defer func() {
		for _, c := range slow {
			_ = c.Close()
		}
	}()
	for i := range 300 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
		text := []string{"", "GET /v1/open HTTP/1.1\r\nHost: x\r\nX-Slow: ", head + "Content-Length: 20\r\n\r\n{"}[i%3]
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // others are served meanwhile
		res, err := s.Client().Get(s.URL + "/v1/open")
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusNoContent {
			t.Errorf("a good request beside them: %d", res.StatusCode)
		}
	}
	s.Client().CloseIdleConnections()
	for end := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		mu.Lock()
		left := len(open)
		mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d of 300 slow sockets are left after 10 s", left)
		}
	}
}

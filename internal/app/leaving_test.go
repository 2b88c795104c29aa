package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"wanjia/internal/config"
)

// ready is what /readyz of the node at admin answers.
func ready(t *testing.T, admin string) (status int, said string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/readyz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestR13_ANodeThatStopsIsNotReadyWhileWhatIsUnderWayEnds(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = t.TempDir()
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	serves, ended := make(chan [2]string, 1), make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(public, admin string) { serves <- [2]string{public, admin} }) }()
	at := <-serves
	if status, said := ready(t, at[1]); status != http.StatusOK {
		t.Fatalf("before: %d %s", status, said)
	}
	half, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := half.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(half, text); err != nil {
			t.Fatal(err)
		}
	}
	const body = `{"code": "nobody's"}`
	send(fmt.Sprintf("POST /v1/auth/wechat HTTP/1.1\r\nHost: wanjia.test\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)))
	said := bufio.NewReader(half)
	// What is only in the queue of the listener is not under way, and nobody waits for it: so the node asks for more first.
	if line, err := said.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("a request without its body: %q (%v), want that it goes on", line, err)
	}
	if line, err := said.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("after it goes on: %q (%v)", line, err)
	}
	stop()
	status, why := 0, ""
	for end := time.Now().Add(10 * time.Second); status != http.StatusServiceUnavailable && time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		status, why = ready(t, at[1])
	}
	if status != http.StatusServiceUnavailable || !strings.Contains(why, "about to stop") {
		t.Errorf("while a request is under way: %d %s, want that it is about to stop", status, why)
	}
	send(body)
	res, err := http.ReadResponse(said, nil)
	if err != nil {
		t.Fatalf("what was under way is not answered: %v", err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("what was under way is answered %d (%v), want that it is read and refused", res.StatusCode, err)
	}
	if err := half.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

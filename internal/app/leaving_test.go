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

// serving is a node that serves: it and where it does, how it is asked to stop, and how it ended.
func serving(t *testing.T) (a *App, at [2]string, stop func(), ended <-chan error) {
	t.Helper()
	c := config.Default()
	c.Data = t.TempDir()
	c.Listen.Public, c.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a.parting.within = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	serves, end := make(chan [2]string, 1), make(chan error, 1)
	go func() { end <- a.Serve(ctx, func(public, admin string) { serves <- [2]string{public, admin} }) }()
	t.Cleanup(func() {
		stop()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, <-serves, stop, end
}

// R13: whoever distributes requests asks now and then, and believes it after a few times. Until then they go on sending.
func TestR13_ANodeThatStopsAnswersUntilThoseWhoAskHaveNoticed(t *testing.T) {
	t.Parallel()
	_, at, stop, ended := serving(t)
	for range 2 {
		if status, said := ready(t, at[1]); status != http.StatusOK {
			t.Fatalf("before: %d %s", status, said)
		}
	}
	stop()
	for end, told := time.Now().Add(time.Minute), 0; told < toldOften-1; {
		if status, _ := ready(t, at[1]); status == http.StatusServiceUnavailable {
			told++
		}
		if time.Now().After(end) {
			t.Fatal("a node that stops says that it is ready")
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+at[0]+"/v1/version", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("a node that nobody knows to stop does not answer: %v", err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("a node that nobody knows to stop answers %d (%v)", res.StatusCode, err)
	}
	if status, _ := ready(t, at[1]); status != http.StatusServiceUnavailable {
		t.Errorf("told for the last time: %d", status)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// Where nobody asks, or somebody asked once, there is nobody to wait for; nor for longer than R13 lets a node take.
func TestANodeThatStopsWaitsForNobodyWhoDoesNotAsk(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 11, 1, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		asked int
		ago   time.Duration
		waits bool
	}{
		"nobody": {0, 0, false}, "once": {1, 0, false}, "again and again": {2, 30 * time.Second, true}, "long ago": {5, 31 * time.Second, false},
	} {
		at := now
		p := newParting(func() time.Time { return at })
		p.within = time.Hour
		for range c.asked {
			if err := p.ready(t.Context()); err != nil {
				t.Fatalf("%s: %v before it stops", name, err)
			}
		}
		at = now.Add(c.ago)
		over, end := context.WithCancel(t.Context())
		wait, returned := p.begin(), make(chan struct{})
		if !c.waits {
			wait(over)
			end()
			continue
		}
		go func() { defer close(returned); wait(over) }()
		for n := range toldOften {
			select {
			case <-returned:
				t.Errorf("%s: it waited until it was told %d times only", name, n)
			default:
			}
			if err := p.ready(t.Context()); err == nil {
				t.Errorf("%s: ready while it stops", name)
			}
		}
		<-returned
		if err := p.ready(t.Context()); err == nil {
			t.Errorf("%s: ready in the end", name)
		}
		end()
	}
	if partWithin >= drainTime/2 {
		t.Errorf("%v of %v are for nobody but those who ask", partWithin, drainTime)
	}
}

func TestR13_ANodeThatStopsIsNotReadyWhileWhatIsUnderWayEnds(t *testing.T) {
	t.Parallel()
	_, at, stop, ended := serving(t)
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
	for range toldOften - 1 { // if the node was asked once more before it began to stop, it waits until whoever asks has noticed
		ready(t, at[1])
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
}

package push

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"wanjia/internal/platform/kv/kvtest"
	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/watch"
)

// A counter lets devices show tickets, and counts those that somebody was asked about.
type counter struct {
	*line
	asked  int
	guards map[string][]int64 // when tickets that are none were shown
}

// most is how many tickets that are none an address may show in guessesFor.
const most = 40

// guess is a limiter that slides.
func (c *counter) guess(ctx context.Context, subject string, n int) time.Duration {
	if ctx.Err() != nil { // Redis is not asked for anybody who has left
		return 0
	}
	now := c.now()
	shown := slices.DeleteFunc(c.guards[subject], func(at int64) bool { return now-at >= guessesFor.Milliseconds() })
	switch {
	case n < 0:
		shown = shown[:len(shown)-1]
	case len(shown) == most:
		return time.Second
	default:
		shown = append(shown, now)
	}
	c.guards[subject] = shown
	return 0
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{line: newLine(t, kvtest.New(t)), guards: map[string][]int64{}}
	c.o.Guess = c.guess
	redeem := c.o.Redeem
	c.o.Redeem = func(ctx context.Context, ticket string) (Session, error) {
		c.asked++
		if err := ctx.Err(); err != nil {
			return Session{}, err
		}
		return redeem(ctx, ticket)
	}
	return c
}

// show shows a ticket n times from an address, and says how many were redeemed, were none, and were too many.
func (c *counter) show(t *testing.T, address, ticket string, n int) (good, none, late int) {
	t.Helper()
	from := watch.WithCaller(t.Context(), watch.Caller{Address: netip.MustParseAddr(address)})
	for range n {
		_, err := c.redeem(httptest.NewRequestWithContext(from, http.MethodGet, "/v1/push?ticket="+ticket, nil))
		p, _ := errors.AsType[*problem.Problem](err)
		switch {
		case err == nil:
			good++
		case errors.Is(err, ErrTicket):
			none++
		case errors.Is(err, problem.ErrTooMany) && p.After > 0:
			late++
		default:
			t.Errorf("a ticket is answered with %v", err)
		}
	}
	return good, none, late
}

// L2: whoever makes tickets up is refused without a question to anybody, and no device for it but at that address.
func TestWhoShowsManyTicketsThatAreNoneIsRefused(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	if good, _, _ := c.show(t, "192.0.2.1", "good", 3*most); good != 3*most {
		t.Errorf("%d of %d good tickets of an office are taken", good, 3*most)
	}
	c.asked = 0
	if _, none, late := c.show(t, "192.0.2.1", "bad", most+50); none != most || late != 50 || c.asked != most+1 {
		t.Errorf("%d were none, %d too many, after %d questions; want %d, 50 and one question more", none, late, c.asked, most)
	}
	if good, _, late := c.show(t, "192.0.2.1", "good", 3); good != 0 || late != 3 {
		t.Errorf("of tickets of which nobody knows whether Redis has them %d are good and %d too many", good, late)
	}
	c.o.Known = func(ctx context.Context, ticket string) (Session, error) { return c.o.Redeem(ctx, ticket) }
	if good, none, late := c.show(t, "192.0.2.1", "good", 3); good != 3 {
		t.Errorf("of good tickets of an address at which others guess %d are good, %d none and %d too many, want all good", good, none, late)
	}
	if _, _, late := c.show(t, "192.0.2.1", "bad", 3); late != 3 {
		t.Errorf("%d guesses are too many, want all", late)
	}
	c.o.Known = nil
	if good, _, _ := c.show(t, "192.0.2.2", "good", 1); good != 1 {
		t.Error("another address waits, too")
	}
	if good, none, late := c.show(t, "2001:db8::1", "bad", most+1); good != 0 || none != most || late != 1 {
		t.Errorf("of a household %d were none and %d too many", none, late)
	}
	if _, _, late := c.show(t, "2001:db8::2:1", "bad", 1); late != 1 {
		t.Error("a household has a limit for each of its addresses")
	}
	c.pass(t, guessesFor/2)
	c.show(t, "192.0.2.1", "bad", 1)
	c.pass(t, guessesFor/2) // there is room, the address guessed half a minute ago, and what is good takes none of it
	if good, _, _ := c.show(t, "192.0.2.1", "good", 3*most); good != 3*most {
		t.Errorf("%d of %d good tickets of an address that guessed are taken", good, 3*most)
	}
	c.asked = 0
	if _, none, late := c.show(t, "192.0.2.1", "bad", most+50); none != most || late != 50 || c.asked != most {
		t.Errorf("a minute later %d were none and %d too many, after %d questions; want %d, 50 and none more", none, late, c.asked, most)
	}
	if _, err := c.redeem(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/push?ticket=nobody+knows", nil)); !errors.Is(err, errAway) {
		t.Errorf("a ticket that nobody can look for is answered with %v", err)
	}
	c.pass(t, guessesFor+time.Second)
	if c.guesses.suspects("a192.0.2.1", c.now()) {
		t.Error("an address is suspected for ever")
	}
	for i := range int64(guessesKept + 1) {
		c.guesses.note(strings.Repeat("a", int(i%7))+time.UnixMilli(i).String(), c.now())
	}
	if n := len(c.guesses.last); n > guessesKept {
		t.Errorf("%d addresses are kept", n)
	}
}

// Whoever leaves before the answer has guessed all the same, before they are suspected and after; and with a good ticket not.
func TestWhoShowsATicketAndLeavesHasGuessed(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	left, leave := context.WithCancel(t.Context())
	leave()
	leaves := func(ticket string, n int) (late int) {
		from := watch.WithCaller(left, watch.Caller{Address: netip.MustParseAddr("192.0.2.1")})
		for range n {
			if _, err := c.redeem(httptest.NewRequestWithContext(from, http.MethodGet, "/v1/push?ticket="+ticket, nil)); errors.Is(err, problem.ErrTooMany) {
				late++
			}
		}
		return late
	}
	if late := leaves("good", most+1); late > 0 || len(c.guards["a192.0.2.1"]) > 0 {
		t.Errorf("%d good tickets are too many, and %d count", late, len(c.guards["a192.0.2.1"]))
	}
	if late := leaves("bad", most+5); late != 5 {
		t.Errorf("%d guesses are too many, want 5", late)
	}
	c.pass(t, guessesFor/2)
	c.asked = 0
	if late := leaves("bad", most); late != most || c.asked > 0 {
		t.Errorf("of an address that guessed %d are too many after %d questions, want all and none", late, c.asked)
	}
	c.pass(t, guessesFor/2)
	if late := leaves("bad", most+5); late != 5 {
		t.Errorf("a minute later %d guesses are too many, want 5", late)
	}
}

// Sockets and streams are refused alike: 429, before anything is opened.
func TestTooManyTicketsAreRefusedBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	for range most {
		c.guess(t.Context(), watch.Subject(netip.Addr{}), 1)
	}
	if ws, status := c.dial("ticket=bad"); ws != nil || status != http.StatusTooManyRequests {
		t.Errorf("a socket is answered with %d, want 429", status)
	}
	res, err := http.Get(c.url + "/v1/push/events?ticket=bad")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // nothing of it is read
	if res.StatusCode != http.StatusTooManyRequests || c.asked != 1 {
		t.Errorf("a stream is answered with %d after %d questions, want 429 and none more than the first", res.StatusCode, c.asked)
	}
}

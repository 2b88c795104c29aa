package push

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"wanjia/internal/platform/problem"
	"wanjia/internal/platform/watch"
)

// guesses are the addresses that showed more tickets which are none than an address may, with when that was. From there on
// each that they show is counted before anybody is asked about it, and put back if it is good: as long as they have not, who
// shows a good one costs nothing.
type guesses struct {
	mu   sync.Mutex
	last map[string]int64 // Unix ms
}

const (
	guessesFor  = time.Minute
	guessesKept = 10_000 // beyond it all are forgotten, and found again one by one
	redeemTime  = 5 * time.Second
)

func (g *guesses) note(address string, now int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil || len(g.last) >= guessesKept {
		g.last = map[string]int64{}
	}
	g.last[address] = now
}

// suspects says whether address guessed lately.
func (g *guesses) suspects(address string, now int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, there := g.last[address]
	if there && now-last >= guessesFor.Milliseconds() {
		delete(g.last, address)
		return false
	}
	return there
}

// redeem is the session that the ticket of r was made for. Whoever shows many that are none is refused, and SQL is not asked
// for a ticket. Devices share an address with others, so good ones are not counted, and those that Redis has are good while
// others at their address guess. The question is answered whether or not whoever asked is still there, or it would be asked
// without end by those who do not wait.
func (h *Hub) redeem(r *http.Request) (Session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), redeemTime)
	defer cancel()
	ticket := r.URL.Query().Get("ticket")
	if h.o.Guess == nil {
		return h.o.Redeem(ctx, ticket)
	}
	address := watch.Subject(watch.CallerFrom(ctx).Address)
	suspected := h.guesses.suspects(address, h.now())
	if suspected {
		if late := h.guessed(ctx, address); late != nil {
			return h.known(ctx, ticket, late)
		}
	}
	s, err := h.o.Redeem(ctx, ticket)
	switch none := errors.Is(err, ErrTicket); {
	case suspected && !none:
		h.o.Guess(ctx, address, -1) // it was good
	case none && !suspected:
		if late := h.guessed(ctx, address); late != nil {
			return Session{}, late
		}
	}
	return s, err
}

// known is the session that a ticket was made for which Redis has, and else that it comes too late.
func (h *Hub) known(ctx context.Context, ticket string, late error) (Session, error) {
	if h.o.Known == nil {
		return Session{}, late
	}
	s, err := h.o.Known(ctx, ticket)
	if errors.Is(err, ErrTicket) {
		err = late
	}
	return s, err
}

// guessed counts a ticket of address that is none, or may be none, and says whether there were too many.
func (h *Hub) guessed(ctx context.Context, address string) error {
	wait := h.o.Guess(ctx, address, 1)
	if wait == 0 {
		return nil
	}
	h.guesses.note(address, h.now())
	return problem.ErrTooMany.RetryAfter(wait + time.Duration(spread())*time.Millisecond)
}

package wechat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// early is how long before its end a token is no longer used.
const early = 10 * time.Minute

// A Token is the app's access token.
type Token struct {
	Value     string
	ExpiresAt time.Time
}

// good says whether t can still be used at now.
func (t Token) good(now time.Time) bool {
	return t.Value != "" && now.Before(t.ExpiresAt.Add(-early))
}

// Shared is where the nodes of a deployment share one token. The platform's stable token is the same for
// whoever asks without force, so a node that cannot reach the others fetches it and harms nobody (W7).
type Shared struct {
	// Turn takes the turn to fetch and returns what gives it back unused; nil when another node has it. A turn ends with
	// Save, or by itself.
	Turn func(ctx context.Context) (leave func(context.Context) error, err error)
	Load func(ctx context.Context) (Token, error) // the zero Token if there is none
	Save func(ctx context.Context, t Token) error
	Drop func(ctx context.Context, value string) error // only if value is still the one kept
}

// A keeper keeps the token of one app: in the process, shared, and from the platform, in this order.
type keeper struct {
	fetch   func(ctx context.Context) (Token, error)
	now     func() time.Time
	shared  Shared
	flight  singleflight.Group
	fetches atomic.Int64

	mu      sync.Mutex
	kept    Token
	dropped time.Time // when a token was last found to be stale
}

// token is a token that is good now. Any number of callers at once make one fetch.
func (k *keeper) token(ctx context.Context) (string, error) {
	k.mu.Lock()
	kept := k.kept
	k.mu.Unlock()
	if kept.good(k.now()) {
		return kept.Value, nil
	}
	// The one who fetches does so for all, so its own caller's leaving must not fail the others, and a caller who has no
	// more time does not wait for the others' sake.
	fetched := k.flight.DoChan("token", func() (any, error) { return k.renew(context.WithoutCancel(ctx), 0) })
	select {
	case f := <-fetched:
		if f.Err != nil {
			return "", f.Err
		}
		return f.Val.(string), ctx.Err() //nolint:forcetypeassert // because renew returns a string
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ahead is how long before anybody needs it the token is fetched by the node that sees to it.
const ahead = time.Minute

// refresh fetches the token if it will not be good in a while. One node of all calls it now and then.
func (k *keeper) refresh(ctx context.Context) error {
	_, err, _ := k.flight.Do("token", func() (any, error) { return k.renew(context.WithoutCancel(ctx), ahead) })
	return err
}

// The waiting for a node that has its turn: as long as its call may take, and a little more.
const (
	lookAgain = 100 * time.Millisecond
	mostLooks = 60
)

// renew is a token that is good for a while yet. Of all nodes one fetches it and the others wait for it; who cannot learn
// whose turn it is fetches alone, which costs a fetch and no message.
func (k *keeper) renew(ctx context.Context, margin time.Duration) (any, error) {
	var leave func(context.Context) error
	for look := 0; ; look++ {
		if t, good := k.find(ctx, margin); good {
			return t.Value, nil
		}
		if k.shared.Turn == nil || look == mostLooks {
			break
		}
		var err error
		if leave, err = k.shared.Turn(ctx); leave != nil || err != nil {
			break
		}
		timer := time.NewTimer(lookAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		}
	}
	if t, good := k.find(ctx, margin); good { // fetched between our look and our turn
		if leave != nil {
			_ = leave(ctx) // or it ends by itself
		}
		return t.Value, nil
	}
	k.fetches.Add(1)
	t, err := k.fetch(ctx)
	if err != nil {
		return "", err
	}
	if !t.good(k.now()) {
		// Five minutes before its end the platform still gives out the old token; half of what is left is ours.
		left := t.ExpiresAt.Sub(k.now())
		t.ExpiresAt = k.now().Add(left/2 + early)
	}
	k.keep(t)
	if k.shared.Save != nil {
		_ = k.shared.Save(ctx, t)
	}
	return t.Value, nil
}

// find is the token that is good for a while yet, if this process or another has one.
func (k *keeper) find(ctx context.Context, margin time.Duration) (Token, bool) {
	at := k.now().Add(margin)
	k.mu.Lock()
	kept := k.kept
	k.mu.Unlock()
	if kept.good(at) {
		return kept, true
	}
	if k.shared.Load == nil {
		return Token{}, false
	}
	t, err := k.shared.Load(ctx) // a place to share that is away costs a fetch and no message
	if err != nil || !t.good(at) {
		return Token{}, false
	}
	k.keep(t)
	return t, true
}

func (k *keeper) keep(t Token) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = t
}

// FreshToken is how long a token that has taken the place of a stale one is kept whatever the platform says of it: as long as it
// gives out the same one and does not take it, another fetch helps nobody.
const FreshToken = 30 * time.Second

// drop forgets value, unless a newer token has taken its place meanwhile, and says whether there is another to be had.
func (k *keeper) drop(ctx context.Context, value string) bool {
	k.mu.Lock()
	now := k.now()
	ours := k.kept.Value == value
	if ours && now.Before(k.dropped.Add(FreshToken)) {
		k.mu.Unlock()
		return false
	}
	if ours {
		k.kept, k.dropped = Token{}, now
	}
	k.mu.Unlock()
	if ours && k.shared.Drop != nil {
		_ = k.shared.Drop(ctx, value)
	}
	return true
}

// RefreshToken fetches the token a while before anybody needs it. One node of all is to call it every few seconds.
func (c *Client) RefreshToken(ctx context.Context) error { return c.keeper.refresh(ctx) }

// TokenFetches is how often the token was fetched from the platform since the start.
func (c *Client) TokenFetches() int64 { return c.keeper.fetches.Load() }

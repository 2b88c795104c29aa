package notify

import (
	"sync"
	"time"

	"wanjia/internal/platform/wechat"
)

// away notes how long WeChat has not said a word. Then one message at a time tries, and the others keep their tries: an
// hour in which WeChat is away would otherwise end them all.
type away struct {
	mu     sync.Mutex
	silent int
	until  time.Time
	since  time.Time // when WeChat began to refuse every token; zero: it takes them
}

// staleMost is how long WeChat may refuse the tokens that it gives out, before somebody is to look.
const staleMost = time.Minute

// stale is how long it has refused them.
func (a *away) stale(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return 0
	}
	return now.Sub(a.since)
}

// room is how many messages may go now.
func (a *away) room(now time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.silent < manyAway:
		return sendLoad
	case now.Before(a.until):
		return 0
	}
	return 1
}

// heard notes how a message went. Any word of WeChat's own shows that it is there, but that it does not take our token: that it
// says to every message alike.
func (a *away) heard(c wechat.Class, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch c {
	case wechat.TokenStale:
		if a.since.IsZero() {
			a.since = now
		}
	case wechat.Transient, wechat.Unknown, wechat.Garbled:
	default:
		a.silent, a.since = 0, time.Time{}
		return
	}
	a.silent++
	if over := a.silent - manyAway; over >= 0 {
		a.until = now.Add(min(awayFirst<<min(over, 4), awayMost))
	}
}

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

// heard notes how a message went. Any word of WeChat's own shows that it is there.
func (a *away) heard(c wechat.Class, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c != wechat.Transient && c != wechat.Unknown && c != wechat.Garbled {
		a.silent = 0
		return
	}
	a.silent++
	if over := a.silent - manyAway; over >= 0 {
		a.until = now.Add(min(awayFirst<<min(over, 4), awayMost))
	}
}

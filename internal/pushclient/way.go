package pushclient

import (
	"math/rand/v2"
	"time"
)

// failures in a row send a device to the next way.
const failures = 3

// A choice is by which way a device comes. A way that has failed three times in a row gives way to the next one, the
// last to the first: there a network may be down, and not a way closed. Who goes on by a worse way tries the best again
// after a while, once, and goes on as before when that fails.
type choice struct {
	ways   []Way
	every  time.Duration // 0: five minutes or so
	at     int           // in ways
	proven int           // the way by which something came last
	failed int           // in a row
	trying bool          // the best way is tried again
	again  time.Time     // when it is to be
}

// now is the way to try, and when to leave it for the best.
func (c *choice) now() (Way, time.Time) {
	if c.at > 0 && !time.Now().Before(c.again) {
		c.at, c.trying = 0, true
	}
	if c.at == 0 {
		return c.ways[0], time.Now().AddDate(1, 0, 0) // there is no better one
	}
	return c.ways[c.at], c.again
}

// ended notes that a connection has ended, and whether it had stood.
func (c *choice) ended(stood bool) {
	if stood {
		c.proven, c.failed, c.trying = c.at, 0, false
		return
	}
	c.failed++
	best := c.at == 0
	switch {
	case c.trying:
		c.at = c.proven
	case c.failed >= failures:
		c.at = (c.at + 1) % len(c.ways)
	default:
		return
	}
	c.failed, c.trying = 0, false
	if best {
		c.again = time.Now().Add(c.pause())
	}
}

func (c *choice) pause() time.Duration {
	if c.every > 0 {
		return c.every
	}
	return 4*time.Minute + rand.N(2*time.Minute) //nolint:gosec // because jitter is no secret
}

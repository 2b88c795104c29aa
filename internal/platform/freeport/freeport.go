// Package freeport finds ports of 127.0.0.1 for servers that tests and benchmarks start, kill and start again.
package freeport

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports below the range from which Linux takes the near ends of outgoing connections (ip_local(7):
// ip_local_port_range, 32768 and up). A port from there could be somebody's near end by the time its server starts, or
// while its server is dead.
const (
	first = 20000
	last  = 32000
	tries = 1000
)

var (
	mu    sync.Mutex
	given = map[int]bool{}
)

// Find is a port that nobody listens on, which no outgoing connection takes and which it has given to nobody else in this
// process.
func Find(ctx context.Context) (string, error) {
	mu.Lock()
	defer mu.Unlock()
	for range tries {
		port := first + rand.IntN(last-first) //nolint:gosec,forbidigo // because it need not be secret
		if given[port] {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue // somebody has it
		}
		given[port] = true
		if err := l.Close(); err != nil {
			return "", fmt.Errorf("let go of port %d: %w", port, err)
		}
		return strconv.Itoa(port), nil
	}
	return "", fmt.Errorf("no port of %d to %d is free", first, last)
}

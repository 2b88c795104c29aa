package kv

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// An embedded Redis lives in this process and has no port: its connections are pipes.
type embedded struct {
	server *miniredis.Miniredis
	done   chan struct{}
	wg     sync.WaitGroup
}

func startEmbedded() (*embedded, error) {
	e := &embedded{server: miniredis.NewMiniRedis(), done: make(chan struct{})}
	first, err := e.server.Dial() // starts it without a listener
	if err != nil {
		return nil, err
	}
	if err := first.Close(); err != nil {
		return nil, err
	}
	e.wg.Go(e.tick)
	return e, nil
}

// tick lets time pass: keys end only when it is told to.
func (e *embedded) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			e.server.FastForward(time.Second)
		case <-e.done:
			return
		}
	}
}

func (e *embedded) stop() {
	close(e.done)
	e.wg.Wait()
	e.server.Close()
}

func (e *embedded) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	e.server.Server().ServeConn(queueWrites(theirs))
	return ours, nil
}

// A queued connection never keeps its writer waiting. A bare pipe has no buffer: a client that is still
// writing a long pipeline and a server that is already answering would wait for each other.
type queued struct {
	net.Conn
	mu     sync.Mutex
	more   sync.Cond
	buf    []byte
	closed bool
}

func queueWrites(c net.Conn) *queued {
	q := &queued{Conn: c}
	q.more.L = &q.mu
	go q.drain()
	return q
}

func (q *queued) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, net.ErrClosed
	}
	q.buf = append(q.buf, p...)
	q.more.Signal()
	return len(p), nil
}

func (q *queued) Close() error {
	q.mu.Lock()
	q.closed = true
	q.more.Signal()
	q.mu.Unlock()
	return q.Conn.Close()
}

func (q *queued) drain() {
	var out []byte
	for {
		q.mu.Lock()
		for len(q.buf) == 0 && !q.closed {
			q.more.Wait()
		}
		if q.closed {
			q.mu.Unlock()
			return
		}
		out, q.buf = q.buf, out[:0]
		q.mu.Unlock()
		if _, err := q.Conn.Write(out); err != nil {
			_ = q.Close() // the other end has gone
			return
		}
	}
}

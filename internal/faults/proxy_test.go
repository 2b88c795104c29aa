package faults

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// A proxy is the way from a node to a server, on which something can go wrong.
type proxy struct {
	target   string
	listener net.Listener

	mu     sync.Mutex
	still  chan struct{} // closed when what is held may go on; nil: nothing is held
	deaf   bool          // what a subscription brings gets lost
	slow   time.Duration // an answer comes so much later, and by up to as much again
	tears  float64       // how likely a connection breaks with the answer to a call
	torn   int
	wires  map[*wire]bool
	ending bool
}

// A wire is one connection through a proxy.
type wire struct {
	near, far  net.Conn
	subscribes bool // it has asked Redis for a subscription
}

func (x *wire) cut() {
	_ = x.near.Close()
	if x.far != nil {
		_ = x.far.Close()
	}
}

// newProxy is a way to the server at target, free as yet.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listener: l, wires: map[*wire]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.carry(&wire{near: c}) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.ending = true
		p.mu.Unlock()
		p.cut()
		p.hold(false)
		all.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// hold lets nothing through in either direction, as when a cable is out: nobody is told. What waits goes on when it is
// over.
func (p *proxy) hold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.still == nil:
		p.still = make(chan struct{})
	case !on && p.still != nil:
		close(p.still)
		p.still = nil
	}
}

// deafen lets what subscriptions bring get lost, and nothing else.
func (p *proxy) deafen(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = on
}

// hinder makes answers late and some of them get lost together with their connection.
func (p *proxy) hinder(slow time.Duration, tears float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow, p.tears = slow, tears
}

// cut breaks all connections that there are.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for x := range p.wires {
		x.cut()
	}
}

// carry carries x until either end has had enough.
func (p *proxy) carry(x *wire) {
	defer x.cut()
	p.mu.Lock()
	still, ending := p.still, p.ending
	p.wires[x] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.wires, x)
	}()
	if still != nil {
		<-still
	}
	if ending {
		return
	}
	far, err := net.DialTimeout("tcp", p.target, time.Second)
	if err != nil {
		return
	}
	p.mu.Lock()
	x.far = far
	p.mu.Unlock()
	var back sync.WaitGroup
	back.Go(func() {
		defer x.cut()
		p.copy(x, x.near, far, true)
	})
	p.copy(x, far, x.near, false)
	x.cut()
	back.Wait()
}

func (p *proxy) copy(x *wire, to io.Writer, from io.Reader, answers bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil || !p.pass(x, b[:n], answers) {
			return
		}
		if b, ok := p.kept(x, b[:n], answers); ok {
			if _, err := to.Write(b); err != nil {
				return
			}
		}
	}
}

// pass waits until some bytes may go on, and says whether the connection still stands then.
func (p *proxy) pass(x *wire, b []byte, answers bool) bool {
	p.mu.Lock()
	still, slow, tears := p.still, p.slow, p.tears
	if !answers && bytes.Contains(bytes.ToLower(b[:min(len(b), 64)]), []byte("subscribe")) {
		x.subscribes = true
	}
	p.mu.Unlock()
	if still != nil {
		<-still
	}
	if !answers {
		return true
	}
	if slow > 0 {
		<-time.After(slow + rand.N(slow))
	}
	if rand.Float64() < tears {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.torn++
		return false
	}
	return true
}

// kept are the bytes that do not get lost.
func (p *proxy) kept(x *wire, b []byte, answers bool) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b, !answers || !p.deaf || !x.subscribes
}

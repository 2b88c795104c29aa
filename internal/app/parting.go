package app

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How a node that stops is noticed by what distributes requests among the nodes: it goes on answering until whoever asks
// again and again whether it is ready has been told a few times that it is not, and not for much longer.
const (
	askedLately = 30 * time.Second // who asked twice, and last so long ago, asks again
	toldOften   = 3                // most of them believe it then
	partWithin  = 6 * time.Second
)

// errStopping is what they are told.
var errStopping = errors.New("this node is about to stop")

// A parting is a node that may be about to stop.
type parting struct {
	now    func() time.Time
	within time.Duration

	mu    sync.Mutex
	begun bool
	asked int       // times that somebody was told that the node is ready
	last  time.Time // when
	told  int       // times that somebody was told that it is not any more
	heard chan struct{}
}

func newParting(now func() time.Time) *parting {
	return &parting{now: now, within: partWithin, heard: make(chan struct{})}
}

// ready answers whoever asks whether requests may be sent here.
func (p *parting) ready(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		p.asked++
		p.last = p.now()
		return nil
	}
	if p.told++; p.told == toldOften {
		close(p.heard)
	}
	return errStopping
}

// begin lets the node be ready no more. Wait returns when those who ask have noticed, at once where nobody does, and
// when ctx ends.
func (p *parting) begin() (wait func(ctx context.Context)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = true
	if p.asked < 2 || p.now().Sub(p.last).Abs() > askedLately {
		return func(context.Context) {}
	}
	late := time.NewTimer(p.within)
	return func(ctx context.Context) {
		defer late.Stop()
		select {
		case <-p.heard:
		case <-late.C:
		case <-ctx.Done():
		}
	}
}

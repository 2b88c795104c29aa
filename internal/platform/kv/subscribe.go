package kv

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	namesACall  = 512    // names in one SUBSCRIBE
	messageRoom = 10_000 // messages waiting for the handler
)

// A Subscription hears what is published to channels that come and go. One connection serves all of them;
// on a cluster there is one a shard, since a name is served by the master of its slot only.
//
// What it hears is a hint: messages are lost whenever Redis or the connection is. Resumed says when that
// may have happened.
type Subscription struct {
	k       *KV
	heard   func(channel Key, message string)
	resumed func(shard int)

	mu     sync.Mutex
	lines  map[int]*line
	closed bool
	wg     sync.WaitGroup
}

// A line is one pub/sub connection, with the one goroutine that changes what it listens to.
type line struct {
	s       *Subscription
	first   string // what a cluster's line listens to before all else: it chooses the master
	wake    chan struct{}
	done    chan struct{}
	mu      sync.Mutex
	pubsub  *redis.PubSub
	names   map[string]*listened
	parting map[string]int // names that we asked Redis to end over this connection, and how often
	changes []change
	last    map[int]time.Time // when resumed was last said, by shard
}

type listened struct {
	key       Key
	confirmed chan struct{} // closed when Redis has said so
	once      sync.Once
}

type change struct {
	name string
	add  bool
}

// Subscribe begins a Subscription with no channels. Heard is called for each message, one at a time a
// connection, and must not block; resumed when shard's channels were lost and are heard again.
func (k *KV) Subscribe(heard func(channel Key, message string), resumed func(shard int)) *Subscription {
	return &Subscription{k: k, heard: heard, resumed: resumed, lines: map[int]*line{}}
}

// Add listens to channels too. It returns when Redis has confirmed them all; ErrAway says that this has
// not happened yet, and they are listened to as soon as Redis is back.
func (s *Subscription) Add(ctx context.Context, channels ...Key) error {
	var wait []*listened
	away := false
	for _, c := range channels {
		l, err := s.line(c)
		if err != nil {
			return err
		}
		wait = append(wait, l.add(s.k.name(c), c))
		away = away || s.k.Away(c.shard)
	}
	if away {
		return ErrAway
	}
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	for _, w := range wait {
		select {
		case <-w.confirmed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrAway, ctx.Err())
		}
	}
	return nil
}

// Remove stops listening to channels, soon.
func (s *Subscription) Remove(channels ...Key) {
	for _, c := range channels {
		if l, err := s.line(c); err == nil {
			l.remove(s.k.name(c))
		}
	}
}

// Close ends the Subscription; heard is not called afterwards. Once is enough, and twice is no harm.
func (s *Subscription) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	var err error
	for _, l := range s.lines {
		close(l.done)
		if e := l.current().Close(); e != nil {
			err = e
		}
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Subscription) line(c Key) (*line, error) {
	n := 0
	if s.k.cluster {
		n = c.shard
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: the subscription is closed", ErrAway)
	}
	l := s.lines[n]
	if l == nil {
		l = &line{
			s: s, wake: make(chan struct{}, 1), done: make(chan struct{}),
			names: map[string]*listened{}, parting: map[string]int{}, last: map[int]time.Time{},
		}
		if s.k.cluster {
			l.first = s.k.name(shardKey("line", c.shard))
		}
		l.pubsub = l.open()
		s.lines[n] = l
		s.wg.Go(l.change)
		s.wg.Go(l.listen)
	}
	return l, nil
}

// open opens a connection. A cluster's is that to the master of its first name, so there is always one.
func (l *line) open() *redis.PubSub {
	if l.first != "" {
		return l.s.k.client.SSubscribe(context.Background(), l.first)
	}
	return l.s.k.client.Subscribe(context.Background())
}

func (l *line) current() *redis.PubSub {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pubsub
}

func (l *line) add(name string, key Key) *listened {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.names[name]; w != nil {
		return w
	}
	w := &listened{key: key, confirmed: make(chan struct{})}
	l.names[name] = w
	l.changes = append(l.changes, change{name, true})
	l.poke()
	return w
}

func (l *line) remove(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.names[name] == nil {
		return
	}
	delete(l.names, name)
	if l.first != "" {
		l.parting[name]++
	}
	l.changes = append(l.changes, change{name, false})
	l.poke()
}

func (l *line) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// change carries out the changes in their order, as many of a kind as follow each other in one call. A
// call that fails needs no repeat: the client keeps the names and subscribes again when it reconnects.
func (l *line) change() {
	for {
		select {
		case <-l.wake:
		case <-l.done:
			return
		}
		l.mu.Lock()
		todo := l.changes
		l.changes = nil
		l.mu.Unlock()
		for len(todo) > 0 {
			n := 1
			for n < len(todo) && n < namesACall && todo[n].add == todo[0].add {
				n++
			}
			names := make([]string, n)
			for i, c := range todo[:n] {
				names[i] = c.name
			}
			l.tell(todo[0].add, names)
			todo = todo[n:]
		}
	}
}

func (l *line) tell(add bool, names []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	pubsub := l.current()
	switch cluster := l.first != ""; {
	case add && cluster:
		_ = pubsub.SSubscribe(ctx, names...)
	case add:
		_ = pubsub.Subscribe(ctx, names...)
	case cluster:
		_ = pubsub.SUnsubscribe(ctx, names...)
	default:
		_ = pubsub.Unsubscribe(ctx, names...)
	}
}

// listen hears what comes until the Subscription is closed. When the shard has moved to another master it opens a
// connection there.
func (l *line) listen() {
	for {
		l.hear(l.current())
		if c, ok := l.s.k.client.(*redis.ClusterClient); ok {
			c.ReloadState(context.Background())
		}
		select {
		case <-l.done:
			return
		case <-time.After(100 * time.Millisecond): // the client learns in the meantime where the shard is
		}
		l.mu.Lock()
		_ = l.pubsub.Close() // it serves nothing any more
		l.pubsub = l.open()
		l.parting = map[string]int{}
		for name := range l.names {
			l.changes = append(l.changes, change{name, true})
		}
		select {
		case <-l.done: // closed meanwhile, and with it the connection before
			_ = l.pubsub.Close()
		default:
		}
		l.mu.Unlock()
		l.poke()
	}
}

// confirmWithin is how long a cluster's master may take to say that it serves a line.
const confirmWithin = time.Second

// hear passes on what pubsub brings, until it is closed or its master does not serve the shard, or not any more.
func (l *line) hear(pubsub *redis.PubSub) {
	late := time.NewTimer(confirmWithin)
	defer late.Stop()
	if l.first == "" {
		late.Stop()
	}
	messages := pubsub.ChannelWithSubscriptions(redis.WithChannelSize(messageRoom), redis.WithChannelSendTimeout(time.Second))
	for {
		var m any
		var ok bool
		select {
		case m, ok = <-messages:
		case <-late.C:
			return
		case <-l.done:
			return
		}
		switch m := m.(type) {
		case *redis.Subscription:
			switch m.Kind {
			case "subscribe", "ssubscribe":
				late.Stop()
				l.confirm(m.Channel)
			case "sunsubscribe":
				if l.moved(m.Channel) {
					return
				}
			}
		case *redis.Message:
			l.mu.Lock()
			w := l.names[m.Channel]
			l.mu.Unlock()
			if w != nil {
				l.s.heard(w.key, m.Payload)
			}
		}
		if !ok {
			return
		}
	}
}

// moved says whether Redis has ended name without having been asked to: its master has given the slot away.
func (l *line) moved(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.parting[name]; n > 1 {
		l.parting[name]--
	} else if delete(l.parting, name); n == 0 {
		_, listened := l.names[name]
		return listened || name == l.first
	}
	return false
}

// confirm notes that Redis serves name. With the first name of a line a connection begins: what was asked over the one
// before is answered by nobody, and an end that comes now was not asked for. A name that is confirmed again was lost in between; a second is
// enough for all names of a reconnect, so each shard is told once.
func (l *line) confirm(name string) {
	l.mu.Lock()
	if name == l.first {
		clear(l.parting)
	}
	w := l.names[name]
	if w == nil {
		l.mu.Unlock()
		return
	}
	first := false
	w.once.Do(func() { first = true; close(w.confirmed) })
	again := !first && time.Since(l.last[w.key.shard]) > time.Second
	if again {
		l.last[w.key.shard] = time.Now()
	}
	l.mu.Unlock()
	if again {
		l.s.resumed(w.key.shard)
	}
}

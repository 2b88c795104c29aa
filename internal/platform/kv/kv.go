// Package kv is the only door to Redis: typed keys, values, scripts, and wake-ups between nodes.
//
// Nothing here is the truth. Every key may vanish at any moment, and every call may say ErrAway at once;
// whoever calls has SQL to fall back on (storage.md §10). The embedded tier has the same Redis inside the
// process, reachable from nowhere else.
package kv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrAway says that Redis did not answer, or is known not to: nothing was learned.
// What the call should have written may or may not have been written.
var ErrAway = errors.New("redis is away")

// Options say which Redis it is.
type Options struct {
	Addrs    []string // none: the Redis inside this process
	Cluster  bool     // the addresses are nodes of a Redis Cluster
	Username string
	Password string
	TLS      *tls.Config
	Era      int64 // of the deployment's history; a restored database never meets old keys

	Prefix string              // a test's own part of a shared server
	Gate   func(Dialer) Dialer // a test's gate before every new connection
}

// A Dialer makes one connection.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// A KV is a connection to one Redis. It is safe for use by many goroutines.
type KV struct {
	client   redis.UniversalClient
	embedded *embedded
	cluster  bool
	prefix   string
	breakers []*breaker // one; on a cluster one a shard, since a dead master is a third of them

	knock func(ctx context.Context) bool // whether there is anybody at all; nil: only a call can tell

	mu      sync.Mutex
	backs   []func()
	seeking bool          // somebody looks for what is away
	closed  chan struct{} // when Close begins
	seekers sync.WaitGroup
}

// Open connects to the Redis of o. One that is away is no error, since everything works without it; one
// that is too old is.
func Open(ctx context.Context, o Options) (*KV, error) {
	k := &KV{cluster: o.Cluster, prefix: o.Prefix + "w" + strconv.FormatInt(o.Era, 10) + ":", closed: make(chan struct{})}
	dial := Dialer((&net.Dialer{Timeout: 500 * time.Millisecond, KeepAlive: 30 * time.Second}).DialContext)
	if len(o.Addrs) == 0 {
		if o.Cluster {
			return nil, errors.New("a Redis Cluster needs the address of a node")
		}
		var err error
		if k.embedded, err = startEmbedded(); err != nil {
			return nil, fmt.Errorf("start the embedded redis: %w", err)
		}
		dial, o.Addrs = k.embedded.dial, []string{"embedded"}
	} else if o.TLS != nil {
		plain := dial
		dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := plain(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return tls.Client(c, serverName(o.TLS, addr)), nil
		}
	}
	if o.Gate != nil {
		dial = o.Gate(dial)
	}
	quiet()
	patience := 500 * time.Millisecond
	if k.embedded != nil {
		patience = 5 * time.Second // it cannot be away, only busy
	}
	u := &redis.UniversalOptions{
		Addrs: o.Addrs, Username: o.Username, Password: o.Password, Dialer: dial,
		Protocol:    2,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
		DialerRetries:         1,
		MaxRetries:            -1, // a counting script must not count twice; push repeats by itself
		ContextTimeoutEnabled: true,
		PoolTimeout:           time.Second,
		PipelinePoolSize:      -1,
		DisableIdentity:       true,
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},
	}
	if o.Cluster {
		c := u.Cluster()
		c.ClusterStateReloadInterval = 2 * time.Second // the default keeps dialling a dead master for 60 s
		c.MaxRedirects = -1                            // it would also repeat what had no answer; a slot that moved is away until we know
		k.client = redis.NewClusterClient(c)
		k.breakers = make([]*breaker, Shards)
	} else {
		k.client = redis.NewClient(u.Simple())
		k.breakers = make([]*breaker, 1)
		k.knock = func(ctx context.Context) bool {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			c, err := dial(ctx, "tcp", o.Addrs[0])
			if err != nil {
				return false
			}
			_ = c.Close() // it has served
			return true
		}
	}
	for i := range k.breakers {
		k.breakers[i] = &breaker{back: k.isBack}
	}
	if err := k.checkVersion(ctx); err != nil && !errors.Is(err, ErrAway) {
		_ = k.Close()
		return nil, err
	}
	return k, nil
}

// quiet stops the client's own log: its errors reach the callers, and it prints addresses to stderr.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// serverName is c for the server at addr: a certificate is checked against the name that was dialled.
func serverName(c *tls.Config, addr string) *tls.Config {
	if c.ServerName != "" {
		return c
	}
	c = c.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		c.ServerName = host
	}
	return c
}

// Close ends all connections, and the embedded Redis with them.
func (k *KV) Close() error {
	k.mu.Lock()
	select {
	case <-k.closed:
	default:
		close(k.closed)
	}
	k.mu.Unlock()
	k.seekers.Wait()
	err := k.client.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // a connection that had broken already
	}
	if k.embedded != nil {
		k.embedded.stop()
	}
	return err
}

// Ping says whether Redis answers now; a breaker that stands open is not asked.
func (k *KV) Ping(ctx context.Context) error {
	return k.guarded(ctx, k.breakers[0], func() error { return k.client.Ping(ctx).Err() })
}

// Clustered says whether pub/sub is sharded here, so that scripts need SPUBLISH.
func (k *KV) Clustered() bool { return k.cluster }

// Embedded says whether this is the Redis inside the process.
func (k *KV) Embedded() bool { return k.embedded != nil }

// PublishCommand is what a script publishes with.
func (k *KV) PublishCommand() string {
	if k.cluster {
		return "SPUBLISH"
	}
	return "PUBLISH"
}

// Away says whether the breaker before shard stands open: Redis failed a moment ago.
func (k *KV) Away(shard int) bool { return k.breakers[shard%len(k.breakers)].isOpen() }

// AwayFor is how long Redis has been away, or the part of it that is away longest; 0 when all of it is there.
func (k *KV) AwayFor() (longest time.Duration) {
	for _, b := range k.breakers {
		longest = max(longest, b.openFor())
	}
	return longest
}

// OnReturn lets f hear that Redis, or a part of it, answers again after an error. It must not block.
func (k *KV) OnReturn(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.backs = append(k.backs, f)
}

func (k *KV) isBack() {
	k.mu.Lock()
	backs := k.backs
	k.mu.Unlock()
	for _, f := range backs {
		f()
	}
}

// Between two looks for what is away. Nodes do not come by at the same moment.
const (
	lookEvery = 100 * time.Millisecond
	lookLater = 150 * time.Millisecond // at most so much more
)

// seek looks for what is away until all of it is back, so that nobody's call need try, and who needs nothing of Redis
// learns of it, too. k.mu is held.
func (k *KV) seek() {
	select {
	case <-k.closed:
		return
	default:
	}
	if k.seeking {
		return
	}
	k.seeking = true
	k.seekers.Go(func() {
		for {
			timer := time.NewTimer(lookEvery + rand.N(lookLater)) //nolint:gosec,forbidigo // because it only spreads load
			select {
			case <-timer.C:
			case <-k.closed:
				timer.Stop()
				return
			}
			k.look(context.Background())
			if k.found() {
				return
			}
		}
	})
}

// found says whether nothing is away any more, and so nobody need look.
func (k *KV) found() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range k.breakers {
		if b.isOpen() {
			return false
		}
	}
	k.seeking = false
	return true
}

// look asks what is away whether it is back. Where nobody answers at all the client is not troubled: after some calls that
// failed it would wait for a second by itself.
func (k *KV) look(ctx context.Context) {
	b := k.Batch()
	b.looking = true
	there := k.knock == nil || k.knock(ctx)
	for shard, breaker := range k.breakers {
		switch {
		case !breaker.isOpen():
		case there:
			b.Get(Content(shard))
		default:
			breaker.failed()
		}
	}
	_ = b.Send(ctx) // whether there was an answer, the breakers know
}

// Returns counts how often shard has answered again after an error. Whoever remembers the number knows
// that something may have been lost since (push.md §5, replay).
func (k *KV) Returns(shard int) int64 { return k.breakers[shard%len(k.breakers)].returns.Load() }

func (k *KV) checkVersion(ctx context.Context) error {
	if k.embedded != nil {
		return nil
	}
	var info string
	err := k.guarded(ctx, k.breakers[0], func() (err error) {
		info, err = k.client.Info(ctx, "server").Result()
		return err
	})
	if err != nil {
		return fmt.Errorf("ask redis for its version: %w", err)
	}
	for line := range strings.Lines(info) {
		v, ok := strings.CutPrefix(strings.TrimSpace(line), "redis_version:")
		if !ok {
			continue
		}
		major, _, _ := strings.Cut(v, ".")
		if n, err := strconv.Atoi(major); err != nil || n < 7 {
			return fmt.Errorf("redis %s is too old: 7.0 or newer, or Valkey, is needed", v)
		}
		return nil
	}
	return nil // a proxy that does not say; scripts will tell
}

// guarded runs f unless b stands open, and tells b how it went.
func (k *KV) guarded(ctx context.Context, b *breaker, f func() error) error {
	if !b.allow() {
		return ErrAway
	}
	err := f()
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		b.answered()
		return err
	case isAnswer(err):
		b.answered()
		return err
	case ctx.Err() != nil: // the caller gave up; that says nothing about Redis
		b.unknown()
	default:
		k.failed(b)
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// failed opens b. On a cluster a replica may have stood in for the master that did not answer: the map of slots is read
// anew, a few times a second at most, for nobody else says so while a dead master is asked.
func (k *KV) failed(b *breaker) {
	if b.failed() {
		k.mu.Lock()
		k.seek()
		k.mu.Unlock()
	}
	if c, ok := k.client.(*redis.ClusterClient); ok {
		c.ReloadState(context.Background())
	}
}

// isAnswer says whether err is Redis's own answer, such as WRONGTYPE, and not a failure to get one.
func isAnswer(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, away := range []string{"LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "TRYAGAIN", "MOVED", "ASK"} {
		if strings.HasPrefix(answer.Error(), away) {
			return false
		}
	}
	return true
}

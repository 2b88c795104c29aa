package kv

import (
	"context"
	"crypto/sha1" //nolint:gosec // because Redis names scripts by SHA-1
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Script is a piece of Lua that Redis runs as one step. It may use only what Redis 7.0, Valkey and the
// embedded Redis share (push.md §7), and only the keys it is given, which share a slot.
type Script struct {
	text string
	hash string
}

// NewScript makes a Script. Call it once, in a package variable.
func NewScript(text string) *Script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
	return &Script{text: text, hash: hex.EncodeToString(sum[:])}
}

// Run runs s once, never twice: an answer that was lost is ErrAway. A Redis that does not know the
// script yet is given it. The answer is what Lua returned: int64, string, []any, or nil.
func (k *KV) Run(ctx context.Context, s *Script, keys []Key, args ...any) (any, error) {
	b := k.Batch()
	r := b.Run(s, keys, args...)
	if err := b.Send(ctx); err != nil {
		return nil, err
	}
	return r.Value()
}

// A Batch is several commands sent in one go. Each has an answer of its own; they may lie in different
// slots, and are not one step.
type Batch struct {
	k       *KV
	parts   []*Reply
	looking bool // what is away is asked all the same
}

// A Reply is the answer of one part of a Batch, after Send.
type Reply struct {
	key    Key
	script *Script
	names  []string
	args   []any
	make   func(p redis.Pipeliner) redis.Cmder
	cmd    redis.Cmder
	err    error
}

// Batch begins a batch.
func (k *KV) Batch() *Batch { return &Batch{k: k} }

// Len is how many parts b has.
func (b *Batch) Len() int { return len(b.parts) }

// Run adds a script; see KV.Run.
func (b *Batch) Run(s *Script, keys []Key, args ...any) *Reply {
	r := &Reply{key: keys[0], script: s, args: args, names: make([]string, len(keys))}
	for i, key := range keys {
		r.names[i] = b.k.name(key)
	}
	r.make = func(p redis.Pipeliner) redis.Cmder { return p.EvalSha(context.Background(), s.hash, r.names, args...) }
	return b.add(r)
}

// Get adds a Get.
func (b *Batch) Get(key Key) *Reply {
	return b.add(&Reply{key: key, make: func(p redis.Pipeliner) redis.Cmder {
		return p.Get(context.Background(), b.k.name(key))
	}})
}

// Set adds a Set.
func (b *Batch) Set(key Key, value string, ttl time.Duration) *Reply {
	return b.add(&Reply{key: key, make: func(p redis.Pipeliner) redis.Cmder {
		return p.Set(context.Background(), b.k.name(key), value, ttl)
	}})
}

// Delete adds a Delete.
func (b *Batch) Delete(key Key) *Reply {
	return b.add(&Reply{key: key, make: func(p redis.Pipeliner) redis.Cmder {
		return p.Del(context.Background(), b.k.name(key))
	}})
}

// Count adds the question how many members have a score from a number on.
func (b *Batch) Count(key Key, from int64) *Reply {
	return b.add(&Reply{key: key, make: func(p redis.Pipeliner) redis.Cmder {
		return p.ZCount(context.Background(), b.k.name(key), strconv.FormatInt(from, 10), "+inf")
	}})
}

// Scores adds the question with which scores members stand; 0: not at all.
func (b *Batch) Scores(key Key, members ...int64) *Reply {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = strconv.FormatInt(m, 10)
	}
	return b.add(&Reply{key: key, make: func(p redis.Pipeliner) redis.Cmder {
		return p.ZMScore(context.Background(), b.k.name(key), names...)
	}})
}

// Publish adds a Publish.
func (b *Batch) Publish(channel Key, message string) *Reply {
	return b.add(&Reply{key: channel, make: func(p redis.Pipeliner) redis.Cmder {
		if b.k.cluster {
			return p.SPublish(context.Background(), b.k.name(channel), message)
		}
		return p.Publish(context.Background(), b.k.name(channel), message)
	}})
}

func (b *Batch) add(r *Reply) *Reply {
	b.parts = append(b.parts, r)
	return r
}

// Send sends all parts and waits for all answers. Its error is ErrAway if any part has no answer; what
// Redis answered to each part, a refusal too, stands in its Reply.
func (b *Batch) Send(ctx context.Context) error {
	b.send(ctx, b.parts)
	var unknown []*Reply
	for _, r := range b.parts {
		if r.script != nil && r.err != nil && strings.HasPrefix(r.err.Error(), "NOSCRIPT") {
			r.make = func(p redis.Pipeliner) redis.Cmder {
				return p.Eval(context.Background(), r.script.text, r.names, r.args...)
			}
			unknown = append(unknown, r)
		}
	}
	b.send(ctx, unknown) // NOSCRIPT means that nothing was run: this is the first time
	for _, r := range b.parts {
		if errors.Is(r.err, ErrAway) {
			return r.err
		}
	}
	return nil
}

// partsACall keeps one call within the time that a call may take.
const partsACall = 500

func (b *Batch) send(ctx context.Context, parts []*Reply) {
	for some := range slices.Chunk(parts, partsACall) {
		b.sendSome(ctx, some)
	}
}

func (b *Batch) sendSome(ctx context.Context, parts []*Reply) {
	p := b.k.client.Pipeline()
	allowed, refused := map[*breaker]bool{}, map[*breaker]bool{}
	for _, r := range parts {
		br := b.k.breaker(r.key)
		if !allowed[br] && !refused[br] {
			if b.looking && br.mayLook() || !b.looking && br.allow() {
				allowed[br] = true
			} else {
				refused[br] = true
			}
		}
		if refused[br] {
			r.err = ErrAway
			continue
		}
		r.err, r.cmd = nil, r.make(p)
	}
	if p.Len() > 0 {
		_, _ = p.Exec(ctx) // each command holds its own error
	}
	failed := map[*breaker]bool{}
	for _, r := range parts {
		if refused[b.k.breaker(r.key)] {
			continue
		}
		if r.err = r.cmd.Err(); r.err == nil || errors.Is(r.err, redis.Nil) || isAnswer(r.err) {
			continue
		}
		failed[b.k.breaker(r.key)] = true
		r.err = fmt.Errorf("%w: %w", ErrAway, r.err)
	}
	for br := range allowed {
		switch {
		case !failed[br]:
			br.answered()
		case ctx.Err() != nil:
			br.unknown()
		default:
			b.k.failed(br)
		}
	}
}

// Value is what Redis answered: of a script what Lua returned, of a Get the value or nil, of Scores a []float64.
func (r *Reply) Value() (any, error) {
	if r.err != nil {
		return nil, missing(r.err)
	}
	switch c := r.cmd.(type) {
	case *redis.Cmd:
		return c.Val(), nil
	case *redis.StringCmd:
		return c.Val(), nil
	case *redis.IntCmd:
		return c.Val(), nil
	case *redis.FloatSliceCmd:
		return c.Val(), nil
	default:
		return nil, nil
	}
}

// Err is why this part was refused or not answered; nil for a value that is not there.
func (r *Reply) Err() error { return missing(r.err) }

package push

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wanjia/internal/platform/kv"
)

// openScript notes that a socket of a person is open until a moment, and strikes out the oldest of those beyond the
// number allowed: it answers their marks. A mark begins with the moment its socket was opened, so the order of
// marks is that of age. Those of a node that died are struck out by time, and, being old, before others.
var openScript = kv.NewScript(`
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local all = redis.call('ZRANGE', KEYS[1], 0, -1)
table.sort(all)
local struck = {}
for i = 1, #all - tonumber(ARGV[4]) do
  redis.call('ZREM', KEYS[1], all[i])
  struck[i] = all[i]
end
return struck
`)

var closedScript = kv.NewScript(`return redis.call('ZREM', KEYS[1], ARGV[1])`)

// newMark names a socket opened at a moment (Unix ms).
func newMark(at int64) string { return fmt.Sprintf("%013d.%s", at, rand.Text()[:10]) }

// announce notes for all nodes that c is open until a moment (Unix ms), and returns the marks of the sockets that are too many.
// While Redis is away each node allows its own five.
func (h *Hub) announce(ctx context.Context, c *conn, until int64) (tooMany []string) {
	answer, err := h.o.KV.Run(ctx, openScript, []kv.Key{kv.Sockets(c.p.id)},
		h.now(), until, c.mark, socketsAPerson, (window + time.Minute).Milliseconds())
	if err != nil {
		return nil
	}
	marks, _ := answer.([]any)
	for _, m := range marks {
		if text, ok := m.(string); ok {
			tooMany = append(tooMany, text)
		}
	}
	if len(tooMany) > 0 {
		words := []any{"x"}
		for _, m := range tooMany {
			words = append(words, m)
		}
		if b, err := json.Marshal(words); err == nil {
			_ = h.o.KV.Publish(ctx, kv.InboxWake(c.p.id), string(b)) // lost, the window ends them
		}
	}
	return tooMany
}

// withdraw notes that c is not open any more.
func (h *Hub) withdraw(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = h.o.KV.Run(ctx, closedScript, []kv.Key{kv.Sockets(c.p.id)}, c.mark) // its time ends it, too
}

// strike closes the sockets of person with these marks that are connected here.
func (h *Hub) strike(id int64, marks []string) {
	p := h.find(id)
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strike(marks)
}

// strike is the same with p locked.
func (p *person) strike(marks []string) {
	for _, c := range slices.Clone(p.conns) {
		if slices.Contains(marks, c.mark) {
			c.shut(TooManyOpen, 0)
		}
	}
}

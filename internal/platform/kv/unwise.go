package kv

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// watched are the settings that Unwise looks at.
var watched = []string{"stream-node-max-bytes", "maxmemory-policy", "appendonly", "appendfsync", "cluster-enabled", "cluster-require-full-coverage"}

// Unwise says what of Redis's settings costs memory or forgets at the wrong moment; of a cluster's of each master. One
// that does not tell its settings says so in a line of its own; ErrAway when it does not answer.
func (k *KV) Unwise(ctx context.Context) ([]string, error) {
	if k.embedded != nil {
		return nil, nil
	}
	c, clustered := k.client.(*redis.ClusterClient)
	if !clustered {
		return k.unwise(ctx, k.client)
	}
	var mu sync.Mutex
	var lines []string
	err := c.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		some, err := k.unwise(ctx, master)
		mu.Lock()
		defer mu.Unlock()
		for _, line := range some {
			lines = append(lines, master.Options().Addr+": "+line)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask each master for its settings: %w", err)
	}
	slices.Sort(lines)
	return lines, nil
}

func (k *KV) unwise(ctx context.Context, c redis.Cmdable) ([]string, error) {
	set := map[string]string{}
	var refused error
	for _, name := range watched {
		err := k.guarded(ctx, k.breakers[0], func() error {
			said, err := c.ConfigGet(ctx, name).Result()
			maps.Copy(set, said)
			return err
		})
		switch {
		case err != nil && isAnswer(err):
			refused = err
		case err != nil:
			return nil, fmt.Errorf("ask redis for its settings: %w", err)
		}
	}
	lines := advice(set)
	if refused != nil {
		lines = append(lines, fmt.Sprintf("redis does not tell its settings (%v): look at %s yourself", refused, strings.Join(watched[:4], ", ")))
	}
	return lines, nil
}

// advice is what to set otherwise, of the settings that are known.
func advice(set map[string]string) (lines []string) {
	if n, err := strconv.Atoi(set["stream-node-max-bytes"]); err == nil && (n == 0 || n > 1024) {
		lines = append(lines, fmt.Sprintf("redis stream-node-max-bytes is %d: set it to 1024, or a hot inbox takes three times the memory", n))
	}
	if p := set["maxmemory-policy"]; p != "" && !strings.EqualFold(p, "noeviction") {
		lines = append(lines, fmt.Sprintf("redis maxmemory-policy is %s: set it to noeviction, or it forgets what is just being pushed", p))
	}
	switch {
	case set["appendonly"] == "no":
		lines = append(lines, "redis appendonly is no: set it to yes, or it comes back empty and every inbox is read from SQL once")
	case set["appendonly"] == "yes" && set["appendfsync"] == "always":
		lines = append(lines, "redis appendfsync is always: set it to everysec, nothing here needs more of it")
	}
	if set["cluster-enabled"] == "yes" && set["cluster-require-full-coverage"] == "yes" {
		lines = append(lines, "redis cluster-require-full-coverage is yes: set it to no, or one dead master takes all others with it")
	}
	return lines
}

package kv

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// Unwise says what of Redis's settings costs memory or forgets at the wrong moment. One that does not tell its
// settings says so in a line of its own; ErrAway when it does not answer.
func (k *KV) Unwise(ctx context.Context) ([]string, error) {
	if k.embedded != nil {
		return nil, nil
	}
	set := map[string]string{}
	var refused error
	for _, name := range []string{"stream-node-max-bytes", "maxmemory-policy"} {
		err := k.guarded(ctx, k.breakers[0], func() error {
			said, err := k.client.ConfigGet(ctx, name).Result()
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
		lines = append(lines, fmt.Sprintf("redis does not tell its settings (%v): look at stream-node-max-bytes and maxmemory-policy yourself", refused))
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
	return lines
}
